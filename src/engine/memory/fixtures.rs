//! What a test puts into the engine, tells it to do, and asks it afterwards.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::DuplexStream;

use super::contents::{Files, Keeper, below_root};
use super::{Call, MemoryEngine, Question};
use crate::engine::{Container, EngineError, Identity, Image, State, Volume};

impl MemoryEngine {
    #[must_use]
    pub fn with_identity(mut self, identity: Identity) -> Self {
        self.identity = identity;
        self
    }

    #[must_use]
    pub fn with_container(self, container: Container) -> Self {
        self.contents().containers.push(container);
        self
    }

    #[must_use]
    pub fn with_volume(self, volume: Volume) -> Self {
        self.contents().volumes.push(volume);
        self
    }

    #[must_use]
    pub fn with_image(self, reference: &str, image: Image) -> Self {
        self.contents().images.insert(reference.to_owned(), image);
        self
    }

    #[must_use]
    pub fn with_mapped_users(self) -> Self {
        self.contents().maps_users = true;
        self
    }

    /// The machine it runs on; `x86_64` unless told otherwise.
    #[must_use]
    pub fn with_architecture(self, name: &str) -> Self {
        self.contents().architecture = Some(name.to_owned());
        self
    }

    /// Puts a container into another state.
    pub fn set_state(&self, container: &str, state: State) {
        let mut contents = self.contents();
        for known in contents.containers.iter_mut().filter(|known| known.name == container) {
            known.state = state;
        }
    }

    /// A file in a volume; the path is below the volume.
    #[must_use]
    pub fn with_volume_file(self, volume: &str, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.keep(Keeper::Volume(volume.to_owned()), Path::new(path), content.into());
        self
    }

    /// A file in a container, outside of its mounts.
    #[must_use]
    pub fn with_container_file(self, container: &str, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.keep(Keeper::Layer(container.to_owned()), below_root(Path::new(path)), content.into());
        self
    }

    /// A file in a directory of the host that containers mount.
    #[must_use]
    pub fn with_directory_file(self, directory: &str, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.keep(Keeper::Directory(PathBuf::from(directory)), Path::new(path), content.into());
        self
    }

    /// What runs in place of every program started in a container: it gets the container, the words, and the other
    /// ends of standard input and output.
    #[must_use]
    pub fn with_program(self, program: impl Fn(&str, &[&str], DuplexStream) + Send + Sync + 'static) -> Self {
        self.contents().program = Some(Arc::new(program));
        self
    }

    /// From now on a question gets this error.
    pub fn fail_with(&self, question: Question, error: impl Fn() -> EngineError + Send + Sync + 'static) {
        self.contents().failures.insert(question, Arc::new(error));
    }

    /// From now on a question finds no engine.
    pub fn fail(&self, question: Question) {
        let endpoint = self.identity.endpoint.clone();
        self.fail_with(question, move || EngineError::Unreachable {
            endpoint: endpoint.clone(),
            source: anyhow::anyhow!("told to fail"),
        });
    }

    /// A question gets its answer again.
    pub fn heal(&self, question: Question) {
        self.contents().failures.remove(&question);
    }

    /// From now on every archive that is read breaks off after some bytes.
    pub fn cut_archives_after(&self, bytes: usize) {
        self.contents().cut_archives_after = Some(bytes);
    }

    /// Everything that was asked, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.contents().calls.clone()
    }

    /// How often a question was asked.
    pub fn count(&self, question: Question) -> usize {
        self.contents().calls.iter().filter(|call| call.question == question).count()
    }

    /// What is in a volume now.
    pub fn volume_files(&self, volume: &str) -> Files {
        self.contents().files.get(&Keeper::Volume(volume.to_owned())).cloned().unwrap_or_default()
    }

    /// What is in a host directory that containers mount.
    pub fn directory_files(&self, directory: &str) -> Files {
        self.contents().files.get(&Keeper::Directory(PathBuf::from(directory))).cloned().unwrap_or_default()
    }

    /// Every container, helpers too.
    pub fn containers(&self) -> Vec<Container> {
        self.contents().containers.clone()
    }

    fn keep(&self, keeper: Keeper, path: &Path, content: Vec<u8>) {
        self.contents().files.entry(keeper).or_default().insert(path.to_owned(), content);
    }
}
