//! `env_file`: the files that set the environment of a service.
//!
//! As in compose-go: a later file overrides an earlier one and `environment` overrides them all, but in the text of a
//! file the variables of the project come first, then those of `environment`, then those of the files.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use super::pairs::as_pairs;
use super::problem::{LoadProblem, REFUSED};
use super::project_loader::ProjectLoader;
use super::read::read;
use super::variables::FileVariables;
use crate::compose::dotenv::{self, Variables};
use crate::compose::grammar::Grammar;
use crate::lint::span::Span;
use crate::lint::yaml::{YamlNode, YamlScalar, YamlValue};

/// The variables of a service that come from files.
#[derive(Debug)]
pub(crate) struct FileEnvironment {
    /// Each with the entry of `env_file` that sets it.
    pub variables: BTreeMap<String, (String, Span)>,
    /// Every file was read, so what is not in here is not set by any of them.
    pub complete: bool,
}

/// One entry of `env_file`.
struct EnvFileEntry<'a> {
    path: &'a YamlScalar,
    span: Span,
    required: bool,
    format: Option<&'a YamlScalar>,
}

impl<'a> EnvFileEntry<'a> {
    fn read(node: &'a YamlNode) -> Option<Self> {
        if let Some(path) = node.as_scalar() {
            return Some(Self { path, span: node.span, required: true, format: None });
        }
        let required = node.get("required").and_then(YamlNode::as_scalar).and_then(YamlScalar::as_bool);
        Some(Self {
            path: node.get("path")?.as_scalar()?,
            span: node.span,
            required: required.unwrap_or(true),
            format: node.get("format").and_then(YamlNode::as_scalar),
        })
    }
}

/// Reads the files of every service that has some.
pub(super) fn read_all(
    loader: &mut ProjectLoader<'_>,
    root: &YamlNode,
    project: &FileVariables,
) -> HashMap<Arc<str>, FileEnvironment> {
    let services = root.get("services").map(YamlNode::entries).unwrap_or_default();
    services
        .iter()
        .filter_map(|service| {
            let files = service.value.get("env_file")?;
            Some((service.key.text.clone(), of_service(loader, &service.value, files, project)))
        })
        .collect()
}

fn of_service(
    loader: &mut ProjectLoader<'_>,
    service: &YamlNode,
    files: &YamlNode,
    project: &FileVariables,
) -> FileEnvironment {
    let environment = loader.environment;
    let from_project = |name: &str| environment(name).or_else(|| project.get(name).map(str::to_owned));
    let own: Variables = service
        .get("environment")
        .map(as_pairs)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(name, value)| {
            let value = match value {
                Some(value) => value.is_known().then(|| value.as_str().to_owned()),
                None => from_project(name.as_str()),
            };
            Some((name.as_str().to_owned(), value?))
        })
        .collect();
    let lookup = |name: &str| from_project(name).or_else(|| own.get(name).cloned());
    let items = match &files.value {
        YamlValue::List(items) => items.as_slice(),
        YamlValue::Scalar(_) | YamlValue::Map(_) => std::slice::from_ref(files),
        YamlValue::Null => &[],
    };
    let mut found = FileEnvironment { variables: BTreeMap::new(), complete: true };
    let mut known = own.clone();
    for item in items {
        let read = EnvFileEntry::read(item).and_then(|entry| {
            let read = variables_of(loader, &entry, &lookup, &known)?;
            Some((entry.span, read))
        });
        let Some((span, read)) = read else {
            found.complete = false;
            continue;
        };
        for (name, value) in read {
            if known.get(&name) != Some(&value) {
                found.variables.insert(name.clone(), (value.clone(), span));
                known.insert(name, value);
            }
        }
    }
    found
}

/// The variables of one file, with those that are known. `None` if it cannot be read, which may be a problem.
fn variables_of(
    loader: &mut ProjectLoader<'_>,
    entry: &EnvFileEntry<'_>,
    lookup: &dyn Fn(&str) -> Option<String>,
    known: &Variables,
) -> Option<Variables> {
    if !entry.path.is_known() {
        return None;
    }
    let path = loader.files.base(entry.path.span.file).join(Path::new(entry.path.as_str()));
    let text = match read(&path) {
        Ok(text) => text,
        Err(why) => {
            if entry.required || path.exists() {
                let mut problem = LoadProblem::missing(entry.span, &path, &why);
                problem.message = format!("cannot read the `env_file` `{}` ({why})", path.display());
                problem.help = Some(MISSING.to_owned());
                loader.problems.push(problem);
            }
            return None;
        }
    };
    let read = match entry.format.map(YamlScalar::as_str) {
        None | Some("") => dotenv::parse(Grammar::V2, &text, lookup, known),
        Some("raw") => dotenv::parse_raw(&text, lookup),
        Some(other) => {
            let message = format!("there is no format `{other}` of an `env_file`");
            loader.problems.push(LoadProblem::compose(entry.span, message, REFUSED));
            return None;
        }
    };
    match read {
        Ok(variables) => Some(variables),
        Err(error) => {
            loader.rejected(&path, &error);
            None
        }
    }
}

/// Help for a file that is not there.
const MISSING: &str = "`up` refuses to start the service without it. If it may be missing, write `{ path: …, required: false }`.";
