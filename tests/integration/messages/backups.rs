//! `backup`, `backups` and `history`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use safe_compose::backup::store::BackupRoot;
use safe_compose::engine::memory::EngineMethod;
use serde_json::{Value, json};

use super::scene::{Scene, container, mount, shop_config, typed};

#[test]
fn backup() {
    Scene::shop().run("backup").snapshot("backups/backup");
}

#[test]
fn backup_as_json() {
    Scene::shop().run("backup --json").snapshot("backups/backup_as_json");
}

#[test]
fn backup_of_unknown_service() {
    Scene::shop().run("backup web").run("backup nosuch").snapshot("backups/backup_of_unknown_service");
}

#[test]
fn backup_fails() {
    let mut scene = Scene::shop();
    scene.engine.cut_archives_after(5000);
    scene.run("backup").run("backups").snapshot("backups/backup_fails");
}

#[test]
fn proof_asked_for() {
    Scene::shop().run("backup --prove").snapshot("backups/proof_asked_for");
    let mut other = with_files_service();
    other.run("backup files --prove --dry-run").run("backup files --prove");
    other.run("verify latest --prove").snapshot("backups/proof_asked_for_other_files");
}

#[test]
fn nothing_to_back_up() {
    Scene::empty().run("backup").snapshot("backups/nothing_to_back_up");
}

#[test]
fn list() {
    let mut scene = Scene::shop();
    scene.run("backups");
    scene.prepare("backup").run("backups").run("backups list --format json").snapshot("backups/list");
}

#[test]
fn list_with_damage() {
    let mut scene = Scene::shop();
    scene.prepare("backup");
    let store = scene.path("backups/db");
    let backup = only_backup(&store);
    fs::write(backup.join("manifest.json"), "{").expect("written");
    fs::create_dir(store.join(".db_backup_20260801_100000.partial")).expect("made");
    scene.run("backups").run("restore").snapshot("backups/list_with_damage");
}

#[test]
fn show() {
    Scene::shop().prepare("backup").run("backups show latest").snapshot("backups/show");
}

#[test]
fn show_damaged() {
    let mut scene = Scene::shop();
    scene.prepare("backup");
    let backup = only_backup(&scene.path("backups/db"));
    let is_data = |name: &str| name.contains(".tar");
    for entry in files_below(&backup).into_iter().filter(|path| is_data(&path.display().to_string())) {
        fs::set_permissions(&entry, fs::Permissions::from_mode(0o600)).expect("set");
        fs::write(entry, "damage").expect("written");
    }
    scene
        .run("backups show latest")
        .run("verify latest")
        .run("restore latest --service db")
        .snapshot("backups/show_damaged");
}

fn only_backup(store: &Path) -> PathBuf {
    let mut entries = fs::read_dir(store).expect("backups").map(|entry| entry.expect("an entry").path());
    entries.find(|path| path.join("manifest.json").is_file()).expect("a backup")
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

#[test]
fn show_unknown() {
    Scene::shop().run("backups show nosuch").snapshot("backups/show_unknown");
}

#[test]
fn prune() {
    two_backups_of_which_one_is_kept()
        .run("backups prune --dry-run")
        .run("backups prune --dry-run --format json")
        .run("backups prune")
        .run("backups prune")
        .run("backups prune --format json")
        .snapshot("backups/prune");
}

fn keep_one() -> Value {
    let keep = json!({ "last": 1, "hourly": 0, "daily": 0, "weekly": 0, "monthly": 0 });
    json!({ "backup": { "keep": keep } })
}

/// The settings become stricter after the second backup, so that both are still there.
fn two_backups_of_which_one_is_kept() -> Scene {
    let mut scene = Scene::shop();
    scene.prepare("backup");
    scene.engine = scene.engine.clone().with_volume_file("shop_data", "base/1/1260", "more");
    scene.prepare("backup");
    scene.with_settings(&keep_one())
}

#[test]
fn retention_after_a_backup() {
    let mut scene = Scene::shop().with_settings(&keep_one());
    scene.prepare("backup");
    for number in 0..2 {
        scene.engine =
            scene.engine.clone().with_volume_file("shop_data", &format!("base/1/{number}"), "more");
        scene.run("backup --dry-run").run("backup");
    }
    scene.run("backups").run("history").snapshot("backups/retention_after_a_backup");
}

#[test]
fn retention_after_down() {
    let mut scene = Scene::shop().with_settings(&keep_one()).at_terminal(&[typed("shop"), typed("shop")]);
    scene.prepare("backup").run("down -v").run("history").snapshot("backups/retention_after_down");
}

#[test]
fn pin() {
    let mut scene = two_backups_of_which_one_is_kept();
    let set = fs::read_dir(scene.path("backups"))
        .expect("backups")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("backup_set_"))
        .min()
        .expect("a set");
    let set = set.trim_end_matches(".json");
    scene
        .run(&format!("backups pin {set} --dry-run"))
        .run(&format!("backups pin {set}"))
        .run(&format!("backups pin {set} --format json"))
        .run("backups")
        .run("backups prune");
    let pinned = pinned(&scene);
    scene
        .run(&format!("backups show {pinned}"))
        .run(&format!("backups unpin {set}"))
        .run("backups unpin latest")
        .run("backups pin nosuch")
        .run("backups pin")
        .run("backups prune")
        .run("history")
        .snapshot("backups/pin");
}

/// The name of the pinned backup of `db`.
fn pinned(scene: &Scene) -> String {
    let names = fs::read_dir(scene.path("backups/db")).expect("backups");
    let names = names.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let pins: Vec<String> =
        names.filter_map(|name| name.strip_suffix(".pinned").map(str::to_owned)).collect();
    assert_eq!(pins.len(), 1, "{pins:?}");
    pins.concat()
}

/// What is planned before another process has removed it is no error.
#[test]
fn prune_waits_for_another_one_and_then_looks() {
    let scene = two_backups_of_which_one_is_kept();
    let root = BackupRoot::at(scene.path("backups"));
    let lock = root.lock().expect("free");
    let oldest = root.list(Some("db")).expect("listed").backups.pop().expect("two backups");
    let attempt = std::thread::scope(|threads| {
        let attempt = threads.spawn(|| scene.attempt("backups prune"));
        // Long enough for a prune that does not wait.
        std::thread::sleep(Duration::from_millis(300));
        fs::remove_dir_all(&oldest.directory).expect("removed");
        drop(lock);
        attempt.join().expect("no panic")
    });
    assert_eq!(attempt.exit, 0, "{}", attempt.printed);
    assert!(!attempt.printed.contains(&oldest.name()), "{}", attempt.printed);
}

/// A service `files` with a small file, beside `db`.
fn with_files_service() -> Scene {
    let mut config = shop_config();
    config["services"]["files"] = json!({ "image": "nginx:1.27", "volumes": [
        { "type": "volume", "source": "uploads", "target": "/uploads", "volume": {} }
    ] });
    config["volumes"]["uploads"] = json!({ "name": "shop_uploads" });
    Scene::shop()
        .with_config(&config)
        .with_volume("shop_uploads", "uploads")
        .with_files("shop_uploads", &[("a.jpg", 3)])
        .with_container(container("files", "nginx:1.27", vec![mount("shop_uploads", "/uploads")]))
        .with_settings(&json!({ "services": { "files": { "kind": "volume" } } }))
}

#[test]
fn one_of_two_stores_fails() {
    let mut scene = with_files_service();
    scene.engine.cut_archives_after(5000);
    scene.run("backup").run("backup --format json").run("backups").run("history");
    scene = scene.at_terminal(&[typed("shop")]);
    scene.run("down -v").snapshot("backups/one_of_two_stores_fails");
}

#[test]
fn both_stores_fail() {
    let mut scene = with_files_service();
    scene.engine.cut_archives_after(0);
    scene.run("backup").run("backup --all");
    scene = scene.at_terminal(&[typed("shop")]);
    scene.run("down -v").snapshot("backups/both_stores_fail");
}

#[test]
fn history() {
    let mut scene = Scene::shop();
    scene.run_quietly("down -v").run_quietly("unprotect data").run("history");
    assert!(!scene.path("backups").exists(), "a refusal creates no files");
    scene = scene.at_terminal(&[typed("shop")]);
    scene.prepare("down -v");
    scene = scene.without_terminal();
    scene.run_quietly("down -v");
    scene.run("history").run("history --last 1 --format json").snapshot("backups/history");
}

#[test]
fn history_of_own_commands() {
    let mut scene = Scene::shop();
    scene.prepare("backup").prepare("backup --dry-run").prepare("backups").prepare("verify latest");
    scene.engine = scene.engine.clone().with_volume_file("shop_data", "base/1/1260", "more");
    scene.prepare("backup");
    scene = scene.with_settings(&keep_one());
    scene.prepare("backups prune").prepare("backups prune").prepare("protect").prepare("protect");
    scene.run_quietly("unprotect data");
    scene = scene.at_terminal(&[typed("no")]);
    scene.run_quietly("unprotect data");
    scene = scene.at_terminal(&[typed("shop_data")]);
    scene.prepare("unprotect data");
    scene.engine.cut_archives_after(5000);
    scene.engine = scene.engine.clone().with_volume_file("shop_data", "base/1/1261", "more");
    scene.run_quietly("backup");
    scene.run("history").snapshot("backups/history_of_own_commands");
}

/// `down -v` was killed while Compose ran.
#[test]
fn interrupted() {
    let mut scene = Scene::shop().at_terminal(&[typed("shop")]);
    scene.prepare("down -v");
    let journal = scene.path("backups/journal.jsonl");
    let text = fs::read_to_string(&journal).expect("a journal");
    let lines: Vec<&str> = text.lines().collect();
    let [_, backed_up, _] = lines[..] else { panic!("not the three lines of a command: {text}") };
    let mut backed_up: serde_json::Value = serde_json::from_str(backed_up).expect("JSON");
    backed_up["process"]["started"] = json!(1);
    fs::write(&journal, format!("{backed_up}\n")).expect("written");
    let baseline = scene.path("backups/db/last_stop.json");
    let mut stopped: serde_json::Value =
        serde_json::from_slice(&fs::read(&baseline).expect("a baseline")).expect("JSON");
    assert_eq!(stopped["note"]["type"], "destroyed", "recorded after Compose has run: {stopped}");
    stopped["note"] = json!({ "type": "stopped" });
    fs::write(&baseline, stopped.to_string()).expect("written");
    scene.run("history").run("status").run("up -d").run("up -d").run("history --format json");
    scene.snapshot("backups/interrupted");
}

/// Another project in the same directory, with a service of the same name that uses the same volume.
#[test]
fn another_project() {
    let mut scene = Scene::shop();
    scene.prepare("backup").run_quietly("down -v");
    let name = only_backup(&scene.path("backups/db"));
    let name = name.file_name().expect("a name").to_string_lossy().into_owned();
    let mut config = shop_config();
    config["name"] = json!("market");
    let mut scene = scene.with_config(&config);
    scene.run("backups").run("backups --all-projects").run("backups prune").run("history");
    scene.run("restore latest --service db").run(&format!("restore {name}"));
    scene = scene.at_terminal(&[typed("market")]);
    scene.run(&format!("restore {name}")).snapshot("backups/another_project");
}

#[test]
fn history_with_damage() {
    let mut scene = Scene::shop();
    scene.prepare("backup");
    let journal = scene.path("backups/journal.jsonl");
    let text = fs::read_to_string(&journal).expect("a journal");
    let text = text.lines().last().map(|line| format!("{line}\n")).expect("the end of the command");
    fs::write(&journal, format!("{{\"damaged\n{text}{{\"torn")).expect("written");
    scene.run("history").snapshot("backups/history_with_damage");
}

#[test]
fn unreadable_directory() {
    let mut scene = Scene::shop().with_file("backups", "a file");
    scene.run("backup").run("backups").run("history");
    assert!(scene.engine.count(EngineMethod::CreateHelper) == 0, "nothing was begun");
    scene.snapshot("backups/unreadable_directory");
}

#[test]
fn dry_runs() {
    Scene::shop()
        .run("backup --dry-run")
        .run("backup --dry-run --format json")
        .run("backup --format json")
        .snapshot("backups/dry_runs");
}

#[test]
fn nothing_intact_to_keep() {
    let mut scene = Scene::shop();
    scene.prepare("backup");
    let first = only_backup(&scene.path("backups/db"));
    scene.engine = scene.engine.clone().with_volume_file("shop_data", "base/1/1260", "more");
    scene.prepare("backup");
    scene = scene.with_settings(&keep_one());
    let backups =
        fs::read_dir(scene.path("backups/db")).expect("backups").map(|entry| entry.expect("one").path());
    for backup in backups.filter(|path| path.join("manifest.json").is_file() && *path != first) {
        for file in
            files_below(&backup).into_iter().filter(|path| path.extension().is_some_and(|ext| ext == "zst"))
        {
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("set");
            fs::write(file, "damage").expect("written");
        }
    }
    scene.run("backups prune").snapshot("backups/nothing_intact_to_keep");
}

#[test]
fn not_test_restored() {
    let mut scene = Scene::shop();
    scene.prepare("backup").run("verify latest --prove").run("verify latest --prove --dry-run");
    let backup = only_backup(&scene.path("backups/db"));
    for file in
        files_below(&backup).into_iter().filter(|path| path.extension().is_some_and(|ext| ext == "zst"))
    {
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("set");
        fs::write(file, "damage").expect("written");
    }
    scene.run("verify latest --prove").snapshot("backups/not_test_restored");
}
