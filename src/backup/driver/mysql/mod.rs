//! MySQL and MariaDB: a running server is backed up with `mysqldump` or `mariadb-dump` of its own image, and its databases are
//! restored with its client.
//!
//! The programs run in the server's container and connect over its local socket. Where they are missing or fail, the error
//! is a [`super::tool::ToolFailed`], and the files can be copied instead.

mod client;
mod plan;
mod redo;
mod restore;
mod rows;
mod save;
mod server;
mod test_restore;
mod users;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::ensure;
use async_trait::async_trait;

use super::scratch::TestEnv;
use super::{Driver, DriverTarget, Dump, RestoreOptions, RestorePlan, Restored, TestRestore, databases};
use crate::backup::fingerprint::database_position::DatabasePosition;
use crate::backup::fingerprint::{DatabaseFingerprint, DatabasesFingerprint, Difference, Fingerprint};
use crate::backup::manifest::ArtifactContents;
use crate::backup::store::{Backup, Staging};
use crate::backup::test_restore::TestRestoreResult;
use crate::policy::Clearance;

/// The driver of `StoreKind::Sql(SqlServer::MySql)`.
#[derive(Debug, Clone, Copy, Default)]
pub struct MySqlDriver;

#[async_trait]
impl Driver for MySqlDriver {
    /// Counts the rows of every table.
    async fn fingerprint(&self, target: DriverTarget<'_>) -> anyhow::Result<Fingerprint> {
        let version = server::ask(target).await?.version;
        let mut databases = BTreeMap::new();
        for database in server::databases(target).await? {
            let tables = server::rows(target, &database.name).await?;
            let objects = server::objects(target, &database.name).await?;
            databases.insert(
                database.name,
                DatabaseFingerprint { tables, objects, ..DatabaseFingerprint::default() },
            );
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
        let Some(DatabasePosition::MySql(then)) = databases::recorded(backup)?.position.as_deref() else {
            return Ok(false);
        };
        if target.container()?.started.as_ref() != Some(&then.started)
            || redo::lsn(target).await != Some(then.lsn)
        {
            return Ok(false);
        }
        let server = server::ask(target).await?;
        Ok(redo::if_still_at(target, &server, then.lsn).await?.as_ref() == Some(then))
    }

    fn test_restore(&self, _image: &str) -> Option<&dyn TestRestore> {
        Some(self)
    }

    /// Every database that was counted has its dump.
    async fn check_contents(&self, backup: &Backup) -> anyhow::Result<()> {
        for name in databases::recorded(backup)?.databases.keys() {
            let is_dump = |contents: &ArtifactContents| matches!(contents, ArtifactContents::DatabaseDump { database } if database == name);
            ensure!(
                backup.manifest.artifacts.iter().any(|artifact| is_dump(&artifact.contents)),
                "it has no dump of database `{name}`"
            );
        }
        Ok(())
    }
}

#[async_trait]
impl TestRestore for MySqlDriver {
    async fn run(&self, env: TestEnv<'_>, from: &Backup) -> anyhow::Result<TestRestoreResult> {
        test_restore::run(env, from).await
    }
}
