//! Finding a document whose create was never answered (spec 3.1, "Retry-safety").

use esign_core::jiff::{SignedDuration, Timestamp};
use esign_core::{Candidate, Intent, Operation, Resolution, Result};

use super::{mode_of, submission};
use crate::SignifyClient;
use crate::check::with_suffix;
use crate::config::{SignifyConfig, unsigned};
use crate::types::{DocumentDetails, DocumentSummary, SigningLink};

/// More matches than this are not told apart: each costs a request.
const MAX_CANDIDATES: usize = 50;
/// Documents expire after 30 days, and whether the list has expired ones is not documented.
const LISTED_FOR: SignedDuration = SignedDuration::from_hours(29 * 24);

/// Looks; if there is nothing, looks once more after a while; says "not found" only if that means something.
pub(super) async fn find(
    client: &SignifyClient,
    config: &SignifyConfig,
    intent: &Intent,
) -> Result<Resolution> {
    let mut found = find_many(client, config, std::slice::from_ref(intent)).await?;
    // One for each intent.
    Ok(found.pop().unwrap_or(Resolution::NotFound))
}

/// The same for several intents, over one list for all of them.
pub(super) async fn find_many(
    client: &SignifyClient,
    config: &SignifyConfig,
    intents: &[Intent],
) -> Result<Vec<Resolution>> {
    let mut matches = matches_of(client, config, intents).await?;
    if matches.iter().any(Vec::is_empty) {
        let clock = client.http().clock();
        clock.sleep_until(clock.monotonic() + unsigned(config.lookup_settle)).await;
        matches = matches_of(client, config, intents).await?;
    }
    let mut found = Vec::with_capacity(intents.len());
    for (intent, matches) in intents.iter().zip(matches) {
        found.push(judge(client, intent, matches).await?);
    }
    Ok(found)
}

async fn judge(client: &SignifyClient, intent: &Intent, matches: Vec<Match>) -> Result<Resolution> {
    let now = client.http().clock().now();
    if matches.is_empty() {
        let old = now.duration_since(intent.prepared_at()) > LISTED_FOR;
        return Ok(if old { too_old() } else { Resolution::NotFound });
    }
    if matches.len() > MAX_CANDIDATES {
        let why = format!(
            "{} documents agree in name, mode and time, too many to tell apart; set reference_in_name = \"suffix\" for \
             the next time",
            matches.len()
        );
        return Ok(Resolution::Unknown { why });
    }
    resolve(client, intent, matches).await
}

fn too_old() -> Resolution {
    let why = "Signify does not list it, but it was prepared so long ago that it may have been created and have expired";
    Resolution::Unknown { why: why.to_owned() }
}

/// A document that may be the one.
struct Match {
    summary: DocumentSummary,
    by_reference: bool,
}

/// What agrees with each intent, out of one reading of the list.
async fn matches_of(
    client: &SignifyClient,
    config: &SignifyConfig,
    intents: &[Intent],
) -> Result<Vec<Vec<Match>>> {
    let (listing, by_their_clock) = client.listing(Operation::Lookup).await?;
    let now = client.http().clock().now();
    let window = |intent: &Intent| Window::of(intent, now, by_their_clock, config.lookup_skew);
    intents.iter().map(|intent| matches_in(&listing, intent, &window(intent))).collect()
}

/// By the reference in the name where there is one; else by name, mode and time.
fn matches_in(listing: &[DocumentSummary], intent: &Intent, window: &Window) -> Result<Vec<Match>> {
    let Some(name) = intent.documents().first().map(|document| document.name.as_str()) else {
        return Ok(Vec::new());
    };
    // The setting may have changed since: both names are looked for.
    let suffixed = with_suffix(name, intent.reference());
    let mode = mode_of(intent)?;
    let (mut certain, mut possible) = (Vec::new(), Vec::new());
    for summary in listing.iter().cloned() {
        if summary.name == suffixed {
            certain.push(Match { summary, by_reference: true });
        } else if summary.name == name
            && summary.mode.is_none_or(|of_document| of_document == mode)
            && summary.created_at.is_none_or(|at| window.holds(at))
        {
            // What cannot be read is not held against a document.
            possible.push(Match { summary, by_reference: false });
        }
    }
    Ok(if certain.is_empty() { possible } else { certain })
}

/// When the document can have been created, by Signify's clock.
struct Window {
    from: Timestamp,
    to: Timestamp,
}

impl Window {
    /// From the preparation until now, wider by the skew, and by what the clocks are seen to differ now: a wrong clock of
    /// ours must not hide the document.
    fn of(intent: &Intent, now: Timestamp, theirs: Option<Timestamp>, skew: SignedDuration) -> Self {
        let ahead = theirs.map_or(SignedDuration::ZERO, |theirs| theirs.duration_since(now));
        Self {
            from: moved(intent.prepared_at(), ahead.min(SignedDuration::ZERO) - skew, Timestamp::MIN),
            to: moved(now, ahead.max(SignedDuration::ZERO) + skew, Timestamp::MAX),
        }
    }

    fn holds(&self, at: Timestamp) -> bool {
        (self.from..=self.to).contains(&at)
    }
}

fn moved(time: Timestamp, by: SignedDuration, at_most: Timestamp) -> Timestamp {
    time.checked_add(by).unwrap_or(at_most)
}

async fn resolve(client: &SignifyClient, intent: &Intent, matches: Vec<Match>) -> Result<Resolution> {
    let certain = matches.iter().all(|m| m.by_reference);
    let mut candidates = Vec::new();
    for Match { summary, by_reference } in matches {
        // Deleted since the list was read.
        let Some(details) = client.find(&summary.id, Operation::Lookup).await? else { continue };
        candidates.push(candidate(intent, &summary, &details, by_reference)?);
    }
    // Those that agree in more come first.
    candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.agrees.len()));
    Ok(match candidates.len() {
        0 => Resolution::NotFound,
        1 if certain => Resolution::Found(Box::new(candidates.remove(0).submission)),
        _ => Resolution::Candidates(candidates),
    })
}

fn candidate(
    intent: &Intent,
    summary: &DocumentSummary,
    details: &DocumentDetails,
    by_reference: bool,
) -> Result<Candidate> {
    let link = details
        .invitations
        .iter()
        .find_map(|invitation| Some(SigningLink { url: invitation.link.clone()?, total: invitation.total }));
    let expires_at = details.summary.expires_at;
    let created_at = details.summary.created_at;
    // When it was sent nobody knows any more; by Signify's clock it was then.
    let submitted_at = created_at.unwrap_or(intent.prepared_at());
    let made = submission(intent, &summary.id, link.as_ref(), submitted_at, expires_at)?
        .provider_times(created_at, expires_at)
        .note("found after its answer was lost");
    let agrees = [
        ("reference", by_reference),
        ("name", true),
        ("mode", summary.mode.is_some()),
        ("created_at", summary.created_at.is_some()),
        ("signers", same_signers(intent, details)),
    ];
    let agrees = agrees.into_iter().filter(|(_, agrees)| *agrees).map(|(what, _)| what).collect();
    Ok(Candidate::new(made, agrees))
}

/// Whether the invitations are addressed to exactly the signers of the intent, by the digests of their addresses.
fn same_signers(intent: &Intent, details: &DocumentDetails) -> bool {
    let mut asked: Vec<_> = intent.signers().iter().filter_map(|s| s.email_digest).collect();
    let signatories = details.invitations.iter().filter_map(|i| i.signatory.as_ref());
    let mut invited: Vec<_> =
        signatories.map(|email| Intent::email_digest(intent.reference(), email)).collect();
    asked.sort_by_key(|digest| *digest.as_bytes());
    invited.sort_by_key(|digest| *digest.as_bytes());
    !asked.is_empty() && asked == invited
}
