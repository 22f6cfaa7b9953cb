//! Who is told what, when, and how often.

use esign_sandbox::signicat::{About, DeliveryOutcome, Forgery};
use serde_json::{Value, json};

use crate::receiver::Receiver;
use crate::support::{World, order, packaging, signer, task, world, world_with};

fn mail(message: &str, schedule: Value) -> Value {
    let mut mail = json!({
        "id": "n", "type": "EMAIL", "recipient": "ada@rp.example", "header": "Please sign", "message": message,
    });
    mail["schedule"] = schedule;
    mail
}

fn on(status: &str) -> Value {
    json!([{ "triggerStatus": status }])
}

impl World {
    async fn with_notifications(&self, notifications: Value) -> String {
        let mut body = order(&self.document().await);
        body["tasks"][0]["notifications"] = notifications;
        self.create(&body).await["id"].as_str().unwrap().to_owned()
    }

    async fn events(&self, order: &str) -> Vec<String> {
        let (_, events) = self.get(&format!("/orders/{order}/tasks/t1/events")).await;
        let kind = |event: &Value| event["eventType"].as_str().unwrap().to_owned();
        events.as_array().unwrap().iter().map(kind).collect()
    }

    fn texts(&self) -> Vec<String> {
        let first_line = |text: String| text.lines().next().unwrap_or_default().to_owned();
        self.sandbox.mailbox().into_iter().map(|message| first_line(message.text)).collect()
    }
}

#[tokio::test]
async fn an_invitation_has_its_link_and_is_an_event() {
    let world = world().await;
    let message = "${clientRef} ${orderId} ${unknown}: ${taskUrl} or ${signCodeUrl} or ${signCode}";
    let mut body = order(&world.document().await);
    body["clientReference"] = "${taskUrl}".into();
    body["tasks"][0]["notifications"] = json!([mail(message, on("CREATED"))]);
    let created = world.create(&body).await;
    let id = created["id"].as_str().unwrap();
    let [invitation] = &world.sandbox.mailbox()[..] else { panic!() };
    assert_eq!((&*invitation.to, &*invitation.subject), ("ada@rp.example", "Please sign"));
    let state = world.signicat().order(id).unwrap();
    let code_url = &state.tasks[0].sign_code_url;
    let code = code_url.split_once("sign_code=").unwrap().1;
    let url = created["tasks"][0]["signingUrl"].as_str().unwrap();
    let expected = format!("${{taskUrl}} {id} ${{unknown}}: {url} or {code_url} or {code}");
    assert_eq!(world.texts(), [expected], "what the client says is not read for placeholders");
    assert!(invitation.text.contains("not legal signatures"));
    for link in [code_url.as_str(), url, invitation.link.as_deref().unwrap()] {
        assert_eq!(world.http.get(link).send().await.unwrap().status(), 200, "{link}");
    }
    assert_eq!(world.events(id).await, ["TASK_CREATED", "NOTIFICATION_SENT"]);
    let (_, events) = world.get(&format!("/orders/{id}/tasks/t1/events")).await;
    assert_eq!(events[0]["eventTime"], "2026-11-22T09:30:00.000+0000");
}

#[tokio::test]
async fn each_status_tells_whom_it_should() {
    let world = world().await;
    let all = ["CREATED", "STARTED", "COMPLETED", "REJECTED", "EXPIRED", "FORWARDED"];
    let notifications: Vec<_> = all.iter().map(|status| mail(status, on(status))).collect();
    let (signed, rejected) = (
        world.with_notifications(json!(notifications)).await,
        world.with_notifications(json!(notifications)).await,
    );
    assert_eq!(world.texts(), ["CREATED", "CREATED"]);
    world.signicat().sign(&signed, "t1", &signer()).await.unwrap();
    assert_eq!(world.texts()[2..], ["STARTED", "COMPLETED"]);
    world.signicat().reject(&rejected, "t1", &signer(), Some("no")).unwrap();
    assert_eq!(world.texts()[4..], ["STARTED", "REJECTED"]);
    let lapsed = world.with_notifications(json!(notifications)).await;
    assert_eq!(world.texts().len(), 7);
    world.advance(14 * 24 * 3600);
    world.signicat().notifications_done().await;
    assert_eq!(world.texts()[7..], ["EXPIRED"], "of the third order only");
    assert_eq!(
        world.signicat().order(&lapsed).unwrap().tasks[0].status,
        esign_sandbox::signicat::TaskStatus::Expired
    );
}

#[tokio::test]
async fn delays_make_reminders_for_those_who_have_not_acted() {
    let world = world().await;
    let reminder = json!([{ "triggerStatus": "CREATED", "delay": { "days": 1, "hours": 1, "minutes": 30 } }]);
    let notifications = json!([mail("reminder", reminder)]);
    let waiting = world.with_notifications(notifications.clone()).await;
    let signed = world.with_notifications(notifications).await;
    world.signicat().sign(&signed, "t1", &signer()).await.unwrap();
    world.advance(25 * 3600 + 30 * 60 - 1);
    assert!(world.texts().is_empty());
    world.advance(1);
    // The orders' other notifications wait for their moment: the log does not run empty.
    while world.texts().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.texts(), ["reminder"]);
    assert_ne!(waiting, signed);
}

#[tokio::test]
async fn text_messages_go_to_phones_and_say_that_they_are_tests() {
    let world = world().await;
    let sms = json!([{ "type": "SMS", "recipient": "+47 400 00 000", "message": "Sign: ${taskUrl}" }]);
    world.with_notifications(sms).await;
    let [sms] = &world.sandbox.mailbox()[..] else { panic!() };
    assert_eq!(sms.to, "+47 400 00 000");
    assert!(sms.text.starts_with("TEST SMS: Sign: http://"), "{}", sms.text);
    let (status, page) = {
        let response = world.http.get(world.url("/mailbox")).send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    };
    assert!(
        status == 200
            && page.contains(&format!("href=\"{}\"", sms.link.as_ref().unwrap().replace('&', "&amp;"))),
        "{page}"
    );
}

#[tokio::test]
async fn an_url_is_called_until_it_answers_200() {
    let world = world().await;
    let receiver = Receiver::start().await;
    receiver.answer_next([204, 302, 500]);
    let url = json!([{ "type": "URL", "recipient": receiver.url(), "message": "a b", "schedule": on("COMPLETED") }]);
    let id = world.with_notifications(url).await;
    let control = world.signicat();
    control.sign(&id, "t1", &signer()).await.unwrap();
    for attempt in 1..4 {
        assert_eq!(control.delivered(attempt).await.len(), attempt);
        world.advance(599);
        assert_eq!(control.deliveries().len(), attempt, "too early");
        world.advance(1);
    }
    let deliveries = control.notifications_done().await;
    let outcomes: Vec<_> = deliveries.iter().map(|one| one.outcome).collect();
    assert_eq!(outcomes, [204, 302, 500, 200].map(DeliveryOutcome::Answered));
    assert!(deliveries.iter().all(|one| one.about == About::Task("t1".to_owned()) && !one.extra));
    let call = format!("GET /hook?org=7&requestId={id}&taskId=t1&message=a+b");
    assert_eq!(receiver.calls(), vec![call; 4]);
}

#[tokio::test]
async fn after_24_hours_nobody_is_called_any_more() {
    let world = world_with(|settings| settings.url_retry_minutes = 8 * 60).await;
    let receiver = Receiver::start().await;
    receiver.answer_next(vec![503; 100]);
    world.with_notifications(json!([{ "type": "URL", "recipient": receiver.url() }])).await;
    let control = world.signicat();
    for attempt in 1..=4 {
        control.delivered(attempt).await;
        world.advance(8 * 3600);
    }
    assert_eq!(control.notifications_done().await.len(), 4, "at 0, 8, 16 and 24 hours");
}

#[tokio::test]
async fn packaging_and_the_whole_order_are_told_of() {
    let world = world().await;
    let receiver = Receiver::start().await;
    let document = world.document().await;
    let mut packaged = packaging("p1", &["t1"]);
    packaged["notifications"] = json!([
        { "type": "URL", "recipient": receiver.url() },
        mail("${orderId}", on("COMPLETED")),
        mail("packaging is planned", on("CREATED")),
    ]);
    let body = json!({
        "tasks": [task("t1", &document)], "packagingTasks": [packaged],
        "notifications": [{ "type": "EMAIL", "recipient": "rp@rp.example", "message": "done: ${orderId} ${taskUrl}" }],
    });
    let created = world.create(&body).await;
    let id = created["id"].as_str().unwrap();
    assert_eq!(world.texts(), ["packaging is planned"]);
    world.signicat().sign(id, "t1", &signer()).await.unwrap();
    assert_eq!(world.texts()[1..], [format!("done: {id} ${{taskUrl}}")]);
    assert!(receiver.calls().is_empty(), "not before the document is ready");
    world.advance(2);
    world.signicat().notifications_done().await;
    assert_eq!(world.texts()[2..], ["${orderId}"], "no placeholders here");
    assert_eq!(receiver.calls(), [format!("GET /hook?org=7&requestId={id}&packagingTaskId=p1&message=")]);
    let expected = [
        "TASK_CREATED",
        "TASK_STARTED",
        "DOCUMENT_VIEWED",
        "DOCUMENT_SIGNED",
        "TASK_COMPLETED",
        "PACKAGING_TASK_CREATED",
        "PACKAGING_TASK_COMPLETED",
    ];
    assert_eq!(world.events(id).await, expected);
}

#[tokio::test]
async fn invitations_may_wait_for_those_who_come_first() {
    for waits in [false, true] {
        let world = world_with(|settings| settings.created_notification_waits = waits).await;
        let document = world.document().await;
        let mut second = task("t2", &document);
        second["dependsOnTasks"] = json!(["t1"]);
        second["notifications"] = json!([mail("your turn", on("CREATED"))]);
        let created = world.create(&json!({ "tasks": [task("t1", &document), second] })).await;
        assert_eq!(world.texts().len(), usize::from(!waits));
        world.signicat().sign(created["id"].as_str().unwrap(), "t1", &signer()).await.unwrap();
        assert_eq!(world.texts(), ["your turn"]);
    }
}

#[tokio::test]
async fn callbacks_come_twice_early_and_about_nothing() {
    let world = world().await;
    let receiver = Receiver::start().await;
    let id = world.ordered().await;
    let control = world.signicat();
    for (forgery, query) in [
        (Forgery::Task("t1".to_owned()), format!("requestId={id}&taskId=t1&")),
        (Forgery::PackagingTask("p1".to_owned()), format!("requestId={id}&packagingTaskId=p1&")),
        (Forgery::UnknownTask, format!("requestId={id}&taskId=")),
        (Forgery::UnknownOrder, "requestId=22112026".to_owned()),
    ] {
        receiver.answer_next([500]);
        control.notify(&id, forgery, &receiver.url()).unwrap();
        let deliveries = control.notifications_done().await;
        assert!(deliveries.last().unwrap().extra);
        assert!(receiver.calls().last().unwrap().contains(&query), "{query}: {:?}", receiver.calls());
    }
    assert_eq!(receiver.calls().len(), 4, "sent once each");
    control.change(|settings| settings.url_notifications = false);
    control.notify(&id, Forgery::UnknownOrder, &receiver.url()).unwrap();
    let deliveries = control.notifications_done().await;
    assert_eq!(deliveries.last().unwrap().outcome, DeliveryOutcome::SwitchedOff);
    assert_eq!(receiver.calls().len(), 4);
}
