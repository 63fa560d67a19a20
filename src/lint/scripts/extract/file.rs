//! The scripts of a file, by its kind.

use super::script::Script;
use super::{json, justfile, makefile, workflow};
use crate::lint::scripts::kind::ScriptKind;
use crate::lint::scripts::mapped_text::MappedText;

/// Every script of a file. A file whose text is not of its kind has none.
pub(in crate::lint::scripts) fn scripts(kind: ScriptKind, text: &str) -> Vec<Script> {
    match kind {
        ScriptKind::Shell => vec![Script::new(MappedText::of_file(text))],
        ScriptKind::Makefile => makefile::scripts(text),
        ScriptKind::Justfile => justfile::scripts(text),
        ScriptKind::PackageJson => json::scripts(text),
        ScriptKind::Workflow => workflow::github(text),
        ScriptKind::Pipeline(keys) => workflow::pipeline(text, keys),
    }
}
