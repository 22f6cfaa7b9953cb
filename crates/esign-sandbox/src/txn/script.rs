//! The script that pages embed, in the place of Singpass's `ndi_txn_sign.js`, and its style sheet.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;

use super::{SCRIPT_PATH, Txn};
use crate::observe::operation;

const SCRIPT: &str = include_str!("ndi_txn_sign.js");
const STYLE: &str = include_str!("ndi_txn_sign.css");

pub(super) fn router<S: Clone + Send + Sync + 'static>(txn: &Arc<Txn>) -> Router<S> {
    Router::new()
        .route(SCRIPT_PATH, operation(&txn.shared, "txn.script", get(script)))
        .route(
            "/static/ndi_txn_sign.css",
            get(|| async { asset("text/css; charset=utf-8", STYLE.to_owned()) }),
        )
        .with_state(txn.clone())
}

async fn script(State(txn): State<Arc<Txn>>) -> Response {
    let settings = json!({
        "base": txn.shared.base_url.as_str().trim_end_matches('/'),
        "unsupported": txn.settings().unsupported_browser,
    });
    asset("text/javascript; charset=utf-8", SCRIPT.replace("\"SETTINGS\"", &settings.to_string()))
}

/// Pages of any origin may use it.
fn asset(kind: &'static str, text: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-cache"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, text).into_response()
}
