//! A server for a moment: a scratch container of the engine, for a driver to put a backup into.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::DriverTarget;
use crate::backup::store::Backup;
use crate::engine::{Container, Engine, Limits, Scratch};
use crate::inventory::{Store, StoreKind};
use crate::progress::{Progress, Silent};
use crate::secret::Secret;

/// How often the engine is asked to remove one before it is given up.
const TRIES: u32 = 5;

/// What an engine may take for each, at least: enough for a server with nothing in it.
const LEAST_MEMORY: u64 = 1 << 30;

/// Where a backup is tried out.
#[derive(Clone, Copy)]
pub struct TestEnv<'a> {
    pub engine: &'a dyn Engine,
    /// The engine's network is that of this machine.
    pub local: bool,
    pub progress: &'a dyn Progress,
    /// Who tries. Nobody else may be at it under the same name: what bears it is removed first.
    pub owner: &'a str,
    /// How long a server may take to answer after its start.
    pub ready_timeout: Duration,
}

/// A running scratch container. [`ScratchServer::clear`] removes it; whoever drops it without leaves it to the next trial of the
/// same owner.
pub(super) struct ScratchServer {
    engine: Arc<dyn Engine>,
    local: bool,
    name: String,
    store: Store,
}

impl ScratchServer {
    /// Removes what killed trials of this owner have left behind, and starts a new one.
    pub(super) async fn start(
        engine: Arc<dyn Engine>,
        local: bool,
        owner: &str,
        from: &Backup,
        environment: BTreeMap<String, Secret>,
    ) -> anyhow::Result<Self> {
        for left in engine.scratches(owner).await? {
            engine
                .remove_scratch(&left)
                .await
                .context("what an earlier trial has left behind is in the way")?;
        }
        let image = image(engine.as_ref(), from).await?;
        let scratch = Scratch {
            name: format!("safe-compose-scratch-{}", random(6)?),
            owner: owner.to_owned(),
            image: image.clone(),
            environment,
            limits: Limits {
                // All of it in memory, and once more for what a server builds of it.
                memory: LEAST_MEMORY + 2 * from.bytes(),
                millicpus: 2000,
                processes: 4096,
            },
        };
        let container = engine.start_scratch(&scratch).await?;
        let store = Store {
            id: from.manifest.service.clone(),
            service: scratch.name.clone(),
            kind: StoreKind::Qdrant,
            container: Some(container),
            image: Some(image),
            places: Vec::new(),
        };
        Ok(Self { engine, local, name: scratch.name, store })
    }

    pub(super) fn target(&self) -> DriverTarget<'_> {
        DriverTarget {
            stores: &[],
            engine: self.engine.as_ref(),
            local: self.local,
            store: &self.store,
            progress: &Silent,
            api_key: None,
        }
    }

    /// How it is now; `None` when it is gone.
    pub(super) async fn container(&self) -> anyhow::Result<Option<Container>> {
        Ok(self.engine.inspect(&self.name).await?)
    }

    /// Removes it, with everything it wrote.
    pub(super) async fn clear(self) -> anyhow::Result<()> {
        let mut tried = 0;
        loop {
            tried += 1;
            match self.engine.remove_scratch(&self.name).await {
                Ok(()) => return Ok(()),
                Err(_) if tried < TRIES => tokio::time::sleep(Duration::from_millis(500)).await,
                Err(error) => {
                    return Err(anyhow::Error::from(error).context(format!(
                        "the scratch container `{}` could not be removed: `docker rm -f -v {}` does it, and so does the \
                         next trial",
                        self.name, self.name
                    )));
                }
            }
        }
    }
}

/// The image that the backup was taken from: by its id, and where the engine has that no more by its name. Nothing is
/// pulled.
async fn image(engine: &dyn Engine, from: &Backup) -> anyhow::Result<String> {
    let manifest = &from.manifest;
    for reference in [&manifest.image_id, &manifest.image] {
        if !reference.is_empty() && engine.image(reference).await?.is_some() {
            return Ok(reference.clone());
        }
    }
    bail!(
        "the engine has no image `{}` to try it in, and nothing is pulled for that: `docker pull {}` gets it",
        manifest.image,
        manifest.image
    )
}

/// So many bytes that nobody can guess, in lowercase hex.
pub(super) fn random(bytes: usize) -> anyhow::Result<String> {
    let mut buffer = vec![0; bytes];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut buffer))
        .context("`/dev/urandom` cannot be read")?;
    Ok(hex::encode(buffer))
}
