//! `safe-compose history`: which commands affected the project's data, from the journal.

use serde_json::json;

use super::context::{self, CommandContext};
use super::format;
use crate::cli::{Format, HistoryArgs};
use crate::error::Failure;
use crate::exit::Exit;
use crate::journal::{self, CommandOutcome, JournalContents, JournalEntry};
use crate::ui::{Column, Table};

const COLUMNS: &[Column] = &[
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
    let mut contents = journal::read(root.directory())
        .map_err(|error| Failure::new(Exit::Unavailable, "the journal cannot be read").because(error))?;
    if let Some(owner) = root.owner() {
        // Some commands do not need the engine, and so do not know it.
        contents.entries.retain(|entry| {
            owner.is(&entry.project, &entry.engine)
                || (entry.engine.is_empty() && owner.project == entry.project)
        });
    }
    let entries = newest(&contents, args.last);
    if output == Format::Json {
        command.ui.result(format::json(&json!({
            "format": "safe-compose-history",
            "format_version": 3,
            "entries": entries,
            "unreadable_lines": contents.unreadable,
            "torn": contents.torn,
        })));
    } else if entries.is_empty() {
        command.ui.paragraph(format!(
            "No commands that affect data are recorded in {}.",
            format::short_path(root.directory())
        ));
    } else {
        let rows: Vec<Vec<String>> = entries.iter().map(row).collect();
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

/// The last entries, newest last.
fn newest(contents: &JournalContents, last: usize) -> &[JournalEntry] {
    &contents.entries[contents.entries.len().saturating_sub(last)..]
}

fn row(entry: &JournalEntry) -> Vec<String> {
    vec![
        entry.time.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
        // A line break in a word must not break the row.
        shell_words::join(&entry.command).replace(char::is_control, " "),
        outcome(entry.outcome).to_owned(),
        entry.exit_code.map_or_else(String::new, |code| code.to_string()),
        entry.effects.join(", "),
        entry.backups.join(", "),
    ]
}

fn outcome(outcome: CommandOutcome) -> &'static str {
    match outcome {
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
            row(&entry("down")),
            ["2026-01-02 03:04:05Z", "down -v", "refused", "77", "destroys volume shop_data", ""]
        );
        assert_eq!(row(&entry("a\nb"))[1], "'a b' -v");
    }

    #[test]
    fn the_last_few_are_the_newest() {
        let contents =
            JournalContents { entries: ["a", "b", "c"].map(entry).into(), ..JournalContents::default() };
        let words =
            |last| newest(&contents, last).iter().map(|entry| entry.command[0].as_str()).collect::<Vec<_>>();
        assert_eq!(words(2), ["b", "c"]);
        assert_eq!(words(9), ["a", "b", "c"]);
        assert!(words(0).is_empty());
    }
}
