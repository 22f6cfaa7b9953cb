//! What certifications and locks forbid, compared directly: no signature value is needed for that.

use lopdf::dictionary;

use super::*;
use crate::fields;
use crate::verify::changes::{Comparison, Lock, Restrictions, compare};
use crate::verify::revisions::{restrictions, revision_that_ends};

/// A document, and the reasons against an update to it.
fn complaints(old: &[u8], restrictions: &Restrictions, update: fn(&mut Update)) -> Vec<String> {
    let new = Update::to(old, update);
    let limits = Limits::default();
    let file = File::open(&new, &limits).unwrap();
    let view = View::new(file.newest(), &limits).unwrap();
    let locate = Locate::new(&view, &limits).unwrap();
    let revisions = Revisions::survey(&view, [old.len()].into_iter(), &limits).unwrap();
    let old = file.as_of(revision_that_ends(view.doc, old.len()).unwrap());
    let old_fields = fields::walk(old, &limits).unwrap();
    let survey = revisions.surveyed();
    let it = Comparison { old, old_fields: &old_fields, new: &view, locate: &locate, survey, restrictions };
    let changes = compare(it);
    changes.into_iter().filter(|change| !change.allowed).map(|change| change.what).collect()
}

fn sign_field(u: &mut Update, sub_filter: &str) {
    let value = u.add(dictionary! {
        "ByteRange" => vec![0.into()], "Contents" => Object::string_literal("x"), "SubFilter" => sub_filter,
    });
    u.set((14, 0), "V", value);
}

fn fill(u: &mut Update) {
    sign_field(u, "ETSI.CAdES.detached");
}

fn timestamp(u: &mut Update) {
    sign_field(u, "ETSI.RFC3161");
}

fn add_field(u: &mut Update) {
    let field = u.add(dictionary! { "FT" => "Sig", "T" => Object::string_literal("new") });
    u.form().get_mut(b"Fields").unwrap().as_array_mut().unwrap().push(field.into());
}

#[test]
fn certifications_say_what_may_follow() {
    for (permission, update, forbidden) in [
        (None, fill as fn(&mut Update), false),
        (Some(2), fill, false),
        (Some(3), fill, false),
        (Some(1), fill, true),
        (Some(1), timestamp, false),
        (None, add_field, false),
        (Some(2), add_field, true),
    ] {
        let restrictions = Restrictions { permission, locks: Vec::new() };
        let complaints = complaints(&base(Style::Table), &restrictions, update);
        assert_eq!(!complaints.is_empty(), forbidden, "{permission:?}: {complaints:?}");
    }
}

/// Filling in is more than signing: without a certification that says so, nobody allowed it.
#[test]
fn fields_are_filled_in_only_where_a_certification_allows_it() {
    let lock = |action: &str| Lock { action: action.to_owned(), fields: ["amount".to_owned()].into() };
    let value: fn(&mut Update) = |u| u.set((13, 0), "V", Object::string_literal("999"));
    let shown: fn(&mut Update) = |u| {
        let bbox = [0, 0, 9, 9].map(Object::from).to_vec();
        let paint = u.add(lopdf::Stream::new(dictionary! { "BBox" => bbox }, b"0 0 9 9 re f".to_vec()));
        u.set((13, 0), "V", Object::string_literal("999"));
        u.set((13, 0), "AP", dictionary! { "N" => paint });
    };
    let unbounded: fn(&mut Update) = |u| {
        let paint = u.add(Update::content("0 0 999 999 re f"));
        u.set((13, 0), "V", Object::string_literal("999"));
        u.set((13, 0), "AP", dictionary! { "N" => paint });
    };
    let old_paint: fn(&mut Update) = |u| u.set((13, 0), "AP", dictionary! { "N" => (10, 0) });
    let moved: fn(&mut Update) = |u| {
        u.set((13, 0), "V", Object::string_literal("999"));
        u.set((13, 0), "Rect", vec![0.into(), 0.into(), 595.into(), 842.into()]);
    };
    let action: fn(&mut Update) = |u| u.set((13, 0), "A", dictionary! { "S" => "URI" });
    let elsewhere: fn(&mut Update) = |u| u.set((13, 0), "V", (10, 0));
    for (permission, locks, update, forbidden) in [
        (None, vec![], value, true),
        (Some(1), vec![], value, true),
        (Some(2), vec![], value, false),
        (Some(3), vec![], shown, false),
        (Some(2), vec![lock("Include")], value, true),
        (Some(2), vec![lock("Exclude")], value, false),
        (Some(2), vec![], old_paint, true),
        (Some(2), vec![], unbounded, true),
        (Some(2), vec![], moved, true),
        (Some(2), vec![], action, true),
        (Some(2), vec![], elsewhere, true),
    ] {
        let restrictions = Restrictions { permission, locks };
        let complaints = complaints(&base(Style::Table), &restrictions, update);
        assert_eq!(!complaints.is_empty(), forbidden, "{restrictions:?}: {complaints:?}");
    }
}

#[test]
fn locked_fields_stay_as_they_are() {
    for (action, fields, locked) in [
        ("All", vec![], true),
        ("Include", vec!["empty"], true),
        ("Include", vec!["emp", "empty.child"], false),
        ("Exclude", vec!["empty"], false),
        ("Exclude", vec!["other"], true),
        ("nonsense", vec![], true),
    ] {
        let fields = fields.into_iter().map(str::to_owned).collect();
        let restrictions =
            Restrictions { permission: None, locks: vec![Lock { action: action.to_owned(), fields }] };
        let complaints = complaints(&base(Style::Table), &restrictions, fill);
        assert_eq!(!complaints.is_empty(), locked, "{action}: {complaints:?}");
    }
}

#[test]
fn restrictions_are_read_from_signed_fields_only() {
    let reference = "/Reference[<</TransformMethod/DocMDP/TransformParams<</P 2>>>>\
                     <</TransformMethod/FieldMDP/TransformParams<</Action/Include/Fields[(a)(b.c)]>>>>]";
    let objects = [
        (1, "<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[4 0 R 5 0 R]>>>>".to_owned()),
        (2, "<</Type/Pages/Count 1/Kids[3 0 R]>>".to_owned()),
        (3, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>".to_owned()),
        (4, "<</FT/Sig/T(empty)/Lock<</Action/All/P 1>>>>".to_owned()),
        (5, "<</FT/Sig/T(signed)/V 6 0 R/Lock<</Action/Exclude/Fields[(x)]/P 3>>>>".to_owned()),
        (6, format!("<</SubFilter/x/Contents(){reference}>>")),
    ];
    let file = Fixture::new(&objects, Style::Table);
    let limits = Limits::default();
    let file = File::open(&file.bytes, &limits).unwrap();
    let fields = fields::walk(file.newest(), &limits).unwrap();
    let restrictions = restrictions(file.newest(), &fields, &limits).unwrap();
    assert_eq!(restrictions.permission, Some(2));
    let locked: Vec<_> = ["a", "b.c", "b.c.d", "b", "x"].map(|name| restrictions.lock(name)).to_vec();
    assert_eq!(locked, [true, true, true, true, false], "the lock excludes x only");
}
