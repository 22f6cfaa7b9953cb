//! Pages that cost more to draw than any page is worth. The budget is a fiftieth of the default, because tests are not
//! optimised: what stops the work is counted, so that changes nothing.

use super::structure::gigabyte;
use super::{Hostile, limited, odd};
use crate::Limits;
use crate::testing::{Style, document, stream};

const PIXELS: &str = "pixels";

pub(super) fn files() -> Vec<Hostile> {
    let files = vec![
        limited(
            "a page painted over and over",
            PIXELS,
            page("", &format!("/G gs {}", "0 0 600 850 re f ".repeat(5_000)), &[]),
        ),
        limited(
            "a page of crossing lines",
            PIXELS,
            page("", &format!("{} S", "0 0 m 600 850 l ".repeat(30_000)), &[]),
        ),
        limited("a line of endless dashes", PIXELS, page("", "[0.00001 0.00001] 0 d 0 0 m 600 850 l S", &[])),
        odd(
            "a wide line of curves far away",
            page("", &format!("1e9 w 0 0 m {} S", "-1e9 1e9 1e9 -1e9 1e9 1e9 c ".repeat(20_000)), &[]),
        ),
        limited(
            "groups within groups",
            "unpacked page content",
            page(
                "/XObject<</X 30 0 R>>",
                "/X Do ",
                &(30..42)
                    .map(|n| {
                        (
                            n,
                            form(
                                &format!(
                                    "/Group<</S/Transparency>>/Resources<</XObject<</X {} 0 R>>>>",
                                    n + 1
                                ),
                                &"/X Do ".repeat(4),
                            ),
                        )
                    })
                    .collect::<Vec<_>>(),
            ),
        ),
        odd("clips upon clips", page("", &"0 0 600 850 re W n ".repeat(10_000), &[])),
        odd("tiny steps of a pattern", painted(tile("/XStep 0.0001/YStep 0.0001", "0 0 9 9 re f"))),
        limited(
            "a pattern larger than every page",
            PIXELS,
            painted(tile("/XStep 60000/YStep 60000/Matrix[1 1 0.999999 1 0 0]", "0 0 9 9 re f")),
        ),
        limited(
            "patterns within patterns",
            PIXELS,
            page(
                "/Pattern<</P 30 0 R>>",
                "/Pattern cs /P scn 0 0 600 850 re f",
                &(30..50)
                    .map(|n| {
                        (
                            n,
                            tile(
                                &format!("/XStep 1/YStep 1/Resources<</Pattern<</P {} 0 R>>>>", n + 1),
                                &"/Pattern cs /P scn 0 0 9 9 re f ".repeat(10),
                            ),
                        )
                    })
                    .collect::<Vec<_>>(),
            ),
        ),
        odd(
            "a pattern that is its own paint",
            page(
                "/Pattern<</P 30 0 R>>",
                "/Pattern cs /P scn 0 0 600 850 re f",
                &[(
                    30,
                    tile(
                        "/XStep 9/YStep 9/Resources<</Pattern<</P 30 0 R>>>>",
                        "/Pattern cs /P scn 0 0 9 9 re f",
                    ),
                )],
            ),
        ),
        limited(
            "a shading of a long program",
            PIXELS,
            shaded(1, "/Function 31 0 R/Matrix[600 0 0 850 0 0]", &program()),
        ),
        limited(
            "a mesh of huge triangles",
            PIXELS,
            shaded(
                4,
                "/BitsPerCoordinate 8/BitsPerComponent 8/BitsPerFlag 8/Decode[-1000000 1000000 -1000000 1000000 0 1]",
                &stream("", &triangles()),
            ),
        ),
        limited(
            "a picture of two billion columns",
            PIXELS,
            picture(
                "/Width 9/Height 9/Filter/CCITTFaxDecode/DecodeParms<</K -1/Columns 2000000000/Rows 65535>>",
                "x",
            ),
        ),
        limited(
            "a picture larger than its file",
            PIXELS,
            picture("/Width 60000/Height 60000/Filter/DCTDecode", "x"),
        ),
        limited(
            "a codestream that says more than its dictionary",
            PIXELS,
            picture(
                "/Width 9/Height 9/Filter[/ASCIIHexDecode/JPXDecode]",
                "ff4fff51002f0000ffffffffffffffff>",
            ),
        ),
        limited(
            "a gigabyte of a picture",
            "decompressed stream",
            page(
                "/XObject<</X 30 0 R>>",
                "/X Do",
                &[(
                    30,
                    gigabyte(
                        "/Type/XObject/Subtype/Image/Width 9/Height 9/BitsPerComponent 8/ColorSpace/DeviceGray",
                    ),
                )],
            ),
        ),
        limited(
            "a gigabyte of content",
            "decompressed stream",
            document("", &["/MediaBox[0 0 600 850]/Contents 30 0 R"], Style::Table)
                .update(&[(30, gigabyte(""))], Style::Table)
                .bytes,
        ),
        limited(
            "a picture drawn over and over",
            PIXELS,
            page(
                "/XObject<</X 30 0 R>>",
                &"/X Do ".repeat(5_000),
                &[(30, image("/Width 1000/Height 1000/Filter/DCTDecode", "x"))],
            ),
        ),
        limited(
            "masks over masks",
            PIXELS,
            page(
                "/ExtGState<</G0 30 0 R>>",
                "/G0 gs 0 0 600 850 re f",
                &(0..40).flat_map(|n| mask(30 + 2 * n)).collect::<Vec<_>>(),
            ),
        ),
        limited("letters that are pages", PIXELS, lettered(&"0 0 600 850 re f ".repeat(100), 100)),
        limited("letters that only take time", PIXELS, lettered(&"q Q ".repeat(5_000), 20_000)),
        limited(
            "letters without end",
            "letters on its pages",
            page(
                "/Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>",
                &format!("BT /F 1 Tf ({}) Tj ET", "y".repeat(60_000)),
                &[],
            ),
        ),
        limited("annotations that repeat a long appearance", "unpacked page content", {
            let notes = "31 0 R ".repeat(2_000);
            document("", &[&format!("/MediaBox[0 0 600 850]/Annots[{notes}]")], Style::Table)
                .update(
                    &[
                        (30, form("", &"q Q ".repeat(50_000))),
                        (31, "<</Type/Annot/Subtype/Stamp/Rect[0 0 9 9]/AP<</N 30 0 R>>>>".to_owned()),
                    ],
                    Style::Table,
                )
                .bytes
        }),
        odd("state that is only saved", page("", &"q ".repeat(200_000), &[])),
        odd("operands without operators", page("", &"1 ".repeat(500_000), &[])),
        odd("nested arrays in content", page("", &"[".repeat(1_000_000), &[])),
        odd("an inline picture without end", page("", "BI /W 99999 /H 99999 /BPC 8 /CS /G ID x", &[])),
    ];
    let limits =
        Limits { max_pixels: 80_000_000, max_glyphs: 50_000, max_stream: 8 << 20, ..Limits::default() };
    files.into_iter().map(|file| Hostile { limits: limits.clone(), ..file }).collect()
}

/// A page with these resources and this content; objects from 30 on.
fn page(resources: &str, content: &str, objects: &[(u32, String)]) -> Vec<u8> {
    let translucent = "/ExtGState<</G<</ca 0.5>>>>";
    let states = if resources.contains("ExtGState") { "" } else { translucent };
    let entries = format!("/MediaBox[0 0 600 850]/Contents 20 0 R/Resources<<{resources}{states}>>");
    let file = document("", &[&entries], Style::Table);
    file.update(&[&[(20, stream("", content))], objects].concat(), Style::Table).bytes
}

fn form(entries: &str, content: &str) -> String {
    stream(&format!("/Type/XObject/Subtype/Form/BBox[0 0 600 850]{entries}"), content)
}

fn tile(entries: &str, content: &str) -> String {
    stream(&format!("/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 9 9]{entries}"), content)
}

/// A page that is painted with this pattern.
fn painted(tile: String) -> Vec<u8> {
    page("/Pattern<</P 30 0 R>>", "/Pattern cs /P scn 0 0 600 850 re f", &[(30, tile)])
}

/// A page that is filled with a shading of this type; `data` is object 31 or, for a mesh, the shading itself.
fn shaded(kind: u8, entries: &str, data: &str) -> Vec<u8> {
    let head = format!("/ShadingType {kind}/ColorSpace/DeviceGray{entries}");
    let objects = match data.strip_prefix("<<") {
        Some(rest) if kind >= 4 => vec![(30, format!("<<{head}{rest}"))],
        _ => vec![(30, format!("<<{head}>>")), (31, data.to_owned())],
    };
    page("/Shading<</S 30 0 R>>", "/S sh", &objects)
}

fn program() -> String {
    let steps = "dup mul sqrt ".repeat(50_000);
    stream("/FunctionType 4/Domain[0 1 0 1]/Range[0 1]", &format!("{{ pop {steps} }}"))
}

/// Free-form triangles: a flag, two coordinates and a colour for each corner, all ASCII.
fn triangles() -> String {
    let corner = |x: char, y: char| format!("\0{x}{y}A");
    let one = [corner('\u{1}', '\u{1}'), corner('\u{7f}', '\u{1}'), corner('\u{7f}', '\u{7f}')].concat();
    one.repeat(500)
}

fn image(entries: &str, content: &str) -> String {
    stream(&format!("/Type/XObject/Subtype/Image/BitsPerComponent 8/ColorSpace/DeviceGray{entries}"), content)
}

fn picture(entries: &str, content: &str) -> Vec<u8> {
    page("/XObject<</X 30 0 R>>", "600 0 0 850 0 0 cm /X Do", &[(30, image(entries, content))])
}

/// A state whose mask is drawn with the next one, and that mask.
fn mask(number: u32) -> [(u32, String); 2] {
    let (group, next) = (number + 1, number + 2);
    let resources =
        format!("/Group<</S/Transparency/CS/DeviceGray>>/Resources<</ExtGState<</G {next} 0 R>>>>");
    [
        (number, format!("<</SMask<</S/Luminosity/G {group} 0 R>>>>")),
        (group, form(&resources, &"/G gs 0 0 600 850 re f ".repeat(20))),
    ]
}

/// A page of so many Type 3 letters with this content.
fn lettered(glyph: &str, count: usize) -> Vec<u8> {
    let font = "<</Type/Font/Subtype/Type3/FontBBox[0 0 600 850]/FontMatrix[1 0 0 1 0 0]/FirstChar 97/LastChar 97/Widths[1]\
                /CharProcs<</a 31 0 R>>/Encoding<</Differences[97/a]>>>>";
    let objects = [(30, font.to_owned()), (31, stream("", &format!("1 0 d0 {glyph}")))];
    page("/Font<</F 30 0 R>>", &format!("BT /F 1 Tf ({}) Tj ET", "a".repeat(count)), &objects)
}
