//! Attacks of the literature on the signature itself: forgery, wrapping and incremental saving, over every base. What they do
//! to the page is in the shapes.

use std::ops::Range;

use super::base::{Base, CONTENT, TRAILER};
use super::pdf::{self, Writer, stream};
use super::recipe::Bases;
use super::{Verdict, report};

/// An attack and the files that it makes of a signed one.
type Attack = (&'static str, fn(&Base) -> Vec<Vec<u8>>);

const ATTACKS: [Attack; 3] = [
    ("universal forgery", universal_forgery),
    ("signature wrapping", signature_wrapping),
    ("incremental saving with a copied signature", copied_signature),
];

#[test]
fn forged_signatures_are_not_good() {
    let bases = Bases::new();
    for (name, attack) in ATTACKS {
        let mut made = 0;
        for base in bases.all() {
            for (number, file) in (1..).zip(attack(base)) {
                made += 1;
                let verdict = report(&bases.keys, &file).map(|report| report.verdict);
                let which = format!("{name} {number} over {:?} as {:?}", base.kind, base.section);
                assert_ne!(verdict, Some(Verdict::Passed), "{which}");
            }
        }
        assert!(made > 0, "{name}");
    }
}

/// The parts of the first signature's dictionary in a file.
struct Parts {
    /// `[0 a b c]` with its brackets.
    range: Range<usize>,
    /// `<…>` with its brackets.
    contents: Range<usize>,
}

impl Parts {
    fn of(bytes: &[u8]) -> Self {
        let range = pdf::find(bytes, b"/ByteRange[").expect("it is signed") + "/ByteRange".len();
        let range_end = range + pdf::find(&bytes[range..], b"]").expect("its end") + 1;
        let contents =
            range + pdf::find(&bytes[range..], b"/Contents<").expect("a value") + "/Contents".len();
        let contents_end = contents + pdf::find(&bytes[contents..], b">").expect("its end") + 1;
        Self { range: range..range_end, contents: contents..contents_end }
    }

    fn numbers(&self, bytes: &[u8]) -> [usize; 4] {
        let text = std::str::from_utf8(&bytes[self.range.start + 1..self.range.end - 1]).expect("numbers");
        let numbers: Vec<usize> = text.split_whitespace().map(|n| n.parse().expect("a number")).collect();
        numbers.try_into().expect("four numbers")
    }
}

/// The content of the page replaced in place, and `/ByteRange` or `/Contents` written so that there is nothing to compare.
fn universal_forgery(base: &Base) -> Vec<Vec<u8>> {
    let parts = Parts::of(&base.bytes);
    let [_, first, second, rest] = parts.numbers(&base.bytes);
    let mut ranges = vec![
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
        "[0 0 0 0]".to_owned(),
        "[0 1 1 1]".to_owned(),
        format!("[0 -{first} {second} {rest}]"),
        format!("[{second} {rest} 0 {first}]"),
        format!("[0 {first} -1 {rest}]"),
        format!("[0 {first}]"),
        format!("[0 {first} {second} {rest} 0]"),
    ];
    ranges.retain(|text| text.len() <= parts.range.len());
    let mut files = Vec::new();
    for text in ranges {
        let mut file = base.bytes.clone();
        let key = if text.is_empty() { parts.range.start - "/ByteRange".len() } else { parts.range.start };
        let padded = format!("{text:width$}", width = parts.range.end - key);
        file[key..parts.range.end].copy_from_slice(padded.as_bytes());
        files.push(file);
    }
    for text in ["<>", "null", "<00>", "()", "0"] {
        let mut file = base.bytes.clone();
        let padded = format!("{text:width$}", width = parts.contents.len());
        file[parts.contents.clone()].copy_from_slice(padded.as_bytes());
        files.push(file);
    }
    // Something that was signed says something else.
    for file in &mut files {
        let at = pdf::find(file, b"(The rent is SGD 2,000.)").expect("the content is in plain sight");
        file[at + "(The rent is SGD ".len()] = b'9';
    }
    files
}

/// The end of the signed bytes is moved behind what is put into the hole; another dictionary says where to.
fn signature_wrapping(base: &Base) -> Vec<Vec<u8>> {
    let parts = Parts::of(&base.bytes);
    let [_, first, second, rest] = parts.numbers(&base.bytes);
    let value = pdf::rfind(&base.bytes[..parts.range.start], b" 0 obj").expect("its object");
    let digits = base.bytes[..value].iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let number = std::str::from_utf8(&base.bytes[value - digits..value]).expect("digits");
    let dictionary = &base.bytes[value + " 0 obj\n".len()..parts.range.start];
    let contents = &base.bytes[parts.contents.clone()];
    let mut files = Vec::new();
    for keeps_end in [true, false] {
        let mut writer = Writer::after(&base.bytes[..second + rest], TRAILER, 110);
        writer.bytes.truncate(second);
        writer.raw("\n");
        writer.object(CONTENT, &stream("", b"BT /F1 24 Tf 60 700 Td (PAY SGD 1,000,000) Tj ET"));
        // The end of the moved bytes depends on the length of the numbers, which are padded.
        let at = writer.bytes.len();
        let body = |moved: usize| {
            let range = format!("[0 {first} {moved} {rest}]");
            let range = format!("{range:60}");
            [dictionary, range.as_bytes(), b"/Contents", contents, b">>"].concat()
        };
        let mut draft = writer.clone();
        draft.unlisted(number.parse().expect("a number"), &body(0));
        let moved = draft.bytes.len();
        writer.unlisted(number.parse().expect("a number"), &body(moved));
        writer.entries.push(pdf::Entry::at(number.parse().expect("a number"), at));
        writer.raw(&base.bytes[second..second + rest]);
        if keeps_end {
            let table = writer.table();
            writer.end(table);
        }
        files.push(writer.bytes);
    }
    files
}

/// An update without a section of its own, with a copy of the signature's dictionary to look like one that ends there.
fn copied_signature(base: &Base) -> Vec<Vec<u8>> {
    let parts = Parts::of(&base.bytes);
    let value = pdf::rfind(&base.bytes[..parts.range.start], b"<<").expect("its dictionary");
    let start = pdf::startxref(&base.bytes);
    let copy = [&base.bytes[value..parts.contents.end], b">>"].concat();
    let ends: [String; 4] = [
        String::new(),
        format!("startxref\n{start}\n%%EOF\n"),
        format!("trailer\n<</Size 110{TRAILER}>>\n"),
        format!("xref\ntrailer\n<</Size 110{TRAILER}>>\nstartxref\n{start}\n%%EOF\n"),
    ];
    let forged = |end: &String| {
        let mut writer = Writer::after(&base.bytes, TRAILER, 110);
        writer.unlisted(CONTENT, &stream("", b"BT /F1 24 Tf 60 700 Td (PAY SGD 1,000,000) Tj ET"));
        writer.unlisted(30, &copy);
        writer.raw(end);
        writer.bytes
    };
    ends.iter().map(forged).collect()
}
