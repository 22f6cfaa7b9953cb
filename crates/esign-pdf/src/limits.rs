//! How much work a document may cause.

use crate::PdfError;

/// Bounds on the work that one document may cause. Every entry point takes them; the defaults suit documents that
/// people sign and keep a hostile file within a few hundred megabytes and a few seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Largest document, in bytes. Default 64 MiB.
    pub max_bytes: u64,
    /// Largest single stream after decompression, in bytes. Default 64 MiB.
    pub max_stream: usize,
    /// Most pages. Default 100,000.
    pub max_pages: usize,
    /// Most form fields and widgets together. Default 100,000.
    pub max_fields: usize,
    /// Most cross-reference sections. Default 512.
    pub max_revisions: usize,
    /// Most indirect objects, and most entries read from all `/Annots` arrays together. Default 1,000,000.
    pub max_objects: usize,
    /// Deepest nesting of page tree and field tree. Default 256.
    pub max_depth: usize,
    /// Total bytes that reading all revisions may touch, as a multiple of the size of the document: each signature's
    /// revision is read as a document of its own. Default 32.
    pub max_revision_passes: u64,
    /// Most signatures. Default 64.
    pub max_signatures: usize,
    /// Stack of the parsing thread, in bytes: nested objects recurse. Default 16 MiB, never less than 8 MiB.
    pub stack: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bytes: 64 << 20,
            max_stream: 64 << 20,
            max_pages: 100_000,
            max_fields: 100_000,
            max_revisions: 512,
            max_objects: 1_000_000,
            max_depth: 256,
            max_revision_passes: 32,
            max_signatures: 64,
            stack: 16 << 20,
        }
    }
}

impl Limits {
    /// Refuses a document above `max_bytes`.
    pub(crate) fn check_size(&self, bytes: &[u8]) -> Result<(), PdfError> {
        let size = bytes.len() as u64;
        if size > self.max_bytes {
            return Err(PdfError::TooLarge { bytes: size, limit: self.max_bytes });
        }
        Ok(())
    }
}

/// Runs `work` on a thread with a stack that nested objects cannot overflow: an overflow would abort the process.
///
/// A panic in `work` becomes [`PdfError::Internal`].
pub(crate) fn on_big_stack<T: Send>(
    limits: &Limits,
    work: impl FnOnce() -> Result<T, PdfError> + Send,
) -> Result<T, PdfError> {
    const LEAST: usize = 8 << 20;
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("esign-pdf".to_owned())
            .stack_size(limits.stack.max(LEAST))
            .spawn_scoped(scope, work)
            .map_err(|_| PdfError::Internal("no thread could be started"))?
            .join()
            .map_err(|_| PdfError::Internal("it panicked"))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error() {
        let outcome = on_big_stack(&Limits::default(), || -> Result<(), PdfError> { panic!("on purpose") });
        assert_eq!(outcome, Err(PdfError::Internal("it panicked")));
    }

    #[test]
    fn size_is_checked_before_anything_is_read() {
        let limits = Limits { max_bytes: 3, ..Limits::default() };
        assert_eq!(limits.check_size(b"1234"), Err(PdfError::TooLarge { bytes: 4, limit: 3 }));
        assert_eq!(limits.check_size(b"123"), Ok(()));
    }
}
