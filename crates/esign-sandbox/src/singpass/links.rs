//! Links to signed documents: whoever has one may fetch, for two minutes.

use std::collections::{HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::later;

/// A link to a signed document, and the tokens about one.
pub(super) const LINK: SignedDuration = SignedDuration::from_mins(2);
/// Expired ones are kept for so long, so that they answer as expired rather than unknown.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);

#[derive(Default)]
pub(super) struct Links {
    links: HashMap<String, Link>,
    /// In order of publication.
    order: VecDeque<String>,
}

struct Link {
    request: String,
    until: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinkRefused {
    Unknown,
    Expired,
}

impl Links {
    /// A new link to a request's document, and until when it works.
    pub(super) fn publish(&mut self, request: &str, now: Timestamp) -> (String, Timestamp) {
        while let Some(link) = self.order.front().and_then(|oldest| self.links.get(oldest))
            && now.duration_since(link.until) > REMEMBERED
        {
            if let Some(oldest) = self.order.pop_front() {
                self.links.remove(&oldest);
            }
        }
        let token = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let until = later(now, LINK);
        self.order.push_back(token.clone());
        self.links.insert(token.clone(), Link { request: request.to_owned(), until });
        (token, until)
    }

    /// The request whose document is behind a link.
    pub(super) fn request(&self, token: &str, now: Timestamp) -> Result<&str, LinkRefused> {
        let link = self.links.get(token).ok_or(LinkRefused::Unknown)?;
        if now < link.until { Ok(&link.request) } else { Err(LinkRefused::Expired) }
    }
}
