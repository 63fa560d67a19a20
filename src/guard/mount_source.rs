//! What lies over a path of a container: by the file, and as it is.

use std::path::{Path, PathBuf};

use super::context::HazardContext;
use crate::compose::grammar::Grammar;
use crate::compose::model::{DeclaredSource, MountDeclaration, Service};
use crate::engine::{Container, Mount, MountSource};

/// What the file mounts over a path: the mount with the longest target above it.
fn declared<'a>(service: &'a Service, path: &Path) -> Option<&'a MountDeclaration> {
    service
        .mounts
        .iter()
        .filter(|mount| path.starts_with(&mount.target))
        .max_by_key(|mount| mount.target.components().count())
}

/// A place where files lie, whoever mounts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BindSource {
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

/// What becomes of a container's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// It is made anew, and the next one takes over its anonymous volumes.
    Replaces,
    /// It goes, and the next one starts without it.
    StartsAfresh,
}

/// Whether a path is where it is by the file only for as long as one container takes over from another: what the next
/// one finds there after this one has gone is something new.
pub(super) fn hangs_on(cx: &HazardContext<'_>, container: &Container, path: &Path) -> bool {
    let service = container.service().and_then(|name| cx.service(name));
    service.filter(|_| !container.is_one_off()).is_some_and(|service| {
        let now = BindSource::of_container(container, path);
        now.is(&BindSource::of_file(cx, service, path, container, Next::Replaces))
            && !now.is(&BindSource::of_file(cx, service, path, container, Next::StartsAfresh))
    })
}

/// The `VOLUME`s of the image that the service will have; of an image that is not here, those that the container has.
fn image_volumes(cx: &HazardContext<'_>, service: &Service, container: &Container) -> Vec<PathBuf> {
    let reference = service.image.as_deref().unwrap_or(&container.image);
    if let Some(Some(image)) = cx.probe.images.get(reference) {
        return image.volumes.clone();
    }
    let anonymous = container
        .mounts
        .iter()
        .filter(|mount| matches!(mount.source, MountSource::Volume { anonymous: true, .. }));
    anonymous.map(|mount| mount.destination.clone()).collect()
}

/// V1 takes over only what it finds in the image of the container there is, and what the file names.
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

impl BindSource {
    /// Where the files of a path lie now.
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

    /// Where the file puts the files of a path of a container, when another takes its place or when one is made after
    /// it has gone.
    pub(super) fn of_file(
        cx: &HazardContext<'_>,
        service: &Service,
        path: &Path,
        container: &Container,
        next: Next,
    ) -> Self {
        let declared = declared(service, path);
        let image_volumes = image_volumes(cx, service, container);
        let by_image = image_volumes
            .iter()
            .filter(|volume| path.starts_with(volume))
            .max_by_key(|volume| volume.components().count());
        let depth = |path: &Path| path.components().count();
        // Whatever was mounted at exactly that target is carried over, a named volume too (measured).
        let anonymous_at = |target: &Path| {
            let inherited = container
                .mounts
                .iter()
                .filter(|_| next == Next::Replaces)
                .find(|mount| mount.destination == target)
                .filter(|mount| matches!(mount.source, MountSource::Volume { .. }));
            inherited.map_or(Self::NewAnonymous, |mount| Self::of_mount(mount, path))
        };
        let of_image = |target: &Path| {
            if carries_volumes_of_image(cx, container, target) {
                anonymous_at(target)
            } else {
                Self::NewAnonymous
            }
        };
        match (declared, by_image) {
            (Some(mount), Some(volume)) if depth(volume) > depth(&mount.target) => of_image(volume),
            (None, Some(volume)) => of_image(volume),
            (None, None) => Self::Layer,
            (Some(mount), _) => {
                let rest = path.strip_prefix(&mount.target).unwrap_or(Path::new(""));
                match &mount.source {
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

    /// Whether it is the same place. An engine in a virtual machine sees the host's directories below one of its own.
    pub(super) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Directory(one), Self::Directory(two)) => on_host(one) == on_host(two),
            _ => self == other,
        }
    }

    /// In words, for a reason.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Volume { name, anonymous: true, .. } => {
                format!("the anonymous volume {}…", name.get(..12).unwrap_or(name))
            }
            Self::Volume { name, below, .. } if below.as_os_str().is_empty() => format!("volume `{name}`"),
            Self::Volume { name, below, .. } => format!("`{}` in volume `{name}`", below.display()),
            Self::Directory(path) => format!("directory `{}`", path.display()),
            Self::NewAnonymous => "a new anonymous volume".to_owned(),
            Self::Memory => "memory".to_owned(),
            Self::Layer => "the container itself".to_owned(),
            Self::Unknown => "another kind of mount".to_owned(),
        }
    }
}

/// Joined without a slash at the end.
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
