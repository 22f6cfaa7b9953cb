//! The limit is proved against a count that knows nothing of how it is kept.

use std::future::poll_fn;
use std::sync::Mutex;
use std::task::Poll;

use esign_core::VirtualClock;
use futures_util::future::join_all;
use proptest::prelude::*;

use super::*;

const TEN_SECONDS: Duration = Duration::from_secs(10);

fn clock() -> VirtualClock {
    VirtualClock::at("2026-01-01T00:00:00Z".parse().unwrap())
}

fn limiter(rate: RateLimit, clock: &VirtualClock) -> Arc<Limiter> {
    Limiter::new(rate, Arc::new(clock.clone())).unwrap()
}

fn run<F: Future>(clock: &VirtualClock, future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(clock.run(future))
}

/// The most events in any window of this length: every window that starts or ends at an event, with either end counted
/// or not. Any other window can be moved until it is one of these without losing an event.
fn most_in_any_window(events: &[Duration], length: Duration) -> usize {
    let starts = events.iter().flat_map(|&e| [Some(e), e.checked_sub(length)]).flatten();
    starts
        .flat_map(|from| {
            let to = from + length;
            [(true, true), (true, false), (false, true), (false, false)].map(|(first, last)| {
                events
                    .iter()
                    .filter(|&&e| (e > from || first && e == from) && (e < to || last && e == to))
                    .count()
            })
        })
        .max()
        .unwrap_or(0)
}

/// What one client does, in milliseconds.
#[derive(Clone, Debug)]
struct Client {
    starts: u64,
    requests: usize,
    pause: u64,
    /// From permission to sending: a token is fetched.
    prepares: u64,
    /// Gives up waiting after this long.
    patience: Option<u64>,
    /// Every so many requests, one is not sent after all.
    abandons: Option<usize>,
}

fn clients() -> impl Strategy<Value = Vec<Client>> {
    let client = (
        0_u64..15_000,
        1_usize..12,
        0_u64..4_000,
        prop_oneof![Just(0_u64), 0_u64..3_000],
        proptest::option::weighted(0.3, 0_u64..5_000),
        proptest::option::weighted(0.3, 1_usize..4),
    )
        .prop_map(|(starts, requests, pause, prepares, patience, abandons)| Client {
            starts,
            requests,
            pause,
            prepares,
            patience,
            abandons,
        });
    proptest::collection::vec(client, 1..12)
}

/// Runs all clients at once and returns when each request was sent, in order.
fn simulate(rate: RateLimit, clients: &[Client]) -> Vec<Duration> {
    let clock = clock();
    let limiter = limiter(rate, &clock);
    let sent = Mutex::new(Vec::new());
    run(&clock, join_all(clients.iter().map(|client| act(client, &clock, &limiter, &sent))));
    sent.into_inner().unwrap()
}

async fn act(client: &Client, clock: &VirtualClock, limiter: &Arc<Limiter>, sent: &Mutex<Vec<Duration>>) {
    let sleep = |millis| clock.sleep_until(clock.monotonic() + Duration::from_millis(millis));
    sleep(client.starts).await;
    for nth in 0..client.requests {
        let permit = match client.patience {
            None => limiter.acquire().await,
            Some(patience) => {
                let waiting = std::pin::pin!(limiter.acquire());
                match select(waiting, sleep(patience)).await {
                    Either::Left((permit, _)) => permit,
                    Either::Right(_) => continue,
                }
            }
        };
        sleep(client.prepares).await;
        if client.abandons.is_some_and(|every| nth % every == 0) {
            drop(permit);
        } else {
            sent.lock().unwrap().push(clock.monotonic());
            permit.sent();
        }
        sleep(client.pause).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn exact_window_holds_for_random_clients(
        limit in 1_u32..15,
        window in prop_oneof![Just(10_000_u64), 1_u64..12_000],
        slack in 0_u64..1_000,
        transit in proptest::collection::vec(0_u64..1_000, 200),
        clients in clients(),
    ) {
        let (window, slack) = (Duration::from_millis(window), Duration::from_millis(slack));
        let sent = simulate(RateLimit { slack, ..RateLimit::exact(limit, window) }, &clients);
        prop_assert!(most_in_any_window(&sent, window + slack) <= limit as usize);

        // What the server counts: each request arrives later by up to the slack.
        let delays = transit.iter().cycle().map(|&t| Duration::from_millis(t).min(slack));
        let arrived: Vec<_> = sent.iter().zip(delays).map(|(&sent, delay)| sent + delay).collect();
        prop_assert!(most_in_any_window(&arrived, window) <= limit as usize);
    }

    #[test]
    fn paced_window_holds_for_random_clients(
        (limit, burst) in (1_u32..15).prop_flat_map(|limit| (Just(limit), 1..=limit)),
        window in prop_oneof![Just(10_000_u64), 1_u64..12_000],
        clients in clients(),
    ) {
        let window = Duration::from_millis(window);
        // The cell counts from permission: this mode asks for slack where a token may have to be fetched first.
        let clients: Vec<_> = clients.into_iter().map(|c| Client { prepares: 0, ..c }).collect();
        let rate = RateLimit { slack: Duration::ZERO, ..RateLimit::paced(limit, window, burst) };
        prop_assert!(most_in_any_window(&simulate(rate, &clients), window) <= limit as usize);
    }
}

/// Sends as fast as it may; returns when the last was sent.
fn greedy(rate: RateLimit, requests: usize) -> (Duration, Vec<Duration>) {
    let client = Client { starts: 0, requests, pause: 0, prepares: 0, patience: None, abandons: None };
    let sent = simulate(rate, &[client]);
    (*sent.last().unwrap(), sent)
}

#[test]
fn exact_window_lets_100_go_at_once_and_1000_in_92_seconds() {
    let rate = RateLimit::exact(100, TEN_SECONDS);
    assert_eq!(rate.slack, Duration::from_millis(200));
    assert_eq!(greedy(rate, 100).0, Duration::ZERO);

    let (last, sent) = greedy(rate, 1000);
    assert!(last <= Duration::from_secs(92), "{last:?}");
    assert_eq!(most_in_any_window(&sent, TEN_SECONDS), 100);
}

#[test]
fn paced_window_table() {
    for (burst, hundred_take, thousand_take) in
        [(1, 9_900, 99_900), (10, 9_890, 108_791), (50, 9_803, 186_274), (100, 0, 9_000_000)]
    {
        let rate = RateLimit { slack: Duration::ZERO, ..RateLimit::paced(100, TEN_SECONDS, burst) };
        assert_eq!(greedy(rate, 100).0.as_millis(), hundred_take, "burst {burst}");
        let (last, sent) = greedy(rate, 1000);
        assert_eq!(last.as_millis(), thousand_take, "burst {burst}");
        assert!(most_in_any_window(&sent, TEN_SECONDS) <= 100, "burst {burst}");
    }
}

#[test]
fn the_count_itself_sees_a_window_that_overflows() {
    let at = |seconds: &[u64]| seconds.iter().map(|&s| Duration::from_secs(s)).collect::<Vec<_>>();
    assert_eq!(most_in_any_window(&at(&[0, 10, 11, 20]), TEN_SECONDS), 3);
    assert_eq!(most_in_any_window(&at(&[0, 11, 22]), TEN_SECONDS), 1);
}

#[test]
fn a_share_of_the_window_is_kept_per_process() {
    let rate = RateLimit { share: 4, ..RateLimit::exact(100, TEN_SECONDS) };
    let (_, sent) = greedy(rate, 60);
    assert_eq!(most_in_any_window(&sent, TEN_SECONDS), 25);
}

#[test]
fn first_come_first_served() {
    for rate in [RateLimit::exact(1, TEN_SECONDS), RateLimit::paced(1, TEN_SECONDS, 1)] {
        let clock = clock();
        let limiter = limiter(rate, &clock);
        let order = Mutex::new(Vec::new());
        let waiter = |name: usize| {
            let (limiter, order) = (&limiter, &order);
            async move {
                limiter.acquire().await.sent();
                order.lock().unwrap().push(name);
            }
        };
        run(&clock, join_all((0..20).map(waiter)));
        assert_eq!(order.into_inner().unwrap(), (0..20).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn whoever_looks_first_does_not_overtake() {
    for rate in [RateLimit::exact(1, TEN_SECONDS), RateLimit::paced(1, TEN_SECONDS, 1)] {
        let clock = clock();
        let limiter = limiter(rate, &clock);
        limiter.acquire().await.sent();
        let (mut first, mut second) = (Box::pin(limiter.acquire()), Box::pin(limiter.acquire()));
        let mut ready = async |first_in_line: bool| {
            let waiter = if first_in_line { &mut first } else { &mut second };
            poll_fn(|cx| Poll::Ready(waiter.as_mut().poll(cx).is_ready())).await
        };
        assert!(!ready(true).await && !ready(false).await);
        clock.advance(TEN_SECONDS + Duration::from_secs(1));
        assert!(!ready(false).await, "the second is asked first");
        assert!(ready(true).await);
    }
}

#[test]
fn a_dropped_waiter_costs_nothing_and_holds_up_nobody() {
    for rate in [RateLimit::exact(1, TEN_SECONDS), RateLimit::paced(1, TEN_SECONDS, 1)] {
        let clock = clock();
        let limiter = limiter(rate, &clock);
        let waited = run(&clock, async {
            limiter.acquire().await.sent();
            let mut dropped: Vec<_> = (0..5).map(|_| Box::pin(limiter.acquire())).collect();
            poll_fn(|cx| {
                for waiter in &mut dropped {
                    assert!(waiter.as_mut().poll(cx).is_pending());
                }
                Poll::Ready(())
            })
            .await;
            let mut last = Box::pin(limiter.acquire());
            assert!(poll_fn(|cx| Poll::Ready(last.as_mut().poll(cx).is_pending())).await);
            drop(dropped);
            last.await.waited()
        });
        assert!(waited < TEN_SECONDS + Duration::from_secs(1), "{waited:?}");
    }
}

#[test]
fn a_permission_that_is_not_used_goes_to_the_next_at_once() {
    let clock = clock();
    let limiter = limiter(RateLimit::exact(1, TEN_SECONDS), &clock);
    let waited = run(&clock, async {
        let unused = limiter.acquire().await;
        let next = limiter.acquire();
        let give_up = async {
            clock.sleep_until(Duration::from_secs(1)).await;
            drop(unused);
        };
        futures_util::future::join(next, give_up).await.0.waited()
    });
    assert_eq!(waited, Duration::from_secs(1));
}

#[test]
fn a_slow_token_does_not_open_a_second_window() {
    let clock = clock();
    let limiter = limiter(RateLimit::exact(1, TEN_SECONDS), &clock);
    let second = run(&clock, async {
        let first = async {
            let permit = limiter.acquire().await;
            clock.sleep_until(Duration::from_secs(30)).await;
            permit.sent();
        };
        let second = async {
            limiter.acquire().await.sent();
            clock.monotonic()
        };
        futures_util::future::join(first, second).await.1
    });
    assert!(second > Duration::from_secs(40), "counted from sending, not from permission: {second:?}");
}

/// Two clients with a limiter each, as two processes have, behind one gate.
#[test]
fn a_gate_keeps_the_limit_over_several_limiters() {
    let clock = clock();
    let gate: Arc<dyn Gate> = LocalGate::new(Arc::new(clock.clone()));
    let rate = RateLimit::exact(10, TEN_SECONDS);
    let sent = Mutex::new(Vec::new());
    let one = |_| {
        let gate = Some((Arc::clone(&gate), "key".to_owned()));
        let limiter = Limiter::behind(rate, Arc::new(clock.clone()), gate).unwrap();
        let (clock, sent) = (&clock, &sent);
        async move {
            for _ in 0..25 {
                let permit = limiter.acquire().await;
                sent.lock().unwrap().push(clock.monotonic());
                permit.sent();
            }
        }
    };
    run(&clock, join_all((0..3).map(one)));
    let sent = sent.into_inner().unwrap();
    assert_eq!(sent.len(), 75);
    assert_eq!(most_in_any_window(&sent, TEN_SECONDS), 10, "and without the gate it would be 30");
}

#[test]
fn a_wait_beyond_the_deadline_is_not_begun_and_costs_nothing() {
    let clock = clock();
    let limiter = limiter(RateLimit::exact(1, TEN_SECONDS), &clock);
    run(&clock, async {
        limiter.acquire().await.sent();
        let mut hurried = CallScope::default();
        hurried.deadline = Some(clock.monotonic() + Duration::from_secs(3));
        let before = clock.monotonic();
        let NotBefore(when) = limiter.acquire_in(&hurried).await.unwrap_err();
        assert_eq!(clock.monotonic(), before);
        assert!(when > before + TEN_SECONDS, "{when:?}");
        hurried.deadline = Some(when);
        assert!(limiter.acquire_in(&hurried).await.is_ok(), "what is in time is waited for");
    });
}

#[test]
fn polls_leave_room_for_what_somebody_waits_for() {
    let clock = clock();
    let limiter = limiter(RateLimit::exact(10, TEN_SECONDS), &clock);
    let passed = |class| (0..10).filter(|_| limiter.try_acquire(class).map(Permit::sent).is_ok()).count();
    assert_eq!(passed(CallClass::Poll), 7);
    assert_eq!(passed(CallClass::Act), 3);
    assert!(limiter.try_acquire(CallClass::Poll).is_err());
    clock.advance(Duration::from_secs(11));
    assert_eq!(passed(CallClass::Poll), 7);
}
