//! Where shell stands in files of other kinds: what a file's scripts are, and what is known before they run.

mod json;
mod justfile;
mod makefile;
mod template;
mod workflow;
mod yaml;

pub(super) use yaml::Node;

use super::kind::Kind;
use super::shell::Scope;
use super::snippet::Snippet;

/// One script that runs as a whole.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub text: Snippet,
    /// What its names stand for before it runs.
    pub scope: Scope<'static>,
    /// It runs on a machine that is thrown away afterwards.
    pub throwaway: bool,
    /// It runs on another machine.
    pub remote: bool,
}

impl Script {
    fn new(text: Snippet) -> Self {
        Self { text, ..Self::default() }
    }
}

/// Every script of a file. A file that is not of its kind after all has none.
pub(super) fn scripts(kind: Kind, text: &str) -> Vec<Script> {
    match kind {
        Kind::Shell => vec![Script::new(Snippet::whole(text))],
        Kind::Makefile => makefile::scripts(text),
        Kind::Justfile => justfile::scripts(text),
        Kind::PackageJson => json::scripts(text),
        Kind::Workflow => workflow::github(text),
        Kind::Pipeline(keys) => workflow::pipeline(text, keys),
    }
}

/// Reads a YAML file; nothing if it is none.
pub(super) fn read_yaml(text: &str) -> Option<Node> {
    yaml::read(text)
}
