//! The journal on disk.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use safe_compose::engine::Identity;
use safe_compose::exit::Exit;
use safe_compose::journal::{self, CommandOutcome, JournalEntry};
use safe_compose::policy::{Assessment, Effect, Impact, Subject};

fn entry(words: &[&str]) -> JournalEntry {
    let engine = Identity {
        id: "E".into(),
        name: "e".into(),
        version: "20.10".into(),
        endpoint: "unix:///var/run/docker.sock".into(),
        local: true,
        root: PathBuf::from("/var/lib/docker"),
        containerd_images: false,
    };
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
    JournalEntry::begin("shop", &engine, &words, &plan)
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
    assert_eq!(contents.entries[1].exit_code, 77);
    assert!(!contents.torn && contents.unreadable.is_empty());
}

#[test]
fn a_truncated_last_line_loses_only_itself() {
    let dir = tempfile::tempdir().expect("a directory");
    let one = entry(&["down"]).end(CommandOutcome::Ran, Exit::Compose(0));
    journal::append(dir.path(), &one).expect("appended");
    let path = dir.path().join("journal.jsonl");
    let mut file = OpenOptions::new().append(true).open(&path).expect("opened");
    file.write_all(br#"{"format_version":2,"ti"#).expect("torn");
    let contents = journal::read(dir.path()).expect("read");
    assert_eq!((contents.entries.len(), contents.torn), (1, true));
    journal::append(dir.path(), &one).expect("appended");
    let contents = journal::read(dir.path()).expect("read");
    assert_eq!((contents.entries.len(), contents.torn, contents.unreadable), (2, false, vec![2]));
}

#[test]
fn a_line_of_a_newer_program_is_reported_as_unreadable() {
    let dir = tempfile::tempdir().expect("a directory");
    let one = entry(&["down"]).end(CommandOutcome::Ran, Exit::Compose(0));
    let newer = JournalEntry { format_version: 3, ..one.clone() };
    for entry in [&one, &newer, &one] {
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
        (journal::FORMAT_VERSION, 0, CommandOutcome::Ran)
    );
    assert_eq!(old.command, ["down", "-v"]);
}

#[test]
fn lines_of_many_writers_never_mix() {
    let dir = tempfile::tempdir().expect("a directory");
    let one = entry(&["down", &"x".repeat(10_000)]).end(CommandOutcome::Ran, Exit::Compose(0));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10 {
                    journal::append(dir.path(), &one).expect("appended");
                }
            });
        }
    });
    let contents = journal::read(dir.path()).expect("read");
    assert_eq!((contents.entries.len(), contents.unreadable.len(), contents.torn), (80, 0, false));
}
