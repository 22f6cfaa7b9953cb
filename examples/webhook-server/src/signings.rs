//! From the button to the signed document.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use esign::jiff::SignedDuration;
use esign::{
    Artifact, ArtifactId, Bound, Client, Event, HandleKey, InboundCall, RecordVerification, Reference, Reply,
    Resolution, ResultState, SecretUrl, SignRequest, State, Step, SubmissionRecord, TrustConfig,
};

use crate::store::{Progress, Signing, Store};

/// Whatever went wrong, with words for the operator.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How often signings are looked after whose webhook did not come, or whose document could not be fetched at once.
const ROUND: Duration = Duration::from_secs(60);

/// Every signing of this application, over whatever provider is configured.
pub(crate) struct Signings {
    pub(crate) client: Client,
    pub(crate) store: Store,
    trust: TrustConfig,
    /// One at a time for each signing: a webhook, a redirect and a round may come together.
    turns: Mutex<HashMap<HandleKey, Arc<tokio::sync::Mutex<()>>>>,
}

/// A signing that has begun.
pub(crate) struct Begun {
    /// For the browser's cookie.
    pub(crate) session: String,
    /// Where the browser goes now, and nobody else.
    pub(crate) link: SecretUrl,
}

impl Signings {
    pub(crate) fn new(client: Client, store: Store, trust: TrustConfig) -> Self {
        Self { client, store, trust, turns: Mutex::default() }
    }

    /// Asks the active provider for a signing. The intent is stored before anything is sent; handle and record are stored
    /// before the browser goes anywhere.
    pub(crate) async fn begin(&self, request: &SignRequest) -> Result<Begun, Failure> {
        let mut request = request.clone();
        request.reference = Reference::random()?;
        let prepared = self.client.prepare(request).await?;
        let intent = prepared.intent().clone();
        self.store.keep_intent(&intent).await?;
        let submission = match self.client.submit(prepared).await {
            Ok(submission) => submission,
            Err(error) => {
                // What may have been sent stays on record, for the next start to ask about.
                if !error.is_outcome_unknown() {
                    self.store.forget_intent(&intent).await?;
                }
                return Err(error.into());
            }
        };
        self.store.keep(&submission).await?;
        let key = submission.handle.key();
        println!("begun {key}");
        let link = submission.next_steps.into_iter().find_map(|next| match next.step {
            Step::OpenLink { url, .. } => Some(url),
            _ => None,
        });
        let link = link.ok_or(
            "the provider has given no link, so the button leads nowhere: the request can be cancelled",
        )?;
        Ok(Begun { session: self.store.bind(&key).await?, link })
    }

    /// Takes a webhook. The answer is quick: what it says is verified and stored, and the document fetched afterwards.
    pub(crate) async fn receive(self: &Arc<Self>, instance: &str, call: &InboundCall) -> Reply {
        let received = match self.client.receive(instance, call).await {
            Ok(received) => received,
            Err(error) => {
                eprintln!("a call for {instance}: {error}");
                return Reply::status(404);
            }
        };
        let events = match received.events {
            Ok(events) => events,
            Err(error) => {
                println!("refused a callback: {error}");
                return received.reply;
            }
        };
        for event in events {
            // Not signed: it is no reason to believe anything.
            let Event::Verified(event) = event else { continue };
            match self.store.get(&event.key).await {
                Ok(Some(_)) => {}
                // It may be quicker than the answer that tells us of the request: let it be delivered again.
                Ok(None) => {
                    println!("unknown {}", event.key);
                    return Reply::status(503);
                }
                Err(error) => return not_stored(&error),
            }
            if let Err(error) = self.store.keep_news(&event).await {
                return not_stored(&error.into());
            }
            println!("told {}", event.key);
            let signings = Arc::clone(self);
            tokio::spawn(async move { signings.settle(&event.key).await });
        }
        received.reply
    }

    /// Which signing a redirect may be about.
    pub(crate) async fn hinted(&self, instance: &str, call: &InboundCall) -> Option<HandleKey> {
        let events = self.client.receive(instance, call).await.ok()?.events.ok()?;
        events.into_iter().find_map(|event| match event {
            Event::Hint { key, .. } => key,
            _ => None,
        })
    }

    /// Brings a signing as far as it is: asks the provider, fetches what is there, and stores it. Doing it twice does no
    /// more than doing it once; what fails is left to the next round.
    pub(crate) async fn settle(&self, key: &HandleKey) {
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(turns.entry(key.clone()).or_default())
        };
        let _turn = turn.lock().await;
        if let Err(error) = self.advance(key).await {
            eprintln!("{key}: {error}");
        }
    }

    async fn advance(&self, key: &HandleKey) -> Result<(), Failure> {
        let Some(signing) = self.store.get(key).await? else { return Ok(()) };
        let over = self.ends_at(&signing).is_none_or(|end| end <= self.client.clock().now());
        let Signing { mut handle, progress, .. } = signing;
        match progress {
            Progress::Ended(_) | Progress::Signed => return Ok(()),
            // The webhook's word is as good as the provider's answer would be.
            Progress::Told => {}
            Progress::Waiting => {
                let report = self.client.status(&handle).await?;
                if let Some(newer) = &report.new_handle {
                    self.store.keep_handle(newer).await?;
                    handle = newer.clone();
                }
                match (report.state(), &report.result) {
                    (State::Completed, ResultState::Ready { .. }) => {}
                    // Only concluded, from an absence: one answer more decides, when its time is over at the latest.
                    _ if !report.standing.is_final() && !over => return Ok(()),
                    (state, ResultState::Gone) => {
                        let how = format!("{state}, and the document can no longer be had");
                        return self.end(key, &how).await;
                    }
                    (state, _) if state.is_end() && state != State::Completed => {
                        return self.end(key, state.as_str()).await;
                    }
                    _ => return Ok(()),
                }
            }
        }
        match self.client.download(&handle, &ArtifactId::SIGNED).await {
            Ok(signed) => self.store.keep_signed(key, &signed).await?,
            Err(error) if error.kind() == esign::ErrorKind::Gone => {
                return self.end(key, "Completed, and the document can no longer be had").await;
            }
            Err(error) => return Err(error.into()),
        }
        println!("signed {key}");
        Ok(())
    }

    async fn end(&self, key: &HandleKey, how: &str) -> Result<(), Failure> {
        self.store.keep_end(key, how).await?;
        println!("ended {key}: {how}");
        Ok(())
    }

    /// Finishes what an earlier run began, then makes its rounds for ever.
    pub(crate) async fn look_after(self: Arc<Self>) {
        let clock = self.client.clock();
        if let Err(error) = self.resume().await {
            eprintln!("what an earlier run left behind: {error}");
        }
        loop {
            clock.sleep_until(clock.monotonic() + ROUND).await;
            if let Err(error) = self.round().await {
                eprintln!("a round was broken off: {error}");
            }
        }
    }

    /// While nobody listened, webhooks may have been lost and answers too.
    async fn resume(&self) -> Result<(), Failure> {
        for intent in self.store.intents().await? {
            match self.client.resolve(&intent).await? {
                Resolution::Found(submission) => self.store.keep(&submission).await?,
                Resolution::NotFound => self.store.forget_intent(&intent).await?,
                Resolution::Unknown { why } => {
                    println!("{}: nobody knows whether it was sent: {why}", intent.reference());
                }
                _ => println!("{}: several requests may be this one", intent.reference()),
            }
        }
        for signing in self.store.unfinished().await? {
            self.settle(&signing.handle.key()).await;
        }
        Ok(())
    }

    /// Fetches what could not be fetched when the webhook came, and asks about what nobody told of in its time. Not
    /// before: the provider tells by itself, and does not want to be asked all the time.
    async fn round(&self) -> Result<(), Failure> {
        let now = self.client.clock().now();
        for signing in self.store.unfinished().await? {
            let told = matches!(signing.progress, Progress::Told);
            if told || self.ends_at(&signing).is_none_or(|end| end <= now) {
                self.settle(&signing.handle.key()).await;
            }
        }
        Ok(())
    }

    /// When its time to be signed is over, if the provider sets one.
    fn ends_at(&self, signing: &Signing) -> Option<esign::jiff::Timestamp> {
        let capabilities = self.client.capabilities(signing.handle.instance()).ok()?;
        let Bound::Is(seconds) = capabilities.expiry.fixed_seconds else { return None };
        let life = SignedDuration::from_secs(i64::try_from(seconds).ok()?);
        signing.handle.request().created_at().checked_add(life).ok()
    }

    /// Is it the document that was sent, and is every signature valid?
    pub(crate) async fn verify(
        &self,
        record: &SubmissionRecord,
        signed: &Artifact,
    ) -> esign::Result<RecordVerification> {
        let options = esign::verify_options(&self.trust, self.client.clock().now()).await?;
        esign::verify_against_record(record, signed, options).await
    }
}

/// What is not stored must be told again.
fn not_stored(error: &Failure) -> Reply {
    eprintln!("a webhook could not be stored: {error}");
    Reply::status(503)
}
