//! `safe-compose history`: which commands affected the project's data, from the journal.

use serde_json::{Value, json};

use super::context::{self, CommandContext};
use super::format;
use crate::backup::store::BackupRoot;
use crate::cli::{Format, HistoryArgs};
use crate::error::Failure;
use crate::exit::Exit;
use crate::journal::{self, CommandOutcome, JournalContents, JournalEntry};
use crate::ui::{Column, Table};

const COLUMNS: &[Column] = &[
    Column::fixed("#"),
    Column::fixed("TIME"),
    Column::name("COMMAND"),
    Column::name("OUTCOME"),
    Column::fixed("EXIT"),
    Column::detail("EFFECTS"),
    Column::extra("BACKUPS"),
];

pub(super) async fn run(
    command: &CommandContext,
    args: &HistoryArgs,
    output: Format,
) -> Result<Exit, Failure> {
    let root = context::own_backups(command).await?.root;
    let (own, contents) = own_entries(&root)?;
    let entries = newest(&own, args.last);
    if output == Format::Json {
        command.ui.result(format::json(&json!({
            "format": "safe-compose-history",
            "format_version": 3,
            "entries": entries.iter().map(|(number, entry)| numbered(*number, entry)).collect::<Vec<_>>(),
            "unreadable_lines": contents.unreadable,
            "torn": contents.torn,
        })));
    } else if entries.is_empty() {
        command.ui.paragraph(format!(
            "No commands that affect data are recorded in {}.",
            format::short_path(root.directory())
        ));
    } else {
        let rows = entries.iter().map(|(number, entry)| row(*number, entry)).collect();
        command.ui.result(Table::new(COLUMNS, rows));
    }
    for line in &contents.unreadable {
        command.ui.warn(format!("line {line} of the journal is damaged or from a newer safe-compose."));
    }
    if contents.torn {
        command.ui.warn("the last line of the journal is incomplete, probably after a crash.");
    }
    Ok(Exit::Success)
}

/// The entries of the project that owns a backup directory, oldest first, and the rest of what the journal tells. The
/// number of an entry is its place, from 1.
pub(super) fn own_entries(root: &BackupRoot) -> Result<(Vec<JournalEntry>, JournalContents), Failure> {
    let mut contents = journal::read(root.directory())
        .map_err(|error| Failure::new(Exit::Unavailable, "the journal cannot be read").because(error))?;
    let mut entries = std::mem::take(&mut contents.entries);
    if let Some(owner) = root.owner() {
        // Some commands do not need the engine, and so do not know it.
        entries.retain(|entry| {
            owner.is(&entry.project, &entry.engine)
                || (entry.engine.is_empty() && owner.project == entry.project)
        });
    }
    Ok((entries, contents))
}

/// The last entries with their numbers, newest last.
fn newest(entries: &[JournalEntry], last: usize) -> Vec<(usize, &JournalEntry)> {
    (1..).zip(entries).skip(entries.len().saturating_sub(last)).collect()
}

fn numbered(number: usize, entry: &JournalEntry) -> Value {
    let mut value = serde_json::to_value(entry).expect("plain data serialises");
    value["number"] = number.into();
    value
}

fn row(number: usize, entry: &JournalEntry) -> Vec<String> {
    vec![
        number.to_string(),
        entry.time.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
        line(&entry.command),
        outcome(entry).to_owned(),
        entry.exit_code.map_or_else(String::new, |code| code.to_string()),
        entry.effects.join(", "),
        entry.backups.join(", "),
    ]
}

/// A command as the user knows it. Of a call as a plugin, the arguments begin with `compose`. A line break in a word must not
/// break a row.
pub(super) fn line<'a>(words: impl IntoIterator<Item = &'a String>) -> String {
    let line = shell_words::join(words).replace(char::is_control, " ");
    if line.starts_with("compose ") { format!("docker {line}") } else { line }
}

fn outcome(entry: &JournalEntry) -> &'static str {
    // A signal ended it: 128 and the signal's number.
    let is_interrupted = entry.exit_code.is_some_and(|code| code > 128);
    match entry.outcome {
        CommandOutcome::BackupFailed if is_interrupted => "interrupted, not run",
        CommandOutcome::Failed if is_interrupted => "interrupted",
        CommandOutcome::Began => "running",
        CommandOutcome::Interrupted => "did not end",
        CommandOutcome::Ran => "ran",
        CommandOutcome::RanWithoutBackup => "ran without a backup",
        CommandOutcome::Failed => "failed",
        CommandOutcome::Refused => "refused",
        CommandOutcome::NotConfirmed => "not confirmed",
        CommandOutcome::BackupFailed => "backup failed, not run",
        CommandOutcome::Unknown => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(word: &str) -> JournalEntry {
        JournalEntry {
            format_version: 1,
            id: String::new(),
            ended: None,
            taken: None,
            undoes: None,
            process: None,
            time: "2026-01-02T03:04:05.6Z".parse().expect("a time"),
            project: "shop".into(),
            engine: "E".into(),
            command: vec![word.into(), "-v".into()],
            effects: vec!["destroys volume shop_data".into()],
            backups: Vec::new(),
            outcome: CommandOutcome::Refused,
            exit_code: Some(77),
        }
    }

    #[test]
    fn a_row_is_one_line() {
        assert_eq!(
            row(4, &entry("down")),
            ["4", "2026-01-02 03:04:05Z", "down -v", "refused", "77", "destroys volume shop_data", ""]
        );
        assert_eq!(row(1, &entry("a\nb"))[2], "'a b' -v");
        assert_eq!(row(1, &entry("compose"))[2], "docker compose -v");
    }

    #[test]
    fn an_interrupted_command_has_not_failed() {
        let ended = |outcome, code| {
            let ended = JournalEntry { outcome, exit_code: Some(code), ..entry("down") };
            row(1, &ended).swap_remove(3)
        };
        assert_eq!(ended(CommandOutcome::BackupFailed, 130), "interrupted, not run");
        assert_eq!(ended(CommandOutcome::BackupFailed, 74), "backup failed, not run");
        assert_eq!(ended(CommandOutcome::Failed, 143), "interrupted");
        assert_eq!(ended(CommandOutcome::Failed, 74), "failed");
    }

    #[test]
    fn the_last_few_are_the_newest() {
        let entries = ["a", "b", "c"].map(entry);
        let words = |last| {
            let newest = newest(&entries, last).into_iter();
            newest.map(|(number, entry)| (number, entry.command[0].as_str())).collect::<Vec<_>>()
        };
        assert_eq!(words(2), [(2, "b"), (3, "c")]);
        assert_eq!(words(9), [(1, "a"), (2, "b"), (3, "c")]);
        assert!(words(0).is_empty());
    }
}
