//! Honest files by construction: what real signing programs write beside their signature. Each must stay good.

use super::base::{
    AMOUNT, AMOUNT_SHOWN, Base, CATALOG, FORM, INFO, Kind, METADATA, PAGE, TRAILER, packet, shown,
};
use super::pdf::{self, Section, Writer, stream};
use super::recipe::Bases;
use super::signing::{self, Signed, hole};
use super::{Verdict, report};

/// Numbers of new objects.
const FIELD: u32 = 80;
const VALUE: u32 = 81;
const LOOK: u32 = 82;
const MORE: u32 = 83;
const OWN: u32 = 90;

/// An update in the hands of an honest program.
struct Program<'a> {
    base: &'a Base,
    objects: Vec<(u32, Vec<u8>)>,
    trailer: String,
    /// What stands before `startxref`.
    comment: &'static str,
    section: Section,
    signs: Option<Signed>,
}

impl<'a> Program<'a> {
    fn new(base: &'a Base) -> Self {
        let section = base.section;
        Self { base, objects: Vec::new(), trailer: TRAILER.to_owned(), comment: "", section, signs: None }
    }

    fn put(&mut self, number: u32, body: impl Into<Vec<u8>>) {
        self.objects.push((number, body.into()));
    }

    fn set(&mut self, number: u32, key: &str, value: &str) {
        let there = self.objects.iter().position(|(other, _)| *other == number);
        let index = there.unwrap_or_else(|| {
            self.objects.push((number, self.base.objects[&number].clone()));
            self.objects.len() - 1
        });
        let (_, body) = &mut self.objects[index];
        *body = pdf::set(body, key, Some(value));
    }

    fn append(&mut self, number: u32, key: &str, item: u32) {
        let list = pdf::get(&self.base.objects[&number], key).unwrap_or_else(|| "[]".to_owned());
        self.set(number, key, &format!("{} {item} 0 R]", list.trim_end_matches(']')));
    }

    /// A person's signature, or a timestamp, in a new field with these entries.
    fn sign(&mut self, what: Signed, rect: &str, more: &str) {
        let field = format!(
            "<</Type/Annot/Subtype/Widget/FT/Sig/T(later)/F 132/Rect{rect}/P {PAGE} 0 R/V {VALUE} 0 R{more}>>"
        );
        self.put(FIELD, field);
        self.put(VALUE, hole(what, ""));
        self.append(PAGE, "Annots", FIELD);
        self.append(FORM, "Fields", FIELD);
        self.set(FORM, "SigFlags", "3");
        self.signs = Some(what);
    }

    fn invisible(&mut self) {
        self.sign(Signed::Person, "[0 0 0 0]", "");
    }

    fn finish(self, bases: &Bases) -> Vec<u8> {
        let mut writer = Writer::after(&self.base.bytes, &self.trailer, 100);
        for (number, body) in &self.objects {
            writer.object(*number, body);
        }
        let section = if self.section == Section::Compressed { Section::Stream } else { self.section };
        let at = if section == Section::Table { writer.table() } else { writer.stream(OWN) };
        writer.raw(self.comment);
        writer.end(at);
        match self.signs {
            Some(Signed::Person) => signing::complete(writer.bytes, &signing::By::Person(&bases.keys.second)),
            Some(Signed::Stamp) => signing::complete(writer.bytes, &signing::By::Stamp(&bases.keys.pki)),
            None => writer.bytes,
        }
    }
}

/// A habit: over which files, and what it does.
struct Habit {
    name: &'static str,
    over: fn(Kind) -> bool,
    does: fn(&mut Program<'_>),
}

fn any(_: Kind) -> bool {
    true
}

/// Where others may sign: nothing forbids it.
fn signable(kind: Kind) -> bool {
    !matches!(kind, Kind::Certified(_) | Kind::Locking(_))
}

fn fillable(kind: Kind) -> bool {
    matches!(kind, Kind::Certified(2 | 3))
}

/// A box in an empty part of the page.
const BOX: &str = "[300 200 500 260]";

fn look(content: &str) -> Vec<u8> {
    stream("/Type/XObject/Subtype/Form/BBox[0 0 200 60]/Resources<<>>", content.as_bytes())
}

const HABITS: [Habit; 26] = [
    Habit { name: "signs again, invisibly", over: signable, does: |p| p.invisible() },
    Habit {
        name: "signs again, in a box",
        over: signable,
        does: |p| {
            p.put(LOOK, look("0.9 1 0.9 rg 0 0 200 60 re f"));
            p.sign(Signed::Person, BOX, &format!("/AP<</N {LOOK} 0 R>>"));
        },
    },
    Habit {
        name: "timestamps the document",
        over: any,
        does: |p| p.sign(Signed::Stamp, "[0 0 0 0]", "/TU(Timestamp)"),
    },
    Habit {
        name: "EU DSS, PDFBox: adds /DA and /DR beside a signature",
        over: |kind| kind == Kind::Bare,
        does: |p| {
            p.put(MORE, "<</Font<</Helv<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>");
            p.invisible();
            p.set(FORM, "DA", "(/Helv 0 Tf 0 g )");
            p.set(FORM, "DR", &format!("{MORE} 0 R"));
        },
    },
    Habit {
        name: "EU DSS: adds /DA to its own field",
        over: signable,
        does: |p| p.sign(Signed::Person, "[0 0 0 0]", "/DA(/Helv 0 Tf 0 g )"),
    },
    Habit {
        name: "PDFBox: puts the form of a visible signature into /DR",
        over: |kind| kind == Kind::Bare,
        does: |p| {
            let nested = "/Type/XObject/Subtype/Form/BBox[0 0 200 60]/Resources<</XObject<</FRM 84 0 R>>>>";
            p.put(LOOK, stream(nested, b"q 1 0 0 1 0 0 cm /FRM Do Q"));
            p.put(84, look("0.9 1 0.9 rg 0 0 200 60 re f"));
            p.sign(Signed::Person, BOX, &format!("/AP<</N {LOOK} 0 R>>"));
            p.set(FORM, "DR", "<</XObject<</FRM 84 0 R>>>>");
        },
    },
    Habit {
        name: "iText: writes the new appearance of a field over the old one",
        over: fillable,
        does: |p| {
            p.set(AMOUNT, "V", "(250)");
            p.put(AMOUNT_SHOWN, shown("250"));
        },
    },
    Habit {
        name: "Acrobat: fills a field with a new appearance and /M",
        over: fillable,
        does: |p| {
            p.set(AMOUNT, "V", "(250)");
            p.set(AMOUNT, "M", "(D:20261120100000Z)");
            p.put(LOOK, shown("250"));
            p.set(AMOUNT, "AP", &format!("<</N {LOOK} 0 R>>"));
        },
    },
    Habit {
        name: "fills a field with its value in UTF-16",
        over: fillable,
        does: |p| {
            p.set(AMOUNT, "V", "<FEFF003200350030>");
            p.put(AMOUNT_SHOWN, shown("250"));
        },
    },
    Habit {
        name: "writes numbers in another way",
        over: signable,
        does: |p| {
            p.invisible();
            p.set(PAGE, "MediaBox", "[0.0 0 595.00 842.]");
        },
    },
    Habit {
        name: "writes entries that are null",
        over: signable,
        does: |p| {
            p.invisible();
            p.set(PAGE, "Tabs", "null");
            p.set(FORM, "XFA", "null");
            p.set(CATALOG, "Outlines", "null");
        },
    },
    Habit {
        name: "says that appearances are not needed",
        over: signable,
        does: |p| {
            p.invisible();
            p.set(FORM, "NeedAppearances", "false");
        },
    },
    Habit {
        name: "pyHanko, iText: adds /Extensions and /Version",
        over: signable,
        does: |p| {
            p.invisible();
            p.set(
                CATALOG,
                "Extensions",
                "<</ADBE<</BaseVersion/1.7/ExtensionLevel 8>>/ESIC<</BaseVersion/1.7/ExtensionLevel 5>>>>",
            );
            p.set(CATALOG, "Version", "/2.0");
        },
    },
    Habit {
        name: "iText: sets the date of the last change",
        over: signable,
        does: |p| {
            p.invisible();
            p.set(INFO, "ModDate", "(D:20261120100000+01'00')");
            p.set(INFO, "Producer", "(iText\\256 Core 9 \\(AGPL\\))");
            p.put(METADATA, stream("/Type/Metadata/Subtype/XML", packet("2026-11-20").as_bytes()));
        },
    },
    Habit {
        name: "OpenPDF, iText 5: a new object for the document's information",
        over: signable,
        does: |p| {
            p.invisible();
            p.put(MORE, "<</Producer(OpenPDF 2)/ModDate(D:20261120100000Z)/Title(Lease)>>");
            p.trailer = format!("/Root 1 0 R/Info {MORE} 0 R");
        },
    },
    Habit {
        name: "iText: a comment before startxref, and an /ID",
        over: signable,
        does: |p| {
            p.invisible();
            p.comment = "%iText-Core-9.0.0\n";
            p.trailer.push_str("/ID[<00112233445566778899aabbccddeeff><ffeeddccbbaa99887766554433221100>]");
        },
    },
    Habit {
        name: "a stream of cross-references over a table",
        over: |kind| kind == Kind::Invisible,
        does: |p| {
            p.section = Section::Stream;
            p.invisible();
        },
    },
    Habit {
        name: "iText: an indirect list of annotations",
        over: |kind| kind == Kind::Bare,
        does: |p| {
            let list = pdf::get(&p.base.objects[&PAGE], "Annots").expect("the page has some");
            p.put(MORE, format!("{} {FIELD} 0 R]", list.trim_end_matches(']')));
            p.invisible();
            p.set(PAGE, "Annots", &format!("{MORE} 0 R"));
        },
    },
    Habit {
        name: "JSignPdf: the field's name in UTF-16, with /MK, /BS and a lock",
        over: signable,
        does: |p| {
            let more = "/T<FEFF00530069006700330020>/MK<<>>/BS<</W 0>>/Lock<</Type/SigFieldLock/Action/All>>";
            p.sign(Signed::Person, "[0 0 0 0]", "");
            let (_, field) = p.objects.iter_mut().find(|(number, _)| *number == FIELD).expect("the field");
            *field = pdf::insert(&pdf::set(field, "T", None), more, true);
        },
    },
    Habit {
        name: "node-signpdf: an invisible widget with a parent of its own",
        over: signable,
        does: |p| {
            p.invisible();
            p.objects.retain(|(number, _)| *number != FIELD);
            p.put(
                FIELD,
                format!("<</Type/Annot/Subtype/Widget/F 4/Rect[0 0 0 0]/P {PAGE} 0 R/Parent {MORE} 0 R>>"),
            );
            p.put(MORE, format!("<</FT/Sig/T(parent)/V {VALUE} 0 R/Kids[{FIELD} 0 R]>>"));
            p.append(FORM, "Fields", MORE);
        },
    },
    Habit {
        name: "EU DSS: validation data with /VRI and times",
        over: any,
        does: |p| {
            p.put(FIELD, stream("", b"\x30\x00"));
            let vri = format!(
                "<</0123456789ABCDEF0123456789ABCDEF01234567<</Cert[{FIELD} 0 R]/TU(D:20261120100000Z)>>>>"
            );
            p.put(MORE, format!("<</Type/DSS/Certs[{FIELD} 0 R]/VRI{vri}>>"));
            p.set(CATALOG, "DSS", &format!("{MORE} 0 R"));
        },
    },
    Habit {
        name: "Acrobat: a text of the document in another notation",
        over: |kind| signable(kind) && kind != Kind::Bare,
        does: |p| {
            p.invisible();
            p.set(AMOUNT, "V", "<313030>");
            p.set(AMOUNT, "DA", "(\\057F1 12 Tf 0 g)");
        },
    },
    Habit {
        name: "iText: names with escapes",
        over: signable,
        does: |p| {
            p.invisible();
            p.set(PAGE, "Type", "/P#61ge");
        },
    },
    Habit {
        name: "writes what did not change anew",
        over: signable,
        does: |p| {
            p.invisible();
            for number in [2, 5, 7] {
                p.put(number, p.base.objects[&number].clone());
            }
        },
    },
    Habit { name: "adds an empty update", over: any, does: |p| p.set(INFO, "Title", "(Lease)") },
    Habit {
        name: "signs in the field that waits for it",
        over: |kind| kind == Kind::Visible || kind == Kind::Invisible,
        does: |p| {
            p.put(LOOK, look("0.9 1 0.9 rg 0 0 200 60 re f"));
            p.put(VALUE, hole(Signed::Person, ""));
            p.set(11, "V", &format!("{VALUE} 0 R"));
            p.set(11, "AP", &format!("<</N {LOOK} 0 R>>"));
            p.set(11, "MK", "<</R 0>>");
            p.set(FORM, "SigFlags", "3");
            p.signs = Some(Signed::Person);
        },
    },
];

#[test]
fn honest_habits_stay_good() {
    let bases = Bases::new();
    let mut refused = Vec::new();
    for habit in &HABITS {
        let mut tried = 0;
        for base in bases.all().filter(|base| (habit.over)(base.kind)) {
            let mut program = Program::new(base);
            (habit.does)(&mut program);
            tried += 1;
            if let Err(reasons) = good(&bases, &program.finish(&bases)) {
                let over = format!("{:?} as {:?}", base.kind, base.section);
                refused.push(format!("{} over {over}: {}", habit.name, reasons.join("; ")));
            }
        }
        assert!(tried > 0, "{} was never tried", habit.name);
    }
    assert!(refused.is_empty(), "{} honest files are refused:\n{}", refused.len(), refused.join("\n"));
}

/// Whether a file is good, or why not.
fn good(bases: &Bases, bytes: &[u8]) -> Result<(), Vec<String>> {
    match report(&bases.keys, bytes) {
        Some(report) if report.verdict == Verdict::Passed => Ok(()),
        Some(report) => Err(report.reasons),
        None => Err(vec!["it cannot be read".to_owned()]),
    }
}

/// What is left of `/Contents` behind the signature is nobody's business.
#[test]
fn padding_behind_a_signature_is_no_reason() {
    let bases = Bases::new();
    let base = bases.get(Kind::Certified(1), Section::Table);
    let mut bytes = base.bytes.clone();
    let start = pdf::rfind(&bytes, b"/Contents<").expect("a signature") + "/Contents<".len();
    let end = start + bytes[start..].iter().position(|byte| *byte == b'>').expect("its end");
    let zeros = bytes[start..end].iter().rev().take_while(|digit| **digit == b'0').count() / 2 * 2;
    for (index, digit) in bytes[end - zeros + 4..end].iter_mut().enumerate() {
        *digit = b"3c9f71ab"[index % 8];
    }
    assert_eq!(good(&bases, &bytes), Ok(()));
}
