//! Waits for Ctrl-C and other signals to end.

use std::os::raw::c_int;

use tokio::signal::unix::{SignalKind, signal};

use super::signals::{SignalGuard, handled_signals};

/// Completes on `SIGINT`, `SIGTERM` or `SIGHUP`, with its number. While it is awaited, these signals do not end the process; before and
/// afterwards they do. If the signals cannot be caught, it never completes.
pub async fn interrupted() -> c_int {
    let guard = SignalGuard::take();
    let listen = |number: c_int| async move {
        // Catching a signal that was ignored at startup would change that for child processes.
        let signals = handled_signals().contains(&number).then(|| signal(SignalKind::from_raw(number)));
        match signals {
            Some(Ok(mut signals)) => {
                signals.recv().await;
                number
            }
            Some(Err(_)) | None => std::future::pending().await,
        }
    };
    let received = tokio::select! {
        number = listen(signal_hook::consts::SIGINT) => number,
        number = listen(signal_hook::consts::SIGTERM) => number,
        number = listen(signal_hook::consts::SIGHUP) => number,
    };
    drop(guard);
    received
}
