//! The Docker Engine: the requests that safe-compose makes, and the answers.
//!
//! Other modules use the [`Engine`] trait only. `docker` implements it for a real engine, `memory` for tests.

mod abandoned;
mod compose_labels;
pub mod context;
pub mod docker;
#[cfg(any(test, feature = "internals"))]
pub mod memory;
mod own_container;
pub mod own_image;
mod scratch;
mod types;
mod volume_identity;
mod volume_sizes;

use std::path::{Path, PathBuf};
use std::pin::Pin;

use async_trait::async_trait;
use futures_util::Stream;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::policy::Clearance;

pub use abandoned::{OWNER_LABEL, is_abandoned, is_gone, owner, remove_abandoned};
pub use own_container::own_container;
pub use scratch::{SCRATCH_LABEL, Scratch, ScratchLimits};
pub use types::*;
pub use volume_identity::VolumeIdentity;
pub use volume_sizes::volume_sizes_in_time;

/// The label of helper containers: short-lived containers that give access to volumes.
pub const HELPER_LABEL: &str = "safe-compose.helper";

/// The label of holder containers, which keep a volume in use; the value is the volume's name.
///
/// safe-compose never removes a container without one of its own labels.
pub const HOLDER_LABEL: &str = "safe-compose.holder";

/// How much of a file is read to identify its contents: the identifiers are in the first bytes of small files.
pub const MOST_OF_A_FILE: u64 = 64 * 1024;

/// A directory with more entries than this has data, even if the first of them are empty.
pub const MANY_ENTRIES: usize = 1000;

/// Why a request to the engine failed.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("cannot connect to the Docker Engine at {endpoint}")]
    Unreachable {
        endpoint: String,
        #[source]
        source: anyhow::Error,
    },
    #[error("permission denied while connecting to the Docker Engine at {endpoint}")]
    Forbidden {
        endpoint: String,
        #[source]
        source: anyhow::Error,
    },
    #[error("cannot use Docker context `{name}`: {reason}")]
    Context { name: String, reason: String },
    #[error("no such {what}")]
    NotFound { what: String },
    #[error("the engine failed to {action}")]
    Refused {
        action: String,
        #[source]
        source: anyhow::Error,
    },
    /// What this engine does not do as Docker does, with what to do instead.
    #[error("{0}")]
    Unsupported(&'static str),
}

pub type Result<T> = std::result::Result<T, EngineError>;

/// A stream of bytes from or to the engine.
pub type ByteStream = Pin<Box<dyn Stream<Item = std::io::Result<Vec<u8>>> + Send>>;

/// The standard output and input of a program that runs in a container.
pub struct ExecPipe {
    pub stdout: Pin<Box<dyn AsyncRead + Send>>,
    pub stdin: Pin<Box<dyn AsyncWrite + Send>>,
    /// Waits for the end of the program. Standard output has to be read to its end before.
    pub end: Pin<Box<dyn Future<Output = Result<ExecEnd>> + Send>>,
}

/// How a program in a container has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecEnd {
    pub code: i64,
    /// The end of its standard error.
    pub stderr: String,
}

/// The requests that safe-compose makes. None of them changes data without a [`Clearance`].
#[async_trait]
pub trait Engine: Send + Sync {
    /// Identifies the engine.
    async fn identity(&self) -> Result<Identity>;
    /// The containers of a project in any state, including one-off containers, by Compose's project label.
    async fn project_containers(&self, project: &str) -> Result<Vec<Container>>;
    /// The containers of all projects in any state, by the same label.
    async fn containers_of_projects(&self) -> Result<Vec<Container>>;
    /// The containers of any project that mount a volume, except its holder, which does not use the data.
    async fn containers_with_volume(&self, volume: &str) -> Result<Vec<Container>>;
    /// The running containers of any project with a writable mount of one of these volumes, or of one of these
    /// directories, a parent or a child of it.
    async fn running_containers_with(
        &self,
        volumes: &[String],
        directories: &[PathBuf],
    ) -> Result<Vec<Container>>;
    /// The containers of any project that were created from a project directory, by Compose's label.
    async fn containers_of_directory(&self, directory: &Path) -> Result<Vec<Container>>;
    /// The current state of one container.
    async fn inspect(&self, id: &str) -> Result<Option<Container>>;
    /// The containers of any project that were created from another directory with the same parent, or from one above or
    /// below it, and whose labels are those of `is_wanted`. No other container is asked for: the engine may not answer for one
    /// whose files are being copied (Engine 20.10).
    async fn containers_in_nearby_directories(
        &self,
        directory: &Path,
        is_wanted: LabelTest,
    ) -> Result<Vec<Container>>;
    /// The volumes of a project, by Compose's project label.
    async fn project_volumes(&self, project: &str) -> Result<Vec<Volume>>;
    /// The volumes of all projects, by the same label.
    async fn volumes_of_projects(&self) -> Result<Vec<Volume>>;
    /// Every volume, of a project or not.
    async fn volumes(&self) -> Result<Vec<Volume>>;
    async fn volume(&self, name: &str) -> Result<Option<Volume>>;
    async fn image(&self, reference: &str) -> Result<Option<Image>>;
    /// The size of each volume in bytes. Slow with many volumes: the engine reads all of them. Nothing should wait for it;
    /// use [`volume_sizes_in_time`].
    async fn volume_sizes(&self) -> Result<std::collections::BTreeMap<String, u64>>;
    /// Whether the engine maps users in containers to other users on the host (rootless mode, `userns-remap`). The owner
    /// of a file on the host then does not say who can write it in a container.
    async fn maps_users(&self) -> Result<bool> {
        Ok(false)
    }
    /// Another handle to the same engine, for work that outlives this borrow: a tunnel, or cleanup after the caller has
    /// returned.
    fn shared(&self) -> std::sync::Arc<dyn Engine>;
    /// Starts a program in a running container with its input and output attached.
    async fn exec(&self, container: &str, argv: &[&str]) -> Result<ExecPipe>;
    /// The final target of a symbolic link in a container. `None` if the path is not a link or does not exist.
    async fn link_target(&self, _container: &str, _path: &Path) -> Result<Option<PathBuf>> {
        Ok(None)
    }
    /// What a container has written outside of its mounts.
    async fn layer(&self, container: &str) -> Result<Layer>;
    /// A tar stream of a path in a container, whether the container is running or not.
    async fn read_archive(&self, container: &str, path: &Path) -> Result<ByteStream>;
    /// The writable directories of a running container that are no longer those that their paths on the host lead to; none
    /// if it does not run. Fails where that cannot be told.
    async fn replaced_mounts(&self, _container: &Container) -> Result<Vec<ReplacedMount>> {
        Ok(Vec::new())
    }
    /// A tar stream of a directory as the processes of a running container have it. [`Engine::read_archive`] follows the
    /// path of a bind mount on the host, which may lead to another directory by now.
    async fn read_live_directory(&self, container: &str, path: &Path) -> Result<ByteStream> {
        self.read_archive(container, path).await
    }
    /// What the processes of a running container have at a path, as this machine's kernel tells: the engine would start a
    /// program to answer. `None` if the engine has to be asked: it is on another machine, or only root may look.
    async fn live_entry(&self, _container: &str, _path: &Path) -> Option<LiveEntry> {
        None
    }
    /// Extracts a tar stream at a path in a container and overwrites existing files.
    async fn write_archive(
        &self,
        container: &str,
        path: &Path,
        tar: ByteStream,
        proof: &Clearance,
    ) -> Result<()>;
    /// Freezes every process of a running container.
    async fn pause(&self, id: &str) -> Result<()>;
    /// Lets a paused container go on. Succeeds if it is not paused any more, or was removed.
    async fn unpause(&self, id: &str) -> Result<()>;
    /// Stops a container with its own signal and grace period. Succeeds if it is not running.
    async fn stop(&self, id: &str) -> Result<()>;
    /// Starts a stopped container again. Succeeds if it is running, or was removed.
    async fn start(&self, id: &str) -> Result<()>;
    /// Creates a container without network that is never started, to access the volumes that it mounts. Returns its id.
    /// Remove it with [`Engine::remove_helper`].
    async fn create_helper(&self, helper: &Helper) -> Result<String>;
    /// The ids of the helper containers and movers, of all projects, whose process is certainly gone. Asks nothing about the
    /// others: an engine may answer for a container only when it has read the archive that is being made of it (20.10).
    async fn abandoned_helpers(&self) -> Result<Vec<String>>;
    /// Creates a helper container without network for a place, which nothing runs in until [`Engine::run_mover`]. Returns its
    /// id. Remove it with [`Engine::remove_helper`].
    async fn create_mover(&self, mover: &Mover) -> Result<String>;
    /// Runs the program of a mover once, waits for its end, and returns its exit code; refuses any other container. What was
    /// begun goes on in the engine if this is dropped.
    async fn run_mover(&self, id: &str, proof: &Clearance) -> Result<i64>;
    /// Removes a helper container or a mover; refuses any other container.
    async fn remove_helper(&self, id: &str) -> Result<()>;
    /// The architecture of the engine's host as reported by its kernel: `x86_64`, `aarch64`.
    async fn architecture(&self) -> Result<String>;
    /// Loads images from a tar archive in the format of `docker save`.
    async fn load_image(&self, tar: Vec<u8>) -> Result<()>;
    /// The holder containers of all projects.
    async fn holders(&self) -> Result<Vec<Container>>;
    /// Creates and starts a holder container. Removes it again if it does not start.
    async fn create_holder(&self, holder: &Holder) -> Result<()>;
    /// Starts a stopped holder container; refuses any other container.
    async fn start_holder(&self, id: &str) -> Result<()>;
    /// Removes a holder container and keeps its volume; refuses any other container.
    async fn remove_holder(&self, id: &str, proof: &Clearance) -> Result<()>;
    /// Creates a scratch container with a network of its own. Removes both if one of them cannot be created.
    async fn create_scratch(&self, scratch: &Scratch) -> Result<()>;
    /// Starts a scratch container; refuses any other container.
    async fn start_scratch(&self, name: &str) -> Result<Container>;
    /// The names of an owner's scratch containers, and of scratch networks without a container.
    async fn scratch_containers(&self, owner: &str) -> Result<Vec<String>>;
    /// Removes a scratch container with its network and data; refuses any other container. Succeeds if there is none.
    async fn remove_scratch(&self, name: &str) -> Result<()>;
}
