//! A dry run changes nothing, whichever command it precedes.
//!
//! The list of commands is clap's own: a new command fails these tests until it is tried here.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::command_line::Stage;
use crate::support::write;

/// Command lines that change something, or that read where the command only reads, by the command's name.
fn lines(name: &str) -> &'static [&'static [&'static str]] {
    match name {
        "backup" => &[&["backup"], &["backup", "--prove"], &["backup", "--format", "jsonl"]],
        "backups" => &[&["backups"], &["backups", "list"], &["backups", "show", "latest"], &["backups", "prune"]],
        "restore" => &[&["restore"], &["restore", "x.json"]],
        "export-data" => &[&["export-data"], &["export-data", "--file-format", "jsonl"]],
        "import-data" => &[&["import-data", "x.json"], &["import", "x.json"]],
        "verify" => &[&["verify"], &["verify", "--accept"], &["verify", "latest"], &["verify", "latest", "--prove"]],
        "protect" => &[&["protect"], &["protect", "data"]],
        "unprotect" => &[&["unprotect", "data"]],
        "status" => &[&["status"]],
        "history" => &[&["history"]],
        "lint" => &[
            &["lint"],
            &["lint", "--fix"],
            &["lint", "--baseline", "known.json", "--write-baseline"],
            &["lint", "--scripts"],
        ],
        "completions" => &[&["completions", "bash"]],
        "man" => &[&["man"], &["man", "--directory", "."]],
        other => panic!("`{other}` is not tried: add it here"),
    }
}

/// Every command of ours, by clap's own list.
fn commands() -> Vec<String> {
    let program = safe_compose::cli::command("safe-compose");
    program.get_subcommands().map(|command| command.get_name().to_owned()).collect()
}

/// Whether a command line has a `--dry-run` of its own.
fn takes_dry_run(line: &[&str]) -> bool {
    let words = line.iter().skip(1).map(std::ffi::OsString::from).chain(["--dry-run".into()]).collect();
    safe_compose::cli::parse("safe-compose", line[0].into(), words).is_ok()
}

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
    let fixable = "services:\n  db:\n    image: postgres:17\n    volumes:\n      - ./data:/var/lib/postgresql/data\n";
    write(&stage.path().join("compose.yaml"), fixable, 0o644);
    stage
}

#[test]
fn no_command_changes_a_file() {
    let stage = stage();
    let before = tree(stage.path());
    for line in commands().iter().flat_map(|name| lines(name)) {
        let before_word: [Vec<&str>; 2] =
            ["--safe-plan", "--dry-run"].map(|flag| [&[flag], *line].concat());
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
    for words in [
        &["lint", "--baseline", "known.json", "--write-baseline"][..],
        &["man", "--directory", "."],
    ] {
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
        &["export-data"],
        &["import-data", "x.json"],
        &["verify", "--accept"],
        &["verify", "latest", "--prove"],
        &["protect"],
        &["unprotect", "data"],
        &["lint", "--fix"],
        &["man", "--directory", "."],
    ] {
        assert!(takes_dry_run(line), "{line:?}");
    }
}
