//! Every document provider, with only the file changed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use app_config_switch::{collect, link, request, send};
use esign::singpass::LocalKey;
use esign::{
    Client, Config, ErrorKind, FixedSecrets, Handle, KeyAlgorithm, SigningKey, State, Submission, Wait,
};
use esign_sandbox::Sandbox;
use esign_sandbox::{signicat, signify, singpass};

const FILE: &str = include_str!("../esign.toml");

/// The services, and the secrets of the application.
struct World {
    sandbox: Sandbox,
    key: Arc<LocalKey>,
}

impl World {
    async fn start() -> Self {
        let key = Arc::new(LocalKey::generate(KeyAlgorithm::Es256, Some("switch")).unwrap());
        let registered = singpass::Client {
            client_id: "switch".to_owned(),
            keys: singpass::ClientKeys::Inline(serde_json::json!({ "keys": [key.public_jwk()] })),
            redirect_url: "https://lease.agency.gov.sg/signed".parse().unwrap(),
            webhook_url: "http://127.0.0.1:9/".parse().unwrap(),
        };
        let builder = Sandbox::builder()
            .signify(|s| s.api_key("key"))
            .singpass(|s| s.client(registered))
            .signicat(|s| s.client("switch", "secret").settings(|s| s.packaging_delay_seconds = 0));
        let sandbox = builder.start().await.unwrap();
        sandbox.singpass().change(|settings| settings.webhook_retries = false);
        Self { sandbox, key }
    }

    /// The configuration of the file, at the address of this sandbox.
    fn config(&self) -> Config {
        let text = FILE.replace("http://127.0.0.1:8080/", self.sandbox.base_url().as_str());
        let text = text.replace("env = \"SIGNIFY_API_KEY\"", "external = \"signify\"");
        toml::from_str(&text.replace("env = \"SIGNICAT_CLIENT_SECRET\"", "external = \"signicat\"")).unwrap()
    }

    async fn client(&self, config: Config) -> Client {
        let builder = esign::builder(esign::default_registry()).config(config);
        let builder = builder.secrets(FixedSecrets::new().with("signify", "key").with("signicat", "secret"));
        builder.key("switch", Arc::clone(&self.key) as Arc<dyn SigningKey>).build().await.unwrap()
    }

    /// The user follows the link and signs, at whichever service that is.
    async fn sign(&self, submission: &Submission) {
        assert!(link(submission).is_some_and(|url| url.starts_with("http")));
        let id = submission.handle.request().id();
        match submission.handle.kind().as_str() {
            "signify" => {
                self.sandbox.signify().sign_all(id, &signify::Signer::named("Tester")).await.unwrap();
            }
            "singpass" => {
                let person = singpass::Person::new("Tester", "S0000001A");
                self.sandbox.singpass().sign(id, &person).await.unwrap();
            }
            "signicat" => {
                let task = self.sandbox.signicat().order(id).unwrap().tasks[0].id.clone();
                self.sandbox.signicat().sign(id, &task, &signicat::Signer::named("Tester")).await.unwrap();
            }
            other => panic!("nobody knows how to sign at {other}"),
        }
    }
}

/// Until it is complete: a provider may need a moment to put the file together.
async fn completed(client: &Client, submission: &Submission) -> Handle {
    let wait = Wait::FOREVER.every(Duration::from_millis(20));
    let report = client.wait(&submission.handle, wait, |_| ()).await.unwrap();
    assert_eq!(report.state(), State::Completed, "{}", submission.handle.instance());
    report.new_handle.unwrap_or_else(|| submission.handle.clone())
}

/// The document that was sent, with something behind it; Signicat does not promise that it is the same file.
fn assert_signed(instance: &str, signed: &[u8]) {
    assert!(signed.starts_with(b"%PDF-") && signed.len() > pdf().len(), "{instance}");
    assert!(signed.starts_with(&pdf()) || instance == "signicat", "{instance}");
}

fn pdf() -> Vec<u8> {
    esign_sandbox::sample_pdf("Lease 12", &["The only clause."]).to_vec()
}

fn instances(config: &Config) -> Vec<String> {
    config.providers.keys().cloned().collect()
}

#[tokio::test]
async fn a_line_in_the_file_chooses_the_provider() {
    let world = World::start().await;
    for instance in instances(&world.config()) {
        let config = Config { active: Some(instance.clone()), ..world.config() };
        let wished: BTreeSet<_> = config.providers[&instance].adapt.clone();
        let client = world.client(config).await;
        let submission = send(&client, request(pdf()).unwrap()).await.unwrap();
        assert_eq!(submission.handle.instance(), instance);
        let changed: BTreeSet<_> = submission.record.intent().changes().iter().map(|c| c.wish).collect();
        assert_eq!(changed, wished, "{instance}: exactly what the file allows was changed, and recorded");

        let early = collect(&client, &submission.handle, &submission.record).await.unwrap_err();
        assert_eq!(early.kind(), ErrorKind::NotReady, "{instance}: {early}");
        world.sign(&submission).await;
        let handle = completed(&client, &submission).await;
        assert_signed(&instance, &collect(&client, &handle, &submission.record).await.unwrap());
    }
}

#[tokio::test]
async fn without_adapt_each_wish_is_refused_by_name_and_nothing_is_sent() {
    let world = World::start().await;
    for instance in instances(&world.config()) {
        let mut config = Config { active: Some(instance.clone()), ..world.config() };
        let allowed = std::mem::take(&mut config.providers.get_mut(&instance).unwrap().adapt);
        let client = world.client(config).await;
        let plan = client.plan_on(&instance, &request(pdf()).unwrap()).await.unwrap();
        let lines: BTreeSet<_> = plan.refusals().filter_map(|refusal| refusal.allow.clone()).collect();
        let expected: BTreeSet<_> = allowed.iter().map(|wish| format!("adapt = [\"{wish}\"]")).collect();
        assert_eq!(lines, expected, "{instance}: each refusal names the line that would allow it");
        assert_eq!(plan.refusals().count(), expected.len(), "{instance}: and there is no other: {plan:?}");

        let error = send(&client, request(pdf()).unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{instance}: {error}");
        assert_eq!(error.instance(), Some(instance.as_str()));
    }
    assert!(world.sandbox.calls().is_empty(), "{:?}", world.sandbox.calls());
}

#[tokio::test]
async fn the_active_provider_changes_while_requests_are_under_way() {
    let world = World::start().await;
    let client = world.client(world.config()).await;
    let mut open = Vec::new();
    for _ in 0..2 {
        for instance in instances(&world.config()) {
            client.activate(&instance).unwrap();
            // Everything that is open already goes on, at the instance that has it.
            for submission in &open {
                let submission: &Submission = submission;
                assert_eq!(client.status(&submission.handle).await.unwrap().state(), State::Pending);
            }
            open.push(send(&client, request(pdf()).unwrap()).await.unwrap());
        }
    }
    let used: BTreeSet<_> = open.iter().map(|submission| submission.handle.instance().to_owned()).collect();
    assert_eq!(used.into_iter().collect::<Vec<_>>(), instances(&world.config()));
    for submission in &open {
        world.sign(submission).await;
        let handle = completed(&client, submission).await;
        let signed = collect(&client, &handle, &submission.record).await.unwrap();
        assert_signed(submission.handle.instance(), &signed);
    }
}
