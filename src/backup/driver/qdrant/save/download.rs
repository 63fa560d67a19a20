//! Downloads a snapshot into a file: in bounded memory, with resume, and read back from disk.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::header::CONTENT_RANGE;
use reqwest::{Response, StatusCode};
use tokio::time::{sleep, timeout};

use super::readback;
use crate::backup::driver::cancellation::Cancellation;
use crate::backup::driver::qdrant::archive::{self, SnapshotError};
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::server::error::ApiError;
use crate::backup::driver::qdrant::server::rest::{Descriptor, Download, SnapshotTarget, tag};
use crate::backup::driver::qdrant::timeouts::Timeouts;
use crate::fs::{NewFile, remove_file};
use crate::progress::Task;

/// How often in a row the download may stop without progress.
const TRIES: u32 = 4;

/// The SHA-256 and the contents of a downloaded snapshot.
pub(crate) struct DownloadedSnapshot {
    pub(crate) sha256: String,
    pub(crate) contents: Result<archive::SnapshotContents, SnapshotError>,
}

/// Downloads a snapshot, reads it back, and compares size and checksum with those that the server reported.
pub(crate) async fn fetch(
    client: &Client,
    of: SnapshotTarget<'_>,
    snapshot: &Descriptor,
    into: &Path,
    cx: &DownloadContext<'_>,
) -> anyhow::Result<DownloadedSnapshot> {
    let what = Download { of, snapshot: &snapshot.name };
    let mut second = false;
    loop {
        let sent = download_all(client, what, snapshot, into, cx).await?;
        cx.task.detail("verifying");
        let read = {
            let (file, cancellation, of_shard) = (into.to_owned(), cx.cancellation.clone(), of.shard);
            tokio::task::spawn_blocking(move || {
                readback::read(&file, |reader| walk(reader, of_shard), &cancellation)
            })
            .await??
        };
        if sent.as_ref().is_some_and(|sent| *sent != read.sha256) {
            bail!(
                "the snapshot of {of} does not read back as it was written: SHA-256 {} instead of {}",
                read.sha256,
                sent.unwrap_or_default()
            );
        }
        let wrong = if read.bytes == snapshot.size {
            match &snapshot.checksum {
                Some(expected) if *expected != read.sha256 => {
                    format!("its SHA-256 is {}, and the server reports {expected}", read.sha256)
                }
                _ => return Ok(DownloadedSnapshot { sha256: read.sha256, contents: read.contents }),
            }
        } else {
            format!("it has {} bytes, and the server reports {}", read.bytes, snapshot.size)
        };
        remove_file(into)?;
        if second {
            bail!("the downloaded snapshot of {of} differs from the server's: {wrong}");
        }
        // A transmission error does not repeat.
        tracing::warn!(%of, wrong, "downloading the snapshot once more");
        cx.task.detail("damaged in transit, downloading again");
        second = true;
    }
}

fn walk(reader: impl Read, shard: Option<u32>) -> Result<archive::SnapshotContents, SnapshotError> {
    match shard {
        None => archive::walk(reader),
        Some(id) => archive::walk_shard(reader, id),
    }
}

/// What a download needs.
pub(crate) struct DownloadContext<'a> {
    pub(crate) task: &'a dyn Task,
    pub(crate) timeouts: &'a Timeouts,
    pub(crate) cancellation: &'a Cancellation,
}

/// Returns the digest of the written data if the server reported none; otherwise reading it back is enough.
async fn download_all(
    client: &Client,
    what: Download<'_>,
    snapshot: &Descriptor,
    into: &Path,
    cx: &DownloadContext<'_>,
) -> anyhow::Result<Option<String>> {
    let size = snapshot.size;
    let create = || {
        let file = NewFile::create(into)?.expecting(Some(size));
        anyhow::Ok(if snapshot.checksum.is_some() { file.unhashed() } else { file })
    };
    let mut file = create()?;
    let mut written = 0;
    let mut known = None;
    let mut failures = 0;
    loop {
        let began = written;
        let answered =
            timeout(cx.timeouts.stall, client.rest().download(what, written, known.as_ref())).await;
        let broke = match answered {
            Err(_) => stalled(cx.timeouts.stall),
            Ok(Ok(response)) => {
                if written > 0 && !continues(&response, written) {
                    // The file on the server has changed, or the server does not support ranges.
                    drop(file);
                    remove_file(into)?;
                    file = create()?;
                    written = 0;
                }
                known = tag(&response);
                match receive(response, &mut file, &mut written, size, cx).await? {
                    None => break,
                    Some(broke) => broke,
                }
            }
            Ok(Err(ApiError::Unreachable { source, .. })) => source,
            Ok(Err(ApiError::Failed { message, .. })) => anyhow::anyhow!(message),
            Ok(Err(other)) => return Err(other.into()),
        };
        failures = if written > began { 1 } else { failures + 1 };
        if failures >= TRIES {
            return Err(
                broke.context(format!("the download of {} stopped after {written} of {size} bytes", what.of))
            );
        }
        tracing::debug!(written, size, %broke, "the download broke off");
        cx.task.detail("interrupted, resuming");
        sleep(cx.timeouts.pause * failures).await;
    }
    if snapshot.checksum.is_some() {
        file.finish_unhashed()?;
        return Ok(None);
    }
    Ok(Some(file.finish()?.1.to_string()))
}

/// Whether a response continues exactly at this byte.
fn continues(response: &Response, from: u64) -> bool {
    response.status() == StatusCode::PARTIAL_CONTENT
        && response
            .headers()
            .get(CONTENT_RANGE)
            .and_then(|range| range.to_str().ok())
            .and_then(|range| range.strip_prefix("bytes "))
            .is_some_and(|range| range.starts_with(&format!("{from}-")))
}

/// Writes the response. `Some` is why it ended early; an error is one of the local disk, which a retry does not fix.
async fn receive(
    mut response: Response,
    file: &mut NewFile,
    written: &mut u64,
    size: u64,
    cx: &DownloadContext<'_>,
) -> anyhow::Result<Option<anyhow::Error>> {
    let stall = cx.timeouts.stall;
    loop {
        match timeout(stall, response.chunk()).await {
            Ok(Ok(Some(chunk))) => {
                file.append(&chunk).context("the snapshot cannot be written")?;
                *written += chunk.len() as u64;
                cx.task.advance(chunk.len() as u64);
                if *written > size {
                    // Too much data: the comparison that follows reports it.
                    return Ok(None);
                }
            }
            Ok(Ok(None)) if *written < size => {
                return Ok(Some(anyhow::anyhow!("the connection was closed")));
            }
            Ok(Ok(None)) => return Ok(None),
            Ok(Err(error)) => return Ok(Some(error.without_url().into())),
            // Everything was received; it does not matter that the connection stays open.
            Err(_) if *written == size => return Ok(None),
            Err(_) => return Ok(Some(stalled(stall))),
        }
    }
}

fn stalled(waited: Duration) -> anyhow::Error {
    anyhow::anyhow!("no data received for {}", crate::units::Age(waited))
}

#[cfg(test)]
mod tests;
