//! The document of the samples.

use bytes::Bytes;
use esign_core::facts::Rect;

/// A well-formed PDF of one plain A4 page: exactly this many bytes long, or as short as it can be. Requests for fewer bytes
/// than that get the shortest.
#[must_use]
pub fn sample_pdf(bytes: Option<u64>) -> Bytes {
    let wanted = bytes.map_or(0, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    let mut padding = wanted.saturating_sub(build(0).len());
    let mut made = build(padding);
    // The more padding, the more digits its length takes elsewhere in the file.
    while made.len() > wanted && padding > 0 {
        padding -= made.len() - wanted;
        made = build(padding);
    }
    // Where one more digit is one too many, a line end makes up for it.
    made.resize(made.len().max(wanted), b'\n');
    made.into()
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

/// The document with a comment of this many characters behind its header.
fn build(padding: usize) -> Vec<u8> {
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595.28 841.89] /Resources << >> >>",
    ];
    let mut pdf = b"%PDF-1.7\n%".to_vec();
    pdf.resize(pdf.len() + padding, b'x');
    pdf.push(b'\n');
    let mut table = "0000000000 65535 f \n".to_owned();
    for (number, object) in (1..).zip(objects) {
        table.push_str(&format!("{:010} 00000 n \n", pdf.len()));
        pdf.extend_from_slice(format!("{number} 0 obj\n{object}\nendobj\n").as_bytes());
    }
    let (start, size) = (pdf.len(), objects.len() + 1);
    let end = format!(
        "xref\n0 {size}\n{table}trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    );
    pdf.extend_from_slice(end.as_bytes());
    pdf
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

    #[test]
    fn it_is_as_long_as_wished() {
        let least = sample_pdf(None).len() as u64;
        for bytes in [least, least + 1, 1000, 9_999, 10_001, 100_000, 1_000_003] {
            let pdf = sample_pdf(Some(bytes));
            assert_eq!(pdf.len() as u64, bytes.max(least), "{bytes}");
            let text = String::from_utf8(pdf.to_vec()).unwrap();
            let start: usize =
                text.rsplit("startxref\n").next().unwrap().lines().next().unwrap().parse().unwrap();
            assert!(text[start..].starts_with("xref\n"), "{bytes}");
        }
    }
}
