//! Qdrant: saved as the server's own snapshots, one for each collection, with exact counts before and after.

mod cancellation;
#[cfg(test)]
mod examples;
mod export;
mod names;
mod restore;
mod save;
mod server;
mod state;
mod timeouts;

use std::time::Duration;

use async_trait::async_trait;

use super::scratch::TestEnv;
use super::{Driver, Dump, Exported, Plan, Request, Restored, Target};
use crate::backup::export::{Contents, Sink};
use crate::backup::fingerprint::{Difference, Fingerprint};
use crate::backup::proof::Trial;
use crate::backup::store::{Backup, Staging};
use crate::policy::Clearance;
use restore::{Restoring, plan, proof};
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

    /// With other waits than the usual ones.
    #[must_use]
    pub const fn with_patience(timeouts: Timeouts) -> Self {
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
    async fn fingerprint(&self, target: Target<'_>) -> anyhow::Result<Fingerprint> {
        let client = Client::connect(target).await?;
        Ok(Fingerprint::Qdrant(fingerprint::take(&client, target).await?.fingerprint))
    }

    async fn wait_ready(&self, target: Target<'_>, limit: Duration) -> anyhow::Result<()> {
        ready::wait(target, limit).await
    }

    fn compare(&self, recorded: &Fingerprint, now: &Fingerprint) -> Vec<Difference> {
        match (recorded, now) {
            (Fingerprint::Qdrant(recorded), Fingerprint::Qdrant(now)) => compare::compare(recorded, now),
            // Recorded when it was taken for plain files: what is wrong now shows without it.
            (Fingerprint::Volume { .. }, Fingerprint::Qdrant(now)) => compare::compare(now, now),
            (_, Fingerprint::Volume { .. }) => Vec::new(),
        }
    }

    async fn cluster(&self, target: Target<'_>) -> anyhow::Result<Vec<String>> {
        let client = Client::connect_all(target).await?;
        let Some(cluster) = client.cluster() else { return Ok(Vec::new()) };
        Ok(cluster.stores().map(str::to_owned).chain([target.store.id.clone()]).collect())
    }

    async fn is_unchanged_since(&self, target: Target<'_>, backup: &Backup) -> anyhow::Result<bool> {
        unchanged::since(target, backup).await
    }

    async fn dump(
        &self,
        target: Target<'_>,
        previous: Option<&Backup>,
        into: &mut Staging,
    ) -> anyhow::Result<Dump> {
        save::dump(target, previous, into, self.timeouts).await
    }

    async fn plan_restore(
        &self,
        target: Target<'_>,
        from: &Backup,
        request: &Request,
    ) -> anyhow::Result<Plan> {
        plan::plan(target, from, request).await
    }

    async fn restore(
        &self,
        target: Target<'_>,
        from: &Backup,
        plan: &Plan,
        request: &Request,
        proof: &Clearance,
    ) -> anyhow::Result<Restored> {
        restore::restore(target, &Restoring { from, plan, request, timeouts: self.timeouts }, proof).await
    }

    fn can_try(&self) -> bool {
        true
    }

    async fn try_out(&self, ground: TestEnv<'_>, from: &Backup) -> anyhow::Result<Trial> {
        proof::try_out(ground, from, *self).await
    }

    async fn export(&self, target: Target<'_>, sink: &Sink) -> anyhow::Result<Exported> {
        export::take(target, sink, self.timeouts).await
    }

    async fn plan_import(
        &self,
        target: Target<'_>,
        from: &Contents,
        request: &Request,
    ) -> anyhow::Result<Plan> {
        export::plan(target, from, request).await
    }

    async fn import(
        &self,
        target: Target<'_>,
        from: &Contents,
        plan: &Plan,
        request: &Request,
        proof: &Clearance,
    ) -> anyhow::Result<Restored> {
        let importing = export::Importing { from, plan, request, timeouts: self.timeouts };
        export::import(target, &importing, proof).await
    }
}
