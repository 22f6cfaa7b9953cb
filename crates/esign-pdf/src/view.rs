//! A state of a document together with its pages and fields: what verification and comparison look at.

use crate::fields::{self, Fields};
use crate::pages::{self, Pages};
use crate::reader::{Departure, Doc};
use crate::{Limits, PdfError};

/// A state with its pages and fields walked.
pub(crate) struct View<'a> {
    pub(crate) doc: Doc<'a>,
    pub(crate) pages: Pages,
    pub(crate) fields: Fields<'a>,
}

impl<'a> View<'a> {
    /// Walks the page tree and the form.
    pub(crate) fn new(doc: Doc<'a>, limits: &Limits) -> Result<Self, PdfError> {
        let pages = pages::walk(doc, limits)?;
        let fields = fields::walk(doc, limits)?;
        doc.file.check()?;
        Ok(Self { doc, pages, fields })
    }

    /// What the reader met on the way and what is odd about pages and fields, in words.
    pub(crate) fn damage(&self) -> Vec<String> {
        let read = self.doc.file.departures();
        let read = read.iter().map(Departure::sentence);
        read.chain(self.pages.damage.iter().chain(&self.fields.damage).cloned()).collect()
    }
}
