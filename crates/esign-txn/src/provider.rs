//! The neutral provider over the typed client.

use std::sync::Arc;

use async_trait::async_trait;
use esign_core::secrecy::SecretString;
use esign_core::{
    BuildContext, CallbackEvidence, Capabilities, Endpoint, Error, Finding, Keys, Operation, Probe,
    ProbeCheck, ProbeReport, ProbeVerdict, Provider, ProviderKind, Result, Retry, Settled,
    TransactionRequest, TransactionResult, TransactionReturn, TransactionStart, Transactions, Trial,
};
use esign_http::{LimiterKey, PublishedKeys};
use url::Url;

use crate::config::SingpassTxnConfig;
use crate::settle::{settle, unverified};
use crate::{
    Approved, KIND, MemoryPendingStore, Page, PendingStore, SignedTransaction, Supplied, TxnClient,
    TxnSessions,
};

/// Singpass transaction signing: a text, approved in the Singpass app.
#[derive(Clone, Debug)]
pub struct SingpassTxn {
    sessions: TxnSessions,
    client: TxnClient,
    keys: PublishedKeys,
    endpoint: Endpoint,
    config: Arc<SingpassTxnConfig>,
    script_url: Option<Url>,
}

impl SingpassTxn {
    pub(crate) fn new(config: SingpassTxnConfig, keys: PublishedKeys, cx: &BuildContext) -> Result<Self> {
        let addresses = config.addresses()?;
        let endpoint = config.endpoint()?;
        let id = SecretString::from(config.client_id.clone());
        let owner = LimiterKey::of(KIND, config.limiter_group.as_deref(), &addresses.api, &id);
        let limiter = config.limiter.build(cx, None, owner)?;
        let config = Arc::new(config);
        // Kept when the instance is replaced: a page that is open then can still come back.
        let key = format!("{KIND} {}", cx.instance());
        let store = cx.shared(&key, || MemoryPendingStore::new(cx.clock()));
        let sessions = TxnSessions::new(&config.client_id, Arc::clone(keys.signing()), cx.clock(), store)
            .with_rules(config.rules());
        let client =
            TxnClient::new(Arc::clone(&config), &addresses, &keys, cx.clock(), cx.observer(), limiter)?;
        Ok(Self { sessions, client, keys, endpoint, config, script_url: addresses.script })
    }

    /// The same instance with its sessions in another store: needed as soon as several processes serve one page. Sessions
    /// that were issued before stay in the old one.
    #[must_use]
    pub fn with_store(&self, store: Arc<dyn PendingStore>) -> Self {
        Self { sessions: self.sessions.clone().with_store(store), ..self.clone() }
    }

    /// The page's part: Singpass's script, our client id and the registered redirect, with this path as the supplier.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](esign_core::ErrorKind::Config) for an own `base_url` without `script_url`; else as [`Page::new`].
    pub fn page(&self, supplier: &str) -> Result<Page> {
        let message = "with base_url, say where the page loads ndi_txn_sign.js from";
        let script = self.script_url.clone().ok_or_else(|| Error::config("script_url", message))?;
        Page::new(script, &self.config.client_id, &self.config.redirect_uri, supplier)
    }

    /// What is made before and read from the redirect.
    #[must_use]
    pub fn sessions(&self) -> &TxnSessions {
        &self.sessions
    }

    /// The exchange in its own terms.
    #[must_use]
    pub fn client(&self) -> &TxnClient {
        &self.client
    }

    /// What the page's `transactionParamsSupplier` returns. Call it for each of its calls: every one opens a session of its
    /// own, and those before stay open.
    ///
    /// # Errors
    /// As [`TxnSessions::supply`].
    pub async fn supply(&self, request: &TransactionRequest) -> Result<Supplied> {
        self.sessions.supply(request).await.map_err(name)
    }

    /// Completes the transaction that has come back, once: recognises the redirect, exchanges its code, verifies the answer.
    ///
    /// # Errors
    /// As [`Transactions::complete`]; with [`Retry::Safe`] or [`Retry::Exhausted`] nothing came of it, and the same return can be tried again.
    pub async fn finish(&self, back: &TransactionReturn) -> Result<(Approved, SignedTransaction)> {
        self.finish_unnamed(back).await.map_err(name)
    }

    async fn finish_unnamed(&self, back: &TransactionReturn) -> Result<(Approved, SignedTransaction)> {
        // First of all: an answer that cannot be verified would be lost, and perhaps it comes only once.
        self.client.ready().await?;
        let approved = self.sessions.accept(back).await?;
        let answer = match self.client.exchange(&approved).await {
            Ok(answer) => answer,
            Err(error) => {
                // Exhausted was safe at each try.
                if matches!(error.retry(), Retry::Safe { .. } | Retry::Exhausted) {
                    self.sessions.reopen(approved.session).await?;
                }
                return Err(error);
            }
        };
        let signed =
            self.client.verify(&answer, &approved.session).await.map_err(|error| match error.retry() {
                // The code has been exchanged.
                Retry::Safe { .. } => error.with_retry(Retry::OutcomeUnknown),
                _ => error,
            })?;
        Ok((approved, signed))
    }
}

fn name(error: Error) -> Error {
    error.with_provider(KIND).during(Operation::Transaction)
}

impl Provider for SingpassTxn {
    fn kind(&self) -> ProviderKind {
        KIND
    }

    fn capabilities(&self) -> Capabilities {
        let mut caps = Capabilities::none(KIND);
        caps.endpoint = self.endpoint.clone();
        caps.transactions = esign_core::Support::Yes;
        caps.unverified = unverified();
        caps
    }

    fn transactions(&self) -> Option<Arc<dyn Transactions>> {
        Some(Arc::new(self.clone()))
    }

    fn keys(&self) -> Option<Arc<dyn Keys>> {
        Some(Arc::new(self.clone()))
    }

    fn probe(&self) -> Option<Arc<dyn Probe>> {
        Some(Arc::new(self.clone()))
    }
}

#[async_trait]
impl Transactions for SingpassTxn {
    fn check(&self, request: &TransactionRequest) -> Vec<Finding> {
        self.sessions.check(request)
    }

    async fn begin(&self, request: &TransactionRequest) -> Result<TransactionStart> {
        let supplied = self.supply(request).await?;
        Ok(TransactionStart::new(supplied.to_json(), supplied.expires_at))
    }

    async fn complete(&self, back: &TransactionReturn) -> Result<TransactionResult> {
        let (approved, signed) = self.finish(back).await?;
        let evidence = CallbackEvidence {
            body: signed.token,
            verified_with: signed.verified_with.to_string(),
            received_at: signed.received_at,
        };
        let mut result = TransactionResult::new(approved.session.txn_id().clone(), evidence);
        result.subject = signed.subject;
        Ok(result)
    }
}

#[async_trait]
impl Keys for SingpassTxn {
    async fn jwks(&self) -> Result<serde_json::Value> {
        Ok(self.keys.jwks())
    }
}

#[async_trait]
impl Probe for SingpassTxn {
    /// Fetches Singpass's keys and signs with ours. There is no harmless call that would show whether Singpass takes our
    /// tokens: the report says so.
    async fn probe(&self) -> Result<ProbeReport> {
        let keys = match self.client.ready().await {
            Ok(()) => check("singpass_keys", ProbeVerdict::Good, "Singpass's keys were fetched".to_owned()),
            Err(error) => check("singpass_keys", ProbeVerdict::Bad, error.to_string()),
        };
        let signing = self.keys.signing();
        let signature = match signing.sign(b"probe").await {
            Ok(_) => check("signing_key", ProbeVerdict::Good, format!("the key {} signs", signing.key_id())),
            Err(error) => check("signing_key", ProbeVerdict::Bad, error.to_string()),
        };
        let message =
            "cannot be told in advance: only a transaction shows whether Singpass takes client_id and key";
        let credentials = check("credentials", ProbeVerdict::Warning, message.to_owned());
        Ok(ProbeReport::new(vec![keys, signature, credentials]))
    }

    async fn settle(&self, _: &Trial) -> Result<Vec<Settled>> {
        settle(&self.client).await
    }
}

fn check(name: &'static str, verdict: ProbeVerdict, message: String) -> ProbeCheck {
    ProbeCheck { name, verdict, message }
}
