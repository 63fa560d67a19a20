//! What one grammar understands of a command line.

use std::ffi::OsString;

use super::Caller;
use crate::compose::grammar::{Arity, FlagSpec, Grammar};
use crate::compose::subcommand::{GuardedCommand, HarmlessCommand, Subcommand};

/// A command as a Compose of one grammar reads it. What it does is answered in [`crate::compose::actions`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    pub grammar: Grammar,
    pub caller: Caller,
    pub globals: Globals,
    pub subcommand: Option<Subcommand>,
    /// The subcommand's flags, in order.
    pub flags: Vec<Flag>,
    /// The subcommand's operands. For `run` and `exec`, everything from the service on.
    pub operands: Vec<String>,
    /// What cannot be parsed: unknown or ambiguous flags and bad values. Compose itself will probably refuse them.
    pub parse_issues: Vec<String>,
    /// There is an issue before the subcommand, so another word may be the subcommand.
    pub(super) subcommand_uncertain: bool,
    /// This Compose certainly prints an error or its usage, and does nothing.
    pub(super) refused: bool,
}

/// One flag, by its canonical long name without dashes: `volumes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    pub name: String,
    pub value: Option<String>,
}

/// The flags before the subcommand, as far as they choose a project or an engine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Globals {
    /// `-f`, in order.
    pub files: Vec<OsString>,
    /// `-p`
    pub project_name: Option<String>,
    pub project_directory: Option<OsString>,
    /// `--profile`, in order; V2 takes a list with commas too.
    pub profiles: Vec<String>,
    pub env_files: Vec<OsString>,
    /// `-H`
    pub host: Option<String>,
    /// `-c`, `--context`
    pub context: Option<String>,
    /// `--dry-run`, before or behind the subcommand; V2 only.
    pub dry_run: bool,
    pub all_resources: bool,
    /// `--progress`: how Compose prints what it does; V2 only.
    pub progress: Option<String>,
    /// The arguments to repeat for another command on the same project, such as `config`. When `docker` is the caller
    /// they hold its own global flags and `compose`.
    pub argv: Vec<OsString>,
}

impl Reading {
    pub(super) fn empty(grammar: Grammar, caller: Caller) -> Self {
        Self {
            grammar,
            caller,
            globals: Globals::default(),
            subcommand: None,
            flags: Vec::new(),
            operands: Vec::new(),
            parse_issues: Vec::new(),
            subcommand_uncertain: false,
            refused: false,
        }
    }

    /// Whether a switch is on. The last one counts; V2 accepts `=false`.
    pub fn is_set(&self, name: &str) -> bool {
        self.flags.iter().rfind(|flag| flag.name == name).is_some_and(Flag::is_on)
    }

    /// The last value of a flag.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.flags.iter().rfind(|flag| flag.name == name).and_then(|flag| flag.value.as_deref())
    }

    /// Every value of a flag that may be repeated.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.flags.iter().filter(move |flag| flag.name == name).filter_map(|flag| flag.value.as_deref())
    }

    /// Whether the command only prints its help.
    pub fn wants_help(&self) -> bool {
        self.is_set("help")
    }

    /// Whether the command may do something, other than print help, make a dry run or be refused by Compose.
    pub fn may_act(&self) -> bool {
        let harmless = self.parse_issues.is_empty() && (self.wants_help() || self.globals.dry_run);
        !harmless && !self.refused
    }

    /// Whether the subcommand is guarded, or another word may be one that is.
    pub(super) fn may_be_guarded(&self, words: &[OsString]) -> bool {
        let any = |is_one: fn(&str) -> bool| words.iter().filter_map(|word| word.to_str()).any(is_one);
        let certain = !self.subcommand_uncertain;
        match &self.subcommand {
            Some(Subcommand::Guarded(_)) => true,
            // After a new global flag, an unknown word may be its value and a harmless command may follow.
            Some(Subcommand::Unknown(_)) => {
                certain || any(is_guarded_word) || !any(|word| HarmlessCommand::from_name(word).is_some())
            }
            Some(Subcommand::Harmless(_)) | None => !certain && any(is_guarded_word),
        }
    }
}

fn is_guarded_word(word: &str) -> bool {
    GuardedCommand::from_name(word).is_some()
}

impl Flag {
    fn is_on(&self) -> bool {
        self.value.as_deref().is_none_or(|value| parse_bool(value).unwrap_or(true))
    }
}

/// What Go's `strconv.ParseBool` accepts.
pub(super) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// An integer as Go's `strconv.ParseInt` with base 0, and Python's `int`, accept it.
pub(super) fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text).replace('_', "");
    let based = |prefix: [&str; 2], radix| {
        prefix
            .iter()
            .find_map(|p| digits.strip_prefix(p))
            .is_some_and(|rest| i64::from_str_radix(rest, radix).is_ok())
    };
    digits.parse::<u64>().is_ok_and(|number| i64::try_from(number).is_ok())
        || based(["0x", "0X"], 16)
        || based(["0o", "0O"], 8)
        || based(["0b", "0B"], 2)
}

/// A flag as it was parsed, byte for byte as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ParsedFlag {
    pub(super) spec: &'static FlagSpec,
    pub(super) value: Option<OsString>,
}

impl ParsedFlag {
    pub(super) fn text(&self) -> Option<String> {
        self.value.as_ref().map(|value| value.to_string_lossy().into_owned())
    }

    pub(super) fn flag(&self) -> Flag {
        Flag { name: self.spec.name.to_owned(), value: self.text() }
    }

    fn is_on(&self) -> bool {
        self.flag().is_on()
    }

    /// The flag as one argument.
    fn word(&self) -> OsString {
        let mut word = OsString::from("--");
        word.push(self.spec.name);
        if let Some(value) = &self.value {
            word.push("=");
            word.push(value);
        }
        word
    }
}

/// Global flags that choose the output and not the project; they are not repeated.
const OUTPUT_FLAGS: &[&str] = &[
    "verbose",
    "debug",
    "log-level",
    "ansi",
    "no-ansi",
    "progress",
    "parallel",
    "dry-run",
    "version",
    "help",
];

impl Globals {
    /// Adds global flags, in the order typed.
    pub(super) fn take(&mut self, flags: &[ParsedFlag]) {
        for flag in flags {
            let value = || flag.value.clone().unwrap_or_default();
            let text = || flag.text().unwrap_or_default();
            match flag.spec.name {
                "file" => self.files.push(value()),
                "project-name" => self.project_name = Some(text()),
                "project-directory" | "workdir" => self.project_directory = Some(value()),
                "profile" => self.profiles.push(text()),
                "env-file" => self.env_files.push(value()),
                // V1 has `-H=tcp://…` too.
                "host" => self.host = Some(text().trim_start_matches('=').to_owned()),
                "context" => self.context = Some(text()),
                "dry-run" => self.dry_run = flag.is_on(),
                "progress" => self.progress = Some(text()),
                "all-resources" => self.all_resources = flag.is_on(),
                _ => {}
            }
            if !OUTPUT_FLAGS.contains(&flag.spec.name) {
                self.argv.push(flag.word());
            }
        }
    }
}

/// What is wrong with a flag's value.
pub(super) fn invalid_value(flag: &ParsedFlag) -> Option<String> {
    let value = flag.text()?;
    let bad = match flag.spec.arity {
        Arity::Switch => parse_bool(&value).is_none(),
        Arity::Number => !is_number(&value),
        Arity::Text | Arity::Many => false,
    };
    bad.then(|| format!("invalid value `{value}` for `--{}`", flag.spec.name))
}
