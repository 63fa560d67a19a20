//! One driver for each kind of store: it fingerprints, backs up and restores the store.

pub mod endpoint;
pub mod qdrant;
pub mod scratch;
pub mod volume;

use std::time::Duration;

use async_trait::async_trait;

use super::export::{ExportContents, ExportSink};
use super::fingerprint::{Difference, Fingerprint};
use super::manifest::{Artifact, Proof};
use super::store::{Backup, Staging};
use super::test_restore::TestRestoreResult;
use crate::engine::{Container, Engine};
use crate::inventory::{Store, StoreKind};
use crate::policy::Clearance;
use crate::progress::Progress;
use crate::secret::Secret;
use scratch::TestEnv;

/// The store that a driver works on, and what the driver may use.
#[derive(Clone, Copy)]
pub struct DriverTarget<'a> {
    pub engine: &'a dyn Engine,
    /// The engine's file system and network are those of this machine.
    pub local: bool,
    pub store: &'a Store,
    /// Every store of the project: some may be nodes of the same cluster.
    pub stores: &'a [Store],
    pub progress: &'a dyn Progress,
    /// The API key to use if the server's own configuration has none.
    pub api_key: Option<&'a Secret>,
}

impl<'a> DriverTarget<'a> {
    /// The container of the store; an error if only its volumes are left.
    pub fn container(&self) -> anyhow::Result<&'a Container> {
        let store = self.store;
        store.container.as_ref().ok_or_else(|| anyhow::anyhow!("`{}` has no container", store.service))
    }
}

impl StoreKind {
    pub fn driver(self) -> &'static dyn Driver {
        match self {
            Self::Qdrant => const { &qdrant::QdrantDriver::new() },
            Self::Volume => &volume::VolumeDriver,
        }
    }
}

/// What the contents of a store are called, for counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nouns {
    /// One step of a restore: `collection`, `directory`.
    pub part: &'static str,
    /// What a part consists of: `point`, `file`.
    pub item: &'static str,
}

/// A dump of a store.
#[derive(Debug)]
pub struct Dump {
    /// The server's version, if there is a server.
    pub server: Option<String>,
    pub fingerprint: Fingerprint,
    pub artifacts: Vec<Artifact>,
    pub proof: Proof,
    pub manual_restore: Vec<String>,
    /// What the user should know: `points were written during the backup`.
    pub remarks: Vec<String>,
}

/// The result of a portable export, besides its file.
#[derive(Debug, Default)]
pub struct Exported {
    /// What the user should know: `points were written during the export`.
    pub remarks: Vec<String>,
}

/// What to restore, and how.
#[derive(Debug, Clone, Default)]
pub struct RestoreOptions {
    /// Only these collections; all of them if empty.
    pub collections: Vec<String>,
    /// Restore under this name; for a single collection only.
    pub rename: Option<String>,
    /// Only the configuration: collections are created empty.
    pub schema_only: bool,
    /// Leave what exists as it is.
    pub skip_existing: bool,
}

impl RestoreOptions {
    /// Fails if a requested collection is unknown. `of` names what has the `known` ones.
    fn ensure_known(&self, of: &str, known: &[&str]) -> anyhow::Result<()> {
        let list: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
        let list = if list.is_empty() { "none".to_owned() } else { list.join(", ") };
        match self.collections.iter().find(|name| !known.contains(&name.as_str())) {
            Some(name) => anyhow::bail!("{of} has no collection `{name}`; it has {list}"),
            None => Ok(()),
        }
    }

    /// Fails if a new name is given, and cannot be given to so many collections.
    fn ensure_nameable(&self, chosen: usize) -> anyhow::Result<()> {
        let Some(rename) = &self.rename else { return Ok(()) };
        anyhow::ensure!(!rename.is_empty(), "the new name is empty");
        anyhow::ensure!(
            chosen == 1,
            "only a single collection can be restored under another name, and {chosen} were selected"
        );
        Ok(())
    }
}

/// What a restore would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestorePlan {
    pub steps: Vec<Step>,
}

impl RestorePlan {
    /// Whether existing data would be replaced, and so has to be backed up first.
    pub fn replaces(&self) -> bool {
        self.steps.iter().any(|step| step.action == Action::Replace)
    }
}

/// One collection, or one directory, of a [`RestorePlan`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The name in the backup.
    pub from: String,
    /// The name to restore it under.
    pub to: String,
    pub action: Action,
    /// Points, or files, in the backup.
    pub count: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Nothing has that name.
    Create,
    /// Replace what has that name.
    Replace,
    /// Leave what has that name as it is.
    Keep,
    /// An earlier restore of this backup deleted what had that name, and was interrupted before it was replaced.
    Finish,
}

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    pub steps: Vec<Step>,
    pub aliases: Vec<String>,
    pub remarks: Vec<String>,
}

/// A kind of store that can be backed up, compared and restored.
#[async_trait]
pub trait Driver: Send + Sync {
    /// Counts and samples the contents. Fails if the store cannot be read.
    async fn fingerprint(&self, target: DriverTarget<'_>) -> anyhow::Result<Fingerprint>;

    /// What `now` lacks compared with what was recorded. Pure.
    fn compare(&self, recorded: &Fingerprint, now: &Fingerprint) -> Vec<Difference>;

    /// Copies everything into `into`, reads it back and verifies it. Files that have not changed since the `previous`
    /// backup may be linked from it.
    async fn dump(
        &self,
        target: DriverTarget<'_>,
        previous: Option<&Backup>,
        into: &mut Staging,
    ) -> anyhow::Result<Dump>;

    /// Plans a restore; changes nothing.
    async fn plan_restore(
        &self,
        target: DriverTarget<'_>,
        from: &Backup,
        options: &RestoreOptions,
    ) -> anyhow::Result<RestorePlan>;

    /// Restores a backup as planned.
    async fn restore(
        &self,
        target: DriverTarget<'_>,
        from: &Backup,
        plan: &RestorePlan,
        options: &RestoreOptions,
        proof: &Clearance,
    ) -> anyhow::Result<Restored>;

    /// What the contents are called.
    fn nouns(&self) -> Nouns;

    /// Waits until the store can be read, at most for `limit`.
    async fn wait_ready(&self, target: DriverTarget<'_>, limit: Duration) -> anyhow::Result<()> {
        let _ = (target, limit);
        Ok(())
    }

    /// The ids of the project's stores that are nodes of one cluster with this one, itself included; empty for a store that
    /// is not part of a cluster.
    async fn cluster(&self, target: DriverTarget<'_>) -> anyhow::Result<Vec<String>> {
        let _ = target;
        Ok(Vec::new())
    }

    /// Whether nothing was written since a backup. `true` only if that is proven; `false` proves nothing.
    async fn is_unchanged_since(&self, target: DriverTarget<'_>, backup: &Backup) -> anyhow::Result<bool> {
        let _ = (target, backup);
        Ok(false)
    }

    /// Test restores, for stores that a temporary server can be started for.
    fn test_restore(&self) -> Option<&dyn TestRestore> {
        None
    }

    /// Portable exports, for stores whose contents other tools can read.
    fn portable(&self) -> Option<&dyn PortableFormat> {
        None
    }
}

/// Restores backups into temporary servers.
#[async_trait]
pub trait TestRestore: Send + Sync {
    /// Restores a backup into a temporary server of the image that the backup was taken from, and compares. An error means
    /// that this was not possible; what is wrong with the backup is in the result.
    async fn run(&self, env: TestEnv<'_>, from: &Backup) -> anyhow::Result<TestRestoreResult>;
}

/// Exports the contents of a store into a file that other tools and other versions read, and imports it.
#[async_trait]
pub trait PortableFormat: Send + Sync {
    async fn export(&self, target: DriverTarget<'_>, sink: &ExportSink) -> anyhow::Result<Exported>;

    /// Plans an import; changes nothing.
    async fn plan_import(
        &self,
        target: DriverTarget<'_>,
        from: &ExportContents,
        options: &RestoreOptions,
    ) -> anyhow::Result<RestorePlan>;

    /// Imports a file as planned.
    async fn import(
        &self,
        target: DriverTarget<'_>,
        from: &ExportContents,
        plan: &RestorePlan,
        options: &RestoreOptions,
        proof: &Clearance,
    ) -> anyhow::Result<Restored>;
}
