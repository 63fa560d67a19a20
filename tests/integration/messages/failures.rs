//! What stands in the way of a command: no engine, no Compose, a file that cannot be read, settings that are wrong.

use safe_compose::engine::EngineError;
use safe_compose::engine::memory::EngineMethod;
use serde_json::json;

use super::scene::{Scene, typed};

#[test]
fn engine_unreachable() {
    let mut scene = Scene::shop();
    scene.engine.fail(EngineMethod::Identity);
    for line in ["down -v", "up -d", "stop", "backup", "restore", "verify", "protect", "status"] {
        scene.run(line);
    }
    scene.snapshot("failures/engine_unreachable");
}

#[test]
fn engine_forbidden() {
    let mut scene = Scene::shop();
    scene.engine.fail_with(EngineMethod::Identity, || EngineError::Forbidden {
        endpoint: "unix:///var/run/docker.sock".into(),
        source: anyhow::anyhow!("Permission denied (os error 13)"),
    });
    scene.run("down -v").snapshot("failures/engine_forbidden");
}

#[test]
fn context_unusable() {
    let mut scene = Scene::shop();
    scene.engine.fail_with(EngineMethod::Identity, || EngineError::Context {
        name: "production".into(),
        reason: "there is no such context".into(),
    });
    scene.run("down -v").snapshot("failures/context_unusable");
}

#[test]
fn engine_refuses() {
    let mut scene = Scene::shop();
    scene.engine.fail_with(EngineMethod::ProjectVolumes, || EngineError::Refused {
        action: "list volumes".into(),
        source: anyhow::anyhow!("the volume driver `nfs` does not answer"),
    });
    scene.run("down -v").snapshot("failures/engine_refuses");
}

#[test]
fn unreadable_project() {
    let complaint =
        "validating /home/me/project/compose.yaml: services.db additional properties 'imge' not allowed\n";
    let mut scene = Scene::shop().with_refused_file(complaint);
    for line in ["down -v", "up -d", "--safe-plan up -d", "backup", "backups", "history"] {
        scene.run(line);
    }
    scene.snapshot("failures/unreadable_project");
}

#[test]
fn wrong_settings() {
    let settings = json!({ "backup": { "befor": ["down"] } });
    Scene::shop().with_settings(&settings).run("down -v").run("backups").snapshot("failures/wrong_settings");
}

#[test]
fn no_compose() {
    let mut scene = Scene::shop();
    scene.env().compose = None;
    scene.env().system_root = Some("/nowhere".into());
    scene.run("down -v");
    scene.env().compose = Some("/nowhere/docker-compose".into());
    scene.run("down -v").run("backup").snapshot("failures/no_compose");
}

#[test]
fn journal_unwritable() {
    let mut scene = Scene::shop().at_terminal(&[typed("shop")]);
    std::fs::create_dir_all(scene.path("backups/journal.jsonl")).expect("made");
    scene.run("down -v").run("backup").snapshot("failures/journal_unwritable");
}

#[test]
fn unknown_compose() {
    Scene::shop().with_compose_version("no version\n").run("down -v").snapshot("failures/unknown_compose");
}

#[test]
fn images_unreadable() {
    let mut scene = Scene::shop();
    scene
        .engine
        .fail_with(EngineMethod::Image, || EngineError::NotFound { what: "image `postgres:17`".into() });
    scene.run("--safe-plan up -d").run("down --rmi all").snapshot("failures/images_unreadable");
}

#[test]
fn compose_cannot_be_run() {
    Scene::shop()
        .with_broken_compose()
        .run("down -v")
        .run("backup")
        .snapshot("failures/compose_cannot_be_run");
}

#[test]
fn handing_over_fails() {
    Scene::shop().run("ps").snapshot("failures/handing_over_fails");
}
