//! Where orders and tasks stand, and what becomes of them with time.

use esign_sandbox::signicat::{DeletedOrders, Downloads, EventTime, PackagingStart};
use esign_sandbox::{Effect, Fault};
use reqwest::Method;
use serde_json::{Value, json};

use crate::flow::{evidence, sha256};
use crate::support::{World, order, packaging, pdf, read, signer, task, world, world_with};

impl World {
    async fn status(&self, order: &str, task: &str) -> Value {
        self.get(&format!("/orders/{order}/tasks/{task}/status")).await.1["taskStatus"].take()
    }

    async fn packaging(&self, order: &str) -> Value {
        self.get(&format!("/orders/{order}/packaging-tasks/p1/status")).await.1["packagingTaskStatus"].take()
    }
}

fn id_of(created: &Value) -> &str {
    created["id"].as_str().unwrap()
}

#[tokio::test]
async fn tasks_end_in_every_documented_way_beside_each_other() {
    let world = world().await;
    let document = world.document().await;
    let tasks: Vec<_> = (1..=5).map(|number| task(&format!("t{number}"), &document)).collect();
    let names: Vec<_> = (1..=5).map(|number| format!("t{number}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let created = world.create(&json!({ "tasks": tasks, "packagingTasks": [packaging("p1", &names)] })).await;
    let id = id_of(&created);
    let control = world.signicat();
    control.sign(id, "t1", &signer()).await.unwrap();
    control.reject(id, "t2", &signer(), None).unwrap();
    control.expire(id, "t3").unwrap();
    control.delete_task(id, "t4").unwrap();
    for (task, status) in
        [("t1", "COMPLETED"), ("t2", "REJECTED"), ("t3", "EXPIRED"), ("t4", "DELETED"), ("t5", "CREATED")]
    {
        assert_eq!(world.status(id, task).await, status, "{task}");
    }
    for task in ["t1", "t2", "t3", "t4"] {
        control.sign(id, task, &signer()).await.unwrap_err();
    }
    control.sign(id, "t5", &signer()).await.unwrap();
    world.advance(10);
    assert_eq!(world.packaging(id).await, "CREATED", "packaging waits for all");
    assert_eq!(world.get(&format!("/orders/{id}/tasks/t9/status")).await.0, 404);
    assert_eq!(world.get(&format!("/orders/{id}/packaging-tasks/p9/status")).await.0, 404);
}

#[tokio::test]
async fn days_to_live_and_until_deletion_are_kept() {
    let mut world = world().await;
    let mut body = order(&world.document().await);
    body["tasks"][0]["daysToLive"] = 7.into();
    body["daysUntilDeletion"] = 3.into();
    let created = world.create(&body).await;
    let id = id_of(&created);
    let day = 24 * 3600;
    world.advance(7 * day - 1);
    world.token = world.fresh_token().await;
    assert_eq!(world.status(id, "t1").await, "CREATED");
    world.advance(1);
    assert_eq!(world.status(id, "t1").await, "EXPIRED");
    let refused = world.signicat().sign(id, "t1", &signer()).await.unwrap_err();
    assert!(refused.to_string().contains("time"), "{refused}");
    world.advance(3 * day - 1);
    world.token = world.fresh_token().await;
    assert_eq!(world.status(id, "t1").await, "EXPIRED");
    world.advance(1);
    assert_eq!(world.get(&format!("/orders/{id}")).await.0, 404);
    assert_eq!(world.get(&format!("/orders/{id}/tasks/t1/documents/doc/original")).await.0, 404);
}

#[tokio::test]
async fn no_days_to_live_are_as_many_as_usual() {
    let mut world = world().await;
    let mut body = order(&world.document().await);
    body["tasks"][0]["daysToLive"] = 0.into();
    let created = world.create(&body).await;
    world.advance(14 * 24 * 3600 - 1);
    world.token = world.fresh_token().await;
    assert_eq!(world.status(id_of(&created), "t1").await, "CREATED");
    world.advance(1);
    assert_eq!(world.status(id_of(&created), "t1").await, "EXPIRED");
}

#[tokio::test]
async fn deleting_an_order_cancels_it() {
    let world = world().await;
    let (id, signed) = (world.ordered().await, world.ordered().await);
    world.signicat().sign(&signed, "t1", &signer()).await.unwrap();
    assert_eq!(world.delete(&format!("/orders/{id}")).await, 204);
    assert_eq!(world.delete(&format!("/orders/{id}")).await, 404);
    for path in ["", "/tasks/t1/status", "/packaging-tasks/p1/status", "/tasks/t1/events"] {
        assert_eq!(world.get(&format!("/orders/{id}{path}")).await.0, 404, "{path}");
    }
    world.signicat().sign(&id, "t1", &signer()).await.unwrap_err();
    world.signicat().change(|settings| {
        settings.deleted_orders = DeletedOrders::Tasks;
        settings.delete_signed = false;
        settings.deleted_is_204 = false;
    });
    assert_eq!(world.status(&id, "t1").await, "DELETED");
    assert_eq!(world.delete(&format!("/orders/{signed}")).await, 409);
    let other = world.ordered().await;
    assert_eq!(world.delete(&format!("/orders/{other}")).await, 200);
}

#[tokio::test]
async fn packaging_fails_when_told_to() {
    let world = world_with(|settings| settings.packaging_delay_seconds = 0).await;
    let id = world.ordered().await;
    world.signicat().fail_next_packaging();
    world.signicat().sign(&id, "t1", &signer()).await.unwrap();
    assert_eq!(world.packaging(&id).await, "FAILED");
    assert_eq!(world.get(&format!("/orders/{id}/packaging-tasks/p1/result")).await.0, 404);
    let second = world.ordered().await;
    world.signicat().sign(&second, "t1", &signer()).await.unwrap();
    assert_eq!(world.packaging(&second).await, "COMPLETED", "the next one does not");
}

#[tokio::test]
async fn packaging_may_wait_for_the_named_tasks_only() {
    for (start, expected) in
        [(PackagingStart::AllTasks, "CREATED"), (PackagingStart::NamedTasks, "COMPLETED")]
    {
        let world = world_with(|settings| {
            settings.packaging_start = start;
            settings.packaging_delay_seconds = 0;
        });
        let world = world.await;
        let document = world.document().await;
        let tasks = json!([task("t1", &document), task("t2", &document)]);
        let created =
            world.create(&json!({ "tasks": tasks, "packagingTasks": [packaging("p1", &["t1"])] })).await;
        world.signicat().sign(id_of(&created), "t1", &signer()).await.unwrap();
        assert_eq!(world.packaging(id_of(&created)).await, expected);
    }
}

/// Several documents in one task, one packaging task for each: as a Java client in public does it.
#[tokio::test]
async fn every_document_may_have_a_packaging_task_of_its_own() {
    let world = world_with(|settings| settings.packaging_delay_seconds = 0).await;
    let (_, text) = world.upload(b"Plain words.\n".to_vec(), "text/plain").await;
    let (pdf_ref, text_ref) = (world.document().await, text["documentId"].as_str().unwrap());
    let documents = json!([
        { "id": "a", "description": "A", "action": "SIGN", "source": "SESSION", "documentRef": pdf_ref, "sendResultToArchive": true },
        { "id": "b", "description": "B", "action": "SIGN", "source": "SESSION", "documentRef": text_ref },
    ]);
    let one = |document: &str| {
        json!({
            "id": document, "method": "pades", "sendToArchive": true,
            "documents": [{ "taskId": "1", "documentIds": [document] }],
        })
    };
    let created = world
        .create(&json!({
            "tasks": [{
                "id": "1", "profile": "default", "language": "nb", "daysToLive": 15, "documents": documents,
                "signatureMethods": [{ "name": "nbid-sign", "type": "SIGNED_STATEMENT" }],
                "onTaskComplete": "https://rp.example/done?requestId=${requestId}&taskId=${taskId}",
            }],
            "packagingTasks": [one("a"), one("b")],
        }))
        .await;
    let id = id_of(&created);
    world.signicat().sign(id, "1", &signer()).await.unwrap();
    for (document, original) in [("a", pdf()), ("b", b"Plain words.\n".to_vec())] {
        let (status, packaged) =
            world.bytes(&format!("/orders/{id}/packaging-tasks/{document}/result")).await;
        assert_eq!(status, 200);
        if document == "a" {
            world.verified(&packaged, &original);
        }
        let [evidence] = &evidence(&packaged)[..] else { panic!("{document}") };
        assert!(evidence.contains(&sha256(&original)), "{document}: {evidence}");
    }
}

/// Both documents in one packaging task: the second is embedded beside the evidence.
#[tokio::test]
async fn one_packaging_task_may_be_over_everything() {
    let world = world_with(|settings| settings.packaging_delay_seconds = 0).await;
    let document = world.document().await;
    let (_, text) = world.upload(b"Plain words.\n".to_vec(), "text/plain").await;
    let mut body = order(&document);
    body["tasks"][0]["documents"].as_array_mut().unwrap().push(json!({
        "id": "b", "action": "SIGN", "source": "SESSION", "documentRef": text["documentId"],
    }));
    body["packagingTasks"][0]["documents"][0]["documentIds"] = json!(["doc", "b"]);
    let created = world.create(&body).await;
    world.signicat().sign(id_of(&created), "t1", &signer()).await.unwrap();
    let (_, packaged) = world.bytes(&format!("/orders/{}/packaging-tasks/p1/result", id_of(&created))).await;
    world.verified(&packaged, &pdf());
    assert_eq!(evidence(&packaged).len(), 2);
    let files = esign_pdf::attachments(&packaged, &esign_pdf::Limits::default()).unwrap();
    assert!(files.iter().any(|file| file.name.ends_with(".txt") && file.bytes == b"Plain words.\n"));
}

#[tokio::test]
async fn downloads_may_be_elsewhere() {
    let world = world_with(|settings| settings.packaging_delay_seconds = 0).await;
    let id = world.ordered().await;
    world.signicat().sign(&id, "t1", &signer()).await.unwrap();
    let result = format!("/orders/{id}/packaging-tasks/p1/result");
    let (_, direct) = world.bytes(&result).await;
    for (downloads, host, without, with) in
        [(Downloads::Redirect, "127.0.0.1", 401, 200), (Downloads::OtherHost, "localhost", 200, 400)]
    {
        world.signicat().change(|settings| settings.downloads = downloads);
        let response = world.api(Method::GET, &result).send().await.unwrap();
        assert_eq!(response.status(), 302);
        let to: url::Url = response.headers()["location"].to_str().unwrap().parse().unwrap();
        assert_eq!(to.host_str(), Some(host));
        // The name may lead to an address that the sandbox does not listen on; what counts is what it is asked for.
        let here = world.url(to.path());
        let fetch = async |token: Option<&str>| {
            let request = world.http.get(&here);
            let request = token.map_or(request.try_clone().unwrap(), |token| request.bearer_auth(token));
            let response = request.send().await.unwrap();
            (response.status().as_u16(), response.bytes().await.unwrap().to_vec())
        };
        for (token, status) in [(None, without), (Some(world.token.as_str()), with)] {
            let (code, bytes) = fetch(token).await;
            assert_eq!(code, status, "{downloads:?} {}", token.is_some());
            assert_eq!(bytes == direct, status == 200);
        }
    }
}

#[tokio::test]
async fn events_may_be_written_with_a_colon() {
    let world = world_with(|settings| settings.event_time = EventTime::Extended).await;
    let id = world.ordered().await;
    let (_, events) = world.get(&format!("/orders/{id}/tasks/t1/events")).await;
    assert_eq!(
        events,
        json!([{ "eventType": "TASK_CREATED", "eventTime": "2026-11-22T09:30:00.000+00:00" }])
    );
}

#[tokio::test]
async fn an_order_can_be_made_although_its_answer_is_lost() {
    let world = world().await;
    let body = order(&world.document().await);
    world.sandbox.inject(Fault::on("signicat.create", Effect::Close).after_commit()).unwrap();
    world.api(Method::POST, "/orders").json(&body).send().await.unwrap_err();
    assert_eq!(world.signicat().orders().len(), 1);
    for (effect, status) in [
        (Effect::too_many_requests(Some(3)), 429),
        (Effect::html(502), 502),
        (Effect::json(200, "<xml/>"), 200),
    ] {
        world.sandbox.inject(Fault::on("signicat.create", effect)).unwrap();
        assert_eq!(world.try_create(&body).await.0, status);
    }
    assert_eq!(world.signicat().orders().len(), 1, "the service never saw these");
    assert_eq!(world.sandbox.call_count("signicat.create"), 4);
}

#[tokio::test]
async fn a_download_can_be_cut_short() {
    let world = world_with(|settings| settings.packaging_delay_seconds = 0).await;
    let id = world.ordered().await;
    world.signicat().sign(&id, "t1", &signer()).await.unwrap();
    world.sandbox.inject(Fault::on("signicat.packaged", Effect::Truncate { keep: 100 })).unwrap();
    let response =
        world.api(Method::GET, &format!("/orders/{id}/packaging-tasks/p1/result")).send().await.unwrap();
    assert!(response.content_length().unwrap() > 100);
    response.bytes().await.unwrap_err();
}

#[tokio::test]
async fn everything_can_be_done_over_the_control_api() {
    let world = world().await;
    let id = world.ordered().await;
    let post = async |path: &str, body: Value| {
        read(
            world
                .http
                .post(world.url(&format!("/_sandbox/signicat{path}")))
                .json(&body)
                .send()
                .await
                .unwrap(),
        )
        .await
    };
    let patch = world.http.patch(world.url("/_sandbox/signicat/settings"));
    let (status, body) =
        read(patch.json(&json!({ "packaging_delay_seconds": 0 })).send().await.unwrap()).await;
    assert_eq!((status, &body["packaging_delay_seconds"]), (200, &json!(0)));
    assert_eq!(post("/clients", json!({ "client_id": "x", "client_secret": "y" })).await.0, 204);
    let task = format!("/orders/{id}/tasks/t1");
    let (status, body) = post(&format!("{task}/postpone"), json!({ "name": "Ada" })).await;
    assert_eq!((status, body), (200, json!({ "redirect_url": null })));
    let to = json!({ "name": "Ada", "to": { "name": "Bea", "email": "bea@rp.example", "both": true } });
    let (status, body) = post(&format!("{task}/forward"), to).await;
    assert_eq!((status, &body), (200, &json!({ "task": "t1-forward-1" })));
    assert_eq!(post(&format!("{task}/sign"), json!({ "name": "Ada" })).await.0, 200);
    assert_eq!(world.packaging(&id).await, "CREATED", "the other person has not signed");
    assert_eq!(post(&format!("/orders/{id}/tasks/t1-forward-1/sign"), json!({ "name": "Bea" })).await.0, 200);
    assert_eq!(world.packaging(&id).await, "COMPLETED");
    assert_eq!(post(&format!("{task}/sign"), json!({ "name": "Ada" })).await.0, 409);
    assert_eq!(post("/orders/nope/tasks/t1/sign", json!({ "name": "Ada" })).await.0, 404);
    let (_, state) = read(world.http.get(world.url("/_sandbox/signicat")).send().await.unwrap()).await;
    assert_eq!(state["orders"][0]["tasks"][0]["status"], "COMPLETED");
    assert!(!state.to_string().contains("secret"), "no secrets in the overview");
    let (_, forwards) = world.get(&format!("/orders/{id}/tasks/t1/forwards")).await;
    assert_eq!(
        forwards,
        json!([{
            "orderId": id, "taskId": "t1-forward-1", "originalTaskId": "t1", "forwarderName": "Ada",
            "recipientName": "Bea", "recipientEmail": "bea@rp.example",
        }])
    );
}
