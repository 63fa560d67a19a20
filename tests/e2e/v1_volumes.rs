//! What Compose V1 leaves as it is although the file has changed: a container's volume at a `VOLUME` of its image, and the
//! dependencies of `run`.

use crate::requirements::unavailable;
use crate::support::bare::{Bare, docker};
use crate::support::{Compose, Scratch};

/// An image with the name of PostgreSQL, built so that V1 finds its `VOLUME`.
fn image(bare: &Bare) -> Option<String> {
    let base = bare.image(&[]);
    let tag = format!("{}/postgres:15", bare.name);
    let dockerfile = format!("FROM {base}\nVOLUME /var/lib/postgresql/data\nCMD [\"sleep\", \"600\"]\n");
    duct::cmd!("docker", "build", "-q", "-t", &tag, "-")
        .env("DOCKER_BUILDKIT", "0")
        .stdin_bytes(dockerfile)
        .stdout_null()
        .stderr_null()
        .run()
        .expect("built");
    let volumes = docker(&["inspect", "-f", "{{.ContainerConfig.Volumes}}", &tag]).unwrap_or_default();
    if volumes.contains("/var/lib/postgresql/data") {
        return Some(tag);
    }
    unavailable("this engine's images have no `ContainerConfig`");
    None
}

const STACK: &str = r#"
services:
  db: { image: "IMAGE", stop_signal: SIGKILL, network_mode: none, environment: { A: "1" } }
  web: { image: "IMAGE", stop_signal: SIGKILL, network_mode: none, depends_on: [db] }
volumes: { data: }
"#;

const DATA: &str = "/var/lib/postgresql/data/PG_VERSION";

fn shop(bare: &Bare) -> Option<Scratch> {
    let image = image(bare)?;
    let shop = Scratch::new(Compose::V1, &format!("version: \"3.8\"{}", STACK.replace("IMAGE", &image)))?;
    shop.plain(&["up", "-d", "db"]).exits(0);
    shop.plain(&["exec", "-T", "db", "sh", "-c", &format!("echo 15 >{DATA}; echo x >/in-layer")]).exits(0);
    Some(shop)
}

fn id(shop: &Scratch) -> String {
    shop.plain(&["ps", "-q", "db"]).exits(0).stdout
}

#[test]
fn a_named_volume_has_no_effect_and_is_not_asked_about() {
    let Some(bare) = Bare::new("v1vol") else { return };
    let Some(shop) = shop(&bare) else { return };
    shop.edit(r#"environment: { A: "1" }"#, r#"volumes: ["data:/var/lib/postgresql/data"]"#);
    let before = id(&shop);
    shop.safe(&["up", "-d", "db"]).exits(0).says("has no effect").never_says("without its data");
    assert_ne!(id(&shop), before, "it was made anew");
    shop.plain(&["exec", "-T", "db", "cat", DATA]).exits(0);
    for _ in 0..2 {
        shop.safe(&["up", "-d", "db"]).exits(0).says("up-to-date").never_says("without its data");
    }
    // `rm` is what makes the named volume count.
    shop.safe(&["rm", "-fs", "db"]).exits(77).says("left behind");
    docker(&["rmi", "-f", &image_of(&shop)]).ok();
}

#[test]
fn run_leaves_its_dependencies_alone() {
    let Some(bare) = Bare::new("v1run") else { return };
    let Some(shop) = shop(&bare) else { return };
    shop.edit(r#"A: "1""#, r#"A: "2""#);
    let before = id(&shop);
    shop.safe(&["run", "--rm", "web", "id"]).exits(0).never_says("/in-layer");
    assert_eq!(id(&shop), before, "a running one");
    shop.plain(&["stop", "-t", "0", "db"]).exits(0);
    shop.safe(&["run", "--rm", "web", "id"]).exits(0);
    assert_eq!(id(&shop), before, "a stopped one, which is started");
    shop.plain(&["exec", "-T", "db", "cat", "/in-layer"]).exits(0);
    // `up` makes it anew.
    let plan = shop.safe(&["--safe-plan", "--safe-format=json", "up", "-d"]).exits(0).stdout;
    assert!(plan.contains("\"destroy\""), "{plan}");
    docker(&["rmi", "-f", &image_of(&shop)]).ok();
}

fn image_of(shop: &Scratch) -> String {
    let file = std::fs::read_to_string(shop.path("docker-compose.yml")).expect("read");
    file.split('"').find(|part| part.ends_with("/postgres:15")).expect("an image").to_owned()
}
