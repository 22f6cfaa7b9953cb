//! ZIP archives without compression: what is in the archive is the bytes themselves, and no bomb can be in it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read, Write};

use bytes::Bytes;
use esign_core::{Error, ErrorKind, Result};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

/// Larger archives are not read: the documents of a request have tens of megabytes.
const MOST_BYTES: usize = 512 << 20;
const MOST_FILES: usize = 1_000;

/// Writes files in this order. The same files give the same bytes: no time and no owner of a machine is in it.
pub(super) fn write<'a>(files: impl Iterator<Item = (&'a str, &'a Bytes)>) -> Result<Bytes> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content) in files {
        writer.start_file(path, options).and_then(|()| Ok(writer.write_all(content)?)).map_err(|e| {
            Error::new(ErrorKind::Internal, "the archive could not be written").with_source(e)
        })?;
    }
    let finished = writer.finish();
    finished
        .map(|cursor| cursor.into_inner().into())
        .map_err(|e| Error::new(ErrorKind::Internal, "the archive could not be written").with_source(e))
}

/// Reads all files by name. Nothing is written anywhere, so a name cannot lead anywhere; one that would is refused because
/// other programs would follow it.
pub(super) fn read(archive: &Bytes) -> Result<BTreeMap<String, Bytes>> {
    if archive.len() > MOST_BYTES {
        return Err(refuse(format!("it has {} bytes, the limit is {MOST_BYTES}", archive.len())));
    }
    let mut zip = ZipArchive::new(Cursor::new(archive.as_ref()))
        .map_err(|_| refuse("it is not a ZIP archive, or a damaged one"))?;
    if zip.len() > MOST_FILES {
        return Err(refuse(format!("it has {} files, the limit is {MOST_FILES}", zip.len())));
    }
    if zip.has_duplicate_names() {
        return Err(refuse("it has two files of one name, so programs would disagree about its content"));
    }
    zip.validate_header_consistency().map_err(|_| refuse("its two lists of files contradict each other"))?;
    let mut files = BTreeMap::new();
    let mut layout = Layout::default();
    let mut folded = BTreeSet::new();
    for index in 0..zip.len() {
        let mut file = zip.by_index(index).map_err(|_| refuse("a file in it cannot be read"))?;
        let name =
            file.name().map(std::borrow::Cow::into_owned).map_err(|_| refuse("a file's name is not text"))?;
        if !is_plain(&name) {
            return Err(refuse(
                "a file in it has a name that leads out of it, or one that not every system can have",
            ));
        }
        if !folded.insert(name.to_ascii_lowercase()) {
            return Err(refuse(
                "it has two files whose names differ in case only, so systems would disagree about its content",
            ));
        }
        layout.add(&name, file.header_start(), file.data_start(), file.compressed_size());
        if file.encrypted() || file.compression() != CompressionMethod::Stored || !file.is_file() {
            return Err(refuse(format!("{name} is compressed, encrypted or no file; evidence never is")));
        }
        let mut content = Vec::new();
        // What is stored cannot be longer than the archive.
        let read = (&mut file).take(archive.len() as u64).read_to_end(&mut content);
        read.map_err(|_| refuse(format!("{name} is damaged (its checksum is wrong)")))?;
        files.insert(name, Bytes::from(content));
    }
    if !layout.fills(archive, zip.central_directory_start()) {
        return Err(refuse("it has bytes that belong to none of its files"));
    }
    Ok(files)
}

/// Where the files of an archive lie.
#[derive(Default)]
struct Layout {
    /// First and last byte of each, with its header.
    spans: Vec<(u64, u64)>,
    /// Length of the list at the end.
    list: u64,
    is_odd: bool,
}

impl Layout {
    fn add(&mut self, name: &str, header: u64, data: Option<u64>, bytes: u64) {
        const LOCAL_HEADER: u64 = 30;
        const LISTED: u64 = 46;
        let name = name.len() as u64;
        // Longer headers hold something that nobody looks at.
        self.is_odd |= data != Some(header + LOCAL_HEADER + name);
        self.spans.push((header, header + LOCAL_HEADER + name + bytes));
        self.list += LISTED + name;
    }

    /// True if the files follow each other from the first byte, then the list of them, then the end without a comment.
    fn fills(mut self, archive: &[u8], list_at: u64) -> bool {
        const END: u64 = 22;
        self.spans.sort_unstable();
        let mut next = 0;
        for (from, to) in &self.spans {
            self.is_odd |= *from != next;
            next = *to;
        }
        !self.is_odd && next == list_at && list_at + self.list + END == archive.len() as u64
    }
}

/// Parts of letters, digits, `.`, `-` and `_` that every system can have as names: none begins or ends with a dot, and none is
/// a device of Windows.
fn is_plain(name: &str) -> bool {
    const LONGEST: usize = 200;
    let part = |part: &str| {
        let stem = part.split('.').next().unwrap_or_default().to_ascii_lowercase();
        let is_port = |port: &str| stem.strip_prefix(port).is_some_and(|number| number.len() == 1);
        let is_device =
            matches!(stem.as_str(), "con" | "prn" | "aux" | "nul") || is_port("com") || is_port("lpt");
        part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
            && !part.is_empty()
            && !part.starts_with('.')
            && !part.ends_with('.')
            && !is_device
    };
    name.len() <= LONGEST && name.split('/').all(part)
}

fn refuse(why: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Verification, format!("this is no evidence archive that can be believed: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside() {
        for (name, plain) in [
            ("documents/1/signed.pdf", true),
            ("manifest.json", true),
            ("../x", false),
            ("a/../x", false),
            ("/etc/passwd", false),
            ("a//b", false),
            ("a\\b", false),
            ("C:x", false),
            ("", false),
            ("a/", false),
            ("näme", false),
            ("a\u{1b}[31m", false),
            ("a/con", false),
            ("NUL.txt", false),
            ("com1", false),
            ("common", true),
            ("a.", false),
            (".a", false),
        ] {
            assert_eq!(is_plain(name), plain, "{name:?}");
        }
    }

    #[test]
    fn the_same_files_give_the_same_bytes() {
        let (a, b) = (Bytes::from_static(b"one"), Bytes::from_static(b"two"));
        let pack = || write([("a", &a), ("b/c", &b)].into_iter()).unwrap();
        assert_eq!(pack(), pack());
        let read = read(&pack()).unwrap();
        assert_eq!(read.into_iter().collect::<Vec<_>>(), [("a".to_owned(), a), ("b/c".to_owned(), b)]);
    }
}
