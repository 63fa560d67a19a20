//! The way to an engine behind `ssh`, which is the one that Docker goes: `ssh HOST docker system dial-stdio`, once for
//! every connection.
//!
//! The client library knows only local sockets and ports, so there is a socket of our own in a private directory, and
//! whoever connects to it is led through a program of his own. Nothing is asked on the terminal and no unknown host is
//! believed: what `ssh` cannot do by itself fails, with its own words.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, copy};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::AbortHandle;

use crate::process;

/// How much of what `ssh` complains about is kept.
const COMPLAINT: u64 = 2000;

/// A local socket that leads to a far engine for as long as this lives.
#[derive(Debug)]
pub(super) struct Way {
    directory: tempfile::TempDir,
    accepting: AbortHandle,
    complaint: Arc<Mutex<String>>,
}

impl Way {
    /// Opens the socket; nobody is called before somebody connects to it.
    pub(super) fn open(url: &str) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix("safe-compose-").tempdir()?;
        let listener = UnixListener::bind(socket_in(directory.path()))?;
        let complaint = Arc::new(Mutex::new(String::new()));
        let (words, heard) = (words(url), Arc::clone(&complaint));
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(lead(client, words.clone(), Arc::clone(&heard)));
            }
        });
        Ok(Self { directory, accepting: accepting.abort_handle(), complaint })
    }

    /// The address to connect to.
    pub(super) fn address(&self) -> String {
        format!("unix://{}", socket_in(self.directory.path()).display())
    }

    /// What `ssh` has said last, where it has failed.
    pub(super) fn complaint(&self) -> Option<String> {
        let complaint = self.complaint.lock().unwrap_or_else(PoisonError::into_inner);
        complaint.lines().map(str::trim).rfind(|line| !line.is_empty()).map(str::to_owned)
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn socket_in(directory: &Path) -> PathBuf {
    directory.join("engine.sock")
}

/// Leads one connection through a program of its own, until either end closes it.
async fn lead(mut client: UnixStream, words: Vec<OsString>, heard: Arc<Mutex<String>>) {
    let hear = |said: String| *heard.lock().unwrap_or_else(PoisonError::into_inner) = said;
    let mut child = match process::spawn_piped(Path::new("ssh"), &words) {
        Ok(child) => child,
        Err(error) => return hear(format!("`ssh` cannot be run: {error}")),
    };
    let (Some(mut stdin), Some(mut stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return;
    };
    let (mut from_us, mut to_us) = client.split();
    let there = async {
        let _ = copy(&mut from_us, &mut stdin).await;
        drop(stdin);
    };
    let back = async {
        let _ = copy(&mut stdout, &mut to_us).await;
    };
    let complaining = async {
        let mut said = Vec::new();
        let _ = stderr.take(COMPLAINT).read_to_end(&mut said).await;
        String::from_utf8_lossy(&said).into_owned()
    };
    // When the far end has closed, nothing that we would still send arrives.
    let carrying = async {
        tokio::pin!(there);
        tokio::select! {
            () = back => {}
            () = async { there.await; std::future::pending::<()>().await } => {}
        }
    };
    let (said, ()) = tokio::join!(complaining, carrying);
    hear(said);
}

/// The words behind `ssh`, as Docker has them.
fn words(url: &str) -> Vec<OsString> {
    let rest = url.strip_prefix("ssh://").unwrap_or(url);
    let (user, place) = rest.rsplit_once('@').map_or((None, rest), |(user, place)| (Some(user), place));
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !host.ends_with(':') && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            (host, Some(port).filter(|port| !port.is_empty()))
        }
        _ => (place, None),
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let mut words = vec!["-o", "ConnectTimeout=30", "-o", "BatchMode=yes", "-T"];
    if let Some(user) = user {
        words.extend(["-l", user]);
    }
    if let Some(port) = port {
        words.extend(["-p", port]);
    }
    words.extend(["--", host, "docker", "system", "dial-stdio"]);
    words.into_iter().map(OsString::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aimed(url: &str) -> String {
        let words = words(url).join(&OsString::from(" ")).into_string().expect("text");
        let words =
            words.strip_prefix("-o ConnectTimeout=30 -o BatchMode=yes -T ").expect("the same for all");
        words.strip_suffix(" docker system dial-stdio").expect("the same for all").to_owned()
    }

    #[test]
    fn a_host_is_called_as_docker_calls_it() {
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
            assert_eq!(aimed(url), expected, "{url}");
        }
    }
}
