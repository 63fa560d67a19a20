//! Test restore: restores a backup into a temporary server of the same image, and compares.
//!
//! If the test restore is not possible, that is an error; if the backup is bad, that is a result. A server that is
//! killed during the restore proves nothing about the backup.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, bail};

use super::disk_space::{self, SpaceNeeded};
use super::source::{recorded, snapshot};
use super::stage::{self, Visibility};
use crate::backup::driver::cancellation::Cancellation;
use crate::backup::driver::qdrant::save::manual_restore;
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::server::error::ApiError;
use crate::backup::driver::qdrant::server::ready;
use crate::backup::driver::qdrant::state::{equal, fingerprint};
use crate::backup::driver::qdrant::timeouts::Timeouts;
use crate::backup::driver::scratch::{ScratchServer, ScratchSetup, ScratchVerdict, TestEnv, random, try_out};
use crate::backup::fingerprint::QdrantFingerprint;
use crate::backup::store::Backup;
use crate::backup::test_restore::TestRestoreResult;
use crate::progress::Task;
use crate::secret::Secret;

pub(crate) async fn run(
    env: TestEnv<'_>,
    from: &Backup,
    timeouts: Timeouts,
) -> anyhow::Result<TestRestoreResult> {
    let expected = recorded(from)?;
    if let Some(name) = expected
        .collections
        .iter()
        .find_map(|(name, one)| manual_restore::is_custom_sharded(&one.config).then_some(name))
    {
        bail!(
            "collection `{name}` has custom sharding, which Qdrant cannot restore over its API (qdrant#10135), so a test restore is not possible"
        );
    }
    let setup = ScratchSetup::empty(from.manifest.kind, environment()?);
    let (backup, limit) = (from.clone(), env.ready_timeout);
    try_out(
        env,
        from,
        setup,
        Box::new(move |scratch, task| {
            Box::pin(async move {
                ready::wait(scratch.target(), limit)
                    .await
                    .context("the temporary server does not respond")?;
                restore_and_compare(scratch, &backup, timeouts, task).await
            })
        }),
    )
    .await
}

/// No cluster, no telemetry, and a key that nobody else knows.
fn environment() -> anyhow::Result<BTreeMap<String, Secret>> {
    Ok(BTreeMap::from([
        ("QDRANT__TELEMETRY_DISABLED".to_owned(), Secret::new("true")),
        ("QDRANT__CLUSTER__ENABLED".to_owned(), Secret::new("false")),
        ("QDRANT__SERVICE__API_KEY".to_owned(), Secret::new(random(24)?)),
    ]))
}

async fn restore_and_compare(
    scratch: &ScratchServer,
    from: &Backup,
    timeouts: Timeouts,
    task: &Arc<dyn Task>,
) -> anyhow::Result<ScratchVerdict> {
    let client = Client::connect(scratch.target()).await?;
    if let Some(saved) = from.manifest.server.as_deref()
        && saved != client.version()
    {
        bail!(
            "the backup is from Qdrant {saved}, and the image `{}` contains {}: a test restore would prove nothing",
            from.manifest.image,
            client.version()
        );
    }
    let largest = from.manifest.artifacts.iter().map(|artifact| artifact.bytes).max().unwrap_or(0);
    disk_space::ensure(scratch.target(), SpaceNeeded { storage: from.bytes(), snapshots: largest }).await?;
    let expected = recorded(from)?;
    let reasons = match fill(&client, from, expected, timeouts, task).await {
        Ok(()) => {
            task.detail("comparing");
            let found = fingerprint::take(&client, scratch.target()).await?;
            equal::differences(expected, &found.fingerprint)
        }
        Err(error) => vec![blamed(scratch, error).await?],
    };
    Ok(ScratchVerdict { server: Some(client.version().to_owned()), contents: None, reasons })
}

/// Restores every collection and alias.
async fn fill(
    client: &Client,
    from: &Backup,
    expected: &QdrantFingerprint,
    timeouts: Timeouts,
    task: &Arc<dyn Task>,
) -> anyhow::Result<()> {
    for (name, collection) in &expected.collections {
        let snapshot = snapshot(from, name, collection, Arc::clone(task), timeouts)?;
        // Remarks about the backup show in the comparison, too.
        stage::put(client, name, &snapshot, Visibility::Private, &Cancellation::never())
            .await
            .with_context(|| format!("collection `{name}` cannot be restored"))?;
    }
    for (alias, collection) in &expected.aliases {
        client.create_alias(alias, collection).await?;
    }
    Ok(())
}

/// The reason, if it is the fault of the backup; otherwise an error.
async fn blamed(scratch: &ScratchServer, error: anyhow::Error) -> anyhow::Result<String> {
    let is_unreachable =
        error.chain().any(|cause| matches!(cause.downcast_ref(), Some(ApiError::Unreachable { .. })));
    if is_unreachable && scratch.runs().await? {
        return Err(error.context("the temporary server failed, for a reason unrelated to the backup"));
    }
    scratch.blame(error).await
}
