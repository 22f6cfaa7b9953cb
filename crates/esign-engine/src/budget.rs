//! What a provider's rate limit means for how fresh the engine's knowledge can be.

use std::time::Duration;

use esign_core::{CallClass, Capabilities};

/// How often each of `open` orders of an instance can be looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Budget {
    /// Looks a second that polls may use, if the provider has a limit.
    pub looks_per_second: Option<f64>,
    /// The pause between two looks at one order: the provider's own wish, or longer if there are too many orders for it.
    pub every: Duration,
    /// True if it is longer because of the limit.
    pub limited: bool,
}

/// The budget of an instance for so many open orders. A look is taken for one request, which it is for every provider here.
///
/// ```
/// # use esign_core::{Capabilities, ProviderKind};
/// use esign_engine::budget::budget;
/// let mut signify = Capabilities::none(ProviderKind::new("signify"));
/// signify.rate_limit = Some(esign_core::RateLimit { requests: 100, window_seconds: 10 });
/// let million = budget(&signify, 1_000_000);
/// assert_eq!(million.looks_per_second, Some(7.0));
/// assert_eq!(million.every.as_secs() / 360, 396); // 39.7 hours for a round: no engine makes it shorter
/// ```
#[must_use]
pub fn budget(capabilities: &Capabilities, open: u64) -> Budget {
    let wish = Duration::from_secs(capabilities.poll_interval);
    let Some(rate) = capabilities.rate_limit.filter(|rate| rate.window_seconds > 0) else {
        return Budget { looks_per_second: None, every: wish, limited: false };
    };
    let looks = f64::from(CallClass::Poll.share_of(rate.requests)) / f64::from(rate.window_seconds);
    // Counts of orders are far below 2^52.
    #[allow(clippy::cast_precision_loss)]
    let round = Duration::try_from_secs_f64(open as f64 / looks).unwrap_or(Duration::MAX);
    Budget { looks_per_second: Some(looks), every: wish.max(round), limited: round > wish }
}

#[cfg(test)]
mod tests {
    use esign_core::{ProviderKind, RateLimit};

    use super::*;

    #[test]
    fn the_pause_grows_with_the_orders_and_never_falls_below_the_wish() {
        let mut caps = Capabilities::none(ProviderKind::new("acme"));
        caps.poll_interval = 30;
        assert_eq!(budget(&caps, 1_000_000).every, Duration::from_secs(30));
        caps.rate_limit = Some(RateLimit { requests: 100, window_seconds: 10 });
        assert_eq!(budget(&caps, 10).every, Duration::from_secs(30));
        let ten_thousand = budget(&caps, 10_000);
        assert!(ten_thousand.limited && ten_thousand.every.as_secs() / 60 == 23, "{ten_thousand:?}");
    }
}
