//! The box that a person sees.

use esign_core::facts::{PageFacts, Rect};
use lopdf::content::{Content, Operation};
use lopdf::{Object, Stream, StringFormat, dictionary};

use super::text::{self, Font};
use super::{SignError, SignOptions};
use crate::geometry::{appearance_matrix, shown_page, to_user};

/// Between the border and the text, in points, where the box is large enough for that.
const PADDING: f64 = 5.0;
/// The colour bar at the left edge.
const BAR: f64 = 3.0;
/// Largest and smallest size of the text, in points.
const SIZES: (f64, f64) = (9.0, 4.0);
/// From baseline to baseline, as a multiple of the size.
const LEADING: f64 = 1.3;
/// Height of capitals in Helvetica, as a multiple of the size.
const CAPITALS: f64 = 0.72;

const PAPER: [f64; 3] = [0.975, 0.98, 0.99];
const SLATE: [f64; 3] = [0.25, 0.36, 0.52];
const INK: [f64; 3] = [0.13, 0.15, 0.19];
const MUTED: [f64; 3] = [0.36, 0.39, 0.45];
const WARNING: [f64; 3] = [0.66, 0.25, 0.08];

/// What the widget annotation needs.
pub(super) struct Appearance {
    /// `/Rect`: lower-left and upper-right corner in user space.
    pub(super) rect: [f32; 4],
    /// The appearance stream; none for an invisible signature.
    pub(super) form: Option<Stream>,
}

/// Draws the box, upright on the page as shown.
pub(super) fn draw(page: &PageFacts, signer: &str, options: &SignOptions) -> Result<Appearance, SignError> {
    let rect = &options.rect;
    let is_invisible = rect.width == 0.0 || rect.height == 0.0;
    if !is_on_page(page, rect) {
        let (width, height) = (page.shown.width, page.shown.height);
        return Err(SignError::BoxOutside { page: page.number, width, height });
    }
    let user = to_user(page, rect);
    let form = (!is_invisible).then(|| form(page, rect, &content(rect, &lines(signer, options))));
    Ok(Appearance { rect: [user.x, user.y, user.right(), user.top()].map(real), form })
}

fn is_on_page(page: &PageFacts, rect: &Rect) -> bool {
    [rect.x, rect.y, rect.width, rect.height].iter().all(|number| number.is_finite())
        && rect.width >= 0.0
        && rect.height >= 0.0
        && shown_page(page).contains(rect)
}

struct Line {
    text: Vec<u8>,
    font: Font,
    colour: [f64; 3],
}

fn lines(signer: &str, options: &SignOptions) -> Vec<Line> {
    let line = |text: &str, font, colour| Line { text: text::encode(text), font, colour };
    let time = options.signed_at.strftime("%-d %B %Y, %H:%M:%S UTC").to_string();
    let mut lines = vec![
        line(&format!("Digitally signed by {signer}"), Font::Bold, INK),
        line(&time, Font::Regular, INK),
        line("SANDBOX - not a legal signature", Font::Bold, WARNING),
    ];
    lines.extend(options.lines.iter().map(|text| line(text, Font::Regular, MUTED)));
    lines
}

/// The form XObject (ISO 32000-1, 8.10): as large as the box is shown, turned so that it stands upright.
fn form(page: &PageFacts, rect: &Rect, content: &[Operation]) -> Stream {
    let dictionary = dictionary! {
        "Type" => "XObject",
        "Subtype" => "Form",
        "BBox" => [0.0, 0.0, rect.width, rect.height].map(number).to_vec(),
        "Matrix" => appearance_matrix(page).map(Object::from).to_vec(),
        "Resources" => text::resources(),
    };
    let content = Content { operations: content };
    // Encoding writes into memory, which does not fail.
    Stream::new(dictionary, content.encode().unwrap_or_default()).with_compression(false)
}

fn content(rect: &Rect, lines: &[Line]) -> Vec<Operation> {
    let (width, height) = (rect.width, rect.height);
    let mut page = Painter::default();
    page.fill(PAPER, 0.0, 0.0, width, height);
    page.fill(SLATE, 0.0, 0.0, BAR.min(width / 20.0), height);
    page.frame(SLATE, 0.5, width, height);

    let padding = PADDING.min(width / 10.0).min(height / 10.0);
    let left = padding + BAR.min(width / 20.0);
    let room = Rect::new(left, padding, width - left - padding, height - 2.0 * padding);
    let (size, count) = fit(lines.len(), room.height);
    let used = size * (CAPITALS + LEADING * (count.max(1) - 1) as f64);
    let mut baseline = room.top() - (room.height - used) / 2.0 - size * CAPITALS;
    for line in &lines[..count] {
        page.line(line, size, &room, baseline);
        baseline -= size * LEADING;
    }
    page.operations
}

/// The text size, and how many lines there is room for at it.
fn fit(lines: usize, height: f64) -> (f64, usize) {
    let (largest, smallest) = SIZES;
    let size = (height / (lines as f64 * LEADING)).clamp(smallest, largest);
    // A line needs its leading, the last one only its own height; what falls off at the end is optional text.
    let count = ((height + (LEADING - CAPITALS) * size) / (LEADING * size)).floor();
    (size, lines.min(count.max(0.0) as usize))
}

#[derive(Default)]
struct Painter {
    operations: Vec<Operation>,
}

impl Painter {
    fn fill(&mut self, colour: [f64; 3], x: f64, y: f64, width: f64, height: f64) {
        self.push("rg", &colour);
        self.push("re", &[x, y, width, height]);
        self.push("f", &[]);
    }

    /// A line of this width just inside the box.
    fn frame(&mut self, colour: [f64; 3], line: f64, width: f64, height: f64) {
        if width > 2.0 * line && height > 2.0 * line {
            self.push("RG", &colour);
            self.push("w", &[line]);
            self.push("re", &[line / 2.0, line / 2.0, width - line, height - line]);
            self.push("S", &[]);
        }
    }

    /// A line of text: in a smaller size if it is too wide, shortened if that is not enough.
    fn line(&mut self, line: &Line, size: f64, room: &Rect, baseline: f64) {
        let natural = line.font.width(&line.text, size);
        let size = if natural > room.width { (size * room.width / natural).max(SIZES.1) } else { size };
        let text = text::shorten(line.font, line.text.clone(), size, room.width);
        self.push("BT", &[]);
        self.push("rg", &line.colour);
        let font = vec![Object::Name(line.font.name().into()), number(size)];
        self.operations.push(Operation::new("Tf", font));
        self.push("Td", &[room.x, baseline]);
        self.operations.push(Operation::new("Tj", vec![Object::String(text, StringFormat::Literal)]));
        self.push("ET", &[]);
    }

    fn push(&mut self, operator: &str, operands: &[f64]) {
        self.operations.push(Operation::new(operator, operands.iter().copied().map(number).collect()));
    }
}

/// A number in a PDF, to a hundredth of a thousandth of a point: far finer than anything shown.
fn number(value: f64) -> Object {
    Object::Real(real(value))
}

fn real(value: f64) -> f32 {
    ((value * 1e4).round() / 1e4) as f32
}
