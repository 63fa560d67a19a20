//! Questions to the engine, answered with what we read of them and no more.
//!
//! The library's own models follow the newest API to the letter: they do not know the volume sizes of an engine before
//! 28, and an unknown word in a field that nobody needs fails the whole answer. A safety tool that cannot list a
//! project because of a plugin's status field protects nobody, so answers are read here, with the library's transport.

use std::fmt::Write as _;

use bollard::{BollardRequest, Docker};
use futures_util::TryStreamExt as _;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;

use super::failure::Failed;

/// The engine's HTTP API.
#[derive(Debug, Clone)]
pub(super) struct Api {
    client: Docker,
}

impl Api {
    pub(super) fn new(client: Docker) -> Self {
        Self { client }
    }

    /// The library's client, for what it does well: uploads, downloads, hijacked connections.
    pub(super) fn client(&self) -> &Docker {
        &self.client
    }

    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, Failed> {
        let mut target = format!("/v{}{path}", self.client.client_version());
        for (index, (key, value)) in query.iter().enumerate() {
            let _ = write!(target, "{}{key}={}", if index == 0 { '?' } else { '&' }, encoded(value));
        }
        let client = self.client.clone().with_request_modifier(move |request| aimed_at(request, &target));
        // The one call of the library that gives the body of a GET as it is; its address is replaced.
        let body = client.export_container("0").try_fold(Vec::new(), |mut body, piece| async move {
            body.extend_from_slice(&piece);
            Ok(body)
        });
        serde_json::from_slice(&body.await?).map_err(Failed::Answer)
    }

    /// Asks about one thing by its name.
    pub(super) async fn get_named<T: DeserializeOwned>(
        &self,
        before: &str,
        name: &str,
        after: &str,
    ) -> Result<T, Failed> {
        let name = checked(name)?;
        self.get(&format!("{before}{name}{after}"), &[]).await
    }
}

fn aimed_at(mut request: BollardRequest, target: &str) -> BollardRequest {
    let uri = request.uri();
    let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
    let address = format!("{}://{authority}{target}", uri.scheme_str().unwrap_or_default());
    *request.uri_mut() = address.parse().expect("a checked path and an encoded query make an address");
    request
}

/// A name that means only itself in an address: no `..`, no `?`, no way out of its place.
pub(super) fn checked(name: &str) -> Result<&str, Failed> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-/:@+".contains(&byte);
    let sound = name.bytes().all(plain)
        && name.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
        && name.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
    if sound { Ok(name) } else { Err(Failed::Name(name.to_owned())) }
}

/// Everything but the unreserved letters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

fn encoded(value: &str) -> String {
    utf8_percent_encode(value, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_bend_the_address() {
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
        assert_eq!(encoded(r#"{"a":["b=c&d"]}"#), "%7B%22a%22%3A%5B%22b%3Dc%26d%22%5D%7D");
    }
}
