//! Waiting for somebody to stop us.

use std::os::raw::c_int;

use tokio::signal::unix::{SignalKind, signal};

use super::signals::{SignalGuard, watched};

/// Ends when Ctrl-C is pressed, or when we are told to end. While it is waited for, such a signal does nothing else;
/// before and afterwards it ends us as it always would. Without the means to listen it never ends.
pub async fn interrupted() {
    let hold = SignalGuard::take();
    let listen = |number: c_int| async move {
        // Catching one that was ignored from the start would take that from our children.
        let signals = watched().contains(&number).then(|| signal(SignalKind::from_raw(number)));
        match signals {
            Some(Ok(mut signals)) => {
                signals.recv().await;
            }
            Some(Err(_)) | None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = listen(signal_hook::consts::SIGINT) => {}
        () = listen(signal_hook::consts::SIGTERM) => {}
        () = listen(signal_hook::consts::SIGHUP) => {}
    }
    drop(hold);
}
