//! Sends a snapshot of a backup to a server, until the caller is gone or the server has received all of it.

use std::sync::Arc;

use crate::backup::driver::cancellation::{Cancellation, Interrupted};
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::server::rest::{SnapshotTarget, Upload, UploadContent};
use crate::backup::driver::qdrant::server::upload::UploadProgress;
use crate::progress::Task;

/// A snapshot to send.
pub(super) struct SnapshotToSend<'a> {
    pub(super) content: UploadContent<'a>,
    /// Its name on the server.
    pub(super) name: &'a str,
    pub(super) sha256: &'a str,
    pub(super) task: &'a Arc<dyn Task>,
}

/// Stops early only while the server has not received everything: after that, it would go on by itself.
pub(super) async fn send(
    client: &Client,
    of: SnapshotTarget<'_>,
    file: &SnapshotToSend<'_>,
    cancellation: &Cancellation,
) -> anyhow::Result<()> {
    let sent = UploadProgress::new(file.task);
    let upload = Upload { content: file.content, name: file.name, sha256: file.sha256, progress: &sent };
    let sending = client.rest().upload(of, upload);
    tokio::pin!(sending);
    let done = tokio::select! {
        biased;
        done = &mut sending => done,
        () = cancellation.cancelled() => {
            if !sent.is_complete() {
                return Err(Interrupted.into());
            }
            sending.await
        }
    };
    done.map_err(anyhow::Error::from)
}
