//! `POST /txn-signatures`: the client's server exchanges the code for the result (Exchange Transaction Signature).

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::forgery::sign;
use super::settings::TxnSettings;
use super::store::CodeRefused;
use super::wire::{self, Refused};
use super::{BASE_PATH, State as Inner, Txn, seconds};
use crate::jose::{Claims, in_authorization};
use crate::observe::operation;

pub(super) fn router<S: Clone + Send + Sync + 'static>(txn: &Arc<Txn>) -> Router<S> {
    let route = || operation(&txn.shared, "txn.exchange", post(exchange));
    Router::new()
        .route(&format!("{BASE_PATH}/txn-signatures"), route())
        .route("/txn-signatures", route())
        .with_state(txn.clone())
}

async fn exchange(State(txn): State<Arc<Txn>>, headers: HeaderMap, body: Bytes) -> Response {
    match txn.exchange(&headers, &body).await {
        Ok(answer) => Json(answer).into_response(),
        Err(refused) => wire::error(refused, &txn.settings()),
    }
}

impl Txn {
    async fn exchange(&self, headers: &HeaderMap, body: &[u8]) -> Result<Map<String, Value>, Refused> {
        if self.settings().switched_off {
            return Err(Refused::SwitchedOff);
        }
        let (client_id, claimed) = self.authorize(headers).await.map_err(Refused::Unauthorized)?;
        let body: Option<Map<String, Value>> = serde_json::from_slice(body).ok();
        let sign_code = body.as_ref().and_then(|body| body.get("sign_code")).and_then(Value::as_str);
        let sign_code = sign_code
            .ok_or_else(|| Refused::Invalid("the body must be {\"sign_code\": \"…\"}".to_owned()))?;
        if sign_code != claimed {
            return Err(Refused::Invalid("sign_code of the body and of the token differ".to_owned()));
        }
        let now = self.now();
        let Inner { store, settings, forgeries, .. } = &mut *self.lock();
        let (life, again) = (seconds(settings.code_seconds), !settings.refuse_replays);
        let authorised = store.exchange(&client_id, sign_code, life, again, now).map_err(|refused| {
            Refused::Invalid(match refused {
                CodeRefused::Unknown => "sign_code is not one of this client's".to_owned(),
                CodeRefused::Expired => "sign_code has expired".to_owned(),
                CodeRefused::Used => "sign_code was exchanged before".to_owned(),
            })
        })?;
        let iss = self.shared.base_url.as_str().trim_end_matches('/');
        let claims = wire::claims(&authorised, iss, now, settings);
        let keys = self.own_keys.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let token = sign(claims, forgeries.pop_front(), &keys, settings);
        Ok(Map::from_iter([(settings.response_field.clone(), Value::String(token))]))
    }

    /// Checks the client's token. Returns the client's id and the code that the token names.
    async fn authorize(&self, headers: &HeaderMap) -> Result<(String, String), String> {
        let presented = in_authorization(headers)?;
        let client_id = presented.unproven.text("sub")?.ok_or("sub is missing: it is the client's id")?;
        let client = self.lock().clients.get(&client_id).cloned();
        let client = client.ok_or_else(|| format!("no client is registered as {client_id:?}"))?;
        let claims = self.prove(&client, presented).await?;
        check_times(&claims, self.now(), &self.settings())?;
        let code = claims.text("sign_code")?.ok_or("sign_code is missing")?;
        Ok((client_id, code))
    }
}

/// `iat` is required, `exp` is not: the list of claims lacks it, the sample has it.
fn check_times(claims: &Claims, now: Timestamp, settings: &TxnSettings) -> Result<(), String> {
    let life = f64::from(settings.client_token_seconds);
    let now = now.as_millisecond() as f64 / 1000.0;
    let iat = claims.time("iat")?;
    let exp = if claims.raw("exp").is_some() { claims.time("exp")? } else { iat + life };
    if exp - iat > life {
        return Err(format!("exp is {:.0} s after iat; at most {life} are allowed", exp - iat));
    }
    if iat > now + f64::from(settings.iat_ahead_seconds) {
        return Err(format!("iat is {:.0} s in the future", iat - now));
    }
    if exp <= now {
        return Err(format!("the token expired {:.0} s ago", now - exp));
    }
    claims.check_not_before(now, f64::from(settings.iat_ahead_seconds))
}
