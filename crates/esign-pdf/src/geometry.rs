//! Between the page as shown and PDF user space.
//!
//! Shown space is the visible box (CropBox within MediaBox), rotated and scaled as a reader shows it, in points, with
//! the origin at its lower-left corner. User space is what the file's own numbers mean. Everything here is a pure
//! function of [`PageFacts`].

use esign_core::facts::{PageFacts, Rect};

/// Converts a point of shown space to user space.
#[must_use]
pub fn point_to_user(page: &PageFacts, x: f64, y: f64) -> (f64, f64) {
    let Rect { x: x0, y: y0, width: w, height: h } = page.visible;
    let (a, b) = (x / page.user_unit, y / page.user_unit);
    match page.rotate {
        90 => (x0 + w - b, y0 + a),
        180 => (x0 + w - a, y0 + h - b),
        270 => (x0 + b, y0 + h - a),
        _ => (x0 + a, y0 + b),
    }
}

/// Converts a point of user space to shown space.
#[must_use]
pub fn point_to_shown(page: &PageFacts, x: f64, y: f64) -> (f64, f64) {
    let Rect { x: x0, y: y0, width: w, height: h } = page.visible;
    let (a, b) = (x - x0, y - y0);
    let (a, b) = match page.rotate {
        90 => (b, w - a),
        180 => (w - a, h - b),
        270 => (h - b, a),
        _ => (a, b),
    };
    (a * page.user_unit, b * page.user_unit)
}

/// Converts a rectangle of shown space to user space.
///
/// ```
/// use esign_pdf::facts::{PageFacts, Rect};
/// use esign_pdf::geometry::to_user;
/// let upright_a4 = PageFacts::new(1, Rect::new(0.0, 0.0, 842.0, 595.0), None, 90, 1.0);
/// assert_eq!(to_user(&upright_a4, &Rect::new(10.0, 20.0, 200.0, 50.0)), Rect::new(772.0, 10.0, 50.0, 200.0));
/// ```
#[must_use]
pub fn to_user(page: &PageFacts, shown: &Rect) -> Rect {
    spanned(point_to_user(page, shown.x, shown.y), point_to_user(page, shown.right(), shown.top()))
}

/// Converts a rectangle of user space to shown space.
#[must_use]
pub fn to_shown(page: &PageFacts, user: &Rect) -> Rect {
    spanned(point_to_shown(page, user.x, user.y), point_to_shown(page, user.right(), user.top()))
}

/// The same rectangle counted from the other horizontal edge: top-left to lower-left origin and back. The corner
/// that counts is the box's own upper-left or lower-left one, so its height is part of the sum.
#[must_use]
pub fn flip(page: &PageFacts, rect: &Rect) -> Rect {
    Rect { y: page.shown.height - rect.y - rect.height, ..*rect }
}

/// The page as a rectangle of shown space.
#[must_use]
pub fn shown_page(page: &PageFacts) -> Rect {
    Rect::new(0.0, 0.0, page.shown.width, page.shown.height)
}

/// `/Matrix` of an appearance whose `/BBox` is `[0 0 width height]` as shown, so that it stands upright on the
/// page; readers fit the result into the annotation's `/Rect`.
#[must_use]
pub fn appearance_matrix(page: &PageFacts) -> [i8; 6] {
    match page.rotate {
        90 => [0, 1, -1, 0, 0, 0],
        180 => [-1, 0, 0, -1, 0, 0],
        270 => [0, -1, 1, 0, 0, 0],
        _ => [1, 0, 0, 1, 0, 0],
    }
}

/// The rectangle with these two opposite corners, in whatever order they come.
pub(crate) fn spanned((ax, ay): (f64, f64), (bx, by): (f64, f64)) -> Rect {
    Rect::new(ax.min(bx), ay.min(by), (ax - bx).abs(), (ay - by).abs())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn page(rotate: u16) -> PageFacts {
        let media = Rect::new(-100.0, 50.0, 600.0, 800.0);
        PageFacts::new(1, media, Some(Rect::new(-50.0, 100.0, 400.0, 300.0)), rotate, 2.0)
    }

    /// The corner of the visible box that lies at the lower left as shown, and what is to its right.
    #[test]
    fn rotation_is_clockwise() {
        for (rotate, lower_left, lower_right) in [
            (0, (-50.0, 100.0), (350.0, 100.0)),
            (90, (350.0, 100.0), (350.0, 400.0)),
            (180, (350.0, 400.0), (-50.0, 400.0)),
            (270, (-50.0, 400.0), (-50.0, 100.0)),
        ] {
            let page = page(rotate);
            assert_eq!(point_to_user(&page, 0.0, 0.0), lower_left, "{rotate}");
            assert_eq!(point_to_user(&page, page.shown.width, 0.0), lower_right, "{rotate}");
        }
    }

    #[test]
    fn flipping_counts_the_height_of_the_box() {
        let page = PageFacts::plain(1, 595.0, 842.0);
        assert_eq!(flip(&page, &Rect::new(10.0, 0.0, 200.0, 60.0)).y, 782.0);
    }

    fn close(a: &Rect, b: &Rect) -> bool {
        [(a.x, b.x), (a.y, b.y), (a.width, b.width), (a.height, b.height)]
            .iter()
            .all(|(a, b)| (a - b).abs() < 1e-6)
    }

    prop_compose! {
        fn any_page()(
            x in -2000.0..2000.0, y in -2000.0..2000.0, width in 1.0..5000.0, height in 1.0..5000.0,
            crop in prop::option::of((-2500.0..2500.0, -2500.0..2500.0, 1.0..5000.0, 1.0..5000.0)),
            rotate in prop::sample::select(vec![0u16, 90, 180, 270]), user_unit in 0.1..10.0,
        ) -> PageFacts {
            let crop = crop.map(|(x, y, w, h)| Rect::new(x, y, w, h));
            PageFacts::new(1, Rect::new(x, y, width, height), crop, rotate, user_unit)
        }
    }

    proptest! {
        #[test]
        fn there_and_back(page in any_page(), fx in 0.0..1.0, fy in 0.0..1.0, fw in 0.0..1.0, fh in 0.0..1.0) {
            let rect = Rect::new(
                page.shown.width * fx,
                page.shown.height * fy,
                page.shown.width * (1.0 - fx) * fw,
                page.shown.height * (1.0 - fy) * fh,
            );
            let user = to_user(&page, &rect);
            prop_assert!(page.visible.contains(&user));
            prop_assert!(close(&to_shown(&page, &user), &rect));
            prop_assert!(close(&flip(&page, &flip(&page, &rect)), &rect));
        }

        #[test]
        fn the_whole_page_is_the_visible_box(page in any_page()) {
            prop_assert!(close(&to_user(&page, &shown_page(&page)), &page.visible));
            prop_assert!(close(&to_shown(&page, &page.visible), &shown_page(&page)));
        }

        #[test]
        fn areas_scale_by_the_user_unit_only(page in any_page(), w in 1.0..100.0, h in 1.0..100.0) {
            let user = to_user(&page, &Rect::new(0.0, 0.0, w, h));
            let area = user.width * user.height * page.user_unit * page.user_unit;
            prop_assert!((area / (w * h) - 1.0).abs() < 1e-6);
        }
    }
}
