//! What is typed wrong, and help.

use super::scene::Scene;

#[test]
fn unknown_flag_of_compose() {
    Scene::shop()
        .with_compose_exit(16)
        .run("down --no-such-flag -v")
        .snapshot("usage/unknown_flag_of_compose");
}

#[test]
fn flag_of_a_newer_compose() {
    Scene::shop()
        .run("down --new-flag")
        .run("--safe-plan down --new-flag")
        .snapshot("usage/flag_of_a_newer_compose");
}

#[test]
fn unknown_own_flags() {
    Scene::shop()
        .run("--safe-nosuch down")
        .run("--safe-format=xml down")
        .run("--safe-allow= down -v")
        .run("--no-such-flag backup")
        .run("backup --no-such-flag")
        .run("backups nosuch")
        .run("verify --prove")
        .run("history --last many")
        .snapshot("usage/unknown_own_flags");
}

#[test]
fn version() {
    Scene::shop().run("--safe-version").snapshot("usage/version");
}

#[test]
fn help() {
    Scene::shop().run("--safe-help").snapshot("usage/help");
}
