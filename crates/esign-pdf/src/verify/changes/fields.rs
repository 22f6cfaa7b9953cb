//! Fields that were filled in: what may change about one, and whether it shows what it says.

use std::collections::HashSet;

use super::Diff;
use super::same::references;
use super::widget::{Shows, is_sized, listed_appearances, shows};
use crate::fields::Field;
use crate::reader::{Dict, Doc, Id, Lexer, Object, Token, text};

impl<'a> Diff<'a> {
    /// The objects that a field consists of: itself and its widgets.
    pub(crate) fn parts(field: &Field<'_>) -> Vec<Id> {
        let Some(id) = field.id else { return Vec::new() };
        let widgets = field.widgets.iter().filter_map(|(widget, _)| *widget);
        std::iter::once(id).chain(widgets.filter(|widget| *widget != id)).collect()
    }

    /// Other fields that were filled in, which only a certification can allow (ISO 32000-1, table 254).
    pub(crate) fn filled_in(&mut self) {
        if !matches!(self.it.restrictions.permission, Some(2 | 3)) {
            return;
        }
        let it = self.it;
        for field in it.old_fields.list.iter().filter(|field| !field.is_signature()) {
            if field.id.is_none() || it.restrictions.lock(&field.name) {
                continue;
            }
            let parts = Self::parts(field);
            if !parts.iter().any(|part| self.changed.contains(part))
                || !parts.iter().all(|part| self.only_filled_in(*part))
            {
                continue;
            }
            if !parts.iter().all(|part| self.stays_in_its_box(*part)) {
                let what = format!("form field {} got an appearance that is not held by its box", field.name);
                self.forbid(what, field.id);
                continue;
            }
            self.appearance_written_over(&parts);
            let what = format!("form field {} was filled in", field.name);
            if self.shows_its_value(field) {
                self.allow(what, field.id);
            } else {
                let doubt = "and what it shows could not be matched with its value";
                self.point_out(format!("{what}, {doubt}"), field.id);
            }
            parts.into_iter().for_each(|part| self.explain(part));
        }
    }

    /// True if nothing of a field or widget changed but its value and what shows it.
    fn only_filled_in(&self, part: Id) -> bool {
        let (Some(was), Some(is)) = (self.old().dict_of(part), self.now().dict_of(part)) else {
            return false;
        };
        self.pair().differing_keys(was, is).iter().all(|key| {
            is.get(key).is_some_and(|value| match &**key {
                b"V" | b"I" => is_plain_value(value),
                b"AS" => matches!(value, Object::Name(_)),
                b"AP" => self.only_new_or(value, &listed_appearances(was)),
                b"M" => matches!(value, Object::String(_)),
                b"Ff" => only_made_read_only(was, value),
                _ => false,
            })
        })
    }

    /// True if every viewer draws a widget's appearance within its box.
    fn stays_in_its_box(&self, part: Id) -> bool {
        let doc = self.now();
        doc.dict_of(part).is_none_or(|dict| shows(doc, dict, is_sized(doc, dict)) != Shows::Anywhere)
    }

    /// True if an appearance consists of new objects, and of these.
    pub(crate) fn only_new_or(&self, appearance: Object<'a>, old: &[Id]) -> bool {
        let mut new = matches!(appearance, Object::Dict(_) | Object::Reference(_));
        references(appearance, &mut |_, id| new &= self.added.contains(&id) || old.contains(&id));
        new
    }

    /// An update may draw into the appearance that a field had, if nothing else shows it and it comes to lead to nothing
    /// else that is old. Only where the widget itself lists it: a dictionary between could be shared.
    pub(crate) fn appearance_written_over(&mut self, parts: &[Id]) {
        let leads_to = |object: Object<'_>| {
            let mut found = Vec::new();
            references(object, &mut |_, id| found.push(id));
            found
        };
        let shown = parts.iter().filter_map(|part| self.old().dict_of(*part)).flat_map(listed_appearances);
        let own: HashSet<_> = parts.iter().copied().collect();
        for id in shown.collect::<Vec<_>>() {
            let (Some(was @ Object::Stream(_)), Some(is @ Object::Stream(_))) =
                (self.old().object(id), self.now().object(id))
            else {
                continue;
            };
            let kept = leads_to(was);
            if leads_to(is).iter().all(|id| kept.contains(id) || self.added.contains(id)) {
                self.explain_if_only_under(id, &[], &own);
            }
        }
    }

    /// True if the texts that a text field's appearance draws are its value, letter for letter but for spaces. What is
    /// drawn in other letters than the value's, or by glyph numbers, cannot be compared.
    fn shows_its_value(&self, field: &Field<'_>) -> bool {
        let doc = self.now();
        let Some(now) = field.id.and_then(|id| doc.dict_of(id)) else { return false };
        let Some(Object::String(value)) = doc.get(now, b"V") else {
            // A state is a name; which appearance shows it is the name of the appearance.
            return matches!(doc.get(now, b"V"), Some(Object::Name(_)));
        };
        let letters = |text: &str| text.chars().filter(|letter| !letter.is_whitespace()).collect::<String>();
        let value = letters(&text(&doc.bytes(value)));
        let widgets = field.widgets.iter().filter_map(|(id, _)| doc.dict_of((*id)?));
        let mut shown = widgets.map(|widget| drawn(doc, widget)).peekable();
        shown.peek().is_some() && shown.all(|shown| shown.is_some_and(|shown| letters(&shown) == value))
    }
}

/// The strings that the normal appearance of a widget draws; `None` where there is none to read.
fn drawn<'a>(doc: Doc<'a>, widget: Dict<'a>) -> Option<String> {
    let normal = doc.get(doc.get_dict(widget, b"AP")?, b"N")?.as_stream()?;
    let content = doc.unpacked(normal, 1 << 20).ok()?;
    let mut lexer = Lexer::new(&content, 0);
    let (mut drawn, mut pending) = (String::new(), Vec::new());
    loop {
        match lexer.next() {
            Token::End => return Some(drawn),
            Token::Literal(raw) => pending.push(text(&crate::reader::literal(raw))),
            Token::Hex(raw) => pending.push(text(&crate::reader::hexadecimal(raw))),
            Token::Word(b"Tj" | b"TJ" | b"'" | b"\"") => drawn.extend(pending.drain(..)),
            // What draws something else than text is not compared.
            Token::Word(b"Do" | b"BI" | b"sh" | b"m" | b"l" | b"c" | b"v" | b"y" | b"Tr") => return None,
            Token::Word(word) if word.first().is_some_and(u8::is_ascii_alphabetic) => pending.clear(),
            _ => {}
        }
    }
}

/// A text, a choice, or several choices: nothing that leads elsewhere.
fn is_plain_value(value: Object<'_>) -> bool {
    match value {
        Object::String(_) | Object::Name(_) | Object::Integer(_) => true,
        Object::Array(items) => {
            items.iter().all(|item| matches!(item, Object::String(_) | Object::Integer(_)))
        }
        _ => false,
    }
}

/// A program may close what it filled in, and nothing else.
fn only_made_read_only(was: Dict<'_>, is: Object<'_>) -> bool {
    const READ_ONLY: i64 = 1;
    let before = was.get(b"Ff").and_then(|flags| flags.as_integer()).unwrap_or(0);
    is.as_integer() == Some(before | READ_ONLY)
}
