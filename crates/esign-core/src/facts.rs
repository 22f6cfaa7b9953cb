//! What was found in a PDF: plain data, so that adapters can check a placement without a PDF library.
//!
//! `esign-pdf` fills these in. All lengths are PDF points unless said otherwise; page numbers count from 1.

use serde::{Deserialize, Serialize};

/// A rectangle by its lower-left corner and size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Rect {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

impl Rect {
    /// A rectangle by its lower-left corner and size.
    #[must_use]
    pub const fn new(x: f64, y: f64, width: f64, height: f64) -> Self {
        Self { x, y, width, height }
    }

    /// The right edge.
    #[must_use]
    pub fn right(&self) -> f64 {
        self.x + self.width
    }

    /// The top edge.
    #[must_use]
    pub fn top(&self) -> f64 {
        self.y + self.height
    }

    /// True if the two share an area greater than a rounding error. Touching edges do not overlap, and neither does
    /// a rectangle without area.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        const ROUNDING: f64 = 1e-6;
        self.right().min(other.right()) - self.x.max(other.x) > ROUNDING
            && self.top().min(other.top()) - self.y.max(other.y) > ROUNDING
    }

    /// True if `inner` lies within, give or take a rounding error.
    #[must_use]
    pub fn contains(&self, inner: &Self) -> bool {
        const ROUNDING: f64 = 1e-6;
        inner.x >= self.x - ROUNDING
            && inner.y >= self.y - ROUNDING
            && inner.right() <= self.right() + ROUNDING
            && inner.top() <= self.top() + ROUNDING
    }
}

/// Width and height.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Size {
    pub width: f64,
    pub height: f64,
}

/// What a PDF is, as far as sending it for signature is concerned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PdfFacts {
    /// Size of the file in bytes.
    pub bytes: u64,
    /// The version in the header, or in the catalog where that is later: `1.7`.
    pub version: String,
    /// Bytes before `%PDF-`; anything but 0 shifts every offset in the file.
    pub header_offset: u64,
    /// How often the file was saved: one entry per cross-reference section, oldest first.
    pub revisions: Vec<Revision>,
    /// Optimised for the web by the program that made it.
    pub linearized: bool,
    /// Bytes after the last `%%EOF`, line ends not counted.
    pub trailing_bytes: u64,
    /// Why the file counts as damaged: what the byte scan or the reader had to repair.
    pub damage: Vec<String>,
    /// An encryption dictionary is present, also when no password is needed to open the file.
    pub encrypted: bool,
    /// The pages, in order.
    pub pages: Vec<PageFacts>,
    /// The signature fields, signed or empty.
    pub signatures: Vec<SignatureFieldFacts>,
    /// Interactive form fields other than signatures, counted.
    pub form_fields: u32,
    /// Those fields by name, for placements by field.
    #[serde(default)]
    pub fields: Vec<FormFieldFacts>,
    /// The XFA form, if there is one.
    pub xfa: Option<Xfa>,
    /// A certifying signature (DocMDP) and what it still allows.
    pub certification: Option<Certification>,
    /// Things a person should know of: scripts, open actions, attachments, usage rights.
    pub features: Vec<String>,
}

impl PdfFacts {
    /// Facts of a plain, undamaged document with these pages. Extractors set the rest.
    #[must_use]
    pub fn new(bytes: u64, pages: Vec<PageFacts>) -> Self {
        Self {
            bytes,
            version: "1.7".to_owned(),
            header_offset: 0,
            revisions: Vec::new(),
            linearized: false,
            trailing_bytes: 0,
            damage: Vec::new(),
            encrypted: false,
            pages,
            signatures: Vec::new(),
            form_fields: 0,
            fields: Vec::new(),
            xfa: None,
            certification: None,
            features: Vec::new(),
        }
    }

    /// True if any cross-reference section is hybrid.
    #[must_use]
    pub fn is_hybrid(&self) -> bool {
        self.revisions.iter().any(|r| r.xref == XrefKind::Hybrid)
    }

    /// Where the fields of this full, dotted name are, signature fields included; `None` if there is no such field.
    #[must_use]
    pub fn field_widgets(&self, name: &str) -> Option<Vec<Widget>> {
        let signatures = self.signatures.iter().filter(|f| f.name == name).map(|f| &f.widgets);
        let others = self.fields.iter().filter(|f| f.name == name).map(|f| &f.widgets);
        signatures.chain(others).fold(None, |found, widgets| {
            let mut found: Vec<Widget> = found.unwrap_or_default();
            found.extend(widgets.iter().copied());
            Some(found)
        })
    }

    /// The page with this number, counting from 1.
    #[must_use]
    pub fn page(&self, number: u32) -> Option<&PageFacts> {
        self.pages.get(usize::try_from(number.checked_sub(1)?).ok()?)
    }
}

/// One cross-reference section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// Where the section starts, in bytes.
    pub offset: u64,
    /// How it is written.
    pub xref: XrefKind,
    /// The end of the revision: the byte after its `%%EOF`.
    pub end: u64,
}

/// How a cross-reference section is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum XrefKind {
    /// A classic table.
    Table,
    /// A cross-reference stream.
    Stream,
    /// A table that also points to a stream (`/XRefStm`), which some services refuse.
    Hybrid,
}

/// A page and the space that a person sees it in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PageFacts {
    /// From 1.
    pub number: u32,
    /// MediaBox in user space, normalised, inherited where not on the page itself.
    pub media: Rect,
    /// CropBox in user space, normalised, as written; `None` where there is none.
    pub crop: Option<Rect>,
    /// What is visible, in user space: CropBox within MediaBox.
    pub visible: Rect,
    /// Clockwise rotation when shown: 0, 90, 180 or 270.
    pub rotate: u16,
    /// Size of a user space unit in points; 1 unless the page says otherwise.
    pub user_unit: f64,
    /// Size of the page as shown, in points: rotated, user unit applied.
    pub shown: Size,
    /// What the page has from the page tree rather than by itself.
    #[serde(default, skip_serializing_if = "Inherited::is_none")]
    pub inherited: Inherited,
}

/// What a page inherits from the nodes above it (ISO 32000-1, table 30). Some programs look at the page only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct Inherited {
    pub media_box: bool,
    pub crop_box: bool,
    pub rotate: bool,
    pub resources: bool,
}

impl Inherited {
    /// True if the page has everything by itself.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl PageFacts {
    /// A page without rotation, crop or user unit.
    #[must_use]
    pub fn plain(number: u32, width: f64, height: f64) -> Self {
        let media = Rect::new(0.0, 0.0, width, height);
        Self::new(number, media, None, 0, 1.0)
    }

    /// A page from its boxes (normalised), rotation (0, 90, 180, 270) and user unit.
    #[must_use]
    pub fn new(number: u32, media: Rect, crop: Option<Rect>, rotate: u16, user_unit: f64) -> Self {
        let visible = crop.and_then(|crop| intersection(&crop, &media)).unwrap_or(media);
        let (w, h) = (visible.width * user_unit, visible.height * user_unit);
        let shown = if matches!(rotate, 90 | 270) {
            Size { width: h, height: w }
        } else {
            Size { width: w, height: h }
        };
        Self { number, media, crop, visible, rotate, user_unit, shown, inherited: Inherited::default() }
    }

    /// True if user space and shown space are the same: no rotation, no crop, no offset, no user unit. Where a
    /// provider's treatment of such pages is not documented, anything else makes a placement uncertain.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.rotate == 0
            && (self.user_unit - 1.0).abs() < 1e-9
            && self.visible == self.media
            && self.media.x.abs() < 1e-9
            && self.media.y.abs() < 1e-9
    }
}

fn intersection(a: &Rect, b: &Rect) -> Option<Rect> {
    let (x, y) = (a.x.max(b.x), a.y.max(b.y));
    let (right, top) = (a.right().min(b.right()), a.top().min(b.top()));
    (right > x && top > y).then(|| Rect::new(x, y, right - x, top - y))
}

/// A signature field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SignatureFieldFacts {
    /// The full, dotted name.
    pub name: String,
    /// Where its widgets are; several are possible, none means that the field is not on a page.
    pub widgets: Vec<Widget>,
    /// The signature in it, if it is signed.
    pub signature: Option<SignatureFacts>,
    /// Why a signature that should be here cannot be read.
    pub unreadable: Option<String>,
    /// What signing this field locks, if it says so.
    #[serde(default)]
    pub lock: Option<FieldLock>,
}

impl SignatureFieldFacts {
    /// An empty field without widgets.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), widgets: Vec::new(), signature: None, unreadable: None, lock: None }
    }
}

/// A form field that is not for a signature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FormFieldFacts {
    /// The full, dotted name.
    pub name: String,
    /// Where it appears; none means that the field is not on a page.
    pub widgets: Vec<Widget>,
}

impl FormFieldFacts {
    /// A field and where it appears.
    #[must_use]
    pub fn new(name: impl Into<String>, widgets: Vec<Widget>) -> Self {
        Self { name: name.into(), widgets }
    }
}

/// A text to look for on the pages of a PDF.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct TextQuery {
    /// The text. White space in it matches any white space, a line's end included.
    pub text: String,
    /// Ignore the case of letters.
    pub ignore_case: bool,
}

impl TextQuery {
    /// A text, letter for letter or without regard to case.
    #[must_use]
    pub fn new(text: impl Into<String>, ignore_case: bool) -> Self {
        Self { text: text.into(), ignore_case }
    }
}

/// Where a text was found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TextHit {
    /// From 1.
    pub page: u32,
    /// In shown space (points, lower-left origin): the lower-left corner is the start of the first letter's baseline, the
    /// size is that of the first line of the text, roughly.
    pub shown: Rect,
}

/// What signing a field locks (`/Lock`, ISO 32000-2 12.7.5.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldLock {
    /// `All`, `Include` or `Exclude`.
    pub action: String,
    /// The fields that the action includes or excludes, by full name.
    pub fields: Vec<String>,
    /// What the whole document allows once this field is signed, as in [`Certification::permission`].
    pub permission: Option<u8>,
}

/// Where a field appears.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Widget {
    /// From 1.
    pub page: u32,
    /// In shown space (see [`PageFacts::shown`]), lower-left origin. No area means invisible.
    pub shown: Rect,
}

/// A signature, as far as it can be described without trusting anybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SignatureFacts {
    /// `/SubFilter`, for instance `ETSI.CAdES.detached`.
    pub sub_filter: String,
    /// The PAdES baseline level that the parts present amount to.
    pub level: SignatureLevel,
}

impl SignatureFacts {
    /// A signature of this sub-filter and level.
    #[must_use]
    pub fn new(sub_filter: impl Into<String>, level: SignatureLevel) -> Self {
        Self { sub_filter: sub_filter.into(), level }
    }
}

/// PAdES baseline levels (ETSI EN 319 142-1), in rising order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum SignatureLevel {
    /// A signature, but no PAdES baseline one.
    #[serde(rename = "none")]
    None,
    /// Basic.
    #[serde(rename = "B-B")]
    BB,
    /// With a timestamp.
    #[serde(rename = "B-T")]
    BT,
    /// With the material for long-term validation.
    #[serde(rename = "B-LT")]
    BLT,
    /// With an archive timestamp over that.
    #[serde(rename = "B-LTA")]
    BLTA,
}

impl SignatureLevel {
    /// The name in the standard.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::BB => "B-B",
            Self::BT => "B-T",
            Self::BLT => "B-LT",
            Self::BLTA => "B-LTA",
        }
    }
}

/// An XFA form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Xfa {
    /// The pages are in the file; most readers ignore the form.
    Static,
    /// The pages exist only once a form reader has made them: such a file cannot be signed meaningfully.
    Dynamic,
}

/// What a certifying signature still allows (DocMDP, ISO 32000-1 12.8.2.2), or a signed field's lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certification {
    /// 1: nothing. 2: forms and signatures. 3: annotations too.
    pub permission: u8,
    /// The field that certifies.
    pub field: String,
}

impl Certification {
    /// True if one more signature would break the certification.
    #[must_use]
    pub fn forbids_signing(&self) -> bool {
        self.permission == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crop_box_is_seen_within_the_media_box() {
        let page = PageFacts::new(
            1,
            Rect::new(0.0, 0.0, 600.0, 800.0),
            Some(Rect::new(500.0, -10.0, 200.0, 100.0)),
            90,
            2.0,
        );
        assert_eq!(page.visible, Rect::new(500.0, 0.0, 100.0, 90.0));
        assert_eq!(page.shown, Size { width: 180.0, height: 200.0 });
        assert!(!page.is_plain());
    }

    #[test]
    fn a_disjoint_crop_box_is_ignored() {
        let media = Rect::new(0.0, 0.0, 600.0, 800.0);
        assert_eq!(PageFacts::new(1, media, Some(Rect::new(900.0, 0.0, 5.0, 5.0)), 0, 1.0).visible, media);
    }

    #[test]
    fn touching_is_not_overlapping() {
        let a = Rect::new(0.0, 0.0, 10.0, 10.0);
        assert!(!a.overlaps(&Rect::new(10.0, 0.0, 10.0, 10.0)));
        assert!(a.overlaps(&Rect::new(9.9, 9.9, 10.0, 10.0)));
        assert!(!a.overlaps(&Rect::new(5.0, 5.0, 0.0, 0.0)));
    }
}
