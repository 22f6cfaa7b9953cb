//! The signer's pages, as a browser uses them.

use esign_sandbox::signicat::Signer;
use reqwest::Response;
use serde_json::{Value, json};

use crate::support::{World, order, pdf, signer, world, world_with};

impl World {
    async fn page(&self, url: &str) -> (u16, String) {
        let response = self.http.get(url).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    async fn submit(&self, url: &str, fields: &[(&str, &str)]) -> Response {
        self.http.post(url).form(fields).send().await.unwrap()
    }

    /// An order with its task changed; the created order and the task's address.
    async fn order_with(&self, task: Value) -> (Value, String) {
        let mut body = order(&self.document().await);
        for (name, value) in task.as_object().unwrap() {
            body["tasks"][0][name] = value.clone();
        }
        let created = self.create(&body).await;
        let url = created["tasks"][0]["signingUrl"].as_str().unwrap().to_owned();
        (created, url)
    }

    /// Comes to the task; the address of its page.
    async fn start(&self, created: &Value, fields: &[(&str, &str)]) -> String {
        let link = [("request_id", created["id"].as_str().unwrap()), ("task_id", "t1")];
        let fields: Vec<_> = link.iter().chain(fields).copied().collect();
        let started = self.submit(&self.url("/signicat/start"), &fields).await;
        assert_eq!(started.status(), 303, "{}", started.text().await.unwrap());
        self.url(location(&started))
    }

    async fn task_status(&self, created: &Value) -> Value {
        let path = format!("/orders/{}/tasks/t1/status", created["id"].as_str().unwrap());
        self.get(&path).await.1["taskStatus"].take()
    }
}

fn location(response: &Response) -> &str {
    response.headers()["location"].to_str().unwrap()
}

fn assert_contains(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "{part} is not in {page}");
    }
}

fn targets() -> Value {
    json!({
        "onTaskComplete": "https://rp.example/done?r=${requestId}", "onTaskReject": "https://rp.example/no",
        "onTaskPostpone": "https://rp.example/later",
    })
}

#[tokio::test]
async fn a_person_logs_in_reads_uploads_and_signs() {
    let world = world().await;
    let document = world.document().await;
    let (created, url) = world
        .order_with(json!({
            "authentication": { "methods": ["ftn", "nbid"] },
            "dialog": { "title": "Your <contract>", "message": "Read it well." },
            "signText": "I agree.",
            "documents": [
                { "id": "terms", "description": "Terms", "action": "VIEW", "source": "SESSION", "documentRef": document },
                { "id": "doc", "description": "Agreement", "action": "SIGN", "source": "SESSION", "documentRef": document },
                { "id": "slip", "description": "Pay slip", "action": "UPLOAD", "source": "UPLOAD" },
            ],
            "signatureMethods": [{ "name": "nbid-sign", "type": "SIGNED_STATEMENT" }, { "handwritten": true }],
            "onTaskComplete": "https://rp.example/done?r=${requestId}",
        }))
        .await;
    let (status, page) = world.page(&url).await;
    assert_eq!(status, 200);
    assert_contains(
        &page,
        &[
            "<html lang=\"en\">",
            "not legal signatures",
            "Your &lt;contract&gt;",
            "Read it well.",
            "<option>ftn</option>",
            "Log in",
        ],
    );
    assert!(!page.contains("Agreement"), "nothing of the documents before the log-in");
    let bad = world
        .submit(
            &world.url("/signicat/start"),
            &[("request_id", created["id"].as_str().unwrap()), ("task_id", "t1"), ("name", " ")],
        )
        .await;
    assert_eq!(bad.status(), 422);

    let task = world.start(&created, &[("name", "Ada Lovelace"), ("login", "ftn")]).await;
    let (_, page) = world.page(&task).await;
    assert_contains(
        &page,
        &[
            "<strong>Ada Lovelace</strong>",
            "I have read Terms",
            "File for Pay slip",
            "I agree.",
            "Every document to view must be viewed first",
        ],
    );
    assert_eq!(world.submit(&format!("{task}/sign"), &[]).await.status(), 409);
    let file = world.http.get(format!("{task}/document/2")).send().await.unwrap();
    assert_eq!(file.bytes().await.unwrap(), pdf());
    assert_eq!(world.submit(&format!("{task}/viewed"), &[("document", "1")]).await.status(), 303);
    let upload = async |number: usize, bytes: &[u8]| {
        let part = reqwest::multipart::Part::bytes(bytes.to_vec()).file_name("slip.txt");
        let form = reqwest::multipart::Form::new().part("file", part);
        world
            .http
            .post(format!("{task}/document/{number}"))
            .multipart(form)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    assert_eq!(upload(3, b"%PDF-1.7 broken").await, 422);
    assert_eq!(upload(2, b"text").await, 409, "not one to upload");
    assert_eq!(upload(9, b"text").await, 409);
    assert_eq!(upload(3, b"Three pounds.").await, 303);
    assert_eq!(world.submit(&format!("{task}/sign"), &[("method", "sbid-sign")]).await.status(), 409);
    let done = world.submit(&format!("{task}/sign"), &[("method", "handwritten")]).await;
    let id = created["id"].as_str().unwrap();
    assert_eq!((done.status().as_u16(), location(&done)), (303, &*format!("https://rp.example/done?r={id}")));
    assert_eq!(world.task_status(&created).await, "COMPLETED");
    let (_, uploaded) = world.bytes(&format!("/orders/{id}/tasks/t1/documents/slip/original")).await;
    assert_eq!(uploaded, b"Three pounds.");
    let (_, evidence) = world.bytes(&format!("/orders/{id}/tasks/t1/documents/doc/result")).await;
    assert_contains(
        &String::from_utf8(evidence).unwrap(),
        &["<SignText>I agree.</SignText>", "<SignatureMethod name=\"handwritten\" type=\"HANDWRITTEN\">"],
    );
    assert_eq!(world.page(&task).await.0, 409, "it is over");
}

#[tokio::test]
async fn a_script_signs_with_one_request() {
    let world = world().await;
    let (created, url) = world.order_with(targets()).await;
    assert_eq!(world.submit(&url, &[("name", "")]).await.status(), 422);
    let done = world.submit(&url, &[("name", "Ada Lovelace")]).await;
    assert_eq!(location(&done), format!("https://rp.example/done?r={}", created["id"].as_str().unwrap()));
    assert_eq!(world.submit(&url, &[("name", "Ada Lovelace")]).await.status(), 409);
}

#[tokio::test]
async fn a_person_decides_later_and_then_rejects() {
    let world = world().await;
    let (created, _) = world.order_with(targets()).await;
    let task = world.start(&created, &[("name", "Ada Lovelace")]).await;
    let later = world.submit(&format!("{task}/postpone"), &[]).await;
    assert_eq!(location(&later), "https://rp.example/later");
    assert_eq!(world.task_status(&created).await, "CREATED");
    let rejected = world.submit(&format!("{task}/reject"), &[("reason", "too dear")]).await;
    assert_eq!(location(&rejected), "https://rp.example/no");
    assert_eq!(world.task_status(&created).await, "REJECTED");
    let (_, events) =
        world.get(&format!("/orders/{}/tasks/t1/events", created["id"].as_str().unwrap())).await;
    let last = events.as_array().unwrap().last().unwrap();
    assert_eq!((&last["eventType"], &last["data"]), (&json!("TASK_REJECTED"), &json!("too dear")));
}

#[tokio::test]
async fn only_the_person_who_is_asked_for_can_sign() {
    let world = world().await;
    let subject = json!({ "attributes": [
        { "name": "national-id", "value": "01010112345" },
        { "name": "mobile", "value": "+4740000000", "methods": ["nbid-sign"] },
    ] });
    let (created, url) = world.order_with(json!({ "subject": subject })).await;
    let (_, page) = world.page(&url).await;
    assert_contains(&page, &["Your national-id", "name=\"attribute.national-id\""]);
    let stranger = [("name", "Eve"), ("attribute.national-id", "31129912345")];
    assert_eq!(world.submit(&url, &stranger).await.status(), 409);
    let id = created["id"].as_str().unwrap();
    let control = world.signicat();
    let refused = control.sign(id, "t1", &signer().attribute("mobile", "+4799999999")).await.unwrap_err();
    assert!(refused.to_string().contains("another person"), "{refused}");
    let ada = Signer::named("Ada").attribute("national-id", "01010112345").by("nbid-sign");
    control.sign(id, "t1", &ada).await.unwrap();
}

#[tokio::test]
async fn a_task_is_forwarded_to_somebody_else() {
    let world = world_with(|settings| settings.packaging_delay_seconds = 0).await;
    let (created, url) = world.order_with(targets()).await;
    let id = created["id"].as_str().unwrap();
    let task = world.start(&created, &[("name", "Ada")]).await;
    let to = |email| [("name", "Bea"), ("email", email), ("mobile", ""), ("who", "someone_else")];
    assert_eq!(world.submit(&format!("{task}/forward"), &to("nobody")).await.status(), 422);
    let forwarded = world.submit(&format!("{task}/forward"), &to("bea@rp.example")).await;
    assert_eq!(location(&forwarded), "https://rp.example/no");
    assert_eq!(world.task_status(&created).await, "REJECTED");
    assert_eq!(world.page(&url).await.0, 409);
    let [mail] = &world.sandbox.mailbox()[..] else { panic!() };
    assert_eq!(mail.to, "bea@rp.example");
    let done = world.submit(mail.link.as_ref().unwrap(), &[("name", "Bea")]).await;
    assert_eq!(location(&done), format!("https://rp.example/done?r={id}"));
    let (_, status) = world.get(&format!("/orders/{id}/packaging-tasks/p1/status")).await;
    assert_eq!(status["packagingTaskStatus"], "COMPLETED", "the other person's signature counts");
    let (_, forwards) = world.get(&format!("/orders/{id}/tasks/t1-forward-1/forwards")).await;
    assert_eq!(forwards[0]["recipientEmail"], "bea@rp.example");

    world.signicat().change(|settings| settings.forwarding = false);
    let (created, _) = world.order_with(json!({})).await;
    let task = world.start(&created, &[("name", "Ada")]).await;
    assert!(!world.page(&task).await.1.contains("Forward"));
    assert_eq!(world.submit(&format!("{task}/forward"), &to("bea@rp.example")).await.status(), 409);
}

#[tokio::test]
async fn an_artifact_logs_in_once_and_for_30_seconds() {
    let world = world().await;
    let task = json!({ "authentication": { "artifact": true }, "subject": { "id": "user 7" } });
    let (created, url) = world.order_with(task.clone()).await;
    let artifact = created["artifact"].as_str().unwrap();
    let (_, again) = world.get(&format!("/orders/{}", created["id"].as_str().unwrap())).await;
    assert!(again.get("artifact").is_none(), "told once");
    let with = format!("{url}&artifact={artifact}");
    let opened = world.http.get(&with).send().await.unwrap();
    assert_eq!(opened.status(), 303);
    assert_contains(&world.page(&world.url(location(&opened))).await.1, &["<strong>user 7</strong>"]);
    assert_eq!(world.http.get(&with).send().await.unwrap().status(), 409, "used up");

    let (created, url) = world.order_with(task).await;
    world.advance(30);
    let late = format!("{url}&artifact={}", created["artifact"].as_str().unwrap());
    assert_eq!(world.http.get(&late).send().await.unwrap().status(), 409);
    assert_eq!(world.page(&url).await.0, 200, "the link without it works");
}

#[tokio::test]
async fn links_that_lead_nowhere_say_so() {
    let world = world().await;
    let (created, url) = world.order_with(json!({})).await;
    for path in [
        "/std/docaction/sandbox",
        "/std/docaction/sandbox?request_id=x&task_id=t1",
        "/std/docaction/sandbox?sign_code=x",
        "/signicat/task/x",
        "/signicat/task/x/document/1",
    ] {
        let (status, page) = world.page(&world.url(path)).await;
        assert_eq!(status, 404, "{path}");
        assert_contains(&page, &["This link does not work"]);
    }
    world.delete(&format!("/orders/{}", created["id"].as_str().unwrap())).await;
    assert_eq!(world.page(&url).await.0, 404);
}
