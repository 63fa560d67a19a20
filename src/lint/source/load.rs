//! Files to one merged tree: read, interpolated, extended, included, merged.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::files::{FileId, Files, Span};
use super::interpolate;
use super::node::{Node, Value};
use super::target::Target;
use super::{extend, include, merge, yaml};
use crate::compose::dotenv::parse;
use crate::compose::grammar::Grammar;
use crate::lint::finding::Severity;

/// The most that is read of one file; Compose files are a thousandth of that.
pub const MAX_BYTES: u64 = 16 << 20;
/// The most files that one project may draw in.
const MAX_FILES: usize = 500;

/// What Compose would refuse, or could not be read.
#[derive(Debug, Clone)]
pub struct Problem {
    pub rule: &'static str,
    pub severity: Severity,
    pub span: Span,
    pub message: String,
    pub help: Option<String>,
}

impl Problem {
    pub(super) fn yaml(span: Span, message: impl Into<String>) -> Self {
        let help = Some("Nothing of this file was checked. Compose cannot read it either.".to_owned());
        Self { rule: "invalid-yaml", severity: Severity::Error, span, message: message.into(), help }
    }

    pub fn compose(span: Span, message: impl Into<String>, help: &str) -> Self {
        Self {
            rule: "invalid-compose",
            severity: Severity::Error,
            span,
            message: message.into(),
            help: Some(help.to_owned()),
        }
    }

    pub(super) fn missing(span: Span, path: &Path, why: &str) -> Self {
        Self {
            rule: "missing-file",
            severity: Severity::Warning,
            span,
            message: format!("`{}` cannot be read ({why}), so nothing of it was checked", path.display()),
            help: None,
        }
    }
}

/// A project as Compose would see it, with every place.
#[derive(Debug)]
pub struct Loaded {
    pub files: Files,
    pub root: Node,
    pub problems: Vec<Problem>,
    /// The directory that relative paths of the first file start from.
    pub directory: PathBuf,
    /// Files that it names could not be read: what seems to be missing may be in there.
    pub incomplete: bool,
}

/// The variables that a file's `${NAMES}` are looked up in; those of the environment count first.
#[derive(Clone, Default)]
pub(super) struct Scope(BTreeMap<String, String>);

impl Scope {
    /// Adds the lines of an environment file behind what is known already.
    pub(super) fn add(&mut self, text: &str, environment: &interpolate::Lookup<'_>) {
        // Compose stops at a file that it cannot read, so nothing of it counts.
        let found = parse(Grammar::V2, text, environment, &self.0).unwrap_or_default();
        for (name, value) in found {
            self.0.entry(name).or_insert(value);
        }
    }
}

/// Reads a target. Never fails: what cannot be read is among the problems.
pub fn load(target: &Target, environment: &dyn Fn(&str) -> Option<String>) -> Loaded {
    let mut loader = Loader {
        environment,
        files: Files::default(),
        problems: Vec::new(),
        including: Vec::new(),
        incomplete: false,
    };
    let mut scope = Scope::default();
    for file in &target.env_files {
        if let Ok(text) = read(file) {
            scope.add(&text, environment);
        }
    }
    let mut root: Option<Node> = None;
    for path in &target.files {
        let text = match (&target.stdin, path.to_str()) {
            (Some(text), Some("-")) => Ok(text.clone()),
            _ => read(path),
        };
        match text {
            Ok(text) => {
                for document in loader.documents(path, &target.directory, &text, &scope) {
                    root = Some(match root {
                        Some(base) => merge::project(base, document),
                        None => document,
                    });
                }
            }
            Err(why) => {
                let file = loader.files.add(path.clone(), target.directory.clone(), "".into());
                let message = format!("`{}` cannot be read: {why}", path.display());
                loader.problems.push(Problem::yaml(Span::start_of(file), message));
            }
        }
    }
    let mut root = root.unwrap_or_else(|| {
        let file = loader.files.iter().next().map_or_else(FileId::default, |(file, _)| file);
        Node::null(Span::start_of(file))
    });
    merge::settle(&mut root);
    Loaded {
        files: loader.files,
        root,
        problems: loader.problems,
        directory: target.directory.clone(),
        incomplete: loader.incomplete,
    }
}

pub(super) struct Loader<'a> {
    pub(super) environment: &'a dyn Fn(&str) -> Option<String>,
    pub(super) files: Files,
    pub(super) problems: Vec<Problem>,
    /// The files whose `include` is being followed.
    pub(super) including: Vec<PathBuf>,
    pub(super) incomplete: bool,
}

impl Loader<'_> {
    /// The documents of a file, interpolated, extended and with what they include below them.
    pub(super) fn documents(&mut self, path: &Path, base: &Path, text: &str, scope: &Scope) -> Vec<Node> {
        let documents = self.parsed(path, base, text, scope);
        documents
            .into_iter()
            .map(|document| {
                let document = extend::resolve(self, document, path, base, scope);
                include::resolve(self, document, path, base, scope)
            })
            .collect()
    }

    /// The documents of a file, interpolated.
    pub(super) fn parsed(&mut self, path: &Path, base: &Path, text: &str, scope: &Scope) -> Vec<Node> {
        let file = self.files.add(path.to_path_buf(), base.to_path_buf(), Arc::from(text));
        if self.files.iter().count() > MAX_FILES {
            let message = format!("more than {MAX_FILES} files in one project");
            self.problems.push(Problem::yaml(Span::start_of(file), message));
            return Vec::new();
        }
        let mut parsed = yaml::parse(file, text);
        self.files.get_mut(file).comments = std::mem::take(&mut parsed.comments);
        self.incomplete |= !parsed.problems.is_empty();
        self.problems.append(&mut parsed.problems);
        let lookup = |name: &str| (self.environment)(name).or_else(|| scope.0.get(name).cloned());
        let mut documents = parsed.documents;
        documents.retain(|document| !matches!(document.value, Value::Null));
        for document in &mut documents {
            interpolate::interpolate(document, text, &lookup, &mut self.problems);
        }
        documents
    }

    /// A file that another one names. `None`, and a problem, when it is not to be had.
    pub(super) fn named(&mut self, path: &Path, at: Span) -> Option<String> {
        match read(path) {
            Ok(text) => Some(text),
            Err(why) => {
                self.incomplete = true;
                self.problems.push(Problem::missing(at, path, &why));
                None
            }
        }
    }
}

/// Whether a path is something to fetch, which is never done here.
pub(super) fn is_remote(path: &str) -> bool {
    path.contains("://") || path.starts_with("git@") || path.starts_with("github.com/")
}

/// A text file of sane size.
pub(super) fn read(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| reason(&error))?;
    decode(bytes)
}

/// Bytes as a Compose file's text.
pub fn decode(bytes: Vec<u8>) -> Result<String, String> {
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("larger than {} MiB", MAX_BYTES >> 20));
    }
    String::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".to_owned(),
        std::io::ErrorKind::IsADirectory => "a directory".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}
