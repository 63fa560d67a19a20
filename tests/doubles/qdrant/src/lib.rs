//! A stand-in for a Qdrant server, for tests on machines that cannot pull its image.
//!
//! It answers the requests that safe-compose and its tests make as a real 1.19.0 server was recorded to answer
//! them, keeps its data on disk in a like layout, writes snapshots in the real archive layout, and can be told to
//! fail in the ways that matter ([`Failure`]). It does not search. `tests/contract.rs` holds it to the recordings,
//! and to a real server where one is at hand.

mod archive;
mod cluster;
mod collection;
mod disk;
mod failures;
mod fault;
mod filter;
mod grpc;
mod point;
mod rest;
mod schema;
mod segment;
mod server;
mod shard;
mod snapshots;
mod store;
mod wire;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

pub use failures::{Failure, Failures};
pub use server::{Config, Server};

static LOGGING: AtomicBool = AtomicBool::new(false);

/// Print the log to standard output, as the program does. In-process servers are silent.
pub fn log_to_stdout() {
    LOGGING.store(true, Ordering::Relaxed);
}

#[expect(clippy::print_stdout, reason = "the stand-in logs where the real server does")]
pub(crate) fn log(line: fmt::Arguments<'_>) {
    if LOGGING.load(Ordering::Relaxed) {
        println!("{} {line}", jiff::Timestamp::now());
    }
}
