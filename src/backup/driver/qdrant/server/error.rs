//! Errors of a Qdrant server, with what to do about them. Never contain a key.

use std::fmt;

/// Why a request failed. `action` is what it does: `list the collections`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("{}", Locked(*given))]
    Key { given: bool },
    #[error("the API key is not allowed to {action}: that requires {right} ({message})")]
    Permission { action: String, right: Permission, message: String },
    #[error("cannot {action}: {message}")]
    NotFound { action: String, message: String },
    /// The server rejected the request.
    #[error("cannot {action}: {message}")]
    Refused { action: String, message: String },
    /// The server failed.
    #[error("the server failed to {action}: {message}")]
    Failed { action: String, message: String },
    /// The connection failed or was lost.
    #[error("cannot {action}: the server does not answer")]
    Unreachable {
        action: String,
        #[source]
        source: anyhow::Error,
    },
    #[error("cannot {action}: the server's response is invalid: {reason}")]
    Senseless { action: String, reason: String },
}

pub(crate) type Result<T> = std::result::Result<T, ApiError>;

struct Locked(bool);

impl fmt::Display for Locked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 {
            f.write_str("the server rejected the API key")
        } else {
            f.write_str("the server requires an API key, and neither the container's environment nor a mounted configuration contains one")
        }?;
        f.write_str("; set `SAFE_COMPOSE_QDRANT_API_KEY`")
    }
}

/// What a key must allow (`src/actix/api/snapshot_api.rs`, `lib/storage/src/rbac`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permission {
    Read,
    Write,
    Manage,
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read access",
            Self::Write => "write access to the collection, which a read-only key lacks",
            Self::Manage => "full access to the server, which only `service.api_key` has",
        })
    }
}

/// A request, for messages: what it does, and what its key must allow.
#[derive(Debug, Clone)]
pub(crate) struct ApiRequest {
    pub(crate) action: String,
    pub(crate) right: Permission,
    /// Whether it is sent with a key.
    pub(crate) keyed: bool,
}

/// What the status of a response means, over HTTP and over gRPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StatusMeaning {
    Key,
    Permission,
    NotFound,
    Refused,
    Failed,
    Unreachable,
}

impl StatusMeaning {
    pub(crate) fn of_http(status: u16) -> Self {
        match status {
            401 => Self::Key,
            403 => Self::Permission,
            404 => Self::NotFound,
            400..=499 => Self::Refused,
            _ => Self::Failed,
        }
    }

    /// By the number of the status code: <https://grpc.io/docs/guides/status-codes/>. The server's mapping is in its
    /// `lib/storage/src/content_manager/conversions.rs`.
    pub(crate) fn of_grpc(code: i32) -> Self {
        match code {
            16 => Self::Key,
            7 => Self::Permission,
            5 => Self::NotFound,
            3 | 6 | 9 | 11 | 12 => Self::Refused,
            1 | 14 => Self::Unreachable,
            _ => Self::Failed,
        }
    }
}

impl ApiRequest {
    /// The error for an answer.
    pub(crate) fn error(&self, meaning: StatusMeaning, message: &str) -> ApiError {
        let action = self.action.clone();
        let message = message.trim().trim_end_matches('.').to_owned();
        match meaning {
            StatusMeaning::Key => ApiError::Key { given: self.keyed },
            StatusMeaning::Permission => ApiError::Permission { action, right: self.right, message },
            StatusMeaning::NotFound => ApiError::NotFound { action, message },
            StatusMeaning::Refused => ApiError::Refused { action, message },
            StatusMeaning::Failed => ApiError::Failed { action, message },
            StatusMeaning::Unreachable => ApiError::Unreachable { action, source: anyhow::anyhow!(message) },
        }
    }

    pub(crate) fn unreachable(&self, source: impl Into<anyhow::Error>) -> ApiError {
        ApiError::Unreachable { action: self.action.clone(), source: source.into() }
    }

    pub(crate) fn senseless(&self, reason: impl fmt::Display) -> ApiError {
        ApiError::Senseless { action: self.action.clone(), reason: reason.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(keyed: bool, right: Permission, meaning: StatusMeaning) -> String {
        let request = ApiRequest { action: "save collection `a`".into(), right, keyed };
        request.error(meaning, "Forbidden: no.").to_string()
    }

    #[test]
    fn a_refused_key_says_what_it_lacks() {
        assert_eq!(
            shown(false, Permission::Read, StatusMeaning::of_http(401)),
            "the server requires an API key, and neither the container's environment nor a mounted configuration contains one; set `SAFE_COMPOSE_QDRANT_API_KEY`"
        );
        assert_eq!(
            shown(true, Permission::Read, StatusMeaning::of_grpc(16)),
            "the server rejected the API key; set `SAFE_COMPOSE_QDRANT_API_KEY`"
        );
        assert_eq!(
            shown(true, Permission::Write, StatusMeaning::of_http(403)),
            "the API key is not allowed to save collection `a`: that requires write access to the collection, which a read-only key lacks (Forbidden: no)"
        );
        assert_eq!(
            shown(true, Permission::Manage, StatusMeaning::of_http(403)),
            shown(true, Permission::Manage, StatusMeaning::of_grpc(7))
        );
    }

    #[test]
    fn faults_of_the_request_and_of_the_server_are_told_apart() {
        assert_eq!(
            shown(true, Permission::Read, StatusMeaning::of_http(404)),
            "cannot save collection `a`: Forbidden: no"
        );
        assert_eq!(
            shown(true, Permission::Read, StatusMeaning::of_http(500)),
            "the server failed to save collection `a`: Forbidden: no"
        );
        assert_eq!(StatusMeaning::of_http(409), StatusMeaning::of_grpc(6));
        assert_eq!(StatusMeaning::of_http(507), StatusMeaning::of_grpc(8));
    }
}
