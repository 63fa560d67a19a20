//! The functions that fuzzing runs, with the corpus in `fuzz/corpus` and with random changes of it. `scripts/test --fuzz` runs
//! them with libFuzzer, which finds more.
//!
//! `SAFE_COMPOSE_TEST_FUZZ_CASES` says how many changed inputs each function gets, `SAFE_COMPOSE_TEST_SEED` where they begin.
#![expect(clippy::disallowed_methods, reason = "the number of cases comes from the environment")]

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use safe_compose::fuzz::{FuzzTarget, TARGETS};

use crate::random::Random;

/// Usual ones for each function.
const CASES: u64 = 300;

/// A longer input says nothing more.
const LONGEST: usize = 64 * 1024;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn names_in(directory: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path());
    entries.map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned()).collect()
}

fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable)
        .map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// The seeds of a function, in the order of their names.
fn corpus(target: &FuzzTarget) -> Vec<Vec<u8>> {
    let directory = fuzz().join("corpus").join(target.name);
    names_in(&directory).iter().map(|name| fs::read(directory.join(name)).expect("a seed")).collect()
}

#[test]
fn every_function_has_a_program_and_a_corpus() {
    let names: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(names_in(&fuzz().join("fuzz_targets")), names);
    assert_eq!(names_in(&fuzz().join("corpus")), names);
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).expect("a manifest");
    for name in names {
        let program = fs::read_to_string(fuzz().join(format!("fuzz_targets/{name}.rs"))).expect("a program");
        assert!(program.contains(&format!("run(\"{name}\", bytes)")), "{program}");
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not built");
    }
}

#[test]
fn the_corpus_breaks_nothing() {
    for target in TARGETS {
        (target.run)(b"");
        for input in corpus(target) {
            (target.run)(&input);
        }
    }
}

#[test]
fn no_change_of_the_corpus_breaks_anything() {
    let (cases, first) = (number("SAFE_COMPOSE_TEST_FUZZ_CASES", CASES), number("SAFE_COMPOSE_TEST_SEED", 0));
    for target in TARGETS {
        let corpus = corpus(target);
        for seed in first..first + cases {
            let input = changed(&corpus, &mut Random::new(seed));
            let ran = catch_unwind(|| (target.run)(&input));
            assert!(ran.is_ok(), "{} with seed {seed}: {}", target.name, input.escape_ascii());
        }
    }
}

/// One of the inputs with a few changes.
fn changed(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut input = random.pick(corpus).clone();
    for _ in 0..random.between(1, 6) {
        let other = random.pick(corpus);
        change(&mut input, other, random);
    }
    input.truncate(LONGEST);
    input
}

fn change(input: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let part = part(input.len(), random);
    match random.below(8) {
        0 => input.iter_mut().skip(part.start).take(1).for_each(|byte| *byte ^= 1 << random.below(8)),
        1 => {
            let byte = *random
                .pick(&[0, 1, b'\n', b' ', b'"', b'-', b'.', b'/', b'9', b'=', b'\\', 0x7f, 0x80, 0xff]);
            input.iter_mut().skip(part.start).take(1).for_each(|one| *one = byte);
        }
        2 => drop(input.drain(part)),
        3 => {
            let copy = input[part.clone()].to_vec();
            input.splice(part.end..part.end, copy);
        }
        4 => input.truncate(part.start),
        5 => {
            let copy = other[self::part(other.len(), random)].to_vec();
            input.splice(part.start..part.start, copy);
        }
        6 => {
            let text = *random.pick(&[
                "18446744073709551616",
                "-1",
                "1e999",
                "../",
                "null",
                "\u{202e}",
                "{{",
                "[",
                "\\u0000",
                "\r\n",
            ]);
            input.splice(part, text.bytes());
        }
        _ => input[part].fill(u8::try_from(random.below(256)).expect("a byte")),
    }
}

/// A short range of this many bytes, now and then a long one.
fn part(length: usize, random: &mut Random) -> std::ops::Range<usize> {
    let length = length as u64;
    let start = random.below(length + 1);
    let most = if random.one_in(8) { length } else { 16 };
    let end = (start + random.below(most + 1)).min(length);
    usize::try_from(start).expect("a length")..usize::try_from(end).expect("a length")
}
