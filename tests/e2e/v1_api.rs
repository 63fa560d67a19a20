//! Compose V1 on an engine whose newest API leaves out what V1 makes containers anew by.

use std::fs;

use crate::requirements::unavailable;
use crate::support::bare::{Bare, docker};
use crate::support::{Compose, Scratch, machine};

const STACK: &str = r#"
services:
  db: { image: "IMAGE", command: ["sleep", "600"], stop_signal: SIGKILL, network_mode: none, volumes: ["data:/data"] }
volumes: { data: }
"#;

#[test]
fn a_container_made_anew_comes_up_and_alone_it_does_not() {
    let Some(bare) = Bare::new("v1api") else { return };
    let image = bare.image(&[]);
    let Some(shop) = Scratch::new(Compose::V1, &STACK.replace("IMAGE", &image)) else { return };
    if machine::needed_by_v1().is_none() {
        return unavailable("no engine of version 26 or newer");
    }
    shop.plain(&["up", "-d"]).exits(0);
    shop.plain(&["up", "-d", "--force-recreate"]).exits(1).says("'ContainerConfig'");
    let label = format!("label=com.docker.compose.project={}", shop.project);
    let running = || docker(&["ps", "-q", "--filter", &label]).expect("listed");
    assert_eq!(running(), "", "it stays down");

    if machine::images_in_containerd() {
        shop.plain(&["rm", "-f"]).exits(0);
        shop.safe(&["up", "-d"]).exits(0).never_says("ContainerConfig");
        let plan = shop.safe(&["--safe-plan", "up", "-d", "--force-recreate"]).exits(0).stdout;
        assert!(plan.contains("stays down until Compose V2"), "{plan}");
        shop.safe(&["up", "-d", "--force-recreate"]).exits(1).says("it keeps its data and stays down");
        assert_eq!(running(), "", "as it was said");
        return;
    }
    shop.safe(&["up", "-d", "--force-recreate"]).exits(0);
    assert_ne!(running(), "");
    shop.safe_with(&["up", "-d", "--force-recreate"], &[("COMPOSE_API_VERSION", "1.45")])
        .exits(1)
        .says("'ContainerConfig'");
    fs::write(shop.path(".env"), "COMPOSE_API_VERSION=1.45\n").expect("written");
    shop.safe(&["up", "-d", "--force-recreate"]).exits(1).says("'ContainerConfig'");
}
