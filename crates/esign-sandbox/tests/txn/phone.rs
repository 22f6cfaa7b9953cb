//! The page that plays the Singpass app: what it shows, and what pressing its buttons does.

use esign_sandbox::txn::SessionStatus;
use serde_json::json;

use crate::support::{World, hash_of, world};

const PERSON: &str = "2bbb6a4d-8d32-4d8e-a8b5-1d4b0e2a5f00";
const OTHER: &str = "9a1b7c5e-2f43-4c0b-9f58-3f0e6ad3a001";

impl World {
    async fn page(&self, url: &str) -> (u16, String) {
        let response = self.http.get(url).send().await.unwrap();
        assert_eq!(response.headers()["cache-control"], "no-store");
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Presses a button. Returns status, `Location`, page.
    async fn press(&self, url: &str, form: &[(&str, &str)]) -> (u16, String, String) {
        let response = self.http.post(url).form(form).send().await.unwrap();
        let location = response.headers().get("location").map_or("", |location| location.to_str().unwrap());
        let (status, location) = (response.status().as_u16(), location.to_owned());
        (status, location, response.text().await.unwrap())
    }
}

#[tokio::test]
async fn the_page_shows_what_is_approved_as_text_and_says_what_it_is() {
    let world = world().await;
    let (id, text) = ("<b>&T", "Pay \"<script>alert(1)</script>\"\nto &amp; 'you' 🙂");
    let info = json!({ "txn_id": id, "txn_instructions": text, "txn_hash": hash_of(id, text) });
    let session = world.open_with(info).await;
    let (status, page) = world.page(&session.phone_url).await;
    assert_eq!(status, 200);
    assert!(
        page.contains("Pay &quot;&lt;script&gt;alert(1)&lt;/script&gt;&quot;\nto &amp;amp; 'you' 🙂"),
        "{page}"
    );
    assert!(page.contains("&lt;b&gt;&amp;T"));
    assert!(!page.contains("<script"));
    assert!(page.contains("not legal signatures"));
    assert_eq!(world.txn().session(&session.id).unwrap().status, SessionStatus::Challenged);
}

#[tokio::test]
async fn pressing_approve_or_decline_decides_once() {
    let world = world().await;
    for (decision, status, says) in [
        ("approve", SessionStatus::Authorised, "Transaction approved"),
        ("decline", SessionStatus::Declined, "Transaction declined"),
    ] {
        let session = world.open().await;
        let (code, to, _) = world.press(&session.phone_url, &[("decision", decision), ("sub", "")]).await;
        assert_eq!(code, 303);
        assert_eq!(world.url(&to), session.phone_url);
        assert_eq!(world.txn().session(&session.id).unwrap().status, status);
        assert!(world.page(&session.phone_url).await.1.contains(says));
        for again in ["approve", "decline"] {
            let (code, _, page) = world.press(&session.phone_url, &[("decision", again)]).await;
            assert_eq!(code, 409);
            assert!(page.contains(says));
        }
        assert_eq!(world.txn().session(&session.id).unwrap().status, status);
    }
}

#[tokio::test]
async fn what_cannot_be_decided_is_told() {
    let world = world().await;
    let session = world.open_with(json!({ "sub": PERSON })).await;
    assert!(world.page(&session.phone_url).await.1.contains(&format!("value=\"{PERSON}\"")));
    for (form, code, says) in [
        (vec![("decision", "approve"), ("sub", "S1234567D")], 422, "must be a UUID of version 4"),
        (vec![("decision", "approve"), ("sub", "\"><script>")], 422, "value=\"&quot;&gt;&lt;script&gt;\""),
        (vec![("decision", "approve"), ("sub", OTHER)], 409, "is for another person to approve"),
        (vec![("decision", "perhaps"), ("sub", PERSON)], 422, "must be approve or decline"),
        (vec![], 422, "must be approve or decline"),
    ] {
        let (status, _, page) = world.press(&session.phone_url, &form).await;
        assert_eq!(status, code, "{form:?}");
        assert!(page.contains(says), "{page}");
        assert!(page.contains("role=\"alert\""));
    }
    world.txn().change(|settings| settings.allow_other_person = true);
    world.press(&session.phone_url, &[("decision", "approve"), ("sub", OTHER)]).await;
    assert_eq!(world.txn().session(&session.id).unwrap().status, SessionStatus::Authorised);

    let late = world.open().await;
    world.advance(120);
    assert_eq!(world.press(&late.phone_url, &[("decision", "approve")]).await.0, 409);
    assert!(world.page(&late.phone_url).await.1.contains("Transaction expired"));
    let (status, page) = world.page(&world.url("/singpass/txn/0123")).await;
    assert!(status == 404 && page.contains("This QR code does not work"));
    assert_eq!(world.press(&world.url("/singpass/txn/0123"), &[("decision", "approve")]).await.0, 404);
}

#[tokio::test]
async fn after_approving_the_app_of_the_client_is_launched_if_it_is_named() {
    let world = world().await;
    let app = "https://rp.example/app?case=7";
    for (decision, to_app) in [("approve", true), ("decline", false)] {
        let (_, opened) = world.try_open(&world.params(json!({ "appLaunchUrl": app }))).await;
        let phone = opened["phone_url"].as_str().unwrap();
        let (status, to, _) = world.press(phone, &[("decision", decision)]).await;
        assert_eq!(status, 303);
        assert_eq!(to == app, to_app, "{to}");
    }
}
