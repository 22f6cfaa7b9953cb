//! Signs every PDF of a folder with certificates that are made for it: files for other programs to judge.
//!
//! ```text
//! sign_folder IN OUT LEVEL TIMES X Y WIDTH HEIGHT KEYS [NAME...]
//! ```
//!
//! `LEVEL` is B-B, B-T or B-LT. `KEYS` are kinds of keys, p256, p384, rsa2048 or rsa3072, with commas between them: that of the
//! first signer of a file, of the second, and so on, then from the start again. The names are those of the signers, the first of the first; `Signer 1` and so on where there is
//! none. The box stands on the first page, in points from its lower left corner as shown; each further
//! signature of a file stands above the one before. `OUT` gets the root certificate too, as `root.pem`.

use std::error::Error;
use std::path::Path;

use bytes::Bytes;
use esign_pdf::facts::Rect;
use esign_pdf::sign::{KeyKind, Level, SignOptions, Subject, TestPki, sign};
use jiff::Timestamp;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [from, to, level, times, x, y, width, height, keys, names @ ..] = args.as_slice() else {
        return Err("usage: sign_folder IN OUT LEVEL TIMES X Y WIDTH HEIGHT KEYS [NAME...]".into());
    };
    let level = match level.as_str() {
        "B-B" => Level::BB,
        "B-T" => Level::BT,
        "B-LT" => Level::BLT,
        other => return Err(format!("{other} is not B-B, B-T or B-LT").into()),
    };
    let keys = keys.split(',').map(key_kind).collect::<Result<Vec<_>, _>>()?;
    let (times, width, height): (u16, f64, f64) = (times.parse()?, width.parse()?, height.parse()?);
    let (x, y): (f64, f64) = (x.parse()?, y.parse()?);
    let now = now()?;
    let pki = TestPki::generate(now)?;
    std::fs::create_dir_all(to)?;
    std::fs::write(Path::new(to).join("root.pem"), pki.root_pem())?;
    for entry in std::fs::read_dir(from)? {
        let path = entry?.path();
        let Some(name) = path.file_name().filter(|_| path.extension().is_some_and(|e| e == "pdf")) else {
            continue;
        };
        let mut pdf = Bytes::from(std::fs::read(&path)?);
        for (number, key) in (1..=times).zip(keys.iter().cycle()) {
            let name = names.get(usize::from(number) - 1).cloned();
            let subject = Subject::new(name.unwrap_or_else(|| format!("Signer {number}")));
            let identity = pki.issue_for(&subject, *key, now)?;
            let rect = Rect::new(x, y + f64::from(number - 1) * height, width, height);
            let mut options = SignOptions::new(format!("example-{number}"), 1, rect, now);
            options.level = level;
            pdf = sign(&pdf, &identity, Some(pki.tsa()), &options)
                .map_err(|e| format!("{}: {e}", path.display()))?;
        }
        std::fs::write(Path::new(to).join(name), &pdf)?;
    }
    Ok(())
}

fn key_kind(name: &str) -> Result<KeyKind, String> {
    Ok(match name {
        "p256" => KeyKind::P256,
        "p384" => KeyKind::P384,
        "rsa2048" => KeyKind::Rsa2048,
        "rsa3072" => KeyKind::Rsa3072,
        other => return Err(format!("{other} is not p256, p384, rsa2048 or rsa3072")),
    })
}

#[expect(clippy::disallowed_methods, reason = "a program of its own, whose files are judged now by others")]
fn now() -> Result<Timestamp, jiff::Error> {
    // In whole seconds, as certificates and timestamps have them.
    Timestamp::from_second(Timestamp::now().as_second())
}
