//! What a staging service can tell about what the documents leave open (spec 9). Each trial starts a request whose link nobody
//! gets, and cancels it; one that cannot be cancelled ends by itself after 30 minutes.

use esign_core::{Error, ErrorKind, Personal, Result, Settled, Trial};

use crate::client::{Initiate, Initiated, SingpassClient};
use crate::config::{Payload, ResultPath};
use crate::convert::Location;
use crate::error::refusal_code;

pub(crate) async fn settle(client: &SingpassClient, trial: &Trial) -> Result<Vec<Settled>> {
    let mut settled = vec![result_path(client).await];
    let (shapes, open) = payload(client, trial).await?;
    settled.push(shapes);
    settled.push(cancelled_codes(client, open).await);
    Ok(settled)
}

/// A path that is not there is answered with a 404 that is not the API's own.
async fn result_path(client: &SingpassClient) -> Settled {
    const QUESTION: &str = "whether the result is at signed-doc or at signed_doc";
    let (id, nothing) =
        (format!("signv3-{}", uuid::Uuid::new_v4()), Personal::new(uuid::Uuid::new_v4().to_string()));
    let mut there = Vec::new();
    for (path, setting) in [(ResultPath::Hyphen, "hyphen"), (ResultPath::Underscore, "underscore")] {
        match client.with_result_path(path).result(&id, &nothing).await {
            Err(error) if error.http_status() == Some(404) && error.provider_code().is_none() => {}
            Err(error) if error.http_status().is_none_or(|status| status >= 500) => {
                return Settled::new(QUESTION, format!("still open: {error}"));
            }
            _ => there.push(setting),
        }
    }
    match there.as_slice() {
        [only] => Settled::new(QUESTION, format!("the {only} is there, the other is not"))
            .setting(format!("result_path = \"{only}\"")),
        [] => Settled::new(QUESTION, "still open: both paths are answered as if they were not there"),
        _ => Settled::new(QUESTION, "both are there").setting("result_path = \"auto\""),
    }
}

/// Which shapes of the placement are taken; and a request that is still open.
async fn payload(client: &SingpassClient, trial: &Trial) -> Result<(Settled, Option<Initiated>)> {
    const QUESTION: &str = "which shapes of the placement claims are taken";
    let request = Initiate {
        doc_name: "esign trial".to_owned(),
        locations: vec![Location::from_digits(1, "0.1", "0.1")?],
        signer_uin_hash: None,
    };
    let (mut taken, mut refused, mut open) = (Vec::new(), Vec::new(), None);
    for (shape, setting) in
        [(Payload::Both, "both"), (Payload::Locations, "locations"), (Payload::Legacy, "legacy")]
    {
        match client.with_payload(shape).initiate(&request, trial.document.clone()).await {
            Ok(made) => {
                taken.push(setting);
                if let Some(earlier) = open.replace(made) {
                    // Best effort: it ends by itself.
                    let _ = client.cancel(&earlier.request_id).await;
                }
            }
            Err(error) if error.kind() == ErrorKind::Unauthenticated => return Err(error),
            Err(error) if error.http_status() == Some(400) => {
                refused.push(format!("{setting} ({})", refusal_code(&error).unwrap_or("no code")));
            }
            Err(error) => return Ok((Settled::new(QUESTION, format!("still open: {error}")), open)),
        }
    }
    let none = |list: &[_]| if list.is_empty() { "none".to_owned() } else { list.join(", ") };
    let taken_words: Vec<String> = taken.iter().map(ToString::to_string).collect();
    let settled =
        Settled::new(QUESTION, format!("taken: {}; refused: {}", none(&taken_words), none(&refused)));
    Ok((
        match taken.as_slice() {
            [] | [_, _, _] => settled,
            [first, ..] => settled.setting(format!("payload = \"{first}\"")),
        },
        open,
    ))
}

/// The code of a result after a cancel, and of a second cancel.
async fn cancelled_codes(client: &SingpassClient, open: Option<Initiated>) -> Settled {
    const QUESTION: &str = "which codes mean that a request was cancelled";
    let still_open = |error: &Error| Settled::new(QUESTION, format!("still open: {error}"));
    let Some(open) = open else { return Settled::new(QUESTION, "still open: no request could be started") };
    if let Err(error) = client.cancel(&open.request_id).await {
        return still_open(&error);
    }
    let result = client.result(&open.request_id, &open.exchange_code).await.map(drop);
    let mut codes = Vec::new();
    for answer in [result, client.cancel(&open.request_id).await] {
        if let Err(error) = answer {
            match refusal_code(&error) {
                Some(code) if !codes.iter().any(|known| known == code) => codes.push(code.to_owned()),
                Some(_) => {}
                None => return still_open(&error),
            }
        }
    }
    if codes.is_empty() {
        return Settled::new(QUESTION, "none: a cancelled request answers as if it were not");
    }
    Settled::new(QUESTION, format!("after a cancel: {}", codes.join(", ")))
        .setting(format!("cancelled_codes = {codes:?}"))
}
