//! PDF written byte by byte: nothing here reads or writes with the library that is judged.

use std::collections::BTreeMap;

/// How a section of cross-references is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    /// A table and a trailer.
    Table,
    /// A cross-reference stream.
    Stream,
    /// A cross-reference stream, with the dictionaries in an object stream.
    Compressed,
}

/// Where an object is, as a section says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) number: u32,
    /// 0 free, 1 at an offset, 2 in an object stream.
    pub(crate) kind: u8,
    /// The offset, or the number of the object stream.
    pub(crate) place: u64,
    /// The generation, or the index in the object stream.
    pub(crate) rank: u16,
}

impl Entry {
    pub(crate) fn at(number: u32, offset: usize) -> Self {
        Self { number, kind: 1, place: offset as u64, rank: 0 }
    }

    pub(crate) fn inside(number: u32, stream: u32, index: u16) -> Self {
        Self { number, kind: 2, place: stream.into(), rank: index }
    }
}

/// A file that is being appended to.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    pub(crate) bytes: Vec<u8>,
    pub(crate) entries: Vec<Entry>,
    /// What the trailer has beside `/Size` and `/Prev`.
    pub(crate) trailer: String,
    /// `/Prev` of the section to come.
    pub(crate) prev: Option<usize>,
    /// `/Size` of the section to come.
    pub(crate) size: u32,
}

impl Writer {
    pub(crate) fn new() -> Self {
        let bytes = b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n".to_vec();
        Self { bytes, entries: Vec::new(), trailer: String::new(), prev: None, size: 0 }
    }

    /// Goes on where a file ends.
    pub(crate) fn after(bytes: &[u8], trailer: &str, size: u32) -> Self {
        let mut bytes = bytes.to_vec();
        if !bytes.ends_with(b"\n") {
            bytes.push(b'\n');
        }
        let prev = Some(startxref(&bytes));
        Self { bytes, entries: Vec::new(), trailer: trailer.to_owned(), prev, size }
    }

    pub(crate) fn raw(&mut self, text: impl AsRef<[u8]>) {
        self.bytes.extend_from_slice(text.as_ref());
    }

    /// Writes an object without listing it; returns its offset.
    pub(crate) fn unlisted(&mut self, number: u32, body: &[u8]) -> usize {
        let offset = self.bytes.len();
        self.raw(format!("{number} 0 obj\n"));
        self.raw(body);
        self.raw("\nendobj\n");
        offset
    }

    /// Writes and lists an object.
    pub(crate) fn object(&mut self, number: u32, body: &[u8]) {
        let offset = self.unlisted(number, body);
        self.entries.push(Entry::at(number, offset));
    }

    /// Writes an object stream and lists it, but none of the objects in it.
    pub(crate) fn object_stream(&mut self, number: u32, objects: &[(u32, Vec<u8>)], count: usize) {
        let (mut pairs, mut bodies) = (String::new(), Vec::new());
        for (inner, body) in objects {
            pairs.push_str(&format!("{inner} {} ", bodies.len()));
            bodies.extend_from_slice(body);
            bodies.push(b'\n');
        }
        let dict = format!("/Type/ObjStm/N {count}/First {}", pairs.len());
        self.object(number, &stream(&dict, &[pairs.as_bytes(), &bodies].concat()));
    }

    /// Writes an object stream whose objects are all listed.
    pub(crate) fn packed(&mut self, number: u32, objects: &[(u32, Vec<u8>)]) {
        self.object_stream(number, objects, objects.len());
        for (index, (inner, _)) in (0..).zip(objects) {
            self.entries.push(Entry::inside(*inner, number, index));
        }
    }

    /// Writes the section and the end of the file. A stream takes the number `own`.
    pub(crate) fn finish(&mut self, section: Section, own: u32) {
        let at = match section {
            Section::Table => self.table(),
            Section::Stream | Section::Compressed => self.stream(own),
        };
        self.end(at);
    }

    pub(crate) fn end(&mut self, at: usize) {
        self.raw(format!("startxref\n{at}\n%%EOF\n"));
        self.entries.clear();
        self.prev = Some(at);
    }

    /// Writes the entries as a table with its trailer; returns its offset. Equal numbers stay apart, in their order.
    pub(crate) fn table(&mut self) -> usize {
        let at = self.bytes.len();
        self.raw("xref\n");
        let mut entries = std::mem::take(&mut self.entries);
        entries.sort_by_key(|entry| entry.number);
        for run in entries.chunk_by(|a, b| a.number + 1 == b.number) {
            self.raw(format!("{} {}\n", run[0].number, run.len()));
            for entry in run {
                let kind = if entry.kind == 0 { 'f' } else { 'n' };
                self.raw(format!("{:010} {:05} {kind} \n", entry.place, entry.rank));
            }
        }
        let trailer = self.trailer_dictionary();
        self.raw(format!("trailer\n<<{trailer}>>\n"));
        at
    }

    /// Writes the entries as a stream; returns its offset.
    pub(crate) fn stream(&mut self, own: u32) -> usize {
        let at = self.bytes.len();
        let mut entries = std::mem::take(&mut self.entries);
        entries.push(Entry::at(own, at));
        entries.sort_by_key(|entry| entry.number);
        let (mut index, mut data) = (String::new(), Vec::new());
        for run in entries.chunk_by(|a, b| a.number + 1 == b.number) {
            index.push_str(&format!("{} {} ", run[0].number, run.len()));
            for entry in run {
                data.push(entry.kind);
                data.extend(entry.place.to_be_bytes());
                data.extend(entry.rank.to_be_bytes());
            }
        }
        let trailer = self.trailer_dictionary();
        let dict = format!("/Type/XRef/W[1 8 2]/Index[{}]{trailer}", index.trim_end());
        self.unlisted(own, &stream(&dict, &data));
        at
    }

    fn trailer_dictionary(&self) -> String {
        let prev = self.prev.map(|prev| format!("/Prev {prev}")).unwrap_or_default();
        format!("/Size {}{}{prev}", self.size, self.trailer)
    }
}

/// The body of a stream object.
pub(crate) fn stream(dict: &str, data: &[u8]) -> Vec<u8> {
    let head = format!("<<{dict}/Length {}>>stream\n", data.len());
    [head.as_bytes(), data, b"\nendstream"].concat()
}

pub(crate) fn is_stream(body: &[u8]) -> bool {
    body.ends_with(b"endstream")
}

/// The number after the last `startxref`.
pub(crate) fn startxref(bytes: &[u8]) -> usize {
    let at = rfind(bytes, b"startxref").expect("every file that is written here has one") + 9;
    let digits: Vec<u8> = bytes[at..]
        .iter()
        .copied()
        .skip_while(u8::is_ascii_whitespace)
        .take_while(u8::is_ascii_digit)
        .collect();
    String::from_utf8(digits).expect("digits").parse().expect("an offset")
}

pub(crate) fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text)
}

pub(crate) fn rfind(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).rposition(|window| window == text)
}

/// The bodies of the objects that stand in plain sight in part of a file, the last of each number.
pub(crate) fn bodies(bytes: &[u8]) -> BTreeMap<u32, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut at = 0;
    while let Some(start) = find(&bytes[at..], b" 0 obj\n").map(|start| at + start) {
        let digits = bytes[..start].iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let number = std::str::from_utf8(&bytes[start - digits..start]).expect("digits").parse();
        let body = start + 7;
        let Some(end) = find(&bytes[body..], b"endobj").map(|end| body + end) else { break };
        if let Ok(number) = number {
            found.insert(number, bytes[body..end].trim_ascii_end().to_vec());
        }
        at = end;
    }
    found
}

/// A dictionary's text with an entry set or, without a value, taken out.
pub(crate) fn set(body: &[u8], key: &str, value: Option<&str>) -> Vec<u8> {
    let mut body = body.to_vec();
    if let Some(range) = entry(&body, key) {
        body.drain(range);
    }
    match value {
        Some(value) => insert(&body, &format!("/{key} {value}"), true),
        None => body,
    }
}

/// A dictionary's text with more text at its end or start.
pub(crate) fn insert(body: &[u8], text: &str, at_end: bool) -> Vec<u8> {
    let open = find(body, b"<<").expect("a dictionary") + 2;
    let place = if at_end { value_end(body, open - 2) - 2 } else { open };
    [&body[..place], text.as_bytes(), &body[place..]].concat()
}

/// The value of an entry of a dictionary, as it is written.
pub(crate) fn get(body: &[u8], key: &str) -> Option<String> {
    let range = entry(body, key)?;
    let text = &body[range.start + 1 + key.len()..range.end];
    Some(String::from_utf8_lossy(text).trim().to_owned())
}

/// Where an entry of the outermost dictionary stands.
fn entry(body: &[u8], key: &str) -> Option<std::ops::Range<usize>> {
    let mut at = find(body, b"<<")? + 2;
    loop {
        at = skip_space(body, at);
        if body.get(at) != Some(&b'/') {
            return None;
        }
        let name_end = value_end(body, at);
        let end = value_end(body, skip_space(body, name_end));
        if &body[at + 1..name_end] == key.as_bytes() {
            return Some(at..end);
        }
        at = end;
    }
}

fn skip_space(body: &[u8], at: usize) -> usize {
    at + body[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// The end of the value that starts here.
fn value_end(body: &[u8], at: usize) -> usize {
    let mut at = at;
    match body[at] {
        b'(' => {
            let mut depth = 0;
            loop {
                match body[at] {
                    b'\\' => at += 1,
                    b'(' => depth += 1,
                    b')' => depth -= 1,
                    _ => {}
                }
                at += 1;
                if depth == 0 {
                    return at;
                }
            }
        }
        b'<' if body[at + 1] == b'<' => until(body, at + 2, b">>"),
        b'<' => at + find(&body[at..], b">").expect("a closed string") + 1,
        b'[' => until(body, at + 1, b"]"),
        _ => {
            let end = plain_end(body, at);
            let number = body[at..end].iter().all(u8::is_ascii_digit);
            let generation = skip_space(body, end);
            let letter = skip_space(body, plain_end(body, generation));
            let reference =
                number && body.get(letter) == Some(&b'R') && plain_end(body, letter) == letter + 1;
            if reference { letter + 1 } else { end }
        }
    }
}

fn until(body: &[u8], at: usize, close: &[u8]) -> usize {
    let mut at = skip_space(body, at);
    while !body[at..].starts_with(close) {
        at = skip_space(body, value_end(body, at));
    }
    at + close.len()
}

fn plain_end(body: &[u8], at: usize) -> usize {
    let start = at + usize::from(body.get(at) == Some(&b'/'));
    let rest = body.get(start..).unwrap_or_default();
    start + rest.iter().take_while(|b| !b.is_ascii_whitespace() && !b"/<>[]()".contains(b)).count()
}

#[test]
fn entries_are_found_and_replaced() {
    let body = b"<</A(x\\)(y))/B[1 0 R<</C 2>>]/C 5 0 R/D 7>>stream\n/C 9\nendstream";
    assert_eq!(get(body, "A").as_deref(), Some("(x\\)(y))"));
    assert_eq!(get(body, "C").as_deref(), Some("5 0 R"));
    assert_eq!(get(body, "E"), None);
    let changed = set(&set(body, "C", Some("6 0 R")), "B", None);
    assert_eq!(changed, b"<</A(x\\)(y))/D 7/C 6 0 R>>stream\n/C 9\nendstream");
    assert_eq!(insert(b"<</A 1>>", "/A 2", false), b"<</A 2/A 1>>");
}
