//! What is refused before anything is sent, by the name of the field and of the key that would help.

use esign_core::jiff::SignedDuration;
use esign_core::{
    Corner, Delivery, Document, Identity, LegalClass, MediaType, Order, Origin, Placement, Severity,
    SignRequest, Use, Verdict,
};
use esign_signicat::{SignatureMethod, SigningOrder, Task, TaskDocument};
use serde_json::{Value, json};

use crate::support::{World, one, request, tenant, two, world};

fn with(options: &Value) -> SignRequest {
    with_delivery(options, Delivery::ShareableLink)
}

fn with_delivery(options: &Value, delivery: Delivery) -> SignRequest {
    let mut request = one(delivery);
    request.options = serde_json::from_value(json!({ "signicat": options })).unwrap();
    request
}

fn placed() -> SignRequest {
    let place = Placement::points(1, 72.0, 72.0, Origin::BottomLeft, Corner::BottomLeft);
    request(Delivery::ShareableLink).signer(tenant().place(place))
}

fn zip() -> SignRequest {
    let mut request = one(Delivery::ShareableLink);
    request.documents = vec![Document::new("x", MediaType::new("application/zip"), "PK")];
    request
}

async fn refusals(world: &World, request: &SignRequest) -> Vec<(String, String, Option<String>)> {
    let plan = world.client.plan_on("signicat", request).await.unwrap();
    plan.refusals()
        .map(|finding| {
            (finding.code.to_string(), finding.field.clone().unwrap_or_default(), finding.allow.clone())
        })
        .collect()
}

#[tokio::test]
async fn each_rule_names_its_field_before_anything_is_sent() {
    let cases: Vec<(SignRequest, &str, &str)> = vec![
        (placed(), "placement", "signers[0].placements[0]"),
        (one(Delivery::ShareableLink).language("no"), "language", "language"),
        (one(Delivery::ShareableLink).language("zh"), "language", "language"),
        (one(Delivery::ShareableLink).message("Hello"), "message", "message"),
        (one(Delivery::ProviderEmail).message("Hello ${taskUrl}"), "message", "message"),
        (one(Delivery::ProviderEmail).message("${"), "message", "message"),
        (
            one(Delivery::ShareableLink).expires_after(SignedDuration::from_hours(23)),
            "expires_after",
            "expires_after",
        ),
        (
            one(Delivery::ShareableLink).expires_after(SignedDuration::from_hours(36)),
            "expires_after",
            "expires_after",
        ),
        (
            one(Delivery::ShareableLink).expires_after(SignedDuration::from_secs(i64::MAX)),
            "expires_after",
            "expires_after",
        ),
        (
            one(Delivery::ShareableLink).return_url("https://x.example/?a=${b}".parse().unwrap()),
            "return_url",
            "return_url",
        ),
        (
            one(Delivery::ShareableLink).return_url("https://u:p@x.example/".parse().unwrap()),
            "return_url",
            "return_url",
        ),
        (
            request(Delivery::ShareableLink).signer(tenant().identity(Identity::new("sg-nric", "S1234567D"))),
            "signer.identity",
            "signers[0].identity",
        ),
        (
            request(Delivery::ShareableLink).signer(tenant().identity(Identity::new("national-id", " "))),
            "order",
            "tasks[0].subject.attributes[0].value",
        ),
        (one(Delivery::ShareableLink).accept(LegalClass::EIDAS_QUALIFIED), "legal_class", "legal_classes"),
        (
            request(Delivery::ShareableLink)
                .signer(tenant().document("document", Use::Sign).document("document", Use::View)),
            "order",
            "tasks[0].documents[1].id",
        ),
        (zip(), "document.media_type", "documents[0].media_type"),
        (with(&json!({ "dayToLive": 1 })), "options", "options.signicat"),
        (with(&json!({ "daysToLive": "7" })), "options", "options.signicat"),
        (with(&json!({ "daysToLive": 0 })), "order", "tasks[0].daysToLive"),
        (
            with(&json!({ "daysToLive": 7 })).expires_after(SignedDuration::from_hours(24)),
            "options",
            "options.signicat.daysToLive",
        ),
        (with(&json!({ "daysUntilDeletion": 31 })), "order", "daysUntilDeletion"),
        (with(&json!({ "signers": { "nobody": {} } })), "options", "options.signicat.signers.nobody"),
        (with(&json!({ "documents": { "nothing": {} } })), "options", "options.signicat.documents.nothing"),
        (
            with(&json!({ "signatureMethods": [{ "type": "SIGNED_STATEMENT" }] })),
            "order",
            "tasks[0].signatureMethods[0].name",
        ),
        (
            with(&json!({ "signatureMethods": [{ "name": "x", "type": "OTHER" }] })),
            "options",
            "options.signicat",
        ),
        (
            with(&json!({ "subject": { "attributes": [{ "name": "national-id", "value": "" }] } })),
            "order",
            "tasks[0].subject.attributes[0].value",
        ),
        (
            with(&json!({ "subject": { "attributes": [{ "name": "national-id" }] } })),
            "options",
            "options.signicat",
        ),
        (
            with(&json!({ "notifications": [{ "type": "SMS", "recipient": "12345678", "message": "x" }] })),
            "order",
            "tasks[0].notifications[0].recipient",
        ),
        (
            with(
                &json!({ "notifications": [{ "type": "EMAIL", "recipient": "a@b.example", "message": "${taskURL}" }] }),
            ),
            "order",
            "tasks[0].notifications[0].message",
        ),
        (
            with(
                &json!({ "packaging": { "notifications": [{ "type": "EMAIL", "recipient": "a@b.example", "message": "${orderId}" }] } }),
            ),
            "order",
            "packagingTasks[0].notifications[0].message",
        ),
        (with(&json!({ "onTaskComplete": "done" })), "order", "tasks[0].onTaskComplete"),
        (
            with(&json!({ "notifications": [{ "type": "URL", "recipient": "https://x.example" }] })),
            "url_notifications",
            "options.signicat.notifications",
        ),
    ];
    let world = world(&[]).await;
    for (request, code, field) in cases {
        let found = refusals(&world, &request).await;
        let first = found.first().map(|(code, field, _)| (code.as_str(), field.as_str()));
        assert_eq!(first, Some((code, field)));
        assert!(world.client.prepare(request).await.is_err());
    }
    assert!(world.server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn norwegian_is_pointed_to_bokmål() {
    let world = world(&[]).await;
    let error = world.client.prepare(one(Delivery::ShareableLink).language("no")).await.unwrap_err();
    assert!(error.message().contains("did you mean nb?"), "{error}");
}

#[tokio::test]
async fn what_is_missing_in_the_configuration_is_named_by_its_line() {
    let bare = world(&[("methods", Value::Null), ("email", Value::Null)]).await;
    let found = refusals(&bare, &one(Delivery::ShareableLink)).await;
    assert_eq!((found[0].0.as_str(), found[0].1.as_str()), ("signature_method", "signers[0]"));
    assert!(found[0].2.as_ref().unwrap().starts_with("methods = ["));
    let error = bare.client.prepare(one(Delivery::ShareableLink)).await.unwrap_err();
    assert!(
        error.message().contains("add methods = [") && error.message().contains("[providers.signicat]"),
        "{error}"
    );

    let handwritten = json!({ "signatureMethods": [{ "handwritten": true }] });
    assert!(refusals(&bare, &with(&handwritten)).await.is_empty());
    let found = refusals(&bare, &with_delivery(&handwritten, Delivery::ProviderEmail)).await;
    assert_eq!(found[0].0, "email");
    assert!(found[0].2.as_ref().unwrap().starts_with("email = {"));

    let disabled = world(&[]).await;
    let options = json!({ "notifications": [{ "type": "URL", "recipient": "https://x.example/" }] });
    let found = refusals(&disabled, &with(&options)).await;
    assert_eq!(found[0].2.as_deref(), Some("url_notifications_enabled = true"));
    let enabled = world(&[("url_notifications_enabled", json!(true))]).await;
    assert!(refusals(&enabled, &with(&options)).await.is_empty());
}

#[tokio::test]
async fn legal_classes_come_from_the_configuration() {
    let class = |class| json!({ "name": "nbid-sign", "legal_class": class });
    let both = world(&[(
        "methods",
        json!([class("eidas-advanced"), { "name": "x", "legal_class": "eidas-simple" }]),
    )])
    .await;
    let advanced = one(Delivery::ShareableLink).accept(LegalClass::EIDAS_ADVANCED);
    assert_eq!(refusals(&both, &advanced).await[0].0, "legal_class");
    assert!(refusals(&both, &advanced.clone().accept(LegalClass::EIDAS_SIMPLE)).await.is_empty());

    let one_class = world(&[("methods", json!([class("eidas-advanced")]))]).await;
    assert!(refusals(&one_class, &advanced).await.is_empty());
    // A method of the request's own has no class.
    let mut own = advanced;
    own.options =
        serde_json::from_value(json!({ "signicat": { "signatureMethods": [{ "handwritten": true }] } }))
            .unwrap();
    assert_eq!(refusals(&one_class, &own).await[0].0, "legal_class");
    // One method without a class, and nothing is claimed.
    let half = world(&[("methods", json!([class("eidas-advanced"), { "name": "x" }]))]).await;
    assert!(half.client.capabilities("signicat").unwrap().legal.is_empty());
}

#[tokio::test]
async fn whoever_waits_may_be_invited_at_once_and_the_plan_says_so() {
    let request = two(Delivery::ProviderEmail, Order::Sequential);
    for (setting, severity) in [
        (Value::Null, Some(Severity::Warning)),
        (json!("at-once"), Some(Severity::Note)),
        (json!("waits"), None),
    ] {
        let world = world(&[("created_mail", setting)]).await;
        let plan = world.client.plan_on("signicat", &request).await.unwrap();
        assert_eq!(plan.verdict, Verdict::Works);
        assert_eq!(plan.findings.first().map(|finding| finding.severity), severity);
    }
}

/// The typed client keeps the same rules, whoever made the order.
#[tokio::test]
async fn a_bad_order_of_the_typed_client_is_not_sent() {
    let world = world(&[]).await;
    let task = |id: &str, after: &[&str]| Task {
        id: id.to_owned(),
        documents: vec![TaskDocument::stored("d", esign_signicat::Action::Sign, "ref")],
        signature_methods: vec![SignatureMethod { handwritten: Some(true), ..Default::default() }],
        depends_on_tasks: after.iter().map(|&id| id.to_owned()).collect(),
        ..Task::default()
    };
    let cases = [
        (vec![], "tasks"),
        (vec![task("1", &[]), task("1", &[])], "tasks[1].id"),
        (vec![task("1", &["2"]), task("2", &["1"])], "tasks[0].dependsOnTasks"),
        (vec![task("1", &["9"])], "tasks[0].dependsOnTasks[0]"),
    ];
    for (tasks, path) in cases {
        let order = SigningOrder { tasks, ..Default::default() };
        let error = world.provider().client().create_order(&order).await.unwrap_err();
        assert_eq!(error.field_path(), Some(path));
    }
    assert!(world.server.received_requests().await.unwrap().is_empty());
}
