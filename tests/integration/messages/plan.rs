//! `--safe-plan`: what a command would do, without doing it.

use std::time::Duration;

use super::scene::Scene;

#[test]
fn down_with_volumes() {
    Scene::shop().run("--safe-plan down -v").snapshot("plan/down_with_volumes");
}

/// Sizes that take too long are left out, with the reason.
#[test]
fn sizes_come_too_late() {
    let mut scene = Scene::shop();
    scene.engine.measure_volumes_for(Duration::from_hours(1));
    scene.run("--safe-plan down -v").snapshot("plan/sizes_come_too_late");
}

#[test]
fn down_with_volumes_as_json() {
    Scene::shop().run("--safe-plan --safe-format=json down -v").snapshot("plan/down_with_volumes_as_json");
}

#[test]
fn down() {
    Scene::shop().run("--safe-plan down").snapshot("plan/down");
}

#[test]
fn up() {
    Scene::shop().run("--safe-plan up -d").snapshot("plan/up");
}

#[test]
fn up_as_json() {
    Scene::shop().run("--safe-plan --safe-format=json up -d").snapshot("plan/up_as_json");
}

#[test]
fn of_a_program_in_a_container() {
    let mut scene = Scene::shop();
    scene.run("--safe-plan exec db rm -rf /var/lib/postgresql/data").run("--safe-plan run --rm web true");
    scene.run("--safe-plan --safe-format=json exec db true").snapshot("plan/of_a_program_in_a_container");
}

#[test]
fn no_data() {
    Scene::empty().run("--safe-plan down -v").snapshot("plan/no_data");
}

#[test]
fn decisions() {
    let guard = |destroy: &str| serde_json::json!({ "guard": { "destroy": destroy } });
    let mut scene = Scene::shop().with_settings(&guard("refuse"));
    scene.run("--safe-plan down -v");
    scene = scene.with_settings(&guard("allow"));
    scene.run("--safe-plan down -v").run("--safe-plan --safe-skip-backup down -v");
    scene.snapshot("plan/decisions");
}
