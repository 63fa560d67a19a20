//! `setup`: what it will change, what it has changed, and how it ends without a terminal.

use super::scene::{Scene, typed};
use crate::support::write;

fn scene() -> Scene {
    let mut scene = Scene::shop().with_file("own/safe-compose", "a program");
    scene.env().executable = Some(scene.path("own/safe-compose"));
    scene.env().system_root = Some(scene.path("system"));
    scene
}

#[test]
fn installed_and_removed() {
    scene()
        .run("setup --dry-run")
        .run("setup")
        .run("setup plugin --yes")
        .run("setup plugin --yes")
        .run("setup remove --dry-run")
        .run("setup remove --yes")
        .run("setup remove --yes")
        .snapshot("setup/installed_and_removed");
}

/// What has to be done next depends on what was installed.
#[test]
fn next_steps() {
    let crontab = "#!/bin/sh\ncase $1 in -l) exit 1 ;; -) cat > \"$0.table\" ;; esac\n";
    let mut scene = scene().with_file(".git/HEAD", "");
    write(&scene.path("bin/crontab"), crontab, 0o755);
    scene.env().path = Some(scene.path("bin").into());
    scene.env().shell = Some("/bin/bash".into());
    scene
        .run("setup alias --yes")
        .run("setup hooks --yes")
        .run("setup timer --every weekly --yes")
        .run("setup timer --all --yes")
        .snapshot("setup/next_steps");
}

#[test]
fn asked() {
    scene().at_terminal(&[typed("no")]).run("setup").snapshot("setup/asked");
}

#[test]
fn impossible() {
    scene()
        .with_file("system/etc/cron.d", "not a directory")
        .run("setup hooks")
        .run("setup alias")
        .run("setup timer --system")
        .run("setup alias nushell --system")
        .snapshot("setup/impossible");
}
