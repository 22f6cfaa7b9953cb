//! What a staging service can tell about what the documents leave open (spec 9) without anybody approving: little, because
//! only Singpass's own script on a page opens sessions.

use esign_core::{Personal, Result, Settled};

use crate::TxnClient;
use crate::random::one_time_value;

const ERRORS: &str = "the errors of the exchange";

const APPROVES: &str = "it takes a person who approves in the Singpass app";
const OPENS: &str = "only Singpass's script opens sessions, for a person who sees the page";

/// What no trial can answer, and why.
const UNTRIED: [(&str, &str); 9] = [
    (
        "the names of the answer's nonce and hash claims (settings without a default), and its other claims",
        APPROVES,
    ),
    ("the member of the answer that has the token", APPROVES),
    ("whether a sign code can be exchanged twice", APPROVES),
    (
        "how the person's own signature over the hash is verified: Singpass's signature over its answer is",
        "it is for Singpass to say, not for an answer to show",
    ),
    ("how long a session and a sign code live", OPENS),
    ("how long a text may be, which characters it may have, and how the app shows line breaks", OPENS),
    ("the case of the hash's digits", OPENS),
    ("what the page and the redirect are told when the person declines in the app", APPROVES),
    ("rate limits", "none is published, so there is no number to try"),
];

/// What nobody could check (spec 9, "open questions").
pub(crate) fn unverified() -> Vec<String> {
    std::iter::once(ERRORS).chain(UNTRIED.map(|(question, _)| question)).map(str::to_owned).collect()
}

pub(crate) async fn settle(client: &TxnClient) -> Result<Vec<Settled>> {
    let mut settled = vec![errors(client).await?];
    settled.extend(UNTRIED.map(|(question, because)| Settled::untriable(question, because)));
    Ok(settled)
}

/// A sign code that was never issued can be refused only.
async fn errors(client: &TxnClient) -> Result<Settled> {
    let nobodys = Personal::new(one_time_value()?);
    Ok(match client.exchange_code(&nobodys).await {
        Ok(_) => Settled::open(ERRORS, "a sign code that was never issued is answered as if it had been"),
        Err(error) => match (error.http_status(), error.provider_code()) {
            (Some(401 | 403), _) => Settled::open(ERRORS, &format!("the token is not accepted: {error}")),
            (Some(status @ 400..500), Some(code)) => {
                let ids = [("id", error.request_id()), ("trace_id", error.trace_id())];
                let ids: Vec<_> = ids.into_iter().filter_map(|(name, id)| id.map(|_| name)).collect();
                let ids =
                    if ids.is_empty() { "neither id nor trace_id".to_owned() } else { ids.join(" and ") };
                Settled::new(
                    ERRORS,
                    format!("an unknown sign code: HTTP {status} with error {code:?} and {ids}"),
                )
            }
            (Some(status @ 400..500), None) => Settled::new(
                ERRORS,
                format!("an unknown sign code: HTTP {status}, not in the form that other pages document"),
            ),
            _ => Settled::open(ERRORS, &error),
        },
    })
}
