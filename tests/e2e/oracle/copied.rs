//! `cp` into the data of a database: asked about, and what it really overwrites.

use safe_compose::policy::Effect;

use super::row::Files;
use super::trial::Trial;
use crate::support::Compose;

const DATABASE: Files = &[
    (
        "compose.yml",
        r#"
services:
  db: { {S}, volumes: ["data:/var/lib/postgresql/data", "./dump:/dump"] }
volumes: { data: }
"#,
    ),
    ("mark", "another\n"),
    ("tree/data/mark", "another\n"),
    ("beside/other", "another\n"),
];

const PLACE: &str = "/var/lib/postgresql/data/mark";

/// Every way to write over the database's file.
const OVER: &[&str] = &[
    "cp mark db:/var/lib/postgresql/data/mark",
    "cp ./mark db:var/lib/postgresql/data",
    "cp -a mark db:/var/lib/postgresql/data/",
    "cp --index 1 -L mark db:/var/lib/postgresql/data/../data/mark",
    "cp tree/. db:/var/lib/postgresql",
    // Links in the container: `/short` leads to the directory, `/long/way` above it, `/file` to the file.
    "cp mark db:/short/mark",
    "cp mark db:/long/way/data",
    "cp mark db:/file",
    "-p {P} cp tree/data/. db:/var/lib/postgresql/data",
];

const LINKS: &str = "exec -T db /bin/sh -c '/bin/busybox ln -s /var/lib/postgresql/data /short; mkdir /long; \
    /bin/busybox ln -s ../var/lib/postgresql /long/way; /bin/busybox ln -s short/mark /file; /bin/busybox ln -s /tmp /elsewhere'";

/// Nothing of it is touched.
const BESIDE: &[&str] = &[
    "cp db:/var/lib/postgresql/data/mark copied",
    "cp mark db:/tmp/mark",
    "cp mark db:/var/lib/mark",
    "cp mark db:/elsewhere/mark",
    "cp db:/var/lib/postgresql/data/. elsewhere",
    "cp mark nosuch:/var/lib/postgresql/data/mark",
];

fn set(trial: &Trial) {
    trial.real(&format!("exec -T db /bin/sh -c 'echo mine > {PLACE}'"), &[], "").exits(0);
}

fn is_mine(trial: &Trial) -> bool {
    trial.real(&format!("exec -T db /bin/cat {PLACE}"), &[], "").stdout == "mine\n"
}

#[test]
fn copying_over_a_database_is_asked_about() {
    let Some(trial) = Trial::new(Compose::V2, DATABASE) else { return };
    trial.real("up -d", &[], "").exits(0);
    trial.real(LINKS, &[], "").exits(0);
    let volume = format!("{}_data", trial.project);
    let is_data =
        |subject: &serde_json::Value| subject["type"] == "volume" && subject["name"] == volume.as_str();
    for line in OVER {
        set(&trial);
        assert_eq!(trial.planned(line, is_data), Effect::Destroy, "`{line}`");
        trial.safe(&[], line, &[], "").exits(77).says("no terminal to ask on");
        assert!(is_mine(&trial), "`{line}` was refused");
        trial.real(line, &[], "").exits(0);
        assert!(!is_mine(&trial), "`{line}` does overwrite it");
    }
    for line in BESIDE {
        set(&trial);
        assert_eq!(trial.planned(line, is_data), Effect::None, "`{line}`");
        trial.safe(&[], line, &[], "");
        assert!(is_mine(&trial), "`{line}`");
    }
}

/// Directories are merged: what only the container has stays.
#[test]
fn a_directory_copied_over_a_database_leaves_other_files() {
    let Some(trial) = Trial::new(Compose::V2, DATABASE) else { return };
    trial.real("up -d", &[], "").exits(0);
    set(&trial);
    trial.real("cp beside/. db:/var/lib/postgresql/data", &[], "").exits(0);
    assert!(is_mine(&trial));
    trial.real("exec -T db /bin/cat /var/lib/postgresql/data/other", &[], "").exits(0);
}
