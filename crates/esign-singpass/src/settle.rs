//! What a staging service can tell about what the documents leave open (spec 9). Each trial starts requests whose links nobody
//! gets, and cancels them; one that cannot be cancelled ends by itself after 30 minutes.

use bytes::Bytes;
use esign_core::{BlankPdf, Error, ErrorKind, Personal, Result, Settled, Trial};

use crate::client::{Initiate, Initiated, SingpassClient};
use crate::config::{Payload, ResultPath};
use crate::convert::Location;
use crate::error::refusal_code;

const NAME: &str = "esign trial";

const CLAIMS: &str = "the claims of initiate today, and the codes of its refusals";
const PAGES: &str = "the acceptable page sizes (limits exist, their numbers are not available)";
const CANCELLED: &str = "the codes of a second cancel, and of a result after a cancel";
const DOC_NAME: &str = "length and characters of the document's name";
const FORMS: &str = "whether forms and XFA are refused";
const JTI: &str = "whether a token's jti may be used twice";
const MEGABYTE: &str = "whether 10 MB means 10,000,000 bytes";

/// What trials can answer.
const TRIED: [&str; 7] = [CLAIMS, PAGES, CANCELLED, DOC_NAME, FORMS, JTI, MEGABYTE];

/// What they cannot, and why.
const UNTRIED: [(&str, &str); 5] = [
    (
        "how the intended signer's NRIC is cased before hashing",
        "it takes the person with that NRIC, who signs",
    ),
    ("the code of a cancel after signing", "it takes a person who signs"),
    (
        "how boxes are placed on rotated, cropped, offset and scaled pages",
        "where the box is drawn shows in a signed document only, and it takes a person who signs",
    ),
    ("whether certified documents are refused", "a trial has no document that somebody has certified"),
    ("rate limits", "none is published, so there is no number to try"),
];

/// What nobody could check (spec 9, "open questions").
pub(crate) fn unverified() -> Vec<String> {
    TRIED.into_iter().chain(UNTRIED.map(|(question, _)| question)).map(str::to_owned).collect()
}

pub(crate) async fn settle(client: &SingpassClient, trial: &Trial) -> Result<Vec<Settled>> {
    let mut settled = vec![result_path(client).await];
    let (shapes, open) = payload(client, trial).await?;
    settled.push(shapes);
    settled.push(cancelled_codes(client, open).await);
    settled.push(doc_name(client, trial).await);
    settled.push(pages(client).await);
    settled.push(forms(client).await);
    settled.push(megabyte(client).await);
    settled.push(jti(client).await);
    settled.extend(UNTRIED.map(|(question, because)| Settled::untriable(question, because)));
    Ok(settled)
}

/// A path that is not there is answered with a 404 that is not the API's own.
async fn result_path(client: &SingpassClient) -> Settled {
    const QUESTION: &str = "whether the result is at signed-doc or at signed_doc";
    let (id, nothing) = nobodys_request();
    let mut there = Vec::new();
    for (path, setting) in [(ResultPath::Hyphen, "hyphen"), (ResultPath::Underscore, "underscore")] {
        match client.with_result_path(path).result(&id, &nothing).await {
            Err(error) if error.http_status() == Some(404) && error.provider_code().is_none() => {}
            Err(error) if error.http_status().is_none_or(|status| status >= 500) => {
                return Settled::open(QUESTION, &error);
            }
            _ => there.push(setting),
        }
    }
    match there.as_slice() {
        [only] => Settled::new(QUESTION, format!("the {only} is there, the other is not"))
            .setting(format!("result_path = \"{only}\"")),
        [] => Settled::open(QUESTION, "both paths are answered as if they were not there"),
        _ => Settled::new(QUESTION, "both are there").setting("result_path = \"auto\""),
    }
}

/// The id and the code of a request that was never made.
fn nobodys_request() -> (String, Personal) {
    (format!("signv3-{}", uuid::Uuid::new_v4()), Personal::new(uuid::Uuid::new_v4().to_string()))
}

fn request(doc_name: &str, page: u32) -> Result<Initiate> {
    Ok(Initiate {
        doc_name: doc_name.to_owned(),
        locations: vec![Location::from_digits(page, "0.1", "0.1")?],
        signer_uin_hash: None,
    })
}

/// Which shapes of the placement are taken, what a refusal says; and a request that is still open.
async fn payload(client: &SingpassClient, trial: &Trial) -> Result<(Settled, Option<Initiated>)> {
    let one = request(NAME, 1)?;
    let (mut taken, mut refused, mut open) = (Vec::new(), Vec::new(), None);
    for (shape, setting) in
        [(Payload::Both, "both"), (Payload::Locations, "locations"), (Payload::Legacy, "legacy")]
    {
        match client.with_payload(shape).initiate(&one, trial.document.clone()).await {
            Ok(made) => {
                taken.push(setting.to_owned());
                if let Some(earlier) = open.replace(made) {
                    take_back(client, &earlier).await;
                }
            }
            Err(error) if error.kind() == ErrorKind::Unauthenticated => return Err(error),
            Err(error) if error.http_status() == Some(400) => refused.push(with_code(setting, &error)),
            Err(error) => return Ok((Settled::open(CLAIMS, &error), open)),
        }
    }
    // Where all are taken the setting does not matter.
    let line = match taken.as_slice() {
        [] | [_, _, _] => None,
        [first, ..] => Some(format!("payload = \"{first}\"")),
    };
    match client.initiate(&request(NAME, 9999)?, trial.document.clone()).await {
        Ok(made) => {
            take_back(client, &made).await;
            taken.push("a page that is not there".to_owned());
        }
        Err(error) => refused.push(with_code("a page that is not there", &error)),
    }
    let mut settled = Settled::new(CLAIMS, listed(&taken, &refused));
    settled.setting = line;
    Ok((settled, open))
}

/// Best effort: it ends by itself.
async fn take_back(client: &SingpassClient, made: &Initiated) {
    let _ = client.cancel(&made.request_id).await;
}

fn with_code(what: &str, error: &Error) -> String {
    format!("{what} ({})", refusal_code(error).unwrap_or("no code"))
}

fn listed(taken: &[String], refused: &[String]) -> String {
    let words = |list: &[String]| if list.is_empty() { "none".to_owned() } else { list.join(", ") };
    format!("taken: {}; refused: {}", words(taken), words(refused))
}

/// Which of these requests are taken.
async fn which(
    client: &SingpassClient,
    question: &'static str,
    cases: impl IntoIterator<Item = (String, Result<Initiate>, Bytes)>,
) -> Settled {
    let (mut taken, mut refused) = (Vec::new(), Vec::new());
    for (what, request, document) in cases {
        let made = match request {
            Ok(request) => client.initiate(&request, document).await,
            Err(error) => Err(error),
        };
        match made {
            Ok(made) => {
                take_back(client, &made).await;
                taken.push(what);
            }
            Err(error) if matches!(error.http_status(), Some(400 | 413)) => {
                refused.push(with_code(&what, &error));
            }
            Err(error) => return Settled::open(question, &error),
        }
    }
    Settled::new(question, listed(&taken, &refused))
}

async fn doc_name(client: &SingpassClient, trial: &Trial) -> Settled {
    let lengths = [100, 255, 256, 1000].map(|n: usize| (format!("{n} letters"), "a".repeat(n)));
    let words = ["Größe 大小", "a/b:c*d?\"e<f>|g", "two\nlines"];
    let words = words.map(|word| (format!("{word:?}"), word.to_owned()));
    let cases = lengths.into_iter().chain(words);
    let cases = cases.map(|(what, name)| (what, request(&name, 1), trial.document.clone()));
    which(client, DOC_NAME, cases).await
}

async fn pages(client: &SingpassClient) -> Settled {
    const SIZES: [(&str, f64, f64); 7] = [
        ("A6", 297.64, 419.53),
        ("A5", 419.53, 595.28),
        ("A3", 841.89, 1190.55),
        ("A2", 1190.55, 1683.78),
        ("A1", 1683.78, 2383.94),
        ("A0", 2383.94, 3370.39),
        ("200 inches", 14400.0, 14400.0),
    ];
    let cases = SIZES.map(|(what, width, height)| {
        let document = BlankPdf { page: (width, height), ..BlankPdf::default() };
        (what.to_owned(), request(NAME, 1), document.to_bytes())
    });
    which(client, PAGES, cases).await
}

async fn forms(client: &SingpassClient) -> Settled {
    const KINDS: [(&str, &str); 2] = [
        ("a form", "/AcroForm << /Fields [<< /FT /Tx /T (a) /Rect [0 0 9 9] >>] >> "),
        ("XFA", "/AcroForm << /Fields [] /XFA [] >> "),
    ];
    let cases = KINDS.map(|(what, catalog)| {
        let document = BlankPdf { catalog, ..BlankPdf::default() };
        (what.to_owned(), request(NAME, 1), document.to_bytes())
    });
    which(client, FORMS, cases).await
}

async fn megabyte(client: &SingpassClient) -> Settled {
    let request = match request(NAME, 1) {
        Ok(request) => request,
        Err(error) => return Settled::open(MEGABYTE, &error),
    };
    for (bytes, answer) in [(10_485_759, "it does not"), (9_999_999, "it does")] {
        let document = BlankPdf { bytes, ..BlankPdf::default() }.to_bytes();
        match client.initiate(&request, document).await {
            Ok(made) => {
                take_back(client, &made).await;
                let found = format!("{answer}: {bytes} bytes are taken");
                return Settled::new(MEGABYTE, found).setting(format!("max_bytes = {bytes}"));
            }
            Err(error) if matches!(error.http_status(), Some(400 | 413)) => {}
            Err(error) => return Settled::open(MEGABYTE, &error),
        }
    }
    Settled::open(MEGABYTE, "9,999,999 bytes are refused too")
}

/// The result of a request that was never made is refused as that, unless the token is.
async fn jti(client: &SingpassClient) -> Settled {
    let (id, nothing) = nobodys_request();
    let once = match client.with_one_token(&nothing).await {
        Ok(client) => client,
        Err(error) => return Settled::open(JTI, &error),
    };
    let mut refused_as = Vec::new();
    for _ in 0..2 {
        match once.result(&id, &nothing).await {
            Ok(_) => return Settled::open(JTI, "the result of a request that was never made is given out"),
            Err(error) if error.http_status().is_some_and(|status| (400..500).contains(&status)) => {
                refused_as.push(error.kind());
            }
            Err(error) => return Settled::open(JTI, &error),
        }
    }
    match refused_as.as_slice() {
        [ErrorKind::Unauthenticated, ..] => Settled::open(JTI, "no token is accepted"),
        [_, ErrorKind::Unauthenticated] => Settled::new(JTI, "it may not: the second use is refused"),
        _ => Settled::new(JTI, "it may"),
    }
}

/// The code of a result after a cancel, and of a second cancel.
async fn cancelled_codes(client: &SingpassClient, open: Option<Initiated>) -> Settled {
    let Some(open) = open else { return Settled::open(CANCELLED, "no request could be started") };
    if let Err(error) = client.cancel(&open.request_id).await {
        return Settled::open(CANCELLED, &error);
    }
    let result = client.result(&open.request_id, &open.exchange_code).await.map(drop);
    let mut codes = Vec::new();
    for answer in [result, client.cancel(&open.request_id).await] {
        if let Err(error) = answer {
            match refusal_code(&error) {
                Some(code) if !codes.iter().any(|known| known == code) => codes.push(code.to_owned()),
                Some(_) => {}
                None => return Settled::open(CANCELLED, &error),
            }
        }
    }
    if codes.is_empty() {
        return Settled::new(CANCELLED, "none: a cancelled request answers as if it were not");
    }
    Settled::new(CANCELLED, format!("after a cancel: {}", codes.join(", ")))
        .setting(format!("cancelled_codes = {codes:?}"))
}
