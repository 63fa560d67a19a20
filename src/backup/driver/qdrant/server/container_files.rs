//! Reads small files in a server's container.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt as _;

use crate::backup::driver::DriverTarget;

/// Settings and certificates are a few kilobytes.
const LONGEST: usize = 1 << 20;

/// The timeout for reading one.
const PATIENCE: Duration = Duration::from_secs(10);

/// The contents of a file in the container; `None` if it cannot be read.
pub(super) async fn read(target: DriverTarget<'_>, path: &Path) -> Option<Vec<u8>> {
    let container = target.store.container.as_ref()?;
    let read = async {
        let mut stream = target.engine.read_archive(&container.id, path).await.ok()?;
        let mut archive = Vec::new();
        while let Some(piece) = stream.next().await {
            archive.extend(piece.ok()?);
            if archive.len() > LONGEST {
                return None;
            }
        }
        Some(archive)
    };
    let archive = tokio::time::timeout(PATIENCE, read).await.ok()??;
    let mut archive = tar::Archive::new(archive.as_slice());
    let mut entry = archive.entries().ok()?.next()?.ok()?;
    let mut bytes = Vec::new();
    entry.header().entry_type().is_file().then_some(())?;
    entry.read_to_end(&mut bytes).ok()?;
    Some(bytes)
}
