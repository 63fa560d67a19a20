//! From what went wrong on the wire to what we say about it.

use std::error::Error as _;
use std::io;

use bollard::errors::Error;

use crate::engine::{EngineError, Result};

/// Names the engine in every failure.
#[derive(Debug, Clone)]
pub(super) struct Failures {
    endpoint: String,
}

impl Failures {
    pub(super) fn of(endpoint: &str) -> Self {
        Self { endpoint: endpoint.to_owned() }
    }

    /// A connection that could not be made.
    pub(super) fn unreachable(&self, source: anyhow::Error) -> EngineError {
        let endpoint = self.endpoint.clone();
        if source.chain().any(is_permission) {
            EngineError::Forbidden { endpoint, source }
        } else {
            EngineError::Unreachable { endpoint, source }
        }
    }

    /// A question that was not answered.
    pub(super) fn asking(&self, action: &str, error: impl Into<Failed>) -> EngineError {
        match error.into() {
            Failed::Client(Error::DockerResponseServerError { status_code, message }) => {
                EngineError::Refused {
                    action: action.to_owned(),
                    source: anyhow::anyhow!("{} (HTTP {status_code})", message.trim()),
                }
            }
            // The library hides this one in its chain of causes.
            Failed::Client(Error::IOError { err }) => self.unreachable(err.into()),
            Failed::Client(error) if speaks_of_connection(&error) => self.unreachable(error.into()),
            Failed::Client(error) => EngineError::Refused { action: action.to_owned(), source: error.into() },
            Failed::Answer(error) => EngineError::Refused {
                action: action.to_owned(),
                source: anyhow::Error::new(error).context("its answer makes no sense"),
            },
            Failed::Name(name) => EngineError::Refused {
                action: action.to_owned(),
                source: anyhow::anyhow!("`{name}` is not a name that an engine gives"),
            },
        }
    }

    /// A question about something that may be missing.
    pub(super) fn about(&self, what: &str, action: &str, error: impl Into<Failed>) -> EngineError {
        let error = error.into();
        if error.is_missing() {
            EngineError::NotFound { what: what.to_owned() }
        } else {
            self.asking(action, error)
        }
    }

    /// A question to which "there is none" is an answer.
    pub(super) fn unless_missing<T>(&self, action: &str, error: impl Into<Failed>) -> Result<Option<T>> {
        let error = error.into();
        if error.is_missing() { Ok(None) } else { Err(self.asking(action, error)) }
    }
}

/// What can go wrong with one request.
#[derive(Debug)]
pub(super) enum Failed {
    Client(Error),
    /// The answer is not what the API promises.
    Answer(serde_json::Error),
    /// No engine has anything of this name, and the name would bend the address.
    Name(String),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Client(error)
    }
}

impl Failed {
    fn is_missing(&self) -> bool {
        matches!(
            self,
            Self::Client(Error::DockerResponseServerError { status_code: 404, .. }) | Self::Name(_)
        )
    }
}

fn is_permission(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

/// Whether the engine was never reached, or went away, rather than having said no.
fn speaks_of_connection(error: &Error) -> bool {
    if matches!(
        error,
        Error::RequestTimeoutError
            | Error::SocketNotFoundError(_)
            | Error::HyperLegacyError { .. }
            | Error::HyperResponseError { .. }
    ) {
        return true;
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<io::Error>() {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failures() -> Failures {
        Failures::of("unix:///x.sock")
    }

    fn io_error(kind: io::ErrorKind) -> Error {
        Error::IOError { err: io::Error::from(kind) }
    }

    #[test]
    fn no_permission_is_not_the_same_as_no_engine() {
        let forbidden = failures().asking("x", io_error(io::ErrorKind::PermissionDenied));
        assert!(
            matches!(&forbidden, EngineError::Forbidden { endpoint, .. } if endpoint == "unix:///x.sock")
        );
        let refused = failures().asking("x", io_error(io::ErrorKind::ConnectionRefused));
        assert!(matches!(refused, EngineError::Unreachable { .. }));
        let late = failures().asking("x", Error::RequestTimeoutError);
        assert!(matches!(late, EngineError::Unreachable { .. }));
    }

    #[test]
    fn a_no_is_not_the_same_as_nothing_there() {
        let answer = |status_code| Error::DockerResponseServerError { status_code, message: "m".into() };
        assert!(matches!(failures().unless_missing::<()>("x", answer(404)), Ok(None)));
        assert!(matches!(
            failures().unless_missing::<()>("x", answer(500)),
            Err(EngineError::Refused { .. })
        ));
        assert!(matches!(failures().about("y", "x", answer(404)), EngineError::NotFound { .. }));
        assert!(matches!(failures().about("y", "x", answer(409)), EngineError::Refused { .. }));
    }
}
