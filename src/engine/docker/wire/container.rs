//! Responses about containers.

use serde::Deserialize;

use super::mounts::{HostConfig, MountResponse};
use super::ports::NetworkSettings;
use super::{Config, nullable, variables};
use crate::engine::{
    self as model, ContainerState, HELPER_LABEL, HOLDER_LABEL, SCRATCH_LABEL, compose_labels,
};
use crate::secret::Secret;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::engine::docker) struct ContainerInspect {
    pub(in crate::engine::docker) id: String,
    name: String,
    #[serde(default, deserialize_with = "nullable")]
    created: String,
    /// The image's id.
    #[serde(default, deserialize_with = "nullable")]
    image: String,
    #[serde(default, deserialize_with = "nullable")]
    state: StateResponse,
    #[serde(default, deserialize_with = "nullable")]
    config: Config,
    #[serde(default, deserialize_with = "nullable")]
    host_config: HostConfig,
    #[serde(default, deserialize_with = "nullable")]
    mounts: Vec<MountResponse>,
    #[serde(default, deserialize_with = "nullable")]
    network_settings: NetworkSettings,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StateResponse {
    #[serde(default, deserialize_with = "nullable")]
    status: String,
    #[serde(default, deserialize_with = "nullable")]
    pid: u32,
    #[serde(default, deserialize_with = "nullable")]
    exit_code: i64,
    #[serde(default, deserialize_with = "nullable")]
    started_at: String,
    #[serde(default, deserialize_with = "nullable")]
    finished_at: String,
    health: Option<Health>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Health {
    #[serde(default, deserialize_with = "nullable")]
    status: String,
}

impl ContainerInspect {
    pub(in crate::engine::docker) fn is_helper(&self) -> bool {
        self.config.labels.get(HELPER_LABEL).is_some_and(|value| value == "true")
    }

    pub(in crate::engine::docker) fn is_holder(&self) -> bool {
        self.config.labels.contains_key(HOLDER_LABEL)
    }

    pub(in crate::engine::docker) fn is_scratch(&self) -> bool {
        self.config.labels.contains_key(SCRATCH_LABEL)
    }

    /// The container's first process, on the engine's host; 0 if it does not run.
    pub(in crate::engine::docker) fn pid(&self) -> u32 {
        self.state.pid
    }

    pub(in crate::engine::docker) fn name(&self) -> &str {
        self.name.trim_start_matches('/')
    }

    pub(in crate::engine::docker) fn into_model(mut self) -> model::Container {
        compose_labels::make_sound(&mut self.config.labels, &self.id);
        let mounts = self.host_config.mounts_of(&self.mounts);
        let command = self.config.entrypoint.into_iter().chain(self.config.cmd).collect();
        model::Container {
            command,
            name: self.name.trim_start_matches('/').to_owned(),
            state: state(&self.state.status),
            image: self.config.image,
            image_id: self.image,
            environment: variables(self.config.env).map(|(name, value)| (name, Secret::new(value))).collect(),
            user: self.config.user,
            labels: self.config.labels,
            mounts,
            ports: self.network_settings.published(),
            addresses: self.network_settings.addresses(),
            network_mode: self.host_config.network_mode,
            created: self.created,
            started: time(self.state.started_at),
            finished: time(self.state.finished_at),
            health: self
                .state
                .health
                .map(|health| health.status)
                // Without a health check Docker says `none`, and Podman nothing.
                .filter(|status| status != "none" && !status.is_empty()),
            exit_code: self.state.exit_code,
            id: self.id,
        }
    }
}

/// An unknown state counts as running: running containers are treated with more care.
pub(super) fn state(status: &str) -> ContainerState {
    match status {
        "created" => ContainerState::Created,
        "paused" => ContainerState::Paused,
        "restarting" => ContainerState::Restarting,
        "exited" => ContainerState::Exited,
        "dead" => ContainerState::Dead,
        "removing" => ContainerState::Removing,
        _ => ContainerState::Running,
    }
}

/// `None` for Go's zero time, which means never.
fn time(text: String) -> Option<String> {
    (!text.is_empty() && !text.starts_with("0001-")).then_some(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use std::path::PathBuf;

    use super::*;
    use crate::engine::MountSource;

    const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn container(patch: &serde_json::Value) -> model::Container {
        let mut value = json!({ "Id": "1", "Name": "/shop-db-1", "State": { "Status": "exited" } });
        let object = value.as_object_mut().expect("an object");
        object.extend(patch.as_object().expect("an object").clone());
        serde_json::from_value::<ContainerInspect>(value).expect("readable").into_model()
    }

    fn volume(host_config: &serde_json::Value, name: &str) -> (bool, bool) {
        let container = container(&json!({
            "HostConfig": host_config,
            "Mounts": [{ "Type": "volume", "Name": name, "Driver": "local", "Destination": "/data", "RW": true }],
        }));
        match &container.mounts[0].source {
            MountSource::Volume { anonymous, inherited, .. } => (*anonymous, *inherited),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_anonymous_volume_is_inherited_once_a_recreated_container_names_it() {
        assert_eq!(volume(&json!({}), HEX), (true, false));
        assert_eq!(
            volume(&json!({ "Mounts": [{ "Type": "volume", "Target": "/data" }] }), HEX),
            (true, false)
        );
        assert_eq!(
            volume(&json!({ "Mounts": [{ "Type": "volume", "Source": HEX, "Target": "/data/" }] }), HEX),
            (true, true)
        );
        assert_eq!(volume(&json!({ "Binds": [format!("{HEX}:/data:rw")] }), HEX), (true, true));
        assert_eq!(volume(&json!({ "Binds": [format!("{HEX}:/other")] }), HEX), (true, false));
    }

    #[test]
    fn a_named_volume_is_not_anonymous() {
        assert_eq!(volume(&json!({ "Binds": ["shop_db:/data"] }), "shop_db"), (false, false));
        assert_eq!(volume(&json!({ "VolumesFrom": ["other"] }), "shop_db"), (false, false));
        assert_eq!(volume(&json!({}), "given-by-a-plugin"), (true, false));
    }

    #[test]
    fn the_subpath_is_read_from_the_request() {
        let container = container(&json!({
            "HostConfig": { "Mounts": [{
                "Type": "volume", "Source": "v", "Target": "/data", "VolumeOptions": { "Subpath": "a/b" },
            }] },
            "Mounts": [{ "Type": "volume", "Name": "v", "Destination": "/data", "RW": false }],
        }));
        assert_eq!(container.mounts[0].subpath, Some(PathBuf::from("a/b")));
        assert!(container.mounts[0].read_only);
    }

    #[test]
    fn a_short_tmpfs_is_a_mount_too() {
        let container =
            container(&json!({ "HostConfig": { "Tmpfs": { "/data": "size=1m" } }, "Mounts": null }));
        assert_eq!(container.mounts[0].source, MountSource::Tmpfs);
        assert_eq!(container.mounts[0].destination, PathBuf::from("/data"));
    }

    #[test]
    fn ports_and_addresses_are_read() {
        let container = container(&json!({
            "State": { "Status": "running", "StartedAt": "2026-01-01T00:00:00Z", "FinishedAt": "0001-01-01T00:00:00Z" },
            "NetworkSettings": {
                "Ports": {
                    "6333/tcp": [{ "HostIp": "127.0.0.1", "HostPort": "16333" }, { "HostIp": "::", "HostPort": "6" }],
                    "6334/tcp": null,
                    "53/udp": [{ "HostIp": "", "HostPort": "53" }],
                },
                "Networks": { "a": { "IPAddress": "172.18.0.2" }, "b": { "IPAddress": "" } },
            },
        }));
        assert_eq!(container.ports.len(), 2);
        assert!(container.ports.iter().any(|port| port.host_port == 16333 && port.host.is_loopback()));
        assert_eq!(container.addresses.len(), 1);
        assert_eq!(container.started.as_deref(), Some("2026-01-01T00:00:00Z"));
        assert_eq!(container.finished, None);
    }

    #[test]
    fn unknown_values_do_not_fail_the_response() {
        let container = container(&json!({
            "State": { "Status": "hibernating" },
            "Mounts": [{ "Type": "image", "Destination": "/x" }],
        }));
        assert!(container.is_running());
        assert_eq!(container.mounts[0].source, MountSource::Other);
    }
}
