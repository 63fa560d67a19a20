//! The container that moves and removes files in one place of a store.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};

use super::helper_container::RemovedOnDrop;
use super::pipe;
use super::tar_summary::{self, STAGING};
use crate::backup::driver::DriverTarget;
use crate::backup::driver::cancellation::run_to_completion;
use crate::engine::own_image::{self, INCOMPLETE, LoadError, MOUNT_POINT, MoveList, Operation};
use crate::engine::{ByteStream, Engine, EngineError, MountSource, Mover, MoverSource};
use crate::inventory::{DataLocation, LocationSource};
use crate::policy::Clearance;
use crate::progress::Silent;

/// The name of the list in the staging directory.
const LIST: &str = "list";

/// The place in a mover.
pub(super) fn root() -> &'static Path {
    Path::new(MOUNT_POINT)
}

/// The staging directory in a mover.
pub(super) fn staging() -> PathBuf {
    root().join(STAGING)
}

/// A mover for one place. [`MoverContainer::close`] removes it.
pub(super) struct MoverContainer {
    engine: Arc<dyn Engine>,
    container: RemovedOnDrop,
}

impl MoverContainer {
    /// `None` where nothing can be renamed: the place is in a container layer, is part of a volume or has other mounts in
    /// it, or the engine's architecture is not supported.
    pub(super) async fn open(target: DriverTarget<'_>, place: &DataLocation) -> anyhow::Result<Option<Self>> {
        let Some(source) = source(target, place) else { return Ok(None) };
        let engine = target.engine.shared();
        let image = match own_image::load_mover(engine.as_ref()).await {
            Ok(image) => image.to_owned(),
            Err(LoadError::Architecture(_)) => return Ok(None),
            Err(error) => return Err(error).context("the image of the mover cannot be loaded"),
        };
        let mover = Mover { image, source, mount_point: root().to_owned(), list: staging().join(LIST) };
        let container = engine
            .create_mover(&mover)
            .await
            .with_context(|| format!("`{}` cannot be accessed", place.target.display()))?;
        let container = RemovedOnDrop::new(Arc::clone(&engine), container);
        Ok(Some(Self { engine, container }))
    }

    pub(super) async fn close<T>(self, result: anyhow::Result<T>) -> anyhow::Result<T> {
        self.container.close(result).await
    }

    /// An archive of a path; `None` if it does not exist.
    pub(super) async fn read(&self, path: &Path) -> anyhow::Result<Option<ByteStream>> {
        match self.engine.read_archive(self.container.id(), path).await {
            Ok(stream) => Ok(Some(stream)),
            Err(EngineError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Unpacks an archive into a directory.
    pub(super) async fn write(&self, path: &Path, tar: ByteStream, proof: &Clearance) -> anyhow::Result<()> {
        Ok(self.engine.write_archive(self.container.id(), path, tar, proof).await?)
    }

    /// Unpacks a small archive into a directory.
    pub(super) async fn write_bytes(
        &self,
        path: &Path,
        tar: Vec<u8>,
        proof: &Clearance,
    ) -> anyhow::Result<()> {
        self.write(path, Box::pin(futures_util::stream::once(async move { Ok(tar) })), proof).await
    }

    /// Carries out a list. It stays in the staging directory, so that whoever comes after an interruption can finish it.
    pub(super) async fn carry_out(&self, list: MoveList, proof: &Clearance) -> anyhow::Result<()> {
        let list = super::archives::file(LIST, &list.into_bytes())?;
        self.write_bytes(&staging(), list, proof).await?;
        self.run(proof).await
    }

    /// Carries out the list in the staging directory. The caller waits for its end, even when it is dropped.
    async fn run(&self, proof: &Clearance) -> anyhow::Result<()> {
        let (engine, id, proof) = (Arc::clone(&self.engine), self.container.id().to_owned(), proof.clone());
        let code = run_to_completion(async move |cancellation| {
            let _committed = cancellation.commit()?;
            Ok(engine.run_mover(&id, &proof).await?)
        })
        .await?;
        match i32::try_from(code) {
            Ok(0) => Ok(()),
            _ if code == INCOMPLETE => bail!("the list of files to move is incomplete"),
            Ok(errno) => {
                Err(std::io::Error::from_raw_os_error(errno)).context("a file cannot be moved or removed")
            }
            Err(_) => bail!("the program that moves files ended with {code}"),
        }
    }

    /// Finishes what an earlier restore began and did not finish, and removes the staging directory with everything in it.
    /// Returns whether there was one.
    pub(super) async fn settle(&self, proof: &Clearance) -> anyhow::Result<bool> {
        let Some(stream) = self.read(&staging()).await? else { return Ok(false) };
        let mut tree = consume(stream).await?;
        if MoveList::is_complete(&self.list().await?) {
            self.run(proof).await?;
            // It may have moved anything, or removed everything.
            let Some(stream) = self.read(&staging()).await? else { return Ok(true) };
            tree = consume(stream).await?;
        }
        self.carry_out(removal(tree), proof).await?;
        Ok(true)
    }

    /// The content of the list; empty if there is none.
    async fn list(&self) -> anyhow::Result<Vec<u8>> {
        let Some(stream) = self.read(&staging().join(LIST)).await? else { return Ok(Vec::new()) };
        pipe::consume(stream, &Silent, |archive| {
            let mut archive = tar::Archive::new(archive);
            let mut bytes = Vec::new();
            if let Some(entry) = archive.entries()?.next() {
                entry?.read_to_end(&mut bytes)?;
            }
            Ok::<_, std::io::Error>(bytes)
        })
        .await?
        .context("the list of an interrupted restore cannot be read")
    }
}

/// Everything below the staging directory, and whether it is a directory.
type Tree = Vec<(PathBuf, bool)>;

async fn consume(stream: ByteStream) -> anyhow::Result<Tree> {
    pipe::consume(stream, &Silent, |archive| {
        let mut tree = Tree::new();
        tar_summary::take(archive, |item| tree.push((item.path.to_owned(), item.is_directory)))?;
        Ok::<_, tar_summary::TarError>(tree)
    })
    .await?
    .context("the files of an interrupted restore cannot be read")
}

/// Removes a tree, what is deepest first, and the list last: until then it can be carried out again.
fn removal(mut tree: Tree) -> MoveList {
    tree.retain(|(path, _)| !path.as_os_str().is_empty() && path != Path::new(LIST));
    tree.sort_by(|(one, _), (other, _)| other.cmp(one));
    let mut list = MoveList::default();
    for (path, is_directory) in &tree {
        let path = staging().join(path);
        list.push(if *is_directory {
            Operation::RemoveDirectory(&path)
        } else {
            Operation::RemoveFile(&path)
        });
    }
    list.push(Operation::RemoveFile(&staging().join(LIST)));
    list.push(Operation::RemoveDirectory(&staging()));
    list
}

/// What a mover mounts for a place.
fn source(target: DriverTarget<'_>, place: &DataLocation) -> Option<MoverSource> {
    let inside = |path: &Path| path != place.target && path.starts_with(&place.target);
    if target.store.locations.iter().any(|other| inside(&other.target)) {
        return None;
    }
    let Some(container) = &target.store.container else {
        return match &place.source {
            LocationSource::Volume { name: Some(name), .. } => Some(MoverSource::Volume(name.clone())),
            LocationSource::Volume { name: None, .. }
            | LocationSource::Bind { .. }
            | LocationSource::Tmpfs
            | LocationSource::Layer => None,
        };
    };
    if container.mounts.iter().any(|mount| inside(&mount.destination)) {
        return None;
    }
    let mount = container.mounts.iter().find(|mount| mount.destination == place.target)?;
    match &mount.source {
        MountSource::Volume { name, .. } if mount.subpath.is_none() => {
            Some(MoverSource::Volume(name.clone()))
        }
        MountSource::Bind { path } => Some(MoverSource::Directory(path.clone())),
        MountSource::Volume { .. } | MountSource::Tmpfs | MountSource::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_deepest_is_removed_first_and_the_list_last() {
        let tree =
            [("", true), ("old", true), ("old/d", true), ("old/d/f", false), ("list", false), ("new", true)];
        let list = removal(tree.map(|(path, is_directory)| (PathBuf::from(path), is_directory)).into());
        let bytes = list.into_bytes();
        let operations = MoveList::parse(&bytes).expect("complete");
        let path = |below: &str| staging().join(below);
        assert_eq!(
            operations,
            [
                Operation::RemoveFile(&path("old/d/f")),
                Operation::RemoveDirectory(&path("old/d")),
                Operation::RemoveDirectory(&path("old")),
                Operation::RemoveDirectory(&path("new")),
                Operation::RemoveFile(&path("list")),
                Operation::RemoveDirectory(&staging()),
            ]
        );
    }
}
