//! Inkwell's JSON, in both directions. Members that are not named here are passed over.

use esign_core::jiff::Timestamp;
use esign_core::{
    Delivery, Error, ErrorKind, NextStep, Prepared, ResolvedSpot, Result, SecretUrl, SignerStatus, State,
    Step,
};
use serde::{Deserialize, Deserializer, Serialize};

/// One signer, as it is sent.
#[derive(Serialize)]
pub(crate) struct NewSigner<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    marks: Vec<Mark>,
}

/// The lower-left corner of a signature in points, from the page's lower-left corner as it is shown.
#[derive(Serialize)]
struct Mark {
    page: u32,
    x: f64,
    y: f64,
}

/// The signers of a prepared request. What it cannot hold was refused before.
pub(crate) fn signers(prepared: &Prepared) -> Result<Vec<NewSigner<'_>>> {
    let request = prepared.request();
    let by_email = request.delivery == Delivery::ProviderEmail;
    let signers = request.signers.iter().zip(prepared.signers()).map(|(signer, resolved)| {
        let marks = resolved.placements.iter().map(|place| match (place.page, &place.spot) {
            (Some(page), ResolvedSpot::Box(area)) => Ok(Mark { page, x: area.x, y: area.y }),
            _ => Err(Error::new(ErrorKind::Internal, "a prepared placement is not a box")),
        });
        Ok(NewSigner {
            id: &signer.key,
            email: signer.email.as_ref().filter(|_| by_email).map(|email| email.expose()),
            message: request.message_for(signer),
            marks: marks.collect::<Result<_>>()?,
        })
    });
    signers.collect()
}

/// An envelope.
#[derive(Debug, Deserialize)]
pub struct Envelope {
    /// Its id.
    pub id: String,
    /// The word for its state.
    pub state: String,
    /// When it was made, by Inkwell's clock.
    pub created: Timestamp,
    /// When it lapses.
    pub lapses: Timestamp,
    /// Its signers.
    pub signers: Vec<EnvelopeSigner>,
}

/// One signer of an envelope.
#[derive(Debug, Deserialize)]
pub struct EnvelopeSigner {
    /// The id that we gave.
    pub id: String,
    /// The word for the signer's state.
    pub state: String,
    /// When the signer signed.
    pub signed: Option<Timestamp>,
    /// The page to sign on, by link only. Whoever has it can sign. What a browser may not open is none.
    #[serde(default, deserialize_with = "link")]
    pub link: Option<SecretUrl>,
}

fn link<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<SecretUrl>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.and_then(|link| SecretUrl::for_browser(&link)))
}

impl Envelope {
    /// Where its signers sign, by link only.
    pub(crate) fn links(&self) -> Vec<NextStep> {
        let step = |signer: &EnvelopeSigner| {
            let url = signer.link.clone()?;
            let step = Step::OpenLink { url, open_before: Some(self.lapses), shared: false };
            Some(NextStep { signer: signer.id.clone(), step })
        };
        self.signers.iter().filter_map(step).collect()
    }
}

/// What a word means. One that is not known is neither a success nor a failure.
pub(crate) fn state(word: &str) -> State {
    match word {
        "open" => State::Pending,
        "partly" => State::InProgress,
        "done" => State::Completed,
        "refused" => State::Declined,
        "lapsed" => State::Expired,
        "withdrawn" => State::Cancelled,
        _ => State::Unrecognised,
    }
}

/// A signer in neutral words.
pub(crate) fn signer_status(signer: &EnvelopeSigner) -> SignerStatus {
    let mut status = SignerStatus::new(Some(signer.id.clone()), state(&signer.state));
    let done = signer.signed.map(|at| esign_core::CompletedSignature { name: None, at: Some(at) });
    status.completed = done.into_iter().collect();
    status.required = Some(1);
    status
}
