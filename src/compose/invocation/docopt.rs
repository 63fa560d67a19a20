//! Compose V1's grammar: Python's docopt 0.6.2, once for the arguments before the subcommand and once for those after
//! it.
//!
//! Long flags may be abbreviated as long as that is unambiguous, flags end at the first operand everywhere, and anything
//! that does not fit prints the usage and does nothing. Measured: `-- down -v` runs `down -v`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use super::reading::{ParsedFlag, invalid_value};
use super::{Caller, Reading};
use crate::compose::grammar::{Arity, FlagSpec, Grammar};
use crate::compose::subcommand::Subcommand;

pub(super) fn read(caller: Caller, words: &[OsString]) -> Reading {
    let grammar = Grammar::V1;
    let mut reading = Reading::empty(grammar, caller);
    let root: Vec<&FlagSpec> = grammar.root().iter().chain(grammar.everywhere()).collect();
    let mut globals = parse(words, &root);
    reading.refused = globals.refused;
    reading.parse_issues.append(&mut globals.issues);
    reading.subcommand_uncertain = !reading.parse_issues.is_empty();
    reading.globals.take(&globals.flags);
    // V1 answers help and version before it looks for a subcommand.
    if globals.flags.iter().any(|flag| matches!(flag.spec.name, "help" | "version")) {
        reading.flags = globals.flags.iter().map(ParsedFlag::flag).collect();
        reading.subcommand = globals.rest.first().map(|word| Subcommand::from_name(&word.to_string_lossy()));
        reading.refused = true;
        return reading;
    }
    let rest = globals.rest.strip_prefix(&[OsString::from("--")]).unwrap_or(globals.rest);
    let Some((subcommand, rest)) = rest.split_first() else {
        return reading;
    };
    let name = lossy(subcommand);
    if let Some(command) = grammar.command(&name) {
        // `--help` is not in a subcommand's table, so that no prefix of it counts.
        let table: Vec<&FlagSpec> = command.flags.iter().collect();
        let mut parsed = parse(rest, &table);
        let rest = parsed.rest.strip_prefix(&[OsString::from("--")]).unwrap_or(parsed.rest);
        if !command.operands && !parsed.rest.is_empty() {
            parsed.issues.push(format!("`{name}` takes no operands"));
            parsed.refused = true;
        }
        reading.refused |= parsed.refused;
        reading.parse_issues.append(&mut parsed.issues);
        reading.flags = parsed.flags.iter().map(ParsedFlag::flag).collect();
        reading.operands = rest.iter().map(lossy).collect();
    } else {
        // V1 is finished: it says that there is no such command.
        reading.refused = true;
        reading.operands = rest.iter().map(lossy).collect();
    }
    reading.subcommand = Some(Subcommand::from_name(&name));
    reading
}

struct ParsedArgs<'a> {
    flags: Vec<ParsedFlag>,
    rest: &'a [OsString],
    issues: Vec<String>,
    refused: bool,
}

impl ParsedArgs<'_> {
    fn refuse(&mut self, why: String) {
        self.issues.push(why);
        self.refused = true;
    }

    fn push(&mut self, spec: &'static FlagSpec, value: Option<OsString>) {
        let again = self.flags.iter().any(|flag| flag.spec.name == spec.name);
        if again && spec.arity != Arity::Many {
            self.refuse(format!("`--{}` is given twice", spec.name));
        }
        let flag = ParsedFlag { spec, value };
        self.issues.extend(invalid_value(&flag));
        self.flags.push(flag);
    }
}

fn parse<'a>(words: &'a [OsString], table: &[&'static FlagSpec]) -> ParsedArgs<'a> {
    let mut outcome = ParsedArgs { flags: Vec::new(), rest: words, issues: Vec::new(), refused: false };
    while let Some((word, behind)) = outcome.rest.split_first() {
        let bytes = word.as_bytes();
        if bytes == b"--" || bytes == b"-" || !bytes.starts_with(b"-") {
            break;
        }
        outcome.rest = behind;
        match bytes.strip_prefix(b"--") {
            Some(long) => parse_long(long, table, &mut outcome),
            None => parse_shorts(word, table, &mut outcome),
        }
    }
    outcome
}

/// `--help`, which docopt answers itself.
fn help() -> &'static FlagSpec {
    &Grammar::V1.everywhere()[0]
}

fn parse_long(long: &[u8], table: &[&'static FlagSpec], outcome: &mut ParsedArgs<'_>) {
    let equals = long.iter().position(|byte| *byte == b'=');
    let name = String::from_utf8_lossy(&long[..equals.unwrap_or(long.len())]).into_owned();
    let inline = equals.map(|at| OsStr::from_bytes(&long[at + 1..]).to_owned());
    let longs = || table.iter().filter(|spec| spec.long);
    let exact: Vec<_> = longs().filter(|spec| spec.name == name).collect();
    let similar =
        if exact.is_empty() { longs().filter(|spec| spec.name.starts_with(&name)).collect() } else { exact };
    match similar[..] {
        [spec] => match (spec.arity.takes_value(), inline) {
            (false, Some(_)) => outcome.refuse(format!("`--{}` takes no value", spec.name)),
            (false, None) => outcome.push(spec, None),
            (true, Some(value)) => outcome.push(spec, Some(value)),
            (true, None) => take_next(spec, outcome),
        },
        [] if name == "help" && inline.is_none() => outcome.push(help(), None),
        [] => outcome.refuse(format!("unknown flag `--{name}`")),
        _ => outcome.refuse(format!("`--{name}` is an ambiguous abbreviation")),
    }
}

fn parse_shorts(word: &OsStr, table: &[&'static FlagSpec], outcome: &mut ParsedArgs<'_>) {
    let bytes = word.as_bytes();
    let mut left = &bytes[1..];
    while let Some((letter, behind)) = left.split_first() {
        let letter = char::from(*letter);
        let spec = table.iter().find(|spec| spec.short == Some(letter));
        match spec {
            None if letter == 'h' => outcome.push(help(), None),
            None => outcome.refuse(format!("unknown flag in `{}`", word.to_string_lossy())),
            Some(spec) if !spec.arity.takes_value() => outcome.push(spec, None),
            Some(spec) if behind.is_empty() => return take_next(spec, outcome),
            Some(spec) => return outcome.push(spec, Some(OsStr::from_bytes(behind).to_owned())),
        }
        left = behind;
    }
}

fn take_next(spec: &'static FlagSpec, outcome: &mut ParsedArgs<'_>) {
    match outcome.rest.split_first() {
        Some((value, behind)) => {
            outcome.rest = behind;
            outcome.push(spec, Some(value.clone()));
        }
        None => outcome.refuse(format!("`--{}` needs a value", spec.name)),
    }
}

fn lossy(word: &OsString) -> String {
    word.to_string_lossy().into_owned()
}
