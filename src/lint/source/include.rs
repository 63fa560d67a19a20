//! `include`: other projects' files, each with its own directory and `.env`.

use std::path::{Path, PathBuf};

use super::load::{Loader, Problem, Scope, is_remote, read};
use super::merge;
use super::node::{Node, Text, Value};

/// The sections that an included file may add to.
const SECTIONS: &[&str] = &["services", "volumes", "networks", "secrets", "configs", "models"];

/// Puts what a document includes below it.
pub(super) fn resolve(
    loader: &mut Loader<'_>,
    mut document: Node,
    path: &Path,
    base: &Path,
    scope: &Scope,
) -> Node {
    let Value::Map(entries) = &mut document.value else { return document };
    let Some(at) = entries.iter().position(|entry| entry.key.as_str() == "include") else {
        return document;
    };
    let include = entries.remove(at).value;
    let mut below: Option<Node> = None;
    loader.including.push(path.to_path_buf());
    for item in include.items() {
        for more in included(loader, item, base, scope) {
            below = Some(match below {
                Some(below) => merge::project(below, more),
                None => more,
            });
        }
    }
    loader.including.pop();
    match below {
        // The place of the project is the file that was asked for.
        Some(below) => merge::project(Node { span: document.span, ..below }, document),
        None => document,
    }
}

/// The documents behind one item of `include`, in the order in which they are merged.
fn included(loader: &mut Loader<'_>, item: &Node, base: &Path, scope: &Scope) -> Vec<Node> {
    let paths = match item.as_text() {
        Some(path) => vec![path.clone()],
        None => texts(item.get("path")),
    };
    let known = |path: &Text| !is_remote(path.as_str()) && path.is_sure();
    if !paths.iter().all(known) {
        loader.incomplete = true;
        return Vec::new();
    }
    let Some(first) = paths.first() else { return Vec::new() };
    let directory = match item.get("project_directory").and_then(Node::as_str) {
        Some(directory) => base.join(directory),
        None => base.join(first.as_str()).parent().unwrap_or(base).to_path_buf(),
    };
    let mut scope = scope.clone();
    let named = texts(item.get("env_file"));
    let env_files: Vec<PathBuf> = if named.is_empty() {
        vec![directory.join(".env")]
    } else {
        named.iter().map(|file| base.join(file.as_str())).collect()
    };
    for file in env_files {
        if let Ok(text) = read(&file) {
            scope.add(&text, loader.environment);
        }
    }
    let mut documents = Vec::new();
    for path in paths {
        let file = base.join(path.as_str());
        if loader.including.contains(&file) {
            let message = format!("`{}` includes itself in the end", file.display());
            loader.problems.push(Problem::compose(path.span, message, "Compose refuses such a file."));
            continue;
        }
        if let Some(text) = loader.named(&file, path.span) {
            documents.extend(loader.documents(&file, &directory, &text, &scope));
        }
    }
    for document in &mut documents {
        if let Value::Map(entries) = &mut document.value {
            entries.retain(|entry| SECTIONS.contains(&entry.key.as_str()));
        }
    }
    documents
}

/// One word or a list of words.
fn texts(node: Option<&Node>) -> Vec<Text> {
    match node.map(|node| &node.value) {
        Some(Value::Scalar(text)) => vec![text.clone()],
        Some(Value::List(items)) => items.iter().filter_map(Node::as_text).cloned().collect(),
        Some(Value::Null | Value::Map(_)) | None => Vec::new(),
    }
}
