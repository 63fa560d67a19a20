//! How OpenDAL sends its requests to S3: as everything else is sent.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use opendal::{Buffer, Error, ErrorKind, HttpBody, HttpTransport};

use super::TransportError;
use super::http::HttpServer;

/// Sends requests of OpenDAL.
pub(super) struct S3Requests(pub(super) HttpServer);

impl HttpTransport for S3Requests {
    async fn fetch(&self, request: Request<Buffer>) -> opendal::Result<Response<HttpBody>> {
        let is_write = request.method() == Method::PUT;
        let request = request.map(Buffer::collect::<Vec<Bytes>>);
        let answer = self.0.exchange(request, u64::MAX).await.map_err(of_request)?;
        if let Some(error) = refusal(&answer, is_write) {
            return Err(of_request(error));
        }
        Ok(answer.map(|body| HttpBody::new(futures_util::stream::iter([Ok(Buffer::from(body))]), None)))
    }
}

/// What is wrong with an answer; that an object is not there is for OpenDAL to read.
fn refusal(answer: &Response<Bytes>, is_write: bool) -> Option<TransportError> {
    let status = answer.status();
    let is_timeout = || answer.body().windows(TIMED_OUT.len()).any(|part| part == TIMED_OUT);
    match status {
        _ if status.is_success() => None,
        StatusCode::NOT_FOUND if is_write => Some(TransportError::permanent("the bucket is not there")),
        StatusCode::NOT_FOUND => None,
        StatusCode::BAD_REQUEST if is_timeout() => {
            Some(TransportError::temporary("the server waited too long for the data"))
        }
        _ => Some(TransportError::answer(status, answer.headers(), answer.body())),
    }
}

const TIMED_OUT: &[u8] = b"<Code>RequestTimeout</Code>";

fn of_request(error: TransportError) -> Error {
    Error::new(ErrorKind::Unexpected, "the request failed").set_source(error)
}
