//! `upgrade` with real servers: PostgreSQL 15 to 17, MariaDB, and the stand-in for Qdrant with the labels of several versions.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use crate::support::bare::docker;
use crate::support::database::{Database, PASSWORD};
use crate::support::derived_image::DerivedImage;
use crate::support::scratch::Ran;
use crate::support::{Compose, Qdrant, Scratch};

const OLD: Database = Database::Postgres15;
const NEW: Database = Database::Postgres17;

/// Everything that an upgrade has to keep, and one query that shows all of it.
const FILL: &str = "CREATE TABLE t AS SELECT n, repeat('x', 100) AS x FROM generate_series(1, 5000) AS n;
    CREATE ROLE reader LOGIN PASSWORD 'secret'; GRANT SELECT ON t TO reader;
    CREATE EXTENSION pgcrypto; SELECT lo_from_bytea(4711, 'large object')";
/// It runs in no transaction. It is in effect after the next start.
const SETTING: &str = "ALTER SYSTEM SET work_mem = '9MB'";
const SHOW: &str = "SELECT (SELECT count(*) || ',' || sum(n) FROM t), (SELECT string_agg(extname, ',' ORDER BY extname) FROM pg_extension),
    (SELECT has_table_privilege('reader', 't', 'SELECT')), convert_from(lo_get(4711), 'UTF8'), current_setting('work_mem')";
const SHOWN: &str = "5000,12502500|pgcrypto,plpgsql|t|large object|9MB";

/// PostgreSQL 15 with data, and the images of both versions.
fn postgresql() -> Option<(Scratch, String, String)> {
    let (old, new) = (OLD.image()?, NEW.image()?);
    let project = OLD.project(Compose::V2)?;
    project.safe(&["up", "-d"]).exits(0);
    OLD.wait_ready(&project);
    OLD.expect(&project, FILL);
    OLD.expect(&project, SETTING);
    project.plain(&["restart"]).exits(0);
    OLD.wait_ready(&project);
    assert_eq!(OLD.expect(&project, SHOW), SHOWN);
    Some((project, old, new))
}

#[track_caller]
fn version(project: &Scratch) -> String {
    let version = OLD.expect(project, "SHOW server_version");
    version.split('.').next().expect("a number").to_owned()
}

/// Runs the upgrade with the token that it asks for.
fn upgrade(project: &Scratch, words: &[&str]) -> Ran {
    allowed(project, &[&["upgrade", "db"], words].concat())
}

/// Runs a command with the token that it asks for, however it ends.
fn allowed(project: &Scratch, words: &[&str]) -> Ran {
    project.safe(&[&[token(project, words).as_str()], words].concat())
}

/// The flag that confirms a command.
fn token(project: &Scratch, words: &[&str]) -> String {
    let refused = project.safe(words).exits(77);
    let token = refused.stderr.split("--safe-allow=").nth(1).and_then(|rest| rest.split_whitespace().next());
    format!("--safe-allow={}", token.expect("a token"))
}

/// Nothing temporary is left on the engine, and nothing in the volume but the data.
#[track_caller]
fn nothing_is_left(project: &Scratch) {
    let left = docker(&["ps", "-aq", "--filter", "label=safe-compose.scratch"]).expect("listed");
    let of_this = left.lines().filter(|id| {
        let name = docker(&["inspect", "--format", "{{.Config.Labels}}", id]).unwrap_or_default();
        name.contains(&project.project)
    });
    assert_eq!(of_this.count(), 0, "{left}");
    let files = project.plain(&["run", "--rm", "-T", "--entrypoint", "ls", "db", "-A", OLD.data_path()]);
    assert!(!files.stdout.contains("safe-compose"), "{}", files.stdout);
}

#[test]
fn postgresql_gets_a_newer_major_version_and_the_former_one_back() {
    let Some((project, old, new)) = postgresql() else { return };
    project.edit(&old, &new);
    project.safe(&["up", "-d"]).exits(77).says("safe-compose upgrade db");
    project.safe(&["upgrade", "db", "--dry-run"]).exits(0);
    assert_eq!(version(&project), "15", "a dry run and a refusal change nothing");
    let upgraded = upgrade(&project, &[]).exits(0);
    upgraded.says("upgraded `db` from PostgreSQL 15 to PostgreSQL 17").says("postgresql.auto.conf");
    NEW.wait_ready(&project);
    assert_eq!(version(&project), "17");
    assert_eq!(NEW.expect(&project, SHOW), SHOWN);
    nothing_is_left(&project);
    project.safe(&["verify"]).exits(0);
    project.safe(&["up", "-d"]).exits(0);
    project.safe(&["upgrade", "db"]).exits(0).says("nothing to upgrade");
    assert_eq!(project.backups("db").len(), 3, "the former files, the dump and the new files");

    NEW.expect(&project, "INSERT INTO t VALUES (0, 'written with the new version')");
    project.safe(&["undo", "--dry-run"]).exits(0);
    project.confirmed(&["undo"]).says(&format!("`db` has the image `{old}` again"));
    OLD.wait_ready(&project);
    assert_eq!(version(&project), "15");
    assert_eq!(OLD.expect(&project, SHOW), SHOWN);
    nothing_is_left(&project);
    project.safe(&["up", "-d"]).exits(77).says("its data is of PostgreSQL 15");
    project.edit(&new, &old);
    project.safe(&["up", "-d"]).exits(0);
    project.safe(&["verify"]).exits(0);
}

/// The service has its former data, its former image and its former state.
#[track_caller]
fn is_as_before(project: &Scratch, ran: Ran) {
    ran.exits(74).says("The data of `db` is what it was before the upgrade, and `db` runs with");
    OLD.wait_ready(project);
    assert_eq!(version(project), "15");
    assert_eq!(OLD.expect(project, SHOW), SHOWN);
    nothing_is_left(project);
    let history = project.safe(&["history", "--format", "json"]).exits(0).stdout;
    assert!(history.contains("\"failed\""), "{history}");
    project.safe(&["undo"]).exits(64).says("no command is recorded that took data");
}

#[test]
fn a_new_image_that_does_not_work_leaves_everything_as_it_was() {
    let Some((project, old, new)) = postgresql() else { return };
    // A server that cannot initialize its data, and one that works, but never for its health check.
    let broken =
        DerivedImage::new(&format!("{new}-broken-{}", project.project), &new, "ENTRYPOINT [\"false\"]");
    let health = "HEALTHCHECK --interval=1s --timeout=5s --retries=1 CMD false";
    let sick = DerivedImage::new(&format!("{new}-sick-{}", project.project), &new, health);
    project.edit(&old, &broken.0);
    let ran = upgrade(&project, &[]);
    is_as_before(&project, ran);
    project.edit(&broken.0, &sick.0);
    let ran = upgrade(&project, &[]).says("replaced the files in volume").says("its health check fails");
    is_as_before(&project, ran);
    project.edit(&sick.0, &new);
    upgrade(&project, &[]).exits(0);
    NEW.wait_ready(&project);
    assert_eq!(NEW.expect(&project, SHOW), SHOWN);
}

#[test]
fn an_interrupted_upgrade_leaves_everything_as_it_was() {
    let Some((project, old, new)) = postgresql() else { return };
    project.edit(&old, &new);
    let allow = token(&project, &["upgrade", "db"]);
    let mut child = project
        .safe_command(&[&allow, "upgrade", "db"])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("started");
    let mut lines = BufReader::new(child.stderr.take().expect("its messages")).lines().map_while(Result::ok);
    let mut said = String::new();
    for line in lines.by_ref() {
        said.push_str(&line);
        if line.contains("restoring the databases") {
            break;
        }
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("run");
    assert!(killed.success());
    said.extend(lines.map(|line| line + "\n"));
    let code = child.wait().expect("ended").code();
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("is what it was before the upgrade"), "{said}");
    OLD.wait_ready(&project);
    assert_eq!(version(&project), "15");
    assert_eq!(OLD.expect(&project, SHOW), SHOWN);
    nothing_is_left(&project);
}

#[test]
fn a_service_without_a_container_is_upgraded_and_does_not_run_afterwards() {
    let Some((project, old, new)) = postgresql() else { return };
    project.safe(&["down"]).exits(0);
    project.edit(&old, &new);
    upgrade(&project, &[]).exits(0).says(&format!("with a temporary server of `{old}`"));
    assert_eq!(project.plain(&["ps", "-q", "--status", "running"]).stdout, "");
    project.safe(&["up", "-d"]).exits(0);
    NEW.wait_ready(&project);
    assert_eq!((version(&project).as_str(), NEW.expect(&project, SHOW).as_str()), ("17", SHOWN));
}

/// The images of PostgreSQL 18 and newer have their data in a directory of the version, and their volume above it.
#[test]
fn an_image_with_another_data_directory_wants_another_mount() {
    let Some((project, old, new)) = postgresql() else { return };
    let lines = "ENV PGDATA=/var/lib/postgresql/18/docker\nVOLUME /var/lib/postgresql";
    let moved = DerivedImage::new(&format!("{new}-moved-{}", project.project), &new, lines);
    project.edit(&old, &moved.0);
    project
        .safe(&["upgrade", "db"])
        .exits(77)
        .says("keeps its data at `/var/lib/postgresql/18/docker`, where nothing is mounted")
        .says("mount the volume at `/var/lib/postgresql` instead of `/var/lib/postgresql/data`");
    assert_eq!(version(&project), "15");
    project.edit("\"data:/var/lib/postgresql/data\"", "\"data:/var/lib/postgresql\"");
    upgrade(&project, &[]).exits(0);
    NEW.wait_ready(&project);
    assert_eq!((version(&project).as_str(), NEW.expect(&project, SHOW).as_str()), ("17", SHOWN));
    assert!(NEW.expect(&project, "SHOW data_directory").ends_with("/18/docker"));
}

/// The other Compose, whose files have versions, and a password that is in a file.
#[test]
fn compose_v1_and_a_password_in_a_file() {
    let (Some(old), Some(new)) = (OLD.image(), NEW.image()) else { return };
    let path = OLD.data_path();
    let file = format!(
        "version: \"3.3\"\nservices: {{ db: {{ image: \"{old}\", environment: {{ POSTGRES_PASSWORD_FILE: /run/password }}, \
         volumes: [ \"data:{path}\", \"./password:/run/password:ro\" ] }} }}\nvolumes: {{ data: {{}} }}\n"
    );
    let Some(project) = Scratch::new(Compose::V1, &file) else { return };
    std::fs::write(project.path("password"), PASSWORD).expect("written");
    project.safe(&["up", "-d"]).exits(0);
    OLD.wait_ready(&project);
    OLD.expect(&project, FILL);
    OLD.expect(&project, SETTING);
    project.edit(&old, &new);
    upgrade(&project, &[]).exits(0);
    NEW.wait_ready(&project);
    assert_eq!((version(&project).as_str(), NEW.expect(&project, SHOW).as_str()), ("17", SHOWN));
    project.confirmed(&["undo"]);
    OLD.wait_ready(&project);
    assert_eq!((version(&project).as_str(), OLD.expect(&project, SHOW).as_str()), ("15", SHOWN));
}

#[test]
fn a_server_that_converts_its_data_is_backed_up_and_started() {
    let database = Database::Mariadb;
    let Some(image) = database.image() else { return };
    let Some(project) = database.project(Compose::V2) else { return };
    let newer = |name: &str, more: &str| {
        let lines = format!("ENV MARIADB_VERSION=11.4.2\n{more}");
        DerivedImage::new(&format!("{image}-{name}-{}", project.project), &image, &lines)
    };
    let sick = newer("sick", "HEALTHCHECK --interval=1s --timeout=5s --retries=1 CMD false");
    let newer = newer("newer", "");
    project.safe(&["up", "-d"]).exits(0);
    database.wait_ready(&project);
    database.expect(&project, "CREATE TABLE t AS SELECT seq AS n FROM seq_1_to_1000");
    project.edit(&image, &sick.0);
    upgrade(&project, &[])
        .exits(74)
        .says("its health check fails")
        .says("The data of `db` is what it was before the upgrade");
    database.wait_ready(&project);
    assert_eq!(database.expect(&project, "SELECT count(*) FROM t"), "1000");
    project.edit(&sick.0, &newer.0);
    upgrade(&project, &[]).exits(0).says("upgraded `db` from MariaDB");
    database.wait_ready(&project);
    assert_eq!(database.expect(&project, "SELECT count(*) FROM t"), "1000");
}

/// The stand-in has one version under several labels: what is tried is the way from one image to the next, not what Qdrant does
/// with its files.
#[test]
fn qdrant_goes_through_every_minor_version() {
    const FILE: &str = r#"
services:
  db:
    image: "QDRANT_IMAGE"
    command: ["./qdrant"]
    environment: { QDRANT__TELEMETRY_DISABLED: "true" }
    ports: ["127.0.0.1::6333"]
    volumes: ["data:/qdrant/storage"]
volumes: { data: {} }
"#;
    let Some(project) = Scratch::new(Compose::V2, FILE) else { return };
    let file = std::fs::read_to_string(project.path("docker-compose.yml")).expect("a file");
    let base = file.split('"').nth(1).expect("an image").to_owned();
    let labelled = |tag: &str, version: &str| {
        let name = format!("{}/qdrant:{tag}", project.project);
        DerivedImage::new(&name, &base, &format!("ENV QDRANT_VERSION={version}"))
    };
    let images = [labelled("v1.17.1", "1.17.1"), labelled("v1.18", "1.18.3"), labelled("v1.19.0", "1.19.0")];
    project.edit(&base, &images[0].0);
    project.safe(&["up", "-d"]).exits(0);
    Qdrant::at(&project.published("db", 6333)).fill("recipes", 50);
    project.edit(&images[0].0, &images[2].0);
    project.safe(&["up", "-d"]).exits(77).says("safe-compose upgrade db");
    upgrade(&project, &[])
        .exits(0)
        .says(&format!("converted with `{}`: 1 collection, 50 points", images[1].0))
        .says(&format!("converted with `{}`: 1 collection, 50 points", images[2].0))
        .says("upgraded `db` from Qdrant 1.17.1 to Qdrant 1.19.0");
    let address = project.published("db", 6333);
    assert_eq!(Qdrant::at(&address).count("recipes"), Some(50));
    Qdrant::at(&address).fill("later", 3);
    // The stand-in says that it is 1.19.0 in each of the images, so `undo` does not call it good.
    let undone = allowed(&project, &["undo"]);
    assert!([0, 75].contains(&undone.code), "{undone:?}");
    let address = project.published("db", 6333);
    assert_eq!(Qdrant::at(&address).count("recipes"), Some(50));
    assert_eq!(Qdrant::at(&address).count("later"), None);
    let image = project.plain(&["ps", "--format", "{{.Image}}"]).stdout;
    assert_eq!(image.trim(), images[0].0);
}
