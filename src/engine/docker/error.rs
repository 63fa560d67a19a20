//! Maps transport and HTTP errors to [`EngineError`].

use std::error::Error as _;
use std::io;

use bollard::errors::Error;

use crate::engine::{EngineError, Result};

/// Adds the endpoint to every error.
#[derive(Debug, Clone)]
pub(super) struct ErrorMapper {
    endpoint: String,
}

impl ErrorMapper {
    pub(super) fn new(endpoint: &str) -> Self {
        Self { endpoint: endpoint.to_owned() }
    }

    /// A failed connection.
    pub(super) fn unreachable(&self, source: anyhow::Error) -> EngineError {
        let endpoint = self.endpoint.clone();
        if source.chain().any(is_permission) {
            EngineError::Forbidden { endpoint, source }
        } else {
            EngineError::Unreachable { endpoint, source }
        }
    }

    /// A failed request.
    pub(super) fn request(&self, action: &str, error: impl Into<RequestError>) -> EngineError {
        match error.into() {
            RequestError::Client(Error::DockerResponseServerError { status_code, message }) => {
                EngineError::Refused {
                    action: action.to_owned(),
                    source: anyhow::anyhow!("{} (HTTP {status_code})", message.trim()),
                }
            }
            // bollard does not include this one in the chain of causes.
            RequestError::Client(Error::IOError { err }) => self.unreachable(err.into()),
            RequestError::Client(error) if is_connection_error(&error) => self.unreachable(error.into()),
            RequestError::Client(error) => {
                EngineError::Refused { action: action.to_owned(), source: error.into() }
            }
            RequestError::Response(error) => EngineError::Refused {
                action: action.to_owned(),
                source: anyhow::Error::new(error).context("invalid response"),
            },
            RequestError::TooLarge => EngineError::Refused {
                action: action.to_owned(),
                source: anyhow::anyhow!("the response is too large to be one of a Docker Engine"),
            },
            RequestError::Name(name) => EngineError::Refused {
                action: action.to_owned(),
                source: anyhow::anyhow!("`{name}` is not a valid name"),
            },
        }
    }

    /// A failed request for an object that may not exist.
    pub(super) fn lookup(&self, what: &str, action: &str, error: impl Into<RequestError>) -> EngineError {
        let error = error.into();
        if error.is_missing() {
            EngineError::NotFound { what: what.to_owned() }
        } else {
            self.request(action, error)
        }
    }

    /// A failed request for an object whose absence is a valid result.
    pub(super) fn none_if_missing<T>(
        &self,
        action: &str,
        error: impl Into<RequestError>,
    ) -> Result<Option<T>> {
        let error = error.into();
        if error.is_missing() { Ok(None) } else { Err(self.request(action, error)) }
    }
}

/// Why a request failed.
#[derive(Debug)]
pub(super) enum RequestError {
    /// The transport failed, or the engine returned an error.
    Client(Error),
    /// The response does not match the API.
    Response(serde_json::Error),
    /// The response does not end.
    TooLarge,
    /// No object can have this name, and it would change the path of the request.
    Name(String),
}

impl From<Error> for RequestError {
    fn from(error: Error) -> Self {
        Self::Client(error)
    }
}

impl RequestError {
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

/// Whether the connection failed, as opposed to a response with an error.
fn is_connection_error(error: &Error) -> bool {
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

    fn errors() -> ErrorMapper {
        ErrorMapper::new("unix:///x.sock")
    }

    fn io_error(kind: io::ErrorKind) -> Error {
        Error::IOError { err: io::Error::from(kind) }
    }

    #[test]
    fn a_missing_permission_is_not_a_missing_engine() {
        let forbidden = errors().request("x", io_error(io::ErrorKind::PermissionDenied));
        assert!(
            matches!(&forbidden, EngineError::Forbidden { endpoint, .. } if endpoint == "unix:///x.sock")
        );
        let refused = errors().request("x", io_error(io::ErrorKind::ConnectionRefused));
        assert!(matches!(refused, EngineError::Unreachable { .. }));
        let late = errors().request("x", Error::RequestTimeoutError);
        assert!(matches!(late, EngineError::Unreachable { .. }));
    }

    #[test]
    fn a_refusal_is_not_a_missing_object() {
        let response = |status_code| Error::DockerResponseServerError { status_code, message: "m".into() };
        assert!(matches!(errors().none_if_missing::<()>("x", response(404)), Ok(None)));
        assert!(matches!(
            errors().none_if_missing::<()>("x", response(500)),
            Err(EngineError::Refused { .. })
        ));
        assert!(matches!(errors().lookup("y", "x", response(404)), EngineError::NotFound { .. }));
        assert!(matches!(errors().lookup("y", "x", response(409)), EngineError::Refused { .. }));
    }
}
