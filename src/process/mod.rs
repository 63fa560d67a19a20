//! Starts programs; no other module does.
//!
//! Six ways: replace this process ([`exec`]), capture the output ([`capture`]), the same without signals from the terminal
//! ([`capture_apart`]), the same within a time ([`run_limited`]), run on the terminal and wait ([`supervise`]), or communicate
//! over pipes ([`spawn_piped`]). None uses a shell.

mod capture;
mod capture_apart;
mod group_signal;
mod identity;
mod interrupt;
mod limited;
mod signals;
mod spawn_piped;
mod supervise;

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

pub use capture::{Capture, Output, Running, capture, capture_with};
pub use capture_apart::capture_apart;
pub use identity::ProcessIdentity;
pub use interrupt::interrupted;
#[cfg(any(test, feature = "internals"))]
pub use limited::LimitedEnd;
pub use limited::{LimitedRun, run_limited};
pub use signals::{SignalGuard, without_interrupt};
pub use spawn_piped::spawn_piped;
pub use supervise::{SpawnOptions, supervise};

/// Replaces this process with a program: same process id, environment, terminal and signals, with at most one variable
/// more. Returns only on failure.
pub fn exec(program: &Path, args: &[OsString], variable: Option<(&'static str, OsString)>) -> io::Error {
    command(program).args(args).envs(variable).exec()
}

#[expect(clippy::disallowed_methods, reason = "this module starts programs")]
fn command(program: &Path) -> Command {
    Command::new(program)
}
