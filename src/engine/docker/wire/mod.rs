//! The engine's answers, as far as we read them, and what they mean in our words.
//!
//! Fields that may be missing or `null` in some version have defaults; a word that we do not know becomes the variant
//! that promises least.

mod container;
mod image;
mod info;
mod mounts;
mod network;
mod ports;
mod volume;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

pub(in crate::engine::docker) use self::container::Container;
pub(in crate::engine::docker) use self::image::Image;
pub(in crate::engine::docker) use self::info::Info;
pub(in crate::engine::docker) use self::network::Network;
pub(in crate::engine::docker) use self::volume::{DiskUsage, Volume, Volumes};

/// `null` as nothing.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::engine::docker) struct Listed {
    pub(in crate::engine::docker) id: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(in crate::engine::docker) labels: BTreeMap<String, String>,
}

/// What a container runs with, and what an image gives it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    #[serde(default, deserialize_with = "nullable")]
    image: String,
    #[serde(default, deserialize_with = "nullable")]
    user: String,
    #[serde(default, deserialize_with = "nullable")]
    env: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "nullable")]
    volumes: BTreeMap<String, serde_json::Value>,
}

/// `NAME=value` lines; a name without a value is set to nothing.
fn variables(lines: Vec<String>) -> impl Iterator<Item = (String, String)> {
    lines.into_iter().map(|line| match line.split_once('=') {
        Some((name, value)) => (name.to_owned(), value.to_owned()),
        None => (line, String::new()),
    })
}
