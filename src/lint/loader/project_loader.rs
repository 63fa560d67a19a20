//! Reads the files of one project, and collects what is wrong with them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::context::FileContext;
use super::interpolate;
use super::problem::LoadProblem;
use super::read::read;
use crate::lint::files::SourceFiles;
use crate::lint::span::Span;
use crate::lint::yaml::{self, Conformance, YamlNode, YamlValue};

/// The most files that one project may have.
const MAX_FILES: usize = 500;

/// The files of a project while they are read.
pub(super) struct ProjectLoader<'a> {
    pub(super) environment: &'a dyn Fn(&str) -> Option<String>,
    pub(super) files: SourceFiles,
    pub(super) problems: Vec<LoadProblem>,
    /// The files whose `include` is being resolved.
    pub(super) including: Vec<PathBuf>,
    pub(super) incomplete: bool,
}

impl ProjectLoader<'_> {
    /// The documents of a file, interpolated.
    pub(super) fn parsed(&mut self, context: FileContext<'_>, text: &str) -> Vec<YamlNode> {
        let file = self.files.add(context.path.to_path_buf(), context.base.to_path_buf(), Arc::from(text));
        if self.files.len() > MAX_FILES {
            let message = format!("the project has more than {MAX_FILES} files");
            self.problems.push(LoadProblem::yaml(Span::start_of(file), message));
            return Vec::new();
        }
        let parsed = yaml::parse(file, text, Conformance::Compose);
        self.files.set_comments(file, parsed.comments);
        if let Some(error) = parsed.error {
            self.incomplete = true;
            self.problems.push(LoadProblem::yaml(error.span, error.message));
        }
        let lookup =
            |name: &str| (self.environment)(name).or_else(|| context.variables.get(name).map(str::to_owned));
        let mut documents = parsed.documents;
        documents.retain(|document| !matches!(document.value, YamlValue::Null));
        for document in &mut documents {
            interpolate::interpolate(document, text, &lookup, &mut self.problems);
        }
        documents
    }

    /// A file that another one names. `None`, and a problem, when it cannot be read.
    pub(super) fn named(&mut self, path: &Path, at: Span) -> Option<String> {
        match read(path) {
            Ok(text) => Some(text),
            Err(why) => {
                self.incomplete = true;
                self.problems.push(LoadProblem::missing(at, path, &why));
                None
            }
        }
    }
}
