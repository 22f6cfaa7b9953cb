//! A small mutating fuzzer over sound files.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::structure::revisions;
#[cfg(feature = "sign")]
use crate::testing::plain;
use crate::testing::{Choices, Style, document, rounds, stream};
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
