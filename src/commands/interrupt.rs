//! Ctrl-C during our own work.

use crate::error::Failure;
use crate::exit::Exit;

/// Lets Ctrl-C end work cleanly: partial files are removed.
pub(super) async fn interruptible<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::select! {
        // First, so that a Ctrl-C during work that does not yield is noticed when it ends.
        biased;
        signal = crate::process::interrupted() => {
            let exit = Exit::Signal(u8::try_from(signal).expect("the numbers of signals are small"));
            Err(Failure::new(exit, "interrupted")
                .say("Partial files were removed; nothing incomplete was left behind."))
        }
        done = work => done,
    }
}
