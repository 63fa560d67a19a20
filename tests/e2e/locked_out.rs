//! A backup directory that another user has made, such as root without sudo: it is not mistaken for an empty one.

use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;
use std::process::Command;

use crate::requirements::missing;
use crate::support::stand_in::StandIn;
use crate::support::{Compose, Scratch, machine};

/// A user who is nobody else's.
const USER: u32 = 54_321;

#[test]
fn backups_of_another_user_are_not_said_to_be_missing() {
    if !machine::engine() {
        return;
    }
    // Whoever may use the engine's socket.
    let Ok(socket) = Path::new("/var/run/docker.sock").metadata() else {
        return missing("the engine has no socket that another user could use");
    };
    let group = socket.gid();
    let image = StandIn::postgres("locked");
    let file = format!(
        "services: {{ db: {{ image: \"{}\", volumes: [ \"data:/var/lib/postgresql/data\" ] }} }}\nvolumes: {{ data: {{}} }}",
        image.reference
    );
    let Some(project) = Scratch::new(Compose::V2, &file) else { return };
    project.safe(&["up", "-d"]).exits(0);
    project.safe(&["backup"]).exits(0);
    for path in [project.path("."), project.path("docker-compose.yml")] {
        if chown(path, Some(USER), Some(group)).is_err() {
            return missing("this process may not change the owner of a file");
        }
    }
    let as_user = |words: &[&str]| project.safe_as(USER, group, words);
    let backups = project.path("backups").canonicalize().expect("there");
    let fix = format!("sudo chown -R {USER}:{group} {}", backups.display());
    let status = as_user(&["status"]).exits(0).says(&fix).never_says("has no backup");
    assert!(status.stdout.contains("cannot be read"), "{}", status.stdout);
    let plan = as_user(&["--safe-plan", "down", "-v"]).exits(0).says(&fix);
    assert!(plan.stdout.contains("cannot be read"), "{}", plan.stdout);
    // Nothing is known of its data, which is not the same as that it is gone.
    as_user(&["up", "-d"]).exits(75).says(&fix).never_says("lost");
    as_user(&["backup"]).exits(74).says(&fix);
    as_user(&["restore", "--dry-run"]).exits(74).says(&fix);
    as_user(&["backups"]).says(&fix);
    let words = fix.split(' ').skip(1).collect::<Vec<_>>();
    assert!(Command::new(words[0]).args(&words[1..]).status().expect("run").success());
    as_user(&["up", "-d"]).exits(0).says("`db` has its data");
    let status = as_user(&["status"]).exits(0).never_says("chown");
    assert!(!status.stdout.contains("cannot be read"), "{}", status.stdout);
}
