//! Starting and stopping a server: REST and gRPC over one store.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::cluster::Node;
use crate::failures::{Failure, Failures};
use crate::fault::Outcome;
use crate::snapshots::Source;
use crate::store::Store;
use crate::wire::Gate;
use crate::{grpc, rest};

/// How to run a server. Port 0 takes a free one.
#[derive(Clone, Debug)]
pub struct Config {
    pub storage: PathBuf,
    pub snapshots: PathBuf,
    pub host: IpAddr,
    pub http_port: u16,
    pub grpc_port: u16,
    /// An empty key is no key.
    pub api_key: Option<String>,
    pub read_only_api_key: Option<String>,
    pub version: String,
    pub wal_capacity_mb: u64,
    pub failures: Failures,
}

impl Config {
    /// A server on free loopback ports that keeps everything below `directory`.
    pub fn below(directory: impl Into<PathBuf>) -> Self {
        let directory = directory.into();
        Self {
            storage: directory.join("storage"),
            snapshots: directory.join("snapshots"),
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            http_port: 0,
            grpc_port: 0,
            api_key: None,
            read_only_api_key: None,
            version: "1.19.0".to_owned(),
            wal_capacity_mb: 1,
            failures: Failures::default(),
        }
    }
}

/// What every request sees.
#[derive(Debug)]
pub(crate) struct App {
    store: Arc<Mutex<Store>>,
    /// Which node it is, where it is one of several.
    pub(crate) node: Option<Node>,
    pub(crate) failures: Failures,
    pub(crate) api_key: Option<String>,
    pub(crate) read_only_api_key: Option<String>,
    pub(crate) version: String,
    pub(crate) id: Uuid,
    pub(crate) startup: Timestamp,
}

impl App {
    /// The store, locked. A panic while it was held is a bug of the stand-in, not a reason to stop answering.
    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether filters know `slice`, which came with 1.19.
    pub(crate) fn has_slices(&self) -> bool {
        let minor = self.version.split('.').nth(1).and_then(|minor| minor.parse::<u32>().ok());
        minor.is_none_or(|minor| minor >= 19)
    }

    /// Work on the store on a thread that may block. The work goes on when the caller hangs up.
    pub(crate) async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&mut Store) -> Outcome<T> + Send + 'static,
    ) -> Outcome<T> {
        let app = Arc::clone(self);
        tokio::task::spawn_blocking(move || work(&mut app.store()))
            .await
            .unwrap_or_else(|error| Err(crate::fault::Fault::service(error.to_string())))
    }

    /// What a key may do; `None` when there is no such key.
    pub(crate) fn access(&self, key: Option<&str>) -> Result<Access, &'static str> {
        if self.api_key.is_none() && self.read_only_api_key.is_none() {
            return Ok(Access::Manage);
        }
        let key = key.ok_or("Must provide an API key or an Authorization bearer token")?;
        if self.api_key.as_deref() == Some(key) {
            Ok(Access::Manage)
        } else if self.read_only_api_key.as_deref() == Some(key) {
            Ok(Access::Read)
        } else {
            Err("Invalid API key or JWT")
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Manage,
}

/// A running server. Dropping it ends it as a kill would; [`Server::stop`] ends it in good order.
#[derive(Debug)]
pub struct Server {
    app: Arc<App>,
    http: SocketAddr,
    grpc: SocketAddr,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Server {
    /// Load the storage and begin to answer; the ports are open only after everything has been loaded.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let store = Self::open(&config).await?;
        Self::serve(config, store, None).await
    }

    /// Like [`Server::start`], so many times over one storage, as the nodes of a cluster.
    pub async fn start_cluster(config: Config, nodes: u64) -> anyhow::Result<Vec<Self>> {
        let store = Self::open(&config).await?;
        let peers: Vec<u64> = (1..=nodes).map(|node| node * 1_000_000_000_007).collect();
        let mut servers = Vec::new();
        for own in peers.clone() {
            let node = Node { own, peers: peers.clone() };
            // A cluster is told to fail node by node.
            let config = Config { failures: Failures::default(), ..config.clone() };
            servers.push(Self::serve(config, Arc::clone(&store), Some(node)).await?);
        }
        Ok(servers)
    }

    async fn open(config: &Config) -> anyhow::Result<Arc<Mutex<Store>>> {
        let Config { storage, snapshots, failures, .. } = config;
        let store = Store::open(storage, snapshots, failures.clone(), config.wal_capacity_mb)?;
        if let Some(delay) =
            failures.find(|f| if let Failure::SlowStart(delay) = f { Some(*delay) } else { None })
        {
            tokio::time::sleep(delay).await;
        }
        Ok(Arc::new(Mutex::new(store)))
    }

    async fn serve(config: Config, store: Arc<Mutex<Store>>, node: Option<Node>) -> anyhow::Result<Self> {
        let key = |key: Option<String>| key.filter(|key| !key.is_empty());
        let app = Arc::new(App {
            store,
            node,
            failures: config.failures.clone(),
            api_key: key(config.api_key),
            read_only_api_key: key(config.read_only_api_key),
            version: config.version,
            id: Uuid::new_v4(),
            startup: Timestamp::now(),
        });
        let bind = async |port| {
            let listener = TcpListener::bind((config.host, port)).await?;
            let address = listener.local_addr()?;
            anyhow::Ok((Gate { listener, failures: config.failures.clone() }, address))
        };
        let (http_gate, http) = bind(config.http_port).await?;
        let (grpc_gate, grpc) = bind(config.grpc_port).await?;
        let (stop, stopped) = watch::channel(false);
        let tasks = vec![
            tokio::spawn(rest::serve(Arc::clone(&app), http_gate, stopped.clone())),
            tokio::spawn(grpc::serve(Arc::clone(&app), grpc_gate, stopped)),
        ];
        crate::log(format_args!("INFO Qdrant HTTP listening on {}", http.port()));
        crate::log(format_args!("INFO Qdrant gRPC listening on {}", grpc.port()));
        Ok(Self { app, http, grpc, stop, tasks })
    }

    /// Restore a collection snapshot into the storage of a server that is not running, as `--snapshot` does.
    pub fn restore(config: &Config, archive: &Path, name: &str, force: bool) -> anyhow::Result<()> {
        let Config { storage, snapshots, failures, wal_capacity_mb, .. } = config;
        let mut store = Store::open(storage, snapshots, failures.clone(), *wal_capacity_mb)?;
        if store.collections.contains_key(name) {
            anyhow::ensure!(force, "collection {name} already exists, use --force-snapshot to overwrite it");
            store.delete(name)?;
        }
        store.recover(name, &Source { path: archive.to_owned(), checksum: None })?;
        Ok(())
    }

    pub fn http_port(&self) -> u16 {
        self.http.port()
    }

    pub fn grpc_port(&self) -> u16 {
        self.grpc.port()
    }

    /// The address of the REST interface, as a URL without a slash at its end.
    pub fn http_url(&self) -> String {
        format!("http://{}", self.http)
    }

    /// The address of the gRPC interface, as a URL without a slash at its end.
    pub fn grpc_url(&self) -> String {
        format!("http://{}", self.grpc)
    }

    /// The failures in force; changing them takes effect at once.
    pub fn failures(&self) -> Failures {
        self.app.failures.clone()
    }

    /// Replace the failures in force by a comma list; unlike [`Failures::set`] this also loses collections.
    pub fn fail(&self, list: &str) -> anyhow::Result<()> {
        rest::admin::tell(&self.app, list)
    }

    /// End in good order: the logs are folded into the segments, connections are closed.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.app.blocking(Store::checkpoint).await?;
        self.end().await;
        Ok(())
    }

    /// End at once, as `kill -9` would: nothing is written any more.
    pub async fn kill(mut self) {
        self.end().await;
    }

    async fn end(&mut self) {
        self.stop.send_replace(true);
        for task in self.tasks.drain(..) {
            task.abort();
            // The only error is the abort itself.
            let _ = task.await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        for task in &self.tasks {
            task.abort();
        }
    }
}
