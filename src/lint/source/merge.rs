//! How a later file changes an earlier one, by compose-go's `override` package.

use super::node::{Directive, Entry, Node, Text, Value};

/// Where in a project a node stands, as far as merging it depends on that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Root,
    Services,
    Service,
    Build,
    Healthcheck,
    Other,
}

impl At {
    fn below(self, key: &str) -> Self {
        match (self, key) {
            (Self::Root, "services") => Self::Services,
            (Self::Services, _) => Self::Service,
            (Self::Service, "build") => Self::Build,
            (Self::Service, "healthcheck") => Self::Healthcheck,
            _ => Self::Other,
        }
    }
}

/// What a list of a service is made unique by.
#[derive(Debug, Clone, Copy)]
enum Unique {
    Target,
    Port,
    Whole,
}

/// A whole file over another.
pub(super) fn project(base: Node, over: Node) -> Node {
    merge(At::Root, "", base, over)
}

/// One service over another, as `extends` does.
pub(super) fn service(base: Node, over: Node) -> Node {
    merge(At::Service, "", base, over)
}

/// Drops what `!reset` marks, where there is nothing it could be merged with.
pub(super) fn settle(node: &mut Node) {
    match &mut node.value {
        Value::Map(entries) => {
            entries.retain(|entry| entry.value.directive != Some(Directive::Reset));
            for entry in entries {
                settle(&mut entry.value);
            }
        }
        Value::List(items) => {
            items.retain(|item| item.directive != Some(Directive::Reset));
            for item in items {
                settle(item);
            }
        }
        Value::Null | Value::Scalar(_) => {}
    }
}

fn merge(at: At, key: &str, base: Node, over: Node) -> Node {
    if over.directive == Some(Directive::Override) || replaces(at, key) {
        return over;
    }
    let (base, over) = alike(at, key, base, over);
    match (base.value, over.value) {
        (Value::Map(entries), Value::Map(more)) => {
            // A project is where its first file is.
            let span = if at == At::Root { base.span } else { over.span };
            Node { span, value: Value::Map(maps(at, entries, more)), directive: None }
        }
        (Value::List(mut items), Value::List(more)) => {
            items.extend(more);
            if let Some(unique) = uniqueness(at, key) {
                items = distinct(items, unique);
            }
            Node { span: over.span, value: Value::List(items), directive: None }
        }
        (base_value, Value::Null) => Node { span: base.span, value: base_value, directive: None },
        (_, value) => Node { span: over.span, value, directive: over.directive },
    }
}

fn maps(at: At, mut base: Vec<Entry>, more: Vec<Entry>) -> Vec<Entry> {
    for entry in more {
        let found = base.iter().position(|known| known.key.text == entry.key.text);
        match found {
            Some(known) if entry.value.directive == Some(Directive::Reset) => {
                base.remove(known);
            }
            None if entry.value.directive == Some(Directive::Reset) => {}
            Some(known) => {
                let old = base.remove(known);
                let value = merge(at.below(entry.key.as_str()), entry.key.as_str(), old.value, entry.value);
                // What a file says later decides, so its key is where it is said.
                base.insert(known, Entry { key: entry.key, value });
            }
            None => base.push(entry),
        }
    }
    base
}

/// Words that are one value, although written as a list.
fn replaces(at: At, key: &str) -> bool {
    match at {
        At::Root | At::Services | At::Service | At::Build | At::Healthcheck => false,
        At::Other => matches!(key, "command" | "entrypoint" | "test"),
    }
}

fn uniqueness(at: At, key: &str) -> Option<Unique> {
    match (at, key) {
        (At::Other, "volumes" | "devices" | "secrets" | "configs") => Some(Unique::Target),
        (At::Other, "ports") => Some(Unique::Port),
        (At::Other, "expose" | "env_file" | "tmpfs" | "dns" | "dns_search" | "profiles") => {
            Some(Unique::Whole)
        }
        _ => None,
    }
}

/// Brings two spellings of one thing to the same form.
fn alike(at: At, key: &str, base: Node, over: Node) -> (Node, Node) {
    let mapping = |node: Node| match key {
        "environment" | "labels" | "args" | "annotations" | "sysctls" | "extra_hosts" | "driver_opts" => {
            pairs(node)
        }
        "depends_on" | "networks" => keys(node),
        "build" if at == At::Build => context(node),
        _ => node,
    };
    (mapping(base), mapping(over))
}

/// A list of `KEY=value` as a mapping.
fn pairs(node: Node) -> Node {
    let Value::List(items) = node.value else { return node };
    let entries = items
        .into_iter()
        .filter_map(|item| {
            let text = item.as_text()?.clone();
            let (name, value) = match text.as_str().split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (text.as_str().to_owned(), None),
            };
            let value = match value {
                Some(value) => Node::scalar(Text { text: value.into(), ..text.clone() }),
                None => Node::null(item.span),
            };
            Some(Entry { key: Text { text: name.into(), ..text }, value })
        })
        .collect();
    Node { span: node.span, value: Value::Map(entries), directive: node.directive }
}

/// A list of names as the keys of a mapping.
fn keys(node: Node) -> Node {
    let Value::List(items) = node.value else { return node };
    let entries = items
        .into_iter()
        .filter_map(|item| Some(Entry { key: item.as_text()?.clone(), value: Node::null(item.span) }))
        .collect();
    Node { span: node.span, value: Value::Map(entries), directive: node.directive }
}

/// `build: PATH` as a mapping.
fn context(node: Node) -> Node {
    let Value::Scalar(text) = &node.value else { return node };
    let key = Text { text: "context".into(), span: text.span, plain: true, doubt: None };
    let value = Node::scalar(text.clone());
    Node { span: node.span, value: Value::Map(vec![Entry { key, value }]), directive: node.directive }
}

/// The last of those that mean the same, in the place of the first.
fn distinct(items: Vec<Node>, unique: Unique) -> Vec<Node> {
    let mut kept: Vec<(String, Node)> = Vec::with_capacity(items.len());
    for item in items {
        let name = match unique {
            Unique::Target => target(&item),
            Unique::Port => port(&item),
            Unique::Whole => item.as_str().unwrap_or_default().to_owned(),
        };
        match kept.iter_mut().find(|(known, _)| *known == name && !name.is_empty()) {
            Some((_, old)) => *old = item,
            None => kept.push((name, item)),
        }
    }
    kept.into_iter().map(|(_, item)| item).collect()
}

/// Where a mount appears in the container.
fn target(item: &Node) -> String {
    let said = match item.as_str() {
        Some(short) => crate::lint::project::short_target(short),
        None => {
            item.get("target").and_then(Node::as_str).or_else(|| item.get("source").and_then(Node::as_str))
        }
    };
    said.unwrap_or_default().trim_end_matches('/').to_owned()
}

/// What makes a port one of its own.
fn port(item: &Node) -> String {
    let field = |name| item.get(name).and_then(Node::as_str).unwrap_or_default();
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

/// The list that a service's `environment:` or the like stands for, with places.
pub(in crate::lint) fn as_pairs(node: &Node) -> Vec<(Text, Option<Text>)> {
    let pairs = pairs(node.clone());
    pairs.entries().iter().map(|entry| (entry.key.clone(), entry.value.as_text().cloned())).collect()
}
