//! Which server versions accept snapshots of which others.
//!
//! Qdrant keeps its storage readable for one minor version at a time and never downwards
//! (<https://qdrant.tech/documentation/upgrades/>). Neither its files nor its snapshots contain the server's version,
//! so the server cannot check it.

use std::fmt;

/// A version such as `1.19.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct QdrantVersion {
    major: u64,
    minor: u64,
    patch: u64,
}

impl QdrantVersion {
    /// Reads `1.19.0`, `v1.19` or `1.19.0-dev`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches('v');
        let plain = text.split(['-', '+']).next().unwrap_or(text);
        let mut parts = plain.split('.').map(|part| part.parse().ok());
        let major = parts.next()??;
        let minor = parts.next()??;
        Some(Self { major, minor, patch: parts.next().flatten().unwrap_or(0) })
    }
}

impl fmt::Display for QdrantVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// Why a server does not accept a snapshot of another version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum VersionMismatch {
    #[error("the backup is from Qdrant {backup}, and the server is the older {server}, which cannot read it")]
    Older { backup: QdrantVersion, server: QdrantVersion },
    #[error(
        "the backup is from Qdrant {backup}, and the server is {server}: Qdrant only reads the data of the previous minor version, so restore into {}.{} and upgrade one minor version at a time", backup.major, backup.minor
    )]
    TooNew { backup: QdrantVersion, server: QdrantVersion },
    #[error("the server's version `{0}` cannot be parsed")]
    Unknown(String),
}

/// Whether a server accepts snapshots of another version. A backup without a version passes.
pub(crate) fn fits(backup: Option<&str>, server: &str) -> Result<(), VersionMismatch> {
    let Some(backup) = backup.and_then(QdrantVersion::parse) else { return Ok(()) };
    let server = QdrantVersion::parse(server).ok_or_else(|| VersionMismatch::Unknown(server.to_owned()))?;
    if (server.major, server.minor) < (backup.major, backup.minor) {
        return Err(VersionMismatch::Older { backup, server });
    }
    if server.major != backup.major || server.minor > backup.minor + 1 {
        return Err(VersionMismatch::TooNew { backup, server });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_minor_version_and_the_next_one_fit() {
        for server in ["1.19.0", "1.19.7", "1.20.0", "v1.20.3", "1.20.0-dev"] {
            assert_eq!(fits(Some("1.19.2"), server), Ok(()), "{server}");
        }
        assert_eq!(fits(None, "1.0.0"), Ok(()));
    }

    #[test]
    fn an_older_one_and_a_far_newer_one_do_not() {
        let error = fits(Some("1.19.0"), "1.18.9").expect_err("older").to_string();
        assert!(error.contains("Qdrant 1.19.0") && error.contains("older 1.18.9"), "{error}");
        let error = fits(Some("1.17.0"), "1.19.0").expect_err("two minors").to_string();
        assert!(error.contains("restore into 1.17"), "{error}");
        assert!(fits(Some("1.19.0"), "2.0.0").is_err());
        assert!(fits(Some("2.0.0"), "1.19.0").is_err());
        assert!(fits(Some("1.19.0"), "latest").is_err());
    }

    #[test]
    fn versions_are_read_as_servers_print_them() {
        assert_eq!(QdrantVersion::parse("v1.19").expect("a version").to_string(), "1.19.0");
        for odd in ["", "1", "one.two", "latest"] {
            assert_eq!(QdrantVersion::parse(odd), None, "{odd}");
        }
    }
}
