//! A stack of which only the volume is left: its containers were removed, and its images pruned.

use crate::support::bare::{Bare, docker};
use crate::support::{Compose, Scratch};

const STACK: &str = r#"
services:
  db: { image: "sctest-gone:1", volumes: ["data:/data"] }
volumes: { data: }
"#;

#[test]
fn its_volume_is_saved_before_it_is_deleted_and_comes_back() {
    let Some(bare) = Bare::new("gone") else { return };
    let Some(scratch) = Scratch::new(Compose::V2, STACK) else { return };
    let (image, volume) = (bare.image(&[]), scratch.volume("data"));
    let make = || {
        let project = format!("com.docker.compose.project={}", scratch.project);
        let key = "com.docker.compose.volume=data";
        docker(&["volume", "create", "--label", &project, "--label", key, &volume]).expect("made")
    };
    let inside = |command: &str| {
        docker(&[
            "run",
            "--rm",
            "--network",
            "none",
            "-v",
            &format!("{volume}:/look"),
            &image,
            "/bin/sh",
            "-c",
            command,
        ])
    };
    make();
    inside("echo precious > /look/kept").expect("written");

    let refused = scratch.safe(&["down", "-v"]).exits(77).stderr;
    let token =
        refused.split("--safe-allow=").nth(1).and_then(|rest| rest.split(' ').next()).expect("a token");
    scratch.safe(&[&format!("--safe-allow={token}"), "down", "-v"]).exits(0).says("verified, cold) to");
    assert!(docker(&["volume", "inspect", &volume]).is_err(), "it is deleted");

    make();
    scratch.safe(&["restore", "latest"]).exits(0).says("restored 1 data mount");
    assert_eq!(inside("cat /look/kept").as_deref(), Ok("precious"));
}
