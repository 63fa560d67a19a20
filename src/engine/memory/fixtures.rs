//! Sets up the engine in memory for a test, and reads its state afterwards.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::DuplexStream;

use super::state::{FileMap, FileOwner, below_root};
use super::{EngineCall, EngineMethod, MemoryEngine};
use crate::engine::{
    Container, ContainerState, EngineError, ExecEnd, Identity, Image, ReplacedMount, Volume, VolumeIdentity,
    compose_labels,
};

impl MemoryEngine {
    #[must_use]
    pub fn with_identity(mut self, identity: Identity) -> Self {
        self.identity = identity;
        self
    }

    #[must_use]
    pub fn with_container(self, mut container: Container) -> Self {
        compose_labels::make_sound(&mut container.labels, &container.id);
        self.state().containers.push(container);
        self
    }

    #[must_use]
    pub fn with_volume(self, volume: Volume) -> Self {
        self.state().volumes.push(volume);
        self
    }

    #[must_use]
    pub fn with_image(self, reference: &str, image: Image) -> Self {
        self.state().images.insert(reference.to_owned(), image);
        self
    }

    /// Makes a running container keep a directory that its path on the host no longer leads to. Its files are those that
    /// [`Self::with_container_file`] adds.
    #[must_use]
    pub fn with_replaced_mount(self, container: &str, replaced: ReplacedMount) -> Self {
        self.state().replaced_mounts.entry(container.to_owned()).or_default().push(replaced);
        self
    }

    #[must_use]
    pub fn with_mapped_users(self) -> Self {
        self.state().maps_users = true;
        self
    }

    /// Sets the architecture; the default is `x86_64`.
    #[must_use]
    pub fn with_architecture(self, name: &str) -> Self {
        self.state().architecture = Some(name.to_owned());
        self
    }

    /// Changes the state of a container.
    pub fn set_state(&self, container: &str, state: ContainerState) {
        let mut engine = self.state();
        for known in engine.containers.iter_mut().filter(|known| known.name == container) {
            known.state = state;
        }
    }

    /// Adds a file to a volume; the path is relative to the volume.
    #[must_use]
    pub fn with_volume_file(self, volume: &str, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.add_file(FileOwner::Volume(volume.to_owned()), Path::new(path), content.into());
        self
    }

    /// Removes a volume with its files and creates it again.
    pub fn replace_volume(&self, volume: &str, identity: &VolumeIdentity) {
        let mut engine = self.state();
        engine.files.remove(&FileOwner::Volume(volume.to_owned()));
        for known in engine.volumes.iter_mut().filter(|known| known.name == volume) {
            known.identity = Some(identity.clone());
        }
    }

    /// Removes a volume with its files.
    pub fn remove_volume(&self, volume: &str) {
        let mut engine = self.state();
        engine.files.remove(&FileOwner::Volume(volume.to_owned()));
        engine.volumes.retain(|known| known.name != volume);
    }

    /// Removes a container.
    pub fn remove_container(&self, container: &str) {
        self.state().containers.retain(|known| known.name != container);
    }

    /// Adds a file to a container, outside its mounts.
    #[must_use]
    pub fn with_container_file(self, container: &str, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.add_file(FileOwner::Layer(container.to_owned()), below_root(Path::new(path)), content.into());
        self
    }

    /// Adds a file to a directory of the host.
    #[must_use]
    pub fn with_directory_file(self, directory: &str, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.add_file(FileOwner::Directory(PathBuf::from(directory)), Path::new(path), content.into());
        self
    }

    /// Sets the function that stands in for programs started in a container. It gets the container, the arguments, and
    /// the other end of standard input and output.
    #[must_use]
    pub fn with_program(self, program: impl Fn(&str, &[&str], DuplexStream) + Send + Sync + 'static) -> Self {
        self.state().program = Some(Arc::new(program));
        self
    }

    /// Sets how programs started in a container end, by their arguments. Without it, with exit code 0.
    #[must_use]
    pub fn with_program_end(self, end: impl Fn(&[&str]) -> ExecEnd + Send + Sync + 'static) -> Self {
        self.state().program_end = Some(Arc::new(end));
        self
    }

    /// Makes a method fail with an error.
    pub fn fail_with(&self, method: EngineMethod, error: impl Fn() -> EngineError + Send + Sync + 'static) {
        self.state().failures.insert(method, Arc::new(error));
    }

    /// Makes a method fail with [`EngineError::Unreachable`].
    pub fn fail(&self, method: EngineMethod) {
        let endpoint = self.identity.endpoint.clone();
        self.fail_with(method, move || EngineError::Unreachable {
            endpoint: endpoint.clone(),
            source: anyhow::anyhow!("set by the test"),
        });
    }

    /// Makes a single call fail: the one with this index in [`Self::calls`].
    pub fn fail_call(&self, index: usize) {
        self.state().failing_call = Some(index);
    }

    /// Sets where a volume is on this machine.
    pub fn set_mountpoint(&self, volume: &str, path: &Path) {
        for known in self.state().volumes.iter_mut().filter(|known| known.name == volume) {
            path.clone_into(&mut known.mountpoint);
        }
    }

    /// Makes a method succeed again.
    pub fn heal(&self, method: EngineMethod) {
        self.state().failures.remove(&method);
    }

    /// Sets how long the engine takes to report the sizes of its volumes.
    pub fn measure_volumes_for(&self, time: std::time::Duration) {
        self.state().measuring_takes = time;
    }

    /// Makes every archive that is read end with an error after this many bytes.
    pub fn cut_archives_after(&self, bytes: usize) {
        self.state().cut_archives_after = Some(bytes);
    }

    /// Makes the next archives that are read end after this many bytes, without an error: a file became shorter meanwhile.
    pub fn end_next_archives_after(&self, bytes: &[usize]) {
        self.state().short_archives.extend(bytes);
    }

    /// All recorded calls, in order.
    pub fn calls(&self) -> Vec<EngineCall> {
        self.state().calls.clone()
    }

    /// The number of calls of a method.
    pub fn count(&self, method: EngineMethod) -> usize {
        self.state().calls.iter().filter(|call| call.method == method).count()
    }

    /// The files of a volume.
    pub fn volume_files(&self, volume: &str) -> FileMap {
        self.state().files.get(&FileOwner::Volume(volume.to_owned())).cloned().unwrap_or_default()
    }

    /// The files of a directory of the host.
    pub fn directory_files(&self, directory: &str) -> FileMap {
        self.state().files.get(&FileOwner::Directory(PathBuf::from(directory))).cloned().unwrap_or_default()
    }

    /// All containers, including helpers.
    pub fn containers(&self) -> Vec<Container> {
        self.state().containers.clone()
    }

    fn add_file(&self, owner: FileOwner, path: &Path, content: Vec<u8>) {
        self.state().files.entry(owner).or_default().insert(path.to_owned(), content);
    }
}
