//! A database and the files of an application that belong together, backed up while the application writes to both.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use crate::quiesce::interrupted;
use crate::support::bare::docker;
use crate::support::database::{Database, PASSWORD};
use crate::support::derived_image::DerivedImage;
use crate::support::relay::Relay;
use crate::support::stand_in::directory_of;
use crate::support::{Compose, Scratch};

/// Inserts a row, and then writes a file with the row's id. It ends between two of them.
const APP: &str = r#"
trap 'stopping=1' TERM
while [ -z "$stopping" ]; do
    read -r id </proc/sys/kernel/random/uuid
    psql -qAtX -h db -U postgres -c "INSERT INTO pictures VALUES ('$id')" || { sleep 0.2; continue; }
    echo "$id" >"/uploads/$id"
done
"#;

const TOGETHER: &str = "x-safe-compose: { backup: { together: [ [ db, app ] ] } }";

/// The project, and the image of its `app`, which is removed after it.
struct Writing {
    project: Scratch,
    image: DerivedImage,
}

/// A project whose `app` writes to the server `db` and to the volume `uploads`.
fn writing(settings: &str) -> Option<Writing> {
    let database = Database::Postgres15;
    let image = database.image()?;
    let app = DerivedImage::flat("sctest-app", &image);
    let file = format!(
        "{settings}
services:
  db: {{ image: \"{image}\", environment: {{ {} }}, volumes: [ \"data:{}\" ] }}
  app:
    image: \"{}\"
    entrypoint: [ /bin/sh, /script/app ]
    environment: {{ PGPASSWORD: \"{PASSWORD}\" }}
    depends_on: [ db ]
    volumes: [ \"uploads:/uploads\", \"./script:/script:ro\" ]
volumes: {{ data: {{}}, uploads: {{}} }}
",
        database.environment(),
        database.data_path(),
        app.0
    );
    let project = Scratch::new(Compose::V2, &file)?;
    fs::create_dir(project.path("script")).expect("made");
    fs::write(project.path("script/app"), APP).expect("written");
    project.plain(&["up", "-d", "db"]).exits(0);
    database.wait_ready(&project);
    // Transactions of the server itself would be taken for those of others.
    database.expect(&project, "ALTER SYSTEM SET autovacuum = off");
    database.expect(&project, "SELECT pg_reload_conf()");
    database.expect(&project, "CREATE TABLE pictures (id TEXT PRIMARY KEY)");
    project.plain(&["up", "-d"]).exits(0);
    let begun = files(&project).len() + 20;
    for _ in 0..600 {
        if files(&project).len() >= begun {
            return Some(Writing { project, image: app });
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("the application does not write:\n{}", project.plain(&["logs", "app"]).stdout);
}

fn files(project: &Scratch) -> BTreeSet<String> {
    let entries = fs::read_dir(directory_of(&project.volume("uploads"))).expect("a volume");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

fn state(project: &Scratch, service: &str) -> String {
    let id = project.plain(&["ps", "-q", "-a", service]).exits(0).stdout;
    docker(&["inspect", "-f", "{{.State.Status}}", id.trim()]).expect("it exists")
}

/// The newest backup set.
fn newest_set(project: &Scratch) -> String {
    let entries = fs::read_dir(project.path("backups")).expect("backups");
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("backup_set_")).max().expect("a set")
}

/// The rows without a file and the files without a row, after everything was destroyed and the set restored.
fn mismatches(project: &Scratch, set: &str) -> Vec<String> {
    project.confirmed(&["down", "-v"]);
    project.safe(&["restore", "--no-start", set]).exits(0);
    project.plain(&["up", "-d", "db"]).exits(0);
    Database::Postgres15.wait_ready(project);
    assert_eq!(state(project, "app"), "created", "it has written nothing since");
    let rows = Database::Postgres15.expect(project, "SELECT id FROM pictures");
    let rows: BTreeSet<String> = rows.lines().map(str::to_owned).collect();
    assert!(rows.len() > 10, "{rows:?}");
    rows.symmetric_difference(&files(project)).cloned().collect()
}

#[test]
fn every_row_has_its_file_and_every_file_its_row() {
    let Some(Writing { image: _image, project }) = writing(TOGETHER) else { return };
    project
        .safe(&["backup"])
        .exits(0)
        .says("stopping")
        .says("dumped")
        .says("the backups of `app` and `db` are of one moment");
    assert_eq!(state(&project, "app"), "running");
    let set = newest_set(&project);
    assert!(fs::read_to_string(project.path("backups").join(&set)).expect("a set").contains("moments"));
    assert_eq!(mismatches(&project, &set), Vec::<String>::new());

    let Some(Writing { image: _image, project: control }) = writing("") else { return };
    control.safe(&["backup"]).exits(0).never_says("one moment");
    let set = newest_set(&control);
    assert_ne!(mismatches(&control, &set), Vec::<String>::new(), "the control finds nothing");
}

/// A row that a client outside of the group writes meanwhile is noticed.
#[test]
fn a_server_that_others_write_to_has_no_moment_in_common() {
    let settings = "x-safe-compose: { backup: { together: [ [ db, notes ] ] } }";
    let Some(Writing { image: app, project }) = writing(settings) else { return };
    let notes = format!(
        "  notes: {{ image: \"{}\", entrypoint: [ sleep, inf ], stop_grace_period: 1s, volumes: [ \"notes:/notes\" ] }}\n",
        app.0
    );
    project.edit("\nvolumes: { data", &format!("\n{notes}volumes: {{ notes: {{}}, data"));
    project.plain(&["up", "-d", "notes"]).exits(0);
    project.safe(&["backup"]).exits(0).says("may be of different moments").says("nothing wrote to `db`");
    let set = project.path("backups").join(newest_set(&project));
    assert!(!fs::read_to_string(set).expect("a set").contains("moments"));
}

#[test]
fn a_signal_while_a_group_is_backed_up_starts_it_again() {
    let settings =
        "x-safe-compose: { backup: { together: [ [ db, app ] ] }, services: { db: { kind: volume } } }";
    let Some(Writing { image: _image, project }) = writing(settings) else { return };
    // Larger than what is passed on of a response that is withheld.
    fs::write(directory_of(&project.volume("uploads")).join("large"), vec![b'x'; 2_000_000])
        .expect("written");
    let engine = Relay::withholding("%2Fuploads");
    let project = project.on(&engine.url());
    let (exit, said) = interrupted(&project, &engine, &["backup"], "INT");
    assert!(exit == Some(130) && said.contains("stopping"), "{exit:?} {said}");
    assert_eq!((state(&project, "app"), state(&project, "db")), ("running".to_owned(), "running".to_owned()));
    assert!(project.backups("app").is_empty());
}
