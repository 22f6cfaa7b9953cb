//! Places that are named by what is on the page: texts and form fields, found on our side.

use super::Finding;
use super::examine::Draft;
use super::place::{Wanted, short};
use crate::facts::{Rect, Size, TextHit, TextQuery};
use crate::{
    Anchor, BoxSupport, Corner, Document, Inspector, Occurrence, Origin, PagePosition, SignRequest, Spot,
    Unit,
};

/// How a text in double braces begins.
const TAG: &str = "{{";

/// How many places an error lists.
const LISTED: usize = 5;

/// The texts that a request's placements name in one document, and where they were found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Texts {
    found: Vec<(TextQuery, Vec<TextHit>)>,
    /// Why nothing could be looked for.
    fault: Option<String>,
}

impl Texts {
    /// Looks for all of them at once, and for texts in double braces if `tags` matter; does not ask the inspector if there
    /// is nothing to look for.
    pub(crate) async fn find(
        inspector: &dyn Inspector,
        document: &Document,
        request: &SignRequest,
        tags: bool,
    ) -> Self {
        let mut wanted: Vec<TextQuery> = Vec::new();
        if tags {
            wanted.push(TextQuery::new(TAG, false));
        }
        for placement in request.signers.iter().flat_map(|signer| &signer.placements) {
            let here = match &placement.document {
                Some(key) => key == document.key(),
                None => request.documents.len() == 1,
            };
            if let (Spot::Anchor(anchor), true) = (&placement.spot, here) {
                let query = query(anchor);
                if !query.text.trim().is_empty() && !wanted.contains(&query) {
                    wanted.push(query);
                }
            }
        }
        if wanted.is_empty() {
            return Self::default();
        }
        match inspector.find_texts(document.content().clone(), wanted.clone()).await {
            Ok(found) if found.len() == wanted.len() => {
                Self { found: wanted.into_iter().zip(found).collect(), fault: None }
            }
            Ok(_) => Self::failed("the inspector's answer does not fit what was asked"),
            Err(error) => Self::failed(error.message()),
        }
    }

    /// The page of the first text in double braces, if that was looked for and could be.
    pub(crate) fn first_tag(&self) -> Option<u32> {
        let (_, hits) = self.found.iter().find(|(query, _)| query.text == TAG)?;
        hits.first().map(|hit| hit.page)
    }

    fn failed(fault: &str) -> Self {
        Self { found: Vec::new(), fault: Some(fault.to_owned()) }
    }
}

fn query(anchor: &Anchor) -> TextQuery {
    TextQuery::new(anchor.text.as_str(), anchor.ignore_case)
}

/// The positions that an anchor means.
pub(super) fn by_text(
    draft: &Draft<'_>,
    wanted: &Wanted,
    anchor: &Anchor,
) -> Result<Vec<PagePosition>, Box<Finding>> {
    let Some(texts) = draft.texts(wanted.document) else { return Err(unreadable(wanted).into()) };
    if let Some(fault) = &texts.fault {
        let message = format!("the text cannot be looked for: {fault}");
        return Err(Finding::unsupported("placement.anchor", &wanted.at, message).into());
    }
    let query = query(anchor);
    let hits = texts.found.iter().find(|(asked, _)| *asked == query).map_or(&[][..], |(_, hits)| hits);
    let chosen = match anchor.occurrence {
        _ if hits.is_empty() => {
            let message = "the text was not found on any page; text within images cannot be found. Check its spelling, or \
                           give a page and a position";
            return Err(Finding::invalid("placement.anchor_not_found", &wanted.at, message).into());
        }
        Occurrence::ExactlyOne if hits.len() > 1 => {
            let message = format!(
                "the text was found {} times: {}; give a longer text, or say which one with occurrence: first, nth or all",
                hits.len(),
                list(hits.iter().map(|hit| (hit.page, &hit.shown)))
            );
            return Err(Finding::invalid("placement.anchor_ambiguous", &wanted.at, message).into());
        }
        Occurrence::ExactlyOne | Occurrence::First => &hits[..1],
        Occurrence::Nth(n) => {
            let index = usize::try_from(n).unwrap_or(usize::MAX).saturating_sub(1);
            let Some(hit) = hits.get(index) else {
                let message = format!(
                    "the text was found only {} times, not {n}: {}",
                    hits.len(),
                    list(hits.iter().map(|hit| (hit.page, &hit.shown)))
                );
                return Err(Finding::invalid("placement.anchor_not_found", &wanted.at, message).into());
            };
            std::slice::from_ref(hit)
        }
        Occurrence::All => hits,
    };
    let place = |hit: &TextHit| {
        let (x, y) = (hit.shown.x + anchor.dx, hit.shown.y + anchor.dy);
        position(hit.page, x, y, anchor.corner, anchor.size)
    };
    Ok(chosen.iter().map(place).collect())
}

/// The position of a form field: its lower-left corner, and its size where the provider takes sizes.
pub(super) fn by_field(
    draft: &Draft<'_>,
    wanted: &Wanted,
    name: &str,
) -> Result<Vec<PagePosition>, Box<Finding>> {
    let Some(facts) = draft.facts(wanted.document) else { return Err(unreadable(wanted).into()) };
    match facts.field_widgets(name).as_deref() {
        None => {
            let fields = facts.signatures.iter().map(|f| &f.name).chain(facts.fields.iter().map(|f| &f.name));
            let known: Vec<_> = fields.take(LISTED).map(|name| format!("{name:?}")).collect();
            let known = match known.as_slice() {
                [] => "the document has no form fields".to_owned(),
                known => format!("the document has, among others, {}", known.join(", ")),
            };
            let message = format!("there is no form field of that name; {known}");
            Err(Finding::invalid("placement.field_not_found", &wanted.at, message).into())
        }
        Some([]) => {
            let message = "the form field is on no page; give a page and a position";
            Err(Finding::invalid("placement.field_not_found", &wanted.at, message).into())
        }
        Some([widget]) => {
            let Rect { x, y, width, height } = widget.shown;
            let takes_sizes = matches!(draft.caps.placements.box_size, BoxSupport::Wish { .. });
            let size = (takes_sizes && width > 0.0 && height > 0.0).then_some(Size { width, height });
            Ok(vec![position(widget.page, x, y, Corner::BottomLeft, size)])
        }
        Some(several) => {
            let message = format!(
                "the form field appears {} times: {}; give a page and a position",
                several.len(),
                list(several.iter().map(|widget| (widget.page, &widget.shown)))
            );
            Err(Finding::invalid("placement.field_ambiguous", &wanted.at, message).into())
        }
    }
}

fn position(page: u32, x: f64, y: f64, corner: Corner, size: Option<Size>) -> PagePosition {
    PagePosition { page, x, y, unit: Unit::Points, origin: Origin::BottomLeft, corner, size }
}

fn unreadable(wanted: &Wanted) -> Finding {
    let message = "texts and form fields are found only in PDFs, and the client needs an inspector";
    Finding::unsupported("placement.facts", &wanted.at, message)
}

fn list<'a>(places: impl ExactSizeIterator<Item = (u32, &'a Rect)>) -> String {
    let more = places.len().saturating_sub(LISTED);
    let mut words: Vec<_> = places
        .take(LISTED)
        .map(|(page, at)| {
            format!("page {page}, {} from the left and {} from the bottom", short(at.x), short(at.y))
        })
        .collect();
    if more > 0 {
        words.push(format!("and {more} more"));
    }
    words.join("; ")
}
