//! `include`: the files of other projects, each with its own directory and `.env`.

use std::path::PathBuf;

use super::context::FileContext;
use super::problem::{LoadProblem, REFUSED};
use super::project_loader::ProjectLoader;
use super::read::{is_remote, read};
use super::{extend, merge};
use crate::lint::yaml::{YamlNode, YamlScalar, YamlValue};

/// The sections that an included file may add to.
const SECTIONS: &[&str] = &["services", "volumes", "networks", "secrets", "configs", "models"];

/// The documents of a file, interpolated, with `extends` and `include` resolved.
pub(super) fn documents(loader: &mut ProjectLoader<'_>, file: &FileContext<'_>, text: &str) -> Vec<YamlNode> {
    let documents = loader.parsed(*file, text);
    documents
        .into_iter()
        .map(|document| {
            let document = extend::resolve(loader, document, *file);
            resolve(loader, document, file)
        })
        .collect()
}

/// Merges a document over the files that it includes.
fn resolve(loader: &mut ProjectLoader<'_>, mut document: YamlNode, file: &FileContext<'_>) -> YamlNode {
    let YamlValue::Map(entries) = &mut document.value else { return document };
    let Some(at) = entries.iter().position(|entry| entry.key.as_str() == "include") else {
        return document;
    };
    let include = entries.remove(at).value;
    if matches!(include.value, YamlValue::Scalar(_) | YamlValue::Map(_)) {
        loader.problems.push(LoadProblem::compose(include.span, "`include` must be a list", REFUSED));
    }
    let mut below: Option<YamlNode> = None;
    loader.including.push(file.path.to_path_buf());
    for item in include.items() {
        // The files of one item override each other. What several items or this file have must be the same.
        let Some(imported) = included(loader, item, file).into_iter().reduce(merge::project) else {
            continue;
        };
        report_conflicts(&document, &imported, &mut loader.problems);
        below = Some(match below {
            Some(below) => {
                report_conflicts(&below, &imported, &mut loader.problems);
                merge::project(below, imported)
            }
            None => imported,
        });
    }
    loader.including.pop();
    match below {
        // Findings about the project belong to the file that was asked for.
        Some(below) => merge::project(YamlNode { span: document.span, ..below }, document),
        None => document,
    }
}

/// Reports what two files define differently. Compose 2.40 refuses that; Compose 5 merges them.
fn report_conflicts(one: &YamlNode, other: &YamlNode, problems: &mut Vec<LoadProblem>) {
    for section in SECTIONS {
        let (Some(one), Some(other)) = (one.get(section), other.get(section)) else { continue };
        for entry in one.entries() {
            let conflict =
                other.get(entry.key.as_str()).filter(|other| other.to_json() != entry.value.to_json());
            if conflict.is_some() {
                let message =
                    format!("`{section}.{}` is defined differently in an included file", entry.key.as_str());
                problems.push(LoadProblem::compose(entry.key.span, message, CONFLICT));
            }
        }
    }
}

/// Help for what several files define.
const CONFLICT: &str = "Compose 2.40 refuses the project; Compose 5 merges them. To override an included file on purpose, name both under `include: [{ path: [FILE, OVERRIDE] }]`.";

/// The documents of one item of `include`, in the order in which they are merged.
fn included(loader: &mut ProjectLoader<'_>, item: &YamlNode, from: &FileContext<'_>) -> Vec<YamlNode> {
    let base = from.base;
    let paths = match item.as_scalar() {
        Some(path) => vec![path.clone()],
        None => scalars(item.get("path")),
    };
    let known = |path: &YamlScalar| !is_remote(path.as_str()) && path.is_known();
    if !paths.iter().all(known) {
        loader.incomplete = true;
        return Vec::new();
    }
    let Some(first) = paths.first() else { return Vec::new() };
    let directory = match item.get("project_directory").and_then(YamlNode::as_str) {
        Some(directory) => base.join(directory),
        None => base.join(first.as_str()).parent().unwrap_or(base).to_path_buf(),
    };
    let mut variables = from.variables.clone();
    let named = scalars(item.get("env_file"));
    let env_files: Vec<PathBuf> = if named.is_empty() {
        vec![directory.join(".env")]
    } else {
        named.iter().map(|file| base.join(file.as_str())).collect()
    };
    for file in env_files {
        if let Ok(text) = read(&file)
            && let Err(error) = variables.add(&text, loader.environment)
        {
            loader.rejected(&file, &error);
        }
    }
    let mut found = Vec::new();
    for path in paths {
        let file = base.join(path.as_str());
        if loader.including.contains(&file) {
            let message = format!("`{}` includes itself, directly or through other files", file.display());
            loader.problems.push(LoadProblem::compose(path.span, message, REFUSED));
            continue;
        }
        if let Some(text) = loader.named(&file, path.span) {
            let file = FileContext { path: &file, base: &directory, variables: &variables };
            found.extend(documents(loader, &file, &text));
        }
    }
    for document in &mut found {
        if let YamlValue::Map(entries) = &mut document.value {
            entries.retain(|entry| SECTIONS.contains(&entry.key.as_str()));
        }
    }
    found
}

/// One scalar or a list of scalars.
fn scalars(node: Option<&YamlNode>) -> Vec<YamlScalar> {
    match node.map(|node| &node.value) {
        Some(YamlValue::Scalar(text)) => vec![text.clone()],
        Some(YamlValue::List(items)) => items.iter().filter_map(YamlNode::as_scalar).cloned().collect(),
        Some(YamlValue::Null | YamlValue::Map(_)) | None => Vec::new(),
    }
}
