//! Reads the files of one project, and collects what is wrong with them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use granit_parser::ScalarStyle;

use super::context::FileContext;
use super::interpolate;
use super::problem::LoadProblem;
use super::read::read;
use crate::compose::dotenv::{DotenvError, DotenvReason};
use crate::compose::template::TemplateError;
use crate::lint::files::SourceFiles;
use crate::lint::finding::LintSeverity;
use crate::lint::span::Span;
use crate::lint::yaml::{self, Conformance, PlainType, YamlNode, YamlValue};

/// The most files that one project may have.
const MAX_FILES: usize = 500;

/// Help for an environment file that Compose rejects.
const REJECTED: &str = "Compose refuses the project, and the variables of this file are not known.";

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
            refuse_other_keys(document, &mut self.problems);
            interpolate::interpolate(document, text, &lookup, &mut self.problems);
        }
        documents
    }

    /// Reports an environment file that Compose rejects, at its line.
    pub(super) fn rejected(&mut self, path: &Path, error: &DotenvError) {
        // Its text stays out of the report, because it is full of passwords.
        let base = path.parent().unwrap_or(Path::new("")).to_path_buf();
        let file = self.files.add(path.to_path_buf(), base, "".into());
        let mut span = Span::start_of(file);
        span.start.line = u32::try_from(error.line).unwrap_or(u32::MAX);
        span.end.line = span.start.line;
        let message = format!("Compose rejects this environment file: {}", error.reason);
        let mut problem = LoadProblem::compose(span, message, REJECTED);
        if matches!(error.reason, DotenvReason::Template(TemplateError::Required { .. })) {
            // The variable may be set where Compose runs.
            problem.severity = LintSeverity::Warning;
        }
        self.problems.push(problem);
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

/// Reports keys that are no strings. Compose refuses them everywhere, even below `x-`.
fn refuse_other_keys(node: &YamlNode, problems: &mut Vec<LoadProblem>) {
    for entry in node.entries() {
        let key = &entry.key;
        let kind = match key.plain_type() {
            // Without a text it is `null`; an empty string has quotes.
            PlainType::Text if key.as_str().is_empty() && key.style == ScalarStyle::Plain => Some("null"),
            PlainType::Text => None,
            other => Some(other.name()),
        };
        if let Some(kind) = kind {
            let message = format!("the key `{}` is {kind}, and Compose takes only strings", key.as_str());
            let message = message.replace("the key `` is", "a key is");
            problems.push(LoadProblem::compose(
                key.span,
                message,
                "Compose refuses this file. Put the key in quotes.",
            ));
        }
        refuse_other_keys(&entry.value, problems);
    }
    for item in node.items() {
        refuse_other_keys(item, problems);
    }
}
