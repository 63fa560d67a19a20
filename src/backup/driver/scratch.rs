//! A temporary server: a scratch container of the engine, for a driver to restore a backup into.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::target::DriverTarget;
use crate::backup::store::Backup;
use crate::engine::{Container, Engine, Scratch, ScratchLimits};
use crate::inventory::Store;
use crate::progress::{Progress, Silent};
use crate::secret::Secret;

/// How often removing the container is tried.
const TRIES: u32 = 5;

/// The memory for each container, at least: enough for an empty server.
const LEAST_MEMORY: u64 = 1 << 30;

/// Where test restores run.
#[derive(Clone, Copy)]
pub struct TestEnv<'a> {
    pub engine: &'a dyn Engine,
    /// The engine's network is that of this machine.
    pub local: bool,
    pub progress: &'a dyn Progress,
    /// Who runs the test restore. Only one may run for each owner: containers of the same owner are removed first.
    pub owner: &'a str,
    /// How long a server may take to respond after its start.
    pub ready_timeout: Duration,
}

/// A running scratch container. [`ScratchServer::clear`] removes it; if it is dropped without that, the next test
/// restore of the same owner removes it.
pub(super) struct ScratchServer {
    engine: Arc<dyn Engine>,
    local: bool,
    name: String,
    store: Store,
}

impl ScratchServer {
    /// Removes what killed test restores of this owner left behind, and starts a new server.
    pub(super) async fn start(
        engine: Arc<dyn Engine>,
        local: bool,
        owner: &str,
        from: &Backup,
        environment: BTreeMap<String, Secret>,
    ) -> anyhow::Result<Self> {
        for left in engine.scratch_containers(owner).await? {
            engine
                .remove_scratch(&left)
                .await
                .context("the temporary server of an earlier test restore cannot be removed")?;
        }
        let image = image(engine.as_ref(), from).await?;
        let scratch = Scratch {
            name: format!("safe-compose-scratch-{}", random(6)?),
            owner: owner.to_owned(),
            image: image.clone(),
            environment,
            limits: ScratchLimits {
                // The whole backup in memory, and once more for what a server builds from it.
                memory: LEAST_MEMORY + 2 * from.bytes(),
                millicpus: 2000,
                processes: 4096,
            },
        };
        let container = engine.start_scratch(&scratch).await?;
        let store = Store {
            id: from.manifest.service.clone(),
            service: scratch.name.clone(),
            kind: from.manifest.kind,
            container: Some(container),
            image: Some(image),
            locations: Vec::new(),
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
            quiesce: None,
        }
    }

    /// Its current state; `None` if it is gone.
    pub(super) async fn container(&self) -> anyhow::Result<Option<Container>> {
        Ok(self.engine.inspect(&self.name).await?)
    }

    /// Removes it and everything it wrote.
    pub(super) async fn clear(self) -> anyhow::Result<()> {
        let mut tried = 0;
        loop {
            tried += 1;
            match self.engine.remove_scratch(&self.name).await {
                Ok(()) => return Ok(()),
                Err(_) if tried < TRIES => tokio::time::sleep(Duration::from_millis(500)).await,
                Err(error) => {
                    return Err(anyhow::Error::from(error).context(format!(
                        "the temporary container `{}` could not be removed; run `docker rm -f -v {}`, or the next test restore removes it",
                        self.name, self.name
                    )));
                }
            }
        }
    }
}

/// The image that the backup was taken from: by its id, or by its name if the engine no longer has the id. Nothing is
/// pulled.
async fn image(engine: &dyn Engine, from: &Backup) -> anyhow::Result<String> {
    let manifest = &from.manifest;
    for reference in [&manifest.image_id, &manifest.image] {
        if !reference.is_empty() && engine.image(reference).await?.is_some() {
            return Ok(reference.clone());
        }
    }
    bail!(
        "the engine does not have the image `{}`, and a test restore pulls nothing: run `docker pull {}`",
        manifest.image,
        manifest.image
    )
}

/// This many random bytes, in lowercase hex.
pub(super) fn random(bytes: usize) -> anyhow::Result<String> {
    let mut buffer = vec![0; bytes];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut buffer))
        .context("`/dev/urandom` cannot be read")?;
    Ok(hex::encode(buffer))
}
