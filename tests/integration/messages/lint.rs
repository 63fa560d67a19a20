//! `lint`.

use super::scene::Scene;

const LOSES_DATA: &str = "\
services:
  db:
    image: postgres:17
    volumes:
      - /var/lib/postgresql/data
";

const KEEPS_DATA: &str = "\
name: shop
services:
  db:
    image: postgres:17.2
    stop_grace_period: 2m
    healthcheck: { test: [CMD, pg_isready] }
    volumes: [data:/var/lib/postgresql/data]
volumes: { data: {} }
";

#[test]
fn findings() {
    Scene::empty()
        .with_file("compose.yaml", LOSES_DATA)
        .run("lint {project}/compose.yaml")
        .snapshot("lint/findings");
}

#[test]
fn no_findings() {
    Scene::empty()
        .with_file("compose.yaml", KEEPS_DATA)
        .run("lint {project}/compose.yaml")
        .snapshot("lint/no_findings");
}

#[test]
fn unreadable_file() {
    Scene::empty()
        .with_file("compose.yaml", "services: [\n")
        .run("lint {project}/compose.yaml")
        .run("lint {project}/nosuch.yaml")
        .run("lint --explain nosuch")
        .snapshot("lint/unreadable_file");
}

#[test]
fn scripts() {
    Scene::empty()
        .with_file("deploy.sh", "#!/bin/sh\ndocker compose down -v\n")
        .run("lint --scripts {project}")
        .snapshot("lint/scripts");
}

#[test]
fn explanation() {
    Scene::empty().run("lint --explain data-on-anonymous-volume").snapshot("lint/explanation");
}

#[test]
fn baseline() {
    Scene::empty()
        .with_file("compose.yaml", LOSES_DATA)
        .run("lint {project}/compose.yaml --baseline {project}/known.json")
        .run("lint {project}/compose.yaml --baseline {project}/known.json --write-baseline --dry-run")
        .run("lint {project}/compose.yaml --baseline {project}/known.json --write-baseline")
        .run("lint {project}/compose.yaml --baseline {project}/known.json")
        .snapshot("lint/baseline");
}

#[test]
fn nothing_to_check() {
    let mut scene = Scene::empty();
    scene.env().current_dir = "/nowhere".into();
    scene.run("lint").run("lint --scripts {project}/nosuch").snapshot("lint/nothing_to_check");
}
