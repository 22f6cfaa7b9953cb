//! Calls that come in: believed only when verified, and the same each time.

use std::time::Duration;

use esign_core::{CallbackSupport, Event, Handle, InboundCall, Received, State};

use crate::check::{Outcome, Stop, ensure, fail, skip};
use crate::harness::Action;
use crate::world::{INSTANCE, World};

/// The calls about a request that everybody has signed.
async fn calls(w: &World) -> Result<(Handle, Vec<InboundCall>), Stop> {
    if w.caps.callbacks == CallbackSupport::None {
        skip!("callbacks: none are claimed");
    }
    let request = w.request()?;
    let handle = w.sent(&request).await?;
    w.sign_all(&handle, &request).await?;
    let calls = w.backend.callbacks(&handle).await;
    if calls.is_empty() {
        skip!("the harness makes no callbacks");
    }
    w.client.ready().await?;
    Ok((handle, calls))
}

async fn receive(w: &World, call: &InboundCall) -> Result<Received, Stop> {
    Ok(w.client.receive(INSTANCE, call).await?)
}

pub(super) async fn genuine(w: &World) -> Outcome {
    let (handle, calls) = calls(w).await?;
    let mut last = None;
    for call in &calls {
        let received = receive(w, call).await?;
        let reply = received.reply.status;
        ensure!((200..300).contains(&reply), "a genuine call is answered with {reply}");
        for event in received.events? {
            match event {
                Event::Verified(event) => {
                    ensure!(
                        w.caps.callbacks == CallbackSupport::Verified,
                        "hints are claimed, and an event counts as verified"
                    );
                    ensure!(event.key == handle.key(), "the event is about another request");
                    ensure!(!event.evidence.body.is_empty(), "the event keeps no evidence");
                    last = Some(event.standing.state);
                }
                Event::Hint { key, .. } => {
                    ensure!(key.is_none_or(|key| key == handle.key()), "the hint is about another request");
                }
                _ => {}
            }
        }
    }
    if w.caps.callbacks == CallbackSupport::Verified {
        ensure!(last == Some(State::Completed), "everybody has signed, and the last event says {last:?}");
    }
    Ok(())
}

/// Whoever can reach the address can send anything: nothing of it is believed.
pub(super) async fn forged(w: &World) -> Outcome {
    let (_, calls) = calls(w).await?;
    for genuine in &calls {
        for (how, call) in forgeries(genuine, w.backend.callback_is_a_token()) {
            let received = receive(w, &call).await?;
            let believed = received.events.iter().flatten().any(|e| matches!(e, Event::Verified(_)));
            ensure!(!believed, "a forged call was believed: {how}");
            let refused = received.events.is_err() && !(200..300).contains(&received.reply.status);
            ensure!(
                refused || w.caps.callbacks == CallbackSupport::Hints,
                "a forged call was answered with {}: {how}",
                received.reply.status
            );
        }
    }
    Ok(())
}

/// The call with something about it changed that its signature covers.
fn forgeries(genuine: &InboundCall, is_a_token: bool) -> Vec<(&'static str, InboundCall)> {
    let with_body = |body: Vec<u8>| InboundCall { body: body.into(), ..genuine.clone() };
    let body = genuine.body.to_vec();
    let mut forged = vec![
        ("no headers", InboundCall { headers: Vec::new(), ..genuine.clone() }),
        ("no body", with_body(Vec::new())),
        ("a body that is no JSON", with_body(b"<html>".to_vec())),
    ];
    if let Some(last) = body.len().checked_sub(1) {
        let mut flipped = body.clone();
        flipped[last / 2] ^= 1;
        forged.push(("one bit of the body", with_body(flipped)));
        if !is_a_token {
            forged.push(("a space behind the body", with_body([body.as_slice(), b" "].concat())));
            let spaced = [&body[..1], b" ", &body[1..]].concat();
            forged.push(("a space within the body", with_body(spaced)));
        }
    }
    let mut flipped = genuine.clone();
    for (_, value) in &mut flipped.headers {
        *value = value.chars().rev().collect();
    }
    forged.push(("header values reversed", flipped));
    // A header that was not there cannot be missing.
    forged.retain(|(how, _)| *how != "no headers" || !genuine.headers.is_empty());
    forged.retain(|(how, call)| *how != "header values reversed" || call.headers != genuine.headers);
    forged
}

/// Delivered twice, the same events with the same keys for telling that they are the same.
pub(super) async fn replayed(w: &World) -> Outcome {
    let (_, calls) = calls(w).await?;
    for call in &calls {
        let (once, twice) = (dedups(receive(w, call).await?)?, dedups(receive(w, call).await?)?);
        ensure!(once == twice, "the same call gave {once:?} and then {twice:?}");
    }
    Ok(())
}

/// A call that comes before anybody has signed says nothing else, and spoils nothing that comes after it.
pub(super) async fn early(w: &World) -> Outcome {
    if w.caps.callbacks == CallbackSupport::None {
        skip!("callbacks: none are claimed");
    }
    let request = w.request()?;
    let handle = w.sent(&request).await?;
    let calls = w.backend.callbacks(&handle).await;
    if calls.is_empty() {
        skip!("the service makes no call before somebody has signed");
    }
    w.client.ready().await?;
    for call in &calls {
        for state in states(receive(w, call).await?)? {
            ensure!(!state.is_end(), "nobody has signed, and the event says {state}");
        }
    }
    w.sign_all(&handle, &request).await?;
    for call in &calls {
        for state in states(receive(w, call).await?)? {
            ensure!(
                !state.is_end(),
                "the same call, received again after the last signature, now says {state}"
            );
        }
    }
    let state = w.client.status(&handle).await?.state();
    ensure!(state == State::Completed, "all have signed, an old call came in, and it is {state}");
    Ok(())
}

/// One of two has signed: whatever the calls are called, none says that it is over.
pub(super) async fn between(w: &World) -> Outcome {
    if w.caps.callbacks == CallbackSupport::None {
        skip!("callbacks: none are claimed");
    }
    let request = w.request_for(2)?;
    let handle = w.sent(&request).await?;
    w.act(&handle, &request.signers[0], Action::Sign).await?;
    let calls = w.backend.callbacks(&handle).await;
    if calls.is_empty() {
        skip!("the harness makes no callbacks");
    }
    w.client.ready().await?;
    for call in &calls {
        for state in states(receive(w, call).await?)? {
            ensure!(!state.is_end(), "one of two has signed, and the event says {state}");
        }
    }
    Ok(())
}

/// A call that comes when everything is over says what it always said, or is refused as too old.
pub(super) async fn late(w: &World) -> Outcome {
    let (_, calls) = calls(w).await?;
    let mut said = Vec::new();
    for call in &calls {
        said.push(states(receive(w, call).await?)?);
    }
    for wait in [Duration::from_secs(3600), Duration::from_secs(400 * 86_400)] {
        w.backend.pass(wait).await;
        for (call, said) in calls.iter().zip(&said) {
            let received = receive(w, call).await?;
            let refused = received.events.is_err();
            ensure!(
                refused != (200..300).contains(&received.reply.status),
                "a late call is answered with {}, and its events are {}",
                received.reply.status,
                if refused { "refused" } else { "believed" }
            );
            if !refused {
                let now = states(received)?;
                ensure!(
                    now == *said,
                    "a call said {said:?}, and when it came {wait:?} later it says {now:?}"
                );
            }
        }
    }
    Ok(())
}

/// Each of several events in one call arrives, with a key of its own.
pub(super) async fn several_in_one(w: &World) -> Outcome {
    if w.caps.callbacks == CallbackSupport::None {
        skip!("callbacks: none are claimed");
    }
    let mut handles = Vec::new();
    for _ in 0..3 {
        let request = w.request()?;
        let handle = w.sent(&request).await?;
        w.sign_all(&handle, &request).await?;
        handles.push(handle);
    }
    let Some(call) = w.backend.callback_about(&handles).await else {
        skip!("each call of the service is about one request");
    };
    w.client.ready().await?;
    let events = receive(w, &call).await?.events?;
    for handle in &handles {
        let about = events.iter().filter(|event| match event {
            Event::Verified(event) => event.key == handle.key(),
            Event::Hint { key, .. } => key.as_ref() == Some(&handle.key()),
            _ => false,
        });
        let count = about.count();
        ensure!(count == 1, "{count} events about one of {} requests in one call", handles.len());
    }
    let mut keys: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Verified(event) => Some(&event.dedup),
            _ => None,
        })
        .collect();
    keys.sort();
    keys.dedup();
    ensure!(keys.is_empty() || keys.len() == handles.len(), "events of one call share a deduplication key");
    Ok(())
}

/// What the events of a genuine call say.
fn states(received: Received) -> Result<Vec<State>, Stop> {
    let events = match received.events {
        Ok(events) => events,
        Err(error) => return fail(format!("a genuine call was refused: {error}")),
    };
    let states = events.into_iter().filter_map(|event| match event {
        Event::Verified(event) => Some(event.standing.state),
        _ => None,
    });
    Ok(states.collect())
}

fn dedups(received: Received) -> Result<Vec<String>, Stop> {
    let events = match received.events {
        Ok(events) => events,
        Err(error) => return fail(format!("a genuine call was refused: {error}")),
    };
    Ok(events
        .iter()
        .map(|event| match event {
            Event::Verified(event) => event.dedup.clone(),
            _ => "hint".to_owned(),
        })
        .collect())
}
