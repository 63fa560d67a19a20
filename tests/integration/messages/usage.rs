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
        .run("backup -p shop")
        .run("backup --dry-rn")
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

#[test]
fn flags_that_a_command_has_no_use_for() {
    Scene::shop()
        .run("--safe-skip-checks status")
        .run("--safe-allow=000000000000 backup")
        .run("--safe-format=json man")
        .snapshot("usage/flags_that_a_command_has_no_use_for");
}

#[test]
fn misspelled_command() {
    Scene::shop().run("bakcup").snapshot("usage/misspelled_command");
}

#[test]
fn version_as_json() {
    Scene::shop().run("--safe-version --safe-format=json").snapshot("usage/version_as_json");
}

#[test]
fn man_pages() {
    let mut scene = Scene::empty();
    scene.run("man --directory {project}/man --dry-run").run("man --directory {project}/man");
    std::fs::create_dir(scene.path("man")).expect("made");
    scene.run("man --directory {project}/man");
    std::fs::remove_file(scene.path("man/safe-compose.1")).expect("removed");
    std::fs::create_dir(scene.path("man/safe-compose.1")).expect("made");
    scene.run("man --directory {project}/man").snapshot("usage/man_pages");
}
