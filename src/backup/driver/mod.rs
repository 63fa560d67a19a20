//! One driver for each kind of store: it fingerprints, backs up and restores the store.

mod cancellation;
mod capability;
mod database_names;
mod databases;
pub mod endpoint;
pub mod evidence;
pub mod mysql;
mod names;
pub mod postgres;
pub mod qdrant;
pub mod redis;
mod restore_plan;
pub mod scratch;
mod target;
pub mod tool;
pub mod upgrade;
pub mod volume;

use std::time::Duration;

use async_trait::async_trait;

pub use capability::{Exported, PortableFormat, TestRestore};
pub use restore_plan::{Action, RestoreOptions, RestorePlan, Restored, Step};
pub use target::DriverTarget;

use super::consistency::Consistency;
use super::fingerprint::{Difference, Fingerprint};
use super::manifest::{Artifact, Proof};
use super::sqlite::SqliteDatabase;
use super::store::{Backup, Staging};
use crate::inventory::{SqlServer, StoreKind};
use crate::policy::Clearance;

impl StoreKind {
    pub fn driver(self) -> &'static dyn Driver {
        match self {
            Self::Qdrant => const { &qdrant::QdrantDriver::new() },
            Self::Volume => &volume::VolumeDriver,
            Self::Sql(SqlServer::MySql) => &mysql::MySqlDriver,
            Self::Sql(SqlServer::PostgreSql) => &postgres::PostgresDriver,
        }
    }
}

/// A dump of a store.
#[derive(Debug)]
pub struct Dump {
    /// The server's version, if there is a server.
    pub server: Option<String>,
    pub fingerprint: Fingerprint,
    pub artifacts: Vec<Artifact>,
    pub proof: Proof,
    pub consistency: Consistency,
    /// For [`crate::backup::manifest::Manifest::tree`].
    pub tree: Option<String>,
    /// The SQLite databases among the files.
    pub sqlite: Vec<SqliteDatabase>,
    pub manual_restore: Vec<String>,
    /// What the user should know: `points were written during the backup`.
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

    /// Reads a backup and compares it with what it says it contains. Its checksums were verified.
    async fn check_contents(&self, backup: &Backup) -> anyhow::Result<()> {
        let _ = backup;
        Ok(())
    }

    /// Finishes what [`Driver::restore`] leaves for later, or what an interrupted one left: the data that was replaced is
    /// removed. Does nothing if there is nothing to finish.
    async fn finish_restore(
        &self,
        target: DriverTarget<'_>,
        from: &Backup,
        proof: &Clearance,
    ) -> anyhow::Result<()> {
        let _ = (target, from, proof);
        Ok(())
    }

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

    /// Test restores, if a temporary server of this image can be started for the store.
    fn test_restore(&self, image: &str) -> Option<&dyn TestRestore> {
        let _ = image;
        None
    }

    /// Portable exports, for stores whose contents other tools can read.
    fn portable(&self) -> Option<&dyn PortableFormat> {
        None
    }
}
