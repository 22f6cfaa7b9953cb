//! Pictures, pixel by pixel: a box lands where the page's own content says that it is.

use esign_core::facts::PageFacts;
use hayro::vello_cpu::Pixmap;

use super::canvas::paint;
use super::layout::{Sheet, sheet};
use super::*;
use crate::testing::{Fixture, Style, document, stream};

fn file(entries: &str, content: &str) -> Fixture {
    document("", &[&format!("{entries}/Contents 21 0 R")], Style::Table)
        .update(&[(21, stream("", content))], Style::Table)
}

fn picture_of(file: &Fixture, scale: f64) -> Pixmap {
    let bytes = Bytes::copy_from_slice(&file.bytes);
    let facts = crate::inspect(&bytes, &Limits::default()).unwrap();
    let PageFacts { shown, .. } = facts.pages[0];
    let pages = vec![(1, Rect::new(0.0, 0.0, shown.width, shown.height))];
    let sheet = Sheet { width: shown.width, height: shown.height, pages, ink: None };
    paint(&bytes, &sheet, scale, &Limits::default()).unwrap().0
}

/// Left, top, right and bottom of what is red, in pixels.
fn red(pixmap: &Pixmap) -> Option<[u16; 4]> {
    let mut found: Option<[u16; 4]> = None;
    for y in 0..pixmap.height() {
        for x in 0..pixmap.width() {
            let pixel = pixmap.sample(x, y);
            if pixel.r > 180 && pixel.g < 100 && pixel.b < 100 {
                let [left, top, right, bottom] = found.unwrap_or([x, y, x, y]);
                found = Some([left.min(x), top.min(y), right.max(x + 1), bottom.max(y + 1)]);
            }
        }
    }
    found
}

/// Red within the shown rectangle 20, 30, 100 x 40: what the page's own user space calls it is worked out by geometry.
#[test]
fn what_is_at_a_place_of_shown_space_is_drawn_there() {
    for boxes in ["/MediaBox[0 0 300 400]", "/MediaBox[-50 20 400 600]/CropBox[0 100 250 500]"] {
        for rotate in [0, 90, 180, 270] {
            for unit in ["", "/UserUnit 2"] {
                let entries = format!("{boxes}/Rotate {rotate}{unit}");
                let empty = file(&entries, "");
                let facts = crate::inspect(&empty.bytes, &Limits::default()).unwrap();
                let user = crate::geometry::to_user(&facts.pages[0], &Rect::new(20.0, 30.0, 100.0, 40.0));
                let content = format!("1 0 0 rg {} {} {} {} re f", user.x, user.y, user.width, user.height);
                let height = facts.pages[0].shown.height;
                let found = red(&picture_of(&file(&entries, &content), 1.0)).unwrap();
                let expected = [20.0, height - 70.0, 120.0, height - 30.0];
                for (found, expected) in found.iter().zip(expected) {
                    assert!((f64::from(*found) - expected).abs() <= 1.0, "{entries}: {found} {expected}");
                }
            }
        }
    }
}

#[test]
fn a_refused_box_is_red_and_one_that_fits_is_not() {
    let bytes = Bytes::from(file("/MediaBox[0 0 300 400]", "").bytes);
    let pixels = |marks: &[Mark]| {
        let facts = crate::inspect(&bytes, &Limits::default()).unwrap();
        let sheet = sheet(&facts.pages, marks).unwrap();
        paint(&bytes, &sheet, 1.0, &Limits::default()).unwrap().0
    };
    let mut mark = Mark::new(1, Rect::new(20.0, 30.0, 100.0, 40.0), "tenant");
    assert_eq!(red(&pixels(&[mark.clone()])), None);
    mark.standing = Standing::Refused;
    mark.reason = Some("it does not fit".to_owned());
    assert!(red(&pixels(&[mark.clone()])).is_some());

    // Off the page: the picture is wide enough to show it.
    mark.area = Rect::new(350.0, 30.0, 100.0, 40.0);
    let pixmap = pixels(&[mark]);
    let [_, _, right, _] = red(&pixmap).unwrap();
    assert!(right > 450, "the box is shown beside the page: {right} of {}", pixmap.width());
}

#[test]
fn a_picture_is_a_png_of_the_size_asked_for_or_of_what_is_possible() {
    let bytes = Bytes::from(file("/MediaBox[0 0 300 400]", "").bytes);
    let drawn = page(&bytes, 1, 2.0, &Limits::default()).unwrap();
    assert_eq!((drawn.width, drawn.height), (600, 800));
    assert!(drawn.png.starts_with(b"\x89PNG"));
    assert_eq!(page(&bytes, 2, 1.0, &Limits::default()), Err(PdfError::NoPage { page: 2 }));
    assert_eq!(page(&bytes, 0, 1.0, &Limits::default()), Err(PdfError::NoPage { page: 0 }));
    assert_eq!(boxes(&bytes, &[], 1.0, &Limits::default()), Err(PdfError::NoBox));

    let huge = Bytes::from(file("/MediaBox[0 0 14400 14400]/UserUnit 1000", "").bytes);
    // On a busy machine an unoptimised build may need longer than a caller would wait.
    let patient = Limits { max_time: std::time::Duration::from_secs(600), ..Limits::default() };
    let drawn = page(&huge, 1, f64::INFINITY, &patient).unwrap();
    assert!(drawn.scale < 0.001 && drawn.width < 6000, "{} {}", drawn.scale, drawn.width);
}
