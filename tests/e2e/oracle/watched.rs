//! `watch`: the paths of a container that follow paths of this machine.

use std::fs;
use std::time::Duration;

use safe_compose::policy::Effect;

use super::row::Files;
use super::trial::Trial;
use crate::support::Compose;
use crate::support::bare::docker;

const SYNCED: Files = &[
    (
        "compose.yml",
        r#"
services:
  db:
    image: "{I}:plain"
    network_mode: none
    volumes: ["data:/data", "other:/other"]
    develop: { watch: [{ action: sync, path: ./src, target: /data/src }] }
volumes: { data: , other: }
"#,
    ),
    ("src/changed", "0"),
    ("src/removed", "0"),
];

/// Asks again until the answer is yes, for at most twenty seconds.
fn soon(mut question: impl FnMut() -> bool) -> bool {
    (0..40).any(|_| {
        std::thread::sleep(Duration::from_millis(500));
        question()
    })
}

#[test]
fn sync_overwrites_and_deletes_in_a_volume() {
    let Some(trial) = Trial::new(Compose::V2, SYNCED) else { return };
    trial.real("up -d", &[], "").exits(0);
    let container = format!("{}-db-1", trial.project);
    let inside = |script: &str| docker(&["exec", &container, "/bin/sh", "-c", script]);
    inside("mkdir /data/src; cd /data/src; echo kept > changed; echo kept > removed; echo kept > own")
        .expect("made");

    let volume = |key: &str| {
        let name = format!("{}_{key}", trial.project);
        move |subject: &serde_json::Value| subject["type"] == "volume" && subject["name"] == name.as_str()
    };
    for line in ["watch --no-up", "watch", "up --watch"] {
        assert_eq!(trial.planned(line, volume("data")), Effect::Destroy, "`{line}`");
        assert_eq!(trial.planned(line, volume("other")), Effect::None, "`{line}`");
    }

    let mut watching = trial.start("watch --no-up");
    let source = trial.directory().join("src");
    let mut number = 0;
    let overwritten = soon(|| {
        // It sees only what changes after it has begun to look.
        number += 1;
        fs::write(source.join("changed"), number.to_string()).expect("written");
        inside("cat /data/src/changed").is_ok_and(|text| text != "kept")
    });
    fs::remove_file(source.join("removed")).expect("removed");
    let deleted = soon(|| inside("cat /data/src/removed").is_err());
    let own = inside("cat /data/src/own");
    watching.kill().expect("killed");
    watching.wait().expect("ended");
    assert!(overwritten && deleted, "overwritten {overwritten}, deleted {deleted}");
    assert_eq!(own.as_deref(), Ok("kept"), "what only the container has stays");
}
