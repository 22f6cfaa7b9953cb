//! What is packed proves itself, and what was tampered with is named.

use std::collections::BTreeMap;

use esign_core::memory::MemoryService;
use esign_core::{
    Client, Corner, Delivery, Document, KeyAlgorithm, MediaType, Origin, Placement, Reference, SignRequest,
    Signer, SigningKey,
};
use esign_http::{LocalKey, sign_compact};
use esign_pdf::facts::Rect;
use esign_pdf::roots_from_pem;
use esign_pdf::sign::{SignOptions, Subject, TestPki, sample_pdf, sign};
use esign_pdf::verify::Verdict;
use serde_json::{Value, json};

use super::*;

const NOW: &str = "2026-01-01T12:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

struct Desk {
    pki: TestPki,
    record: SubmissionRecord,
    original: Bytes,
    signed: Bytes,
    callback: CallbackEvidence,
}

impl Desk {
    async fn new() -> Self {
        let pki = TestPki::generate(now()).unwrap();
        let original = Bytes::from(sample_pdf("Lease", &["The tenant rents the flat."]));
        let client: Client = MemoryService::new().client().await.unwrap();
        let place = Placement::points(1, 50.0, 50.0, Origin::BottomLeft, Corner::BottomLeft);
        let request = SignRequest::new(
            Reference::new("r").unwrap(),
            Document::pdf("Lease", original.clone()),
            Delivery::ShareableLink,
        )
        .signer(Signer::new("tenant").place(place));
        let record = client.submit(client.prepare(request).await.unwrap()).await.unwrap().record;
        let identity = pki.issue(&Subject::new("Tester"), now()).unwrap();
        let options = SignOptions::new("a", 1, Rect::new(50.0, 50.0, 200.0, 60.0), now());
        let signed = sign(&original, &identity, Some(pki.tsa()), &options).unwrap();
        let callback = callback(record.provider_id()).await;
        Self { pki, record, original, signed, callback }
    }

    fn options(&self) -> VerifyOptions {
        let mut options = VerifyOptions::new(now());
        options.roots = roots_from_pem(self.pki.root_pem().as_bytes()).unwrap();
        options
    }

    fn evidence(&self) -> Evidence {
        let provider =
            Artifact::new(ArtifactId::EVIDENCE, MediaType::TEXT, Bytes::from_static(b"audit trail"));
        Evidence::new(self.record.clone())
            .signed(Artifact::new(ArtifactId::SIGNED, MediaType::PDF, self.signed.clone()))
            .original("document", self.original.clone())
            .provider_evidence(provider)
            .callback(self.callback.clone())
    }

    async fn pack(&self) -> Bytes {
        let packed = self.evidence().pack(&self.options()).await.unwrap();
        assert_eq!(packed.problems, Vec::<String>::new());
        packed.archive
    }

    async fn check(&self, archive: impl Into<Bytes>) -> Result<EvidenceReport> {
        check_evidence(archive.into(), &self.options()).await
    }

    async fn problems(&self, archive: impl Into<Bytes>) -> String {
        self.check(archive).await.unwrap().problems.join("\n")
    }
}

/// As a provider sends it: a token about the request in a JSON body.
async fn callback(request: &str) -> CallbackEvidence {
    let key = LocalKey::generate(KeyAlgorithm::Es256, None).unwrap();
    let claims = json!({ "request_id": request, "exp": now().as_second() + 120 });
    let token = sign_compact(&key, None, &claims).await.unwrap();
    CallbackEvidence {
        body: json!({ "token": token }).to_string().into(),
        verified_with: key.public_jwk().to_string(),
        received_at: now(),
    }
}

/// The files of an archive, changed and packed again as somebody with the same tool would.
fn altered(archive: &Bytes, change: impl FnOnce(&mut BTreeMap<String, Bytes>)) -> Bytes {
    let mut files = archive::read(archive).unwrap();
    change(&mut files);
    archive::write(files.iter().map(|(path, content)| (path.as_str(), content))).unwrap()
}

/// The same with the manifest brought into line: somebody who knows how archives are made.
fn forged(archive: &Bytes, path: &str, content: &[u8]) -> Bytes {
    altered(archive, |files| {
        let mut manifest: Value = serde_json::from_slice(&files[MANIFEST]).unwrap();
        let entries = manifest["files"].as_array_mut().unwrap();
        let entry = entries.iter_mut().find(|entry| entry["path"] == path).unwrap();
        entry["bytes"] = json!(content.len());
        entry["sha256"] = json!(Sha256Hash::of(content));
        files.insert(MANIFEST.to_owned(), manifest.to_string().into());
        files.insert(path.to_owned(), Bytes::copy_from_slice(content));
    })
}

#[tokio::test]
async fn everything_is_packed_and_proves_itself_years_later() {
    let desk = Desk::new().await;
    let archive = desk.pack().await;
    assert_eq!(archive, desk.pack().await, "the same content gives the same bytes");
    let names: Vec<_> = archive::read(&archive).unwrap().into_keys().collect();
    let expected = [
        "callbacks/1/body",
        "callbacks/1/receipt.json",
        "documents/1/report.json",
        "documents/1/signed.pdf",
        "manifest.json",
        "originals/1.pdf",
        "provider/1.bin",
        "record.json",
    ];
    assert_eq!(names, expected);

    let mut later = desk.options();
    later.at = "2034-01-01T00:00:00Z".parse().unwrap();
    let report = check_evidence(archive.clone(), &later).await.unwrap();
    assert_eq!(report.problems, Vec::<String>::new(), "certificates expired since, tokens within minutes");
    assert_eq!(
        (report.documents[0].original, report.documents[0].verdict_then),
        (Some(true), Some(Verdict::Passed))
    );
    assert_eq!(report.documents[0].report.verdict, Verdict::Passed);
    let [callback] = report.callbacks.as_slice() else { panic!("{:?}", report.callbacks) };
    assert_eq!((callback.holds, callback.confirmed), (Some(true), None));
    let key = callback.key.clone().unwrap();
    let unproven = report.unproven.join("\n");
    for words in ["when it was packed", "the report of then is not signed", "provider/1.bin", &key] {
        assert!(unproven.contains(words), "{words}: {unproven}");
    }
    assert_eq!(report.created_at, now());

    let untrusted = check_evidence(archive, &VerifyOptions::new(now())).await.unwrap();
    assert_eq!(
        untrusted.verdict,
        Verdict::Indeterminate,
        "trust comes from whoever checks, not from the archive"
    );
    assert!(untrusted.notes.iter().any(|note| note.contains("was passed on")), "{:?}", untrusted.notes);
}

#[tokio::test]
async fn what_may_be_missing_is_told() {
    let desk = Desk::new().await;
    let evidence = Evidence::new(desk.record.clone());
    let bare =
        evidence.clone().signed(Artifact::new(ArtifactId::SIGNED, MediaType::PDF, desk.signed.clone()));
    let report = desk.check(bare.pack(&desk.options()).await.unwrap().archive).await.unwrap();
    assert!(report.is_good() && report.documents[0].original.is_none(), "{:?}", report.problems);
    assert!(report.notes[0].contains("the original is not in it"), "{:?}", report.notes);

    let nothing = evidence.clone().pack(&desk.options()).await.unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::Document);
    let wrong =
        desk.evidence().original("document", Bytes::from_static(b"another")).pack(&desk.options()).await;
    assert_eq!(wrong.unwrap_err().kind(), ErrorKind::Integrity);
    let unknown = desk.evidence().original("annex", desk.original.clone()).pack(&desk.options()).await;
    assert_eq!(unknown.unwrap_err().kind(), ErrorKind::BadHandle);
    let twice =
        desk.evidence().signed(Artifact::new(ArtifactId::SIGNED, MediaType::PDF, desk.signed.clone()));
    assert_eq!(twice.pack(&desk.options()).await.unwrap_err().kind(), ErrorKind::Document);
    let unsigned = evidence.signed(Artifact::new(ArtifactId::SIGNED, MediaType::PDF, desk.original.clone()));
    let packed = unsigned.pack(&desk.options()).await.unwrap();
    assert!(packed.problems.join("\n").contains("1 new signatures were asked for, 0 are there"));
}

#[tokio::test]
async fn files_that_were_changed_taken_out_or_put_in_are_named() {
    let desk = Desk::new().await;
    let archive = desk.pack().await;
    let content = |text: &'static str| Bytes::from_static(text.as_bytes());
    for (changed, words) in [
        (
            altered(&archive, |files| {
                files.insert("provider/1.bin".to_owned(), content("another trail"));
            }),
            "provider/1.bin is not the file that the manifest lists",
        ),
        (
            altered(&archive, |files| {
                files.remove("originals/1.pdf");
            }),
            "originals/1.pdf is missing",
        ),
        (
            altered(&archive, |files| {
                files.insert("documents/2/signed.pdf".to_owned(), content("extra"));
            }),
            "documents/2/signed.pdf is not in the manifest",
        ),
        (
            altered(&archive, |files| {
                let mut manifest: Value = serde_json::from_slice(&files[MANIFEST]).unwrap();
                let first = manifest["files"][0].clone();
                manifest["files"].as_array_mut().unwrap().push(first);
                files.insert(MANIFEST.to_owned(), manifest.to_string().into());
            }),
            "the manifest lists record.json twice",
        ),
    ] {
        let problems = desk.problems(changed).await;
        assert!(problems.contains(words), "{words}: {problems}");
    }
}

/// A manifest that fits proves nothing: signatures, hashes of the record and keys do.
#[tokio::test]
async fn a_forged_archive_fails_by_what_proves_itself() {
    let desk = Desk::new().await;
    let archive = desk.pack().await;
    let other = Desk::new().await;
    let mut flipped = desk.signed.to_vec();
    flipped[700] ^= 1;
    let mut body = desk.callback.body.to_vec();
    let end = body.len() - 6;
    body[end] ^= 1;
    let receipt = CallbackEvidence { body: body.clone().into(), ..desk.callback.clone() }.receipt();
    let foreign =
        CallbackEvidence { verified_with: other.callback.verified_with.clone(), ..desk.callback.clone() };
    let report =
        String::from_utf8(archive::read(&archive).unwrap()["documents/1/report.json"].to_vec()).unwrap();
    let report = report.replacen("\"sha256\": \"", "\"sha256\": \"00", 1);
    for (changed, words) in [
        (forged(&archive, "originals/1.pdf", b"another"), "is not what the record says was sent"),
        (forged(&archive, "documents/1/signed.pdf", &other.signed), "signature a: trust: "),
        (
            forged(&archive, "documents/1/signed.pdf", &flipped),
            "does not begin with the bytes that were sent",
        ),
        (forged(&archive, "documents/1/signed.pdf", b"no PDF"), "document document: "),
        (forged(&archive, "documents/1/report.json", report.as_bytes()), "is about another file"),
        (forged(&archive, "documents/1/report.json", b"{}"), "the report that was kept cannot be read"),
        (forged(&archive, "record.json", b"{}"), "the submission record: "),
        (forged(&archive, "callbacks/1/body", &body), "receipt is missing or about another callback"),
        (
            forged(
                &forged(&archive, "callbacks/1/body", &body),
                "callbacks/1/receipt.json",
                receipt.as_bytes(),
            ),
            "no token in it was signed by the kept key",
        ),
        (
            forged(&archive, "callbacks/1/receipt.json", foreign.receipt().as_bytes()),
            "no token in it was signed by the kept key",
        ),
    ] {
        let problems = desk.problems(changed).await;
        assert!(problems.contains(words), "{words}: {problems}");
    }
}

#[tokio::test]
async fn callbacks_that_cannot_be_verified_from_the_archive_are_told() {
    let desk = Desk::new().await;
    let base = Evidence::new(desk.record.clone()).signed(Artifact::new(
        ArtifactId::SIGNED,
        MediaType::PDF,
        desk.signed.clone(),
    ));
    let with = async |callback: CallbackEvidence| {
        let packed = base.clone().callback(callback).pack(&desk.options()).await.unwrap();
        desk.check(packed.archive).await.unwrap()
    };
    let secret =
        with(CallbackEvidence { verified_with: "webhook-secret".to_owned(), ..desk.callback.clone() }).await;
    assert!(secret.is_good() && secret.callbacks[0].holds.is_none());
    assert!(secret.unproven.join("\n").contains("shared secret"), "{:?}", secret.unproven);
    let other = with(callback("another-request").await).await;
    assert!(other.notes.join("\n").contains("does not name this request"), "{:?}", other.notes);
    let mut late = desk.callback.clone();
    late.received_at = "2026-01-02T00:00:00Z".parse().unwrap();
    assert!(!with(late).await.is_good(), "its token had expired when it is said to have come");
    let private = CallbackEvidence {
        verified_with: "{\"kty\":\"oct\",\"k\":\"AA\"}".to_owned(),
        ..desk.callback.clone()
    };
    assert!(!with(private).await.is_good(), "a shared key signs as well as it verifies");
}

/// ISO 3309, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let bit = |sum: u32, _| if sum & 1 == 1 { sum >> 1 ^ 0xEDB8_8320 } else { sum >> 1 };
    !bytes.iter().fold(u32::MAX, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), bit))
}

/// A key proves nothing until it is held against those that the provider publishes.
#[tokio::test]
async fn keys_of_callbacks_are_compared_with_published_ones() {
    let desk = Desk::new().await;
    let archive = desk.pack().await;
    let set = |jwk: &str| format!("{{\"keys\":[{jwk}]}}");
    let other = callback("x").await.verified_with;
    for (keys, verdict, confirmed) in [
        (set(&desk.callback.verified_with), Verdict::Passed, Some(true)),
        (set(&other), Verdict::Indeterminate, Some(false)),
    ] {
        let report = check_evidence_with_keys(archive.clone(), &desk.options(), &keys).await.unwrap();
        assert_eq!(
            (report.verdict, report.callbacks[0].confirmed),
            (verdict, confirmed),
            "{:?}",
            report.problems
        );
    }
    for keys in ["", "{}", "{\"keys\":[]}", "[]"] {
        let error = check_evidence_with_keys(archive.clone(), &desk.options(), keys).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{keys}");
    }
}

/// Whatever an entry claims: it is what its place says, or the archive is not good.
#[tokio::test]
async fn a_file_has_the_role_of_its_place() {
    let desk = Desk::new().await;
    let archive = desk.pack().await;
    let with_entry = |path: &'static str, key: &'static str, value: Value| {
        altered(&archive, |files| {
            let mut manifest: Value = serde_json::from_slice(&files[MANIFEST]).unwrap();
            let entries = manifest["files"].as_array_mut().unwrap();
            let entry = entries.iter_mut().find(|entry| entry["path"] == path).unwrap();
            entry[key] = value;
            files.insert(MANIFEST.to_owned(), manifest.to_string().into());
        })
    };
    for (changed, words) in [
        (
            with_entry("originals/1.pdf", "holds", json!("provider_evidence")),
            "originals/1.pdf is not what its place",
        ),
        (
            with_entry("documents/1/report.json", "of", json!("annex")),
            "of another document than the file beside it",
        ),
        (with_entry("documents/1/signed.pdf", "holds", json!("original")), "there is no signed PDF"),
        (with_entry("originals/1.pdf", "of", json!("annex")), "the record does not list"),
        (
            with_entry("callbacks/1/body", "holds", json!("provider_evidence")),
            "callbacks/1/body is not what its place",
        ),
    ] {
        let problems = desk.problems(changed).await;
        assert!(problems.contains(words), "{words}: {problems}");
    }
}

#[tokio::test]
async fn archives_that_are_made_to_deceive_are_refused() {
    let desk = Desk::new().await;
    let pair = |a: &str, b: &str| {
        let content = Bytes::from_static(b"xxxxxxxxxxxxxxxx");
        archive::write([(a, &content), (b, &content)].into_iter()).unwrap()
    };
    let replaced = |archive: &Bytes, from: &[u8], to: &[u8]| {
        let mut bytes = archive.to_vec();
        for at in 0..bytes.len() - from.len() {
            if bytes[at..].starts_with(from) {
                bytes[at..at + to.len()].copy_from_slice(to);
            }
        }
        Bytes::from(bytes)
    };
    let plain = pair("aaaa", "bbbb");
    // The method stands 8 bytes into a local header and 10 into a central one.
    let compressed = {
        let deflate = |bytes: &Bytes, mark: &[u8], at: usize| {
            let mut bytes = bytes.to_vec();
            let found: Vec<_> = (0..bytes.len() - 4).filter(|i| bytes[*i..].starts_with(mark)).collect();
            found.into_iter().for_each(|i| bytes[i + at] = 8);
            Bytes::from(bytes)
        };
        deflate(&deflate(&plain, b"PK\x03\x04", 8), b"PK\x01\x02", 10)
    };
    // A part of the first file's content becomes bytes of no file: its length stands 18 and 22 bytes into a local header, 20 and
    // 24 into a central one.
    let between = {
        let mut bytes = plain.to_vec();
        let found: Vec<_> = (0..bytes.len() - 4).filter(|at| bytes[*at..].starts_with(b"PK")).collect();
        let short = u8::try_from(8).unwrap();
        for (at, field) in [(found[0], 14), (found[2], 16)] {
            let sum = crc32(b"xxxxxxxx").to_le_bytes();
            bytes[at + field..at + field + 4].copy_from_slice(&sum);
            bytes[at + field + 4] = short;
            bytes[at + field + 8] = short;
        }
        Bytes::from(bytes)
    };
    let many: Vec<String> = (0..1_001).map(|n| n.to_string()).collect();
    let nothing = Bytes::new();
    for (bytes, words) in [
        (Bytes::from_static(b"no archive"), "not a ZIP archive"),
        (nothing.clone(), "not a ZIP archive"),
        (plain.slice(..plain.len() - 30), "not a ZIP archive"),
        (plain.clone(), "no manifest.json"),
        (Bytes::from([b"junk", plain.as_ref()].concat()), "belong to none of its files"),
        (Bytes::from([plain.as_ref(), b"junk"].concat()), ""),
        (Bytes::from([&plain[..plain.len() - 2], &[4, 0], b"junk"].concat()), "belong to none of its files"),
        (between, "belong to none of its files"),
        (pair("aaaa", "AAAA"), "differ in case only"),
        (pair("aaaa", "aux.b"), "not every system"),
        (replaced(&plain, b"bbbb", b"aaaa"), "two files of one name"),
        (replaced(&plain, b"aaaa", b"../a"), "leads out of it"),
        (replaced(&plain, b"aaaa", b"/etc"), "leads out of it"),
        (replaced(&plain, b"aaaaxxxxxxxxxxxxxxxx", b"cccc"), "contradict each other"),
        (replaced(&plain, b"xxxxxxxxxxxxxxxx", b"y"), "checksum"),
        (compressed, ""),
        (archive::write(many.iter().map(|name| (name.as_str(), &nothing))).unwrap(), "1001 files"),
        (pair("manifest.json", "b"), "its manifest cannot be read"),
    ] {
        let error = desk.check(bytes).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Verification, "{error}");
        assert!(error.to_string().contains(words), "{words}: {error}");
    }
    let future = Bytes::from_static(b"{\"evidence\":2}");
    let error = desk.check(archive::write([(MANIFEST, &future)].into_iter()).unwrap()).await.unwrap_err();
    assert!(error.to_string().contains("of version 2"), "{error}");
}
