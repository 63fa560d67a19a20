//! Where a repository is, in the notation of restic.
//!
//! Source: <https://restic.readthedocs.io/en/stable/030_preparing_a_new_repo.html>

use std::fmt;
use std::path::PathBuf;

use reqwest::Url;

/// Where a repository is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepositoryLocation {
    /// A directory of this machine.
    Local(PathBuf),
    /// A server that speaks restic's REST protocol.
    Rest(Url),
    /// A remote of `rclone`, which runs as a child process: `remote:path`.
    Rclone(String),
    Sftp(SftpLocation),
    S3(S3Location),
}

/// `sftp:user@host:/path` or `sftp://user@host:port//path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SftpLocation {
    pub user: Option<String>,
    pub host: String,
    pub port: Option<u16>,
    /// Absolute.
    pub path: String,
}

/// `s3:https://host:port/bucket/prefix` or `s3:host/bucket/prefix`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Location {
    /// With the scheme, without a path.
    pub endpoint: String,
    pub bucket: String,
    /// What is before the names of the repository's files; may be empty.
    pub prefix: String,
}

/// Why a repository's address cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    #[error("the address of the repository is empty")]
    Empty,
    #[error("`{0}:` is not supported: use `rclone:` for this kind of storage")]
    UseRclone(String),
    #[error("`{0}:` is no kind of repository: use a path, or `sftp:`, `s3:`, `rest:` or `rclone:`")]
    Unknown(String),
    #[error("the address of the repository is incomplete: {0}")]
    Incomplete(&'static str),
    #[error("the address of the repository is not a valid URL: {0}")]
    BadUrl(String),
}

/// What restic supports and this program does not.
const THROUGH_RCLONE: &[&str] = &["b2", "azure", "gs", "swift"];

impl RepositoryLocation {
    /// Reads an address. A path without a scheme has to be absolute, or to begin with `.`.
    pub fn parse(text: &str) -> Result<Self, LocationError> {
        if text.is_empty() {
            return Err(LocationError::Empty);
        }
        let Some((scheme, rest)) = text.split_once(':').filter(|_| !text.starts_with(['/', '.'])) else {
            return Ok(Self::Local(PathBuf::from(text)));
        };
        match scheme {
            "local" if rest.is_empty() => Err(LocationError::Incomplete("a path follows `local:`")),
            "local" => Ok(Self::Local(PathBuf::from(rest))),
            "rest" => Ok(Self::Rest(web_address(rest)?)),
            "rclone" if rest.contains(':') => Ok(Self::Rclone(rest.to_owned())),
            "rclone" => Err(LocationError::Incomplete("`REMOTE:PATH` follows `rclone:`")),
            "sftp" => sftp(rest).map(Self::Sftp),
            "s3" => s3(rest).map(Self::S3),
            known if THROUGH_RCLONE.contains(&known) => Err(LocationError::UseRclone(known.to_owned())),
            other => Err(LocationError::Unknown(other.to_owned())),
        }
    }
}

/// Without the password that a URL may have.
impl fmt::Display for RepositoryLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => write!(f, "{}", path.display()),
            Self::Rest(url) => {
                let mut url = url.clone();
                if url.password().is_some() {
                    // Fails only for URLs that cannot have a password.
                    let _ = url.set_password(Some("***"));
                }
                write!(f, "rest:{url}")
            }
            Self::Rclone(remote) => write!(f, "rclone:{remote}"),
            Self::Sftp(SftpLocation { user, host, port, path }) => {
                let user = user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
                match port {
                    Some(port) => write!(f, "sftp://{user}{host}:{port}/{path}"),
                    None => write!(f, "sftp:{user}{host}:{path}"),
                }
            }
            Self::S3(S3Location { endpoint, bucket, prefix }) => {
                write!(f, "s3:{endpoint}/{bucket}")?;
                if prefix.is_empty() { Ok(()) } else { write!(f, "/{prefix}") }
            }
        }
    }
}

fn web_address(text: &str) -> Result<Url, LocationError> {
    // The error of the parser has no part of the URL, which may contain a password.
    let url = Url::parse(text).map_err(|error| LocationError::BadUrl(error.to_string()))?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(url),
        _ => Err(LocationError::Incomplete("`http://HOST/` or `https://HOST/` follows")),
    }
}

fn sftp(text: &str) -> Result<SftpLocation, LocationError> {
    const PATH: LocationError = LocationError::Incomplete("an absolute path follows the host");
    let (authority, path) = match text.strip_prefix("//") {
        // Behind the host, the first slash separates.
        Some(url) => url.split_once('/').ok_or(PATH)?,
        None => text.split_once(':').ok_or(PATH)?,
    };
    if !path.starts_with('/') {
        return Err(PATH);
    }
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user.to_owned()), host),
        None => (None, authority),
    };
    let (host, port) = match host.rsplit_once(':').filter(|_| text.starts_with("//")) {
        Some((host, port)) => {
            let port = port.parse().map_err(|_| LocationError::Incomplete("the port is not a number"))?;
            (host, Some(port))
        }
        None => (host, None),
    };
    if host.is_empty() || host.starts_with('-') {
        return Err(LocationError::Incomplete("it has no host"));
    }
    Ok(SftpLocation { user, host: host.to_owned(), port, path: path.to_owned() })
}

fn s3(text: &str) -> Result<S3Location, LocationError> {
    let text = text.strip_prefix("//").unwrap_or(text);
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let url = web_address(&with_scheme)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(LocationError::Incomplete(
            "keys do not belong into it: set `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`",
        ));
    }
    let path = url.path().trim_matches('/');
    let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
    if bucket.is_empty() {
        return Err(LocationError::Incomplete("a bucket follows the host"));
    }
    Ok(S3Location {
        endpoint: url.origin().ascii_serialization(),
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match RepositoryLocation::parse(text) {
            Ok(location) => location.to_string(),
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn restics_addresses_are_read() {
        assert_eq!(RepositoryLocation::parse("/srv/a:b"), Ok(RepositoryLocation::Local("/srv/a:b".into())));
        assert_eq!(RepositoryLocation::parse("local:x"), Ok(RepositoryLocation::Local("x".into())));
        for text in [
            "./repo",
            "rest:https://backup.example/shop/",
            "rclone:remote:shop/repo",
            "sftp:me@backup.example:/srv/repo",
            "sftp://me@backup.example:2222//srv/repo",
            "s3:https://s3.example:9000/bucket/shop",
            "s3:http://127.0.0.1:9000/bucket",
        ] {
            assert_eq!(shown(text), text);
        }
        assert_eq!(shown("s3:s3.example/bucket/a/b/"), "s3:https://s3.example/bucket/a/b");
        assert_eq!(shown("sftp://backup.example//srv/repo"), "sftp:backup.example:/srv/repo");
    }

    #[test]
    fn a_password_is_not_shown() {
        let text = shown("rest:https://me:hunter2@backup.example/");
        assert_eq!(text, "rest:https://me:***@backup.example/");
        let debug = format!("{:?}", RepositoryLocation::parse("s3:https://me:hunter2@s3.example/bucket"));
        assert!(!debug.contains("hunter2"), "{debug}");
        assert!(!shown("rest:https://me:hunter2@:x/").contains("hunter2"));
    }

    #[test]
    fn what_cannot_be_reached_is_refused() {
        for text in [
            "",
            "local:",
            "rest:",
            "rest:ftp://x/",
            "rclone:x",
            "sftp:host",
            "sftp:host:relative",
            "sftp://host/relative",
            "sftp:-oProxyCommand=x:/y",
            "sftp://host:x//y",
            "s3:host",
            "b2:bucket:path",
            "ftp://host/x",
        ] {
            assert!(shown(text).starts_with("error: "), "{text}: {}", shown(text));
        }
    }
}
