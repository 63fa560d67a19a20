//! Connects to an engine, and finds out whether it runs on this machine.

use std::path::PathBuf;

use bollard::{API_DEFAULT_VERSION, ClientVersion, Docker};

use super::error::RequestError;
use super::timeout::timeout;
use super::{api, ping, wire};
use crate::engine::context::Endpoint;

/// Why there is no connection.
pub(super) enum ConnectError {
    Unreachable(anyhow::Error),
    Request(RequestError),
}

/// Connects to an endpoint with the version of the API that both sides know.
pub(super) async fn to(endpoint: &Endpoint) -> Result<Docker, ConnectError> {
    if let Some(socket) = endpoint.socket()
        && let Some(version) = ping::api_version(socket).await
    {
        let version = if version < *API_DEFAULT_VERSION { &version } else { API_DEFAULT_VERSION };
        let client = Docker::connect_with_unix(&endpoint.url, timeout().as_secs(), version);
        return client.map_err(|error| ConnectError::Unreachable(error.into()));
    }
    negotiated(|version| client(endpoint, version)).await
}

/// Asks the engine for its version: for that it starts several programs.
pub(super) async fn negotiated(
    client: impl Fn(&ClientVersion) -> anyhow::Result<Docker>,
) -> Result<Docker, ConnectError> {
    let newest = client(API_DEFAULT_VERSION).map_err(ConnectError::Unreachable)?;
    let found: wire::ApiVersion =
        api::fetch(&newest, "/version".to_owned()).await.map_err(ConnectError::Request)?;
    match ping::parse(&found.api_version) {
        Some(version) if version < *API_DEFAULT_VERSION => {
            client(&version).map_err(ConnectError::Unreachable)
        }
        Some(_) => Ok(newest),
        None => Err(ConnectError::Request(bollard::errors::Error::APIVersionParseError {}.into())),
    }
}

pub(super) fn at_socket(url: &str, version: &ClientVersion) -> anyhow::Result<Docker> {
    Ok(Docker::connect_with_unix(url, timeout().as_secs(), version)?)
}

/// Creates a client for an endpoint. Sends nothing yet.
fn client(endpoint: &Endpoint, version: &ClientVersion) -> anyhow::Result<Docker> {
    let timeout = timeout().as_secs();
    let url = endpoint.url.as_str();
    if let Some(socket) = endpoint.socket() {
        // bollard reports every failure as a missing socket; the user needs the reason.
        std::fs::metadata(socket)
            .map_err(|error| anyhow::Error::new(error).context(format!("`{}`", socket.display())))?;
        return at_socket(url, version);
    }
    let Some(tls) = &endpoint.tls else {
        return Ok(Docker::connect_with_http(url, timeout, version)?);
    };
    crate::tls::install_provider();
    // Without files, the connection trusts the system's certificates and presents none.
    let file = |path: &Option<PathBuf>| path.clone().unwrap_or_else(|| PathBuf::from("/dev/null"));
    Ok(Docker::connect_with_ssl(url, &file(&tls.key), &file(&tls.cert), &file(&tls.ca), timeout, version)?)
}

/// Whether the engine uses the file system of this machine. A socket can lead into a virtual machine or out of a
/// container; then the engine's data directory does not exist here, or the kernel differs.
pub(super) fn is_local(endpoint: &Endpoint, info: &wire::SystemInfo) -> bool {
    let same_kernel = || {
        std::fs::read_to_string("/proc/sys/kernel/osrelease")
            .is_ok_and(|ours| info.kernel_version.is_empty() || ours.trim() == info.kernel_version)
    };
    // A directory that we have no permission to read exists.
    endpoint.is_local() && same_kernel() && info.docker_root_dir.try_exists().unwrap_or(true)
}
