//! The table of rooms in `docs/architecture.md`: imports go downwards only.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const RANKS: &[(u32, &[&str])] = &[
    (0, &["env", "error", "exit", "progress", "run_state", "secret", "suggest", "units"]),
    (1, &["fs", "policy", "process", "qdrant"]),
    (2, &["compose", "engine"]),
    (3, &["inventory", "settings"]),
    (4, &["backup", "guard", "journal", "lint", "preflight", "protect", "verify"]),
    (5, &["ui"]),
    (6, &["cli", "commands"]),
    (7, &["run"]),
];

/// Rooms of one rank that may know each other.
const NEIGHBOURS: &[(&str, &str)] = &[
    ("backup", "journal"),
    ("commands", "cli"),
    ("env", "secret"),
    ("error", "exit"),
    ("inventory", "settings"),
    ("settings", "inventory"),
    ("verify", "backup"),
];

fn ranks() -> BTreeMap<&'static str, u32> {
    RANKS.iter().flat_map(|(rank, rooms)| rooms.iter().map(move |&room| (room, *rank))).collect()
}

fn sources(below: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in
        fs::read_dir(below).expect("a folder of sources").map(|entry| entry.expect("an entry").path())
    {
        if entry.is_dir() {
            found.extend(sources(&entry));
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            found.push(entry);
        }
    }
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The room a source file belongs to, by its path below `src`.
fn room_of(path: &Path) -> String {
    let first = path.components().next().expect("a path").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// The rooms that a source imports or names.
fn named_rooms(source: &str) -> Vec<String> {
    let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.match_indices("crate::").map(move |(at, _)| &line[at + 7..]))
        .map(|rest| rest.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect())
        .collect()
}

fn allowed(ranks: &BTreeMap<&str, u32>, from: &str, to: &str) -> bool {
    from == to || ranks[from] > ranks[to] || NEIGHBOURS.contains(&(from, to))
}

#[test]
fn imports_go_downwards() {
    let ranks = ranks();
    let mut wrong = Vec::new();
    for path in sources(&root()) {
        let below = path.strip_prefix(root()).expect("below src");
        let room = room_of(below);
        if matches!(room.as_str(), "lib" | "main") {
            continue;
        }
        assert!(ranks.contains_key(room.as_str()), "`{room}` has no rank: add it to the table");
        for named in named_rooms(&fs::read_to_string(&path).expect("a source")) {
            if ranks.contains_key(named.as_str()) && !allowed(&ranks, &room, &named) {
                wrong.push(format!("{} names crate::{named}", below.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "imports that go upwards or sideways:\n{}", wrong.join("\n"));
}

#[test]
fn an_upward_import_is_seen() {
    let ranks = ranks();
    let named = named_rooms(
        "use crate::ui::Ui;\n// crate::run\n/// [`crate::cli`]\nlet x = crate::exit::Exit::Usage;",
    );
    assert_eq!(named, ["ui", "exit"]);
    assert!(!allowed(&ranks, "guard", "ui"));
    assert!(!allowed(&ranks, "guard", "backup"));
    assert!(allowed(&ranks, "guard", "policy"));
}

#[test]
fn every_source_says_what_it_is_for() {
    for path in sources(&root()) {
        let text = fs::read_to_string(&path).expect("a source");
        assert!(text.starts_with("//! "), "{} has no head", path.display());
    }
}

/// Tests of the tree itself: words that must not stay in it.
#[test]
fn nothing_is_left_for_later() {
    for path in sources(&root()) {
        let text = fs::read_to_string(&path).expect("a source");
        for word in [
            "TO".to_owned() + "DO",
            "FIX".to_owned() + "ME",
            "unimplemented".to_owned() + "!",
            "to".to_owned() + "do!",
        ] {
            assert!(!text.contains(&word), "{} says {word}", path.display());
        }
    }
}
