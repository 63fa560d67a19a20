//! Responses about images.

use std::path::PathBuf;

use serde::Deserialize;

use super::{Config, nullable, variables};
use crate::engine as model;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::engine::docker) struct ImageInspect {
    id: String,
    #[serde(default, deserialize_with = "nullable")]
    repo_digests: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    config: Config,
    #[serde(default, deserialize_with = "nullable")]
    container_config: Config,
}

impl ImageInspect {
    pub(in crate::engine::docker) fn volumes(&self) -> impl Iterator<Item = &str> {
        self.config.volumes.keys().map(String::as_str)
    }

    pub(in crate::engine::docker) fn labels(&self) -> impl Iterator<Item = &str> {
        self.config.labels.keys().map(String::as_str)
    }

    /// The digest in a registry differs from the image id, except with containerd, where both are the digest of the
    /// manifest for local images too.
    fn in_registry(&self) -> model::InRegistry {
        let equals_id = |digest: &String| digest.split_once('@').is_some_and(|(_, digest)| digest == self.id);
        match self.repo_digests.as_slice() {
            [] => model::InRegistry::No,
            digests if digests.iter().all(equals_id) => model::InRegistry::Unknown,
            [_, ..] => model::InRegistry::Yes,
        }
    }

    pub(in crate::engine::docker) fn into_model(self) -> model::Image {
        model::Image {
            in_registry: self.in_registry(),
            id: self.id,
            user: self.config.user,
            volumes: self.config.volumes.into_keys().map(PathBuf::from).collect(),
            container_config_volumes: self.container_config.volumes.into_keys().map(PathBuf::from).collect(),
            environment: variables(self.config.env).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_digest_that_equals_the_id_does_not_prove_a_registry() {
        let in_registry = |digests: &[&str]| {
            let image = json!({ "Id": "sha256:1", "RepoDigests": digests, "Config": {} });
            serde_json::from_value::<ImageInspect>(image).expect("an image").into_model().in_registry
        };
        assert_eq!(in_registry(&[]), model::InRegistry::No);
        assert_eq!(in_registry(&["app@sha256:1"]), model::InRegistry::Unknown);
        assert_eq!(in_registry(&["app@sha256:2"]), model::InRegistry::Yes);
        assert_eq!(in_registry(&["app@sha256:1", "other/app@sha256:2"]), model::InRegistry::Yes);
    }
}
