//! What a sign request must be like, and how it is refused.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use esign_pdf::facts::Rect;
use esign_pdf::sign::{Level, SignOptions, Subject, TestPki, sign};
use esign_sandbox::singpass::{PayloadShape, SingpassSettings};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::rp::{CLIENT, Key};
use crate::support::{World, pdf, read, world, world_with};

fn good() -> Value {
    json!({ "client_id": CLIENT, "doc_name": "test.pdf", "x": 0.5, "y": 0.5, "page": 1 })
}

fn good_with(name: &str, value: Value) -> Value {
    let mut claims = good();
    claims[name] = value;
    claims
}

/// PDF files by hand, so that they can be wrong.
fn raw_pdf(trailer: &str) -> Vec<u8> {
    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Count 1/Kids[3 0 R]>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>",
        "<</Type/XRef/Size 5/W[1 1 1]/Index[4 1]/Length 3>>stream\n\0\0\0\nendstream",
    ];
    let mut file = "%PDF-1.7\n".to_owned();
    let mut table = "xref\n0 5\n0000000000 65535 f \n".to_owned();
    let mut last = 0;
    for (number, object) in (1..).zip(objects) {
        last = file.len();
        table += &format!("{last:010} 00000 n \n");
        file += &format!("{number} 0 obj\n{object}\nendobj\n");
    }
    let (start, trailer) = (file.len(), trailer.replace("LAST", &last.to_string()));
    file += &format!("{table}trailer\n<</Size 5/Root 1 0 R{trailer}>>\nstartxref\n{start}\n%%EOF\n");
    file.into_bytes()
}

/// A document with a signature in the middle of page 1.
fn signed_before(level: Level) -> Vec<u8> {
    let now = crate::support::START.parse().unwrap();
    let pki = TestPki::generate(now).unwrap();
    let identity = pki.issue(&Subject::new("A. Signer"), now).unwrap();
    let mut options = SignOptions::new("earlier", 1, Rect::new(200.0, 400.0, 220.5, 60.0), now);
    options.level = level;
    sign(&pdf().into(), &identity, Some(pki.tsa()), &options).unwrap().to_vec()
}

/// The signature as an ASN.1 sequence, as libraries give it that do not know of JWS.
fn in_der(signature: &str) -> String {
    let raw = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let integer = |half: &[u8]| {
        let padding = if half[0] >= 0x80 { vec![0] } else { Vec::new() };
        [vec![2, (padding.len() + half.len()) as u8], padding, half.to_vec()].concat()
    };
    let integers = [integer(&raw[..32]), integer(&raw[32..])].concat();
    URL_SAFE_NO_PAD.encode([vec![0x30, integers.len() as u8], integers].concat())
}

async fn refused(world: &World, token: &str) -> String {
    let (status, body) = read(world.post(token, pdf()).await).await;
    assert_eq!((status, &body["error"]), (400, &json!("UNAUTHORIZED")), "{body}");
    body["error_description"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_token_that_breaks_a_rule_is_unauthorized() {
    let world = world().await;
    let now = world.now();
    let used = world.token(good());
    assert_eq!(world.post(&used, pdf()).await.status(), 200);
    let jti_of_used = {
        let jti = Uuid::new_v4().to_string();
        let token = world.token(good_with("jti", json!(jti)));
        assert_eq!(world.post(&token, pdf()).await.status(), 200);
        jti
    };
    let key = &world.rp.key;
    let claims = || Value::Object(world.claims(good())).to_string();
    let header = |header: Value| key.token_with_header(&header, &claims());
    let other_key = Key::new(&key.kid, "ES256");
    let p384 = Key::new(&key.kid, "ES384");
    let der = {
        let token = world.token(good());
        let (message, signature) = token.rsplit_once('.').unwrap();
        format!("{message}.{}", in_der(signature))
    };
    let cut = {
        let token = world.token(good());
        let (message, signature) = token.rsplit_once('.').unwrap();
        format!("{message}.{}{}", if signature.starts_with('A') { "B" } else { "A" }, &signature[1..])
    };
    for (token, why) in [
        (format!("Bearer {}", world.token(good())), "without \"Bearer \""),
        ("no.token".to_owned(), "no JWT"),
        (String::new(), "no JWT"),
        (header(json!({ "alg": "none", "kid": key.kid })), "alg must be"),
        (header(json!({ "alg": "ES512", "kid": key.kid })), "alg is ES512"),
        (header(json!({ "alg": 256, "kid": key.kid })), "alg in the token's header must be text"),
        (header(json!({ "kid": key.kid })), "no alg"),
        (header(json!(["ES256", key.kid])), "no JWT"),
        (header(json!({ "alg": "ES256", "kid": 1 })), "kid in the token's header must be text"),
        (header(json!({ "alg": "ES256", "kid": key.kid, "crit": ["x"], "x": 1 })), "(crit)"),
        (header(json!({ "alg": "ES256", "kid": key.kid, "crit": ["b64"], "b64": false })), "(crit)"),
        (world.token(good_with("nbf", json!(now + 6))), "nbf is 6 s in the future"),
        (header(json!({ "alg": "HS256", "kid": key.kid })), "alg must be"),
        (header(json!({ "alg": "RS256", "kid": key.kid })), "alg must be"),
        (header(json!({ "alg": "ES256" })), "no kid"),
        (header(json!({ "alg": "ES256", "kid": "other" })), "no usable key"),
        (header(json!({ "alg": "ES384", "kid": key.kid })), "alg is ES384"),
        (p384.token(&claims()), "alg is ES384"),
        (other_key.token(&claims()), "does not fit"),
        (cut, "does not fit"),
        (der, "does not fit"),
        (key.token("[]"), "not a JSON object"),
        (world.token(good_with("exp", Value::Null)), "exp is missing"),
        (world.token(good_with("iat", Value::Null)), "iat is missing"),
        (world.token(good_with("exp", json!(now + 121))), "at most 120"),
        (world.token(good_with("exp", json!(now + 300))), "at most 120"),
        (world.token(good_with("exp", json!("soon"))), "exp must be a number"),
        (world.token(json!({ "client_id": CLIENT, "iat": now - 120, "exp": now })), "expired"),
        (world.token(json!({ "client_id": CLIENT, "iat": now + 10, "exp": now + 100 })), "in the future"),
        (world.token(good_with("jti", Value::Null)), "jti is missing"),
        (world.token(good_with("jti", json!("1"))), "jti must be a UUID"),
        (world.token(good_with("jti", json!(1))), "jti must be text"),
        (world.token(good_with("jti", json!(jti_of_used))), "used before"),
        (used, "used before"),
        (world.token(good_with("client_id", Value::Null)), "client_id is missing"),
        (world.token(good_with("client_id", json!(1))), "client_id must be text"),
        (world.token(good_with("client_id", json!("other"))), "no client is registered"),
    ] {
        let said = refused(&world, &token).await;
        assert!(said.contains(why), "{why}: {said}");
    }
    let no_header = world.http.post(world.url("/api/v3/sign-requests"));
    let no_header = no_header.header("content-type", "application/octet-stream").body(pdf());
    let (status, body) = read(no_header.send().await.unwrap()).await;
    assert_eq!(status, 400);
    assert!(body["error_description"].as_str().unwrap().contains("Authorization is missing"), "{body}");
    assert_eq!(world.singpass().requests().len(), 2, "nothing was made of the refused ones");
}

#[tokio::test]
async fn harmless_extras_are_accepted() {
    let world = world().await;
    let key = &world.rp.key;
    let header = json!({ "alg": "ES256", "kid": key.kid, "typ": "JWT" });
    let mut claims = world.claims(good());
    for (name, value) in [
        ("iss", json!(1)),
        ("sub", json!(["x"])),
        ("aud", json!(["x", "y"])),
        ("nbf", json!(world.now() - 1)),
        ("webhook_url", json!("x")),
    ] {
        claims.insert(name.to_owned(), value);
    }
    let token = key.token_with_header(&header, &Value::Object(claims).to_string());
    assert_eq!(world.post(&token, pdf()).await.status(), 200);
    // The largest clock difference, and a life of which one second is left.
    let now = world.now();
    for (iat, exp) in [(now + 5, now + 125), (now - 119, now + 1)] {
        let mut claims = good_with("iat", json!(iat));
        claims["exp"] = json!(exp);
        assert_eq!(world.post(&world.token(claims), pdf()).await.status(), 200, "{iat} {exp}");
    }
}

#[tokio::test]
async fn refusals_of_a_token_have_several_styles() {
    let world = world_with(|settings| settings.explain_unauthorized = false).await;
    let (status, body) = read(world.post("x", pdf()).await).await;
    assert_eq!(status, 400);
    assert_eq!(body, json!({ "error": "UNAUTHORIZED", "error_description": "Unauthorized." }));
    world.singpass().change(|settings| settings.unauthorized_is_401 = true);
    assert_eq!(world.post("x", pdf()).await.status(), 401);
    world.singpass().change(|settings| {
        settings.refuse_replays = false;
        settings.created_is_201 = true;
        settings.codes.unauthorized = "NO".to_owned();
    });
    let (_, body) = read(world.post("x", pdf()).await).await;
    assert_eq!(body["error"], "NO");
    let token = world.token(good());
    for _ in 0..2 {
        assert_eq!(world.post(&token, pdf()).await.status(), 201);
    }
}

#[tokio::test]
async fn the_body_is_the_pdf_itself() {
    let world = world().await;
    for (kind, accepted) in [
        (Some("application/octet-stream"), true),
        (Some("Application/Octet-Stream"), true),
        (Some("application/pdf"), false),
        (Some("application/json"), false),
        (Some("multipart/form-data; boundary=x"), false),
        (None, false),
    ] {
        let mut request = world.api(Method::POST, "/sign-requests", &world.token(good())).body(pdf());
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        let (status, body) = read(request.send().await.unwrap()).await;
        assert_eq!(status == 200, accepted, "{kind:?} {body}");
        if !accepted {
            assert_eq!((status, &body["error"]), (400, &json!("INVALID_REQUEST")));
        }
    }
}

/// The rules themselves are tested where they are.
#[tokio::test]
async fn claims_that_break_a_rule_are_invalid() {
    let world = world().await;
    for (claims, why) in [
        (json!({ "x": 1, "y": 1, "page": 1 }), "signature will be out of page area"),
        (json!({ "x": 0.00001, "y": 0.00001, "page": 1 }), "max fraction is 4"),
        (json!({ "x": 0.30000000000000004, "y": 0.1, "page": 1 }), "max fraction is 4"),
        (json!({ "x": -0.1, "y": 0, "page": 1 }), "out of page area"),
        (json!({ "x": 0, "y": 0, "page": 0 }), "page number, from 1"),
        (json!({ "x": 0, "y": 0 }), "page is missing"),
        (json!({ "doc_name": "", "x": 0, "y": 0, "page": 1 }), "doc_name"),
        (json!({ "doc_name": null, "x": 0, "y": 0, "page": 1 }), "doc_name"),
        (json!({ "signer_uin_hash": "x", "x": 0, "y": 0, "page": 1 }), "signer_uin_hash"),
        (json!({ "sign_locations": [] }), "1 to 20 entries"),
        (json!({ "sign_locations": vec![json!({ "page": 1, "x": 0, "y": 0 }); 21] }), "it has 21"),
        (
            json!({ "sign_locations": [{ "page": 1, "x": 0, "y": 0 }], "x": 0.1, "y": 0, "page": 1 }),
            "the same",
        ),
        (json!({}), "sign_locations or x, y and page"),
    ] {
        let (status, body) = world.try_initiate(claims.clone(), pdf()).await;
        assert_eq!((status, &body["error"]), (400, &json!("INVALID_REQUEST")), "{claims} {body}");
        assert!(body["error_description"].as_str().unwrap().contains(why), "{claims} {body}");
    }
    let twenty = json!({ "sign_locations": vec![json!({ "page": 1, "x": 0, "y": 0 }); 20] });
    assert_eq!(world.try_initiate(twenty, pdf()).await.0, 200);
    let both = json!({ "sign_locations": [{ "page": 1, "x": 0, "y": 0 }], "x": 0, "y": 0, "page": 1 });
    assert_eq!(world.try_initiate(both, pdf()).await.0, 200);
}

/// `x` is written as 5e-1 and 0.50000 by some programs; digits beyond the fourth count only if they say something.
#[tokio::test]
async fn coordinates_are_read_as_written() {
    let world = world().await;
    for (x, status) in [("5e-1", 200), ("0.50000", 200), ("0.123450", 400), ("1e-5", 400), ("\"0.5\"", 400)] {
        let claims = Value::Object(world.claims(good_with("x", Value::Null))).to_string();
        let claims = format!("{},\"x\":{x}}}", claims.strip_suffix('}').unwrap());
        let token = world.rp.key.token(&claims);
        assert_eq!(world.post(&token, pdf()).await.status(), status, "{x}");
    }
}

#[tokio::test]
async fn a_pdf_that_breaks_a_rule_is_invalid() {
    let world = world().await;
    let at = |x: f64, y: f64, page: u32| json!({ "x": x, "y": y, "page": page });
    let padded = |bytes: usize| {
        let mut pdf = pdf();
        pdf.resize(bytes, b'\n');
        pdf
    };
    let middle = || at(0.3, 0.5, 1);
    for (pdf, claims, why) in [
        (b"not a PDF".to_vec(), middle(), "cannot be signed"),
        (Vec::new(), middle(), "cannot be signed"),
        (raw_pdf("/Encrypt 9 0 R"), middle(), "cannot be signed"),
        (raw_pdf("/XRefStm LAST"), middle(), "hybrid"),
        (padded(10_000_000), middle(), "smaller than 10000000 bytes"),
        (pdf(), at(0.3, 0.5, 3), "no page 3"),
        (pdf(), at(0.63, 0.0, 1), "out of page area"),
        (pdf(), at(0.0, 0.93, 2), "out of page area"),
        (signed_before(Level::BB), at(0.0, 0.0, 1), "below PAdES B-T"),
        (signed_before(Level::BT), middle(), "overlap"),
        (signed_before(Level::BT), at(0.0, 0.45, 1), "overlap"),
    ] {
        let (status, body) = world.try_initiate(claims.clone(), pdf).await;
        assert_eq!((status, &body["error"]), (400, &json!("INVALID_DOCUMENT")), "{claims} {body}");
        assert!(body["error_description"].as_str().unwrap().contains(why), "{why}: {body}");
    }
    for (pdf, claims) in [
        (raw_pdf(""), middle()),
        (padded(9_999_999), middle()),
        (pdf(), at(0.622, 0.9287, 2)),
        (signed_before(Level::BT), at(0.0, 0.0, 1)),
        (signed_before(Level::BLT), at(0.3, 0.5, 2)),
    ] {
        let (status, body) = world.try_initiate(claims, pdf).await;
        assert_eq!(status, 200, "{body}");
    }
    // What fits as it is drawn, 220.5 points wide, need not fit as the documents of June 2025 say.
    let narrow = at(0.6295, 0.9287, 2);
    assert_eq!(world.try_initiate(narrow.clone(), pdf()).await.0, 400);
    world.singpass().change(|settings| settings.wide_box = false);
    assert_eq!(world.try_initiate(narrow, pdf()).await.0, 200);
}

#[tokio::test]
async fn older_services_take_older_requests() {
    let world = world_with(|settings| *settings = SingpassSettings::june_2025()).await;
    let locations = json!({ "sign_locations": [{ "page": 1, "x": 0, "y": 0 }] });
    assert_eq!(world.try_initiate(locations.clone(), pdf()).await.0, 400);
    let narrow = json!({ "x": 0.6295, "y": 0, "page": 1 });
    assert_eq!(world.try_initiate(narrow.clone(), pdf()).await.0, 400, "225 points wide");
    assert_eq!(world.try_initiate(json!({ "x": 0.622, "y": 0, "page": 1 }), pdf()).await.0, 200);
    world.singpass().change(|settings| settings.payload = PayloadShape::Locations);
    assert_eq!(world.try_initiate(locations, pdf()).await.0, 200);
    assert_eq!(world.try_initiate(narrow, pdf()).await.0, 400);
}
