//! Whether a downloaded PDF is all there.

use bytes::Bytes;
use esign_core::{Error, ErrorKind, Operation, Result, Retry};

/// Readers look for header and end within so many bytes (ISO 32000-1, annex H).
const MARGIN: usize = 1024;

/// The bytes, if they begin and end as a PDF does. An answer without a length that breaks off looks complete otherwise.
///
/// # Errors
/// [`ErrorKind::Integrity`], safe to fetch again.
pub fn whole_pdf(content: Bytes) -> Result<Bytes> {
    let has = |part: &[u8], mark: &[u8]| part.windows(mark.len()).any(|window| window == mark);
    let fault = if !has(&content[..content.len().min(MARGIN)], b"%PDF-") {
        "what came is not a PDF"
    } else if !has(&content[content.len().saturating_sub(MARGIN)..], b"%%EOF") {
        "the PDF is cut short: it does not end as a PDF does"
    } else {
        return Ok(content);
    };
    Err(Error::new(ErrorKind::Integrity, fault).with_retry(Retry::SAFE).during(Operation::Download))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_and_end_must_be_there_within_their_margins() {
        let with = |before: usize, after: usize| {
            [vec![b' '; before], b"%PDF-1.7 ... %%EOF".to_vec(), vec![b' '; after]].concat()
        };
        for (content, fault) in [
            (with(0, 0), None),
            (with(1024 - 5, 1024 - 5), None),
            (with(1024 - 4, 0), Some("not a PDF")),
            (with(0, 1024 - 4), Some("cut short")),
            (b"%PDF-1.7 ... %%EO".to_vec(), Some("cut short")),
            (b"<html>%%EOF".to_vec(), Some("not a PDF")),
            (Vec::new(), Some("not a PDF")),
        ] {
            let checked = whole_pdf(content.into());
            assert_eq!(checked.is_err(), fault.is_some());
            if let (Err(error), Some(fault)) = (checked, fault) {
                assert!(error.message().contains(fault), "{error}");
                assert_eq!((error.kind(), error.retry()), (ErrorKind::Integrity, Retry::SAFE));
            }
        }
    }
}
