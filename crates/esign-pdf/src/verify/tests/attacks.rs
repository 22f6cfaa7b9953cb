//! What somebody may do to a signed document afterwards, and what the report must say.

use lopdf::{Dictionary, Object, dictionary};

use super::*;

type Attack = (&'static str, &'static str, fn(&mut Update));

/// Each with words from the reason that must be given.
const ATTACKS: &[Attack] = &[
    ("page content replaced", "the content of page 1 was changed", |u| {
        u.put((10, 0), Update::content("BT (Pay 999) Tj ET"));
    }),
    ("page points to other content", "/Contents of page 1", |u| {
        let content = u.add(Update::content("x"));
        u.set(PAGE, "Contents", content);
    }),
    ("page rotated", "/Rotate of page 1", |u| u.set(PAGE, "Rotate", 90)),
    ("font replaced", "an object of type Font Type1 was changed", |u| {
        u.set((11, 0), "BaseFont", "Wingdings")
    }),
    ("annotation changed", "an object of type Annot Text was changed", |u| {
        u.set((12, 0), "Contents", Object::string_literal("other"));
    }),
    ("annotation added", "annotations of page 1", |u| {
        let note = u.add(
            dictionary! { "Subtype" => "Stamp", "Rect" => vec![0.into(), 0.into(), 9.into(), 9.into()] },
        );
        u.append(PAGE, b"Annots", note);
    }),
    ("annotations reordered", "annotations of page 1", |u| {
        u.dict(PAGE).get_mut(b"Annots").unwrap().as_array_mut().unwrap().reverse();
    }),
    ("page added", "pages were added, removed or reordered", |u| {
        let page = u.add(dictionary! { "Type" => "Page", "Parent" => (2, 0), "MediaBox" => vec![0.into(), 0.into(), 9.into(), 9.into()] });
        u.append((2, 0), b"Kids", page);
        u.set((2, 0), "Count", 2);
    }),
    ("open action", "the document catalog's /OpenAction", |u| {
        u.set(
            CATALOG,
            "OpenAction",
            dictionary! { "S" => "JavaScript", "JS" => Object::string_literal("x") },
        );
    }),
    ("names", "the document catalog's /Names", |u| u.set(CATALOG, "Names", Dictionary::new())),
    ("form value", "form field amount was changed", |u| u.set((13, 0), "V", Object::string_literal("999"))),
    ("form field removed", "form fields were removed", |u| {
        u.form().get_mut(b"Fields").unwrap().as_array_mut().unwrap().remove(0);
    }),
    ("text field added", "not a signature field", |u| {
        let field = u.add(dictionary! { "FT" => "Tx", "T" => Object::string_literal("new") });
        u.form().get_mut(b"Fields").unwrap().as_array_mut().unwrap().push(field.into());
    }),
    ("need appearances", "the form's /NeedAppearances", |u| u.form().set("NeedAppearances", true)),
    ("XFA", "the form's /XFA", |u| u.form().set("XFA", Vec::<Object>::new())),
    ("signature flags cleared", "the form's /SigFlags", |u| u.form().set("SigFlags", 0)),
    ("default appearance", "the form's /DA", |u| u.form().set("DA", Object::string_literal("x"))),
    ("default resource replaced", "the form's /DR", |u| {
        let font = u.add(dictionary! { "Type" => "Font" });
        u.form().set("DR", dictionary! { "Font" => dictionary! { "F1" => font } });
    }),
    ("signature widget moved", "form field s was changed", |u| {
        let field = u.field("s");
        u.set(field, "Rect", vec![0.into(), 0.into(), 9.into(), 9.into()]);
    }),
    ("signature widget repainted", "form field s was changed", |u| {
        let (field, paint) = (u.field("s"), u.add(Update::content("0 0 9 9 re f")));
        u.set(field, "AP", dictionary! { "N" => paint });
    }),
    ("appearance stream repainted in place", "was changed", |u| {
        u.put((18, 0), Update::content("0 0 9 9 re f"))
    }),
    ("empty field only repainted", "without being signed", |u| {
        let paint = u.add(Update::content("0 0 9 9 re f"));
        u.set((14, 0), "AP", dictionary! { "N" => paint });
    }),
    ("empty field moved", "/Rect of signature field empty", |u| {
        u.set((14, 0), "Rect", vec![0.into(), 0.into(), 595.into(), 842.into()]);
    }),
    ("empty field filled and shown as something old", "/AP of signature field empty", |u| {
        let value =
            u.add(dictionary! { "ByteRange" => vec![0.into()], "Contents" => Object::string_literal("") });
        u.set((14, 0), "V", value);
        u.set((14, 0), "AP", dictionary! { "N" => (10, 0) });
    }),
    ("empty field filled and given an action", "/A of signature field empty", |u| {
        let value =
            u.add(dictionary! { "ByteRange" => vec![0.into()], "Contents" => Object::string_literal("") });
        u.set((14, 0), "V", value);
        u.set((14, 0), "A", dictionary! { "S" => "URI" });
    }),
    ("empty field filled with text", "filled with something else", |u| {
        u.set((14, 0), "V", Object::string_literal("text"));
    }),
    ("dangling reference filled", "refers to but does not have", |u| u.put((90, 0), Update::content("x"))),
    ("metadata is no metadata", "the document catalog's /Metadata", |u| {
        let content = u.add(Update::content("x"));
        u.set(CATALOG, "Metadata", content);
    }),
    ("new signature field with an action", "with an action", |u| {
        let value =
            u.add(dictionary! { "ByteRange" => vec![0.into()], "Contents" => Object::string_literal("") });
        let field = u.add(dictionary! {
            "FT" => "Sig", "T" => Object::string_literal("new"), "Subtype" => "Widget", "V" => value,
            "Rect" => vec![0.into(), 0.into(), 9.into(), 9.into()], "AA" => Dictionary::new(),
        });
        u.form().get_mut(b"Fields").unwrap().as_array_mut().unwrap().push(field.into());
        u.append(PAGE, b"Annots", field);
    }),
    ("new empty signature field that shows something", "that shows something", |u| {
        let paint = u.add(Update::content("0 0 9 9 re f"));
        let field = u.add(dictionary! {
            "FT" => "Sig", "T" => Object::string_literal("new"), "Subtype" => "Widget",
            "Rect" => vec![0.into(), 0.into(), 9.into(), 9.into()], "AP" => dictionary! { "N" => paint },
        });
        u.form().get_mut(b"Fields").unwrap().as_array_mut().unwrap().push(field.into());
        u.append(PAGE, b"Annots", field);
    }),
    ("new field with the name of an old one", "without a name of its own", |u| {
        let field = u.add(dictionary! { "FT" => "Sig", "T" => Object::string_literal("s") });
        u.form().get_mut(b"Fields").unwrap().as_array_mut().unwrap().push(field.into());
    }),
    ("signature taken out", "an earlier signature (field s) was taken out", |u| {
        u.form().get_mut(b"Fields").unwrap().as_array_mut().unwrap().pop();
    }),
    ("signature's value emptied", "an earlier signature (field s) was taken out", |u| {
        let field = u.field("s");
        u.dict(field).remove(b"V");
    }),
    ("signature's value made unreadable", "holds a signature that cannot be read", |u| {
        let field = u.field("s");
        u.set(field, "V", (4000, 0));
    }),
    ("another root", "the trailer's /Root", |u| {
        let catalog = u.0.get_prev_documents().catalog().unwrap().clone();
        let root = u.add(catalog);
        u.0.new_document.trailer.set("Root", root);
    }),
];

#[test]
fn modifications_by_update_are_found_and_named() {
    let pki = Pki::new();
    for style in [Style::Table, Style::Compressed] {
        let signed = pki.sign(&base(style), "s", 300.0, Level::BT);
        for (name, words, attack) in ATTACKS {
            let report = pki.verify(&Update::to(&signed, attack));
            assert_eq!(report.verdict, Verdict::Failed, "{name}: {report:#?}");
            let reasons = report.reasons.join("\n");
            assert!(reasons.contains(words), "{name} ({style:?}): {reasons}");
        }
    }
}

const HARMLESS: &[Attack] = &[
    ("nothing", "", |u| {
        u.add(Dictionary::new());
    }),
    ("validation data", "validation data", |u| {
        let certificate = u.add(Update::content("x"));
        u.set(CATALOG, "DSS", dictionary! { "Certs" => vec![certificate.into()] });
        u.set(CATALOG, "Extensions", dictionary! { "ESIC" => dictionary! { "BaseVersion" => "1.7" } });
    }),
    ("document information", "the document information", |u| {
        u.set((16, 0), "Title", Object::string_literal("x"))
    }),
    ("metadata", "the metadata", |u| u.set((17, 0), "Length1", 4)),
    ("an unsigned field that shows nothing", "empty signature field new was added", |u| {
        let field = u.add(dictionary! { "FT" => "Sig", "T" => Object::string_literal("new") });
        u.form().get_mut(b"Fields").unwrap().as_array_mut().unwrap().push(field.into());
    }),
    ("a resource for new fields", "", |u| {
        let font = u.add(dictionary! { "Type" => "Font" });
        u.form().set("DR", dictionary! { "Font" => dictionary! { "F1" => (11, 0), "F2" => font } });
    }),
    ("an object rewritten as it was", "", |u| {
        u.dict((11, 0));
    }),
];

#[test]
fn harmless_updates_pass() {
    let pki = Pki::new();
    let signed = pki.sign(&base(Style::Table), "s", 300.0, Level::BT);
    for (name, words, update) in HARMLESS {
        let report = pki.verify(&Update::to(&signed, update));
        assert_eq!(report.verdict, Verdict::Passed, "{name}: {report:#?}");
        let changes: Vec<_> =
            report.signatures[0].changes.iter().map(|change| change.what.as_str()).collect();
        assert_eq!(report.signatures[0].coverage, Coverage::Revision);
        assert!(changes.join("\n").contains(words), "{name}: {changes:?}");
    }
}

/// Programs that sign an empty field draw into the appearance object that it has.
#[test]
fn the_appearance_of_an_empty_field_may_be_drawn_over_where_nothing_else_shows_it() {
    let pki = Pki::new();
    let shown_twice = Update::to(&base(Style::Table), |u| {
        u.dict(PAGE).set("Resources", dictionary! { "XObject" => dictionary! { "X" => (18, 0) } });
    });
    let shared_dictionary = Update::to(&base(Style::Table), |u| {
        let appearances = u.add(dictionary! { "N" => (18, 0) });
        u.set((14, 0), "AP", appearances);
        u.set(CATALOG, "Other", appearances);
    });
    for (document, leads_to_old, reason) in [
        (base(Style::Table), false, None),
        (base(Style::Table), true, Some("an object of type XObject Form was changed")),
        (shown_twice, false, Some("an object of type XObject Form was changed")),
        (shared_dictionary, false, Some("an object of type XObject Form was changed")),
    ] {
        let signed = pki.sign(&document, "s", 300.0, Level::BB);
        let filled = Update::to(&signed, |u| {
            let value = u
                .add(dictionary! { "ByteRange" => vec![0.into()], "Contents" => Object::string_literal("") });
            u.set((14, 0), "V", value);
            let form = if leads_to_old {
                dictionary! { "BBox" => bbox(), "Resources" => (12, 0) }
            } else {
                dictionary! { "BBox" => bbox() }
            };
            u.put((18, 0), lopdf::Stream::new(form, b"0 0 9 9 re f".to_vec()));
        });
        let report = pki.verify(&filled);
        let changes = &report.signatures[0].changes;
        let forbidden: Vec<_> = changes.iter().filter(|change| !change.allowed).collect();
        match reason {
            None => assert_eq!(forbidden, Vec::<&Change>::new()),
            Some(reason) => assert!(forbidden[0].what.contains(reason), "{forbidden:?}"),
        }
    }
}

/// An object that means two things changes in both: an indirect array that is content and annotations at once.
#[test]
fn an_object_with_a_second_meaning_is_not_excused() {
    let pki = Pki::new();
    let mut document = base(Style::Table);
    document = Update::to(&document, |u| {
        let shared = u.add(Object::Array(vec![(10, 0).into()]));
        u.set(CATALOG, "DSS", dictionary! { "Certs" => shared });
        u.set(PAGE, "Contents", shared);
    });
    let signed = pki.sign(&document, "s", 300.0, Level::BT);
    let attacked = Update::to(&signed, |u| {
        let catalog =
            u.0.get_prev_documents().catalog().unwrap().get(b"DSS").unwrap().as_dict().unwrap().clone();
        let shared = catalog.get(b"Certs").unwrap().as_reference().unwrap();
        let content = u.add(Update::content("x"));
        u.put(shared, Object::Array(vec![content.into()]));
    });
    let report = pki.verify(&attacked);
    assert!(report.reasons.join("\n").contains("the content of page 1 was changed"), "{report:#?}");
}

fn bbox() -> Vec<Object> {
    [0, 0, 9, 9].map(Object::from).to_vec()
}
