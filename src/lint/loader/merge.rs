//! Merges a later file over an earlier one like compose-go's `override` package.

use granit_parser::ScalarStyle;

use super::mount_fields::mount_fields;
use super::pairs::pairs;
use crate::lint::yaml::{MergeDirective, YamlEntry, YamlNode, YamlScalar, YamlValue};

/// Where in a project a node is, as far as merging depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Root,
    Services,
    LintService,
    Build,
    Healthcheck,
    Other,
}

impl At {
    fn below(self, key: &str) -> Self {
        match (self, key) {
            (Self::Root, "services") => Self::Services,
            (Self::Services, _) => Self::LintService,
            (Self::LintService, "build") => Self::Build,
            (Self::LintService, "healthcheck") => Self::Healthcheck,
            _ => Self::Other,
        }
    }
}

/// What makes an item of a list unique.
#[derive(Debug, Clone, Copy)]
enum Unique {
    Target,
    Port,
    Item,
}

/// Merges a file over another.
pub(super) fn project(base: YamlNode, over: YamlNode) -> YamlNode {
    merge(At::Root, "", base, over)
}

/// Merges a service over another, as `extends` does.
pub(super) fn service(base: YamlNode, over: YamlNode) -> YamlNode {
    merge(At::LintService, "", base, over)
}

/// Removes what `!reset` marks, where it has no earlier value.
pub(super) fn remove_resets(node: &mut YamlNode) {
    match &mut node.value {
        YamlValue::Map(entries) => {
            entries.retain(|entry| entry.value.directive != Some(MergeDirective::Reset));
            for entry in entries {
                remove_resets(&mut entry.value);
            }
        }
        YamlValue::List(items) => {
            items.retain(|item| item.directive != Some(MergeDirective::Reset));
            for item in items {
                remove_resets(item);
            }
        }
        YamlValue::Null | YamlValue::Scalar(_) => {}
    }
}

fn merge(at: At, key: &str, base: YamlNode, over: YamlNode) -> YamlNode {
    if over.directive == Some(MergeDirective::Override) || replaces(at, key) {
        return over;
    }
    let (base, over) = mappings(at, key, base, over);
    match (base.value, over.value) {
        (YamlValue::Map(entries), YamlValue::Map(more)) => {
            // The span of a project is that of its first file.
            let span = if at == At::Root { base.span } else { over.span };
            YamlNode { span, value: YamlValue::Map(maps(at, entries, more)), directive: None }
        }
        (YamlValue::List(mut items), YamlValue::List(more)) => {
            items.extend(more);
            if let Some(unique) = uniqueness(at, key) {
                items = distinct(items, unique);
            }
            YamlNode { span: over.span, value: YamlValue::List(items), directive: None }
        }
        (base_value, YamlValue::Null) => YamlNode { span: base.span, value: base_value, directive: None },
        (_, value) => YamlNode { span: over.span, value, directive: over.directive },
    }
}

fn maps(at: At, mut base: Vec<YamlEntry>, more: Vec<YamlEntry>) -> Vec<YamlEntry> {
    for entry in more {
        let found = base.iter().position(|known| known.key.text == entry.key.text);
        match found {
            Some(known) if entry.value.directive == Some(MergeDirective::Reset) => {
                base.remove(known);
            }
            None if entry.value.directive == Some(MergeDirective::Reset) => {}
            Some(known) => {
                let old = base.remove(known);
                let value = merge(at.below(entry.key.as_str()), entry.key.as_str(), old.value, entry.value);
                // The later value counts, so the key is that of the later file.
                base.insert(known, YamlEntry { key: entry.key, value });
            }
            None => base.push(entry),
        }
    }
    base
}

/// Lists that are replaced as one value.
fn replaces(at: At, key: &str) -> bool {
    match at {
        At::Root | At::Services | At::LintService | At::Build | At::Healthcheck => false,
        At::Other => matches!(key, "command" | "entrypoint" | "test"),
    }
}

fn uniqueness(at: At, key: &str) -> Option<Unique> {
    match (at, key) {
        (At::Other, "volumes" | "devices" | "secrets" | "configs") => Some(Unique::Target),
        (At::Other, "ports") => Some(Unique::Port),
        (At::Other, "expose" | "env_file" | "tmpfs" | "dns" | "dns_search" | "profiles") => {
            Some(Unique::Item)
        }
        _ => None,
    }
}

/// Converts the list form of a mapping, on both sides.
fn mappings(at: At, key: &str, base: YamlNode, over: YamlNode) -> (YamlNode, YamlNode) {
    let mapping = |node: YamlNode| match key {
        "environment" | "labels" | "args" | "annotations" | "sysctls" | "extra_hosts" | "driver_opts" => {
            pairs(node)
        }
        "depends_on" | "networks" => keys(node),
        "build" if at == At::Build => context(node),
        _ => node,
    };
    (mapping(base), mapping(over))
}

/// A list of names as the keys of a mapping.
fn keys(node: YamlNode) -> YamlNode {
    let YamlValue::List(items) = node.value else { return node };
    let entries = items
        .into_iter()
        .filter_map(|item| {
            Some(YamlEntry { key: item.as_scalar()?.clone(), value: YamlNode::null(item.span) })
        })
        .collect();
    YamlNode { span: node.span, value: YamlValue::Map(entries), directive: node.directive }
}

/// `build: PATH` as a mapping.
fn context(node: YamlNode) -> YamlNode {
    let YamlValue::Scalar(text) = &node.value else { return node };
    let key =
        YamlScalar { text: "context".into(), span: text.span, style: ScalarStyle::Plain, unknown: None };
    let value = YamlNode::scalar(text.clone());
    YamlNode {
        span: node.span,
        value: YamlValue::Map(vec![YamlEntry { key, value }]),
        directive: node.directive,
    }
}

/// Of items with the same key, the last in the position of the first.
fn distinct(items: Vec<YamlNode>, unique: Unique) -> Vec<YamlNode> {
    let mut kept: Vec<(String, YamlNode)> = Vec::with_capacity(items.len());
    for item in items {
        let name = match unique {
            Unique::Target => target(&item),
            Unique::Port => port(&item),
            Unique::Item => item.as_str().unwrap_or_default().to_owned(),
        };
        match kept.iter_mut().find(|(known, _)| *known == name && !name.is_empty()) {
            Some((_, old)) => *old = item,
            None => kept.push((name, item)),
        }
    }
    kept.into_iter().map(|(_, item)| item).collect()
}

/// The path of a mount in the container.
fn target(item: &YamlNode) -> String {
    let target = match item.as_str() {
        Some(short) => mount_fields(short).target,
        None => item
            .get("target")
            .and_then(YamlNode::as_str)
            .or_else(|| item.get("source").and_then(YamlNode::as_str)),
    };
    target.unwrap_or_default().trim_end_matches('/').to_owned()
}

/// What identifies a published port.
fn port(item: &YamlNode) -> String {
    let field = |name| item.get(name).and_then(YamlNode::as_str).unwrap_or_default();
    match item.as_str() {
        Some(short) => short.trim_end_matches("/tcp").to_owned(),
        None => format!(
            "{}:{}:{}/{}",
            field("host_ip"),
            field("published"),
            field("target"),
            field("protocol").trim_start_matches("tcp")
        )
        .trim_start_matches(':')
        .trim_end_matches('/')
        .to_owned(),
    }
}
