//! One request to an HTTP server, and its whole answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use hyper::client::conn::http2::SendRequest;
use reqwest::header::CONTENT_LENGTH;
use reqwest::redirect::Policy;
use reqwest::{Body, Client};

use super::TransportError;
use super::paced_body::PacedBody;
use super::rate::RateLimits;
use super::stall::StallWatch;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(20);

/// What is set aside for an answer before it is there; its length is only what the server says.
const SET_ASIDE: u64 = 64 * 1024 * 1024;

/// A server, or a program that speaks like one.
#[derive(Debug, Clone)]
pub(in crate::backup::repository) struct HttpServer {
    line: Line,
    rates: RateLimits,
    patience: Duration,
    has_answered: Arc<AtomicBool>,
}

#[derive(Debug, Clone)]
enum Line {
    Network(Client),
    /// The standard input and output of a program.
    Program(SendRequest<PacedBody>),
}

impl HttpServer {
    /// Any server of the network.
    pub(in crate::backup::repository) fn network(
        rates: RateLimits,
        patience: Duration,
    ) -> Result<Self, TransportError> {
        crate::tls::install_provider();
        let client = Client::builder()
            .user_agent(concat!("safe-compose/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            // A body that is sent once cannot be sent to another server.
            .redirect(Policy::none())
            .build()
            .map_err(TransportError::unreachable)?;
        Ok(Self::new(Line::Network(client), rates, patience))
    }

    /// A program that was started.
    pub(super) fn program(sender: SendRequest<PacedBody>, rates: RateLimits, patience: Duration) -> Self {
        Self::new(Line::Program(sender), rates, patience)
    }

    fn new(line: Line, rates: RateLimits, patience: Duration) -> Self {
        Self { line, rates, patience, has_answered: Arc::default() }
    }

    pub(super) fn has_answered(&self) -> bool {
        self.has_answered.load(Ordering::Relaxed)
    }

    /// Sends a request. An answer that has more than `most` bytes is an error.
    pub(super) async fn exchange(
        &self,
        request: Request<Vec<Bytes>>,
        most: u64,
    ) -> Result<Response<Bytes>, TransportError> {
        let watch = StallWatch::new(self.patience);
        let request =
            request.map(|content| PacedBody::new(content, self.rates.upload.clone(), watch.clone()));
        watch.watch(self.answer(request, &watch, most)).await
    }

    async fn answer(
        &self,
        request: Request<PacedBody>,
        watch: &StallWatch,
        most: u64,
    ) -> Result<Response<Bytes>, TransportError> {
        let mut response = self.line.send(request).await?;
        self.has_answered.store(true, Ordering::Relaxed);
        let length = response.headers().get(CONTENT_LENGTH).and_then(|text| text.to_str().ok()?.parse().ok());
        let expected = usize::try_from(length.unwrap_or(0_u64).min(most).min(SET_ASIDE)).unwrap_or(0);
        let mut body = BytesMut::with_capacity(expected);
        while let Some(chunk) = response.chunk().await.map_err(interrupted)? {
            watch.moved();
            if (body.len() + chunk.len()) as u64 > most {
                return Err(TransportError::permanent(format!("the server sent more than {most} bytes")));
            }
            body.extend_from_slice(&chunk);
            if let Some(at) = self.rates.download.reserve(chunk.len()) {
                watch.will_move(at);
                tokio::time::sleep_until(at).await;
            }
        }
        let mut answer = Response::new(body.freeze());
        *answer.status_mut() = response.status();
        *answer.headers_mut() = std::mem::take(response.headers_mut());
        Ok(answer)
    }
}

impl Line {
    async fn send(&self, request: Request<PacedBody>) -> Result<reqwest::Response, TransportError> {
        match self {
            Self::Network(client) => {
                let request = reqwest::Request::try_from(request.map(Body::wrap)).map_err(unsendable)?;
                client.execute(request).await.map_err(unsendable)
            }
            Self::Program(sender) => {
                let mut sender = sender.clone();
                sender.ready().await.map_err(TransportError::unreachable)?;
                let response = sender.send_request(request).await.map_err(TransportError::unreachable)?;
                Ok(response.map(Body::wrap).into())
            }
        }
    }
}

/// Without the address, which may have a password.
fn unsendable(error: reqwest::Error) -> TransportError {
    if error.is_connect() {
        return TransportError::unreachable(error.without_url());
    }
    TransportError::temporary("the connection broke before an answer").because(error.without_url())
}

fn interrupted(error: reqwest::Error) -> TransportError {
    TransportError::temporary("the connection broke in the middle of an answer").because(error.without_url())
}
