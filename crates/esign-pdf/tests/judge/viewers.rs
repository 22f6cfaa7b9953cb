//! The viewers that judge: a process of `.ci/outside/viewers`, kept for the whole run.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use esign_pdf::VerificationReport;
use esign_pdf::verify::{SignatureKind, SignatureReport};
use serde::Serialize;
use serde_json::{Value, json};

use super::recipe::Made;

/// The running viewers and the folder that files are handed over in.
pub(crate) struct Viewers {
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    folder: PathBuf,
    asked: u64,
}

impl Viewers {
    /// Starts them. Needs `ESIGN_PYTHON` and `ESIGN_NODE_MODULES`, as `.ci/run` sets them.
    pub(crate) fn start() -> Self {
        let set =
            |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run .ci/run"));
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut child = Command::new(set("ESIGN_PYTHON"))
            .arg(root.join(".ci/outside/viewers"))
            .arg(Path::new(&set("ESIGN_NODE_MODULES")).join("pdfjs-dist"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let requests = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("it is piped"));
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("judge-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder for files");
        Self { child, requests, answers, folder, asked: 0 }
    }

    /// What they show of a file that differs from what was signed and is nowhere that the verdict names.
    pub(crate) fn judge(&mut self, bytes: &[u8], claims: &[Claim]) -> Vec<String> {
        let now = self.folder.join("now.pdf");
        std::fs::write(&now, bytes).expect("the file is written");
        let mut found = Vec::new();
        for claim in claims {
            let findings = self.ask(&bytes[..claim.end], &now, &claim.boxes);
            found.extend(findings.into_iter().map(|what| format!("since {}: {what}", claim.signature)));
        }
        found
    }

    fn ask(&mut self, signed: &[u8], now: &Path, boxes: &[Place]) -> Vec<String> {
        self.asked += 1;
        let id = self.asked;
        let name = signed.iter().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
        });
        let revision = self.folder.join(format!("{name:016x}.pdf"));
        if !revision.exists() {
            std::fs::write(&revision, signed).expect("the revision is written");
        }
        let request = json!({ "id": id, "signed": revision, "now": now, "boxes": boxes });
        let requests = self.requests.as_mut().expect("they end when this is dropped");
        writeln!(requests, "{request}").expect("the viewers still run");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the viewers still run");
        let answer: Value = serde_json::from_str(&line).expect("the viewers still run");
        assert_eq!(answer["id"], id);
        let findings = answer["findings"].as_array().expect("a list");
        findings.iter().map(|finding| finding.as_str().expect("a text").to_owned()).collect()
    }
}

impl Drop for Viewers {
    fn drop(&mut self) {
        // They end with their input, and the browser with them.
        drop(self.requests.take());
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// What a good verdict says: since this signature nothing else is shown but in these places.
pub(crate) struct Claim {
    pub(crate) signature: String,
    /// The end of the signed revision.
    pub(crate) end: usize,
    pub(crate) boxes: Vec<Place>,
}

/// A box that the verdict names.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Place {
    /// From 1.
    pub(crate) page: u32,
    /// x, y, width, height in points from the lower left of the page as shown.
    pub(crate) rect: [f64; 4],
    /// Whether a note beside the verdict speaks of it: then it may cover marks, and show what it likes.
    pub(crate) named: bool,
    /// Whether it was there when that signature was made.
    pub(crate) old: bool,
    /// What the field in it has as its value.
    pub(crate) value: Option<String>,
}

/// One claim for each signature of a person. The places are the boxes of later signatures, and fields that the report says
/// were filled. A timestamp shows nothing, so it has none.
pub(crate) fn claims(made: &Made, report: &VerificationReport) -> Vec<Claim> {
    let by_people = |s: &&SignatureReport| s.kind != SignatureKind::DocumentTimestamp;
    let claim = |signature: &SignatureReport| Claim {
        signature: signature.field.clone(),
        end: usize::try_from(signature.signed_bytes).expect("it is within the file"),
        boxes: places(made, report, signature),
    };
    report.signatures.iter().filter(by_people).map(claim).collect()
}

fn places(made: &Made, report: &VerificationReport, signature: &SignatureReport) -> Vec<Place> {
    let notes = [report.notes.as_slice(), &signature.notes].concat();
    let named = |field: &str| notes.iter().any(|note| note.contains(field));
    let later = report.signatures.iter().filter(|other| {
        other.kind != SignatureKind::DocumentTimestamp && other.signed_bytes > signature.signed_bytes
    });
    let mut places = Vec::new();
    for other in later {
        places.extend(other.widgets.iter().map(|widget| Place {
            page: widget.page,
            rect: [widget.shown.x, widget.shown.y, widget.shown.width, widget.shown.height],
            named: named(&other.field),
            old: other.field == "empty",
            value: None,
        }));
    }
    let mentions =
        |fill: &str| signature.changes.iter().any(|change| change.allowed && change.what.contains(fill));
    if let Some(fill) = made.fill.as_ref().filter(|fill| mentions(fill.field) || named(fill.field)) {
        places.push(Place {
            page: 1,
            rect: fill.place.map(f64::from),
            named: named(fill.field),
            old: true,
            value: Some(fill.value.to_owned()),
        });
    }
    places
}
