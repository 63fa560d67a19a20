//! One service.

use std::sync::Arc;
use std::time::Duration;

use granit_parser::ScalarStyle;

use super::command_words::CommandWords;
use super::mount::LintMount;
use super::port::LintPort;
use crate::lint::loader::{FileEnvironment, as_pairs};
use crate::lint::span::Span;
use crate::lint::yaml::{YamlNode, YamlScalar, YamlValue};

/// One service, with what the rules need.
#[derive(Debug)]
pub(crate) struct LintService {
    pub name: YamlScalar,
    pub node: YamlNode,
    pub image: Option<YamlScalar>,
    pub built: bool,
    /// Its own mounts, then those of `volumes_from`.
    pub mounts: Vec<LintMount>,
    /// It takes mounts over from something that is not in the files.
    pub unknown_mounts: bool,
    pub ports: Vec<LintPort>,
    pub environment: Vec<EnvironmentVariable>,
    /// An `env_file` could not be read, so its environment is not completely known.
    pub unknown_environment: bool,
    pub command: Option<CommandWords>,
    pub entrypoint: Option<CommandWords>,
    pub grace: Option<(Duration, Span)>,
    pub stop_signal: Option<YamlScalar>,
    pub replicas: Option<(u32, Span)>,
    pub profiles: Vec<String>,
    pub hostname: Option<YamlScalar>,
    pub container_name: Option<YamlScalar>,
}

/// One variable of its environment, from `environment` or from an `env_file`.
#[derive(Debug)]
pub(crate) struct EnvironmentVariable {
    pub name: Arc<str>,
    /// `None` if it is passed through from the environment of Compose.
    pub value: Option<YamlScalar>,
}

impl LintService {
    pub(super) fn read(name: YamlScalar, node: YamlNode, files: Option<&FileEnvironment>) -> Self {
        let text = |key: &str| node.get(key).and_then(YamlNode::as_scalar).cloned();
        let items = |key: &str| node.get(key).map(YamlNode::items).unwrap_or_default();
        let mut mounts: Vec<LintMount> = items("volumes").iter().filter_map(LintMount::read).collect();
        match node.get("tmpfs") {
            Some(one) if one.as_scalar().is_some() => mounts.extend(LintMount::tmpfs(one)),
            Some(list) => mounts.extend(list.items().iter().filter_map(LintMount::tmpfs)),
            None => {}
        }
        Self {
            image: text("image"),
            built: node.get("build").is_some(),
            mounts,
            unknown_mounts: false,
            ports: items("ports").iter().filter_map(LintPort::read).collect(),
            environment: environment(&node, files),
            unknown_environment: files.is_some_and(|files| !files.complete),
            command: node.get("command").and_then(CommandWords::read),
            entrypoint: node.get("entrypoint").and_then(CommandWords::read),
            grace: text("stop_grace_period").and_then(|text| Some((duration(text.as_str())?, text.span))),
            stop_signal: text("stop_signal"),
            replicas: replicas(&node),
            profiles: items("profiles").iter().filter_map(YamlNode::as_str).map(str::to_owned).collect(),
            hostname: text("hostname"),
            container_name: text("container_name"),
            name,
            node,
        }
    }

    /// The mounts that are written in it.
    pub(crate) fn own_mounts(&self) -> impl Iterator<Item = &LintMount> {
        self.mounts.iter().filter(|mount| !mount.lent)
    }

    /// The value of a variable, if it is known.
    pub(crate) fn variable(&self, name: &str) -> Option<&YamlScalar> {
        self.entry(name)?.value.as_ref()
    }

    /// A variable, with or without a value.
    pub(crate) fn entry(&self, name: &str) -> Option<&EnvironmentVariable> {
        self.environment.iter().find(|variable| &*variable.name == name)
    }

    /// Whether any of these variables is set and not empty.
    pub(crate) fn sets_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| {
            self.entry(name)
                .is_some_and(|entry| entry.value.as_ref().is_none_or(|value| !value.as_str().is_empty()))
        })
    }

    /// The span for findings about the service: that of its image, or else that of its name.
    pub(crate) fn span(&self) -> Span {
        self.image.as_ref().map_or(self.name.span, |image| image.span)
    }

    /// Whether two services may run at the same time.
    pub(crate) fn may_run_beside(&self, other: &Self) -> bool {
        self.profiles.is_empty()
            || other.profiles.is_empty()
            || self.profiles.iter().any(|profile| other.profiles.contains(profile))
    }

    /// Whether it has a healthcheck.
    pub(crate) fn has_healthcheck(&self) -> bool {
        let Some(check) = self.node.get("healthcheck") else { return false };
        let disabled = check.get("disable").and_then(YamlNode::as_scalar).and_then(YamlScalar::as_bool);
        let none = check.get("test").is_some_and(|test| match &test.value {
            YamlValue::List(items) => items.first().and_then(YamlNode::as_str) == Some("NONE"),
            YamlValue::Null | YamlValue::Scalar(_) | YamlValue::Map(_) => false,
        });
        disabled != Some(true) && !none
    }
}

/// The variables of `environment`, and of the files those that it does not name.
fn environment(node: &YamlNode, files: Option<&FileEnvironment>) -> Vec<EnvironmentVariable> {
    let own = node.get("environment").map(as_pairs).unwrap_or_default();
    let mut variables: Vec<EnvironmentVariable> =
        own.into_iter().map(|(name, value)| EnvironmentVariable { name: name.text, value }).collect();
    for (name, (value, span)) in files.iter().flat_map(|files| &files.variables) {
        if !variables.iter().any(|variable| *variable.name == **name) {
            let value = YamlScalar {
                text: value.as_str().into(),
                span: *span,
                style: ScalarStyle::DoubleQuoted,
                unknown: None,
            };
            variables.push(EnvironmentVariable { name: name.as_str().into(), value: Some(value) });
        }
    }
    variables
}

fn replicas(node: &YamlNode) -> Option<(u32, Span)> {
    let deploy = node.get("deploy").and_then(|deploy| deploy.get("replicas"));
    let replicas = deploy.or_else(|| node.get("scale"))?.as_scalar()?;
    Some((replicas.as_str().parse().ok()?, replicas.span))
}

/// A duration in the format of Go: `1m30s`, `500ms`.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let unit_length =
            rest[digits..].find(|letter: char| letter.is_ascii_digit()).unwrap_or(rest.len() - digits);
        let unit = match &rest[digits..digits + unit_length] {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        total += number * unit;
        rest = &rest[digits + unit_length..];
    }
    Duration::try_from_secs_f64(total).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_the_format_of_go() {
        assert_eq!(duration("1m30s"), Some(Duration::from_secs(90)));
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        for wrong in ["", "10", "ten", "1x", "s"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }
}
