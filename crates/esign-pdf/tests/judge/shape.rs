//! What an update changes, honest or not.

use super::base::{
    AMOUNT, AMOUNT_BOX, AMOUNT_SHOWN, Base, CATALOG, CONTENT, COVER, EMPTY, EMPTY_BOX, FONT, FORM, INFO,
    Keys, Kind, LAYER, METADATA, MISSING, NEW, PAGE, TENANT, TOTAL, corners, packet, shown,
};
use super::dice::Dice;
use super::pdf::{self, stream};
use super::signing::{By, Signed, hole};

/// What the update does. The first group is harmless and may be called good; whatever else is called good must show
/// what was signed, or be named by the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shape {
    ValidationData,
    Information,
    Countersignature,
    Timestamp,
    Fill,
    // Attacks.
    PageContent,
    PageEntry,
    Font,
    PageTree,
    Layer,
    Uncovered,
    Dangling,
    Annotation,
    TimestampPaints,
    FieldOfOtherKind,
    FieldPaints,
    FieldMark,
    Script,
    FormFont,
    OtherSigner,
    ValueShowsOther,
    LockedFill,
    SignatureRepainted,
    FieldMoved,
    InvisiblePaints,
    OnTwoPages,
    DanglingReused,
    MetadataIsContent,
    InformationIsPage,
    AppearanceWithoutBox,
    FormEntry,
    Freed,
}

pub(crate) const HONEST: [Shape; 5] =
    [Shape::ValidationData, Shape::Information, Shape::Countersignature, Shape::Timestamp, Shape::Fill];

pub(crate) const ATTACKS: [Shape; 27] = [
    Shape::PageContent,
    Shape::PageEntry,
    Shape::Font,
    Shape::PageTree,
    Shape::Layer,
    Shape::Uncovered,
    Shape::Dangling,
    Shape::Annotation,
    Shape::TimestampPaints,
    Shape::FieldOfOtherKind,
    Shape::FieldPaints,
    Shape::FieldMark,
    Shape::Script,
    Shape::FormFont,
    Shape::OtherSigner,
    Shape::ValueShowsOther,
    Shape::LockedFill,
    Shape::SignatureRepainted,
    Shape::FieldMoved,
    Shape::InvisiblePaints,
    Shape::OnTwoPages,
    Shape::DanglingReused,
    Shape::MetadataIsContent,
    Shape::InformationIsPage,
    Shape::AppearanceWithoutBox,
    Shape::FormEntry,
    Shape::Freed,
];

/// Who signs the update itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signatory {
    Second,
    Authority,
    StrangeAuthority,
}

impl Signatory {
    pub(crate) fn of<'a>(self, keys: &'a Keys) -> By<'a> {
        match self {
            Self::Second => By::Person(&keys.second),
            Self::Authority => By::Stamp(&keys.pki),
            Self::StrangeAuthority => By::Stamp(&keys.stranger),
        }
    }
}

/// A field that gets a value.
#[derive(Clone, Debug)]
pub(crate) struct Fill {
    pub(crate) field: &'static str,
    pub(crate) place: [u32; 4],
    pub(crate) value: &'static str,
}

/// An update's objects.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    /// Entries to set or take out, in dictionaries that are there already.
    pub(crate) edits: Vec<(u32, &'static str, Option<String>)>,
    /// Whole objects, new or over old ones.
    pub(crate) puts: Vec<(u32, Vec<u8>)>,
    /// Objects that become free.
    pub(crate) frees: Vec<u32>,
    /// The signature dictionary's number and who signs.
    pub(crate) signature: Option<(u32, Signatory)>,
    pub(crate) fill: Option<Fill>,
    /// The box of a person's signature that the update adds.
    pub(crate) signed_box: Option<[u32; 4]>,
    /// What the trailer calls the document's information.
    pub(crate) information: Option<u32>,
}

const FORGERY: &str = "q 1 1 1 rg 0 0 595 842 re f 0 g BT /F1 24 Tf 60 700 Td (PAY SGD 1,000,000) Tj ET Q";
const FORGED: [u32; 4] = [60, 690, 300, 60];
/// Where a page is empty.
const BLANK: [u32; 4] = [300, 200, 200, 60];
const FIELD: u32 = NEW + 1;
const LOOK: u32 = NEW + 2;
const VALUE: u32 = NEW + 3;
const FURTHER: u32 = NEW + 4;

/// A form XObject of that size.
fn form(width: u32, height: u32, content: &str) -> Vec<u8> {
    let dict = format!(
        "/Type/XObject/Subtype/Form/BBox[0 0 {width} {height}]/Resources<</Font<</F1<</Type/Font/Subtype/Type1\
         /BaseFont/Helvetica>>>>>>"
    );
    stream(&dict, content.as_bytes())
}

impl Shape {
    pub(crate) fn change(self, base: &Base, dice: &mut Dice) -> Change {
        let mut change = Change::default();
        match self {
            Self::ValidationData => validation_data(&mut change, base),
            Self::Information => information(&mut change, dice),
            Self::Countersignature => countersignature(&mut change, base, dice),
            Self::Timestamp => {
                let by = dice.pick(&[Signatory::Authority, Signatory::StrangeAuthority]);
                signature_field(&mut change, base, "Widget", [0; 4], "", Some(by));
            }
            Self::Fill => fill(&mut change, "123", "123", dice),
            Self::ValueShowsOther => fill(&mut change, "100", "999", dice),
            Self::PageContent => {
                let dict = dice.pick(&["", "/Type/Forged"]);
                change.puts.push((CONTENT, stream(dict, FORGERY.as_bytes())));
            }
            Self::PageEntry => page_entry(&mut change, base, dice),
            Self::Font => {
                let font = pdf::set(
                    &base.objects[&FONT],
                    "Encoding",
                    Some("<</Type/Encoding/Differences[48/nine/nine/nine]>>"),
                );
                change.puts.push((FONT, font));
            }
            Self::PageTree => {
                let kids = dice.pick(&["[4 0 R 3 0 R]", "[4 0 R 4 0 R]", "[3 0 R]"]);
                change.edits.push((2, "Kids", Some(kids.to_owned())));
                change.edits.push((2, "Count", Some(if kids.len() > 8 { "2" } else { "1" }.to_owned())));
            }
            Self::Layer => {
                let on = dice.pick(&["<</ON[14 0 R]>>", "<<>>", "<</BaseState/ON>>"]);
                change.edits.push((CATALOG, "OCProperties", Some(format!("<</OCGs[{LAYER} 0 R]/D{on}>>"))));
            }
            Self::Uncovered => match dice.below(3) {
                0 => change.edits.push((COVER, "F", Some("2".to_owned()))),
                1 => change.frees.push(COVER),
                _ => {
                    let annotations = pdf::get(&base.objects[&PAGE], "Annots").expect("the page has some");
                    change.edits.push((PAGE, "Annots", Some(annotations.replace("18 0 R", ""))));
                }
            },
            Self::Dangling => {
                let depth = dice.pick(&[0, 1, 60, 130, 400]);
                let nested = format!("/X{}{}", "(".repeat(depth), ")".repeat(depth));
                let body = form(595, 842, FORGERY);
                let nested = if depth == 0 { String::new() } else { nested };
                change.puts.push((MISSING, pdf::insert(&body, &nested, true)));
            }
            Self::Annotation => annotation(&mut change, base, dice),
            Self::TimestampPaints => timestamp_paints(&mut change, base, dice),
            Self::FieldOfOtherKind => field_of_other_kind(&mut change, base, dice),
            Self::FieldPaints => {
                change.puts.push((LOOK, form(595, 842, FORGERY)));
                let more = format!("/AP<</N {LOOK} 0 R>>");
                signature_field(&mut change, base, "Widget", [0, 0, 595, 842], &more, None);
            }
            Self::FieldMark => {
                let mark = dice.pick(&["/MK<</BG[1 1 0]/BC[1 0 0]>>", "/MK<</BG[1 1 1]>>/BS<</W 5>>"]);
                signature_field(&mut change, base, "Widget", FORGED, mark, None);
            }
            Self::Script => script(&mut change, base, dice),
            Self::FormFont => {
                let font = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding<</Type/Encoding/Differences\
                            [48/nine/nine]>>>>";
                let fonts = format!("<</Font<</F1 {FONT} 0 R/Hx {LOOK} 0 R>>>>");
                change.puts.push((LOOK, font.as_bytes().to_vec()));
                change.edits.push((FORM, "DR", Some(fonts)));
            }
            Self::OtherSigner => {
                let place = dice.pick(&[[0, 0, 595, 842], FORGED, [50, 690, 500, 110]]);
                change.puts.push((LOOK, form(place[2], place[3], FORGERY)));
                let more = format!("/AP<</N {LOOK} 0 R>>");
                signature_field(&mut change, base, "Widget", place, &more, Some(Signatory::Second));
            }
            Self::LockedFill => {
                let (number, look, field, y) = dice.pick(&[
                    (TENANT, 17, "Tenant\u{2019}s amount", 520),
                    (TOTAL, 0, "total", 560),
                    (AMOUNT, AMOUNT_SHOWN, "amount", 600),
                ]);
                change.fill = Some(Fill { field, place: [60, y, 200, 20], value: "999" });
                change.edits.push((number, "V", Some("(999)".to_owned())));
                if look == 0 || dice.once_in(2) {
                    change.puts.push((LOOK, shown("999")));
                    change.edits.push((number, "AP", Some(format!("<</N {LOOK} 0 R>>"))));
                } else {
                    change.puts.push((look, shown("999")));
                }
            }
            Self::SignatureRepainted => signature_repainted(&mut change, base, dice),
            Self::InvisiblePaints => {
                let by = dice.pick(&[Signatory::Second, Signatory::Authority, Signatory::StrangeAuthority]);
                let place = dice.pick(&[[0; 4], [60, 700, 0, 0], [60, 700, 300, 0], [60, 700, 0, 60]]);
                let size = dice.pick(&["0 0 595 842", "0 0 0 0", "0 0 1 1"]);
                let dict = format!("/Type/XObject/Subtype/Form/BBox[{size}]");
                change.puts.push((LOOK, stream(&dict, b"1 0 0 rg 0 0 595 842 re f")));
                signature_field(
                    &mut change,
                    base,
                    "Widget",
                    place,
                    &format!("/AP<</N {LOOK} 0 R>>"),
                    Some(by),
                );
            }
            Self::OnTwoPages => on_two_pages(&mut change, base, dice),
            Self::DanglingReused => dangling_reused(&mut change, base, dice),
            Self::MetadataIsContent => {
                let content = format!("% {}\n{FORGERY}", packet("2026-11-20"));
                change.puts.push((CONTENT, stream("/Type/Metadata/Subtype/XML", content.as_bytes())));
                change.edits.push((CATALOG, "Metadata", Some(format!("{CONTENT} 0 R"))));
            }
            Self::InformationIsPage => {
                change.information = Some(dice.pick(&[PAGE, CONTENT, FONT]));
                change.puts.push((CONTENT, stream("/Title(Lease)", FORGERY.as_bytes())));
            }
            Self::AppearanceWithoutBox => appearance_without_box(&mut change, base, dice),
            Self::FormEntry => {
                let (key, value) = dice.pick(&[
                    ("NeedAppearances", "true"),
                    ("DA", "(/F1 30 Tf 1 0 0 rg)"),
                    ("Q", "2"),
                    ("XFA", "(<xdp/>)"),
                    ("CO", "[9 0 R]"),
                    ("Fields", "[11 0 R]"),
                ]);
                change.edits.push((FORM, key, Some(value.to_owned())));
            }
            Self::Freed => {
                change.frees.push(dice.pick(&[CONTENT, FONT, AMOUNT, AMOUNT_SHOWN, LAYER, 17, 19]))
            }
            Self::FieldMoved => {
                let place = dice.pick(&[[60, 735, 200, 20], [60, 100, 200, 20], [60, 600, 400, 40]]);
                change.edits.push((dice.pick(&[AMOUNT, TENANT]), "Rect", Some(corners(place))));
            }
        }
        change
    }
}

fn validation_data(change: &mut Change, base: &Base) {
    if pdf::get(&base.objects[&CATALOG], "DSS").is_none() {
        change.puts.push((LOOK, stream("", b"\x30\x00")));
        change.puts.push((FIELD, format!("<</Type/DSS/Certs[{LOOK} 0 R]>>").into_bytes()));
        change.edits.push((CATALOG, "DSS", Some(format!("{FIELD} 0 R"))));
    }
    if base.kind != Kind::Certified(1) {
        let extensions = "<</ESIC<</BaseVersion/1.7/ExtensionLevel 1>>>>";
        change.edits.push((CATALOG, "Extensions", Some(extensions.to_owned())));
    }
}

fn information(change: &mut Change, dice: &mut Dice) {
    change.edits.push((INFO, "ModDate", Some("(D:20261120100000Z)".to_owned())));
    if dice.once_in(2) {
        let metadata = stream("/Type/Metadata/Subtype/XML", packet("2026-11-20").as_bytes());
        change.puts.push((METADATA, metadata));
    }
}

fn countersignature(change: &mut Change, base: &Base, dice: &mut Dice) {
    let look =
        form(200, 60, "0.9 1 0.9 rg 0 0 200 60 re f 0 g BT /F1 12 Tf 8 30 Td (Signed by Second) Tj ET");
    let more = format!("/AP<</N {LOOK} 0 R>>");
    match dice.below(3) {
        0 => signature_field(change, base, "Widget", [0; 4], "", Some(Signatory::Second)),
        1 => {
            change.puts.push((LOOK, look));
            signature_field(change, base, "Widget", BLANK, &more, Some(Signatory::Second));
        }
        _ if base.signs_empty() => {
            signature_field(change, base, "Widget", [0; 4], "", Some(Signatory::Second));
        }
        _ => {
            change.puts.push((LOOK, look));
            sign_empty(change, Some(format!("<</N {LOOK} 0 R>>")), Signatory::Second);
        }
    }
}

/// Adds a signature field with its widget, signed or not.
fn signature_field(
    change: &mut Change,
    base: &Base,
    subtype: &str,
    place: [u32; 4],
    more: &str,
    by: Option<Signatory>,
) {
    let value = by.map(|_| format!("/V {VALUE} 0 R")).unwrap_or_default();
    let field = format!(
        "<</Type/Annot/Subtype/{subtype}/FT/Sig/T(later)/F 4/Rect{}/P {PAGE} 0 R{value}{more}>>",
        corners(place)
    );
    change.puts.push((FIELD, field.into_bytes()));
    listed(change, base, FIELD, FIELD);
    let Some(by) = by else { return };
    change.signed_box = (by == Signatory::Second).then_some(place);
    let what = if by == Signatory::Second { Signed::Person } else { Signed::Stamp };
    change.puts.push((VALUE, hole(what, "").into_bytes()));
    change.signature = Some((VALUE, by));
}

/// Lists a field in the form and its widget on the page.
fn listed(change: &mut Change, base: &Base, field: u32, widget: u32) {
    for (number, key, item) in [(PAGE, "Annots", widget), (FORM, "Fields", field)] {
        let list = pdf::get(&base.objects[&number], key).expect("it has one");
        let list = list.trim_end_matches(']');
        change.edits.push((number, key, Some(format!("{list} {item} 0 R]"))));
    }
    change.edits.push((FORM, "SigFlags", Some("3".to_owned())));
}

fn fill(change: &mut Change, value: &'static str, look: &str, dice: &mut Dice) {
    change.edits.push((AMOUNT, "V", Some(format!("({value})"))));
    change.edits.push((AMOUNT, "M", Some("(D:20261120100000Z)".to_owned())));
    if dice.once_in(2) {
        change.puts.push((AMOUNT_SHOWN, shown(look)));
    } else {
        change.puts.push((LOOK, shown(look)));
        change.edits.push((AMOUNT, "AP", Some(format!("<</N {LOOK} 0 R>>"))));
    }
    change.fill = Some(Fill { field: "amount", place: AMOUNT_BOX, value });
}

fn page_entry(change: &mut Change, base: &Base, dice: &mut Dice) {
    change.puts.push((LOOK, stream("", FORGERY.as_bytes())));
    let fonts = pdf::get(&base.objects[&PAGE], "Resources").expect("the page has some");
    let swapped = fonts.replace("/F1 7 0 R", "/F1<</Type/Font/Subtype/Type1/BaseFont/Symbol>>");
    let (key, value) = match dice.below(7) {
        0..=2 => ("Contents", format!("{LOOK} 0 R")),
        3 => ("Contents", format!("[5 0 R {LOOK} 0 R]")),
        4 => ("Rotate", "90".to_owned()),
        5 => ("MediaBox", "[0 0 300 842]".to_owned()),
        _ => ("Resources", swapped),
    };
    change.edits.push((PAGE, key, Some(value)));
}

fn annotation(change: &mut Change, base: &Base, dice: &mut Dice) {
    let kind = dice.pick(&[
        "FreeText/DA(/Helv 20 Tf 0 g)/Contents(PAY 999)",
        "Square/IC[1 1 1]/C[1 0 0]",
        "Stamp/Name/Approved",
        "Highlight/C[0 0 0]/QuadPoints[60 700 360 700 60 760 360 760]",
        "Line/L[60 700 360 760]/C[1 0 0]",
        "Ink/InkList[[60 700 360 760]]/C[1 0 0]/BS<</W 9>>",
        "Widget/FT/Btn/Ff 65536/T(button)/MK<</BG[1 0 0]>>",
        "Link/A<</S/URI/URI(https://example.com/)>>/Border[0 0 4]/C[1 0 0]",
    ]);
    let look = if dice.once_in(2) { format!("/AP<</N {LOOK} 0 R>>") } else { String::new() };
    change.puts.push((LOOK, form(300, 60, "1 0 0 rg 0 0 300 60 re f")));
    let body = format!("<</Type/Annot/Subtype/{kind}/F 4/Rect{}/P {PAGE} 0 R{look}>>", corners(FORGED));
    change.puts.push((FIELD, body.into_bytes()));
    let list = pdf::get(&base.objects[&PAGE], "Annots").expect("the page has some");
    let list = list.trim_end_matches(']');
    change.edits.push((PAGE, "Annots", Some(format!("{list} {FIELD} 0 R]"))));
}

fn timestamp_paints(change: &mut Change, base: &Base, dice: &mut Dice) {
    let by = dice.pick(&[Signatory::Authority, Signatory::StrangeAuthority]);
    let look = format!("<</N {LOOK} 0 R>>");
    if base.signs_empty() || dice.below(3) > 0 {
        let place = dice.pick(&[[0, 0, 595, 842], FORGED, BLANK]);
        change.puts.push((LOOK, form(place[2], place[3], FORGERY)));
        signature_field(change, base, "Widget", place, &format!("/AP{look}"), Some(by));
    } else {
        let content = "1 0 0 rg 0 0 200 60 re f";
        change.puts.push((LOOK, form(EMPTY_BOX[2], EMPTY_BOX[3], content)));
        sign_empty(change, Some(look), by);
    }
}

/// Signs the field that is there already.
fn sign_empty(change: &mut Change, look: Option<String>, by: Signatory) {
    change.signed_box = (by == Signatory::Second).then_some(EMPTY_BOX);
    change.edits.push((EMPTY, "AP", look));
    change.edits.push((EMPTY, "V", Some(format!("{VALUE} 0 R"))));
    change.edits.push((FORM, "SigFlags", Some("3".to_owned())));
    let what = if by == Signatory::Second { Signed::Person } else { Signed::Stamp };
    change.puts.push((VALUE, hole(what, "").into_bytes()));
    change.signature = Some((VALUE, by));
}

/// An "empty signature field" that is an annotation which draws by itself, or has one as its kid.
fn field_of_other_kind(change: &mut Change, base: &Base, dice: &mut Dice) {
    let kind = dice.pick(&[
        "FreeText/DA(/Helv 20 Tf 0 g)/Contents(PAY 999)",
        "Square/IC[1 1 1]/C[1 1 1]",
        "Circle/IC[1 0 0]",
        "Stamp/Name/Approved",
        "Line/L[60 700 360 760]/C[1 0 0]",
        "Highlight/C[0 0 0]/QuadPoints[60 700 360 700 60 760 360 760]",
        "Ink/InkList[[60 700 360 760]]/C[1 0 0]/BS<</W 9>>",
    ]);
    if dice.once_in(2) {
        signature_field(change, base, kind, FORGED, "", None);
    } else {
        change.puts.push((FIELD, format!("<</FT/Sig/T(later)/Kids[{FURTHER} 0 R]>>").into_bytes()));
        let kid = format!("<</Type/Annot/Subtype/{kind}/Parent {FIELD} 0 R/F 4/Rect{}>>", corners(FORGED));
        change.puts.push((FURTHER, kid.into_bytes()));
        listed(change, base, FIELD, FURTHER);
    }
}

fn script(change: &mut Change, base: &Base, dice: &mut Dice) {
    let action = "<</S/JavaScript/JS(app.alert\\(1\\))>>";
    let more = format!("/AA<</{} {action}>>", dice.pick(&["V", "K", "F", "C", "E", "U", "Fo"]));
    match dice.below(6) {
        0 | 1 => {
            change.puts.push((FIELD, format!("<</FT/Sig/T(later)/Kids[{FURTHER} 0 R]{more}>>").into_bytes()));
            let kid = format!(
                "<</Type/Annot/Subtype/Widget/Parent {FIELD} 0 R/F 4/Rect{}/P {PAGE} 0 R>>",
                corners(BLANK)
            );
            change.puts.push((FURTHER, kid.into_bytes()));
            listed(change, base, FIELD, FURTHER);
        }
        2 => signature_field(change, base, "Widget", BLANK, &more, None),
        3 => signature_field(change, base, "Widget", BLANK, &format!("/A {action}"), Some(Signatory::Second)),
        4 => change.edits.push((CATALOG, "OpenAction", Some(action.to_owned()))),
        _ => change.edits.push((PAGE, "AA", Some(format!("<</O {action}>>")))),
    }
}

/// The signature that is there already shows something else, or stands elsewhere.
fn signature_repainted(change: &mut Change, base: &Base, dice: &mut Dice) {
    let signed = |body: &&Vec<u8>| pdf::find(body, b"/FT/Sig").is_some() && pdf::get(body, "V").is_some();
    let field = base.objects.iter().rfind(|(_, body)| signed(body)).map_or(EMPTY, |(number, _)| *number);
    let look = format!("<</N {LOOK} 0 R>>");
    match dice.below(3) {
        0 => change.edits.push((field, "Rect", Some(corners(FORGED)))),
        1 => change.edits.push((field, "AP", Some(look))),
        _ => {
            change.edits.push((field, "Rect", Some(corners(FORGED))));
            change.edits.push((field, "AP", Some(look)));
        }
    }
    change.puts.push((LOOK, form(300, 60, "1 0 0 rg 0 0 300 60 re f")));
}

/// Writes a field and its signature dictionary for somebody who signs whatever the file has become.
pub(crate) fn further_signature(base: &Base, writer: &mut pdf::Writer) {
    const OVER: u32 = NEW + 40;
    let field = format!("<</FT/Sig/T(over)/V {} 0 R>>", OVER + 1);
    writer.object(OVER, field.as_bytes());
    let fields = pdf::get(&base.objects[&FORM], "Fields").expect("the form has some");
    let fields = format!("{} {OVER} 0 R]", fields.trim_end_matches(']'));
    let form = pdf::set(&base.objects[&FORM], "Fields", Some(&fields));
    writer.object(FORM, &pdf::set(&form, "SigFlags", Some("3")));
    writer.object(OVER + 1, hole(Signed::Person, "").as_bytes());
}

/// A signed box that also stands where the report may not look: on the other page, or as a second kid.
fn on_two_pages(change: &mut Change, base: &Base, dice: &mut Dice) {
    let by = dice.pick(&[Signatory::Second, Signatory::Authority]);
    change.puts.push((LOOK, form(200, 60, "1 0 0 rg 0 0 200 60 re f")));
    let look = format!("/AP<</N {LOOK} 0 R>>");
    if dice.once_in(2) {
        signature_field(change, base, "Widget", BLANK, &look, Some(by));
        change.edits.push((4, "Annots", Some(format!("[{FIELD} 0 R]"))));
        return;
    }
    signature_field(change, base, "Widget", BLANK, "", Some(by));
    let kid = |place| {
        format!(
            "<</Type/Annot/Subtype/Widget/Parent {FIELD} 0 R/F 4/Rect{}/P {PAGE} 0 R{look}>>",
            corners(place)
        )
    };
    let kids = format!("<</FT/Sig/T(later)/V {VALUE} 0 R/Kids[{FURTHER} 0 R {} 0 R]>>", FURTHER + 1);
    change.puts.retain(|(number, _)| *number != FIELD);
    change.puts.push((FIELD, kids.into_bytes()));
    change.puts.push((FURTHER, kid(BLANK).into_bytes()));
    change.puts.push((FURTHER + 1, kid(FORGED).into_bytes()));
    let list = pdf::get(&base.objects[&PAGE], "Annots").expect("the page has some");
    let list = format!("{} {FURTHER} 0 R {} 0 R]", list.trim_end_matches(']'), FURTHER + 1);
    change.edits.push((PAGE, "Annots", Some(list)));
}

/// Something that an update may add takes the number that the page draws although it was missing.
fn dangling_reused(change: &mut Change, base: &Base, dice: &mut Dice) {
    let body = form(595, 842, FORGERY);
    match dice.below(3) {
        0 => {
            change.puts.push((MISSING, body));
            change.puts.push((FIELD, format!("<</Type/DSS/Certs[{MISSING} 0 R]>>").into_bytes()));
            change.edits.push((CATALOG, "DSS", Some(format!("{FIELD} 0 R"))));
        }
        1 => {
            change.puts.push((MISSING, body));
            let more = format!("/AP<</N {MISSING} 0 R>>");
            signature_field(change, base, "Widget", BLANK, &more, Some(Signatory::Second));
        }
        _ => {
            let dict = "/Type/Metadata/Subtype/XML/BBox[0 0 595 842]/Resources<<>>";
            let content = format!("% {}\n1 0 0 rg 0 0 595 842 re f", packet("2026-11-20"));
            change
                .puts
                .push((MISSING, pdf::insert(&stream(dict, content.as_bytes()), "/Subtype/Form", true)));
            change.edits.push((CATALOG, "Metadata", Some(format!("{MISSING} 0 R"))));
        }
    }
}

/// A box whose appearance does not say how it fits: viewers differ about where it is drawn.
fn appearance_without_box(change: &mut Change, base: &Base, dice: &mut Dice) {
    let dict = dice.pick(&[
        "",
        "/BBox[0 0 0 0]",
        "/BBox[0 0 1 1]",
        "/BBox[200 60 0 0]",
        "/BBox[0 0 200 60]/Matrix[1 0 0 1 -200 400]",
        "/BBox[0 0 200 60]/Matrix[0 0 0 0 0 0]",
        "/BBox[0 0 200 60]/Matrix[9 0 0 9 0 0]",
        "/BBox[-1000000 -1000000 1000000 1000000]",
        "/BBox null",
        "/BBox[(a) 0 200 60]",
    ]);
    let dict = format!("/Type/XObject/Subtype/Form{dict}");
    change.puts.push((LOOK, stream(&dict, b"1 0 0 rg -300 0 595 842 re f")));
    if !base.signs_empty() && dice.once_in(2) {
        sign_empty(change, Some(format!("<</N {LOOK} 0 R>>")), Signatory::Second);
    } else if base.signs_empty() && dice.once_in(2) {
        change.edits.push((AMOUNT, "V", Some("(123)".to_owned())));
        change.edits.push((AMOUNT, "AP", Some(format!("<</N {LOOK} 0 R>>"))));
        change.fill = Some(Fill { field: "amount", place: AMOUNT_BOX, value: "123" });
    } else {
        let more = format!("/AP<</N {LOOK} 0 R>>");
        signature_field(change, base, "Widget", BLANK, &more, Some(Signatory::Second));
    }
}
