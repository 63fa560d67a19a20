//! Asks an engine on this machine for the version of its API, at almost no cost: `/version` starts several programs and
//! takes ten times as long (measured, 20.10), and bollard does not show the headers of `/_ping`.

use std::path::Path;
use std::time::Duration;

use bollard::ClientVersion;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

/// An engine that does not answer within this time is asked in the ordinary way, which reports why.
const TIMEOUT: Duration = Duration::from_secs(2);

/// No engine sends more headers.
const MOST: u64 = 16 * 1024;

/// The newest version that the engine at a socket speaks; `None` if that is not clear.
pub(super) async fn api_version(socket: &Path) -> Option<ClientVersion> {
    tokio::time::timeout(TIMEOUT, ask(socket)).await.ok()?
}

async fn ask(socket: &Path) -> Option<ClientVersion> {
    let mut stream = UnixStream::connect(socket).await.ok()?;
    let request = b"HEAD /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.ok()?;
    let mut lines = BufReader::new(stream.take(MOST)).lines();
    let status = lines.next_line().await.ok()??;
    if status.split(' ').nth(1) != Some("200") {
        return None;
    }
    while let Some(line) = lines.next_line().await.ok()?.filter(|line| !line.is_empty()) {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("api-version")
        {
            return parse(value.trim());
        }
    }
    None
}

pub(super) fn parse(version: &str) -> Option<ClientVersion> {
    let (major, minor) = version.split_once('.')?;
    Some(ClientVersion { major_version: major.parse().ok()?, minor_version: minor.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixListener;

    use super::*;

    async fn answered(response: &'static str) -> Option<String> {
        let directory = tempfile::tempdir().expect("a directory");
        let socket = directory.path().join("s");
        let listener = UnixListener::bind(&socket).expect("bound");
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a client");
            let mut request = vec![0; 1024];
            let count = stream.read(&mut request).await.expect("read");
            assert!(request[..count].starts_with(b"HEAD /_ping HTTP/1.1\r\n"));
            stream.write_all(response.as_bytes()).await.expect("written");
        });
        let version = api_version(&socket).await;
        server.await.expect("served");
        version.map(|version| version.to_string())
    }

    #[tokio::test]
    async fn the_header_of_a_ping_has_the_version() {
        let engine = "HTTP/1.1 200 OK\r\nOstype: linux\r\nApi-Version: 1.41\r\n\r\n";
        assert_eq!(answered(engine).await.as_deref(), Some("1.41"));
    }

    #[tokio::test]
    async fn anything_else_has_none() {
        for response in [
            "HTTP/1.1 500 Internal Server Error\r\nApi-Version: 1.41\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\nApi-Version: 1.41\r\n",
            "HTTP/1.1 200 OK\r\nApi-Version: new\r\n\r\n",
            "",
        ] {
            assert_eq!(answered(response).await, None, "{response:?}");
        }
        assert!(api_version(Path::new("/nonexistent/docker.sock")).await.is_none());
    }
}
