//! The states that the signatures of a file were made over, each compared with the file as it is now.

use std::collections::HashSet;

use super::Signed;
use super::byte_range;
use super::changes::{self, Comparison, Lock, Restrictions};
use super::report::{Change, Coverage, Fact, SignatureReport, StrippedSignature};
use crate::fields::{self, Fields};
use crate::inspect::{Locate, doc_mdp};
use crate::reader::{Departure, Doc, Lexer, Place, Revision, Survey, is_space, survey};
use crate::signature::SignatureValue;
use crate::view::View;
use crate::{Limits, PdfError};

/// The states of a file, and what a survey of it found.
pub(crate) struct Revisions<'a> {
    view: &'a View<'a>,
    survey: Survey,
    limits: &'a Limits,
    /// Fields of earlier states that may still be walked.
    left: usize,
}

impl<'a> Revisions<'a> {
    /// Surveys a file whose signatures end at these bytes.
    pub(crate) fn survey(
        view: &'a View<'a>,
        ends: impl Iterator<Item = usize>,
        limits: &'a Limits,
    ) -> Result<Self, PdfError> {
        let (file, bytes) = (view.doc.file, view.doc.file.bytes);
        let ends: Vec<_> = ends.filter(|end| !bytes[*end..].iter().all(|byte| is_space(*byte))).collect();
        let oldest = ends.iter().filter_map(|end| revision_that_ends(view.doc, *end)).max();
        let updated = oldest.map_or(0, |revision| revision.0);
        let targets: HashSet<_> =
            file.records().iter().filter(|it| it.section < updated).map(|record| record.number).collect();
        let updates = ends.into_iter().min().unwrap_or(bytes.len());
        let survey = survey(file, &targets, updates)?;
        Ok(Self { view, survey, limits, left: limits.max_objects.saturating_mul(2) })
    }

    /// What the survey found.
    #[cfg(test)]
    pub(crate) fn surveyed(&self) -> &Survey {
        &self.survey
    }

    /// What is not as the standard has it and changes nothing, in words.
    pub(crate) fn harmless(&self) -> impl Iterator<Item = String> {
        self.survey.harmless.iter().map(Departure::sentence)
    }

    /// What may make viewers show something else, in words.
    pub(crate) fn departures(&self) -> Vec<String> {
        let found = self.survey.departures.iter().map(Departure::sentence);
        // Viewers whose page tree is broken search the file for pages.
        found.chain(self.view.pages.tree_damage()).collect()
    }

    /// Fills in coverage and changes.
    pub(crate) fn compare_with_now(
        &mut self,
        signed: &Signed<'a>,
        locate: &'a Locate<'a>,
        report: &mut SignatureReport,
    ) -> Result<(), PdfError> {
        let bytes = signed.bytes;
        let end = signed.value.end().filter(|end| *end <= bytes.len()).unwrap_or_default();
        report.signed_bytes = end as u64;
        if bytes[end..].iter().all(|byte| is_space(*byte)) {
            report.coverage = Coverage::WholeFile;
            return Ok(());
        }
        if report.integrity.is_failed() {
            return Ok(());
        }
        let Some(revision) = revision_that_ends(self.view.doc, end) else {
            report.changes =
                vec![Change::forbidden("the update does not build on the signed revision", None)];
            return Ok(());
        };
        if revision == Revision::NEWEST || !self.is_apart(revision, end) {
            report.changes =
                vec![Change::forbidden("bytes were appended that are not a proper update", None)];
            return Ok(());
        }
        let old = self.view.doc.file.as_of(revision);
        let old_fields = self.fields_of(old)?;
        if !holds(old, &old_fields, signed) {
            report.integrity = Fact::failed("the signature is not part of the revision that it signs");
            return Ok(());
        }
        let restrictions = restrictions(old, &old_fields, self.limits)?;
        let comparison = Comparison {
            old,
            old_fields: &old_fields,
            new: self.view,
            locate,
            survey: &self.survey,
            restrictions: &restrictions,
        };
        report.changes = changes::compare(comparison);
        Ok(())
    }

    /// Signatures that were written once and are no field's value any more.
    pub(crate) fn stripped(&mut self) -> Result<Vec<StrippedSignature>, PdfError> {
        let (doc, bytes) = (self.view.doc, self.view.doc.file.bytes);
        let mut known: HashSet<usize> = signed_ends(doc, &self.view.fields).map(|(end, _)| end).collect();
        known.extend(usage_rights(doc));
        let mut found = Vec::new();
        for (offset, end) in byte_range::written(bytes) {
            if end < offset || !byte_range::ends_revision(bytes, end) || !known.insert(end) {
                continue;
            }
            let field = match revision_that_ends(doc, end) {
                Some(revision) => {
                    let old = doc.file.as_of(revision);
                    let fields = self.fields_of(old)?;
                    signed_ends(old, &fields).find(|(ends, _)| *ends == end).map(|(_, name)| name.to_owned())
                }
                None => None,
            };
            found.push(StrippedSignature { field, offset: offset as u64 });
        }
        Ok(found)
    }

    /// The fields of an earlier state, within one budget for all of them.
    fn fields_of(&mut self, doc: Doc<'a>) -> Result<Fields<'a>, PdfError> {
        let fields = fields::walk(doc, self.limits)?;
        let limit = self.limits.max_objects.saturating_mul(2) as u64;
        let spent = fields.list.len() + 1;
        let too_many = PdfError::Limit { what: "fields of all its revisions", limit };
        self.left = self.left.checked_sub(spent).ok_or(too_many)?;
        Ok(fields)
    }

    /// True if the state lies before this byte with all that it leads to, and what came later after it.
    fn is_apart(&self, revision: Revision, end: usize) -> bool {
        let file = self.view.doc.file;
        let index = usize::from(revision.0);
        let sections = file.sections.iter().enumerate();
        let mut apart =
            sections.map(|(at, section)| if at < index { section.offset >= end } else { section.end <= end });
        let places = file.records().iter().all(|record| match record.place {
            // An update may list again what was there, at the place where it was.
            Place::At(offset) if offset < end => {
                record.section >= revision.0
                    || file.record(record.number, revision).is_some_and(|was| was.place == record.place)
            }
            Place::At(_) => record.section < revision.0,
            Place::In { .. } | Place::Free => true,
        });
        apart.all(|apart| apart) && places
    }
}

/// The state whose `startxref` is the last one before this byte.
pub(crate) fn revision_that_ends(doc: Doc<'_>, end: usize) -> Option<Revision> {
    /// More than the end of any revision takes.
    const WITHIN: usize = 1024;
    let file = doc.file;
    let head = file.bytes.get(end.saturating_sub(WITHIN)..end)?;
    let at = memchr::memmem::rfind(head, b"startxref")?;
    let offset = Lexer::new(head, at + b"startxref".len()).next().integer()?;
    file.revision_at(usize::try_from(offset).ok()?.checked_add(file.header_offset)?)
}

/// True if the signature is that of a field in this state.
fn holds(doc: Doc<'_>, fields: &Fields<'_>, signed: &Signed<'_>) -> bool {
    fields.list.iter().filter(|field| field.name == signed.field.name).any(|field| {
        let value = SignatureValue::of(doc, field).and_then(Result::ok);
        value.is_some_and(|value| {
            value.contents == signed.value.contents && value.byte_range == signed.value.byte_range
        })
    })
}

/// What the signatures of a revision forbid from then on.
pub(crate) fn restrictions<'a>(
    doc: Doc<'a>,
    fields: &Fields<'a>,
    limits: &Limits,
) -> Result<Restrictions, PdfError> {
    let mut left = limits.max_objects;
    let mut restrictions = Restrictions::default();
    let mut restrict = |permission: Option<u8>| {
        restrictions.permission = restrictions.permission.into_iter().chain(permission).min();
    };
    for field in fields.list.iter().filter(|field| field.is_signature()) {
        let Some(signature) = field.value.and_then(|value| doc.dict(value)) else { continue };
        restrict(doc_mdp(doc, signature));
        if let Some(lock) = crate::inspect::lock(doc, field.dict, &mut left)? {
            restrict(lock.permission);
            restrictions.locks.push(Lock { action: lock.action, fields: lock.fields.into_iter().collect() });
        }
        for entry in doc.get_array(signature, b"Reference").iter().filter_map(|entry| doc.dict(entry)) {
            if doc.get_name(entry, b"TransformMethod").as_deref() == Some("FieldMDP") {
                let Some(parameters) = doc.get_dict(entry, b"TransformParams") else { continue };
                let fields = crate::inspect::names(doc, parameters, b"Fields", &mut left)?;
                let action = doc.get_name(parameters, b"Action").unwrap_or_default();
                restrictions.locks.push(Lock { action, fields: fields.into_iter().collect() });
            }
        }
        // Each field that changes is held against each lock.
        if restrictions.locks.len() > limits.max_signatures {
            return Err(PdfError::Limit {
                what: "locks of signature fields",
                limit: limits.max_signatures as u64,
            });
        }
    }
    Ok(restrictions)
}

/// Where the signed bytes of each signature end, and the name of its field.
fn signed_ends<'f, 'a>(doc: Doc<'a>, fields: &'f Fields<'a>) -> impl Iterator<Item = (usize, &'f str)> {
    let fields = fields.list.iter().filter(|field| field.is_signature());
    fields.filter_map(move |field| Some((SignatureValue::of(doc, field)?.ok()?.end()?, field.name.as_str())))
}

/// Where signatures end that grant usage rights: they are no field's (ISO 32000-1, 12.8.2.3).
fn usage_rights(doc: Doc<'_>) -> Vec<usize> {
    let rights = doc.catalog().ok().and_then(|catalog| doc.get_dict(catalog, b"Perms"));
    let signatures = rights
        .into_iter()
        .flat_map(|rights| [&b"UR3"[..], b"UR"].into_iter().filter_map(move |key| doc.get_dict(rights, key)));
    signatures.filter_map(|dict| SignatureValue::read(doc, Some(dict)).ok()?.end()).collect()
}
