//! The measured requests and answers, read from their files.

use std::collections::BTreeMap;

use serde_json::Value;

/// A request and its answer.
pub(crate) struct Measured {
    pub(crate) name: &'static str,
    /// Below `/api/v2`.
    pub(crate) path: String,
    /// The JSON body, or the part `payload`.
    pub(crate) body: Option<Value>,
    /// Names, lengths and types of the files of a create.
    pub(crate) files: Vec<(String, usize, String)>,
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    /// `None` for a file.
    pub(crate) answer: Option<Value>,
}

macro_rules! measured {
    ($($name:literal),+ $(,)?) => {
        pub(crate) fn all() -> Vec<Measured> {
            vec![$(read($name, include_str!(concat!("responses/", $name, ".txt")))),+]
        }
    };
}

measured!(
    "audit-log",
    "audit-log-pdf",
    "cancel",
    "cancel-again",
    "cancel-completed",
    "cancel-draft",
    "certificate",
    "certificate-pending",
    "create",
    "create-two-files",
    "delete",
    "distribute",
    "distribute-again",
    "distribute-cancelled",
    "distribute-completed",
    "distribute-no-field",
    "distribute-no-recipients",
    "download-completed-original",
    "download-completed-pending",
    "download-completed-signed",
    "download-draft-original",
    "download-draft-pending",
    "download-draft-signed",
    "download-pending-original",
    "download-pending-pending",
    "download-pending-signed",
    "err-429",
    "err-429-organisation",
    "err-429-quota",
    "err-bad-json",
    "err-bad-token",
    "err-cancel-unknown",
    "err-create-actionAuth",
    "err-create-bad-email",
    "err-create-docx",
    "err-create-expiry-hour",
    "err-create-lang-xx",
    "err-create-no-file",
    "err-create-no-title",
    "err-create-not-pdf",
    "err-create-page-0",
    "err-create-payload-json",
    "err-create-posX-101",
    "err-create-too-big",
    "err-distribute-unknown",
    "err-document-quota",
    "err-expired-token",
    "err-get-unknown",
    "err-item-unknown",
    "err-no-auth",
    "err-six-files",
    "err-unknown-path",
    "err-validation",
    "field-create-pending",
    "find-external-id",
    "get-cancelled",
    "get-completed",
    "get-draft",
    "get-expired",
    "get-many",
    "get-pending",
    "get-pending-1-of-2",
    "get-rejected",
    "get-soft-deleted",
    "redistribute",
    "reject-on-behalf",
    "update-pending",
);

/// The measured answer of this name.
pub(crate) fn one(name: &str) -> Measured {
    all().into_iter().find(|measured| measured.name == name).unwrap()
}

/// The body of a measured webhook.
pub(crate) fn webhook(text: &str) -> Value {
    let (_, body) = text.split_once("\n\n").unwrap();
    serde_json::from_str(body).unwrap()
}

fn read(name: &'static str, text: &str) -> Measured {
    let (request, answer) = text.split_once("\n< ").unwrap();
    let mut lines = request.lines();
    let mut first = lines.next().unwrap().trim_start_matches("> ").split(' ').skip(1);
    let path = first.next().unwrap().trim_start_matches("/api/v2").to_owned();
    let rest: Vec<_> = lines.filter(|line| !line.starts_with("> ")).collect();
    let files: Vec<_> = rest
        .iter()
        .filter_map(|line| line.strip_prefix("files = "))
        .flat_map(|list| list.split("), ").filter(|file| !file.is_empty()).map(file).collect::<Vec<_>>())
        .collect();
    let body: String =
        rest.iter().filter(|line| !line.starts_with("files = ")).map(|line| format!("{line}\n")).collect();
    let body = serde_json::from_str(body.trim().trim_start_matches("payload = ")).ok();
    let (head, content) = answer.split_once("\n\n").unwrap();
    let mut head = head.lines();
    let status = head.next().unwrap().split(' ').next().unwrap().parse().unwrap();
    let headers = head.filter_map(|line| line.trim_start_matches("< ").split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let answer = serde_json::from_str(content.trim()).ok();
    Measured { name, path, body, files, status, headers, answer }
}

/// `contract.pdf (1342 bytes, application/pdf`
fn file(text: &str) -> (String, usize, String) {
    let (name, rest) = text.trim_end_matches(')').split_once(" (").unwrap();
    let (bytes, kind) = rest.split_once(" bytes, ").unwrap();
    (name.to_owned(), bytes.parse().unwrap(), kind.to_owned())
}
