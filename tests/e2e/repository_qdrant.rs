//! Copies of the backups of a Qdrant server: required before a shutdown, proven from the repository, restored in part.

use std::fs;
use std::path::{Path, PathBuf};

use safe_compose::engine::SCRATCH_LABEL;
use sha2::{Digest as _, Sha256};

use crate::support::bare::docker;
use crate::support::qdrant::{NAMED, Qdrant};
use crate::support::{Compose, Scratch};

/// A running server with two collections, and its repository.
fn started(more: &str) -> Option<(Scratch, Qdrant)> {
    let settings = format!(
        "x-safe-compose:\n  backup:\n    repository: {{ url: \"./off\", password_file: password{more} }}\n"
    );
    let project = Scratch::new(Compose::V2, &format!("{NAMED}{settings}"))?;
    fs::write(project.path("password"), "correct horse").expect("written");
    project.plain(&["up", "-d"]).exits(0);
    let server = server(&project);
    server.fill("one", 30);
    server.fill("two", 20);
    project.confirmed(&["trust"]);
    project.safe(&["repository", "init"]).exits(0);
    Some((project, server))
}

fn server(project: &Scratch) -> Qdrant {
    let address = project.plain(&["port", "qdrant", "6333"]).stdout.trim().to_owned();
    Qdrant::at(&address)
}

fn is_running(project: &Scratch) -> bool {
    !project.plain(&["ps", "-q", "--filter", "status=running"]).stdout.trim().is_empty()
}

/// The backups in the repository.
fn listed(project: &Scratch) -> usize {
    let listed = project.safe(&["--safe-format=json", "backups", "--repository"]).exits(0).stdout;
    listed.matches("\"name\": \"qdrant_backup_").count()
}

/// Temporary directories, and temporary servers of the project, that were left.
fn left_behind(project: &Scratch, temporary: &Path) -> (usize, String) {
    let directories = fs::read_dir(temporary).expect("there").count();
    let machine = fs::read_to_string("/etc/machine-id")
        .or_else(|_| fs::read_to_string("/proc/sys/kernel/hostname"))
        .unwrap_or_default();
    let backups = project.path("backups").canonicalize().expect("there");
    let owner = Sha256::digest(format!("{}\n{}", machine.trim(), backups.display()));
    let owner: String = owner.iter().map(|byte| format!("{byte:02x}")).collect();
    let label = format!("label={SCRATCH_LABEL}={}", &owner[..12]);
    (directories, docker(&["ps", "-aq", "--filter", &label]).expect("asked").trim().to_owned())
}

/// Changes a byte in the largest file.
fn damage_largest_below(directory: &Path) {
    let mut found: Vec<(u64, PathBuf)> = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).expect("there") {
            let path = entry.expect("an entry").path();
            let meta = path.symlink_metadata().expect("there");
            if meta.is_dir() {
                open.push(path);
            } else {
                found.push((meta.len(), path));
            }
        }
    }
    let (_, largest) = found.into_iter().max().expect("a file");
    let mut bytes = fs::read(&largest).expect("there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::remove_file(&largest).expect("own file");
    fs::write(&largest, bytes).expect("own file");
}

#[test]
fn a_backup_that_is_current_has_to_be_in_the_repository_too() {
    let Some((project, _server)) = started(", required: true") else { return };
    project.safe(&["backup"]).exits(0).says("copied `qdrant_backup_");
    project.safe(&["down"]).exits(0).says("is unchanged since its backup").never_says("copied `");
    assert_eq!(listed(&project), 1);

    // Somebody removes it there.
    project.plain(&["up", "-d"]).exits(0);
    server(&project);
    fs::rename(project.path("off"), project.path("gone")).expect("moved");
    let refused = project.safe(&["down"]).exits(74);
    let refused = refused.says("is unchanged since its backup").says("could not be copied");
    refused.says("`down` was not run").says("there is no repository");
    assert!(is_running(&project));
    project.safe(&["repository", "init"]).exits(0);
    assert_eq!(listed(&project), 0);
    project.safe(&["down"]).exits(0).says("is unchanged since its backup").says("copied `qdrant_backup_");
    assert_eq!((listed(&project), project.backups("qdrant").len()), (1, 1));

    // One that is damaged here is no backup.
    project.plain(&["up", "-d"]).exits(0);
    server(&project);
    fs::rename(project.path("off"), project.path("gone-too")).expect("moved");
    project.safe(&["repository", "init"]).exits(0);
    let backup = project.backups("qdrant").pop().expect("one");
    damage_largest_below(&backup);
    project.safe(&["down"]).exits(74).says("is damaged");
    assert!(is_running(&project));
    assert_eq!(listed(&project), 0);
}

#[test]
fn what_waits_is_copied_by_the_next_guarded_command_that_needs_a_backup() {
    let Some((project, _server)) = started("") else { return };
    fs::rename(project.path("off"), project.path("gone")).expect("moved");
    project.safe(&["backup"]).exits(0).says("could not be copied");
    fs::rename(project.path("gone"), project.path("off")).expect("moved");
    assert_eq!(listed(&project), 0);
    // A command that needs no backup does not wait for the repository.
    project.safe(&["up", "-d"]).exits(0).never_says("copied `");
    project.safe(&["stop"]).exits(0).says("is unchanged since its backup").says("copied `qdrant_backup_");
    assert_eq!((listed(&project), project.backups("qdrant").len()), (1, 1));
    project.safe(&["status"]).exits(0).never_says("could not be copied");
}

#[test]
fn backups_are_proven_from_the_repository() {
    let Some((project, _server)) = started("") else { return };
    project.safe(&["backup"]).exits(0);
    let name = project.backups("qdrant").pop().expect("one");
    let name = name.file_name().expect("a name").to_string_lossy().into_owned();
    fs::remove_dir_all(project.path("backups/qdrant")).expect("there");
    let temporary = project.path("temporary");
    fs::create_dir(&temporary).expect("made");
    let place = temporary.display().to_string();
    let environment = [("TMPDIR", place.as_str())];
    for words in [
        &["verify", "--repository", "--prove"] as &[&str],
        &["verify", "--repository", "--prove", "qdrant"],
        &["verify", "--repository", "--prove", &name],
    ] {
        let proven = project.safe_with(words, &environment).exits(0);
        proven.says(&format!("test restore of `{name}`")).says("succeeded: 2 collections");
        assert_eq!(left_behind(&project, &temporary), (0, String::new()));
    }
    project.safe_with(&["verify", "--repository", &name], &environment).exits(0).says("all of it was read");
    project.safe_with(&["verify", "--repository", "--read-data"], &environment).exits(0).says("is intact");
    assert!(project.backups("qdrant").is_empty(), "nothing was copied into the backup directory");

    // It cannot be tried: that says nothing about the backup.
    let nowhere = project.path("nowhere").display().to_string();
    let untried = project.safe_with(&["verify", "--repository", "--prove"], &[("TMPDIR", &nowhere)]);
    untried.exits(75).says("This says nothing about the backup.");

    // A damaged one is found.
    damage_largest_below(&project.path("off/data"));
    let damaged = project.safe_with(&["verify", "--repository", "--prove"], &environment).exits(76);
    damaged.says("in the repository is damaged").says("repository check --read-data");
    assert_eq!(left_behind(&project, &temporary), (0, String::new()));
    project.safe_with(&["verify", "--repository"], &environment).exits(0);
    project.safe_with(&["verify", "--repository", "--read-data"], &environment).exits(76);
}

#[test]
fn one_collection_is_restored_from_the_repository() {
    let Some((project, server)) = started("") else { return };
    project.safe(&["backup"]).exits(0);
    server.delete("one");
    server.delete("two");
    server.fill("two", 25);
    fs::remove_dir_all(project.path("backups/qdrant")).expect("there");
    let words = ["restore", "--from", "repository", "--collection", "one"];
    project.safe(&words).exits(0).says("is copied completely").says("copied `qdrant_backup_");
    assert_eq!((server.count("one"), server.count("two")), (Some(30), Some(25)));
    let words = ["restore", "--from", "repository", "--collection", "two", "--as", "two_old"];
    project.safe(&words).exits(0);
    assert_eq!((server.count("two"), server.count("two_old")), (Some(25), Some(20)));
    project.safe(&["restore", "--from", "repository", "--database", "shop"]).exits(64);
}
