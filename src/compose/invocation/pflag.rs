//! Compose V2's grammar: Go's cobra and pflag, after the conversion that the standalone form does first.
//!
//! Three loops of the real program are reproduced step by step, because their edge cases decide what runs: `Convert`
//! (compose, cmd/compatibility/convert.go, 2.40.3), `Command.Traverse` (cobra) and `FlagSet.parseArgs` (pflag).
//! Measured: `-- x down` runs `down`, `-p -v down` is a project named `version`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use super::reading::{ParsedFlag, invalid_value};
use super::{Caller, Flag, OWN_COMMANDS, Reading};
use crate::compose::grammar::{DOCKER_ROOT, FlagSpec, Grammar, by_long, by_short};
use crate::compose::subcommand::{GuardedCommand, HarmlessCommand, Subcommand};

/// Reads the arguments of the standalone `docker-compose`.
pub(super) fn read_standalone(words: &[OsString]) -> Reading {
    let (docker, compose, mut issues) = convert(words);
    let mut docker = parse(&docker, &[DOCKER_ROOT], Interspersed::No);
    issues.append(&mut docker.issues);
    read(Caller::Person, &docker.flags, issues, &compose)
}

/// Reads the arguments that `docker` passes to its plugin: its own, which end in `compose`, and those of Compose.
pub(super) fn read_plugin(docker: &[OsString], compose: &[OsString]) -> Reading {
    let docker = &docker[..docker.len().saturating_sub(1)];
    let docker = parse(docker, &[DOCKER_ROOT], Interspersed::No);
    read(Caller::Docker, &docker.flags, docker.issues, compose)
}

/// The last `--config` among the flags of `docker` itself.
pub(super) fn docker_config(docker: &[OsString]) -> Option<OsString> {
    let parsed = parse(docker, &[DOCKER_ROOT], Interspersed::No);
    parsed.flags.into_iter().rfind(|flag| flag.spec.name == "config").and_then(|flag| flag.value)
}

/// Splits standalone arguments into flags of `docker`, arguments of Compose, and issues.
fn convert(words: &[OsString]) -> (Vec<OsString>, Vec<OsString>, Vec<String>) {
    const SWITCHES: [&str; 5] = ["--debug", "-D", "--verbose", "--tls", "--tlsverify"];
    const VALUED: [&str; 7] =
        ["--tlscacert", "--tlscert", "--tlskey", "--host", "-H", "--context", "--log-level"];
    let (mut docker, mut compose, mut issues) = (Vec::new(), Vec::new(), Vec::new());
    let mut at = 0;
    'words: while at < words.len() {
        let bytes = words[at].as_bytes();
        if !bytes.is_empty() && bytes[0] != b'-' && bytes != b"__complete" && bytes != b"__completeNoDesc" {
            compose.extend_from_slice(&words[at..]);
            break;
        }
        let word: &[u8] = match bytes {
            b"--verbose" => b"--debug",
            b"-h" => b"--help",
            b"--version" | b"-v" => b"version",
            other => other,
        };
        at += 1;
        if SWITCHES.iter().any(|switch| switch.as_bytes() == word) {
            docker.push(OsString::from_vec(word.to_vec()));
            continue;
        }
        for flag in VALUED {
            if word == flag.as_bytes() {
                match words.get(at) {
                    Some(value) => docker.extend([OsString::from(flag), value.clone()]),
                    None => issues.push(format!("`{flag}` needs a value")),
                }
                at += 1;
                continue 'words;
            }
            if word.starts_with(flag.as_bytes())
                && let Some(equals) = word.iter().position(|byte| *byte == b'=')
            {
                docker.extend([OsString::from(flag), OsString::from_vec(word[equals + 1..].to_vec())]);
                continue 'words;
            }
        }
        compose.push(OsString::from_vec(word.to_vec()));
    }
    (docker, compose, issues)
}

/// Finds the subcommand as cobra does, then parses both sides of it.
fn read(caller: Caller, docker: &[ParsedFlag], mut issues: Vec<String>, words: &[OsString]) -> Reading {
    let grammar = Grammar::V2;
    let root_tables: [&'static [FlagSpec]; 2] = [grammar.root(), grammar.everywhere()];
    let mut reading = Reading::empty(grammar, caller);

    // What precedes a known subcommand is parsed as flags alone; otherwise the first operand is a word that this table
    // does not have.
    let found = traverse(words, &root_tables);
    let mut globals = parse(&words[..found.unwrap_or(words.len())], &root_tables, Interspersed::No);
    let rest = &words[found.unwrap_or(words.len() - globals.operands.len())..];
    issues.append(&mut globals.issues);
    reading.subcommand_uncertain = !issues.is_empty();
    reading.parse_issues = issues;
    reading.globals.take(docker);
    if caller == Caller::Docker {
        reading.globals.argv.push("compose".into());
    }
    reading.globals.take(&globals.flags);

    let Some((subcommand, mut rest)) = rest.split_first() else {
        reading.flags = globals.flags.iter().map(ParsedFlag::flag).collect();
        return reading;
    };
    let mut subcommand = Subcommand::from_name(&subcommand.to_string_lossy());
    // Older versions have commands under `alpha` that are top-level commands now.
    let guarded = |word: &OsString| GuardedCommand::from_name(word.to_str()?);
    if subcommand == Subcommand::Harmless(HarmlessCommand::Alpha)
        && let Some((at, command)) = rest.iter().enumerate().find_map(|(at, word)| Some((at, guarded(word)?)))
    {
        subcommand = Subcommand::Guarded(command);
        rest = &rest[at + 1..];
    }
    match grammar.command(subcommand.name()) {
        None => {
            // The flags of an unknown subcommand are unknown, but cobra answers this one before anything runs.
            if rest.first().is_some_and(|word| word == "--help" || word == "-h") {
                reading.flags.push(Flag { name: "help".to_owned(), value: None });
            }
            reading.operands = rest.iter().map(lossy).collect();
        }
        Some(command) => {
            let interspersed = if command.stops_at_operand { Interspersed::No } else { Interspersed::Yes };
            let mut parsed = parse(rest, &[command.flags, grammar.everywhere()], interspersed);
            reading.flags = parsed.flags.iter().map(ParsedFlag::flag).collect();
            reading.operands = parsed.operands.iter().map(lossy).collect();
            reading.parse_issues.append(&mut parsed.issues);
            // `--dry-run` is one variable for both places.
            if parsed.flags.iter().any(|flag| flag.spec.name == "dry-run") {
                reading.globals.dry_run = reading.is_set("dry-run");
            }
        }
    }
    reading.subcommand = Some(subcommand);
    reading
}

/// Where the subcommand is, if cobra finds one.
fn traverse(words: &[OsString], tables: &[&'static [FlagSpec]]) -> Option<usize> {
    let is_switch = |spec: Option<&FlagSpec>| spec.is_some_and(|spec| !spec.arity.takes_value());
    let mut value_next = false;
    for (at, word) in words.iter().enumerate() {
        let text = word.to_string_lossy();
        if let Some(name) = text.strip_prefix("--")
            && !text.contains('=')
        {
            value_next = !is_switch(by_long(tables, name));
        } else if let Some(letter) = text.strip_prefix('-')
            && text.len() == 2
            && letter != "="
            && !is_switch(letter.chars().next().and_then(|letter| by_short(tables, letter)))
        {
            value_next = true;
        } else if value_next {
            value_next = false;
        } else if text.len() < 2 || !text.starts_with('-') {
            let known = Grammar::V2.command(&text).is_some() || OWN_COMMANDS.contains(&&*text);
            return known.then_some(at);
        }
    }
    None
}

/// Whether flags may follow the first operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interspersed {
    Yes,
    No,
}

/// What pflag makes of some arguments.
#[derive(Debug, Default)]
pub(super) struct ParsedArgs {
    pub(super) flags: Vec<ParsedFlag>,
    pub(super) operands: Vec<OsString>,
    pub(super) issues: Vec<String>,
}

impl ParsedArgs {
    fn push(&mut self, spec: &'static FlagSpec, value: Option<OsString>) {
        let flag = ParsedFlag { spec, value };
        self.issues.extend(invalid_value(&flag));
        self.flags.push(flag);
    }
}

pub(super) fn parse(
    words: &[OsString],
    tables: &[&'static [FlagSpec]],
    interspersed: Interspersed,
) -> ParsedArgs {
    let mut outcome = ParsedArgs::default();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let bytes = word.as_bytes();
        if bytes.len() < 2 || bytes[0] != b'-' {
            outcome.operands.push(word.clone());
            if interspersed == Interspersed::No {
                break;
            }
        } else if bytes == b"--" {
            break;
        } else if let Some(long) = bytes.strip_prefix(b"--") {
            parse_long(long, &mut rest, tables, &mut outcome);
        } else {
            parse_shorts(&bytes[1..], &mut rest, tables, &mut outcome);
        }
    }
    outcome.operands.extend(rest.cloned());
    outcome
}

fn parse_long(
    long: &[u8],
    rest: &mut std::slice::Iter<'_, OsString>,
    tables: &[&'static [FlagSpec]],
    outcome: &mut ParsedArgs,
) {
    let equals = long.iter().position(|byte| *byte == b'=');
    let name = String::from_utf8_lossy(&long[..equals.unwrap_or(long.len())]).into_owned();
    let inline = equals.map(|at| OsStr::from_bytes(&long[at + 1..]).to_owned());
    match by_long(tables, &name) {
        None => outcome.issues.push(format!("unknown flag `--{name}`")),
        Some(spec) if inline.is_some() || !spec.arity.takes_value() => outcome.push(spec, inline),
        Some(spec) => match rest.next() {
            Some(value) => outcome.push(spec, Some(value.clone())),
            None => outcome.issues.push(format!("`--{name}` needs a value")),
        },
    }
}

fn parse_shorts(
    letters: &[u8],
    rest: &mut std::slice::Iter<'_, OsString>,
    tables: &[&'static [FlagSpec]],
    outcome: &mut ParsedArgs,
) {
    let mut left = letters;
    while let Some((letter, behind)) = left.split_first() {
        let Some(spec) = by_short(tables, char::from(*letter)) else {
            outcome
                .issues
                .push(format!("unknown flag `-{}`", OsStr::from_bytes(&[*letter]).to_string_lossy()));
            return;
        };
        if behind.len() > 1 && behind[0] == b'=' {
            outcome.push(spec, Some(OsStr::from_bytes(&behind[1..]).to_owned()));
            return;
        }
        if !spec.arity.takes_value() {
            outcome.push(spec, None);
            left = behind;
            continue;
        }
        if !behind.is_empty() {
            outcome.push(spec, Some(OsStr::from_bytes(behind).to_owned()));
        } else if let Some(value) = rest.next() {
            outcome.push(spec, Some(value.clone()));
        } else {
            outcome.issues.push(format!("`-{}` needs a value", char::from(*letter)));
        }
        return;
    }
}

pub(super) fn lossy(word: &OsString) -> String {
    word.to_string_lossy().into_owned()
}
