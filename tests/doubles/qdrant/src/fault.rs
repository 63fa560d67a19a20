//! The ways in which a request can fail, with the server's own status codes and texts.
//!
//! Texts follow `lib/storage/src/content_manager/errors.rs` and `src/actix/helpers.rs` of qdrant 1.19.0.

use std::fmt;
use std::io;

pub(crate) type Outcome<T> = Result<T, Fault>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    BadInput(String),
    BadRequest(String),
    /// The JSON body could not be read; the server answers with `time: 0.0`.
    Format(String),
    /// The request could be read but breaks a limit; the server answers 422. Begins with where, as `JSON body`.
    Invalid(String),
    /// A query parameter could not be read.
    Query(String),
    /// What only a cluster can do.
    Standalone,
    AlreadyExists(String),
    NotFound(String),
    Forbidden(String),
    Checksum {
        expected: String,
        actual: String,
    },
    /// The partial snapshot would be empty; 304 without a body that matters.
    Unchanged(u32),
    Service(String),
}

impl Fault {
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::BadInput(_)
            | Self::BadRequest(_)
            | Self::Format(_)
            | Self::Query(_)
            | Self::Checksum { .. } => 400,
            Self::Invalid(_) => 422,
            Self::Standalone => 405,
            Self::AlreadyExists(_) => 409,
            Self::NotFound(_) => 404,
            Self::Forbidden(_) => 403,
            Self::Unchanged(_) => 304,
            Self::Service(_) => 500,
        }
    }

    pub(crate) fn bad_input(text: impl Into<String>) -> Self {
        Self::BadInput(text.into())
    }

    pub(crate) fn service(text: impl Into<String>) -> Self {
        Self::Service(text.into())
    }

    /// The JSON body breaks a limit.
    pub(crate) fn body(text: impl fmt::Display) -> Self {
        Self::Invalid(format!("JSON body: {text}"))
    }

    pub(crate) fn no_vector(name: &str) -> Self {
        Self::BadInput(format!("Not existing vector name error: {name}"))
    }

    pub(crate) fn no_collection(name: &str) -> Self {
        Self::NotFound(format!("Collection `{name}` doesn't exist!"))
    }

    pub(crate) fn manage_required() -> Self {
        Self::Forbidden("Global manage access is required".to_owned())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadInput(text) | Self::AlreadyExists(text) => write!(f, "Wrong input: {text}"),
            Self::BadRequest(text) => write!(f, "Bad request: {text}"),
            Self::Format(text) => write!(f, "Format error in JSON body: {text}"),
            Self::Invalid(text) => write!(f, "Validation error in {text}"),
            Self::Query(text) => write!(f, "Deserialize error in query parameters: {text}"),
            Self::Standalone => f.write_str("Qdrant is running in standalone mode"),
            Self::NotFound(text) => write!(f, "Not found: {text}"),
            Self::Forbidden(text) => write!(f, "Forbidden: {text}"),
            Self::Checksum { expected, actual } => {
                write!(f, "Checksum mismatch: expected {expected}, actual {actual}")
            }
            Self::Unchanged(shard) => write!(f, "Partial snapshot for shard {shard} contains no changes"),
            Self::Service(text) => write!(f, "Service internal error: {text}"),
        }
    }
}

impl std::error::Error for Fault {}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Service(format!("File IO error: {error}"))
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self::Service(format!("json (de)serialization error: {error}"))
    }
}
