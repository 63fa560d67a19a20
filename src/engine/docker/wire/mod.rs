//! The engine's responses, reduced to the fields that are used, and their conversion to the types of `engine`.
//!
//! Fields that may be missing or `null` in some version have defaults. An unknown value becomes the most cautious variant.

mod container;
mod image;
mod info;
mod layer;
mod mounts;
mod network;
mod ports;
mod volume;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

pub(in crate::engine::docker) use self::container::ContainerInspect;
pub(in crate::engine::docker) use self::image::ImageInspect;
pub(in crate::engine::docker) use self::info::{ApiVersion, SystemInfo};
pub(in crate::engine::docker) use self::layer::{ContainerSize, FileChange};
pub(in crate::engine::docker) use self::network::NetworkInspect;
pub(in crate::engine::docker) use self::volume::{DiskUsage, VolumeInspect, VolumeList};

/// Reads `null` as the default.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}

/// An entry of a container list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::engine::docker) struct ContainerSummary {
    pub(in crate::engine::docker) id: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(in crate::engine::docker) labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "nullable")]
    state: String,
    #[serde(default, deserialize_with = "nullable")]
    mounts: Vec<mounts::MountResponse>,
}

impl ContainerSummary {
    pub(in crate::engine::docker) fn state(&self) -> crate::engine::ContainerState {
        container::state(&self.state)
    }

    /// Its mounts; whether a volume is anonymous is not known.
    pub(in crate::engine::docker) fn mounts(&self) -> impl Iterator<Item = crate::engine::Mount> {
        self.mounts.iter().map(|mount| mounts::HostConfig::default().mount_of(mount))
    }
}

/// The configuration of a container or an image.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    #[serde(default, deserialize_with = "nullable")]
    image: String,
    #[serde(default, deserialize_with = "nullable")]
    user: String,
    #[serde(default, deserialize_with = "nullable")]
    entrypoint: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    cmd: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    env: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "nullable")]
    volumes: BTreeMap<String, serde_json::Value>,
}

/// Parses `NAME=value` lines; a name without a value is set to the empty string.
fn variables(lines: Vec<String>) -> impl Iterator<Item = (String, String)> {
    lines.into_iter().map(|line| match line.split_once('=') {
        Some((name, value)) => (name.to_owned(), value.to_owned()),
        None => (line, String::new()),
    })
}
