//! `safe-compose history`: what was done to this project's data, from the journal.

use serde_json::json;

use super::context::{self, CommandContext};
use super::format;
use crate::cli::{Format, HistoryArgs};
use crate::error::Failure;
use crate::exit::Exit;
use crate::journal::{self, Contents, Entry, Outcome};
use crate::ui::{Column, Table};

const COLUMNS: &[Column] = &[
    Column::fixed("TIME"),
    Column::name("COMMAND"),
    Column::name("OUTCOME"),
    Column::fixed("EXIT"),
    Column::detail("EFFECTS"),
    Column::name("BACKUPS"),
];

pub(super) fn run(command: &CommandContext, args: &HistoryArgs) -> Result<Exit, Failure> {
    let project = command.project().map_err(|error| context::unreadable(command, error))?;
    let root = context::backup_root(&project, &context::settings(&project)?);
    let contents = journal::read(root.directory())
        .map_err(|error| Failure::new(Exit::Unavailable, "the journal cannot be read").because(error))?;
    let entries = newest(&contents, args.last);
    if args.format == Format::Json {
        command.ui.result(format::json(&json!({
            "format": "safe-compose-history",
            "format_version": 1,
            "entries": entries,
            "unreadable_lines": contents.unreadable,
            "torn": contents.torn,
        })));
    } else if entries.is_empty() {
        command.ui.paragraph(format!("Nothing is written down in {}.", format::short_path(root.directory())));
    } else {
        let rows: Vec<Vec<String>> = entries.iter().map(row).collect();
        command.ui.result(Table::new(COLUMNS, rows));
    }
    for line in &contents.unreadable {
        command.ui.warn(format!("line {line} of the journal is damaged, or of a newer safe-compose."));
    }
    if contents.torn {
        command.ui.warn("the last line of the journal was cut off by a crash.");
    }
    Ok(Exit::Success)
}

/// The last few, the newest at the end.
fn newest(contents: &Contents, last: usize) -> &[Entry] {
    &contents.entries[contents.entries.len().saturating_sub(last)..]
}

fn row(entry: &Entry) -> Vec<String> {
    vec![
        entry.time.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
        // A word with a line end in it must not break the line.
        shell_words::join(&entry.words).replace(char::is_control, " "),
        outcome(entry.outcome).to_owned(),
        entry.exit.to_string(),
        entry.effects.join(", "),
        entry.backups.join(", "),
    ]
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ran => "ran",
        Outcome::RanWithoutBackup => "ran without a backup",
        Outcome::Refused => "refused",
        Outcome::NotConfirmed => "not confirmed",
        Outcome::BackupFailed => "backup failed, not run",
        Outcome::Unknown => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(word: &str) -> Entry {
        Entry {
            format_version: 1,
            time: "2026-01-02T03:04:05.6Z".parse().expect("a time"),
            project: "shop".into(),
            engine: "E".into(),
            words: vec![word.into(), "-v".into()],
            effects: vec!["destroys volume shop_data".into()],
            backups: Vec::new(),
            outcome: Outcome::Refused,
            exit: 77,
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
        let contents = Contents { entries: ["a", "b", "c"].map(entry).into(), ..Contents::default() };
        let words =
            |last| newest(&contents, last).iter().map(|entry| entry.words[0].as_str()).collect::<Vec<_>>();
        assert_eq!(words(2), ["b", "c"]);
        assert_eq!(words(9), ["a", "b", "c"]);
        assert!(words(0).is_empty());
    }
}
