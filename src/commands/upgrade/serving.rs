//! Waits until a service works with its new image.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::commands::context::{ProjectContext, no_engine};
use crate::engine::{Container, ContainerState};
use crate::error::Failure;
use crate::exit::Exit;
use crate::inventory::{Store, StoreKind, known};

const PAUSE: Duration = Duration::from_millis(300);

/// How long a server that cannot be asked has to run before it counts as started.
const SETTLED: Duration = Duration::from_secs(5);

/// The kind of a store by its program, for questions to its server.
pub(super) fn kind_of(store: &Store) -> StoreKind {
    store.container.as_ref().and_then(known::sql_server).map_or(store.kind, StoreKind::Sql)
}

/// Waits until the server answers, and its health check, if it has one, says so too.
pub(super) async fn wait_until_it_serves(cx: &ProjectContext<'_>, store: &Store) -> Result<(), Failure> {
    let name = &store.service;
    let failed = |error: anyhow::Error| {
        Failure::new(Exit::BackupFailed, format!("`{name}` does not work with its new image")).because(error)
    };
    let Some(container) = &store.container else {
        return Err(failed(anyhow::anyhow!("it has no container")));
    };
    let limit = cx.command.ready_timeout();
    let kind = kind_of(store);
    let asked = Store { kind, ..store.clone() };
    let meter = cx.ui().meter();
    let ready = async {
        match kind {
            StoreKind::Volume => sleep(SETTLED).await,
            StoreKind::Qdrant | StoreKind::Sql(_) => {
                kind.driver().wait_ready(cx.target(&asked, &meter), limit).await.map_err(failed)?;
            }
        }
        healthy(cx, container, limit).await.map_err(failed)
    };
    tokio::select! {
        ready = ready => ready,
        failure = stopped(cx, container) => Err(failure?.map_or_else(
            || failed(anyhow::anyhow!("its container is gone")),
            |container| failed(anyhow::anyhow!("its container ended with exit code {}", container.exit_code)),
        )),
    }
}

/// Ends when a container does not run any more.
async fn stopped(cx: &ProjectContext<'_>, container: &Container) -> Result<Option<Container>, Failure> {
    loop {
        sleep(PAUSE).await;
        let now = cx.engine.inspect(&container.id).await.map_err(no_engine)?;
        match now.as_ref().map(|now| now.state) {
            Some(ContainerState::Running | ContainerState::Paused | ContainerState::Created) => {}
            Some(
                ContainerState::Restarting
                | ContainerState::Exited
                | ContainerState::Dead
                | ContainerState::Removing,
            )
            | None => return Ok(now),
        }
    }
}

async fn healthy(cx: &ProjectContext<'_>, container: &Container, limit: Duration) -> anyhow::Result<()> {
    let deadline = Instant::now() + limit;
    loop {
        let now = cx.engine.inspect(&container.id).await?;
        match now.and_then(|now| now.health).as_deref() {
            None | Some("healthy" | "none") => return Ok(()),
            Some("unhealthy") => anyhow::bail!("its health check fails"),
            Some(_) if Instant::now() >= deadline => {
                anyhow::bail!("its health check does not succeed in time")
            }
            Some(_) => sleep(PAUSE).await,
        }
    }
}
