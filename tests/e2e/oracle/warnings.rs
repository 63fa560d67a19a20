//! Hazards that only cause a warning: the plan has it where the real Compose does what it warns of, and nowhere else.

use serde_json::Value;

use super::row::Files;
use super::trial::Trial;
use crate::support::Compose;

const SERVICE: &str = r"services: { db: { {S}, volumes: ['data:/data'] } }
volumes: { data: }
";

const TWO_DIRECTORIES: Files = &[("../alice/{P}/compose.yml", SERVICE), ("../bob/{P}/compose.yml", SERVICE)];

const VARIABLE: Files = &[
    ("compose.yml", "services: { db: { {S}, volumes: ['${DATA}/tmp:/data:ro'] } }"),
    (".env", "DATA={D}\n"),
    ("tmp/mark", ""),
];

const UNSET: Files = &[(".env", "")];

/// Whether the plan of a line warns about a subject.
fn warns(trial: &Trial, line: &str, is: impl Fn(&Value) -> bool) -> bool {
    let ran = trial.safe(&["--safe-plan", "--safe-format=json"], line, &[], "");
    let plan: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("`{line}`: {ran:?}"));
    let impacts = plan["plan"]["impacts"].as_array().cloned().unwrap_or_default();
    impacts.iter().any(|impact| impact["notice"] == true && is(&impact["subject"]))
}

#[test]
fn the_containers_of_another_directory_with_the_same_project_name() {
    let Some(trial) = Trial::new(Compose::V2, TWO_DIRECTORIES) else { return };
    trial.real("@../alice/{P} up -d", &[], "").exits(0);
    let is_service = |subject: &Value| subject["type"] == "service" && subject["name"] == "db";
    let containers = || trial.real("docker ps -q --filter name={P}-db-1", &[], "").exits(0).stdout;
    assert!(!warns(&trial, "@../alice/{P} down", is_service));
    assert!(warns(&trial, "@../bob/{P} down", is_service));
    assert_ne!(containers(), "");
    trial.real("@../bob/{P} down", &[], "").exits(0);
    assert_eq!(containers(), "", "Compose removes the other directory's container");
}

#[test]
fn a_mount_that_an_unset_variable_moves() {
    let Some(trial) = Trial::new(Compose::V2, VARIABLE) else { return };
    let is_directory = |subject: &Value| subject["type"] == "directory" && subject["path"] == "/tmp";
    let mounted = || {
        trial.real("up -d", &[], "").exits(0);
        let line = "docker inspect --format '{{(index .Mounts 0).Source}}' {P}-db-1";
        trial.real(line, &[], "").exits(0).stdout.trim().to_owned()
    };
    assert!(!warns(&trial, "up -d", is_directory));
    assert_eq!(mounted(), trial.directory().join("tmp").display().to_string());
    trial.real("down", &[], "").exits(0);
    trial.write(UNSET);
    assert!(warns(&trial, "up -d", is_directory));
    assert_eq!(mounted(), "/tmp", "Compose mounts a directory of the machine");
}
