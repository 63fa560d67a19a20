//! Where the files at a path of a container are: according to the file, and in the existing container.

use std::path::{Path, PathBuf};

use super::context::HazardContext;
use crate::compose::grammar::Grammar;
use crate::compose::model::{DeclaredSource, MountDeclaration, Service};
use crate::engine::{Container, Mount, MountSource};
use crate::inventory::known::{self, FileContents};

/// The mount of the file that a path belongs to: the one with the longest target above it.
fn declared<'a>(service: &'a Service, path: &Path) -> Option<&'a MountDeclaration> {
    service
        .mounts
        .iter()
        .filter(|mount| path.starts_with(&mount.target))
        .max_by_key(|mount| mount.target.components().count())
}

/// Where files are stored, whatever mounts them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum MountedLocation {
    /// A volume by name, and the directory in it.
    Volume {
        name: String,
        anonymous: bool,
        below: PathBuf,
    },
    Directory(PathBuf),
    /// An anonymous volume that does not exist yet.
    NewAnonymous,
    Memory,
    Layer,
    Unknown,
}

/// What happens to a container before the next one is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transition {
    /// It is recreated, and the next one keeps its anonymous volumes.
    Recreated,
    /// It is removed, and the next one gets new anonymous volumes.
    Removed,
}

/// Whether a path keeps its data only while containers are recreated one from the other. Once this container is removed,
/// the next one starts empty there.
pub(super) fn is_inherited_only(cx: &HazardContext<'_>, container: &Container, path: &Path) -> bool {
    let service = container.service().and_then(|name| cx.service(name));
    service.filter(|_| !container.is_one_off()).is_some_and(|service| {
        let now = MountedLocation::of_container(container, path);
        now.is_same_as(&MountedLocation::of_file(cx, service, path, container, Transition::Recreated))
            && !now.is_same_as(&MountedLocation::of_file(cx, service, path, container, Transition::Removed))
    })
}

/// The `VOLUME`s of the image that the service will have; if the image is missing, those of the container, or of what is
/// known of the program.
fn image_volumes(cx: &HazardContext<'_>, service: &Service, container: Option<&Container>) -> Vec<PathBuf> {
    let reference = service.image.as_deref().or(container.map(|container| container.image.as_str()));
    if let Some(Some(Some(image))) = reference.map(|reference| cx.probe.images.get(reference)) {
        return image.volumes.clone();
    }
    let Some(container) = container else {
        let program = reference.and_then(known::program).filter(|program| program.volume);
        return program.map(|program| program.paths.iter().map(PathBuf::from).collect()).unwrap_or_default();
    };
    let anonymous = container
        .mounts
        .iter()
        .filter(|mount| matches!(mount.source, MountSource::Volume { anonymous: true, .. }));
    anonymous.map(|mount| mount.destination.clone()).collect()
}

/// V1 keeps only the volumes that the existing container's image declares, and those of the file.
fn carries_volumes_of_image(cx: &HazardContext<'_>, container: &Container, target: &Path) -> bool {
    if cx.grammar == Grammar::V2 {
        return true;
    }
    let image = cx.probe.images.get(&container.image_id);
    image.is_none_or(|image| {
        image
            .as_ref()
            .is_some_and(|image| image.container_config_volumes.iter().any(|volume| volume == target))
    })
}

/// V1 gives the next container what is mounted at a `VOLUME` of the existing container's image, even where the file names
/// another volume, of which it says that it has no effect (measured).
fn masks_file(cx: &HazardContext<'_>, container: &Container, target: &Path) -> bool {
    let image = cx.probe.images.get(&container.image_id).and_then(Option::as_ref);
    cx.grammar == Grammar::V1
        && image.is_some_and(|image| image.container_config_volumes.iter().any(|volume| volume == target))
}

impl MountedLocation {
    /// Where the files of a path are now.
    pub(super) fn of_container(container: &Container, path: &Path) -> Self {
        container.mount_of(path).map_or(Self::Layer, |mount| Self::of_mount(mount, path))
    }

    fn of_mount(mount: &Mount, path: &Path) -> Self {
        let rest = path.strip_prefix(&mount.destination).unwrap_or(Path::new(""));
        match &mount.source {
            MountSource::Volume { name, anonymous, .. } => Self::Volume {
                name: name.clone(),
                anonymous: *anonymous,
                below: join(mount.subpath.as_deref(), rest),
            },
            MountSource::Bind { path } => Self::Directory(join(Some(path), rest)),
            MountSource::Tmpfs => Self::Memory,
            MountSource::Other => Self::Unknown,
        }
    }

    /// Where the files of a path will be according to the file, in the container that follows this one.
    pub(super) fn of_file(
        cx: &HazardContext<'_>,
        service: &Service,
        path: &Path,
        container: &Container,
        next: Transition,
    ) -> Self {
        Self::of_next(cx, service, path, Some((container, next)))
    }

    /// Where the files of a path will be according to the file, in the first container of the service.
    pub(super) fn of_first(cx: &HazardContext<'_>, service: &Service, path: &Path) -> Self {
        Self::of_next(cx, service, path, None)
    }

    fn of_next(
        cx: &HazardContext<'_>,
        service: &Service,
        path: &Path,
        previous: Option<(&Container, Transition)>,
    ) -> Self {
        let declared = declared(service, path);
        let image_volumes = image_volumes(cx, service, previous.map(|(container, _)| container));
        let by_image = image_volumes
            .iter()
            .filter(|volume| path.starts_with(volume))
            .max_by_key(|volume| volume.components().count());
        let depth = |path: &Path| path.components().count();
        // Whatever is mounted at exactly that target is kept, a named volume too (measured).
        let anonymous_at = |target: &Path| {
            let inherited = previous
                .filter(|(_, next)| *next == Transition::Recreated)
                .into_iter()
                .flat_map(|(container, _)| &container.mounts)
                .find(|mount| mount.destination == target)
                .filter(|mount| matches!(mount.source, MountSource::Volume { .. }));
            inherited.map_or(Self::NewAnonymous, |mount| Self::of_mount(mount, path))
        };
        let of_image = |target: &Path| match previous {
            Some((container, _)) if carries_volumes_of_image(cx, container, target) => anonymous_at(target),
            Some(_) | None => Self::NewAnonymous,
        };
        match (declared, by_image) {
            (Some(mount), Some(volume)) if depth(volume) > depth(&mount.target) => of_image(volume),
            (None, Some(volume)) => of_image(volume),
            (None, None) => Self::Layer,
            (Some(mount), _) => {
                let rest = path.strip_prefix(&mount.target).unwrap_or(Path::new(""));
                let masking = previous
                    .filter(|(container, _)| masks_file(cx, container, &mount.target))
                    .map(|_| anonymous_at(&mount.target))
                    .filter(|kept| matches!(kept, Self::Volume { .. }));
                match &mount.source {
                    DeclaredSource::Named { .. } if masking.is_some() => masking.unwrap_or(Self::Unknown),
                    DeclaredSource::Named { key, subpath } => Self::Volume {
                        name: cx.volume_of_key(key).unwrap_or(key).to_owned(),
                        anonymous: false,
                        below: join(subpath.as_deref(), rest),
                    },
                    DeclaredSource::Bind { path, .. } => Self::Directory(join(Some(path), rest)),
                    DeclaredSource::Anonymous => anonymous_at(&mount.target),
                    DeclaredSource::Tmpfs => Self::Memory,
                    DeclaredSource::Other => Self::Unknown,
                }
            }
        }
    }

    /// Whether a service that starts there for the first time may find data. What cannot be seen may be data.
    pub(super) fn may_hold_data(&self, cx: &HazardContext<'_>) -> bool {
        match self {
            Self::Volume { name, .. } => {
                cx.volume(name).is_some() && cx.probe.volume_contents.get(name) != Some(&FileContents::Empty)
            }
            Self::Directory(path) => cx.probe.directory_contents.get(path) != Some(&FileContents::Empty),
            Self::Unknown => true,
            Self::NewAnonymous | Self::Memory | Self::Layer => false,
        }
    }

    /// Whether both are the same. An engine in a virtual machine sees the host's directories below one of its own.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Directory(one), Self::Directory(two)) => on_host(one) == on_host(two),
            _ => self == other,
        }
    }

    /// As part of a reason.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Volume { name, anonymous: true, .. } => {
                format!("the anonymous volume {}…", name.get(..12).unwrap_or(name))
            }
            Self::Volume { name, below, .. } if below.as_os_str().is_empty() => format!("volume `{name}`"),
            Self::Volume { name, below, .. } => format!("`{}` in volume `{name}`", below.display()),
            Self::Directory(path) => format!("directory `{}`", path.display()),
            Self::NewAnonymous => "a new anonymous volume".to_owned(),
            Self::Memory => "memory".to_owned(),
            Self::Layer => "the container layer".to_owned(),
            Self::Unknown => "another kind of mount".to_owned(),
        }
    }
}

/// Joined without a trailing slash.
fn join(base: Option<&Path>, rest: &Path) -> PathBuf {
    match base {
        Some(base) if rest.as_os_str().is_empty() => base.to_owned(),
        Some(base) => base.join(rest),
        None => rest.to_owned(),
    }
}

fn on_host(path: &Path) -> PathBuf {
    ["/host_mnt", "/run/desktop/mnt/host"]
        .iter()
        .find_map(|mount| path.strip_prefix(mount).ok())
        .map_or_else(|| path.to_owned(), |rest| Path::new("/").join(rest))
}
