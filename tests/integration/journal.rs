//! The journal on disk.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;

use safe_compose::exit::Exit;
use safe_compose::journal::{self, CommandOutcome, JournalEntry};
use safe_compose::policy::{Assessment, Effect, Impact, Subject};

fn entry(words: &[&str]) -> JournalEntry {
    let subject = Subject::Volume { name: "shop_db".into(), created: None, anonymous: false };
    let plan = Assessment {
        engine: "E".into(),
        project: "shop".into(),
        impacts: vec![Impact {
            contents: Some("3 files".into()),
            ..Impact::new(Effect::Destroy, subject, "`down -v` removes it")
        }],
    };
    let words: Vec<OsString> = words.iter().map(OsString::from).collect();
    JournalEntry::begin("shop", "E", &words).with_plan(&plan)
}

#[test]
fn every_command_is_one_private_line() {
    let dir = tempfile::tempdir().expect("a directory");
    let root = dir.path().join("backups");
    assert!(journal::read(&root).expect("no journal yet").entries.is_empty());
    let mut first = entry(&["--safe-allow=1a2b3c4d5e6f", "down", "-v"]);
    first.backup("db_backup_20260801_100000");
    let first = first.end(CommandOutcome::Ran, Exit::Compose(0));
    let second = entry(&["rm", "-fsv"]).end(CommandOutcome::Refused, Exit::Refused);
    journal::append(&root, &first).expect("appended");
    journal::append(&root, &second).expect("appended");
    let path = root.join("journal.jsonl");
    let text = fs::read_to_string(&path).expect("read");
    assert_eq!(text.lines().count(), 2);
    assert!(!text.contains("1a2b3c4d5e6f"), "{text}");
    assert_eq!(path.metadata().expect("there").permissions().mode() & 0o777, 0o600);
    let contents = journal::read(&root).expect("read");
    assert_eq!(contents.entries, [first, second]);
    assert_eq!(contents.entries[0].effects, ["destroys volume shop_db: 3 files"]);
    assert_eq!(contents.entries[1].exit_code, Some(77));
    assert!(!contents.torn && contents.unreadable.is_empty());
}

#[test]
fn a_truncated_last_line_loses_only_itself() {
    let dir = tempfile::tempdir().expect("a directory");
    let one = || entry(&["down"]).end(CommandOutcome::Ran, Exit::Compose(0));
    journal::append(dir.path(), &one()).expect("appended");
    let path = dir.path().join("journal.jsonl");
    let mut file = OpenOptions::new().append(true).open(&path).expect("opened");
    file.write_all(br#"{"format_version":2,"ti"#).expect("torn");
    let contents = journal::read(dir.path()).expect("read");
    assert_eq!((contents.entries.len(), contents.torn), (1, true));
    journal::append(dir.path(), &one()).expect("appended");
    let contents = journal::read(dir.path()).expect("read");
    assert_eq!((contents.entries.len(), contents.torn, contents.unreadable), (2, false, vec![2]));
}

#[test]
fn a_line_of_a_newer_program_is_reported_as_unreadable() {
    let dir = tempfile::tempdir().expect("a directory");
    let one = || entry(&["down"]).end(CommandOutcome::Ran, Exit::Compose(0));
    let newer = JournalEntry { format_version: 4, ..one() };
    for entry in [&one(), &newer, &one()] {
        journal::append(dir.path(), entry).expect("appended");
    }
    let contents = journal::read(dir.path()).expect("read");
    assert_eq!((contents.entries.len(), contents.unreadable), (2, vec![2]));
}

#[test]
fn a_line_of_the_first_format_is_still_read() {
    let dir = tempfile::tempdir().expect("a directory");
    let line = r#"{"format_version":1,"time":"2026-01-02T03:04:05Z","project":"shop","engine":"E","words":["down","-v"],"effects":["destroys volume shop_db: 3 files"],"backups":["db_backup_20260102_030400"],"outcome":"ran","exit":0}"#;
    fs::write(dir.path().join("journal.jsonl"), format!("{line}\n")).expect("written");
    let contents = journal::read(dir.path()).expect("read");
    assert!(contents.unreadable.is_empty() && !contents.torn);
    let [old] = contents.entries.as_slice() else { panic!("{contents:?}") };
    assert_eq!(
        (old.format_version, old.exit_code, old.outcome),
        (journal::FORMAT_VERSION, Some(0), CommandOutcome::Ran)
    );
    assert_eq!(old.command, ["down", "-v"]);
}

#[test]
fn lines_of_many_writers_never_mix() {
    let dir = tempfile::tempdir().expect("a directory");
    let long = "x".repeat(10_000);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10 {
                    let one = entry(&["down", &long]).end(CommandOutcome::Ran, Exit::Compose(0));
                    journal::append(dir.path(), &one).expect("appended");
                }
            });
        }
    });
    let contents = journal::read(dir.path()).expect("read");
    assert_eq!((contents.entries.len(), contents.unreadable.len(), contents.torn), (80, 0, false));
}

#[test]
fn a_command_that_has_ended_is_one_entry() {
    let dir = tempfile::tempdir().expect("a directory");
    let (one, two) = (entry(&["down", "-v"]), entry(&["stop"]));
    journal::append(dir.path(), &one).expect("appended");
    journal::append(dir.path(), &two).expect("appended");
    let contents = journal::read(dir.path()).expect("read");
    let begun = |entry: &JournalEntry| JournalEntry { process: None, ..entry.clone() };
    assert_eq!(contents.entries, [begun(&one), begun(&two)], "this process still runs them");
    assert_eq!(contents.unsettled().len(), 0);
    let ended = one.end(CommandOutcome::Ran, Exit::Compose(0));
    journal::append(dir.path(), &ended).expect("appended");
    let contents = journal::read(dir.path()).expect("read");
    assert_eq!(contents.entries, [ended, begun(&two)], "in the order in which they began");
}

/// An entry whose process is gone.
fn killed(words: &[&str]) -> JournalEntry {
    let mut entry = entry(words);
    entry.process.as_mut().expect("this system has /proc").started = 0;
    entry
}

#[test]
fn a_command_whose_process_is_gone_was_interrupted() {
    let dir = tempfile::tempdir().expect("a directory");
    journal::append(dir.path(), &killed(&["down", "-v"])).expect("appended");
    let unsettled = || {
        let contents = journal::read(dir.path()).expect("read");
        assert!(
            contents
                .entries
                .iter()
                .all(|entry| entry.command != ["down", "-v"] || entry.outcome == CommandOutcome::Interrupted)
        );
        contents.unsettled().iter().map(|entry| entry.command.join(" ")).collect::<Vec<_>>()
    };
    assert_eq!(unsettled(), ["down -v"]);
    journal::append(dir.path(), &entry(&["rm"]).end(CommandOutcome::Refused, Exit::Refused))
        .expect("appended");
    let elsewhere = JournalEntry { project: "other".into(), ..entry(&["down"]) };
    journal::append(dir.path(), &elsewhere.end(CommandOutcome::Ran, Exit::Compose(0))).expect("appended");
    assert_eq!(unsettled(), ["down -v"], "neither a refusal nor another project settles it");
    journal::append(dir.path(), &entry(&["down"]).end(CommandOutcome::Ran, Exit::Compose(0)))
        .expect("appended");
    assert!(unsettled().is_empty(), "a later command that was run does");
}

#[test]
fn a_command_that_was_settled_is_not_reported_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let one = killed(&["down", "-v"]);
    journal::append(dir.path(), &one).expect("appended");
    journal::append(dir.path(), &one.settle()).expect("appended");
    let contents = journal::read(dir.path()).expect("read");
    assert_eq!(contents.unsettled().len(), 0);
    assert_eq!(contents.entries.len(), 1);
    assert_eq!(contents.entries[0].outcome, CommandOutcome::Interrupted);
}

#[test]
fn a_refusal_is_recorded_only_where_there_is_a_journal() {
    let dir = tempfile::tempdir().expect("a directory");
    let root = dir.path().join("backups");
    let refused = entry(&["down", "-v"]).end(CommandOutcome::Refused, Exit::Refused);
    journal::append_to_existing(&root, &refused).expect("nothing to do");
    assert!(!root.exists());
    journal::append(&root, &entry(&["down"]).end(CommandOutcome::Ran, Exit::Compose(0))).expect("appended");
    journal::append_to_existing(&root, &refused).expect("appended");
    assert_eq!(journal::read(&root).expect("read").entries.len(), 2);
}
