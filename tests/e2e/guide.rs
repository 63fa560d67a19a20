//! The guide as a program: the way of one stack from its first `up` through every loss and back.

use std::fs;

use crate::support::qdrant::NAMED;
use crate::support::{Compose, Qdrant, Scratch, docker_can};

const STACK: &str = r#"
services:
  qdrant:
    image: "QDRANT_IMAGE"
    command: ["./qdrant"]
    environment: { QDRANT__TELEMETRY_DISABLED: "true" }
    ports: ["127.0.0.1::6333", "127.0.0.1::6334"]
    volumes: ["./volumes/qdrant:/qdrant/storage", "snapshots:/qdrant/snapshots"]
volumes:
  snapshots:
"#;

fn server(scratch: &Scratch) -> Qdrant {
    Qdrant::at(&scratch.published("qdrant", 6333))
}

fn on_both(test: impl Fn(Compose)) {
    test(Compose::V2);
    test(Compose::V1);
}

#[test]
fn a_wiped_directory_is_found_and_put_back() {
    on_both(|compose| {
        let Some(scratch) = Scratch::new(compose, STACK) else { return };
        scratch.safe(&["up", "-d"]).exits(0).says("creating it").says("Nothing was recorded before");
        let qdrant = server(&scratch);
        qdrant.fill("recipes", 50);
        qdrant.fill("photos", 3);
        qdrant.alias("current", "recipes");

        scratch.safe(&["down"]).exits(0).says("backed up `qdrant`: 2 collections, 53 points");
        assert_eq!(scratch.backups("qdrant").len(), 1);
        scratch.safe(&["backups"]).exits(0).never_says("damaged");
        scratch.safe(&["up", "-d"]).exits(0).says("everything is there that was there at the last stop");

        scratch
            .safe(&["down"])
            .exits(0)
            .says("`qdrant` is unchanged since its backup")
            .never_says("backed up");
        assert_eq!(scratch.backups("qdrant").len(), 1, "no new one");
        fs::remove_dir_all(scratch.path("volumes/qdrant")).expect("wiped");
        scratch
            .safe(&["up", "-d"])
            .exits(76)
            .says("collection `recipes` is missing (50 points)")
            .says("collection `photos` is missing (3 points)")
            .says("restore latest --service qdrant");
        scratch.safe(&["verify"]).exits(76);
        scratch.safe(&["restore"]).exits(0).says("restored 2 collections");
        let qdrant = server(&scratch);
        assert_eq!((qdrant.count("recipes"), qdrant.count("photos")), (Some(50), Some(3)));
        assert_eq!(qdrant.count("current"), Some(50), "the alias is back");
        assert!(qdrant.snapshots("recipes").is_empty(), "nothing is left on the server");
        scratch.safe(&["verify"]).exits(0);
    });
}

#[test]
fn down_with_volumes_is_refused_and_its_token_opens_it_once() {
    on_both(|compose| {
        let Some(scratch) = Scratch::new(compose, NAMED) else { return };
        scratch.safe(&["up", "-d"]).exits(0);
        server(&scratch).fill("recipes", 7);
        let volume = scratch.volume("data");

        let refused = scratch.safe(&["down", "-v"]).exits(77).says(&volume).says("1 collection, 7 points");
        assert!(docker_can(&["volume", "inspect", &volume]), "nothing was lost");
        let token = refused.stderr.split("--safe-allow=").nth(1).expect("a token")[..12].to_owned();
        scratch.safe(&["--safe-allow=000000000000", "down", "-v"]).exits(77).says("another plan");

        let plan = scratch.safe(&["--safe-plan", "--safe-format=json", "down", "-v"]).exits(0);
        let plan: serde_json::Value = serde_json::from_str(&plan.stdout).expect("JSON");
        assert_eq!((plan["worst"].as_str(), plan["token"].as_str()), (Some("destroy"), Some(token.as_str())));

        scratch.safe(&[&format!("--safe-allow={token}"), "down", "-v"]).exits(0).says("backed up `qdrant`");
        assert!(!docker_can(&["volume", "inspect", &volume]), "it was allowed");

        scratch.safe(&["up", "-d"]).exits(0).says("destroyed on purpose");
        scratch.safe(&[&format!("--safe-allow={token}"), "down", "-v"]).exits(77).says("another plan");
        scratch.safe(&["restore"]).exits(0);
        assert_eq!(server(&scratch).count("recipes"), Some(7));
        scratch.safe(&["verify"]).exits(0);
    });
}

#[test]
fn a_backup_that_fails_leaves_the_stack_as_it_was() {
    let Some(scratch) = Scratch::new(Compose::V2, STACK) else { return };
    scratch.safe(&["up", "-d"]).exits(0);
    server(&scratch).fill("recipes", 5);
    fs::write(scratch.path("backups"), "in the way").expect("written");
    scratch.safe(&["down"]).exits(74);
    assert_eq!(server(&scratch).count("recipes"), Some(5), "it still runs");
    scratch.safe(&["--safe-skip-backup", "stop"]).exits(0).says("could not be recorded");
    fs::remove_file(scratch.path("backups")).expect("removed");
    assert!(scratch.backups("qdrant").is_empty());
}

#[test]
fn fewer_points_are_found_and_can_be_accepted() {
    let Some(scratch) = Scratch::new(Compose::V2, STACK) else { return };
    scratch.safe(&["up", "-d"]).exits(0);
    server(&scratch).fill("recipes", 5);
    scratch.safe(&["stop"]).exits(0);
    scratch.plain(&["start"]).exits(0);
    let qdrant = server(&scratch);
    qdrant.call(
        "POST",
        "/collections/recipes/points/delete?wait=true",
        &serde_json::json!({ "points": [1, 2] }),
    );
    scratch.safe(&["verify"]).exits(76).says("collection `recipes` has 3 of 5 points");
    scratch.safe(&["verify", "--accept"]).exits(0);
    scratch.safe(&["verify"]).exits(0);
}

#[test]
fn restoring_over_data_saves_it_first() {
    let Some(scratch) = Scratch::new(Compose::V2, STACK) else { return };
    scratch.safe(&["up", "-d"]).exits(0);
    let qdrant = server(&scratch);
    qdrant.fill("recipes", 5);
    scratch.safe(&["backup"]).exits(0);
    qdrant.delete("recipes");
    qdrant.fill("recipes", 9);

    scratch.safe(&["restore", "latest", "--skip-existing"]).exits(0);
    assert_eq!(qdrant.count("recipes"), Some(9), "what is there stays");
    scratch.safe(&["restore", "latest", "--collection", "recipes", "--as", "beside"]).exits(0);
    assert_eq!((qdrant.count("recipes"), qdrant.count("beside")), (Some(9), Some(5)));

    let first = scratch.backups("qdrant")[0].file_name().expect("a name").to_string_lossy().into_owned();
    let refused = scratch.safe(&["restore", &first]).exits(77);
    let token = refused.stderr.split("--safe-allow=").nth(1).expect("a token")[..12].to_owned();
    scratch.safe(&[&format!("--safe-allow={token}"), "restore", &first]).exits(0);
    assert_eq!(qdrant.count("recipes"), Some(5));
    assert_eq!(scratch.backups("qdrant").len(), 2, "what was replaced is in a backup");
    let replaced = scratch.backups("qdrant")[1].file_name().expect("a name").to_string_lossy().into_owned();
    scratch.safe(&["restore", &replaced, "--collection", "recipes", "--as", "old"]).exits(0);
    assert_eq!(qdrant.count("old"), Some(9));
}

#[test]
fn a_backup_that_fails_stops_a_command_and_offers_to_go_on_without_only_there() {
    let Some(scratch) = Scratch::new(Compose::V2, NAMED) else { return };
    scratch.safe(&["up", "-d"]).exits(0);
    server(&scratch).fill("recipes", 3);
    let paused = scratch.plain(&["pause"]);
    assert_eq!(paused.code, 0, "{paused:?}");
    scratch
        .safe(&["backup"])
        .exits(74)
        .says("`qdrant` could not be backed up")
        .never_says("was not run")
        .never_says("--safe-skip-backup");
    scratch.safe(&["down"]).exits(74).says("so `down` was not run").says("--safe-skip-backup down");
    scratch.plain(&["unpause"]);
}

#[test]
fn what_is_stopped_and_destroyed_is_said_to_be_safe_once() {
    let Some(scratch) = Scratch::new(Compose::V2, NAMED) else { return };
    scratch.safe(&["up", "-d"]).exits(0);
    server(&scratch).fill("recipes", 4);
    scratch.safe(&["backup"]).exits(0);
    let refused = scratch.safe(&["down", "-v"]).exits(77).stderr;
    let token =
        refused.split("--safe-allow=").nth(1).and_then(|rest| rest.split(' ').next()).expect("a token");
    let allowed = scratch.safe(&[&format!("--safe-allow={token}"), "down", "-v"]).exits(0);
    assert_eq!(allowed.stderr.matches("is unchanged since its backup").count(), 1, "{}", allowed.stderr);
}
