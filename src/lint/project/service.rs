//! One service.

use std::time::Duration;

use super::mount::Mount;
use super::port::Port;
use super::words::Words;
use crate::lint::source::{Node, Span, Text, Value, as_pairs};

/// One service, with what the rules ask about.
#[derive(Debug)]
pub struct Service {
    pub name: Text,
    pub node: Node,
    pub image: Option<Text>,
    pub built: bool,
    pub mounts: Vec<Mount>,
    pub ports: Vec<Port>,
    pub environment: Vec<Variable>,
    /// It has an `env_file`, so that the environment is not wholly known.
    pub env_file: bool,
    pub command: Option<Words>,
    pub entrypoint: Option<Words>,
    pub grace: Option<(Duration, Span)>,
    pub stop_signal: Option<Text>,
    pub replicas: Option<(u32, Span)>,
    pub profiles: Vec<String>,
    pub hostname: Option<Text>,
    pub container_name: Option<Text>,
}

/// One variable of its environment.
#[derive(Debug)]
pub struct Variable {
    pub name: Text,
    /// `None` when it is passed on from outside.
    pub value: Option<Text>,
}

impl Service {
    pub(super) fn read(name: Text, node: Node) -> Self {
        let text = |key: &str| node.get(key).and_then(Node::as_text).cloned();
        let items = |key: &str| node.get(key).map(Node::items).unwrap_or_default();
        let mut mounts: Vec<Mount> = items("volumes").iter().filter_map(Mount::read).collect();
        match node.get("tmpfs") {
            Some(one) if one.as_text().is_some() => mounts.extend(Mount::tmpfs(one)),
            Some(list) => mounts.extend(list.items().iter().filter_map(Mount::tmpfs)),
            None => {}
        }
        let environment = node.get("environment").map(as_pairs).unwrap_or_default();
        Self {
            image: text("image"),
            built: node.get("build").is_some(),
            mounts,
            ports: items("ports").iter().filter_map(Port::read).collect(),
            environment: environment.into_iter().map(|(name, value)| Variable { name, value }).collect(),
            env_file: node.get("env_file").is_some(),
            command: node.get("command").and_then(Words::read),
            entrypoint: node.get("entrypoint").and_then(Words::read),
            grace: text("stop_grace_period").and_then(|text| Some((duration(text.as_str())?, text.span))),
            stop_signal: text("stop_signal"),
            replicas: replicas(&node),
            profiles: items("profiles").iter().filter_map(Node::as_str).map(str::to_owned).collect(),
            hostname: text("hostname"),
            container_name: text("container_name"),
            name,
            node,
        }
    }

    /// The value of a variable of its environment, where it is known.
    pub fn variable(&self, name: &str) -> Option<&Text> {
        self.entry(name)?.value.as_ref()
    }

    /// A variable of its environment, whatever its value.
    pub fn entry(&self, name: &str) -> Option<&Variable> {
        self.environment.iter().find(|variable| variable.name.as_str() == name)
    }

    /// Whether any of these variables is set to something.
    pub fn sets_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| {
            self.entry(name)
                .is_some_and(|entry| entry.value.as_ref().is_none_or(|value| !value.as_str().is_empty()))
        })
    }

    /// Where a finding about the whole service belongs: its image, else its name.
    pub fn place(&self) -> Span {
        self.image.as_ref().map_or(self.name.span, |image| image.span)
    }

    /// Whether two services may run at the same time.
    pub fn may_run_beside(&self, other: &Self) -> bool {
        self.profiles.is_empty()
            || other.profiles.is_empty()
            || self.profiles.iter().any(|profile| other.profiles.contains(profile))
    }

    /// Whether its health is checked.
    pub fn is_checked(&self) -> bool {
        let Some(check) = self.node.get("healthcheck") else { return false };
        let disabled = check.get("disable").and_then(Node::as_text).and_then(Text::as_bool);
        let none = check.get("test").is_some_and(|test| match &test.value {
            Value::List(items) => items.first().and_then(Node::as_str) == Some("NONE"),
            Value::Null | Value::Scalar(_) | Value::Map(_) => false,
        });
        disabled != Some(true) && !none
    }
}

fn replicas(node: &Node) -> Option<(u32, Span)> {
    let deploy = node.get("deploy").and_then(|deploy| deploy.get("replicas"));
    let said = deploy.or_else(|| node.get("scale"))?.as_text()?;
    Some((said.as_str().parse().ok()?, said.span))
}

/// A duration as Go writes it: `1m30s`, `500ms`.
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
    fn durations_are_go_s() {
        assert_eq!(duration("1m30s"), Some(Duration::from_secs(90)));
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        for wrong in ["", "10", "ten", "1x", "s"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }
}
