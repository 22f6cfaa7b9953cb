//! Signatures, and what comes with them, made to keep a verifier busy.

use bytes::Bytes;
use jiff::Timestamp;
use lopdf::{Dictionary, IncrementalDocument, Object, dictionary};

use super::structure::{gigabyte, root_object, with};
use super::{Hostile, limited, odd};
use crate::Limits;
use crate::cms::element;
use crate::facts::Rect;
use crate::sign::{Level, SignOptions, Subject, TestPki, sign};
use crate::testing::{Style, document, stream};
use crate::{der, oid};

pub(super) fn files() -> Vec<Hostile> {
    let few = Limits { max_checked: 4 << 20, ..Limits::default() };
    vec![
        odd(
            "a message of a hundred thousand certificates",
            message(&element(der::SEQUENCE, &[5, 0]).repeat(100_000), &[]),
        ),
        odd("a message of a hundred thousand attributes", message(&[], &attribute(&[5, 0]).repeat(100_000))),
        odd(
            "a message of very long values",
            message(&[], &attribute(&element(der::SEQUENCE, &vec![0; 1 << 20]))),
        ),
        odd("timestamps within timestamps", message(&[], &timestamps(12))),
        odd(
            "a gigabyte of validation data",
            with(&[
                root_object("/Pages 2 0 R/DSS<</Certs[9 0 R 9 0 R]/CRLs[9 0 R]/OCSPs[9 0 R]>>"),
                (9, gigabyte("")),
            ]),
        ),
        odd("validation data listed without end", {
            let list = "9 0 R ".repeat(100_000);
            with(&[
                root_object(&format!("/Pages 2 0 R/DSS<</Certs[{list}]/CRLs[{list}]/OCSPs[{list}]>>")),
                (9, stream("", "0")),
            ])
        }),
        Hostile {
            limits: few,
            ..limited(
                "a document that many signatures cover",
                "hashed",
                signed(&document("", &["/MediaBox[0 0 595 842]"], Style::Table).bytes, 20),
            )
        },
        odd("an update of pages that share their lists", shared_lists()),
    ]
}

/// A field whose signature is a message with these certificates and unsigned attributes, each in DER.
fn message(certificates: &[u8], unsigned: &[u8]) -> Vec<u8> {
    let signer = [
        element(der::INTEGER, &[1]),
        element(der::SEQUENCE, &[element(der::SEQUENCE, &[]), element(der::INTEGER, &[1])].concat()),
        element(der::SEQUENCE, &element(der::OID, oid::SHA256)),
        element(der::SEQUENCE, &element(der::OID, oid::ECDSA_SHA256)),
        element(der::OCTET_STRING, &[0; 64]),
        element(der::explicit(1), unsigned),
    ];
    let hexadecimal = hex(&signed_data(certificates, &signer.concat()));
    let value = |range: &str| {
        format!("<</SubFilter/ETSI.CAdES.detached/ByteRange[{range}]/Contents<{hexadecimal}>>>")
    };
    // The range must fit, or the message would not be read: it is written with as many digits as it will have.
    let file = |range: &str| {
        let form = root_object("/Pages 2 0 R/AcroForm<</Fields[8 0 R]>>");
        with(&[form, (8, format!("<</FT/Sig/T(s)/V {}>>", value(range)))])
    };
    let draft = file("0 000000000 000000000 000000000");
    let key = draft.windows(11).rposition(|window| window == b"/Contents<3").unwrap();
    let (start, end) = (key + 9, key + 9 + hexadecimal.len() + 2);
    file(&format!("0 {start:09} {end:09} {:09}", draft.len() - end))
}

fn signed_data(certificates: &[u8], signer: &[u8]) -> Vec<u8> {
    let parts = [
        element(der::INTEGER, &[1]),
        element(der::SET, &[]),
        element(der::SEQUENCE, &element(der::OID, oid::DATA)),
        element(der::explicit(0), certificates),
        element(der::SET, &element(der::SEQUENCE, signer)),
    ];
    let inside = element(der::explicit(0), &element(der::SEQUENCE, &parts.concat()));
    element(der::SEQUENCE, &[element(der::OID, oid::SIGNED_DATA), inside].concat())
}

fn attribute(value: &[u8]) -> Vec<u8> {
    let kind = element(der::OID, oid::SIGNATURE_TIMESTAMP);
    element(der::SEQUENCE, &[kind, element(der::SET, value)].concat())
}

/// Each token has two of the next depth among its attributes.
fn timestamps(depth: usize) -> Vec<u8> {
    if depth == 0 {
        return attribute(&[5, 0]);
    }
    let token = signed_data(&[], &timestamps(depth - 1));
    attribute(&token.repeat(2))
}

fn hex(bytes: &[u8]) -> String {
    crate::verify::hex(bytes)
}

/// Signed so many times.
fn signed(file: &[u8], times: u32) -> Vec<u8> {
    let now: Timestamp = "2026-11-20T10:00:00Z".parse().unwrap();
    let pki = TestPki::generate(now).unwrap();
    let identity = pki.issue(&Subject::new("TAN AH KOW"), now).unwrap();
    let mut bytes = Bytes::copy_from_slice(file);
    for time in 0..times {
        let place = Rect::new(9.0, 9.0 + 30.0 * f64::from(time), 90.0, 20.0);
        let mut options = SignOptions::new(format!("s{time}"), 1, place, now);
        options.level = Level::BB;
        bytes = sign(&bytes, &identity, None, &options).unwrap();
    }
    bytes.to_vec()
}

/// A thousand pages with one list of contents and one of annotations, both of which a later update changes.
fn shared_lists() -> Vec<u8> {
    const PAGES: u32 = 1_000;
    let kids: String = (30..30 + PAGES).map(|number| format!("{number} 0 R ")).collect();
    let list = |number: u32| format!("[{}]", format!("{number} 0 R ").repeat(5_000));
    let mut objects = vec![
        (2, format!("<</Type/Pages/Count {PAGES}/Kids[{kids}]>>")),
        (9, list(11)),
        (10, list(12)),
        (11, stream("", "q Q")),
        (12, "<</Type/Annot/Subtype/Text/Rect[0 0 9 9]>>".to_owned()),
    ];
    let lists = "/MediaBox[0 0 595 842]/Contents 9 0 R/Annots 10 0 R";
    objects.extend((30..30 + PAGES).map(|number| (number, format!("<</Type/Page/Parent 2 0 R{lists}>>"))));
    let signed = signed(&with(&objects), 1);
    let document = lopdf::Document::load_mem(&signed).unwrap();
    let mut update = IncrementalDocument::create_from(signed, document);
    let note = update.new_document.add_object(dictionary! { "Type" => "Annot" });
    update.new_document.objects.insert((10, 0), Object::Array(vec![note.into(); 5_000]));
    update.new_document.objects.insert((9, 0), Object::Array(vec![(11, 0).into()]));
    update.new_document.objects.insert((11, 0), Object::Dictionary(Dictionary::new()));
    let mut bytes = Vec::new();
    update.save_to(&mut bytes).unwrap();
    bytes.push(b'\n');
    bytes
}
