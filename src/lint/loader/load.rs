//! Loads a project: its files are read, interpolated, extended, included and merged into one tree.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::context::FileContext;
use super::env_file::{self, FileEnvironment};
use super::problem::LoadProblem;
use super::project_loader::ProjectLoader;
use super::read::read;
use super::target::LintTarget;
use super::variables::FileVariables;
use super::{include, merge};
use crate::lint::files::SourceFiles;
use crate::lint::span::{FileId, Span};
use crate::lint::yaml::YamlNode;

/// A project as Compose would see it, with spans.
#[derive(Debug)]
pub(crate) struct LoadedProject {
    pub files: SourceFiles,
    pub root: YamlNode,
    pub problems: Vec<LoadProblem>,
    /// The variables of each service's `env_file`.
    pub environments: HashMap<Arc<str>, FileEnvironment>,
    /// The directory that relative paths of the first file start from.
    pub directory: PathBuf,
    /// Some of its files could not be read, so what seems to be missing may be in there.
    pub incomplete: bool,
}

/// Reads a project. What cannot be read is among its problems.
pub(crate) fn load(target: &LintTarget, environment: &dyn Fn(&str) -> Option<String>) -> LoadedProject {
    let mut loader = ProjectLoader {
        environment,
        files: SourceFiles::default(),
        problems: Vec::new(),
        including: Vec::new(),
        incomplete: false,
    };
    let mut variables = FileVariables::default();
    let mut rejected = Vec::new();
    for file in &target.env_files {
        if let Ok(text) = read(file)
            && let Err(error) = variables.add(&text, environment)
        {
            rejected.push((file, error));
        }
    }
    let mut root: Option<YamlNode> = None;
    for path in &target.files {
        let text = match (&target.stdin, path.to_str()) {
            (Some(text), Some("-")) => Ok(text.clone()),
            _ => read(path),
        };
        match text {
            Ok(text) => {
                for document in include::documents(
                    &mut loader,
                    &FileContext { path, base: &target.directory, variables: &variables },
                    &text,
                ) {
                    root = Some(match root {
                        Some(base) => merge::project(base, document),
                        None => document,
                    });
                }
            }
            Err(why) => {
                let file = loader.files.add(path.clone(), target.directory.clone(), "".into());
                let message = format!("cannot read `{}`: {why}", path.display());
                loader.problems.push(LoadProblem::yaml(Span::start_of(file), message));
            }
        }
    }
    let mut root = root.unwrap_or_else(|| {
        let file = loader.files.iter().next().map_or_else(FileId::default, |(file, _)| file);
        YamlNode::null(Span::start_of(file))
    });
    merge::remove_resets(&mut root);
    // After the Compose files, the first of which stands for the project.
    for (file, error) in rejected {
        loader.rejected(file, &error);
    }
    let environments = env_file::read_all(&mut loader, &root, &variables);
    LoadedProject {
        files: loader.files,
        root,
        problems: loader.problems,
        environments,
        directory: target.directory.clone(),
        incomplete: loader.incomplete,
    }
}
