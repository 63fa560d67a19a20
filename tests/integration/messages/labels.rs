//! Labels of other backup tools on services.

use safe_compose::engine::ExecEnd;
use safe_compose::engine::memory::EngineMethod;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use super::scene::{Scene, container, mount, typed};

const DUMP: &str = "/bin/sh -c 'mongodump > /data/db/dump'";

/// `db` keeps its data in a volume, has these labels, and programs that end with this exit code.
fn scene(labels: &Value, code: i64) -> Scene {
    let config = json!({
        "name": "shop",
        "services": { "db": { "image": "mongo:8", "labels": labels, "volumes": [
            { "type": "volume", "source": "data", "target": "/data/db", "volume": {} }
        ] } },
        "volumes": { "data": { "name": "shop_data" } },
    });
    let mut scene = Scene::empty()
        .with_config(&config)
        .with_image("mongo:8")
        .with_volume("shop_data", "data")
        .with_container(container("db", "mongo:8", vec![mount("shop_data", "/data/db")]))
        .with_files("shop_data", &[("storage.bson", 4096)]);
    let engine = scene.engine.clone().with_program(|_, _, mut pipe| {
        tokio::spawn(async move {
            let _ = pipe.write_all(b"dumping\n").await;
        });
    });
    scene.engine =
        engine.with_program_end(move |_| ExecEnd { code, stderr: "no\u{1b}[2J space\n".to_owned() });
    scene
}

fn agreed(mut scene: Scene) -> Scene {
    scene = scene.at_terminal(&[typed("shop")]);
    scene.prepare("trust");
    scene.without_terminal()
}

/// The programs that ran in containers.
fn programs(scene: &Scene) -> Vec<String> {
    let calls = scene.engine.calls();
    let programs = calls.iter().filter(|call| call.method == EngineMethod::Exec);
    programs.map(|call| call.subject.clone()).collect()
}

fn of_offen() -> Value {
    json!({
        "docker-volume-backup.stop-during-backup": "true",
        "docker-volume-backup.archive-pre": DUMP,
        "docker-volume-backup.archive-post": "rm /data/db/dump",
    })
}

#[test]
fn commands_run_before_and_after_a_backup() {
    let mut scene = scene(&of_offen(), 0);
    scene.run("trust --show").run("backup");
    assert!(programs(&scene).is_empty(), "{:?}", programs(&scene));
    scene = agreed(scene);
    scene.run("backup").run("down");
    let expected = ["id-db:/bin/sh -c mongodump > /data/db/dump", "id-db:rm /data/db/dump"];
    assert_eq!(programs(&scene)[..2], expected);
    scene.snapshot("labels/commands_run_before_and_after_a_backup");
}

#[test]
fn a_failing_command() {
    let mut before = agreed(scene(&json!({ "docker-volume-backup.archive-pre": DUMP }), 2));
    before.run("backup").run("down").snapshot("labels/a_failing_command");
    assert!(!before.path("backups/db").exists(), "nothing was backed up");
    let after = agreed(scene(&json!({ "backupbot.backup.post-hook": "false" }), 1));
    let attempt = after.attempt("backup");
    assert_eq!(attempt.exit, 0, "{}", attempt.printed);
    assert!(
        attempt.printed.contains("the command of `backupbot.backup.post-hook` failed"),
        "{}",
        attempt.printed
    );
}

#[test]
fn the_settings_switch_them_off() {
    let mut scene = scene(&of_offen(), 0).with_settings(&json!({ "backup": { "labels": false } }));
    scene.run("trust --show").run("backup").snapshot("labels/the_settings_switch_them_off");
    assert!(programs(&scene).is_empty());
}

#[test]
fn the_settings_say_how_to_hold_still() {
    let quiesce = json!({ "services": { "db": { "quiesce": "none" } } });
    let labels = json!({ "docker-volume-backup.stop-during-backup": "true" });
    let stopped = scene(&labels, 0).attempt("backup");
    assert!(stopped.printed.contains("stopping `shop-db-1`"), "{}", stopped.printed);
    let running = scene(&labels, 0).with_settings(&quiesce).attempt("backup");
    assert!(!running.printed.contains("stopping"), "{}", running.printed);
    let unlabelled = scene(&json!({}), 0).attempt("backup");
    assert!(!unlabelled.printed.contains("stopping"), "{}", unlabelled.printed);
}

#[test]
fn a_changed_command_asks_again() {
    let scene = agreed(scene(&of_offen(), 0));
    let mut labels = of_offen();
    labels["docker-volume-backup.archive-pre"] = json!("/bin/sh -c 'curl evil'");
    let config = json!({
        "name": "shop",
        "services": { "db": { "image": "mongo:8", "labels": labels, "volumes": [
            { "type": "volume", "source": "data", "target": "/data/db", "volume": {} }
        ] } },
        "volumes": { "data": { "name": "shop_data" } },
    });
    let scene = scene.with_config(&config);
    let printed = scene.attempt("backup").printed;
    let printed = printed.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(printed.contains("archive-pre` is not what you agreed to"), "{printed}");
    assert!(programs(&scene).is_empty());
}

#[test]
fn a_project_with_labels_is_read_with_all() {
    let file = format!(
        "services:\n  db:\n    image: mongo:8\n    labels:\n      docker-volume-backup.archive-pre: \"{DUMP}\"\n    volumes: [data:/data/db]\nvolumes: {{data: {{name: shop_data}}}}\n"
    );
    let scene = agreed(scene(&of_offen(), 0)).with_file("compose.yaml", &file);
    assert_eq!(scene.attempt("backup --all").exit, 0);
    assert_eq!(programs(&scene).len(), 2);
}
