//! Engines of a schedule: each with a clock of its own, and with the planted mind where there is one.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use esign_core::jiff::{SignedDuration, Timestamp};
use esign_core::{Client, Clock, Config, Registry, VirtualClock};

use super::Bug;
use super::world::{INSTANCE, World, now_or_never};
use super::wraps::{Receiver, Steps};
use crate::plan::{Act, Input, Plan, Rules, later, plan};
use crate::{Engine, Found, Keyring, Learned, News, Order, Settings};

pub(super) fn build(world: &World, slot: usize) -> Option<Engine> {
    let clock = Skewed(world.clock.clone(), world.slots[slot].offset);
    let client = Client::builder(Registry::new())
        .config(Config { active: Some(INSTANCE.to_owned()), ..Config::default() })
        .provider(INSTANCE, Arc::new(world.provider.clone()))
        .clock(Arc::new(clock));
    let client = now_or_never(client.build())?.ok()?;
    let settings = Settings {
        name: format!("e{slot}"),
        at_once: 4,
        ask_first_for: Duration::from_secs(6 * 3600),
        ..Settings::default()
    };
    let engine = Engine::builder(client, Keyring::new(&[[7; 32]]).ok()?)
        .store(Arc::new(Steps::new(world.store.clone(), world.shared.clone())))
        .vault(Arc::clone(&world.slots[slot].vault) as Arc<dyn crate::Vault>)
        .sink(Arc::new(Receiver(world.shared.clone())))
        .settings(settings)
        .first_token(world.tokens)
        .planner(planner(world));
    // A fault on the way: it starts again when it is needed.
    let mut building: Pin<Box<dyn Future<Output = _>>> = Box::pin(engine.build());
    (0..1000).find_map(|_| match building.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(built) => Some(built.ok()),
        Poll::Pending => None,
    })?
}

type Planner = fn(&Order, &[Input], Timestamp, &Rules) -> Plan;

/// The engine's own mind, or one with something wrong.
fn planner(world: &World) -> Planner {
    let bug = world.shared.lock().bug;
    match bug {
        Some(Bug::ResendOnUnknown) => |order, inputs, now, rules| {
            let believes = |input: &Input| match input {
                Input::Learned(Learned::Looked { attempt, found: Found::Unclear(_) }) => {
                    Input::Learned(Learned::Looked { attempt: *attempt, found: Found::Nothing })
                }
                other => other.clone(),
            };
            plan(order, &inputs.iter().map(believes).collect::<Vec<_>>(), now, rules)
        },
        Some(Bug::AskedTooEarly) => |order, inputs, now, rules| {
            let hasty =
                Rules { call_timeout: Duration::ZERO, lookup_settle: Duration::ZERO, ..rules.clone() };
            plan(order, inputs, now, &hasty)
        },
        Some(Bug::GoesBack) => |order, inputs, now, rules| {
            let tells = |input: &Input| {
                matches!(input, Input::News(News::Callback { .. }) | Input::Learned(Learned::Seen { .. }))
            };
            let standing = if inputs.iter().any(tells) { None } else { order.standing };
            plan(&Order { standing, ..order.clone() }, inputs, now, rules)
        },
        Some(Bug::SettledLate) => |order, inputs, now, rules| {
            let mut planned = plan(order, inputs, now, rules);
            let at = planned.order.ended_at.map(|at| later(at, super::provider::LIFETIME * 2));
            if planned.act == Act::Fetch && at.is_some_and(|at| at > now) {
                planned.act = Act::Rest(at);
            }
            planned
        },
        _ => plan,
    }
}

/// A clock that is a little wrong.
#[derive(Clone, Debug)]
struct Skewed(VirtualClock, SignedDuration);

#[async_trait]
impl Clock for Skewed {
    fn now(&self) -> Timestamp {
        self.0.now() + self.1
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }

    async fn sleep_until(&self, deadline: Duration) {
        self.0.sleep_until(deadline).await;
    }
}
