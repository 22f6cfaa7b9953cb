//! One file for one seed.

use std::collections::BTreeMap;
use std::fmt;

use super::base::{Base, KINDS, Keys, Kind, TRAILER};
use super::delivery::{self, Delivery, TRICKS};
use super::dice::Dice;
use super::pdf::Section;
use super::shape::{ATTACKS, Fill, HONEST, Shape};
use super::signing;

const SECTIONS: [Section; 3] = [Section::Table, Section::Stream, Section::Compressed];

/// Every base, made once.
pub(crate) struct Bases {
    pub(crate) keys: Keys,
    made: BTreeMap<(Kind, u8), Base>,
}

impl Bases {
    pub(crate) fn new() -> Self {
        let keys = Keys::new();
        let mut made = BTreeMap::new();
        for kind in KINDS.into_iter().chain([Kind::Bare]) {
            for (number, section) in (0..).zip(SECTIONS) {
                made.insert((kind, number), Base::new(&keys, kind, section));
            }
        }
        Self { keys, made }
    }

    pub(crate) fn get(&self, kind: Kind, section: Section) -> &Base {
        let number = SECTIONS.iter().position(|there| *there == section).expect("one of three");
        &self.made[&(kind, u8::try_from(number).expect("one of three"))]
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Base> {
        self.made.values()
    }
}

/// What a seed stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Recipe {
    pub(crate) seed: u64,
    pub(crate) kind: Kind,
    pub(crate) base_section: Section,
    pub(crate) shape: Shape,
    pub(crate) delivery: Delivery,
    pub(crate) section: Section,
    /// Whether a proper signature of somebody else follows.
    pub(crate) signed_over: bool,
}

/// A file, and what the judge must know about it.
pub(crate) struct Made {
    pub(crate) bytes: Vec<u8>,
    pub(crate) fill: Option<Fill>,
    /// The box of a person's signature that the update adds.
    pub(crate) signed_box: Option<[u32; 4]>,
}

impl Recipe {
    pub(crate) fn of(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let base_section = dice.pick(&SECTIONS);
        // A verdict that is strict falls for what is nearly honest, if for anything.
        let shape = if dice.once_in(3) { dice.pick(&HONEST) } else { dice.pick(&ATTACKS) };
        let delivery = match dice.below(4) {
            0 => Delivery::Proper,
            1 => Delivery::Mutated,
            _ => dice.pick(&TRICKS),
        };
        // Most readers go on with the kind of section that they found; some mix them.
        let section = if dice.once_in(5) { dice.pick(&SECTIONS) } else { base_section };
        let signed_over = dice.once_in(8);
        Self { seed, kind: dice.pick(&KINDS), base_section, shape, delivery, section, signed_over }
    }

    /// What [`Display`](fmt::Display) wrote, up to a comment.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let words: Vec<_> = line.split('#').next()?.split_whitespace().collect();
        let [seed, shape, delivery, section, kind, base_section, over] = words[..] else { return None };
        let kinds = KINDS.into_iter().chain([Kind::Bare]);
        Some(Self {
            seed: seed.parse().ok()?,
            shape: named(HONEST.into_iter().chain(ATTACKS), shape)?,
            delivery: named(TRICKS.into_iter().chain([Delivery::Proper]), delivery)?,
            section: named(SECTIONS, section)?,
            kind: named(kinds, kind)?,
            base_section: named(SECTIONS, base_section)?,
            signed_over: over == "signed-over",
        })
    }

    /// The file; `None` if the parts do not go together.
    pub(crate) fn make(&self, bases: &Bases) -> Option<Made> {
        let base = bases.get(self.kind, self.base_section);
        let mut dice = Dice::new(!self.seed);
        let change = self.shape.change(base, &mut dice);
        let mut bytes = delivery::write(base, &change, self.delivery, self.section, &mut dice)?;
        if let Some((_, by)) = change.signature {
            bytes = signing::complete(bytes, &by.of(&bases.keys));
        }
        if self.signed_over && change.signature.is_none() && self.delivery != Delivery::Mutated {
            bytes = self.sign_over(bases, &bytes);
        }
        Some(Made { bytes, fill: change.fill, signed_box: change.signed_box })
    }

    /// Lets somebody sign what was made, in a field without a box, as if it were the whole document.
    fn sign_over(&self, bases: &Bases, bytes: &[u8]) -> Vec<u8> {
        let base = bases.get(self.kind, self.base_section);
        let mut over = base.clone();
        over.bytes = bytes.to_vec();
        over.objects.extend(super::pdf::bodies(&bytes[base.bytes.len()..]));
        let mut writer = super::pdf::Writer::after(bytes, TRAILER, 130);
        super::shape::further_signature(&over, &mut writer);
        let section = if self.section == Section::Table { Section::Table } else { Section::Stream };
        writer.finish(section, 128);
        signing::complete(writer.bytes, &signing::By::Person(&bases.keys.second))
    }
}

fn named<T: fmt::Debug>(all: impl IntoIterator<Item = T>, name: &str) -> Option<T> {
    all.into_iter().find(|one| format!("{one:?}") == name)
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, kind, base_section, shape, delivery, section, signed_over } = self;
        let over = if *signed_over { "signed-over" } else { "last" };
        write!(f, "{seed} {shape:?} {delivery:?} {section:?} {kind:?} {base_section:?} {over}")
    }
}
