//! Lines of text: set into glyphs once, then measured, broken and drawn at any size.
//!
//! What the standard fonts have is set in them and costs nothing. Any other line is set in full in fonts of our own
//! (`fonts/README.md`), of which the glyphs that are drawn are embedded. A character that none of them has shows as the
//! empty box that stands for a missing glyph; the text behind it stays what it was.

mod embed;
mod face;
mod shape;
mod standard;

pub(super) use embed::Fonts;
use face::Face;

/// How heavy text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    Bold,
}

/// Text as glyphs, in reading order; all measures are in thousandths of the font size.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub(super) weight: Weight,
    pub(super) clusters: Vec<Cluster>,
}

/// What is drawn and kept together: a letter with its marks, a Tamil syllable, an ideograph.
#[derive(Clone, Debug)]
pub(super) struct Cluster {
    pub(super) face: Face,
    pub(super) text: String,
    pub(super) glyphs: Vec<Glyph>,
}

/// A glyph and how it moves the pen.
#[derive(Clone, Debug, Default)]
pub(super) struct Glyph {
    /// Its number in the embedded font, its code in a standard one.
    pub(super) id: u16,
    /// The part of the cluster's text that it stands for, in an embedded font.
    pub(super) text: String,
    /// From its origin to that of the next glyph.
    pub(super) advance: i32,
    /// The same if nothing around it mattered: what the font itself says.
    pub(super) natural: i32,
    /// Where it is drawn, from its origin.
    pub(super) offset: (i32, i32),
}

impl Text {
    /// Sets a text. Control characters, line breaks too, become spaces.
    pub(super) fn new(text: &str, weight: Weight) -> Self {
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let clusters = standard::set(&text, weight).unwrap_or_else(|| shape::set(&text));
        Self { weight, clusters }
    }

    /// Its width at this size, in points.
    pub(super) fn width(&self, size: f64) -> f64 {
        points(advance(&self.clusters), size)
    }

    /// The text in lines no wider than that, broken at spaces and between ideographs; a single word that is wider stands on
    /// a line of its own.
    pub(super) fn wrap(&self, size: f64, width: f64) -> Vec<Self> {
        let mut lines: Vec<Self> = Vec::new();
        let mut used = 0;
        let mut space: Option<&Cluster> = None;
        for word in self.clusters.chunk_by(Cluster::stays_with) {
            if let [one] = word
                && one.is_space()
            {
                space = Some(one);
                continue;
            }
            let between = space.take();
            let needed = between.map_or(0, Cluster::advance) + advance(word);
            match lines.last_mut() {
                Some(line) if points(used + needed, size) <= width => {
                    line.clusters.extend(between.into_iter().chain(word).cloned());
                    used += needed;
                }
                _ => {
                    lines.push(Self { weight: self.weight, clusters: word.to_vec() });
                    used = advance(word);
                }
            }
        }
        lines
    }

    /// The longest beginning of the text that fits the width, with an ellipsis if it is not the whole.
    pub(super) fn shorten(mut self, size: f64, width: f64) -> Self {
        let mut used = advance(&self.clusters);
        if points(used, size) <= width {
            return self;
        }
        let ellipsis = Self::new("…", self.weight).clusters;
        used += advance(&ellipsis);
        while points(used, size) > width
            && let Some(last) = self.clusters.pop()
        {
            used -= last.advance();
        }
        self.clusters.extend(ellipsis);
        self
    }
}

impl Cluster {
    pub(super) fn advance(&self) -> i32 {
        self.glyphs.iter().map(|glyph| glyph.advance).sum()
    }

    /// Whether its glyphs cannot be read one by one: it has more of them than characters.
    pub(super) fn is_read_as_a_whole(&self) -> bool {
        self.face.is_embedded() && self.glyphs.iter().any(|glyph| glyph.text.is_empty())
    }

    /// Whether no line may be broken between this cluster and the next.
    fn stays_with(&self, next: &Self) -> bool {
        let may_break = |cluster: &Self| cluster.is_space() || cluster.face == Face::Han;
        !may_break(self) && !may_break(next)
    }

    /// Whether a line may end here, and the space with it: not for a space that says that it may not.
    fn is_space(&self) -> bool {
        self.text.chars().all(|c| c.is_whitespace() && c != '\u{A0}' && c != '\u{202F}')
    }
}

fn advance(clusters: &[Cluster]) -> i32 {
    clusters.iter().map(Cluster::advance).sum()
}

fn points(thousandths: i32, size: f64) -> f64 {
    f64::from(thousandths) * size / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &Text) -> String {
        text.clusters.iter().map(|cluster| cluster.text.as_str()).collect()
    }

    fn faces(text: &Text) -> Vec<Face> {
        let mut faces: Vec<_> = text.clusters.iter().map(|cluster| cluster.face).collect();
        faces.dedup();
        faces
    }

    fn glyphs(text: &Text) -> Vec<u16> {
        text.clusters.iter().flat_map(|cluster| &cluster.glyphs).map(|glyph| glyph.id).collect()
    }

    #[test]
    fn each_line_is_set_in_the_fonts_that_have_it() {
        use Face::{Han, Helvetica, Latin, Tamil};
        for (text, expected) in [
            ("Tan Ah Kow", vec![Helvetica]),
            ("Zoë €5 – “ok”", vec![Helvetica]),
            ("Nguyễn Thị Hồng", vec![Latin]),
            ("Łukasz Żółć", vec![Latin]),
            ("Дмитрий Ξενία", vec![Latin]),
            ("陈伟明 陳偉明", vec![Han, Latin, Han]),
            ("முத்துக்குமரன்", vec![Tamil]),
            ("by முத்து, 陳", vec![Latin, Tamil, Latin, Han]),
        ] {
            let set = Text::new(text, Weight::Regular);
            assert_eq!(faces(&set), expected, "{text}");
            assert_eq!(plain(&set), text);
            assert!(expected == [Helvetica] || !glyphs(&set).contains(&0), "{text}");
        }
        assert_eq!(faces(&Text::new("Tan", Weight::Bold)), [Face::HelveticaBold]);
        assert_eq!(plain(&Text::new("a\tb\u{85}\0c\nd", Weight::Regular)), "a b  c d");
    }

    #[test]
    fn a_character_that_no_font_has_is_a_box_and_never_another_letter() {
        for missing in ["हिन्दी", "عربي", "한글", "𠮷", "\u{10FFFD}", "😀"] {
            let set = Text::new(missing, Weight::Regular);
            assert!(glyphs(&set).iter().all(|glyph| *glyph == 0), "{missing}: {:?}", glyphs(&set));
            assert!(set.width(1000.0) >= 600.0, "{missing}");
            assert_eq!(plain(&set), missing);
        }
    }

    /// The vowel sign of கெ is drawn before its consonant, that of கொ on both sides of it; a consonant that loses its vowel
    /// gets a dot, and two that join become one glyph.
    #[test]
    fn tamil_is_shaped() {
        let drawn = |text: &str| glyphs(&Text::new(text, Weight::Regular));
        let [ka] = drawn("க")[..] else { panic!() };
        let [e, consonant] = drawn("கெ")[..] else { panic!("{:?}", drawn("கெ")) };
        assert_eq!(consonant, ka);
        let [before, consonant, after] = drawn("கொ")[..] else { panic!("{:?}", drawn("கொ")) };
        assert_eq!((before, consonant), (e, ka));
        assert_eq!(drawn("கா"), [ka, after]);
        assert_ne!(drawn("க்"), [ka]);
        assert_eq!(drawn("க்ஷ").len(), 1);
    }

    #[test]
    fn a_mark_is_the_same_letter_however_it_is_written() {
        let drawn = |text: &str| glyphs(&Text::new(text, Weight::Regular));
        assert_eq!(drawn("Nguye\u{302}\u{303}n Ł"), drawn("Nguyễn Ł"));
    }

    #[test]
    fn widths_are_those_of_the_font() {
        let width = |text: &str, weight| Text::new(text, weight).width(10.0);
        assert!((width("Hello", Weight::Regular) - 22.78).abs() < 1e-9);
        assert!((width("Hello", Weight::Bold) - 24.45).abs() < 1e-9);
        assert!((width("é", Weight::Regular) - width("e", Weight::Regular)).abs() < 1e-9);
        assert!((width("陈伟明", Weight::Regular) - 30.0).abs() < 1e-9);
    }

    #[test]
    fn lines_break_at_spaces_and_between_ideographs() {
        let lines = |text: &str, width| {
            let lines = Text::new(text, Weight::Regular).wrap(10.0, width);
            lines.iter().map(plain).collect::<Vec<_>>()
        };
        assert_eq!(lines("one two  three\nfour", 50.0), ["one two", "three four"]);
        assert_eq!(lines("unbreakable word", 20.0), ["unbreakable", "word"]);
        assert_eq!(lines("陈伟明先生 Tan", 30.0), ["陈伟明", "先生", "Tan"]);
        assert_eq!(lines("陈\u{A0}Tan Ł", 1.0), ["陈", "\u{A0}Tan", "Ł"]);
        assert!(lines("  ", 20.0).is_empty());
    }

    #[test]
    fn what_does_not_fit_ends_in_an_ellipsis() {
        let shorten = |text: &str, width| {
            let short = Text::new(text, Weight::Regular).shorten(10.0, width);
            (plain(&short), short.width(10.0))
        };
        assert_eq!(shorten("short", 100.0).0, "short");
        for text in ["a line that is far too long", "முத்துக்குமரன் முத்துக்குமரன்"]
        {
            let (cut, width) = shorten(text, 50.0);
            assert!(cut.ends_with('…') && cut.len() > '…'.len_utf8() && width <= 50.0, "{cut}");
        }
        assert_eq!(shorten("no room", 1.0).0, "…");
    }
}
