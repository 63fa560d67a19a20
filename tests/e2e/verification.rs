//! Verification of databases that are not asked, on a real engine: what plain Compose did behind our back is noticed.

use crate::support::qdrant::{self, Qdrant};
use crate::support::stand_in::StandIn;
use crate::support::{Compose, Scratch, machine};

fn postgres(image: &StandIn) -> String {
    format!(
        "services: {{ db: {{ image: \"{}\", volumes: [ \"data:/var/lib/postgresql/data\" ] }} }}\nvolumes: {{ data: {{}} }}",
        image.reference
    )
}

/// The argument that confirms a refused command.
fn token(project: &Scratch, words: &[&str]) -> String {
    let refused = project.safe(words).exits(77);
    let start = refused.stderr.find("--safe-allow=").expect("a token");
    refused.stderr[start..].split_whitespace().next().expect("a word").to_owned()
}

#[test]
fn a_database_that_lost_its_volume_is_noticed() {
    if !machine::engine() {
        return;
    }
    let image = StandIn::postgres("lost");
    for compose in [Compose::V2, Compose::V1] {
        let Some(project) = Scratch::new(compose, &postgres(&image)) else { continue };
        project.safe(&["up", "-d"]).exits(0).says("PostgreSQL system");
        project.safe(&["backup"]).exits(0);
        project.plain(&["down", "-v", "-t", "1"]).exits(0);
        let lost = project.safe(&["up", "-d"]).exits(76);
        lost.says("it is another PostgreSQL system").says("restore latest --service db");
        project.safe(&["verify"]).exits(76).says("First reported");
        // What was lost is not forgotten with the next stop, and a new backup is not the latest.
        project.safe(&["down", "-t", "1"]).exits(0);
        project.safe(&["up", "-d"]).exits(76);
        project.safe(&["verify", "--accept"]).exits(0);
        project.safe(&["up", "-d"]).exits(0).says("`db` has its data");
        project.safe(&["verify"]).exits(0);
    }
}

#[test]
fn a_sound_database_is_no_loss() {
    if !machine::engine() {
        return;
    }
    let image = StandIn::postgres("sound");
    let Some(project) = Scratch::new(Compose::V2, &postgres(&image)) else { return };
    project.safe(&["up", "-d"]).exits(0);
    project.plain(&["down", "-t", "1"]).exits(0);
    project.safe(&["up", "-d"]).exits(0).says("`db` has its data");
    project.safe(&["down", "-t", "1"]).exits(0);
    project.safe(&["up", "-d", "--force-recreate"]).exits(0).says("`db` has its data");
    project.safe(&["restart", "-t", "1"]).exits(0).says("`db` has its data");
    project.safe(&["stop", "-t", "1"]).exits(0);
    project.safe(&["verify"]).exits(0).says("`db` has its data");
    project.safe(&["start"]).exits(0).says("`db` has its data");
    // The volume is the same, and its files are those of another server.
    project.plain(&["stop", "-t", "1"]).exits(0);
    let volume = format!("{}:/v", project.volume("data"));
    let wipe = ["run", "--rm", "-v", &volume, &image.reference, "/bin/busybox", "sh", "-c", "rm -rf /v/*"];
    crate::support::bare::docker(&wipe).expect("wiped");
    project
        .safe(&["up", "-d"])
        .exits(76)
        .says("it is another PostgreSQL system")
        .says("restore latest --service db");
}

#[test]
fn a_volume_that_was_created_again_is_noticed_without_an_identifier() {
    if !machine::engine() {
        return;
    }
    let image = StandIn::new("again", "mongo:7", &["ENV DATA_PATH=/data/db", "VOLUME /data/db"]);
    let file = format!(
        "services: {{ db: {{ image: \"{}\", volumes: [ \"data:/data/db\" ] }} }}\nvolumes: {{ data: {{}} }}",
        image.reference
    );
    let Some(project) = Scratch::new(Compose::V2, &file) else { return };
    project.safe(&["up", "-d"]).exits(0);
    project.safe(&["up", "-d"]).exits(0).says("`db` has its data: files in volume");
    project.plain(&["down", "-t", "1"]).exits(0);
    project.safe(&["up", "-d"]).exits(0);
    project.plain(&["down", "-v", "-t", "1"]).exits(0);
    project.safe(&["up", "-d"]).exits(76).says("was removed and created again");
}

#[test]
fn what_was_destroyed_on_purpose_is_no_loss() {
    if !machine::engine() {
        return;
    }
    let image = StandIn::postgres("purpose");
    let Some(project) = Scratch::new(Compose::V2, &postgres(&image)) else { return };
    project.safe(&["up", "-d"]).exits(0);
    let token = token(&project, &["down", "-v"]);
    project.safe(&[&token, "down", "-v", "-t", "1"]).exits(0);
    project.safe(&["up", "-d"]).exits(0).says("destroyed on purpose");
    project.safe(&["up", "-d"]).exits(0).says("`db` has its data");
    project.plain(&["down", "-v", "-t", "1"]).exits(0);
    project.safe(&["up", "-d"]).exits(76);
}

#[test]
fn what_cannot_be_verified_is_no_success() {
    if !machine::engine() {
        return;
    }
    let image = StandIn::postgres("absent");
    let Some(project) = Scratch::new(Compose::V2, &postgres(&image)) else { return };
    project.safe(&["up", "-d"]).exits(0);
    project.safe(&["down", "-t", "1"]).exits(0);
    project.safe(&["verify"]).exits(75).says("could not be verified");
    project.plain(&["down", "-v"]).exits(0);
    project.safe(&["verify"]).exits(76).says("was removed");
    project.safe(&["verify", "--accept"]).exits(0);
    project.safe(&["verify"]).exits(0).says("nothing was checked");
}

#[test]
fn the_backup_of_what_replaced_the_data_is_not_the_latest() {
    let Some(project) = Scratch::new(Compose::V2, qdrant::NAMED) else { return };
    let server = || Qdrant::at(&project.published("qdrant", 6333));
    project.safe(&["up", "-d"]).exits(0);
    server().fill("recipes", 50);
    project.safe(&["down", "-t", "1"]).exits(0);
    project.safe(&["up", "-d"]).exits(0);
    project.plain(&["down", "-v", "-t", "1"]).exits(0);
    project.plain(&["up", "-d"]).exits(0);
    server().fill("other", 5);
    let down = project.safe(&["down", "-t", "1"]).exits(0);
    down.says("`qdrant` has lost the data").says("was removed and created again").says("is never `latest`");
    let shown = project.safe(&["restore", "--dry-run"]).exits(0);
    assert!(shown.stdout.contains("recipes") && !shown.stdout.contains("other"), "{}", shown.stdout);
    project.safe(&["up", "-d"]).exits(76).says("First reported");
}
