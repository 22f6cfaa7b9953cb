//! Everything that can be said about a document without trusting anybody.

use std::collections::HashMap;

use esign_core::facts::{
    Certification, FieldLock, FormFieldFacts, PageFacts, PdfFacts, SignatureFacts, SignatureFieldFacts,
    Widget, Xfa,
};

use crate::fields::Field;
use crate::geometry::to_shown;
use crate::limits::on_big_stack;
use crate::pages::rectangle;
use crate::reader::{Dict, Doc, File, Id, Object, text};
use crate::signature::{SignatureValue, level};
use crate::view::View;
use crate::{Limits, PdfError, revisions};

/// Reads the facts of a document: pages, revisions, encryption, damage, form and signature fields.
///
/// Runs on a thread of its own with a big stack and returns when it is done; it does no I/O. Nothing is trusted and
/// no signature is verified here: see [`verify`](crate::verify()).
///
/// # Errors
///
/// [`PdfError`] where no useful facts exist: not a PDF, too large, a password needed, no pages, a page of unknown
/// size. Everything that a caller may want to judge is in the facts instead, damage included.
pub fn inspect(bytes: &[u8], limits: &Limits) -> Result<PdfFacts, PdfError> {
    limits.check_size(bytes)?;
    on_big_stack(limits, || {
        let file = File::open(bytes, limits)?;
        let view = View::new(file.newest(), limits)?;
        let mut facts = PdfFacts::new(bytes.len() as u64, Vec::new());
        let (doc, catalog) = (view.doc, view.doc.catalog()?);
        let signature_fields: Vec<_> = view.fields.list.iter().filter(|field| field.is_signature()).collect();

        facts.version = later_version(&file.version, doc.get_name(catalog, b"Version"));
        facts.header_offset = file.header_offset as u64;
        facts.revisions = revisions::of(&file);
        facts.linearized = revisions::is_linearized(&file);
        facts.trailing_bytes = revisions::trailing_bytes(bytes) as u64;
        facts.encrypted = file.is_encrypted();
        facts.form_fields =
            u32::try_from(view.fields.list.len() - signature_fields.len()).unwrap_or(u32::MAX);
        facts.xfa = xfa(doc, catalog);
        facts.certification = certification(doc, &signature_fields);
        facts.features = features(doc, catalog);
        let locate = Locate::new(&view, limits)?;
        facts.signatures = signatures(&view, &signature_fields, &locate, limits)?;
        let others = view.fields.list.iter().filter(|field| !field.is_signature());
        let describe = |field: &Field<'_>| FormFieldFacts::new(field.name.as_str(), locate.widgets(field));
        facts.fields = others.map(describe).collect();
        facts.damage = view.damage();
        file.check()?;
        // Last, because until here they are looked up in the view: very many pages are not kept twice.
        facts.pages = view.pages.facts;
        Ok(facts)
    })
}

fn signatures(
    view: &View<'_>,
    fields: &[&Field<'_>],
    locate: &Locate<'_>,
    limits: &Limits,
) -> Result<Vec<SignatureFieldFacts>, PdfError> {
    let values: Vec<_> = fields.iter().map(|field| SignatureValue::of(view.doc, field)).collect();
    let readable: Vec<_> = values.iter().filter_map(|value| value.as_ref()?.as_ref().ok()).collect();
    if readable.len() > limits.max_signatures {
        return Err(PdfError::Limit { what: "signatures", limit: limits.max_signatures as u64 });
    }
    let mut left = limits.max_objects;
    let describe = |(field, value): (&&Field<'_>, &Option<Result<SignatureValue<'_>, _>>)| {
        let mut facts = SignatureFieldFacts::new(field.name.as_str());
        facts.widgets = locate.widgets(field);
        facts.lock = lock(view.doc, field.dict, &mut left)?;
        match value {
            None => {}
            Some(Err(reason)) => facts.unreadable = Some(String::from(*reason)),
            Some(Ok(value)) => {
                let level = level(view.doc, value, &readable);
                facts.signature = Some(SignatureFacts::new(value.sub_filter.as_str(), level));
            }
        }
        Ok(facts)
    };
    fields.iter().zip(&values).map(describe).collect()
}

/// Finds the pages that widgets are on.
pub(crate) struct Locate<'a> {
    doc: Doc<'a>,
    pages: &'a [PageFacts],
    on_page: HashMap<Id, u32>,
    by_id: HashMap<Id, u32>,
}

impl<'a> Locate<'a> {
    /// Prepares the search.
    pub(crate) fn new(view: &'a View<'a>, limits: &Limits) -> Result<Self, PdfError> {
        let (doc, pages) = (view.doc, &view.pages);
        let has_widgets = view.fields.list.iter().any(|field| !field.widgets.is_empty());
        let on_page = if has_widgets { pages.annotations(doc, limits)? } else { HashMap::new() };
        let ids = pages.ids.iter().zip(&pages.facts).filter_map(|(id, page)| Some(((*id)?, page.number)));
        Ok(Self { doc, pages: &pages.facts, on_page, by_id: ids.collect() })
    }

    /// Where a field appears, in shown space.
    pub(crate) fn widgets(&self, field: &Field<'a>) -> Vec<Widget> {
        field.widgets.iter().filter_map(|(id, dict)| self.widget(*id, *dict)).collect()
    }

    /// The page that lists the widget counts; `/P` only where no page does.
    fn widget(&self, id: Option<Id>, dict: Dict<'a>) -> Option<Widget> {
        let listed = id.and_then(|id| self.on_page.get(&id));
        let named = || self.by_id.get(&dict.get(b"P")?.as_reference()?);
        let number = *listed.or_else(named)?;
        let page = self.pages.get(usize::try_from(number).ok()?.checked_sub(1)?)?;
        let rect = rectangle(self.doc, dict.get(b"Rect")?)?;
        Some(Widget { page: number, shown: to_shown(page, &rect) })
    }
}

fn later_version(header: &str, catalog: Option<String>) -> String {
    let number =
        |version: &str| version.split_once('.').map(|(a, b)| (a.parse::<u32>().ok(), b.parse::<u32>().ok()));
    match catalog {
        Some(catalog) if number(&catalog) > number(header) => catalog,
        _ => header.to_owned(),
    }
}

fn xfa<'a>(doc: Doc<'a>, catalog: Dict<'a>) -> Option<Xfa> {
    let form = doc.get_dict(catalog, b"AcroForm")?;
    doc.get(form, b"XFA")?;
    let dynamic = matches!(doc.get(catalog, b"NeedsRendering"), Some(Object::Boolean(true)));
    Some(if dynamic { Xfa::Dynamic } else { Xfa::Static })
}

/// `/Lock` of a signature field (ISO 32000-2, table 236). `left` is how many names all locks may still list.
pub(crate) fn lock<'a>(
    doc: Doc<'a>,
    field: Dict<'a>,
    left: &mut usize,
) -> Result<Option<FieldLock>, PdfError> {
    let Some(lock) = doc.get_dict(field, b"Lock") else { return Ok(None) };
    Ok(Some(FieldLock {
        action: doc.get_name(lock, b"Action").unwrap_or_default(),
        fields: names(doc, lock, b"Fields", left)?,
        permission: lock_permission(doc, field),
    }))
}

fn lock_permission<'a>(doc: Doc<'a>, field: Dict<'a>) -> Option<u8> {
    doc.get_integer(doc.get_dict(field, b"Lock")?, b"P").and_then(|p| u8::try_from(p).ok())
}

/// An array of text strings. Many fields may share one long array, so all together take from `left`.
pub(crate) fn names<'a>(
    doc: Doc<'a>,
    dict: Dict<'a>,
    key: &[u8],
    left: &mut usize,
) -> Result<Vec<String>, PdfError> {
    let limit = *left as u64;
    let mut take = || {
        *left = left.checked_sub(1).ok_or(PdfError::Limit { what: "names of locked fields", limit })?;
        Ok(())
    };
    // A list counts itself too.
    take()?;
    let mut names = Vec::new();
    for name in doc.get_array(dict, key).iter() {
        take()?;
        names.extend(doc.resolve(name).and_then(|name| name.as_string()).map(|name| text(&doc.bytes(name))));
    }
    Ok(names)
}

/// The strictest certification among the signatures; a lock that came with one counts as well.
fn certification<'a>(doc: Doc<'a>, fields: &[&Field<'a>]) -> Option<Certification> {
    let certifies = |field: &&Field<'a>| {
        let certified = doc_mdp(doc, doc.dict(field.value?)?);
        let locked = lock_permission(doc, field.dict);
        Some(Certification {
            permission: certified.into_iter().chain(locked).min()?,
            field: field.name.clone(),
        })
    };
    fields.iter().filter_map(certifies).min_by_key(|certification| certification.permission)
}

/// What a certifying signature allows (ISO 32000-1, 12.8.2.2): 2 where it does not say.
pub(crate) fn doc_mdp<'a>(doc: Doc<'a>, signature: Dict<'a>) -> Option<u8> {
    let references = doc.get_array(signature, b"Reference").iter().filter_map(|entry| doc.dict(entry));
    let is_mdp = |entry: &Dict<'a>| doc.get_name(*entry, b"TransformMethod").as_deref() == Some("DocMDP");
    let permission = |entry: Dict<'a>| {
        let params = doc.get_dict(entry, b"TransformParams")?;
        u8::try_from(doc.get_integer(params, b"P")?).ok()
    };
    references
        .filter(is_mdp)
        .map(|entry| permission(entry).filter(|p| (1..=3).contains(p)).unwrap_or(2))
        .min()
}

/// Names of what a person should know of before sending or signing.
fn features<'a>(doc: Doc<'a>, catalog: Dict<'a>) -> Vec<String> {
    let names = doc.get_dict(catalog, b"Names");
    let named = |key: &[u8]| names.is_some_and(|names| doc.get(names, key).is_some());
    let rights = doc.get_dict(catalog, b"Perms").is_some_and(|perms| perms.has(b"UR3") || perms.has(b"UR"));
    let found = [
        ("javascript", named(b"JavaScript") || runs_script(doc)),
        ("open_action", catalog.has(b"OpenAction") || catalog.has(b"AA")),
        ("embedded_files", named(b"EmbeddedFiles") || catalog.has(b"AF")),
        ("usage_rights", rights),
    ];
    found.into_iter().filter(|(_, is)| *is).map(|(name, _)| name.to_owned()).collect()
}

/// Looks at objects only where the bytes of the file, or of an object stream, have the word at all.
fn runs_script(doc: Doc<'_>) -> bool {
    if !doc.file.mentions(b"JavaScript") {
        return false;
    }
    let script =
        |dict: Dict<'_>| matches!(dict.get(b"S"), Some(Object::Name(name)) if name.is(b"JavaScript"));
    let nested = |dict: Dict<'_>| {
        [&b"A"[..], b"OpenAction"]
            .iter()
            .any(|key| dict.get(key).and_then(|it| it.as_dict()).is_some_and(script))
    };
    doc.objects().any(|(_, object)| object.as_dict().is_some_and(|dict| script(dict) || nested(dict)))
}

#[cfg(test)]
mod tests {
    use esign_core::facts::{Inherited, Rect, XrefKind};

    use super::*;
    use crate::testing::{Fixture, Style, document, plain, stream};

    const A4: &str = "/MediaBox[0 0 595.28 841.89]";

    fn facts(fixture: &Fixture) -> PdfFacts {
        inspect(&fixture.bytes, &Limits::default()).unwrap()
    }

    fn refusal(fixture: &Fixture) -> PdfError {
        inspect(&fixture.bytes, &Limits::default()).unwrap_err()
    }

    #[test]
    fn every_way_of_writing_gives_the_same_facts() {
        for (style, xref) in [
            (Style::Table, XrefKind::Table),
            (Style::Stream, XrefKind::Stream),
            (Style::Compressed, XrefKind::Stream),
            (Style::Hybrid, XrefKind::Hybrid),
        ] {
            let file = document("/Version/2.0", &[A4, "/MediaBox[10 20 0 0]"], style);
            let file = file.update(&[(9, "null".to_owned())], style);
            let facts = facts(&file);
            assert_eq!(facts.damage, Vec::<String>::new(), "{style:?}");
            assert_eq!(facts.revisions.iter().map(|r| r.xref).collect::<Vec<_>>(), [xref, xref]);
            assert_eq!(facts.revisions[1].end + 1, file.bytes.len() as u64);
            assert_eq!(facts.version, "2.0");
            assert_eq!(facts.pages, [PageFacts::plain(1, 595.28, 841.89), PageFacts::plain(2, 10.0, 20.0)]);
            assert!(!facts.encrypted);
        }
    }

    #[test]
    fn boxes_and_rotation_are_inherited_and_the_user_unit_is_not() {
        let file = Fixture::new(
            &[
                (1, "<</Type/Catalog/Pages 2 0 R>>".to_owned()),
                (
                    2,
                    "<</Type/Pages/Count 2/Kids[3 0 R 5 0 R]/MediaBox 6 0 R/Rotate -90/UserUnit 3>>"
                        .to_owned(),
                ),
                (3, "<</Type/Pages/Count 1/Kids[4 0 R]/CropBox[590 790 100 100]>>".to_owned()),
                (4, "<</Type/Page/UserUnit 2/Rotate 450>>".to_owned()),
                (5, "<</Type/Page>>".to_owned()),
                (6, "[-10 -20 600 800]".to_owned()),
            ],
            Style::Table,
        );
        let media = Rect::new(-10.0, -20.0, 610.0, 820.0);
        let crop = Rect::new(100.0, 100.0, 490.0, 690.0);
        let mut expected =
            [PageFacts::new(1, media, Some(crop), 90, 2.0), PageFacts::new(2, media, None, 270, 1.0)];
        expected[0].inherited = Inherited { media_box: true, crop_box: true, ..Inherited::default() };
        expected[1].inherited = Inherited { media_box: true, rotate: true, ..Inherited::default() };
        assert_eq!(facts(&file).pages, expected);
    }

    #[test]
    fn oddities_of_pages_are_damage_and_missing_boxes_are_errors() {
        for (page, words) in [
            ("/MediaBox[0 0 9 9]/Rotate 45", "page 1: its rotation"),
            ("/MediaBox[0 0 9 9]/UserUnit 0", "page 1: its UserUnit"),
            ("/MediaBox[0 0 9 9]/CropBox[1 2 3]", "page 1: its CropBox"),
        ] {
            assert!(facts(&document("", &[page], Style::Table)).damage[0].starts_with(words), "{page}");
        }
        for page in ["", "/MediaBox[0 0 0 9]", "/MediaBox[0 0 (9) 9]", "/MediaBox 77 0 R"] {
            let file = document("", &["/MediaBox[0 0 9 9]", page], Style::Table);
            assert_eq!(refusal(&file), PdfError::NoMediaBox { page: 2 }, "{page}");
        }
    }

    #[test]
    fn a_page_tree_that_lies_is_damage() {
        let tree = |root: &str, third: &str| {
            Fixture::new(
                &[
                    (1, "<</Type/Catalog/Pages 2 0 R>>".to_owned()),
                    (2, format!("<</Type/Pages/MediaBox[0 0 9 9]{root}>>")),
                    (3, third.to_owned()),
                ],
                Style::Table,
            )
        };
        for (root, pages, words) in [
            ("/Count 5/Kids[3 0 R]", 1, "1 pages, its /Count says otherwise"),
            ("/Count 2/Kids[3 0 R 3 0 R]", 2, "an object twice"),
            ("/Count 1/Kids[2 0 R 3 0 R]", 1, "an object twice"),
            ("/Count 1/Kids[3 0 R 7 0 R]", 1, "is missing"),
        ] {
            let facts = facts(&tree(root, "<</Type/Page>>"));
            assert_eq!(facts.pages.len(), pages, "{root}");
            assert!(facts.damage.join(";").contains(words), "{root}: {:?}", facts.damage);
        }
        assert_eq!(refusal(&tree("/Count 0/Kids[]", "null")), PdfError::NoPages);
        assert_eq!(refusal(&tree("/Count 1/Kids[3 0 R]", "<</Type/Pages/Kids[2 0 R]>>")), PdfError::NoPages);
        let direct = facts(&tree("/Count 1/Kids[<</Type/Page/Rotate 90>>]", "null"));
        assert_eq!(direct.pages[0].rotate, 90, "a page may be written into the tree itself");
    }

    #[test]
    fn signature_fields_are_found_with_name_page_and_place() {
        let form = "/AcroForm<</Fields[4 0 R 8 0 R]/SigFlags 3>>";
        let page = "/MediaBox[0 0 600 800]/Annots[6 0 R]";
        let file = document(form, &[page], Style::Table).update(
            &[
                (4, "<</T(form)/FT/Sig/Kids[5 0 R 9 0 R]>>".to_owned()),
                (5, "<</T(\u{fe})/Kids[6 0 R 7 0 R]/Lock<</Action/Include/Fields[(a.b)]/P 1>>>>".to_owned()),
                (6, "<</Subtype/Widget/Rect[10 20 110 70]>>".to_owned()),
                (7, "<</Subtype/Widget/Rect[0 0 0 0]/P 3 0 R>>".to_owned()),
                (8, "<</T(text)/FT/Tx>>".to_owned()),
                (9, "<</T(signed)/V 77 0 R>>".to_owned()),
            ],
            Style::Table,
        );
        let facts = facts(&file);
        assert_eq!(facts.form_fields, 1);
        assert_eq!(facts.fields, [FormFieldFacts::new("text", Vec::new())]);
        let [empty, broken] = facts.signatures.as_slice() else { panic!("{:?}", facts.signatures) };
        assert_eq!(empty.signature, None);
        let places: Vec<_> = empty.widgets.iter().map(|w| (w.page, w.shown)).collect();
        assert_eq!(places, [(1, Rect::new(10.0, 20.0, 100.0, 50.0)), (1, Rect::new(0.0, 0.0, 0.0, 0.0))]);
        let lock =
            FieldLock { action: "Include".to_owned(), fields: vec!["a.b".to_owned()], permission: Some(1) };
        assert_eq!(empty.lock, Some(lock));
        assert_eq!(broken.name, "form.signed");
        assert!(broken.unreadable.is_some(), "a value that does not resolve is not an empty field");
    }

    #[test]
    fn certification_rights_and_actions() {
        let catalog = "/AcroForm<</Fields[4 0 R]/XFA[]>>/NeedsRendering true/OpenAction<</S/JavaScript/JS(x)>>\
                       /Perms<</UR3 5 0 R/DocMDP 5 0 R>>/Names<</EmbeddedFiles<<>>>>";
        let mdp = "/Contents<00>/Reference[<</TransformMethod/DocMDP/TransformParams<</P 1>>>>]";
        let file = document(catalog, &[A4], Style::Table).update(
            &[
                (4, "<</T(c)/FT/Sig/V 5 0 R>>".to_owned()),
                (5, format!("<</Type/Sig/SubFilter/adbe.pkcs7.detached{mdp}>>")),
            ],
            Style::Table,
        );
        let facts = facts(&file);
        let certification = facts.certification.unwrap();
        assert!(certification.forbids_signing() && certification.field == "c");
        assert_eq!(facts.xfa, Some(Xfa::Dynamic));
        assert_eq!(facts.features, ["javascript", "open_action", "embedded_files", "usage_rights"]);
    }

    #[test]
    fn a_lock_counts_once_its_field_is_signed() {
        for (value, expected) in [("", None), ("/V<</SubFilter/x/Contents<00>>>", Some(1))] {
            let field = format!("<</T(c)/FT/Sig/Lock<</Action/All/P 1>>{value}>>");
            let file = document("/AcroForm<</Fields[4 0 R]>>", &[A4], Style::Table);
            let facts = facts(&file.update(&[(4, field)], Style::Table));
            assert_eq!(facts.certification.map(|certification| certification.permission), expected);
        }
    }

    #[test]
    fn encryption_is_reported_or_refused() {
        let encrypted = plain().with_trailer("/Root 1 0 R/Encrypt<</Filter/Standard/V 1/R 2/O(x)/U(y)/P 0>>");
        let refused =
            inspect(&encrypted.update(&[(9, "null".to_owned())], Style::Table).bytes, &Limits::default());
        assert_eq!(refused.unwrap_err(), PdfError::Encrypted);
    }

    #[test]
    fn limits_hold() {
        let limited = |change: fn(&mut Limits), fixture: &Fixture| {
            let mut limits = Limits::default();
            change(&mut limits);
            inspect(&fixture.bytes, &limits).unwrap_err()
        };
        let two = document("", &[A4, A4], Style::Table);
        assert!(matches!(limited(|l| l.max_pages = 1, &two), PdfError::Limit { what: "pages", .. }));
        assert!(matches!(limited(|l| l.max_objects = 2, &two), PdfError::Limit { what: "objects", .. }));
        assert!(matches!(limited(|l| l.max_bytes = 2, &two), PdfError::TooLarge { .. }));
        let deep: Vec<_> =
            (0..300).map(|n| (n + 3, format!("<</Type/Pages/Kids[{} 0 R]>>", n + 4))).collect();
        let deep = plain().update(&deep, Style::Table);
        assert!(matches!(refusal(&deep), PdfError::Limit { what: "levels of the page tree", .. }));
        let bomb = stream("/Type/ObjStm/N 1/First 4/Filter/RunLengthDecode", &"\u{1}".repeat(4000));
        assert!(inspect(&plain().update(&[(9, bomb)], Style::Table).bytes, &Limits::default()).is_ok());
    }
}
