//! The Qdrant driver on a server that nothing leads to but the engine: no port is published, and there is no network.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use safe_compose::backup::driver::qdrant::QdrantDriver;
use safe_compose::backup::driver::{Driver as _, DriverTarget};
use safe_compose::backup::fingerprint::Fingerprint;
use safe_compose::backup::store::BackupRoot;
use safe_compose::engine::Engine as _;
use safe_compose::engine::docker::DockerEngine;
use safe_compose::inventory::{Store, StoreKind};
use safe_compose::progress::Silent;

use crate::requirements::unavailable;
use crate::support::bare::{Bare, docker, engine};
use crate::support::machine::qdrant_image;

/// Makes a collection with one point from inside the container: the image has bash and no curl.
const FILL: &str = r#"
send() {
  exec 3<>/dev/tcp/127.0.0.1/6333
  printf 'PUT %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %s\r\nConnection: close\r\n\r\n%s' "$1" "${#2}" "$2" >&3
  cat <&3; exec 3>&-
}
send /collections/a '{"vectors":{"size":2,"distance":"Dot"}}'
send '/collections/a/points?wait=true' '{"points":[{"id":1,"vector":[1,2]}]}'
"#;

async fn store(engine: &DockerEngine, scratch: &Bare, image: String) -> Store {
    let containers = engine.project_containers(&scratch.name).await.expect("asked");
    Store {
        id: "qdrant".into(),
        service: "qdrant".into(),
        kind: StoreKind::Qdrant,
        container: containers.into_iter().next(),
        image: Some(image),
        locations: Vec::new(),
    }
}

fn target<'a>(engine: &'a DockerEngine, store: &'a Store) -> DriverTarget<'a> {
    DriverTarget { engine, local: true, store, stores: &[], progress: &Silent, api_key: None, quiesce: None }
}

/// How long a request waits for an answer that is stuck in a tunnel.
const STUCK: Duration = Duration::from_secs(10);

/// The stand-in has BusyBox's tools: its `cat` left 14 of 15 requests without an answer for that long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_is_stuck_in_a_tunnel() {
    let Some(image) = qdrant_image() else { return };
    let Some(scratch) = Bare::new("tunnels") else { return };
    if docker(&["run", "--rm", "--network", "none", "--entrypoint", "bash", &image, "-c", "true"]).is_err() {
        return unavailable(&format!("`{image}` has no bash"));
    }
    let words = ["--network", "none", "-e", "QDRANT__TELEMETRY_DISABLED=true", &image];
    scratch.container(&["run", "-d"], "qdrant", &words);
    let engine = engine().await;
    let store = store(&engine, &scratch, image).await;
    let target = target(&engine, &store);
    let driver = QdrantDriver::new();
    driver.wait_ready(target, Duration::from_mins(1)).await.expect("it answers through the tunnel");
    let since = now();
    let mut took = Vec::new();
    for _ in 0..9 {
        let started = Instant::now();
        driver.fingerprint(target).await.expect("counted");
        took.push(started.elapsed());
    }
    took.sort();
    // A busy machine delays some; a tunnel that gets stuck delays nearly all.
    assert!(took[took.len() / 2] < STUCK, "{took:?}");
    assert_ne!(tunnels(&store.container.as_ref().expect("it runs").id, &since), 0);
    let dir = tempfile::tempdir().expect("a directory");
    let root = BackupRoot::create(dir.path().join("backups")).expect("a root");
    let mut staging = root.stage("qdrant", jiff::Timestamp::now()).expect("staged");
    driver.dump(target, None, &mut staging).await.expect("saved through the tunnel");
}

/// The server does not listen yet when it is asked for the first time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_published_port_is_used_right_after_the_start() {
    let Some(image) = qdrant_image() else { return };
    let engine = engine().await;
    for _ in 0..5 {
        let Some(scratch) = Bare::new("published") else { return };
        let words = ["-p", "127.0.0.1::6333", "-e", "QDRANT__TELEMETRY_DISABLED=true", &image];
        scratch.container(&["run", "-d"], "qdrant", &words);
        let store = store(&engine, &scratch, image.clone()).await;
        let target = target(&engine, &store);
        let driver = QdrantDriver::new();
        driver.wait_ready(target, Duration::from_mins(2)).await.expect("it answers");
        let since = now();
        driver.fingerprint(target).await.expect("counted");
        let container = &store.container.as_ref().expect("it runs").id;
        assert_eq!(tunnels(container, &since), 0, "the port is used");
    }
}

/// The engine's clock.
fn now() -> String {
    docker(&["info", "-f", "{{ .SystemTime }}"]).expect("it answers").trim().to_owned()
}

/// How many tunnels were opened in a container since then. Each is a shell that is connected to the server.
fn tunnels(container: &str, since: &str) -> usize {
    let of_container = format!("container={container}");
    let filters = ["--filter", &of_container, "--filter", "event=exec_create"];
    let until = now();
    let words = [&["events", "--since", since, "--until", &until], &filters[..]].concat();
    let started = docker(&words).expect("it answers");
    started.lines().filter(|line| line.contains("/dev/tcp/")).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_any_port_is_saved_through_a_tunnel() {
    let Some(image) = qdrant_image() else { return };
    let Some(scratch) = Bare::new("tunnel") else { return };
    let title = docker(&[
        "image",
        "inspect",
        "-f",
        "{{ index .Config.Labels \"org.opencontainers.image.title\" }}",
        &image,
    ]);
    if title.is_ok_and(|title| title.contains("stand-in")) {
        return unavailable("a snapshot of the stand-in has other files: this needs Qdrant itself");
    }
    if docker(&["run", "--rm", "--network", "none", "--entrypoint", "bash", &image, "-c", "true"]).is_err() {
        return unavailable(&format!("`{image}` has no bash"));
    }
    // A small log, so that a tunnel carries what there is and not a hundred megabytes of zeros.
    let small = "QDRANT__STORAGE__WAL__WAL_CAPACITY_MB=1";
    let words = ["--network", "none", "-e", "QDRANT__TELEMETRY_DISABLED=true", "-e", small, &image];
    let id = scratch.container(&["run", "-d"], "qdrant", &words);
    let engine = engine().await;
    let store = store(&engine, &scratch, image).await;
    let target = target(&engine, &store);
    let driver = QdrantDriver::new();
    driver.wait_ready(target, Duration::from_mins(1)).await.expect("it answers through the tunnel");
    scratch.docker(&["exec", &id, "bash", "-c", FILL]);

    let Fingerprint::Qdrant(found) = driver.fingerprint(target).await.expect("counted") else {
        panic!("it is a Qdrant")
    };
    let counts: BTreeMap<_, _> =
        found.collections.iter().map(|(name, one)| (name.as_str(), one.points)).collect();
    assert_eq!(counts, BTreeMap::from([("a", Some(1))]));
    let dir = tempfile::tempdir().expect("a directory");
    let root = BackupRoot::create(dir.path().join("backups")).expect("a root");
    let mut staging = root.stage("qdrant", jiff::Timestamp::now()).expect("staged");
    let dump = driver.dump(target, None, &mut staging).await.expect("saved through the tunnel");
    assert_eq!(dump.artifacts.len(), 2);
    assert!(dump.artifacts[0].bytes > 10_000);
    let left = scratch.docker(&[
        "exec",
        &id,
        "bash",
        "-c",
        "shopt -s globstar nullglob; echo /qdrant/snapshots/**/*.snapshot",
    ]);
    assert_eq!(left, "");

    // No program of a tunnel outlives it by long.
    drop(staging);
    let mut running = String::new();
    for _ in 0..50 {
        running = scratch.docker(&[
            "exec",
            &id,
            "bash",
            "-c",
            "for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline; echo; done",
        ]);
        if !running.contains("/dev/tcp/127.0.0.1/6333 4<&0") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(!running.contains("/dev/tcp/127.0.0.1/6333 4<&0"), "{running}");
}
