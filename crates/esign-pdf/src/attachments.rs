//! Files inside a PDF: the name tree of embedded files (ISO 32000-1, 7.7.4, 7.9.6 and 7.11.4).

use std::collections::HashSet;
use std::fmt;

use lopdf::{Dictionary, Object};

use crate::doc::{Doc, reference, text};
use crate::limits::on_big_stack;
use crate::{Limits, PdfError};

/// A file that is embedded in a document. `Debug` shows neither its name nor its bytes.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attachment {
    /// Its name, as the document gives it: for display, never to be used as a path.
    pub name: String,
    /// Its content, decompressed.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment").field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}

/// The files that a document lists as embedded, in the order of its list. Annotations that carry a file are not looked at.
///
/// An entry that is broken, encrypted or not a file is left out. All files together stay within
/// [`Limits::max_stream`] bytes.
///
/// ```
/// let pdf = b"%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count 0/Kids[]>>endobj\n\
///     trailer<</Root 1 0 R>>";
/// assert!(esign_pdf::attachments(pdf, &esign_pdf::Limits::default())?.is_empty());
/// # Ok::<(), esign_pdf::PdfError>(())
/// ```
///
/// # Errors
/// [`PdfError`] if the document cannot be read, or is beyond one of the limits.
pub fn attachments(pdf: &[u8], limits: &Limits) -> Result<Vec<Attachment>, PdfError> {
    limits.check_size(pdf)?;
    on_big_stack(limits, || {
        let doc = Doc::load(pdf, limits)?;
        let mut left = limits.max_stream;
        let mut found = Vec::new();
        for (key, specification) in embedded_files(&doc, limits)? {
            let Some(specification) = doc.dict(specification) else { continue };
            let Some(bytes) = content(&doc, specification, left)? else { continue };
            left = left.saturating_sub(bytes.len());
            let name = [&b"UF"[..], b"F"].iter().find_map(|key| doc.get(specification, key)?.as_str().ok());
            found.push(Attachment { name: text(name.unwrap_or(key)), bytes });
        }
        Ok(found)
    })
}

/// Key and value of every entry of the name tree, in its order.
pub(crate) fn embedded_files<'a>(
    doc: &'a Doc,
    limits: &Limits,
) -> Result<Vec<(&'a [u8], &'a Object)>, PdfError> {
    let names = doc.get_dict(doc.catalog()?, b"Names");
    let root = names.and_then(|names| names.get(b"EmbeddedFiles").ok());
    let mut open: Vec<&Object> = root.into_iter().collect();
    let mut visited = HashSet::new();
    let mut entries = Vec::new();
    let mut seen = 0usize;
    while let Some(node) = open.pop() {
        if reference(node).is_some_and(|id| !visited.insert(id)) {
            continue;
        }
        let Some(dict) = doc.dict(node) else { continue };
        let kids = doc.get_array(dict, b"Kids");
        let pairs = doc.get_array(dict, b"Names");
        // All lists together: many nodes may share one long list.
        seen += 1 + kids.len() + pairs.len();
        if seen > limits.max_objects {
            return Err(PdfError::Limit { what: "embedded files", limit: limits.max_objects as u64 });
        }
        open.extend(kids.iter().rev());
        for pair in pairs.as_chunks::<2>().0 {
            if let Some(Ok(key)) = doc.resolve(&pair[0]).map(Object::as_str) {
                entries.push((key, &pair[1]));
            }
        }
    }
    Ok(entries)
}

/// The bytes of the file, `None` if there are none that can be read.
fn content(doc: &Doc, specification: &Dictionary, left: usize) -> Result<Option<Vec<u8>>, PdfError> {
    let Some(files) = doc.get_dict(specification, b"EF") else { return Ok(None) };
    let stream = [&b"UF"[..], b"F"].iter().find_map(|key| doc.get(files, key)?.as_stream().ok());
    let Some(stream) = stream else { return Ok(None) };
    let too_much = PdfError::Limit { what: "bytes of embedded files", limit: left as u64 };
    if !stream.is_compressed() {
        let bytes = &stream.content;
        return if bytes.len() > left { Err(too_much) } else { Ok(Some(bytes.clone())) };
    }
    match stream.decompressed_content_with_limit(left) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(lopdf::Error::Decompress(lopdf::DecompressError::MemoryLimitExceeded { .. })) => Err(too_much),
        Err(_) => Ok(None),
    }
}
