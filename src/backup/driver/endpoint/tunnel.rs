//! A tunnel into a container's own network, through a program that runs in it: no port needs to be published.
//!
//! A listener on a loopback port starts the program once for each connection, and copies both directions. Everything
//! ends when the [`Tunnel`] is dropped.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::engine::{Engine, ExecPipe};
use crate::error::causes;

/// A program that connects its standard input and output to a port.
#[derive(Debug, Clone, Copy)]
pub(super) struct TunnelProgram {
    pub(super) name: &'static str,
    argv: fn(u16) -> Vec<String>,
}

/// In the order they are tried. The official Qdrant image has bash and neither of the others. An image without any of
/// them, such as one without a shell, cannot be reached through a tunnel: the server needs a published port or a network
/// that this machine has a route to.
pub(super) const PROGRAMS: &[TunnelProgram] = &[
    TunnelProgram { name: "bash", argv: bash },
    TunnelProgram { name: "nc", argv: |port| words(&["nc", "127.0.0.1"], port) },
    TunnelProgram { name: "busybox nc", argv: |port| words(&["busybox", "nc", "127.0.0.1"], port) },
];

fn words(program: &[&str], port: u16) -> Vec<String> {
    program.iter().copied().map(str::to_owned).chain([port.to_string()]).collect()
}

/// Ends when either side does. bash cannot close one direction of a connection alone, so this side keeps standard input
/// open as long as a response may still come (see [`copy_both`]). A background job gets `/dev/null` as its input unless
/// it is redirected, hence descriptor 4.
///
/// `dd bs=…` writes each block as soon as it is read, however short it is: POSIX requires that. `cat` is not used: that
/// of BusyBox calls `sendfile`, which keeps data in a pipe until 16 MiB have arrived (measured, 1.35: 14 of 15
/// connections got no answer). An image may have BusyBox without links for its programs.
fn bash(port: u16) -> Vec<String> {
    let script = format!(
        "exec 3<>/dev/tcp/127.0.0.1/{port} 4<&0 || exit 1; \
         if type dd; then copy=dd; else copy='busybox dd'; fi >/dev/null 2>&1; \
         $copy bs={BUFFER} <&4 >&3 2>/dev/null & up=$!; $copy bs={BUFFER} <&3 2>/dev/null & down=$!; \
         wait -n; kill $up $down 2>/dev/null; wait"
    );
    vec!["bash".to_owned(), "-c".to_owned(), script]
}

/// How long a response may pause after the client has sent everything. A client that only half-closed gets its
/// response; one that is gone does not keep the program alive for longer than this.
const LINGER: Duration = Duration::from_secs(3);

const BUFFER: usize = 64 * 1024;

/// See the head of this file.
pub(super) struct Tunnel {
    entrance: Entrance,
    address: SocketAddr,
    serving: JoinHandle<()>,
    trouble: Arc<Mutex<Option<String>>>,
}

/// What each connection needs.
#[derive(Clone)]
struct Entrance {
    engine: Arc<dyn Engine>,
    container: String,
    port: u16,
    program: TunnelProgram,
}

impl Tunnel {
    /// Opens the listener. Whether the program exists shows only when something connects.
    pub(super) async fn open(
        engine: Arc<dyn Engine>,
        container: &str,
        port: u16,
        program: TunnelProgram,
    ) -> io::Result<Self> {
        let entrance = Entrance { engine, container: container.to_owned(), port, program };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let trouble = Arc::default();
        let serving = tokio::spawn(serve(listener, entrance.clone(), Arc::clone(&trouble)));
        Ok(Self { entrance, address, serving, trouble })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn program(&self) -> TunnelProgram {
        self.entrance.program
    }

    /// The engine's error if the program could not be started.
    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tunnel({}, {})", self.address, self.entrance.program.name)
    }
}

/// The connections belong to the set, so they end with the listener.
async fn serve(listener: TcpListener, entrance: Entrance, trouble: Arc<Mutex<Option<String>>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                let (entrance, trouble) = (entrance.clone(), Arc::clone(&trouble));
                connections.spawn(async move {
                    match start(&entrance).await {
                        Ok(pipe) => copy_both(client, pipe).await,
                        // Recorded before the connection closes: then the client looks for the reason.
                        Err(reason) => {
                            *trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
                            drop(client);
                        }
                    }
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn start(entrance: &Entrance) -> Result<ExecPipe, String> {
    let argv = (entrance.program.argv)(entrance.port);
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    let started = entrance.engine.exec(&entrance.container, &argv).await;
    started.map_err(|error| causes(&anyhow::Error::new(error)))
}

/// Copies until the server's side ends, or until the client's side has ended and the server has been silent for
/// [`LINGER`].
async fn copy_both(mut client: TcpStream, pipe: ExecPipe) {
    let ExecPipe { mut stdout, mut stdin, .. } = pipe;
    let (mut from_client, mut to_client) = client.split();
    let ended = Notify::new();
    let questions = async {
        // However it ended, a response may still be on its way.
        let _ = copy(&mut from_client, &mut stdin).await;
        ended.notify_one();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = questions => {}
        _ = answers(&mut stdout, &mut to_client, &ended) => {}
    }
    // Standard input ends only now: for bash it is the signal to end everything.
    let _ = stdin.shutdown().await;
    let _ = to_client.shutdown().await;
}

async fn copy<R, W>(from: &mut R, to: &mut W) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut buffer = vec![0; BUFFER];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..count]).await?;
        to.flush().await?;
    }
}

/// Like [`copy`], with a timeout once the client has sent everything.
async fn answers<R, W>(from: &mut R, to: &mut W, ended: &Notify) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut buffer = vec![0; BUFFER];
    let mut patient = true;
    loop {
        let count = if patient {
            tokio::select! {
                count = from.read(&mut buffer) => count?,
                () = ended.notified() => {
                    patient = false;
                    continue;
                }
            }
        } else {
            timeout(LINGER, from.read(&mut buffer)).await??
        };
        if count == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..count]).await?;
        to.flush().await?;
    }
}
