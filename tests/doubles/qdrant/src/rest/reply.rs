//! The envelope around every JSON answer, and JSON bodies read with the server's complaints.

use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::fault::{Fault, Outcome};

#[derive(Serialize)]
struct Envelope<T> {
    result: T,
    status: &'static str,
    time: f64,
}

/// `{"result": …, "status": "ok", "time": …}`, or the error in its own shape.
pub(super) fn reply<T: Serialize>(begun: Instant, outcome: Outcome<T>) -> Response {
    let time = begun.elapsed().as_secs_f64();
    match outcome {
        Ok(result) => json_response(StatusCode::OK, &Envelope { result, status: "ok", time }),
        Err(fault) => refuse(&fault, time),
    }
}

/// Run `work` and envelope what comes of it.
pub(super) fn timed<T: Serialize>(work: impl FnOnce() -> Outcome<T>) -> Response {
    let begun = Instant::now();
    let outcome = work();
    reply(begun, outcome)
}

/// The answer to `wait=false`.
pub(super) fn accepted(begun: Instant) -> Response {
    let body = json!({ "status": "accepted", "time": begun.elapsed().as_secs_f64() });
    json_response(StatusCode::ACCEPTED, &body)
}

pub(super) fn refuse(fault: &Fault, time: f64) -> Response {
    if let Fault::Service(_) = fault {
        crate::log(format_args!("ERROR Error processing request: {fault}"));
    }
    let unread = matches!(fault, Fault::Format(_) | Fault::Invalid(_) | Fault::Query(_));
    let time = if unread { 0.0 } else { time };
    let status = StatusCode::from_u16(fault.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if status == StatusCode::NOT_MODIFIED {
        return status.into_response();
    }
    json_response(status, &json!({ "status": { "error": fault.to_string() }, "time": time }))
}

/// A refusal in plain text, as the paths that answer with a file give it.
pub(super) fn refuse_plainly(fault: &Fault) -> Response {
    let status = StatusCode::from_u16(fault.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if status == StatusCode::NOT_MODIFIED {
        return status.into_response();
    }
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], fault.to_string()).into_response()
}

/// A bad request in plain text, as the server's framework gives it.
pub(super) fn plain(text: &str) -> Response {
    (StatusCode::BAD_REQUEST, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text.to_owned())
        .into_response()
}

pub(super) fn json_response<T: Serialize>(status: StatusCode, body: &T) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => {
            (status, [(header::CONTENT_TYPE, "application/json")], Body::from(bytes)).into_response()
        }
        Err(error) => refuse(&Fault::from(error), 0.0),
    }
}

/// Read a JSON body.
pub(super) fn parse<T: DeserializeOwned>(body: &Bytes) -> Outcome<T> {
    serde_json::from_slice(body).map_err(|error| Fault::Format(error.to_string()))
}

/// Query parameters, refused in the server's words.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(rejection) => {
                let text = rejection.body_text();
                let text = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
                let text = text.split_once(": ").map_or(text, |(_, text)| text);
                Err(refuse(&Fault::Query(text.to_owned()), 0.0))
            }
        }
    }
}
