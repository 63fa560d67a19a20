//! The version of the server that last wrote the data of a store: from the files of the data, and from the image that runs
//! on them.

use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use super::files::{Files, read_in};
use super::identity::FoundIdentity;
use crate::backup::driver::DriverTarget;
use crate::backup::driver::volume::helper_container::HelperContainer;
use crate::engine::{Container, ContainerState, Engine, MOST_OF_A_FILE};
use crate::inventory::known::IdentityFile;
use crate::inventory::version::{self, ServerProgram, ServerVersion, VersionFile};
use crate::inventory::{DataLocation, LocationSource};

/// The version of the server in the image of a container.
pub async fn of_image(engine: &dyn Engine, container: &Container) -> Option<ServerVersion> {
    let found = engine.image(&container.image_id).await.ok().flatten();
    version::of_image(&container.image, found.as_ref())
}

/// The version of the data that a container has. `identity` is the file that identifies the data, if there is one.
///
/// A server that runs has written the data last. PostgreSQL never writes that of another version, and says which it is in the
/// file that was read already.
pub(super) async fn of_container(
    target: DriverTarget<'_>,
    files: &Files<'_>,
    container: &Container,
    identity: Option<&FoundIdentity>,
) -> anyhow::Result<Option<ServerVersion>> {
    if let Some(found) = identity
        && found.file == IdentityFile::PostgreSql
    {
        return Ok(version::of_control_file(&found.content));
    }
    if matches!(container.state, ContainerState::Running | ContainerState::Paused)
        && let Some(image) = of_image(target.engine, container).await
    {
        return Ok((image.program != ServerProgram::PostgreSql).then_some(image));
    }
    let paths = match identity {
        Some(found) => version::files_beside(found.file, &found.path),
        None => version::files_of_container(container),
    };
    for (file, path) in paths {
        if let Some(content) = files.read(&path).await?
            && let Some(version) = file.parse(&content)
        {
            return Ok(Some(version));
        }
    }
    Ok(None)
}

/// The version in the data that the next container of a store will have, which is in the locations of the store. `None` if it
/// is not known, or if there is no data. Files that this process may not read are read through a container, which is created
/// if there is none.
pub async fn of_next_container(
    target: DriverTarget<'_>,
    files: &[(VersionFile, PathBuf)],
) -> anyhow::Result<Option<ServerVersion>> {
    let mut unread = Vec::new();
    for (file, path) in files {
        match read_here(target, path).await? {
            LocalFile::Content(content) => {
                if let Some(found) = file.parse(&content) {
                    return Ok(Some(found));
                }
            }
            LocalFile::Missing => {}
            LocalFile::OutOfReach => unread.push((*file, path.clone())),
        }
    }
    let paths: Vec<&Path> = unread.iter().map(|(_, path)| path.as_path()).collect();
    let has_volume =
        |place: &DataLocation| matches!(place.source, LocationSource::Volume { name: Some(_), .. });
    let is_reachable = target.store.container.is_some() || target.store.locations.iter().any(has_volume);
    if unread.is_empty() || !is_reachable {
        return Ok(None);
    }
    let helper = HelperContainer::to_read(target).await?;
    let contents = read_all(target.engine, &helper.container, &paths).await;
    let contents = helper.close(contents).await?;
    let found = unread.iter().zip(contents).find_map(|((file, _), content)| file.parse(&content?));
    Ok(found)
}

async fn read_all(
    engine: &dyn Engine,
    container: &str,
    paths: &[&Path],
) -> anyhow::Result<Vec<Option<Vec<u8>>>> {
    let mut contents = Vec::new();
    for path in paths {
        contents.push(read_in(engine, container, path).await?);
    }
    Ok(contents)
}

/// A file in a directory of this machine.
enum LocalFile {
    Content(Vec<u8>),
    Missing,
    /// It may exist, and cannot be read without the engine.
    OutOfReach,
}

async fn read_here(target: DriverTarget<'_>, path: &Path) -> anyhow::Result<LocalFile> {
    let place = target.store.locations.iter().filter(|place| path.starts_with(&place.target));
    let Some(place) = place.max_by_key(|place| place.target.components().count()) else {
        return Ok(LocalFile::Missing);
    };
    let Some(directory) = directory(target, place).await? else {
        let is_missing = match &place.source {
            LocationSource::Volume { name: Some(name), .. } => target.engine.volume(name).await?.is_none(),
            LocationSource::Layer => target.store.container.is_none(),
            LocationSource::Volume { name: None, .. } | LocationSource::Tmpfs => true,
            LocationSource::Bind { .. } => false,
        };
        return Ok(if is_missing { LocalFile::Missing } else { LocalFile::OutOfReach });
    };
    let below = path.strip_prefix(&place.target)?;
    let mut content = Vec::new();
    let read = std::fs::File::open(directory.join(below))
        .and_then(|file| file.take(MOST_OF_A_FILE).read_to_end(&mut content));
    Ok(match read {
        Ok(_) => LocalFile::Content(content),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            LocalFile::Missing
        }
        Err(_) => LocalFile::OutOfReach,
    })
}

/// The directory on this machine that is mounted; `None` if it is not there, or not always.
async fn directory(target: DriverTarget<'_>, place: &DataLocation) -> anyhow::Result<Option<PathBuf>> {
    if !target.local {
        return Ok(None);
    }
    Ok(match &place.source {
        LocationSource::Bind { path } => Some(path.clone()),
        LocationSource::Volume { name: Some(name), .. } => {
            let volume = target.engine.volume(name).await?;
            let plain = |volume: &crate::engine::Volume| {
                volume.driver == "local" && volume.options.is_empty() && volume.mountpoint.is_absolute()
            };
            volume.filter(plain).map(|volume| volume.mountpoint)
        }
        LocationSource::Volume { name: None, .. } | LocationSource::Tmpfs | LocationSource::Layer => None,
    })
}
