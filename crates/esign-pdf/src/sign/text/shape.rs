//! Setting text in the fonts of ours: which of them, and which glyphs where (OpenType shaping).

use harfrust::{Buffer, Direction, GlyphId, ShapeOptions, ShaperFont};

use super::face::Face;
use super::{Cluster, Glyph};

/// The text in fonts of ours.
pub(super) fn set(text: &str) -> Vec<Cluster> {
    let mut clusters = Vec::new();
    let mut start = 0;
    let mut current = None;
    for (at, c) in text.char_indices() {
        let face = face_of(c, current);
        if let Some(before) = current.filter(|before| *before != face) {
            clusters.extend(run(before, &text[start..at]));
            start = at;
        }
        current = Some(face);
    }
    clusters.extend(current.into_iter().flat_map(|face| run(face, &text[start..])));
    clusters
}

/// The first font that has the character. One that no font has is left to the Latin one, which shows a box; what only
/// changes the character before it stays with that.
fn face_of(c: char, before: Option<Face>) -> Face {
    let joins = matches!(c, '\u{300}'..='\u{36F}' | '\u{200C}' | '\u{200D}' | '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}');
    match before {
        Some(before) if joins => before,
        _ => Face::EMBEDDED.into_iter().find(|face| face.has(c)).unwrap_or(Face::Latin),
    }
}

/// A part of the text that is set in one font.
fn run(face: Face, text: &str) -> Vec<Cluster> {
    let Some(data) = face.data() else { return Vec::new() };
    let font = ShaperFont::new(&data.font).with_scale(1000);
    let mut buffer = Buffer::new();
    buffer.push_str(text);
    buffer.set_direction(Direction::LeftToRight); // none of the fonts has letters that go the other way
    buffer.guess_segment_properties();
    if harfrust::shape(&font, &mut buffer, ShapeOptions::new()).is_err() {
        return Vec::new(); // only for a buffer that was shaped before or has no direction
    }
    let mut clusters: Vec<(usize, Cluster)> = Vec::new();
    for (info, position) in buffer.glyph_infos().iter().zip(buffer.glyph_positions()) {
        let start = info.cluster as usize;
        if clusters.last().is_none_or(|(last, _)| *last != start) {
            clusters.push((start, Cluster { face, text: String::new(), glyphs: Vec::new() }));
        }
        let glyph = Glyph {
            id: u16::try_from(info.glyph_id).unwrap_or(0), // a TrueType font has no more
            text: String::new(),
            advance: position.x_advance,
            natural: font.glyph_h_advance(GlyphId::new(info.glyph_id)),
            offset: (position.x_offset, position.y_offset),
        };
        if let Some((_, cluster)) = clusters.last_mut() {
            cluster.glyphs.push(glyph);
        }
    }
    let ends: Vec<_> = clusters.iter().skip(1).map(|(start, _)| *start).chain([text.len()]).collect();
    let whole = clusters.into_iter().zip(ends);
    whole.map(|((start, cluster), end)| with_text(cluster, &text[start..end])).collect()
}

/// Shares the text of a cluster out among its glyphs, so that a reader who puts the texts of all glyphs together gets it in
/// the order in which it is written, whatever the order in which it is drawn: a character to each, the rest to the last. A
/// glyph for which nothing is left has no text.
fn with_text(mut cluster: Cluster, text: &str) -> Cluster {
    text.clone_into(&mut cluster.text);
    let mut rest = text.chars();
    let last = cluster.glyphs.len() - 1;
    for (index, glyph) in cluster.glyphs.iter_mut().enumerate() {
        glyph.text = if index == last { rest.by_ref().collect() } else { rest.next().into_iter().collect() };
    }
    cluster
}
