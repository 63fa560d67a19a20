//! What lies over a path of a container: by the file, and as it is.

use std::path::{Path, PathBuf};

use super::scene::Scene;
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
pub(super) enum Ground {
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

impl Ground {
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

    /// Where the file puts the files of a path. `image_volumes` are the `VOLUME`s of the image; an anonymous volume
    /// is carried over from the container there is, whatever was mounted at exactly that target (measured).
    pub(super) fn of_file(
        scene: &Scene<'_>,
        service: &Service,
        path: &Path,
        before: Option<&Container>,
        image_volumes: &[PathBuf],
    ) -> Self {
        let declared = declared(service, path);
        let by_image = image_volumes
            .iter()
            .filter(|volume| path.starts_with(volume))
            .max_by_key(|volume| volume.components().count());
        let depth = |path: &Path| path.components().count();
        let anonymous_at = |target: &Path| {
            let inherited = before
                .and_then(|container| container.mounts.iter().find(|mount| mount.destination == target))
                .filter(|mount| matches!(mount.source, MountSource::Volume { .. }));
            inherited.map_or(Self::NewAnonymous, |mount| Self::of_mount(mount, path))
        };
        match (declared, by_image) {
            (Some(mount), Some(volume)) if depth(volume) > depth(&mount.target) => anonymous_at(volume),
            (None, Some(volume)) => anonymous_at(volume),
            (None, None) => Self::Layer,
            (Some(mount), _) => {
                let rest = path.strip_prefix(&mount.target).unwrap_or(Path::new(""));
                match &mount.source {
                    DeclaredSource::Named { key, subpath } => Self::Volume {
                        name: scene.volume_of_key(key).unwrap_or(key).to_owned(),
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
