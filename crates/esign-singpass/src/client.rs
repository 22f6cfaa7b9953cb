//! A typed client: one method per documented operation.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use esign_core::jiff::Timestamp;
use esign_core::{Clock, Error, ErrorKind, Observer, Operation, Personal, Result, SecretUrl};
use esign_http::{Authorize, HttpClient, PublishedKeys, whole_pdf};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde_json::Value;
use url::Url;

use crate::KIND;
use crate::config::{Addresses, CancelClaim, Payload, ResultPath, SingpassConfig};
use crate::convert::Location;
use crate::error::{by_code, explain, unreadable};
use crate::token::TokenSigner;
use crate::wire::{
    CancelClaims, InitiateAnswer, InitiateClaims, ResultAnswer, ResultClaims, SignLocation, SignerInfo,
};

/// Redirects of a document's link that are followed.
const MAX_REDIRECTS: usize = 3;

/// Sign V3 as it is documented: one method per operation, in Singpass's own terms.
#[derive(Clone, Debug)]
pub struct SingpassClient {
    http: HttpClient,
    config: Arc<SingpassConfig>,
    tokens: TokenSigner,
    /// The underscore path was the one that worked (spec 9, result path `auto`).
    underscore: Arc<AtomicBool>,
    /// For results, instead of a new token for each call.
    one_token: Option<Arc<dyn Authorize>>,
}

/// A request to sign, in Singpass's terms.
#[derive(Clone, Debug)]
pub struct Initiate {
    /// The name that the signer sees.
    pub doc_name: String,
    /// Where to sign: 1 to 20.
    pub locations: Vec<Location>,
    /// The hash of the intended signer's NRIC: [`uin_hash`](crate::uin_hash).
    pub signer_uin_hash: Option<Personal>,
}

/// What initiating gives. `Debug` hides the code and the link.
#[derive(Clone, Debug)]
pub struct Initiated {
    /// `signv3-` and a UUID.
    pub request_id: String,
    /// For the browser session that is open now, for 30 minutes, from a button. `None` if the answer had none that a browser
    /// may open: nobody can sign then.
    pub signing_url: Option<SecretUrl>,
    /// Needed to get the result.
    pub exchange_code: Personal,
}

/// Where the signed document is.
#[derive(Clone, Debug)]
pub struct SignedDocument {
    /// Fetch it at once: two minutes.
    pub url: SecretUrl,
    /// Until when the link works, if said.
    pub url_expires_at: Option<Timestamp>,
    /// Who signed, if said.
    pub signer: Option<SignedBy>,
}

/// Who signed, as Singpass says. `Debug` hides both.
#[derive(Clone, Debug)]
pub struct SignedBy {
    /// The name in the signer's certificate.
    pub name: Option<Personal>,
    /// The last four characters of the signer's NRIC or FIN.
    pub partial_uinfin: Option<Personal>,
    /// When.
    pub at: Option<Timestamp>,
}

impl From<SignerInfo> for SignedBy {
    fn from(info: SignerInfo) -> Self {
        Self {
            name: info.signer_name.map(Personal::new),
            partial_uinfin: info.signer_partial_uinfin.map(Personal::new),
            at: info.signed_at.and_then(|ms| Timestamp::from_millisecond(ms.0).ok()),
        }
    }
}

impl SingpassClient {
    pub(crate) fn new(
        config: Arc<SingpassConfig>,
        addresses: &Addresses,
        keys: &PublishedKeys,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn Observer>,
        limiter: Option<Arc<esign_http::Limiter>>,
    ) -> Result<Self> {
        let http = HttpClient::builder(addresses.api.clone(), Arc::clone(&clock))
            .settings(&config.http)
            .limiter(limiter)
            .observer(KIND, observer)
            .explain(explain)
            .build()?;
        let tokens = TokenSigner { key: Arc::clone(keys.signing()), clock, life: config.token_life() };
        Ok(Self { http, config, tokens, underscore: Arc::default(), one_token: None })
    }

    /// The same client with another shape of the placement claims: for trials.
    pub(crate) fn with_payload(&self, payload: Payload) -> Self {
        let config = SingpassConfig { payload, ..(*self.config).clone() };
        Self { config: Arc::new(config), ..self.clone() }
    }

    /// The same client with another path of the result: for trials.
    pub(crate) fn with_result_path(&self, result_path: ResultPath) -> Self {
        let config = SingpassConfig { result_path, ..(*self.config).clone() };
        Self { config: Arc::new(config), ..self.clone() }
    }

    /// The same client, which asks for the result with one and the same token each time: for trials.
    pub(crate) async fn with_one_token(&self, exchange_code: &Personal) -> Result<Self> {
        let claims = ResultClaims { exchange_code: exchange_code.expose().to_owned() };
        Ok(Self { one_token: Some(self.tokens.fixed(claims).await?), ..self.clone() })
    }

    /// Starts a request (spec 3.1). Sends the PDF; a second call makes a second request.
    ///
    /// # Errors
    /// [`Retry::OutcomeUnknown`](esign_core::Retry::OutcomeUnknown) if the answer was lost; a 400 names the `payload`
    /// switch, because which shape the service takes is not certain.
    pub async fn initiate(&self, request: &Initiate, pdf: Bytes) -> Result<Initiated> {
        let url = self.http.url(["sign-requests"])?;
        let answer = self.http.submit_with(|| {
            let auth = self.tokens.call(self.initiate_claims(request), true);
            let call = self.http.post(url.clone()).operation(Operation::Submit).auth(auth);
            Ok(call.body("application/octet-stream", pdf.clone()))
        });
        let places = request.locations.len();
        let answer = answer.await.map_err(by_code).map_err(|error| self.explain_refusal(error, places))?;
        let made: InitiateAnswer = answer.json()?;
        if made.request_id.is_empty() || made.exchange_code.is_empty() {
            return Err(answer.unexpected("the request's id or its exchange code is empty"));
        }
        Ok(Initiated {
            request_id: made.request_id,
            signing_url: made.signing_url.and_then(|link| SecretUrl::for_browser(&link)),
            exchange_code: Personal::new(made.exchange_code),
        })
    }

    fn initiate_claims(&self, request: &Initiate) -> InitiateClaims {
        let shape = self.config.payload_for(request.locations.len());
        let first = request.locations.first().filter(|_| shape != Payload::Locations);
        let all =
            request.locations.iter().map(|l| SignLocation { page: l.page, x: l.x.clone(), y: l.y.clone() });
        InitiateClaims {
            client_id: self.config.client_id.clone(),
            doc_name: request.doc_name.clone(),
            x: first.map(|l| l.x.clone()),
            y: first.map(|l| l.y.clone()),
            page: first.map(|l| l.page),
            sign_locations: (shape != Payload::Legacy).then(|| all.collect()),
            signer_uin_hash: request.signer_uin_hash.as_ref().map(|hash| hash.expose().to_owned()),
        }
    }

    /// A server of June 2025 finds nothing in a token whose places are all in `sign_locations`, and says that the token is
    /// not good.
    fn explain_refusal(&self, error: Error, places: usize) -> Error {
        let hint = "if the placement is refused, try another payload = \"auto\", \"both\", \"locations\" or \"legacy\"";
        match (error.http_status(), error.kind()) {
            (Some(400 | 401), ErrorKind::Unauthenticated)
                if self.config.payload_for(places) == Payload::Locations =>
            {
                let message = format!(
                    "{}; a server of June 2025 refuses {places} places so too: it takes one, with payload = \"legacy\" or \
                     \"both\"",
                    error.message()
                );
                error.with_message(message)
            }
            (Some(400), kind) if kind != ErrorKind::Unauthenticated => {
                let message = format!("{}; {hint}", error.message());
                error.with_message(message)
            }
            _ => error,
        }
    }

    /// Asks for the signed document (spec 3.3). Each call that succeeds makes a new link; meant for when the webhook
    /// did not come, not for polling.
    ///
    /// # Errors
    /// Before the document is signed and after it is gone: HTTP 400, with Singpass's code in
    /// [`Error::provider_code`].
    pub async fn result(&self, request_id: &str, exchange_code: &Personal) -> Result<SignedDocument> {
        let underscore = match self.config.result_path() {
            ResultPath::Underscore => true,
            ResultPath::Hyphen => false,
            ResultPath::Auto => self.underscore.load(Ordering::Relaxed),
        };
        let first = self.result_at(request_id, exchange_code, underscore).await;
        let foreign =
            first.as_ref().is_err_and(|e| e.http_status() == Some(404) && e.provider_code().is_none());
        if underscore || !foreign || self.config.result_path() != ResultPath::Auto {
            return first;
        }
        let second = self.result_at(request_id, exchange_code, true).await;
        // A 404 there too says nothing about the path.
        if second.as_ref().map_or_else(|e| e.http_status() != Some(404), |_| true) {
            self.underscore.store(true, Ordering::Relaxed);
        }
        second
    }

    async fn result_at(
        &self,
        request_id: &str,
        exchange_code: &Personal,
        underscore: bool,
    ) -> Result<SignedDocument> {
        let tail = if underscore { "signed_doc" } else { "signed-doc" };
        let url = self.http.url(["sign-requests", request_id, tail])?;
        let claims = ResultClaims { exchange_code: exchange_code.expose().to_owned() };
        let auth = self.one_token.clone().unwrap_or_else(|| self.tokens.call(claims, true));
        let call = self.http.get(url).operation(Operation::Status).auth(auth).replayable();
        let call = call.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let answer = call.send().await.map_err(by_code).map_err(unreadable)?;
        let result: ResultAnswer = answer.json()?;
        let url = SecretUrl::for_browser(&result.signed_doc_url)
            .ok_or_else(|| answer.unexpected("the document's link is no https address"))?;
        Ok(SignedDocument {
            url,
            url_expires_at: result.exp.and_then(|seconds| Timestamp::from_second(seconds.0).ok()),
            signer: result.signer_info.map(SignedBy::from),
        })
    }

    /// Calls a request back (spec 3.4): one that is open or expired, before the signer has begun to sign.
    ///
    /// # Errors
    /// HTTP 400 with Singpass's code if it is too late or was done before; 404 where the server has no such operation;
    /// [`ErrorKind::UnexpectedAnswer`] for a success that is not Singpass's, which says nothing about the request.
    pub async fn cancel(&self, request_id: &str) -> Result<()> {
        let client_id = self.config.client_id.clone();
        let both = self.config.cancel_claim == CancelClaim::Both;
        let claims = CancelClaims {
            client_request: both.then(|| client_id.clone()),
            client_id,
            request_id: request_id.to_owned(),
        };
        // The page lists no `jti`, and its sample has none.
        let auth = self.tokens.call(claims, false);
        let call = self
            .http
            .post(self.http.url(["sign-requests", "cancel"])?)
            .operation(Operation::Cancel)
            .auth(auth);
        let call = call.body("application/json", Bytes::new()).replayable();
        let answer = call.send().await.map_err(by_code)?;
        // 200 is all that is documented of the answer.
        let body = answer.body.trim_ascii();
        if answer.status == StatusCode::OK && body.is_empty() {
            return Ok(());
        }
        let body: Value = answer.json()?;
        if answer.status != StatusCode::OK || body.get("error").is_some() {
            return Err(answer.unexpected("the answer to the cancellation is none that Singpass gives"));
        }
        Ok(())
    }

    /// Fetches the signed document from its link (spec 3.5): a plain GET without credentials, which may be led on.
    ///
    /// # Errors
    /// [`ErrorKind::Integrity`] if it is cut short or not a PDF.
    pub async fn download(&self, url: &SecretUrl) -> Result<Bytes> {
        let url: Url = url.expose().clone();
        let answer = self.http.download(url).follow(MAX_REDIRECTS).without_auth().send().await?;
        whole_pdf(answer.body)
    }
}
