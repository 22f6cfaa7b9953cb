//! The ledgers held against each other.

use std::collections::{BTreeMap, BTreeSet};

use esign_core::{Delivery, HandleKey, Provider, Standing};

use super::world::{World, is_signed, now_or_never};
use crate::news::Event;
use crate::{Order, Stage, Store, Vault};

/// Everything that is wrong at the end of a schedule.
pub(super) fn problems(world: &World) -> Vec<String> {
    let mut found = Vec::new();
    let orders = world.orders();
    second_requests(world, &orders, &mut found);
    lost_orders(world, &orders, &mut found);
    lost_results(world, &orders, &mut found);
    lost_facts(world, &orders, &mut found);
    let feed = now_or_never(world.store.events(None, 0, usize::MAX)).and_then(Result::ok).unwrap_or_default();
    feed_of_each(&orders, &feed, &mut found);
    undelivered(world, &feed, &mut found);
    found
}

/// At most one request that people see, but for those that a person decided.
fn second_requests(world: &World, orders: &[Order], found: &mut Vec<String>) {
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let mut signed: BTreeMap<String, u32> = BTreeMap::new();
    for request in &world.provider.ledger().requests {
        if request.delivery == Delivery::ProviderEmail {
            *seen.entry(request.reference.clone()).or_default() += 1;
        }
        if is_signed(request.state) {
            *signed.entry(request.reference.clone()).or_default() += 1;
        }
    }
    for wanted in &world.wanted {
        let reference = wanted.request.reference.as_str();
        let allowed = 1 + world.again.get(&wanted.id).copied().unwrap_or_default();
        for (what, count) in [("e-mails of", &seen), ("signed requests of", &signed)] {
            let count = count.get(reference).copied().unwrap_or_default();
            if count > allowed {
                found.push(format!("{count} {what} {reference}, where {allowed} are allowed"));
            }
        }
    }
    for order in orders {
        let decided = order.journal.iter().filter(|d| d.what == "send_again").count();
        let asked = world.again.get(&order.id).copied().unwrap_or_default() as usize;
        if decided > asked {
            found.push(format!("{}: {decided} decisions were applied, {asked} were made", order.reference));
        }
    }
}

fn lost_orders(world: &World, orders: &[Order], found: &mut Vec<String>) {
    for wanted in &world.wanted {
        match orders.iter().find(|order| order.id == wanted.id) {
            None => found.push(format!("{} is lost", wanted.request.reference)),
            Some(order) if !order.stage.is_end() => {
                found.push(format!("{} has not ended: {} ({:?})", order.reference, order.stage, order.note));
            }
            Some(_) => {}
        }
    }
}

/// What everybody signed is kept, whole, and can be read.
fn lost_results(world: &World, orders: &[Order], found: &mut Vec<String>) {
    let fingerprint = world.provider.capabilities().endpoint.fingerprint();
    let kind = world.provider.kind();
    let ledger = world.provider.ledger();
    for order in orders {
        let key = order.sent().map(|sent| &sent.key);
        let request = ledger
            .requests
            .iter()
            .find(|request| key == Some(&HandleKey::of(&kind, &fingerprint, &request.id)));
        if request.is_some_and(|request| is_signed(request.state)) && order.stage != Stage::Archived {
            found.push(format!("{} is signed and {}: its result is lost", order.reference, order.stage));
        }
        for blob in order.archive.iter().chain(&order.documents) {
            if now_or_never(world.vault.get(&blob.name)).is_none_or(|got| got.is_err()) {
                found.push(format!("{}: {} is not in the vault", order.reference, blob.what));
            }
        }
    }
}

/// What a worker still told after it had lost its lease is known.
fn lost_facts(world: &World, orders: &[Order], found: &mut Vec<String>) {
    if world.restored {
        return;
    }
    let known: BTreeSet<&HandleKey> = orders.iter().flat_map(Order::handle_keys).collect();
    for key in &world.shared.lock().late {
        if !known.contains(key) {
            found.push(format!("the answer about {key} was dropped"));
        }
    }
}

/// Versions without gaps, in order, and nothing that goes back.
fn feed_of_each(orders: &[Order], feed: &[Event], found: &mut Vec<String>) {
    for order in orders {
        let mut version = 0;
        let mut standing: Option<Standing> = None;
        for event in feed.iter().filter(|event| event.order == order.id) {
            version += 1;
            if event.version != version {
                found.push(format!("{}: version {} follows {}", order.reference, event.version, version - 1));
                break;
            }
            if let (Some(before), Some(now)) = (standing, event.standing)
                && before.advance(now) != now
            {
                found.push(format!("{}: {:?} follows {:?}", order.reference, now.state, before.state));
            }
            standing = event.standing.or(standing);
        }
        if version != order.version {
            found.push(format!("{}: {} events of {}", order.reference, version, order.version));
        }
    }
}

fn undelivered(world: &World, feed: &[Event], found: &mut Vec<String>) {
    let inside = world.shared.lock();
    for event in feed.iter().filter(|event| !inside.delivered.contains(&event.id)) {
        found.push(format!("event {} ({:?}) was never delivered", event.id, event.kind));
    }
}
