//! A Qdrant server for a test, and the driver at work on it.
//!
//! It is the stand-in, in this process. Where `SAFE_COMPOSE_TEST_QDRANT` names a real server's program, the tests that
//! need no failure on command run against that one; the others are of the stand-in only.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use qdrant_double::{Config, Server};
use safe_compose::backup::driver::qdrant::{QdrantDriver, Timeouts};
use safe_compose::backup::driver::scratch::TestEnv;
use safe_compose::backup::driver::{
    Driver as _, DriverTarget, Dump, RestoreOptions, RestorePlan, Restored, TestRestore as _,
};
use safe_compose::backup::fingerprint::{Difference, Fingerprint, QdrantFingerprint};
use safe_compose::backup::manifest::Manifest;
use safe_compose::backup::store::{Backup, BackupRoot};
use safe_compose::backup::test_restore::TestRestoreResult;
use safe_compose::engine::memory::{self, MemoryEngine};
use safe_compose::engine::{
    Container, ContainerState, Image, InRegistry, Mount, MountSource, PublishedPort, Scratch,
};
use safe_compose::inventory::{Store, StoreKind};
use safe_compose::progress::Silent;
use safe_compose::secret::Secret;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::backup_fixture::manifest;
use crate::support::clearance;

/// A moment of timeouts: no test waits for the lengths that people wait.
pub(crate) const PATIENCE: Timeouts = Timeouts {
    stall: Duration::from_millis(400),
    pause: Duration::from_millis(20),
    settle: Duration::from_millis(400),
};

pub(crate) const DRIVER: QdrantDriver = QdrantDriver::with_timeouts(PATIENCE);

/// Who tries backups out here.
pub(crate) const OWNER: &str = "0123456789ab";

/// A server, and a container that publishes its ports.
pub(crate) struct Stand {
    server: Kind,
    dir: TempDir,
    http: u16,
    key: Option<String>,
    pub(crate) engine: MemoryEngine,
    pub(crate) store: Store,
    /// Those of the project, where there are more.
    pub(crate) stores: Vec<Store>,
    client: reqwest::Client,
}

enum Kind {
    Double {
        /// `None` while it is down.
        server: Option<Server>,
        /// With the ports that it has taken.
        config: Config,
    },
    Real {
        child: std::process::Child,
        program: std::path::PathBuf,
        arguments: Vec<String>,
    },
}

impl Kind {
    fn double(server: Server, config: Config) -> Self {
        let config = Config { http_port: server.http_port(), grpc_port: server.grpc_port(), ..config };
        Self::Double { server: Some(server), config }
    }

    fn as_double(&self) -> Option<&Server> {
        match self {
            Self::Double { server, .. } => server.as_ref(),
            Self::Real { .. } => None,
        }
    }
}

impl Drop for Kind {
    fn drop(&mut self) {
        match self {
            Self::Double { .. } => {}
            Self::Real { child, .. } => {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "tests may look at the environment")]
fn real() -> Option<std::path::PathBuf> {
    std::env::var_os("SAFE_COMPOSE_TEST_QDRANT").map(std::path::PathBuf::from).filter(|path| path.is_file())
}

impl Stand {
    /// Whichever server is at hand.
    pub(crate) async fn new() -> Self {
        match real() {
            Some(program) => Self::of_program(&program).await,
            None => Self::double().await,
        }
    }

    /// The stand-in, which can be told to fail.
    pub(crate) async fn double() -> Self {
        Self::double_with(|_| {}).await
    }

    pub(crate) async fn double_with(change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let mut config = Config::below(dir.path().join("server"));
        change(&mut config);
        let key = config.api_key.clone();
        let server = Server::start(config.clone()).await.expect("a server");
        let (http, grpc) = (server.http_port(), server.grpc_port());
        Self::with(Kind::double(server, config), dir, (http, grpc), key)
    }

    /// So many servers that are the nodes of one cluster, each a service of one project.
    pub(crate) async fn cluster(nodes: u64) -> Vec<Self> {
        let Some(program) = real() else { return Self::cluster_of_doubles(nodes).await };
        let peer = format!("http://127.0.0.1:{}", free_port());
        let mut stands = Vec::new();
        for number in 0..nodes {
            let arguments = if number == 0 {
                vec!["--uri".to_owned(), peer.clone()]
            } else {
                let own = format!("http://127.0.0.1:{}", free_port());
                vec!["--uri".to_owned(), own, "--bootstrap".to_owned(), peer.clone()]
            };
            stands.push(Self::of_program_with(&program, &arguments).await);
        }
        in_one_project(stands)
    }

    pub(crate) async fn cluster_of_doubles(nodes: u64) -> Vec<Self> {
        let dir = tempfile::tempdir().expect("a directory");
        let config = Config::below(dir.path().join("server"));
        let mut dirs = vec![dir];
        dirs.resize_with(usize::try_from(nodes).expect("few"), || tempfile::tempdir().expect("one"));
        let storage = MountSource::Bind { path: config.storage.clone() };
        let servers = Server::start_cluster(config.clone(), nodes).await.expect("a cluster");
        let stand = |(server, dir): (Server, TempDir)| {
            let ports = (server.http_port(), server.grpc_port());
            let mut stand = Self::with(Kind::double(server, config.clone()), dir, ports, None);
            // The nodes of the stand-in keep what they have in one place.
            stand.container().mounts[0].source = storage.clone();
            stand
        };
        in_one_project(servers.into_iter().zip(dirs).map(stand).collect())
    }

    async fn of_program(program: &Path) -> Self {
        Self::of_program_with(program, &[]).await
    }

    async fn of_program_with(program: &Path, arguments: &[String]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let (http, grpc) = (free_port(), free_port());
        let child = spawn(program, arguments, dir.path(), (http, grpc));
        let (program, arguments) = (program.to_owned(), arguments.to_vec());
        let stand = Self::with(Kind::Real { child, program, arguments }, dir, (http, grpc), None);
        stand.wait_ready().await;
        stand
    }

    async fn wait_ready(&self) {
        let ready = QdrantDriver::new().wait_ready(self.target(), Duration::from_mins(1)).await;
        let log = || std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
        assert!(ready.is_ok(), "it does not answer: {ready:?}\n{}", log());
    }

    /// Ends the server with `SIGKILL`, in the middle of whatever it does, and starts it again.
    pub(crate) async fn kill_and_start(&mut self) {
        self.end_and_start(End::Kill).await;
    }

    /// Ends the server with `SIGTERM`, and starts it again.
    pub(crate) async fn stop_and_start(&mut self) {
        self.end_and_start(End::Stop).await;
    }

    async fn end_and_start(&mut self, how: End) {
        let ports = self.store.container.as_ref().map(|container| {
            let port = |inside| container.ports.iter().find(|port| port.container_port == inside);
            let number = |inside| port(inside).expect("published").host_port;
            (number(6333), number(6334))
        });
        match &mut self.server {
            Kind::Double { server, config } => {
                let running = server.take().expect("it runs");
                match how {
                    End::Kill => running.kill().await,
                    End::Stop => running.stop().await.expect("it stops"),
                }
                *server = Some(Server::start(config.clone()).await.expect("it starts again"));
            }
            Kind::Real { child, program, arguments } => {
                let pid = rustix::process::Pid::from_child(child);
                let signal = match how {
                    End::Kill => rustix::process::Signal::KILL,
                    End::Stop => rustix::process::Signal::TERM,
                };
                rustix::process::kill_process(pid, signal).expect("it runs");
                child.wait().expect("it ends");
                *child = spawn(program, arguments, self.dir.path(), ports.expect("a container"));
            }
        }
        self.wait_ready().await;
    }

    /// The driver, with timeouts that fit the server.
    pub(crate) fn driver(&self) -> QdrantDriver {
        if self.is_double() { DRIVER } else { QdrantDriver::new() }
    }

    fn with(server: Kind, dir: TempDir, (http, grpc): (u16, u16), key: Option<String>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let below = if matches!(server, Kind::Double { .. }) { "server/storage" } else { "storage" };
        let storage = Mount {
            source: MountSource::Bind { path: dir.path().join(below) },
            destination: "/qdrant/storage".into(),
            read_only: false,
            subpath: None,
        };
        let port = |container_port, host_port| PublishedPort {
            container_port,
            host: "127.0.0.1".parse().expect("an address"),
            host_port,
        };
        let container = Container {
            id: "c1".into(),
            name: "shop-qdrant-1".into(),
            state: ContainerState::Running,
            image: "qdrant/qdrant:v1.19.0".into(),
            image_id: "sha256:0".into(),
            environment: key
                .iter()
                .map(|key| ("QDRANT__SERVICE__API_KEY".to_owned(), Secret::new(key.clone())))
                .collect(),
            user: String::new(),
            labels: BTreeMap::from([("com.docker.compose.project".into(), "shop".into())]),
            mounts: vec![storage],
            ports: vec![port(6333, http), port(6334, grpc)],
            addresses: BTreeMap::new(),
            network_mode: "bridge".into(),
            created: String::new(),
            started: None,
            finished: None,
            health: None,
            exit_code: 0,
            command: Vec::new(),
        };
        let engine = MemoryEngine::new().with_container(container.clone());
        let store = Store {
            id: "qdrant".into(),
            service: "qdrant".into(),
            kind: StoreKind::Qdrant,
            container: Some(container),
            image: None,
            locations: Vec::new(),
        };
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { server, dir, http, key, engine, store, stores: Vec::new(), client }
    }

    /// The container, to be changed.
    pub(crate) fn container(&mut self) -> &mut Container {
        self.store.container.as_mut().expect("there is one")
    }

    /// What the container says about where its server keeps snapshots, which it then moves on its own disk.
    pub(crate) fn with_known_snapshots(mut self) -> Self {
        let below = match &self.server {
            Kind::Double { .. } => "server/snapshots",
            Kind::Real { .. } => "snapshots",
        };
        let path = self.dir.path().join(below).display().to_string();
        self.container().environment.insert("QDRANT__STORAGE__SNAPSHOTS_PATH".to_owned(), Secret::new(path));
        self
    }

    /// Every scratch container is a stand-in from now on, changed like this.
    pub(crate) fn with_scratch(mut self, change: fn(&mut Config)) -> Self {
        let image = Image {
            id: "sha256:0".to_owned(),
            user: String::new(),
            volumes: Vec::new(),
            container_config_volumes: Vec::new(),
            environment: BTreeMap::new(),
            in_registry: InRegistry::No,
        };
        let serve = move |scratch: &Scratch| serve(scratch, change);
        self.engine = self.engine.with_image("qdrant/qdrant:v1.19.0", image).with_scratch(serve);
        self
    }

    /// Tries a backup out as the program does.
    pub(crate) async fn try_out(&self, backup: &Backup) -> anyhow::Result<TestRestoreResult> {
        let ground = TestEnv {
            engine: &self.engine,
            local: true,
            progress: &Silent,
            owner: OWNER,
            ready_timeout: Duration::from_secs(10),
            clearance: &clearance(),
            last_dump: None,
        };
        DRIVER.run(ground, backup).await
    }

    pub(crate) fn is_double(&self) -> bool {
        matches!(self.server, Kind::Double { .. })
    }

    /// As where only the first port is published.
    pub(crate) fn without_grpc(mut self) -> Self {
        self.container().ports.retain(|port| port.container_port == 6333);
        self
    }

    pub(crate) fn target(&self) -> DriverTarget<'_> {
        DriverTarget {
            engine: &self.engine,
            local: true,
            store: &self.store,
            stores: &self.stores,
            progress: &Silent,
            api_key: None,
            quiesce: None,
        }
    }

    /// Tells the stand-in how to fail from now on; with nothing, not at all.
    pub(crate) fn fail(&self, list: &str) {
        self.server.as_double().expect("a real server fails on no command").fail(list).expect("a failure");
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.http)
    }

    /// Whether the stand-in is told to fail, or has died of it.
    pub(crate) fn is_failing(&self) -> Vec<qdrant_double::Failure> {
        self.server.as_double().map(|server| server.failures().list()).unwrap_or_default()
    }

    /// Talks to the server as an application would.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> Value {
        let answer = self.ask(method, path, body).await;
        assert_eq!(answer["status"], "ok", "{path}: {answer}");
        answer["result"].clone()
    }

    /// The same where the server may refuse.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: Value) -> Value {
        let method = method.parse().expect("a method");
        let mut request = self.client.request(method, self.url(path));
        if !body.is_null() {
            request = request.json(&body);
        }
        if let Some(key) = &self.key {
            request = request.header("api-key", key);
        }
        request.send().await.expect("an answer").json().await.expect("json")
    }

    /// Uploads a snapshot over a collection, as somebody else would.
    pub(crate) async fn upload(&self, collection: &str, file: &Path) {
        let form = reqwest::multipart::Form::new().file("snapshot", file).await.expect("a file");
        let path = format!("/collections/{collection}/snapshots/upload?wait=true&priority=snapshot");
        let answer = self.client.post(self.url(&path)).multipart(form).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap_or_default());
    }

    /// Makes a collection like the recorded one: named, sparse and indexed, with points from 1.
    pub(crate) async fn fill(&self, collection: &str, points: u64) {
        let path = format!("/collections/{}", encoded(collection));
        let body = json!({
            "vectors": { "texto": { "size": 4, "distance": "Cosine" }, "imagem": { "size": 3, "distance": "Euclid" } },
            "sparse_vectors": { "termos": {} },
            "optimizers_config": { "default_segment_number": 2 }
        });
        self.call("PUT", &path, body).await;
        let index = json!({ "field_name": "cozinha", "field_schema": "keyword" });
        self.call("PUT", &format!("{path}/index?wait=true"), index).await;
        self.write(collection, 1..=points).await;
    }

    pub(crate) async fn write(&self, collection: &str, ids: std::ops::RangeInclusive<u64>) {
        let points: Vec<Value> = ids
            .map(|id| {
                json!({
                    "id": id,
                    "vector": {
                        "texto": [id, 1, 0.5, 0.25], "imagem": [id, 2, 3],
                        "termos": { "indices": [id, id + 7], "values": [0.5, 1.25] }
                    },
                    "payload": { "n": id, "cozinha": "mineira" }
                })
            })
            .collect();
        if !points.is_empty() {
            let path = format!("/collections/{}/points?wait=true", encoded(collection));
            self.call("PUT", &path, json!({ "points": points })).await;
        }
    }

    pub(crate) async fn count(&self, collection: &str) -> u64 {
        let path = format!("/collections/{}/points/count", encoded(collection));
        self.call("POST", &path, json!({ "exact": true })).await["count"].as_u64().expect("a count")
    }

    pub(crate) async fn delete(&self, collection: &str) {
        self.call("DELETE", &format!("/collections/{}", encoded(collection)), Value::Null).await;
    }

    pub(crate) async fn alias(&self, alias: &str, collection: &str) {
        let action = json!({ "create_alias": { "alias_name": alias, "collection_name": collection } });
        self.call("POST", "/collections/aliases", json!({ "actions": [action] })).await;
    }

    pub(crate) async fn names(&self) -> Vec<String> {
        let listed = self.call("GET", "/collections", Value::Null).await;
        let list = listed["collections"].as_array().expect("a list");
        let mut names: Vec<String> =
            list.iter().map(|one| one["name"].as_str().expect("a name").to_owned()).collect();
        names.sort();
        names
    }

    /// Alias and collection, sorted.
    pub(crate) async fn aliases(&self) -> Vec<(String, String)> {
        let listed = self.call("GET", "/aliases", Value::Null).await;
        let text = |value: &Value| value.as_str().expect("a name").to_owned();
        let mut aliases: Vec<_> = listed["aliases"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| (text(&one["alias_name"]), text(&one["collection_name"])))
            .collect();
        aliases.sort();
        aliases
    }

    /// Every file below the server's snapshot directory: what nobody deleted.
    pub(crate) fn left_over(&self) -> Vec<String> {
        let mut found = Vec::new();
        for below in ["server/snapshots", "snapshots"] {
            files(&self.dir.path().join(below), &mut found);
        }
        found
    }

    /// Where the server keeps its data.
    pub(crate) fn storage(&self) -> std::path::PathBuf {
        match self.server {
            Kind::Double { .. } => self.dir.path().join("server/storage"),
            Kind::Real { .. } => self.dir.path().join("storage"),
        }
    }

    /// The files of the stand-in below a path of its own.
    pub(crate) fn server_files(&self, below: &str) -> Vec<String> {
        let mut found = Vec::new();
        files(&self.dir.path().join("server").join(below), &mut found);
        found
    }

    pub(crate) async fn fingerprint(&self) -> QdrantFingerprint {
        match self.driver().fingerprint(self.target()).await.expect("counted") {
            Fingerprint::Qdrant(found) => found,
            Fingerprint::Volume { .. } | Fingerprint::Databases(_) => panic!("not of a Qdrant"),
        }
    }

    /// Backs up, and finishes the backup as the program does.
    pub(crate) async fn back_up(&self, root: &BackupRoot) -> anyhow::Result<Saved> {
        let mut staging = root.stage("qdrant", jiff::Timestamp::now())?;
        let dump = self.driver().dump(self.target(), root.newest("qdrant")?.as_ref(), &mut staging).await?;
        let Dump {
            server,
            fingerprint,
            artifacts,
            proof,
            consistency,
            tree,
            sqlite,
            manual_restore,
            remarks,
        } = dump;
        let manifest = Manifest {
            kind: StoreKind::Qdrant,
            server,
            fingerprint,
            proof,
            consistency,
            tree,
            sqlite,
            manual_restore,
            ..manifest("qdrant", artifacts)
        };
        let verified = staging.finish(manifest)?;
        let backup = Backup::clone(&verified);
        Ok(Saved { backup, remarks })
    }

    pub(crate) async fn plan(&self, from: &Backup, request: &RestoreOptions) -> anyhow::Result<RestorePlan> {
        self.driver().plan_restore(self.target(), from, request).await
    }

    /// Plans and restores.
    pub(crate) async fn restore(&self, from: &Backup, request: &RestoreOptions) -> anyhow::Result<Restored> {
        let plan = self.plan(from, request).await?;
        self.restore_as(from, &plan, request).await
    }

    pub(crate) async fn restore_as(
        &self,
        from: &Backup,
        plan: &RestorePlan,
        request: &RestoreOptions,
    ) -> anyhow::Result<Restored> {
        self.driver().restore(self.target(), from, plan, request, &clearance()).await
    }
}

/// How a server ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Kill,
    Stop,
}

#[expect(clippy::disallowed_methods, reason = "the server under test is a program")]
fn spawn(
    program: &Path,
    arguments: &[String],
    directory: &Path,
    (http, grpc): (u16, u16),
) -> std::process::Child {
    let peers = arguments.get(1).and_then(|own| own.rsplit_once(':'));
    let log = std::fs::File::options().create(true).append(true).open(directory.join("log")).expect("a log");
    std::process::Command::new(program)
        .current_dir(directory)
        .env("QDRANT__TELEMETRY_DISABLED", "true")
        .env("QDRANT__SERVICE__HOST", "127.0.0.1")
        .env("QDRANT__SERVICE__HTTP_PORT", http.to_string())
        .env("QDRANT__SERVICE__GRPC_PORT", grpc.to_string())
        .env("QDRANT__STORAGE__STORAGE_PATH", directory.join("storage"))
        .env("QDRANT__STORAGE__SNAPSHOTS_PATH", directory.join("snapshots"))
        .env("QDRANT__STORAGE__WAL__WAL_CAPACITY_MB", "1")
        .args(arguments)
        .env("QDRANT__CLUSTER__ENABLED", if peers.is_some() { "true" } else { "false" })
        .env("QDRANT__CLUSTER__P2P__PORT", peers.map_or("6335", |(_, port)| port))
        .stdout(log.try_clone().expect("a log"))
        .stderr(log)
        .spawn()
        .expect("it starts")
}

/// A stand-in for a scratch container, on a thread of its own, that ends when what it gives is dropped.
fn serve(scratch: &Scratch, change: fn(&mut Config)) -> memory::ScratchStub {
    let variable = |name: &str| scratch.environment.get(name).map(|value| value.expose().to_owned());
    assert_eq!(variable("QDRANT__TELEMETRY_DISABLED").as_deref(), Some("true"));
    let key = variable("QDRANT__SERVICE__API_KEY");
    let (send, receive) = std::sync::mpsc::channel();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let dir = tempfile::tempdir().expect("a directory");
            let mut config = Config::below(dir.path());
            config.api_key = key;
            change(&mut config);
            let server = Server::start(config).await.expect("a server");
            send.send((server.http_port(), server.grpc_port())).expect("somebody waits");
            // The only error is that nobody holds it any more.
            let _ = stopped.await;
        });
    });
    let (http, grpc) = receive.recv().expect("it has started");
    let port = |container_port, host_port| PublishedPort {
        container_port,
        host: "127.0.0.1".parse().expect("an address"),
        host_port,
    };
    memory::ScratchStub { ports: vec![port(6333, http), port(6334, grpc)], running: Box::new(stop) }
}

/// A finished backup, and what was said about it.
pub(crate) struct Saved {
    pub(crate) backup: Backup,
    pub(crate) remarks: Vec<String>,
}

pub(crate) fn compare(recorded: &QdrantFingerprint, now: &QdrantFingerprint) -> Vec<Difference> {
    DRIVER.compare(&Fingerprint::Qdrant(recorded.clone()), &Fingerprint::Qdrant(now.clone()))
}

/// The whole chain of causes of what must have failed.
pub(crate) fn why<T>(result: anyhow::Result<T>) -> String {
    match result {
        Ok(_) => panic!("it must fail"),
        Err(error) => format!("{error:#}"),
    }
}

fn in_one_project(mut stands: Vec<Stand>) -> Vec<Stand> {
    for (number, stand) in stands.iter_mut().enumerate() {
        let name = format!("qdrant-{}", number + 1);
        (stand.store.id, stand.store.service) = (name.clone(), name);
    }
    let stores: Vec<Store> = stands.iter().map(|stand| stand.store.clone()).collect();
    for stand in &mut stands {
        stand.stores.clone_from(&stores);
    }
    stands
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound").port()
}

fn files(directory: &Path, found: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path.display().to_string());
        }
    }
}

/// A name as part of a URL.
fn encoded(name: &str) -> String {
    name.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}
