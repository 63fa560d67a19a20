//! Which engine a Compose command would talk to, by the rules of the Docker command line.
//!
//! A flag wins over the environment, `DOCKER_HOST` over `DOCKER_CONTEXT`, and both over the `currentContext` of
//! `config.json` (docker/cli, `cli/command/cli.go`, `resolveContextName`). The context `default` has no file: it is
//! `--host`, else `DOCKER_HOST`, else the default socket, with the TLS variables. Guessing another engine than Compose
//! would use is worse than giving up, so whatever cannot be resolved is an error.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{EngineError, Result};
use crate::fs::Digest;

/// Where an engine listens when nothing says otherwise.
pub const DEFAULT_SOCKET: &str = "unix:///var/run/docker.sock";

/// The context that has no file.
const DEFAULT_CONTEXT: &str = "default";

/// What the caller and the environment say. Empty strings count as not set, as they do for Docker.
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
    /// `--config` or `DOCKER_CONFIG`; else `.docker` in the home directory.
    pub docker_config: Option<PathBuf>,
    /// `DOCKER_TLS_VERIFY`.
    pub tls_verify: Option<String>,
    /// `DOCKER_CERT_PATH`.
    pub cert_path: Option<PathBuf>,
    pub home: Option<PathBuf>,
}

/// An engine's address, and why it is this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `unix:///var/run/docker.sock`, `tcp://host:2375`, `ssh://user@host`.
    pub url: String,
    pub tls: Option<Tls>,
    pub origin: Origin,
}

/// The files that secure a TCP connection. What is not there is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tls {
    pub ca: Option<PathBuf>,
    pub cert: Option<PathBuf>,
    pub key: Option<PathBuf>,
}

/// The rule that chose an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    HostFlag,
    ContextFlag(String),
    HostVariable,
    ContextVariable(String),
    CurrentContext(String),
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HostFlag => f.write_str("`--host`"),
            Self::ContextFlag(name) => write!(f, "`--context {name}`"),
            Self::HostVariable => f.write_str("`DOCKER_HOST`"),
            Self::ContextVariable(name) => write!(f, "`DOCKER_CONTEXT={name}`"),
            Self::CurrentContext(name) => write!(f, "the current Docker context `{name}`"),
            Self::Default => f.write_str("Docker's default"),
        }
    }
}

impl Endpoint {
    /// Finds the engine that a Compose command would talk to.
    pub fn resolve(environment: &EngineEnvironment) -> Result<Self> {
        let host_flag = set(environment.host_flag.as_deref());
        let context_flag = set(environment.context_flag.as_deref());
        if let (Some(_), Some(name)) = (host_flag, context_flag) {
            return Err(unusable(name, "`--host` and `--context` cannot both be given"));
        }
        if host_flag.is_some() {
            return default_context(environment, Origin::HostFlag);
        }
        if let Some(name) = context_flag {
            return named(environment, name, Origin::ContextFlag(name.to_owned()));
        }
        if set(environment.docker_host.as_deref()).is_some() {
            return default_context(environment, Origin::HostVariable);
        }
        if let Some(name) = set(environment.docker_context.as_deref()) {
            return named(environment, name, Origin::ContextVariable(name.to_owned()));
        }
        match environment.config_directory().and_then(|directory| current_context(&directory)) {
            Some(name) => named(environment, &name, Origin::CurrentContext(name.clone())),
            None => default_context(environment, Origin::Default),
        }
    }

    /// The socket's path, where the engine is reached through one.
    pub fn socket(&self) -> Option<&Path> {
        self.url.strip_prefix("unix://").map(Path::new)
    }

    /// Whether it is reached without a network.
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

fn set(value: Option<&str>) -> Option<&str> {
    value.filter(|value| !value.is_empty())
}

fn unusable(name: &str, reason: impl Into<String>) -> EngineError {
    EngineError::Context { name: name.to_owned(), reason: reason.into() }
}

/// `currentContext` of `config.json`. Docker warns about a file that it cannot read and goes on without it.
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

/// The context without a file.
fn default_context(environment: &EngineEnvironment, origin: Origin) -> Result<Endpoint> {
    let verify = set(environment.tls_verify.as_deref()).is_some();
    let host = set(environment.host_flag.as_deref())
        .or_else(|| set(environment.docker_host.as_deref()))
        .unwrap_or(DEFAULT_SOCKET);
    let url = normalise(DEFAULT_CONTEXT, host, verify)?;
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
    /// The files of a directory under Docker's names for them.
    fn in_directory(directory: &Path) -> Self {
        let file = |name: &str| Some(directory.join(name)).filter(|path| path.is_file());
        Self { ca: file("ca.pem"), cert: file("cert.pem"), key: file("key.pem") }
    }
}

/// A context by name, read from its file below `contexts/meta`.
fn named(environment: &EngineEnvironment, name: &str, origin: Origin) -> Result<Endpoint> {
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
        return Err(unusable(name, "there is no home directory to look for it in"));
    };
    let id = Digest::of(name.as_bytes()).to_string();
    let contexts = directory.join("contexts");
    let file = contexts.join("meta").join(&id).join("meta.json");
    let text = std::fs::read(&file).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => unusable(name, "there is no such context"),
        _ => unusable(name, format!("`{}`: {error}", file.display())),
    })?;
    let meta: Meta = serde_json::from_slice(&text)
        .map_err(|error| unusable(name, format!("`{}`: {error}", file.display())))?;
    if meta.name != name {
        return Err(unusable(name, format!("its file is of context `{}`", meta.name)));
    }
    let Some(docker) = meta.endpoints.docker else {
        return Err(unusable(name, "it has no Docker endpoint"));
    };
    if docker.skip_tls_verify {
        return Err(unusable(name, "it skips the check of the server's certificate, which is not supported"));
    }
    let tls = Tls::in_directory(&contexts.join("tls").join(&id).join("docker"));
    let secured = tls != Tls::default();
    let host = if docker.host.is_empty() { DEFAULT_SOCKET } else { &docker.host };
    let url = normalise(name, host, secured)?;
    let tls = (secured && url.starts_with("tcp://")).then_some(tls);
    Ok(Endpoint { url, tls, origin })
}

/// A host as Docker accepts it, in the one form that we use. What we would reach differently from Docker is refused.
fn normalise(context: &str, host: &str, tls: bool) -> Result<String> {
    let host = host.trim();
    let (scheme, rest) = host.split_once("://").unwrap_or(("tcp", host));
    match scheme {
        "unix" if rest.is_empty() => Ok(DEFAULT_SOCKET.to_owned()),
        "unix" => Ok(format!("unix://{rest}")),
        "tcp" | "http" => {
            let rest = rest.trim_end_matches('/');
            if rest.contains('/') {
                return Err(unusable(context, format!("an address with a path is not supported: `{host}`")));
            }
            Ok(format!("tcp://{}", with_port(rest, tls)))
        }
        "ssh" => {
            if rest.rsplit_once('@').is_some_and(|(user, _)| user.contains(':')) {
                return Err(unusable(context, "an address with a password is not supported"));
            }
            // A path asks for another socket on that host, which our connection would not use.
            if rest.trim_end_matches('/').contains('/') {
                return Err(unusable(context, format!("an address with a path is not supported: `{host}`")));
            }
            Ok(format!("ssh://{}", rest.trim_end_matches('/')))
        }
        _ => Err(unusable(context, format!("`{host}`: addresses of this kind are not supported"))),
    }
}

/// Docker's defaults: 127.0.0.1, and 2375 or with TLS 2376.
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
            assert_eq!(normalise("default", host, tls).expect(host), url);
        }
    }

    #[test]
    fn a_password_is_refused_and_not_repeated() {
        let error = normalise("away", "ssh://me:hunter2@host", false).expect_err("refused");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }

    #[test]
    fn what_would_reach_another_engine_is_refused() {
        for host in ["ssh://host/run/podman.sock", "tcp://host:1/prefix", "npipe:////./pipe/x", "fd://"] {
            let error = normalise("default", host, false).expect_err(host);
            assert!(matches!(error, EngineError::Context { .. }), "{error}");
        }
    }
}
