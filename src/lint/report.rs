//! What was found in one project or script, with the files it was found in.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::files::SourceFiles;
use super::finding::LintFinding;
use super::fix::{self, Fix};
use super::rule::FindingDraft;

/// The findings of one target.
#[derive(Debug)]
pub struct LintReport {
    files: SourceFiles,
    drafts: Vec<FindingDraft>,
}

impl LintReport {
    pub(super) fn new(files: SourceFiles, mut drafts: Vec<FindingDraft>) -> Self {
        drafts.sort_by(|one, other| {
            (one.span.file, one.span.start, one.span.end, one.rule).cmp(&(
                other.span.file,
                other.span.start,
                other.span.end,
                other.rule,
            ))
        });
        // The same place is reached several times through aliases, functions and variables.
        drafts.dedup_by(|one, other| {
            one.span == other.span && one.rule == other.rule && one.message == other.message
        });
        Self { files, drafts }
    }

    /// The findings, in the order of the files and of their lines.
    pub fn findings(&self) -> Vec<LintFinding> {
        self.drafts.iter().map(|draft| self.finding(draft)).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.drafts.is_empty()
    }

    fn finding(&self, draft: &FindingDraft) -> LintFinding {
        LintFinding {
            rule: draft.rule,
            severity: draft.severity,
            location: self.files.range(draft.span),
            message: draft.message.clone(),
            help: draft.help.clone(),
            service: draft.service.clone(),
        }
    }

    /// The files that were read, with their text.
    pub fn texts(&self) -> impl Iterator<Item = (PathBuf, Arc<str>)> {
        self.files.iter().map(|(_, file)| (file.path.clone(), file.text.clone()))
    }

    /// The files that the fixes would change, each with its old and its new text.
    pub fn fixed(&self) -> Vec<(PathBuf, Arc<str>, String)> {
        let fixes: Vec<&Fix> = self.drafts.iter().filter_map(|draft| draft.fix.as_ref()).collect();
        fix::apply(&self.files, fixes)
            .into_iter()
            .map(|(file, text)| {
                let file = self.files.get(file);
                (file.path.clone(), file.text.clone(), text)
            })
            .collect()
    }
}

/// The change of a file in the format of `diff -u` and `git apply`.
pub fn diff(path: &Path, old: &str, new: &str) -> String {
    fix::diff(&path.to_string_lossy(), old, new)
}
