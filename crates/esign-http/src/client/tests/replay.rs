//! What is repeated, when, and at whose expense.

use bytes::Bytes;
use wiremock::matchers::{header, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::{Effect, FinishedForm, Multipart, RateLimit};

/// Answers with each status in turn, then with the last for ever.
async fn server(statuses: &[u16]) -> MockServer {
    let server = MockServer::start().await;
    let (last, first) = statuses.split_last().unwrap();
    for status in first {
        Mock::given(wiremock::matchers::any())
            .respond_with(ResponseTemplate::new(*status))
            .up_to_n_times(1)
            .mount(&server)
            .await;
    }
    Mock::given(wiremock::matchers::any()).respond_with(ResponseTemplate::new(*last)).mount(&server).await;
    server
}

async fn requests(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}

fn form() -> FinishedForm {
    Multipart::new().unwrap().file("file", "a.pdf", "application/pdf", Bytes::from_static(b"%PDF"))
}

#[tokio::test]
async fn only_what_is_marked_is_repeated() {
    for (statuses, marked, unmarked) in [
        (&[503, 503, 200][..], 3, 1),
        (&[408, 200], 2, 1),
        (&[429, 200], 2, 1),
        (&[500, 404, 200], 2, 1),
        (&[400, 200], 1, 1),
        (&[402, 200], 1, 1),
        (&[301, 200], 1, 1),
        (&[503], 5, 1),
    ] {
        let api = server(statuses).await;
        let client = client(&api.uri());
        let url = || client.url(["x"]).unwrap();
        let _ = client.get(url()).operation(Operation::Status).replayable().send().await;
        assert_eq!(requests(&api).await, marked, "{statuses:?}");

        let api = server(statuses).await;
        let client = self::client(&api.uri());
        let _ = client.get(client.url(["x"]).unwrap()).operation(Operation::Status).send().await;
        assert_eq!(requests(&api).await, unmarked, "{statuses:?}");
    }
}

/// A quota does not pass by waiting: a refusal that stands is not repeated, whatever the status says.
#[tokio::test]
async fn a_refusal_that_stands_is_not_repeated() {
    for (status, body, operation, sent, retry) in [
        (429, "quota", Operation::Status, 1, Retry::Never),
        (429, "quota", Operation::Submit, 1, Retry::Never),
        (500, "quota", Operation::Download, 1, Retry::Never),
        (429, "window", Operation::Status, 5, Retry::Exhausted),
        (500, "window", Operation::Submit, 1, Retry::OutcomeUnknown),
        (400, "quota", Operation::Status, 1, Retry::Never),
    ] {
        let api = MockServer::start().await;
        let answer = ResponseTemplate::new(status).set_body_string(body);
        Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&api).await;
        let client = HttpClient::builder(api.uri().parse().unwrap(), Arc::new(jumping()))
            .refusal(|status, _, body| {
                assert_ne!(status.as_u16(), 400, "nobody asks about a refusal that is one");
                body == b"quota"
            })
            .build()
            .unwrap();
        let call = || Ok(client.get(client.url(["x"])?).operation(operation));
        let result = match operation {
            Operation::Submit => client.submit_with(call).await,
            _ => call().unwrap().replayable().send().await,
        };
        let error = result.unwrap_err();
        assert_eq!(
            (error.retry(), error.http_status()),
            (retry, Some(status)),
            "{operation} {body}: {error}"
        );
        assert_eq!(requests(&api).await, sent, "{operation} {status} {body}");
    }
}

#[tokio::test]
async fn giving_up_is_said() {
    let api = server(&[503]).await;
    let client = client(&api.uri());
    let error = client
        .get(client.url(["x"]).unwrap())
        .operation(Operation::Status)
        .replayable()
        .send()
        .await
        .unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Provider, Retry::Exhausted));
    let once = client.get(client.url(["x"]).unwrap()).operation(Operation::Status).send().await.unwrap_err();
    assert_eq!(once.retry(), Retry::SAFE);
}

#[tokio::test]
async fn a_create_is_sent_once_even_if_somebody_marks_it() {
    for status in [402, 408, 500, 502, 503, 504] {
        let api = server(&[status, 200]).await;
        let client = client(&api.uri());
        let recipe = || {
            let call = client.post(client.url(["x"])?).operation(Operation::Submit).multipart(form());
            Ok(call.effect(Effect::Reads).replayable())
        };
        let error = client.submit_with(recipe).await.unwrap_err();
        assert_eq!(error.retry(), Retry::OutcomeUnknown, "{status}");
        assert_eq!(requests(&api).await, 1, "{status}");
    }
}

/// Has no credentials, for this reason, and counts how often it was asked.
#[derive(Debug)]
struct Without(Retry, Mutex<usize>);

#[async_trait]
impl Authorize for Without {
    async fn authorize(&self, _: &mut Outgoing<'_>) -> Result<()> {
        *self.1.lock().unwrap() += 1;
        Err(Error::new(ErrorKind::RateLimited, "no token").with_retry(self.0))
    }
}

#[tokio::test]
async fn credentials_that_were_asked_for_often_enough_are_not_asked_for_again() {
    let later = Retry::Safe { after: Some(Duration::from_secs(1)) };
    for (retry, asked) in [(Retry::SAFE, 5), (later, 1), (Retry::Exhausted, 1), (Retry::Never, 1)] {
        let api = server(&[200]).await;
        let auth = Arc::new(Without(retry, Mutex::default()));
        let client = HttpClient::builder(api.uri().parse().unwrap(), Arc::new(jumping()));
        let client = client.auth(auth.clone()).build().unwrap();
        let call = client.get(client.url(["x"]).unwrap()).operation(Operation::Status).replayable();
        assert_eq!(call.send().await.unwrap_err().kind(), ErrorKind::RateLimited);
        assert_eq!(requests(&api).await, 0, "{retry:?}");
        assert_eq!(*auth.1.lock().unwrap(), asked, "{retry:?}");
    }
}

#[tokio::test]
async fn a_create_is_repeated_from_its_recipe_after_a_429_and_after_fresh_credentials() {
    let api = MockServer::start().await;
    for status in [429, 429] {
        Mock::given(method("POST"))
            .respond_with(ResponseTemplate::new(status))
            .up_to_n_times(1)
            .mount(&api)
            .await;
    }
    Mock::given(header("authorization", "Bearer 1"))
        .respond_with(ResponseTemplate::new(401))
        .mount(&api)
        .await;
    Mock::given(header("authorization", "Bearer 2"))
        .respond_with(ResponseTemplate::new(201))
        .mount(&api)
        .await;
    let client = HttpClient::builder(api.uri().parse().unwrap(), Arc::new(jumping()))
        .auth(Arc::new(Renewing::default()))
        .build()
        .unwrap();
    let mut cooked = 0;
    let answer = client
        .submit_with(|| {
            cooked += 1;
            Ok(client.post(client.url(["x"])?).operation(Operation::Submit).multipart(form()))
        })
        .await
        .unwrap();
    assert_eq!(answer.status, 201);
    assert_eq!(cooked, 3, "a new request after each 429; the 401 replays the call");
    let received = api.received_requests().await.unwrap();
    assert_eq!(received.len(), 4);
    assert!(received.iter().all(|r| r.body == received[0].body || r.body.len() == received[0].body.len()));
}

#[tokio::test]
async fn a_create_is_repeated_after_a_failure_to_connect_and_gives_up_as_safe() {
    let clock = jumping();
    let client = client_on(&deaf_address().await, &clock);
    let mut cooked = 0;
    let error = client
        .submit_with(|| {
            cooked += 1;
            Ok(client.post(client.url(["x"])?).operation(Operation::Submit).multipart(form()))
        })
        .await
        .unwrap_err();
    assert_eq!((error.kind(), error.retry(), cooked), (ErrorKind::Connect, Retry::Exhausted, 5));
    assert!(clock.monotonic() > Duration::from_secs(1), "backed off on the clock");
}

#[tokio::test]
async fn a_401_is_answered_with_fresh_credentials_once() {
    let api = MockServer::start().await;
    Mock::given(wiremock::matchers::any()).respond_with(ResponseTemplate::new(401)).mount(&api).await;
    let auth = Arc::new(Renewing::default());
    let client = HttpClient::builder(api.uri().parse().unwrap(), Arc::new(jumping()))
        .auth(auth.clone())
        .build()
        .unwrap();
    let error = client
        .get(client.url(["x"]).unwrap())
        .operation(Operation::Status)
        .replayable()
        .send()
        .await
        .unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unauthenticated, Retry::Never));
    assert_eq!(requests(&api).await, 2);
    assert_eq!(*auth.made.lock().unwrap(), 2);
}

/// The virtual time between requests, one after each answer.
async fn gaps(template: ResponseTemplate) -> (Vec<Duration>, Error) {
    #[derive(Clone)]
    struct Noting(VirtualClock, Arc<Mutex<Vec<Duration>>>, ResponseTemplate);
    impl wiremock::Respond for Noting {
        fn respond(&self, _: &wiremock::Request) -> ResponseTemplate {
            self.1.lock().unwrap().push(self.0.monotonic());
            self.2.clone()
        }
    }
    let api = MockServer::start().await;
    let clock = jumping();
    let times = Arc::new(Mutex::new(Vec::new()));
    Mock::given(wiremock::matchers::any())
        .respond_with(Noting(clock.clone(), Arc::clone(&times), template))
        .mount(&api)
        .await;
    let client = client_on(&api.uri(), &clock);
    let call = client.get(client.url(["x"]).unwrap()).operation(Operation::Status).replayable();
    let error = call.send().await.unwrap_err();
    let times = times.lock().unwrap().clone();
    (times.windows(2).map(|pair| pair[1] - pair[0]).collect(), error)
}

#[tokio::test]
async fn a_429_without_retry_after_backs_off_exponentially() {
    let (gaps, error) = gaps(ResponseTemplate::new(429)).await;
    assert_eq!(gaps.len(), 4);
    for (nth, gap) in gaps.iter().enumerate() {
        let longest = backoff::FIRST * 2_u32.pow(u32::try_from(nth).unwrap());
        assert!(*gap >= backoff::FIRST / 2 && *gap <= longest + Duration::from_millis(50), "{gaps:?}");
    }
    assert_eq!((error.kind(), error.retry()), (ErrorKind::RateLimited, Retry::Exhausted));
}

#[tokio::test]
async fn retry_after_is_honoured_in_seconds_and_as_a_date() {
    let (gaps_in_seconds, error) = gaps(ResponseTemplate::new(503).insert_header("retry-after", "20")).await;
    assert!(
        gaps_in_seconds.len() == 4 && gaps_in_seconds.iter().all(|g| *g >= Duration::from_secs(20)),
        "{gaps_in_seconds:?}"
    );
    assert_eq!(error.retry(), Retry::Safe { after: Some(Duration::from_secs(20)) });

    // The three forms of RFC 9110, 5.6.7.
    for date in
        ["Thu, 01 Jan 2026 00:00:30 GMT", "Thursday, 01-Jan-26 00:00:30 GMT", "Thu Jan  1 00:00:30 2026"]
    {
        let (until, _) = gaps(ResponseTemplate::new(503).insert_header("retry-after", date)).await;
        assert!(
            until[0] >= Duration::from_secs(30) && until[1] < Duration::from_secs(2),
            "{date}: {until:?}"
        );
    }
}

#[tokio::test]
async fn a_long_retry_after_is_handed_to_the_caller() {
    let (gaps, error) = gaps(ResponseTemplate::new(429).insert_header("retry-after", "3600")).await;
    assert!(gaps.is_empty(), "{gaps:?}");
    assert_eq!(error.retry(), Retry::Safe { after: Some(Duration::from_secs(3600)) });
    for beyond in ["18446744073709551615", "99999999999999999999999"] {
        let (gaps, error) = self::gaps(ResponseTemplate::new(429).insert_header("retry-after", beyond)).await;
        assert!(gaps.is_empty(), "{beyond}: nobody waits that long, and nobody asks at once: {gaps:?}");
        assert_eq!(error.retry(), Retry::Safe { after: Some(Duration::from_secs(u64::MAX)) }, "{beyond}");
    }
    for nonsense in ["soon", "-1", "1.5", ""] {
        let (_, error) = self::gaps(ResponseTemplate::new(429).insert_header("retry-after", nonsense)).await;
        assert_eq!(error.retry(), Retry::Exhausted, "{nonsense}");
    }
}

#[tokio::test]
async fn every_attempt_pays_the_limiter_and_carries_a_fresh_token() {
    let api = server(&[503, 503, 200]).await;
    let clock = jumping();
    let limiter =
        Limiter::new(RateLimit::exact(1, Duration::from_secs(100)), Arc::new(clock.clone())).unwrap();
    let auth = Arc::new(Renewing::default());
    let client = HttpClient::builder(api.uri().parse().unwrap(), Arc::new(clock.clone()))
        .limiter(Some(limiter))
        .auth(auth.clone())
        .build()
        .unwrap();
    client.get(client.url(["x"]).unwrap()).operation(Operation::Status).replayable().send().await.unwrap();
    assert_eq!(*auth.made.lock().unwrap(), 3);
    assert!(clock.monotonic() > Duration::from_secs(200), "{:?}", clock.monotonic());
}

#[tokio::test]
async fn credentials_that_cannot_be_had_cost_nothing() {
    #[derive(Debug)]
    struct Broken;
    #[async_trait]
    impl Authorize for Broken {
        async fn authorize(&self, _: &mut Outgoing<'_>) -> Result<()> {
            Err(Error::new(ErrorKind::Secret, "the vault is sealed"))
        }
    }
    let api = server(&[200]).await;
    let clock = jumping();
    let limiter =
        Limiter::new(RateLimit::exact(1, Duration::from_secs(100)), Arc::new(clock.clone())).unwrap();
    let client = HttpClient::builder(api.uri().parse().unwrap(), Arc::new(clock.clone()))
        .limiter(Some(limiter))
        .auth(Arc::new(Broken))
        .build()
        .unwrap();
    for _ in 0..3 {
        let error =
            client.post(client.url(["x"]).unwrap()).operation(Operation::Submit).send().await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Secret, Retry::Never));
        assert_eq!(error.operation(), Some(Operation::Submit));
    }
    assert_eq!(requests(&api).await, 0);
    assert_eq!(clock.monotonic(), Duration::ZERO, "no permission was used up");
}
