//! Where a signature goes.
//!
//! The neutral space is the page as a person sees it: CropBox within MediaBox, rotated, user unit applied, in points.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::facts::{Rect, Size};
use crate::{Error, ErrorKind, ProviderKind, Result};

/// One place for one mark of one signer: a signature, unless said otherwise.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Placement {
    /// The key of the document; may be left out where there is only one.
    pub document: Option<String>,
    /// Where on it.
    pub spot: Spot,
    /// What goes there.
    pub mark: Mark,
}

impl Placement {
    /// A place on a page (from 1) in points, 1/72 inch.
    ///
    /// ```
    /// use esign_core::{Corner, Origin, Placement};
    /// // The box's lower-left corner is 1 inch from the left and 2 inches above the bottom of page 1.
    /// let placement = Placement::points(1, 72.0, 144.0, Origin::BottomLeft, Corner::BottomLeft);
    /// # let _ = placement;
    /// ```
    #[must_use]
    pub fn points(page: u32, x: f64, y: f64, origin: Origin, corner: Corner) -> Self {
        Self::from_spot(Spot::Page(PagePosition {
            page,
            x,
            y,
            unit: Unit::Points,
            origin,
            corner,
            size: None,
        }))
    }

    /// A place on a page (from 1) in fractions of the page's width and height as shown, 0 to 1.
    #[must_use]
    pub fn fractions(page: u32, x: f64, y: f64, origin: Origin, corner: Corner) -> Self {
        Self::from_spot(Spot::Page(PagePosition {
            page,
            x,
            y,
            unit: Unit::Fractions,
            origin,
            corner,
            size: None,
        }))
    }

    /// The numbers of one provider kind, sent digit for digit and refused by every other kind.
    ///
    /// # Errors
    /// If a coordinate is not a plain decimal number.
    pub fn native(kind: ProviderKind, page: u32, x: &str, y: &str) -> Result<Self> {
        Ok(Self::from_spot(Spot::Native(NativePosition::new(kind, page, x.parse()?, y.parse()?))))
    }

    /// At a text on the page. For a provider that finds no texts itself it is looked up before anything is sent: not found,
    /// or found more often than [`Anchor::occurrence`] says, is an error that lists where.
    #[must_use]
    pub fn anchor(anchor: Anchor) -> Self {
        Self::from_spot(Spot::Anchor(anchor))
    }

    /// At the form field of this full, dotted name: the box's lower-left corner is the field's, and its size the field's
    /// where the provider takes one. Looked up before anything is sent for a provider that finds no fields itself.
    #[must_use]
    pub fn form_field(name: impl Into<String>) -> Self {
        Self::from_spot(Spot::Field(name.into()))
    }

    /// A placement from its spot.
    #[must_use]
    pub fn from_spot(spot: Spot) -> Self {
        Self { document: None, spot, mark: Mark::Signature }
    }

    /// Says what goes there instead of a signature.
    #[must_use]
    pub fn mark(mut self, mark: Mark) -> Self {
        self.mark = mark;
        self
    }

    /// Names the document.
    #[must_use]
    pub fn on(mut self, document: impl Into<String>) -> Self {
        self.document = Some(document.into());
        self
    }

    /// Asks for a size of the box. Providers with a fixed box refuse any other.
    #[must_use]
    pub fn sized(mut self, width: f64, height: f64) -> Self {
        match &mut self.spot {
            Spot::Page(position) => position.size = Some(Size { width, height }),
            Spot::Anchor(anchor) => anchor.size = Some(Size { width, height }),
            Spot::Field(_) | Spot::Native(_) => {}
        }
        self
    }
}

/// What goes where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Mark {
    /// A signature.
    #[default]
    Signature,
    /// The signer's initials.
    Initials,
    /// The date of signing, as the provider writes it.
    Date,
    /// The signer's name.
    Name,
    /// The signer's e-mail address.
    Email,
}

impl Mark {
    pub(crate) fn is_signature(&self) -> bool {
        *self == Self::Signature
    }
}

/// The ways to say where.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Spot {
    /// A point on a page.
    Page(PagePosition),
    /// A text on a page.
    Anchor(Anchor),
    /// A form field.
    Field(String),
    /// A provider's own numbers.
    Native(NativePosition),
}

/// A point on a page, and which corner of the signature box lies there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PagePosition {
    /// From 1.
    pub page: u32,
    /// To the right of the origin, in `unit`.
    pub x: f64,
    /// Up from a bottom origin, down from a top origin, in `unit`.
    pub y: f64,
    /// What `x` and `y` count.
    pub unit: Unit,
    /// The corner of the page that `x` and `y` are measured from.
    pub origin: Origin,
    /// The corner of the signature box that is meant.
    pub corner: Corner,
    /// The wished size of the box in points.
    pub size: Option<Size>,
}

impl PagePosition {
    /// The box in shown space (points, lower-left origin), for a page of this size and a box of that size.
    #[must_use]
    pub fn to_box(&self, page: Size, size: Size) -> Rect {
        let (x, y) = match self.unit {
            Unit::Points => (self.x, self.y),
            Unit::Fractions => (self.x * page.width, self.y * page.height),
        };
        let y = match self.origin {
            Origin::BottomLeft => y,
            Origin::TopLeft => page.height - y,
        };
        let left = match self.corner {
            Corner::TopLeft | Corner::BottomLeft => x,
            Corner::TopRight | Corner::BottomRight => x - size.width,
        };
        let bottom = match self.corner {
            Corner::BottomLeft | Corner::BottomRight => y,
            Corner::TopLeft | Corner::TopRight => y - size.height,
        };
        Rect::new(left, bottom, size.width, size.height)
    }
}

/// What coordinates count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// 1/72 inch.
    Points,
    /// Of the page's width and height, 0 to 1.
    Fractions,
}

/// The corner of the page that coordinates are measured from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// y grows downwards.
    TopLeft,
    /// y grows upwards.
    BottomLeft,
}

/// A corner of the signature box.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Corner {
    TopLeft,
    TopRight,
    BottomLeft,
    BottomRight,
}

/// A text to sign at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Anchor {
    /// The text to find, also within a longer one. White space in it stands for any white space, a line's end included;
    /// ligatures and compatible forms of a letter are taken for the letters (NFKC).
    pub text: String,
    /// Which occurrence. Only one may exist unless this says otherwise.
    #[serde(default)]
    pub occurrence: Occurrence,
    /// Ignore the case of letters.
    #[serde(default)]
    pub ignore_case: bool,
    /// Points to the right of the text's left edge.
    #[serde(default)]
    pub dx: f64,
    /// Points above the text's baseline.
    #[serde(default)]
    pub dy: f64,
    /// The corner of the box that is meant.
    #[serde(default = "Anchor::default_corner")]
    pub corner: Corner,
    /// The wished size of the box in points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
}

impl Anchor {
    /// The box's lower-left corner at the start of this text, which must occur exactly once.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            occurrence: Occurrence::default(),
            ignore_case: false,
            dx: 0.0,
            dy: 0.0,
            corner: Self::default_corner(),
            size: None,
        }
    }

    fn default_corner() -> Corner {
        Corner::BottomLeft
    }
}

/// Which occurrence of an anchor text is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Occurrence {
    /// The only one; several are an error.
    #[default]
    ExactlyOne,
    /// The first in reading order.
    First,
    /// The n-th in reading order, from 1.
    Nth(u32),
    /// Each of them.
    All,
}

/// Towards which side a provider's rounding may move a box; always into the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the smaller number.
    Down,
    /// To the larger number.
    Up,
}

/// A provider's own numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NativePosition {
    /// Whose numbers they are.
    pub kind: ProviderKind,
    /// As that provider counts.
    pub page: u32,
    /// Sent digit for digit.
    pub x: Decimal,
    /// Sent digit for digit.
    pub y: Decimal,
    /// The width of the box, for a provider whose numbers have one. Sent digit for digit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<Decimal>,
    /// The height of the box, for a provider whose numbers have one. Sent digit for digit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<Decimal>,
}

impl NativePosition {
    /// A place without a size.
    #[must_use]
    pub fn new(kind: ProviderKind, page: u32, x: Decimal, y: Decimal) -> Self {
        Self { kind, page, x, y, width: None, height: None }
    }

    /// Adds the size of the box.
    #[must_use]
    pub fn with_size(mut self, width: Decimal, height: Decimal) -> Self {
        (self.width, self.height) = (Some(width), Some(height));
        self
    }
}

/// A decimal number kept as it was written: `0.10` stays `0.10`.
#[derive(Clone, PartialEq, Eq)]
pub struct Decimal(String);

impl Decimal {
    /// The digits as written: a JSON number.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The nearest binary number, for range checks.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.0.parse().unwrap_or(f64::NAN)
    }

    /// How many digits stand behind the point.
    #[must_use]
    pub fn decimals(&self) -> usize {
        self.0.split_once('.').map_or(0, |(_, decimals)| decimals.len())
    }
}

impl FromStr for Decimal {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        let (whole, fraction) = text
            .strip_prefix('-')
            .unwrap_or(text)
            .split_once('.')
            .unwrap_or((text.strip_prefix('-').unwrap_or(text), "0"));
        let leading_zero = whole.len() > 1 && whole.starts_with('0');
        if text.len() > 32 || !digits(whole) || !digits(fraction) || leading_zero {
            let message = "a native coordinate is a plain decimal number such as \"0.25\": no exponent, no sign but \
                           a minus, at most 32 characters";
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer).map_err(|_| {
            serde::de::Error::custom("write native coordinates in quotes, so that no digit changes")
        })?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_their_digits() {
        for good in ["0", "0.10", "1", "-0.5", "12.000"] {
            assert_eq!(good.parse::<Decimal>().unwrap().as_str(), good);
        }
        for bad in
            ["", ".5", "1.", "1e3", "+1", "NaN", "inf", "0x1", "01", "1,5", "٣", "--1", &"1".repeat(33)]
        {
            assert!(bad.parse::<Decimal>().is_err(), "{bad}");
        }
        assert_eq!("0.1200".parse::<Decimal>().unwrap().decimals(), 4);
    }

    #[test]
    fn each_corner_and_origin_names_the_same_box() {
        let (page, size) = (Size { width: 600.0, height: 800.0 }, Size { width: 200.0, height: 50.0 });
        let expected = Rect::new(100.0, 300.0, 200.0, 50.0);
        let cases = [
            (100.0, 300.0, Origin::BottomLeft, Corner::BottomLeft),
            (100.0, 350.0, Origin::BottomLeft, Corner::TopLeft),
            (300.0, 300.0, Origin::BottomLeft, Corner::BottomRight),
            (300.0, 350.0, Origin::BottomLeft, Corner::TopRight),
            (100.0, 500.0, Origin::TopLeft, Corner::BottomLeft),
            (100.0, 450.0, Origin::TopLeft, Corner::TopLeft),
            (300.0, 500.0, Origin::TopLeft, Corner::BottomRight),
            (300.0, 450.0, Origin::TopLeft, Corner::TopRight),
        ];
        for (x, y, origin, corner) in cases {
            let position = PagePosition { page: 1, x, y, unit: Unit::Points, origin, corner, size: None };
            assert_eq!(position.to_box(page, size), expected, "{origin:?} {corner:?}");
            let fractions = PagePosition { x: x / 600.0, y: y / 800.0, unit: Unit::Fractions, ..position };
            let got = fractions.to_box(page, size);
            assert!(
                (got.x - expected.x).abs() < 1e-9 && (got.y - expected.y).abs() < 1e-9,
                "{origin:?} {corner:?}"
            );
        }
    }
}
