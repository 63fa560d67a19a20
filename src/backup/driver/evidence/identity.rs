//! The file of a container that identifies the data of its server.

use std::path::PathBuf;

use super::files::Files;
use crate::engine::Container;
use crate::inventory::known::{self, IdentityFile};

/// A file that identifies the data of a server, and the identifier in it.
pub(super) struct FoundIdentity {
    pub(super) file: IdentityFile,
    pub(super) path: PathBuf,
    pub(super) content: Vec<u8>,
    pub(super) id: String,
}

pub(super) async fn find(files: &Files<'_>, container: &Container) -> anyhow::Result<Option<FoundIdentity>> {
    for (file, path) in known::identity_files(container) {
        let Some(content) = files.read(&path).await? else { continue };
        if let Some(id) = file.parse(&content) {
            return Ok(Some(FoundIdentity { file, path, content, id }));
        }
    }
    Ok(None)
}
