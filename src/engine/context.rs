//! Finds the engine that a Compose command would use, by the rules of the Docker CLI.
//!
//! Flags have precedence over the environment, `DOCKER_HOST` over `DOCKER_CONTEXT`, and both over `currentContext` in
//! `config.json` (docker/cli, `cli/command/cli.go`, `resolveContextName`). The context `default` has no file: it is
//! `--host`, else `DOCKER_HOST`, else the default socket, with the TLS variables. Using another engine than Compose is
//! worse than failing, so whatever cannot be resolved is an error.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{EngineError, Result};
use crate::fs::Digest;

/// Docker's default endpoint.
pub const DEFAULT_SOCKET: &str = "unix:///var/run/docker.sock";

/// The name of the context that has no file.
const DEFAULT_CONTEXT: &str = "default";

/// The flags and variables that select an engine. As in Docker, an empty string counts as unset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EngineEnvironment {
    /// `-H`, `--host`.
    pub host_flag: Option<String>,
    /// `-c`, `--context`.
    pub context_flag: Option<String>,
    /// `DOCKER_HOST`.
    pub docker_host: Option<String>,
    /// `DOCKER_CONTEXT`.
    pub docker_context: Option<String>,
    /// `--config` or `DOCKER_CONFIG`; `~/.docker` if unset.
    pub docker_config: Option<PathBuf>,
    /// `DOCKER_TLS_VERIFY`.
    pub tls_verify: Option<String>,
    /// `DOCKER_CERT_PATH`.
    pub cert_path: Option<PathBuf>,
    pub home: Option<PathBuf>,
}

/// The address of an engine, and the setting that it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `unix:///var/run/docker.sock`, `tcp://host:2375`, `ssh://user@host`.
    pub url: String,
    pub tls: Option<Tls>,
    pub origin: EndpointOrigin,
}

/// The files that secure a TCP connection. `None` if a file does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tls {
    pub ca: Option<PathBuf>,
    pub cert: Option<PathBuf>,
    pub key: Option<PathBuf>,
}

/// The setting that selected an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndpointOrigin {
    HostFlag,
    ContextFlag(String),
    HostVariable,
    ContextVariable(String),
    CurrentContext(String),
    Default,
}

impl fmt::Display for EndpointOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HostFlag => f.write_str("`--host`"),
            Self::ContextFlag(name) => write!(f, "`--context {name}`"),
            Self::HostVariable => f.write_str("`DOCKER_HOST`"),
            Self::ContextVariable(name) => write!(f, "`DOCKER_CONTEXT={name}`"),
            Self::CurrentContext(name) => write!(f, "the current Docker context `{name}`"),
            Self::Default => f.write_str("the default endpoint"),
        }
    }
}

impl Endpoint {
    /// Resolves the engine that a Compose command would use.
    pub fn resolve(environment: &EngineEnvironment) -> Result<Self> {
        let host_flag = non_empty(environment.host_flag.as_deref());
        let context_flag = non_empty(environment.context_flag.as_deref());
        if let (Some(_), Some(name)) = (host_flag, context_flag) {
            return Err(unusable(name, "`--host` and `--context` cannot be used together"));
        }
        if host_flag.is_some() {
            return default_context(environment, EndpointOrigin::HostFlag);
        }
        if let Some(name) = context_flag {
            return named(environment, name, EndpointOrigin::ContextFlag(name.to_owned()));
        }
        if non_empty(environment.docker_host.as_deref()).is_some() {
            return default_context(environment, EndpointOrigin::HostVariable);
        }
        if let Some(name) = non_empty(environment.docker_context.as_deref()) {
            return named(environment, name, EndpointOrigin::ContextVariable(name.to_owned()));
        }
        match environment.config_directory().and_then(|directory| current_context(&directory)) {
            Some(name) => named(environment, &name, EndpointOrigin::CurrentContext(name.clone())),
            None => default_context(environment, EndpointOrigin::Default),
        }
    }

    /// The path of the Unix socket, if the endpoint is one.
    pub fn socket(&self) -> Option<&Path> {
        self.url.strip_prefix("unix://").map(Path::new)
    }

    /// Whether the endpoint is on this machine.
    pub fn is_local(&self) -> bool {
        self.socket().is_some()
    }
}

impl EngineEnvironment {
    fn config_directory(&self) -> Option<PathBuf> {
        self.docker_config
            .clone()
            .filter(|path| !path.as_os_str().is_empty())
            .or_else(|| self.home.as_ref().map(|home| home.join(".docker")))
    }
}

fn non_empty(value: Option<&str>) -> Option<&str> {
    value.filter(|value| !value.is_empty())
}

fn unusable(name: &str, reason: impl Into<String>) -> EngineError {
    EngineError::Context { name: name.to_owned(), reason: reason.into() }
}

/// `currentContext` of `config.json`. Docker only warns if it cannot read the file, so an error counts as unset.
fn current_context(directory: &Path) -> Option<String> {
    #[derive(Deserialize)]
    struct Config {
        #[serde(rename = "currentContext", default)]
        current_context: Option<String>,
    }
    let text = std::fs::read(directory.join("config.json")).ok()?;
    let config: Config = serde_json::from_slice(&text).ok()?;
    config.current_context.filter(|name| !name.is_empty())
}

/// The endpoint of the context `default`.
fn default_context(environment: &EngineEnvironment, origin: EndpointOrigin) -> Result<Endpoint> {
    let verify = non_empty(environment.tls_verify.as_deref()).is_some();
    let host = non_empty(environment.host_flag.as_deref())
        .or_else(|| non_empty(environment.docker_host.as_deref()))
        .unwrap_or(DEFAULT_SOCKET);
    let url = normalize(DEFAULT_CONTEXT, host, verify)?;
    let certificates = environment
        .cert_path
        .clone()
        .filter(|path| !path.as_os_str().is_empty())
        .or_else(|| environment.config_directory());
    let tls = (verify && url.starts_with("tcp://"))
        .then(|| certificates.map(|directory| Tls::in_directory(&directory)).unwrap_or_default());
    Ok(Endpoint { url, tls, origin })
}

impl Tls {
    /// The files of a directory, by Docker's names.
    fn in_directory(directory: &Path) -> Self {
        let file = |name: &str| Some(directory.join(name)).filter(|path| path.is_file());
        Self { ca: file("ca.pem"), cert: file("cert.pem"), key: file("key.pem") }
    }
}

/// The endpoint of a named context, read from its file below `contexts/meta`.
fn named(environment: &EngineEnvironment, name: &str, origin: EndpointOrigin) -> Result<Endpoint> {
    #[derive(Deserialize)]
    struct Meta {
        #[serde(rename = "Name")]
        name: String,
        #[serde(rename = "Endpoints", default)]
        endpoints: Endpoints,
    }
    #[derive(Deserialize, Default)]
    struct Endpoints {
        docker: Option<DockerEndpoint>,
    }
    #[derive(Deserialize)]
    struct DockerEndpoint {
        #[serde(rename = "Host", default)]
        host: String,
        #[serde(rename = "SkipTLSVerify", default)]
        skip_tls_verify: bool,
    }

    if name == DEFAULT_CONTEXT {
        return default_context(environment, origin);
    }
    let Some(directory) = environment.config_directory() else {
        return Err(unusable(name, "no Docker configuration directory found"));
    };
    let id = Digest::of(name.as_bytes()).to_string();
    let contexts = directory.join("contexts");
    let file = contexts.join("meta").join(&id).join("meta.json");
    let text = std::fs::read(&file).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => unusable(name, "no such context"),
        _ => unusable(name, format!("`{}`: {error}", file.display())),
    })?;
    let meta: Meta = serde_json::from_slice(&text)
        .map_err(|error| unusable(name, format!("`{}`: {error}", file.display())))?;
    if meta.name != name {
        return Err(unusable(name, format!("its file belongs to context `{}`", meta.name)));
    }
    let Some(docker) = meta.endpoints.docker else {
        return Err(unusable(name, "no Docker endpoint defined"));
    };
    if docker.skip_tls_verify {
        return Err(unusable(name, "`SkipTLSVerify` is not supported"));
    }
    let tls = Tls::in_directory(&contexts.join("tls").join(&id).join("docker"));
    let secured = tls != Tls::default();
    let host = if docker.host.is_empty() { DEFAULT_SOCKET } else { &docker.host };
    let url = normalize(name, host, secured)?;
    let tls = (secured && url.starts_with("tcp://")).then_some(tls);
    Ok(Endpoint { url, tls, origin })
}

/// Normalizes a host as Docker accepts it. Refuses an address that we would interpret differently from Docker.
fn normalize(context: &str, host: &str, tls: bool) -> Result<String> {
    let host = host.trim();
    let (scheme, rest) = host.split_once("://").unwrap_or(("tcp", host));
    // The address is part of messages, plans and manifests.
    if scheme != "unix" && has_password(scheme, rest) {
        return Err(unusable(context, "addresses with a password are not supported"));
    }
    match scheme {
        "unix" if rest.is_empty() => Ok(DEFAULT_SOCKET.to_owned()),
        "unix" => Ok(format!("unix://{rest}")),
        "tcp" | "http" => {
            let rest = rest.trim_end_matches('/');
            if rest.contains('/') {
                return Err(unusable(context, format!("addresses with a path are not supported: `{host}`")));
            }
            Ok(format!("tcp://{}", with_port(rest, tls)))
        }
        "ssh" => {
            // A path selects another socket on that host, which our connection would not use.
            if rest.trim_end_matches('/').contains('/') {
                return Err(unusable(context, format!("addresses with a path are not supported: `{host}`")));
            }
            Ok(format!("ssh://{}", rest.trim_end_matches('/')))
        }
        _ => Err(unusable(context, format!("unsupported address: `{host}`"))),
    }
}

/// Whether an address has secrets in it: only `ssh` takes a user name, and a query is only ever a token.
fn has_password(scheme: &str, rest: &str) -> bool {
    let user = rest.rsplit_once('@').map(|(user, _)| user);
    rest.contains(['?', '#']) || user.is_some_and(|user| scheme != "ssh" || user.contains(':'))
}

/// Adds Docker's defaults: host 127.0.0.1, port 2375, or 2376 with TLS.
fn with_port(address: &str, tls: bool) -> String {
    let port = if tls { 2376 } else { 2375 };
    let after_bracket = address.rfind(']').map_or(0, |at| at + 1);
    match address[after_bracket..].rfind(':') {
        Some(0) if after_bracket == 0 => format!("127.0.0.1{address}"),
        Some(_) => address.to_owned(),
        None if address.is_empty() => format!("127.0.0.1:{port}"),
        None => format!("{address}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_get_dockers_defaults() {
        for (host, tls, url) in [
            ("unix://", false, "unix:///var/run/docker.sock"),
            ("unix:///run/user/1000/docker.sock", false, "unix:///run/user/1000/docker.sock"),
            ("tcp://", false, "tcp://127.0.0.1:2375"),
            ("tcp://:4000", false, "tcp://127.0.0.1:4000"),
            ("tcp://host", true, "tcp://host:2376"),
            ("host:99/", false, "tcp://host:99"),
            ("tcp://[::1]", false, "tcp://[::1]:2375"),
            ("tcp://[::1]:7", false, "tcp://[::1]:7"),
            ("ssh://me@host:22", false, "ssh://me@host:22"),
        ] {
            assert_eq!(normalize("default", host, tls).expect(host), url);
        }
    }

    #[test]
    fn a_password_is_refused_and_not_printed() {
        for host in [
            "ssh://me:hunter2@host",
            "tcp://me:hunter2@host:2375",
            "http://hunter2@host",
            "me:hunter2@host:2375",
            "https://me:hunter2@host/path",
            "tcp://host:2375/path@x?token=hunter2",
            "npipe://me:hunter2@x",
        ] {
            let error = normalize("away", host, false).expect_err(host);
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
        assert!(normalize("default", "unix:///a@b:c", false).is_ok(), "a path has no password");
    }

    #[test]
    fn what_would_reach_another_engine_is_refused() {
        for host in ["ssh://host/run/podman.sock", "tcp://host:1/prefix", "npipe:////./pipe/x", "fd://"] {
            let error = normalize("default", host, false).expect_err(host);
            assert!(matches!(error, EngineError::Context { .. }), "{error}");
        }
    }
}
