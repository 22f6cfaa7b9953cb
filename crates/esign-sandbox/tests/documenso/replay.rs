//! Each measured request, made again in the state that it was made in.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::measured::{all, one, webhook};
use crate::support::{Answer, EXPIRED, TOKEN, World, compare, pdf, same};

/// Files of the measured names, types and lengths.
fn files(measured: &crate::measured::Measured) -> Vec<(&str, &str, Bytes)> {
    let content = |kind: &str, bytes: usize| match (kind, bytes) {
        ("application/pdf", 22) => Bytes::from_static(b"this is no PDF at all."),
        ("application/pdf", 0..1_000_000) => pdf(),
        ("application/pdf", large) => [pdf().to_vec(), vec![b' '; large - pdf().len()]].concat().into(),
        _ => Bytes::from_static(b"PK.."),
    };
    measured
        .files
        .iter()
        .map(|(name, bytes, kind)| (name.as_str(), kind.as_str(), content(kind, *bytes)))
        .collect()
}

/// Every create that was measured is answered alike: two good ones and each refusal.
#[tokio::test]
async fn creates_and_their_refusals() {
    let mut seen = 0;
    for measured in all().iter().filter(|m| m.path == "/envelope/create" && m.name != "err-document-quota") {
        let world = World::with(|settings| settings.max_file_megabytes = 5).await;
        let payload = match measured.name {
            "err-create-payload-json" => "{nope".to_owned(),
            _ => measured.body.as_ref().unwrap().to_string(),
        };
        same(measured, &world.create(&payload, &files(measured)).await);
        seen += 1;
    }
    assert_eq!(seen, 15);
}

/// The course of the measured lease: three recipients, one after the other, by link.
struct Lease {
    world: World,
    id: String,
}

impl Lease {
    async fn new() -> Self {
        let world = World::new().await;
        let create = one("create");
        let answer = world.create(&create.body.as_ref().unwrap().to_string(), &files(&create)).await;
        let id = answer.json.unwrap()["id"].as_str().unwrap().to_owned();
        Self { world, id }
    }

    async fn get(&self) -> Answer {
        self.world.get(&format!("/envelope/{}", self.id)).await
    }

    async fn download(&self, version: &str) -> Answer {
        let item = self.world.item(&self.id).await;
        self.world.get(&format!("/envelope/item/{item}/download?version={version}")).await
    }

    async fn certificate(&self) -> Answer {
        self.world.get(&format!("/envelope/{}/certificate/download", self.id)).await
    }
}

#[tokio::test]
async fn a_lease_from_draft_to_seal() {
    let lease = Lease::new().await;
    let world = &lease.world;
    same(&one("get-draft"), &lease.get().await);
    for version in ["original", "signed", "pending"] {
        same(&named("download-draft-", version), &lease.download(version).await);
    }
    same(&one("distribute"), &world.distribute(&lease.id).await);
    same(&one("distribute-again"), &world.distribute(&lease.id).await);
    same(&one("get-pending"), &lease.get().await);
    same(&one("find-external-id"), &world.get("/envelope?query=ref-0001").await);
    same(&one("certificate-pending"), &lease.certificate().await);

    world.control().sign(&lease.id, 0).await.unwrap();
    let mut first = one("get-pending-1-of-2");
    // There the landlord had opened the link and filled a field in before the turn.
    let ours = lease.get().await;
    for (at, kept) in [("readStatus", true), ("sendStatus", true)] {
        for i in 0..3 {
            let ours = ours.json.as_ref().unwrap()["recipients"][i][at].clone();
            if kept {
                first.answer.as_mut().unwrap()["recipients"][i][at] = ours;
            }
        }
    }
    align_fields(first.answer.as_mut().unwrap(), ours.json.as_ref().unwrap());
    same(&first, &ours);
    for version in ["original", "signed", "pending"] {
        same(&named("download-pending-", version), &lease.download(version).await);
    }

    world.control().sign(&lease.id, 1).await.unwrap();
    // Everybody has signed, and the seal takes its time.
    assert_eq!(lease.get().await.json.unwrap()["status"], "PENDING");
    world.advance(3).await;
    let mut completed = one("get-completed");
    let ours = lease.get().await;
    for i in 0..3 {
        for at in ["readStatus", "sendStatus"] {
            completed.answer.as_mut().unwrap()["recipients"][i][at] =
                ours.json.as_ref().unwrap()["recipients"][i][at].clone();
        }
    }
    align_fields(completed.answer.as_mut().unwrap(), ours.json.as_ref().unwrap());
    same(&completed, &ours);
    for version in ["original", "signed", "pending"] {
        same(&named("download-completed-", version), &lease.download(version).await);
    }
    same(&one("certificate"), &lease.certificate().await);
    same(&one("audit-log-pdf"), &world.get(&format!("/envelope/{}/audit-log/download", lease.id)).await);
    same(&one("distribute-completed"), &world.distribute(&lease.id).await);
    same(&one("cancel-completed"), &world.post("/envelope/cancel", json!({ "envelopeId": lease.id })).await);

    // Events come in another order and number where another browser signs: each sort has the measured members.
    let measured = one("audit-log");
    let log = world.get(&format!("/envelope/{}/audit-log?perPage=100", lease.id)).await;
    let theirs = measured.answer.unwrap();
    let ours = log.json.unwrap();
    let sorts = |log: &Value| -> BTreeSet<String> {
        log["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["type"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(sorts(&ours), sorts(&theirs));
    for event in ours["data"].as_array().unwrap() {
        let like =
            theirs["data"].as_array().unwrap().iter().find(|theirs| theirs["type"] == event["type"]).unwrap();
        assert_eq!(members(event), members(like), "{}", event["type"]);
    }
    assert_eq!(members(&ours), members(&theirs));
}

fn named(prefix: &str, version: &str) -> crate::measured::Measured {
    all().into_iter().find(|measured| measured.name == format!("{prefix}{version}")).unwrap()
}

fn members(value: &Value) -> BTreeSet<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

/// What people typed and when differs; whether it is filled in does not, but for the one field ahead of its turn.
fn align_fields(theirs: &mut Value, ours: &Value) {
    for (theirs, ours) in
        theirs["fields"].as_array_mut().unwrap().iter_mut().zip(ours["fields"].as_array().unwrap())
    {
        theirs["customText"] = ours["customText"].clone();
        theirs["inserted"] = ours["inserted"].clone();
        if theirs.get("signature").is_some() && ours.get("signature").is_none() {
            theirs.as_object_mut().unwrap().remove("signature");
        }
    }
}

fn signer(email: &str, name: &str) -> Value {
    json!({
        "email": email, "name": name, "role": "SIGNER",
        "fields": [{ "type": "SIGNATURE", "page": 1, "positionX": 10, "positionY": 10, "width": 20, "height": 5 }],
    })
}

/// Two signers, by link unless said otherwise.
fn two(title: &str, meta: &Value) -> Value {
    json!({
        "type": "DOCUMENT", "title": title, "meta": meta,
        "recipients": [signer("a@lab.example", "Ann"), signer("b@lab.example", "Bob")],
    })
}

#[tokio::test]
async fn cancelling_deleting_and_what_they_leave() {
    let world = World::new().await;
    // As measured: an envelope by e-mail, in order, with its title and reference changed while it was pending.
    let measured = one("get-cancelled").answer.unwrap();
    let mut payload = two("Old", &json!({ "signingOrder": "SEQUENTIAL", "distributionMethod": "EMAIL" }));
    payload["externalId"] = json!("before");
    for name in [
        "subject",
        "message",
        "redirectUrl",
        "language",
        "timezone",
        "dateFormat",
        "envelopeExpirationPeriod",
    ] {
        payload["meta"][name] = measured["documentMeta"][name].clone();
    }
    payload["recipients"][0]["signingOrder"] = json!(1);
    payload["recipients"][1]["signingOrder"] = json!(2);
    let id = world.envelope(payload).await;
    same(&one("cancel-draft"), &world.post("/envelope/cancel", json!({ "envelopeId": id })).await);
    world.distribute(&id).await;
    let recipients = world.read(&id).await["recipients"].clone();
    let first = recipients[0]["id"].clone();
    let again =
        world.post("/envelope/redistribute", json!({ "envelopeId": id, "recipients": [first] })).await;
    same(&one("redistribute"), &again);
    let second = recipients[1]["id"].clone();
    world.post("/envelope/redistribute", json!({ "envelopeId": id, "recipients": [second] })).await;

    let mut update = one("update-pending");
    update.answer.as_mut().unwrap()["externalId"] = json!("before");
    same(
        &update,
        &world.post("/envelope/update", json!({ "envelopeId": id, "data": { "title": "New" } })).await,
    );
    let reference = measured["externalId"].clone();
    world.post("/envelope/update", json!({ "envelopeId": id, "data": { "externalId": reference } })).await;
    let mut field = one("field-create-pending").body.unwrap();
    field["envelopeId"] = json!(id);
    field["data"][0]["recipientId"] = recipients[0]["id"].clone();
    same(&one("field-create-pending"), &world.post("/envelope/field/create-many", field).await);

    let cancel = |body: Value| world.post("/envelope/cancel", body);
    same(&one("cancel"), &cancel(json!({ "envelopeId": id, "reason": "changed our mind" })).await);
    same(&one("cancel-again"), &cancel(json!({ "envelopeId": id })).await);
    same(&one("distribute-cancelled"), &world.distribute(&id).await);
    let hook = webhook(include_str!("responses/webhook-DOCUMENT_CANCELLED.txt"));
    let made =
        world.control().webhooks().into_iter().find(|call| call.event == "DOCUMENT_CANCELLED").unwrap();
    compare("webhook", &hook, &serde_json::from_str(&made.body).unwrap());

    let cancelled = fitted("get-cancelled", &world.read(&id).await);
    same(&cancelled, &world.get(&format!("/envelope/{id}")).await);
    same(&one("delete"), &world.post("/envelope/delete", json!({ "envelopeId": id })).await);
    // Still readable by its id, and no longer found.
    let deleted = fitted("get-soft-deleted", &world.read(&id).await);
    same(&deleted, &world.get(&format!("/envelope/{id}")).await);
    assert_eq!(world.get("/envelope?query=New").await.json.unwrap()["count"], 0);
}

/// The measured envelope with as many fields as ours: some were added and removed by hand there.
fn fitted(name: &str, ours: &Value) -> crate::measured::Measured {
    let mut measured = one(name);
    let theirs = measured.answer.as_mut().unwrap();
    theirs["envelopeItems"][0]["title"] = json!("contract.pdf");
    let (fields, wanted) = (theirs["fields"].as_array_mut().unwrap(), ours["fields"].as_array().unwrap());
    let sample = fields[0].clone();
    fields.resize(wanted.len(), sample);
    for (theirs, ours) in fields.iter_mut().zip(wanted) {
        for numbers in ["positionX", "positionY", "width", "height", "page"] {
            theirs[numbers] = ours[numbers].clone();
        }
    }
    measured
}

#[tokio::test]
async fn rejections_by_the_page_and_on_behalf() {
    let world = World::new().await;
    let id = world.envelope(two("Rej3", &json!({ "distributionMethod": "EMAIL" }))).await;
    world.distribute(&id).await;
    world.control().reject(&id, 0, "wrong rent").await.unwrap();
    assert_eq!(world.read(&id).await["status"], "PENDING");
    // Until it is sealed the other may still sign.
    world.advance(3).await;
    let mut rejected = one("get-rejected");
    rejected.answer.as_mut().unwrap()["envelopeItems"][0]["title"] = json!("contract.pdf");
    same(&rejected, &world.get(&format!("/envelope/{id}")).await);

    let id = world.envelope(two("Behalf", &json!({ "distributionMethod": "NONE" }))).await;
    world.distribute(&id).await;
    let recipient = world.read(&id).await["recipients"][0]["id"].clone();
    let body = json!({ "envelopeId": id, "reason": "by phone" });
    let answer = world.post(&format!("/envelope/recipient/{recipient}/reject"), body).await;
    same(&one("reject-on-behalf"), &answer);
}

#[tokio::test]
async fn an_expired_recipient_leaves_the_envelope_pending() {
    let world = World::new().await;
    let meta =
        json!({ "distributionMethod": "NONE", "envelopeExpirationPeriod": { "unit": "day", "amount": 1 } });
    let id = world.envelope(two("Exp1", &meta)).await;
    world.distribute(&id).await;
    world.advance(60).await;
    let mut expired = one("get-expired");
    expired.answer.as_mut().unwrap()["envelopeItems"][0]["title"] = json!("contract.pdf");
    same(&expired, &world.get(&format!("/envelope/{id}")).await);
    world.advance(86_400).await;
    assert!(world.control().sign(&id, 0).await.is_err(), "refused exactly");
    assert_eq!(world.read(&id).await["status"], "PENDING");
    assert!(world.control().webhooks().iter().any(|call| call.event == "RECIPIENT_EXPIRED"));
}

#[tokio::test]
async fn distributions_that_are_refused() {
    let world = World::new().await;
    let bare = world.envelope(json!({ "type": "DOCUMENT", "title": "T" })).await;
    same(&one("distribute-no-recipients"), &world.distribute(&bare).await);
    let without = json!([{ "email": "s@lab.example", "name": "Sig", "role": "SIGNER" }]);
    let without = world.envelope(json!({ "type": "DOCUMENT", "title": "T", "recipients": without })).await;
    same(&one("distribute-no-field"), &world.distribute(&without).await);
    same(&one("err-distribute-unknown"), &world.distribute("envelope_x").await);
    // Several at once, as measured: both with the same reference.
    let twice = json!({ "type": "DOCUMENT", "title": "Twice", "externalId": "same-ref", "meta": { "distributionMethod": "NONE" } });
    let ids = [world.envelope(twice.clone()).await, world.envelope(twice).await];
    let mut many = one("get-many");
    for entry in many.answer.as_mut().unwrap()["data"].as_array_mut().unwrap() {
        entry["envelopeItems"][0]["title"] = json!("contract.pdf");
    }
    same(
        &many,
        &world.post("/envelope/get-many", json!({ "ids": { "type": "envelopeId", "ids": ids } })).await,
    );
    for (query, count) in [("S_ME-REF", 2), ("%", 4), ("same-re", 2), ("nothing", 0)] {
        let found = world.get(&format!("/envelope?query={}", query.replace('%', "%25"))).await;
        assert_eq!(found.json.unwrap()["count"], count, "{query}");
    }
    assert_eq!(
        world.get("/envelope?externalId=same-ref").await.json.unwrap()["count"],
        4,
        "an unknown key is ignored"
    );
}

#[tokio::test]
async fn errors_of_all_four_shapes() {
    let world = World::new().await;
    same(&one("err-bad-token"), &world.get_as("/envelope", Some("api_wrong")).await);
    same(&one("err-no-auth"), &world.get_as("/envelope", None).await);
    same(&one("err-expired-token"), &world.get_as("/envelope", Some(EXPIRED)).await);
    same(&one("err-get-unknown"), &world.get("/envelope/envelope_doesnotexist00").await);
    same(
        &one("err-item-unknown"),
        &world.get("/envelope/item/envelope_item_x/download?version=signed").await,
    );
    same(&one("err-unknown-path"), &world.get("/nothing").await);
    same(&one("err-validation"), &world.post("/envelope/cancel", json!({})).await);
    same(
        &one("err-cancel-unknown"),
        &world.post("/envelope/cancel", json!({ "envelopeId": "envelope_x" })).await,
    );
    same(&one("err-bad-json"), &world.post_text("/envelope/cancel", "{not json".to_owned()).await);
    assert_eq!(world.get_as("/envelope", Some(&format!("Bearer {TOKEN}"))).await.status, 200);
    assert_eq!(world.get_as("/envelope", Some(&format!("bearer {TOKEN}"))).await.status, 401);
    // A download says the same otherwise.
    let expired = world.get_as("/envelope/item/envelope_item_x/download", Some(EXPIRED)).await;
    assert_eq!((expired.status, &expired.json.unwrap()["code"]), (500, &json!("EXPIRED_CODE")));
}

#[tokio::test]
async fn limits_of_three_sorts() {
    let world = World::with(|settings| settings.requests_per_minute = Some(2)).await;
    world.get("/envelope").await;
    world.get("/envelope").await;
    let mut limited = one("err-429");
    limited.headers.insert("x-ratelimit-limit".to_owned(), "2".to_owned());
    let answer = world.get("/envelope").await;
    same(&limited, &answer);
    let wait: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait));
    world.advance(wait).await;
    assert_eq!(world.get("/envelope").await.status, 200, "a new clock minute");

    let window = esign_sandbox::documenso::Window { requests: 2, seconds: 180 };
    let world = World::with(|settings| settings.organisation_window = Some(window)).await;
    world.get("/envelope").await;
    world.get("/envelope").await;
    same(&one("err-429-organisation"), &world.get("/envelope?perPage=1").await);
    let download = world.get("/envelope/item/x/download").await;
    assert_eq!((download.status, &download.json.unwrap()["code"]), (500, &json!("TOO_MANY_REQUESTS")));

    let world = World::with(|settings| settings.request_quota_used = true).await;
    same(&one("err-429-quota"), &world.get("/envelope?perPage=1").await);
    let world = World::with(|settings| settings.document_quota_used = true).await;
    let quota = one("err-document-quota");
    same(&quota, &world.create(&quota.body.as_ref().unwrap().to_string(), &files(&quota)).await);
}

#[tokio::test]
async fn the_webhook_of_completion() {
    let lease = Lease::new().await;
    let hook = webhook(include_str!("responses/webhook-DOCUMENT_COMPLETED.txt"));
    lease.world.distribute(&lease.id).await;
    lease.world.control().sign(&lease.id, 0).await.unwrap();
    lease.world.control().sign(&lease.id, 1).await.unwrap();
    lease.world.advance(3).await;
    let made = lease.world.control().webhooks();
    let completed = made.iter().find(|call| call.event == "DOCUMENT_COMPLETED").unwrap();
    let mut ours: Value = serde_json::from_str(&completed.body).unwrap();
    // Who opened what differs.
    for list in ["recipients", "Recipient"] {
        for (ours, theirs) in ours["payload"][list]
            .as_array_mut()
            .unwrap()
            .iter_mut()
            .zip(hook["payload"][list].as_array().unwrap())
        {
            ours["readStatus"] = theirs["readStatus"].clone();
            ours["sendStatus"] = theirs["sendStatus"].clone();
        }
    }
    compare("webhook", &hook, &ours);
    let events: Vec<_> = made.iter().map(|call| call.event.as_str()).collect();
    let signed = ["DOCUMENT_RECIPIENT_COMPLETED", "DOCUMENT_SIGNED"];
    let expected =
        [&["DOCUMENT_CREATED", "DOCUMENT_SENT"][..], &signed, &signed, &["DOCUMENT_COMPLETED"]].concat();
    assert_eq!(events, expected);
}
