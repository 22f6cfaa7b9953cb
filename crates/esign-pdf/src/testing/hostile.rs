//! Files made to exhaust or confuse their reader, and a small mutating fuzzer. Whatever comes in, the entry points
//! answer with facts or a typed error; that they do so soon is seen by the suite finishing.

use std::fmt::Write as _;
use std::process::Command;

use jiff::Timestamp;

use super::{Choices, Style, document, plain, rounds, stream};
use crate::{Limits, PdfError, VerifyOptions, inspect, verify};

/// Both entry points; a panic inside shows as an internal error.
fn survives(name: &str, bytes: &[u8]) -> Result<(), PdfError> {
    let mut options = VerifyOptions::new(Timestamp::UNIX_EPOCH);
    options.limits = Limits { max_stream: 8 << 20, ..Limits::default() };
    let outcomes = [inspect(bytes, &options.limits).map(drop), verify(bytes, &options).map(drop)];
    for outcome in outcomes {
        assert!(!matches!(outcome, Err(PdfError::Internal(_))), "{name}: {outcome:?}");
        outcome?;
    }
    Ok(())
}

/// Objects of a page tree or form in some hostile shape, on top of a plain document.
fn with(objects: &[(u32, String)]) -> Vec<u8> {
    plain().update(objects, Style::Table).bytes
}

fn revisions(count: usize) -> Vec<u8> {
    let mut file = plain().bytes;
    let mut previous = file.windows(4).rposition(|window| window == b"xref").unwrap();
    for _ in 0..count {
        let at = file.len();
        let section =
            format!("xref\n0 0\ntrailer\n<</Size 4/Root 1 0 R/Prev {previous}>>\nstartxref\n{at}\n%%EOF\n");
        file.extend_from_slice(section.as_bytes());
        previous = at;
    }
    file
}

fn nested(open: &str, close: &str, depth: usize) -> Vec<u8> {
    with(&[(9, open.repeat(depth) + &close.repeat(depth))])
}

/// A run-length bomb of one object stream: 64 times its size when decoded.
fn bomb() -> String {
    // 0x81 and a byte: that byte 128 times. Only ASCII survives in a fixture, so decode hexadecimal digits first.
    let content = "8120".repeat(200_000);
    stream("/Type/ObjStm/N 1/First 4/Filter[/ASCIIHexDecode/RunLengthDecode]", &content)
}

const ALONE: &str = "ESIGN_TEST_ALONE";

/// In a process of its own: memory is measured for a whole process, and other tests run beside this one.
#[test]
fn hostile_files_end_in_facts_or_errors() {
    if std::env::var_os(ALONE).is_some() {
        return read_hostile_files();
    }
    let this = "testing::hostile::hostile_files_end_in_facts_or_errors";
    let mut alone = Command::new(std::env::current_exe().unwrap());
    let alone = alone.args(["--exact", this, "--nocapture"]).env(ALONE, "1").output().unwrap();
    let said = [String::from_utf8_lossy(&alone.stdout), String::from_utf8_lossy(&alone.stderr)].concat();
    assert!(alone.status.success() && said.contains("1 passed"), "{said}");
}

fn read_hostile_files() {
    let two = |name: &str, prefix: &str| -> String {
        // Each level names the next one twice: 2^40 paths.
        format!("<</Type/Pages/Count 1/{name}[{prefix} 0 R {prefix} 0 R]>>")
    };
    let dag = |key: &str, root: String| {
        let mut objects = vec![root_object(&root)];
        objects.extend((20..60).map(|n: u32| (n, two(key, &(n + 1).to_string()))));
        with(&objects)
    };
    let deep = |root: &str, count: u32, kid: fn(u32) -> String| {
        let mut objects = vec![root_object(root)];
        objects.extend((20..20 + count).map(|n| (n, kid(n + 1))));
        with(&objects)
    };
    // Every node lists all nodes, through one long array.
    let shared = |root: &str, kind: &str| {
        let all: String = (20..4_000).map(|n| format!("{n} 0 R ")).collect();
        let mut objects = vec![root_object(root), (19, format!("[{all}]"))];
        objects.extend((20..4_000).map(|n| (n, format!("<<{kind}/Kids 19 0 R>>"))));
        with(&objects)
    };
    let long_names = {
        let name = "n".repeat(100_000);
        let mut objects = vec![root_object("/Pages 2 0 R/AcroForm<</Fields[20 0 R]>>")];
        objects.extend((20..220).map(|n: u32| (n, format!("<</T({name})/Kids[{} 0 R]>>", n + 1))));
        with(&objects)
    };
    let files: Vec<(&str, Vec<u8>)> = vec![
        ("page tree loop", with(&[(2, "<</Type/Pages/Count 1/Kids[2 0 R 2 0 R]>>".to_owned())])),
        ("page tree of exponential paths", dag("Kids", "/Pages 20 0 R".to_owned())),
        ("field tree of exponential paths", dag("Kids", "/Pages 2 0 R/AcroForm<</Fields[20 0 R]>>".to_owned())),
        ("page tree nodes that share a list", shared("/Pages 20 0 R", "/Type/Pages")),
        ("fields that share a list", shared("/Pages 2 0 R/AcroForm<</Fields[20 0 R]>>", "/T(x)")),
        ("long field names", long_names),
        ("deep page tree", deep("/Pages 20 0 R", 20_000, |n| format!("<</Type/Pages/Count 1/Kids[{n} 0 R]>>"))),
        ("deep field tree", deep("/Pages 2 0 R/AcroForm<</Fields[20 0 R]>>", 20_000, |n| format!("<</T(x)/Kids[{n} 0 R]>>"))),
        ("reference to itself", with(&[(3, "3 0 R".to_owned())])),
        ("references in a ring", with(&[(3, "4 0 R".to_owned()), (4, "3 0 R".to_owned())])),
        ("lying count", document("", &["/MediaBox[0 0 9 9]"], Style::Table).update(&[(2, "<</Type/Pages/Count 2000000000/Kids[3 0 R]>>".to_owned())], Style::Table).bytes),
        ("kids that are no kids", with(&[(2, "<</Type/Pages/Count 3/Kids[1 (x) null 9.5 <<>> [] /N]>>".to_owned())])),
        ("nested arrays", nested("[", "]", 200_000)),
        ("nested dictionaries", nested("<</A", ">>", 200_000)),
        ("nested strings", nested("(", ")", 200_000)),
        ("unclosed", nested("[<<(", "", 100_000)),
        ("object stream bomb", with(&[(9, bomb()), (10, bomb())])),
        ("object stream that lies", with(&[(9, stream("/Type/ObjStm/N 999999999/First 999999999", "1 0 2 0"))])),
        ("forty thousand revisions", revisions(40_000)),
        ("five hundred revisions", revisions(500)),
        ("many startxrefs", [plain().bytes, b"startxref\n".repeat(200_000)].concat()),
        ("many byte ranges", [plain().bytes, b"/ByteRange[0 1 2 (".repeat(100_000)].concat()),
        ("a million names", with(&[(9, format!("[{}]", (0..1_000_000).map(|n| format!("/N{n}")).collect::<String>()))])),
        ("a dictionary of 300,000 names", with(&[(9, format!("<<{}>>", (0..300_000).map(|n| format!("/N{n} 1")).collect::<String>()))])),
        ("many headers", b"%PDF-1.4\n".repeat(100_000)),
        ("huge cross-reference stream", {
            let head = "/Type/XRef/W[1 8 8]/Size 2147483647/Index[0 2147483647]/Root 1 0 R";
            format!("%PDF-1.5\n1 0 obj\n{}\nendobj\nstartxref\n9\n%%EOF", stream(head, "x")).into_bytes()
        }),
        ("cross-reference loop", b"%PDF-1.4\nxref\n0 1\n0000000000 65535 f \ntrailer<</Prev 9/Root 1 0 R>>\nstartxref\n9\n%%EOF".to_vec()),
        ("negative and huge numbers", with(&[(3, "<</Type/Page/MediaBox[-99999999999999999999 -1e38 1e38 9e99]/Rotate -9223372036854775808/UserUnit 1e-40>>".to_owned())])),
        ("signature of nonsense", signature("<</SubFilter/ETSI.CAdES.detached/Contents<3080308030803080>/ByteRange[0 9 20 9]>>")),
        ("byte range beyond everything", signature("<</SubFilter/x/Contents<00>/ByteRange[0 9223372036854775807 9223372036854775807 9223372036854775807]>>")),
        ("byte range of nothing", signature("<</SubFilter/x/Contents<00>/ByteRange[0 0 0 0]>>")),
    ];
    for (name, bytes) in files {
        let _ = survives(name, &bytes);
    }
    if let Some(peak) = super::peak_memory() {
        assert!(peak <= 512 << 20, "{} MB at the peak", peak >> 20);
    }
}

fn root_object(entries: &str) -> (u32, String) {
    (1, format!("<</Type/Catalog{entries}>>"))
}

fn signature(value: &str) -> Vec<u8> {
    with(&[
        root_object("/Pages 2 0 R/AcroForm<</Fields[8 0 R]>>"),
        (8, format!("<</FT/Sig/T(s)/V {value}>>")),
    ])
}

const TOKENS: [&[u8]; 16] = [
    b"endobj",
    b"stream\n",
    b"endstream",
    b"<<",
    b">>",
    b"[",
    b"]",
    b"(",
    b"/Type/ObjStm",
    b"/Kids[3 0 R]",
    b"startxref",
    b"trailer",
    b"/ByteRange[0 1 2 3]",
    b"99999999999",
    b" 0 R",
    b"%",
];

fn mutate(seed: &[u8], choices: &mut Choices) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=choices.below(4) {
        let at = choices.below(bytes.len());
        let length = choices.below(64).min(bytes.len() - at);
        match choices.below(6) {
            0 => bytes[at] ^= 1 << choices.below(8),
            1 => bytes[at] = b'0' + u8::try_from(choices.below(10)).unwrap_or_default(),
            2 => {
                bytes.splice(at..at, choices.one(&TOKENS).iter().copied());
            }
            3 => {
                let from = choices.below(bytes.len() - length + 1);
                let piece = bytes[from..from + length].to_vec();
                bytes.splice(at..at, piece);
            }
            4 => {
                bytes.drain(at..at + length);
            }
            _ => bytes.truncate(at + 1),
        }
        if bytes.is_empty() {
            bytes.push(b'%');
        }
    }
    bytes
}

fn seeds() -> Vec<Vec<u8>> {
    let form = "/AcroForm<</Fields[8 0 R]>>/DSS<</Certs[9 0 R]>>";
    let mut seeds: Vec<_> = [Style::Table, Style::Stream, Style::Compressed, Style::Hybrid]
        .map(|style| {
            let objects = [
                (8, "<</FT/Sig/T(s)/V 7 0 R/Subtype/Widget/Rect[0 0 9 9]>>".to_owned()),
                (7, "<</SubFilter/ETSI.CAdES.detached/Contents<3000>/ByteRange[0 9 20 9]>>".to_owned()),
                (9, stream("", "x")),
            ];
            let file = document(form, &["/MediaBox[0 0 595 842]/Annots[8 0 R]", "/MediaBox[0 0 9 9]"], style);
            file.update(&objects, style).bytes
        })
        .to_vec();
    seeds.push(revisions(3));
    #[cfg(feature = "sign")]
    seeds.push(signed_seed());
    seeds
}

#[cfg(feature = "sign")]
fn signed_seed() -> Vec<u8> {
    use crate::facts::Rect;
    use crate::sign::{Level, SignOptions, Subject, TestPki, sign};
    let now: Timestamp = "2026-11-20T10:00:00Z".parse().unwrap();
    let pki = TestPki::generate(now).unwrap();
    let identity = pki.issue(&Subject::new("TAN AH KOW"), now).unwrap();
    let mut options = SignOptions::new("s", 1, Rect::new(9.0, 9.0, 200.0, 60.0), now);
    options.level = Level::BLT;
    sign(&plain().bytes.into(), &identity, Some(pki.tsa()), &options).unwrap().to_vec()
}

/// `ESIGN_FUZZ_SECONDS` and `ESIGN_FUZZ_SEED` make it longer and different.
#[test]
fn mutated_files_end_in_facts_or_errors() {
    let seeds = seeds();
    let mut readable = 0;
    for seed in rounds(2_000) {
        let mut choices = Choices::new(seed);
        let bytes = mutate(&seeds[choices.below(seeds.len())], &mut choices);
        let mut name = String::new();
        write!(name, "ESIGN_FUZZ_SEED={seed}").unwrap();
        readable += u32::from(survives(&name, &bytes).is_ok());
    }
    assert!(readable > 0, "mutations that break everything test nothing");
}

/// The DER readers behind a signature, fed with a mutated message in an otherwise sound file.
#[cfg(feature = "sign")]
#[test]
fn mutated_messages_end_in_facts_or_errors() {
    let signed = signed_seed();
    let hole = signed.windows(11).position(|window| window == b"/Contents<3").unwrap() + 10;
    for seed in rounds(600) {
        let mut choices = Choices::new(seed);
        let mut bytes = signed.clone();
        for _ in 0..=choices.below(3) {
            let digit = choices.one(&[b"0", b"1", b"3", b"8", b"A", b"F"])[0];
            bytes[hole + choices.below(4_000)] = digit;
        }
        let _ = survives(&format!("message {seed}"), &bytes);
    }
}
