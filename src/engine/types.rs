//! Containers, volumes and images as far as we care about them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::HOLDER_LABEL;
use crate::secret::Secret;

/// Compose's label for the project directory that a container was made from.
pub const WORKING_DIR_LABEL: &str = "com.docker.compose.project.working_dir";

/// Which engine, and where.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Identity {
    /// The engine's own id. Two engines can share one: older ones take it from a key file of the machine, and a copied
    /// machine keeps it.
    pub id: String,
    pub name: String,
    pub version: String,
    /// `unix:///var/run/docker.sock`, `ssh://host`, …
    pub endpoint: String,
    /// Whether its file system is the one we see.
    pub local: bool,
    /// Where the engine keeps its volumes, on its own file system.
    pub root: PathBuf,
    /// Whether it keeps its images in containerd, as engines that were installed with version 29 or newer do.
    pub containerd_images: bool,
}

/// Where an engine says `ContainerConfig` of its images. Compose V1 makes containers anew by that, and speaks the
/// newest API there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerConfig {
    Always,
    /// Not in the newest version of its API, but up to this one.
    UpTo(&'static str),
    Never,
}

impl Identity {
    /// Measured: engine 28.5.2 says it in API 1.44 and not in 1.45, which came with engine 26; with images in
    /// containerd it says it in none.
    pub fn container_config(&self) -> ContainerConfig {
        let major = self.version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        match major {
            _ if self.containerd_images => ContainerConfig::Never,
            Some(26..) => ContainerConfig::UpTo("1.44"),
            Some(_) | None => ContainerConfig::Always,
        }
    }

    /// What tells this engine from any other, in one line: a machine can have two engines, and a copied machine has the
    /// id of the one it was copied from.
    pub fn mark(&self) -> String {
        format!("{} on {} at {}, {}", self.id, self.name, self.endpoint, self.root.display())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Created,
    Running,
    Paused,
    Restarting,
    Exited,
    Dead,
    Removing,
}

/// One container, as `docker inspect` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    pub id: String,
    /// Without the leading slash.
    pub name: String,
    pub state: State,
    /// The image as the container names it: `qdrant/qdrant:v1.19.0`.
    pub image: String,
    pub image_id: String,
    pub environment: BTreeMap<String, Secret>,
    /// `USER` of the image or `user:` of the service: `1000`, `1000:1000`, `postgres`, or empty for root.
    pub user: String,
    pub labels: BTreeMap<String, String>,
    pub mounts: Vec<Mount>,
    pub ports: Vec<PublishedPort>,
    /// Its address on each network it is on, by network name.
    pub addresses: BTreeMap<String, IpAddr>,
    /// `bridge`, `host`, `none`, `container:…`, or a network's name.
    pub network_mode: String,
    /// RFC 3339.
    pub created: String,
    pub started: Option<String>,
    pub finished: Option<String>,
    /// `starting`, `healthy`, `unhealthy`, where the container has a health check.
    pub health: Option<String>,
    pub exit_code: i64,
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

    /// Which of the service's replicas this is, from 1.
    pub fn number(&self) -> u32 {
        self.label("com.docker.compose.container-number").and_then(|n| n.parse().ok()).unwrap_or(1)
    }

    /// Made by `run`, and so not one of the service's replicas.
    pub fn is_one_off(&self) -> bool {
        self.label("com.docker.compose.oneoff").is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The project directory at the time it was made.
    pub fn working_dir(&self) -> Option<&Path> {
        self.label(WORKING_DIR_LABEL).map(Path::new)
    }

    /// Compose's digest of the configuration that it was made from.
    pub fn config_hash(&self) -> Option<&str> {
        self.label("com.docker.compose.config-hash")
    }

    /// The id of the image at the time it was made; V1 does not write it down.
    pub fn made_from(&self) -> Option<&str> {
        self.label("com.docker.compose.image")
    }

    pub fn is_running(&self) -> bool {
        matches!(self.state, State::Running | State::Paused | State::Restarting)
    }

    pub fn mounts_volume(&self, volume: &str) -> bool {
        self.mounts
            .iter()
            .any(|mount| matches!(&mount.source, MountSource::Volume { name, .. } if name == volume))
    }

    /// The volume that it keeps from being removed, where it is a holder of ours. A container of a Compose project is
    /// none, whatever its labels say: `down` removes it before the volume.
    pub fn held_volume(&self) -> Option<&str> {
        let volume = self.label(HOLDER_LABEL)?;
        let of_project = self.project().is_some_and(|project| !project.is_empty());
        let going = matches!(self.state, State::Removing | State::Dead);
        (!of_project && !going && self.mounts_volume(volume)).then_some(volume)
    }

    /// The mount that holds a path of the container: the one with the longest destination above it.
    pub fn mount_of(&self, path: &Path) -> Option<&Mount> {
        self.mounts
            .iter()
            .filter(|mount| path.starts_with(&mount.destination))
            .max_by_key(|mount| mount.destination.components().count())
    }
}

/// Whether two directories are different ones with the same parent.
pub(super) fn is_beside(one: &Path, other: &Path) -> bool {
    one != other && one.parent().is_some() && one.parent() == other.parent()
}

/// What is mounted where in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    pub source: MountSource,
    pub destination: PathBuf,
    pub read_only: bool,
    /// The directory inside the volume that is mounted, where it is not the whole.
    pub subpath: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MountSource {
    /// A volume. `inherited` is an anonymous volume that a recreation has carried over by name: `down -v` and `rm -v`
    /// leave it behind (measured, engines 20.10 and 26.1).
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

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedPort {
    pub container_port: u16,
    /// The address it is bound to on the engine's host.
    pub host: IpAddr,
    pub host_port: u16,
}

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
}

impl Volume {
    /// The key under `volumes:` that it was made for.
    pub fn compose_key(&self) -> Option<&str> {
        self.labels.get("com.docker.compose.volume").map(String::as_str)
    }

    /// Whether nobody gave it a name: engines call such a volume by 32 random bytes, and newer ones label it as well.
    pub fn is_anonymous(&self) -> bool {
        let generated =
            self.name.len() == 64 && self.name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        generated || self.labels.contains_key("com.docker.volume.anonymous")
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Image {
    pub id: String,
    /// `USER`, empty for root.
    pub user: String,
    /// `VOLUME`s.
    pub volumes: Vec<PathBuf>,
    /// The `VOLUME`s that stand under `ContainerConfig` too, the only ones that Compose V1 looks at. Neither `docker
    /// import` nor BuildKit writes them there (measured, engine 20.10).
    pub volumes_of_v1: Vec<PathBuf>,
    pub environment: BTreeMap<String, String>,
    pub registry: Registry,
}

/// Whether a registry has an image, so that it could be had again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Registry {
    /// It was pulled or pushed.
    Has,
    /// It was only ever here.
    #[default]
    HasNot,
    /// An engine that keeps its images in containerd names a digest for those that were only built here, too.
    Unknown,
}

/// A container to be made only for its mounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Helper {
    pub image: String,
    /// Volume name and destination.
    pub volumes: Vec<(String, PathBuf)>,
}

/// A container to be made only to keep a volume in use, so that nobody can remove it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub name: String,
    pub image: String,
    pub volume: String,
    /// Where the volume is mounted in it, read-only.
    pub mount_point: PathBuf,
    /// [`HOLDER_LABEL`] among them.
    pub labels: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_engines_say_less_of_their_images() {
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
