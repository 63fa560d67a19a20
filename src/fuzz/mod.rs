//! What fuzzing runs: a function for each reader of foreign bytes.
//!
//! Each takes any bytes, gives them to a reader, and panics if the reader panics or if what it returns breaks an invariant.
//! `fuzz/` runs them with libFuzzer, and `tests/integration/fuzzing.rs` with the corpus and random mutations of it.

mod archive;
mod checksums;
mod command_line;
mod compose_file;
mod database_headers;
mod dotenv;
mod journal;
mod manifest;
mod portable_file;
mod qdrant_answers;
mod records;
mod repository_address;
mod script;
mod snapshot;
mod token;

use std::path::{Component, Path};

/// A function that fuzzing runs, by the name of its corpus.
#[derive(Debug, Clone, Copy)]
pub struct FuzzTarget {
    pub name: &'static str,
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[FuzzTarget] = &[
    FuzzTarget { name: "archive", run: archive::run },
    FuzzTarget { name: "command_line", run: command_line::run },
    FuzzTarget { name: "compose_file", run: compose_file::run },
    FuzzTarget { name: "database_headers", run: database_headers::run },
    FuzzTarget { name: "dotenv", run: dotenv::run },
    FuzzTarget { name: "journal", run: journal::run },
    FuzzTarget { name: "manifest", run: manifest::run },
    FuzzTarget { name: "portable_file", run: portable_file::run },
    FuzzTarget { name: "qdrant_answers", run: qdrant_answers::run },
    FuzzTarget { name: "records", run: records::run },
    FuzzTarget { name: "repository_address", run: repository_address::run },
    FuzzTarget { name: "script", run: script::run },
    FuzzTarget { name: "snapshot", run: snapshot::run },
    FuzzTarget { name: "token", run: token::run },
];

/// Runs the function of this name.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("the name of a target");
    (target.run)(bytes);
}

/// Whether a path stays in the directory that it is joined to.
fn stays_inside(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}
