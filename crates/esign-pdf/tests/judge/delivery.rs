//! How an update is written: properly, or so that readers disagree about it.

use super::base::{Base, NEW, TRAILER};
use super::dice::Dice;
use super::pdf::{self, Entry, Section, Writer, stream};
use super::shape::Change;
use super::signing;

/// The first is proper; each of the others plays one object of the update off against what was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Delivery {
    Proper,
    /// The section points a number at another object's header.
    Alias,
    /// The section points a number at another object's index in an object stream.
    AliasInStream,
    /// An object stream has the number twice, the signed or the new object first.
    StreamTwice,
    /// An object stream says that it has fewer objects than it has.
    StreamCount,
    /// The section lists the number twice.
    EntryTwice,
    /// A dictionary has a key twice.
    KeyTwice,
    /// A dictionary has a key twice, once with an escape in its name.
    KeyEscaped,
    /// The trailer has `/Prev` twice.
    PrevTwice,
    /// The section says another generation than the header.
    Generation,
    /// A subsection has more entries than it says.
    Count,
    /// A hybrid section: its table and its stream disagree.
    Hybrid,
    /// A stream is longer than its `/Length` says.
    Length,
    /// An offset above 32 bits that is right below them.
    Offset,
    /// `startxref` has two numbers, or stands there twice.
    StartTwice,
    /// The new object is in no section, behind so much padding that viewers search for objects.
    Orphan,
    /// The section ends where only half the entries are read.
    Trailing,
    /// The section's `/Size` is too small for its numbers.
    Size,
    /// Proper, with so much space or comment behind it that viewers do not find the end.
    Padded,
    /// An offset leads into the middle of another object's number.
    InsideNumber,
    /// Entries of a table are a byte too short.
    Narrow,
    /// A comment or nothing between the parts of an object's header.
    Header,
    /// An object stands in the data of a stream.
    InsideStream,
    /// Two sections with one number each, the signed one over the new one.
    Rollback,
    /// Proper, but for a few bytes that are others, gone or there twice.
    Mutated,
}

pub(crate) const TRICKS: [Delivery; 24] = [
    Delivery::Alias,
    Delivery::AliasInStream,
    Delivery::StreamTwice,
    Delivery::StreamCount,
    Delivery::EntryTwice,
    Delivery::KeyTwice,
    Delivery::KeyEscaped,
    Delivery::PrevTwice,
    Delivery::Generation,
    Delivery::Count,
    Delivery::Hybrid,
    Delivery::Length,
    Delivery::Offset,
    Delivery::StartTwice,
    Delivery::Orphan,
    Delivery::Trailing,
    Delivery::Size,
    Delivery::Padded,
    Delivery::InsideNumber,
    Delivery::Narrow,
    Delivery::Header,
    Delivery::InsideStream,
    Delivery::Rollback,
    Delivery::Mutated,
];

/// Numbers for the update's own streams, and for an object that hides under another number.
const OWN: u32 = NEW + 20;
const PACK: u32 = NEW + 21;
const HIDDEN: u32 = NEW + 22;
const SIZE: u32 = NEW + 30;

/// The update written over the base. `None` where a delivery makes no sense for it.
pub(crate) fn write(
    base: &Base,
    change: &Change,
    delivery: Delivery,
    section: Section,
    dice: &mut Dice,
) -> Option<Vec<u8>> {
    let mut objects = bodies(base, change);
    let trailer = change.information.map(|number| format!("/Root 1 0 R/Info {number} 0 R"));
    let mut writer = Writer::after(&base.bytes, trailer.as_deref().unwrap_or(TRAILER), SIZE);
    for number in &change.frees {
        writer.entries.push(Entry { number: *number, kind: 0, place: 0, rank: 1 });
    }
    if delivery == Delivery::Proper {
        put_all(&mut writer, &objects, section);
        finish(&mut writer, section, dice);
        return Some(writer.bytes);
    }
    if delivery == Delivery::Mutated {
        put_all(&mut writer, &objects, section);
        finish(&mut writer, section, dice);
        mutate(&mut writer.bytes, base.bytes.len(), dice);
        let whole = change.signature.is_none() || signing::has_hole(&writer.bytes[base.bytes.len()..]);
        return whole.then_some(writer.bytes);
    }
    if delivery == Delivery::Padded {
        put_all(&mut writer, &objects, section);
        finish(&mut writer, section, dice);
        let padding = dice.pick(&["\n", " ", "%\n", "\0"]);
        writer.raw(padding.repeat(dice.pick(&[600, 1_100, 5_000])));
        return Some(writer.bytes);
    }
    // The object that the trick is played with: one that was signed, where there is one of the right sort.
    let fits = |body: &[u8]| match delivery {
        Delivery::Length => pdf::is_stream(body),
        Delivery::AliasInStream | Delivery::StreamTwice | Delivery::StreamCount => !pdf::is_stream(body),
        _ => true,
    };
    let was = |number: &u32| base.objects.contains_key(number);
    let key = objects.iter().position(|(number, body)| was(number) && fits(body));
    let key = key.or_else(|| objects.iter().position(|(_, body)| fits(body)))?;
    let (number, new) = objects.remove(key);
    let nothing = if pdf::is_stream(&new) { stream("", b"") } else { b"null".to_vec() };
    let old = base.objects.get(&number).cloned().unwrap_or(nothing);
    let trick = Trick { base, number, old, new, section, evil_first: dice.once_in(2) };
    let signature = change.signature.map(|(number, _)| number);
    if signature == Some(number) {
        return None;
    }
    let plain = if section == Section::Compressed { Section::Stream } else { section };
    put_all(&mut writer, &objects, plain);
    trick.play(writer, delivery, change, dice)
}

/// The objects of an update, with all their edits.
fn bodies(base: &Base, change: &Change) -> Vec<(u32, Vec<u8>)> {
    let mut objects = change.puts.clone();
    for (number, key, value) in &change.edits {
        if !objects.iter().any(|(there, _)| there == number) {
            objects.insert(0, (*number, base.objects[number].clone()));
        }
        let (_, body) = objects.iter_mut().find(|(there, _)| there == number).expect("it was put there");
        *body = pdf::set(body, key, value.as_deref());
    }
    objects
}

fn put_all(writer: &mut Writer, objects: &[(u32, Vec<u8>)], section: Section) {
    let packs = |body: &[u8]| {
        section == Section::Compressed && !pdf::is_stream(body) && pdf::find(body, b"/ByteRange").is_none()
    };
    let packed: Vec<_> = objects.iter().filter(|(_, body)| packs(body)).cloned().collect();
    for (number, body) in objects.iter().filter(|(_, body)| !packs(body)) {
        writer.object(*number, body);
    }
    if !packed.is_empty() {
        writer.packed(PACK, &packed);
    }
}

fn finish(writer: &mut Writer, section: Section, dice: &mut Dice) {
    if dice.once_in(4) {
        writer.raw("% a comment\n");
    }
    writer.finish(section, OWN);
    if dice.once_in(4) {
        writer.raw("\n\r\n");
    }
}

/// Changes a few bytes behind `start`, but for the zeros of a hole.
fn mutate(bytes: &mut Vec<u8>, start: usize, dice: &mut Dice) {
    const LETTERS: &[u8] = b"0123456789 \n\r\0/<>[]()%RNnfobjendstreamxrefPrevSizeLengthKidsAnnots";
    for _ in 0..=dice.below(3) {
        let at = start + dice.below(bytes.len() - start);
        let length = (1 + dice.below(12)).min(bytes.len() - at);
        match dice.below(5) {
            0 | 1 => bytes[at] = dice.pick(LETTERS),
            2 => bytes.insert(at, dice.pick(LETTERS)),
            3 => drop(bytes.drain(at..at + length)),
            _ => {
                let again = bytes[at..at + length].to_vec();
                bytes.splice(at..at, again);
            }
        }
    }
}

struct Trick<'a> {
    base: &'a Base,
    number: u32,
    /// As it was signed, or null.
    old: Vec<u8>,
    /// As the update wants it.
    new: Vec<u8>,
    section: Section,
    evil_first: bool,
}

impl Trick<'_> {
    fn play(
        self,
        mut writer: Writer,
        delivery: Delivery,
        change: &Change,
        dice: &mut Dice,
    ) -> Option<Vec<u8>> {
        let section = if self.section == Section::Compressed { Section::Stream } else { self.section };
        let packable = !pdf::is_stream(&self.new) && section == Section::Stream;
        let number = self.number;
        match delivery {
            Delivery::Proper | Delivery::Padded | Delivery::Mutated => return None,
            Delivery::Alias => {
                let at = writer.unlisted(HIDDEN, &self.new);
                writer.entries.push(Entry::at(number, at));
                if dice.once_in(2) {
                    writer.entries.push(Entry::at(HIDDEN, at));
                }
            }
            Delivery::AliasInStream if packable => {
                let objects = [(number, self.old), (HIDDEN, self.new)];
                writer.object_stream(PACK, &objects, 2);
                writer.entries.push(Entry::inside(number, PACK, 1));
            }
            Delivery::StreamTwice if packable => {
                let objects = self.pair().map(|body| (number, body));
                writer.object_stream(PACK, &objects, 2);
                writer.entries.push(Entry::inside(number, PACK, u16::from(dice.once_in(2))));
            }
            Delivery::StreamCount if packable => {
                let objects = self.pair().map(|body| (number, body));
                let count = dice.pick(&[0, 1, 3]);
                writer.object_stream(PACK, &objects, count);
                writer.entries.push(Entry::inside(number, PACK, u16::from(dice.once_in(2))));
            }
            Delivery::EntryTwice => {
                for body in self.pair() {
                    writer.object(number, &body);
                }
            }
            Delivery::KeyTwice | Delivery::KeyEscaped => {
                let body = self.key_twice(change, delivery == Delivery::KeyEscaped)?;
                writer.object(number, &body);
            }
            Delivery::PrevTwice => {
                let before = writer.prev.expect("an update");
                writer.object(number, &self.new);
                let at = match section {
                    Section::Table => writer.table(),
                    _ => writer.stream(OWN),
                };
                let (first, second) = if self.evil_first { (at, before) } else { (before, at) };
                writer.prev = None;
                writer.trailer = format!("{TRAILER}/Prev {first}/Prev {second}");
                writer.entries.push(Entry::at(HIDDEN, at));
                writer.unlisted(HIDDEN, b"null");
            }
            Delivery::Generation => {
                let at = writer.unlisted(number, &self.new);
                writer.entries.push(Entry { rank: 1, ..Entry::at(number, at) });
            }
            Delivery::Count => return self.count(writer),
            Delivery::Hybrid => {
                let [first, second] = self.pair();
                writer.object(number, &first);
                let table = std::mem::take(&mut writer.entries);
                writer.object(number, &second);
                let at = writer.stream(OWN);
                writer.entries = table;
                if dice.once_in(2) {
                    writer.entries.retain(|entry| entry.number != number);
                }
                writer.trailer = format!("{TRAILER}/XRefStm {at}");
                let at = writer.table();
                writer.end(at);
                return Some(writer.bytes);
            }
            Delivery::Length if pdf::is_stream(&self.new) && pdf::is_stream(&self.old) => {
                let (old, new) = (data(&self.old), data(&self.new));
                let (short, long) = if self.evil_first { (new, old) } else { (old, new) };
                let both = [short.as_slice(), b"\nendstream\nendobj\n", &long].concat();
                let body = stream("", &both);
                let length = format!("/Length {}", if dice.once_in(2) { short.len() } else { both.len() });
                let wrong = pdf::set(&body, "Length", None);
                writer.object(number, &pdf::insert(&wrong, &length, true));
            }
            Delivery::Offset => {
                for body in self.pair() {
                    writer.object(number, &body);
                }
                let last = writer.entries.last_mut().expect("two were pushed");
                last.place += 1 << 32;
                let first = writer.entries.len() - 2;
                writer.entries.remove(first);
            }
            Delivery::StartTwice => return Some(self.start_twice(writer)),
            Delivery::Orphan => {
                writer.finish(section, OWN);
                writer.unlisted(number, &self.new);
                if dice.once_in(2) {
                    writer.raw(format!("startxref\n{}\n%%EOF\n", pdf::startxref(&self.base.bytes)));
                }
                writer.raw("\n".repeat(dice.pick(&[0, 1_100, 5_000])));
                return Some(writer.bytes);
            }
            Delivery::Trailing => {
                writer.entries.push(Entry::at(HIDDEN, writer.bytes.len()));
                writer.unlisted(HIDDEN, b"null");
                writer.finish(section, OWN);
                let at = writer.unlisted(number, &self.new);
                writer.raw(format!("xref\n{number} 1\n{at:010} 00000 n \n"));
                if dice.once_in(2) {
                    writer.raw(format!("trailer\n<</Size {SIZE}{TRAILER}>>\n"));
                }
                return Some(writer.bytes);
            }
            Delivery::InsideNumber => {
                let at = writer.unlisted(70_000 + number, &self.new);
                let digits = 5 - number.to_string().len();
                writer.entries.push(Entry::at(number, at + digits));
            }
            Delivery::Narrow => return self.narrow(writer),
            Delivery::Header => {
                let at = writer.bytes.len();
                let header = dice.pick(&["obj%\n", "obj", "obj\r", "obj\0", "% 0 obj\n0 obj\n"]);
                let between = if header.starts_with('%') { "" } else { " 0 " };
                writer.raw(format!("{number}{between}{header}"));
                writer.raw(&self.new);
                writer.raw(dice.pick(&["\nendobj\n", "endobj\n", "\n", "\nendobjx\n"]));
                writer.entries.push(Entry::at(number, at));
            }
            Delivery::InsideStream => {
                let inner = [format!("{number} 0 obj\n").as_bytes(), &self.new, b"\nendobj\n"].concat();
                let at = writer.bytes.len();
                writer.object(HIDDEN, &stream("/Type/Metadata/Subtype/XML", &inner));
                let start = pdf::find(&writer.bytes[at..], b">>stream\n").expect("a stream") + 9;
                writer.entries.push(Entry::at(number, at + start));
            }
            Delivery::Rollback => {
                let [first, second] = self.pair();
                writer.object(number, &first);
                writer.finish(section, OWN);
                writer.object(number, &second);
                finish(&mut writer, section, dice);
                return Some(writer.bytes);
            }
            Delivery::Size => {
                writer.object(number, &self.new);
                writer.size = dice.pick(&[1, number, number + 1]);
            }
            _ => return None,
        }
        finish(&mut writer, section, dice);
        Some(writer.bytes)
    }

    /// Both bodies, in the order that was thrown.
    fn pair(&self) -> [Vec<u8>; 2] {
        let pair = [self.new.clone(), self.old.clone()];
        if self.evil_first {
            pair
        } else {
            let [new, old] = pair;
            [old, new]
        }
    }

    /// The signed dictionary with a changed entry beside the signed one.
    fn key_twice(&self, change: &Change, escaped: bool) -> Option<Vec<u8>> {
        let edits = change.edits.iter().filter(|(number, ..)| *number == self.number);
        let mut body = self.old.clone();
        let mut twice = false;
        for (_, key, value) in edits {
            let Some(value) = value else { continue };
            twice |= pdf::get(&self.old, key).is_some();
            let first = key.as_bytes()[0];
            let name = if escaped { format!("#{first:02x}{}", &key[1..]) } else { (*key).to_owned() };
            body = pdf::insert(&body, &format!("/{name} {value}"), !self.evil_first);
        }
        twice.then_some(body)
    }

    /// A table whose subsection has an entry more than it says.
    fn count(self, mut writer: Writer) -> Option<Vec<u8>> {
        if self.section != Section::Table {
            return None;
        }
        let at = writer.unlisted(self.number, &self.new);
        let hidden = writer.unlisted(HIDDEN, b"null");
        let others: Vec<_> = std::mem::take(&mut writer.entries);
        let start = writer.bytes.len();
        writer.raw("xref\n");
        for entry in others {
            writer.raw(format!("{} 1\n{:010} 00000 n \n", entry.number, entry.place));
        }
        let previous = self.number - 1;
        let place = pdf::rfind(&self.base.bytes, format!("\n{previous} 0 obj").as_bytes()).unwrap_or(hidden);
        writer.raw(format!("{previous} 1\n{:010} 00000 n \n{at:010} 00000 n \n", place + 1));
        let prev = writer.prev.expect("an update");
        writer.raw(format!("trailer\n<</Size {SIZE}{TRAILER}/Prev {prev}>>\n"));
        writer.end(start);
        Some(writer.bytes)
    }

    /// A table with entries of 19 bytes.
    fn narrow(self, mut writer: Writer) -> Option<Vec<u8>> {
        if self.section != Section::Table {
            return None;
        }
        writer.object(self.number, &self.new);
        let start = writer.bytes.len();
        writer.raw("xref\n");
        for entry in std::mem::take(&mut writer.entries) {
            writer.raw(format!("{} 1\n{:010} {:05} n\n", entry.number, entry.place, entry.rank));
        }
        let prev = writer.prev.expect("an update");
        writer.raw(format!("trailer\n<</Size {SIZE}{TRAILER}/Prev {prev}>>\n"));
        writer.end(start);
        Some(writer.bytes)
    }

    /// Two sections of which readers take the first or the last.
    fn start_twice(self, mut writer: Writer) -> Vec<u8> {
        let [first, second] = self.pair();
        let before = writer.prev;
        let others = writer.entries.clone();
        let mut places = Vec::new();
        for body in [first, second] {
            writer.entries.clone_from(&others);
            writer.object(self.number, &body);
            writer.prev = before;
            places.push(if self.section == Section::Table { writer.table() } else { writer.stream(OWN) });
        }
        match self.number % 2 {
            0 => writer.raw(format!("startxref\n{} {}\n%%EOF\n", places[0], places[1])),
            _ => writer.raw(format!("startxref\n{}\nstartxref\n{}\n%%EOF\n", places[0], places[1])),
        }
        writer.bytes
    }
}

/// The data of a stream that was written here.
fn data(body: &[u8]) -> Vec<u8> {
    let start = pdf::find(body, b">>stream\n").expect("a stream") + 9;
    body[start..body.len() - "\nendstream".len()].to_vec()
}
