//! The settings that a server was started with, as far as they are visible: its environment and its mounted
//! configuration files.
//!
//! The server reads `config/config.yaml`, `config/<RUN_MODE>.yaml` and `config/local.yaml`, each over the one before,
//! and its environment over all of them (`src/settings.rs`, qdrant 1.19.0). The files of its image set nothing that is
//! needed here.

use std::path::Path;

use serde_json::Value;

use super::container_files;
use crate::backup::driver::DriverTarget;
use crate::engine::Container;
use crate::secret::Secret;

/// The configuration directory of the server's image.
const DIRECTORY: &str = "/qdrant/config";

/// See the head of this file.
pub(super) struct ServerSettings<'a> {
    container: &'a Container,
    /// In the order of precedence.
    files: Vec<Value>,
}

impl<'a> ServerSettings<'a> {
    pub(super) async fn of(target: DriverTarget<'a>) -> anyhow::Result<Self> {
        let container = target.container()?;
        let mut files = Vec::new();
        let directory = Path::new(DIRECTORY);
        // The image's own files need not be read.
        if container.mounts.iter().any(|mount| mount.destination.starts_with(directory)) {
            let mode =
                container.environment.get("RUN_MODE").map_or("production", |mode| mode.expose().trim());
            for name in ["local", mode, "config"] {
                let Some(text) = container_files::read(target, &directory.join(format!("{name}.yaml"))).await
                else {
                    continue;
                };
                files.extend(serde_saphyr::from_slice(&text).ok());
            }
        }
        Ok(Self { container, files })
    }

    /// For example `service` and `http_port`. Text is trimmed; an empty value counts as not set, as the server does
    /// with an empty key.
    pub(super) fn get(&self, section: &str, key: &str) -> Option<Secret> {
        let variable = format!("QDRANT__{}__{}", section.to_uppercase(), key.to_uppercase());
        if let Some(value) = self.container.environment.get(&variable) {
            return set(value.expose());
        }
        let value = self.files.iter().map(|file| &file[section][key]).find(|value| !value.is_null())?;
        match value {
            Value::String(text) => set(text),
            other => set(&other.to_string()),
        }
    }
}

fn set(text: &str) -> Option<Secret> {
    let text = text.trim();
    (!text.is_empty()).then(|| Secret::new(text))
}
