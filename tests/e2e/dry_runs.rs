//! A dry run of any of our own commands changes nothing on a real stack: neither the project directory, nor the backups,
//! nor the engine.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::own_commands::{every_line, takes_dry_run};
use crate::support::bare::docker;
use crate::support::{Compose, Qdrant, Scratch, docker_can};

const STACK: &str = r#"
services:
  qdrant:
    image: "QDRANT_IMAGE"
    command: ["./qdrant"]
    environment: { QDRANT__TELEMETRY_DISABLED: "true" }
    ports: ["127.0.0.1::6333", "127.0.0.1::6334"]
    volumes: ["data:/qdrant/storage"]
  files:
    image: "QDRANT_IMAGE"
    command: ["./qdrant"]
    volumes: ["./uploads:/uploads", "cache:/var/lib/app"]
volumes:
  data:
  cache:
x-safe-compose:
  backup:
    keep: { last: 1, hourly: 0, daily: 0, weekly: 0, monthly: 0 }
    repository: { url: ./off, password_file: password }
  services: { files: { kind: volume } }
"#;

/// What a command could change.
#[derive(Debug, PartialEq, Eq)]
struct State {
    files: BTreeMap<PathBuf, Vec<u8>>,
    containers: String,
    volumes: String,
    images: String,
    collections: Vec<Option<u64>>,
}

fn state(scratch: &Scratch) -> State {
    let of_project = format!("name={}", scratch.project);
    let list = |words: &[&str]| {
        let text = docker(words).expect("docker answers");
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        lines.join("\n")
    };
    let qdrant = Qdrant::at(&scratch.published("qdrant", 6333));
    State {
        files: tree(&scratch.path("")),
        containers: list(&[
            "ps",
            "--all",
            "--no-trunc",
            "--filter",
            &of_project,
            "--format",
            "{{.ID}} {{.Names}} {{.State}}",
        ]),
        volumes: list(&["volume", "ls", "--filter", &of_project, "--format", "{{.Name}}"]),
        images: list(&[
            "images",
            "--filter",
            "reference=safe-compose*",
            "--format",
            "{{.ID}} {{.Repository}}",
        ]),
        collections: vec![qdrant.count("recipes"), qdrant.count("photos")],
    }
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

/// A running stack with two backups, a portable file, a protected volume and data that differs from the backups: every
/// command has something to do.
fn stack(compose: Compose) -> Option<Scratch> {
    let scratch = Scratch::new(compose, STACK)?;
    fs::create_dir(scratch.path("uploads")).expect("created");
    fs::write(scratch.path("uploads/a"), "a").expect("written");
    fs::write(scratch.path("Makefile"), "clean:\n\tdocker compose down -v\n").expect("written");
    scratch.safe(&["up", "-d"]).exits(0);
    let qdrant = Qdrant::at(&scratch.published("qdrant", 6333));
    qdrant.fill("recipes", 20);
    fs::write(scratch.path("password"), "correct horse").expect("written");
    scratch.confirmed(&["trust"]);
    scratch.safe(&["repository", "init"]).exits(0);
    scratch.safe(&["backup"]).exits(0);
    qdrant.fill("photos", 3);
    scratch.safe(&["backup"]).exits(0);
    scratch.safe(&["export-data"]).exits(0);
    let is_portable = |path: &PathBuf| {
        path.is_file()
            && path.to_string_lossy().ends_with(".json")
            && path.to_string_lossy().contains("_backup_")
    };
    let exported = fs::read_dir(scratch.path("backups/qdrant"))
        .expect("backups")
        .map(|entry| entry.expect("an entry").path())
        .find(is_portable)
        .expect("a portable file");
    fs::copy(exported, scratch.path("x.json")).expect("copied");
    // A restore can be undone.
    let restore = ["restore", &latest(&scratch)];
    let refused = scratch.safe(&restore).exits(77).stderr;
    let token = refused.split("--safe-allow=").nth(1).expect("a token");
    let token = format!("--safe-allow={}", &token[..12]);
    scratch.safe(&[&[token.as_str()][..], &restore].concat()).exits(0);
    qdrant.delete("photos");
    qdrant.fill("photos", 5);
    scratch.safe(&["protect", "data"]).exits(0);
    Some(scratch)
}

struct Holder<'a>(&'a Scratch);

impl Drop for Holder<'_> {
    fn drop(&mut self) {
        docker_can(&["rm", "--force", &format!("safe-compose-holder-{}", self.0.volume("data"))]);
    }
}

fn changes_nothing(compose: Compose, flags: &[&str], is_tried: impl Fn(&[&str]) -> bool) {
    let Some(scratch) = stack(compose) else { return };
    let _holder = Holder(&scratch);
    let before = state(&scratch);
    let newest = latest(&scratch);
    for line in every_line().filter(|line| is_tried(line)) {
        // Where several services hold data, the one with a server is meant.
        let line: Vec<&str> = match line {
            ["restore"] => vec!["restore", "latest", "--service", "qdrant"],
            // The newest one here is a safety copy, which is in no repository.
            ["verify", "--repository", "latest"] => line.to_vec(),
            _ => line.iter().map(|word| if *word == "latest" { &newest } else { *word }).collect(),
        };
        let before_word = flags.iter().map(|flag| [&[*flag], &line[..]].concat());
        let behind = takes_dry_run(&line).then(|| [&line[..], &["--dry-run"]].concat());
        let mut ran = Vec::new();
        for words in before_word.chain(behind) {
            let ended = scratch.safe(&words);
            let expected: &[i32] = match line[0] {
                // On all projects, which those of other tests are among.
                _ if line.contains(&"--all") => &[0, 1, 69, 74, 75, 76],
                "lint" => &[0, 1],
                // The running services have less than their baseline: a dry run of reading is reading.
                "verify" | "check" => &[0, 76],
                // Here is no repository, and there may be no cron.
                "setup" => &[0, 1, 64, 69],
                // The first command of the history took nothing.
                "undo" if line.len() > 1 => &[64],
                // There is no such service.
                "upgrade" if line.contains(&"db") => &[64],
                _ => &[0],
            };
            assert!(expected.contains(&ended.code), "{words:?}: {ended:?}");
            ran.push((words, ended));
        }
        let now = state(&scratch);
        assert!(now == before, "{ran:?} has changed something:\n{before:?}\n{now:?}");
    }
}

/// The name of the newest backup of the server.
fn latest(scratch: &Scratch) -> String {
    let path = scratch.backups("qdrant").pop().expect("a backup");
    path.file_name().expect("a name").to_string_lossy().into_owned()
}

#[test]
fn a_dry_run_of_any_own_command_changes_nothing() {
    changes_nothing(Compose::V2, &["--safe-plan", "--dry-run"], |_| true);
}

/// Compose V1 has no `--dry-run` of its own. It is slow, so each command is tried once.
#[test]
fn a_dry_run_changes_nothing_with_compose_v1_either() {
    let names = ["backup", "restore", "export-data", "import-data", "protect", "unprotect"];
    changes_nothing(Compose::V1, &["--safe-plan"], |line| {
        line == ["backups", "prune"]
            || line == ["verify", "--accept"]
            || names.contains(&line[0]) && line.len() < 3
    });
}

/// Without the flags the same stack does change, so that the tests above can fail.
#[test]
fn the_real_commands_change_the_stack() {
    let Some(scratch) = stack(Compose::V2) else { return };
    let _holder = Holder(&scratch);
    let mut before = state(&scratch);
    for words in [
        &["backup"][..],
        &["verify", "--accept"],
        &["export-data", "qdrant"],
        &["protect", "cache"],
        &["backups", "prune"],
    ] {
        scratch.safe(words).exits(0);
        let now = state(&scratch);
        assert!(now != before, "{words:?} changes something");
        before = now;
    }
    docker_can(&["rm", "--force", &format!("safe-compose-holder-{}", scratch.volume("cache"))]);
}
