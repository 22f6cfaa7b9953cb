//! Calls that the services make: to a client's JWKS and to its webhook.

use std::sync::OnceLock;

use bytes::{Bytes, BytesMut};
use jiff::SignedDuration;
use reqwest::redirect::Policy;
use serde_json::Value;
use url::Url;

use crate::clock::SandboxClock;

/// The most that is read of a JWKS.
const MAX_BYTES: usize = 1 << 20;

/// A call ends after this much real time at the latest, also by a clock that stands still.
const LONGEST: std::time::Duration = std::time::Duration::from_secs(30);

/// Why a call brought nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    #[error("no answer within {0} s")]
    TimedOut(i64),
    #[error("no connection: {0}")]
    Unreachable(String),
    #[error("HTTP status {0}")]
    Status(u16),
    #[error("the answer is not JSON, or larger than {MAX_BYTES} bytes")]
    NotJson,
}

/// Made at the first call, so that a sandbox without clients needs no certificates of the system's.
#[derive(Default)]
pub(crate) struct Outgoing(OnceLock<Result<reqwest::Client, String>>);

impl Outgoing {
    /// The JSON behind `url`, if it answers 200 within `limit` by the sandbox's clock.
    pub(crate) async fn get_json(
        &self,
        url: &Url,
        limit: SignedDuration,
        clock: &SandboxClock,
    ) -> Result<Value, Failure> {
        let call = async {
            let response =
                self.client()?.get(url.clone()).send().await.map_err(|e| unreachable_because(&e))?;
            match response.status().as_u16() {
                200 => serde_json::from_slice(&body(response).await?).map_err(|_| Failure::NotJson),
                other => Err(Failure::Status(other)),
            }
        };
        within(limit, clock, call).await
    }

    /// The status with which `url` answers within `limit` by the sandbox's clock.
    pub(crate) async fn post_json(
        &self,
        url: &Url,
        body: &Value,
        limit: SignedDuration,
        clock: &SandboxClock,
    ) -> Result<u16, Failure> {
        self.post_json_with(url, body, &[], limit, clock).await
    }

    /// As [`Outgoing::post_json`], with these headers.
    pub(crate) async fn post_json_with(
        &self,
        url: &Url,
        body: &Value,
        headers: &[(&str, &str)],
        limit: SignedDuration,
        clock: &SandboxClock,
    ) -> Result<u16, Failure> {
        let call = async {
            let request = self.client()?.post(url.clone()).json(body);
            let request =
                headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            let response = request.send().await.map_err(|error| unreachable_because(&error))?;
            Ok(response.status().as_u16())
        };
        within(limit, clock, call).await
    }

    /// The status with which `url` answers a GET, or a POST without a body, within `limit` by the sandbox's clock.
    pub(crate) async fn call(
        &self,
        url: &Url,
        by_post: bool,
        limit: SignedDuration,
        clock: &SandboxClock,
    ) -> Result<u16, Failure> {
        let call = async {
            let client = self.client()?;
            let request = if by_post { client.post(url.clone()) } else { client.get(url.clone()) };
            let response = request.send().await.map_err(|error| unreachable_because(&error))?;
            Ok(response.status().as_u16())
        };
        within(limit, clock, call).await
    }

    fn client(&self) -> Result<&reqwest::Client, Failure> {
        let client = self.0.get_or_init(|| build().map_err(|error| error.to_string()));
        client.as_ref().map_err(|error| Failure::Unreachable(error.clone()))
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "the sandbox shares nothing with the adapters, esign-http included"
)]
fn build() -> reqwest::Result<reqwest::Client> {
    // The clients are on this machine or in its network: a proxy would only be in the way.
    reqwest::Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .timeout(LONGEST)
        .user_agent("esign-sandbox")
        .build()
}

async fn within<T>(
    limit: SignedDuration,
    clock: &SandboxClock,
    call: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let until = clock.now().checked_add(limit).unwrap_or(jiff::Timestamp::MAX);
    tokio::select! {
        result = call => result,
        () = clock.sleep_until(until) => Err(Failure::TimedOut(limit.as_secs())),
    }
}

async fn body(mut response: reqwest::Response) -> Result<Bytes, Failure> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable_because(&error))? {
        if body.len() + chunk.len() > MAX_BYTES {
            return Err(Failure::NotJson);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// The innermost cause, which is what a person can act on; never the address.
fn unreachable_because(error: &reqwest::Error) -> Failure {
    if error.is_timeout() {
        return Failure::TimedOut(LONGEST.as_secs().cast_signed());
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    Failure::Unreachable(cause.to_string())
}
