//! Backups that a database server makes with its own tools.
//!
//! The tools are stand-ins: they answer what the driver asks of PostgreSQL, and end as a test wants.

use std::fs;
use std::path::Path;

use safe_compose::backup::consistency::Consistency;
use safe_compose::backup::manifest::Manifest;
use safe_compose::backup::store::BackupRoot;
use safe_compose::engine::ExecEnd;
use safe_compose::engine::memory::EngineMethod;
use safe_compose::secret::Secret;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream};

use super::scene::{Scene, container, mount, shop_config};

/// The version of the stand-in that has the extension TimescaleDB.
const WITH_TIMESCALE: u32 = 16;

const PASSWORD: &str = "a password that nobody sees";

/// [`Scene::shop`], whose `db` has PostgreSQL's tools; a tool named `failing` ends with an error.
pub(super) fn with_tools(version: u32, failing: Option<&'static str>) -> Scene {
    let files = [("base/1/PG_VERSION", 8192)];
    let mut scene = Scene::empty().with_config(&shop_config());
    let mut db = container("db", "postgres:17", vec![mount("shop_data", "/var/lib/postgresql/data")]);
    db.environment.insert("POSTGRES_PASSWORD".into(), Secret::new(PASSWORD));
    scene = scene
        .with_image("postgres:17")
        .with_volume("shop_data", "data")
        .with_container(db)
        .with_files("shop_data", &files);
    set_tools(&mut scene, version, failing);
    scene
}

pub(super) fn set_tools(scene: &mut Scene, version: u32, failing: Option<&'static str>) {
    let fails = move |argv: &[&str]| failing == argv.get(5).copied();
    let engine = scene.engine.clone().with_program(move |_, argv, pipe| {
        let words: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
        let fails = fails(argv);
        tokio::spawn(async move { tool(&words, version, fails, pipe).await });
    });
    scene.engine = engine.with_program_end(move |argv| {
        if fails(argv) {
            ExecEnd { code: 1, stderr: format!("{}: error: out of memory\n", argv[5]) }
        } else {
            ExecEnd { code: 0, stderr: String::new() }
        }
    });
}

/// One of the tools: `sh -c … safe-compose DATABASE PROGRAM …`.
async fn tool(argv: &[String], version: u32, fails: bool, mut pipe: DuplexStream) {
    match argv.get(5).map(String::as_str) {
        Some("psql") if !fails => {
            let (input, mut output) = tokio::io::split(pipe);
            let mut lines = BufReader::new(input).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                for answer in answers(&line, version) {
                    let sent = output.write_all(format!("{answer}\n").as_bytes()).await;
                    sent.expect("psql is read to its end");
                }
                if line == "\\q" {
                    return;
                }
            }
        }
        Some("pg_dump") => {
            // One that fails has printed something before.
            let _ = pipe.write_all(b"PGDMP and what is in the database").await;
        }
        Some("pg_dumpall") => {
            let _ = pipe.write_all(b"CREATE ROLE postgres;\n").await;
        }
        Some("pg_restore") => {
            let mut read = Vec::new();
            let _ = pipe.read_to_end(&mut read).await;
        }
        _ => {}
    }
}

/// The answers to a line of a query.
fn answers(line: &str, version: u32) -> Vec<String> {
    let answers = [
        (
            "'is_final'",
            vec![
                json!({ "version": format!("{version}.2"), "number": version * 10000 + 2, "is_superuser": true,
                    "in_recovery": false, "is_final": true }),
            ],
        ),
        (
            "FROM pg_database d LEFT JOIN pg_stat_database",
            vec![json!({ "name": "app", "connectable": true, "written": 7 })],
        ),
        ("'builtin' THEN", vec![]),
        ("ELSE '' END || ';')", vec![json!("CREATE DATABASE :\"database\" TEMPLATE template0;")]),
        ("pg_export_snapshot", vec![json!("00000003-1")]),
        ("'extensions'", vec![json!({ "objects": 2, "large_objects": 0, "extensions": null })]),
        (
            "\\gexec",
            vec![
                json!({ "table": "public.orders", "rows": 1200 }),
                json!({ "table": "public.users", "rows": 30 }),
            ],
        ),
        ("'safe-compose'::text", vec![json!("safe-compose")]),
        (
            "extname = 'timescaledb'",
            (version == WITH_TIMESCALE).then(|| json!("timescaledb")).into_iter().collect(),
        ),
    ];
    let found = answers.into_iter().filter(|(part, _)| line.contains(part));
    found.flat_map(|(_, values)| values).map(|value| value.to_string()).collect()
}

fn newest(scene: &Scene) -> Manifest {
    let root = BackupRoot::at(scene.path("backups"));
    root.newest("db").expect("listed").expect("a backup").manifest
}

/// Whether any file below a directory contains a text.
fn contains(directory: &Path, text: &str) -> bool {
    fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path()).any(|path| {
        if path.is_dir() {
            contains(&path, text)
        } else {
            let bytes = fs::read(&path).expect("a file");
            String::from_utf8_lossy(&bytes).contains(text)
        }
    })
}

#[test]
fn a_running_server_is_dumped() {
    let mut scene = with_tools(17, None);
    scene.run("backup").run("backups").run("verify latest").snapshot("databases/dumped");
    let manifest = newest(&scene);
    assert_eq!(manifest.consistency, Consistency::Dumped);
    assert_eq!(manifest.kind.name(), "postgresql");
    let calls = scene.engine.calls();
    assert!(calls.iter().all(|call| call.method != EngineMethod::Pause), "nothing is paused: {calls:?}");
    assert!(calls.iter().all(|call| !call.subject.contains(PASSWORD)), "{calls:?}");
    assert!(!contains(&scene.path("backups"), PASSWORD));
}

#[test]
fn a_tool_that_fails_leaves_a_copy_of_the_files() {
    let mut scene = with_tools(17, Some("pg_dump"));
    scene.run("backup").snapshot("databases/tool_failed");
    let manifest = newest(&scene);
    assert_eq!((manifest.consistency, manifest.kind.name()), (Consistency::Frozen, "volume"));
    for tool in ["psql", "pg_dumpall", "pg_restore"] {
        let scene = with_tools(17, Some(tool));
        assert_eq!(scene.attempt("backup").exit, 0, "{tool}");
        assert_eq!(newest(&scene).consistency, Consistency::Frozen, "{tool}");
    }
}

/// Its dump could not be restored, so none is begun.
#[test]
fn a_database_with_timescaledb_is_copied_as_files() {
    let mut scene = with_tools(WITH_TIMESCALE, None);
    scene.run("backup").snapshot("databases/timescaledb");
    assert_eq!(newest(&scene).consistency, Consistency::Frozen);
    let calls = scene.engine.calls();
    let dumps = calls.iter().filter(|call| call.subject.contains("pg_dump"));
    assert_eq!(dumps.count(), 0, "{calls:?}");
}

#[test]
fn the_settings_may_want_the_files() {
    let scene = with_tools(17, None).with_settings(&json!({ "services": { "db": { "kind": "volume" } } }));
    assert_eq!(scene.attempt("backup").exit, 0);
    assert_eq!(newest(&scene).consistency, Consistency::Frozen);
    let calls = scene.engine.calls();
    assert!(calls.iter().all(|call| call.method != EngineMethod::Exec), "{calls:?}");
}

#[test]
fn a_dump_is_not_restored_into_an_older_version() {
    let mut scene = with_tools(17, None);
    scene.prepare("backup");
    set_tools(&mut scene, 15, None);
    scene.run("restore").run("restore --dry-run").run("restore --database shop");
    set_tools(&mut scene, 17, None);
    scene.run("restore").run("restore --collection app").run("restore --database shop");
    scene.snapshot("databases/restore_refused");
}

#[test]
fn a_running_server_is_dumped_before_it_is_stopped() {
    let mut scene = with_tools(17, None);
    scene.run("--safe-plan stop").run("stop").snapshot("databases/stop");
    assert_eq!(newest(&scene).consistency, Consistency::Dumped);
    let settings = json!({ "services": { "db": { "backup_before": ["down"] } } });
    let scene = with_tools(17, None).with_settings(&settings);
    assert_eq!(scene.attempt("stop").exit, 0);
    assert!(BackupRoot::at(scene.path("backups")).newest("db").expect("listed").is_none());
}

#[test]
fn a_server_that_cannot_be_dumped_is_stopped_before_its_files_are_copied() {
    let mut scene = with_tools(17, Some("pg_dump"));
    scene.run("stop").snapshot("databases/stop_copied");
    assert_eq!(newest(&scene).consistency, Consistency::Cold);
}

#[test]
fn a_dump_is_no_reason_not_to_copy_the_files_before_they_are_destroyed() {
    let mut scene = with_tools(17, None);
    scene.prepare("backup").run_with_token("--safe-allow={token} down -v");
    scene.snapshot("databases/down");
    assert_eq!(newest(&scene).consistency, Consistency::Cold);
}
