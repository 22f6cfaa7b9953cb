//! The fonts that text is set in.

use std::sync::LazyLock;

use harfrust::Font;
use lopdf::{Stream, dictionary};

/// A font: one of the standard ones, or one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sign) enum Face {
    Helvetica,
    HelveticaBold,
    /// Noto Sans: Latin, Greek and Cyrillic letters, and the mark for what no font has.
    Latin,
    /// Noto Sans Tamil.
    Tamil,
    /// Droid Sans Fallback: Chinese and Japanese.
    Han,
}

/// A font of ours.
pub(super) struct Data {
    /// Its PostScript name.
    pub(super) name: &'static str,
    /// The file, as TrueType.
    pub(super) file: Vec<u8>,
    pub(super) font: Font,
}

impl Face {
    /// Ours, in the order in which they are asked for a character.
    pub(super) const EMBEDDED: [Self; 3] = [Self::Latin, Self::Tamil, Self::Han];

    /// The name under which a `/Resources` lists it.
    pub(in crate::sign) fn resource(self) -> &'static str {
        match self {
            Self::Helvetica => "F1",
            Self::HelveticaBold => "F2",
            Self::Latin => "F3",
            Self::Tamil => "F4",
            Self::Han => "F5",
        }
    }

    /// Whether it is one of ours.
    pub(in crate::sign) fn is_embedded(self) -> bool {
        Self::EMBEDDED.contains(&self)
    }

    /// The font's data if it is one of ours, unpacked when first asked for.
    pub(super) fn data(self) -> Option<&'static Data> {
        match self {
            Self::Helvetica | Self::HelveticaBold => None,
            Self::Latin => Some(&LATIN),
            Self::Tamil => Some(&TAMIL),
            Self::Han => Some(&HAN),
        }
    }

    /// Whether it has a glyph for the character.
    pub(super) fn has(self, c: char) -> bool {
        self.data().is_some_and(|data| data.font.charmap().map_unicode(c).is_some())
    }
}

static LATIN: LazyLock<Data> =
    LazyLock::new(|| unpack("NotoSans", include_bytes!("../../../fonts/NotoSans.ttf.zlib")));
static TAMIL: LazyLock<Data> =
    LazyLock::new(|| unpack("NotoSansTamil", include_bytes!("../../../fonts/NotoSansTamil.ttf.zlib")));
static HAN: LazyLock<Data> = LazyLock::new(|| {
    unpack("DroidSansFallback", include_bytes!("../../../fonts/DroidSansFallback.ttf.zlib"))
});

fn unpack(name: &'static str, packed: &[u8]) -> Data {
    let stream = Stream::new(dictionary! { "Filter" => "FlateDecode" }, packed.to_vec());
    // The files are part of the program, and tests unpack each.
    let file = stream.decompressed_content().expect("a font of ours unpacks");
    let font = Font::new(file.clone(), 0).expect("a font of ours is one");
    Data { name, file, font }
}
