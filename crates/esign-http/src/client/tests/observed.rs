//! What metrics and audit are told.

use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::RateLimit;

/// Writes down what it is told.
#[derive(Debug, Default)]
struct Notes(Mutex<Vec<String>>);

impl Observer for Notes {
    fn observe(&self, event: &Observation<'_>) {
        let note = match event {
            Observation::Attempt { kind, operation, attempt, status, .. } => {
                format!("{kind} {operation} {attempt} {status:?}")
            }
            Observation::LimiterWait { waited, .. } => format!("waited {}", waited.as_secs()),
            Observation::Retry { operation, .. } => format!("again {operation}"),
            other => format!("{other:?}"),
        };
        self.0.lock().unwrap().push(note);
    }
}

#[tokio::test]
async fn attempts_waits_and_repetitions() {
    let api = MockServer::start().await;
    for status in [503, 401] {
        Mock::given(any()).respond_with(ResponseTemplate::new(status)).up_to_n_times(1).mount(&api).await;
    }
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&api).await;
    let clock = jumping();
    let limiter =
        Limiter::new(RateLimit::exact(2, Duration::from_secs(100)), Arc::new(clock.clone())).unwrap();
    let notes = Arc::new(Notes::default());
    let client = HttpClient::builder(api.uri().parse().unwrap(), Arc::new(clock))
        .limiter(Some(limiter))
        .auth(Arc::new(Renewing::default()))
        .observer(ProviderKind::new("acme"), notes.clone())
        .build()
        .unwrap();
    client.get(client.url(["x"]).unwrap()).operation(Operation::Status).replayable().send().await.unwrap();
    let waited = notes.0.lock().unwrap().remove(3);
    assert!(waited == "waited 99" || waited == "waited 100", "{waited}");
    assert_eq!(
        *notes.0.lock().unwrap(),
        ["acme status 1 Some(503)", "again status", "acme status 2 Some(401)", "acme status 3 Some(200)"]
    );
}

#[tokio::test]
async fn repeated_creates_are_counted_on() {
    let notes = Arc::new(Notes::default());
    let settings = HttpSettings { max_retries: 1, ..HttpSettings::default() };
    let client = HttpClient::builder(deaf_address().await.parse().unwrap(), Arc::new(jumping()))
        .settings(&settings)
        .observer(ProviderKind::new("acme"), notes.clone())
        .build()
        .unwrap();
    let recipe = || Ok(client.post(client.url(["x"])?).operation(Operation::Submit));
    client.submit_with(recipe).await.unwrap_err();
    assert_eq!(*notes.0.lock().unwrap(), ["acme submit 1 None", "again submit", "acme submit 2 None"]);
}
