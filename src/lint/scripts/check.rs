//! Checks one script.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::call_context::CallContext;
use super::call_readings::{self, CallReadings};
use super::calls;
use super::comments::comments;
use super::data_directories::DataDirectories;
use super::extract;
use super::kind::ScriptKind;
use super::line_index::LineIndex;
use super::mapped_text::char_boundary;
use super::rules::RULES;
use crate::lint::files::SourceFiles;
use crate::lint::finding::LintSeverity;
use crate::lint::ignore::{self, CommentScope};
use crate::lint::levels::RuleLevels;
use crate::lint::report::LintReport;
use crate::lint::rule::{RuleCheck, RuleReport};

/// The longest part of a file that is read. Nobody writes longer scripts.
const MAX_LENGTH: usize = 4 << 20;

/// Checks the scripts of a file.
pub fn check(path: &Path, kind: ScriptKind, text: &str, directories: &DataDirectories) -> LintReport {
    let text = &text[..char_boundary(text, MAX_LENGTH)];
    let lines = LineIndex::new(text);
    let mut files = SourceFiles::default();
    let file = files.add(path.to_owned(), PathBuf::new(), Arc::from(text));
    files.set_comments(file, comments(file, text, &lines));
    let mut drafts = Vec::new();
    for script in extract::scripts(kind, text) {
        calls::each_call(&script.text, &script.scope, script.remote, &mut |call| {
            let readings = call_readings::read(call);
            let context = CallContext { call, readings: &readings, directories, file, lines: &lines };
            // A discarded machine has no data to lose. Another machine or engine has.
            let harmless = script.throwaway && !call.remote && !names_engine(&readings);
            for rule in RULES {
                let RuleCheck::Call(check) = rule.check else { continue };
                let mut report = RuleReport::new(rule);
                check(&context, &mut report);
                for mut draft in report.drafts {
                    if harmless {
                        draft.severity = draft.severity.min(LintSeverity::Warning);
                    }
                    drafts.push(draft);
                }
            }
        });
    }
    let (drafts, _) = ignore::apply(&files, drafts, CommentScope::Command, &RuleLevels::default());
    LintReport::new(files, drafts)
}

/// Whether the command names the engine that it runs on.
fn names_engine(readings: &CallReadings) -> bool {
    let by_engine = readings.engine.iter().map(|engine| &engine.reading);
    let mut readings = readings.compose.iter().chain(by_engine);
    readings.any(|reading| reading.globals.host.is_some() || reading.globals.context.is_some())
}
