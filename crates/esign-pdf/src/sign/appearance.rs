//! The box that a person sees.

use esign_core::facts::{PageFacts, Rect};
use lopdf::{Object, ObjectId, Stream, dictionary};

use super::paint::{Colour, Painter, Style, number, real};
use super::text::{Fonts, Text, Weight};
use super::update::Update;
use super::{SignError, SignOptions};
use crate::geometry::{appearance_matrix, shown_page, to_user};

/// Between the border and the text, in points, where the box is large enough for that.
const PADDING: f64 = 5.0;
/// The colour bar at the left edge.
const BAR: f64 = 3.0;
/// The line around the box.
const BORDER: f64 = 0.5;
/// Sizes of the text to try, in points.
const SIZES: [f64; 11] = [9.0, 8.5, 8.0, 7.5, 7.0, 6.5, 6.0, 5.5, 5.0, 4.5, 4.0];
/// From baseline to baseline, as a multiple of the size.
const LEADING: f64 = 1.3;
/// Height of capitals in Helvetica, as a multiple of the size.
const CAPITALS: f64 = 0.72;

const PAPER: Colour = [0.975, 0.98, 0.99];
const SLATE: Colour = [0.25, 0.36, 0.52];
const INK: Colour = [0.13, 0.15, 0.19];
const MUTED: Colour = [0.36, 0.39, 0.45];
const WARNING: Colour = [0.66, 0.25, 0.08];

/// What the widget annotation needs.
pub(super) struct Appearance {
    /// `/Rect`: lower-left and upper-right corner in user space.
    pub(super) rect: [f32; 4],
    /// What is drawn; nothing for an invisible signature.
    pub(super) form: Option<Form>,
}

/// The appearance stream without its resources, which are objects of the document.
pub(super) struct Form {
    stream: Stream,
    fonts: Fonts,
}

impl Form {
    /// Adds the stream and the fonts that it uses.
    pub(super) fn add_to(mut self, update: &mut Update) -> Result<ObjectId, SignError> {
        let resources = self.fonts.resources(|font| update.add(font))?;
        self.stream.dict.set("Resources", resources);
        update.add(self.stream)
    }
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
    let form = (!is_invisible).then(|| {
        let mut fonts = Fonts::default();
        let content = content(rect, &lines(signer, options), &mut fonts);
        Form { stream: form(page, rect, content), fonts }
    });
    Ok(Appearance { rect: [user.x, user.y, user.right(), user.top()].map(real), form })
}

fn is_on_page(page: &PageFacts, rect: &Rect) -> bool {
    [rect.x, rect.y, rect.width, rect.height].iter().all(|number| number.is_finite())
        && rect.width >= 0.0
        && rect.height >= 0.0
        && shown_page(page).contains(rect)
}

struct Line {
    text: Text,
    colour: Colour,
}

fn lines(signer: &str, options: &SignOptions) -> Vec<Line> {
    let line = |text: &str, weight, colour| Line { text: Text::new(text, weight), colour };
    let time = options.signed_at.strftime("%-d %B %Y, %H:%M:%S UTC").to_string();
    let mut lines = vec![
        line(&format!("Digitally signed by {signer}"), Weight::Bold, INK),
        line(&time, Weight::Regular, INK),
        line("SANDBOX - not a legal signature", Weight::Bold, WARNING),
    ];
    lines.extend(options.lines.iter().map(|text| line(text, Weight::Regular, MUTED)));
    lines
}

/// The form XObject (ISO 32000-1, 8.10): as large as the box is shown, turned so that it stands upright.
fn form(page: &PageFacts, rect: &Rect, content: Vec<u8>) -> Stream {
    let dictionary = dictionary! {
        "Type" => "XObject",
        "Subtype" => "Form",
        "BBox" => [0.0, 0.0, rect.width, rect.height].map(number).to_vec(),
        "Matrix" => appearance_matrix(page).map(Object::from).to_vec(),
    };
    Stream::new(dictionary, content).with_compression(false)
}

fn content(rect: &Rect, lines: &[Line], fonts: &mut Fonts) -> Vec<u8> {
    let (width, height) = (rect.width, rect.height);
    let bar = BAR.min(width / 20.0);
    let border = BORDER.min(width / 4.0).min(height / 4.0);
    let mut painter = Painter::default();
    painter.fill(PAPER, 0.0, 0.0, width, height);
    painter.fill(SLATE, 0.0, 0.0, bar, height);
    painter.frame(SLATE, border, border / 2.0, border / 2.0, width - border, height - border);

    let padding = PADDING.min(width / 10.0).min(height / 10.0);
    let left = padding + bar;
    let room = Rect::new(left, padding, width - left - padding, height - 2.0 * padding);
    let (size, lines) = fit(lines, &room);
    let mut baseline = room.top() - (room.height - height_of(lines.len(), size)) / 2.0 - size * CAPITALS;
    for line in lines {
        let style = Style { weight: line.text.weight, size, colour: line.colour };
        painter.text(fonts, style, room.x, baseline, &line.text);
        baseline -= size * LEADING;
    }
    painter.finish()
}

/// The lines, wrapped to the width of the room, at the largest size at which all of them fit its height. What does not fit
/// even at the smallest size is left out.
fn fit(lines: &[Line], room: &Rect) -> (f64, Vec<Line>) {
    for size in SIZES {
        let wrapped = wrap(lines, size, room.width);
        if height_of(wrapped.len(), size) <= room.height {
            return (size, wrapped);
        }
    }
    let size = SIZES[SIZES.len() - 1];
    let mut wrapped = wrap(lines, size, room.width);
    while height_of(wrapped.len(), size) > room.height {
        wrapped.pop();
    }
    (size, wrapped)
}

/// From the top of the first line's capitals to the last baseline.
fn height_of(lines: usize, size: f64) -> f64 {
    match lines {
        0 => 0.0,
        lines => size * (CAPITALS + LEADING * (lines - 1) as f64),
    }
}

fn wrap(lines: &[Line], size: f64, width: f64) -> Vec<Line> {
    let wrapped = |line: &Line| {
        let colour = line.colour;
        let parts = line.text.wrap(size, width).into_iter();
        parts.map(move |part| Line { text: part.shorten(size, width), colour })
    };
    lines.iter().flat_map(wrapped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(texts: &[&str], width: f64, height: f64) -> (f64, Vec<String>) {
        let line = |text: &&str| Line { text: Text::new(text, Weight::Regular), colour: INK };
        let lines: Vec<_> = texts.iter().map(line).collect();
        let (size, lines) = fit(&lines, &Rect::new(0.0, 0.0, width, height));
        assert!(height_of(lines.len(), size) <= height);
        assert!(lines.iter().all(|line| line.text.width(size) <= width));
        let plain = |line: Line| line.text.clusters.into_iter().map(|cluster| cluster.text).collect();
        (size, lines.into_iter().map(plain).collect())
    }

    #[test]
    fn text_shrinks_and_wraps_until_it_fits() {
        assert_eq!(fitted(&["one two", "three"], 200.0, 50.0), (9.0, vec!["one two".into(), "three".into()]));
        assert_eq!(fitted(&["one two"], 25.0, 50.0), (9.0, vec!["one".into(), "two".into()]));
        assert_eq!(fitted(&["one two"], 25.0, 12.0).0, 7.0);
        assert_eq!(fitted(&["one", "two", "three"], 25.0, 8.5), (4.0, vec!["one".into(), "two".into()]));
        assert_eq!(fitted(&["unbreakable"], 30.0, 20.0), (9.0, vec!["unbr…".into()]));
        assert_eq!(fitted(&["one"], 25.0, 1.0), (4.0, Vec::new()));
    }
}
