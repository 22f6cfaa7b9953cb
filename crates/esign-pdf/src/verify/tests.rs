//! Signed fixtures, and what may and may not happen to them afterwards.

use bytes::Bytes;
use esign_core::facts::{Rect, SignatureLevel};
use jiff::Timestamp;
use lopdf::{Dictionary, IncrementalDocument, Object, ObjectId, dictionary};
use proptest::prelude::*;

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
        (1, "<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[13 0 R 14 0 R]>>/Metadata 17 0 R>>".to_owned()),
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
    assert_eq!(serde_json::from_value::<VerificationReport>(json).unwrap(), report);
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
    assert!(changes.contains(&"signature field second was added and signed"), "{changes:?}");
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

#[test]
fn documents_without_signatures_fail_and_rewritten_ones_do_not_extend() {
    let pki = Pki::new();
    let mut options = pki.options();
    options.original = Some(Original::of(b"another file"));
    let report = verify(&base(Style::Table), &options).unwrap();
    assert_eq!((report.verdict, report.extends_original), (Verdict::Failed, Some(false)));
    assert_eq!(report.reasons, ["the document has no signature"]);
}

type Attack = (&'static str, &'static str, fn(&mut Update));

/// Each with words from the reason that must be given.
const ATTACKS: &[Attack] = &[
    ("page content replaced", "the content of page 1 was changed", |u| {
        u.put((10, 0), Update::content("BT (Pay 999) Tj ET"));
    }),
    ("page points to other content", "/Contents of page 1", |u| {
        let content = u.add(Update::content("x"));
        u.set(PAGE, "Contents", content);
    }),
    ("page rotated", "/Rotate of page 1", |u| u.set(PAGE, "Rotate", 90)),
    ("font replaced", "an object of type Font Type1 was changed", |u| {
        u.set((11, 0), "BaseFont", "Wingdings")
    }),
    ("annotation changed", "an object of type Annot Text was changed", |u| {
        u.set((12, 0), "Contents", Object::string_literal("other"));
    }),
    ("annotation added", "annotations of page 1", |u| {
        let note = u.add(
            dictionary! { "Subtype" => "Stamp", "Rect" => vec![0.into(), 0.into(), 9.into(), 9.into()] },
        );
        u.append(PAGE, b"Annots", note);
    }),
    ("annotations reordered", "annotations of page 1", |u| {
        u.dict(PAGE).get_mut(b"Annots").unwrap().as_array_mut().unwrap().reverse();
    }),
    ("page added", "pages were added, removed or reordered", |u| {
        let page = u.add(dictionary! { "Type" => "Page", "Parent" => (2, 0), "MediaBox" => vec![0.into(), 0.into(), 9.into(), 9.into()] });
        u.append((2, 0), b"Kids", page);
        u.set((2, 0), "Count", 2);
    }),
    ("open action", "the document catalog's /OpenAction", |u| {
        u.set(
            CATALOG,
            "OpenAction",
            dictionary! { "S" => "JavaScript", "JS" => Object::string_literal("x") },
        );
    }),
    ("names", "the document catalog's /Names", |u| u.set(CATALOG, "Names", Dictionary::new())),
    ("form value", "form field amount was changed", |u| u.set((13, 0), "V", Object::string_literal("999"))),
    ("form field removed", "form fields were removed", |u| {
        u.form().get_mut(b"Fields").unwrap().as_array_mut().unwrap().remove(0);
    }),
    ("text field added", "not a signature field", |u| {
        let field = u.add(dictionary! { "FT" => "Tx", "T" => Object::string_literal("new") });
        u.form().get_mut(b"Fields").unwrap().as_array_mut().unwrap().push(field.into());
    }),
    ("need appearances", "the form's /NeedAppearances", |u| u.form().set("NeedAppearances", true)),
    ("XFA", "the form's /XFA", |u| u.form().set("XFA", Vec::<Object>::new())),
    ("signature flags cleared", "the form's /SigFlags", |u| u.form().set("SigFlags", 0)),
    ("default appearance", "the form's /DA", |u| u.form().set("DA", Object::string_literal("x"))),
    ("signature widget moved", "form field s was changed", |u| {
        let field = u.field("s");
        u.set(field, "Rect", vec![0.into(), 0.into(), 9.into(), 9.into()]);
    }),
    ("signature widget repainted", "form field s was changed", |u| {
        let (field, paint) = (u.field("s"), u.add(Update::content("0 0 9 9 re f")));
        u.set(field, "AP", dictionary! { "N" => paint });
    }),
    ("appearance stream repainted in place", "was changed", |u| {
        u.put((18, 0), Update::content("0 0 9 9 re f"))
    }),
    ("empty field only repainted", "without being signed", |u| {
        let paint = u.add(Update::content("0 0 9 9 re f"));
        u.set((14, 0), "AP", dictionary! { "N" => paint });
    }),
    ("empty field moved", "/Rect of signature field empty", |u| {
        u.set((14, 0), "Rect", vec![0.into(), 0.into(), 595.into(), 842.into()]);
    }),
    ("empty field filled and shown as something old", "/AP of signature field empty", |u| {
        let value =
            u.add(dictionary! { "ByteRange" => vec![0.into()], "Contents" => Object::string_literal("") });
        u.set((14, 0), "V", value);
        u.set((14, 0), "AP", dictionary! { "N" => (10, 0) });
    }),
    ("empty field filled and given an action", "/A of signature field empty", |u| {
        let value =
            u.add(dictionary! { "ByteRange" => vec![0.into()], "Contents" => Object::string_literal("") });
        u.set((14, 0), "V", value);
        u.set((14, 0), "A", dictionary! { "S" => "URI" });
    }),
    ("empty field filled with text", "filled with something else", |u| {
        u.set((14, 0), "V", Object::string_literal("text"));
    }),
    ("dangling reference filled", "refers to but does not have", |u| u.put((90, 0), Update::content("x"))),
    ("metadata is no metadata", "the document catalog's /Metadata", |u| {
        let content = u.add(Update::content("x"));
        u.set(CATALOG, "Metadata", content);
    }),
    ("new signature field with an action", "with an action", |u| {
        let value =
            u.add(dictionary! { "ByteRange" => vec![0.into()], "Contents" => Object::string_literal("") });
        let field = u.add(dictionary! {
            "FT" => "Sig", "T" => Object::string_literal("new"), "Subtype" => "Widget", "V" => value,
            "Rect" => vec![0.into(), 0.into(), 9.into(), 9.into()], "AA" => Dictionary::new(),
        });
        u.form().get_mut(b"Fields").unwrap().as_array_mut().unwrap().push(field.into());
        u.append(PAGE, b"Annots", field);
    }),
    ("new empty signature field that shows something", "that shows something", |u| {
        let paint = u.add(Update::content("0 0 9 9 re f"));
        let field = u.add(dictionary! {
            "FT" => "Sig", "T" => Object::string_literal("new"), "Subtype" => "Widget",
            "Rect" => vec![0.into(), 0.into(), 9.into(), 9.into()], "AP" => dictionary! { "N" => paint },
        });
        u.form().get_mut(b"Fields").unwrap().as_array_mut().unwrap().push(field.into());
        u.append(PAGE, b"Annots", field);
    }),
    ("new field with the name of an old one", "without a name of its own", |u| {
        let field = u.add(dictionary! { "FT" => "Sig", "T" => Object::string_literal("s") });
        u.form().get_mut(b"Fields").unwrap().as_array_mut().unwrap().push(field.into());
    }),
    ("signature taken out", "an earlier signature (field s) was taken out", |u| {
        u.form().get_mut(b"Fields").unwrap().as_array_mut().unwrap().pop();
    }),
    ("signature's value emptied", "an earlier signature (field s) was taken out", |u| {
        let field = u.field("s");
        u.dict(field).remove(b"V");
    }),
    ("signature's value made unreadable", "holds a signature that cannot be read", |u| {
        let field = u.field("s");
        u.set(field, "V", (4000, 0));
    }),
    ("another root", "the trailer's /Root", |u| {
        let catalog = u.0.get_prev_documents().catalog().unwrap().clone();
        let root = u.add(catalog);
        u.0.new_document.trailer.set("Root", root);
    }),
];

#[test]
fn modifications_by_update_are_found_and_named() {
    let pki = Pki::new();
    for style in [Style::Table, Style::Compressed] {
        let signed = pki.sign(&base(style), "s", 300.0, Level::BT);
        for (name, words, attack) in ATTACKS {
            let report = pki.verify(&Update::to(&signed, attack));
            assert_eq!(report.verdict, Verdict::Failed, "{name}: {report:#?}");
            let reasons = report.reasons.join("\n");
            assert!(reasons.contains(words), "{name} ({style:?}): {reasons}");
        }
    }
}

const HARMLESS: &[Attack] = &[
    ("nothing", "", |u| {
        u.add(Dictionary::new());
    }),
    ("validation data", "validation data", |u| {
        let certificate = u.add(Update::content("x"));
        u.set(CATALOG, "DSS", dictionary! { "Certs" => vec![certificate.into()] });
        u.set(CATALOG, "Extensions", dictionary! { "ESIC" => dictionary! { "BaseVersion" => "1.7" } });
    }),
    ("document information", "the document information", |u| {
        u.set((16, 0), "Title", Object::string_literal("x"))
    }),
    ("metadata", "the metadata", |u| u.set((17, 0), "Length1", 4)),
    ("an unsigned field that shows nothing", "empty signature field new was added", |u| {
        let field = u.add(dictionary! { "FT" => "Sig", "T" => Object::string_literal("new") });
        u.form().get_mut(b"Fields").unwrap().as_array_mut().unwrap().push(field.into());
    }),
    ("an object rewritten as it was", "", |u| {
        u.dict((11, 0));
    }),
];

#[test]
fn harmless_updates_pass() {
    let pki = Pki::new();
    let signed = pki.sign(&base(Style::Table), "s", 300.0, Level::BT);
    for (name, words, update) in HARMLESS {
        let report = pki.verify(&Update::to(&signed, update));
        assert_eq!(report.verdict, Verdict::Passed, "{name}: {report:#?}");
        let changes: Vec<_> =
            report.signatures[0].changes.iter().map(|change| change.what.as_str()).collect();
        assert_eq!(report.signatures[0].coverage, Coverage::Revision);
        assert!(changes.join("\n").contains(words), "{name}: {changes:?}");
    }
}

/// An object that means two things changes in both: an indirect array that is content and annotations at once.
#[test]
fn an_object_with_a_second_meaning_is_not_excused() {
    let pki = Pki::new();
    let mut document = base(Style::Table);
    document = Update::to(&document, |u| {
        let shared = u.add(Object::Array(vec![(10, 0).into()]));
        u.set(CATALOG, "DSS", dictionary! { "Certs" => shared });
        u.set(PAGE, "Contents", shared);
    });
    let signed = pki.sign(&document, "s", 300.0, Level::BT);
    let attacked = Update::to(&signed, |u| {
        let catalog =
            u.0.get_prev_documents().catalog().unwrap().get(b"DSS").unwrap().as_dict().unwrap().clone();
        let shared = catalog.get(b"Certs").unwrap().as_reference().unwrap();
        let content = u.add(Update::content("x"));
        u.put(shared, Object::Array(vec![content.into()]));
    });
    let report = pki.verify(&attacked);
    assert!(report.reasons.join("\n").contains("the content of page 1 was changed"), "{report:#?}");
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
        (patched(&signed, b"/ByteRange[0 ", b"/ByteRange[1 "), "does not start at the first byte"),
        (patched(&signed, b"/ByteRange[0 ", b"/ByteRange[- "), ""),
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
