//! Takes the `--safe-` flags out of the places where global and subcommand flags may be, and leaves every other argument
//! as it is.
//!
//! The two grammars hardly disagree on which flags take a value, so one pass serves both: V2's table first, then V1's. A
//! `--safe-` flag in the place of a value is an error, never a guess.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use super::safe::{is_known, is_ours};
use super::{Caller, Invocation, OWN_COMMANDS, SafeFlags, UsageError};
use crate::compose::grammar::{DOCKER_ROOT, FlagSpec, Grammar, by_long, by_short};

type Tables = Vec<&'static [FlagSpec]>;

pub(super) fn extract(caller: Caller, words: Vec<OsString>) -> Result<Invocation, UsageError> {
    let mut kept = Vec::with_capacity(words.len());
    let mut safe = SafeFlags::default();
    let mut rest = words.into_iter().peekable();

    let mut root = Some(0);
    if caller == Caller::Docker {
        root = None;
        let mut value_next = false;
        for word in rest.by_ref() {
            let operand = !value_next && !is_flag(&word);
            value_next = !value_next && is_flag(&word) && value_follows(&word, &[DOCKER_ROOT]);
            let compose = word == "compose";
            kept.push(word);
            if operand {
                root = compose.then_some(kept.len());
                break;
            }
        }
    }
    if root.is_none() {
        kept.extend(rest);
        return Ok(Invocation { caller, words: kept, root, own: None, safe });
    }

    let mut own = None;
    let mut compose_said = false;
    let mut subcommand = false;
    let mut stops = false;
    let mut tables: Tables =
        vec![Grammar::V2.root(), Grammar::V2.everywhere(), DOCKER_ROOT, Grammar::V1.root()];
    while let Some(word) = rest.next() {
        if is_ours(&word) {
            if safe.take(&word, rest.peek())? {
                rest.next();
            }
            continue;
        }
        if word == "--" {
            kept.push(word);
            break;
        }
        if is_flag(&word) {
            let follows = value_follows(&word, &tables);
            if follows && let Some(value) = rest.next() {
                if is_known(&value) {
                    return Err(UsageError::Misplaced { word: lossy(&value), before: lossy(&word) });
                }
                kept.extend([word, value]);
            } else {
                kept.push(word);
            }
            continue;
        }
        if subcommand {
            kept.push(word);
            if stops {
                break;
            }
            continue;
        }
        if caller == Caller::Person && kept.is_empty() && !compose_said && word == "compose" {
            compose_said = true;
            continue;
        }
        subcommand = true;
        if !compose_said && OWN_COMMANDS.iter().any(|own| word == *own) {
            own = Some(kept.len());
        }
        let name = lossy(&word);
        let commands = [Grammar::V2, Grammar::V1].map(|grammar| grammar.command(&name));
        stops = commands.iter().flatten().any(|command| command.stops_at_operand);
        tables = commands.iter().flatten().map(|command| command.flags).collect();
        tables.push(Grammar::V2.everywhere());
        kept.push(word);
    }
    kept.extend(rest);
    Ok(Invocation { caller, words: kept, root, own, safe })
}

/// Whether an argument is a flag; a single `-` is not.
fn is_flag(word: &OsStr) -> bool {
    let bytes = word.as_bytes();
    bytes.len() > 1 && bytes[0] == b'-'
}

/// Whether the next argument is the value of the (last) flag in this one.
fn value_follows(word: &OsStr, tables: &[&'static [FlagSpec]]) -> bool {
    let text = word.to_string_lossy();
    if let Some(name) = text.strip_prefix("--") {
        return !name.contains('=') && by_long(tables, name).is_some_and(|spec| spec.arity.takes_value());
    }
    let mut letters = text.chars().skip(1);
    while let Some(letter) = letters.next() {
        match by_short(tables, letter) {
            Some(spec) if spec.arity.takes_value() => return letters.next().is_none(),
            Some(_) => {}
            None => return false,
        }
    }
    false
}

fn lossy(word: &OsStr) -> String {
    word.to_string_lossy().into_owned()
}
