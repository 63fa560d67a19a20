//! Responses about the engine.

use std::path::PathBuf;

use serde::Deserialize;

use super::nullable;

/// The part of the answer to `docker version` that is needed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::engine::docker) struct ApiVersion {
    #[serde(default, deserialize_with = "nullable")]
    pub(in crate::engine::docker) api_version: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::engine::docker) struct SystemInfo {
    #[serde(rename = "ID", default, deserialize_with = "nullable")]
    pub(in crate::engine::docker) id: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(in crate::engine::docker) name: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(in crate::engine::docker) server_version: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(in crate::engine::docker) docker_root_dir: PathBuf,
    #[serde(default, deserialize_with = "nullable")]
    pub(in crate::engine::docker) kernel_version: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(in crate::engine::docker) architecture: String,
    #[serde(default, deserialize_with = "nullable")]
    security_options: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    driver_status: Vec<Vec<String>>,
    /// Only Podman has it.
    #[serde(default)]
    buildah_version: Option<String>,
}

impl SystemInfo {
    /// Whether it is the Docker-compatible interface of Podman.
    pub(in crate::engine::docker) fn is_podman(&self) -> bool {
        self.buildah_version.is_some()
    }

    /// What tells the engine from others. Podman makes up another id for each answer (measured, 4.3), so its storage on its
    /// machine counts.
    pub(in crate::engine::docker) fn stable_id(&self) -> String {
        if self.is_podman() {
            format!("podman:{}:{}", self.name, self.docker_root_dir.display())
        } else {
            self.id.clone()
        }
    }

    /// With containerd, the driver of the image store is a snapshotter.
    pub(in crate::engine::docker) fn keeps_images_in_containerd(&self) -> bool {
        self.driver_status
            .iter()
            .any(|line| matches!(line.as_slice(), [name, kind, ..] if name == "driver-type" && kind.contains("snapshotter")))
    }

    /// `name=rootless` or `name=userns` in the security options, with or without further values after a comma.
    pub(in crate::engine::docker) fn maps_users(&self) -> bool {
        self.security_options
            .iter()
            .flat_map(|option| option.split(','))
            .any(|word| matches!(word, "name=rootless" | "name=userns" | "rootless" | "userns"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_snapshotter_means_containerd() {
        let info = |status: serde_json::Value| {
            serde_json::from_value::<SystemInfo>(json!({ "DriverStatus": status })).expect("readable")
        };
        assert!(info(json!([["driver-type", "io.containerd.snapshotter.v1"]])).keeps_images_in_containerd());
        assert!(
            !info(json!([["Backing Filesystem", "extfs"], ["Supports d_type", "true"]]))
                .keeps_images_in_containerd()
        );
        assert!(!info(json!(null)).keeps_images_in_containerd());
    }

    #[test]
    fn podman_has_an_id_that_stays() {
        let info = |id: &str, version: serde_json::Value| -> SystemInfo {
            let root = "/var/lib/containers/storage";
            let info = json!({ "ID": id, "Name": "host", "DockerRootDir": root, "BuildahVersion": version });
            serde_json::from_value(info).expect("readable")
        };
        let podman = info("c34e22b6", json!("1.28.2"));
        assert!(podman.is_podman());
        assert_eq!(podman.stable_id(), "podman:host:/var/lib/containers/storage");
        assert_eq!(podman.stable_id(), info("860082ff", json!("1.28.2")).stable_id());
        let docker = info("c34e22b6", json!(null));
        assert_eq!((docker.is_podman(), docker.stable_id().as_str()), (false, "c34e22b6"));
    }

    #[test]
    fn mapped_users_show_in_the_security_options() {
        let info = |options: serde_json::Value| -> SystemInfo {
            serde_json::from_value(json!({ "SecurityOptions": options })).expect("readable")
        };
        assert!(info(json!(["name=seccomp,profile=default", "name=rootless"])).maps_users());
        assert!(info(json!(["name=userns"])).maps_users());
        assert!(!info(json!(["name=seccomp,profile=default"])).maps_users());
        assert!(!info(json!(null)).maps_users());
    }
}
