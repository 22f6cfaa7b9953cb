//! Content streams (ISO 32000-1, 8 and 9), as far as boxes and lines of text need them.

use lopdf::content::{Content, Operation};
use lopdf::{Object, StringFormat};

use super::text::Font;

/// Red, green, blue from 0 to 1.
pub(super) type Colour = [f64; 3];

/// How text looks.
#[derive(Clone, Copy)]
pub(super) struct Style {
    pub(super) font: Font,
    /// In points.
    pub(super) size: f64,
    pub(super) colour: Colour,
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

    /// A line of encoded text from a point on its baseline.
    pub(super) fn text(&mut self, style: Style, x: f64, baseline: f64, encoded: &[u8]) {
        self.push("BT", &[]);
        self.push("rg", &style.colour);
        let font = vec![Object::Name(style.font.name().into()), number(style.size)];
        self.operations.push(Operation::new("Tf", font));
        self.push("Td", &[x, baseline]);
        let text = Object::String(encoded.to_vec(), StringFormat::Literal);
        self.operations.push(Operation::new("Tj", vec![text]));
        self.push("ET", &[]);
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
