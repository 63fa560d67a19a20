//! Millions of word sequences: none makes the parser panic, and Compose gets back every byte that is not ours.
//!
//! Not run unless asked for: `cargo test --release --test integration fuzz -- --ignored`. How many is said by
//! `SAFE_COMPOSE_FUZZ_CASES`.
#![expect(clippy::print_stderr, reason = "the long run says how much it tried")]
#![expect(clippy::disallowed_methods, reason = "the number of cases comes from the environment")]

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use safe_compose::compose::grammar::{FlagSpec, Grammar};
use safe_compose::compose::invocation::{Caller, Invocation, OWN_COMMANDS};

const CASES: u32 = 2_000_000;

/// Every word that means something to somebody: commands, flags in each of their spellings, our own.
fn vocabulary() -> Vec<OsString> {
    let mut words: Vec<String> = OWN_COMMANDS.iter().map(|word| (*word).to_owned()).collect();
    for grammar in [Grammar::V1, Grammar::V2] {
        for command in grammar.commands() {
            words.push(command.name.to_owned());
            words.extend(command.flags.iter().flat_map(spellings));
        }
    }
    words.extend(
        [
            "-f",
            "-p",
            "-fa.yml",
            "-f-",
            "-",
            "--",
            "---",
            "--=",
            "-=",
            "=",
            "",
            " ",
            "--file=",
            "--profile=a,b",
            "--profile",
            "*",
            "--project-name=x",
            "--project-directory",
            "--env-file",
            "--ansi",
            "--dry-run",
            "--dry-run=false",
            "--all-resources",
            "--context",
            "-c",
            "-H",
            "--host=tcp://x",
            "-D",
            "-l",
            "--tls",
            "--config",
            "-v",
            "-h",
            "--help",
            "--version",
            "compose",
            "help",
            "db",
            "web",
            "-vt0",
            "-tv",
            "-dV",
            "-fsv",
            "--vol",
            "--volume",
            "docker-cli-plugin-metadata",
            "__complete",
            "--safe-plan",
            "--safe-allow",
            "--safe-allow=abc",
            "--safe-format=json",
            "--safe-format",
            "json",
            "--safe-skip-backup",
            "--safe-skip-checks",
            "--safe-help",
            "--safe-",
            "--safe-x",
            "--safe",
            "0",
            "-1",
            "1_0",
            "0x1f",
            "true",
            "F",
            "é",
            "\u{202e}",
        ]
        .map(str::to_owned),
    );
    words.sort();
    words.dedup();
    words.into_iter().map(OsString::from).collect()
}

fn spellings(spec: &FlagSpec) -> Vec<String> {
    let long = spec.long_names().flat_map(|name| {
        [format!("--{name}"), format!("--{name}=1"), format!("--{name}=false"), format!("--{}", &name[..1])]
    });
    let short = spec.short.into_iter().flat_map(|letter| [format!("-{letter}"), format!("-{letter}=x")]);
    long.chain(short).collect()
}

fn sequence() -> impl Strategy<Value = Vec<OsString>> {
    let word = prop_oneof![
        12 => select(vocabulary()),
        2 => "-[a-zA-Z]{1,5}[0-9=]?".prop_map(OsString::from),
        1 => "--[a-z-]{0,12}(=[a-z0-9]{0,3})?".prop_map(OsString::from),
        1 => prop::collection::vec(any::<u8>(), 0..12).prop_map(OsString::from_vec),
    ];
    prop::collection::vec(word, 0..9)
}

fn is_ours(word: &OsStr) -> bool {
    word.as_bytes().starts_with(b"--safe-")
}

/// Whether nothing but our own words, and the values behind them, is missing: the rest is the same bytes in order.
fn is_left_of(typed: &[OsString], handed: &[OsString], behind_ours: bool) -> bool {
    let Some((word, rest)) = typed.split_first() else { return handed.is_empty() };
    let stays =
        handed.split_first().is_some_and(|(first, others)| first == word && is_left_of(rest, others, false));
    stays
        || (is_ours(word) && is_left_of(rest, handed, true))
        || (behind_ours && is_left_of(rest, handed, false))
}

/// Holds one sequence against one caller. `Ok(false)`: our own flags were said wrongly, and nothing is handed on.
fn holds(caller: Caller, words: &[OsString]) -> Result<bool, TestCaseError> {
    let Ok(invocation) = Invocation::parse_from(caller, words.to_vec()) else {
        prop_assert!(words.iter().any(|word| is_ours(word)), "only our own flags are refused");
        return Ok(false);
    };
    let handed = invocation.compose_words();
    let typed = match words.split_first() {
        Some((first, rest)) if caller == Caller::Person && first == "compose" => rest,
        _ => words,
    };
    prop_assert!(is_left_of(typed, &handed, false), "of {:?} is left {:?}", typed, handed);
    if !words.iter().any(|word| is_ours(word)) {
        prop_assert_eq!(&handed[..], typed);
    }
    for grammar in [Grammar::V1, Grammar::V2] {
        let reading = invocation.read(grammar);
        let _ = (reading.wants_help(), reading.may_act(), reading.is_set("volumes"), reading.value("scale"));
    }
    let _ = (invocation.is_guarded(), invocation.own_command());
    Ok(true)
}

fn run(cases: u32) {
    let parsed = std::cell::Cell::new(0_u64);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    runner
        .run(&sequence(), |words| {
            for caller in [Caller::Person, Caller::Docker] {
                parsed.set(parsed.get() + u64::from(holds(caller, &words)?));
            }
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    eprintln!(
        "{cases} word sequences for two callers, {} of them parsed and read in both grammars",
        parsed.get()
    );
    assert!(parsed.get() > u64::from(cases), "the sequences are mostly refused: they try nothing");
}

#[test]
fn no_words_are_lost() {
    run(2_000);
}

#[test]
#[ignore = "minutes long"]
fn no_words_are_lost_for_long() {
    let cases = std::env::var("SAFE_COMPOSE_FUZZ_CASES").ok();
    run(cases.map_or(CASES, |cases| cases.parse().expect("SAFE_COMPOSE_FUZZ_CASES is a number")));
}
