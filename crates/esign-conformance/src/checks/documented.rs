//! What the provider's README says of errors and personal data is what happens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use esign_core::{Operation, SignRequest};

use crate::check::{Outcome, ensure, fail, skip};
use crate::harness::Fault;
use crate::sample::{MARKER, NAME};
use crate::world::World;

/// Statuses that a provider may refuse a submit with. 429 is not among them: it is repeated.
const STATUSES: [u16; 10] = [400, 401, 402, 403, 404, 408, 409, 413, 415, 422];
const MESSAGE: &str = "Zqmessage";

/// Cells of the tables under the headings of the second level that contain a word.
fn rows<'a>(readme: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let mut inside = false;
    let mut rows = Vec::new();
    for line in readme.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            inside = title.contains(heading);
        } else if let Some(row) = line.strip_prefix('|').filter(|_| inside) {
            rows.push(row.trim_end().trim_end_matches('|').split('|').map(str::trim).collect());
        }
    }
    rows
}

/// Each refusal of a submit becomes the error that the table says, with its retry: `| 400, 422 | `invalid_request` | `never` |`.
pub(super) async fn errors_of_submit(w: &World) -> Outcome {
    let Some(readme) = w.backend.readme() else { skip!("the harness gives no README") };
    if w.caps.deliveries.is_empty() {
        skip!("deliveries: none");
    }
    let rows = rows(readme, "rror");
    for status in STATUSES {
        let prepared = w.client.prepare(w.request()?).await?;
        if !w.inject(Operation::Submit, Fault::Refuse(status)).await {
            skip!("the harness cannot make it happen: {:?}", Fault::Refuse(status));
        }
        let result = w.client.submit(prepared).await;
        w.heal().await?;
        let error = match result {
            Err(error) => error,
            // Fresh credentials, once.
            Ok(_) if status == 401 => continue,
            Ok(_) => return fail(format!("{status} was taken for success")),
        };
        let code = status.to_string();
        let listed = |row: &&Vec<&str>| row[0].split(", ").any(|listed| listed == code);
        let given = [format!("`{}`", error.kind().as_str()), format!("`{}`", error.retry().as_str())];
        match rows.iter().find(listed).map(Vec::as_slice) {
            Some([_, kind, retry, ..]) => ensure!(
                given == [*kind, *retry],
                "the README says that {status} on submit gives {kind} and {retry}; it gives {} and {}",
                given[0],
                given[1]
            ),
            _ => return fail(format!("the README has no row for {status} on submit, which gives {given:?}")),
        }
    }
    Ok(())
}

/// What is personal in a request is sent if the table says so, and is not if it says `nowhere` or that a hash is.
pub(super) async fn personal_data(w: &World) -> Outcome {
    let (Some(readme), Some(relay)) = (w.backend.readme(), w.backend.relay()) else {
        skip!("the harness gives no README, or no relay that could listen");
    };
    if w.caps.deliveries.is_empty() {
        skip!("deliveries: none");
    }
    let mut references = Vec::new();
    for delivery in w.caps.deliveries.clone() {
        let mut request: SignRequest = w.request_by(delivery.delivery, 1, None)?;
        if w.caps.message.deliveries.contains(&delivery.delivery) {
            request = request.message(MESSAGE);
        }
        request.signers[0].identity = w.backend.identity();
        references.push(request.reference.as_str().to_owned());
        let handle = w.sent(&request).await?;
        w.client.status(&handle).await?;
    }
    let phone = w.request()?.signers[0].phone.as_ref().map(|p| p.expose().trim_start_matches('+').to_owned());
    let sent = readable(&relay.heard());
    let was_sent = |marks: &[String]| marks.iter().any(|mark| sent.contains(mark.as_str()));
    let data = [
        ("signer's name", vec![NAME.split(' ').next().unwrap_or(NAME).to_owned()]),
        ("e-mail address", vec![format!("{MARKER}1")]),
        ("phone number", phone.into_iter().collect()),
        ("message", vec![MESSAGE.to_owned()]),
        ("identity", w.backend.identity().into_iter().map(|i| i.value.expose().to_owned()).collect()),
        ("reference", references),
    ];
    let rows = rows(readme, "Personal data");
    for (what, marks) in data {
        let Some(row) = rows.iter().find(|row| row[0].contains(what)) else {
            return fail(format!("the README's table of personal data has no row for: {what}"));
        };
        let [_, place, ends, ..] = row.as_slice() else {
            return fail(format!("{what}: where it goes, and how it ends?"));
        };
        let documented = !place.starts_with("nowhere") && !place.contains("hash");
        ensure!(
            documented == was_sent(&marks),
            "the README says of the {what} that it goes {place:?}; it was sent: {}",
            was_sent(&marks)
        );
        ensure!(!documented || !ends.is_empty(), "{what} is sent to {place:?}, and how it ends is not said");
    }
    Ok(())
}

/// What was sent as text, with what tokens hold inside.
fn readable(sent: &[u8]) -> String {
    let text = String::from_utf8_lossy(sent).into_owned();
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let parts = text.split(|c| !is_part(c)).filter(|part| part.len() > 16);
    let inside: Vec<_> = parts.filter_map(|part| URL_SAFE_NO_PAD.decode(part).ok()).collect();
    let inside: Vec<_> = inside.iter().map(|bytes| String::from_utf8_lossy(bytes)).collect();
    format!("{text}\n{}", inside.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_found_under_their_heading() {
        let readme = "## Other\n| 400 | x |\n## Errors\ntext\n| status | error |\n|---|---|\n| 400, 422 | `a` | b |\n## End\n| 1 |";
        let found = rows(readme, "rror");
        assert_eq!(found.len(), 3);
        assert_eq!(found[2], ["400, 422", "`a`", "b"]);
    }

    #[test]
    fn tokens_are_opened() {
        let token = URL_SAFE_NO_PAD.encode(r#"{"doc_name":"marker of a document"}"#);
        let sent = format!("POST / HTTP/1.1\r\nauthorization: eyJhbGciOiJub25lIn0.{token}.c2ln\r\n\r\nplain");
        let text = readable(sent.as_bytes());
        assert!(text.contains("marker of a document") && text.contains("plain"), "{text}");
    }
}
