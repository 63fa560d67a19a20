//! Servers that speak restic's REST protocol.
//!
//! Source: <https://restic.readthedocs.io/en/stable/REST_backend.html>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, Response};
use percent_encoding::percent_decode_str;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RANGE};
use reqwest::{Method, StatusCode, Url};
use rustic_core::{FileType, Id};
use serde::Deserialize;

use super::http::HttpServer;
use super::{ByteRange, Transport, TransportError};
use crate::secret::Secret;

/// The second version of the protocol, whose lists have sizes.
const VERSION: HeaderValue = HeaderValue::from_static("application/vnd.x.restic.rest.v2");

/// A server that speaks restic's protocol.
#[derive(Debug)]
pub(in crate::backup::repository) struct RestServer {
    http: HttpServer,
    /// Ends with a slash; without an account.
    base: Url,
    account: Option<HeaderValue>,
}

#[derive(Deserialize)]
struct ListedFile {
    name: String,
    size: u64,
}

impl RestServer {
    /// The account of the address comes before the other one.
    pub(in crate::backup::repository) fn new(
        http: HttpServer,
        address: &Url,
        account: Option<&(String, Secret)>,
    ) -> Self {
        let decoded = |text: &str| Secret::new(percent_decode_str(text).decode_utf8_lossy());
        let account = match (address.username(), address.password()) {
            ("", None) => account.cloned(),
            (user, password) => {
                Some((decoded(user).expose().to_owned(), decoded(password.unwrap_or_default())))
            }
        };
        let mut base = address.clone();
        // Fails only for addresses without a host.
        let _ = base.set_username("");
        let _ = base.set_password(None);
        base.set_query(None);
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let account = account.and_then(|(user, password)| {
            let credentials = STANDARD.encode(format!("{user}:{}", password.expose()));
            let mut header = HeaderValue::from_str(&format!("Basic {credentials}")).ok()?;
            header.set_sensitive(true);
            Some(header)
        });
        Self { http, base, account }
    }

    fn request(&self, method: Method, path: &str) -> http::request::Builder {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let (Some(account), Some(headers)) = (&self.account, request.headers_mut()) {
            headers.insert(AUTHORIZATION, account.clone());
        }
        request
    }

    /// The answer, if it is a success.
    async fn ask(
        &self,
        request: http::request::Builder,
        content: Vec<Bytes>,
        most: u64,
    ) -> Result<Response<Bytes>, TransportError> {
        let request = request.body(content).map_err(|error| {
            TransportError::permanent("the address of the server cannot be used").because(error)
        })?;
        let answer = self.http.exchange(request, most).await?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(TransportError::answer(answer.status(), answer.headers(), answer.body()))
    }
}

impl Transport for RestServer {
    fn path(&self, kind: FileType, id: &Id) -> String {
        match kind {
            FileType::Config => "config".to_owned(),
            _ => format!("{}/{}", kind.dirname(), id.to_hex().as_str()),
        }
    }

    async fn create(&self) -> Result<(), TransportError> {
        self.ask(self.request(Method::POST, "?create=true"), Vec::new(), u64::MAX).await.map(drop)
    }

    async fn size(&self, path: &str) -> Result<Option<u64>, TransportError> {
        match self.ask(self.request(Method::HEAD, path), Vec::new(), u64::MAX).await {
            Ok(answer) => {
                let length =
                    answer.headers().get(CONTENT_LENGTH).and_then(|text| text.to_str().ok()?.parse().ok());
                Ok(Some(length.unwrap_or(0)))
            }
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn list(&self, kind: FileType) -> Result<Vec<(Id, u64)>, TransportError> {
        let request = self.request(Method::GET, &format!("{}/", kind.dirname())).header(ACCEPT, VERSION);
        let answer = self.ask(request, Vec::new(), u64::MAX).await?;
        // Servers send `null` for an empty list.
        let listed: Option<Vec<ListedFile>> = serde_json::from_slice(answer.body()).map_err(|error| {
            TransportError::permanent("the server's list of files cannot be read").because(error)
        })?;
        let listed = listed.unwrap_or_default().into_iter();
        Ok(listed.filter_map(|file| Some((file.name.parse().ok()?, file.size))).collect())
    }

    async fn read(&self, path: &str, range: Option<ByteRange>) -> Result<Bytes, TransportError> {
        let request = self.request(Method::GET, path);
        let Some(ByteRange { start, length }) = range else {
            return Ok(self.ask(request, Vec::new(), u64::MAX).await?.into_body());
        };
        if length == 0 {
            return Ok(Bytes::new());
        }
        let last = u64::from(start) + u64::from(length) - 1;
        let request = request.header(RANGE, format!("bytes={start}-{last}"));
        let answer = self.ask(request, Vec::new(), u64::from(length)).await?;
        if answer.status() != StatusCode::PARTIAL_CONTENT || answer.body().len() as u64 != u64::from(length) {
            return Err(TransportError::temporary(format!(
                "the server sent {} bytes ({}), where {length} were asked for",
                answer.body().len(),
                answer.status()
            )));
        }
        Ok(answer.into_body())
    }

    async fn write(&self, path: &str, content: Vec<Bytes>) -> Result<(), TransportError> {
        let request = self.request(Method::POST, path).header(CONTENT_TYPE, "application/octet-stream");
        self.ask(request, content, u64::MAX).await.map(drop)
    }

    async fn remove(&self, path: &str) -> Result<(), TransportError> {
        match self.ask(self.request(Method::DELETE, path), Vec::new(), u64::MAX).await {
            Err(error) if error.is_missing() => Ok(()),
            other => other.map(drop),
        }
    }

    fn has_answered(&self) -> bool {
        self.http.has_answered()
    }
}
