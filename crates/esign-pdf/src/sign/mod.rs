//! PAdES signing (ETSI EN 319 142-1) with keys of our own: for sandboxes and tests, not for legal signatures.
//!
//! [`TestPki`] makes the certificates and issues an [`Identity`] to each signer; [`sign`] appends a signature and its
//! visible box to a PDF as an incremental update, so that every byte of the input, and with it every earlier signature,
//! stays as it was.
//!
//! ```
//! use esign_pdf::facts::Rect;
//! use esign_pdf::sign::{SignOptions, Subject, TestPki, sample_pdf, sign};
//!
//! let now: jiff::Timestamp = "2026-11-20T10:00:00Z".parse()?;
//! let pki = TestPki::generate(now)?;
//! let signer = pki.issue(&Subject::new("First signer"), now)?;
//! let pdf = sample_pdf("Agreement", &["This is the first clause."]).into();
//! let options = SignOptions::new("signature-1", 1, Rect::new(60.0, 80.0, 220.5, 60.0), now);
//! let signed = sign(&pdf, &signer, Some(pki.tsa()), &options)?;
//! assert!(signed.starts_with(&pdf));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A line of the box that is Western European (WinAnsi) is drawn with the standard Helvetica. Any other is drawn with fonts
//! that come with this crate, of which only the glyphs that are drawn are embedded: Latin with all its accents, Greek,
//! Cyrillic, Tamil, Chinese (simplified and traditional) and kana. A character that they lack shows as an empty box; the text
//! that a reader copies is right all the same, and the certificate has the name in full.

mod appearance;
mod attach;
mod cms;
mod dss;
mod error;
mod ocsp;
mod paint;
mod pki;
mod prepared;
mod sample;
mod text;
mod tsa;
mod update;

use std::fmt;

use bytes::Bytes;
use esign_core::facts::Rect;
use jiff::Timestamp;

use crate::Limits;
use crate::limits::on_big_stack;

pub use attach::NewAttachment;
pub use error::SignError;
pub use pki::{Identity, KeyKind, MARK, Subject, TestPki};
pub use sample::{SAMPLE_PLACES, sample_pdf, text_pdf};
pub use tsa::TimestampAuthority;

/// Bytes kept for the signature by default: what Sign with Singpass keeps, and three times what is needed here.
pub const DEFAULT_RESERVE: usize = 15_000;

/// Where and how to sign. `Debug` leaves out what may name a person.
#[derive(Clone)]
pub struct SignOptions {
    /// Name of the new signature field: not empty, no dot, not yet used in the document.
    pub field_name: String,
    /// The page of the box, from 1.
    pub page: u32,
    /// The box in the space that a person sees (see [`PageFacts::shown`](esign_core::facts::PageFacts::shown)): points,
    /// origin at the lower left. It must lie on the page. Without any area the signature is invisible.
    pub rect: Rect,
    /// Text in the box, below the signer's name, the time and the sandbox mark.
    pub lines: Vec<String>,
    /// Why it was signed (`/Reason`).
    pub reason: Option<String>,
    /// Where it was signed (`/Location`).
    pub location: Option<String>,
    /// The program that signed (`/Prop_Build /App /Name`).
    pub application: Option<String>,
    /// The time of signing, for the box, `/M` and the timestamp token.
    pub signed_at: Timestamp,
    /// Bytes kept for the signature in `/Contents`; [`DEFAULT_RESERVE`] is safe for every level.
    pub reserve: usize,
    /// How much the signature carries with it.
    pub level: Level,
    /// Files to embed in the document, which the signature then covers. Files that are there already stay.
    pub attachments: Vec<NewAttachment>,
}

impl SignOptions {
    /// A baseline signature with a timestamp, in this box, with nothing optional.
    #[must_use]
    pub fn new(field_name: impl Into<String>, page: u32, rect: Rect, signed_at: Timestamp) -> Self {
        Self {
            field_name: field_name.into(),
            page,
            rect,
            lines: Vec::new(),
            reason: None,
            location: None,
            application: None,
            signed_at,
            reserve: DEFAULT_RESERVE,
            level: Level::BT,
            attachments: Vec::new(),
        }
    }
}

impl fmt::Debug for SignOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignOptions")
            .field("page", &self.page)
            .field("rect", &self.rect)
            .field("signed_at", &self.signed_at)
            .field("reserve", &self.reserve)
            .field("level", &self.level)
            .field("attachments", &self.attachments)
            .finish_non_exhaustive()
    }
}

/// PAdES baseline levels that can be made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// A signature and its certificates.
    BB,
    /// With a timestamp of the signature: needs a [`TimestampAuthority`].
    BT,
    /// With a timestamp and, in one more incremental update, the certificates and revocation data to check it later.
    BLT,
}

/// Signs a PDF: appends a signature field with its box and the files to embed, and nothing else.
///
/// The result starts with every byte of the input. Earlier signatures stay valid; after a certifying one that allows
/// signing (DocMDP 2 or 3) a validator may still object to a new visible box, as pyHanko does by default.
///
/// # Errors
/// [`SignError`] says what about the document or the options stands in the way: a document that is damaged, encrypted,
/// hybrid-referenced, shifted by bytes before its header or locked by an earlier signature is refused, never repaired.
pub fn sign(
    pdf: &Bytes,
    identity: &Identity,
    tsa: Option<&TimestampAuthority>,
    options: &SignOptions,
) -> Result<Bytes, SignError> {
    let limits = Limits::default();
    on_big_stack(&limits, || Ok(sign_here(pdf, identity, tsa, options, &limits)))?
}

/// The cryptographic message (RFC 5652) with which somebody signs these bytes, without them in it: for programs that write the
/// signature's dictionary and its byte range themselves.
///
/// # Errors
/// [`SignError`] if the key or its certificate cannot be used.
pub fn sign_detached(content: &[u8], identity: &Identity) -> Result<Vec<u8>, SignError> {
    let signer = cms::Signer { key: &identity.key, chain: &identity.chain };
    let digest = aws_lc_rs::digest::digest(signer.scheme().digest, content);
    cms::sign(signer, cms::DATA, digest.as_ref())?.into_message(None, None)
}

fn sign_here(
    pdf: &Bytes,
    identity: &Identity,
    tsa: Option<&TimestampAuthority>,
    options: &SignOptions,
    limits: &Limits,
) -> Result<Bytes, SignError> {
    let tsa = match options.level {
        Level::BB => None,
        Level::BT | Level::BLT => Some(tsa.ok_or(SignError::NoTimestampAuthority)?),
    };
    let mut prepared = prepared::prepare(pdf, &identity.name, options, limits)?;
    let signer = cms::Signer { key: &identity.key, chain: &identity.chain };
    let signature = cms::sign(signer, cms::DATA, prepared.digest(signer.scheme().digest).as_ref())?;
    let timestamp = tsa.map(|tsa| tsa.token(&signature.value, options.signed_at)).transpose()?;
    prepared.embed(&signature.into_message(None, timestamp.as_deref())?)?;
    let signed = prepared.into_bytes();
    match tsa.filter(|_| options.level == Level::BLT) {
        Some(tsa) => dss::append(&signed, identity, tsa, options.signed_at, limits),
        None => Ok(signed),
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::{SHA256, digest};
    use lopdf::{Dictionary, Document, Object};
    use proptest::prelude::*;

    use super::*;
    use crate::inspect;
    use crate::testing::{Fixture, Style, document, plain};

    const A4: &str = "/MediaBox[0 0 595.28 841.89]";

    fn now() -> Timestamp {
        "2026-11-20T10:00:00Z".parse().unwrap()
    }

    fn options(name: &str, y: f64) -> SignOptions {
        SignOptions::new(name, 1, Rect::new(100.0, y, 220.5, 60.0), now())
    }

    fn try_sign(pdf: &Fixture, options: &SignOptions) -> Result<Bytes, SignError> {
        let pki = TestPki::generate(now())?;
        let identity = pki.issue(&Subject::new("First signer"), now())?;
        sign(&pdf.bytes.clone().into(), &identity, Some(pki.tsa()), options)
    }

    /// Every signature dictionary, with the bytes that it says are signed.
    fn signatures(pdf: &Bytes) -> Vec<(Dictionary, Vec<u8>)> {
        let read = Document::load_mem(pdf).unwrap();
        assert!(read.xref_recovery.is_none());
        let is_signature =
            |dict: &&Dictionary| dict.get(b"Type").and_then(Object::as_name).is_ok_and(|t| t == b"Sig");
        let dictionaries =
            read.objects.values().filter_map(|object| object.as_dict().ok()).filter(is_signature);
        let signed = |dict: &Dictionary| {
            let range = dict.get(b"ByteRange").unwrap().as_array().unwrap();
            let range: Vec<_> = range.iter().map(|n| usize::try_from(n.as_i64().unwrap()).unwrap()).collect();
            let [0, length, start, rest] = range[..] else { panic!("{range:?}") };
            assert_eq!((pdf[length], pdf[start - 1]), (b'<', b'>'));
            assert!(pdf[length + 1..start - 1].iter().all(u8::is_ascii_hexdigit));
            [&pdf[..length], &pdf[start..start + rest]].concat()
        };
        dictionaries.map(|dict| (dict.clone(), signed(dict))).collect()
    }

    fn contents(signature: &Dictionary) -> &[u8] {
        signature.get(b"Contents").unwrap().as_str().unwrap()
    }

    fn contains(bytes: &[u8], part: &[u8]) -> bool {
        bytes.windows(part.len()).any(|window| window == part)
    }

    #[test]
    fn everything_but_the_hole_is_signed() {
        for style in [Style::Table, Style::Stream, Style::Compressed] {
            let input = document("", &[A4], style);
            let signed = try_sign(&input, &options("v3-1", 30.0)).unwrap();
            assert!(signed.starts_with(&input.bytes) && signed.ends_with(b"%%EOF\n"), "{style:?}");
            let [(signature, covered)] = &signatures(&signed)[..] else { panic!("{style:?}") };
            assert_eq!(covered.len() + 2 * DEFAULT_RESERVE + 2, signed.len(), "{style:?}");
            assert_eq!(contents(signature).len(), DEFAULT_RESERVE);
            assert!(contains(contents(signature), digest(&SHA256, covered).as_ref()), "{style:?}");
        }
    }

    #[test]
    fn signing_again_leaves_what_was_signed_as_it_was() {
        let pki = TestPki::generate(now()).unwrap();
        let mut pdf: Bytes = plain().bytes.into();
        for (n, level) in [Level::BB, Level::BT, Level::BLT, Level::BLT].into_iter().enumerate() {
            let identity = pki.issue(&Subject::new("First signer"), now()).unwrap();
            let mut options = options(&format!("v3-{n}"), 30.0 + 70.0 * n as f64);
            options.level = level;
            let signed = sign(&pdf, &identity, Some(pki.tsa()), &options).unwrap();
            assert!(signed.starts_with(&pdf));
            pdf = signed;
            let all = signatures(&pdf);
            assert_eq!(all.len(), n + 1);
            for (signature, covered) in all {
                assert!(contains(contents(&signature), digest(&SHA256, &covered).as_ref()));
            }
        }
        let facts = inspect(&pdf, &Limits::default()).unwrap();
        assert!(facts.damage.is_empty());
        assert_eq!(facts.revisions.len(), 1 + 4 + 2);
        let names: Vec<_> = facts.signatures.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["v3-0", "v3-1", "v3-2", "v3-3"]);
    }

    #[test]
    fn the_box_is_where_it_was_asked_for() {
        for page in [
            "/MediaBox[0 0 595.28 841.89]",
            "/MediaBox[-200 100 400 900]",
            "/MediaBox[0 0 595.28 841.89]/Rotate 90",
            "/MediaBox[0 0 595.28 841.89]/Rotate 180/CropBox[50 60 500 700]",
            "/MediaBox[-200 100 400 900]/Rotate -90/CropBox[-150 150 350 800]",
            "/MediaBox[0 0 595.28 841.89]/Rotate 450/UserUnit 2",
        ] {
            let options = options("v3-1", 30.0);
            let signed = try_sign(&document("", &[page], Style::Table), &options).unwrap();
            let facts = inspect(&signed, &Limits::default()).unwrap();
            let [widget] = facts.signatures[0].widgets[..] else { panic!("{page}") };
            let (shown, asked) = (widget.shown, options.rect);
            let off = [
                shown.x - asked.x,
                shown.y - asked.y,
                shown.right() - asked.right(),
                shown.top() - asked.top(),
            ];
            assert!(off.iter().all(|off| off.abs() < 1e-3), "{page}: {shown:?}");
            assert_eq!(widget.page, 1);
        }
    }

    #[test]
    fn boxes_off_the_page_are_refused() {
        let input = document("", &["/MediaBox[0 0 400 600]/Rotate 90/UserUnit 2"], Style::Table);
        let attempt = |rect| try_sign(&input, &SignOptions { rect, ..options("v3-1", 30.0) });
        assert!(attempt(Rect::new(979.5, 740.0, 220.5, 60.0)).is_ok(), "shown as 1200 x 800");
        for rect in [
            Rect::new(980.0, 740.0, 220.5, 60.0),
            Rect::new(0.0, 740.5, 220.5, 60.0),
            Rect::new(-0.1, 0.0, 220.5, 60.0),
            Rect::new(300.0, 300.0, -220.5, 60.0),
            Rect::new(f64::NAN, 0.0, 220.5, 60.0),
            Rect::new(0.0, 0.0, f64::INFINITY, 60.0),
        ] {
            let refused = attempt(rect);
            let Err(SignError::BoxOutside { page: 1, width: 1200.0, height: 800.0 }) = refused else {
                panic!("{rect:?}: {refused:?}")
            };
        }
    }

    #[test]
    fn a_box_without_area_is_invisible() {
        let signed =
            try_sign(&plain(), &SignOptions { rect: Rect::new(0.0, 0.0, 0.0, 0.0), ..options("v3-1", 30.0) });
        let signed = signed.unwrap();
        assert!(!contains(&signed, b"/AP"));
        assert_eq!(inspect(&signed, &Limits::default()).unwrap().signatures.len(), 1);
    }

    #[test]
    fn annotations_and_fields_are_added_where_their_arrays_are() {
        let page =
            |annotations: &str| format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]{annotations}>>");
        let catalog = |form: &str| format!("<</Type/Catalog/Pages 2 0 R{form}>>");
        let tree = "<</Type/Pages/Count 1/Kids[3 0 R]>>";
        let note = "<</Type/Annot/Subtype/Text/Rect[0 0 9 9]>>";
        let text_field = "<</FT/Tx/T(text)>>";
        // form, page entry, objects 6 and 7, objects that must be rewritten
        for (form, annotations, six, seven, rewritten) in [
            ("", "", "null", "null", vec![1, 3]),
            ("/AcroForm null", "/Annots null", "null", "null", vec![1, 3]),
            ("/AcroForm 99 0 R", "/Annots 99 0 R", "null", "null", vec![1, 3]),
            ("/AcroForm<<>>", "/Annots[]", "null", "null", vec![1, 3]),
            ("/AcroForm<</Fields[5 0 R]/SigFlags 1>>", "/Annots[4 0 R]", "null", "null", vec![1, 3]),
            ("/AcroForm<</Fields 6 0 R>>", "/Annots 7 0 R", "[5 0 R]", "[4 0 R]", vec![1, 6, 7]),
            ("/AcroForm 6 0 R", "/Annots 7 0 R", "<</Fields[5 0 R]>>", "[4 0 R]", vec![6, 7]),
            ("/AcroForm 6 0 R", "/Annots[4 0 R]", "<</Fields 7 0 R>>", "[5 0 R]", vec![3, 6, 7]),
        ] {
            for style in [Style::Table, Style::Compressed] {
                let objects = [&catalog(form), tree, &page(annotations), note, text_field, six, seven];
                let objects: Vec<_> = (1..).zip(objects.map(str::to_owned)).collect();
                let signed = try_sign(&Fixture::new(&objects, style), &options("v3-1", 30.0)).unwrap();
                let read = Document::load_mem(&signed).unwrap();
                let before = Document::load_mem(&Fixture::new(&objects, style).bytes).unwrap();
                let changed = (1..=7).filter(|n| read.objects.get(&(*n, 0)) != before.objects.get(&(*n, 0)));
                assert_eq!(changed.collect::<Vec<_>>(), rewritten, "{form} {annotations} {style:?}");

                let facts = inspect(&signed, &Limits::default()).unwrap();
                let had_a_field = six.contains("5 0 R") || seven.contains("5 0 R") || form.contains("5 0 R");
                assert_eq!(facts.form_fields, u32::from(had_a_field), "{form}");
                assert_eq!((facts.signatures.len(), facts.signatures[0].widgets.len()), (1, 1), "{form}");
                let form = read.get_dict_in_dict(read.catalog().unwrap(), b"AcroForm").unwrap();
                assert_eq!(form.get(b"SigFlags").unwrap().as_i64().unwrap(), 3);
            }
        }
    }

    #[test]
    fn what_must_not_be_signed_is_refused() {
        let field = |entries: &str| {
            let objects = [
                "<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[4 0 R]>>>>",
                "<</Type/Pages/Count 1/Kids[3 0 R]>>",
                "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>",
                &format!("<</FT/Sig/T(earlier)/V 5 0 R{entries}>>"),
                "<</Type/Sig/SubFilter/ETSI.CAdES.detached/Contents<00>/Reference[<</TransformMethod/DocMDP\
                 /TransformParams<</P 2>>>>]>>",
            ];
            (1..).zip(objects.map(str::to_owned)).collect::<Vec<_>>()
        };
        let mut certified = field("");
        certified[4].1 = certified[4].1.replace("/P 2", "/P 1");
        let mut unreadable = field("");
        unreadable[4].1 = "null".to_owned();
        let mut shifted = plain();
        shifted.bytes.splice(0..0, *b"\n\n");
        let mut broken = plain();
        let end = broken.bytes.len() - 10;
        broken.bytes[end] ^= 1;
        let xfa = "/AcroForm<</XFA()>>/NeedsRendering true";
        let encrypted = plain().with_trailer("/Root 1 0 R/Encrypt<</Filter/Standard/V 1/R 2/P -4/O()/U()>>");
        let encrypted = encrypted.update(&[(9, "null".to_owned())], Style::Table);

        assert!(try_sign(&Fixture::new(&field(""), Style::Table), &options("v3-1", 30.0)).is_ok());
        assert!(
            try_sign(&Fixture::new(&field("/Lock<</Action/All/P 2>>"), Style::Table), &options("v3-1", 30.0))
                .is_ok()
        );
        for (name, input, expected) in [
            ("certified", Fixture::new(&certified, Style::Table), "locks the PDF"),
            ("locked", Fixture::new(&field("/Lock<</Action/All/P 1>>"), Style::Table), "locks the PDF"),
            ("unreadable", Fixture::new(&unreadable, Style::Table), "damaged"),
            ("hybrid", document("", &[A4], Style::Hybrid), "hybrid"),
            ("shifted", shifted, "before %PDF-"),
            ("broken", broken, "damaged"),
            ("XFA", document(xfa, &[A4], Style::Table), "XFA"),
            ("encrypted", encrypted, "encrypted"),
        ] {
            let refused = try_sign(&input, &options("v3-1", 30.0)).unwrap_err().to_string();
            assert!(refused.contains(expected), "{name}: {refused}");
        }
    }

    #[test]
    fn wrong_options_are_refused() {
        let fields = [
            "<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[4 0 R 5 0 R]>>>>",
            "<</Type/Pages/Count 1/Kids[3 0 R]>>",
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>",
            "<</FT/Tx/T(text)>>",
            "<</T(parent)/Kids[<</FT/Tx/T(child)>>]>>",
        ];
        let input = Fixture::new(&(1..).zip(fields.map(str::to_owned)).collect::<Vec<_>>(), Style::Table);
        let with = |change: fn(&mut SignOptions)| {
            let mut options = options("v3-1", 30.0);
            change(&mut options);
            try_sign(&input, &options).unwrap_err()
        };
        assert!(matches!(with(|o| o.field_name.clear()), SignError::BadFieldName));
        assert!(matches!(with(|o| "a.b".clone_into(&mut o.field_name)), SignError::BadFieldName));
        assert!(matches!(with(|o| "text".clone_into(&mut o.field_name)), SignError::FieldNameTaken));
        assert!(matches!(with(|o| "parent".clone_into(&mut o.field_name)), SignError::FieldNameTaken));
        assert!(matches!(with(|o| o.page = 0), SignError::NoSuchPage { page: 0, pages: 1 }));
        assert!(matches!(with(|o| o.page = 2), SignError::NoSuchPage { page: 2, pages: 1 }));
        assert!(matches!(with(|o| o.reserve = 100), SignError::ReserveTooSmall { reserved: 100, .. }));
        assert!(matches!(with(|o| o.reserve = usize::MAX), SignError::ReserveTooLarge { .. }));

        let pki = TestPki::generate(now()).unwrap();
        let identity = pki.issue(&Subject::new("First signer"), now()).unwrap();
        let refused = sign(&input.bytes.clone().into(), &identity, None, &options("v3-1", 30.0));
        assert!(matches!(refused, Err(SignError::NoTimestampAuthority)));
        let garbage =
            sign(&Bytes::from_static(b"no PDF"), &identity, Some(pki.tsa()), &options("v3-1", 30.0));
        assert!(matches!(garbage, Err(SignError::Document(_))));
    }

    #[test]
    fn a_dangling_reference_does_not_come_to_life() {
        // The input has objects 1 to 3, and a fourth where its cross-references are a stream.
        for (style, reference, first_new) in [
            (Style::Table, 4, 5),
            (Style::Table, 4_000_000_000_u32, 4),
            (Style::Stream, 5000, 5001),
            (Style::Compressed, 5000, 5001),
        ] {
            let input = document(&format!("/Outlines {reference} 0 R"), &[A4], style);
            let had = Document::load_mem(&input.bytes).unwrap();
            let signed = try_sign(&input, &options("v3-1", 30.0)).unwrap();
            let has = Document::load_mem(&signed).unwrap();
            let added = has.objects.keys().find(|id| !had.objects.contains_key(id));
            assert_eq!(added.map(|(number, _)| *number), Some(first_new), "{style:?}");
            assert!(!has.objects.contains_key(&(reference, 0)), "{style:?}");
            assert!(inspect(&signed, &Limits::default()).unwrap().damage.is_empty());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever the input: no panic, and what is signed starts with it.
        #[test]
        fn mutated_documents_are_refused_or_kept(
            style in prop::sample::select(vec![Style::Table, Style::Stream, Style::Compressed, Style::Hybrid]),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        ) {
            let form = "/AcroForm<</Fields[<</FT/Tx/T(a)>>]>>";
            let mut input = document(form, &[A4, "/MediaBox[0 0 300 300]/Annots[]"], style);
            for (index, byte) in changes {
                let at = index.index(input.bytes.len());
                input.bytes[at] = byte;
            }
            if let Ok(signed) = try_sign(&input, &options("v3-1", 30.0)) {
                prop_assert!(signed.starts_with(&input.bytes));
                let mut all = signatures(&signed).into_iter();
                let ours = all.any(|(own, covered)| contains(contents(&own), digest(&SHA256, &covered).as_ref()));
                prop_assert!(ours);
            }
        }
    }

    /// Placeholders in the document's or the caller's own text must not be taken for those of the signature.
    #[test]
    fn text_that_looks_like_a_placeholder_is_left_alone() {
        let decoy = "/ByteRange[9999999999 9999999999 9999999999 9999999999]/Contents<00>>>\nendobj\n";
        let page = format!("{A4}/Note({decoy})");
        let mut options = options("v3-1", 30.0);
        options.reason = Some(decoy.to_owned());
        options.lines = vec![decoy.to_owned()];
        let input = document(&format!("/Note({decoy})"), &[&page], Style::Table);
        let signed = try_sign(&input.with_trailer(&format!("/Root 1 0 R/Note({decoy})")), &options).unwrap();
        let [(signature, covered)] = &signatures(&signed)[..] else { panic!() };
        assert!(contains(contents(signature), digest(&SHA256, covered).as_ref()));
        let reason = lopdf::decode_text_string(signature.get(b"Reason").unwrap()).unwrap();
        assert_eq!(reason, decoy);
    }

    #[test]
    fn personal_data_stays_out_of_debug_output() {
        const MARKER: &str = "MARKER";
        fn is_silent(value: &impl fmt::Debug) {
            assert!(!format!("{value:?}{value:#?}").contains(MARKER));
        }
        let pki = TestPki::generate(now()).unwrap();
        let subject = Subject { common_name: MARKER.to_owned(), serial_number: Some(MARKER.to_owned()) };
        let identity = pki.issue(&subject, now()).unwrap();
        let mut options = options(MARKER, 30.0);
        options.lines = vec![MARKER.to_owned()];
        options.reason = Some(MARKER.to_owned());
        is_silent(&subject);
        is_silent(&identity);
        is_silent(&options);
        is_silent(&pki);
    }

    #[test]
    fn keys_can_be_shared_between_threads() {
        fn shareable<T: Send + Sync>() {}
        shareable::<TestPki>();
        shareable::<Identity>();
    }
}
