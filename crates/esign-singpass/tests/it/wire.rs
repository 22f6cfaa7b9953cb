//! What goes over the wire, byte for byte, and what answers mean.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::{PDF, SECRETS, request, stored, token, world, world_with_key};
use esign_core::{
    ArtifactId, CancelOutcome, Error, ErrorKind, Identity, KeyAlgorithm, Placement, ResultState, Retry,
    SigningKey, State, Step, Verdict, Wish,
};
use esign_http::LocalKey;
use esign_singpass::KIND;
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

const REQUESTS: &str = "/api/v3/sign-requests";
const RESULT: &str = "/api/v3/sign-requests/signv3-1/signed-doc";
const RESULT_UNDERSCORE: &str = "/api/v3/sign-requests/signv3-1/signed_doc";
const CANCEL: &str = "/api/v3/sign-requests/cancel";

/// The claims without what differs from run to run.
fn steady(mut claims: Value) -> Value {
    for name in ["jti", "iat", "exp"] {
        if claims.get(name).is_some() {
            claims[name] = json!(format!("<{name}>"));
        }
    }
    claims
}

#[tokio::test]
async fn one_location_goes_out_in_both_shapes() {
    let world = world(&[]).await;
    world.accept_requests().await;
    let prepared = world.client.prepare(request(&[(2, 297.64, 420.945)])).await.unwrap();
    let submission = world.client.submit(prepared).await.unwrap();

    let sent = &world.received("POST", REQUESTS).await[0];
    assert_eq!(sent.body, PDF);
    assert_eq!(sent.headers.get("content-type").unwrap(), "application/octet-stream");
    let (header, claims) = token(sent);
    assert_eq!(header, json!({ "alg": "ES256", "kid": "rp-1" }));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 110);
    assert!(uuid::Uuid::parse_str(claims["jti"].as_str().unwrap()).is_ok());
    let expected = json!({
        "client_id": "client-1", "doc_name": "Lease 12.pdf",
        "x": 0.5, "y": 0.5, "page": 2, "sign_locations": [{ "page": 2, "x": 0.5, "y": 0.5 }],
        "jti": "<jti>", "iat": "<iat>", "exp": "<exp>",
    });
    assert_eq!(steady(claims), expected);

    let Step::OpenLink { url, open_before, shared } = &submission.next_steps[0].step else { panic!() };
    assert_eq!(url.expose().as_str(), "https://portal.example/?token=marker-link");
    assert_eq!(open_before.unwrap().to_string(), "2026-01-01T00:30:00Z");
    assert!(!shared);
}

#[tokio::test]
async fn shapes_follow_the_setting() {
    let one: &[(u32, f64, f64)] = &[(1, 0.0, 0.0)];
    let two: &[(u32, f64, f64)] = &[(1, 0.0, 0.0), (1, 0.0, 100.0)];
    for (setting, places, top, list) in [
        ("auto", two, false, true),
        ("both", two, true, true),
        ("locations", one, false, true),
        ("legacy", one, true, false),
    ] {
        let world = world(&[("payload", json!(setting))]).await;
        world.accept_requests().await;
        world.client.submit(world.client.prepare(request(places)).await.unwrap()).await.unwrap();
        let (_, claims) = token(&world.received("POST", REQUESTS).await[0]);
        assert_eq!(claims.get("x").is_some(), top, "{setting}");
        assert_eq!(claims.get("sign_locations").is_some(), list, "{setting}");
    }
}

#[tokio::test]
async fn native_digits_and_the_hash_of_the_signer_go_out_as_they_are() {
    let world = world(&[]).await;
    world.accept_requests().await;
    let mut wanted = request(&[]);
    wanted.signers[0].placements = vec![Placement::native(KIND, 1, "0.10", "0.2000").unwrap()];
    wanted.signers[0].identity = Some(Identity::new(Identity::SG_NRIC, "s1234567d"));
    let submission = world.client.submit(world.client.prepare(wanted).await.unwrap()).await.unwrap();

    let sent = &world.received("POST", REQUESTS).await[0];
    let text = sent.headers.get("authorization").unwrap().to_str().unwrap();
    let claims = {
        use base64::Engine;
        let part = text.split('.').nth(1).unwrap();
        String::from_utf8(base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    assert!(claims.contains("\"x\":0.10,\"y\":0.2000"), "{claims}");
    let hash = esign_singpass::uin_hash(
        &"S1234567D".into(),
        esign_singpass::LetterCase::Upper,
        esign_singpass::LetterCase::Lower,
    );
    assert!(claims.contains(&format!("\"signer_uin_hash\":\"{}\"", hash.unwrap())), "{claims}");
    assert!(!stored(&submission.handle).contains("1234567"));
}

#[tokio::test]
async fn bad_input_is_refused_before_the_network() {
    type Change = fn(&mut esign_core::SignRequest);
    let cases: [(&str, Change, &str); 12] = [
        (
            "off the right edge",
            |r| r.signers[0].placements = request(&[(1, 371.0, 0.0)]).signers[0].placements.clone(),
            "signers[0].placements[0]",
        ),
        (
            "off the top",
            |r| r.signers[0].placements = request(&[(1, 0.0, 782.0)]).signers[0].placements.clone(),
            "signers[0].placements[0]",
        ),
        (
            "below the bottom",
            |r| r.signers[0].placements = request(&[(1, 0.0, -0.1)]).signers[0].placements.clone(),
            "signers[0].placements[0]",
        ),
        (
            "page 0",
            |r| r.signers[0].placements = request(&[(0, 0.0, 0.0)]).signers[0].placements.clone(),
            "signers[0].placements[0].page",
        ),
        (
            "page 4",
            |r| r.signers[0].placements = request(&[(4, 0.0, 0.0)]).signers[0].placements.clone(),
            "signers[0].placements[0].page",
        ),
        (
            "not a number",
            |r| r.signers[0].placements = request(&[(1, f64::NAN, 0.0)]).signers[0].placements.clone(),
            "signers[0].placements[0].x",
        ),
        (
            "infinite",
            |r| r.signers[0].placements = request(&[(1, 0.0, f64::INFINITY)]).signers[0].placements.clone(),
            "signers[0].placements[0].y",
        ),
        (
            "five decimals",
            |r| r.signers[0].placements = vec![Placement::native(KIND, 1, "0.00001", "0").unwrap()],
            "signers[0].placements[0].x",
        ),
        (
            "one",
            |r| r.signers[0].placements = vec![Placement::native(KIND, 1, "1", "0").unwrap()],
            "signers[0].placements[0].x",
        ),
        (
            "negative",
            |r| r.signers[0].placements = vec![Placement::native(KIND, 1, "0", "-0.0001").unwrap()],
            "signers[0].placements[0].y",
        ),
        ("nowhere to sign", |r| r.signers[0].placements.clear(), "signers[0].placements"),
        (
            "not an NRIC",
            |r| r.signers[0].identity = Some(Identity::new(Identity::SG_NRIC, "12345")),
            "signers[0].identity.value",
        ),
    ];
    let world = world(&[]).await;
    for (name, change, field) in cases {
        let mut wanted = request(&[(1, 100.0, 100.0)]);
        change(&mut wanted);
        let error = world.client.prepare(wanted).await.unwrap_err();
        assert_eq!(error.field_path(), Some(field), "{name}: {error}");
    }
    let places: Vec<_> = (0..21).map(|n| (1 + n / 11, 0.0, f64::from(n % 11) * 65.0)).collect();
    assert!(world.client.prepare(request(&places[..20])).await.is_ok());
    assert!(world.client.prepare(request(&places)).await.is_err());
    assert!(world.server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn boxes_must_not_overlap_at_the_documented_width() {
    let world = world(&[]).await;
    // 222 points apart: free at the measured width of 220.5, not at the documented 225.
    let error = world.client.prepare(request(&[(1, 0.0, 0.0), (1, 222.0, 0.0)])).await.unwrap_err();
    assert_eq!(error.field_path(), Some("signers[0].placements[1]"), "{error}");
    let measured = crate::support::world(&[("preflight_box", json!(220.5))]).await;
    measured.client.prepare(request(&[(1, 0.0, 0.0), (1, 222.0, 0.0)])).await.unwrap();
}

#[tokio::test]
async fn the_plan_says_what_rounding_does_and_that_several_signers_are_a_chain() {
    let world = world(&[]).await;
    let plan = world.client.plan_on("singpass", &request(&[(1, 100.01, 100.0)])).await.unwrap();
    assert_eq!(plan.verdict, Verdict::Works);
    assert!(plan.findings.iter().any(|f| f.code == "placement_rounded"), "{plan:?}");

    let mut two = request(&[(1, 100.0, 100.0)]);
    let mut other = two.signers[0].clone();
    other.key = "landlord".into();
    other.placements = request(&[(1, 100.0, 200.0)]).signers[0].placements.clone();
    two.signers.push(other);
    two.order = Some(esign_core::Order::Sequential);
    assert_eq!(world.client.plan_on("singpass", &two).await.unwrap().verdict, Verdict::WorksAsChain);
}

#[tokio::test]
async fn the_preset_of_june_2025_is_exactly_those_documents() {
    let world = world(&[("api", json!("2025-06"))]).await;
    let caps = world.client.capabilities("singpass").unwrap();
    assert!(!caps.cancel.is_yes() && caps.identity_schemes.is_empty());
    assert!(world.client.prepare(request(&[(1, 0.0, 0.0), (1, 0.0, 100.0)])).await.is_err());
    let handle = world.submitted().await;
    let (_, claims) = token(&world.received("POST", REQUESTS).await[0]);
    assert!(claims.get("sign_locations").is_none() && claims.get("x").is_some());
    world.refuse("GET", RESULT_UNDERSCORE, "DOCUMENT_NOT_SIGNED").await;
    assert_eq!(world.client.status(&handle).await.unwrap().state(), State::Pending);
    assert!(world.received("GET", RESULT).await.is_empty());
}

#[tokio::test]
async fn each_result_code_has_its_meaning_and_unknown_ones_stay_data() {
    for (code, state, result) in [
        ("DOCUMENT_NOT_SIGNED", State::Pending, ResultState::NotReady),
        ("REQUEST_EXPIRED", State::Expired, ResultState::NotReady),
        ("SIGNED_ACCESS_EXPIRED", State::Completed, ResultState::Gone),
        ("SOMETHING_NEW", State::Unrecognised, ResultState::NotReady),
    ] {
        let world = world(&[]).await;
        let handle = world.submitted().await;
        world.refuse("GET", RESULT, code).await;
        let report = world.client.status(&handle).await.unwrap();
        assert_eq!((report.state(), report.result), (state, result), "{code}");
        assert_eq!(report.provider_status.as_deref(), Some(code));
        let (_, claims) = token(&world.received("GET", RESULT).await[0]);
        let expected =
            json!({ "exchange_code": "marker-exchange", "jti": "<jti>", "iat": "<iat>", "exp": "<exp>" });
        assert_eq!(steady(claims), expected);
    }
}

#[tokio::test]
async fn a_documented_code_counts_with_any_status_of_a_refusal_and_odd_extras_do_no_harm() {
    for (status, body, state) in [
        (410, json!({ "error": "SIGNED_ACCESS_EXPIRED", "error_description": null }), State::Completed),
        (
            409,
            json!({ "error": "DOCUMENT_NOT_SIGNED", "error_description": { "en": "x" }, "id": 1 }),
            State::Pending,
        ),
        (400, json!({ "trace_id": "t", "error": "REQUEST_EXPIRED" }), State::Expired),
    ] {
        let world = world(&[]).await;
        let handle = world.submitted().await;
        world.answer("GET", RESULT, ResponseTemplate::new(status).set_body_json(&body)).await;
        assert_eq!(world.client.status(&handle).await.unwrap().state(), state, "{body}");
    }
    let world = world(&[]).await;
    let handle = world.submitted().await;
    let unknown = json!({ "error": "REQUEST_NOT_FOUND" });
    world.answer("GET", RESULT, ResponseTemplate::new(404).set_body_json(unknown)).await;
    let error = world.client.status(&handle).await.unwrap_err();
    assert_eq!(error.provider_code(), Some("REQUEST_NOT_FOUND"), "{error}");
}

#[tokio::test]
async fn a_refused_token_is_named_whatever_the_status() {
    let world = world(&[]).await;
    let handle = world.submitted().await;
    world.refuse("GET", RESULT, "UNAUTHORIZED").await;
    let error = world.client.status(&handle).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error}");
    assert!(error.message().contains("client_id"), "{error}");
}

#[tokio::test]
async fn a_400_that_is_not_singpass_own_says_nothing_and_may_be_asked_again() {
    for body in ["", "{\"error\":\"DOCUMENT_NO", "<html>blocked</html>"] {
        let world = world(&[]).await;
        let handle = world.submitted().await;
        world.answer("GET", RESULT, ResponseTemplate::new(400).set_body_string(body)).await;
        let error = world.client.status(&handle).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.retry()),
            (ErrorKind::UnexpectedAnswer, Retry::SAFE),
            "{body}: {error}"
        );
    }
}

#[tokio::test]
async fn the_underscore_is_tried_once_after_a_foreign_404_and_remembered() {
    let world = world(&[]).await;
    let handle = world.submitted().await;
    world.answer("GET", RESULT, ResponseTemplate::new(404).set_body_string("<html>Cannot GET</html>")).await;
    // MockPass's answer has neither `exp` nor `signer_info`.
    let link = format!("{}/doc", world.server.uri());
    let body = json!({ "signed_doc_url": link });
    world.answer("GET", RESULT_UNDERSCORE, ResponseTemplate::new(200).set_body_json(body)).await;
    for _ in 0..2 {
        assert_eq!(world.client.status(&handle).await.unwrap().state(), State::Completed);
    }
    assert_eq!(world.received("GET", RESULT).await.len(), 1);
    assert_eq!(world.received("GET", RESULT_UNDERSCORE).await.len(), 2);
}

#[tokio::test]
async fn the_signed_document_comes_whole_and_a_link_that_ran_out_is_renewed() {
    let world = world(&[]).await;
    let handle = world.submitted().await;
    let body = json!({ "signed_doc_url": format!("{}/doc", world.server.uri()), "exp": 1_767_225_720 });
    world.answer("GET", RESULT, ResponseTemplate::new(200).set_body_json(body)).await;
    let once =
        wiremock::Mock::given(wiremock::matchers::path("/doc")).respond_with(ResponseTemplate::new(403));
    once.up_to_n_times(1).mount(&world.server).await;
    world
        .answer("GET", "/doc", ResponseTemplate::new(200).set_body_bytes(b"%PDF-signed %%EOF".to_vec()))
        .await;
    let signed = world.client.download(&handle, &ArtifactId::SIGNED).await.unwrap();
    assert_eq!(&signed.content[..], b"%PDF-signed %%EOF");
    assert_eq!(world.received("GET", RESULT).await.len(), 2);
    let fetched = world.received("GET", "/doc").await;
    assert!(fetched.iter().all(|r| r.headers.get("authorization").is_none()));
}

#[tokio::test]
async fn a_documents_link_may_lead_on_without_a_token() {
    let world = world(&[]).await;
    let handle = world.submitted().await;
    let body = json!({ "signed_doc_url": format!("{}/doc", world.server.uri()) });
    world.answer("GET", RESULT, ResponseTemplate::new(200).set_body_json(body)).await;
    world.answer("GET", "/doc", ResponseTemplate::new(302).insert_header("location", "/store/doc")).await;
    let pdf = ResponseTemplate::new(200).set_body_bytes(b"%PDF-signed\n%%EOF".to_vec());
    world.answer("GET", "/store/doc", pdf).await;
    let signed = world.client.download(&handle, &ArtifactId::SIGNED).await.unwrap();
    assert_eq!(&signed.content[..], b"%PDF-signed\n%%EOF");
    let fetched = world.received("GET", "/store/doc").await;
    assert!(fetched.iter().all(|r| r.headers.get("authorization").is_none()));
    assert_eq!(world.received("GET", RESULT).await.len(), 1);
}

#[tokio::test]
async fn something_else_than_a_pdf_and_an_unknown_artifact_are_refused() {
    let world = world(&[]).await;
    let handle = world.submitted().await;
    let body = json!({ "signed_doc_url": format!("{}/doc", world.server.uri()) });
    world.answer("GET", RESULT, ResponseTemplate::new(200).set_body_json(body)).await;
    for (body, why) in [("<html>login</html>", "not a PDF"), ("%PDF-1.7 signed, an", "cut short")] {
        let answer = ResponseTemplate::new(200).set_body_string(body);
        let doc = wiremock::Mock::given(wiremock::matchers::path("/doc")).respond_with(answer);
        doc.up_to_n_times(1).mount(&world.server).await;
        let error = world.client.download(&handle, &ArtifactId::SIGNED).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Integrity, "{error}");
        assert!(error.message().contains(why), "{error}");
    }
    let error = world.client.download(&handle, &ArtifactId::EVIDENCE).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

#[tokio::test]
async fn cancel_has_its_claims_and_each_refusal_its_meaning() {
    type Expected = Result<CancelOutcome, ErrorKind>;
    let cases: [(&str, Expected); 4] = [
        ("", Ok(CancelOutcome::Cancelled)),
        ("DOCUMENT_ALREADY_SIGNED", Ok(CancelOutcome::TooLate)),
        ("ACTIVE_SESSION_ONGOING", Err(ErrorKind::Conflict)),
        ("SOMETHING_NEW", Err(ErrorKind::InvalidRequest)),
    ];
    for (code, expected) in cases {
        let world = world(&[]).await;
        let handle = world.submitted().await;
        world.refuse("GET", RESULT, "DOCUMENT_NOT_SIGNED").await;
        if code.is_empty() {
            world.answer("POST", CANCEL, ResponseTemplate::new(200)).await;
        } else {
            world.refuse("POST", CANCEL, code).await;
        }
        let got = world.client.cancel(&handle).await.map_err(|e| e.kind());
        assert_eq!(got, expected, "{code}");
        let sent = &world.received("POST", CANCEL).await[0];
        assert!(sent.body.is_empty());
        let expected =
            json!({ "client_id": "client-1", "request_id": "signv3-1", "iat": "<iat>", "exp": "<exp>" });
        assert_eq!(steady(token(sent).1), expected);
    }
    let world = world(&[("cancel_claim", json!("both"))]).await;
    let handle = world.submitted().await;
    world.refuse("GET", RESULT, "DOCUMENT_NOT_SIGNED").await;
    let error = world.client.cancel(&handle).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "a server without the operation: {error}");
    assert_eq!(token(&world.received("POST", CANCEL).await[0]).1["client_request"], "client-1");
}

#[tokio::test]
async fn a_create_is_sent_once_unless_it_surely_had_no_effect() {
    for (status, sends, retry) in
        [(503, 1, Retry::OutcomeUnknown), (400, 1, Retry::Never), (402, 1, Retry::OutcomeUnknown)]
    {
        let world = world(&[]).await;
        world.answer("POST", REQUESTS, ResponseTemplate::new(status).set_body_string("<html>")).await;
        let prepared = world.client.prepare(request(&[(1, 0.0, 0.0)])).await.unwrap();
        let error = world.client.submit(prepared).await.unwrap_err();
        assert_eq!(error.retry(), retry, "{status}: {error}");
        assert_eq!(world.received("POST", REQUESTS).await.len(), sends, "{status}");
    }
    let world = world(&[]).await;
    let busy =
        wiremock::Mock::given(wiremock::matchers::path(REQUESTS)).respond_with(ResponseTemplate::new(429));
    busy.up_to_n_times(1).mount(&world.server).await;
    world.submitted().await;
    let sent = world.received("POST", REQUESTS).await;
    assert_eq!(sent.len(), 2);
    assert_ne!(token(&sent[0]).1["jti"], token(&sent[1]).1["jti"], "a fresh token for each attempt");
}

#[tokio::test]
async fn odd_answers_to_a_create_leave_the_outcome_open() {
    for body in [
        "",
        "null",
        "{}",
        "<html>",
        r#"{"request_id":1}"#,
        r#"{"request_id":"","signing_url":"https://x.example","exchange_code":"y"}"#,
    ] {
        let world = world(&[]).await;
        world.answer("POST", REQUESTS, ResponseTemplate::new(200).set_body_string(body)).await;
        let prepared = world.client.prepare(request(&[(1, 0.0, 0.0)])).await.unwrap();
        let error = world.client.submit(prepared).await.unwrap_err();
        assert!(error.is_outcome_unknown(), "{body}: {error}");
    }
}

#[tokio::test]
async fn a_link_that_no_browser_may_open_is_missing_and_the_request_can_be_called_back() {
    for link in [json!(null), json!(""), json!("javascript:alert(1)"), json!("data:text/html,x"), json!(7)] {
        let world = world(&[]).await;
        let body = json!({ "request_id": "signv3-1", "signing_url": link, "exchange_code": "e" });
        world.answer("POST", REQUESTS, ResponseTemplate::new(200).set_body_json(body)).await;
        let prepared = world.client.prepare(request(&[(1, 0.0, 0.0)])).await.unwrap();
        let submission = world.client.submit(prepared).await.unwrap();
        assert_eq!(submission.next_steps[0].step, Step::LinkMissing { later: false }, "{link}");
        world.refuse("GET", RESULT, "DOCUMENT_NOT_SIGNED").await;
        world.answer("POST", CANCEL, ResponseTemplate::new(200)).await;
        assert_eq!(world.client.cancel(&submission.handle).await.unwrap(), CancelOutcome::Cancelled);
    }
}

#[tokio::test]
async fn a_success_that_is_not_singpass_s_cancels_nothing() {
    for (status, body) in [(200, "<html>Log in</html>"), (202, ""), (200, r#"{"error":"maintenance"}"#)] {
        let world = world(&[("cancelled_codes", json!(["REQUEST_CANCELLED"]))]).await;
        let handle = world.submitted().await;
        world.answer("POST", CANCEL, ResponseTemplate::new(status).set_body_string(body)).await;
        world.refuse("GET", RESULT, "DOCUMENT_NOT_SIGNED").await;
        let error = world.client.cancel(&handle).await.unwrap_err();
        assert!(error.message().contains("still open") && error.retry() == Retry::SAFE, "{error}");
    }
}

#[tokio::test]
async fn several_places_at_a_server_of_june_2025_name_the_setting() {
    let world = world(&[]).await;
    world.refuse("POST", REQUESTS, "UNAUTHORIZED").await;
    let two = world.client.prepare(request(&[(1, 0.0, 0.0), (2, 0.0, 0.0)])).await.unwrap();
    let error = world.client.submit(two).await.unwrap_err();
    assert!(error.message().contains("payload") && error.message().contains("June 2025"), "{error}");
    let one = world.client.prepare(request(&[(1, 0.0, 0.0)])).await.unwrap();
    assert!(!world.client.submit(one).await.unwrap_err().message().contains("payload"));
}

/// A KMS that fails the first time.
#[derive(Debug)]
struct Kms {
    key: LocalKey,
    calls: AtomicU32,
}

#[async_trait::async_trait]
impl SigningKey for Kms {
    fn algorithm(&self) -> KeyAlgorithm {
        self.key.algorithm()
    }
    fn key_id(&self) -> &str {
        self.key.key_id()
    }
    fn public_jwk(&self) -> Value {
        self.key.public_jwk()
    }
    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        if self.calls.fetch_add(1, Ordering::SeqCst) == 0 {
            return Err(Error::new(ErrorKind::Secret, "the KMS is busy").with_retry(Retry::SAFE));
        }
        tokio::task::yield_now().await;
        self.key.sign(message).await
    }
}

#[tokio::test]
async fn a_key_elsewhere_signs_and_its_failure_sends_nothing() {
    let key = LocalKey::generate(KeyAlgorithm::Es384, Some("kms-1")).unwrap();
    let world = world_with_key(&[], Arc::new(Kms { key, calls: AtomicU32::new(0) })).await;
    world.accept_requests().await;
    let prepared = world.client.prepare(request(&[(1, 0.0, 0.0)])).await.unwrap();
    let error = world.client.submit(prepared).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Secret, "{error}");
    assert!(!error.is_outcome_unknown(), "{error}");
    assert!(world.received("POST", REQUESTS).await.is_empty());
    world.submitted().await;
    assert_eq!(
        token(&world.received("POST", REQUESTS).await[0]).0,
        json!({ "alg": "ES384", "kid": "kms-1" })
    );
}

#[tokio::test]
async fn the_published_key_set_has_every_key_and_no_private_part() {
    let world = world(&[]).await;
    let jwks = world.client.provider("singpass").unwrap().keys().unwrap().jwks().await.unwrap();
    let keys = jwks["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 1);
    for (name, value) in [("kid", "rp-1"), ("use", "sig"), ("alg", "ES256"), ("kty", "EC"), ("crv", "P-256")]
    {
        assert_eq!(keys[0][name], value);
    }
    assert!(keys[0].get("d").is_none());
}

#[tokio::test]
async fn nothing_secret_is_shown() {
    let world = world(&[]).await;
    let mut wanted = request(&[(1, 100.0, 100.0)]);
    wanted.signers[0].identity = Some(Identity::new(Identity::SG_NRIC, "S1234567D"));
    let prepared = world.client.prepare(wanted).await.unwrap();
    let mut shown = format!("{prepared:?} {prepared:#?}");
    world.accept_requests().await;
    let submission = world.client.submit(prepared).await.unwrap();
    let provider = world.client.provider("singpass").unwrap();
    shown +=
        &format!("{submission:?} {submission:#?} {provider:?} {provider:#?} {}", submission.record.to_json());
    world.refuse("GET", RESULT, "marker-exchange").await;
    let report = world.client.status(&submission.handle).await;
    shown += &format!("{:?}", report.map(|r| r.standing));
    for secret in SECRETS {
        assert!(!shown.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn adapt_lets_a_request_for_another_provider_through() {
    let world = world(&[("adapt", json!(["message", "language", "return_url", "expiry"]))]).await;
    let wanted = request(&[(1, 100.0, 100.0)])
        .message("Please sign")
        .language("en")
        .return_url("https://x.gov.sg/back".parse().unwrap())
        .expires_after(esign_core::jiff::SignedDuration::from_hours(24));
    let plan = world.client.plan_on("singpass", &wanted).await.unwrap();
    assert_eq!(plan.verdict, Verdict::WorksWithChanges, "{plan:?}");
    let wishes: Vec<_> = plan.changes.iter().map(|c| c.wish).collect();
    assert_eq!(wishes, [Wish::Message, Wish::Language, Wish::ReturnUrl, Wish::Expiry]);
}
