//! Hooks, and commands of labels, on a real engine and with real Composes.

use std::fs;

use serde_json::Value;

use crate::support::bare::Bare;
use crate::support::{Compose, Scratch};

const KEY: &str = "a key that nobody sees";
const TOKEN: &str = "a token that nobody sees";

/// A project whose hook writes its environment and its input into files, and whose labels write into the volume.
fn project(bare: &Bare, compose: Compose) -> Option<Scratch> {
    let image = bare
        .image(&[r#"CMD ["/bin/sh", "-c", "trap 'exit 0' TERM; while :; do /bin/busybox sleep 1; done"]"#]);
    let version = if compose == Compose::V1 { "version: '3.8'\n" } else { "" };
    let file = format!(
        r#"{version}x-safe-compose:
  services: {{ db: {{ kind: volume }} }}
  hooks:
    after_backup: [sh, -c, "env >hook.env; cat >hook.json"]
    on_refusal: [sh, -c, "echo refused >>refusals"]
  notify:
    - {{ kind: webhook, url: "http://127.0.0.1:9/", token_env: OUR_TOKEN, events: [on_loss] }}
services:
  db:
    image: {image}
    volumes: ["data:/data"]
    labels:
      docker-volume-backup.archive-pre: /bin/sh -c 'echo "$$0 before" >>/data/log'
      docker-volume-backup.archive-post: /bin/sh -c 'echo after >>/data/log'
volumes: {{ data: {{}} }}
"#
    );
    let project = Scratch::new(compose, &file)?;
    project.plain(&["up", "-d"]).exits(0);
    Some(project)
}

fn run(compose: Compose) {
    let Some(bare) = Bare::new("hooks") else { return };
    let Some(project) = project(&bare, compose) else { return };
    let environment = [("SAFE_COMPOSE_QDRANT_API_KEY", KEY), ("OUR_TOKEN", TOKEN)];

    project.safe_with(&["backup"], &environment).exits(0).says("are inactive");
    project.safe(&["down", "-v"]).exits(77);
    assert!(!project.path("hook.json").exists() && !project.path("refusals").exists());

    project.confirmed(&["trust"]);
    project.safe_with(&["backup"], &environment).exits(0).never_says("inactive");
    let variables = fs::read_to_string(project.path("hook.env")).expect("the hook ran");
    assert!(variables.contains("SAFE_COMPOSE_EVENT=after_backup\n"), "{variables}");
    assert!(!variables.contains(KEY) && !variables.contains(TOKEN), "{variables}");
    let event: Value =
        serde_json::from_slice(&fs::read(project.path("hook.json")).expect("written")).expect("JSON");
    assert_eq!(
        event["backups"][0]["directory"].as_str(),
        project.backups("db").last().and_then(|path| path.to_str())
    );
    let log = project.plain(&["exec", "-T", "db", "/bin/busybox", "cat", "/data/log"]).exits(0);
    assert_eq!(log.stdout.lines().collect::<Vec<_>>(), ["/bin/sh before", "after"]);

    project.safe(&["down", "-v"]).exits(77);
    assert_eq!(fs::read_to_string(project.path("refusals")).expect("the hook ran"), "refused\n");

    project.edit("echo refused", "echo twice");
    project.safe(&["down", "-v"]).exits(77).says("`hooks.on_refusal` is not what you agreed to");
    assert_eq!(fs::read_to_string(project.path("refusals")).expect("there"), "refused\n");
}

#[test]
fn with_compose_v2() {
    run(Compose::V2);
}

#[test]
fn with_compose_v1() {
    run(Compose::V1);
}
