//! Nothing secret or personal is ever printed. A program of its own: whether a log line is built at all is decided once per
//! process, and other tests would decide it without a log.

use std::io;
use std::sync::{Arc, Mutex};

use esign_core::{
    ArtifactId, Client, Config, FixedSecrets, InstanceConfig, Provider, Registry, Resolution, Signer,
};
use esign_sandbox::signify::Signer as Who;
use esign_sandbox::{Effect, Fault, Sandbox};
use esign_signify::{
    DocumentId, KIND, NewDocument, Position, Recipient, RequiredSignature, SignifyConfig, SignifyProvider,
};
use serde_json::json;

#[allow(dead_code, reason = "the other tests use the rest")]
#[path = "it/support.rs"]
mod support;

use support::{one_by_email, one_by_link, pdf, place};

const KEY: &str = "marker-key";
const PERSON: &str = "Marker Person";
const EMAIL: &str = "marker-person@agency.gov.sg";
const MESSAGE: &str = "marker message";

/// Everything that was formatted or logged.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl Said {
    fn note(&self, thing: &dyn std::fmt::Debug) {
        self.0.lock().unwrap().extend(format!("{thing:?}\n{thing:#?}\n").into_bytes());
    }

    fn error(&self, error: &esign_core::Error) {
        self.note(error);
        self.note(&error.to_json());
        let mut link: Option<&dyn std::error::Error> = Some(error);
        while let Some(error) = link {
            self.note(&error.to_string());
            self.note(&error);
            link = error.source();
        }
    }
}

impl io::Write for Said {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn client(base: &str, key: &str) -> Client {
    let instance = InstanceConfig::new(KIND)
        .with("base_url", format!("{base}public"))
        .with("api_key", json!({ "external": "key" }))
        .with("lookup_settle", "0s")
        .with("http", json!({ "max_retries": 0 }));
    let config = Config {
        active: Some("s".to_owned()),
        providers: [("s".to_owned(), instance)].into_iter().collect(),
        ..Config::default()
    };
    let mut registry = Registry::new();
    registry.register::<SignifyConfig>().unwrap();
    let client = Client::builder(registry).config(config).secrets(FixedSecrets::new().with("key", key));
    client.inspector(Arc::new(esign_core::memory::A4Pages(3))).build().await.unwrap()
}

#[tokio::test]
async fn markers_in_key_address_name_message_and_link_stay_unseen() {
    let said = Said::default();
    let writer = said.clone();
    // The simulator's own log may say what it was told to answer.
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter("trace,esign_sandbox=off")
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    tracing::debug!("the log is being read");

    let sandbox = Sandbox::builder().signify(|s| s.api_key(KEY)).start().await.unwrap();
    let client = client(sandbox.base_url().as_str(), KEY).await;
    let api = client.provider_as::<SignifyProvider>("s").unwrap();
    said.note(&client);
    said.note(&api);
    said.note(&api.client());
    said.note(&Provider::capabilities(&*api));

    let mut by_email = one_by_email("Lease 12").message(MESSAGE);
    by_email.signers = vec![Signer::new("a").name(PERSON).email(EMAIL).place(place(1, "0", "0"))];
    let mut handles = Vec::new();
    for request in [by_email, one_by_link("Lease 13")] {
        said.note(&request);
        let prepared = client.prepare(request).await.unwrap();
        said.note(&prepared);
        said.note(&prepared.intent().to_json());
        let submission = client.submit(prepared).await.unwrap();
        said.note(&submission);
        said.note(&submission.record.to_json());
        handles.push(submission.handle);
    }
    let signify = sandbox.signify();
    let links: Vec<String> = signify
        .documents()
        .iter()
        .flat_map(|d| d.invitations.iter().map(|i| i.signing_link.rsplit('/').next().unwrap().to_owned()))
        .collect();
    signify.sign(handles[0].request().id(), &Who::invited(PERSON, EMAIL)).await.unwrap();
    signify.sign(handles[1].request().id(), &Who::named(PERSON)).await.unwrap();
    for handle in &handles {
        said.note(handle);
        said.note(handle.request());
        said.note(&client.status(handle).await.unwrap());
        said.note(&client.download(handle, &ArtifactId::SIGNED).await.unwrap());
        let details = api.client().get(&DocumentId::new(handle.request().id())).await.unwrap();
        said.note(&details);
    }
    said.note(&api.client().list().await.unwrap());
    said.note(&client.probe("s").await.unwrap());

    let at = RequiredSignature::new(1, Position::fraction(0.1).unwrap(), Position::fraction(0.1).unwrap());
    let mut recipient = Recipient::new(EMAIL, vec![at.clone()]);
    recipient.message = Some(MESSAGE.to_owned());
    let mut document = NewDocument::new("Lease 14", pdf());
    document.redirect_url = Some("https://www.gov.sg/?marker=1".parse().unwrap());
    said.note(&recipient);
    said.note(&document);
    said.note(&api.client().create_email(&document, &[recipient]).await.unwrap());
    said.note(&api.client().create_link(&document, &[at]).await.unwrap());

    let echo = json!({ "message": [EMAIL, format!("{KEY} https://x.gov.sg/sign/marker")], "name": PERSON })
        .to_string();
    for effect in [
        Effect::json(400, echo.replace(KEY, "")),
        Effect::json(500, echo.replace(KEY, "")),
        Effect::json(200, format!("{{\"documentId\":{{}},\"email\":\"{EMAIL}\"}}")),
        Effect::Close,
        Effect::redirect("https://x.gov.sg/?marker=1"),
    ] {
        for operation in
            ["signify.create", "signify.get", "signify.download", "signify.delete", "signify.list"]
        {
            sandbox.inject(Fault::on(operation, effect.clone())).unwrap();
        }
        let prepared = client.prepare(one_by_email("Lease 15").message(MESSAGE)).await.unwrap();
        let intent = prepared.intent().clone();
        said.error(&client.submit(prepared).await.unwrap_err());
        for result in [
            client.status(&handles[0]).await.map(drop),
            client.download(&handles[0], &ArtifactId::SIGNED).await.map(drop),
            client.erase(&handles[0]).await.map(drop),
            client.resolve(&intent).await.map(drop),
        ] {
            if let Err(error) = result {
                said.error(&error);
            }
        }
    }
    match client
        .resolve(&client.prepare(one_by_link("Lease 13")).await.unwrap().intent().clone())
        .await
        .unwrap()
    {
        Resolution::NotFound => {}
        found => said.note(&found),
    }

    drop(guard);
    let text = String::from_utf8_lossy(&said.0.lock().unwrap()).into_owned();
    assert!(
        text.contains("the log is being read") && text.contains("esign.operation"),
        "the log was not read"
    );
    let mut secrets: Vec<&str> = vec!["arker"];
    secrets.extend(links.iter().map(String::as_str));
    for secret in secrets {
        let at = text.find(secret);
        let start = at.unwrap_or_default().saturating_sub(300);
        assert!(at.is_none(), "{secret} in: …{}", &text[start..(start + 600).min(text.len())]);
    }
}
