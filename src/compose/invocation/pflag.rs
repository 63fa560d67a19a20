//! Compose V2's grammar: Go's pflag below cobra, with what its standalone form does to the words first.
//!
//! Three walks of the real program are followed step by step, because their corners decide what runs: `Convert`
//! (compose, cmd/compatibility/convert.go, 2.40.3), `Command.Traverse` (cobra) and `FlagSet.parseArgs` (pflag).
//! Measured: `-- x down` runs `down`, `-p -v down` is a project named `version`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use super::reading::{Parsed, doubtful_value};
use super::{Caller, OWN_COMMANDS, Reading, WATCHED};
use crate::compose::grammar::{DOCKER_ROOT, ENGINE, FlagSpec, Grammar, by_long, by_short};

/// Reads the words of the standalone `docker-compose`.
pub(super) fn read_standalone(words: &[OsString]) -> Reading {
    let (docker, compose, mut doubts) = convert(words);
    let mut docker = parse(&docker, &[DOCKER_ROOT], Interspersed::No);
    doubts.append(&mut docker.doubts);
    read(Caller::Person, &docker.flags, doubts, &compose)
}

/// Reads the words that `docker` passes to its plugin: its own, which end in `compose`, and Compose's.
pub(super) fn read_plugin(docker: &[OsString], compose: &[OsString]) -> Reading {
    let docker = &docker[..docker.len().saturating_sub(1)];
    let docker = parse(docker, &[DOCKER_ROOT], Interspersed::No);
    read(Caller::Docker, &docker.flags, docker.doubts, compose)
}

/// Reads words of `docker` that are not Compose's; nothing, if they are none of those that can lose data.
pub(super) fn read_engine(words: &[OsString]) -> Option<Reading> {
    let docker = parse(words, &[DOCKER_ROOT], Interspersed::No);
    let mut path: Vec<&str> = docker.operands.iter().map_while(|word| word.to_str()).take(2).collect();
    let groups = matches!(path.first(), Some(&("container" | "volume" | "system")));
    path.truncate(if groups { 2 } else { 1 });
    let rest = &docker.operands[path.len()..];
    if path.first() == Some(&"container") {
        path.remove(0);
    }
    let name = path.join(" ").replace("remove", "rm");
    let command = ENGINE.iter().find(|command| command.name == name)?;
    let parsed = parse(rest, &[command.flags, Grammar::V2.everywhere()], Interspersed::Yes);
    let mut reading = Reading::nothing(Grammar::V2, Caller::Docker);
    reading.globals.take(&docker.flags);
    reading.subcommand = Some(name);
    reading.flags = parsed.flags.iter().map(Parsed::flag).collect();
    reading.operands = parsed.operands.iter().map(lossy).collect();
    reading.doubts = docker.doubts.into_iter().chain(parsed.doubts).collect();
    Some(reading)
}

/// Splits standalone words into flags of `docker` and words of Compose.
fn convert(words: &[OsString]) -> (Vec<OsString>, Vec<OsString>, Vec<String>) {
    const SWITCHES: [&str; 5] = ["--debug", "-D", "--verbose", "--tls", "--tlsverify"];
    const VALUED: [&str; 7] =
        ["--tlscacert", "--tlscert", "--tlskey", "--host", "-H", "--context", "--log-level"];
    let (mut docker, mut compose, mut doubts) = (Vec::new(), Vec::new(), Vec::new());
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
                    None => doubts.push(format!("`{flag}` needs a value")),
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
    (docker, compose, doubts)
}

/// Finds the subcommand as cobra does, then parses both sides of it.
fn read(caller: Caller, docker: &[Parsed], mut doubts: Vec<String>, words: &[OsString]) -> Reading {
    let grammar = Grammar::V2;
    let root_tables: [&'static [FlagSpec]; 2] = [grammar.root(), grammar.everywhere()];
    let mut reading = Reading::nothing(grammar, caller);

    // What stands before a subcommand that was found is parsed as flags alone; else the first operand is the word that
    // Compose will not know.
    let found = traverse(words, &root_tables);
    let mut globals = parse(&words[..found.unwrap_or(words.len())], &root_tables, Interspersed::No);
    let rest = &words[found.unwrap_or(words.len() - globals.operands.len())..];
    doubts.append(&mut globals.doubts);
    reading.unsure = !doubts.is_empty();
    reading.doubts = doubts;
    reading.globals.take(docker);
    if caller == Caller::Docker {
        reading.globals.argv.push("compose".into());
    }
    reading.globals.take(&globals.flags);

    let Some((subcommand, mut rest)) = rest.split_first() else {
        reading.flags = globals.flags.iter().map(Parsed::flag).collect();
        return reading;
    };
    let mut name = subcommand.to_string_lossy().into_owned();
    // Older versions had commands under `alpha` that are on their own now.
    if name == "alpha"
        && let Some(at) = rest.iter().position(|word| WATCHED.iter().any(|watched| word == *watched))
    {
        name = rest[at].to_string_lossy().into_owned();
        rest = &rest[at + 1..];
    }
    match grammar.command(&name) {
        None => reading.operands = rest.iter().map(lossy).collect(),
        Some(command) => {
            let interspersed = if command.stops_at_operand { Interspersed::No } else { Interspersed::Yes };
            let mut parsed = parse(rest, &[command.flags, grammar.everywhere()], interspersed);
            reading.flags = parsed.flags.iter().map(Parsed::flag).collect();
            reading.operands = parsed.operands.iter().map(lossy).collect();
            reading.doubts.append(&mut parsed.doubts);
            // `--dry-run` is one variable for both places.
            if parsed.flags.iter().any(|flag| flag.spec.name == "dry-run") {
                reading.globals.dry_run = reading.is_set("dry-run");
            }
        }
    }
    reading.subcommand = Some(name);
    reading
}

/// Where the subcommand stands, if cobra finds one.
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

/// Whether flags may stand behind the first operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Interspersed {
    Yes,
    No,
}

/// What pflag makes of some words.
#[derive(Debug, Default)]
struct Outcome {
    flags: Vec<Parsed>,
    operands: Vec<OsString>,
    doubts: Vec<String>,
}

impl Outcome {
    fn push(&mut self, spec: &'static FlagSpec, value: Option<OsString>) {
        let flag = Parsed { spec, value };
        self.doubts.extend(doubtful_value(&flag));
        self.flags.push(flag);
    }
}

fn parse(words: &[OsString], tables: &[&'static [FlagSpec]], interspersed: Interspersed) -> Outcome {
    let mut outcome = Outcome::default();
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
    outcome: &mut Outcome,
) {
    let equals = long.iter().position(|byte| *byte == b'=');
    let name = String::from_utf8_lossy(&long[..equals.unwrap_or(long.len())]).into_owned();
    let inline = equals.map(|at| OsStr::from_bytes(&long[at + 1..]).to_owned());
    match by_long(tables, &name) {
        None => outcome.doubts.push(format!("unknown flag `--{name}`")),
        Some(spec) if inline.is_some() || !spec.arity.takes_value() => outcome.push(spec, inline),
        Some(spec) => match rest.next() {
            Some(value) => outcome.push(spec, Some(value.clone())),
            None => outcome.doubts.push(format!("`--{name}` needs a value")),
        },
    }
}

fn parse_shorts(
    letters: &[u8],
    rest: &mut std::slice::Iter<'_, OsString>,
    tables: &[&'static [FlagSpec]],
    outcome: &mut Outcome,
) {
    let mut left = letters;
    while let Some((letter, behind)) = left.split_first() {
        let Some(spec) = by_short(tables, char::from(*letter)) else {
            outcome
                .doubts
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
            outcome.doubts.push(format!("`-{}` needs a value", char::from(*letter)));
        }
        return;
    }
}

fn lossy(word: &OsString) -> String {
    word.to_string_lossy().into_owned()
}
