//! Large documents of four shapes, each costly to a reader in another way: what memory and time are measured with.

use std::io::Write as _;

/// A shape; [`Shape::write`] makes the document.
///
/// ```
/// # use esign_pdf::{Limits, inspect, testing::shapes::Shape};
/// let pdf = Shape::Scans.write(1 << 20);
/// assert_eq!(inspect(&pdf, &Limits::default())?.pages.len(), 10);
/// # Ok::<(), esign_pdf::PdfError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shape {
    /// Ten pages, each a picture: few objects, nearly all bytes in streams.
    Scans,
    /// Each page with a content and resources of its own, found through a table: about 18,000 pages in 10 MB.
    Pages,
    /// Pages of the same make whose dictionaries lie in object streams, a hundred in each: unpacked it is many times the
    /// file.
    ObjectStreams,
    /// Pages that share content and resources: 100,000 in 10 MB, as many as [`Limits`](crate::Limits) allow.
    ManyPages,
}

impl Shape {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Scans, Self::Pages, Self::ObjectStreams, Self::ManyPages];

    /// For a table of figures.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scans => "scans",
            Self::Pages => "pages",
            Self::ObjectStreams => "object streams",
            Self::ManyPages => "100,000 pages",
        }
    }

    /// A sound document of this shape of about `size` bytes; the same size gives the same bytes.
    #[must_use]
    pub fn write(self, size: usize) -> Vec<u8> {
        match self {
            Self::Scans => scans(size),
            Self::Pages => pages(size),
            Self::ObjectStreams => object_streams(size),
            Self::ManyPages => many_pages(size),
        }
    }
}

const MEDIA: &str = "/MediaBox[0 0 595 842]";
const FONTS: &str = "<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>>>";
/// Objects in one object stream.
const PACKED: usize = 100;

fn scans(size: usize) -> Vec<u8> {
    const COUNT: usize = 10;
    let mut file = Writer::new();
    let mut noise = Noise(1);
    let mut kids = Vec::new();
    for _ in 0..COUNT {
        let picture: Vec<u8> = std::iter::repeat_with(|| noise.next()).take(size / COUNT).collect();
        let head = "/Type/XObject/Subtype/Image/Width 1240/Height 1754/BitsPerComponent 8\
                    /ColorSpace/DeviceGray/Filter/DCTDecode";
        let picture = file.stream(head, &picture);
        let content = file.stream("", b"q 595 0 0 842 0 0 cm /I Do Q");
        let resources = format!("/Resources<</XObject<</I {picture} 0 R>>>>");
        kids.push(
            file.object(&format!("<</Type/Page/Parent 2 0 R{MEDIA}/Contents {content} 0 R{resources}>>")),
        );
    }
    file.finish(&kids)
}

fn pages(size: usize) -> Vec<u8> {
    let mut file = Writer::new();
    let mut kids = Vec::new();
    // What a page of this shape takes, its three entries of the table included.
    for number in 0..size / 570 {
        let content = file.stream("", words(number).as_bytes());
        let resources = file.object(&format!("<</ProcSet[/PDF/Text]/Font {FONTS}>>"));
        let links = format!("/Contents {content} 0 R/Resources {resources} 0 R");
        kids.push(file.object(&format!("<</Type/Page/Parent 2 0 R{MEDIA}/Rotate 0{links}>>")));
    }
    file.finish(&kids)
}

fn words(number: usize) -> String {
    let line = "0 -14 Td (whose other lines say nothing that the first one does not) Tj";
    format!("BT /F 11 Tf 72 720 Td (Page {number} of an agreement) Tj {line} {line} ET")
}

fn many_pages(size: usize) -> Vec<u8> {
    let mut file = Writer::new();
    let content = file.stream("", b"BT ET");
    let mut kids = Vec::new();
    for _ in 0..size / 105 {
        kids.push(file.object(&format!("<</Type/Page/Parent 2 0 R{MEDIA}/Contents {content} 0 R>>")));
    }
    file.finish(&kids)
}

fn object_streams(size: usize) -> Vec<u8> {
    let mut file = Writer::new();
    let (mut kids, mut packed) = (Vec::new(), Vec::new());
    // What a page of this shape takes: the content outside of the object stream, and its rows of the cross-reference stream.
    for number in 0..size / 272 {
        let content = file.stream("", words(number).as_bytes());
        let resources = file.reserve();
        packed.push((resources, format!("<</ProcSet[/PDF/Text]/Font {FONTS}>>")));
        let links = format!("/Contents {content} 0 R/Resources {resources} 0 R");
        kids.push(file.reserve());
        packed.push((file.last(), format!("<</Type/Page/Parent 2 0 R{MEDIA}/Rotate 0{links}>>")));
    }
    packed.chunks(PACKED).for_each(|objects| file.object_stream(objects));
    file.finish(&kids)
}

/// Writes a file front to back. Objects 1 and 2 are the catalog and the page tree, which come last.
struct Writer {
    bytes: Vec<u8>,
    /// Where each object is, by number.
    places: Vec<Place>,
}

#[derive(Clone, Copy)]
enum Place {
    Nowhere,
    At(usize),
    Packed { container: usize, index: usize },
}

impl Writer {
    fn new() -> Self {
        Self { bytes: b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n".to_vec(), places: vec![Place::Nowhere; 3] }
    }

    /// A number for an object that comes later.
    fn reserve(&mut self) -> usize {
        self.places.push(Place::Nowhere);
        self.last()
    }

    /// The last number that was given.
    fn last(&self) -> usize {
        self.places.len() - 1
    }

    fn object(&mut self, body: &str) -> usize {
        let number = self.reserve();
        self.put(number, body.as_bytes());
        number
    }

    fn stream(&mut self, entries: &str, content: &[u8]) -> usize {
        let head = format!("<</Length {}{entries}>>stream\n", content.len());
        let number = self.reserve();
        self.put(number, &[head.as_bytes(), content, b"\nendstream"].concat());
        number
    }

    fn put(&mut self, number: usize, body: &[u8]) {
        self.places[number] = Place::At(self.bytes.len());
        self.line(format_args!("{number} 0 obj"));
        self.bytes.extend_from_slice(body);
        self.bytes.extend_from_slice(b"\nendobj\n");
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a vector cannot fail.
        let _ = writeln!(self.bytes, "{text}");
    }

    fn object_stream(&mut self, objects: &[(usize, String)]) {
        let (mut index, mut content) = (String::new(), String::new());
        for (number, body) in objects {
            index.push_str(&format!("{number} {} ", content.len()));
            content.push_str(body);
            content.push(' ');
        }
        let head = format!("/Type/ObjStm/N {}/First {}/Filter/FlateDecode", objects.len(), index.len());
        let container = self.stream(&head, &deflated(&(index + &content)));
        for (at, (number, _)) in objects.iter().enumerate() {
            self.places[*number] = Place::Packed { container, index: at };
        }
    }

    fn finish(mut self, kids: &[usize]) -> Vec<u8> {
        let list: String = kids.iter().map(|kid| format!("{kid} 0 R ")).collect();
        self.put(2, format!("<</Type/Pages/Count {}/Kids[{list}]>>", kids.len()).as_bytes());
        self.put(1, b"<</Type/Catalog/Pages 2 0 R>>");
        if self.places.iter().any(|place| matches!(place, Place::Packed { .. })) {
            self.cross_reference_stream()
        } else {
            self.table()
        }
    }

    fn table(mut self) -> Vec<u8> {
        let (start, size) = (self.bytes.len(), self.places.len());
        self.line(format_args!("xref\n0 {size}\n0000000000 65535 f "));
        for place in std::mem::take(&mut self.places).into_iter().skip(1) {
            let Place::At(offset) = place else { continue };
            self.line(format_args!("{offset:010} 00000 n "));
        }
        self.line(format_args!("trailer\n<</Size {size}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF"));
        self.bytes
    }

    fn cross_reference_stream(mut self) -> Vec<u8> {
        let (start, number) = (self.bytes.len(), self.reserve());
        self.places[number] = Place::At(start);
        let mut rows = Vec::with_capacity(self.places.len() * 6);
        for place in &self.places {
            let (kind, second, third) = match *place {
                Place::Nowhere => (0, 0, 0),
                Place::At(offset) => (1, offset, 0),
                Place::Packed { container, index } => (2, container, index),
            };
            // Documents end far below 4 GiB, and an object stream has a hundred objects.
            rows.push(kind);
            rows.extend_from_slice(&(second as u32).to_be_bytes());
            rows.push(third as u8);
        }
        let head = format!(
            "<</Type/XRef/W[1 4 1]/Size {}/Root 1 0 R/Length {}>>stream\n",
            self.places.len(),
            rows.len()
        );
        self.put(number, &[head.as_bytes(), &rows, b"\nendstream"].concat());
        self.line(format_args!("startxref\n{start}\n%%EOF"));
        self.bytes
    }
}

fn deflated(content: &str) -> Vec<u8> {
    let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    // Into memory, which cannot fail.
    let _ = packer.write_all(content.as_bytes());
    packer.finish().unwrap_or_default()
}

/// Bytes that do not compress (xorshift, Marsaglia 2003), the same each time.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u8 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, inspect};

    #[test]
    fn shapes_are_sound_and_about_as_large_as_asked_for() {
        for shape in Shape::ALL {
            let pdf = shape.write(1 << 20);
            let facts = inspect(&pdf, &Limits::default()).unwrap();
            assert_eq!(facts.damage, Vec::<String>::new(), "{shape:?}");
            let off = pdf.len() as f64 / f64::from(1 << 20);
            assert!((0.9..1.1).contains(&off), "{shape:?}: {off} of the size");
            let least = match shape {
                Shape::Scans => 10,
                Shape::Pages => 1_800,
                Shape::ObjectStreams => 3_800,
                Shape::ManyPages => 9_500,
            };
            assert!(facts.pages.len() >= least, "{shape:?}: {} pages", facts.pages.len());
        }
    }
}
