//! Signed fixtures, and what may and may not happen to them afterwards.

use bytes::Bytes;
use esign_core::facts::{Rect, SignatureLevel};
use jiff::Timestamp;
use lopdf::{Dictionary, IncrementalDocument, Object, ObjectId};
use proptest::prelude::*;

mod attacks;
mod evidence;
mod messages;
mod paths;
mod restrictions;
mod shadows;
mod signers;
mod times;

use super::*;
use crate::sign::{Identity, Level, SignOptions, Subject, TestPki, sign};
use crate::testing::{Fixture, Style, stream};

fn now() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().unwrap()
}

struct Pki {
    pki: TestPki,
    identity: Identity,
}

impl Pki {
    fn new() -> Self {
        let pki = TestPki::generate(now()).unwrap();
        let identity = pki.issue(&Subject::new("TAN AH KOW"), now()).unwrap();
        Self { pki, identity }
    }

    fn sign(&self, bytes: &[u8], field: &str, y: f64, level: Level) -> Vec<u8> {
        let mut options = SignOptions::new(field, 1, Rect::new(100.0, y, 200.0, 60.0), now());
        options.level = level;
        let bytes = Bytes::copy_from_slice(bytes);
        sign(&bytes, &self.identity, Some(self.pki.tsa()), &options).unwrap().to_vec()
    }

    fn options(&self) -> VerifyOptions {
        let mut options = VerifyOptions::new(now());
        options.roots = vec![self.pki.root_der().to_vec()];
        options
    }

    fn verify(&self, bytes: &[u8]) -> VerificationReport {
        verify(bytes, &self.options()).unwrap()
    }
}

/// A page with content, a font, an annotation, a text field, an empty signature field and a dangling reference.
fn base(style: Style) -> Vec<u8> {
    let objects = [
        (1, "<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[13 0 R 14 0 R]/DR<</Font<</F1 11 0 R>>>>>>/Metadata 17 0 R>>".to_owned()),
        (2, "<</Type/Pages/Count 1/Kids[3 0 R]>>".to_owned()),
        (
            3,
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 10 0 R/Resources<</Font<</F1 11 0 R>>>>\
             /Annots[12 0 R 13 0 R 14 0 R]/Thumb 90 0 R>>"
                .to_owned(),
        ),
        (10, stream("", "BT /F1 12 Tf 50 700 Td (Pay 100) Tj ET")),
        (11, "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_owned()),
        (12, "<</Type/Annot/Subtype/Text/Rect[0 0 9 9]/Contents(note)>>".to_owned()),
        (13, "<</Subtype/Widget/Rect[0 0 9 9]/FT/Tx/T(amount)/V(100)>>".to_owned()),
        (14, "<</Subtype/Widget/Rect[300 0 400 40]/FT/Sig/T(empty)/P 3 0 R/AP<</N 18 0 R>>>>".to_owned()),
        (15, "<</Unused true>>".to_owned()),
        (16, "<</Title(t)>>".to_owned()),
        (17, stream("/Type/Metadata/Subtype/XML", "<x/>")),
        (18, stream("/Type/XObject/Subtype/Form/BBox[0 0 9 9]", "")),
    ];
    Fixture::new(&[], Style::Table).with_trailer("/Root 1 0 R/Info 16 0 R").update(&objects, style).bytes
}

const CATALOG: ObjectId = (1, 0);
const PAGE: ObjectId = (3, 0);

/// An update to a document, in the hands of somebody with bad intent or good.
struct Update(IncrementalDocument);

impl Update {
    fn to(bytes: &[u8], change: impl FnOnce(&mut Self)) -> Vec<u8> {
        let document = lopdf::Document::load_mem(bytes).unwrap();
        let mut update = Self(IncrementalDocument::create_from(bytes.to_vec(), document));
        change(&mut update);
        let mut updated = Vec::new();
        update.0.save_to(&mut updated).unwrap();
        updated.push(b'\n');
        assert!(updated.starts_with(bytes));
        updated
    }

    fn dict(&mut self, id: ObjectId) -> &mut Dictionary {
        self.0.opt_clone_object_to_new_document(id).unwrap();
        match self.0.new_document.get_object_mut(id).unwrap() {
            Object::Stream(stream) => &mut stream.dict,
            object => object.as_dict_mut().unwrap(),
        }
    }

    fn set(&mut self, id: ObjectId, key: &str, value: impl Into<Object>) {
        self.dict(id).set(key, value);
    }

    fn put(&mut self, id: ObjectId, object: impl Into<Object>) {
        self.0.new_document.objects.insert(id, object.into());
        self.0.new_document.max_id = self.0.new_document.max_id.max(id.0);
    }

    fn add(&mut self, object: impl Into<Object>) -> ObjectId {
        self.0.new_document.add_object(object)
    }

    fn form(&mut self) -> &mut Dictionary {
        self.dict(CATALOG).get_mut(b"AcroForm").unwrap().as_dict_mut().unwrap()
    }

    fn append(&mut self, id: ObjectId, key: &[u8], item: impl Into<Object>) {
        self.dict(id).get_mut(key).unwrap().as_array_mut().unwrap().push(item.into());
    }

    /// The field that was signed first, by name.
    fn field(&self, name: &str) -> ObjectId {
        let named = |object: &Object| {
            let dict = object.as_dict().ok()?;
            (dict.get(b"T").ok()?.as_str().ok()? == name.as_bytes()).then_some(())
        };
        let objects = &self.0.get_prev_documents().objects;
        *objects.iter().find(|(_, object)| named(object).is_some()).unwrap().0
    }

    fn content(text: &str) -> lopdf::Stream {
        lopdf::Stream::new(Dictionary::new(), text.as_bytes().to_vec())
    }
}

#[test]
fn every_level_passes_on_every_kind_of_file() {
    let pki = Pki::new();
    for style in [Style::Table, Style::Stream, Style::Compressed] {
        for (level, expected) in [
            (Level::BB, SignatureLevel::BB),
            (Level::BT, SignatureLevel::BT),
            (Level::BLT, SignatureLevel::BLT),
        ] {
            let original = base(style);
            let mut options = pki.options();
            options.original = Some(Original::of(&original));
            let report = verify(&pki.sign(&original, "s", 300.0, level), &options).unwrap();
            assert_eq!(report.verdict, Verdict::Passed, "{style:?} {level:?}: {report:#?}");
            assert_eq!(report.reasons, Vec::<String>::new());
            assert_eq!((report.signatures[0].level, report.extends_original), (expected, Some(true)));
            let timestamped = report.signatures[0].chain.time_source == TimeSource::Timestamp;
            assert_eq!(timestamped, level != Level::BB);
            let revocation = report.signatures[0].revocation.status;
            let known =
                if level == Level::BLT { RevocationStatus::Good } else { RevocationStatus::NotChecked };
            assert_eq!(revocation, known, "{style:?} {level:?}");
        }
    }
}

#[test]
fn the_report_is_versioned_json_and_hides_the_signer_from_debug() {
    let pki = Pki::new();
    let report = pki.verify(&pki.sign(&base(Style::Table), "s", 300.0, Level::BT));
    assert!(!format!("{report:?} {report:#?}").contains("TAN AH KOW"));
    let signer = report.signatures[0].signer.as_ref().unwrap();
    assert_eq!(signer.common_name.as_ref().map(esign_core::Personal::expose), Some("TAN AH KOW"));
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!((&json["version"], &json["verdict"]), (&1.into(), &"passed".into()));
    let mut stored = report.clone();
    stored.signatures[0].revocation.unsettled.clear();
    stored.signatures[0].timestamp.as_mut().unwrap().revocation.unsettled.clear();
    assert_ne!(stored, report, "who could be asked is not stored");
    assert_eq!(serde_json::from_value::<VerificationReport>(json).unwrap(), stored);
}

#[test]
fn trust_needs_a_root_and_a_time() {
    let pki = Pki::new();
    let late: Timestamp = "2029-01-01T00:00:00Z".parse().unwrap();
    let stranger = TestPki::generate(now()).unwrap().root_der().to_vec();
    let with = |level, roots: &[Vec<u8>], at, timestamps| {
        let mut options = VerifyOptions::new(at);
        options.roots = roots.to_vec();
        options.timestamps = timestamps;
        let report = verify(&pki.sign(&base(Style::Table), "s", 300.0, level), &options).unwrap();
        assert!(report.signatures[0].integrity.is_passed());
        report.verdict
    };
    let root = [pki.pki.root_der().to_vec()];
    let trusted = TimestampTrust::WhenTrusted;
    assert_eq!(with(Level::BT, &[], now(), trusted), Verdict::Indeterminate);
    assert_eq!(with(Level::BT, &[stranger], now(), trusted), Verdict::Indeterminate);
    assert_eq!(
        with(Level::BB, &root, late, trusted),
        Verdict::Indeterminate,
        "expired and without a timestamp"
    );
    assert_eq!(with(Level::BT, &root, late, trusted), Verdict::Passed, "the timestamp is from before");
    let leaf = [pki.identity.chain().next().unwrap().to_vec()];
    assert_eq!(with(Level::BT, &leaf, late, trusted), Verdict::Indeterminate, "the timestamp is not trusted");
    assert_eq!(with(Level::BT, &leaf, late, TimestampTrust::WhenIntact), Verdict::Passed);
}

#[test]
fn a_second_signature_leaves_the_first_alone() {
    let pki = Pki::new();
    let once = pki.sign(&base(Style::Table), "first", 300.0, Level::BLT);
    let twice = pki.sign(&once, "second", 400.0, Level::BLT);
    let report = pki.verify(&twice);
    assert_eq!(report.verdict, Verdict::Passed, "{report:#?}");
    let changes: Vec<_> = report.signatures[0].changes.iter().map(|change| change.what.as_str()).collect();
    assert!(
        changes.iter().any(|what| what.starts_with("signature field second was added and signed, a box")),
        "{changes:?}"
    );
    assert!(changes.iter().any(|what| what.starts_with("validation data")), "{changes:?}");
}

#[test]
fn expected_boxes_are_looked_for_where_they_were_asked() {
    let pki = Pki::new();
    let signed = pki.sign(&base(Style::Table), "s", 300.0, Level::BT);
    let asked = |page, x| {
        let mut options = pki.options();
        options.boxes = vec![ExpectedBox { page, rect: Rect::new(x, 300.0, 200.0, 60.0), tolerance: 0.5 }];
        let report = verify(&signed, &options).unwrap();
        (report.verdict, report.boxes[0].field.clone(), report.boxes[0].found.map(|rect| rect.x))
    };
    assert_eq!(asked(1, 100.2), (Verdict::Passed, Some("s".to_owned()), Some(100.0)));
    assert_eq!(asked(1, 101.0), (Verdict::Failed, None, Some(100.0)));
    assert_eq!(asked(2, 100.0), (Verdict::Failed, None, None));
}

/// On a turned page services place boxes differently: a signature elsewhere on it is told, none at all is a fault.
#[test]
fn a_box_elsewhere_on_an_unusual_page_is_only_noted() {
    let pki = Pki::new();
    let page = ["/MediaBox[0 0 595 842]/Rotate 90", "/MediaBox[0 0 595 842]/Rotate 90"];
    let signed = pki.sign(&crate::testing::document("", &page, Style::Table).bytes, "s", 300.0, Level::BT);
    for (page, verdict) in [(1, Verdict::Passed), (2, Verdict::Failed)] {
        let mut options = pki.options();
        let rect = Rect::new(400.0, 300.0, 200.0, 60.0);
        options.boxes = vec![ExpectedBox { page, rect, tolerance: 0.5 }];
        let report = verify(&signed, &options).unwrap();
        assert_eq!((report.verdict, report.boxes[0].uncertain), (verdict, true), "{report:#?}");
        assert_eq!(report.notes.len(), usize::from(page == 1));
    }
}

#[test]
fn documents_without_signatures_fail_and_rewritten_ones_do_not_extend() {
    let pki = Pki::new();
    let mut options = pki.options();
    options.original = Some(Original::of(b"another file"));
    let report = verify(&base(Style::Table), &options).unwrap();
    assert_eq!((report.verdict, report.extends_original), (Verdict::Failed, Some(false)));
    assert_eq!(report.reasons, ["the document has no signature"]);
}

#[test]
fn bytes_after_the_end_are_no_update() {
    let pki = Pki::new();
    let signed = pki.sign(&base(Style::Table), "s", 300.0, Level::BT);
    assert_eq!(pki.verify(&[&signed[..], b"\n \r\n"].concat()).signatures[0].coverage, Coverage::WholeFile);
    for junk in [&b"junk"[..], b"\n99 0 obj null endobj\nstartxref\n0\n%%EOF\n"] {
        let report = pki.verify(&[&signed[..], junk].concat());
        assert_eq!(report.verdict, Verdict::Failed);
    }
}

/// A second field claims the first one's signature: it signs nothing of its own.
#[test]
fn a_borrowed_signature_is_none() {
    let pki = Pki::new();
    let signed = pki.sign(&base(Style::Table), "s", 300.0, Level::BT);
    let report = pki.verify(&Update::to(&signed, |u| {
        let field = u.field("s");
        let value = u.dict(field).get(b"V").unwrap().clone();
        let thief =
            u.add(lopdf::dictionary! { "FT" => "Sig", "T" => Object::string_literal("t"), "V" => value });
        u.form().get_mut(b"Fields").unwrap().as_array_mut().unwrap().push(thief.into());
    }));
    let thief = report.signatures.iter().find(|signature| signature.field == "t").unwrap();
    assert_eq!(thief.integrity, Fact::failed("the signature is not part of the revision that it signs"));
    assert_eq!(report.verdict, Verdict::Failed);
}

/// All objects as they are, but listed anew without a link to the signed revision.
#[test]
fn an_update_must_build_on_the_signed_revision() {
    let pki = Pki::new();
    let mut bytes = pki.sign(&base(Style::Table), "s", 300.0, Level::BT);
    let document = lopdf::Document::load_mem(&bytes).unwrap();
    let at = bytes.len();
    let mut table = "xref
0 1
0000000000 65535 f 
"
    .to_owned();
    for (number, entry) in &document.reference_table.entries {
        if let lopdf::xref::XrefEntry::Normal { offset, .. } = entry {
            table.push_str(&format!(
                "{number} 1
{offset:010} 00000 n 
"
            ));
        }
    }
    table.push_str(&format!(
        "trailer
<</Size {}/Root 1 0 R/Info 16 0 R>>
startxref
{at}
%%EOF
",
        document.max_id + 1
    ));
    bytes.extend_from_slice(table.as_bytes());
    let report = pki.verify(&bytes);
    let forbidden: Vec<_> = report.signatures[0].changes.iter().filter(|change| !change.allowed).collect();
    assert_eq!(forbidden.len(), 1, "{forbidden:?}");
    assert_eq!(forbidden[0].what, "the update does not build on the signed revision");
}

/// Rewrites the signature dictionary's own entry in place, same length.
fn patched(signed: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = signed.windows(from.len()).rposition(|window| window == from).unwrap();
    let mut patched = signed.to_vec();
    patched[at..at + to.len()].copy_from_slice(to);
    patched
}

#[test]
fn a_tampered_hole_or_range_fails() {
    let pki = Pki::new();
    let signed = pki.sign(&base(Style::Table), "s", 300.0, Level::BT);
    let hole = signed.windows(2).rposition(|window| window == b"0>").unwrap();
    for (tampered, words) in [
        (
            {
                let mut bytes = signed.clone();
                bytes[hole] = b' ';
                bytes
            },
            "leaves out more than one hexadecimal string",
        ),
        (
            {
                let mut bytes = signed.clone();
                bytes[hole] = b'>';
                bytes
            },
            "",
        ),
        (
            patched(&signed, b"/ByteRange[0000000000 ", b"/ByteRange[0000000001 "),
            "does not start at the first byte",
        ),
        (patched(&signed, b"/ByteRange[0000000000 ", b"/ByteRange[-          "), ""),
        (signed[..signed.len() - 400].to_vec(), ""),
    ] {
        match verify(&tampered, &pki.options()) {
            Ok(report) => {
                assert_eq!(report.verdict, Verdict::Failed, "{report:#?}");
                assert!(report.reasons.join("\n").contains(words), "{:?}", report.reasons);
            }
            Err(error) => assert!(words.is_empty(), "{error}"),
        }
    }
}

/// `ESIGN_FUZZ_SECONDS` makes the properties below run for longer.
fn rounds(least: u64) -> impl Iterator<Item = u64> {
    crate::testing::rounds(least)
}

/// Whatever byte of the signed range is changed, and however: never passed.
#[test]
fn mutated_signed_bytes_are_found() {
    let pki = Pki::new();
    let signed = pki.sign(&base(Style::Table), "s", 300.0, Level::BT);
    let open = signed.windows(10).rposition(|window| window == b"/Contents<").unwrap();
    let hole = open..open + signed[open..].iter().position(|byte| *byte == b'>').unwrap();
    for seed in rounds(50) {
        let mut choices = crate::testing::Choices::new(seed);
        let at = choices.below(signed.len());
        let mut changed = signed.clone();
        changed[at] ^= 1 << choices.below(8);
        if hole.contains(&at) {
            continue;
        }
        if let Ok(report) = verify(&changed, &pki.options()) {
            assert_eq!(report.verdict, Verdict::Failed, "seed {seed}, byte {at}: {report:#?}");
        }
    }
}

/// Random entries of random objects, changed by a proper update: a modification, unless only the document information (16),
/// the metadata (17) or what nothing refers to changed.
#[test]
fn mutated_objects_are_modifications_or_harmless() {
    const OBJECTS: [u32; 10] = [1, 2, 3, 10, 11, 12, 13, 14, 16, 17];
    const KEYS: [&str; 10] = ["Contents", "Kids", "Rect", "V", "AP", "A", "Resources", "Names", "X", "F"];
    let pki = Pki::new();
    let signed = pki.sign(&base(Style::Table), "s", 300.0, Level::BT);
    for seed in rounds(50) {
        let mut choices = crate::testing::Choices::new(seed);
        let mut harmless = true;
        let changed = Update::to(&signed, |u| {
            for _ in 0..=choices.below(2) {
                let (object, key) = (OBJECTS[choices.below(10)], KEYS[choices.below(10)]);
                let value: Object = match choices.below(4) {
                    0 => 4711.into(),
                    1 => Object::string_literal("other"),
                    2 => u.add(Update::content("0 0 9 9 re f")).into(),
                    _ => vec![Object::Reference((10, 0)), 4711.into()].into(),
                };
                harmless &= matches!(object, 16 | 17);
                u.set((object, 0), key, value);
            }
        });
        let Ok(report) = verify(&changed, &pki.options()) else { continue };
        let expected = if harmless { Verdict::Passed } else { Verdict::Failed };
        assert_eq!(report.verdict, expected, "seed {seed}: {report:#?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever byte of the signed range is changed, and however: never passed.
    #[test]
    fn any_changed_byte_in_the_signed_range_is_found(place in any::<prop::sample::Index>(), flip in 1u8..) {
        thread_local! {
            static SIGNED: (Pki, Vec<u8>) = {
                let pki = Pki::new();
                let signed = pki.sign(&base(Style::Table), "s", 300.0, Level::BT);
                (pki, signed)
            };
        }
        SIGNED.with(|(pki, signed)| {
            let open = signed.windows(10).rposition(|window| window == b"/Contents<" || window == b"/Contents ").unwrap();
            let hole = open..open + signed[open..].iter().position(|byte| *byte == b'>').unwrap();
            let at = place.index(signed.len());
            let mut changed = signed.clone();
            changed[at] ^= flip;
            if hole.contains(&at) {
                return Ok(());
            }
            if let Ok(report) = verify(&changed, &pki.options()) {
                prop_assert!(report.verdict == Verdict::Failed, "byte {at}: {report:#?}");
            }
            Ok(())
        })?;
    }
}
