//! From the request to the signed document, as the documentation tells it.

use esign_pdf::facts::{Rect, SignatureLevel};
use esign_pdf::verify::{ExpectedBox, Original, RevocationStatus, Verdict};
use esign_pdf::{Limits, VerificationReport, VerifyOptions, inspect, roots_from_pem, verify};
use reqwest::Method;
use serde_json::json;

use crate::support::{World, object, other_person, pdf, person, world, world_with};

impl World {
    /// What a signed document proves to somebody who trusts the sandbox's root.
    fn verified(&self, signed: &[u8], original: &[u8], places: &[(u32, f64, f64)]) -> VerificationReport {
        let mut options = VerifyOptions::new(self.sandbox.clock().now());
        options.roots = roots_from_pem(self.sandbox.root_pem().as_bytes()).unwrap();
        options.original = Some(Original::of(original));
        let expected = places.iter().map(|(page, x, y)| {
            let rect = Rect::new(x * 595.28, y * 841.89, 220.5, 60.0);
            ExpectedBox { page: *page, rect, tolerance: 0.01 }
        });
        options.boxes = expected.collect();
        let report = verify(signed, &options).unwrap();
        assert_eq!(report.verdict, Verdict::Passed, "{:?}", report.reasons);
        assert_eq!(report.extends_original, Some(true));
        assert!(report.boxes.iter().all(|one| one.field.is_some()), "{:?}", report.boxes);
        report
    }
}

fn contains(bytes: &[u8], part: &str) -> bool {
    bytes.windows(part.len()).any(|window| window == part.as_bytes())
}

#[tokio::test]
async fn a_document_is_signed_and_its_client_told() {
    let world = world().await;
    let request = world.initiate().await;
    let millis = world.sandbox.clock().now().as_millisecond();

    // The answer, in the shapes of the samples.
    let uuid = uuid::Uuid::parse_str(request.id.strip_prefix("signv3-").unwrap()).unwrap();
    assert_eq!(uuid.get_version_num(), 7);
    assert_eq!(uuid.get_timestamp().unwrap().to_unix().0 as i64, world.now());
    uuid::Uuid::parse_str(&request.exchange_code).unwrap();
    let url = url::Url::parse(&request.signing_url).unwrap();
    assert!(request.signing_url.starts_with(world.sandbox.base_url().as_str()));
    let query: Vec<_> = url.query_pairs().collect();
    assert_eq!((&*query[1].0, &*query[1].1), ("request_id", request.id.as_str()));
    let (header, claims) = world.proven(&query[0].1).await.unwrap();
    assert_eq!(header, json!({ "alg": "ES256", "typ": "JWT", "kid": "sign-sandbox-01" }));
    assert_eq!(claims, json!({ "request_id": request.id, "iat": world.now(), "exp": world.now() + 1800 }));

    let back = world.singpass().sign(&request.id, &person()).await.unwrap();
    assert_eq!(back, format!("https://rp.example/back?case=7&request_id={}&status=success", request.id));
    let deliveries = world.singpass().webhooks_done().await;
    assert_eq!(deliveries.len(), 1);
    assert!(deliveries[0].outcome.is_accepted());

    let [token] = &world.rp.tokens()[..] else { panic!() };
    let (header, claims) = world.proven(token).await.unwrap();
    assert_eq!(header, json!({ "alg": "ES256", "typ": "JWT", "kid": "sign-sandbox-01" }));
    let signer_info = json!({
        "signer_name": "NAME OF S1234567D", "signer_partial_uinfin": "567D", "signed_at": millis,
    });
    let expected = json!({
        "request_type": "signed_doc_url", "request_id": request.id, "signed_doc_url": claims["signed_doc_url"],
        "signer_info": signer_info, "iat": world.now(), "exp": world.now() + 120,
    });
    assert_eq!(claims, expected);

    let response = world.http.get(claims["signed_doc_url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/pdf");
    let signed = response.bytes().await.unwrap();
    let report = world.verified(&signed, &pdf(), &[(1, 0.5, 0.5)]);
    let [signature] = &report.signatures[..] else { panic!("{:?}", report.signatures) };
    assert_eq!(signature.level, SignatureLevel::BLT);
    uuid::Uuid::parse_str(signature.field.strip_prefix("v3-").unwrap()).unwrap();
    let name = signature.signer.as_ref().and_then(|signer| signer.common_name.as_ref()).unwrap();
    assert_eq!(name.expose(), "NAME OF S1234567D");
    assert!(contains(&signed, "/Sign#20with#20Singpass"), "the name of the program, as measured");
    assert_eq!(signed.len(), world.singpass().pdf(&request.id).unwrap().len());

    // The result says the same; each call has a link of its own.
    let (status, result) = world.result(&request).await;
    assert_eq!(status, 200);
    assert_eq!(object(result.clone()).len(), 3);
    assert_eq!((&result["signer_info"], &result["exp"]), (&signer_info, &json!(world.now() + 120)));
    assert_ne!(result["signed_doc_url"], claims["signed_doc_url"]);
    let (_, again) = world.download(result["signed_doc_url"].as_str().unwrap()).await;
    assert_eq!(again, signed);
}

#[tokio::test]
async fn one_person_signs_in_many_places_and_another_signs_after() {
    let world = world().await;
    let places = [(1, 0.1, 0.1), (2, 0.5, 0.7), (2, 0.05, 0.05)];
    let locations: Vec<_> =
        places.iter().map(|(page, x, y)| json!({ "page": page, "x": x, "y": y })).collect();
    let first = world.initiate_with(json!({ "sign_locations": locations }), pdf()).await;
    world.singpass().sign(&first.id, &person()).await.unwrap();
    let once = world.singpass().pdf(&first.id).unwrap();
    let report = world.verified(&once, &pdf(), &places);
    assert_eq!(report.signatures.len(), 3);
    let certificates: std::collections::HashSet<_> =
        report.signatures.iter().map(|one| one.signer.as_ref().unwrap().sha256.clone()).collect();
    assert_eq!(certificates.len(), 1, "one person, one certificate");

    let second = world.initiate_with(json!({ "x": 0.5, "y": 0.1, "page": 1 }), once.to_vec()).await;
    world.singpass().sign(&second.id, &other_person()).await.unwrap();
    let twice = world.singpass().pdf(&second.id).unwrap();
    assert_eq!(world.verified(&twice, &once, &[(1, 0.5, 0.1)]).signatures.len(), 4);
    world.verified(&twice, &pdf(), &[&places[..], &[(1, 0.5, 0.1)]].concat());
}

/// As measured: the document, the signature with its timestamp, the store. Nothing is left open for a strict verifier.
#[tokio::test]
async fn a_signed_document_has_the_three_revisions_of_a_real_one() {
    let world = world().await;
    let request = world.signed().await;
    let mut signed = world.singpass().pdf(&request.id).unwrap();
    let before = inspect(&pdf(), &Limits::default()).unwrap().revisions.len();
    for (person, signatures) in [(None, 1), (Some(other_person()), 2)] {
        if let Some(person) = person {
            let next = world.initiate_with(json!({ "x": 0.5, "y": 0.1, "page": 1 }), signed.to_vec()).await;
            world.singpass().sign(&next.id, &person).await.unwrap();
            signed = world.singpass().pdf(&next.id).unwrap();
        }
        let facts = inspect(&signed, &Limits::default()).unwrap();
        assert_eq!((facts.revisions.len(), facts.damage.len()), (before + 2 * signatures, 0));
        assert!(!contains(&signed, "/VRI"));
        let mut options = VerifyOptions::new(world.sandbox.clock().now()).strict();
        options.roots = roots_from_pem(world.sandbox.root_pem().as_bytes()).unwrap();
        let report = verify(&signed, &options).unwrap();
        assert_eq!(report.verdict, Verdict::Passed, "{:?}", report.reasons);
        assert_eq!(report.signatures.len(), signatures);
        assert!(report.signatures.iter().all(|one| one.level == SignatureLevel::BLT));
        assert!(report.signatures.iter().all(|one| one.revocation.status == RevocationStatus::Good));
    }
}

#[tokio::test]
async fn the_store_comes_once_after_all_signatures_of_a_request_and_can_be_left_out() {
    for (long_term, level) in [(true, SignatureLevel::BLT), (false, SignatureLevel::BT)] {
        let world = world_with(|settings| settings.long_term = long_term).await;
        let locations = json!([{ "page": 1, "x": 0, "y": 0 }, { "page": 2, "x": 0, "y": 0 }]);
        let request = world.initiate_with(json!({ "sign_locations": locations }), pdf()).await;
        world.singpass().sign(&request.id, &person()).await.unwrap();
        let signed = world.singpass().pdf(&request.id).unwrap();
        let report = world.verified(&signed, &pdf(), &[(1, 0.0, 0.0)]);
        assert!(report.signatures.iter().all(|one| one.level == level));
        let added = inspect(&signed, &Limits::default()).unwrap().revisions.len()
            - inspect(&pdf(), &Limits::default()).unwrap().revisions.len();
        assert_eq!(added, 2 + usize::from(long_term));
    }
}

/// The official demo app: `x`, `y` and `page`, 120 seconds, the older result path, no content type on the result.
#[tokio::test]
async fn the_calls_of_the_demo_app_work() {
    let world = world().await;
    let request = world.signed().await;
    let token = world.token(json!({ "exchange_code": request.exchange_code }));
    let path = format!("/sign-requests/{}/signed_doc", request.id);
    let response = world.api(Method::GET, &path, &token).send().await.unwrap();
    assert_eq!(response.status(), 200);
}
