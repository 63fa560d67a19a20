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
use crate::backup::driver::cancellation::{Cancellation, run_to_completion};
use crate::backup::driver::qdrant::save::manual_restore;
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::server::error::ApiError;
use crate::backup::driver::qdrant::server::ready;
use crate::backup::driver::qdrant::state::{equal, fingerprint};
use crate::backup::driver::qdrant::timeouts::Timeouts;
use crate::backup::driver::scratch::{ScratchServer, TestEnv, random};
use crate::backup::fingerprint::QdrantFingerprint;
use crate::backup::store::Backup;
use crate::backup::test_restore::TestRestoreResult;
use crate::progress::{Task, Unit};
use crate::secret::Secret;

/// The exit code of a container that the kernel or the engine killed.
const KILLED: i64 = 137;

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
    let title = format!("test restore of `{}`", from.name());
    let task: Arc<dyn Task> = Arc::from(env.progress.begin(&title, Unit::Bytes, Some(from.bytes())));
    let (engine, local, owner) = (env.engine.shared(), env.local, env.owner.to_owned());
    let (ready_timeout, from) = (env.ready_timeout, from.clone());
    run_to_completion(async move |cancellation: Cancellation| {
        // Ctrl-C waits until the temporary server is removed.
        let _cleared = cancellation.commit()?;
        task.detail("starting a temporary server");
        let scratch = ScratchServer::start(engine, local, &owner, &from, environment()?).await?;
        let result = cancellation
            .unless_cancelled(async {
                ready::wait(scratch.target(), ready_timeout)
                    .await
                    .context("the temporary server does not respond")?;
                restore_and_compare(&scratch, &from, timeouts, &task).await
            })
            .await;
        task.detail("removing the temporary server");
        let cleared = scratch.clear().await;
        let result = result?;
        cleared?;
        Ok(result)
    })
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
) -> anyhow::Result<TestRestoreResult> {
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
    Ok(TestRestoreResult {
        image: from.manifest.image.clone(),
        server: Some(client.version().to_owned()),
        reasons,
    })
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
    let reason = format!("{error:#}");
    let Some(container) = scratch.container().await? else {
        return Err(error.context("the temporary server was removed by something else"));
    };
    if container.is_running() {
        let unreachable =
            error.chain().any(|cause| matches!(cause.downcast_ref(), Some(ApiError::Unreachable { .. })));
        // A full disk of the engine proves nothing about the backup.
        if unreachable || reason.contains("No space left on device") {
            return Err(error.context("the temporary server failed, for a reason unrelated to the backup"));
        }
        return Ok(reason);
    }
    if container.exit_code == KILLED {
        return Err(
            error.context("the temporary server was killed, most likely because it ran out of memory")
        );
    }
    Ok(format!("the server exited with code {} during the restore: {reason}", container.exit_code))
}
