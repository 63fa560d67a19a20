//! A dry run changes no file, whichever command it precedes. tests/e2e tries the same on a real stack.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::command_line::Stage;
use crate::own_commands::{every_line, takes_dry_run};
use crate::support::write;

fn tree(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                found.insert(path.clone(), Vec::new());
                open.push(path);
            } else {
                found.insert(path.clone(), fs::read(&path).expect("readable"));
            }
        }
    }
    found
}

/// A project whose Compose file `lint --fix` would change.
fn stage() -> Stage {
    let stage = Stage::new();
    let fixable =
        "services:\n  db:\n    image: postgres:17\n    volumes:\n      - ./data:/var/lib/postgresql/data\n";
    write(&stage.path().join("compose.yaml"), fixable, 0o644);
    stage
}

#[test]
fn no_command_changes_a_file() {
    let stage = stage();
    let before = tree(stage.path());
    for line in every_line() {
        let before_word: [Vec<&str>; 2] = ["--safe-plan", "--dry-run"].map(|flag| [&[flag], line].concat());
        let own = takes_dry_run(line).then(|| [line, &["--dry-run"][..]].concat());
        for words in before_word.into_iter().chain(own) {
            let ended = stage.run(&words);
            assert!(tree(stage.path()) == before, "{words:?} has changed a file: {ended:?}");
            assert_ne!(ended.code, 70, "{words:?}: {ended:?}");
        }
    }
}

/// Without the flags the same lines do act, so that the test above can fail.
#[test]
fn the_real_runs_do_change_files() {
    for words in [&["lint", "--baseline", "known.json", "--write-baseline"][..], &["man", "--directory", "."]]
    {
        let stage = stage();
        let before = tree(stage.path());
        let ended = stage.run(words);
        assert!(tree(stage.path()) != before, "{words:?}: {ended:?}");
    }
}

#[test]
fn every_command_that_changes_something_has_a_flag_for_it() {
    for line in [
        &["backup"][..],
        &["backups", "prune"],
        &["restore"],
        &["undo"],
        &["export-data"],
        &["import-data", "x.json"],
        &["verify", "--accept"],
        &["verify", "latest", "--prove"],
        &["protect"],
        &["unprotect", "data"],
        &["trust"],
        &["trust", "--revoke"],
        &["lint", "--fix"],
        &["man", "--directory", "."],
        &["setup"],
        &["setup", "plugin"],
        &["setup", "remove"],
    ] {
        assert!(takes_dry_run(line), "{line:?}");
    }
}
