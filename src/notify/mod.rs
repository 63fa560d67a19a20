//! Tells the hosts of a project's settings what has happened to its data: ntfy, Gotify, pings as healthchecks.io takes them,
//! and plain webhooks.
//!
//! One attempt with a short time limit. Redirects are not followed: the user has agreed to this host.

mod message;
mod request;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};

use crate::env;
use crate::event::EventDocument;
use crate::secret::Secret;
use crate::settings::{NotifyTarget, NotifyToken};
use crate::trust::Granted;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest token.
const TOKEN_BYTES: u64 = 16 * 1024;

/// A host was not told. No message has the URL, which may be a secret.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    #[error("the token cannot be read from `{}`", path.display())]
    TokenFile {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("`{variable}`, which has the token, is not set")]
    TokenVariable { variable: String },
    #[error("the token has characters that cannot be sent")]
    Token,
    #[error("`{host}` cannot be reached")]
    Unreachable {
        host: String,
        #[source]
        source: reqwest::Error,
    },
    #[error("`{host}` answered {status}")]
    Answered { host: String, status: StatusCode },
}

/// Tells a host of an event.
pub async fn send(_: &Granted, target: &NotifyTarget, document: &EventDocument) -> Result<(), NotifyError> {
    let Some(url) = request::url(target, document) else { return Ok(()) };
    let token = token(target.token.as_ref(), &document.directory)?;
    let host = target.url.host_str().unwrap_or_default().to_owned();
    let unreachable = |source: reqwest::Error| NotifyError::Unreachable {
        host: host.clone(),
        source: source.without_url(),
    };
    crate::tls::install_provider();
    let client = Client::builder()
        .redirect(Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(target.timeout)
        .user_agent(concat!("safe-compose/", env!("CARGO_PKG_VERSION")));
    let client = if url.scheme() == "http" {
        // The system's certificates are not needed.
        client.tls_certs_only([])
    } else {
        client
    };
    let client = client.build().map_err(unreachable)?;
    let request = request::fill(client.post(url), target, document, token.as_ref())?;
    let response = request.send().await.map_err(unreachable)?;
    let status = response.status();
    if status.is_success() { Ok(()) } else { Err(NotifyError::Answered { host, status }) }
}

/// The token for a host, from where the settings say.
fn token(token: Option<&NotifyToken>, directory: &Path) -> Result<Option<Secret>, NotifyError> {
    match token {
        None => Ok(None),
        Some(NotifyToken::Variable(name)) => match env::variable(name).filter(|value| !value.is_empty()) {
            Some(value) => Ok(Some(Secret::new(value.trim()))),
            None => Err(NotifyError::TokenVariable { variable: name.clone() }),
        },
        Some(NotifyToken::File(path)) => {
            let path = directory.join(path);
            let text = read_token(&path).map_err(|source| NotifyError::TokenFile { path, source })?;
            Ok(Some(Secret::new(text.trim())))
        }
    }
}

fn read_token(path: &Path) -> io::Result<String> {
    use std::io::Read as _;
    let file = std::fs::File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
    }
    let mut text = String::new();
    file.take(TOKEN_BYTES).read_to_string(&mut text)?;
    Ok(text)
}
