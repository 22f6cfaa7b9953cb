//! The signed files that updates are made over.

use std::collections::BTreeMap;

use bytes::Bytes;
use esign_pdf::facts::Rect;
use esign_pdf::sign::{Identity, Level, SignOptions, Subject, TestPki, sign};
use jiff::Timestamp;

use super::pdf::{self, Section, Writer, stream};
use super::signing::{self, Signed};

/// When everything here is signed and verified.
pub(crate) fn now() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().expect("a time")
}

/// Keys of two people under one root, and of somebody and a timestamp authority under no configured one.
pub(crate) struct Keys {
    pub(crate) pki: TestPki,
    pub(crate) first: Identity,
    pub(crate) second: Identity,
    pub(crate) stranger: TestPki,
}

impl Keys {
    pub(crate) fn new() -> Self {
        let pki = TestPki::generate(now()).expect("keys");
        let identity = |name: &str| pki.issue(&Subject::new(name), now()).expect("a certificate");
        let (first, second) = (identity("First signer"), identity("Second signer"));
        Self { pki, first, second, stranger: TestPki::generate(now()).expect("keys") }
    }
}

/// How a file was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// By the sandbox, without a box.
    Invisible,
    /// By the sandbox, in a box.
    Visible,
    /// By the sandbox, with validation data after the signature.
    Archived,
    /// By the sandbox, where the form has nothing but that signature.
    Bare,
    /// By the sandbox, twice.
    Twice,
    /// With DocMDP 1, 2 or 3.
    Certified(u8),
    /// In the empty field, which locks fields: 0 all, 1 one whose name is in UTF-16 here and in PDFDocEncoding there,
    /// 2 all but one.
    Locking(u8),
}

pub(crate) const KINDS: [Kind; 10] = [
    Kind::Invisible,
    Kind::Visible,
    Kind::Archived,
    Kind::Twice,
    Kind::Certified(1),
    Kind::Certified(2),
    Kind::Certified(3),
    Kind::Locking(0),
    Kind::Locking(1),
    Kind::Locking(2),
];

/// A signed file, and what is in it.
#[derive(Clone)]
pub(crate) struct Base {
    pub(crate) kind: Kind,
    pub(crate) section: Section,
    pub(crate) bytes: Vec<u8>,
    /// The bodies of all objects, as they are now.
    pub(crate) objects: BTreeMap<u32, Vec<u8>>,
}

pub(crate) const CATALOG: u32 = 1;
pub(crate) const PAGE: u32 = 3;
pub(crate) const CONTENT: u32 = 5;
pub(crate) const FONT: u32 = 7;
pub(crate) const FORM: u32 = 8;
/// A text field with an appearance.
pub(crate) const AMOUNT: u32 = 9;
pub(crate) const AMOUNT_SHOWN: u32 = 10;
/// An empty signature field.
pub(crate) const EMPTY: u32 = 11;
pub(crate) const INFO: u32 = 12;
pub(crate) const METADATA: u32 = 13;
/// A layer that is switched off.
pub(crate) const LAYER: u32 = 14;
/// A text field that names a font nobody has, and leaves its appearance to viewers.
pub(crate) const TOTAL: u32 = 15;
/// A text field whose name is not plain ASCII.
pub(crate) const TENANT: u32 = 16;
/// A note with an appearance, which hides a line.
pub(crate) const COVER: u32 = 18;
/// The page draws this object, which is missing.
pub(crate) const MISSING: u32 = 60;
/// The first number that no base uses.
pub(crate) const NEW: u32 = 80;
/// What every trailer says.
pub(crate) const TRAILER: &str = "/Root 1 0 R/Info 12 0 R";

/// Where the fields are, in points from the lower left: x, y, width, height.
pub(crate) const AMOUNT_BOX: [u32; 4] = [60, 600, 200, 20];
pub(crate) const EMPTY_BOX: [u32; 4] = [300, 100, 200, 60];

pub(crate) fn corners([x, y, width, height]: [u32; 4]) -> String {
    format!("[{x} {y} {} {}]", x + width, y + height)
}

/// A form that shows a text in a field.
pub(crate) fn shown(text: &str) -> Vec<u8> {
    let content = format!("/Tx BMC q BT /F1 12 Tf 2 5 Td ({text}) Tj ET Q EMC");
    let dict = format!("/Type/XObject/Subtype/Form/BBox[0 0 200 20]/Resources<</Font<</F1 {FONT} 0 R>>>>");
    stream(&dict, content.as_bytes())
}

fn objects() -> BTreeMap<u32, Vec<u8>> {
    let text = |lines: &str| stream("", lines.as_bytes());
    let field = |name: &str, y: u32, more: &str| {
        format!(
            "<</Type/Annot/Subtype/Widget/FT/Tx/T({name})/V(100)/Rect{}/F 4/P 3 0 R{more}>>",
            corners([60, y, 200, 20])
        )
        .into_bytes()
    };
    let mut objects = BTreeMap::from([
        (
            CATALOG,
            b"<</Type/Catalog/Pages 2 0 R/AcroForm 8 0 R/Metadata 13 0 R/OCProperties<</OCGs[14 0 R]/D<</OFF[14 0 R]>>>>>>"
                .to_vec(),
        ),
        (2, b"<</Type/Pages/Count 2/Kids[3 0 R 4 0 R]/MediaBox[0 0 595 842]>>".to_vec()),
        (
            PAGE,
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 5 0 R/Resources<</Font<</F1 7 0 R>>\
              /XObject<</X0 60 0 R>>/Properties<</L 14 0 R>>>>/Annots[9 0 R 11 0 R 15 0 R 16 0 R 18 0 R]>>"
                .to_vec(),
        ),
        (
            4,
            b"<</Type/Page/Parent 2 0 R/Contents 6 0 R/Resources<</Font<</F1 7 0 R>>>>>>".to_vec(),
        ),
        (
            CONTENT,
            text(
                "BT /F1 20 Tf 60 770 Td (Lease of a flat) Tj ET BT /F1 12 Tf 60 740 Td (The rent is SGD 2,000.) Tj ET \
                 /OC /L BDC BT /F1 12 Tf 60 720 Td (The rent is SGD 9,000.) Tj ET EMC \
                 BT /F1 12 Tf 60 690 Td (There is a deposit.) Tj ET BT /F1 12 Tf 60 660 Td (No pets.) Tj ET q /X0 Do Q",
            ),
        ),
        (6, text("BT /F1 12 Tf 60 770 Td (Second page.) Tj ET")),
        (FONT, b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>".to_vec()),
        (FORM, b"<</Fields[9 0 R 11 0 R 15 0 R 16 0 R]/DA(/F1 12 Tf 0 g)/DR<</Font<</F1 7 0 R>>>>>>".to_vec()),
        (AMOUNT, field("amount", 600, "/DA(/F1 12 Tf 0 g)/AP<</N 10 0 R>>")),
        (AMOUNT_SHOWN, shown("100")),
        (INFO, b"<</Title(Lease)/ModDate(D:20261101000000Z)>>".to_vec()),
        (METADATA, stream("/Type/Metadata/Subtype/XML", packet("2026-11-01").as_bytes())),
        (LAYER, b"<</Type/OCG/Name(L)>>".to_vec()),
        (TOTAL, field("total", 560, "/DA(/Hx 12 Tf 0 g)")),
        (TENANT, field("Tenant\\220s amount", 520, "/DA(/F1 12 Tf 0 g)/AP<</N 17 0 R>>")),
        (17, shown("100")),
        (COVER, b"<</Type/Annot/Subtype/Square/Rect[55 650 200 675]/F 4/C[1 1 1]/IC[1 1 1]/AP<</N 19 0 R>>/P 3 0 R>>".to_vec()),
        (19, stream("/Type/XObject/Subtype/Form/BBox[0 0 145 25]", b"0.9 g 0 0 145 25 re f")),
    ]);
    let empty =
        format!("<</Type/Annot/Subtype/Widget/FT/Sig/T(empty)/Rect{}/F 132/P 3 0 R>>", corners(EMPTY_BOX));
    objects.insert(EMPTY, empty.into_bytes());
    objects
}

/// An XMP packet with this date.
pub(crate) fn packet(date: &str) -> String {
    format!(
        "<?xpacket begin=\"\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?><x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF \
         xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description rdf:about=\"\" \
         xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\"><xmp:ModifyDate>{date}</xmp:ModifyDate></rdf:Description>\
         </rdf:RDF></x:xmpmeta><?xpacket end=\"w\"?>"
    )
}

/// The document before anybody has signed it.
fn unsigned(section: Section, bare: bool) -> (Vec<u8>, BTreeMap<u32, Vec<u8>>) {
    let mut objects = objects();
    if bare {
        let page = pdf::set(&objects[&PAGE], "Annots", Some("[18 0 R]"));
        objects.insert(PAGE, page);
        objects.insert(FORM, b"<</Fields[]>>".to_vec());
        for number in [AMOUNT, AMOUNT_SHOWN, EMPTY, TOTAL, TENANT, 17] {
            objects.remove(&number);
        }
    }
    let mut writer = Writer::new();
    writer.size = 22;
    writer.trailer = TRAILER.to_owned();
    writer.entries.push(pdf::Entry { number: 0, kind: 0, place: 0, rank: 65535 });
    let packs = |body: &[u8]| section == Section::Compressed && !pdf::is_stream(body);
    for (number, body) in objects.iter().filter(|(_, body)| !packs(body)) {
        writer.object(*number, body);
    }
    let packed: Vec<_> =
        objects.iter().filter(|(_, body)| packs(body)).map(|(n, b)| (*n, b.clone())).collect();
    if !packed.is_empty() {
        writer.packed(20, &packed);
    }
    writer.finish(section, 21);
    (writer.bytes, objects)
}

impl Base {
    pub(crate) fn new(keys: &Keys, kind: Kind, section: Section) -> Self {
        let (bytes, objects) = unsigned(section, kind == Kind::Bare);
        let mut base = Self { kind, section, bytes, objects };
        match kind {
            Kind::Invisible | Kind::Bare => base.by_sandbox(keys, &keys.first, "first", [0; 4], Level::BT),
            Kind::Visible => base.by_sandbox(keys, &keys.first, "first", [60, 400, 200, 60], Level::BT),
            Kind::Archived => base.by_sandbox(keys, &keys.first, "first", [60, 400, 200, 60], Level::BLT),
            Kind::Twice => {
                base.by_sandbox(keys, &keys.first, "first", [60, 400, 200, 60], Level::BB);
                base.by_sandbox(keys, &keys.second, "second", [60, 320, 200, 60], Level::BT);
            }
            Kind::Certified(permission) => base.by_hand(
                keys,
                &format!(
                    "/Reference[<</Type/SigRef/TransformMethod/DocMDP/TransformParams<</Type/TransformParams/V/1.2/P \
                     {permission}>>>>]"
                ),
                "",
            ),
            Kind::Locking(how) => {
                let lock = [
                    "/Action/All",
                    "/Action/Include/Fields[<FEFF00540065006E0061006E0074201900730020\
                     0061006D006F0075006E0074>]",
                    "/Action/Exclude/Fields[(total)]",
                ][usize::from(how)];
                let reference = format!(
                    "/Reference[<</Type/SigRef/TransformMethod/FieldMDP/TransformParams<</Type/TransformParams\
                     /V/1.2{lock}>>>>]"
                );
                base.by_hand(keys, &reference, &format!("<</Type/SigFieldLock{lock}>>"));
            }
        }
        base
    }

    /// Whether the field that starts empty holds the first signature.
    pub(crate) fn signs_empty(&self) -> bool {
        matches!(self.kind, Kind::Certified(_) | Kind::Locking(_))
    }

    fn by_sandbox(&mut self, keys: &Keys, identity: &Identity, field: &str, place: [u32; 4], level: Level) {
        let [x, y, width, height] = place.map(f64::from);
        let mut options = SignOptions::new(field, 1, Rect::new(x, y, width, height), now());
        options.level = level;
        let before = self.bytes.len();
        let signed = sign(&Bytes::from(self.bytes.clone()), identity, Some(keys.pki.tsa()), &options);
        self.bytes = signed.expect("a signature").to_vec();
        self.objects.extend(pdf::bodies(&self.bytes[before..]));
    }

    /// Signs the empty field, with a reference and a lock.
    fn by_hand(&mut self, keys: &Keys, reference: &str, lock: &str) {
        let value = 30;
        let mut field = pdf::set(&self.objects[&EMPTY], "V", Some(&format!("{value} 0 R")));
        let form = pdf::set(&self.objects[&FORM], "SigFlags", Some("3"));
        let mut changed = vec![(FORM, form)];
        if lock.is_empty() {
            let catalog = self.objects[&CATALOG].clone();
            changed.push((CATALOG, pdf::set(&catalog, "Perms", Some(&format!("<</DocMDP {value} 0 R>>")))));
        } else {
            field = pdf::set(&field, "Lock", Some(lock));
        }
        changed.push((EMPTY, field));
        let mut writer = Writer::after(&self.bytes, TRAILER, NEW);
        for (number, body) in &changed {
            writer.object(*number, body);
        }
        writer.object(value, signing::hole(Signed::Person, reference).as_bytes());
        writer.finish(self.section, 31);
        self.objects.extend(changed);
        self.bytes = signing::complete(writer.bytes, &signing::By::Person(&keys.first));
    }
}
