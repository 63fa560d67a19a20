//! A project as the real Compose resolves it: files merged, variables replaced, paths absolute.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::secret::Secret;

/// The part of `config`'s output that matters here.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Model {
    /// The project's name; Compose V1 does not print it.
    pub name: Option<String>,
    pub services: BTreeMap<String, Service>,
    /// By their key in the file.
    pub volumes: BTreeMap<String, VolumeDeclaration>,
    /// The top-level `x-safe-compose`, as written.
    pub settings: Option<serde_json::Value>,
}

impl Model {
    /// Services with everything that they depend on, directly or not. A name that is not in the file is kept.
    pub fn with_dependencies<'a>(&'a self, named: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&str> = named.into_iter().collect();
        while let Some(name) = open.pop() {
            if reached.insert(name)
                && let Some(service) = self.services.get(name)
            {
                open.extend(service.depends_on.iter().map(String::as_str));
            }
        }
        reached
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Service {
    pub name: String,
    pub image: Option<String>,
    /// Built from a `build:` section.
    pub built: bool,
    /// `user:`; `None` if the image decides.
    pub user: Option<String>,
    pub mounts: Vec<MountDeclaration>,
    /// What the file sets, also through `env_file:`; the image may set more.
    pub environment: BTreeMap<String, Secret>,
    /// `entrypoint:` and `command:`, as far as the file sets them.
    pub command: Vec<String>,
    pub profiles: Vec<String>,
    pub depends_on: Vec<String>,
    pub read_only: bool,
    /// The number of replicas; 1 by default.
    pub replicas: u32,
    /// Services whose namespaces it shares: when one of them is recreated, so is this.
    pub joins: Vec<String>,
    pub unresolved: Unresolved,
    /// `pull_policy:`; it may pull another image at any `up`.
    pub pull_policy: Option<String>,
    /// `develop.watch`.
    pub watch: Vec<WatchRule>,
    /// The labels of other backup tools, also those under `deploy:`.
    pub tool_labels: BTreeMap<String, String>,
}

/// What Compose V2 resolves before it hashes the configuration, and `config --hash` does not.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Unresolved {
    /// `environment:` with the variables of every `env_file:`, as JSON.
    pub environment: Option<Secret>,
    /// The keys with a value of `service:…`, and the service.
    pub namespaces: Vec<(&'static str, String)>,
    /// As written: `service[:mode]` or `container:name[:mode]`.
    pub volumes_from: Vec<String>,
}

impl Unresolved {
    /// Whether Compose replaces the name of a service with the id of its container.
    pub fn refers_to_services(&self) -> bool {
        !self.namespaces.is_empty() || !self.volumes_from.is_empty()
    }
}

/// What `watch` does when a path of the host changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchRule {
    pub path: PathBuf,
    pub action: WatchAction,
    /// Where in the container files are copied to.
    pub target: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchAction {
    /// `sync`, `sync+restart`, `sync+exec`: files of the host replace those in the container, deletions included.
    Sync,
    /// The image is built and the container recreated.
    Rebuild,
    Restart,
}

#[derive(Debug, Clone, PartialEq)]
pub struct MountDeclaration {
    pub source: DeclaredSource,
    pub target: PathBuf,
    pub read_only: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum DeclaredSource {
    /// A key under the top-level `volumes:`.
    Named {
        key: String,
        subpath: Option<PathBuf>,
    },
    Anonymous,
    Bind {
        path: PathBuf,
        create_host_path: bool,
    },
    Tmpfs,
    /// A kind that holds no data of the project: `npipe`, `cluster`, `image`.
    Other,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct VolumeDeclaration {
    /// The name on the engine: `project_key`, or the file's `name:`.
    pub name: String,
    pub external: bool,
    pub driver: Option<String>,
    pub driver_opts: BTreeMap<String, String>,
    pub labels: BTreeMap<String, String>,
}
