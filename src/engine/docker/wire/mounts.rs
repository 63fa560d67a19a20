//! The mounts of a container: as requested, and as created.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::nullable;
use crate::engine::{self as model, MountSource};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct HostConfig {
    #[serde(default, deserialize_with = "nullable")]
    binds: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    mounts: Vec<MountSpec>,
    #[serde(default, deserialize_with = "nullable")]
    tmpfs: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "nullable")]
    volumes_from: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) network_mode: String,
}

/// A mount as requested.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MountSpec {
    #[serde(default, deserialize_with = "nullable")]
    source: String,
    #[serde(default, deserialize_with = "nullable")]
    target: PathBuf,
    volume_options: Option<VolumeOptions>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VolumeOptions {
    #[serde(default, deserialize_with = "nullable")]
    subpath: PathBuf,
}

/// A mount as created.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MountResponse {
    #[serde(rename = "Type", default, deserialize_with = "nullable")]
    kind: String,
    #[serde(default, deserialize_with = "nullable")]
    name: String,
    #[serde(default, deserialize_with = "nullable")]
    source: PathBuf,
    #[serde(default, deserialize_with = "nullable")]
    destination: PathBuf,
    #[serde(default, deserialize_with = "nullable")]
    driver: String,
    #[serde(rename = "RW", default, deserialize_with = "nullable")]
    writable: bool,
}

/// Whether the engine generated a volume's name: 32 random bytes in hexadecimal.
fn is_generated(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl HostConfig {
    pub(super) fn mounts_of(&self, created: &[MountResponse]) -> Vec<model::Mount> {
        let mut mounts: Vec<model::Mount> = created.iter().map(|point| self.mount_of(point)).collect();
        // A tmpfs in the short form is in no list of mounts.
        let tmpfs = self.tmpfs.iter().map(|(path, options)| model::Mount {
            source: MountSource::Tmpfs,
            destination: clean(Path::new(path)),
            read_only: options.split(',').any(|option| option == "ro"),
            subpath: None,
        });
        for mount in tmpfs {
            if mounts.iter().all(|known| known.destination != mount.destination) {
                mounts.push(mount);
            }
        }
        mounts.sort_by(|one, other| one.destination.cmp(&other.destination));
        mounts
    }

    pub(super) fn mount_of(&self, point: &MountResponse) -> model::Mount {
        let destination = clean(&point.destination);
        let requested = self.mounts.iter().find(|spec| clean(&spec.target) == destination);
        let source = match point.kind.as_str() {
            // The engine removes an anonymous volume with its container if the mount was created without a source
            // (moby, daemon/mounts.go, removeMountPoints).
            "volume" => {
                let explicit = requested.is_some_and(|spec| !spec.source.is_empty())
                    || self.binds.iter().any(|bind| is_bind_to(bind, &destination));
                let from_other_container = !self.volumes_from.is_empty();
                let anonymous = is_generated(&point.name) || (!explicit && !from_other_container);
                MountSource::Volume {
                    name: point.name.clone(),
                    driver: point.driver.clone(),
                    anonymous,
                    inherited: anonymous && explicit,
                }
            }
            "bind" => MountSource::Bind { path: point.source.clone() },
            "tmpfs" => MountSource::Tmpfs,
            _ => MountSource::Other,
        };
        let subpath = requested
            .and_then(|spec| spec.volume_options.as_ref())
            .map(|options| options.subpath.clone())
            .filter(|path| !path.as_os_str().is_empty());
        model::Mount { source, destination, read_only: !point.writable, subpath }
    }
}

/// Whether a bind of the form `source:destination[:options]` has this destination.
fn is_bind_to(bind: &str, destination: &Path) -> bool {
    let mut parts = bind.split(':');
    let source = parts.next().unwrap_or_default();
    !source.is_empty() && parts.next().is_some_and(|target| clean(Path::new(target)) == destination)
}

/// Removes `.` and duplicate or trailing slashes.
fn clean(path: &Path) -> PathBuf {
    path.components().collect()
}
