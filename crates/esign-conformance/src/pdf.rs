//! The document of the samples.

use bytes::Bytes;

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
