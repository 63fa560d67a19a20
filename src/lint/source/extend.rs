//! `extends`: a service that begins as another one, of the same file or of another.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::load::{Loader, Problem, Scope, is_remote};
use super::merge;
use super::node::{Entry, Node, Value};

/// How many services may stand behind one.
const MAX_CHAIN: usize = 64;

/// A file whose services are looked into.
#[derive(Clone, Copy)]
struct Origin<'a> {
    services: &'a HashMap<Arc<str>, Entry>,
    path: &'a Path,
    base: &'a Path,
    scope: &'a Scope,
}

/// The services on the way to one, with the files they are in.
type Chain = Vec<(Arc<str>, PathBuf)>;

fn by_name(services: impl IntoIterator<Item = Entry>) -> HashMap<Arc<str>, Entry> {
    let mut named = HashMap::new();
    for entry in services {
        named.entry(entry.key.text.clone()).or_insert(entry);
    }
    named
}

/// Puts what each service extends below it.
pub(super) fn resolve(
    loader: &mut Loader<'_>,
    mut document: Node,
    path: &Path,
    base: &Path,
    scope: &Scope,
) -> Node {
    let Some(services) = document.get("services").map(|node| node.entries().to_vec()) else {
        return document;
    };
    if !services.iter().any(|service| service.value.get("extends").is_some()) {
        return document;
    }
    let named = by_name(services.iter().cloned());
    let origin = Origin { services: &named, path, base, scope };
    let resolved = services
        .iter()
        .map(|entry| Entry {
            key: entry.key.clone(),
            value: extended(loader, entry, origin, &mut Vec::new()),
        })
        .collect();
    if let Value::Map(entries) = &mut document.value
        && let Some(found) = entries.iter_mut().find(|entry| entry.key.as_str() == "services")
    {
        found.value.value = Value::Map(resolved);
    }
    document
}

fn extended(loader: &mut Loader<'_>, entry: &Entry, origin: Origin<'_>, chain: &mut Chain) -> Node {
    let mut service = entry.value.clone();
    let Some(extends) = service.get("extends").cloned() else { return service };
    if let Value::Map(entries) = &mut service.value {
        entries.retain(|entry| entry.key.as_str() != "extends");
    }
    let step = (entry.key.text.clone(), origin.path.to_path_buf());
    if chain.len() >= MAX_CHAIN || chain.contains(&step) {
        let message = format!("`{}` extends itself in the end", entry.key.as_str());
        loader.problems.push(Problem::compose(extends.span, message, "Compose refuses such a file."));
        return service;
    }
    chain.push(step);
    let base = base_of(loader, &extends, origin, chain);
    chain.pop();
    match base {
        Some(base) => merge::service(base, service),
        None => service,
    }
}

/// The service that is extended, with what it extends itself.
fn base_of(loader: &mut Loader<'_>, extends: &Node, origin: Origin<'_>, chain: &mut Chain) -> Option<Node> {
    let name = extends.as_text().or_else(|| extends.get("service")?.as_text())?;
    let file = extends.get("file").and_then(Node::as_text);
    let Some(file) = file else {
        return found(loader, name, origin, chain);
    };
    if is_remote(file.as_str()) || !file.is_sure() {
        loader.incomplete = true;
        return None;
    }
    let path = origin.base.join(file.as_str());
    let text = loader.named(&path, file.span)?;
    let base = path.parent().unwrap_or(origin.base).to_path_buf();
    let documents = loader.parsed(&path, &base, &text, origin.scope);
    let services = by_name(
        documents
            .iter()
            .filter_map(|document| document.get("services"))
            .flat_map(|services| services.entries().to_vec()),
    );
    found(loader, name, Origin { services: &services, path: &path, base: &base, ..origin }, chain)
}

fn found(
    loader: &mut Loader<'_>,
    name: &super::node::Text,
    origin: Origin<'_>,
    chain: &mut Chain,
) -> Option<Node> {
    let Some(entry) = origin.services.get(&name.text) else {
        if name.is_sure() {
            let message = format!("there is no service `{}` in `{}`", name.as_str(), origin.path.display());
            loader.problems.push(Problem::compose(name.span, message, "Compose refuses such a file."));
        }
        return None;
    };
    Some(extended(loader, entry, origin, chain))
}
