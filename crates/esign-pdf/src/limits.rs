//! How much work a document may cause.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::Duration;

use aws_lc_rs::digest;

use crate::PdfError;
use crate::algorithm::SignatureFault;

/// Below it, nested objects could overflow.
const LEAST_STACK: usize = 8 << 20;

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
    /// Most indirect objects, and most entries read from all lists of one kind together, such as `/Annots`. All revisions
    /// that a verification reads may have twice as many. Default 1,000,000.
    pub max_objects: usize,
    /// Deepest nesting of page tree and field tree. Default 256.
    pub max_depth: usize,
    /// Total bytes that reading all revisions may touch, as a multiple of the size of the document: each signature's
    /// revision is read as a document of its own. Default 32.
    pub max_revision_passes: u64,
    /// Most signatures. Default 256.
    pub max_signatures: usize,
    /// Most that checking all signatures, certificates and revocation data may hash, in bytes; each signature value
    /// counts as 256 KiB, and what was hashed or checked before counts no more. Default 2 GiB.
    pub max_checked: u64,
    /// Most page content that is read for texts or drawn: bytes after decompression, each form counted as often as it is
    /// drawn. Default 128 MiB.
    pub max_content: u64,
    /// Most letters that are looked at for texts. Default 2,000,000.
    pub max_glyphs: usize,
    /// Most that drawing a picture may paint, counted before it is drawn: pixels of one plain colour, of which a pixel of a
    /// scan or a shading is worth eight and more. Default 4,000,000,000.
    pub max_pixels: u64,
    /// Longest time that looking for texts or drawing a page may take. Default 20 seconds. The work itself cannot be
    /// broken off and ends by the other limits.
    pub max_time: Duration,
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
            max_signatures: 256,
            max_checked: 2 << 30,
            max_content: 128 << 20,
            max_glyphs: 2_000_000,
            max_pixels: 4_000_000_000,
            max_time: Duration::from_secs(20),
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

/// What may still be hashed and checked, see [`Limits::max_checked`], and what was already: nothing counts twice.
pub(crate) struct Work {
    left: Cell<Option<u64>>,
    limit: u64,
    checked: RefCell<HashMap<[u8; 32], Result<(), SignatureFault>>>,
    beginnings: RefCell<Vec<Beginning>>,
}

/// The beginning of the document as far as it was hashed.
struct Beginning {
    algorithm: &'static digest::Algorithm,
    bytes: usize,
    hashed: digest::Context,
}

impl Work {
    /// What checking a signature value counts, in bytes that could be hashed instead.
    pub(crate) const SIGNATURE: u64 = 256 << 10;

    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            left: Cell::new(Some(limits.max_checked)),
            limit: limits.max_checked,
            checked: RefCell::default(),
            beginnings: RefCell::default(),
        }
    }

    /// Takes what comes next; false once that is more than is left, and then for ever. Whoever is told so may answer
    /// anything: [`Work::check`] refuses the document.
    pub(crate) fn spend(&self, bytes: usize) -> bool {
        self.take(bytes as u64)
    }

    /// As [`Work::spend`], for a signature value over so many bytes.
    pub(crate) fn spend_signature(&self, bytes: usize) -> bool {
        self.take((bytes as u64).saturating_add(Self::SIGNATURE))
    }

    /// The outcome of a signature check that was made before under this name; else it is made now, and counts as one over
    /// so many bytes. Many signatures of a file have the same certificates and answers about revocation.
    pub(crate) fn once(
        &self,
        name: [u8; 32],
        bytes: usize,
        check: impl FnOnce() -> Result<(), SignatureFault>,
    ) -> Result<(), SignatureFault> {
        if let Some(outcome) = self.checked.borrow().get(&name) {
            return *outcome;
        }
        if !self.spend_signature(bytes) {
            return Err(SignatureFault::Wrong);
        }
        let outcome = check();
        self.checked.borrow_mut().insert(name, outcome);
        outcome
    }

    /// The digest of the document without the hole of a signature: what stands before the hole, and behind it. Each signature
    /// covers what the ones before it do, so a beginning that was hashed is hashed no more. `None` once that is too much.
    pub(crate) fn digest(
        &self,
        algorithm: &'static digest::Algorithm,
        [before, behind]: [&[u8]; 2],
    ) -> Option<Vec<u8>> {
        let mut beginnings = self.beginnings.borrow_mut();
        let known = beginnings.iter().position(|b| b.algorithm == algorithm && b.bytes <= before.len());
        let mut beginning = match known {
            Some(known) => beginnings.swap_remove(known),
            None => Beginning { algorithm, bytes: 0, hashed: digest::Context::new(algorithm) },
        };
        let new = &before[beginning.bytes..];
        self.spend(new.len().saturating_add(behind.len())).then_some(())?;
        beginning.hashed.update(new);
        beginning.bytes = before.len();
        let mut whole = beginning.hashed.clone();
        whole.update(behind);
        beginnings.retain(|other| other.algorithm != algorithm);
        beginnings.push(beginning);
        Some(whole.finish().as_ref().to_vec())
    }

    fn take(&self, cost: u64) -> bool {
        self.left.set(self.left.get().and_then(|left| left.checked_sub(cost)));
        self.left.get().is_some()
    }

    /// Refuses the document if more was asked for than there was.
    pub(crate) fn check(&self) -> Result<(), PdfError> {
        let limit = PdfError::Limit { what: "bytes hashed to check its signatures", limit: self.limit };
        self.left.get().map(drop).ok_or(limit)
    }
}

/// Runs `work` on a thread with a stack that nested objects cannot overflow: an overflow would abort the process.
///
/// A panic in `work` becomes [`PdfError::Internal`].
pub(crate) fn on_big_stack<T: Send>(
    limits: &Limits,
    work: impl FnOnce() -> Result<T, PdfError> + Send,
) -> Result<T, PdfError> {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("esign-pdf".to_owned())
            .stack_size(limits.stack.max(LEAST_STACK))
            .spawn_scoped(scope, work)
            .map_err(|_| PdfError::Internal("no thread could be started"))?
            .join()
            .map_err(|_| PdfError::Internal("it panicked"))?
    })
}

/// As [`on_big_stack`], but gives up waiting after `max_time`: for work inside a library that cannot be told to stop.
#[cfg(feature = "anchors")]
pub(crate) fn on_own_thread<T: Send + 'static>(
    limits: &Limits,
    work: impl FnOnce() -> Result<T, PdfError> + Send + 'static,
) -> Result<T, PdfError> {
    use std::sync::mpsc::{RecvTimeoutError, sync_channel};

    let (sender, receiver) = sync_channel(1);
    let run = move || {
        // Nobody is waiting any more if this fails.
        let _ = sender.send(work());
    };
    std::thread::Builder::new()
        .name("esign-pdf".to_owned())
        .stack_size(limits.stack.max(LEAST_STACK))
        .spawn(run)
        .map_err(|_| PdfError::Internal("no thread could be started"))?;
    receiver.recv_timeout(limits.max_time).map_err(|error| match error {
        RecvTimeoutError::Timeout => {
            PdfError::Limit { what: "seconds of drawing", limit: limits.max_time.as_secs() }
        }
        RecvTimeoutError::Disconnected => PdfError::Internal("it panicked"),
    })?
}

/// What [`stop`] leaves behind.
#[cfg(feature = "anchors")]
struct Stopped;

/// Runs work inside a library that cannot be told to stop, up to where a callback calls [`stop`].
#[cfg(feature = "anchors")]
pub(crate) fn stoppable(work: impl FnOnce()) {
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    // What the work left half done is dropped with it, or belongs to the caller, who knows why it stopped.
    if let Err(reason) = catch_unwind(AssertUnwindSafe(work))
        && !reason.is::<Stopped>()
    {
        resume_unwind(reason);
    }
}

/// Ends the work around by unwinding, quietly. Where panics abort the process it does nothing, and the work ends by the
/// bytes that it has to read.
#[cfg(feature = "anchors")]
pub(crate) fn stop() {
    if cfg!(panic = "unwind") {
        std::panic::resume_unwind(Box::new(Stopped));
    }
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
