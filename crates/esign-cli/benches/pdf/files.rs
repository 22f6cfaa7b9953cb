//! The files that are read where no folder is given.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use esign::facts::Rect;
use esign::pdf::sign::{Level, SignOptions, Subject, TestPki, sign};
use esign::pdf::testing::shapes::Shape;
use jiff::Timestamp;
use lopdf::{Document, Object, SaveOptions, Stream, dictionary};

/// Documents as they are sent for signature, plain and in object streams, and each of them signed at each level, once and
/// twice. Returns the path of the root certificate.
pub(crate) fn documents(folder: &Path, now: Timestamp) -> PathBuf {
    let pki = TestPki::generate(now).unwrap();
    let root = folder.join("root.pem");
    std::fs::write(&root, pki.root_pem()).unwrap();
    for pages in [1, 3, 12, 60, 300] {
        for (style, packed) in [("table", false), ("packed", true)] {
            let mut pdf = Bytes::from(contract(pages, packed));
            write(folder, &format!("{pages}-{style}"), &pdf);
            for level in [Level::BB, Level::BT, Level::BLT] {
                write(folder, &format!("{pages}-{style}-{level:?}"), &signed(&pdf, &pki, level, 1, now));
            }
            pdf = signed(&pdf, &pki, Level::BLT, 1, now);
            write(folder, &format!("{pages}-{style}-twice"), &signed(&pdf, &pki, Level::BLT, 2, now));
        }
    }
    root
}

/// A file of about 10 MB that is big in its own way.
pub(crate) struct Big {
    pub(crate) name: &'static str,
    pub(crate) plain: PathBuf,
    pub(crate) signed: PathBuf,
}

/// One file of each shape, as it is sent and as it comes back.
pub(crate) fn shapes(folder: &Path, now: Timestamp) -> impl Iterator<Item = Big> {
    let pki = TestPki::generate(now).unwrap();
    Shape::ALL.into_iter().map(move |shape| {
        let plain = Bytes::from(shape.write(10_000_000));
        Big {
            name: shape.name(),
            plain: write(folder, &format!("{shape:?}"), &plain),
            signed: write(folder, &format!("{shape:?}-signed"), &signed(&plain, &pki, Level::BLT, 1, now)),
        }
    })
}

fn write(folder: &Path, name: &str, pdf: &[u8]) -> PathBuf {
    let path = folder.join(format!("{name}.pdf"));
    std::fs::write(&path, pdf).unwrap();
    path
}

fn signed(pdf: &Bytes, pki: &TestPki, level: Level, number: u32, now: Timestamp) -> Bytes {
    let identity = pki.issue(&Subject::new(format!("Signer {number}")), now).unwrap();
    let rect = Rect::new(60.0, 80.0 * f64::from(number), 220.5, 60.0);
    let mut options = SignOptions::new(format!("signature-{number}"), 1, rect, now);
    options.level = level;
    sign(pdf, &identity, Some(pki.tsa()), &options).unwrap()
}

/// Pages of text with a form field on each.
fn contract(count: u32, packed: bool) -> Vec<u8> {
    let mut document = Document::with_version("1.7");
    let root = document.new_object_id();
    let (mut pages, mut fields) = (Vec::new(), Vec::new());
    for number in 0..count {
        let text =
            "BT /F1 11 Tf 60 700 Td (The tenant pays the rent on the first day of each month.) Tj ET\n";
        let content = document.add_object(Stream::new(dictionary! {}, text.repeat(40).into_bytes()));
        let field = document.add_object(dictionary! {
            "Type" => "Annot", "Subtype" => "Widget", "FT" => "Tx", "F" => 4,
            "T" => Object::string_literal(format!("initials-{number}")),
            "Rect" => vec![400.into(), 40.into(), 500.into(), 60.into()],
        });
        let page = document.add_object(dictionary! {
            "Type" => "Page", "Parent" => root, "Contents" => content,
            "Annots" => vec![Object::Reference(field)],
        });
        fields.push(Object::Reference(field));
        pages.push(Object::Reference(page));
    }
    let size = vec![0.into(), 0.into(), 595.into(), 842.into()];
    let tree = dictionary! { "Type" => "Pages", "Count" => count, "Kids" => pages, "MediaBox" => size };
    document.set_object(root, tree);
    let form = dictionary! { "Fields" => fields };
    let catalog =
        document.add_object(dictionary! { "Type" => "Catalog", "Pages" => root, "AcroForm" => form });
    document.trailer.set("Root", catalog);
    let mut out = Vec::new();
    let options = SaveOptions::builder().use_object_streams(packed).use_xref_streams(packed).build();
    document.save_with_options(&mut out, options).unwrap();
    out
}
