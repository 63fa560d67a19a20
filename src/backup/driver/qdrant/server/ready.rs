//! Waits until a server responds.
//!
//! Qdrant opens its port only when every collection is loaded (`src/main.rs`), so a response means more than its
//! `/readyz`, which a single node answers at once.

use std::time::Duration;

use anyhow::{anyhow, bail};
use tokio::time::{Instant, sleep};

use super::client::Client;
use super::cluster;
use super::error::ApiError;
use crate::backup::driver::DriverTarget;
use crate::engine::{Container, ContainerState};
use crate::progress::Unit;

const PAUSE: Duration = Duration::from_millis(300);

pub(crate) async fn wait(target: DriverTarget<'_>, limit: Duration) -> anyhow::Result<()> {
    let deadline = Instant::now() + limit;
    let title = format!("waiting for `{}`", target.store.service);
    let task = target.progress.begin(&title, Unit::Time, None);
    let mut store = target.store.clone();
    loop {
        let reason = match ask(DriverTarget { store: &store, ..target }, deadline).await {
            Ok(()) => return Ok(()),
            Err(error) if is_final(&error) => return Err(error),
            Err(error) => error,
        };
        if Instant::now() >= deadline {
            let waited = crate::units::Age(limit);
            return Err(reason.context(format!("`{}` did not answer within {waited}", target.store.service)));
        }
        let container = DriverTarget { store: &store, ..target }.container()?;
        task.detail(&detail(container));
        sleep(PAUSE).await;
        store.container = Some(again(target, container.clone()).await?);
    }
}

/// One attempt, which may exceed the limit by a second.
async fn ask(target: DriverTarget<'_>, deadline: Instant) -> anyhow::Result<()> {
    let grace = Duration::from_secs(1);
    let asked = async {
        let client = Client::connect(target).await?;
        let names = client.collections().await?;
        cluster::ensure_cluster_ready(&client, &names).await
    };
    tokio::time::timeout_at(deadline + grace, asked)
        .await
        .unwrap_or_else(|_| Err(anyhow!("the last attempt got no response")))
}

/// Waiting does not make a key valid.
fn is_final(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(ApiError::Key { .. } | ApiError::Permission { .. }))
}

/// The current state and ports of the container, which a start may have changed.
async fn again(target: DriverTarget<'_>, known: Container) -> anyhow::Result<Container> {
    // A short failure of the engine does not end the wait.
    let Ok(now) = target.engine.inspect(&known.id).await else { return Ok(known) };
    let Some(now) = now else {
        bail!("container `{}` is gone", known.name);
    };
    match now.state {
        ContainerState::Exited | ContainerState::Dead | ContainerState::Removing => {
            bail!("container `{}` has stopped with exit code {}", now.name, now.exit_code)
        }
        ContainerState::Paused => bail!("container `{}` is paused", now.name),
        ContainerState::Created | ContainerState::Running | ContainerState::Restarting => Ok(now),
    }
}

fn detail(container: &Container) -> String {
    match (container.state, container.health.as_deref()) {
        (ContainerState::Restarting, _) => {
            format!("it is restarting after exit code {}", container.exit_code)
        }
        (ContainerState::Created, _) => "it is not started yet".to_owned(),
        (_, Some(health)) => format!("it is {health}"),
        (_, None) => "it is loading its collections".to_owned(),
    }
}
