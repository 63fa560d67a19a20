//! Requests to the engine, with responses of our own.
//!
//! bollard's models follow the newest API strictly: they lack the volume sizes of engines before 28, and an unknown value
//! in a field that nobody needs fails the complete response. A safety tool must be able to list a project whatever a
//! plugin reports, so responses are parsed here, and only the transport is bollard's.

use std::fmt::Write as _;

use bollard::errors::Error;
use bollard::{BollardRequest, Docker};
use futures_util::{Stream, TryStreamExt as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;

use super::error::RequestError;
use super::timeout::timeout;

/// No engine has as much to say about its containers and volumes, in bytes.
const LARGEST_BODY: usize = 256 * 1024 * 1024;

/// A response may take as many times longer to come than to begin.
const BODY_PATIENCE: u32 = 2;

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
        fetch(&self.client, target).await
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

/// The response to a GET of a path with its query.
pub(super) async fn fetch<T: DeserializeOwned>(client: &Docker, target: String) -> Result<T, RequestError> {
    let client = client.clone().with_request_modifier(move |request| with_address(request, &target));
    // The only call of bollard that returns the body of a GET unparsed; its address is replaced.
    let body = collect(client.export_container("0"));
    // bollard limits the time until a response begins.
    let body = tokio::time::timeout(BODY_PATIENCE * timeout(), body).await;
    let body = body.unwrap_or(Err(RequestError::Client(Error::RequestTimeoutError)))?;
    serde_json::from_slice(&body).map_err(RequestError::Response)
}

/// Whatever answers at the address of an engine, its response does not fill the memory.
async fn collect(chunks: impl Stream<Item = Result<bytes::Bytes, Error>>) -> Result<Vec<u8>, RequestError> {
    let mut chunks = std::pin::pin!(chunks);
    let mut body = Vec::new();
    while let Some(chunk) = chunks.try_next().await? {
        if body.len() + chunk.len() > LARGEST_BODY {
            return Err(RequestError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
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

    #[tokio::test]
    async fn a_response_that_never_ends_is_refused() {
        let endless = futures_util::stream::repeat_with(|| Ok(bytes::Bytes::from(vec![b' '; 1 << 20])));
        assert!(matches!(collect(endless).await, Err(RequestError::TooLarge)));
        let two = futures_util::stream::iter([Ok("[1,".into()), Ok("2]".into())]);
        assert_eq!(collect(two).await.expect("short"), b"[1,2]");
    }

    #[test]
    fn values_are_encoded() {
        assert_eq!(percent_encoded(r#"{"a":["b=c&d"]}"#), "%7B%22a%22%3A%5B%22b%3Dc%26d%22%5D%7D");
    }
}
