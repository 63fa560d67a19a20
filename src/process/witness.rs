//! Tells a signal that was meant for us alone from one that our child has received as well.
//!
//! The kernel marks what the terminal sends, but `kill -- -GROUP`, `timeout` and a service manager that stops a whole
//! control group look just like a `kill` of our process alone. Passing theirs on would hit Compose twice, and a second
//! signal makes `up` kill its containers instead of stopping them. So an idle process runs beside the child, in the
//! same groups: if a signal ended it, the child has that signal too.

use std::io;
use std::os::raw::c_int;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// How long a signal to a whole group may take to show on the witness.
const PATIENCE: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub(super) struct Witness(Option<Child>);

impl Witness {
    /// Starts it. Where that is not possible there is none, and every signal that was sent counts as ours.
    pub(super) fn start() -> Self {
        Self(spawn().ok())
    }

    /// Whether the signal that we have just received reached the witness too.
    pub(super) fn was_hit(&mut self, signal: c_int) -> bool {
        let Some(child) = &mut self.0 else {
            return false;
        };
        let until = Instant::now() + PATIENCE;
        loop {
            match child.try_wait() {
                Ok(Some(status)) => {
                    // The next signal needs a new one.
                    self.0 = spawn().ok();
                    return status.signal() == Some(signal);
                }
                Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(2)),
                Ok(None) | Err(_) => return false,
            }
        }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            // It ends at the end of its input; also when we are killed.
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

/// A program that waits for input that never comes.
fn spawn() -> io::Result<Child> {
    super::command(Path::new("cat")).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
}
