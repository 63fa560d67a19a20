//! A temporary server: a scratch container of the engine, for a driver to restore a backup into, or to convert data in.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::time::{Instant, sleep};

use super::cancellation::{Cancellation, run_to_completion};
use super::target::DriverTarget;
use super::volume::pipe;
use crate::backup::store::Backup;
use crate::backup::test_restore::TestRestoreResult;
use crate::engine::{ByteStream, Container, Engine, EngineError, Scratch, ScratchLimits};
use crate::inventory::{Store, StoreKind};
use crate::policy::Clearance;
use crate::progress::{Progress, Silent, Task, Unit};
use crate::secret::Secret;

/// How often removing the container is tried.
const TRIES: u32 = 5;

/// The memory for each container, at least: enough for an empty server.
const LEAST_MEMORY: u64 = 1 << 30;

/// How long to wait before a server is asked again.
const PAUSE: Duration = Duration::from_millis(300);

/// The exit code of a container that the kernel or the engine killed.
const KILLED: i64 = 137;

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
    /// The permission to write into the container that was created for the test restore. Nothing else is written to.
    pub clearance: &'a Clearance,
    /// The last dump that was made of the same store before a copy of its files.
    pub last_dump: Option<&'a Backup>,
}

/// How a temporary server is set up.
#[derive(Debug, Clone)]
pub(super) struct ScratchSetup {
    /// How it is asked.
    pub(super) kind: StoreKind,
    /// Added to the environment of the image.
    pub(super) environment: BTreeMap<String, Secret>,
    /// In place of the command of the image; empty for that.
    pub(super) command: Vec<String>,
    /// What it has when it starts.
    pub(super) files: Vec<ScratchFiles>,
    /// Where it has empty volumes.
    pub(super) empty: Vec<PathBuf>,
    /// Small files in its root directory, which every user in the container may read: names and contents.
    pub(super) notes: Vec<(String, String)>,
}

impl ScratchSetup {
    /// A server without data.
    pub(super) fn empty(kind: StoreKind, environment: BTreeMap<String, Secret>) -> Self {
        Self {
            kind,
            environment,
            command: Vec::new(),
            files: Vec::new(),
            empty: Vec::new(),
            notes: Vec::new(),
        }
    }
}

/// A password that nobody else knows, under each of these names.
pub(super) fn password_in(names: &[&str]) -> anyhow::Result<BTreeMap<String, Secret>> {
    let password = random(16)?;
    Ok(names.iter().map(|name| ((*name).to_owned(), Secret::new(password.as_str()))).collect())
}

/// An archive, and the directory that is in it.
#[derive(Debug, Clone)]
pub(super) struct ScratchFiles {
    pub(super) archive: PathBuf,
    pub(super) target: PathBuf,
}

/// What a temporary server has shown.
pub(super) struct ScratchVerdict {
    /// Its version.
    pub(super) server: Option<String>,
    /// What it has counted, where a copy of files has no counts: `1 database, 1000 rows`.
    pub(super) contents: Option<String>,
    /// What is wrong with the backup.
    pub(super) reasons: Vec<String>,
}

/// The work with a temporary server.
pub(super) type ScratchWork<T> =
    Box<dyn for<'a> FnOnce(&'a mut ScratchServer, &'a Arc<dyn Task>) -> ScratchFuture<'a, T> + Send>;

pub(super) type ScratchFuture<'a, T> = Pin<Box<dyn Future<Output = anyhow::Result<T>> + Send + 'a>>;

/// What a temporary server is started from.
#[derive(Debug, Clone)]
pub(super) struct ScratchOrigin {
    /// Whose data it gets, for messages.
    pub(super) service: String,
    /// An image that the engine has, by its id or its name.
    pub(super) image: String,
    /// How much data it gets, in bytes.
    pub(super) bytes: u64,
}

/// Starts a temporary server of the backup's image, works with it, and removes it, also after Ctrl-C and failures. An error of
/// the work means that nothing was found out about the backup.
pub(super) async fn try_out(
    env: TestEnv<'_>,
    from: &Backup,
    setup: ScratchSetup,
    work: ScratchWork<ScratchVerdict>,
) -> anyhow::Result<TestRestoreResult> {
    let title = format!("test restore of `{}`", from.name());
    let task: Arc<dyn Task> = Arc::from(env.progress.begin(&title, Unit::Bytes, Some(from.bytes())));
    let origin = ScratchOrigin {
        service: from.manifest.service.clone(),
        image: image(env.engine, from).await?,
        bytes: from.bytes(),
    };
    let ScratchVerdict { server, contents, reasons } = with_server(env, task, origin, setup, work).await?;
    Ok(TestRestoreResult { image: from.manifest.image.clone(), server, contents, reasons })
}

/// Starts a temporary server, works with it, and removes it, also after Ctrl-C and failures.
pub(super) async fn with_server<T: Send + 'static>(
    env: TestEnv<'_>,
    task: Arc<dyn Task>,
    origin: ScratchOrigin,
    setup: ScratchSetup,
    work: ScratchWork<T>,
) -> anyhow::Result<T> {
    let (engine, local, owner) = (env.engine.shared(), env.local, env.owner.to_owned());
    let clearance = env.clearance.clone();
    run_to_completion(async move |cancellation: Cancellation| {
        // Ctrl-C waits until the temporary server is removed.
        let _cleared = cancellation.commit()?;
        task.detail("starting a temporary server");
        let mut scratch = ScratchServer::create(engine, local, &owner, origin, &setup).await?;
        let result = cancellation
            .unless_cancelled(async {
                scratch.start(&setup, &clearance).await?;
                work(&mut scratch, &task).await
            })
            .await;
        task.detail("removing the temporary server");
        let cleared = scratch.clear().await;
        let done = result?;
        cleared?;
        Ok(done)
    })
    .await
}

/// A scratch container. [`ScratchServer::clear`] removes it; if it is dropped without that, the next test restore of the
/// same owner removes it.
pub(super) struct ScratchServer {
    engine: Arc<dyn Engine>,
    local: bool,
    name: String,
    store: Store,
}

impl ScratchServer {
    /// Removes what killed test restores of this owner left behind, and creates a container that does not run yet.
    async fn create(
        engine: Arc<dyn Engine>,
        local: bool,
        owner: &str,
        origin: ScratchOrigin,
        setup: &ScratchSetup,
    ) -> anyhow::Result<Self> {
        let ScratchOrigin { service, image, bytes } = origin;
        for left in engine.scratch_containers(owner).await? {
            engine
                .remove_scratch(&left)
                .await
                .context("a temporary server that was left behind cannot be removed")?;
        }
        let scratch = Scratch {
            name: format!("safe-compose-scratch-{}", random(6)?),
            owner: owner.to_owned(),
            image: image.clone(),
            environment: setup.environment.clone(),
            command: setup.command.clone(),
            volumes: setup.files.iter().map(|files| &files.target).chain(&setup.empty).cloned().collect(),
            limits: ScratchLimits {
                // All the data in memory, and once more for what a server builds from it.
                memory: LEAST_MEMORY + 2 * bytes,
                millicpus: 2000,
                processes: 4096,
            },
        };
        engine.create_scratch(&scratch).await?;
        let store = Store {
            id: service,
            service: scratch.name.clone(),
            kind: setup.kind,
            container: None,
            image: Some(image),
            locations: Vec::new(),
        };
        Ok(Self { engine, local, name: scratch.name, store })
    }

    /// Gives it its files, and starts it.
    async fn start(&mut self, setup: &ScratchSetup, clearance: &Clearance) -> anyhow::Result<()> {
        for (name, content) in &setup.notes {
            self.write(Path::new("/"), readable_file(name, content)?, clearance).await?;
        }
        for ScratchFiles { archive, target } in &setup.files {
            let tar = pipe::stream(archive, Silent.begin("", Unit::Bytes, None)).await?;
            let parent = target.parent().unwrap_or(Path::new("/"));
            self.engine.write_archive(&self.name, parent, tar, clearance).await.with_context(|| {
                format!("`{}` cannot be written to the temporary server", target.display())
            })?;
        }
        self.start_again().await
    }

    /// Starts it as it is.
    pub(super) async fn start_again(&mut self) -> anyhow::Result<()> {
        let started = self.engine.start_scratch(&self.name).await;
        self.store.container = Some(started.context("the temporary server cannot be started")?);
        Ok(())
    }

    /// Stops it, as its image wants to be stopped.
    pub(super) async fn stop(&mut self) -> anyhow::Result<&Container> {
        self.engine.stop(&self.name).await.context("the temporary server cannot be stopped")?;
        let stopped = self.engine.inspect(&self.name).await?;
        let stopped = stopped.context("the temporary server was removed by something else")?;
        anyhow::ensure!(!stopped.is_running(), "the temporary server does not stop");
        Ok(self.store.container.insert(stopped))
    }

    /// Writes files into it, in one of its directories.
    pub(super) async fn write(
        &self,
        directory: &Path,
        tar: Vec<u8>,
        clearance: &Clearance,
    ) -> anyhow::Result<()> {
        let tar: ByteStream = Box::pin(futures_util::stream::iter([Ok(tar)]));
        self.engine
            .write_archive(&self.name, directory, tar, clearance)
            .await
            .with_context(|| format!("`{}` cannot be written to the temporary server", directory.display()))
    }

    /// The name of the container.
    pub(super) fn name(&self) -> &str {
        &self.name
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

    /// Asks the server until it answers, as long as it runs.
    pub(super) async fn wait_until<T, A>(&self, limit: Duration, ask: impl Fn() -> A) -> anyhow::Result<T>
    where
        A: Future<Output = anyhow::Result<T>>,
    {
        let deadline = Instant::now() + limit;
        loop {
            match ask().await {
                Ok(answer) => return Ok(answer),
                Err(error) => {
                    if !self.runs().await? || Instant::now() >= deadline {
                        return Err(error.context("the temporary server does not respond"));
                    }
                }
            }
            sleep(PAUSE).await;
        }
    }

    /// Whether it still runs: one that has not answered yet may only be slow.
    pub(super) async fn runs(&self) -> anyhow::Result<bool> {
        Ok(self.container().await?.is_some_and(|container| container.is_running()))
    }

    /// The reason, if it is the fault of the backup; otherwise an error.
    pub(super) async fn blame(&self, error: anyhow::Error) -> anyhow::Result<String> {
        let reason = format!("{error:#}");
        let Some(container) = self.container().await? else {
            return Err(error.context("the temporary server was removed by something else"));
        };
        let is_unreachable =
            error.chain().any(|cause| matches!(cause.downcast_ref(), Some(EngineError::Unreachable { .. })));
        // A full disk of the engine proves nothing about the backup.
        if is_unreachable || reason.contains("No space left on device") {
            return Err(error.context("the temporary server failed, for a reason unrelated to the backup"));
        }
        if container.is_running() {
            return Ok(reason);
        }
        if container.exit_code == KILLED {
            return Err(
                error.context("the temporary server was killed, most likely because it ran out of memory")
            );
        }
        Ok(format!("the server exited with code {} during the restore: {reason}", container.exit_code))
    }

    /// Removes it and everything it wrote.
    async fn clear(self) -> anyhow::Result<()> {
        let mut tried = 0;
        loop {
            tried += 1;
            match self.engine.remove_scratch(&self.name).await {
                Ok(()) => return Ok(()),
                Err(_) if tried < TRIES => sleep(Duration::from_millis(500)).await,
                Err(error) => {
                    return Err(anyhow::Error::from(error).context(format!(
                        "the temporary container `{}` could not be removed; run `docker rm -f -v {}`, or the next one removes it",
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

/// An archive of one file that every user may read.
fn readable_file(name: &str, content: &str) -> anyhow::Result<Vec<u8>> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_data(&mut header, name, content.as_bytes())?;
    Ok(tar.into_inner()?)
}

/// This many random bytes, in lowercase hex.
pub(super) fn random(bytes: usize) -> anyhow::Result<String> {
    let mut buffer = vec![0; bytes];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut buffer))
        .context("`/dev/urandom` cannot be read")?;
    Ok(hex::encode(buffer))
}
