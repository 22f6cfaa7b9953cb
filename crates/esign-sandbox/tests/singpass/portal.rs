//! Signing in the browser.

use aws_lc_rs::digest::{SHA256, digest};
use esign_sandbox::singpass::{NotPossible, RedirectStatus};
use reqwest::Response;
use serde_json::json;

use crate::support::{Request, World, other_person, pdf, person, world};

const ME: [(&str, &str); 2] = [("name", "  A. Tester "), ("uin", "s1234567d")];

impl World {
    async fn page(&self, url: &str) -> (u16, String) {
        let response = self.http.get(url).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    async fn submit(&self, url: &str, fields: &[(&str, &str)]) -> Response {
        self.http.post(url).form(fields).send().await.unwrap()
    }

    async fn log_in(&self, request: &Request, account: &[(&str, &str)]) -> Response {
        let url = url::Url::parse(&request.signing_url).unwrap();
        let link: Vec<_> = url.query_pairs().into_owned().collect();
        let hidden = link.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let fields: Vec<_> = hidden.chain(account.iter().copied()).collect();
        self.submit(&self.url("/singpass/sign/login"), &fields).await
    }

    /// Logs in; returns the address of the portal's page.
    async fn start(&self, request: &Request) -> String {
        let started = self.log_in(request, &ME).await;
        assert_eq!(started.status(), 303, "{}", started.text().await.unwrap());
        self.url(location(&started))
    }

    async fn step(&self, portal: &str, action: &str, fields: &[(&str, &str)]) {
        let done = self.submit(&format!("{portal}/{action}"), fields).await;
        assert_eq!(done.status(), 303, "{}", done.text().await.unwrap());
        assert_eq!(self.url(location(&done)), portal);
    }
}

fn location(response: &Response) -> &str {
    response.headers()["location"].to_str().unwrap()
}

fn hash(uin: &str) -> String {
    digest(&SHA256, uin.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn assert_contains(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "{part} is not in {page}");
    }
}

#[tokio::test]
async fn a_person_reviews_every_field_then_signs_and_returns() {
    let world = world().await;
    let locations = json!([{ "page": 1, "x": 0.5, "y": 0.5 }, { "page": 2, "x": 0.125, "y": 0 }]);
    let request = world.initiate_with(json!({ "sign_locations": locations }), pdf()).await;
    let (status, landing) = world.page(&request.signing_url).await;
    assert_eq!(status, 200);
    let parts = ["<html lang=\"en\">", "not legal signatures", "<label for=\"name\">", "<label for=\"uin\">"];
    assert_contains(&landing, &parts);
    assert!(!landing.contains("test.pdf"), "nothing of the document before the log-in");

    let portal = world.start(&request).await;
    let (status, page) = world.page(&portal).await;
    assert_eq!(status, 200);
    assert_contains(
        &page,
        &[
            "<h1>Sign test.pdf</h1>",
            "<strong>A. Tester</strong>",
            "Page 1, 50.00% from the left, 50.00% from the bottom",
            "Page 2, 12.50% from the left, 0.00% from the bottom",
            "Mark field 1 as reviewed",
            "<button type=\"submit\" disabled aria-describedby=\"why-not\">Proceed to Sign",
            ">21 November 2026, 10:00:00 UTC</time>",
            "type=\"application/pdf\"",
        ],
    );
    let document = world.http.get(format!("{portal}/document.pdf")).send().await.unwrap();
    assert_eq!(document.bytes().await.unwrap(), pdf());

    // The server holds the rule as well, not only the button.
    world.step(&portal, "review", &[("field", "2")]).await;
    let early = world.submit(&format!("{portal}/proceed"), &[]).await;
    assert_eq!(early.status(), 409);
    assert_contains(
        &early.text().await.unwrap(),
        &["role=\"alert\"", "Every field must be reviewed", "<h1>Error: "],
    );
    assert_eq!(world.submit(&format!("{portal}/approve"), &[]).await.status(), 409);
    assert_eq!(world.submit(&format!("{portal}/reject"), &[]).await.status(), 409);
    for wrong in ["0", "3", "x", ""] {
        assert_eq!(
            world.submit(&format!("{portal}/review"), &[("field", wrong)]).await.status(),
            409,
            "{wrong}"
        );
    }
    let (_, page) = world.page(&portal).await;
    assert_contains(&page, &["Reviewed. 1 to go.", "Mark field 1 as reviewed"]);
    assert!(!page.contains("Mark field 2"));
    world.step(&portal, "review", &[("field", "1")]).await;
    assert_contains(&world.page(&portal).await.1, &["<button type=\"submit\">Proceed to Sign"]);

    world.step(&portal, "proceed", &[]).await;
    let (_, page) = world.page(&portal).await;
    assert_contains(&page, &["Approve", "Reject", "reference code"]);
    let code = page.split("<strong>").nth(3).unwrap();
    assert!(code[..4].bytes().all(|byte| byte.is_ascii_digit()), "{code}");
    assert!(world.singpass().request(&request.id).unwrap().active);

    world.step(&portal, "reject", &[]).await;
    assert_contains(&world.page(&portal).await.1, &["Nobody was told", "Get a new QR code"]);
    assert!(world.singpass().webhooks_done().await.is_empty());
    assert_eq!(world.result(&request).await.1["error"], "DOCUMENT_NOT_SIGNED");

    world.step(&portal, "proceed", &[]).await;
    world.step(&portal, "approve", &[]).await;
    let (_, page) = world.page(&portal).await;
    assert_contains(&page, &["Signed. Thank you.", "View the signed document", "Return to "]);
    let (_, signed) = world.download(&format!("{portal}/document.pdf")).await;
    assert_eq!(signed, world.singpass().pdf(&request.id).unwrap());
    assert!(signed.len() > pdf().len());
    let back = world.submit(&format!("{portal}/leave"), &[]).await;
    assert_eq!(back.status(), 303);
    let expected = format!("https://rp.example/back?case=7&request_id={}&status=success", request.id);
    assert_eq!(location(&back), expected);
    // The link leads nowhere now.
    assert_eq!(world.page(&request.signing_url).await.0, 404);
}

#[tokio::test]
async fn a_script_signs_with_one_request() {
    let world = world().await;
    let request = world.initiate().await;
    let back = world.submit(&request.signing_url, &ME).await;
    assert_eq!(back.status(), 303, "{}", back.text().await.unwrap());
    assert!(location(&back).ends_with("&status=success"));
    assert_eq!(world.result(&request).await.1["signer_info"]["signer_name"], "A. Tester");
    assert_eq!(world.submit(&request.signing_url, &ME).await.status(), 404);
}

#[tokio::test]
async fn only_the_intended_signer_is_let_in() {
    let world = world().await;
    let claims = json!({ "x": 0, "y": 0, "page": 1, "signer_uin_hash": hash("S1234567D") });
    let request = world.initiate_with(claims, pdf()).await;
    let wrong = world.log_in(&request, &[("name", "B"), ("uin", "T7654321Z")]).await;
    assert_eq!(wrong.status(), 403);
    let page = wrong.text().await.unwrap();
    let back = format!("https://rp.example/back?case=7&amp;request_id={}&amp;status=cancelled", request.id);
    assert_contains(&page, &["You are not the intended signer", "Leave Sign Portal", &back]);
    assert_eq!(
        world.submit(&request.signing_url, &[("name", "B"), ("uin", "T7654321Z")]).await.status(),
        403
    );
    let Err(NotPossible::WrongPerson { redirect_url }) = world.singpass().open(&request.id, &other_person())
    else {
        panic!()
    };
    assert_eq!(redirect_url, back.replace("&amp;", "&"));
    let state = world.singpass().request(&request.id).unwrap();
    assert!(!state.locked, "someone who was turned away does not lock it");
    assert_eq!(world.result(&request).await.1["error"], "DOCUMENT_NOT_SIGNED");
    // The intended one, in any case of letters.
    assert_eq!(world.log_in(&request, &ME).await.status(), 303);
}

#[tokio::test]
async fn the_first_to_open_a_document_keeps_it() {
    let world = world().await;
    let request = world.initiate().await;
    let first = world.start(&request).await;
    let other = world.log_in(&request, &[("name", "B"), ("uin", "T7654321Z")]).await;
    assert_eq!(other.status(), 403);
    assert_contains(
        &other.text().await.unwrap(),
        &["another person has opened it before you", "status=cancelled"],
    );
    // The same person in another browser takes over; the first browser's session is over.
    let second = world.start(&request).await;
    assert_eq!(world.page(&first).await.0, 409);
    assert_eq!(world.page(&second).await.0, 200);
    // Leaving does not give the document free for others.
    let back = world.submit(&format!("{second}/leave"), &[]).await;
    assert!(location(&back).ends_with("&status=cancelled"), "{}", location(&back));
    assert_eq!(world.page(&second).await.0, 409);
    assert!(matches!(
        world.singpass().open(&request.id, &other_person()),
        Err(NotPossible::WrongPerson { .. })
    ));
    world.singpass().sign(&request.id, &person()).await.unwrap();
}

#[tokio::test]
async fn wrong_and_expired_links_lead_to_an_error_page_without_a_way_back() {
    let world = world().await;
    let (request, other) = (world.initiate().await, world.initiate().await);
    let portal = world.start(&other).await;
    let mixed = request.signing_url.replace(&request.id, &other.id);
    for wrong in [mixed, world.url("/singpass/sign"), world.url("/singpass/sign?token=a&request_id=b")] {
        let (status, page) = world.page(&wrong).await;
        assert_eq!(status, 404, "{wrong}");
        assert_contains(&page, &["This link does not work", "30 minutes"]);
        assert!(!page.contains("rp.example"));
        assert_eq!(world.submit(&wrong, &ME).await.status(), 404);
    }
    world.advance(1800);
    for (url, fields) in [(&request.signing_url, &ME[..]), (&portal, &[])] {
        let (status, page) = world.page(url).await;
        assert_eq!(status, 404);
        assert!(!page.contains("rp.example"));
        if !fields.is_empty() {
            assert_eq!(world.submit(url, fields).await.status(), 404);
        }
    }
    for action in ["proceed", "approve", "reject"] {
        assert_eq!(world.submit(&format!("{portal}/{action}"), &[]).await.status(), 404, "{action}");
    }
    assert_eq!(world.log_in(&request, &ME).await.status(), 404);
    assert_eq!(world.page(&world.url("/singpass/portal/0")).await.0, 409);
    assert!(world.singpass().webhooks_done().await.is_empty());
}

#[tokio::test]
async fn accounts_that_cannot_be_are_refused_with_what_was_typed() {
    let world = world().await;
    let request = world.initiate().await;
    for (account, why) in [
        ([("name", " "), ("uin", "S1234567D")], "The name must have 1 to 64 characters"),
        ([("name", "<b>"), ("uin", "12345")], "The NRIC or FIN must be"),
    ] {
        let refused = world.log_in(&request, &account).await;
        assert_eq!(refused.status(), 422);
        let page = refused.text().await.unwrap();
        assert_contains(&page, &[why, "aria-invalid=\"true\"", &format!("value=\"{}\"", account[1].1)]);
        assert!(!page.contains("<b>"));
    }
}

#[tokio::test]
async fn the_browser_can_come_back_in_several_ways() {
    let world = world().await;
    for (setting, end) in [
        (RedirectStatus::AsDocumented, "&status=success"),
        (RedirectStatus::Absent, ""),
        (RedirectStatus::Always("a b&c".to_owned()), "&status=a+b%26c"),
    ] {
        world.singpass().change(|settings| settings.redirect_status = setting);
        let request = world.initiate().await;
        let back = world.singpass().sign(&request.id, &person()).await.unwrap();
        assert_eq!(back, format!("https://rp.example/back?case=7&request_id={}{end}", request.id));
    }
}
