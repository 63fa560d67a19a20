//! Ctrl-C during our own work.

use crate::error::Failure;
use crate::exit::Exit;

/// Lets Ctrl-C end work cleanly: partial files are removed.
pub(super) async fn interruptible<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::select! {
        // First, so that a Ctrl-C during work that does not yield is noticed when it ends.
        biased;
        () = crate::process::interrupted() => Err(Failure::new(Exit::Interrupted, "interrupted")
            .say("Partial files were removed; nothing incomplete was left behind.")),
        done = work => done,
    }
}
