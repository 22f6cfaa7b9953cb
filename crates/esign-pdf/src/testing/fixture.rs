//! PDF files written byte by byte, so that each can be wrong in exactly one way.

use std::fmt::Write as _;

/// How a cross-reference section is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// A classic table.
    Table,
    /// A cross-reference stream.
    Stream,
    /// All objects that are not streams in an object stream, found through a cross-reference stream.
    Compressed,
    /// A table whose trailer points to a cross-reference stream.
    Hybrid,
}

/// A file and what is needed to append to it.
#[derive(Clone, Debug)]
pub(crate) struct Fixture {
    pub(crate) bytes: Vec<u8>,
    /// One above the highest object number.
    size: u32,
    last_section: Option<usize>,
    trailer: String,
}

/// The catalog is object 1, the root of the page tree object 2, the pages 3 and so on.
pub(crate) fn document(catalog: &str, pages: &[&str], style: Style) -> Fixture {
    let kids: Vec<_> = (0..pages.len()).map(|index| format!("{} 0 R", index + 3)).collect();
    let mut objects = vec![
        (1, format!("<</Type/Catalog/Pages 2 0 R {catalog}>>")),
        (2, format!("<</Type/Pages/Count {}/Kids[{}]>>", pages.len(), kids.join(" "))),
    ];
    for (number, page) in (3..).zip(pages) {
        objects.push((number, format!("<</Type/Page/Parent 2 0 R {page}>>")));
    }
    Fixture::new(&objects, style)
}

/// One A4 page and nothing else.
pub(crate) fn plain() -> Fixture {
    document("", &["/MediaBox[0 0 595.28 841.89]"], Style::Table)
}

/// The bytes of a stream object.
pub(crate) fn stream(entries: &str, content: &str) -> String {
    format!("<</Length {}{entries}>>stream\n{content}\nendstream", content.len())
}

/// A deterministic source of choices (xorshift, Marsaglia 2003): a failure is repeated by its seed.
pub(crate) struct Choices(u64);

impl Choices {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or_default() % limit.max(1)
    }

    pub(crate) fn one<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

/// Seeds for a mutating test: so many, or with `ESIGN_FUZZ_SECONDS` as many as fit into that time. `ESIGN_FUZZ_SEED` says where
/// to start, so that a failure can be repeated.
#[expect(clippy::disallowed_methods, reason = "how long to go on is real time, and nothing is judged by it")]
pub(crate) fn rounds(least: u64) -> impl Iterator<Item = u64> {
    let setting = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let first = setting("ESIGN_FUZZ_SEED").unwrap_or(1);
    let time = setting("ESIGN_FUZZ_SECONDS").map(std::time::Duration::from_secs);
    let start = std::time::Instant::now();
    (first..).take_while(move |seed| match time {
        Some(time) => start.elapsed() < time,
        None => seed - first < least,
    })
}

/// The most memory that this process had, where the system says so.
pub(crate) fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? << 10)
}

impl Fixture {
    pub(crate) fn new(objects: &[(u32, String)], style: Style) -> Self {
        let empty = Self {
            bytes: b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n".to_vec(),
            size: 1,
            last_section: None,
            trailer: "/Root 1 0 R".to_owned(),
        };
        empty.update(objects, style)
    }

    /// Sets what every further trailer contains besides `/Size` and `/Prev`.
    pub(crate) fn with_trailer(mut self, trailer: &str) -> Self {
        trailer.clone_into(&mut self.trailer);
        self
    }

    /// Appends a revision with these objects.
    pub(crate) fn update(mut self, objects: &[(u32, String)], style: Style) -> Self {
        let highest = objects.iter().map(|(number, _)| *number + 1).max().unwrap_or_default();
        self.size = self.size.max(highest);
        let packed = |body: &str| style == Style::Compressed && !body.contains("stream\n");
        let (inside, outside): (Vec<_>, Vec<_>) = objects.iter().partition(|(_, body)| packed(body));
        let mut entries: Vec<(u32, [u64; 3])> =
            outside.iter().map(|(number, body)| (*number, [1, self.object(*number, body), 0])).collect();
        if !inside.is_empty() {
            entries.extend(self.object_stream(&inside));
        }
        entries.sort_unstable();
        match style {
            Style::Table => self.table(&entries, ""),
            Style::Stream | Style::Compressed => self.xref_stream(entries),
            Style::Hybrid => {
                let previous = self.last_section;
                let at = self.bytes.len();
                self.xref_stream(Vec::new());
                let end = self.bytes.windows(9).rposition(|window| window == b"startxref").unwrap();
                self.bytes.truncate(end);
                self.last_section = previous;
                self.table(&entries, &format!("/XRefStm {at}"));
            }
        }
        self
    }

    fn object(&mut self, number: u32, body: &str) -> u64 {
        let at = self.bytes.len() as u64;
        self.bytes.extend_from_slice(format!("{number} 0 obj\n{body}\nendobj\n").as_bytes());
        at
    }

    fn object_stream(&mut self, objects: &[&(u32, String)]) -> Vec<(u32, [u64; 3])> {
        let container = self.size;
        self.size += 1;
        let (mut index, mut content) = (String::new(), String::new());
        for (number, body) in objects {
            write!(index, "{number} {} ", content.len()).unwrap();
            content.push_str(body);
            content.push(' ');
        }
        let entries = format!("/Type/ObjStm/N {}/First {}", objects.len(), index.len());
        let at = self.object(container, &stream(&entries, &(index + &content)));
        let members =
            objects.iter().zip(0..).map(|((number, _), index)| (*number, [2, u64::from(container), index]));
        members.chain([(container, [1, at, 0])]).collect()
    }

    fn table(&mut self, entries: &[(u32, [u64; 3])], extra: &str) {
        let at = self.bytes.len();
        let mut table = "xref\n0 1\n0000000000 65535 f \n".to_owned();
        for (number, [_, offset, _]) in entries {
            write!(table, "{number} 1\n{offset:010} 00000 n \n").unwrap();
        }
        write!(table, "trailer\n<<{}{extra}>>\nstartxref\n{at}\n%%EOF\n", self.trailer_entries()).unwrap();
        self.bytes.extend_from_slice(table.as_bytes());
        self.last_section = Some(at);
    }

    fn xref_stream(&mut self, mut entries: Vec<(u32, [u64; 3])>) {
        let at = self.bytes.len();
        let number = self.size;
        self.size += 1;
        entries.push((number, [1, at as u64, 0]));
        let index: Vec<_> = entries.iter().map(|(number, _)| format!("{number} 1")).collect();
        let mut head = format!("/Type/XRef/W[1 4 2]/Index[{}]", index.join(" "));
        head.push_str(&self.trailer_entries());
        let mut rows = Vec::new();
        for (_, [kind, second, third]) in entries {
            rows.push(u8::try_from(kind).unwrap());
            rows.extend(u32::try_from(second).unwrap().to_be_bytes());
            rows.extend(u16::try_from(third).unwrap().to_be_bytes());
        }
        self.bytes.extend_from_slice(
            format!("{number} 0 obj\n<</Length {}{head}>>stream\n", rows.len()).as_bytes(),
        );
        self.bytes.extend_from_slice(&rows);
        self.bytes.extend_from_slice(format!("\nendstream\nendobj\nstartxref\n{at}\n%%EOF\n").as_bytes());
        self.last_section = Some(at);
    }

    fn trailer_entries(&self) -> String {
        let previous = self.last_section.map(|at| format!("/Prev {at}")).unwrap_or_default();
        format!("/Size {}{previous}{}", self.size, self.trailer)
    }
}
