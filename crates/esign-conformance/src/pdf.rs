//! The document of the samples.

use bytes::Bytes;
use esign_core::BlankPdf;
use esign_core::facts::Rect;

/// A well-formed PDF of one plain A4 page: exactly this many bytes long, or as short as it can be. Requests for fewer bytes
/// than that get the shortest.
#[must_use]
pub fn sample_pdf(bytes: Option<u64>) -> Bytes {
    let bytes = bytes.map_or(0, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    BlankPdf { bytes, ..BlankPdf::default() }.to_bytes()
}

/// The boxes of the signatures in a signed [`sample_pdf`], all on its only page: every `/Rect` of annotations that are not
/// compressed, as they were appended. What has no area is invisible and left out.
#[must_use]
pub fn drawn_boxes(signed: &[u8]) -> Vec<(u32, Rect)> {
    const KEY: &[u8] = b"/Rect";
    let mut boxes: Vec<(u32, Rect)> = Vec::new();
    for at in (0..signed.len()).filter(|at| signed[*at..].starts_with(KEY)) {
        let rest = signed[at + KEY.len()..].trim_ascii_start();
        let array = rest.strip_prefix(b"[").and_then(|rest| rest.split(|b| *b == b']').next());
        let text = array.and_then(|array| std::str::from_utf8(array).ok()).unwrap_or_default();
        let numbers: Vec<f64> = text.split_ascii_whitespace().filter_map(|n| n.parse().ok()).collect();
        let [left, bottom, right, top] = numbers.as_slice() else { continue };
        let found = (1, Rect::new(*left, *bottom, right - left, top - bottom));
        // A widget that is written anew with a later signature is the same one.
        if found.1.width > 0.0 && !boxes.contains(&found) {
            boxes.push(found);
        }
    }
    boxes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_read_wherever_they_are() {
        let pdf =
            b"/Rect[1 2 11 22] /Rect [ 0 0 0 0 ] /Rect\n[30.5 40 40.5 50]/Rect[1 2 11 22]/Rect 5 /Rect[1 2";
        let read = [(1, Rect::new(1.0, 2.0, 10.0, 20.0)), (1, Rect::new(30.5, 40.0, 10.0, 10.0))];
        assert_eq!(drawn_boxes(pdf), read);
        assert_eq!(drawn_boxes(&sample_pdf(None)), []);
    }
}
