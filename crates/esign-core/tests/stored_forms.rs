//! What was stored once is readable for ever, and what is stored today is written byte for byte as the golden files say.
//!
//! A listed golden file never changes: a new version of a form adds a file and keeps the tests of the old one.

use std::time::Duration;

use bytes::Bytes;
use esign_core::facts::Rect;
use esign_core::jiff::Timestamp;
use esign_core::memory::{A4Pages, KIND, MemoryConfig, MemoryProvider, MemoryService};
use esign_core::secrecy::ExposeSecret;
use esign_core::{
    Anchor, CallbackEvidence, ChainRecord, ChainStep, Client, Config, Corner, Delivery, Document, ErrorKind,
    Handle, InstanceConfig, Intent, MediaType, Order, Origin, Placement, Prepared, Reference, Registry,
    RequestFile, SignRequest, Signer, Spot, Submission, SubmissionRecord, Support, Use, VirtualClock, Wish,
};

const HANDLE: &str = include_str!("golden/handle-1.json");
const INTENT: &str = include_str!("golden/intent-1.json");
const RECORD: &str = include_str!("golden/record-1.json");
const RECEIPT: &str = include_str!("golden/callback-1.json");
const CHAIN: &str = include_str!("golden/chain-1.json");
const REQUEST_TOML: &str = include_str!("golden/request-1.toml");
const REQUEST_JSON: &str = include_str!("golden/request-1.json");

fn noon() -> Timestamp {
    "2026-01-01T12:00:00Z".parse().unwrap()
}

/// A request with everything that a stored form can hold.
fn request() -> SignRequest {
    let annex = Document::new("Terms", MediaType::TEXT, "These are the terms.").with_key("terms");
    let tenant = Signer::new("tenant")
        .name("Ann Example")
        .email("Ann@example.com")
        .document("document", Use::Sign)
        .document("terms", Use::View)
        .place(Placement::points(2, 72.5, 144.0, Origin::BottomLeft, Corner::BottomLeft).on("document"))
        .place(Placement::native(KIND, 1, "0.10", "-3.000").unwrap().on("document"));
    let mut anchor = Anchor::text("Sign here:");
    anchor.dx = 4.5;
    let landlord = Signer::new("landlord")
        .email("bob@example.com")
        .place(Placement::anchor(anchor).on("document"))
        .place(Placement::form_field("form.landlord").on("document"));
    let lease = Document::pdf("Lease\t12", &b"%PDF-1.7 lease"[..]);
    SignRequest::new(Reference::new("lease-2026.12_a").unwrap(), lease, Delivery::ProviderEmail)
        .document(annex)
        .signer(tenant)
        .signer(landlord)
        .order(Order::Sequential)
}

async fn client() -> Client {
    let mut registry = Registry::new();
    registry.register::<MemoryConfig>().unwrap();
    let instance =
        InstanceConfig::new(KIND).with("base_url", "https://memory.example/v1").adapt(Wish::DocumentName);
    let mut config = Config { active: Some("memory-staging".into()), ..Config::default() };
    config.providers.insert("memory-staging".into(), instance);
    let client = Client::builder(registry)
        .config(config)
        .clock(std::sync::Arc::new(VirtualClock::at(noon())))
        .inspector(std::sync::Arc::new(A4Pages(3)))
        .build()
        .await
        .unwrap();
    service(&client).change_capabilities(|caps| {
        caps.placements.anchors = Support::Yes;
        caps.placements.fields = Support::Yes;
    });
    client
}

fn service(client: &Client) -> MemoryService {
    client.provider_as::<MemoryProvider>("memory-staging").unwrap().service().clone()
}

async fn prepared() -> Prepared {
    client().await.prepare(request()).await.unwrap()
}

/// The record names the software that wrote it; everything else is the same for every release.
fn as_first_release(json: &str) -> String {
    json.replace(concat!("\"esign ", env!("CARGO_PKG_VERSION"), "\""), "\"esign 0.1.0\"")
}

#[tokio::test]
async fn an_intent_is_written_as_ever_and_read_back() {
    assert_eq!(as_first_release(&prepared().await.intent().to_json()), INTENT.trim_end());
    let read = Intent::from_json(INTENT).unwrap();
    assert_eq!(read.to_json(), INTENT.trim_end());
    assert_eq!(read.reference().as_str(), "lease-2026.12_a");
    assert_eq!(read.documents()[0].name, "Lease_12");
    assert_eq!(read.changes()[0].wish, Wish::DocumentName);
    assert_eq!(read.placements()[0].area, Some(Rect::new(72.5, 144.0, 200.0, 60.0)));
    assert_eq!(read.placements()[1].native.as_ref().unwrap().y.as_str(), "-3.000");
    assert_eq!(read.placements()[2].anchor.as_ref().unwrap().text, "Sign here:");
    assert_eq!(read.placements()[3].field.as_deref(), Some("form.landlord"));
    let digest = Intent::email_digest(read.reference(), &" ann@EXAMPLE.com".into());
    assert_eq!(read.signers()[0].email_digest, Some(digest));
}

#[tokio::test]
async fn a_handle_is_written_as_ever_and_read_back() {
    let submission = client().await.submit(prepared().await).await.unwrap();
    assert_eq!(submission.handle.to_stored().expose_secret(), HANDLE.trim_end());
    let read = Handle::from_stored(HANDLE).unwrap();
    assert_eq!(read, submission.handle);
    assert_eq!(read.to_stored().expose_secret(), HANDLE.trim_end());
    assert_eq!((read.instance(), read.kind(), read.request().id()), ("memory-staging", &KIND, "m-1"));
    assert_eq!(read.request().created_at(), noon());
    assert_eq!(read.key().as_str(), "memory-86920923aaf668cb46961dab8bfeff85");
}

#[tokio::test]
async fn a_record_is_written_as_ever_and_read_back() {
    let prepared = prepared().await;
    let handle = Handle::new(prepared.intent(), "m-1", noon());
    let record = Submission::new(prepared.intent(), handle)
        .provider_times(Some(noon()), Some(noon() + Duration::from_secs(3600)))
        .note("the provider stated no origin")
        .record;
    assert_eq!(as_first_release(&record.to_json()), RECORD.trim_end());
    let read = SubmissionRecord::from_json(RECORD).unwrap();
    assert_eq!(read.to_json(), RECORD.trim_end());
    assert_eq!((read.provider_id(), read.submitted_at()), ("m-1", noon()));
    assert_eq!(read.provider_created_at(), Some(noon()));
    assert_eq!(read.provider_expires_at(), Some("2026-01-01T13:00:00Z".parse().unwrap()));
    assert_eq!(read.notes(), ["the provider stated no origin"]);
    assert_eq!(read.intent(), &Intent::from_json(INTENT).unwrap());
}

#[test]
fn a_callback_receipt_is_written_as_ever_and_read_back() {
    let body = Bytes::from_static(b"{\"token\":\"x\"}");
    let read = CallbackEvidence::from_receipt(body.clone(), RECEIPT).unwrap();
    assert_eq!((read.received_at, read.verified_with.as_str()), (noon(), "{\"kty\":\"EC\"}"));
    assert_eq!(read.receipt(), RECEIPT.trim_end());
    let other = CallbackEvidence::from_receipt(Bytes::from_static(b"other"), RECEIPT).unwrap_err();
    assert_eq!(other.kind(), ErrorKind::BadHandle);
}

/// One leg signed, one sent, one waiting.
#[tokio::test]
async fn a_chain_is_written_as_ever_and_read_back() {
    let client = client().await;
    let service = service(&client);
    service.change_capabilities(|caps| {
        caps.signers.count = esign_core::Range::of(1, 1);
        caps.signers.chain = Support::Yes;
    });
    let document = Bytes::from_static(b"%PDF-1.7 lease");
    let reference = Reference::new("lease-12").unwrap();
    let request =
        SignRequest::new(reference, Document::pdf("Lease 12", document.clone()), Delivery::ShareableLink)
            .signer(Signer::new("tenant"))
            .signer(Signer::new("landlord"))
            .signer(Signer::new("witness"))
            .order(Order::Sequential);
    let mut chain = client.begin_chain("memory-staging", &request).await.unwrap();
    let mut document = document;
    for _ in 0..5 {
        match client.step(&mut chain, &request, &document).await.unwrap() {
            ChainStep::Sent { signer, submission } if signer == "tenant" => {
                assert!(service.sign(&submission.handle, &signer));
            }
            ChainStep::Signed { document: signed, .. } => document = signed.content,
            _ => {}
        }
    }
    assert_eq!(as_first_release(chain.to_stored().expose_secret()), CHAIN.trim_end());
    let read = ChainRecord::from_stored(CHAIN).unwrap();
    assert_eq!(read.to_stored().expose_secret(), CHAIN.trim_end());
    assert_eq!(read.progress(), (1, 3));
    assert_eq!(read.handle(), chain.handle());
}

#[test]
fn a_request_file_is_read_and_written_as_ever_in_both_forms() {
    let toml: RequestFile = toml::from_str(REQUEST_TOML).unwrap();
    let json: RequestFile = serde_json::from_str(REQUEST_JSON).unwrap();
    assert_eq!(toml::to_string_pretty(&toml).unwrap(), REQUEST_TOML);
    for file in [&toml, &json] {
        assert_eq!(serde_json::to_string_pretty(file).unwrap(), REQUEST_JSON.trim_end());
    }

    let request = toml.into_request(|path| Ok(Bytes::from(format!("%PDF {}", path.display())))).unwrap();
    assert_eq!(request.reference.as_str(), "lease-2026.12_a");
    assert_eq!(request.documents.iter().map(Document::key).collect::<Vec<_>>(), ["lease", "document-2"]);
    assert_eq!(request.documents[0].content(), "%PDF contracts/lease.pdf");
    assert_eq!((request.order, request.delivery), (Some(Order::Groups), Delivery::ProviderEmail));
    assert_eq!(request.message.as_deref(), Some("Please sign by Friday."));
    assert_eq!(request.return_url.as_ref().unwrap().as_str(), "https://agency.gov.sg/done");
    assert_eq!(request.expires_after.unwrap().as_secs(), 14 * 86_400);
    assert_eq!(request.legal_classes.len(), 2);
    assert_eq!(
        request.options.kinds().map(esign_core::ProviderKind::as_str).collect::<Vec<_>>(),
        ["signicat"]
    );
    let tenant = &request.signers[0];
    assert_eq!(tenant.email.as_ref().unwrap().expose(), "ann@example.com");
    assert_eq!(tenant.identity.as_ref().unwrap().value.expose(), "S1234567D");
    assert_eq!(tenant.documents[1].used, Use::View);
    let spots: Vec<_> = tenant.placements.iter().map(|p| &p.spot).collect();
    assert!(matches!(spots[0], Spot::Page(p) if p.page == 2 && p.origin == Origin::TopLeft), "{spots:?}");
    assert!(matches!(spots[1], Spot::Anchor(a) if a.ignore_case && a.size.is_some()), "{spots:?}");
    assert!(matches!(spots[2], Spot::Field(f) if f == "form.tenant"), "{spots:?}");
    assert!(matches!(spots[3], Spot::Native(n) if n.x.as_str() == "0.10"), "{spots:?}");
}

/// A form from the future says which version it is, even where its fields are unknown.
#[test]
fn newer_versions_are_refused_by_number() {
    let handle = Handle::from_stored(r#"{"v":2,"sealed":"x"}"#).unwrap_err();
    let intent = Intent::from_json(r#"{"intent":2,"sealed":"x"}"#).unwrap_err();
    let record = SubmissionRecord::from_json(r#"{"v":2,"sealed":"x"}"#).unwrap_err();
    let chain = ChainRecord::from_stored(r#"{"chain":2,"sealed":"x"}"#).unwrap_err();
    for error in [handle, intent, record, chain] {
        assert_eq!(error.kind(), ErrorKind::BadHandle);
        assert!(error.message().contains("version 2") && error.message().contains('1'), "{error}");
    }
    let newer = REQUEST_TOML.replace("version = 1", "version = 2");
    let toml = toml::from_str::<RequestFile>(&newer).unwrap_err().to_string();
    let json = serde_json::from_str::<RequestFile>(r#"{"version":2,"sealed":1}"#).unwrap_err().to_string();
    for error in [toml, json] {
        assert!(error.contains("version 2") && error.contains("version 1"), "{error}");
    }
}

#[test]
fn what_is_no_stored_form_is_refused_without_quoting_it() {
    for text in
        ["", "marker", "{}", "[1]", "{\"v\":\"marker\"}", "{\"v\":1,\"instance\":\"marker\"}", "{\"v\":-1}"]
    {
        let handle = Handle::from_stored(text).unwrap_err();
        let record = SubmissionRecord::from_json(text).unwrap_err();
        let intent = Intent::from_json(text).unwrap_err();
        let chain = ChainRecord::from_stored(text).unwrap_err();
        for error in [handle, record, intent, chain] {
            assert_eq!(error.kind(), ErrorKind::BadHandle, "{text}");
            assert!(!format!("{error} {error:?}").contains("marker"), "{error:?}");
        }
    }
}
