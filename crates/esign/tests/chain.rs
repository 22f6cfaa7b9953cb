//! Several signers in a chain, over real sockets: whatever comes after it, a signature that was made stays valid.
#![cfg(feature = "singpass")]

use std::sync::Arc;

use bytes::Bytes;
use esign::facts::SignatureLevel;
use esign::pdf::verify::{Coverage, SignatureReport, Verdict};
use esign::pdf::{VerifyOptions, roots_from_pem};
use esign::secrecy::ExposeSecret;
use esign::singpass::LocalKey;
use esign::{
    Artifact, ArtifactId, ChainRecord, ChainStep, Client, Clock, Corner, Delivery, Document, KeyAlgorithm,
    MediaType, Order, Origin, Placement, RecordVerification, Reference, SignRequest, Signer, SigningKey,
    SubmissionRecord, SystemClock,
};
use esign_sandbox::singpass::{ClientKeys, Person};
use esign_sandbox::{SAMPLE_PLACES, Sandbox};

/// Who signs: the key in the request, the name and the number at the sandbox.
const SIGNERS: [(&str, &str, &str); 3] = [
    ("tenant", "First Signer", "S0000001A"),
    ("owner", "Second Signer", "S0000002B"),
    ("witness", "Third Signer", "S0000003C"),
];

struct Desk {
    sandbox: Sandbox,
    client: Client,
}

/// A signed leg: the document as it stood after it.
struct Leg {
    record: SubmissionRecord,
    signed: Artifact,
}

impl Desk {
    async fn new() -> Self {
        let sandbox = Sandbox::builder().start().await.unwrap();
        let key = LocalKey::generate(KeyAlgorithm::Es384, None).unwrap();
        let base = sandbox.base_url();
        let party = esign_sandbox::singpass::Client {
            client_id: "chain".to_owned(),
            keys: ClientKeys::Inline(serde_json::json!({ "keys": [key.public_jwk()] })),
            redirect_url: base.clone(),
            webhook_url: base.clone(),
        };
        sandbox.singpass().change(|settings| settings.webhook_retries = false);
        sandbox.singpass().register(party).unwrap();
        let config = format!(
            r#"
            active = "singpass"
            [providers.singpass]
            kind = "singpass"
            base_url = "{base}api/v3"
            jwks_url = "{base}.well-known/keys.json"
            client_id = "chain"
            signing_key = {{ external = "key" }}
            "#
        );
        let builder = esign::builder(esign::default_registry()).config(toml::from_str(&config).unwrap());
        Self { client: builder.key("key", Arc::new(key)).build().await.unwrap(), sandbox }
    }

    /// Runs the whole chain, with the record stored and read again wherever a process may end.
    async fn run(&self, request: &SignRequest) -> Vec<Leg> {
        let mut chain = self.client.begin_chain("singpass", request).await.unwrap();
        let mut document = request.documents[0].content().clone();
        let mut legs: Vec<Leg> = Vec::new();
        loop {
            match self.client.step(&mut chain, request, &document).await.unwrap() {
                // Between preparing and sending a restart would make it unknown whether it was sent.
                ChainStep::Prepared { .. } => continue,
                ChainStep::Sent { signer, submission } => {
                    let (_, name, uin) = SIGNERS.iter().find(|(key, ..)| *key == signer).unwrap();
                    let id = submission.handle.request().id();
                    self.sandbox.singpass().sign(id, &Person::new(*name, *uin)).await.unwrap();
                }
                ChainStep::Signed { document: signed, .. } => {
                    document = signed.content.clone();
                    let record = chain.records().last().unwrap().1.clone();
                    legs.push(Leg { record, signed });
                }
                ChainStep::Finished => return legs,
                other => panic!("{other:?}"),
            }
            chain = ChainRecord::from_stored(chain.to_stored().expose_secret()).unwrap();
        }
    }

    async fn check(&self, record: &SubmissionRecord, signed: &Artifact) -> RecordVerification {
        let mut options = VerifyOptions::new(SystemClock.now());
        options.roots = roots_from_pem(self.sandbox.root_pem().as_bytes()).unwrap();
        esign::verify_against_record(record, signed, options).await.unwrap()
    }
}

fn request(document: Bytes) -> SignRequest {
    let place = |i: usize| {
        let at = SAMPLE_PLACES[i];
        Placement::points(2, at.x, at.y, Origin::BottomLeft, Corner::BottomLeft)
    };
    let document = Document::pdf("Lease", document);
    let request = SignRequest::new(Reference::random().unwrap(), document, Delivery::InSessionRedirect);
    let signers = SIGNERS.iter().enumerate().map(|(i, (key, ..))| Signer::new(*key).place(place(i)));
    signers.fold(request, SignRequest::signer).order(Order::Sequential)
}

/// What must never change of a signature: whose, of which bytes, when.
fn essence(signature: &SignatureReport) -> (String, String, u64, Option<esign::jiff::Timestamp>) {
    let certificate = signature.signer.as_ref().unwrap().sha256.clone();
    let time = signature.timestamp.as_ref().and_then(|timestamp| timestamp.time);
    (signature.field.clone(), certificate, signature.signed_bytes, time)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_signature_stays_valid_whatever_comes_after_it() {
    let desk = Desk::new().await;
    let original = Bytes::from(esign_sandbox::sample_pdf("Lease", &["The tenant rents the flat."]));
    let legs = desk.run(&request(original.clone())).await;
    assert_eq!(legs.len(), SIGNERS.len());

    let mut before = (original, Vec::new());
    for (number, leg) in (1..).zip(&legs) {
        assert!(leg.signed.content.starts_with(&before.0), "leg {number} changes no byte of the one before");
        let checked = desk.check(&leg.record, &leg.signed).await;
        assert_eq!(checked.problems, Vec::<String>::new(), "leg {number}");
        assert_eq!(checked.signatures_added, 1, "leg {number}, against its own record");
        let signatures = &checked.report.signatures;
        assert_eq!(signatures.len(), number, "leg {number}");
        for signature in signatures {
            assert_eq!(signature.verdict, Verdict::Passed, "leg {number}: {:?}", signature.reasons);
            assert!(signature.changes.iter().all(|change| change.allowed), "{:?}", signature.changes);
        }
        let (earlier, newest) = signatures.split_at(number - 1);
        assert_eq!(earlier.iter().map(essence).collect::<Vec<_>>(), before.1, "leg {number}");
        // Its validation data follows it in a revision of its own, as in a real file, and nothing else.
        assert_eq!(newest[0].level, SignatureLevel::BLT, "leg {number}");
        assert!(matches!(newest[0].coverage, Coverage::Revision), "leg {number}");
        assert_eq!(
            leg.signed.content.windows(5).filter(|w| w == b"%%EOF").count(),
            1 + 2 * number,
            "leg {number}"
        );
        let name = newest[0].signer.as_ref().unwrap().common_name.as_ref().unwrap();
        assert_eq!(name.expose(), SIGNERS[number - 1].1);
        before = (leg.signed.content.clone(), signatures.iter().map(essence).collect());
    }

    // The whole against the record of the original: everything that was added is the chain's.
    let whole = desk.check(&legs[0].record, &legs[2].signed).await;
    assert_eq!((whole.problems, whole.signatures_added), (Vec::new(), 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_to_a_chained_document_afterwards_is_found() {
    let desk = Desk::new().await;
    let original = Bytes::from(esign_sandbox::sample_pdf("Lease", &["The tenant rents the flat."]));
    let legs = desk.run(&request(original.clone())).await;
    let (first, last) = (&legs[0], &legs[2].signed.content);
    let flipped = |at: usize| {
        let mut bytes = last.to_vec();
        bytes[at] ^= 1;
        bytes
    };
    let of_another = {
        let other = Bytes::from(esign_sandbox::sample_pdf("Lease", &["The tenant buys the house."]));
        desk.run(&request(other)).await.pop().unwrap().signed.content.to_vec()
    };
    for (what, bytes) in [
        ("a byte of the original", flipped(original.len() / 2)),
        ("a byte of the second leg", flipped(legs[0].signed.content.len() + 100)),
        ("the last signature cut off", legs[1].signed.content.to_vec()),
        ("another document, signed by the same", of_another),
    ] {
        let changed = Artifact::new(ArtifactId::SIGNED, MediaType::PDF, bytes.into());
        let record = if what.contains("cut off") { &legs[2].record } else { &first.record };
        let checked = desk.check(record, &changed).await;
        assert!(!checked.is_good(), "{what}: {:?}", checked.report.reasons);
    }
}
