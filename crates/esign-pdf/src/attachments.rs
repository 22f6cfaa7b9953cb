//! Files inside a PDF: the name tree of embedded files (ISO 32000-1, 7.7.4, 7.9.6 and 7.11.4).

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use crate::limits::on_big_stack;
use crate::reader::{Dict, Doc, File, Object, Packed, Str, text};
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
        let file = File::open(pdf, limits)?;
        let doc = file.newest();
        let mut left = limits.max_stream;
        let mut found = Vec::new();
        for (key, specification) in embedded_files(doc, limits)? {
            let Some(specification) = doc.dict(specification) else { continue };
            let Some(bytes) = content(doc, specification, left)? else { continue };
            left = left.saturating_sub(bytes.len());
            let name = [&b"UF"[..], b"F"].iter().find_map(|key| doc.get_bytes(specification, key));
            let name = name.unwrap_or_else(|| doc.bytes(key));
            found.push(Attachment { name: text(&name), bytes: bytes.into_owned() });
        }
        Ok(found)
    })
}

/// Key and value of every entry of the name tree, in its order.
pub(crate) fn embedded_files<'a>(
    doc: Doc<'a>,
    limits: &Limits,
) -> Result<Vec<(Str<'a>, Object<'a>)>, PdfError> {
    let names = doc.get_dict(doc.catalog()?, b"Names");
    let root = names.and_then(|names| names.get(b"EmbeddedFiles"));
    let mut open: Vec<Object<'a>> = root.into_iter().collect();
    let mut visited = HashSet::new();
    let mut entries = Vec::new();
    let mut seen = 0usize;
    while let Some(node) = open.pop() {
        if node.as_reference().is_some_and(|id| !visited.insert(id)) {
            continue;
        }
        let Some(dict) = doc.dict(node) else { continue };
        seen += 1;
        let mut items = |key: &[u8]| {
            let items: Vec<_> = doc.get_array(dict, key).iter().take(limits.max_objects).collect();
            // All lists together: many nodes may share one long list.
            seen += items.len();
            let limit = PdfError::Limit { what: "embedded files", limit: limits.max_objects as u64 };
            if seen > limits.max_objects { Err(limit) } else { Ok(items) }
        };
        let (kids, pairs) = (items(b"Kids")?, items(b"Names")?);
        open.extend(kids.into_iter().rev());
        for pair in pairs.as_chunks::<2>().0 {
            if let Some(key) = doc.resolve(pair[0]).and_then(|key| key.as_string()) {
                entries.push((key, pair[1]));
            }
        }
    }
    Ok(entries)
}

/// The bytes of the file, `None` if there are none that can be read.
fn content<'a>(
    doc: Doc<'a>,
    specification: Dict<'a>,
    left: usize,
) -> Result<Option<Cow<'a, [u8]>>, PdfError> {
    let Some(files) = doc.get_dict(specification, b"EF") else { return Ok(None) };
    let stream = [&b"UF"[..], b"F"].iter().find_map(|key| doc.get(files, key)?.as_stream());
    match stream.map(|stream| doc.unpacked(stream, left)) {
        Some(Ok(bytes)) => Ok(Some(bytes)),
        Some(Err(Packed::TooLarge)) => {
            Err(PdfError::Limit { what: "bytes of embedded files", limit: left as u64 })
        }
        Some(Err(Packed::Unknown | Packed::Broken)) | None => Ok(None),
    }
}
