//! List, read, delete and download (specification sections 3.2 to 3.5).

use esign_sandbox::signify::{DocumentUrlKey, ExpiredUrl, Signer};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Fields, KEY, pdf, world, world_with};

#[tokio::test]
async fn the_list_has_the_fields_of_the_guide_and_no_others() {
    let world = world().await;
    world.create(&Fields::link()).await;
    world.advance("2s").await;
    world.create(&Fields::email()).await;
    let list: Value = world.api(Method::GET, "v2/documents").send().await.unwrap().json().await.unwrap();
    let expected = json!([
        {
            "id": 1,
            "documentName": "Document 1",
            "expiresAt": "2023-12-19T15:59:59.999Z",
            "createdAt": "2023-11-19T07:21:14.065Z",
            "status": "draft",
            "documentMode": "link",
        },
        {
            "id": 2,
            "documentName": "Testing API",
            "expiresAt": "2023-12-19T15:59:59.999Z",
            "createdAt": "2023-11-19T07:21:16.065Z",
            "status": "draft",
            "documentMode": "email",
        },
    ]);
    assert_eq!(list, expected);
}

#[tokio::test]
async fn a_document_in_email_mode_reads_as_in_the_guide() {
    let world = world().await;
    let id = world.email_document().await;
    world.advance("10m").await;
    let signer = Signer::invited("MY NAME", "b@agency.gov.sg");
    world.sandbox.signify().sign(&id, &signer).await.unwrap();
    let mut document = world.read(&id).await;
    let url = document["documentUrl"].take();
    let prefix = world.url("/api/v1/bucket/");
    assert_eq!(url.as_str().unwrap().strip_prefix(&prefix).map(str::len), Some(26));
    let expected = json!({
        "id": 1,
        "documentName": "Testing API",
        "documentUrl": null,
        "expiresAt": "2023-12-19T15:59:59.999Z",
        "createdAt": "2023-11-19T07:21:14.065Z",
        "status": "draft",
        "signingInvitations": [
            { "signatory": "a@agency.gov.sg", "totalSignatures": 2, "status": "draft", "completedSignatures": [] },
            {
                "signatory": "b@agency.gov.sg",
                "totalSignatures": 1,
                "status": "signed",
                "completedSignatures": [{ "name": "MY NAME", "timeStamp": "2023-11-19T07:31:14.000Z" }],
            },
        ],
        "documentMode": "email",
    });
    assert_eq!(document, expected);
}

#[tokio::test]
async fn a_document_in_link_mode_reads_as_in_the_guide() {
    let world = world().await;
    let (id, link) = world.link_document().await;
    let signify = world.sandbox.signify();
    for (name, done) in [("A B", false), ("C D", true)] {
        let signed = signify.sign(&id, &Signer::named(name)).await.unwrap();
        assert_eq!(signed.invitation_done, done);
        world.advance("23s").await;
    }
    let document = world.read(&id).await;
    assert_eq!(document["status"], "signed");
    let expected = json!([{
        "signingLink": link,
        "totalSignatures": 2,
        "status": "signed",
        "completedSignatures": [
            { "name": "A B", "timeStamp": "2023-11-19T07:21:14.000Z" },
            { "name": "C D", "timeStamp": "2023-11-19T07:21:37.000Z" },
        ],
    }]);
    assert_eq!(document["signingInvitations"], expected);
}

#[tokio::test]
async fn what_does_not_exist_gets_404() {
    let world = world_with(|s| s.api_key("another_user")).await;
    let id = world.email_document().await;
    for path in [
        "v2/documents/99",
        "v2/documents/x",
        "v2/documents/-1",
        "v2/documents/1.0",
        "v2/documents/+1",
        "v2/documents/01",
        "v2/nothing",
        "v1/documents",
    ] {
        assert_eq!(world.status_of(Method::GET, path).await, 404, "{path}");
    }
    for path in ["v2/documents/99", "v2/documents/x", "v2/documents/+1", "v2/documents"] {
        assert_eq!(world.status_of(Method::DELETE, path).await, 404, "{path}");
    }
    assert_eq!(world.status_of(Method::PUT, "v2/documents").await, 404);
    // A document of someone else is not there either.
    for method in [Method::GET, Method::DELETE] {
        let url = world.url(&format!("/public/v2/documents/{id}"));
        let foreign = world.http.request(method, url).bearer_auth("another_user").send().await.unwrap();
        assert_eq!(foreign.status(), 404);
        assert_eq!(foreign.json::<Value>().await.unwrap(), json!({ "message": "Not Found" }));
    }
    assert_eq!(world.status_of(Method::GET, "v2/documents/1").await, 200);
    assert_eq!(world.status_of(Method::GET, "v2/documents/1/").await, 200);
}

#[tokio::test]
async fn a_deleted_document_is_gone_everywhere() {
    let world = world().await;
    let (id, link) = world.link_document().await;
    let url = world.read(&id).await["documentUrl"].as_str().unwrap().to_owned();
    let deleted = world.api(Method::DELETE, &format!("v2/documents/{id}")).send().await.unwrap();
    assert_eq!(deleted.status(), 200);
    assert_eq!(deleted.json::<Value>().await.unwrap(), json!({ "message": "Document deleted" }));
    assert_eq!(world.status_of(Method::DELETE, &format!("v2/documents/{id}")).await, 404);
    assert_eq!(world.status_of(Method::GET, &format!("v2/documents/{id}")).await, 404);
    for url in [url, link] {
        assert_eq!(world.http.get(url).send().await.unwrap().status(), 404);
    }
    let list: Value = world.api(Method::GET, "v2/documents").send().await.unwrap().json().await.unwrap();
    assert_eq!(list, json!([]));
}

#[tokio::test]
async fn whether_a_signed_document_can_be_deleted_is_a_switch() {
    let world = world().await;
    let (id, _) = world.link_document().await;
    let signify = world.sandbox.signify();
    signify.sign_all(&id, &Signer::named("A B")).await.unwrap();
    signify.change(|settings| settings.delete_signed = false);
    assert_eq!(world.status_of(Method::DELETE, &format!("v2/documents/{id}")).await, 400);
    signify.change(|settings| settings.delete_signed = true);
    assert_eq!(world.status_of(Method::DELETE, &format!("v2/documents/{id}")).await, 200);
}

#[tokio::test]
async fn a_document_expires_at_the_end_of_day_30_in_singapore() {
    let world = world().await;
    let (id, link) = world.link_document().await;
    let path = format!("v2/documents/{id}");
    // From 07:21:14.065 to 15:59:59.999, 30 days later.
    world.advance("728h 38m 45s 934ms").await;
    assert_eq!(world.status_of(Method::GET, &path).await, 200);
    world.advance("1ms").await;
    assert_eq!(world.status_of(Method::GET, &path).await, 404);
    assert_eq!(world.status_of(Method::DELETE, &path).await, 404);
    assert_eq!(world.http.get(link).send().await.unwrap().status(), 404);
    let list = async || {
        let list = world.api(Method::GET, "v2/documents").send().await.unwrap();
        list.json::<Value>().await.unwrap().as_array().unwrap().len()
    };
    assert_eq!(list().await, 0);
    world.sandbox.signify().change(|settings| settings.list_expired = true);
    assert_eq!(list().await, 1);
}

#[tokio::test]
async fn a_download_works_in_draft_and_is_the_document_as_it_is() {
    let world = world().await;
    let (id, _) = world.link_document().await;
    let url = world.read(&id).await["documentUrl"].as_str().unwrap().to_owned();
    let get = async || {
        let response = world.http.get(&url).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/pdf");
        response.bytes().await.unwrap()
    };
    assert_eq!(get().await, pdf(2));
    world.sandbox.signify().sign(&id, &Signer::named("A B")).await.unwrap();
    let signed = get().await;
    assert!(signed.len() > pdf(2).len() && signed.starts_with(&pdf(2)));
}

#[tokio::test]
async fn a_document_url_works_for_30_minutes() {
    let world = world().await;
    let (id, _) = world.link_document().await;
    let old = world.read(&id).await["documentUrl"].as_str().unwrap().to_owned();
    world.advance("29m 59s").await;
    assert_eq!(world.http.get(&old).send().await.unwrap().status(), 200);
    let new = world.read(&id).await["documentUrl"].as_str().unwrap().to_owned();
    world.advance("1s").await;
    assert_ne!(old, new);
    for (answer, status) in
        [(ExpiredUrl::Forbidden, 403), (ExpiredUrl::NotFound, 404), (ExpiredUrl::Gone, 410)]
    {
        world.sandbox.signify().change(|settings| settings.expired_document_url = answer);
        assert_eq!(world.http.get(&old).send().await.unwrap().status(), status);
    }
    assert_eq!(world.http.get(&new).send().await.unwrap().status(), 200);
    assert_eq!(world.http.get(world.url("/api/v1/bucket/unknown")).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn whether_a_download_needs_the_key_is_a_switch() {
    let world = world_with(|s| s.api_key("another_user")).await;
    let (id, _) = world.link_document().await;
    let url = world.read(&id).await["documentUrl"].as_str().unwrap().to_owned();
    for (switch, without, with, wrong, foreign) in [
        (DocumentUrlKey::Optional, 200, 200, 200, 200),
        (DocumentUrlKey::Required, 401, 200, 401, 404),
        (DocumentUrlKey::Refused, 200, 403, 403, 403),
    ] {
        world.sandbox.signify().change(|settings| settings.document_url_key = switch);
        for (key, status) in
            [(None, without), (Some(KEY), with), (Some("wrong"), wrong), (Some("another_user"), foreign)]
        {
            let mut request = world.http.get(&url);
            if let Some(key) = key {
                request = request.bearer_auth(key);
            }
            assert_eq!(request.send().await.unwrap().status(), status, "{switch:?} {key:?}");
        }
    }
}

#[tokio::test]
async fn expiry_moves_with_the_last_signature_if_so_switched() {
    let world = world_with(|s| s.settings(|settings| settings.expiry_moves_on_completion = true)).await;
    let (id, _) = world.link_document().await;
    world.advance("240h").await;
    let signify = world.sandbox.signify();
    signify.sign(&id, &Signer::named("A B")).await.unwrap();
    assert_eq!(world.read(&id).await["expiresAt"], "2023-12-19T15:59:59.999Z");
    signify.sign(&id, &Signer::named("A B")).await.unwrap();
    assert_eq!(world.read(&id).await["expiresAt"], "2023-12-29T15:59:59.999Z");
}
