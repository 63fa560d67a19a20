//! How an engine is reached, and whether it is on this machine.

use std::path::PathBuf;
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, Docker};

use super::wire;
use crate::engine::context::Endpoint;

/// How long the engine may take to begin its answer.
const TIMEOUT: Duration = Duration::from_secs(60);

pub(super) fn at_socket(url: &str) -> anyhow::Result<Docker> {
    Ok(Docker::connect_with_unix(url, TIMEOUT.as_secs(), API_DEFAULT_VERSION)?)
}

/// A client for an endpoint; nothing is sent yet.
pub(super) fn client(endpoint: &Endpoint) -> anyhow::Result<Docker> {
    let timeout = TIMEOUT.as_secs();
    let url = endpoint.url.as_str();
    if let Some(socket) = endpoint.socket() {
        // The library takes every failure to look for a missing socket; the reason matters.
        std::fs::metadata(socket)
            .map_err(|error| anyhow::Error::new(error).context(format!("`{}`", socket.display())))?;
        return at_socket(url);
    }
    let Some(tls) = &endpoint.tls else {
        return Ok(Docker::connect_with_http(url, timeout, API_DEFAULT_VERSION)?);
    };
    // An error means that another room has installed a provider already, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Without files of its own a connection still trusts the system's certificates, and shows none.
    let file = |path: &Option<PathBuf>| path.clone().unwrap_or_else(|| PathBuf::from("/dev/null"));
    Ok(Docker::connect_with_ssl(
        url,
        &file(&tls.key),
        &file(&tls.cert),
        &file(&tls.ca),
        timeout,
        API_DEFAULT_VERSION,
    )?)
}

/// Whether the engine's file system is the one that we see. A socket can lead into a virtual machine or out of a
/// container; there the engine's directory is missing here, or another kernel runs.
pub(super) fn is_local(endpoint: &Endpoint, info: &wire::Info) -> bool {
    let same_kernel = || {
        std::fs::read_to_string("/proc/sys/kernel/osrelease")
            .is_ok_and(|ours| info.kernel_version.is_empty() || ours.trim() == info.kernel_version)
    };
    // A directory that we may not look at is there.
    endpoint.is_local() && same_kernel() && info.docker_root_dir.try_exists().unwrap_or(true)
}
