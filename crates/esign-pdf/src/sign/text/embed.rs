//! The fonts of a document: the standard ones by name, ours as subsets (ISO 32000-1, 9.7 and 9.9).

use std::collections::{BTreeMap, HashMap};

use aws_lc_rs::digest::{SHA256, digest};
use lopdf::{Dictionary, Object, ObjectId, Stream, dictionary};
use subsetter::GlyphRemapper;

use super::Glyph;
use super::face::{Data, Face};

/// Font descriptor flags: its characters are not those of Adobe's standard Latin set.
const SYMBOLIC: i64 = 4;
/// Most mappings in one block of a character map.
const BLOCK: usize = 100;

/// The fonts that are used, and of each that is embedded, the glyphs.
#[derive(Default)]
pub(in crate::sign) struct Fonts {
    used: BTreeMap<Face, Used>,
}

/// A code stands for a glyph and the text that it is read as: the same glyph may stand for different texts, as parts of
/// Tamil syllables do.
#[derive(Default)]
struct Used {
    codes: HashMap<(u16, String), u16>,
    /// By code, less one: code 0 is the missing glyph, without a text.
    glyphs: Vec<Glyph>,
}

impl Fonts {
    /// Appends the code of a glyph to a string for a content stream.
    pub(in crate::sign) fn encode(&mut self, face: Face, glyph: &Glyph, to: &mut Vec<u8>) {
        let used = self.used.entry(face).or_default();
        match face.data() {
            None => to.extend(u8::try_from(glyph.id)),
            Some(_) => to.extend(used.code(glyph).to_be_bytes()),
        }
    }

    /// A `/Resources` with the fonts that were used. Whatever is a stream is handed to `add`, which gives it a number.
    pub(in crate::sign) fn resources<E>(
        &self,
        mut add: impl FnMut(Object) -> Result<ObjectId, E>,
    ) -> Result<Dictionary, E> {
        let mut fonts = Dictionary::new();
        for (face, used) in &self.used {
            let font = match face.data() {
                None => standard(*face).into(),
                Some(data) => Object::Reference(used.embed(data, &mut add)?),
            };
            fonts.set(face.resource(), font);
        }
        Ok(dictionary! { "Font" => fonts })
    }
}

fn standard(face: Face) -> Dictionary {
    dictionary! {
        "Type" => "Font",
        "Subtype" => "Type1",
        "BaseFont" => if face == Face::HelveticaBold { "Helvetica-Bold" } else { "Helvetica" },
        "Encoding" => "WinAnsiEncoding",
    }
}

impl Used {
    fn code(&mut self, glyph: &Glyph) -> u16 {
        let next = self.glyphs.len() + 1;
        let Ok(next) = u16::try_from(next) else { return 0 };
        *self.codes.entry((glyph.id, glyph.text.clone())).or_insert_with(|| {
            self.glyphs.push(glyph.clone());
            next
        })
    }

    fn embed<E>(
        &self,
        data: &Data,
        add: &mut impl FnMut(Object) -> Result<ObjectId, E>,
    ) -> Result<ObjectId, E> {
        let (file, glyphs) = self.subset(data);
        let name = format!("{}+{}", tag(&file), data.name);
        let length = file.len() as i64;
        let file = add(packed(dictionary! { "Length1" => length }, file))?;
        let descriptor = add(descriptor(data, &name, file).into())?;
        let glyphs = add(packed(dictionary! {}, glyphs))?;
        let widths: Vec<Object> = self.glyphs.iter().map(|glyph| glyph.natural.into()).collect();
        let descendant = add(Object::from(dictionary! {
            "Type" => "Font",
            "Subtype" => "CIDFontType2",
            "BaseFont" => name.as_str(),
            "CIDSystemInfo" => dictionary! {
                "Registry" => Object::string_literal("Adobe"),
                "Ordering" => Object::string_literal("Identity"),
                "Supplement" => 0,
            },
            "FontDescriptor" => descriptor,
            "W" => vec![1.into(), widths.into()],
            "CIDToGIDMap" => glyphs,
        }))?;
        let texts = add(packed(dictionary! {}, self.texts().into_bytes()))?;
        add(Object::from(dictionary! {
            "Type" => "Font",
            "Subtype" => "Type0",
            "BaseFont" => name,
            "Encoding" => "Identity-H",
            "DescendantFonts" => vec![descendant.into()],
            "ToUnicode" => texts,
        }))
    }

    /// The font with no other glyphs than these, and the number of each code's glyph in it.
    fn subset(&self, data: &Data) -> (Vec<u8>, Vec<u8>) {
        let mut remapper = GlyphRemapper::new();
        let numbers = self.glyphs.iter().flat_map(|glyph| remapper.remap(glyph.id).to_be_bytes());
        let numbers = [0, 0].into_iter().chain(numbers).collect();
        // Our own files, which a test cuts in every way.
        let file = subsetter::subset(&data.file, 0, &remapper).expect("a font of ours can be cut");
        (file, numbers)
    }

    /// The `ToUnicode` character map (ISO 32000-1, 9.10.3).
    fn texts(&self) -> String {
        let mut map = String::from(
            "/CIDInit/ProcSet findresource begin\n12 dict begin\nbegincmap\n\
             /CIDSystemInfo<</Registry(Adobe)/Ordering(UCS)/Supplement 0>>def\n\
             /CMapName/Adobe-Identity-UCS def\n/CMapType 2 def\n\
             1 begincodespacerange\n<0000><FFFF>\nendcodespacerange\n",
        );
        let with_text: Vec<_> =
            (1_u16..).zip(&self.glyphs).filter(|(_, glyph)| !glyph.text.is_empty()).collect();
        for block in with_text.chunks(BLOCK) {
            map.push_str(&format!("{} beginbfchar\n", block.len()));
            for (code, glyph) in block {
                let text: String = glyph.text.encode_utf16().map(|unit| format!("{unit:04X}")).collect();
                map.push_str(&format!("<{code:04X}><{text}>\n"));
            }
            map.push_str("endbfchar\n");
        }
        map.push_str("endcmap\nCMapName currentdict/CMap defineresource pop\nend\nend\n");
        map
    }
}

fn descriptor(data: &Data, name: &str, file: ObjectId) -> Dictionary {
    let metrics = data.font.metrics();
    let scaled = |units: f32| Object::from((units * 1000.0 / f32::from(metrics.units_per_em)).round() as i64);
    let bounds = metrics.bounds;
    let line = metrics.hhea_line.unwrap_or_default();
    dictionary! {
        "Type" => "FontDescriptor",
        "FontName" => name,
        "Flags" => SYMBOLIC,
        "FontBBox" => [bounds.x_min, bounds.y_min, bounds.x_max, bounds.y_max].map(|edge| scaled(edge.to_f32())).to_vec(),
        "ItalicAngle" => 0,
        "Ascent" => scaled(line.ascender.to_f32()),
        "Descent" => scaled(line.descender.to_f32()),
        "CapHeight" => scaled(metrics.cap_height.unwrap_or(line.ascender).to_f32()),
        "StemV" => 80,
        "FontFile2" => file,
    }
}

/// The six letters before the name of a subset: different ones for different subsets.
fn tag(file: &[u8]) -> String {
    digest(&SHA256, file).as_ref().iter().take(6).map(|byte| char::from(b'A' + byte % 26)).collect()
}

fn packed(dictionary: Dictionary, content: Vec<u8>) -> Object {
    let mut stream = Stream::new(dictionary, content);
    let _ = stream.compress(); // what cannot be made smaller is written as it is
    stream.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::sample_pdf;

    /// What is asked of the cutter can be any glyph of any of the fonts.
    #[test]
    fn every_glyph_of_every_font_can_be_cut_out() {
        for face in Face::EMBEDDED {
            let data = face.data().unwrap();
            let glyph = |id| Glyph { id, ..Glyph::default() };
            let count = u16::try_from(data.font.num_glyphs()).unwrap();
            let all = Used { glyphs: (0..count).map(glyph).collect(), ..Used::default() };
            let (file, numbers) = all.subset(data);
            assert!(file.len() > data.file.len() / 2, "{face:?}");
            assert_eq!(numbers.len(), 2 * (usize::from(count) + 1));
            for id in (0..count).step_by(usize::from(count) / 50) {
                assert!(Used { glyphs: vec![glyph(id)], ..Used::default() }.subset(data).0.len() < 8000);
            }
        }
    }

    #[test]
    fn a_glyph_has_a_code_for_each_text_that_it_stands_for() {
        let glyph = |id, text: &str| Glyph { id, text: text.to_owned(), ..Glyph::default() };
        let mut used = Used::default();
        let codes =
            [(5, "a"), (5, "b"), (6, ""), (5, "a"), (0, "𠮷")].map(|(id, text)| used.code(&glyph(id, text)));
        assert_eq!(codes, [1, 2, 3, 1, 4]);
        let texts = used.texts();
        assert!(texts.contains("3 beginbfchar\n<0001><0061>\n<0002><0062>\n<0004><D842DFB7>\nendbfchar"));
    }

    /// Codes run out in documents of more than 65,535 different characters, most of them missing.
    #[test]
    fn what_has_no_code_left_is_the_missing_glyph() {
        let mut used = Used::default();
        let codes: Vec<_> =
            (0..70_000).map(|n| used.code(&Glyph { text: format!("{n}"), ..Glyph::default() })).collect();
        assert_eq!((codes[65_534], codes[65_535], codes[69_999]), (65_535, 0, 0));
    }

    #[test]
    fn only_what_is_drawn_is_embedded() {
        let size = |title| sample_pdf(title, &[]).len();
        let plain = size("Agreement of Zo\u{EB}");
        assert!(plain < 6_000, "{plain}");
        for title in ["Thỏa thuận", "协议", "ஒப்பந்தம்"] {
            assert!(size(title) < plain + 16_000, "{title}: {}", size(title));
        }
        assert_eq!(sample_pdf("协议", &[]), sample_pdf("协议", &[]));
    }

    /// As our own reader finds texts.
    #[cfg(feature = "anchors")]
    #[test]
    fn texts_are_found_again() {
        use crate::facts::TextQuery;
        use crate::sign::text::{Text, Weight};

        let texts = [
            "陈伟明",
            "陳偉明",
            "முத்துக்குமரன்",
            "கோபால் கொழுந்து",
            "Nguyễn Thị Hồng",
            "Łukasz Żółć",
            "हिन्दी",
            "Tan Ah Kow",
        ];
        let pdf = sample_pdf("Names", &texts).into();
        let queries = texts.map(|text| TextQuery::new(text, true));
        let found = crate::anchors::find_texts(&pdf, &queries, &crate::Limits::default()).unwrap();
        for (text, hits) in texts.iter().zip(found) {
            let [hit] = hits[..] else { panic!("{text}: {hits:?}") };
            let width = Text::new(text, Weight::Regular).width(10.5);
            assert!((hit.shown.width - width).abs() < 1.5, "{text}: {} {width}", hit.shown.width);
        }
    }
}
