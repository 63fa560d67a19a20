//! What Compose would refuse in a merged project.

use crate::lint::finding::LintSeverity;
use crate::lint::loader::{LoadProblem, REFUSED};
use crate::lint::yaml::{YamlEntry, YamlNode, YamlValue};

/// The top-level keys that Compose knows.
const TOP_LEVEL_KEYS: &[&str] =
    &["version", "name", "services", "networks", "volumes", "secrets", "configs", "include", "models"];

/// The keys that Compose knows in a service.
const SERVICE_KEYS: &[&str] = &[
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

/// The entries of a top-level section.
pub(super) fn section<'a>(
    root: &'a YamlNode,
    name: &str,
    problems: &mut Vec<LoadProblem>,
) -> impl Iterator<Item = &'a YamlEntry> + use<'a> {
    let node = root.get(name);
    if let Some(node) = node
        && matches!(node.value, YamlValue::Scalar(_) | YamlValue::List(_))
    {
        problems.push(LoadProblem::compose(node.span, format!("`{name}` must be a mapping"), REFUSED));
    }
    node.map(YamlNode::entries).unwrap_or_default().iter()
}

pub(super) fn check_top_level(root: &YamlNode, problems: &mut Vec<LoadProblem>) {
    match &root.value {
        YamlValue::Map(_) => {}
        // An empty file, or one that could not be read, which is reported already.
        YamlValue::Null => {
            if problems.is_empty() {
                problems.push(LoadProblem::compose(root.span, "the Compose file is empty", REFUSED));
            }
            return;
        }
        YamlValue::Scalar(_) | YamlValue::List(_) => {
            problems.push(LoadProblem::compose(
                root.span,
                "this is not a Compose file: the document must be a mapping",
                REFUSED,
            ));
            return;
        }
    }
    for entry in root.entries() {
        let key = entry.key.as_str();
        if !TOP_LEVEL_KEYS.contains(&key) && !key.starts_with("x-") {
            let message = format!("Compose does not know the top-level key `{key}`");
            let help = if root.get("services").is_none() {
                "Put the services under `services:`. Compose V2 refuses files of the first format, which have none."
            } else {
                REFUSED
            };
            problems.push(LoadProblem::compose(entry.key.span, message, help));
        }
    }
}

pub(super) fn check_service(entry: &YamlEntry, problems: &mut Vec<LoadProblem>) -> bool {
    let name = entry.key.as_str();
    let YamlValue::Map(fields) = &entry.value.value else {
        let message = format!("service `{name}` must be a mapping");
        problems.push(LoadProblem::compose(entry.key.span, message, REFUSED));
        return false;
    };
    for field in fields {
        let key = field.key.as_str();
        if !SERVICE_KEYS.contains(&key) && !key.starts_with("x-") {
            let message = format!("Compose does not know the key `{key}` in a service");
            let mut problem = LoadProblem::compose(field.key.span, message, "Compose may refuse this file.");
            problem.severity = LintSeverity::Warning;
            problems.push(problem);
        }
        let list = matches!(key, "volumes" | "ports");
        let wrong = match &field.value.value {
            YamlValue::Map(_) | YamlValue::Scalar(_) if list => Some("a list"),
            YamlValue::Map(_) | YamlValue::List(_)
                if matches!(key, "image" | "container_name" | "hostname") =>
            {
                Some("a string")
            }
            YamlValue::Scalar(_) if matches!(key, "environment" | "healthcheck" | "deploy") => {
                Some("a mapping")
            }
            _ => None,
        };
        if let Some(wanted) = wrong {
            let message = format!("`{key}` of service `{name}` must be {wanted}");
            problems.push(LoadProblem::compose(field.value.span, message, REFUSED));
        }
    }
    true
}
