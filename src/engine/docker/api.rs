//! Requests to the engine, with responses of our own.
//!
//! bollard's models follow the newest API strictly: they lack the volume sizes of engines before 28, and an unknown value
//! in a field that nobody needs fails the complete response. A safety tool must be able to list a project whatever a
//! plugin reports, so responses are parsed here, and only the transport is bollard's.

use std::fmt::Write as _;

use bollard::{BollardRequest, Docker};
use futures_util::TryStreamExt as _;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;

use super::error::RequestError;

/// The engine's HTTP API.
#[derive(Debug, Clone)]
pub(super) struct Api {
    client: Docker,
}

impl Api {
    pub(super) fn new(client: Docker) -> Self {
        Self { client }
    }

    /// bollard's client, for uploads, downloads and attached programs.
    pub(super) fn client(&self) -> &Docker {
        &self.client
    }

    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, RequestError> {
        let mut target = format!("/v{}{path}", self.client.client_version());
        for (index, (key, value)) in query.iter().enumerate() {
            let _ = write!(target, "{}{key}={}", if index == 0 { '?' } else { '&' }, percent_encoded(value));
        }
        let client = self.client.clone().with_request_modifier(move |request| with_address(request, &target));
        // The only call of bollard that returns the body of a GET unparsed; its address is replaced.
        let body = client.export_container("0").try_fold(Vec::new(), |mut body, chunk| async move {
            body.extend_from_slice(&chunk);
            Ok(body)
        });
        serde_json::from_slice(&body.await?).map_err(RequestError::Response)
    }

    /// Gets an object by its name or id.
    pub(super) async fn get_named<T: DeserializeOwned>(
        &self,
        prefix: &str,
        name: &str,
        suffix: &str,
    ) -> Result<T, RequestError> {
        let name = checked(name)?;
        self.get(&format!("{prefix}{name}{suffix}"), &[]).await
    }
}

fn with_address(mut request: BollardRequest, target: &str) -> BollardRequest {
    let uri = request.uri();
    let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
    let address = format!("{}://{authority}{target}", uri.scheme_str().unwrap_or_default());
    *request.uri_mut() = address.parse().expect("a checked path and an encoded query are a valid URI");
    request
}

/// Checks that a name does not change the meaning of a URL path: no `..`, no `?`, no empty segment.
pub(super) fn checked(name: &str) -> Result<&str, RequestError> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-/:@+".contains(&byte);
    let valid = name.bytes().all(is_allowed)
        && name.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
        && name.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
    if valid { Ok(name) } else { Err(RequestError::Name(name.to_owned())) }
}

/// Everything but the unreserved letters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

fn percent_encoded(value: &str) -> String {
    utf8_percent_encode(value, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_change_the_path() {
        for name in ["shop_db", "n", "qdrant/qdrant:v1.19.0", "host:5000/a/b@sha256:00ff", "sha256:0f"] {
            assert!(checked(name).is_ok(), "{name}");
        }
        for name in
            ["", "..", "../x", "a/../b", "a//b", "a?b", "a#b", "a b", "a%2f", "-a", "a\n", "ä", "/a", "a/"]
        {
            assert!(checked(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn values_are_encoded() {
        assert_eq!(percent_encoded(r#"{"a":["b=c&d"]}"#), "%7B%22a%22%3A%5B%22b%3Dc%26d%22%5D%7D");
    }
}
