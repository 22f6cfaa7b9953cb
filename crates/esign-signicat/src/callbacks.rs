//! URL notifications and the browser coming back (spec 4). Nothing of it is signed: both are reasons to read the status.

use async_trait::async_trait;
use esign_core::redact::is_unprintable;
use esign_core::{Callbacks, Event, HandleKey, InboundCall, Received, Reference, Reply, Result};

use crate::KIND;

/// The parameter that carries our reference in every address that Signicat gets from us.
pub(crate) const REFERENCE: &str = "esign_reference";
/// No id is longer; a longer one is nobody's.
const MAX_ID: usize = 200;
/// A form with a few ids.
const MAX_BODY: usize = 16 << 10;

/// Receives what Signicat sends, and believes none of it.
#[derive(Clone, Debug)]
pub(crate) struct SignicatCallbacks {
    pub(crate) fingerprint: String,
}

#[async_trait]
impl Callbacks for SignicatCallbacks {
    async fn ready(&self) -> Result<()> {
        Ok(())
    }

    /// Always 200: Signicat repeats for 24 hours whatever is answered with anything else.
    async fn receive(&self, call: &InboundCall) -> Received {
        let notice = Notice::of(call);
        let key = notice.order_id.map(|id| HandleKey::of(&KIND, &self.fingerprint, &id));
        let reference = notice.reference.and_then(|text| Reference::new(text).ok());
        Received::new(Reply::status(200), Ok(vec![Event::Hint { key, reference }]))
    }
}

/// What an incoming call says. Anybody can make such a call: use it to know what to ask Signicat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Notice {
    /// The order, as Signicat names it.
    pub order_id: Option<String>,
    /// The task, as we named it.
    pub task_id: Option<String>,
    /// The packaging task, as we named it.
    pub packaging_task_id: Option<String>,
    /// The reference of the request: [`SignicatProvider::recover`](crate::SignicatProvider::recover) finds a submission
    /// whose answer was lost by it.
    pub reference: Option<String>,
    /// Why the call was made, in Signicat's word, such as `COMPLETED`: the kind of event that the notification was set up for.
    pub message: Option<String>,
}

impl Notice {
    /// Reads parameters of the address and, of a POST, of a form in its body. Nothing is required.
    #[must_use]
    pub fn of(call: &InboundCall) -> Self {
        let form = call
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        let body = if form && call.body.len() <= MAX_BODY { call.body.as_ref() } else { &[] };
        let body: Vec<_> = url::form_urlencoded::parse(body).into_owned().collect();
        let value = |name: &str| {
            let mut all = call.query.iter().chain(&body);
            let (_, value) = all.find(|(n, value)| n == name && is_id(value))?;
            Some(value.clone())
        };
        Self {
            order_id: value("requestId"),
            task_id: value("taskId"),
            packaging_task_id: value("packagingTaskId"),
            reference: value(REFERENCE),
            message: value("message"),
        }
    }
}

fn is_id(value: &str) -> bool {
    !value.is_empty() && value.len() <= MAX_ID && !value.contains(is_unprintable)
}

/// An address that carries the reference, and whatever else is given. Written by hand, because placeholders must stay as
/// they are.
pub(crate) fn with_reference(address: &str, reference: &str, more: &str) -> String {
    let (front, fragment) = match address.split_once('#') {
        Some((front, fragment)) => (front, format!("#{fragment}")),
        None => (address, String::new()),
    };
    let joint = match front.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{front}{joint}{REFERENCE}={reference}{more}{fragment}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_call_is_answered_200_and_is_a_hint() {
        let callbacks = SignicatCallbacks { fingerprint: "f".to_owned() };
        let order = Some(HandleKey::of(&KIND, "f", "o-1"));
        let post = InboundCall::post("/n", "requestId=o-1&taskId=task-1")
            .with_header("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
        let cases = [
            (
                InboundCall::get("/n").with_query("requestId", "o-1").with_query("message", "COMPLETED"),
                order.clone(),
            ),
            (post, order),
            (InboundCall::get("/n"), None),
            (InboundCall::get("/n").with_query("requestId", ""), None),
            (InboundCall::get("/n").with_query("requestId", "x".repeat(201)), None),
            (InboundCall::post("/n", "requestId=o-1"), None),
            (InboundCall::post("/n", "{}").with_header("content-type", "application/json"), None),
        ];
        for (call, key) in cases {
            let received = callbacks.receive(&call).await;
            assert_eq!(received.reply, Reply::status(200));
            match received.events.unwrap().as_slice() {
                [Event::Hint { key: found, .. }] => assert_eq!(*found, key, "{call:?}"),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn every_name_of_a_notification_is_read() {
        let call = InboundCall::get("/n")
            .with_query("requestId", "o-1")
            .with_query("taskId", "task-1")
            .with_query("packagingTaskId", "package-1")
            .with_query(REFERENCE, "r-1")
            .with_query("message", "COMPLETED");
        let some = |text: &str| Some(text.to_owned());
        let expected = Notice {
            order_id: some("o-1"),
            task_id: some("task-1"),
            packaging_task_id: some("package-1"),
            reference: some("r-1"),
            message: some("COMPLETED"),
        };
        assert_eq!(Notice::of(&call), expected);
        let evil = InboundCall::get("/n").with_query("message", "a\u{1b}[2Jb");
        assert_eq!(Notice::of(&evil), Notice::default());
    }

    #[test]
    fn addresses_carry_the_reference_and_keep_what_they_had() {
        let ids = "&requestId=${requestId}";
        for (address, expected) in [
            ("https://x.example/a", "https://x.example/a?esign_reference=r&requestId=${requestId}"),
            ("https://x.example/?", "https://x.example/?esign_reference=r&requestId=${requestId}"),
            ("https://x.example/?a=1#b", "https://x.example/?a=1&esign_reference=r&requestId=${requestId}#b"),
            ("https://x.example/#b?c", "https://x.example/?esign_reference=r&requestId=${requestId}#b?c"),
        ] {
            assert_eq!(with_reference(address, "r", ids), expected);
        }
    }
}
