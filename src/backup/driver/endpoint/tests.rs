//! Routes to a port, on an engine in memory.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::net::TcpListener;

use super::*;
use crate::engine::memory::{EngineMethod, MemoryEngine};
use crate::engine::{Identity, PublishedPort};
use crate::inventory::{Store, StoreKind};
use crate::progress::Silent;

fn container() -> Container {
    Container {
        id: "c".into(),
        name: "stack-db-1".into(),
        state: ContainerState::Running,
        image: "db".into(),
        image_id: String::new(),
        environment: BTreeMap::new(),
        user: String::new(),
        labels: BTreeMap::new(),
        mounts: Vec::new(),
        ports: Vec::new(),
        addresses: BTreeMap::new(),
        network_mode: "bridge".into(),
        created: String::new(),
        started: None,
        finished: None,
        health: None,
        exit_code: 0,
        command: Vec::new(),
    }
}

fn store(container: &Container) -> Store {
    Store {
        id: "db".into(),
        service: "db".into(),
        kind: StoreKind::Qdrant,
        container: Some(container.clone()),
        image: None,
        locations: Vec::new(),
    }
}

fn published(container: &mut Container, host: &str, host_port: u16) {
    container.ports.push(PublishedPort {
        container_port: 6333,
        host: host.parse().expect("an address"),
        host_port,
    });
}

/// A server that says its name and then what it was sent, in capitals.
async fn server(name: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(talk(stream, name));
        }
    });
    port
}

async fn talk<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(mut stream: S, name: &str) {
    let mut buffer = [0; 100];
    if stream.write_all(name.as_bytes()).await.is_err() {
        return;
    }
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        if stream.write_all(buffer[..count].to_ascii_uppercase().as_slice()).await.is_err() {
            return;
        }
    }
}

/// Accepts only the server of that name.
async fn probe(address: String, name: &'static str) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let mut buffer = vec![0; name.len()];
    stream.read_exact(&mut buffer).await.map_err(|_| anyhow!("the connection was closed"))?;
    if buffer != name.as_bytes() {
        bail!("somebody else answers");
    }
    Ok(())
}

async fn find(
    engine: MemoryEngine,
    container: &Container,
    port: u16,
    ways: Routes,
    local: bool,
) -> anyhow::Result<Connection> {
    let store = store(container);
    let target = DriverTarget {
        engine: &engine,
        store: &store,
        stores: &[],
        progress: &Silent,
        local,
        api_key: None,
        quiesce: None,
    };
    resolve(target, port, ways, |address| probe(address, "db")).await
}

fn program(name: &'static str) -> impl Fn(&str, &[&str], DuplexStream) + Send + Sync + 'static {
    move |_, argv, mut pipe| {
        let is_it = argv[0] == name;
        tokio::spawn(async move {
            if is_it {
                talk(pipe, "db").await;
            } else {
                let _ = pipe.write_all(b"not found").await;
            }
        });
    }
}

#[tokio::test]
async fn a_published_port_comes_first() {
    let port = server("db").await;
    let mut container = container();
    published(&mut container, "0.0.0.0", port);
    let reached =
        find(MemoryEngine::new().with_program(program("bash")), &container, 6333, Routes::All, true).await;
    let reached = reached.expect("reached");
    assert_eq!(reached.address(), format!("127.0.0.1:{port}"));
    assert_eq!(reached.to_string(), format!("its published port 127.0.0.1:{port}"));
}

#[tokio::test]
async fn an_address_where_somebody_else_answers_is_passed_over() {
    let (wrong, right) = (server("xx").await, server("db").await);
    let mut container = container();
    published(&mut container, "127.0.0.1", wrong);
    container.addresses.insert("back".into(), "127.0.0.1".parse().expect("an address"));
    let reached = find(MemoryEngine::new(), &container, right, Routes::Direct, true).await;
    assert_eq!(reached.expect("reached").to_string(), format!("127.0.0.1:{right} on network `back`"));
    let reached = find(MemoryEngine::new(), &container, 6333, Routes::Direct, true).await;
    let error = reached.expect_err("only the wrong one").to_string();
    assert!(error.contains("somebody else answers") && error.contains("6333"), "{error}");
}

#[tokio::test]
async fn on_the_hosts_network_the_port_is_here() {
    let port = server("db").await;
    let mut container = container();
    container.network_mode = "host".into();
    let reached = find(MemoryEngine::new(), &container, port, Routes::Direct, true).await;
    assert_eq!(reached.expect("reached").address(), format!("127.0.0.1:{port}"));
}

#[tokio::test]
async fn without_any_address_a_tunnel_carries_both_directions() {
    for name in ["bash", "nc", "busybox"] {
        let engine = MemoryEngine::new().with_container(container()).with_program(program(name));
        let reached = find(engine, &container(), 6333, Routes::All, true).await;
        let reached = reached.expect(name);
        let mut stream = TcpStream::connect(reached.address()).await.expect("connected");
        stream.write_all(b"abc").await.expect("written");
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).await.expect("read");
        assert_eq!(&answer, b"dbABC");
    }
}

#[tokio::test]
async fn an_answer_comes_through_after_our_last_word() {
    let slow = |_: &str, _: &[&str], mut pipe: DuplexStream| {
        tokio::spawn(async move {
            let _ = pipe.write_all(b"db").await;
            tokio::time::sleep(Duration::from_millis(200)).await;
            let _ = pipe.write_all(b" and more").await;
        });
    };
    let engine = MemoryEngine::new().with_container(container()).with_program(slow);
    let reached = find(engine, &container(), 6333, Routes::All, true).await;
    let reached = reached.expect("reached");
    let mut stream = TcpStream::connect(reached.address()).await.expect("connected");
    stream.shutdown().await.expect("half closed");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("read");
    assert_eq!(answer, "db and more");
}

#[tokio::test]
async fn a_tunnel_closes_with_its_owner() {
    let engine = MemoryEngine::new().with_container(container()).with_program(program("bash"));
    let reached = find(engine, &container(), 6333, Routes::All, true).await;
    let reached = reached.expect("reached");
    let mut open = TcpStream::connect(reached.address()).await.expect("connected");
    let mut hello = [0; 2];
    open.read_exact(&mut hello).await.expect("connected through");
    let address = reached.address().to_owned();
    drop(reached);
    let mut rest = Vec::new();
    assert!(matches!(open.read_to_end(&mut rest).await, Ok(0) | Err(_)), "open connections end too");
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn the_error_names_every_way_and_its_reason() {
    let mut container = container();
    published(&mut container, "127.0.0.1", 1);
    let engine = MemoryEngine::new().with_container(container.clone()).with_program(program("none"));
    let reached = find(engine, &container, 6333, Routes::All, true).await;
    let error = reached.expect_err("no way").to_string();
    for part in [
        "`stack-db-1`",
        "its published port 127.0.0.1:1: connection refused",
        "`bash`",
        "`nc`",
        "`busybox nc`",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
    let engine = MemoryEngine::new();
    engine.fail(EngineMethod::Exec);
    let reached = find(engine, &container, 6333, Routes::All, true).await;
    let error = reached.expect_err("no way").to_string();
    assert!(error.contains("cannot connect to the Docker Engine"), "{error}");
}

/// A port that nothing listens on, until the returned function is called.
fn later_server() -> (u16, impl Fn() + Clone + Send + Sync + 'static) {
    let port =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|one| one.local_addr()).expect("bound").port();
    let listen = move || {
        // Only the first call finds the port free.
        let Ok(listener) = std::net::TcpListener::bind(("127.0.0.1", port)) else { return };
        listener.set_nonblocking(true).expect("set");
        let listener = TcpListener::from_std(listener).expect("a runtime");
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(talk(stream, "db"));
            }
        });
    };
    (port, listen)
}

#[tokio::test]
async fn a_server_that_begins_to_listen_just_before_the_tunnel_is_used_directly() {
    let (port, listen) = later_server();
    let mut container = container();
    published(&mut container, "127.0.0.1", port);
    let starts = move |container: &str, argv: &[&str], pipe: DuplexStream| {
        listen();
        program("bash")(container, argv, pipe);
    };
    let engine = MemoryEngine::new().with_container(container.clone()).with_program(starts);
    let reached = find(engine, &container, 6333, Routes::All, true).await.expect("reached");
    assert_eq!(reached.to_string(), format!("its published port 127.0.0.1:{port}"));
}

#[tokio::test]
async fn a_tunnel_that_is_stuck_does_not_delay_a_direct_route() {
    let (port, listen) = later_server();
    let mut container = container();
    published(&mut container, "127.0.0.1", port);
    // Takes everything and never answers.
    let stuck = move |_: &str, _: &[&str], mut pipe: DuplexStream| {
        let listen = listen.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(300)).await;
            listen();
            let _ = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
        });
    };
    let engine = MemoryEngine::new().with_container(container.clone()).with_program(stuck);
    let started = std::time::Instant::now();
    let reached = find(engine, &container, 6333, Routes::All, true).await.expect("reached");
    assert_eq!(reached.to_string(), format!("its published port 127.0.0.1:{port}"));
    assert!(started.elapsed() < ANSWER_IN_TUNNEL / 2, "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_container_that_does_not_run_is_not_tried() {
    let mut container = container();
    container.state = ContainerState::Exited;
    let reached = find(MemoryEngine::new(), &container, 6333, Routes::All, true).await;
    assert_eq!(reached.expect_err("stopped").to_string(), "container `stack-db-1` is stopped");
}

#[tokio::test]
async fn a_remote_engines_ports_are_on_its_host() {
    let identity = |endpoint: &str| Identity {
        id: "r".into(),
        name: "remote".into(),
        version: "26".into(),
        endpoint: endpoint.into(),
        local: false,
        root: PathBuf::new(),
        containerd_images: false,
    };
    let port = server("db").await;
    let mut container = container();
    published(&mut container, "0.0.0.0", port);
    let engine = MemoryEngine::new().with_identity(identity("ssh://me@127.0.0.2:22"));
    assert_eq!(host_of("ssh://me@127.0.0.2:22"), None, "loopback is here");
    let reached = find(engine, &container, 6333, Routes::Direct, false).await;
    assert!(reached.is_ok());
    container.ports.clear();
    published(&mut container, "127.0.0.1", port);
    let engine = MemoryEngine::new().with_identity(identity("tcp://192.0.2.7:2376"));
    let reached = find(engine, &container, 6333, Routes::Direct, false).await;
    let error = reached.expect_err("not seen from here").to_string();
    assert!(error.contains("loopback address of the engine's host"), "{error}");
}

#[test]
fn the_host_of_an_endpoint() {
    for (endpoint, host) in [
        ("unix:///var/run/docker.sock", None),
        ("npipe:////./pipe/docker_engine", None),
        ("tcp://localhost:2375", None),
        ("tcp://[::1]:2375", None),
        ("ssh://me@build.example", Some("build.example")),
        ("ssh://me@build.example:2222/run/docker.sock", Some("build.example")),
        ("tcp://[2001:db8::1]:2376", Some("2001:db8::1")),
    ] {
        assert_eq!(host_of(endpoint).as_deref(), host, "{endpoint}");
    }
    assert_eq!(join("2001:db8::1", 7), "[2001:db8::1]:7");
    assert_eq!(seen_from_here("0.0.0.0".parse().expect("ip"), Some("h")).as_deref(), Some("h"));
    assert_eq!(seen_from_here("192.0.2.1".parse().expect("ip"), Some("h")).as_deref(), Some("192.0.2.1"));
    assert_eq!(seen_from_here("::".parse().expect("ip"), None).as_deref(), Some("::1"));
}
