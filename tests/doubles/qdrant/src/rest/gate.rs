//! What every request passes: delays that were asked for, the API key, and the effect of `Accept-Encoding`.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::reply::refuse;
use crate::failures::{Death, Failure};
use crate::fault::Fault;
use crate::server::{Access, App};

const OPEN: [&str; 4] = ["/", "/healthz", "/livez", "/readyz"];

/// Posts that only read.
const READS: [&str; 5] = [
    "/collections/{name}/points",
    "/collections/{name}/points/count",
    "/collections/{name}/points/scroll",
    "/collections/{name}/facet",
    "/collections/{name}/points/query",
];

pub(super) async fn delay(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    if let Some(delay) =
        app.failures.find(|f| if let Failure::Stall(delay) = f { Some(*delay) } else { None })
    {
        tokio::time::sleep(delay).await;
    }
    // The real server compresses on request, which makes the length unknown. Here only the latter is imitated.
    let encoded =
        request.headers().get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).is_some_and(
            |value| ["gzip", "deflate", "br", "zstd", "*"].iter().any(|name| value.contains(name)),
        );
    let response = match app.failures.count_down() {
        None => next.run(request).await,
        // What it would answer is never seen: the connection is refused by then.
        Some(Death::Before) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Some(Death::After) => {
            let response = next.run(request).await;
            app.failures.set(vec![Failure::Refuse]);
            response
        }
    };
    if !encoded || response.status() != StatusCode::OK {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from_stream(body.into_data_stream()))
}

pub(super) async fn authorise(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let pattern = request.extensions().get::<MatchedPath>().map_or("", |path| path.as_str()).to_owned();
    if OPEN.contains(&pattern.as_str()) {
        return next.run(request).await;
    }
    let access = {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        app.access(header("api-key").or_else(|| header("authorization")?.strip_prefix("Bearer ")))
    };
    match access {
        // The real server gives no content type here.
        Err(text) => (StatusCode::UNAUTHORIZED, Body::from(text)).into_response(),
        Ok(Access::Read) if changes(request.method(), &pattern) => {
            refuse(&Fault::manage_required(), begun.elapsed().as_secs_f64())
        }
        Ok(Access::Read | Access::Manage) => next.run(request).await,
    }
}

fn changes(method: &Method, pattern: &str) -> bool {
    if pattern == "/collections/{name}/shards/{shard}/snapshot" {
        return true;
    }
    *method != Method::GET && !(*method == Method::POST && READS.contains(&pattern))
}
