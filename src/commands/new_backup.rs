//! The manifest of a new backup.

use jiff::Timestamp;

use super::context::ProjectContext;
use crate::backup::driver::Dump;
use crate::backup::evidence::StoreEvidence;
use crate::backup::manifest::{BackupRole, FORMAT, FORMAT_VERSION, Manifest};
use crate::backup::shrink::Shrinkage;
use crate::inventory::Store;

/// The program's name and version in manifests.
const TOOL: &str = concat!("safe-compose ", env!("CARGO_PKG_VERSION"));

/// What a new backup contains, and where it is from.
pub(super) struct NewBackup<'a> {
    pub(super) store: &'a Store,
    /// The name of the container; empty if there is none.
    pub(super) container: String,
    pub(super) image: String,
    pub(super) image_id: String,
    /// As the manifest records it.
    pub(super) reason: &'a str,
    pub(super) role: BackupRole,
    pub(super) created: Timestamp,
    pub(super) dump: Dump,
    pub(super) evidence: Option<StoreEvidence>,
    /// The nodes of a cluster; empty for a single server.
    pub(super) nodes: Vec<String>,
    pub(super) shrinkage: Option<Shrinkage>,
}

/// The manifest of a new backup.
pub(super) fn manifest(cx: &ProjectContext<'_>, new: NewBackup<'_>) -> Manifest {
    let NewBackup { store, dump, .. } = new;
    let identity = cx.identity();
    Manifest {
        format: FORMAT.to_owned(),
        format_version: FORMAT_VERSION,
        tool: TOOL.to_owned(),
        created: new.created,
        finished: Timestamp::now(),
        project: cx.project.name.clone(),
        service: store.service.clone(),
        container: new.container,
        image: new.image,
        image_id: new.image_id,
        engine: identity.id.clone(),
        endpoint: identity.endpoint.clone(),
        kind: store.kind,
        cluster: new.nodes,
        server: dump.server,
        reason: new.reason.to_owned(),
        role: new.role,
        // The backup directory counts.
        sequence: 0,
        proof: dump.proof,
        consistency: dump.consistency,
        tree: dump.tree,
        sqlite: dump.sqlite,
        fingerprint: dump.fingerprint,
        evidence: new.evidence,
        shrinkage: new.shrinkage,
        artifacts: dump.artifacts,
        manual_restore: dump.manual_restore,
    }
}
