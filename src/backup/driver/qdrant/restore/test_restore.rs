//! Tries a backup out: puts it into a scratch server of the same image, and compares what comes out.
//!
//! What goes wrong is of two kinds. That nothing could be tried is an error; that the backup did not come out is what the
//! trial has shown. A server that is killed while it takes the backup in tells nothing about it.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, bail};

use super::disk_space::{self, SpaceNeeded};
use super::source::{recorded, snapshot};
use super::stage::{self, Visibility};
use crate::backup::driver::Driver as _;
use crate::backup::driver::qdrant::QdrantDriver;
use crate::backup::driver::qdrant::cancellation::{Cancellation, run_to_completion};
use crate::backup::driver::qdrant::save::manual_restore;
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::server::error::ApiError;
use crate::backup::driver::qdrant::state::equal;
use crate::backup::driver::scratch::{ScratchServer, TestEnv, random};
use crate::backup::fingerprint::{Fingerprint, QdrantFingerprint};
use crate::backup::store::Backup;
use crate::backup::test_restore::TestRestoreResult;
use crate::progress::{Task, Unit};
use crate::secret::Secret;

/// The exit code of a container that the kernel or the engine has killed.
const KILLED: i64 = 137;

pub(crate) async fn run(
    env: TestEnv<'_>,
    from: &Backup,
    driver: QdrantDriver,
) -> anyhow::Result<TestRestoreResult> {
    let expected = recorded(from)?;
    if let Some(name) = expected
        .collections
        .iter()
        .find_map(|(name, one)| manual_restore::is_custom_sharded(&one.config).then_some(name))
    {
        bail!(
            "collection `{name}` is sharded by hand, which no server takes in over its interface (qdrant#10135), so that \
             nothing can be tried"
        );
    }
    let title = format!("trying `{}` out", from.name());
    let task: Arc<dyn Task> = Arc::from(env.progress.begin(&title, Unit::Bytes, Some(from.bytes())));
    let (engine, local, owner) = (env.engine.shared(), env.local, env.owner.to_owned());
    let (timeouts, from) = (env.ready_timeout, from.clone());
    run_to_completion(async move |cancellation: Cancellation| {
        // Whoever presses Ctrl-C waits until the scratch server is gone again.
        let _cleared = cancellation.commit()?;
        task.detail("starting a scratch server");
        let scratch = ScratchServer::start(engine, local, &owner, &from, environment()?).await?;
        let trial = cancellation
            .unless_cancelled(async {
                driver
                    .wait_ready(scratch.target(), timeouts)
                    .await
                    .context("the scratch server does not answer")?;
                restore_and_compare(&scratch, &from, driver, &task).await
            })
            .await;
        task.detail("removing the scratch server");
        let cleared = scratch.clear().await;
        let trial = trial?;
        cleared?;
        Ok(trial)
    })
    .await
}

/// Alone, silent, and locked for everybody but us.
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
    driver: QdrantDriver,
    task: &Arc<dyn Task>,
) -> anyhow::Result<TestRestoreResult> {
    let client = Client::connect(scratch.target()).await?;
    if let Some(saved) = from.manifest.server.as_deref()
        && saved != client.version()
    {
        bail!(
            "the backup is of Qdrant {saved}, and the engine's image `{}` has {}: that would prove nothing",
            from.manifest.image,
            client.version()
        );
    }
    let largest = from.manifest.artifacts.iter().map(|artifact| artifact.bytes).max().unwrap_or(0);
    disk_space::ensure(scratch.target(), SpaceNeeded { storage: from.bytes(), snapshots: largest }).await?;
    let expected = recorded(from)?;
    let reasons = match fill(&client, from, expected, driver, task).await {
        Ok(()) => {
            task.detail("comparing");
            let Fingerprint::Qdrant(found) = driver.fingerprint(scratch.target()).await? else {
                bail!("the scratch server is no Qdrant")
            };
            equal::differences(expected, &found)
        }
        Err(error) => vec![blamed(scratch, error).await?],
    };
    Ok(TestRestoreResult {
        image: from.manifest.image.clone(),
        server: Some(client.version().to_owned()),
        reasons,
    })
}

/// Puts every collection in, and leads the aliases to them.
async fn fill(
    client: &Client,
    from: &Backup,
    expected: &QdrantFingerprint,
    driver: QdrantDriver,
    task: &Arc<dyn Task>,
) -> anyhow::Result<()> {
    for (name, collection) in &expected.collections {
        let snapshot = snapshot(from, name, collection, Arc::clone(task), driver.timeouts)?;
        // What it remarks shows in the comparison too, where it is about the backup.
        stage::put(client, name, &snapshot, Visibility::Private, &Cancellation::never())
            .await
            .with_context(|| format!("collection `{name}` cannot be put back"))?;
    }
    for (alias, collection) in &expected.aliases {
        client.create_alias(alias, collection).await?;
    }
    Ok(())
}

/// The reason, where it is the backup's fault; an error where it tells nothing about the backup.
async fn blamed(scratch: &ScratchServer, error: anyhow::Error) -> anyhow::Result<String> {
    let reason = format!("{error:#}");
    let Some(container) = scratch.container().await? else {
        return Err(error.context("somebody has removed the scratch server"));
    };
    if container.is_running() {
        let unreachable =
            error.chain().any(|cause| matches!(cause.downcast_ref(), Some(ApiError::Unreachable { .. })));
        // The engine's disk and memory are no business of the backup.
        if unreachable || reason.contains("No space left on device") {
            return Err(error.context("the scratch server could not take it in"));
        }
        return Ok(reason);
    }
    if container.exit_code == KILLED {
        return Err(error.context("the scratch server was killed: it has most likely run out of memory"));
    }
    Ok(format!("the server ended with exit code {} over it: {reason}", container.exit_code))
}
