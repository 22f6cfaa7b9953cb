//! What the script in the page calls: `/txn-signing-sessions` and the long-polled `/status`. The documentation names the
//! two and what they are for; their JSON is this sandbox's choice.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;
use uuid::Uuid;

use super::params::{self, TxnInfo};
use super::settings::TxnSettings;
use super::store::{NewSession, Session, Status};
use super::wire::{self, Refused};
use super::{BASE_PATH, Client, Txn, qr, redirect_url, seconds};
use crate::jose::{may_be_called, presented};
use crate::observe::operation;

/// Longer requests are refused; 10,000 characters of instructions make 160 KB at most.
const MAX_REQUEST: usize = 1 << 20;

pub(super) fn router<S: Clone + Send + Sync + 'static>(txn: &Arc<Txn>) -> Router<S> {
    let shared = &txn.shared;
    let session = || cross_origin(operation(shared, "txn.session", post(open)));
    let status = || cross_origin(operation(shared, "txn.status", get(status)));
    Router::new()
        .route(&format!("{BASE_PATH}/txn-signing-sessions"), session())
        .route("/txn-signing-sessions", session())
        .route(&format!("{BASE_PATH}/status"), status())
        .route("/status", status())
        .with_state(txn.clone())
}

/// Lets pages of any origin read the answer, refusals included: whether the origin is registered is part of the answer.
fn cross_origin<S: Clone + Send + Sync + 'static>(route: MethodRouter<S>) -> MethodRouter<S> {
    route.layer(from_fn(|request: Request, next: Next| async move {
        let mut response = match *request.method() {
            Method::OPTIONS => StatusCode::NO_CONTENT.into_response(),
            _ => next.run(request).await,
        };
        let headers = response.headers_mut();
        for (name, value) in [
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type"),
            (header::CACHE_CONTROL, "no-store"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }))
}

/// What the script sends: `clientParams`, what the supplier returned, and `appLaunchUrl`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    client_id: String,
    redirect_uri: String,
    state: String,
    nonce: String,
    txn_info: String,
    app_launch_url: Option<String>,
}

#[derive(Serialize)]
struct Opened {
    session_id: String,
    /// Of the QR code, for whoever has no second device.
    phone_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    qr_code: Option<String>,
    expires_at: Timestamp,
}

async fn open(State(txn): State<Arc<Txn>>, headers: HeaderMap, body: Bytes) -> Response {
    match txn.open(&headers, &body).await {
        Ok(opened) => Json(opened).into_response(),
        Err(refused) => wire::error(refused, &txn.settings()),
    }
}

impl Txn {
    async fn open(&self, headers: &HeaderMap, body: &[u8]) -> Result<Opened, Refused> {
        let settings = self.settings();
        if settings.switched_off {
            return Err(Refused::SwitchedOff);
        }
        let new = self.check(headers, body, &settings).await.map_err(Refused::Invalid)?;
        let now = self.now();
        let store = &mut self.lock().store;
        if let Some(kind) = store.reused(&new).filter(|_| settings.refuse_reuse) {
            return Err(Refused::Invalid(format!(
                "{kind} is that of an earlier session; every session needs new ones"
            )));
        }
        let session = store.create(new, seconds(settings.session_seconds), now);
        let phone_url = self.phone_url(session);
        Ok(Opened {
            session_id: session.id.clone(),
            qr_code: qr::data_url(&phone_url),
            phone_url,
            expires_at: session.expires_at,
        })
    }

    /// As a page of the client's registered redirect URI would.
    pub(super) async fn open_for(&self, client_id: &str, supplied: &str) -> Result<String, String> {
        let redirect_uri = self.lock().clients.get(client_id).map(|client| client.redirect_uri.clone());
        let mut body: Map<String, Value> =
            serde_json::from_str(supplied).map_err(|error| format!("what the supplier returned: {error}"))?;
        body.insert("clientId".to_owned(), client_id.into());
        body.insert("redirectUri".to_owned(), redirect_uri.into());
        match self.open(&HeaderMap::new(), Value::Object(body).to_string().as_bytes()).await {
            Ok(opened) => Ok(opened.session_id),
            Err(Refused::Invalid(why) | Refused::Unauthorized(why)) => Err(why),
            Err(Refused::SwitchedOff) => Err("transaction signing is switched off".to_owned()),
            Err(Refused::NoSession) => Err("there is no such session".to_owned()),
        }
    }

    async fn check(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        settings: &TxnSettings,
    ) -> Result<NewSession, String> {
        if body.len() > MAX_REQUEST {
            return Err(format!("the request is longer than {MAX_REQUEST} bytes"));
        }
        // An object first: of a list, its items would be taken for the fields in their order.
        let params: Map<String, Value> =
            serde_json::from_slice(body).map_err(|error| format!("the request: {error}"))?;
        let params: Params =
            serde_json::from_value(Value::Object(params)).map_err(|error| format!("the request: {error}"))?;
        let client = self.lock().clients.get(&params.client_id).cloned();
        let client = client.ok_or_else(|| format!("no client is registered as {:?}", params.client_id))?;
        check_origin(&client, headers, settings)?;
        let redirect_url = client.redirect_url().filter(|_| client.redirect_uri == params.redirect_uri);
        let redirect_url =
            redirect_url.ok_or("redirectUri is not the one that is registered for this client")?;
        params::check_state(&params.state)?;
        params::check_nonce(&params.nonce)?;
        let app_launch_url = params.app_launch_url.map(|url| app_link(&url, settings)).transpose()?;
        let info = self.prove_info(&client, &params.txn_info, settings).await;
        Ok(NewSession {
            client_id: params.client_id,
            redirect_url,
            state: params.state,
            nonce: params.nonce,
            info: info.map_err(|why| format!("txnInfo: {why}"))?,
            txn_info: params.txn_info,
            app_launch_url,
        })
    }

    async fn prove_info(
        &self,
        client: &Client,
        token: &str,
        settings: &TxnSettings,
    ) -> Result<TxnInfo, String> {
        let claims = self.prove(client, presented(token)?).await?;
        params::read(&claims, self.now(), settings)
    }
}

fn check_origin(client: &Client, headers: &HeaderMap, settings: &TxnSettings) -> Result<(), String> {
    match headers.get(header::ORIGIN) {
        None if settings.require_origin => Err("the header Origin is missing".to_owned()),
        None => Ok(()),
        Some(origin) if origin.to_str().is_ok_and(|origin| client.has_origin(origin)) => Ok(()),
        Some(origin) => Err(format!("the origin of the page, {origin:?}, is not registered for this client")),
    }
}

fn app_link(url: &str, settings: &TxnSettings) -> Result<Url, String> {
    let url = Url::parse(url).ok().filter(|url| may_be_called(url, settings.allow_plain_http));
    url.ok_or_else(|| "appLaunchUrl must be an https URL".to_owned())
}

/// The status that the script knows already: the answer waits for another one.
#[derive(Deserialize)]
struct Poll {
    #[serde(default)]
    session_id: String,
    #[serde(default)]
    seen: String,
}

#[derive(Serialize)]
struct Answer {
    status: &'static str,
    /// Where the browser goes now.
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect_url: Option<Url>,
    /// For `onError`, with an id for debugging.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
}

async fn status(State(txn): State<Arc<Txn>>, Query(poll): Query<Poll>) -> Response {
    // In real time: browsers and what is between give up by theirs.
    let patience = tokio::time::sleep(Duration::from_secs(txn.settings().poll_seconds.into()));
    tokio::pin!(patience);
    loop {
        let (answer, mut changes, expires_at) = {
            let state = txn.lock();
            let Some(session) = state.store.get(&poll.session_id) else {
                return wire::error(Refused::NoSession, &state.settings);
            };
            (answer(session, &state.settings, txn.now()), session.changes(), session.expires_at)
        };
        // What is over does not change any more.
        if answer.status != poll.seen || !["CREATED", "CHALLENGED"].contains(&answer.status) {
            return Json(answer).into_response();
        }
        tokio::select! {
            // The sender lives in the store, which forgets nothing.
            _ = changes.changed() => {}
            () = txn.shared.clock.sleep_until(expires_at) => {}
            () = &mut patience => return Json(answer).into_response(),
            () = txn.shared.stopped() => return Json(answer).into_response(),
        }
    }
}

fn answer(session: &Session, settings: &TxnSettings, now: Timestamp) -> Answer {
    let failed = |status, message: String| Answer {
        status,
        redirect_url: None,
        message: Some(message),
        id: Some(Uuid::new_v4().to_string()),
    };
    let quiet = |status| Answer { status, redirect_url: None, message: None, id: None };
    match session.status(now) {
        Status::Created => quiet("CREATED"),
        Status::Challenged => quiet("CHALLENGED"),
        Status::Authorised => Answer { redirect_url: redirect_url(session, settings), ..quiet("AUTHORISED") },
        Status::Expired => failed("EXPIRED", "sign_session_expired".to_owned()),
        Status::Declined => match &settings.decline_message {
            Some(message) => failed("DECLINED", message.clone()),
            // The page is told nothing, but its session does not last for ever.
            None if now >= session.expires_at => failed("EXPIRED", "sign_session_expired".to_owned()),
            None => quiet("CHALLENGED"),
        },
    }
}
