//! The only place that starts programs.
//!
//! Four ways: hand over for good ([`exec`]), run silently and read the answer ([`capture`]), run on our terminal and
//! wait ([`supervise`]), or run beside us to talk with ([`spawn_piped`]). None of them goes through a shell.

mod capture;
mod interrupt;
mod signals;
mod spawn_piped;
mod supervise;
mod witness;

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

pub use capture::{Capture, Output, Running, capture};
pub use interrupt::interrupted;
pub use signals::without_interrupt;
pub use spawn_piped::spawn_piped;
pub use supervise::{ChildExit, SpawnOptions, Supervised, spawn, supervise};

/// Becomes another program: same process, environment, terminal and signals. Comes back only if that failed.
pub fn exec(program: &Path, args: &[OsString]) -> io::Error {
    command(program).args(args).exec()
}

#[expect(clippy::disallowed_methods, reason = "this is the room that starts programs")]
fn command(program: &Path) -> Command {
    Command::new(program)
}
