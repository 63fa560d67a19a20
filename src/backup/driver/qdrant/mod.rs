//! Qdrant: backed up as the server's own snapshots, one for each collection, with exact counts before and after.

pub(crate) mod archive;
mod export;
#[cfg(test)]
mod fixtures;
mod names;
mod restore;
mod save;
pub(crate) mod server;
pub(crate) mod state;
mod timeouts;
pub mod upgrade;

use std::time::Duration;

use async_trait::async_trait;

use super::scratch::TestEnv;
use super::{
    Driver, DriverTarget, Dump, Exported, PortableFormat, RestoreOptions, RestorePlan, Restored, TestRestore,
};
use crate::backup::export::{ExportContents, ExportSink};
use crate::backup::fingerprint::{Difference, Fingerprint};
use crate::backup::store::{Backup, Staging};
use crate::backup::test_restore::TestRestoreResult;
use crate::policy::Clearance;
use restore::{RestoreJob, plan, test_restore};
use save::unchanged;
use server::client::Client;
use server::ready;
use state::{compare, fingerprint};
pub use timeouts::Timeouts;

/// The driver of `StoreKind::Qdrant`.
#[derive(Debug, Clone, Copy)]
pub struct QdrantDriver {
    timeouts: Timeouts,
}

impl QdrantDriver {
    pub const fn new() -> Self {
        Self { timeouts: Timeouts::USUAL }
    }

    /// With other timeouts than the usual ones.
    #[cfg(any(test, feature = "internals"))]
    #[must_use]
    pub const fn with_timeouts(timeouts: Timeouts) -> Self {
        Self { timeouts }
    }
}

impl Default for QdrantDriver {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Driver for QdrantDriver {
    async fn fingerprint(&self, target: DriverTarget<'_>) -> anyhow::Result<Fingerprint> {
        let client = Client::connect(target).await?;
        Ok(Fingerprint::Qdrant(fingerprint::take(&client, target).await?.fingerprint))
    }

    async fn wait_ready(&self, target: DriverTarget<'_>, limit: Duration) -> anyhow::Result<()> {
        ready::wait(target, limit).await
    }

    fn compare(&self, recorded: &Fingerprint, now: &Fingerprint) -> Vec<Difference> {
        match (recorded, now) {
            (Fingerprint::Qdrant(recorded), Fingerprint::Qdrant(now)) => compare::compare(recorded, now),
            // Recorded as plain files: a comparison with itself shows what is wrong now.
            (Fingerprint::Volume { .. } | Fingerprint::Databases(_), Fingerprint::Qdrant(now)) => {
                compare::compare(now, now)
            }
            (_, Fingerprint::Volume { .. } | Fingerprint::Databases(_)) => Vec::new(),
        }
    }

    async fn cluster(&self, target: DriverTarget<'_>) -> anyhow::Result<Vec<String>> {
        let client = Client::connect_all(target).await?;
        let Some(cluster) = client.cluster() else { return Ok(Vec::new()) };
        Ok(cluster.stores().map(str::to_owned).chain([target.store.id.clone()]).collect())
    }

    async fn is_unchanged_since(&self, target: DriverTarget<'_>, backup: &Backup) -> anyhow::Result<bool> {
        unchanged::since(target, backup).await
    }

    async fn dump(
        &self,
        target: DriverTarget<'_>,
        previous: Option<&Backup>,
        into: &mut Staging,
    ) -> anyhow::Result<Dump> {
        save::dump(target, previous, into, self.timeouts).await
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
        options: &RestoreOptions,
        proof: &Clearance,
    ) -> anyhow::Result<Restored> {
        restore::restore(target, &RestoreJob { from, plan, options, timeouts: self.timeouts }, proof).await
    }

    fn test_restore(&self, _image: &str) -> Option<&dyn TestRestore> {
        Some(self)
    }

    fn portable(&self) -> Option<&dyn PortableFormat> {
        Some(self)
    }
}

#[async_trait]
impl TestRestore for QdrantDriver {
    async fn run(&self, env: TestEnv<'_>, from: &Backup) -> anyhow::Result<TestRestoreResult> {
        test_restore::run(env, from, self.timeouts).await
    }
}

#[async_trait]
impl PortableFormat for QdrantDriver {
    async fn export(&self, target: DriverTarget<'_>, sink: &ExportSink) -> anyhow::Result<Exported> {
        export::export(target, sink, self.timeouts).await
    }

    async fn plan_import(
        &self,
        target: DriverTarget<'_>,
        from: &ExportContents,
        options: &RestoreOptions,
    ) -> anyhow::Result<RestorePlan> {
        export::plan(target, from, options).await
    }

    async fn import(
        &self,
        target: DriverTarget<'_>,
        from: &ExportContents,
        plan: &RestorePlan,
        options: &RestoreOptions,
        proof: &Clearance,
    ) -> anyhow::Result<Restored> {
        let job = export::ImportJob { from, plan, options, timeouts: self.timeouts };
        export::import(target, &job, proof).await
    }
}
