//! Content streams (ISO 32000-1, 8 and 9), as far as boxes and lines of text need them.

use lopdf::content::{Content, Operation};
use lopdf::{Object, StringFormat, dictionary, text_string};

use super::text::{Cluster, Fonts, Glyph, Text, Weight};

/// Red, green, blue from 0 to 1.
pub(super) type Colour = [f64; 3];

/// The fonts of ours have one weight; bold is drawn with an outline this thick, as a multiple of the size.
const BOLDER: f64 = 0.03;
/// Text rendering mode 2 (ISO 32000-1, 9.3.6).
const FILL_AND_STROKE: i64 = 2;

/// How text looks.
#[derive(Clone, Copy)]
pub(super) struct Style {
    pub(super) weight: Weight,
    /// In points.
    pub(super) size: f64,
    pub(super) colour: Colour,
}

impl Style {
    /// Sets a text in its weight.
    pub(super) fn set(self, text: &str) -> Text {
        Text::new(text, self.weight)
    }
}

/// Strings and movements of a line of text, not yet written down; in thousandths of the font size.
#[derive(Default)]
struct Pen {
    shown: Vec<Object>,
    codes: Vec<u8>,
    /// From where the glyphs so far take it to where the next one's origin is.
    away: i32,
    /// Height above the baseline.
    rise: i32,
}

impl Pen {
    /// Moves to where the glyph is drawn, and expects it to be.
    fn move_to(&mut self, glyph: &Glyph) {
        let shift = self.away + glyph.offset.0;
        if shift != 0 {
            self.end_string();
            self.shown.push((-shift).into());
        }
        self.away = glyph.advance - glyph.natural - glyph.offset.0;
    }

    fn end_string(&mut self) {
        if !self.codes.is_empty() {
            let codes = std::mem::take(&mut self.codes);
            self.shown.push(Object::String(codes, StringFormat::Literal));
        }
    }
}

/// Collects drawing operations; all lengths are in points, the origin is at the lower left.
#[derive(Default)]
pub(super) struct Painter {
    operations: Vec<Operation>,
}

impl Painter {
    /// A filled rectangle.
    pub(super) fn fill(&mut self, colour: Colour, x: f64, y: f64, width: f64, height: f64) {
        self.push("rg", &colour);
        self.push("re", &[x, y, width, height]);
        self.push("f", &[]);
    }

    /// The outline of a rectangle, half of the line on either side.
    pub(super) fn frame(&mut self, colour: Colour, line: f64, x: f64, y: f64, width: f64, height: f64) {
        self.push("RG", &colour);
        self.push("w", &[line]);
        self.push("re", &[x, y, width, height]);
        self.push("S", &[]);
    }

    /// A line of text from a point on its baseline.
    pub(super) fn text(&mut self, fonts: &mut Fonts, style: Style, x: f64, baseline: f64, text: &Text) {
        self.push("q", &[]);
        self.push("BT", &[]);
        self.push("rg", &style.colour);
        self.push("Td", &[x, baseline]);
        let mut pen = Pen::default();
        for run in text.clusters.chunk_by(|one, next| one.face == next.face) {
            let face = run[0].face;
            let size = number(style.size);
            self.operations.push(Operation::new("Tf", vec![face.resource().into(), size]));
            if style.weight == Weight::Bold && face.is_embedded() {
                self.push("RG", &style.colour);
                self.push("w", &[style.size * BOLDER]);
                self.operations.push(Operation::new("Tr", vec![FILL_AND_STROKE.into()]));
            }
            for cluster in run {
                self.cluster(&mut pen, fonts, style.size, cluster);
            }
            self.show(&mut pen);
        }
        self.push("ET", &[]);
        self.push("Q", &[]);
    }

    fn cluster(&mut self, pen: &mut Pen, fonts: &mut Fonts, size: f64, cluster: &Cluster) {
        let replaced = cluster.is_read_as_a_whole();
        if replaced {
            self.show(pen);
            let text = dictionary! { "ActualText" => text_string(&cluster.text) };
            self.operations.push(Operation::new("BDC", vec!["Span".into(), text.into()]));
        }
        for glyph in &cluster.glyphs {
            if glyph.offset.1 != pen.rise {
                self.show(pen);
                pen.rise = glyph.offset.1;
                self.push("Ts", &[f64::from(pen.rise) * size / 1000.0]);
            }
            pen.move_to(glyph);
            fonts.encode(cluster.face, glyph, &mut pen.codes);
        }
        if replaced {
            self.show(pen);
            self.operations.push(Operation::new("EMC", Vec::new()));
        }
    }

    /// Writes down what the pen has collected.
    fn show(&mut self, pen: &mut Pen) {
        pen.end_string();
        if !pen.shown.is_empty() {
            self.operations.push(Operation::new("TJ", vec![std::mem::take(&mut pen.shown).into()]));
        }
    }

    /// The content stream's bytes.
    pub(super) fn finish(self) -> Vec<u8> {
        // Encoding writes into memory, which does not fail.
        Content { operations: self.operations }.encode().unwrap_or_default()
    }

    fn push(&mut self, operator: &str, operands: &[f64]) {
        self.operations.push(Operation::new(operator, operands.iter().copied().map(number).collect()));
    }
}

/// A number in a PDF, to a ten-thousandth of a point: far finer than anything shown.
pub(super) fn number(value: f64) -> Object {
    Object::Real(real(value))
}

/// The number as lopdf keeps it.
pub(super) fn real(value: f64) -> f32 {
    ((value * 1e4).round() / 1e4) as f32
}
