//! What a command reads grows with what there is, and not with the product of two numbers: each file is read a few times,
//! however many services and backups a project has. Reads are counted, not timed. `benches/scale` has the times.

use std::fs;
use std::path::{Path, PathBuf};

use safe_compose::fs::files_read;
use safe_compose::journal::{self, CommandOutcome, JournalEntry};
use serde_json::{Value, json};

use crate::messages::scene::{Scene, container, mount};

/// How many files of this name a run reads.
fn reads_of(name: &str, run: impl FnOnce()) -> usize {
    files_read(run).iter().filter(|path| path.ends_with(name)).count()
}

/// A project of this many services, each with a volume.
fn project(services: usize) -> Scene {
    let names: Vec<String> = (0..services).map(|at| format!("s{at}")).collect();
    let volume = |name: &String| {
        let mounted = json!([{ "type": "volume", "source": name, "target": "/data", "volume": {} }]);
        (name.clone(), json!({ "image": "app:1", "volumes": mounted }))
    };
    let config = json!({
        "name": "shop",
        "services": names.iter().map(volume).collect::<serde_json::Map<_, _>>(),
        "volumes": names.iter().map(|name| (name.clone(), json!({ "name": format!("shop_{name}") }))).collect::<serde_json::Map<_, _>>(),
    });
    let mut scene = Scene::empty().with_config(&config).with_image("app:1");
    for name in &names {
        let volume = format!("shop_{name}");
        scene = scene
            .with_volume(&volume, name)
            .with_container(container(name, "app:1", vec![mount(&volume, "/data")]))
            .with_files(&volume, &[("file", 100)]);
    }
    scene
}

/// Makes copies of the only backup of each store, as if they had been made before it.
fn multiply(backups: &Path, copies: u64) {
    let directories = |of: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(of).expect("a directory").map(|entry| entry.expect("an entry").path());
        entries.filter(|path| path.is_dir()).collect()
    };
    for store in directories(backups) {
        let name = store.file_name().expect("a name").to_string_lossy().into_owned();
        let Some(original) = directories(&store).pop() else { continue };
        let text = fs::read(original.join("manifest.json")).expect("a manifest");
        let mut manifest: Value = serde_json::from_slice(&text).expect("JSON");
        for at in 1..copies {
            let copy = store.join(format!("{name}_backup_20200101_{:02}{:02}00", at / 60, at % 60));
            fs::create_dir(&copy).expect("made");
            manifest["sequence"] = 0.into();
            manifest["created"] = format!("2020-01-01T{:02}:{:02}:00Z", at / 60, at % 60).into();
            fs::write(copy.join("manifest.json"), manifest.to_string()).expect("written");
        }
    }
}

/// Reads of manifests by a command, for each backup.
fn manifests_read(services: usize, each: u64, without: &[usize], line: &str) -> usize {
    let mut scene = project(services);
    let backed_up: Vec<String> =
        (0..services).filter(|at| !without.contains(at)).map(|at| format!("s{at}")).collect();
    scene.run_quietly(&format!("backup {}", backed_up.join(" ")));
    multiply(&scene.path("backups"), each);
    let count = reads_of("manifest.json", || {
        scene.run_quietly(line);
    });
    let all = backed_up.len() * usize::try_from(each).expect("few");
    assert!(count > 0, "`{line}` is not counted");
    count.div_ceil(all)
}

#[test]
fn each_manifest_is_read_a_few_times_however_many_services_there_are() {
    // Two of them have no backup, and so may have one that lies with another service.
    for (line, most) in
        [("status", 2), ("restore --dry-run --all", 3), ("--safe-plan down -v", 6), ("--safe-plan up -d", 4)]
    {
        let few = manifests_read(4, 20, &[0, 1], line);
        let many = manifests_read(12, 20, &[0, 1], line);
        assert!(
            many <= few.max(most),
            "`{line}` reads each manifest {few} times for 4 services, {many} times for 12"
        );
    }
}

#[test]
fn the_journal_is_read_once() {
    let mut scene = project(4);
    scene.run_quietly("backup");
    let most = [("status", 1), ("history", 1), ("undo --dry-run", 1), ("--safe-plan down -v", 2)];
    for (line, most) in most {
        let count = reads_of("journal.jsonl", || {
            scene.run_quietly(line);
        });
        assert!((1..=most).contains(&count), "`{line}` reads the journal {count} times");
    }
}

#[test]
fn interrupted_commands_are_found_in_one_pass() {
    let directory = tempfile::tempdir().expect("a directory");
    let entry = |id: usize, outcome| JournalEntry {
        format_version: journal::FORMAT_VERSION,
        id: format!("run-{id}"),
        ended: None,
        taken: None,
        undoes: None,
        process: None,
        time: jiff::Timestamp::UNIX_EPOCH,
        project: "shop".into(),
        engine: "E".into(),
        command: vec!["down".into()],
        effects: Vec::new(),
        backups: Vec::new(),
        outcome,
        exit_code: None,
    };
    let mut text = String::new();
    // In pairs, this many would be compared 12.5 billion times.
    for id in 0..50_000 {
        let outcome = if id == 9 { CommandOutcome::Ran } else { CommandOutcome::Began };
        text.push_str(&serde_json::to_string(&entry(id, outcome)).expect("JSON"));
        text.push('\n');
    }
    fs::write(directory.path().join(journal::FILE_NAME), text).expect("written");
    let contents = journal::read(directory.path()).expect("read");
    let unsettled = contents.unsettled();
    assert_eq!(unsettled.len(), 49_990);
    assert_eq!(unsettled[0].id, "run-10", "oldest first");
}
