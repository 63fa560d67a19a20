//! Sends a request and reads its response.

use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;

use crate::backup::driver::qdrant::server::error::{ApiError, ApiRequest, Result, StatusMeaning};

/// Sends a request; every status but success is an error.
pub(super) async fn send(request: &ApiRequest, builder: RequestBuilder) -> Result<Response> {
    let response = builder.send().await.map_err(|error| request.unreachable(error.without_url()))?;
    if response.status().is_success() { Ok(response) } else { Err(refusal(request, response).await) }
}

pub(super) async fn refusal(request: &ApiRequest, response: Response) -> ApiError {
    let status = response.status();
    let text = response.text().await.unwrap_or_default();
    request.error(StatusMeaning::of_http(status.as_u16()), &message(status, &text))
}

/// The server's error message: `{"status": {"error": …}}`, or plain text from its middleware.
fn message(status: StatusCode, text: &str) -> String {
    let said = serde_json::from_str::<Value>(text)
        .ok()
        .and_then(|value| value["status"]["error"].as_str().map(str::to_owned))
        .unwrap_or_else(|| text.to_owned());
    let said: String = said.chars().filter(|letter| !letter.is_control()).take(500).collect();
    if said.trim().is_empty() { format!("it answered {status}") } else { said }
}

pub(super) async fn body(request: &ApiRequest, response: Response) -> Result<Value> {
    let bytes = response.bytes().await.map_err(|error| request.unreachable(error.without_url()))?;
    serde_json::from_slice(&bytes).map_err(|error| request.senseless(error))
}

/// The `result` of a response.
pub(super) async fn answer(request: &ApiRequest, builder: RequestBuilder) -> Result<Value> {
    let response = send(request, builder).await?;
    // With `wait=true`, an acceptance is not a result.
    if response.status() == StatusCode::ACCEPTED {
        return Err(request.senseless("the request was accepted, but not completed"));
    }
    let mut value = body(request, response).await?;
    match value.get_mut("result") {
        Some(result) => Ok(result.take()),
        None => Err(request.senseless("it has no result")),
    }
}

pub(super) fn strings(request: &ApiRequest, list: &Value, key: &str) -> Result<Vec<String>> {
    let name = |one: &Value| one[key].as_str().map(str::to_owned);
    list.as_array()
        .and_then(|list| list.iter().map(name).collect())
        .ok_or_else(|| request.senseless(format!("it has no list with `{key}`")))
}
