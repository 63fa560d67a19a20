//! Commands that began and did not end, because safe-compose was killed or the machine stopped: they are reported until a
//! later command of the project has been run, and verified where it starts services.

use super::context::ProjectContext;
use super::format;
use super::mode::Apply;
use crate::error::causes;
use crate::journal::{self, JournalEntry};

/// The interrupted commands of the project. A journal that cannot be read is reported by `history`.
fn entries(cx: &ProjectContext<'_>) -> Vec<JournalEntry> {
    let contents = journal::read(cx.root.directory()).unwrap_or_default();
    let is_own =
        |entry: &&JournalEntry| cx.root.owner().is_none_or(|owner| owner.is(&entry.project, &entry.engine));
    contents.unsettled().into_iter().filter(is_own).cloned().collect()
}

/// One sentence for each of them.
pub(super) fn warnings(cx: &ProjectContext<'_>) -> Vec<String> {
    entries(cx).iter().map(|entry| sentence(cx, entry)).collect()
}

/// Warns of each of them. Returns whether there are any.
pub(super) fn report(cx: &ProjectContext<'_>) -> bool {
    let warnings = warnings(cx);
    let any = !warnings.is_empty();
    for warning in warnings {
        cx.ui().warn(warning);
    }
    any
}

fn sentence(cx: &ProjectContext<'_>, entry: &JournalEntry) -> String {
    let mut sentence = format!(
        "`{}` began {} and did not end: safe-compose or the machine was stopped, and it may have been carried out in part",
        shell_words::join(&entry.command).replace(char::is_control, " "),
        format::ago(entry.time),
    );
    if !entry.effects.is_empty() {
        sentence.push_str(&format!(" ({})", entry.effects.join(", ")));
    }
    sentence.push('.');
    for backup in &entry.backups {
        sentence.push_str(&format!(" To restore a backup that it made: `{}`", cx.suggest().restore(backup)));
    }
    sentence
}

/// Records that they have been reported, and that what started afterwards was verified.
pub(super) fn settle(cx: &ProjectContext<'_>, _: Apply) {
    for entry in entries(cx) {
        if let Err(error) = journal::append(cx.root.directory(), &entry.settle()) {
            cx.ui().warn(format!("the journal cannot be written: {}.", causes(&error.into())));
        }
    }
}
