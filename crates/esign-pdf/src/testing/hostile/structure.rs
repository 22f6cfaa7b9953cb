//! Files whose objects, trees and cross-references are made to exhaust or confuse their reader.

use super::{Hostile, limited, odd};
use crate::testing::{Style, document, plain, stream};

pub(super) fn files() -> Vec<Hostile> {
    let two = |name: &str, prefix: &str| -> String {
        // Each level names the next one twice: 2^40 paths.
        format!("<</Type/Pages/Count 1/{name}[{prefix} 0 R {prefix} 0 R]>>")
    };
    let dag = |key: &str, root: String| {
        let mut objects = vec![root_object(&root)];
        objects.extend((20..60).map(|n: u32| (n, two(key, &(n + 1).to_string()))));
        with(&objects)
    };
    let deep = |root: &str, count: u32, kid: fn(u32) -> String| {
        let mut objects = vec![root_object(root)];
        objects.extend((20..20 + count).map(|n| (n, kid(n + 1))));
        with(&objects)
    };
    // Every node lists all nodes, through one long array.
    let shared = |root: &str, kind: &str| {
        let all: String = (20..4_000).map(|n| format!("{n} 0 R ")).collect();
        let mut objects = vec![root_object(root), (19, format!("[{all}]"))];
        objects.extend((20..4_000).map(|n| (n, format!("<<{kind}/Kids 19 0 R>>"))));
        with(&objects)
    };
    let long_names = {
        let name = "n".repeat(10_000);
        let mut objects = vec![root_object("/Pages 2 0 R/AcroForm<</Fields[20 0 R]>>")];
        objects.extend((20..220).map(|n: u32| (n, format!("<</T({name})/Kids[{} 0 R]>>", n + 1))));
        with(&objects)
    };
    vec![
        odd("page tree loop", with(&[(2, "<</Type/Pages/Count 1/Kids[2 0 R 2 0 R]>>".to_owned())])),
        odd("page tree of exponential paths", dag("Kids", "/Pages 20 0 R".to_owned())),
        odd("field tree of exponential paths", dag("Kids", "/Pages 2 0 R/AcroForm<</Fields[20 0 R]>>".to_owned())),
        limited("page tree nodes that share a list", "entries of the page tree", shared("/Pages 20 0 R", "/Type/Pages")),
        limited("fields that share a list", "children of form fields", shared("/Pages 2 0 R/AcroForm<</Fields[20 0 R]>>", "/T(x)")),
        limited("long field names", "name of a form field", long_names),
        limited("deep page tree", "levels of the page tree", deep("/Pages 20 0 R", 50_000, |n| format!("<</Type/Pages/Count 1/Kids[{n} 0 R]>>"))),
        limited("deep field tree", "levels of form fields", deep("/Pages 2 0 R/AcroForm<</Fields[20 0 R]>>", 50_000, |n| format!("<</T(x)/Kids[{n} 0 R]>>"))),
        odd("reference to itself", with(&[(3, "3 0 R".to_owned())])),
        odd("references in a ring", with(&[(3, "4 0 R".to_owned()), (4, "3 0 R".to_owned())])),
        odd("lying count", document("", &["/MediaBox[0 0 9 9]"], Style::Table).update(&[(2, "<</Type/Pages/Count 2000000000/Kids[3 0 R]>>".to_owned())], Style::Table).bytes),
        odd("kids that are no kids", with(&[(2, "<</Type/Pages/Count 3/Kids[1 (x) null 9.5 <<>> [] /N]>>".to_owned())])),
        odd("nested arrays", nested("[", "]", 1_000_000)),
        odd("nested dictionaries", nested("<</A", ">>", 500_000)),
        odd("nested strings", nested("(", ")", 1_000_000)),
        odd("unclosed", nested("[<<(", "", 100_000)),
        odd("object stream bomb", with(&[(9, bomb()), (10, bomb())])),
        odd("object stream that lies", with(&[(9, stream("/Type/ObjStm/N 999999999/First 999999999", "1 0 2 0"))])),
        limited("forty thousand revisions", "revisions", revisions(40_000)),
        odd("five hundred revisions", revisions(500)),
        odd("many startxrefs", [plain().bytes, b"startxref\n".repeat(200_000)].concat()),
        odd("many byte ranges", [plain().bytes, b"/ByteRange[0 1 2 (".repeat(100_000)].concat()),
        odd("a million names", with(&[(9, format!("[{}]", (0..1_000_000).map(|n| format!("/N{n}")).collect::<String>()))])),
        odd("a dictionary of 300,000 names", with(&[(9, format!("<<{}>>", (0..300_000).map(|n| format!("/N{n} 1")).collect::<String>()))])),
        odd("many headers", b"%PDF-1.4\n".repeat(100_000)),
        odd("huge cross-reference stream", {
            let head = "/Type/XRef/W[1 8 8]/Size 2147483647/Index[0 2147483647]/Root 1 0 R";
            format!("%PDF-1.5\n1 0 obj\n{}\nendobj\nstartxref\n9\n%%EOF", stream(head, "x")).into_bytes()
        }),
        odd("cross-reference loop", b"%PDF-1.4\nxref\n0 1\n0000000000 65535 f \ntrailer<</Prev 9/Root 1 0 R>>\nstartxref\n9\n%%EOF".to_vec()),
        odd("negative and huge numbers", with(&[(3, "<</Type/Page/MediaBox[-99999999999999999999 -1e38 1e38 9e99]/Rotate -9223372036854775808/UserUnit 1e-40>>".to_owned())])),
        odd("signature of nonsense", signature("<</SubFilter/ETSI.CAdES.detached/Contents<3080308030803080>/ByteRange[0 9 20 9]>>")),
        odd("byte range beyond everything", signature("<</SubFilter/x/Contents<00>/ByteRange[0 9223372036854775807 9223372036854775807 9223372036854775807]>>")),
        odd("byte range of nothing", signature("<</SubFilter/x/Contents<00>/ByteRange[0 0 0 0]>>")),
        limited("fields that share a lock of many names", "locked fields", {
            let names = "(n)".repeat(20_000);
            let fields: String = (30..230).map(|n| format!("{n} 0 R ")).collect();
            let mut objects = vec![
                root_object(&format!("/Pages 2 0 R/AcroForm<</Fields[{fields}]>>")),
                (9, format!("<</Action/Include/Fields[{names}]>>")),
            ];
            objects.extend((30..230).map(|n| (n, format!("<</FT/Sig/T(s{n})/Lock 9 0 R>>"))));
            with(&objects)
        }),
        limited("five thousand signatures", "signatures", {
            let fields: String = (30..5_030).map(|n| format!("{n} 0 R ")).collect();
            let mut objects = vec![
                root_object(&format!("/Pages 2 0 R/AcroForm<</Fields[{fields}]>>")),
                (9, "<</SubFilter/ETSI.CAdES.detached/Contents<30800000>/ByteRange[0 9 20 9]>>".to_owned()),
            ];
            objects.extend((30..5_030).map(|n| (n, format!("<</FT/Sig/T(s{n})/V 9 0 R>>"))));
            with(&objects)
        }),
        odd("a byte range of a million numbers", signature(&format!("<</SubFilter/x/Contents<00>/ByteRange[{}]>>", "0 ".repeat(1_000_000)))),
        odd("a message of nothing but beginnings", signature(&format!("<</SubFilter/ETSI.CAdES.detached/Contents<{}>/ByteRange[0 9 20 9]>>", "3080".repeat(500_000)))),
        odd("a gigabyte in an object stream", with(&[(9, gigabyte("/Type/ObjStm/N 1/First 4"))])),
        odd("four gigabytes in object streams", with(&[9, 10, 11, 12].map(|n| (n, gigabyte("/Type/ObjStm/N 1/First 4"))))),
        odd("a gigabyte in a cross-reference stream", {
            let head = "/Type/XRef/W[1 1 1]/Size 999999999/Root 1 0 R";
            format!("%PDF-1.5\n1 0 obj\n{}\nendobj\nstartxref\n9\n%%EOF", gigabyte(head)).into_bytes()
        }),
        limited("a gigabyte attached", "embedded files", {
            let root = root_object("/Pages 2 0 R/Names<</EmbeddedFiles<</Names[(a)8 0 R]>>>>");
            with(&[root, (8, "<</EF<</F 9 0 R>>>>".to_owned()), (9, gigabyte(""))])
        }),
        limited("one file attached very often", "embedded files", {
            let root = root_object(&format!("/Pages 2 0 R/Names<</EmbeddedFiles<</Names[{}]>>>>", "(a)8 0 R ".repeat(300)));
            with(&[root, (8, "<</EF<</F 9 0 R>>>>".to_owned()), (9, stream("", &" ".repeat(1 << 20)))])
        }),
        odd("300,000 objects in object streams", many_objects()),
        odd("cross-reference stream of huge widths", {
            let head = "/Type/XRef/W[2147483647 9223372036854775807 -1]/Size 3/Root 1 0 R";
            format!("%PDF-1.5\n1 0 obj\n{}\nendobj\nstartxref\n9\n%%EOF", stream(head, "x")).into_bytes()
        }),
        odd("a table that lies about its entries", b"%PDF-1.4\nxref\n0 4294967295\n0000000000 65535 f \ntrailer<</Root 1 0 R/Size 4294967295>>\nstartxref\n9\n%%EOF".to_vec()),
        odd("nothing but beginnings of objects", [&b"%PDF-1.4\n"[..], &b"1 0 obj\n".repeat(400_000)].concat()),
        odd("nothing but beginnings of streams", [&b"%PDF-1.4\n"[..], &b"1 0 obj<</Length 9>>stream\n".repeat(100_000)].concat()),
        odd("an index of lies for the repair", [&b"%PDF-1.4\n"[..], &b"1 0 obj<</A 1 0 R>>\ntrailer<</Root 1 0 R/Prev 9>>\n".repeat(60_000)].concat()),
        odd("encrypted with nonsense", {
            let encrypt = "/Root 1 0 R/ID[<00><00>]/Encrypt<</Filter/Standard/V 5/R 6/Length 999999999/P -1/O(x)/U(y)/OE()/UE()/Perms()>>";
            plain().with_trailer(encrypt).update(&[(9, "(x)".to_owned())], Style::Table).bytes
        }),
        odd("encrypted by itself", plain().with_trailer("/Root 1 0 R/Encrypt 9 0 R").update(&[(9, "<</Filter/Standard/V 9 0 R/R 9 0 R/O 9 0 R/U 9 0 R>>".to_owned())], Style::Table).bytes),
        limited("pages that share their annotations", "annotations on all pages", {
            let all = "8 0 R ".repeat(10_000);
            let kids: String = (30..230).map(|n| format!("{n} 0 R ")).collect();
            let mut objects = vec![
                root_object("/Pages 2 0 R/AcroForm<</Fields[8 0 R]>>"),
                (2, format!("<</Type/Pages/Count 200/Kids[{kids}]>>")),
                (8, "<</FT/Tx/T(t)/Subtype/Widget/Rect[0 0 9 9]>>".to_owned()),
                (9, format!("[{all}]")),
            ];
            objects.extend((30..230).map(|n| (n, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Annots 9 0 R>>".to_owned())));
            with(&objects)
        }),
    ]
}

/// Objects of a page tree or form in some hostile shape, on top of a plain document.
pub(super) fn with(objects: &[(u32, String)]) -> Vec<u8> {
    plain().update(objects, Style::Table).bytes
}

pub(super) fn revisions(count: usize) -> Vec<u8> {
    let mut file = plain().bytes;
    let mut previous = file.windows(4).rposition(|window| window == b"xref").unwrap();
    for _ in 0..count {
        let at = file.len();
        let section =
            format!("xref\n0 0\ntrailer\n<</Size 4/Root 1 0 R/Prev {previous}>>\nstartxref\n{at}\n%%EOF\n");
        file.extend_from_slice(section.as_bytes());
        previous = at;
    }
    file
}

fn nested(open: &str, close: &str, depth: usize) -> Vec<u8> {
    with(&[(9, open.repeat(depth) + &close.repeat(depth))])
}

/// A run-length bomb of one object stream: 64 times its size when decoded.
fn bomb() -> String {
    // 0x81 and a byte: that byte 128 times. Only ASCII survives in a fixture, so decode hexadecimal digits first.
    let content = "8120".repeat(200_000);
    stream("/Type/ObjStm/N 1/First 4/Filter[/ASCIIHexDecode/RunLengthDecode]", &content)
}

pub(super) fn root_object(entries: &str) -> (u32, String) {
    (1, format!("<</Type/Catalog{entries}>>"))
}

fn signature(value: &str) -> Vec<u8> {
    with(&[
        root_object("/Pages 2 0 R/AcroForm<</Fields[8 0 R]>>"),
        (8, format!("<</FT/Sig/T(s)/V {value}>>")),
    ])
}

/// A gigabyte of zero bytes, packed twice: about 30 kilobytes.
pub(super) fn gigabyte(entries: &str) -> String {
    static PACKED: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    let content = PACKED.get_or_init(|| {
        let mut outer = lopdf::Stream::new(lopdf::Dictionary::new(), deflated_zeros(1 << 30));
        outer.compress().unwrap();
        outer.content.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}")) + ">"
    });
    stream(&format!("{entries}/Filter[/ASCIIHexDecode/FlateDecode/FlateDecode]"), content)
}

/// Zero bytes in one block of fixed codes (RFC 1951, 3.2.6): a literal, and then matches of 258 bytes at distance 1, thirteen
/// bits each.
fn deflated_zeros(length: u32) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.put(0b011, 3);
    // The literal zero is 0011_0000, written from its first bit on.
    bits.put(0b0000_1100, 8);
    for _ in 0..(length - 1) / 258 {
        // Length 258 is 1100_0101, distance 1 is 00000.
        bits.put(0b1010_0011, 13);
    }
    let written = (length - 1) / 258 * 258 + 1;
    bits.put(0, 7);
    let checksum = (written % 65_521) << 16 | 1;
    [&[0x78, 0x01], bits.finish().as_slice(), &checksum.to_be_bytes()].concat()
}

/// Writes bits, the lowest of each number first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    open: u32,
    count: u32,
}

impl Bits {
    fn put(&mut self, value: u32, count: u32) {
        self.open |= value << self.count;
        self.count += count;
        while self.count >= 8 {
            self.bytes.push(self.open as u8);
            self.open >>= 8;
            self.count -= 8;
        }
    }

    fn finish(mut self) -> Vec<u8> {
        self.put(0, 7);
        self.bytes
    }
}

/// Three object streams of a hundred thousand null objects each.
fn many_objects() -> Vec<u8> {
    let container = |first: u32| {
        let index: String = (first..first + 100_000).map(|number| format!("{number} 0 ")).collect();
        let content = index.clone() + "null";
        let mut packed = lopdf::Stream::new(lopdf::Dictionary::new(), content.into_bytes());
        packed.compress().unwrap();
        let hex = packed.content.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        let head = format!("/Type/ObjStm/N 100000/First {}/Filter[/ASCIIHexDecode/FlateDecode]", index.len());
        stream(&head, &(hex + ">"))
    };
    let objects: Vec<_> = (0..3).map(|n| (50 + n, container(1_000 + n * 100_000))).collect();
    with(&objects)
}
