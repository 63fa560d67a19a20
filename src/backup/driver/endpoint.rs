//! Connects to a port of a server in a container. All drivers use it.
//!
//! Routes are tried in this order: a published port, the container's own address, a tunnel through a program in the
//! container. A route counts only if the caller's probe succeeds: an address may belong to another server.
//!
//! A server that has just started may begin to listen between two attempts. Direct routes are therefore tried again while
//! a tunnel is being opened, and once more before it is used: a tunnel is slower, and its owner keeps it for long.

mod tunnel;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::DriverTarget;
use crate::engine::{Container, ContainerState};
use crate::error::causes;
use tunnel::{PROGRAMS, Tunnel, TunnelProgram};

/// The timeout for a connection.
const CONNECT: Duration = Duration::from_secs(2);

/// The timeout for the first response; a busy server needs some time.
const ANSWER: Duration = Duration::from_secs(5);

/// The same through a tunnel, for which the engine starts a program first.
const ANSWER_IN_TUNNEL: Duration = Duration::from_secs(10);

/// How long to wait before a direct route is tried again.
const RETRY: Duration = Duration::from_millis(200);

/// The timeout for a direct route that is tried again when a tunnel has answered.
const LAST_CHECK: Duration = Duration::from_secs(1);

/// Which routes may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Routes {
    All,
    /// No tunnel: it costs a program in the container for each connection.
    Direct,
}

/// A route that works. A tunnel stays open as long as this lives.
#[derive(Debug)]
pub struct Connection {
    address: String,
    way: Route,
}

#[derive(Debug)]
enum Route {
    Published,
    Host,
    Network(String),
    Tunnel(Tunnel),
}

impl Connection {
    /// `host:port`, to connect to from here.
    pub fn address(&self) -> &str {
        &self.address
    }

    fn through(tunnel: Tunnel) -> Self {
        Self { address: tunnel.address().to_string(), way: Route::Tunnel(tunnel) }
    }
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.way {
            Route::Published => write!(f, "its published port {}", self.address),
            Route::Host => write!(f, "{} on the host's network", self.address),
            Route::Network(name) => write!(f, "{} on network `{name}`", self.address),
            Route::Tunnel(tunnel) => {
                write!(f, "a tunnel through `{}` in the container", tunnel.program().name)
            }
        }
    }
}

/// Finds a route to a port of the target's container. `probe` gets an address, and fails if no server of the right kind
/// responds there. The error names every route that was tried, and why it failed.
pub async fn resolve<P, F>(
    target: DriverTarget<'_>,
    port: u16,
    ways: Routes,
    probe: P,
) -> anyhow::Result<Connection>
where
    P: Fn(String) -> F + Send + Sync,
    F: Future<Output = anyhow::Result<()>> + Send,
{
    let container = target.container()?;
    if container.state != ContainerState::Running {
        bail!("container `{}` is {}", container.name, shown(container.state));
    }
    let host = engine_host(target).await?;
    let (candidates, mut failed) = candidates(container, target.local, port, host.as_deref());
    let mut to_retry = Vec::new();
    for (way, address) in candidates {
        let candidate = Connection { address, way };
        match direct(&candidate.address, &probe).await {
            Ok(()) => return Ok(candidate),
            Err(error) => {
                failed.push(format!("{candidate}: {}", causes(&error)));
                if !error.is::<NoRoute>() {
                    to_retry.push(candidate);
                }
            }
        }
    }
    match ways {
        Routes::Direct => {}
        Routes::All => {
            let (direct, tunnel) = tokio::select! {
                direct = Box::pin(wait_for_direct(&to_retry, &probe)) => (Some(direct), None),
                tunnel = Box::pin(open_tunnel(target, port, &probe, &mut failed)) => match &tunnel {
                    Some(_) => {
                        let again = timeout(LAST_CHECK, Box::pin(first_direct(&to_retry, &probe))).await;
                        (again.ok().flatten(), tunnel)
                    }
                    None => (None, None),
                },
            };
            if let Some(at) = direct {
                return Ok(to_retry.swap_remove(at));
            }
            if let Some(tunnel) = tunnel {
                return Ok(Connection::through(tunnel));
            }
        }
    }
    if failed.is_empty() {
        failed.push("it is not published, and the container has no address".to_owned());
    }
    Err(anyhow!("cannot reach port {port} of container `{}`: {}", container.name, failed.join("; ")))
}

/// The routes without a tunnel, and the reasons why some of them cannot be used.
fn candidates(
    container: &Container,
    local: bool,
    port: u16,
    host: Option<&str>,
) -> (Vec<(Route, String)>, Vec<String>) {
    let mut found = Vec::new();
    let mut failed = Vec::new();
    for published in container.ports.iter().filter(|published| published.container_port == port) {
        match (seen_from_here(published.host, host), host) {
            (Some(name), _) => {
                let address = join(&name, published.host_port);
                if !found.iter().any(|(_, known)| *known == address) {
                    found.push((Route::Published, address));
                }
            }
            (None, _) => failed.push(format!(
                "its published port {}: it is bound to the loopback address of the engine's host",
                SocketAddr::new(published.host, published.host_port)
            )),
        }
    }
    if local {
        if container.network_mode == "host" {
            found.push((Route::Host, join("127.0.0.1", port)));
        }
        for (network, address) in &container.addresses {
            found.push((Route::Network(network.clone()), SocketAddr::new(*address, port).to_string()));
        }
    }
    (found, failed)
}

/// The address to use here for one that the engine has bound. `host` is the engine's host, unless it is this machine.
fn seen_from_here(bound: IpAddr, host: Option<&str>) -> Option<String> {
    match host {
        None if bound.is_unspecified() => Some(match bound {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.to_string(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.to_string(),
        }),
        Some(name) if bound.is_unspecified() => Some(name.to_owned()),
        Some(_) if bound.is_loopback() => None,
        None | Some(_) => Some(bound.to_string()),
    }
}

fn join(host: &str, port: u16) -> String {
    if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// The host that the engine publishes ports on; `None` for this machine, which a socket in the file system always
/// means.
async fn engine_host(target: DriverTarget<'_>) -> anyhow::Result<Option<String>> {
    if target.local {
        return Ok(None);
    }
    let identity = target.engine.identity().await.context("the engine does not report its endpoint")?;
    Ok(host_of(&identity.endpoint))
}

fn host_of(endpoint: &str) -> Option<String> {
    let (scheme, rest) = endpoint.split_once("://")?;
    if matches!(scheme, "unix" | "npipe" | "fd") {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    let host = match place.strip_prefix('[') {
        Some(literal) => literal.split(']').next().unwrap_or(literal),
        None => place.split(':').next().unwrap_or(place),
    };
    let is_here = host == "localhost"
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        || host.is_empty();
    (!is_here).then(|| host.to_owned())
}

/// No packet comes back from an address, so it is useless to try it again.
#[derive(Debug, thiserror::Error)]
#[error("no connection within {} seconds", CONNECT.as_secs())]
struct NoRoute;

async fn direct<P, F>(address: &str, probe: &P) -> anyhow::Result<()>
where
    P: Fn(String) -> F + Send + Sync,
    F: Future<Output = anyhow::Result<()>> + Send,
{
    match timeout(CONNECT, TcpStream::connect(address)).await {
        Ok(connected) => drop(connected.map_err(|error| anyhow!(plain(&error)))?),
        Err(_) => return Err(NoRoute.into()),
    }
    timeout(ANSWER, probe(address.to_owned()))
        .await
        .unwrap_or_else(|_| Err(anyhow!("no answer within {} seconds", ANSWER.as_secs())))
}

/// The index of the first candidate that answers now.
async fn first_direct<P, F>(candidates: &[Connection], probe: &P) -> Option<usize>
where
    P: Fn(String) -> F + Send + Sync,
    F: Future<Output = anyhow::Result<()>> + Send,
{
    for (at, candidate) in candidates.iter().enumerate() {
        if direct(&candidate.address, probe).await.is_ok() {
            return Some(at);
        }
    }
    None
}

/// The index of the first candidate that answers, however long that takes.
async fn wait_for_direct<P, F>(candidates: &[Connection], probe: &P) -> usize
where
    P: Fn(String) -> F + Send + Sync,
    F: Future<Output = anyhow::Result<()>> + Send,
{
    loop {
        sleep(RETRY).await;
        if let Some(at) = first_direct(candidates, probe).await {
            return at;
        }
    }
}

/// A tunnel through the first program that works. The reasons against the others are added to `failed`.
async fn open_tunnel<P, F>(
    target: DriverTarget<'_>,
    port: u16,
    probe: &P,
    failed: &mut Vec<String>,
) -> Option<Tunnel>
where
    P: Fn(String) -> F + Send + Sync,
    F: Future<Output = anyhow::Result<()>> + Send,
{
    let mut reasons: Vec<(Vec<&str>, String)> = Vec::new();
    for program in PROGRAMS {
        let reason = match tunnelled(target, port, *program, probe).await {
            Ok(tunnel) => return Some(tunnel),
            Err(error) => causes(&error),
        };
        // The programs mostly fail for one reason.
        match reasons.iter_mut().find(|(_, known)| *known == reason) {
            Some((programs, _)) => programs.push(program.name),
            None => reasons.push((vec![program.name], reason)),
        }
    }
    failed.extend(reasons.into_iter().map(|(programs, reason)| {
        format!("a tunnel through `{}` in the container: {reason}", programs.join("`, `"))
    }));
    None
}

async fn tunnelled<P, F>(
    target: DriverTarget<'_>,
    port: u16,
    program: TunnelProgram,
    probe: &P,
) -> anyhow::Result<Tunnel>
where
    P: Fn(String) -> F + Send + Sync,
    F: Future<Output = anyhow::Result<()>> + Send,
{
    let tunnel = Tunnel::open(target.engine.shared(), &target.container()?.id, port, program).await?;
    let answered = timeout(ANSWER_IN_TUNNEL, probe(tunnel.address().to_string())).await;
    // The engine's error is closer to the cause than a closed connection.
    match (answered, tunnel.trouble()) {
        (Ok(Ok(())), _) => Ok(tunnel),
        (_, Some(trouble)) => Err(anyhow!(trouble)),
        (Ok(Err(error)), None) => Err(error),
        (Err(_), None) => bail!("no answer within {} seconds", ANSWER_IN_TUNNEL.as_secs()),
    }
}

/// The system's error message without `(os error 111)`.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

fn shown(state: ContainerState) -> &'static str {
    match state {
        ContainerState::Created => "not started yet",
        ContainerState::Running => "running",
        ContainerState::Paused => "paused",
        ContainerState::Restarting => "restarting",
        ContainerState::Exited => "stopped",
        ContainerState::Dead => "dead",
        ContainerState::Removing => "being removed",
    }
}

#[cfg(test)]
mod tests;
