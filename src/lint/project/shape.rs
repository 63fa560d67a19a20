//! The types of values that Compose accepts. What has another type is refused, as measured with Compose 2.40.

use crate::lint::yaml::{PlainType, YamlNode, YamlScalar, YamlValue};

/// The types that one key accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Anything: it is not checked here.
    Any,
    Text,
    TextOrNull,
    TextOrNumber,
    /// `true`, `false`, or one of their names as a string.
    Flag,
    /// A number, or a string that is one.
    Number,
    TextOrMap,
    /// A list of strings.
    Texts,
    TextOrTexts,
    TextsOrNull,
    List,
    /// Strings and mappings.
    Entries,
    Map,
    MapOrNull,
    ListOrMap,
    /// A mapping of names to scalars, or a list of `NAME=VALUE`.
    Pairs,
}

impl Shape {
    /// What is wrong with a value: the node and what it must be.
    pub(super) fn mismatch(self, node: &YamlNode) -> Option<(&YamlNode, &'static str)> {
        let wanted = (!self.accepts(&node.value)).then_some((node, self.name()));
        wanted.or_else(|| match self {
            Self::Texts | Self::TextOrTexts | Self::TextsOrNull => {
                node.items().iter().find(|item| !is_text(item)).map(|item| (item, "a string"))
            }
            Self::Entries => {
                let entry = |item: &&YamlNode| is_text(item) || matches!(item.value, YamlValue::Map(_));
                node.items().iter().find(|item| !entry(item)).map(|item| (item, "a string or a mapping"))
            }
            Self::Pairs => {
                let item = node.items().iter().find(|item| !is_text(item)).map(|item| (item, "a string"));
                let collection = |value: &&YamlNode| {
                    matches!(value.value, YamlValue::List(_) | YamlValue::Map(_)) || is_date(value)
                };
                let value = node.entries().iter().map(|entry| &entry.value).find(collection);
                item.or(value.map(|value| (value, "a string, a number, a boolean or null")))
            }
            _ => None,
        })
    }

    fn accepts(self, value: &YamlValue) -> bool {
        match (self, value) {
            (Self::Any, _)
            | (Self::TextOrNull | Self::TextsOrNull | Self::MapOrNull, YamlValue::Null)
            | (
                Self::Texts
                | Self::TextOrTexts
                | Self::TextsOrNull
                | Self::List
                | Self::Entries
                | Self::ListOrMap
                | Self::Pairs,
                YamlValue::List(_),
            )
            | (
                Self::TextOrMap | Self::Map | Self::MapOrNull | Self::ListOrMap | Self::Pairs,
                YamlValue::Map(_),
            ) => true,
            (
                Self::Text | Self::TextOrNull | Self::TextOrMap | Self::TextOrTexts | Self::TextsOrNull,
                YamlValue::Scalar(text),
            ) => text.plain_type() == PlainType::Text,
            (Self::TextOrNumber, YamlValue::Scalar(text)) => {
                matches!(text.plain_type(), PlainType::Text | PlainType::Number)
            }
            (Self::Flag, YamlValue::Scalar(text)) => !text.is_known() || text.as_bool().is_some(),
            (Self::Number, YamlValue::Scalar(text)) => {
                !text.is_known()
                    || text.as_str().parse::<f64>().is_ok_and(f64::is_finite)
                    || text.plain_type() == PlainType::Number
            }
            _ => false,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Any => "anything",
            Self::Text | Self::TextOrNull => "a string",
            Self::TextOrNumber => "a string or a number",
            Self::Flag => "true or false",
            Self::Number => "a number",
            Self::TextOrMap => "a string or a mapping",
            Self::Texts | Self::List | Self::Entries => "a list",
            Self::TextOrTexts | Self::TextsOrNull => "a string or a list",
            Self::Map | Self::MapOrNull => "a mapping",
            Self::ListOrMap | Self::Pairs => "a mapping or a list",
        }
    }
}

/// The type of a value, as part of a message.
pub(super) fn type_name(node: &YamlNode) -> &'static str {
    match &node.value {
        YamlValue::Null => "empty",
        YamlValue::Scalar(text) => text.plain_type().name(),
        YamlValue::List(_) => "a list",
        YamlValue::Map(_) => "a mapping",
    }
}

fn is_text(node: &YamlNode) -> bool {
    node.as_scalar().is_some_and(|text| text.plain_type() == PlainType::Text)
}

fn is_date(node: &YamlNode) -> bool {
    node.as_scalar().map(YamlScalar::plain_type) == Some(PlainType::Timestamp)
}

/// The keys of a service.
pub(super) const SERVICE: &[(&str, Shape)] = &[
    ("annotations", Shape::Pairs),
    ("attach", Shape::Flag),
    ("blkio_config", Shape::Map),
    ("build", Shape::TextOrMap),
    ("cap_add", Shape::Texts),
    ("cap_drop", Shape::Texts),
    ("cgroup", Shape::Text),
    ("cgroup_parent", Shape::Text),
    ("command", Shape::TextsOrNull),
    ("configs", Shape::List),
    ("container_name", Shape::Text),
    ("cpu_count", Shape::Number),
    ("cpu_percent", Shape::Number),
    ("cpu_period", Shape::Number),
    ("cpu_quota", Shape::Number),
    ("cpu_rt_period", Shape::TextOrNumber),
    ("cpu_rt_runtime", Shape::TextOrNumber),
    ("cpu_shares", Shape::Number),
    ("cpus", Shape::Number),
    ("cpuset", Shape::Text),
    ("credential_spec", Shape::Map),
    ("depends_on", Shape::ListOrMap),
    ("deploy", Shape::MapOrNull),
    ("develop", Shape::MapOrNull),
    ("device_cgroup_rules", Shape::Texts),
    ("devices", Shape::Entries),
    ("dns", Shape::TextOrTexts),
    ("dns_opt", Shape::Texts),
    ("dns_search", Shape::TextOrTexts),
    ("domainname", Shape::Text),
    ("entrypoint", Shape::TextsOrNull),
    ("env_file", Shape::Any),
    ("environment", Shape::Pairs),
    ("expose", Shape::List),
    ("extends", Shape::Any),
    ("external_links", Shape::Texts),
    ("extra_hosts", Shape::ListOrMap),
    ("gpus", Shape::Any),
    ("group_add", Shape::List),
    ("healthcheck", Shape::Map),
    ("hostname", Shape::Text),
    ("image", Shape::Text),
    ("init", Shape::Flag),
    ("ipc", Shape::Text),
    ("isolation", Shape::Text),
    ("label_file", Shape::TextOrTexts),
    ("labels", Shape::Pairs),
    ("links", Shape::Texts),
    ("logging", Shape::Map),
    ("mac_address", Shape::Text),
    ("mem_limit", Shape::TextOrNumber),
    ("mem_reservation", Shape::TextOrNumber),
    ("mem_swappiness", Shape::TextOrNumber),
    ("memswap_limit", Shape::TextOrNumber),
    ("models", Shape::ListOrMap),
    ("network_mode", Shape::Text),
    ("networks", Shape::ListOrMap),
    ("oom_kill_disable", Shape::Flag),
    ("oom_score_adj", Shape::Number),
    ("pid", Shape::TextOrNull),
    ("pids_limit", Shape::Number),
    ("platform", Shape::Text),
    ("ports", Shape::List),
    ("post_start", Shape::List),
    ("pre_stop", Shape::List),
    ("privileged", Shape::Flag),
    ("profiles", Shape::Texts),
    ("provider", Shape::Map),
    ("pull_policy", Shape::Text),
    ("pull_refresh_after", Shape::Text),
    ("read_only", Shape::Flag),
    ("restart", Shape::Text),
    ("runtime", Shape::Text),
    ("scale", Shape::Number),
    ("secrets", Shape::List),
    ("security_opt", Shape::Texts),
    ("shm_size", Shape::TextOrNumber),
    ("stdin_open", Shape::Flag),
    ("stop_grace_period", Shape::Text),
    ("stop_signal", Shape::Text),
    ("storage_opt", Shape::Map),
    ("sysctls", Shape::Pairs),
    ("tmpfs", Shape::TextOrTexts),
    ("tty", Shape::Flag),
    ("ulimits", Shape::Map),
    ("use_api_socket", Shape::Flag),
    ("user", Shape::Text),
    ("userns_mode", Shape::Text),
    ("uts", Shape::Text),
    ("volumes", Shape::Entries),
    ("volumes_from", Shape::Texts),
    ("working_dir", Shape::Text),
];

/// The keys of a file.
pub(super) const TOP_LEVEL: &[(&str, Shape)] = &[
    ("version", Shape::Text),
    ("name", Shape::Text),
    ("services", Shape::Map),
    ("networks", Shape::Map),
    ("volumes", Shape::Map),
    ("secrets", Shape::Map),
    ("configs", Shape::Map),
    ("include", Shape::Any),
    ("models", Shape::Map),
];

/// The keys of a volume under the top-level `volumes:`.
pub(super) const VOLUME: &[(&str, Shape)] = &[
    ("name", Shape::Text),
    ("driver", Shape::Text),
    ("driver_opts", Shape::Map),
    ("external", Shape::Any),
    ("labels", Shape::Pairs),
];

/// The keys of a mount in long syntax.
pub(super) const MOUNT: &[(&str, Shape)] = &[
    ("type", Shape::Text),
    ("source", Shape::Text),
    ("target", Shape::Text),
    ("read_only", Shape::Flag),
    ("consistency", Shape::Text),
    ("bind", Shape::Map),
    ("volume", Shape::Map),
    ("tmpfs", Shape::Map),
    ("image", Shape::Map),
];
