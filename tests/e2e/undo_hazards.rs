//! Every hazard whose data is backed up, and `undo` after it: the data and the run state are those from before.
//!
//! One row for each way in which data is lost. The test writes files with owners and modes into each place, runs the command
//! through us, checks that it took the data, undoes it, and compares. `undo.txt` has a row, or the reason why there is none,
//! for each hazard.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::oracle::engine;
use crate::oracle::row::Files;
use crate::oracle::trial::Trial;
use crate::support::bare::{Bare, docker};
use crate::support::scratch::Ran;
use crate::support::{Compose, Qdrant, Scratch, qdrant};

/// One row. `{P}` and the like are those of the oracle's rows.
struct UndoRow {
    compose: Compose,
    files: Files,
    /// What the real Compose runs before the data is written.
    setup: &'static [&'static str],
    /// Where data is written: `SERVICE[.NUMBER]:PATH`.
    places: &'static [&'static str],
    /// What happens to the files after the data was written, and what the real Compose runs then.
    changed: Files,
    before: &'static [&'static str],
    /// The command that takes the data.
    line: &'static str,
    /// How `undo` is called.
    undo: &'static str,
    /// The user's part, without which not everything can be brought back: `undo` says so first, and is run again then.
    mended: Option<(Files, &'static [&'static str])>,
}

const ROW: UndoRow = UndoRow {
    compose: Compose::V2,
    files: NAMED,
    setup: &["up -d"],
    places: &["db:/data"],
    changed: &[],
    before: &[],
    line: "",
    undo: "undo",
    mended: None,
};

/// A file with one service `db`, whose data counts.
macro_rules! db {
    ($service:literal, $volumes:literal) => {
        &[(
            "compose.yml",
            concat!(
                "x-safe-compose: { services: { db: { kind: volume } } }\nservices: { db: { ",
                $service,
                " } }\nvolumes: ",
                $volumes,
                "\n"
            ),
        )]
    };
}

const NAMED: Files = db!("{S}, volumes: ['data:/data']", "{ data: , other: }");
const OTHER: Files = db!("{S}, volumes: ['other:/data']", "{ data: , other: }");
const ELSEWHERE: Files = db!("{S}, volumes: ['data:/elsewhere']", "{ data: , other: }");
const ANONYMOUS: Files = db!("{S}, volumes: [/data]", "{}");
const BIND: Files = db!("{S}, volumes: ['./here:/data']", "{}");
const BUILT: Files = &[
    (
        "compose.yml",
        "x-safe-compose: { services: { db: { kind: volume } } }\nservices: { db: { build: ., network_mode: none, volumes: ['data:/data'] } }\nvolumes: { data: }\n",
    ),
    ("Dockerfile", "FROM {I}:plain\nLABEL from=file\n"),
];
const LABEL: Files = db!("{S}, volumes: ['data:/data']", "{ data: { labels: { l: '1' } } }");

/// A service with an image of PostgreSQL's name: what is at its data path counts wherever it is.
macro_rules! postgres {
    ($service:literal, $version:literal, $volumes:literal) => {
        &[(
            "compose.yml",
            concat!(
                "services: { ",
                $service,
                ": { image: '{P}/postgres:",
                $version,
                "', network_mode: none, volumes: [",
                $volumes,
                "] } }\nvolumes: { data: , other: }\n"
            ),
        )]
    };
}

const TAGGED: &[&str] =
    &["docker tag {I}:plain {P}/postgres:17", "docker tag {I}:plain {P}/postgres:18", "up -d"];

fn attempt(row: &UndoRow) {
    let Some(trial) = Trial::new(row.compose, row.files) else { return };
    let real = |lines: &[&str]| {
        for line in lines {
            trial.real(line, &[], "").exits(0);
        }
    };
    real(row.setup);
    for place in row.places {
        fill(&trial, place);
    }
    trial.write(row.changed);
    real(row.before);
    let data = contents(&trial, row.places);
    let state = states(&trial);

    confirmed(&trial, row.line).exits(0);
    let taken = trial.engine_snapshot();
    assert_ne!(
        (contents(&trial, row.places), states(&trial)),
        (data.clone(), state.clone()),
        "nothing was taken"
    );
    trial.safe(&[], &format!("{} --dry-run", row.undo), &[], "").exits(0);
    assert_eq!(trial.engine_snapshot(), taken, "a dry run changed something");
    if let Some((files, lines)) = row.mended {
        confirmed(&trial, row.undo).exits(74).says("cannot be brought back");
        trial.write(files);
        real(lines);
    }
    confirmed(&trial, row.undo).exits(0).says("was undone");
    assert_eq!(contents(&trial, row.places), data);
    assert_eq!(states(&trial), state);
}

/// Runs a command, with the token if it is refused without.
fn confirmed(trial: &Trial, line: &str) -> Ran {
    let ran = trial.safe(&[], line, &[], "");
    let token = ran.stderr.split("--safe-allow=").nth(1).and_then(|rest| rest.split_whitespace().next());
    match token {
        Some(token) if ran.code == 77 => trial.safe(&[&format!("--safe-allow={token}")], line, &[], ""),
        Some(_) | None => ran,
    }
}

/// The container of a place, by its labels, and its path.
fn find<'a>(trial: &Trial, place: &'a str) -> (Option<String>, &'a str) {
    let (body, path) = place.split_once(':').expect("SERVICE:PATH");
    let (service, number) = body.split_once('.').unwrap_or((body, "1"));
    let label = |name: &str, value: &str| format!("label=com.docker.compose.{name}={value}");
    let filters =
        [label("project", &trial.project), label("service", service), label("container-number", number)];
    let words = filters.iter().flat_map(|filter| ["--filter", filter]);
    let found = docker(&["ps", "-q", "--no-trunc"].into_iter().chain(words).collect::<Vec<_>>());
    (found.expect("listed").lines().next().map(str::to_owned), path)
}

/// Writes files into a place: what a server recognizes as its own, something large, and other owners and modes.
fn fill(trial: &Trial, place: &str) {
    let (container, path) = find(trial, place);
    let script = format!(
        "set -e; mkdir -p {path}/sub; cd {path}; echo 17 > PG_VERSION; busybox head -c 300000 /dev/urandom > sub/bytes; \
         echo '{place}' > mark; busybox chown -R 1000:1001 sub; busybox chmod 640 mark; busybox ln -s mark link"
    );
    let container = container.expect("it runs");
    docker(&["exec", &container, "/bin/sh", "-c", &format!("PATH=/bin; {script}")]).expect("filled");
}

/// Names, owners, modes and contents in each place, as the running service has them.
fn contents(trial: &Trial, places: &[&str]) -> Vec<String> {
    let script = "busybox find . ! -name . -exec busybox stat -c '%n %u:%g %a %s %N' {} + | busybox sort; \
                  busybox find . -type f -exec busybox sha256sum {} + | busybox sort";
    let of = |place: &&str| match find(trial, place) {
        (Some(container), path) => {
            let script = format!("PATH=/bin; cd {path} && {{ {script}; }}");
            docker(&["exec", &container, "/bin/sh", "-c", &script]).unwrap_or_default()
        }
        (None, _) => "does not run".to_owned(),
    };
    places.iter().map(of).collect()
}

/// Every container of the project, and whether it runs.
fn states(trial: &Trial) -> BTreeSet<(String, bool)> {
    let filter = engine::filters("label", &format!("com.docker.compose.project={}", trial.project));
    let listed = engine::get(&format!("/containers/json?all=1&{filter}")).expect("a list");
    let state = |one: &Value| (one["Names"][0].to_string(), one["State"] == "running");
    listed.as_array().into_iter().flatten().map(state).collect()
}

macro_rules! rows {
    ($($(#[$meta:meta])* $name:ident: $row:expr;)+) => {
        $(
            #[test]
            $(#[$meta])*
            fn $name() {
                const ROW_UNDER_TEST: &UndoRow = &$row;
                attempt(ROW_UNDER_TEST);
            }
        )+
    };
}

rows! {
    down_v: UndoRow { line: "down -v", ..ROW };
    v1_down_v: UndoRow {
        compose: Compose::V1,
        files: db!("{S}, volumes: ['data:/data']", "{ data: }"),
        line: "down -v",
        ..ROW
    };
    down_v_of_one_of_two: UndoRow {
        files: &[(
            "compose.yml",
            "x-safe-compose: { services: { db: { kind: volume } } }\nservices: { db: { {S}, volumes: ['data:/data'] }, idle: { {S} }, web: { {S}, depends_on: [db] } }\nvolumes: { data: }\n",
        )],
        before: &["stop idle"],
        line: "down -v",
        ..ROW
    };
    /// What the file calls external is deleted by a project's name all the same.
    down_v_by_name: UndoRow {
        changed: &[("../empty/nothing", "")],
        line: "@../empty -p {P} down -v",
        undo: "@../empty -p {P} undo",
        ..ROW
    };
    down: UndoRow { files: ANONYMOUS, line: "down", ..ROW };
    remove: UndoRow { files: ANONYMOUS, line: "rm -fs", ..ROW };
    remove_v: UndoRow { files: ANONYMOUS, line: "rm -fsv", ..ROW };
    v1_remove_v: UndoRow { compose: Compose::V1, files: ANONYMOUS, line: "rm -fsv", ..ROW };
    down_with_data_in_a_layer: UndoRow {
        files: postgres!("db", "17", ""),
        setup: TAGGED,
        places: &["db:/var/lib/postgresql/data"],
        line: "down",
        ..ROW
    };
    recreated: UndoRow {
        files: postgres!("db", "17", ""),
        setup: TAGGED,
        places: &["db:/var/lib/postgresql/data"],
        line: "up -d --force-recreate",
        ..ROW
    };
    remove_orphans: UndoRow {
        files: &[(
            "compose.yml",
            "services: { db: { image: '{P}/postgres:17', network_mode: none, volumes: [/var/lib/postgresql/data] }, web: { {S} } }\n",
        )],
        setup: TAGGED,
        places: &["db:/var/lib/postgresql/data"],
        changed: &[("compose.yml", "services: { web: { {S} } }\n")],
        line: "up -d --remove-orphans",
        mended: Some((
            &[(
                "compose.yml",
                "services: { db: { image: '{P}/postgres:17', network_mode: none, volumes: [/var/lib/postgresql/data] }, web: { {S} } }\n",
            )],
            &[],
        )),
        ..ROW
    };
    down_v_rmi: UndoRow {
        files: db!("image: '{P}:app', network_mode: none, volumes: ['data:/data']", "{ data: }"),
        setup: &["docker tag {I}:plain {P}:app", "docker tag {I}:plain {P}-db:kept", "up -d"],
        line: "down -v --rmi all",
        mended: Some((&[], &["docker tag {P}-db:kept {P}:app"])),
        ..ROW
    };
    /// Compose builds the image again, which is another one then.
    down_v_rmi_built: UndoRow {
        files: BUILT,
        setup: &["up -d --build"],
        line: "down -v --rmi all",
        ..ROW
    };
    scaled_down: UndoRow {
        files: ANONYMOUS,
        setup: &["up -d --scale db=2"],
        places: &["db:/data", "db.2:/data"],
        line: "up -d --scale db=1",
        ..ROW
    };
    v1_scaled_down: UndoRow {
        compose: Compose::V1,
        files: ANONYMOUS,
        setup: &["up -d --scale db=2"],
        places: &["db:/data", "db.2:/data"],
        line: "up -d --scale db=1",
        ..ROW
    };
    volume_created_again: UndoRow { changed: LABEL, line: "up -d -y", ..ROW };
    anonymous_volumes_renewed: UndoRow { files: ANONYMOUS, line: "up -d -V", ..ROW };
    v1_anonymous_volumes_renewed: UndoRow { compose: Compose::V1, files: ANONYMOUS, line: "up -d -V", ..ROW };
    another_volume: UndoRow { changed: OTHER, line: "up -d", ..ROW };
    v1_another_volume: UndoRow { compose: Compose::V1, changed: OTHER, line: "up -d", ..ROW };
    another_target: UndoRow { changed: ELSEWHERE, line: "up -d", mended: Some((NAMED, &["up -d"])), ..ROW };
    another_data_path: UndoRow {
        files: postgres!("db", "17", "'data:/var/lib/postgresql/data'"),
        setup: TAGGED,
        places: &["db:/var/lib/postgresql/data"],
        changed: postgres!("db", "18", "'data:/var/lib/postgresql'"),
        line: "--safe-skip-checks up -d",
        mended: Some((postgres!("db", "17", "'data:/var/lib/postgresql/data'"), &["up -d"])),
        ..ROW
    };
    /// The directory behind the mount is another one, and the container had the old one.
    replaced_directory: UndoRow {
        files: BIND,
        before: &["mv {D}/here {D}/old", "docker run --rm --network none -v {D}:/d {I}:plain mkdir /d/here"],
        line: "down",
        ..ROW
    };
    service_renamed: UndoRow {
        files: postgres!("db", "17", "'data:/var/lib/postgresql/data'"),
        setup: TAGGED,
        places: &["db:/var/lib/postgresql/data"],
        changed: postgres!("new", "17", "'other:/var/lib/postgresql/data'"),
        line: "up -d --remove-orphans",
        mended: Some((postgres!("db", "17", "'data:/var/lib/postgresql/data'"), &["up -d --remove-orphans"])),
        ..ROW
    };
    /// The containers of another directory of that name are re-created with the mounts of this one.
    directory_of_the_same_name: UndoRow {
        files: &[("../alice/{P}/compose.yml", NAMED[0].1), ("../bob/{P}/compose.yml", BIND[0].1)],
        setup: &["@../alice/{P} up -d"],
        line: "@../bob/{P} up -d",
        undo: "@../bob/{P} undo",
        ..ROW
    };
    variable_unset: UndoRow {
        files: &[
            db!("{S}, volumes: ['data:/data']", "{ data: { name: '{P}${PART}_data' } }")[0],
            (".env", "PART=x\n"),
        ],
        changed: &[(".env", "")],
        line: "up -d",
        ..ROW
    };
    copied_over: UndoRow {
        files: &[NAMED[0], ("mark", "another\n")],
        line: "cp mark db:/data/mark",
        ..ROW
    };
    wait_for_a_job: UndoRow {
        files: &[(
            "compose.yml",
            "x-safe-compose: { services: { db: { kind: volume } } }\nservices: { db: { {S}, volumes: [/data] }, job: { {S}, command: [/bin/sleep, '20'] } }\n",
        )],
        line: "wait --down-project job",
        ..ROW
    };
}

/// The collections of a server.
/// A volume of a server beside its data, as that of Qdrant's snapshots, comes back with `undo` and with `restore`.
#[test]
fn volume_beside_collections() {
    let Some(bare) = Bare::new("beside") else { return };
    let image = bare.image(&[]);
    let files = qdrant::NAMED
        .replace("\"data:/qdrant/storage\"", "\"data:/qdrant/storage\", \"beside:/qdrant/snapshots\"");
    let files = files.replace("\n  data:\n", "\n  data:\n  beside:\n");
    let Some(project) = Scratch::new(Compose::V2, &files) else { return };
    let volume = project.volume("beside");
    let look = |script: &str| {
        let mount = format!("{volume}:/look");
        docker(&["run", "--rm", "--network", "none", "-v", &mount, &image, "/bin/sh", "-c", script])
    };
    project.plain(&["up", "-d"]).exits(0);
    Qdrant::at(&project.published("qdrant", 6333)).fill("books", 30);
    look("echo mine > /look/mine").expect("written");
    for back in ["undo", "restore"] {
        project.confirmed(&["down", "-v"]).says("undo");
        assert!(docker(&["volume", "inspect", &volume]).is_err(), "the volume was deleted");
        let planned = project.safe(&[back, "--dry-run"]).exits(0).stdout;
        assert!(planned.contains("`/qdrant/snapshots` of"), "{planned}");
        project.safe(&[back]).exits(0);
        assert_eq!(look("busybox cat /look/mine").expect("it is back"), "mine", "{back}");
        assert_eq!(Qdrant::at(&project.published("qdrant", 6333)).count("books"), Some(30), "{back}");
    }
}

#[test]
fn collections_after_down_v() {
    let Some(project) = Scratch::new(Compose::V2, qdrant::NAMED) else { return };
    project.plain(&["up", "-d"]).exits(0);
    let server = Qdrant::at(&project.published("qdrant", 6333));
    server.fill("books", 300);
    server.alias("reading", "books");
    let before = server.count("books");
    project.confirmed(&["down", "-v"]).says("undo");
    project.safe(&["undo", "--dry-run"]).exits(0);
    assert_eq!(project.plain(&["ps", "-aq"]).stdout, "", "a dry run changed something");
    project.safe(&["undo"]).exits(0).says("was undone");
    let server = Qdrant::at(&project.published("qdrant", 6333));
    assert_eq!((server.count("books"), server.count("reading")), (before, before));
}
