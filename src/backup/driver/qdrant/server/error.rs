//! What a Qdrant server has refused, in words that say what to do about it. Never shows a key.

use std::fmt;

/// Why a request was not answered as hoped. Requests are named by what they do: `list the collections`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("{}", Locked(*given))]
    Key { given: bool },
    #[error("the API key may not {action}: the server wants {right} for that ({message})")]
    Permission { action: String, right: Permission, message: String },
    #[error("cannot {action}: {message}")]
    NotFound { action: String, message: String },
    /// The server understood, and will not.
    #[error("cannot {action}: {message}")]
    Refused { action: String, message: String },
    /// The server tried, and could not.
    #[error("the server failed to {action}: {message}")]
    Failed { action: String, message: String },
    /// The connection was not made, or broke.
    #[error("cannot {action}: the server does not answer")]
    Unreachable {
        action: String,
        #[source]
        source: anyhow::Error,
    },
    #[error("cannot {action}: the server's answer makes no sense: {reason}")]
    Senseless { action: String, reason: String },
}

pub(crate) type Result<T> = std::result::Result<T, ApiError>;

struct Locked(bool);

impl fmt::Display for Locked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 {
            f.write_str("the server does not accept the API key that it was given")
        } else {
            f.write_str("the server wants an API key, and neither the container's environment nor a mounted configuration holds one")
        }?;
        f.write_str("; `SAFE_COMPOSE_QDRANT_API_KEY` can give the right one")
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
            Self::Read => "the right to read",
            Self::Write => "the right to write to the collection, which a read-only key lacks",
            Self::Manage => "the right to manage the whole server, which only `service.api_key` has",
        })
    }
}

/// A request, for messages: what it does, and what a key must allow for it.
#[derive(Debug, Clone)]
pub(crate) struct ApiRequest {
    pub(crate) action: String,
    pub(crate) right: Permission,
    /// Whether a key goes with it.
    pub(crate) keyed: bool,
}

/// What the status of an answer means, over HTTP and over gRPC alike.
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

    /// By the number of the code: <https://grpc.io/docs/guides/status-codes/>. What the server maps to which is in its
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
            "the server wants an API key, and neither the container's environment nor a mounted configuration holds one; \
             `SAFE_COMPOSE_QDRANT_API_KEY` can give the right one"
        );
        assert_eq!(
            shown(true, Permission::Read, StatusMeaning::of_grpc(16)),
            "the server does not accept the API key that it was given; \
             `SAFE_COMPOSE_QDRANT_API_KEY` can give the right one"
        );
        assert_eq!(
            shown(true, Permission::Write, StatusMeaning::of_http(403)),
            "the API key may not save collection `a`: the server wants the right to write to the collection, which a \
             read-only key lacks for that (Forbidden: no)"
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
