//! Containers, volumes and images, reduced to what safe-compose needs.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::{HOLDER_LABEL, VolumeIdentity};
use crate::secret::Secret;

/// Compose's label for the project directory that a container was created from.
pub const WORKING_DIR_LABEL: &str = "com.docker.compose.project.working_dir";

/// Identifies an engine.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Identity {
    /// The engine's id. Not unique: older engines read it from a key file of the machine, and a cloned machine has the
    /// same file.
    pub id: String,
    pub name: String,
    pub version: String,
    /// `unix:///var/run/docker.sock`, `ssh://host`, …
    pub endpoint: String,
    /// Whether the engine uses the file system of this machine.
    pub local: bool,
    /// The engine's data directory, on its own file system.
    pub root: PathBuf,
    /// Whether the engine stores images in containerd, the default of new installations since version 29.
    pub containerd_images: bool,
}

/// In which API versions an engine reports `ContainerConfig` of images. Compose V1 needs it to recreate containers, and
/// uses the newest API version by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerConfig {
    /// In all versions.
    Always,
    /// Up to this version, but not in the newest.
    UpTo(&'static str),
    /// In no version.
    Never,
}

impl Identity {
    /// Measured: engine 28.5.2 reports it in API 1.44 and not in 1.45, which came with engine 26. With images in
    /// containerd it never reports it.
    pub fn container_config(&self) -> ContainerConfig {
        let major = self.version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        match major {
            _ if self.containerd_images => ContainerConfig::Never,
            Some(26..) => ContainerConfig::UpTo("1.44"),
            Some(_) | None => ContainerConfig::Always,
        }
    }

    /// One line that identifies this engine and no other. The id alone is not enough: a machine can run two engines, and
    /// a cloned machine has the id of the original.
    pub fn unique_description(&self) -> String {
        format!("{} on {} at {}, {}", self.id, self.name, self.endpoint, self.root.display())
    }
}

/// The state of a container, as `docker ps` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerState {
    Created,
    Running,
    Paused,
    Restarting,
    Exited,
    Dead,
    Removing,
}

/// The labels of a container.
pub type Labels = BTreeMap<String, String>;

/// Whether a container with these labels is meant.
pub type LabelTest = fn(&Labels) -> bool;

/// The project directory that a container with these labels was created from.
pub fn working_dir_of(labels: &Labels) -> Option<&Path> {
    labels.get(WORKING_DIR_LABEL).map(Path::new)
}

/// The Compose files that it was created from, with the relative paths that Compose V1 writes, which start in the project
/// directory.
pub fn created_from_files_of(labels: &Labels) -> impl Iterator<Item = PathBuf> {
    let files = labels.get("com.docker.compose.project.config_files").map_or("", String::as_str);
    let files = files.split(',').filter(|file| !file.is_empty() && *file != "-");
    files.filter_map(|file| Some(working_dir_of(labels)?.join(file)))
}

/// The newest container that shows which project directory it was created from.
pub fn newest_with_directory(containers: &[Container]) -> Option<(&Container, &Path)> {
    let shown = containers.iter().filter_map(|container| Some((container, container.working_dir()?)));
    shown.max_by(|(one, _), (other, _)| one.created.cmp(&other.created))
}

/// A container, as `docker inspect` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    pub id: String,
    /// Without the leading slash.
    pub name: String,
    pub state: ContainerState,
    /// The image reference of the container: `qdrant/qdrant:v1.19.0`.
    pub image: String,
    pub image_id: String,
    pub environment: BTreeMap<String, Secret>,
    /// `user:` of the service or `USER` of the image: `1000`, `1000:1000`, `postgres`, or empty for root.
    pub user: String,
    pub labels: BTreeMap<String, String>,
    pub mounts: Vec<Mount>,
    pub ports: Vec<PublishedPort>,
    /// The address in each network, by network name.
    pub addresses: BTreeMap<String, IpAddr>,
    /// `bridge`, `host`, `none`, `container:…`, or a network's name.
    pub network_mode: String,
    /// RFC 3339.
    pub created: String,
    pub started: Option<String>,
    pub finished: Option<String>,
    /// `starting`, `healthy` or `unhealthy`, if the container has a health check.
    pub health: Option<String>,
    pub exit_code: i64,
    /// The entrypoint and the command that it was created with, of the image or of the service.
    pub command: Vec<String>,
}

impl Container {
    fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(String::as_str)
    }

    pub fn project(&self) -> Option<&str> {
        self.label("com.docker.compose.project")
    }

    pub fn service(&self) -> Option<&str> {
        self.label("com.docker.compose.service")
    }

    /// The number of the replica, starting from 1.
    pub fn number(&self) -> u32 {
        self.label("com.docker.compose.container-number").and_then(|n| n.parse().ok()).unwrap_or(1)
    }

    /// Whether `run` created it. Such a container is not a replica of the service.
    pub fn is_one_off(&self) -> bool {
        self.label("com.docker.compose.oneoff").is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The project directory that the container was created from.
    pub fn working_dir(&self) -> Option<&Path> {
        working_dir_of(&self.labels)
    }

    /// The Compose files that the container was created from.
    pub fn config_files(&self) -> impl Iterator<Item = &Path> {
        let files = self.label("com.docker.compose.project.config_files").unwrap_or_default();
        files.split(',').map(Path::new).filter(|file| file.is_absolute())
    }

    /// See [`created_from_files_of`].
    pub fn created_from_files(&self) -> impl Iterator<Item = PathBuf> {
        created_from_files_of(&self.labels)
    }

    /// Compose's hash of the configuration that the container was created from.
    pub fn config_hash(&self) -> Option<&str> {
        self.label("com.docker.compose.config-hash")
    }

    /// The id of the image that the container was created from. Compose V1 does not record it.
    pub fn created_from_image(&self) -> Option<&str> {
        self.label("com.docker.compose.image")
    }

    pub fn is_running(&self) -> bool {
        matches!(self.state, ContainerState::Running | ContainerState::Paused | ContainerState::Restarting)
    }

    pub fn mounts_volume(&self, volume: &str) -> bool {
        self.mounts
            .iter()
            .any(|mount| matches!(&mount.source, MountSource::Volume { name, .. } if name == volume))
    }

    /// The volume that this container protects, if it is a holder container. A container of a Compose project is never a
    /// holder, whatever its labels say: `down` removes it before the volume.
    pub fn held_volume(&self) -> Option<&str> {
        let volume = self.label(HOLDER_LABEL)?;
        let in_project = self.project().is_some_and(|project| !project.is_empty());
        let is_being_removed = matches!(self.state, ContainerState::Removing | ContainerState::Dead);
        (!in_project && !is_being_removed && self.mounts_volume(volume)).then_some(volume)
    }

    /// The mount that contains a path of the container: the one with the longest matching destination.
    pub fn mount_of(&self, path: &Path) -> Option<&Mount> {
        self.mounts
            .iter()
            .filter(|mount| path.starts_with(&mount.destination))
            .max_by_key(|mount| mount.destination.components().count())
    }
}

/// Whether two different directories have the same parent.
pub fn are_siblings(one: &Path, other: &Path) -> bool {
    one != other && one.parent().is_some() && one.parent() == other.parent()
}

/// How far above or below a directory another one is still near.
pub const NEARBY_LEVELS: usize = 2;

/// Whether two different directories are siblings, or one is at most [`NEARBY_LEVELS`] below the other.
pub(super) fn are_near(one: &Path, other: &Path) -> bool {
    let contains = |outer: &Path, inner: &Path| {
        inner.strip_prefix(outer).is_ok_and(|rest| (1..=NEARBY_LEVELS).contains(&rest.components().count()))
    };
    are_siblings(one, other) || contains(one, other) || contains(other, one)
}

/// A mount of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    pub source: MountSource,
    pub destination: PathBuf,
    pub read_only: bool,
    /// The mounted directory of the volume, if only a part is mounted.
    pub subpath: Option<PathBuf>,
}

/// What is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MountSource {
    /// A volume. `inherited` is an anonymous volume that a recreated container took over by name: `down -v` and `rm -v`
    /// do not remove it (measured, engines 20.10 and 26.1).
    Volume {
        name: String,
        driver: String,
        anonymous: bool,
        inherited: bool,
    },
    Bind {
        path: PathBuf,
    },
    Tmpfs,
    Other,
}

impl Mount {
    /// Whether it is writable, and is one of these volumes, or one of these directories, a parent or a child of it.
    pub(super) fn writes_to(&self, volumes: &[String], directories: &[PathBuf]) -> bool {
        !self.read_only
            && match &self.source {
                MountSource::Volume { name, .. } => volumes.contains(name),
                MountSource::Bind { path } => {
                    // The engine has the path as it was written; it may contain links.
                    let resolved = path.canonicalize().unwrap_or_else(|_| path.clone());
                    let overlaps =
                        |path: &Path, other: &Path| path.starts_with(other) || other.starts_with(path);
                    directories.iter().any(|other| overlaps(path, other) || overlaps(&resolved, other))
                }
                MountSource::Tmpfs | MountSource::Other => false,
            }
    }
}

/// A directory that a running container still has, while its path on the host leads to another one or to none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplacedMount {
    pub destination: PathBuf,
    /// The path on the host.
    pub path: PathBuf,
    /// The container's directory was deleted: nothing but the running container keeps its files.
    pub deleted: bool,
}

/// What is at a path of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LiveEntry {
    Missing,
    /// The beginning of a file.
    File(Vec<u8>),
    /// Whether there is a file with content in it, at any depth.
    Directory {
        has_data: bool,
    },
}

/// The layer of a container: what it has written outside of its mounts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layer {
    /// The size of all files; `None` if the engine does not report it.
    pub bytes: Option<u64>,
    /// The paths that were added or changed, directories too. Mount points are among them.
    pub written: Vec<PathBuf>,
}

/// A port that is published on the engine's host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedPort {
    pub container_port: u16,
    /// The address on the engine's host.
    pub host: IpAddr,
    pub host_port: u16,
}

/// A volume, as `docker volume inspect` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    pub name: String,
    pub driver: String,
    pub options: BTreeMap<String, String>,
    pub labels: BTreeMap<String, String>,
    /// RFC 3339, as the engine prints it.
    pub created: Option<String>,
    /// On the engine's own file system.
    pub mountpoint: PathBuf,
    /// `None` if this volume cannot be told from a later one of the same name.
    pub identity: Option<VolumeIdentity>,
}

impl Volume {
    /// The key under `volumes:` in the Compose file that it was created for.
    pub fn compose_key(&self) -> Option<&str> {
        self.labels.get("com.docker.compose.volume").map(String::as_str)
    }

    pub fn project(&self) -> Option<&str> {
        self.labels.get("com.docker.compose.project").map(String::as_str)
    }

    /// Whether the engine generated the name: 32 random bytes in hexadecimal. Newer engines also set a label.
    pub fn is_anonymous(&self) -> bool {
        let generated =
            self.name.len() == 64 && self.name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        generated || self.labels.contains_key("com.docker.volume.anonymous")
    }
}

/// An image, as `docker image inspect` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Image {
    pub id: String,
    /// `USER`, empty for root.
    pub user: String,
    /// `VOLUME`s.
    pub volumes: Vec<PathBuf>,
    /// The `VOLUME`s under `ContainerConfig`, the only ones that Compose V1 reads. Images from `docker import` and
    /// BuildKit have none there (measured, engine 20.10).
    pub container_config_volumes: Vec<PathBuf>,
    pub environment: BTreeMap<String, String>,
    pub in_registry: InRegistry,
}

/// Whether an image can be pulled again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InRegistry {
    /// The image was pulled or pushed.
    Yes,
    /// The image exists on this engine only.
    #[default]
    No,
    /// With containerd, images that were built here have a registry digest too.
    Unknown,
}

/// A container that is created only to access volumes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Helper {
    pub image: String,
    /// Names and destinations.
    pub volumes: Vec<(String, PathBuf)>,
}

/// A container that moves and removes files in one place, by the list that [`super::own_image`] describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mover {
    pub image: String,
    pub source: MoverSource,
    /// Where the place is mounted, writable.
    pub mount_point: PathBuf,
    /// The path of the list in the container.
    pub list: PathBuf,
}

/// Where a mover works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MoverSource {
    Volume(String),
    /// A directory of the engine's host.
    Directory(PathBuf),
}

/// A container that keeps a volume in use, so that the engine refuses to remove the volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub name: String,
    pub image: String,
    pub volume: String,
    /// Where the volume is mounted, read-only.
    pub mount_point: PathBuf,
    /// Including [`HOLDER_LABEL`].
    pub labels: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_engines_report_less_about_images() {
        let of = |version: &str, containerd_images| {
            let identity = Identity {
                id: "E".into(),
                name: "host".into(),
                version: version.into(),
                endpoint: "unix:///var/run/docker.sock".into(),
                local: true,
                root: PathBuf::from("/var/lib/docker"),
                containerd_images,
            };
            identity.container_config()
        };
        for older in ["20.10.24+dfsg1", "25.0.5", "dev", ""] {
            assert_eq!(of(older, false), ContainerConfig::Always, "{older}");
        }
        for newer in ["26.1.5+dfsg1", "28.5.2"] {
            assert_eq!(of(newer, false), ContainerConfig::UpTo("1.44"), "{newer}");
            assert_eq!(of(newer, true), ContainerConfig::Never, "{newer}");
        }
    }
}
