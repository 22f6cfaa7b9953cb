//! Planted faults: verdicts that are wrong on purpose, each blind to one thing. The judge must find every one of them, or its
//! silence about the real verdict proves nothing.

use super::delivery::Delivery;
use super::pdf;
use super::recipe::{Bases, Made, Recipe};
use super::shape::{ATTACKS, Shape};
use super::viewers::{Claim, Place, Viewers};

/// A verdict that calls whatever has this in it good, as long as the signed bytes are there.
struct Hole {
    name: &'static str,
    falls_in: fn(&Recipe) -> bool,
}

/// Most files of one hole that are looked at.
const ENOUGH: usize = 40;

/// Some attack, written so that readers disagree.
fn trick(recipe: &Recipe, deliveries: &[Delivery]) -> bool {
    ATTACKS.contains(&recipe.shape) && deliveries.contains(&recipe.delivery)
}

/// That attack, written properly.
fn proper(recipe: &Recipe, shape: Shape) -> bool {
    recipe.shape == shape && recipe.delivery == Delivery::Proper
}

const HOLES: [Hole; 31] = [
    // What a reader may let pass.
    Hole { name: "takes the number from the header", falls_in: |r| trick(r, &[Delivery::Alias]) },
    Hole { name: "ignores the index in a stream", falls_in: |r| trick(r, &[Delivery::AliasInStream]) },
    Hole { name: "takes one of two in a stream", falls_in: |r| trick(r, &[Delivery::StreamTwice]) },
    Hole { name: "ignores /N of a stream", falls_in: |r| trick(r, &[Delivery::StreamCount]) },
    Hole { name: "takes one of two entries", falls_in: |r| trick(r, &[Delivery::EntryTwice]) },
    Hole { name: "takes one of two keys", falls_in: |r| trick(r, &[Delivery::KeyTwice]) },
    Hole { name: "ignores escapes in keys", falls_in: |r| trick(r, &[Delivery::KeyEscaped]) },
    Hole { name: "takes one of two /Prev", falls_in: |r| trick(r, &[Delivery::PrevTwice]) },
    Hole { name: "ignores generations", falls_in: |r| trick(r, &[Delivery::Generation]) },
    Hole { name: "ignores counts of subsections", falls_in: |r| trick(r, &[Delivery::Count]) },
    Hole { name: "reads half of a hybrid file", falls_in: |r| trick(r, &[Delivery::Hybrid]) },
    Hole { name: "ignores /Length", falls_in: |r| trick(r, &[Delivery::Length]) },
    Hole { name: "cuts offsets to 32 bits", falls_in: |r| trick(r, &[Delivery::Offset]) },
    Hole { name: "takes one of two startxref", falls_in: |r| trick(r, &[Delivery::StartTwice]) },
    Hole { name: "ignores unlisted bytes", falls_in: |r| trick(r, &[Delivery::Orphan, Delivery::Trailing]) },
    Hole { name: "ignores /Size", falls_in: |r| trick(r, &[Delivery::Size]) },
    // What a list of allowed changes may be missing.
    Hole { name: "ignores content", falls_in: |r| proper(r, Shape::PageContent) },
    Hole { name: "ignores entries of pages", falls_in: |r| proper(r, Shape::PageEntry) },
    Hole { name: "ignores fonts", falls_in: |r| proper(r, Shape::Font) },
    Hole { name: "ignores layers", falls_in: |r| proper(r, Shape::Layer) },
    Hole { name: "ignores what disappears", falls_in: |r| proper(r, Shape::Uncovered) },
    Hole { name: "drops what it cannot parse", falls_in: |r| proper(r, Shape::Dangling) },
    Hole { name: "ignores annotations", falls_in: |r| proper(r, Shape::Annotation) },
    Hole { name: "accepts a timestamp's widget", falls_in: |r| proper(r, Shape::TimestampPaints) },
    Hole { name: "accepts any subtype for a field", falls_in: |r| proper(r, Shape::FieldOfOtherKind) },
    Hole { name: "accepts what an empty field shows", falls_in: |r| proper(r, Shape::FieldPaints) },
    Hole { name: "ignores scripts", falls_in: |r| proper(r, Shape::Script) },
    Hole { name: "accepts fonts of the form", falls_in: |r| proper(r, Shape::FormFont) },
    Hole { name: "accepts another signer over all", falls_in: |r| proper(r, Shape::OtherSigner) },
    Hole { name: "ignores what a field shows", falls_in: |r| proper(r, Shape::ValueShowsOther) },
    Hole { name: "ignores locks", falls_in: |r| proper(r, Shape::LockedFill) },
];

impl Hole {
    /// What the wrong verdict says of a file: good, the boxes of later signatures and filled fields named as places only.
    fn claim(&self, made: &Made, bases: &Bases, recipe: &Recipe) -> Claim {
        let base = &bases.get(recipe.kind, recipe.base_section).bytes;
        assert!(made.bytes.starts_with(base), "the signed bytes are there");
        let place = |rect: [u32; 4], value: Option<&str>| Place {
            page: 1,
            rect: rect.map(f64::from),
            named: false,
            old: value.is_some(),
            value: value.map(str::to_owned),
        };
        // A lock forbids the field altogether.
        let fill = made.fill.as_ref().filter(|_| recipe.shape == Shape::ValueShowsOther);
        let fill = fill.map(|fill| place(fill.place, Some(fill.value)));
        let boxes = made.signed_box.map(|rect| place(rect, None)).into_iter().chain(fill).collect();
        Claim { signature: "the first".to_owned(), end: signed_end(base), boxes }
    }
}

/// The end of the first signature's bytes.
fn signed_end(bytes: &[u8]) -> usize {
    let at = pdf::find(bytes, b"/ByteRange[").expect("it is signed") + "/ByteRange[".len();
    let text = bytes[at..].split(|byte| *byte == b']').next().expect("it is closed");
    let text = std::str::from_utf8(text).expect("numbers");
    let numbers: Vec<usize> = text.split_whitespace().map(|n| n.parse().expect("a number")).collect();
    let [_, _, start, length] = numbers[..] else { panic!("{text}") };
    start + length
}

#[test]
#[ignore = "needs the viewers that .ci/run installs"]
fn planted_faults_are_found() {
    let (bases, mut viewers) = (Bases::new(), Viewers::start());
    let mut missed = Vec::new();
    for hole in &HOLES {
        let fallen = (0..).map(Recipe::of).take(20_000).filter(|recipe| (hole.falls_in)(recipe));
        let files = fallen.filter_map(|recipe| Some((recipe, recipe.make(&bases)?)));
        let mut looked_at = 0;
        let found = files.take(ENOUGH).find_map(|(recipe, made)| {
            looked_at += 1;
            let findings = viewers.judge(&made.bytes, &[hole.claim(&made, &bases, &recipe)]);
            Some((recipe, findings.into_iter().next()?))
        });
        match found {
            Some((recipe, finding)) => {
                let finding = finding.lines().next().unwrap_or_default();
                println!("{}: found at file {looked_at}, {recipe}: {finding}", hole.name);
            }
            None => missed.push(hole.name),
        }
    }
    assert!(missed.is_empty(), "not found within {ENOUGH} files each: {missed:?}");
}
