//! What a staging service can tell about what the guide leaves open (spec 9). Each trial makes a document behind a link,
//! which nobody is told of, and deletes it.

use std::collections::BTreeMap;

use bytes::Bytes;
use esign_core::jiff::Timestamp;
use esign_core::secrecy::ExposeSecret;
use esign_core::{BlankPdf, Credential, Error, Operation, Result, Settled, Trial};
use serde_json::Value;

use crate::SignifyClient;
use crate::types::{Created, NewDocument, Position, RequiredSignature};

const NAME: &str = "esign trial";
/// So many requests at once are more than the guide allows in a window.
const BURST: usize = 120;

const ORIGIN: &str = "what positionX and positionY are measured from, which corner of the box they name, and how large the box is";
const COORDINATE_ONE: &str = "whether a coordinate of exactly 1 is accepted";
const MEGABYTE: &str = "whether 10MB means 10,000,000 or 10,485,760 bytes";
const DOCUMENT_URL: &str = "whether documentUrl needs the API key";
const RETRY_AFTER: &str = "whether a 429 carries Retry-After";
const ERROR_BODY: &str = "the form of error bodies other than that of 401";
const STAGING_KEY: &str = "how staging keys begin";
const LIST_EXPIRED: &str = "whether the list has expired documents";

/// What trials can answer.
const TRIED: [&str; 8] =
    [ORIGIN, COORDINATE_ONE, MEGABYTE, DOCUMENT_URL, RETRY_AFTER, ERROR_BODY, STAGING_KEY, LIST_EXPIRED];

/// What they cannot, and why.
const UNTRIED: [(&str, &str); 9] = [
    (
        "how rotated and cropped pages are treated",
        "only eyes can tell, on a document with such pages: look at one once placement_origin is set",
    ),
    (
        "whether the limit of 30 signatures per document, which only the user guide names, applies to the API",
        "a link has at most 20, and further recipients would be sent an e-mail",
    ),
    ("how many recipients a document may have", "each of them would be sent an e-mail"),
    (
        "what the rate limit belongs to (key, user, address)",
        "it takes a second key, a second user and a second address",
    ),
    ("whether a signed document can be deleted", "it takes a person who signs"),
    ("whether expiresAt moves when the last signature is made", "it takes a person who signs"),
    ("whether anyone with Singpass can open a signing link", "it takes a second person with Singpass"),
    ("whether the list is ever cut", "it takes more documents than nobody knows how many"),
    (
        "whether the signed file begins with the bytes that were sent, as files of Sign with Singpass do",
        "it takes a person who signs",
    ),
];

/// What nobody could check (spec 9, "open questions").
pub(crate) fn unverified() -> Vec<String> {
    TRIED.into_iter().chain(UNTRIED.map(|(question, _)| question)).map(str::to_owned).collect()
}

pub(super) async fn settle(
    client: &SignifyClient,
    credential: &Credential,
    trial: &Trial,
) -> Result<Vec<Settled>> {
    // Without this one nothing else can be tried.
    let plain = create(client, NAME, &trial.document, 0.25).await?;
    let mut settled = vec![document_url(client, &plain).await];
    settled.push(delete(client, &plain).await);
    settled.push(coordinate_one(client, trial).await);
    settled.push(megabyte(client).await);
    settled.push(error_body(client).await);
    settled.push(reference_in_name(client, trial).await);
    settled.push(list_expired(client).await);
    settled.push(staging_key(credential));
    settled.push(origin(client, trial).await);
    // Last: it leaves nothing of the window to others.
    settled.push(retry_after(client, trial).await);
    settled.extend(UNTRIED.map(|(question, because)| Settled::untriable(question, because)));
    Ok(settled)
}

async fn create(client: &SignifyClient, name: &str, file: &Bytes, at: f64) -> Result<Created> {
    let document = NewDocument::new(name, file.clone());
    // Fractions between 0 and 1 are positions.
    let places = Position::fraction(at).map(|at| RequiredSignature::new(1, at.clone(), at));
    client.create_link(&document, &places.into_iter().collect::<Vec<_>>()).await
}

async fn document_url(client: &SignifyClient, created: &Created) -> Settled {
    let found = client.find(&created.id, Operation::Probe).await;
    let link = match found.map(|details| details.and_then(|details| details.link)) {
        Ok(Some(link)) => link,
        Ok(None) => return Settled::open(DOCUMENT_URL, "Signify gave no documentUrl"),
        Err(error) => return Settled::open(DOCUMENT_URL, &error),
    };
    match client.status_without_key(&link.url).await {
        Ok(200) => Settled::new(DOCUMENT_URL, "it works without").setting("document_url_bearer = \"never\""),
        Ok(401 | 403) => Settled::new(DOCUMENT_URL, "it does").setting("document_url_bearer = \"always\""),
        Ok(status) => Settled::open(DOCUMENT_URL, &format!("without the key the answer is {status}")),
        Err(error) => Settled::open(DOCUMENT_URL, &error),
    }
}

async fn delete(client: &SignifyClient, created: &Created) -> Settled {
    const QUESTION: &str = "whether a draft can be deleted, and is not found afterwards";
    match (client.delete(&created.id).await, client.find(&created.id, Operation::Probe).await) {
        (Ok(_), Ok(None)) => Settled::new(QUESTION, "it can, and is not"),
        (Ok(_), Ok(Some(_))) => {
            Settled::new(QUESTION, "deleted, and still there: cancel does not work as documented")
        }
        (Err(error), _) | (_, Err(error)) => Settled::open(QUESTION, &error),
    }
}

async fn coordinate_one(client: &SignifyClient, trial: &Trial) -> Settled {
    match create(client, NAME, &trial.document, 1.0).await {
        Ok(created) => {
            let settled = Settled::new(COORDINATE_ONE, "it is").setting("allow_coordinate_one = true");
            taken_back(client, &created, settled).await
        }
        Err(error) if error.http_status() == Some(400) => {
            Settled::new(COORDINATE_ONE, "it is refused").setting("allow_coordinate_one = false")
        }
        Err(error) => Settled::open(COORDINATE_ONE, &error),
    }
}

async fn megabyte(client: &SignifyClient) -> Settled {
    for bytes in [10_485_760, 10_000_000] {
        let file = BlankPdf { bytes, ..BlankPdf::default() }.to_bytes();
        match create(client, NAME, &file, 0.25).await {
            Ok(created) => {
                let settled = Settled::new(MEGABYTE, format!("a document of {bytes} bytes is taken"))
                    .setting(format!("max_document_bytes = {bytes}"));
                return taken_back(client, &created, settled).await;
            }
            Err(error) if matches!(error.http_status(), Some(400 | 413)) => {}
            Err(error) => return Settled::open(MEGABYTE, &error),
        }
    }
    Settled::open(MEGABYTE, "a document of 10,000,000 bytes is refused too")
}

async fn error_body(client: &SignifyClient) -> Settled {
    match client.refused_create().await {
        Ok(answer) if answer.status.is_success() => {
            Settled::open(ERROR_BODY, "a create without a name, places and a file is not refused")
        }
        Ok(answer) => {
            Settled::new(ERROR_BODY, format!("a {} is {}", answer.status.as_u16(), form_of(&answer.body)))
        }
        Err(error) => Settled::open(ERROR_BODY, &error),
    }
}

/// The form of a body, without what it says.
fn form_of(body: &[u8]) -> String {
    let word = |value: &Value| match value {
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
        Value::Number(_) => "number",
        Value::Bool(_) | Value::Null => "flag",
    };
    if body.trim_ascii().is_empty() {
        return "empty".to_owned();
    }
    match serde_json::from_slice::<BTreeMap<String, Value>>(body) {
        Ok(members) => {
            let members: Vec<_> = members.iter().map(|(name, v)| format!("{name} ({})", word(v))).collect();
            format!("a JSON object with {}", members.join(", "))
        }
        Err(_) => "not a JSON object".to_owned(),
    }
}

async fn reference_in_name(client: &SignifyClient, trial: &Trial) -> Settled {
    const QUESTION: &str = "whether the list has new documents under the name that was sent";
    const WITH_REFERENCE: &str = "esign trial (reference-1)";
    let created = match create(client, WITH_REFERENCE, &trial.document, 0.25).await {
        Ok(created) => created,
        Err(error) => return Settled::open(QUESTION, &error),
    };
    let settled = match client.listing(Operation::Probe).await {
        Ok((list, _)) if list.iter().any(|entry| entry.id == created.id && entry.name == WITH_REFERENCE) => {
            Settled::new(QUESTION, "it has: a lost submission can be found without doubt")
                .setting("reference_in_name = \"suffix\"")
        }
        Ok(_) => Settled::new(QUESTION, "it has not: lost submissions cannot be found"),
        Err(error) => Settled::open(QUESTION, &error),
    };
    taken_back(client, &created, settled).await
}

async fn list_expired(client: &SignifyClient) -> Settled {
    let (list, time) = match client.listing(Operation::Probe).await {
        Ok(listing) => listing,
        Err(error) => return Settled::open(LIST_EXPIRED, &error),
    };
    let now: Timestamp = time.unwrap_or_else(|| client.http().clock().now());
    match list.iter().filter(|entry| entry.expires_at.is_some_and(|end| end < now)).count() {
        0 => Settled::open(LIST_EXPIRED, "none is in it now: has a document of this key expired at all?"),
        expired => Settled::new(LIST_EXPIRED, format!("it has {expired} now")),
    }
}

/// Words only that say nothing about the key itself.
fn staging_key(credential: &Credential) -> Settled {
    const BEGINNINGS: [&str; 6] = ["staging_", "stg_", "test_", "uat_", "dev_", "sandbox_"];
    let key = credential.current();
    let key = key.expose_secret().trim_start();
    match BEGINNINGS.into_iter().find(|beginning| key.starts_with(beginning)) {
        Some(beginning) => Settled::new(STAGING_KEY, format!("this one begins with {beginning}")),
        None => Settled::new(STAGING_KEY, format!("this one with none of {}", BEGINNINGS.join(", "))),
    }
}

/// Only eyes can tell: Signify shows on its page where the box is.
async fn origin(client: &SignifyClient, trial: &Trial) -> Settled {
    if !trial.look {
        return Settled::open(ORIGIN, "it takes a look at a document that is left open");
    }
    match create(client, NAME, &trial.document, 0.1).await {
        Ok(created) => {
            let what = format!(
                "open the link: is the box near the top, write placement_origin = \"top-left\"; near the bottom, \
                 \"bottom-left\". Then delete document {}",
                created.id
            );
            let settled = Settled::open(ORIGIN, &what);
            match created.links.into_iter().next() {
                Some(link) => settled.link(link.url),
                None => settled,
            }
        }
        Err(error) => Settled::open(ORIGIN, &error),
    }
}

async fn retry_after(client: &SignifyClient, trial: &Trial) -> Settled {
    if !trial.burst {
        let why = "it takes a burst, which others with this key feel for some seconds";
        return Settled::open(RETRY_AFTER, why);
    }
    let answers = futures_util::future::join_all((0..BURST).map(|_| client.list_at_once())).await;
    let answers: Vec<_> = match answers.into_iter().collect::<Result<Vec<_>, Error>>() {
        Ok(answers) => answers,
        Err(error) => return Settled::open(RETRY_AFTER, &error),
    };
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status.as_u16() == 429).collect();
    match refused.first() {
        None => Settled::open(RETRY_AFTER, &format!("{BURST} requests at once are all answered")),
        Some(first) => Settled::new(
            RETRY_AFTER,
            match first.header("retry-after") {
                Some(value) => format!("it does: {value}, after {}", answers.len() - refused.len()),
                None => format!("it does not; {} of {BURST} were answered", answers.len() - refused.len()),
            },
        ),
    }
}

/// A document that could not be deleted is named, so that somebody can.
async fn taken_back(client: &SignifyClient, created: &Created, mut settled: Settled) -> Settled {
    if let Err(error) = client.delete(&created.id).await {
        settled.found += &format!(" (document {} is left over: {error})", created.id);
    }
    settled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_a_body_is_told_without_its_words() {
        for (body, form) in [
            (r#"{"message": "secret"}"#, "a JSON object with message (text)"),
            (
                r#"{"statusCode": 400, "message": ["secret"], "error": "secret"}"#,
                "a JSON object with error (text), message (list), statusCode (number)",
            ),
            ("<p>secret", "not a JSON object"),
            ("[\"secret\"]", "not a JSON object"),
            (" ", "empty"),
        ] {
            assert_eq!(form_of(body.as_bytes()), form);
        }
    }
}
