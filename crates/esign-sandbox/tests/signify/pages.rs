//! Signing in the browser, one at a time, with real signatures.

use esign_pdf::facts::{Rect, SignatureLevel};
use esign_pdf::verify::{Original, SignatureReport, Verdict};
use esign_pdf::{VerificationReport, VerifyOptions, roots_from_pem, verify};
use esign_sandbox::signify::{Origin, Signer};
use reqwest::{Method, Response};

use crate::support::{BY_LINK, Fields, World, pdf, world, world_with};

impl World {
    async fn page(&self, url: &str) -> (u16, String) {
        let response = self.http.get(url).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    async fn submit(&self, url: &str, fields: &[(&str, &str)]) -> Response {
        self.http.post(url).form(fields).send().await.unwrap()
    }

    /// Starts a session in the browser; returns the address of its page.
    async fn start(&self, link: &str, name: &str) -> String {
        let started = self.submit(&format!("{link}/session"), &[("name", name)]).await;
        assert_eq!(started.status(), 303, "{}", started.text().await.unwrap());
        self.location(&started)
    }

    fn location(&self, response: &Response) -> String {
        self.url(response.headers()["location"].to_str().unwrap())
    }

    /// What the document as it is now proves to somebody who trusts the sandbox's root.
    fn verified(&self, id: &str) -> VerificationReport {
        let mut options = VerifyOptions::new(self.sandbox.clock().now());
        options.roots = roots_from_pem(self.sandbox.root_pem().as_bytes()).unwrap();
        options.original = Some(Original::of(&pdf(2)));
        let report = verify(&self.sandbox.signify().pdf(id).unwrap(), &options).unwrap();
        assert_eq!(report.verdict, Verdict::Passed, "{:?}", report.reasons);
        assert_eq!(report.extends_original, Some(true));
        report
    }
}

#[tokio::test]
async fn a_person_signs_every_placeholder_and_is_sent_back_to_the_client() {
    let world = world().await;
    let fields = Fields::link().with("redirectUrl", "https://agency.gov.sg/done?case=1");
    let created = world.create(&fields).await;
    let link = created["signingLinks"][0]["signingLink"].as_str().unwrap();

    let (status, landing) = world.page(link).await;
    assert_eq!(status, 200);
    for part in [
        "<html lang=\"en\">",
        "<h1>Sign Document 1</h1>",
        "not legal signatures",
        "<label for=\"name\">",
        "Page 1, 0.0% from the left, 0.0% from the top",
        "Page 2, 20.0% from the left, 30.0% from the top",
        "type=\"application/pdf\"",
        ">19 December 2023, 15:59:59 UTC</time>",
    ] {
        assert!(landing.contains(part), "{part} is not in {landing}");
    }
    let document = world.http.get(format!("{link}/document.pdf")).send().await.unwrap();
    assert_eq!(document.bytes().await.unwrap(), pdf(2));

    let session = world.start(link, "  A. Tester ").await;
    let (status, page) = world.page(&session).await;
    assert_eq!(status, 200);
    assert!(page.contains("<strong>A. Tester</strong>"), "{page}");
    assert!(page.contains("Sign number 1, on page 1") && page.contains("Sign number 2, on page 2"));

    let signed = world.submit(&format!("{session}/sign"), &[("placeholder", "2")]).await;
    assert_eq!(signed.status(), 303);
    let (_, page) = world.page(&world.location(&signed)).await;
    assert!(page.contains("role=\"status\"") && page.contains("1 to go"), "{page}");
    assert!(page.contains("Sign number 1,") && !page.contains("Sign number 2,"));
    assert_eq!(world.read("1").await["status"], "draft");

    let signed = world.submit(&format!("{session}/sign"), &[("placeholder", "1")]).await;
    assert_eq!(signed.status(), 303);
    assert_eq!(signed.headers()["location"], "https://agency.gov.sg/done?case=1");
    assert_eq!(world.read("1").await["status"], "signed");
    let (_, landing) = world.page(link).await;
    assert!(landing.contains("All signatures of this invitation are made"));
    assert_eq!(world.page(&session).await.0, 409);
}

#[tokio::test]
async fn each_recipient_is_sent_back_when_done() {
    let world = world().await;
    let id =
        world.create(&Fields::email().with("redirectUrl", "https://agency.gov.sg/done")).await["documentId"]
            .to_string();
    let signify = world.sandbox.signify();
    let first = Signer::invited("A B", "a@agency.gov.sg");
    assert_eq!(signify.sign(&id, &first).await.unwrap().redirect_url, None);
    let back = Some("https://agency.gov.sg/done".to_owned());
    assert_eq!(signify.sign(&id, &first).await.unwrap().redirect_url, back);
    let second = signify.sign(&id, &Signer::invited("C D", "B@agency.gov.sg")).await.unwrap();
    assert_eq!(second.redirect_url, back);
    assert!(signify.document(&id).unwrap().signed);
}

#[tokio::test]
async fn one_person_signs_at_a_time() {
    let world = world().await;
    let id = world.email_document().await;
    let links: Vec<_> = world.sandbox.mailbox().into_iter().map(|message| message.link.unwrap()).collect();
    let session = world.start(&links[0], "A. Tester").await;
    assert!(world.sandbox.signify().document(&id).unwrap().locked);

    // The other recipient, and whoever else has the first link, must wait.
    for link in &links {
        let (status, page) = world.page(link).await;
        assert_eq!(status, 200);
        assert!(page.contains("Please try again later: a signing session is ongoing"), "{page}");
        for path in ["/session", ""] {
            let refused = world.submit(&format!("{link}{path}"), &[("name", "C. Tester")]).await;
            assert_eq!(refused.status(), 409);
            let page = refused.text().await.unwrap();
            assert!(
                page.contains("role=\"alert\"") && page.contains("a signing session is ongoing"),
                "{page}"
            );
        }
    }
    let left = world.submit(&format!("{session}/leave"), &[]).await;
    assert_eq!(left.status(), 303);
    assert!(world.page(&world.location(&left)).await.1.contains("You have left"));
    assert!(world.page(&session).await.1.contains("This signing session is over"));
    world.start(&links[1], "C. Tester").await;

    // Whoever walks away does not lock the document for ever.
    world.advance("30m").await;
    world.start(&links[0], "A. Tester").await;
}

#[tokio::test]
async fn a_script_signs_with_one_request() {
    let world = world().await;
    let (id, link) = world.link_document().await;
    let signed = world.submit(&link, &[("name", "A. Tester"), ("placeholder", "2")]).await;
    assert_eq!(signed.status(), 303);
    assert_eq!(world.location(&signed), format!("{link}?done=signed"));
    assert!(world.page(&world.location(&signed)).await.1.contains("Signed. Thank you."));
    for (placeholder, status) in [("2", 409), ("3", 409), ("0", 409), ("x", 409), ("", 303), ("1", 409)] {
        let answer = world.submit(&link, &[("name", "A. Tester"), ("placeholder", placeholder)]).await;
        assert_eq!(answer.status(), status, "{placeholder:?}");
    }
    assert!(world.sandbox.signify().document(&id).unwrap().signed);
}

#[tokio::test]
async fn a_name_is_needed() {
    let world = world().await;
    let (_, link) = world.link_document().await;
    let long = "é".repeat(65);
    for name in ["", "   ", &long, "a\u{7}b"] {
        let refused = world.submit(&format!("{link}/session"), &[("name", name)]).await;
        assert_eq!(refused.status(), 422);
        let page = refused.text().await.unwrap();
        for part in ["role=\"alert\"", "aria-invalid=\"true\"", "<title>Error: "] {
            assert!(page.contains(part), "{part}: {page}");
        }
    }
    let name = format!("<b>{}", "é".repeat(61));
    let session = world.start(&link, &name).await;
    assert!(world.page(&session).await.1.contains("&lt;b&gt;"));
}

#[tokio::test]
async fn a_wrong_link_gets_a_page() {
    let world = world().await;
    let nowhere = world.url("/documents/sign/01hfk78xjafvn9n8xn084a9rsn");
    for path in ["", "/document.pdf"] {
        let (status, page) = world.page(&format!("{nowhere}{path}")).await;
        assert_eq!(status, 404);
        assert!(page.contains("This link does not work"));
    }
    assert_eq!(world.submit(&format!("{nowhere}/session"), &[("name", "A B")]).await.status(), 404);
    assert_eq!(world.submit(&nowhere, &[("name", "A B")]).await.status(), 404);
    assert_eq!(world.page(&world.url("/nowhere")).await.0, 404);
}

#[tokio::test]
async fn the_boxes_are_where_they_were_asked_for() {
    // Page 1 at the origin; page 2 at (0.2, 0.3) of 595 x 842.
    for (origin, expected) in [
        (Origin::TopLeft, [Rect::new(0.0, 782.0, 220.5, 60.0), Rect::new(119.0, 529.4, 220.5, 60.0)]),
        (Origin::BottomLeft, [Rect::new(0.0, 0.0, 220.5, 60.0), Rect::new(119.0, 252.6, 220.5, 60.0)]),
    ] {
        let world = world_with(|s| s.settings(|settings| settings.placement_origin = origin)).await;
        let (id, _) = world.link_document().await;
        world.sandbox.signify().sign_all(&id, &Signer::named("A B")).await.unwrap();
        let signatures = world.verified(&id).signatures;
        assert_eq!(signatures.len(), 2);
        for (index, (field, expected)) in signatures.iter().zip(expected).enumerate() {
            let [widget] = field.widgets.as_slice() else { panic!("one widget: {field:?}") };
            assert_eq!(widget.page as usize, index + 1);
            let off = [
                widget.shown.x - expected.x,
                widget.shown.y - expected.y,
                widget.shown.width - expected.width,
                widget.shown.height - expected.height,
            ];
            assert!(off.iter().all(|off| off.abs() < 0.01), "{origin:?} {index}: {:?}", widget.shown);
        }
    }
}

#[tokio::test]
async fn every_signature_is_good_timestamped_and_in_the_name_of_its_signer() {
    let world = world().await;
    let id = world.email_document().await;
    let signify = world.sandbox.signify();
    let (first, second) = ("a@agency.gov.sg", "b@agency.gov.sg");
    for (name, email, wait) in [("A B", first, "1m"), ("C D", second, "240h"), ("A B", first, "1m")] {
        world.advance(wait).await;
        signify.sign(&id, &Signer::invited(name, email)).await.unwrap();
    }
    let report = world.verified(&id);
    let signatures: Vec<_> = report.signatures.iter().map(|one| (signer(one), one.level)).collect();
    let level = SignatureLevel::BLT;
    assert_eq!(signatures, [("A B".to_owned(), level), ("C D".to_owned(), level), ("A B".to_owned(), level)]);
    for signature in &report.signatures {
        let issuer = signature.signer.as_ref().and_then(|signer| signer.issuer.as_deref());
        assert!(issuer.is_some_and(|issuer| issuer.to_lowercase().contains("sandbox")), "{issuer:?}");
    }
    // The timestamps are those of the API.
    let times: Vec<_> = report.signatures.iter().map(|one| one.timestamp.as_ref().unwrap().time).collect();
    let document = world.read(&id).await;
    for (signature, (invitation, completed)) in times.iter().zip([(0, 0), (1, 0), (0, 1)]) {
        let told = &document["signingInvitations"][invitation]["completedSignatures"][completed]["timeStamp"];
        assert_eq!(told.as_str().unwrap().parse().ok(), *signature);
    }
}

fn signer(signature: &SignatureReport) -> String {
    let name = signature.signer.as_ref().and_then(|signer| signer.common_name.as_ref());
    name.unwrap().expose().to_owned()
}

#[tokio::test]
async fn a_document_that_is_already_signed_can_be_sent_again() {
    let world = world().await;
    let (first, _) = world.link_document().await;
    let signify = world.sandbox.signify();
    signify.sign_all(&first, &Signer::named("A B")).await.unwrap();
    let once = signify.pdf(&first).unwrap();
    let again = Fields::link().with("totalSignaturesByLink", BY_LINK).file(once.to_vec());
    let second = world.create(&again).await["documentId"].as_str().unwrap().to_owned();
    signify.sign_all(&second, &Signer::named("C D")).await.unwrap();
    let twice = signify.pdf(&second).unwrap();
    assert!(twice.starts_with(&once));
    let names: Vec<_> = world.verified(&second).signatures.iter().map(signer).collect();
    assert_eq!(names, ["A B", "A B", "C D", "C D"]);
}

#[tokio::test]
async fn a_document_deleted_while_someone_signs_is_gone_for_them_too() {
    let world = world().await;
    let (id, link) = world.link_document().await;
    let session = world.start(&link, "A. Tester").await;
    assert_eq!(world.status_of(Method::DELETE, &format!("v2/documents/{id}")).await, 200);
    assert_eq!(world.submit(&format!("{session}/sign"), &[("placeholder", "1")]).await.status(), 404);
    assert_eq!(world.submit(&format!("{session}/leave"), &[]).await.status(), 404);
}
