//! `/__double/fail`: what only the stand-in has. A `POST` replaces the failures in force by its body, a comma list.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::failures::{Failure, Failures};
use crate::server::App;

pub(super) async fn show(State(app): State<Arc<App>>) -> String {
    format!("{:?}\n", app.failures.list())
}

pub(super) async fn set(State(app): State<Arc<App>>, body: String) -> Response {
    match tell(&app, &body) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    }
}

pub(super) async fn clear(State(app): State<Arc<App>>) -> StatusCode {
    app.failures.set(Vec::new());
    StatusCode::NO_CONTENT
}

pub(crate) fn tell(app: &App, list: &str) -> anyhow::Result<()> {
    let failures = Failures::parse(list)?.list();
    let forget = failures.contains(&Failure::LoseOnRestart);
    app.failures.set(failures);
    let mut store = app.store();
    store.lose_collections()?;
    if forget {
        store.mark_lost()?;
    }
    Ok(())
}
