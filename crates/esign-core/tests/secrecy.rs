//! No secret and no personal datum in anything that is formatted, traced or observed: markers are put wherever one could
//! be, and must not appear.

use std::error::Error as _;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use esign_core::jiff::Timestamp;
use esign_core::memory::{MemoryFault, MemoryService};
use esign_core::{
    Artifact, ArtifactId, CallbackEvidence, Candidate, ChainRecord, Client, CompletedSignature, Config,
    Credential, Delivery, Document, Error, ErrorKind, Event, FixedSecrets, Handle, Identity, InboundCall,
    InstanceConfig, Intent, MediaType, Observation, Observer, Operation, Order, Personal, ProviderKind,
    ProviderOptions, Received, Reference, Registry, Reply, RequestFile, Resolution, SecretRef, SecretUrl,
    SignRequest, Signer, SignerStatus, Standing, State, StatusReport, Step, Submission, SubmissionRecord,
    TransactionRequest, TransactionResult, TransactionReturn, TransactionStart, VerifiedEvent, Wait,
};

const MARKERS: [&str; 4] = ["zq7marker", "81234321", "S7654321Z", "Zq Seven"];

/// Collects everything that is printed, with where it came from.
#[derive(Default)]
struct Printed(Vec<(String, String)>);

impl Printed {
    fn debug(&mut self, what: &str, value: &dyn Debug) {
        self.0.push((what.to_owned(), format!("{value:?}")));
        self.0.push((what.to_owned(), format!("{value:#?}")));
    }

    fn error(&mut self, what: &str, error: &Error) {
        self.debug(what, error);
        self.0.push((what.to_owned(), error.to_string()));
        self.0.push((what.to_owned(), error.to_json().to_string()));
        let mut cause = error.source();
        while let Some(source) = cause {
            self.0.push((what.to_owned(), format!("{source} {source:?} {source:#?}")));
            cause = source.source();
        }
    }

    fn text(&mut self, what: &str, text: impl Into<String>) {
        self.0.push((what.to_owned(), text.into()));
    }

    fn check(&self) {
        for (what, text) in &self.0 {
            for marker in MARKERS {
                assert!(!text.contains(marker), "{marker} in {what}: {text}");
            }
        }
    }
}

fn url() -> url::Url {
    "https://zq7marker:zq7marker@sign.example/zq7marker?key=zq7marker#zq7marker".parse().unwrap()
}

fn document() -> Document {
    Document::pdf("Lease", &b"%PDF-1.7 zq7marker"[..])
}

fn signer() -> Signer {
    Signer::new("tenant")
        .name("Zq Seven")
        .email("zq7marker@example.com")
        .phone("+6581234321")
        .identity(Identity::new("memory", "S7654321Z"))
        .message("Hello zq7marker")
}

fn request() -> SignRequest {
    let mut request = SignRequest::new(Reference::new("r").unwrap(), document(), Delivery::ProviderEmail)
        .signer(signer())
        .message("Hello zq7marker");
    request.return_url = Some("https://back.example/zq7marker?key=zq7marker".parse().unwrap());
    request.options = options();
    request
}

fn options() -> ProviderOptions {
    serde_json::from_str(r#"{"memory":{"mail":"zq7marker@example.com"}}"#).unwrap()
}

fn evidence() -> CallbackEvidence {
    CallbackEvidence {
        body: "zq7marker".into(),
        verified_with: "zq7marker".into(),
        received_at: Timestamp::UNIX_EPOCH,
    }
}

async fn intent() -> Intent {
    let client = MemoryService::new().client().await.unwrap();
    client.prepare(request()).await.unwrap().intent().clone()
}

#[tokio::test]
async fn nothing_that_holds_a_secret_prints_it() {
    let mut printed = Printed::default();
    let intent = intent().await;
    let handle = Handle::new(&intent, "id-1", Timestamp::UNIX_EPOCH)
        .with_private(&serde_json::json!({ "exchange_code": "zq7marker" }))
        .unwrap();
    let step = Step::OpenLink { url: SecretUrl::new(url()), open_before: None, shared: false };
    let submission = || Submission::new(&intent, handle.clone()).step("tenant", step.clone());

    printed.debug("Document", &document());
    printed.debug("Signer", &signer());
    printed.debug("Identity", &Identity::new("sg-nric", "S7654321Z"));
    printed.debug("Personal", &Personal::new("zq7marker"));
    printed.debug("SignRequest", &request());
    printed.debug("ProviderOptions", &options());
    printed.debug("Intent", &intent);
    printed.text("Intent as JSON", intent.to_json());
    printed.debug("Handle", &handle);
    printed.debug("RequestRef", handle.request());
    printed.debug("HandleKey", &handle.key());
    printed.debug("stored Handle", &handle.to_stored());
    printed.debug("Step", &step);
    printed.debug("SecretUrl", &SecretUrl::new(url()));
    printed.debug("Artifact", &Artifact::new(ArtifactId::SIGNED, MediaType::PDF, "zq7marker".into()));
    let call = InboundCall::post("/hook", "zq7marker")
        .with_query("code", "zq7marker")
        .with_header("Authorization", "zq7marker");
    printed.debug("InboundCall", &call);
    printed.debug("CallbackEvidence", &evidence());
    let event = VerifiedEvent::new(handle.key(), "dedup", Standing::stated(State::Completed), evidence());
    printed.debug("VerifiedEvent", &event);
    printed.debug("Received", &Received::new(Reply::status(200), Ok(vec![Event::Verified(event)])));
    let mut status = SignerStatus::new(Some("tenant".into()), State::Completed);
    status.completed = vec![CompletedSignature { name: Some("Zq Seven".into()), at: None }];
    printed.debug("SignerStatus", &status);
    let mut report = StatusReport::new(Standing::stated(State::Completed));
    report.signers = vec![status];
    report.new_handle = Some(handle.clone());
    printed.debug("StatusReport", &report);
    printed.debug("Resolution", &Resolution::Found(Box::new(submission())));
    printed.debug("Resolution", &Resolution::Candidates(vec![Candidate::new(submission(), vec!["name"])]));
    let mut transaction = TransactionRequest::new(Reference::new("t").unwrap(), "zq7marker", "zq7marker");
    transaction.subject = Some("zq7marker".into());
    printed.debug("TransactionRequest", &transaction);
    printed.debug("TransactionStart", &TransactionStart::new("zq7marker", Timestamp::UNIX_EPOCH));
    let call = InboundCall::get("/back").with_query("state", "zq7marker");
    printed.debug("TransactionReturn", &TransactionReturn::new(call, "zq7marker"));
    let mut result = TransactionResult::new(Reference::new("t").unwrap(), evidence());
    result.subject = Some("zq7marker".into());
    printed.debug("TransactionResult", &result);
    let secrets = FixedSecrets::new().with("key", "zq7marker");
    printed.debug("FixedSecrets", &secrets);
    let reference = SecretRef::External("key".into());
    printed.debug("Credential", &Credential::read(Arc::new(secrets), reference).await.unwrap());
    let instance = InstanceConfig::new(ProviderKind::new("memory"))
        .with("api_key", "zq7marker")
        .with("base_url", "https://u:zq7marker@h.example");
    printed.debug("InstanceConfig", &instance);
    let mut config = Config::default();
    config.providers.insert("memory".into(), instance);
    printed.debug("Config", &config);
    printed.check();
}

/// The provider's id is the one thing of a handle that its record keeps, since it is what a support ticket needs.
#[tokio::test]
async fn a_record_holds_no_secret() {
    let mut printed = Printed::default();
    let client = MemoryService::new().client().await.unwrap();
    let submission = client.submit(client.prepare(request()).await.unwrap()).await.unwrap();
    printed.debug("Submission", &submission);
    printed.debug("SubmissionRecord", &submission.record);
    printed.text("SubmissionRecord as JSON", submission.record.to_json());
    printed.check();
}

#[test]
fn a_request_file_prints_no_personal_data() {
    let mut printed = Printed::default();
    let file: RequestFile = toml::from_str(
        r#"
        version = 1
        delivery = "provider-email"
        message = "Hello zq7marker"
        return_url = "https://back.example/zq7marker?key=zq7marker"
        documents = [{ path = "lease.pdf" }]
        [[signers]]
        key = "tenant"
        name = "Zq Seven"
        email = "zq7marker@example.com"
        phone = "+6581234321"
        identity = { scheme = "sg-nric", value = "S7654321Z" }
        message = "Hello zq7marker"
        [options.memory]
        mail = "zq7marker@example.com"
        "#,
    )
    .unwrap();
    printed.debug("RequestFile", &file);
    printed.check();
}

#[tokio::test]
async fn no_error_quotes_a_secret() {
    let mut printed = Printed::default();
    for text in [
        "zq7marker",
        "{\"v\":1,\"id\":\"zq7marker\"}",
        "{\"v\":\"zq7marker\"}",
        "{\"chain\":1,\"x\":\"zq7marker\"}",
    ] {
        printed.error("a stored handle", &Handle::from_stored(text).unwrap_err());
        printed.error("a stored record", &SubmissionRecord::from_json(text).unwrap_err());
        printed.error("a stored intent", &Intent::from_json(text).unwrap_err());
        printed.error("a stored chain", &ChainRecord::from_stored(text).unwrap_err());
    }
    // The provider's own words.
    let said = "no user zq7marker@example.com S7654321Z +6581234321 at https://h.example/?key=zq7marker";
    let foreign = Error::new(ErrorKind::Provider, "refused")
        .said(said)
        .with_code("user:S7654321Z")
        .with_request_id("zq7marker@example.com")
        .context("answer", said);
    printed.error("the provider's words", &foreign);

    // A secret written into the configuration, as happens.
    for settings in ["api_key = 'zq7marker'", "api_key = ['zq7marker']", "api_key = { key = 'zq7marker' }"] {
        let toml = format!("[providers.a]\nkind = 'secretive'\n{settings}");
        let config: Config = toml::from_str(&toml).unwrap();
        let mut registry = Registry::new();
        registry.register::<secret_config::Secretive>().unwrap();
        let error = Client::builder(registry).config(config).build().await.unwrap_err();
        assert_eq!(error.field_path(), Some("providers.a.api_key"), "{settings}");
        printed.error("a secret in the configuration", &error);
    }

    // Every refusal of a request full of personal data.
    let client = MemoryService::new().client().await.unwrap();
    let mut bad = vec![request(), request(), request(), request()];
    bad[0].signers[0].email = Some("zq7marker@@example.com".into());
    bad[0].signers[0].phone = Some("81234321".into());
    bad[1].signers[0].identity = Some(Identity::new("other", "S7654321Z"));
    bad[1].return_url = Some(url());
    bad[2].message = Some("zq7marker ".repeat(200));
    bad[3].signers.push(Signer::new("twin").email("ZQ7marker@example.com"));
    bad[3].order = Some(Order::Parallel);
    for request in bad {
        for plan in client.plan(&request).await {
            printed.debug("Plan", &plan);
            printed.text("Plan as JSON", serde_json::to_string(&plan).unwrap());
        }
        printed.error("a refusal", &client.prepare(request).await.unwrap_err());
    }
    printed.check();
}

mod secret_config {
    use std::sync::Arc;

    use async_trait::async_trait;
    use esign_core::memory::MemoryService;
    use esign_core::{BuildContext, Provider, ProviderConfig, ProviderKind, Result, SecretRef};

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Secretive {
        api_key: SecretRef,
    }

    #[async_trait]
    impl ProviderConfig for Secretive {
        const KIND: ProviderKind = ProviderKind::new("secretive");

        async fn build(self, cx: &BuildContext) -> Result<Arc<dyn Provider>> {
            cx.credential("api_key", &self.api_key).await?;
            Ok(Arc::new(MemoryService::new().provider()))
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Told(Arc<Mutex<String>>);

impl Observer for Told {
    fn observe(&self, event: &Observation<'_>) {
        self.0.lock().unwrap().push_str(&format!("{event:?} {event:#?}\n"));
    }
}

/// Writes down every span and event of this thread.
#[derive(Clone, Default)]
struct Trace(Arc<Mutex<String>>);

impl Trace {
    fn write(&self, record: impl FnOnce(&mut dyn tracing::field::Visit)) {
        struct Fields<'a>(&'a mut String);
        impl tracing::field::Visit for Fields<'_> {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn Debug) {
                self.0.push_str(&format!("{field}={value:?} "));
            }
        }
        record(&mut Fields(&mut self.0.lock().unwrap()));
    }
}

impl tracing::Subscriber for Trace {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        self.write(|visit| span.record(visit));
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, values: &tracing::span::Record<'_>) {
        self.write(|visit| values.record(visit));
    }

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        self.write(|visit| event.record(visit));
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

/// A whole life with every fault, traced and observed.
#[tokio::test]
async fn a_whole_life_tells_nobody_anything_personal() {
    let (trace, told) = (Trace::default(), Told::default());
    let _guard = tracing::subscriber::set_default(trace.clone());
    tracing::info!(control = "the capture works");

    let mut printed = Printed::default();
    let service = MemoryService::new();
    let config = Config { active: Some("memory".into()), ..Config::default() };
    let client = Client::builder(Registry::new())
        .config(config)
        .provider("memory", Arc::new(service.provider()))
        .clock(Arc::new(service.clock()))
        .observer(Arc::new(told.clone()))
        .build()
        .await
        .unwrap();
    printed.debug("Client", &client);
    let faults = [
        MemoryFault::RefuseConnection,
        MemoryFault::LoseAnswer,
        MemoryFault::RateLimited { after: None },
        MemoryFault::Refuse(400),
        MemoryFault::FailAfterEffect,
        MemoryFault::Garbage,
    ];
    for fault in faults {
        let prepared = client.prepare(request()).await.unwrap();
        printed.debug("Prepared", &prepared);
        service.fail_next(Operation::Submit, fault);
        printed.error("submit", &client.submit(prepared).await.unwrap_err());
    }
    let submission = client.submit(client.prepare(request()).await.unwrap()).await.unwrap();
    let handle = submission.handle;
    for fault in faults {
        service.fail_next(Operation::Status, fault);
        printed.error("status", &client.status(&handle).await.unwrap_err());
        service.fail_next(Operation::Download, fault);
        printed.error("download", &client.download(&handle, &ArtifactId::SIGNED).await.unwrap_err());
        // Some faults strike after the effect, so each gets a request of its own.
        let other = client.submit(client.prepare(request()).await.unwrap()).await.unwrap().handle;
        service.fail_next(Operation::Cancel, fault);
        printed.error("cancel", &client.cancel(&other).await.unwrap_err());
    }
    let forged = InboundCall::post("/callback", "zq7marker").with_header("x-memory-signature", "zq7marker");
    for call in [forged, service.callback(&handle)] {
        let received = client.receive("memory", &call).await.unwrap();
        printed.debug("Received", &received);
        if let Err(error) = &received.events {
            printed.error("receive", error);
        }
    }
    assert!(service.sign(&handle, "tenant"));
    printed.debug("StatusReport", &client.wait(&handle, Wait::FOREVER, |_| ()).await.unwrap());
    printed.debug("Artifact", &client.download(&handle, &ArtifactId::SIGNED).await.unwrap());
    assert!(client.erase(&handle).await.unwrap());
    drop(client.submit(client.prepare(request()).await.unwrap()));

    let told = told.0.lock().unwrap().clone();
    assert!(told.contains("Submitted") && told.contains("OutcomeUnknown"), "{told}");
    printed.text("observations", told);
    let trace = trace.0.lock().unwrap().clone();
    assert!(trace.contains("the capture works"), "{trace}");
    printed.text("trace", trace);
    printed.check();
}
