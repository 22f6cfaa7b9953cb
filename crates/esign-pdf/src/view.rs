//! A document together with its pages and fields: what verification and comparison look at.

use crate::doc::Doc;
use crate::fields::{self, Fields};
use crate::pages::{self, Pages};
use crate::scan::{Scan, scan};
use crate::{Limits, PdfError};

/// The bytes of one revision, read.
pub(crate) struct Source {
    pub(crate) doc: Doc,
    pub(crate) scan: Scan,
}

impl Source {
    /// Scans and loads. Call on a thread with a big stack.
    pub(crate) fn read(bytes: &[u8], limits: &Limits) -> Result<Self, PdfError> {
        let scan = scan(bytes, limits)?;
        let doc = Doc::load(bytes, limits)?;
        match doc.catalog() {
            Err(_) if scan.encrypted || doc.encrypted => Err(PdfError::Encrypted),
            Err(error) => Err(error),
            Ok(_) => Ok(Self { doc, scan }),
        }
    }

    /// True if an encryption dictionary is present, needed or not.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.scan.encrypted || self.doc.encrypted
    }

    /// What the scanner and the reader found damaged.
    pub(crate) fn damage(&self) -> Vec<String> {
        self.scan.damage.iter().chain(&self.doc.damage).cloned().collect()
    }
}

/// A revision with its pages and fields walked.
pub(crate) struct View<'a> {
    pub(crate) source: &'a Source,
    pub(crate) pages: Pages,
    pub(crate) fields: Fields<'a>,
}

impl<'a> View<'a> {
    /// Walks the page tree and the form.
    pub(crate) fn new(source: &'a Source, limits: &Limits) -> Result<Self, PdfError> {
        let pages = pages::walk(&source.doc, limits)?;
        let fields = fields::walk(&source.doc, limits)?;
        Ok(Self { source, pages, fields })
    }

    /// The document.
    pub(crate) fn doc(&self) -> &'a Doc {
        &self.source.doc
    }
}
