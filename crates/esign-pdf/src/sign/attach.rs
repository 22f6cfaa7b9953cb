//! Embedding files (ISO 32000-1, 7.11.4; the association with the document, ISO 32000-2, 14.13).

use std::fmt;

use bytes::Bytes;
use jiff::Timestamp;
use lopdf::{Dictionary, Object, Stream, StringFormat, dictionary, text_string};

use super::SignError;
use super::update::Update;

/// A file to embed in a document. `Debug` shows its media type and size only.
#[derive(Clone, PartialEq, Eq)]
pub struct NewAttachment {
    /// Its name, which a reader shows: not empty, and not the name of a file that the document has already.
    pub name: String,
    /// What it is, such as `application/xml`.
    pub media_type: String,
    /// One line about it for the reader's list.
    pub description: String,
    /// Its content, embedded as it is.
    pub bytes: Bytes,
}

impl fmt::Debug for NewAttachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewAttachment")
            .field("media_type", &self.media_type)
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

impl Update {
    /// Adds files to the document's name tree of embedded files, and associates them with the document. The tree is
    /// written anew as one flat, sorted list: it is small, and a file may be anywhere in the old one.
    pub(super) fn attach(&mut self, files: &[NewAttachment], at: Timestamp) -> Result<(), SignError> {
        if files.is_empty() {
            return Ok(());
        }
        let mut entries = self.attached().to_vec();
        let mut associated = match self.catalog_entry(b"AF") {
            Some(Object::Array(array)) => array.clone(),
            _ => Vec::new(),
        };
        for file in files {
            let key = name(file)?;
            if entries.iter().any(|(taken, _)| *taken == key) {
                return Err(SignError::AttachmentName);
            }
            let specification = self.embed(file, at)?;
            associated.push(specification.clone());
            entries.push((key, specification));
        }
        entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        let tree =
            entries.into_iter().flat_map(|(key, file)| [Object::String(key, StringFormat::Literal), file]);
        let tree = Object::from(tree.collect::<Vec<_>>());
        let mut names = match self.catalog_entry(b"Names") {
            Some(Object::Dictionary(names)) => names.clone(),
            _ => Dictionary::new(),
        };
        names.set("EmbeddedFiles", dictionary! { "Names" => tree });
        self.set_in_catalog("Names", names)?;
        self.set_in_catalog("AF", associated)
    }

    /// The embedded file and its specification, to which a reference is returned.
    fn embed(&mut self, file: &NewAttachment, at: Timestamp) -> Result<Object, SignError> {
        let date = Object::string_literal(at.strftime("D:%Y%m%d%H%M%SZ").to_string());
        let size = i64::try_from(file.bytes.len()).unwrap_or(i64::MAX);
        let about = dictionary! {
            "Type" => "EmbeddedFile",
            "Subtype" => Object::Name(file.media_type.as_bytes().to_vec()),
            "Params" => dictionary! { "Size" => size, "ModDate" => date },
        };
        let stream = self.add(Stream::new(about, file.bytes.to_vec()))?;
        let specification = dictionary! {
            "Type" => "Filespec",
            "F" => text_string(&file.name),
            "UF" => text_string(&file.name),
            "Desc" => text_string(&file.description),
            "AFRelationship" => "Data",
            "EF" => dictionary! { "F" => stream, "UF" => stream },
        };
        self.add(specification).map(Object::Reference)
    }
}

fn name(file: &NewAttachment) -> Result<Vec<u8>, SignError> {
    match text_string(&file.name) {
        Object::String(key, _) if !file.name.is_empty() => Ok(key),
        _ => Err(SignError::AttachmentName),
    }
}

#[cfg(test)]
mod tests {
    use esign_core::facts::Rect;

    use super::*;
    use crate::sign::{SignOptions, Subject, TestPki, sample_pdf, sign};
    use crate::testing::{Fixture, Style, stream};
    use crate::{Limits, attachments, inspect};

    fn file(name: &str, content: &str) -> NewAttachment {
        NewAttachment {
            name: name.to_owned(),
            media_type: "application/xml".to_owned(),
            description: "A test".to_owned(),
            bytes: content.to_owned().into(),
        }
    }

    fn attach(pdf: &Bytes, field: &str, files: Vec<NewAttachment>) -> Result<Bytes, SignError> {
        let now = "2026-11-20T10:00:00Z".parse().unwrap();
        let pki = TestPki::generate(now).unwrap();
        let identity = pki.issue(&Subject::new("Seal"), now).unwrap();
        let mut options = SignOptions::new(field, 1, Rect::new(0.0, 0.0, 0.0, 0.0), now);
        options.attachments = files;
        sign(pdf, &identity, Some(pki.tsa()), &options)
    }

    fn listed(pdf: &[u8]) -> Vec<(String, String)> {
        let found = attachments(pdf, &Limits::default()).unwrap();
        found.into_iter().map(|file| (file.name, String::from_utf8(file.bytes).unwrap())).collect()
    }

    fn pairs(files: &[(&str, &str)]) -> Vec<(String, String)> {
        files.iter().map(|(name, content)| ((*name).to_owned(), (*content).to_owned())).collect()
    }

    #[test]
    fn files_are_found_again_and_earlier_ones_stay() {
        let pdf = Bytes::from(sample_pdf("Agreement", &["This is the first clause."]));
        let once = attach(&pdf, "one", vec![file("b.xml", "<b/>"), file("å.xml", "")]).unwrap();
        assert!(once.starts_with(&pdf));
        assert_eq!(listed(&once), pairs(&[("b.xml", "<b/>"), ("å.xml", "")]));
        let twice = attach(&once, "two", vec![file("a.xml", "<a/>")]).unwrap();
        assert_eq!(listed(&twice), pairs(&[("a.xml", "<a/>"), ("b.xml", "<b/>"), ("å.xml", "")]));
        let facts = inspect(&twice, &Limits::default()).unwrap();
        assert!(facts.damage.is_empty());
        assert_eq!(facts.features, ["embedded_files"]);
    }

    #[test]
    fn every_form_of_the_old_tree_is_kept() {
        let page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>";
        let specification = "<</Type/Filespec/F(old)/EF<</F 5 0 R>>>>";
        let old = stream("", "old");
        // /Names of the catalog, object 6
        for (names, six) in [
            ("<</EmbeddedFiles<</Names[(old) 4 0 R]>>>>", "null"),
            ("<</EmbeddedFiles 6 0 R/Dests<<>>>>", "<</Names[(old) 4 0 R]>>"),
            ("6 0 R", "<</EmbeddedFiles<</Kids[<</Limits[(old)(old)]/Names[(old) 4 0 R]>>]>>>>"),
            ("<</EmbeddedFiles 6 0 R>>", "<</Kids[6 0 R<</Names[(old) 4 0 R (odd)]>>]>>"),
        ] {
            for style in [Style::Table, Style::Compressed] {
                let catalog = format!("<</Type/Catalog/Pages 2 0 R/Names {names}>>");
                let tree = "<</Type/Pages/Count 1/Kids[3 0 R]>>";
                let objects = [&catalog, tree, page, specification, &old, six];
                let objects: Vec<_> = (1..).zip(objects.map(str::to_owned)).collect();
                let pdf = Bytes::from(Fixture::new(&objects, style).bytes);
                assert_eq!(listed(&pdf), pairs(&[("old", "old")]), "{names}");
                let signed = attach(&pdf, "one", vec![file("new", "new")]).unwrap();
                assert_eq!(listed(&signed), pairs(&[("new", "new"), ("old", "old")]), "{names}");
            }
        }
    }

    #[test]
    fn a_name_is_there_and_its_own() {
        let pdf = Bytes::from(sample_pdf("Agreement", &[]));
        for files in [vec![file("", "x")], vec![file("a", "x"), file("a", "y")]] {
            assert!(matches!(attach(&pdf, "one", files), Err(SignError::AttachmentName)));
        }
    }
}
