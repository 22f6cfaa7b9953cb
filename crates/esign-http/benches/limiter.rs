//! What one permission costs when nobody has to wait, beside governor's own check as the reference.
//!
//! `cargo bench -p esign-http --bench limiter`

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use divan::Bencher;
use esign_core::SystemClock;
use esign_http::{Limiter, RateLimit};

/// So high that no permission waits.
const LIMIT: u32 = 1_000_000_000;

fn main() {
    divan::main();
}

#[divan::bench]
fn reference_governor_check(bencher: Bencher<'_, '_>) {
    let limit = NonZeroU32::new(LIMIT).unwrap();
    let governor = governor::RateLimiter::direct(governor::Quota::per_second(limit));
    bencher.bench(|| governor.check().is_ok());
}

#[divan::bench]
fn exact_window(bencher: Bencher<'_, '_>) {
    // A window of a microsecond: its log stays as short as a real one is used.
    acquire(bencher, RateLimit::exact(100, Duration::from_micros(1)));
}

#[divan::bench]
fn governor_paced(bencher: Bencher<'_, '_>) {
    acquire(bencher, RateLimit::paced(LIMIT, Duration::from_secs(1), LIMIT / 2));
}

fn acquire(bencher: Bencher<'_, '_>, mut rate: RateLimit) {
    rate.slack = Duration::ZERO;
    let limiter = Limiter::new(rate, Arc::new(SystemClock)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    bencher.bench_local(|| runtime.block_on(async { limiter.acquire().await.sent() }));
}
