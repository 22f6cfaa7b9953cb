//! The program as it stands, over real sockets, against the sandbox.

mod support;

use esign_sandbox::singpass::{DeliveryOutcome, Forgery, Person};
use esign_sandbox::{Effect, Fault};

use support::{Server, Stage};

fn person() -> Person {
    Person::new("A. Tester", "S0000001A")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_signs_and_sees_the_document_checked() {
    let stage = Stage::new().await;
    let server = stage.serve();
    let start = server.get("/", None);
    assert!(
        start.text().contains("Sing pass") && !start.text().contains("/singpass/sign?"),
        "{}",
        start.text()
    );
    let (id, cookie) = stage.begin(&server);

    let back = stage.sandbox.singpass().sign(&id, &person()).await.unwrap();
    server.says("told ");
    server.says("signed ");
    let deliveries = stage.sandbox.singpass().webhooks_done().await;
    assert_eq!(deliveries.iter().map(|d| d.outcome).collect::<Vec<_>>(), [DeliveryOutcome::Answered(204)]);
    let answer = server.get(server.path_of(&back), Some(&cookie));
    assert_eq!((answer.status, answer.header("location")), (303, Some("/signing")));
    let page = server.get("/signing", Some(&cookie)).text();
    assert!(page.contains("every signature in it is valid") && page.contains("A. Tester"), "{page}");

    let original = server.get("/document.pdf", None).body;
    let signed = server.get("/signing/document.pdf", Some(&cookie)).body;
    assert!(signed.len() > original.len() && signed.starts_with(&original));
    for stranger in [None, Some("signing=0123456789abcdef0123456789abcdef"), Some("signing=../x")] {
        assert!(server.get("/signing", stranger).text().contains("No signing was begun"), "{stranger:?}");
        assert_eq!(server.get("/signing/document.pdf", stranger).status, 404, "{stranger:?}");
    }
    assert_eq!(stage.endings(), ["handle", "news.json", "record.json", "session", "signed.pdf"]);
    stage.is_private();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_between_button_and_webhook_loses_nothing() {
    let stage = Stage::new().await;
    let server = stage.serve();
    let (id, cookie) = stage.begin(&server);
    drop(server);
    let server = stage.serve();
    let back = stage.sandbox.singpass().sign(&id, &person()).await.unwrap();
    server.says("told ");
    server.says("signed ");
    server.get(server.path_of(&back), Some(&cookie));
    assert!(server.get("/signing", Some(&cookie)).text().contains("every signature in it is valid"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_nobody_heard_is_made_up_for_at_the_next_start() {
    let stage = Stage::new().await;
    stage.sandbox.singpass().change(|settings| settings.webhook_retries = false);
    let server = stage.serve();
    let (id, cookie) = stage.begin(&server);
    drop(server);
    stage.sandbox.singpass().sign(&id, &person()).await.unwrap();
    let [lost] = stage.sandbox.singpass().webhooks_done().await.try_into().unwrap();
    assert!(!lost.outcome.is_accepted());
    let server = stage.serve();
    server.says("signed ");
    assert!(server.get("/signing", Some(&cookie)).text().contains("every signature in it is valid"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_between_webhook_and_download_loses_nothing() {
    let stage = Stage::new().await;
    stage.sandbox.inject(Fault::on("singpass.download", Effect::Stall)).unwrap();
    let server = stage.serve();
    let (id, cookie) = stage.begin(&server);
    stage.sandbox.singpass().sign(&id, &person()).await.unwrap();
    server.says("told ");
    stage.called("singpass.download").await;
    drop(server);
    assert_eq!(stage.endings(), ["handle", "news.json", "record.json", "session"]);
    let server = stage.serve();
    server.says("signed ");
    assert!(server.get("/signing", Some(&cookie)).text().contains("every signature in it is valid"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_is_quicker_than_the_answer_is_delivered_again() {
    let stage = Stage::new().await;
    let server = stage.serve();
    let singpass = stage.sandbox.singpass();
    stage.answers(false);
    let begun = server.press();
    let id = stage.only_request().await;
    singpass.sign(&id, &person()).await.unwrap();
    let first = singpass.delivered(1).await[0].outcome;
    assert_eq!(first, DeliveryOutcome::Answered(503), "nobody knows that request yet");
    server.says("unknown ");
    stage.answers(true);
    assert_eq!(begun.await.unwrap().status, 303);
    server.says("begun ");
    stage.sandbox.clock().advance(std::time::Duration::from_secs(2));
    server.says("told ");
    server.says("signed ");
    assert_eq!(singpass.webhooks_done().await[1].outcome, DeliveryOutcome::Answered(204));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_twice_is_fetched_once_and_what_is_forged_is_refused() {
    let stage = Stage::new().await;
    let server = stage.serve();
    let (id, cookie) = stage.begin(&server);
    let singpass = stage.sandbox.singpass();
    for (forgery, answer, told) in [
        (Forgery::BadSignature, 400, "refused "),
        (Forgery::UnknownKid, 503, "refused "),
        (Forgery::Expired, 400, "refused "),
        (Forgery::WrongRequestType, 400, "refused "),
        (Forgery::ForeignRequest, 503, "unknown "),
    ] {
        let before = singpass.deliveries().len();
        singpass.forge(&id, forgery).unwrap();
        let outcome = singpass.delivered(before + 1).await[before].outcome;
        assert_eq!(outcome, DeliveryOutcome::Answered(answer), "{forgery:?}");
        server.says(told);
    }
    for body in ["", "token"] {
        assert_eq!(server.post("/singpass/webhook", body, None).status, 400, "{body:?}");
        server.says("refused ");
    }
    assert_eq!(server.post("/singpass/webhook", &"x".repeat(65 << 10), None).status, 413);
    assert_eq!(server.post("/nobody/webhook", "{}", None).status, 404);
    assert!(server.get("/signing", Some(&cookie)).text().contains("not signed yet"));
    assert_eq!(stage.endings(), ["handle", "record.json", "session"]);

    singpass.sign(&id, &person()).await.unwrap();
    server.says("told ");
    server.says("signed ");
    let signed = server.get("/signing/document.pdf", Some(&cookie)).body;
    let before = singpass.webhooks_done().await.len();
    singpass.announce_again(&id).unwrap();
    assert_eq!(singpass.delivered(before + 1).await[before].outcome, DeliveryOutcome::Answered(204));
    server.says("told ");
    assert_eq!(server.get("/signing/document.pdf", Some(&cookie)).body, signed);
    assert_eq!(stage.sandbox.call_count("singpass.download"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_believed_by_nobody_and_asks_only_for_the_browser_that_began() {
    let stage = Stage::new().await;
    stage.sandbox.singpass().change(|settings| settings.webhook_retries = false);
    let server = stage.serve();
    let (id, cookie) = stage.begin(&server);
    let back = format!("/singpass/redirect?request_id={id}&status=success");
    let asked = || stage.sandbox.call_count("singpass.result");
    for (address, browser, times) in [
        (&*back, None, 0),
        ("/singpass/redirect?request_id=signv3-other&status=success", Some(&*cookie), 0),
        ("/singpass/redirect", Some(&*cookie), 0),
        ("/nobody/redirect", Some(&*cookie), 0),
        (&*back, Some(&*cookie), 1),
    ] {
        assert_eq!(server.get(address, browser).status, 303, "{address}");
        assert_eq!(asked(), times, "{address}");
    }
    assert!(server.get("/signing", Some(&cookie)).text().contains("not signed yet"));

    stage.sandbox.singpass().expire(&id).unwrap();
    server.get(&back, Some(&cookie));
    assert!(server.get("/signing", Some(&cookie)).text().contains("has ended: expired"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_on_record_and_the_visitor_may_try_again() {
    let stage = Stage::new().await;
    stage.sandbox.inject(Fault::on("singpass.initiate", Effect::Close).after_commit()).unwrap();
    let server = stage.serve();
    assert_eq!(server.post("/sign", "", None).status, 502);
    assert_eq!(stage.endings(), ["intent.json"]);
    stage.begin(&server);
    drop(server);
    let server = stage.serve();
    assert!(server.line().contains("nobody knows whether it was sent"));
    assert_eq!(stage.endings(), ["handle", "intent.json", "record.json", "session"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_refused_leaves_nothing_behind() {
    let stage = Stage::new().await;
    let refusal = Effect::json(400, r#"{"error":"INVALID_DOCUMENT","error_description":"no"}"#);
    stage.sandbox.inject(Fault::on("singpass.initiate", refusal)).unwrap();
    let server = stage.serve();
    assert_eq!(server.post("/sign", "", None).status, 502);
    assert_eq!(stage.endings(), [""; 0]);
    assert!(!Server::starts_with("no = 'config'"), "a wrong configuration is no server");
}
