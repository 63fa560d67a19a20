//! Why one request failed, and whether it may succeed later.

use std::error::Error;
use std::sync::Arc;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, LOCATION};

/// How much of what a server says about an error is shown.
const SHOWN: usize = 120;

/// Why a request failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub(in crate::backup::repository) struct TransportError {
    kind: TransportFailure,
    message: String,
    #[source]
    source: Option<Arc<dyn Error + Send + Sync>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TransportFailure {
    Missing,
    /// The server does not permit it.
    Refused,
    /// Trying again cannot help.
    Permanent,
    Temporary,
    /// No connection came about, or it broke.
    Unreachable,
}

impl TransportError {
    pub(super) fn permanent(message: impl Into<String>) -> Self {
        Self { kind: TransportFailure::Permanent, message: message.into(), source: None }
    }

    pub(super) fn temporary(message: impl Into<String>) -> Self {
        Self { kind: TransportFailure::Temporary, message: message.into(), source: None }
    }

    pub(super) fn missing() -> Self {
        Self { kind: TransportFailure::Missing, message: "there is no such file".to_owned(), source: None }
    }

    pub(super) fn refused(message: impl Into<String>) -> Self {
        Self { kind: TransportFailure::Refused, message: message.into(), source: None }
    }

    /// A connection did not come about, or broke.
    pub(super) fn unreachable(source: impl Error + Send + Sync + 'static) -> Self {
        let kind =
            if is_of_tls(&source) { TransportFailure::Permanent } else { TransportFailure::Unreachable };
        Self {
            kind,
            message: "the connection to the server failed".to_owned(),
            source: Some(Arc::new(source)),
        }
    }

    pub(super) fn because(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// What an answer without success means.
    pub(super) fn answer(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let said = said(body).map(|text| format!(": {text}")).unwrap_or_default();
        match status {
            StatusCode::NOT_FOUND | StatusCode::GONE => Self::missing(),
            StatusCode::UNAUTHORIZED => {
                Self::refused(format!("the server does not accept the account ({status}){said}"))
            }
            StatusCode::FORBIDDEN | StatusCode::METHOD_NOT_ALLOWED | StatusCode::CONFLICT => {
                Self::refused(format!("the server refuses it ({status}){said}"))
            }
            StatusCode::INSUFFICIENT_STORAGE => {
                Self::permanent(format!("the server has no space left ({status}){said}"))
            }
            StatusCode::PAYLOAD_TOO_LARGE => {
                Self::permanent(format!("the server accepts no more data ({status}){said}"))
            }
            StatusCode::NOT_IMPLEMENTED | StatusCode::HTTP_VERSION_NOT_SUPPORTED => {
                Self::permanent(format!("the server does not support it ({status}){said}"))
            }
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
                Self::temporary(format!("the server answered {status}{said}"))
            }
            _ if status.is_redirection() => {
                let target = headers.get(LOCATION).and_then(|target| target.to_str().ok());
                let target = target.map(|target| format!(" to `{target}`")).unwrap_or_default();
                Self::permanent(format!("the server redirects{target} ({status})"))
            }
            _ if status.is_server_error() => Self::temporary(format!("the server answered {status}{said}")),
            _ => Self::permanent(format!("the server answered {status}{said}")),
        }
    }

    pub(super) fn is_missing(&self) -> bool {
        self.kind == TransportFailure::Missing
    }

    pub(super) fn is_refusal(&self) -> bool {
        self.kind == TransportFailure::Refused
    }

    pub(super) fn is_unreachable(&self) -> bool {
        self.kind == TransportFailure::Unreachable
    }

    /// Whether the same request may succeed later.
    pub(super) fn is_temporary(&self, has_answered: bool) -> bool {
        match self.kind {
            TransportFailure::Missing | TransportFailure::Refused | TransportFailure::Permanent => false,
            TransportFailure::Temporary => true,
            TransportFailure::Unreachable => has_answered,
        }
    }
}

/// Whether the two sides cannot agree on a secure connection.
fn is_of_tls(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        // The error inside of an I/O error is not among its sources.
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let inner = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if error.is::<rustls::Error>() || inner.is_some() {
            return true;
        }
        next = error.source();
    }
    false
}

/// The first line of an answer, or what S3's XML says; nothing of a page for browsers.
fn said(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let between = |tag: &str| {
        let (_, after) = text.split_once(&format!("<{tag}>"))?;
        Some(after.split_once(&format!("</{tag}>"))?.0)
    };
    let said = match (between("Code"), between("Message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => {
            let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
            (!line.starts_with('<')).then(|| line.to_owned())?
        }
    };
    Some(said.chars().filter(|character| !character.is_control()).take(SHOWN).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(status: u16, body: &str) -> (String, bool) {
        let status = StatusCode::from_u16(status).expect("a status");
        let error = TransportError::answer(status, &HeaderMap::new(), body.as_bytes());
        (error.to_string(), error.is_temporary(true))
    }

    #[test]
    fn what_may_pass_is_told_from_what_will_not() {
        for status in [408, 425, 429, 500, 502, 503, 504] {
            assert!(shown(status, "").1, "{status}");
        }
        for status in [301, 400, 401, 403, 404, 405, 409, 413, 501, 507] {
            assert!(!shown(status, "").1, "{status}");
        }
    }

    #[test]
    fn a_server_has_the_last_word_unless_it_is_a_page() {
        assert_eq!(
            shown(507, "disk quota exceeded\nmore").0,
            "the server has no space left (507 Insufficient Storage): disk quota exceeded"
        );
        assert_eq!(shown(403, "<html>no</html>").0, "the server refuses it (403 Forbidden)");
        let xml =
            "<?xml version=\"1.0\"?>\n<Error><Code>SlowDown</Code><Message>Please wait.</Message></Error>";
        assert_eq!(shown(503, xml).0, "the server answered 503 Service Unavailable: SlowDown: Please wait.");
        assert!(!shown(500, "\u{1b}[31mred").0.contains('\u{1b}'));
        assert!(shown(500, &"long ".repeat(1000)).0.len() < 200);
    }

    #[test]
    fn a_connection_is_tried_again_only_where_one_came_about() {
        let refused = || std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        assert!(TransportError::unreachable(refused()).is_temporary(true));
        assert!(!TransportError::unreachable(refused()).is_temporary(false));
        let tls = std::io::Error::other(rustls::Error::DecryptError);
        assert!(!TransportError::unreachable(tls).is_temporary(true));
    }
}
