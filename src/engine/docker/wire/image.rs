//! Of images.

use std::path::PathBuf;

use serde::Deserialize;

use super::{Config, nullable, variables};
use crate::engine as ours;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::engine::docker) struct Image {
    id: String,
    #[serde(default, deserialize_with = "nullable")]
    repo_digests: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    config: Config,
    #[serde(default, deserialize_with = "nullable")]
    container_config: Config,
}

impl Image {
    pub(in crate::engine::docker) fn volumes(&self) -> impl Iterator<Item = &str> {
        self.config.volumes.keys().map(String::as_str)
    }

    pub(in crate::engine::docker) fn labels(&self) -> impl Iterator<Item = &str> {
        self.config.labels.keys().map(String::as_str)
    }

    /// The digest under which a registry has it is another than its id, except in containerd, where both are the
    /// manifest's, wherever it comes from.
    fn registry(&self) -> ours::Registry {
        let says_nothing =
            |digest: &String| digest.split_once('@').is_some_and(|(_, digest)| digest == self.id);
        match self.repo_digests.as_slice() {
            [] => ours::Registry::HasNot,
            digests if digests.iter().all(says_nothing) => ours::Registry::Unknown,
            [_, ..] => ours::Registry::Has,
        }
    }

    pub(in crate::engine::docker) fn into_ours(self) -> ours::Image {
        ours::Image {
            registry: self.registry(),
            id: self.id,
            user: self.config.user,
            volumes: self.config.volumes.into_keys().map(PathBuf::from).collect(),
            volumes_of_v1: self.container_config.volumes.into_keys().map(PathBuf::from).collect(),
            environment: variables(self.config.env).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_digest_that_is_the_id_tells_of_no_registry() {
        let registry = |digests: &[&str]| {
            let image = json!({ "Id": "sha256:1", "RepoDigests": digests, "Config": {} });
            serde_json::from_value::<Image>(image).expect("an image").into_ours().registry
        };
        assert_eq!(registry(&[]), ours::Registry::HasNot);
        assert_eq!(registry(&["app@sha256:1"]), ours::Registry::Unknown);
        assert_eq!(registry(&["app@sha256:2"]), ours::Registry::Has);
        assert_eq!(registry(&["app@sha256:1", "other/app@sha256:2"]), ours::Registry::Has);
    }
}
