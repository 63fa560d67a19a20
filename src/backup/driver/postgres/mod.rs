//! PostgreSQL: a running server is backed up with `pg_dump` and `pg_dumpall` of its own image, and restored with
//! `pg_restore` into the same or a newer version.
//!
//! The programs run in the server's container and connect over its local socket, so no port and no password is needed
//! outside. Where they are missing or fail, the error is a [`super::tool::ToolFailed`], and the files can be copied instead.

mod client;
mod count;
mod plan;
mod restore;
mod roles;
mod save;
mod server;
mod settings_files;
mod snapshot;
mod test_restore;
pub mod upgrade;
mod wal;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use async_trait::async_trait;

use super::scratch::TestEnv;
use super::volume::archive_file;
use super::{Driver, DriverTarget, Dump, RestoreOptions, RestorePlan, Restored, TestRestore, databases};
use crate::backup::fingerprint::database_position::DatabasePosition;
use crate::backup::fingerprint::{DatabasesFingerprint, Difference, Fingerprint};
use crate::backup::manifest::ArtifactContents;
use crate::backup::store::{Backup, Staging};
use crate::backup::test_restore::TestRestoreResult;
use crate::policy::Clearance;

/// The first bytes of a dump in the custom format.
const MAGIC: &[u8; 5] = b"PGDMP";

/// The driver of `StoreKind::Sql(SqlServer::PostgreSql)`.
#[derive(Debug, Clone, Copy, Default)]
pub struct PostgresDriver;

#[async_trait]
impl Driver for PostgresDriver {
    /// Counts the rows of every table.
    async fn fingerprint(&self, target: DriverTarget<'_>) -> anyhow::Result<Fingerprint> {
        let version = server::ask(target).await?.version;
        let mut databases = BTreeMap::new();
        for database in server::databases(target).await? {
            let counted = count::everything(target, &database.name).await?;
            databases.insert(database.name, counted);
        }
        Ok(Fingerprint::Databases(DatabasesFingerprint { version, databases, position: None }))
    }

    /// Rows come and go; that the data is another server's is seen by its files.
    fn compare(&self, _: &Fingerprint, _: &Fingerprint) -> Vec<Difference> {
        Vec::new()
    }

    async fn wait_ready(&self, target: DriverTarget<'_>, limit: Duration) -> anyhow::Result<()> {
        databases::wait_until(limit, || server::ask(target)).await
    }

    async fn dump(
        &self,
        target: DriverTarget<'_>,
        _previous: Option<&Backup>,
        into: &mut Staging,
    ) -> anyhow::Result<Dump> {
        save::dump(target, into).await
    }

    async fn plan_restore(
        &self,
        target: DriverTarget<'_>,
        from: &Backup,
        options: &RestoreOptions,
    ) -> anyhow::Result<RestorePlan> {
        plan::plan(target, from, options).await
    }

    async fn restore(
        &self,
        target: DriverTarget<'_>,
        from: &Backup,
        plan: &RestorePlan,
        _options: &RestoreOptions,
        proof: &Clearance,
    ) -> anyhow::Result<Restored> {
        restore::restore(target, from, plan, proof).await
    }

    async fn finish_restore(
        &self,
        target: DriverTarget<'_>,
        _from: &Backup,
        proof: &Clearance,
    ) -> anyhow::Result<()> {
        if target.container()?.is_running() { restore::finish(target, proof).await } else { Ok(()) }
    }

    async fn is_unchanged_since(&self, target: DriverTarget<'_>, backup: &Backup) -> anyhow::Result<bool> {
        match databases::recorded(backup)?.position.as_deref() {
            Some(DatabasePosition::PostgreSql(then)) => Ok(wal::is_still_at(target, then).await),
            Some(DatabasePosition::MySql(_)) | None => Ok(false),
        }
    }

    fn test_restore(&self, _image: &str) -> Option<&dyn TestRestore> {
        Some(self)
    }

    /// Every database that was counted has its files, and its dump is one.
    async fn check_contents(&self, backup: &Backup) -> anyhow::Result<()> {
        for name in databases::recorded(backup)?.databases.keys() {
            let is_dump = |contents: &ArtifactContents| matches!(contents, ArtifactContents::DatabaseDump { database } if database == name);
            let artifact = backup.manifest.artifacts.iter().find(|artifact| is_dump(&artifact.contents));
            let artifact = artifact.with_context(|| format!("it has no dump of database `{name}`"))?;
            let mut magic = [0; MAGIC.len()];
            archive_file::open(&backup.directory.join(&artifact.path))?
                .read_exact(&mut magic)
                .with_context(|| format!("cannot read `{}`", artifact.path))?;
            ensure!(magic == *MAGIC, "`{}` is not a dump of PostgreSQL", artifact.path);
        }
        Ok(())
    }
}

#[async_trait]
impl TestRestore for PostgresDriver {
    async fn run(&self, env: TestEnv<'_>, from: &Backup) -> anyhow::Result<TestRestoreResult> {
        test_restore::run(env, from).await
    }
}
