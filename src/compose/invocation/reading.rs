//! What one grammar understands of the words.

use std::ffi::{OsStr, OsString};

use super::{Caller, WATCHED};
use crate::compose::grammar::{Arity, FlagSpec, Grammar};

/// A command as a Compose of one grammar reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    pub grammar: Grammar,
    pub caller: Caller,
    pub globals: Globals,
    /// The word where a subcommand stands, known or not.
    pub subcommand: Option<String>,
    /// The subcommand's flags, in order.
    pub flags: Vec<Flag>,
    /// The subcommand's other words. For `run` and `exec`, everything from the service on.
    pub operands: Vec<String>,
    /// Unknown or ambiguous flags and bad values: Compose itself will probably refuse them.
    pub doubts: Vec<String>,
    /// `doubts` has one about the words before the subcommand, so another word may be the subcommand.
    pub(super) unsure: bool,
    /// The doubts are such that this Compose certainly prints its usage and does nothing.
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
    /// The words to repeat for another command on the same project, such as `config`. When `docker` called they
    /// hold its own global flags and the word `compose`.
    pub argv: Vec<OsString>,
}

impl Reading {
    pub(super) fn nothing(grammar: Grammar, caller: Caller) -> Self {
        Self {
            grammar,
            caller,
            globals: Globals::default(),
            subcommand: None,
            flags: Vec::new(),
            operands: Vec::new(),
            doubts: Vec::new(),
            unsure: false,
            refused: false,
        }
    }

    /// Whether a switch is on. The last one counts; V2 has `=false`.
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

    /// Whether the command is one that does something, rather than print help, rehearse, or be refused for certain.
    pub fn may_act(&self) -> bool {
        let harmless = self.doubts.is_empty() && (self.wants_help() || self.globals.dry_run);
        !harmless && !self.refused
    }

    /// Whether the subcommand is watched, or may be.
    pub(super) fn watched_word(&self, words: &[OsString]) -> bool {
        let watched = |word: &OsStr| WATCHED.iter().any(|name| word == *name);
        self.subcommand.as_deref().is_some_and(|name| watched(OsStr::new(name)))
            || (self.unsure && words.iter().any(|word| watched(word)))
    }
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

/// A whole number as Go's `strconv.ParseInt` with base 0, and Python's `int`, accept it.
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

/// A flag as it was parsed, in the bytes it was typed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parsed {
    pub(super) spec: &'static FlagSpec,
    pub(super) value: Option<OsString>,
}

impl Parsed {
    pub(super) fn text(&self) -> Option<String> {
        self.value.as_ref().map(|value| value.to_string_lossy().into_owned())
    }

    pub(super) fn flag(&self) -> Flag {
        Flag { name: self.spec.name.to_owned(), value: self.text() }
    }

    fn is_on(&self) -> bool {
        self.flag().is_on()
    }

    /// The flag as one word.
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

/// Global flags that say how to talk and not what to talk about; they are not repeated.
const MANNER: &[&str] = &[
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
    /// Takes in global flags, in the order they were said.
    pub(super) fn take(&mut self, flags: &[Parsed]) {
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
                "all-resources" => self.all_resources = flag.is_on(),
                _ => {}
            }
            if !MANNER.contains(&flag.spec.name) {
                self.argv.push(flag.word());
            }
        }
    }
}

/// Doubts about the values of flags.
pub(super) fn doubtful_value(flag: &Parsed) -> Option<String> {
    let value = flag.text()?;
    let bad = match flag.spec.arity {
        Arity::Switch => parse_bool(&value).is_none(),
        Arity::Number => !is_number(&value),
        Arity::Text | Arity::Many => false,
    };
    bad.then(|| format!("invalid value `{value}` for `--{}`", flag.spec.name))
}
