//! What is in the places that services are about to use for the first time, and in volumes that no container mounts. It
//! can be seen only where the engine shares its directories with this machine, and mostly only by root.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::hazard_context::hazard_context;
use crate::commands::context::ProjectContext;
use crate::compose::model::DeclaredSource;
use crate::engine::{Container, MountSource, Volume};
use crate::guard::{HazardContext, Probe};
use crate::inventory::known::FileContents;

/// How long it may take: a file server may not respond.
const TIMEOUT: Duration = Duration::from_secs(2);

type Contents<K> = BTreeMap<K, FileContents>;

/// Looks into the places of this project. What cannot be seen in time stays unknown.
pub(super) async fn gather(cx: &ProjectContext<'_>, probe: &mut Probe) {
    if !cx.identity().local {
        return;
    }
    let volumes: Vec<(String, PathBuf)> = cx.volumes.iter().filter_map(|volume| unused(cx, volume)).collect();
    let mut directories = directories(&hazard_context(cx, probe));
    let related = probe.related_containers.iter().flat_map(|container| &container.mounts);
    directories.extend(related.filter_map(|mount| match &mount.source {
        MountSource::Bind { path } if !mount.read_only => Some(path.clone()),
        MountSource::Bind { .. } | MountSource::Volume { .. } | MountSource::Tmpfs | MountSource::Other => {
            None
        }
    }));
    let (sender, receiver) = tokio::sync::oneshot::channel();
    // Its own thread, which is abandoned if it hangs.
    let started = std::thread::Builder::new().name("place-contents".to_owned()).spawn(move || {
        let of_volumes: Contents<String> = volumes
            .into_iter()
            .filter_map(|(name, directory)| Some((name, FileContents::of(&directory)?)))
            .collect();
        let of_directories: Contents<PathBuf> =
            directories.into_iter().filter_map(|path| Some((path.clone(), look(&path)?))).collect();
        let _ = sender.send((of_volumes, of_directories));
    });
    if let (Ok(_), Ok(Ok((volumes, directories)))) = (started, tokio::time::timeout(TIMEOUT, receiver).await)
    {
        probe.volume_contents = volumes;
        probe.directory_contents = directories;
    }
}

/// A directory that does not exist will be created empty.
fn look(path: &std::path::Path) -> Option<FileContents> {
    if path.try_exists().is_ok_and(|exists| !exists) {
        return Some(FileContents::Empty);
    }
    FileContents::of(path)
}

/// A volume that no container of the project has used, and its directory. One with options may be mounted only in use.
fn unused(cx: &ProjectContext<'_>, volume: &Volume) -> Option<(String, PathBuf)> {
    let was_used = |container: &&Container| container.started.is_some() || container.is_running();
    let is_mounted = cx.containers.iter().filter(was_used).any(|container| {
        container
            .mounts
            .iter()
            .any(|mount| matches!(&mount.source, MountSource::Volume { name, .. } if *name == volume.name))
    });
    let is_plain = volume.driver == "local" && volume.options.is_empty();
    (!is_mounted && is_plain && volume.mountpoint.is_absolute())
        .then(|| (volume.name.clone(), volume.mountpoint.clone()))
}

/// The directories that services without a container mount, and those of containers that were never started.
fn directories(guard: &HazardContext<'_>) -> Vec<PathBuf> {
    let services = guard.file().into_iter().flat_map(|model| model.services.values());
    let new = services.filter(|service| guard.replicas(&service.name).is_empty());
    let created = guard.containers.iter().filter(|container| container.started.is_none());
    let mounted = created.flat_map(|container| &container.mounts).filter_map(|mount| match &mount.source {
        MountSource::Bind { path } => Some(path.clone()),
        MountSource::Volume { .. } | MountSource::Tmpfs | MountSource::Other => None,
    });
    let declared = new.flat_map(|service| &service.mounts).filter_map(|mount| match &mount.source {
        DeclaredSource::Bind { path, .. } => Some(path.clone()),
        DeclaredSource::Named { .. }
        | DeclaredSource::Anonymous
        | DeclaredSource::Tmpfs
        | DeclaredSource::Other => None,
    });
    declared.chain(mounted).collect()
}
