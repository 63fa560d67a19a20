//! Distinguishes a signal to this process alone from a signal to its process group.
//!
//! The kernel marks signals from the terminal, but `kill -- -GROUP`, `timeout` and a service manager that stops a control
//! group look like a `kill` of this process alone. Forwarding those would send them to Compose twice, and a second signal
//! makes `up` kill its containers instead of stopping them. So an idle process runs in the same groups as the child: if
//! the signal ended it, the child has received the signal too.

use std::io;
use std::os::raw::c_int;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// How long to wait for the idle process to end.
const TIMEOUT: Duration = Duration::from_millis(200);

/// Detects signals to the process group.
#[derive(Debug)]
pub(super) struct GroupSignalDetector(Option<Child>);

impl GroupSignalDetector {
    /// Starts the idle process. If it cannot be started, every signal counts as sent to this process alone.
    pub(super) fn start() -> Self {
        Self(spawn().ok())
    }

    /// Whether the signal that was just received was sent to the group.
    pub(super) fn was_sent_to_group(&mut self, signal: c_int) -> bool {
        let Some(child) = &mut self.0 else {
            return false;
        };
        let until = Instant::now() + TIMEOUT;
        loop {
            match child.try_wait() {
                Ok(Some(status)) => {
                    // Needed for the next signal.
                    self.0 = spawn().ok();
                    return status.signal() == Some(signal);
                }
                Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(2)),
                Ok(None) | Err(_) => return false,
            }
        }
    }
}

impl Drop for GroupSignalDetector {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            // It ends when its input is closed, also if this process is killed.
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

/// Starts a process that waits for input.
fn spawn() -> io::Result<Child> {
    super::command(Path::new("cat")).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
}
