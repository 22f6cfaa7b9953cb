//! Words in sixteen font encodings, each drawn in five ways.

use std::fmt::Write as _;

use super::*;

/// A way of writing letters as codes, the font dictionary that belongs to it, and words to write.
struct Encoding {
    name: &'static str,
    /// Object 20 is the font; further objects may follow from 30.
    font: &'static [(u32, &'static str)],
    /// The bytes of a letter, in hexadecimal.
    code: fn(&str) -> String,
    words: &'static [&'static str],
}

/// Every letter is half as wide as the font is high, or as wide where two bytes select it.
const SIMPLE: &str = "/FirstChar 0/LastChar 255/Widths 29 0 R";

const LATIN: &[&str] = &[
    "Sign",
    "here:",
    "signature",
    "Tenant",
    "(owner)",
    "Date",
    "No.",
    "12/34",
    "mother-in-law",
    "A&B",
    "Quiz",
    "[x]",
];
const ACCENTED: &[&str] = &[
    "café",
    "Müller",
    "señor",
    "naïve",
    "façade",
    "Ærø",
    "“quoted”",
    "straße",
    "Ångström",
    "ümlaut",
    "Sign",
    "here",
];

fn ascii(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn one_byte(text: &str, special: &[(char, u8)]) -> String {
    let code = |letter: char| {
        let listed = special.iter().find(|(known, _)| *known == letter).map(|(_, code)| *code);
        listed.unwrap_or_else(|| u8::try_from(letter).unwrap())
    };
    text.chars().map(|letter| format!("{:02x}", code(letter))).collect()
}

fn utf16(text: &str) -> String {
    text.encode_utf16().map(|unit| format!("{unit:04x}")).collect()
}

/// Codes that have nothing to do with the letters: 0x21 further on in a made-up order.
fn shuffled(text: &str) -> String {
    text.bytes().map(|byte| format!("{:02x}", 126 - (byte - 32))).collect()
}

fn shuffled_wide(text: &str) -> String {
    text.bytes().map(|byte| format!("{:04x}", 0x0500 + u32::from(126 - (byte - 32)))).collect()
}

fn listed(text: &str, codes: &[(&str, &str)]) -> String {
    codes.iter().find(|(word, _)| *word == text).unwrap().1.to_owned()
}

const CMAP: &str =
    "/CIDInit/ProcSet findresource begin 12 dict begin begincmap/CMapType 2 def/CMapName/X def";

const ENCODINGS: &[Encoding] = &[
    Encoding {
        name: "built in (Helvetica without /Encoding)",
        font: &[(20, "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/S>>")],
        code: ascii,
        words: LATIN,
    },
    Encoding {
        name: "StandardEncoding with ligatures",
        font: &[(20, "<</Type/Font/Subtype/Type1/BaseFont/Times-Roman/Encoding/StandardEncoding/S>>")],
        code: |text| one_byte(text, &[('ﬁ', 0xAE), ('ﬂ', 0xAF), ('’', 0x27), ('ß', 0xFB), ('ø', 0xF9)]),
        words: &["oﬃce", "ﬁle", "ﬂow", "oﬀer", "proﬁt", "tenant’s", "straße", "smørbrød", "Sign", "here"],
    },
    Encoding {
        name: "WinAnsiEncoding",
        font: &[(20, "<</Type/Font/Subtype/TrueType/BaseFont/Arial/Encoding/WinAnsiEncoding/S>>")],
        code: |text| one_byte(text, &[('“', 0x93), ('”', 0x94), ('€', 0x80)]),
        words: ACCENTED,
    },
    Encoding {
        name: "MacRomanEncoding",
        font: &[(20, "<</Type/Font/Subtype/TrueType/BaseFont/Arial/Encoding/MacRomanEncoding/S>>")],
        code: |text| {
            let special = [
                ('é', 0x8E),
                ('ü', 0x9F),
                ('ñ', 0x96),
                ('ï', 0x95),
                ('ç', 0x8D),
                ('Æ', 0xAE),
                ('ø', 0xBF),
                ('“', 0xD2),
                ('”', 0xD3),
                ('ß', 0xA7),
                ('Å', 0x81),
                ('ö', 0x9A),
            ];
            one_byte(text, &special)
        },
        words: ACCENTED,
    },
    Encoding {
        name: "Differences with glyph names (a, f_i, uni0041, u1F600)",
        font: &[(
            20,
            "<</Type/Font/Subtype/Type1/BaseFont/ABCDEF+Lato/Encoding<</Differences[1/S/i/g/n/space/eacute/fi/uni0042/\
             u00E9/Omega/afii10017/one]>>/S>>",
        )],
        code: |text| {
            let known = "Signxéﬁ?y";
            let code = |letter: char| match letter {
                'B' => 8,
                'Ω' => 10,
                'А' => 11,
                '1' => 12,
                other => 1 + known.chars().position(|k| k == other).unwrap(),
            };
            text.chars().map(|letter| format!("{:02x}", code(letter))).collect()
        },
        words: &["Sign", "gén", "ﬁn", "BiB", "Ωi", "А1", "SignΩ", "1gB"],
    },
    Encoding {
        name: "Symbol",
        font: &[(20, "<</Type/Font/Subtype/Type1/BaseFont/Symbol/S>>")],
        code: |text| {
            one_byte(
                text,
                &[('α', b'a'), ('β', b'b'), ('γ', b'g'), ('π', b'p'), ('Σ', b'S'), ('λ', b'l'), ('∞', 0xA5)],
            )
        },
        words: &["αβγ", "πλ", "Σαβ", "γ∞", "λαβ"],
    },
    Encoding {
        name: "subset TrueType with arbitrary codes and ToUnicode (bfchar, bfrange)",
        font: &[
            (20, "<</Type/Font/Subtype/TrueType/BaseFont/QWERTY+Roboto/ToUnicode 30 0 R/S>>"),
            (30, "bytes"),
        ],
        code: shuffled,
        words: LATIN,
    },
    Encoding {
        name: "Type0 Identity-H with ToUnicode",
        font: &[
            (
                20,
                "<</Type/Font/Subtype/Type0/BaseFont/QWERTY+Roboto/Encoding/Identity-H/DescendantFonts[31 0 R]/ToUnicode 30 0 R>>",
            ),
            (30, "wide"),
            (
                31,
                "<</Type/Font/Subtype/CIDFontType2/BaseFont/QWERTY+Roboto/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>/DW 500>>",
            ),
        ],
        code: shuffled_wide,
        words: LATIN,
    },
    Encoding {
        name: "Type0 Identity-H with ToUnicode of ligatures and of characters beyond the basic plane",
        font: &[
            (
                20,
                "<</Type/Font/Subtype/Type0/BaseFont/QWERTY+Noto/Encoding/Identity-H/DescendantFonts[31 0 R]/ToUnicode 30 0 R>>",
            ),
            (30, "beyond"),
            (
                31,
                "<</Type/Font/Subtype/CIDFontType0/BaseFont/QWERTY+Noto/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>/DW 500>>",
            ),
        ],
        code: |text| {
            listed(
                text,
                &[("office", "000100020003"), ("𝔸𝔹", "00040005"), ("𠮷野", "00060007"), ("ffi", "0002")],
            )
        },
        words: &["office", "𝔸𝔹", "𠮷野", "ffi"],
    },
    Encoding {
        name: "UniGB-UCS2-H (Adobe-GB1)",
        font: &[
            (
                20,
                "<</Type/Font/Subtype/Type0/BaseFont/STSong-Light/Encoding/UniGB-UCS2-H/DescendantFonts[31 0 R]>>",
            ),
            (
                31,
                "<</Type/Font/Subtype/CIDFontType0/BaseFont/STSong-Light/CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)/Supplement 2>>>>",
            ),
        ],
        code: utf16,
        words: &["签名", "这里", "合同", "日期", "身份证", "Sign"],
    },
    Encoding {
        name: "GBK-EUC-H (Adobe-GB1)",
        font: &[
            (20, "<</Type/Font/Subtype/Type0/BaseFont/SimSun/Encoding/GBK-EUC-H/DescendantFonts[31 0 R]>>"),
            (
                31,
                "<</Type/Font/Subtype/CIDFontType2/BaseFont/SimSun/CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)/Supplement 2>>>>",
            ),
        ],
        code: |text| {
            listed(
                text,
                &[("签名", "c7a9c3fb"), ("这里", "d5e2c0ef"), ("合同", "bacfcdac"), ("Sign", "5369676e")],
            )
        },
        words: &["签名", "这里", "合同", "Sign"],
    },
    Encoding {
        name: "90ms-RKSJ-H (Adobe-Japan1)",
        font: &[
            (
                20,
                "<</Type/Font/Subtype/Type0/BaseFont/MS-Mincho/Encoding/90ms-RKSJ-H/DescendantFonts[31 0 R]>>",
            ),
            (
                31,
                "<</Type/Font/Subtype/CIDFontType2/BaseFont/MS-Mincho/CIDSystemInfo<</Registry(Adobe)/Ordering(Japan1)/Supplement 2>>>>",
            ),
        ],
        code: |text| {
            listed(
                text,
                &[
                    ("署名", "8f9096bc"),
                    ("ここに", "82b182b182c9"),
                    ("契約日", "8c5f96f193fa"),
                    ("ｻｲﾝ", "bbb2dd"),
                    ("No.1", "4e6f2e31"),
                ],
            )
        },
        words: &["署名", "ここに", "契約日", "ｻｲﾝ", "No.1"],
    },
    Encoding {
        name: "UniJIS-UTF16-H (Adobe-Japan1)",
        font: &[
            (
                20,
                "<</Type/Font/Subtype/Type0/BaseFont/KozMinPr6N/Encoding/UniJIS-UTF16-H/DescendantFonts[31 0 R]>>",
            ),
            (
                31,
                "<</Type/Font/Subtype/CIDFontType0/BaseFont/KozMinPr6N/CIDSystemInfo<</Registry(Adobe)/Ordering(Japan1)/Supplement 6>>>>",
            ),
        ],
        code: utf16,
        words: &["署名", "ここに", "契約日", "東京都", "𠮷野"],
    },
    Encoding {
        name: "ETen-B5-H (Adobe-CNS1)",
        font: &[
            (20, "<</Type/Font/Subtype/Type0/BaseFont/MingLiU/Encoding/ETen-B5-H/DescendantFonts[31 0 R]>>"),
            (
                31,
                "<</Type/Font/Subtype/CIDFontType2/BaseFont/MingLiU/CIDSystemInfo<</Registry(Adobe)/Ordering(CNS1)/Supplement 0>>>>",
            ),
        ],
        code: |text| listed(text, &[("簽名", "c3b1a657"), ("合約", "a658acf9")]),
        words: &["簽名", "合約"],
    },
    Encoding {
        name: "KSCms-UHC-H (Adobe-Korea1)",
        font: &[
            (20, "<</Type/Font/Subtype/Type0/BaseFont/Batang/Encoding/KSCms-UHC-H/DescendantFonts[31 0 R]>>"),
            (
                31,
                "<</Type/Font/Subtype/CIDFontType2/BaseFont/Batang/CIDSystemInfo<</Registry(Adobe)/Ordering(Korea1)/Supplement 1>>>>",
            ),
        ],
        code: |text| listed(text, &[("서명", "bcadb8ed"), ("계약", "b0e8bee0"), ("여기", "bfa9b1e2")]),
        words: &["서명", "계약", "여기"],
    },
    Encoding {
        name: "Type3 with ToUnicode",
        font: &[
            (
                20,
                "<</Type/Font/Subtype/Type3/FontBBox[0 0 1 1]/FontMatrix[1 0 0 1 0 0]/CharProcs<</g0 32 0 R>>/Encoding<</Differences[33/g0]>>/ToUnicode 30 0 R/FirstChar 0/LastChar 255/Widths 33 0 R>>",
            ),
            (30, "bytes"),
            (32, "box"),
            (33, "halves"),
        ],
        code: shuffled,
        words: LATIN,
    },
];

/// What stands for a longer text in a font's objects.
fn body(entry: &str) -> String {
    let ascending = |code: &dyn Fn(u32) -> String| -> String {
        // The first third letter by letter, the rest as ranges of one.
        let mut text =
            format!("{CMAP} 1 begincodespacerange <{}> <{}> endcodespacerange ", code(0), code(255));
        text.push_str("94 beginbfchar ");
        (33..=126u32)
            .for_each(|letter| write!(text, "<{}> <{letter:04x}> ", code(126 - (letter - 32))).unwrap());
        text.push_str("endbfchar endcmap end end");
        text
    };
    match entry {
        "bytes" => stream("", &ascending(&|code| format!("{code:02x}"))),
        "wide" => {
            // The letters A to Z lie backwards, so each needs a range of its own; one array for the digits.
            let mut text =
                format!("{CMAP} 1 begincodespacerange <0000> <ffff> endcodespacerange 95 beginbfrange ");
            for letter in 33..=126u32 {
                let code = 0x0500 + 126 - (letter - 32);
                write!(text, "<{code:04x}> <{code:04x}> <{letter:04x}> ").unwrap();
            }
            text.push_str("<0100> <0101> [<0030> <0031>] endbfrange endcmap end end");
            stream("", &text)
        }
        "beyond" => stream(
            "",
            &format!(
                "{CMAP} 1 begincodespacerange <0000> <ffff> endcodespacerange 7 beginbfchar <0001> <006f> <0002> \
                 <006600660069> <0003> <00630065> <0004> <d835dd38> <0005> <d835dd39> <0006> <d842dfb7> <0007> <91ce> \
                 endbfchar endcmap end end"
            ),
        ),
        "box" => stream("", "0.5 0 d0 0 0 0.4 0.7 re f"),
        "halves" => format!("[{}]", "0.5 ".repeat(256)),
        other => other.replace("/S>>", &format!("{SIMPLE}>>")),
    }
}

/// Ways of drawing one word at 72 points from the left.
const WAYS: &[fn(&str, usize, f64) -> String] = &[
    |code, _, y| format!("BT /F 10 Tf 72 {y} Td <{code}> Tj ET "),
    |code, _, y| format!("BT /F 1 Tf 10 0 0 10 72 {y} Tm <{code}> Tj ET "),
    |code, width, y| {
        let pieces: Vec<_> = pieces(code, width).map(|piece| format!("<{piece}>")).collect();
        format!("BT /F 10 Tf 72 {y} Td [{}] TJ ET ", pieces.join(" 30 "))
    },
    |code, width, y| {
        let pieces: Vec<_> = pieces(code, width).map(|piece| format!("<{piece}> Tj")).collect();
        format!("BT /F 10 Tf 1 Tc 80 Tz 72 {y} Td {} ET 0 Tc 100 Tz ", pieces.join(" "))
    },
    |code, _, y| format!("q 2 0 0 2 0 0 cm BT /F 5 Tf 36 {} Td <{code}> Tj ET Q ", y / 2.0),
];

/// The codes of a word one by one; codes of mixed length stay together.
fn pieces(code: &str, width: usize) -> impl Iterator<Item = &str> {
    let width = if width == 0 { code.len() } else { width };
    (0..code.len()).step_by(width).map(move |at| &code[at..(at + width).min(code.len())])
}

fn width(encoding: &Encoding) -> usize {
    let font = encoding.font[0].1;
    let two = ["Identity-H", "UCS2", "UTF16"].iter().any(|name| font.contains(name));
    let mixed = ["GBK", "RKSJ", "B5", "UHC"].iter().any(|name| font.contains(name));
    if mixed || encoding.words.contains(&"𠮷野") {
        0
    } else if two {
        4
    } else {
        2
    }
}

#[test]
fn words_are_found_in_every_encoding() {
    let (mut words, mut missed) = (0, Vec::new());
    for encoding in ENCODINGS {
        let width = width(encoding);
        let mut content = String::new();
        let mut expected = Vec::new();
        for (row, (word, way)) in
            encoding.words.iter().flat_map(|word| WAYS.iter().map(move |way| (word, way))).enumerate()
        {
            let y = 1990.0 - 30.0 * row as f64;
            let code = (encoding.code)(&word.replace("ﬃ", "fﬁ").replace("ﬀ", "ff"));
            content.push_str(&way(&code, width, y));
            expected.push((*word, y));
        }
        let mut objects: Vec<_> = encoding.font.iter().map(|(number, text)| (*number, body(text))).collect();
        objects.push((29, format!("[{}]", "500 ".repeat(256))));
        let file = page("/MediaBox[0 0 600 2000]", &content).update(&objects, Style::Table);
        let queries: Vec<_> = encoding.words.iter().map(|word| TextQuery::new(*word, false)).collect();
        let found = find_texts(&file.bytes.into(), &queries, &Limits::default()).unwrap();
        let mut here = 0;
        for (word, y) in expected {
            let index = encoding.words.iter().position(|known| *known == word).unwrap();
            let near = |hit: &TextHit| (hit.shown.x - 72.0).abs() < 3.0 && (hit.shown.y - y).abs() < 3.0;
            words += 1;
            if found[index].iter().any(near) {
                here += 1;
            } else {
                missed.push(format!("{}: {word} at {y}: {:?}", encoding.name, found[index]));
            }
        }
        println!("{here} of {} words: {}", encoding.words.len() * WAYS.len(), encoding.name);
    }
    println!("{} of {words} words in {} encodings", words - missed.len(), ENCODINGS.len());
    assert!(missed.len() * 20 <= words, "at least 95 %: {missed:#?}");
}
