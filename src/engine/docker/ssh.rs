//! A tunnel to an engine behind `ssh`, in the same way as Docker: `ssh HOST docker system dial-stdio` for each connection.
//!
//! bollard only supports local sockets and ports, so the tunnel listens on a socket in a private directory and runs `ssh`
//! for each client. `ssh` never prompts and never accepts an unknown host key: it fails, and its own message is reported.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, copy};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::AbortHandle;

use crate::process;

/// How many bytes of the standard error of `ssh` are kept.
const STDERR_LIMIT: u64 = 2000;

/// A local socket that is forwarded to a remote engine until this is dropped.
#[derive(Debug)]
pub(super) struct SshTunnel {
    directory: tempfile::TempDir,
    accept_loop: AbortHandle,
    stderr: Arc<Mutex<String>>,
}

impl SshTunnel {
    /// Opens the socket. `ssh` runs when a client connects.
    pub(super) fn open(url: &str) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix("safe-compose-").tempdir()?;
        let listener = UnixListener::bind(socket_in(directory.path()))?;
        let stderr = Arc::new(Mutex::new(String::new()));
        let (args, shared) = (ssh_args(url), Arc::clone(&stderr));
        let accept_loop = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, args.clone(), Arc::clone(&shared)));
            }
        });
        Ok(Self { directory, accept_loop: accept_loop.abort_handle(), stderr })
    }

    /// The address to connect to.
    pub(super) fn address(&self) -> String {
        format!("unix://{}", socket_in(self.directory.path()).display())
    }

    /// The last line that `ssh` printed to standard error.
    pub(super) fn last_error(&self) -> Option<String> {
        let stderr = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        stderr.lines().map(str::trim).rfind(|line| !line.is_empty()).map(str::to_owned)
    }
}

impl Drop for SshTunnel {
    fn drop(&mut self) {
        self.accept_loop.abort();
    }
}

fn socket_in(directory: &Path) -> PathBuf {
    directory.join("engine.sock")
}

/// Forwards one connection through an `ssh` process of its own, until either end closes it.
async fn forward(mut client: UnixStream, args: Vec<OsString>, shared: Arc<Mutex<String>>) {
    let report = |text: String| *shared.lock().unwrap_or_else(PoisonError::into_inner) = text;
    let mut child = match process::spawn_piped(Path::new("ssh"), &args) {
        Ok(child) => child,
        Err(error) => return report(format!("cannot run `ssh`: {error}")),
    };
    let (Some(mut stdin), Some(mut stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return;
    };
    let (mut from_client, mut to_client) = client.split();
    let send = async {
        let _ = copy(&mut from_client, &mut stdin).await;
        drop(stdin);
    };
    let receive = async {
        let _ = copy(&mut stdout, &mut to_client).await;
    };
    let read_stderr = async {
        let mut text = Vec::new();
        let _ = stderr.take(STDERR_LIMIT).read_to_end(&mut text).await;
        String::from_utf8_lossy(&text).into_owned()
    };
    // Ends when the remote end closes: nothing that is sent afterwards arrives.
    let transfer = async {
        tokio::pin!(send);
        tokio::select! {
            () = receive => {}
            () = async { send.await; std::future::pending::<()>().await } => {}
        }
    };
    let (text, ()) = tokio::join!(read_stderr, transfer);
    report(text);
}

/// The arguments of `ssh`, as Docker passes them.
fn ssh_args(url: &str) -> Vec<OsString> {
    let rest = url.strip_prefix("ssh://").unwrap_or(url);
    let (user, address) = rest.rsplit_once('@').map_or((None, rest), |(user, address)| (Some(user), address));
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !host.ends_with(':') && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            (host, Some(port).filter(|port| !port.is_empty()))
        }
        _ => (address, None),
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let mut args = vec!["-o", "ConnectTimeout=30", "-o", "BatchMode=yes", "-T"];
    if let Some(user) = user {
        args.extend(["-l", user]);
    }
    if let Some(port) = port {
        args.extend(["-p", port]);
    }
    args.extend(["--", host, "docker", "system", "dial-stdio"]);
    args.into_iter().map(OsString::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The arguments that depend on the URL.
    fn host_args(url: &str) -> String {
        let args = ssh_args(url).join(&OsString::from(" ")).into_string().expect("text");
        let args = args.strip_prefix("-o ConnectTimeout=30 -o BatchMode=yes -T ").expect("the same for all");
        args.strip_suffix(" docker system dial-stdio").expect("the same for all").to_owned()
    }

    #[test]
    fn ssh_gets_the_arguments_that_docker_passes() {
        for (url, expected) in [
            ("ssh://host", "-- host"),
            ("ssh://me@host", "-l me -- host"),
            ("ssh://me@host:2222", "-l me -p 2222 -- host"),
            ("ssh://host:22", "-p 22 -- host"),
            ("ssh://host:", "-- host"),
            ("ssh://[::1]:22", "-p 22 -- ::1"),
            ("ssh://me@[fe80::1]", "-l me -- fe80::1"),
            ("ssh://-oProxyCommand=x", "-- -oProxyCommand=x"),
        ] {
            assert_eq!(host_args(url), expected, "{url}");
        }
    }
}
