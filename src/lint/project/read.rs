//! A merged tree to a [`Project`]; what Compose would refuse becomes a [`Problem`].

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::service::Service;
use super::store::Store;
use crate::lint::finding::Severity;
use crate::lint::source::{Entry, Files, Loaded, Node, Problem, Text, Value, as_pairs};

/// A whole project.
#[derive(Debug)]
pub struct Project {
    pub files: Files,
    pub root: Node,
    pub directory: PathBuf,
    pub services: Vec<Service>,
    pub volumes: Vec<Volume>,
    /// Where in [`Project::volumes`] a key is.
    keys: HashMap<Arc<str>, usize>,
    /// The service's data, in the order of [`Project::services`].
    pub stores: Vec<Option<Store>>,
    /// Only a part of a project: what seems to be missing may be in a file that it is merged with.
    pub partial: bool,
}

/// A key under the top-level `volumes:`.
#[derive(Debug)]
pub struct Volume {
    pub key: Text,
    pub external: bool,
    pub name: Option<Text>,
    pub driver: Option<Text>,
    pub options: Vec<(Text, Option<Text>)>,
}

/// The keys that Compose knows at the top.
const TOP: &[&str] =
    &["version", "name", "services", "networks", "volumes", "secrets", "configs", "include", "models"];

/// The keys that Compose knows in a service.
const SERVICE: &[&str] = &[
    "annotations",
    "attach",
    "blkio_config",
    "build",
    "cap_add",
    "cap_drop",
    "cgroup",
    "cgroup_parent",
    "command",
    "configs",
    "container_name",
    "cpu_count",
    "cpu_percent",
    "cpu_period",
    "cpu_quota",
    "cpu_rt_period",
    "cpu_rt_runtime",
    "cpu_shares",
    "cpus",
    "cpuset",
    "credential_spec",
    "depends_on",
    "deploy",
    "develop",
    "device_cgroup_rules",
    "devices",
    "dns",
    "dns_opt",
    "dns_search",
    "domainname",
    "entrypoint",
    "env_file",
    "environment",
    "expose",
    "extends",
    "external_links",
    "extra_hosts",
    "gpus",
    "group_add",
    "healthcheck",
    "hostname",
    "image",
    "init",
    "ipc",
    "isolation",
    "label_file",
    "labels",
    "links",
    "logging",
    "mac_address",
    "mem_limit",
    "mem_reservation",
    "mem_swappiness",
    "memswap_limit",
    "models",
    "network_mode",
    "networks",
    "oom_kill_disable",
    "oom_score_adj",
    "pid",
    "pids_limit",
    "platform",
    "ports",
    "post_start",
    "pre_stop",
    "privileged",
    "profiles",
    "provider",
    "pull_policy",
    "pull_refresh_after",
    "read_only",
    "restart",
    "runtime",
    "scale",
    "secrets",
    "security_opt",
    "shm_size",
    "stdin_open",
    "stop_grace_period",
    "stop_signal",
    "storage_opt",
    "sysctls",
    "tmpfs",
    "tty",
    "ulimits",
    "use_api_socket",
    "user",
    "userns_mode",
    "uts",
    "volumes",
    "volumes_from",
    "working_dir",
];

const REFUSED: &str = "Compose refuses such a file.";

impl Project {
    /// `whole` when the files are the project by the user's word.
    pub fn read(loaded: Loaded, whole: bool) -> (Self, Vec<Problem>) {
        let mut problems = loaded.problems;
        let root = loaded.root;
        check_top(&root, &mut problems);
        let services: Vec<Service> = sections(&root, "services", &mut problems)
            .filter(|entry| check_service(entry, &mut problems))
            .map(|entry| Service::read(entry.key.clone(), entry.value.clone()))
            .collect();
        let volumes: Vec<Volume> = sections(&root, "volumes", &mut problems)
            .map(|entry| Volume::read(entry.key.clone(), &entry.value))
            .collect();
        let bare = services.iter().find(|service| service.is_bare());
        let partial = loaded.incomplete || (!whole && (bare.is_some() || services.is_empty()));
        if let Some(bare) = bare
            && !partial
        {
            let message = format!("service `{}` has neither an image nor a build", bare.name.as_str());
            problems.push(Problem::compose(bare.name.span, message, REFUSED));
        }
        let mut project = Self {
            files: loaded.files,
            root,
            directory: loaded.directory,
            services,
            keys: volumes.iter().enumerate().map(|(at, volume)| (volume.key.text.clone(), at)).collect(),
            volumes,
            stores: Vec::new(),
            partial,
        };
        project.stores = project.services.iter().map(|service| Store::find(&project, service)).collect();
        (project, problems)
    }

    pub fn volume(&self, key: &str) -> Option<&Volume> {
        self.keys.get(key).map(|at| &self.volumes[*at])
    }

    /// Services that hold data, with what is known of it.
    pub fn stores(&self) -> impl Iterator<Item = (&Service, &Store)> {
        self.services.iter().zip(&self.stores).filter_map(|(service, store)| Some((service, store.as_ref()?)))
    }
}

impl Service {
    /// Nothing says what it runs: it is meant to be merged over another.
    fn is_bare(&self) -> bool {
        self.image.is_none() && !self.built && self.node.get("provider").is_none()
    }
}

impl Volume {
    fn read(key: Text, node: &Node) -> Self {
        let text = |name: &str| node.get(name).and_then(Node::as_text).cloned();
        let external = match node.get("external").map(|external| &external.value) {
            Some(Value::Scalar(word)) => word.as_bool().unwrap_or(true),
            Some(Value::Map(_)) => true,
            Some(Value::Null | Value::List(_)) | None => false,
        };
        let old_name = || node.get("external")?.get("name")?.as_text().cloned();
        Self {
            external,
            name: text("name").or_else(old_name),
            driver: text("driver"),
            options: node.get("driver_opts").map(as_pairs).unwrap_or_default(),
            key,
        }
    }

    /// A driver option.
    pub fn option(&self, name: &str) -> Option<&Text> {
        self.options.iter().find(|(key, _)| key.as_str() == name).and_then(|(_, value)| value.as_ref())
    }
}

fn sections<'a>(
    root: &'a Node,
    name: &str,
    problems: &mut Vec<Problem>,
) -> impl Iterator<Item = &'a Entry> + use<'a> {
    let node = root.get(name);
    if let Some(node) = node
        && matches!(node.value, Value::Scalar(_) | Value::List(_))
    {
        problems.push(Problem::compose(node.span, format!("`{name}` has to be a mapping"), REFUSED));
    }
    node.map(Node::entries).unwrap_or_default().iter()
}

fn check_top(root: &Node, problems: &mut Vec<Problem>) {
    match &root.value {
        Value::Map(_) => {}
        // An empty file, or one that could not be read, which is said already.
        Value::Null => {
            if problems.is_empty() {
                problems.push(Problem::compose(root.span, "an empty Compose file", REFUSED));
            }
            return;
        }
        Value::Scalar(_) | Value::List(_) => {
            problems.push(Problem::compose(root.span, "not a Compose file: it has to be a mapping", REFUSED));
            return;
        }
    }
    for entry in root.entries() {
        let key = entry.key.as_str();
        if !TOP.contains(&key) && !key.starts_with("x-") {
            let message = format!("`{key}` is no key that Compose knows at the top of a file");
            let help = if root.get("services").is_none() {
                "Services belong below `services:`; files without it are of the first version, which Compose V2 refuses."
            } else {
                REFUSED
            };
            problems.push(Problem::compose(entry.key.span, message, help));
        }
    }
}

fn check_service(entry: &Entry, problems: &mut Vec<Problem>) -> bool {
    let name = entry.key.as_str();
    let Value::Map(fields) = &entry.value.value else {
        let message = format!("service `{name}` has to be a mapping");
        problems.push(Problem::compose(entry.key.span, message, REFUSED));
        return false;
    };
    for field in fields {
        let key = field.key.as_str();
        if !SERVICE.contains(&key) && !key.starts_with("x-") {
            let message = format!("`{key}` is no key that Compose knows in a service");
            let mut problem = Problem::compose(field.key.span, message, "Compose may refuse such a file.");
            problem.severity = Severity::Warning;
            problems.push(problem);
        }
        let list = matches!(key, "volumes" | "ports");
        let wrong = match &field.value.value {
            Value::Map(_) | Value::Scalar(_) if list => Some("a list"),
            Value::Map(_) | Value::List(_) if matches!(key, "image" | "container_name" | "hostname") => {
                Some("one word")
            }
            Value::Scalar(_) if matches!(key, "environment" | "healthcheck" | "deploy") => Some("a mapping"),
            _ => None,
        };
        if let Some(wanted) = wrong {
            let message = format!("`{key}` of service `{name}` has to be {wanted}");
            problems.push(Problem::compose(field.value.span, message, REFUSED));
        }
    }
    true
}
