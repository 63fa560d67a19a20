//! The engine's answers, as far as we read them, and what they mean in our words.
//!
//! Fields that may be missing or `null` in some version have defaults; a word that we do not know becomes the variant
//! that promises least.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};

use crate::engine::{
    self as ours, HELPER_LABEL, HOLDER_LABEL, MountSource, PublishedPort, SCRATCH_LABEL, State,
};
use crate::secret::Secret;

/// `null` as nothing.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Listed {
    pub(super) id: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) labels: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Info {
    #[serde(rename = "ID", default, deserialize_with = "nullable")]
    pub(super) id: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) name: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) server_version: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) docker_root_dir: PathBuf,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) kernel_version: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) architecture: String,
    #[serde(default, deserialize_with = "nullable")]
    security_options: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    driver_status: Vec<Vec<String>>,
}

impl Info {
    /// The image store's driver is then a snapshotter.
    pub(super) fn keeps_images_in_containerd(&self) -> bool {
        self.driver_status
            .iter()
            .any(|line| matches!(line.as_slice(), [name, kind, ..] if name == "driver-type" && kind.contains("snapshotter")))
    }

    /// `name=rootless` and `name=userns` stand among the security options, with or without more behind a comma.
    pub(super) fn maps_users(&self) -> bool {
        self.security_options
            .iter()
            .flat_map(|option| option.split(','))
            .any(|word| matches!(word, "name=rootless" | "name=userns" | "rootless" | "userns"))
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Volumes {
    pub(super) volumes: Option<Vec<Volume>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Volume {
    name: String,
    #[serde(default, deserialize_with = "nullable")]
    driver: String,
    #[serde(default, deserialize_with = "nullable")]
    mountpoint: PathBuf,
    created_at: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "nullable")]
    options: BTreeMap<String, String>,
    usage_data: Option<Usage>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Usage {
    /// -1 where the engine cannot tell.
    size: i64,
}

impl Volume {
    pub(super) fn into_ours(self) -> ours::Volume {
        ours::Volume {
            name: self.name,
            driver: self.driver,
            options: self.options,
            labels: self.labels,
            created: self.created_at.filter(|time| !time.is_empty()),
            mountpoint: self.mountpoint,
        }
    }
}

/// `Volumes` up to API 1.51, `VolumeUsage.Items` from 1.52 on.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DiskUsage {
    #[serde(default, deserialize_with = "nullable")]
    volumes: Vec<Volume>,
    #[serde(default, deserialize_with = "nullable")]
    volume_usage: VolumeUsage,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VolumeUsage {
    #[serde(default, deserialize_with = "nullable")]
    items: Vec<Volume>,
}

impl DiskUsage {
    pub(super) fn into_sizes(self) -> BTreeMap<String, u64> {
        self.volumes
            .into_iter()
            .chain(self.volume_usage.items)
            .filter_map(|volume| {
                let size = u64::try_from(volume.usage_data?.size).ok()?;
                Some((volume.name, size))
            })
            .collect()
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Image {
    id: String,
    #[serde(default, deserialize_with = "nullable")]
    repo_digests: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    config: Config,
    #[serde(default, deserialize_with = "nullable")]
    container_config: Config,
}

impl Image {
    pub(super) fn volumes(&self) -> impl Iterator<Item = &str> {
        self.config.volumes.keys().map(String::as_str)
    }

    pub(super) fn labels(&self) -> impl Iterator<Item = &str> {
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

    pub(super) fn into_ours(self) -> ours::Image {
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

/// A network, as far as we make them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Network {
    #[serde(default, deserialize_with = "nullable")]
    pub(super) name: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) labels: BTreeMap<String, String>,
}

/// `NAME=value` lines; a name without a value is set to nothing.
fn variables(lines: Vec<String>) -> impl Iterator<Item = (String, String)> {
    lines.into_iter().map(|line| match line.split_once('=') {
        Some((name, value)) => (name.to_owned(), value.to_owned()),
        None => (line, String::new()),
    })
}

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

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Container {
    pub(super) id: String,
    name: String,
    #[serde(default, deserialize_with = "nullable")]
    created: String,
    /// The image's id.
    #[serde(default, deserialize_with = "nullable")]
    image: String,
    #[serde(default, deserialize_with = "nullable")]
    state: ContainerState,
    #[serde(default, deserialize_with = "nullable")]
    config: Config,
    #[serde(default, deserialize_with = "nullable")]
    host_config: HostConfig,
    #[serde(default, deserialize_with = "nullable")]
    mounts: Vec<MountPoint>,
    #[serde(default, deserialize_with = "nullable")]
    network_settings: NetworkSettings,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContainerState {
    #[serde(default, deserialize_with = "nullable")]
    status: String,
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

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HostConfig {
    #[serde(default, deserialize_with = "nullable")]
    binds: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    mounts: Vec<MountSpec>,
    #[serde(default, deserialize_with = "nullable")]
    tmpfs: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "nullable")]
    volumes_from: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    network_mode: String,
}

/// A mount as it was asked for.
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

/// A mount as it was made.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MountPoint {
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

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NetworkSettings {
    #[serde(default, deserialize_with = "nullable")]
    ports: HashMap<String, Option<Vec<Binding>>>,
    #[serde(default, deserialize_with = "nullable")]
    networks: BTreeMap<String, Address>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Binding {
    #[serde(default, deserialize_with = "nullable")]
    host_ip: String,
    #[serde(default, deserialize_with = "nullable")]
    host_port: String,
}

#[derive(Debug, Deserialize)]
struct Address {
    #[serde(rename = "IPAddress", default, deserialize_with = "nullable")]
    address: String,
    #[serde(rename = "GlobalIPv6Address", default, deserialize_with = "nullable")]
    address_v6: String,
}

impl Container {
    pub(super) fn is_helper(&self) -> bool {
        self.config.labels.get(HELPER_LABEL).is_some_and(|value| value == "true")
    }

    pub(super) fn is_holder(&self) -> bool {
        self.config.labels.contains_key(HOLDER_LABEL)
    }

    pub(super) fn is_scratch(&self) -> bool {
        self.config.labels.contains_key(SCRATCH_LABEL)
    }

    pub(super) fn name(&self) -> &str {
        self.name.trim_start_matches('/')
    }

    pub(super) fn into_ours(self) -> ours::Container {
        let mounts = self.host_config.mounts_of(&self.mounts);
        ours::Container {
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
            health: self.state.health.map(|health| health.status).filter(|status| status != "none"),
            exit_code: self.state.exit_code,
            id: self.id,
        }
    }
}

/// A state that we do not know counts as running: what runs is treated with more care.
fn state(status: &str) -> State {
    match status {
        "created" => State::Created,
        "paused" => State::Paused,
        "restarting" => State::Restarting,
        "exited" => State::Exited,
        "dead" => State::Dead,
        "removing" => State::Removing,
        _ => State::Running,
    }
}

/// Go's zero time means never.
fn time(text: String) -> Option<String> {
    (!text.is_empty() && !text.starts_with("0001-")).then_some(text)
}

/// The name that an engine gives to a volume without one: 32 random bytes in hexadecimal.
fn is_generated(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl HostConfig {
    fn mounts_of(&self, made: &[MountPoint]) -> Vec<ours::Mount> {
        let mut mounts: Vec<ours::Mount> = made.iter().map(|point| self.mount_of(point)).collect();
        // The short form of a memory file system stands in no list of mounts.
        let memory = self.tmpfs.iter().map(|(path, options)| ours::Mount {
            source: MountSource::Tmpfs,
            destination: clean(Path::new(path)),
            read_only: options.split(',').any(|option| option == "ro"),
            subpath: None,
        });
        for mount in memory {
            if mounts.iter().all(|known| known.destination != mount.destination) {
                mounts.push(mount);
            }
        }
        mounts.sort_by(|one, other| one.destination.cmp(&other.destination));
        mounts
    }

    fn mount_of(&self, point: &MountPoint) -> ours::Mount {
        let destination = clean(&point.destination);
        let asked = self.mounts.iter().find(|spec| clean(&spec.target) == destination);
        let source = match point.kind.as_str() {
            // The engine removes an anonymous volume with its container when the mount was made without a source
            // (moby, daemon/mounts.go, removeMountPoints).
            "volume" => {
                let explicit = asked.is_some_and(|spec| !spec.source.is_empty())
                    || self.binds.iter().any(|bind| bind_names(bind, &destination));
                let borrowed = !self.volumes_from.is_empty();
                let anonymous = is_generated(&point.name) || (!explicit && !borrowed);
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
        let subpath = asked
            .and_then(|spec| spec.volume_options.as_ref())
            .map(|options| options.subpath.clone())
            .filter(|path| !path.as_os_str().is_empty());
        ours::Mount { source, destination, read_only: !point.writable, subpath }
    }
}

/// Whether a bind of the form `source:destination[:options]` is the one of a destination.
fn bind_names(bind: &str, destination: &Path) -> bool {
    let mut parts = bind.split(':');
    let source = parts.next().unwrap_or_default();
    !source.is_empty() && parts.next().is_some_and(|target| clean(Path::new(target)) == destination)
}

/// Without `.`, doubled or trailing slashes.
fn clean(path: &Path) -> PathBuf {
    path.components().collect()
}

impl NetworkSettings {
    /// Ports of TCP, by container port.
    fn published(&self) -> Vec<PublishedPort> {
        let mut ports: Vec<PublishedPort> = self
            .ports
            .iter()
            .filter_map(|(port, bindings)| {
                let (number, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
                let container_port = number.parse().ok()?;
                (protocol == "tcp").then_some((container_port, bindings.as_ref()?))
            })
            .flat_map(|(container_port, bindings)| {
                bindings.iter().filter_map(move |binding| {
                    Some(PublishedPort {
                        container_port,
                        host: binding.host_ip.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
                        host_port: binding.host_port.parse().ok()?,
                    })
                })
            })
            .collect();
        ports.sort_by_key(|port| (port.container_port, port.host, port.host_port));
        ports
    }

    fn addresses(&self) -> BTreeMap<String, IpAddr> {
        self.networks
            .iter()
            .filter_map(|(name, network)| {
                let address = network.address.parse().or_else(|_| network.address_v6.parse()).ok()?;
                Some((name.clone(), address))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn container(patch: &serde_json::Value) -> ours::Container {
        let mut value = json!({ "Id": "1", "Name": "/shop-db-1", "State": { "Status": "exited" } });
        let object = value.as_object_mut().expect("an object");
        object.extend(patch.as_object().expect("an object").clone());
        serde_json::from_value::<Container>(value).expect("readable").into_ours()
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
    fn an_anonymous_volume_goes_with_its_container_until_a_recreation_names_it() {
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
    fn the_subpath_is_where_it_was_asked_for() {
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

    #[test]
    fn a_snapshotter_is_containerds() {
        let info = |status: serde_json::Value| {
            serde_json::from_value::<Info>(json!({ "DriverStatus": status })).expect("readable")
        };
        assert!(info(json!([["driver-type", "io.containerd.snapshotter.v1"]])).keeps_images_in_containerd());
        assert!(
            !info(json!([["Backing Filesystem", "extfs"], ["Supports d_type", "true"]]))
                .keeps_images_in_containerd()
        );
        assert!(!info(json!(null)).keeps_images_in_containerd());
    }

    #[test]
    fn unknown_words_do_not_fail_the_answer() {
        let container = container(&json!({
            "State": { "Status": "hibernating" },
            "Mounts": [{ "Type": "image", "Destination": "/x" }],
        }));
        assert!(container.is_running());
        assert_eq!(container.mounts[0].source, MountSource::Other);
    }

    #[test]
    fn sizes_come_from_old_and_new_answers() {
        let volume = json!({ "Name": "v", "UsageData": { "Size": 5, "RefCount": 1 }, "Status": { "any": { "x": 1 } } });
        let unknown = json!({ "Name": "w", "UsageData": { "Size": -1, "RefCount": 1 } });
        for answer in [
            json!({ "Volumes": [volume, unknown] }),
            json!({ "VolumeUsage": { "Items": [volume, unknown] } }),
        ] {
            let usage: DiskUsage = serde_json::from_value(answer).expect("readable");
            assert_eq!(usage.into_sizes(), BTreeMap::from([("v".to_owned(), 5)]));
        }
    }

    #[test]
    fn mapped_users_show_in_the_security_options() {
        let info = |options: serde_json::Value| -> Info {
            serde_json::from_value(json!({ "SecurityOptions": options })).expect("readable")
        };
        assert!(info(json!(["name=seccomp,profile=default", "name=rootless"])).maps_users());
        assert!(info(json!(["name=userns"])).maps_users());
        assert!(!info(json!(["name=seccomp,profile=default"])).maps_users());
        assert!(!info(json!(null)).maps_users());
    }
}
