//! The Docker Engine: what we ask of it, and what it answers.
//!
//! The rooms above know only [`Engine`]; `docker` talks to a real one, `memory` stands in for it in tests.

pub mod context;
pub mod docker;
pub mod memory;
pub mod own_image;
mod scratch;
mod types;

use std::path::{Path, PathBuf};
use std::pin::Pin;

use async_trait::async_trait;
use futures_util::Stream;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::policy::Clearance;

pub use scratch::{Limits, SCRATCH_LABEL, Scratch};
pub use types::*;

/// The label of every container that we make for a moment, to reach volumes.
pub const HELPER_LABEL: &str = "safe-compose.helper";

/// The label of every container that we make to keep a volume; its value is the volume's name. Containers with neither
/// label are never removed by us.
pub const HOLDER_LABEL: &str = "safe-compose.holder";

/// Why the engine did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("no Docker Engine answers at {endpoint}")]
    Unreachable {
        endpoint: String,
        #[source]
        source: anyhow::Error,
    },
    #[error("no permission to talk to the Docker Engine at {endpoint}")]
    Forbidden {
        endpoint: String,
        #[source]
        source: anyhow::Error,
    },
    #[error("docker context `{name}` cannot be used: {reason}")]
    Context { name: String, reason: String },
    #[error("the engine has no {what}")]
    NotFound { what: String },
    #[error("the engine refused to {action}")]
    Refused {
        action: String,
        #[source]
        source: anyhow::Error,
    },
}

pub type Result<T> = std::result::Result<T, EngineError>;

/// Bytes as they arrive from the engine.
pub type ByteStream = Pin<Box<dyn Stream<Item = std::io::Result<Vec<u8>>> + Send>>;

/// Both ends of a program that runs in a container: what it prints, and what it reads.
pub struct ExecPipe {
    pub stdout: Pin<Box<dyn AsyncRead + Send>>,
    pub stdin: Pin<Box<dyn AsyncWrite + Send>>,
}

/// What we ask of an engine. Nothing here changes data without a [`Clearance`].
#[async_trait]
pub trait Engine: Send + Sync {
    /// Which engine this is.
    async fn identity(&self) -> Result<Identity>;
    /// Every container of a project in every state, one-off containers too, by Compose's project label.
    async fn project_containers(&self, project: &str) -> Result<Vec<Container>>;
    /// Every container, of whatever project, that mounts a volume; its holder aside, which uses nothing in it.
    async fn containers_with_volume(&self, volume: &str) -> Result<Vec<Container>>;
    /// Every container, of whatever project, that was made from a project directory, by Compose's label.
    async fn containers_of_directory(&self, directory: &Path) -> Result<Vec<Container>>;
    /// One container as it is now.
    async fn inspect(&self, id: &str) -> Result<Option<Container>>;
    /// Every container, of whatever project, that was made from another directory with the same parent.
    async fn containers_beside(&self, directory: &Path) -> Result<Vec<Container>>;
    /// Every volume that carries Compose's project label.
    async fn project_volumes(&self, project: &str) -> Result<Vec<Volume>>;
    async fn volume(&self, name: &str) -> Result<Option<Volume>>;
    async fn image(&self, reference: &str) -> Result<Option<Image>>;
    /// Bytes used by each volume. Slow on large engines: the engine walks every volume.
    async fn volume_sizes(&self) -> Result<std::collections::BTreeMap<String, u64>>;
    /// Whether users in its containers are other users on its host, as with rootless engines and `userns-remap`: the
    /// owner of a file then says nothing about who may write it in a container.
    async fn maps_users(&self) -> Result<bool> {
        Ok(false)
    }
    /// Another handle to the same engine, for work that outlives the borrow of this one: a tunnel, or what is cleaned
    /// up after the caller is gone.
    fn shared(&self) -> std::sync::Arc<dyn Engine>;
    /// Starts a program in a running container, with both ends attached.
    async fn exec(&self, container: &str, argv: &[&str]) -> Result<ExecPipe>;
    /// Where a symbolic link in a container leads, followed to its end. `None` for what is no link, or is not there.
    async fn link_target(&self, _container: &str, _path: &Path) -> Result<Option<PathBuf>> {
        Ok(None)
    }
    /// A tar stream of a path in a container that may be running, stopped or never started.
    async fn read_archive(&self, container: &str, path: &Path) -> Result<ByteStream>;
    /// Unpacks a tar stream at a path in a container, over what is there.
    async fn write_archive(
        &self,
        container: &str,
        path: &Path,
        tar: ByteStream,
        proof: &Clearance,
    ) -> Result<()>;
    /// Creates a container that is never started, without network, only to reach the volumes that it mounts.
    /// Returns its id. Remove it with [`Engine::remove_helper`].
    async fn create_helper(&self, helper: &Helper) -> Result<String>;
    /// Removes a container made by [`Engine::create_helper`]; refuses any other.
    async fn remove_helper(&self, id: &str) -> Result<()>;
    /// The machine its containers run on, as its kernel names it: `x86_64`, `aarch64`.
    async fn architecture(&self) -> Result<String>;
    /// Takes in the images of a tar as `docker save` writes it.
    async fn load_image(&self, tar: Vec<u8>) -> Result<()>;
    /// Every holder there is, for whatever project.
    async fn holders(&self) -> Result<Vec<Container>>;
    /// Makes a holder and starts it; one that does not start is removed again.
    async fn create_holder(&self, holder: &Holder) -> Result<()>;
    /// Starts a holder that has stopped; refuses any other container.
    async fn start_holder(&self, id: &str) -> Result<()>;
    /// Removes a holder, and leaves its volume alone; refuses any other container.
    async fn remove_holder(&self, id: &str, proof: &Clearance) -> Result<()>;
    /// Makes a scratch container with a network of its own, and starts it. Of one that does not start nothing is left.
    async fn start_scratch(&self, scratch: &Scratch) -> Result<Container>;
    /// The names of the scratch containers of an owner, and of networks whose container is gone.
    async fn scratches(&self, owner: &str) -> Result<Vec<String>>;
    /// Removes a scratch container, its network and everything it wrote; refuses what is none. Fine when it is gone.
    async fn remove_scratch(&self, name: &str) -> Result<()>;
}
