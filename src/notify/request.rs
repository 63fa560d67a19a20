//! What each kind of host wants to be sent.

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{RequestBuilder, Url};
use serde_json::json;

use super::NotifyError;
use super::message::{self, Urgency};
use crate::event::{EventDocument, EventKind};
use crate::secret::Secret;
use crate::settings::{NotifyKind, NotifyTarget};

/// Where an event is sent to. `None` if the host has no use for it.
pub(super) fn url(target: &NotifyTarget, document: &EventDocument) -> Option<Url> {
    let mut url = target.url.clone();
    match target.kind {
        NotifyKind::Webhook => {}
        // The topic goes into the JSON.
        NotifyKind::Ntfy => {
            url.path_segments_mut().ok()?.pop_if_empty().pop();
        }
        NotifyKind::Gotify => {
            url.path_segments_mut().ok()?.pop_if_empty().push("message");
        }
        NotifyKind::Healthchecks => {
            let signal = match document.event {
                EventKind::BeforeBackup => "start",
                // A failure follows.
                EventKind::AfterBackup if !document.failed.is_empty() => return None,
                EventKind::AfterBackup => return Some(url),
                EventKind::OnFailure | EventKind::OnLoss => "fail",
                EventKind::OnRefusal => "log",
            };
            url.path_segments_mut().ok()?.pop_if_empty().push(signal);
        }
    }
    Some(url)
}

/// Adds the token and the body.
pub(super) fn fill(
    request: RequestBuilder,
    target: &NotifyTarget,
    document: &EventDocument,
    token: Option<&Secret>,
) -> Result<RequestBuilder, NotifyError> {
    let (title, text) = (message::title(document), message::text(document));
    let urgency = message::urgency(document.event);
    Ok(match target.kind {
        NotifyKind::Webhook => bearer(request, token)?.json(document),
        NotifyKind::Ntfy => {
            let topic = target.url.path().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
            let topic = percent_encoding::percent_decode_str(topic).decode_utf8_lossy();
            bearer(request, token)?.json(&json!({
                "topic": topic, "title": title, "message": text, "priority": ntfy_priority(urgency),
            }))
        }
        NotifyKind::Gotify => {
            let request = match token {
                Some(token) => request.header("X-Gotify-Key", secret_header(token.expose())?),
                None => request,
            };
            request.json(&json!({ "title": title, "message": text, "priority": gotify_priority(urgency) }))
        }
        NotifyKind::Healthchecks => bearer(request, token)?.body(format!("{title}\n{text}")),
    })
}

fn bearer(request: RequestBuilder, token: Option<&Secret>) -> Result<RequestBuilder, NotifyError> {
    Ok(match token {
        Some(token) => request.header(AUTHORIZATION, secret_header(&format!("Bearer {}", token.expose()))?),
        None => request,
    })
}

/// A header that is not shown by anything that prints requests.
fn secret_header(value: &str) -> Result<HeaderValue, NotifyError> {
    let mut header = HeaderValue::from_str(value).map_err(|_| NotifyError::Token)?;
    header.set_sensitive(true);
    Ok(header)
}

/// From 1 to 5.
fn ntfy_priority(urgency: Urgency) -> u8 {
    match urgency {
        Urgency::Low => 2,
        Urgency::Normal => 3,
        Urgency::High => 4,
        Urgency::Highest => 5,
    }
}

/// From 0 to 10.
fn gotify_priority(urgency: Urgency) -> u8 {
    match urgency {
        Urgency::Low => 1,
        Urgency::Normal => 4,
        Urgency::High => 7,
        Urgency::Highest => 10,
    }
}
