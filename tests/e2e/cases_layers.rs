//! Case 14: an unknown program keeps its data beside its mount, in the container layer.

use std::fs;

use crate::support::bare::docker;
use crate::support::stand_in::StandIn;
use crate::support::{Compose, Scratch, machine};

/// Waits until a file is in the container of `panel`.
#[track_caller]
fn wait_in_container(project: &Scratch, path: &str) {
    for _ in 0..100 {
        if project.plain(&["exec", "-T", "panel", "ls", path]).code == 0 {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("`{path}` was not written");
}

#[test]
fn case_14_data_of_an_unknown_program_in_the_layer() {
    if !machine::engine() {
        return;
    }
    let image = StandIn::new("layer", "panel:1", &["ENV STANDIN=panel"]);
    let file = |more: &str| {
        format!(
            "services: {{ panel: {{ image: \"{}\", network_mode: none, environment: {{ DATA_PATH: /srv/data{more} }}, volumes: [ \"./data:/app/data\" ] }} }}\n",
            image.reference
        )
    };
    let Some(project) = Scratch::new(Compose::V2, &file("")) else { return };
    project.safe(&["up", "-d"]).exits(0);
    wait_in_container(&project, "/srv/data/MARK");
    let lost = "written outside its mounts";
    project.safe(&["up", "-d"]).exits(0).never_says(lost);
    project.safe(&["stop"]).exits(0).never_says(lost);
    project.safe(&["start"]).exits(0).never_says(lost);

    fs::write(project.path("docker-compose.yml"), file(", MORE: \"1\"")).expect("written");
    project.safe(&["up", "-d"]).exits(0).says(lost).says("/srv/data/database.sqlite");
    wait_in_container(&project, "/srv/data/MARK");
    // A newer image of the same name.
    docker(&["tag", &image.reference, &format!("{}-old", image.reference)]).expect("tagged");
    let newer = StandIn::new("layer", "panel:1", &["ENV STANDIN=panel", "ENV NEWER=1"]);
    project.safe(&["up", "-d"]).exits(0).says(lost);
    wait_in_container(&project, "/srv/data/MARK");
    project.safe(&["up", "-d"]).exits(0).never_says(lost);
    project.safe(&["--safe-plan", "down"]).exits(0);
    project.safe(&["down"]).exits(0).says(lost).says("/srv/data/database.sqlite");
    let _ = docker(&["rmi", "-f", &format!("{}-old", newer.reference)]);
}

#[test]
fn case_14_data_in_the_mount_is_not_mentioned() {
    if !machine::engine() {
        return;
    }
    let image = StandIn::new("mounted", "panel:1", &["ENV STANDIN=panel"]);
    let file = format!(
        "services: {{ panel: {{ image: \"{}\", network_mode: none, environment: {{ DATA_PATH: /app/data }}, volumes: [ \"./data:/app/data\" ] }} }}\n",
        image.reference
    );
    let Some(project) = Scratch::new(Compose::V2, &file) else { return };
    project.safe(&["up", "-d"]).exits(0);
    wait_in_container(&project, "/app/data/MARK");
    project.safe(&["down"]).exits(0).never_says("written outside its mounts");
}
