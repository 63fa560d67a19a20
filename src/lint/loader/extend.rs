//! `extends`: a service that takes over another one, of the same file or of another.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::context::FileContext;
use super::merge;
use super::problem::{LoadProblem, REFUSED};
use super::project_loader::ProjectLoader;
use super::read::is_remote;
use crate::lint::yaml::{YamlEntry, YamlNode, YamlScalar, YamlValue};

/// The most services that one may extend, directly or not.
const MAX_CHAIN: usize = 64;

/// A file whose services can be extended.
#[derive(Clone, Copy)]
struct ExtendsSource<'a> {
    services: &'a HashMap<Arc<str>, YamlEntry>,
    file: FileContext<'a>,
}

/// The services that are being resolved, with their files.
type ExtendsChain = Vec<(Arc<str>, PathBuf)>;

/// Merges each service of a document over the one that it extends.
pub(super) fn resolve(
    loader: &mut ProjectLoader<'_>,
    mut document: YamlNode,
    file: FileContext<'_>,
) -> YamlNode {
    let Some(services) = document.get("services").map(|node| node.entries().to_vec()) else {
        return document;
    };
    if !services.iter().any(|service| service.value.get("extends").is_some()) {
        return document;
    }
    let named = by_name(services.iter().cloned());
    let source = ExtendsSource { services: &named, file };
    let resolved = services
        .iter()
        .map(|entry| YamlEntry {
            key: entry.key.clone(),
            value: extended(loader, entry, source, &mut Vec::new()),
        })
        .collect();
    if let YamlValue::Map(entries) = &mut document.value
        && let Some(found) = entries.iter_mut().find(|entry| entry.key.as_str() == "services")
    {
        found.value.value = YamlValue::Map(resolved);
    }
    document
}

fn extended(
    loader: &mut ProjectLoader<'_>,
    entry: &YamlEntry,
    source: ExtendsSource<'_>,
    chain: &mut ExtendsChain,
) -> YamlNode {
    let mut service = entry.value.clone();
    let Some(extends) = service.get("extends").cloned() else { return service };
    if let YamlValue::Map(entries) = &mut service.value {
        entries.retain(|entry| entry.key.as_str() != "extends");
    }
    let step = (entry.key.text.clone(), source.file.path.to_path_buf());
    if chain.len() >= MAX_CHAIN || chain.contains(&step) {
        let message = format!("`{}` extends itself, directly or through other services", entry.key.as_str());
        loader.problems.push(LoadProblem::compose(extends.span, message, REFUSED));
        return service;
    }
    chain.push(step);
    let base = base_of(loader, &extends, source, chain);
    chain.pop();
    match base {
        Some(base) => merge::service(base, service),
        None => service,
    }
}

/// The service that is extended, with its own `extends` resolved.
fn base_of(
    loader: &mut ProjectLoader<'_>,
    extends: &YamlNode,
    source: ExtendsSource<'_>,
    chain: &mut ExtendsChain,
) -> Option<YamlNode> {
    let name = extends.as_scalar().or_else(|| extends.get("service")?.as_scalar())?;
    let file = extends.get("file").and_then(YamlNode::as_scalar);
    let Some(file) = file else {
        return extended_by_name(loader, name, source, chain);
    };
    if is_remote(file.as_str()) || !file.is_known() {
        loader.incomplete = true;
        return None;
    }
    let path = source.file.base.join(file.as_str());
    let text = loader.named(&path, file.span)?;
    let base = path.parent().unwrap_or(source.file.base).to_path_buf();
    let file = FileContext { path: &path, base: &base, variables: source.file.variables };
    let documents = loader.parsed(file, &text);
    let services = by_name(
        documents
            .iter()
            .filter_map(|document| document.get("services"))
            .flat_map(|services| services.entries().to_vec()),
    );
    extended_by_name(loader, name, ExtendsSource { services: &services, file }, chain)
}

fn extended_by_name(
    loader: &mut ProjectLoader<'_>,
    name: &YamlScalar,
    source: ExtendsSource<'_>,
    chain: &mut ExtendsChain,
) -> Option<YamlNode> {
    let Some(entry) = source.services.get(&name.text) else {
        if name.is_known() {
            let message =
                format!("there is no service `{}` in `{}`", name.as_str(), source.file.path.display());
            loader.problems.push(LoadProblem::compose(name.span, message, REFUSED));
        }
        return None;
    };
    Some(extended(loader, entry, source, chain))
}

fn by_name(services: impl IntoIterator<Item = YamlEntry>) -> HashMap<Arc<str>, YamlEntry> {
    let mut named = HashMap::new();
    for entry in services {
        named.entry(entry.key.text.clone()).or_insert(entry);
    }
    named
}
