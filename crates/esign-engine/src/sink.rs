//! Where events go.

use std::fmt::Debug;

use async_trait::async_trait;
use esign_core::Result;

use crate::news::Event;

/// Takes events out of the engine, one after the other, each at least once and always under the same [`Event::id`].
///
/// Every sink has its own place in the feed, so that one that is slow or down holds up no other.
#[async_trait]
pub trait Sink: Debug + Send + Sync {
    /// Names its place in the feed: the same over restarts, and different from that of every other sink.
    fn name(&self) -> &str;

    /// Takes an event. Only when this returns `Ok` the next one comes.
    ///
    /// # Errors
    /// Any: the same event comes again later, after the time that the error names or else after a pause.
    async fn deliver(&self, event: &Event) -> Result<()>;
}
