//! Cases from bug reports, on a real engine: each lost data in silence or raised a false alarm once.

use std::fs;

use crate::support::bare::docker;
use crate::support::stand_in::{StandIn, directory_of, wait_for};
use crate::support::{Compose, Scratch};

/// What is in the archive of the newest backup.
fn archived(project: &Scratch, service: &str, archive: &str) -> Vec<String> {
    let backup = project.backups(service).pop().expect("a backup");
    let file = fs::File::open(backup.join(archive)).expect("an archive");
    let mut archive = tar::Archive::new(zstd::Decoder::new(file).expect("zstd"));
    let entries = archive.entries().expect("an archive").map(|entry| {
        let entry = entry.expect("an entry");
        entry.path().expect("a path").display().to_string()
    });
    entries.collect()
}

const POSTGRES_ARCHIVE: &str = "var-lib-postgresql-data.tar.zst";

#[test]
fn case_05_the_directory_behind_a_bind_mount_was_replaced() {
    let Some(file) = crate::support::machine::engine().then(|| StandIn::postgres("replaced")) else { return };
    let service = format!(
        "services: {{ db: {{ image: \"{}\", volumes: [ \"./postgres:/var/lib/postgresql/data\" ] }} }}",
        file.reference
    );
    for deleted in [false, true] {
        let Some(project) = Scratch::new(Compose::V2, &service) else { return };
        let (live, old) = (project.path("postgres"), project.path("old"));
        fs::create_dir(&live).expect("made");
        project.safe(&["up", "-d"]).exits(0);
        wait_for(&live.join("MARK"));
        project.safe(&["status"]).exits(0).never_says("another directory");
        project.safe(&["--safe-plan", "down"]).exits(0).never_says("another directory");
        fs::rename(&live, &old).expect("moved");
        fs::create_dir(&live).expect("made");
        if deleted {
            // What the server still has open is out of reach, but it goes on and writes.
            fs::remove_dir_all(&old).expect("removed");
        }
        project.safe(&["status"]).exits(0).says("leads to another directory");
        for words in
            [&["down"][..], &["restart"], &["stop"], &["up", "-d", "--force-recreate"], &["rm", "-sf"]]
        {
            let refused = project.safe(words).exits(77);
            let effect = if deleted { "destroys data" } else { "leaves behind data" };
            refused.says(effect).says("/postgres").says("--safe-allow=");
        }
        // An unchanged `up` stops nothing, and looks at what the container has.
        project.safe(&["up", "-d"]).exits(if deleted { 76 } else { 0 });
        if deleted {
            project.safe(&["backup"]).exits(74);
            assert!(project.backups("db").is_empty());
        } else {
            project.safe(&["backup"]).exits(0).says("copied from the running container");
            let files = archived(&project, "db", POSTGRES_ARCHIVE);
            assert!(files.iter().any(|file| file == "data/PG_VERSION"), "{files:?}");
        }
    }
}

#[test]
fn case_15_a_second_server_on_the_same_directory() {
    if !crate::support::machine::engine() {
        return;
    }
    let image = StandIn::postgres("second");
    let data = tempfile::tempdir().expect("a directory");
    let file = |mount: &str| {
        format!(
            "services: {{ db: {{ image: \"{}\", volumes: [ \"{mount}\" ] }} }}\nvolumes: {{ shared: {{ external: true, name: VOLUME }} }}",
            image.reference
        )
    };
    let directory = file(&format!("{}:/var/lib/postgresql/data", data.path().display()));
    let volume = format!("sctest-second-{}", std::process::id());
    let named = file("shared:/var/lib/postgresql/data");
    docker(&["volume", "create", &volume]).expect("created");
    for file in [directory, named] {
        let file = file.replace("VOLUME", &volume);
        let (Some(one), Some(two)) = (Scratch::new(Compose::V2, &file), Scratch::new(Compose::V2, &file))
        else {
            return;
        };
        one.safe(&["up", "-d"]).exits(0);
        let refused = two.safe(&["up", "-d"]).exits(77);
        refused.says("is in use by container").says(&format!("project `{}`", one.project));
        assert_eq!(two.plain(&["ps", "-aq"]).stdout, "", "it was stopped before anything was created");
        // The first is not in its own way.
        one.safe(&["up", "-d", "--force-recreate"]).exits(0);
        one.safe(&["stop"]).exits(0);
        two.safe(&["up", "-d"]).exits(0);
        one.safe(&["start"]).exits(77).says(&format!("project `{}`", two.project));
        one.safe(&["--safe-skip-checks", "start"]).exits(0).says("is in use by container");
    }
    let _ = docker(&["volume", "rm", &volume]);
}

#[test]
fn case_15_readers_and_other_programs_may_share() {
    if !crate::support::machine::engine() {
        return;
    }
    let (image, app) = (StandIn::postgres("shared"), StandIn::app("shared"));
    let data = tempfile::tempdir().expect("a directory");
    let target = "/var/lib/postgresql/data";
    let file = |image: &StandIn, mode: &str| {
        format!(
            "services: {{ db: {{ image: \"{}\", environment: {{ DATA_PATH: /tmp/x, PGDATA: /tmp/x }}, volumes: [ \"{}:{target}{mode}\" ] }} }}",
            image.reference,
            data.path().display()
        )
    };
    let Some(server) = Scratch::new(Compose::V2, &file(&image, "")) else { return };
    for other in [file(&image, ":ro"), file(&app, "")] {
        let Some(other) = Scratch::new(Compose::V2, &other) else { return };
        other.safe(&["up", "-d"]).exits(0);
        server.safe(&["up", "-d"]).exits(0);
        server.plain(&["down"]).exits(0);
    }
}

#[test]
fn case_06_two_files_in_one_directory_are_no_renamed_service() {
    if !crate::support::machine::engine() {
        return;
    }
    let image = StandIn::postgres("files");
    let file = |service: &str| {
        format!(
            "services: {{ {service}: {{ image: \"{}\", volumes: [ \"{service}:/var/lib/postgresql/data\" ] }} }}\nvolumes: {{ {service}: {{}} }}",
            image.reference
        )
    };
    let Some(project) = Scratch::new(Compose::V2, &file("db")) else { return };
    fs::write(project.path("other.yml"), file("metadb")).expect("written");
    project.safe(&["up", "-d"]).exits(0);
    project.safe(&["-f", "other.yml", "up", "-d"]).exits(0);
    project.plain(&["-f", "other.yml", "rm", "-sf"]).exits(0);
    // A service that its file no longer has was renamed.
    fs::write(project.path("docker-compose.yml"), file("database")).expect("written");
    project.safe(&["up", "-d"]).exits(77).says("starts without its data");
    // The file at the end of the test knows neither of the two volumes.
    project.plain(&["-f", "other.yml", "down", "-v", "-t", "1", "--remove-orphans"]).exits(0);
    fs::write(project.path("docker-compose.yml"), file("db")).expect("written");
}

#[test]
fn case_08_directories_of_inactive_profiles_are_not_created() {
    if !crate::support::machine::engine() {
        return;
    }
    let image = StandIn::postgres("profiles");
    let file = format!(
        "services:\n  db: {{ image: \"{0}\", volumes: [ \"./db:/var/lib/postgresql/data\" ] }}\n  other: {{ image: \"{0}\", profiles: [ other ], volumes: [ \"./other:/var/lib/postgresql/data\" ] }}",
        image.reference
    );
    let Some(project) = Scratch::new(Compose::V2, &file) else { return };
    project.safe(&["up", "-d"]).exits(0).never_says("other");
    assert!(project.path("db").is_dir() && !project.path("other").exists());
    project.safe(&["--profile", "other", "up", "-d"]).exits(0);
    assert!(project.path("other").is_dir());
    project.plain(&["--profile", "other", "down", "-v", "-t", "1"]).exits(0);
}

#[test]
fn case_24_an_env_file_with_variables() {
    if !crate::support::machine::engine() {
        return;
    }
    let image = StandIn::postgres("dotenv");
    let main =
        "services: { db: { volumes: [ \"pgdata:/var/lib/postgresql/data\" ] } }\nvolumes: { pgdata: }\n";
    let Some(project) = Scratch::new(Compose::V2, main) else { return };
    let write = |name: &str, text: &str| fs::write(project.path(name), text).expect("written");
    write("docker-compose.prod.yml", &format!("services: {{ db: {{ image: \"{}\" }} }}\n", image.reference));
    write(".env", "ENV=prod\nCOMPOSE_FILE=docker-compose.yml:docker-compose.${ENV}.yml\n");
    let lint = project.safe(&["lint"]);
    assert!(!format!("{}{}", lint.stdout, lint.stderr).contains("error"), "{lint:?}");
    project.plain(&["up", "-d"]).exits(0);
    wait_for(&directory_of(&project.volume("pgdata")).join("base/1/1259"));
    project.safe(&["up", "-d"]).exits(0).says("PostgreSQL system");
    project.safe(&["backup"]).exits(0);
    assert_eq!(project.backups("db").len(), 1);
    project.safe(&["status"]).exits(0).never_says("${");
    // The database is another file's now, and its container holds data that no volume has.
    write("docker-compose.yml", &format!("services: {{ db: {{ image: \"{}\" }} }}\n", image.reference));
    write(".env", "");
    project.plain(&["down", "-t", "1"]).exits(0);
    project.plain(&["up", "-d"]).exits(0);
    let container = project.plain(&["ps", "-q", "db"]).stdout;
    let sleep = format!(
        "services: {{ web: {{ image: \"{}\", entrypoint: [ /bin/busybox, sleep, \"600\" ] }} }}\n",
        image.reference
    );
    write("docker-compose.yml", &sleep);
    for environment in ["COMPOSE_REMOVE_ORPHANS: 1\n", "A=1\nCOMPOSE_REMOVE_ORPHANS=${A}\n"] {
        write(".env", environment);
        project.safe(&["up", "-d"]).exits(77).says("COMPOSE_REMOVE_ORPHANS").says("--safe-allow=");
        docker(&["inspect", container.trim()]).unwrap_or_else(|error| panic!("{environment}: {error}"));
    }
    write(".env", "A=\nCOMPOSE_REMOVE_ORPHANS=${A:-0}\n");
    project.safe(&["--safe-plan", "up", "-d"]).exits(0).never_says("COMPOSE_REMOVE_ORPHANS");
}
