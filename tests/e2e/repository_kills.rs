//! Copies, prunes and restores of a repository are killed at moments that differ from run to run. restic says what is left.
//!
//! `SAFE_COMPOSE_TEST_KILLS` says how often each is killed; a few times where it is unset.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use safe_compose::engine::HELPER_LABEL;

use crate::repository::{assert_clean, lose, restic, started, sums};
use crate::support::Scratch;
use crate::support::bare::{Bare, docker};

fn kills() -> u64 {
    let text = std::env::var("SAFE_COMPOSE_TEST_KILLS").unwrap_or_else(|_| "4".to_owned());
    text.parse().expect("SAFE_COMPOSE_TEST_KILLS is a number")
}

/// Kills a command after so many milliseconds. Returns whether it still ran.
fn killed(project: &Scratch, words: &[&str], after: u64) -> bool {
    let mut command = project.safe_command(words);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("started");
    std::thread::sleep(Duration::from_millis(after));
    child.kill().expect("its own process");
    child.wait().expect("ended").code().is_none()
}

fn change(project: &Scratch, file: &str) {
    let script = format!("busybox head -c 3000000 /dev/urandom > /data/d/{file}");
    project.plain(&["exec", "-T", "app", "/bin/sh", "-c", &script]).exits(0);
}

/// The names of the backups in the repository.
fn listed(project: &Scratch) -> Vec<String> {
    let text = project.safe(&["--safe-format=json", "backups", "--repository"]).exits(0).stdout;
    let listed: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let names = listed.as_array().expect("a list").iter();
    names.map(|one| one["name"].as_str().expect("a name").to_owned()).collect()
}

/// The repository is intact, and each backup in it can be read completely.
fn assert_sound(project: &Scratch, repository: &Path) -> Vec<String> {
    assert_clean(repository);
    let names = listed(project);
    for name in &names {
        project.safe(&["verify", "--repository", name]).exits(0).says("all of it was read");
    }
    names
}

/// What commands that were interrupted leave in the backup directory.
fn partial(project: &Scratch) -> Vec<String> {
    let Ok(entries) = fs::read_dir(project.path("backups/app")) else { return Vec::new() };
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with(".partial-") || name.starts_with(".deleting-")).collect()
}

fn helpers(project: &Scratch) -> String {
    let (label, volume) = (format!("label={HELPER_LABEL}"), format!("volume={}", project.volume("data")));
    docker(&["ps", "-aq", "--filter", &label, "--filter", &volume]).expect("listed")
}

#[test]
fn a_copy_that_is_killed_leaves_a_sound_repository() {
    let Some(bare) = Bare::new("repository-killed") else { return };
    let Some(project) = started(&bare, "./off", "") else { return };
    project.confirmed(&["trust"]);
    project.safe(&["repository", "init"]).exits(0);
    let repository = project.path("off");
    project.edit("url: \"./off\"", "url: \"./later\"");
    let mut interrupted = 0;
    for number in 0..kills() {
        change(&project, &number.to_string());
        project.safe(&["backup"]).exits(0);
        // The copy waits for a moment that differs from run to run.
        project.edit("url: \"./later\"", "url: \"./off\"");
        interrupted += u64::from(killed(&project, &["repository", "copy"], 150 + number * 977 % 1700));
        assert_clean(&repository);
        project.edit("url: \"./off\"", "url: \"./later\"");
    }
    eprintln!("{interrupted} copies were interrupted");
    project.edit("url: \"./later\"", "url: \"./off\"");
    project.safe(&["repository", "copy"]).exits(0);
    assert_clean(&repository);
    let listed = listed(&project);
    for backup in project.backups("app") {
        let name = backup.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(listed.contains(&name), "{name} is missing: {listed:?}");
    }
    let before = sums(&project);
    lose(&project);
    project.confirmed(&["trust"]);
    project.safe(&["restore", "--from", "repository"]).exits(0);
    assert_eq!(sums(&project), before);
}

#[test]
fn a_prune_that_is_killed_leaves_a_sound_repository() {
    let Some(bare) = Bare::new("repository-pruned") else { return };
    let Some(project) = started(&bare, "./off", "") else { return };
    project.confirmed(&["trust"]);
    project.safe(&["repository", "init"]).exits(0);
    let repository = project.path("off");
    let mut interrupted = 0;
    for number in 0..kills() {
        // Of several backups, the prune removes all but the last one, and parts of packs with them.
        for part in 0..2 {
            change(&project, &format!("{}", (number + part) % 3));
            project.safe(&["backup"]).exits(0);
        }
        let all = listed(&project);
        let newest = all.first().expect("one").clone();
        let keep = "backup:\n    keep: { last: 1, daily: 0, weekly: 0, monthly: 0 }\n";
        project.edit("backup:\n", keep);
        interrupted += u64::from(killed(&project, &["repository", "prune"], 100 + number * 577 % 900));
        project.edit(keep, "backup:\n");
        let left = assert_sound(&project, &repository);
        assert!(left.contains(&newest), "{left:?}");
        assert!(left.iter().all(|name| all.contains(name)), "{left:?}");
    }
    eprintln!("{interrupted} prunes were interrupted");
    let newest = listed(&project).first().expect("one").clone();
    project.edit("backup:\n", "backup:\n    keep: { last: 1, daily: 0, weekly: 0, monthly: 0 }\n");
    project.safe(&["repository", "prune"]).exits(0);
    assert_eq!(assert_sound(&project, &repository), [newest]);
    if let Some(unlocked) = restic(&repository, &["list", "locks"]) {
        assert_eq!(unlocked.stdout.trim(), "");
    }
}

#[test]
fn a_restore_from_a_repository_that_is_killed_can_be_repeated() {
    let Some(bare) = Bare::new("repository-restored") else { return };
    let Some(project) = started(&bare, "./off", "") else { return };
    project.confirmed(&["trust"]);
    project.safe(&["repository", "init"]).exits(0);
    let repository = project.path("off");
    project.safe(&["backup"]).exits(0);
    let before = sums(&project);
    let words = ["restore", "--from", "repository"];
    let (mut interrupted, mut refused) = (0, 0);
    for number in 0..kills() {
        lose(&project);
        project.confirmed(&["trust"]);
        interrupted += u64::from(killed(&project, &words, 200 + number * 1237 % 2800));
        assert_clean(&repository);
        for backup in project.backups("app") {
            let name = backup.file_name().expect("a name").to_string_lossy().into_owned();
            project.safe(&["verify", &name]).exits(0).says("is valid");
        }
        // The volume may have some of the data, which is replaced then.
        let mut again = project.safe(&words);
        // What the killed one had begun may end on the engine between the plan and the restore, which is refused then.
        if again.code == 74 && again.stderr.contains("no longer is") {
            refused += 1;
            again = project.safe(&words);
        }
        if again.code == 77 {
            project.confirmed(&words);
        } else {
            again.exits(0);
        }
        // The killed one may have left containers that do not run, and these states are kept.
        project.plain(&["up", "-d"]).exits(0);
        assert_eq!(sums(&project), before);
        assert_eq!((partial(&project), helpers(&project)), (Vec::new(), String::new()));
    }
    eprintln!("{interrupted} restores were interrupted; {refused} had to be repeated twice");
}
