//! Every field rule of an order: at its end, and past it.

use serde_json::{Value, json};

use crate::support::{World, order, task, world, world_with};

/// Changes the order as [`order`] makes it; `path` is a JSON pointer, and a value of `"-"` takes the field away.
fn changed(document: &str, path: &str, value: &Value) -> Value {
    let mut body = order(document);
    if !path.starts_with("/packagingTasks") {
        // It would break rules of its own where a task is changed.
        body.as_object_mut().unwrap().remove("packagingTasks");
    }
    let (parent, name) = path.rsplit_once('/').unwrap();
    match body.pointer_mut(parent).unwrap() {
        Value::Object(fields) if *value == "-" => {
            fields.remove(name);
        }
        Value::Object(fields) => {
            fields.insert(name.to_owned(), value.clone());
        }
        Value::Array(items) => items.insert(name.parse().unwrap(), value.clone()),
        other => panic!("{other}"),
    }
    body
}

impl World {
    /// The property paths of what is wrong with an order, with the first message.
    async fn violations(&self, body: &Value) -> (Vec<String>, String) {
        let (status, answer) = self.try_create(body).await;
        assert_eq!(
            (status, &answer["status"], &answer["title"]),
            (400, &json!(400), &json!("Constraint Violation"))
        );
        let list = answer["violations"].as_array().unwrap();
        let paths = list.iter().map(|one| one["propertyPath"].as_str().unwrap().to_owned()).collect();
        (paths, list[0]["message"].as_str().unwrap().to_owned())
    }
}

#[tokio::test]
async fn what_keeps_the_rules_is_accepted() {
    let world = world().await;
    let document = world.document().await;
    for (path, value) in [
        ("/clientReference", json!("x")),
        ("/clientReference", json!("é".repeat(255))),
        ("/daysUntilDeletion", json!(1)),
        ("/daysUntilDeletion", json!(30)),
        (
            "/notifications",
            json!([{ "type": "EMAIL", "recipient": "a@rp.example", "message": "${orderId}" }]),
        ),
        ("/notificationTemplateParams", json!([{ "id": "n", "footer": "f", "linkText": "l" }])),
        ("/tasks/0/daysToLive", json!(1)),
        ("/tasks/0/daysToLive", json!(0)),
        ("/tasks/0/daysToLive", json!(100_000)),
        ("/tasks/0/signatureMethods", json!("-")),
        ("/tasks/0/signatureMethods", json!([{ "handwritten": true }])),
        ("/tasks/0/signatureMethods", json!([{ "name": null, "type": null, "handwritten": true }])),
        ("/tasks/0/authentication", json!({ "methods": ["ftn"], "artifact": false })),
        ("/tasks/0/subject", json!({ "id": "s", "attributes": [{ "name": "national-id", "value": "1" }] })),
        ("/tasks/0/onTaskComplete", json!("app.example://done/${taskId}")),
        ("/tasks/0/notifications", json!([])),
        ("/tasks/0/dependsOnTasks", json!([])),
        ("/tasks/0/profile", Value::Null),
        ("/tasks/0/somethingNew", json!({ "deep": [1] })),
        (
            "/tasks/0/documents/0/form",
            json!({ "interactive": true, "inputParams": [{ "name": "a", "value": "b" }] }),
        ),
        ("/tasks/0/documents/1", json!({ "id": "up", "action": "UPLOAD", "source": "UPLOAD" })),
        (
            "/packagingTasks/0/notifications",
            json!([{ "type": "URL", "recipient": "https://rp.example/hook?a=b" }]),
        ),
    ] {
        let (status, answer) = world.try_create(&changed(&document, path, &value)).await;
        assert_eq!(status, 201, "{path} {value}: {answer}");
    }
    for language in ["ca", "da", "nl", "en", "et", "fo", "fi", "fr", "de", "kl", "it", "nb", "nn", "es", "sv"]
    {
        let (status, _) = world.try_create(&changed(&document, "/tasks/0/language", &json!(language))).await;
        assert_eq!(status, 201, "{language}");
    }
}

#[tokio::test]
async fn what_breaks_a_rule_is_named_by_its_path() {
    let world = world().await;
    let document = world.document().await;
    let mail = |recipient: &str| json!([{ "type": "EMAIL", "recipient": recipient }]);
    let sms = |recipient: &str| json!([{ "type": "SMS", "recipient": recipient }]);
    let url = |recipient: &str| json!([{ "type": "URL", "recipient": recipient }]);
    let scheduled =
        |schedule: Value| json!([{ "type": "EMAIL", "recipient": "a@b.c", "schedule": schedule }]);
    // where, what, which path is named, what the message says
    for (path, value, named, says) in [
        ("/clientReference", json!(""), "clientReference", "between 1 and 255"),
        ("/clientReference", json!("x".repeat(256)), "clientReference", "between 1 and 255"),
        ("/clientReference", json!("😀".repeat(128)), "clientReference", "between 1 and 255"),
        ("/clientReference", json!(7), "clientReference", "expected a string"),
        ("/daysUntilDeletion", json!(0), "daysUntilDeletion", "between 1 and 30"),
        ("/daysUntilDeletion", json!(31), "daysUntilDeletion", "between 1 and 30"),
        ("/daysUntilDeletion", json!("7"), "daysUntilDeletion", "expected i32"),
        ("/daysUntilDeletion", json!(7.5), "daysUntilDeletion", "expected i32"),
        ("/tasks", json!([]), "tasks", "at least 1"),
        ("/tasks", json!("-"), "tasks", "at least 1"),
        ("/tasks", json!({}), "tasks", "expected a sequence"),
        ("/tasks/0/subject", json!(["s", []]), "tasks[0].subject", "must be an object"),
        ("/tasks/0/dialog", json!(["title", "message"]), "tasks[0].dialog", "must be an object"),
        (
            "/tasks/0/signatureMethods",
            json!([["nbid-sign", null, false]]),
            "tasks[0].signatureMethods[0]",
            "must be an object",
        ),
        ("/notifications", json!([]), "notifications", "at least 1"),
        ("/packagingTasks", json!([]), "packagingTasks", "at least 1"),
        ("/notificationTemplateParams", json!([]), "notificationTemplateParams", "at least 1"),
        ("/tasks/0/id", json!("-"), "tasks[0].id", "required"),
        ("/tasks/0/id", json!(" "), "tasks[0].id", "required"),
        ("/tasks/1", task("t1", &document), "tasks[1].id", "not unique"),
        ("/tasks/0/language", json!("no"), "tasks[0].language", "nb (Bokmål)"),
        ("/tasks/0/language", json!("EN"), "tasks[0].language", "unknown variant"),
        ("/tasks/0/daysToLive", json!(-1), "tasks[0].daysToLive", "must not be negative"),
        ("/tasks/0/documents", json!([]), "tasks[0].documents", "at least 1"),
        ("/tasks/0/documents/0/id", json!("-"), "tasks[0].documents[0].id", "required"),
        ("/tasks/0/documents/0/action", json!("-"), "tasks[0].documents[0].action", "required"),
        ("/tasks/0/documents/0/action", json!("sign"), "tasks[0].documents[0].action", "unknown variant"),
        ("/tasks/0/documents/0/source", json!("-"), "tasks[0].documents[0].source", "required"),
        ("/tasks/0/documents/0/source", json!("ARCHIVE"), "tasks[0].documents[0].source", "unknown variant"),
        ("/tasks/0/documents/0/documentRef", json!("-"), "tasks[0].documents[0].documentRef", "required"),
        (
            "/tasks/0/documents/0/documentRef",
            json!("nope"),
            "tasks[0].documents[0].documentRef",
            "no such document",
        ),
        (
            "/tasks/0/documents/1",
            json!({ "id": "v", "action": "VIEW", "source": "UPLOAD" }),
            "tasks[0].documents[1].source",
            "SESSION",
        ),
        (
            "/tasks/0/documents/1",
            json!({ "id": "doc", "action": "UPLOAD", "source": "UPLOAD" }),
            "tasks[0].documents[1].id",
            "not unique",
        ),
        (
            "/tasks/0/signatureMethods",
            json!([{ "type": "SIGNED_STATEMENT" }]),
            "tasks[0].signatureMethods[0].name",
            "handwritten",
        ),
        (
            "/tasks/0/signatureMethods",
            json!([{ "name": "x", "type": "PKI" }]),
            "tasks[0].signatureMethods[0].type",
            "unknown variant",
        ),
        ("/tasks/0/onTaskComplete", json!("/done"), "tasks[0].onTaskComplete", "absolute"),
        ("/tasks/0/onTaskReject", json!("javascript:alert(1)"), "tasks[0].onTaskReject", "absolute"),
        ("/tasks/0/onTaskPostpone", json!(""), "tasks[0].onTaskPostpone", "absolute"),
        (
            "/tasks/0/subject",
            json!({ "attributes": [{ "name": "national-id" }] }),
            "tasks[0].subject.attributes[0].value",
            "Subject attribute value is required",
        ),
        ("/tasks/0/dependsOnTasks", json!(["t1"]), "tasks[0].dependsOnTasks[0]", "itself"),
        ("/tasks/0/dependsOnTasks", json!(["t9"]), "tasks[0].dependsOnTasks[0]", "no task"),
        ("/tasks/0/notifications", mail(""), "tasks[0].notifications[0].recipient", "required"),
        ("/tasks/0/notifications", mail("nobody"), "tasks[0].notifications[0].recipient", "e-mail"),
        ("/tasks/0/notifications", sms("004712345678"), "tasks[0].notifications[0].recipient", "+47"),
        ("/tasks/0/notifications", sms("12345678"), "tasks[0].notifications[0].recipient", "+47"),
        ("/tasks/0/notifications", sms("+47"), "tasks[0].notifications[0].recipient", "+47"),
        (
            "/tasks/0/notifications",
            url("http://rp.example/hook"),
            "tasks[0].notifications[0].recipient",
            "https",
        ),
        ("/tasks/0/notifications", url("hook"), "tasks[0].notifications[0].recipient", "https"),
        (
            "/tasks/0/notifications",
            json!([{ "recipient": "a@b.c" }]),
            "tasks[0].notifications[0].type",
            "required",
        ),
        (
            "/tasks/0/notifications",
            scheduled(Value::Null),
            "tasks[0].notifications[0].schedule",
            "must not be null",
        ),
        (
            "/tasks/0/notifications",
            scheduled(json!([{}])),
            "tasks[0].notifications[0].schedule[0].triggerStatus",
            "required",
        ),
        (
            "/tasks/0/notifications",
            scheduled(json!([{ "triggerStatus": "SIGNED" }])),
            "tasks[0].notifications[0].schedule[0].triggerStatus",
            "unknown variant",
        ),
        (
            "/tasks/0/notifications",
            scheduled(json!([{ "triggerStatus": "CREATED", "delay": null }])),
            "tasks[0].notifications[0].schedule[0].delay",
            "must not be null",
        ),
        (
            "/tasks/0/notifications",
            scheduled(json!([{ "triggerStatus": "CREATED", "delay": { "days": -1 } }])),
            "tasks[0].notifications[0].schedule[0].delay.days",
            "negative",
        ),
        ("/notifications", mail("nobody"), "notifications[0].recipient", "e-mail"),
        ("/packagingTasks/0/id", json!("-"), "packagingTasks[0].id", "required"),
        ("/packagingTasks/0/method", json!("-"), "packagingTasks[0].method", "pades"),
        ("/packagingTasks/0/method", json!("xades"), "packagingTasks[0].method", "pades"),
        ("/packagingTasks/0/documents", json!([]), "packagingTasks[0].documents", "at least 1"),
        (
            "/packagingTasks/0/documents",
            json!([{ "taskId": "t9", "documentIds": ["doc"] }]),
            "packagingTasks[0].documents[0].taskId",
            "no task",
        ),
        (
            "/packagingTasks/0/documents",
            json!([{ "taskId": "t1", "documentIds": [] }]),
            "packagingTasks[0].documents[0].documentIds",
            "at least 1",
        ),
        (
            "/packagingTasks/0/documents",
            json!([{ "taskId": "t1", "documentIds": ["x"] }]),
            "packagingTasks[0].documents[0].documentIds[0]",
            "no document",
        ),
        (
            "/packagingTasks/0/notifications",
            scheduled(json!([{ "triggerStatus": "REJECTED" }])),
            "packagingTasks[0].notifications[0].schedule[0].triggerStatus",
            "CREATED or COMPLETED",
        ),
    ] {
        let (paths, message) = world.violations(&changed(&document, path, &value)).await;
        assert_eq!(paths, [named], "{path} {value}: {message}");
        assert!(message.contains(says), "{path} {value}: {message}");
    }
    assert!(world.signicat().orders().is_empty());
}

#[tokio::test]
async fn all_broken_rules_are_told_at_once() {
    let world = world().await;
    let mut body = order("nope");
    body["clientReference"] = "".into();
    body["daysUntilDeletion"] = 31.into();
    body["tasks"][0]["daysToLive"] = (-1).into();
    let (paths, _) = world.violations(&body).await;
    assert_eq!(paths, ["clientReference", "daysUntilDeletion", "tasks[0].daysToLive"]);
}

#[tokio::test]
async fn tasks_may_wait_for_each_other_but_not_in_a_circle() {
    let world = world().await;
    let document = world.document().await;
    let tasks = |dependencies: &[&[&str]]| {
        let task = |(number, first): (usize, &&[&str])| {
            let mut task = task(&format!("t{number}"), &document);
            task["dependsOnTasks"] = json!(first);
            task
        };
        json!({ "tasks": (1..).zip(dependencies).map(task).collect::<Vec<_>>() })
    };
    let diamond = tasks(&[&[], &["t1"], &["t1"], &["t2", "t3", "t2"]]);
    world.create(&diamond).await;
    for circle in [tasks(&[&["t2"], &["t1"]]), tasks(&[&[], &["t1", "t4"], &["t2"], &["t3"]])] {
        let (paths, message) = world.violations(&circle).await;
        assert!(paths.len() == 1 && message.contains("circle"), "{paths:?} {message}");
    }
}

#[tokio::test]
async fn a_body_that_is_no_order_is_refused() {
    let world = world().await;
    for (body, media_type, status, says) in [
        ("{\"tasks\": [", "application/json", 400, "not valid JSON (line 1"),
        ("[]", "application/json", 400, "must be a JSON object"),
        ("[null, [], null, null, null, null]", "application/json", 400, "must be a JSON object"),
        ("null", "application/json", 400, "must be a JSON object"),
        ("<order/>", "application/json", 400, "not valid JSON"),
        ("{}", "text/xml", 415, "application/json"),
        ("", "application/json", 400, "no body"),
    ] {
        let request = world.api(reqwest::Method::POST, "/orders").header("content-type", media_type);
        let (code, answer) = crate::support::read(request.body(body).send().await.unwrap()).await;
        assert_eq!(code, status, "{body}: {answer}");
        assert!(answer["detail"].as_str().unwrap().contains(says), "{body}: {answer}");
    }
}

#[tokio::test]
async fn the_switches_for_nulls_and_methods() {
    use esign_sandbox::signicat::NullPolicy;

    let world = world_with(|settings| settings.nulls = NullPolicy::Everywhere).await;
    let document = world.document().await;
    let (paths, _) = world.violations(&changed(&document, "/tasks/0/profile", &Value::Null)).await;
    assert_eq!(paths, ["tasks[0].profile"]);
    world.signicat().change(|settings| {
        settings.nulls = NullPolicy::Nowhere;
        settings.signature_method_required = true;
    });
    let mail = json!([{ "type": "EMAIL", "recipient": "a@b.c", "schedule": null }]);
    world.create(&changed(&document, "/tasks/0/notifications", &mail)).await;
    let (paths, _) = world.violations(&changed(&document, "/tasks/0/signatureMethods", &json!([]))).await;
    assert_eq!(paths, ["tasks[0].signatureMethods"]);
}
