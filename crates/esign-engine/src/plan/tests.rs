//! Each decision by itself.

use esign_core::{Delivery, HandleKey, ProviderKind, Reference, Sha256Hash, Standing, State};

use super::*;
use crate::news::{Decision, Found};
use crate::order::{Attempt, OrderId, Sent, Tenant};
use crate::seal::Sealed;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn sent(id: &str) -> Box<Sent> {
    let nothing = || Sealed::from_bytes(Vec::new());
    let key = HandleKey::of(&ProviderKind::new("x"), "y", id);
    Box::new(Sent { handle: nothing(), key, record: "{}".into(), steps: nothing(), at: at(1) })
}

fn order(delivery: Delivery) -> Order {
    let (tenant, reference) = (Tenant::default(), Reference::new("r").unwrap());
    let json = serde_json::json!({
        "id": OrderId::of(&tenant, &reference), "tenant": tenant, "reference": reference, "instance": "x",
        "delivery": delivery, "stage": "accepted", "standing": null, "version": 1,
        "fingerprint": Sha256Hash::of(b""), "data_key": null, "request": null, "documents": [], "attempts": [],
        "current": null, "surplus": [], "archive": [], "callbacks": [], "created_at": at(0), "sent_at": null,
        "ended_at": null, "result_until": null, "not_before": null, "faults": 0, "cancel": null,
        "asked_first": false, "hold": null, "erased_at": null, "note": null, "journal": []
    });
    serde_json::from_value(json).unwrap()
}

fn armed(delivery: Delivery, n: u32) -> Order {
    let mut order = order(delivery);
    order.stage = Stage::Armed;
    order.attempts = (1..=n)
        .map(|n| Attempt {
            n,
            intent: "{}".into(),
            armed_at: at(0),
            send_before: at(2),
            outcome: if n == 1 { Outcome::Armed } else { Outcome::Ghost { why: "x".into() } },
            why: None,
        })
        .collect();
    order
}

fn watching() -> Order {
    let inputs = [Input::Learned(Learned::Sent { attempt: 1, sent: sent("a") })];
    plan(&armed(Delivery::ProviderEmail, 1), &inputs, at(1), &rules()).order
}

fn rules() -> Rules {
    Rules {
        known: true,
        can_cancel: true,
        result_lifetime: Some(Duration::from_secs(3600)),
        ..Rules::unknown()
    }
}

fn kinds(plan: &Plan) -> Vec<EventKind> {
    plan.events.iter().map(|event| event.kind).collect()
}

fn looked(found: Found) -> [Input; 1] {
    [Input::Learned(Learned::Looked { attempt: Some(1), found })]
}

fn callback(standing: Standing) -> Input {
    let key = sent("a").key;
    Input::News(News::Callback { key, standing, evidence: Sealed::from_bytes(Vec::new()) })
}

#[test]
fn an_armed_attempt_is_resolved_after_its_time_and_never_sent() {
    let order = armed(Delivery::ProviderEmail, 1);
    // send_before + call_timeout + lookup_settle
    let settled = at(2 + 30 + 10);
    assert_eq!(plan(&order, &[], at(3), &rules()).act, Act::Rest(Some(settled)));
    assert_eq!(plan(&order, &[], settled, &rules()).act, Act::Resolve { attempt: Some(1) });
}

#[test]
fn what_cannot_be_told_is_replaced_only_where_nobody_can_have_been_reached() {
    let unclear = || looked(Found::Unclear("it cannot be asked".into()));
    let by_link = plan(&armed(Delivery::ShareableLink, 1), &unclear(), at(50), &rules());
    assert_eq!((by_link.order.stage, kinds(&by_link)), (Stage::Accepted, vec![EventKind::Replaced]));
    assert!(matches!(by_link.act, Act::Submit { why: Some(_) }));
    let by_mail = plan(&armed(Delivery::ProviderEmail, 1), &unclear(), at(50), &rules());
    assert_eq!((by_mail.order.stage, by_mail.act), (Stage::Undecided, Act::Rest(None)));
    let too_often = plan(&armed(Delivery::ShareableLink, 5), &unclear(), at(50), &rules());
    assert_eq!(too_often.order.stage, Stage::Undecided, "five times are enough");
}

#[test]
fn what_the_provider_has_not_is_sent_again_and_what_it_has_is_adopted() {
    let nothing = plan(&armed(Delivery::ProviderEmail, 1), &looked(Found::Nothing), at(50), &rules());
    assert!(matches!(nothing.act, Act::Submit { why: Some(_) }), "{:?}", nothing.act);
    let found = plan(&armed(Delivery::ProviderEmail, 1), &looked(Found::One(sent("a"))), at(50), &rules());
    assert_eq!((found.order.stage, found.order.current), (Stage::Watching, Some(1)));
}

#[test]
fn an_undecided_order_waits_and_a_decision_keeps_its_reason() {
    let undecided =
        plan(&armed(Delivery::ProviderEmail, 1), &looked(Found::Unclear("x".into())), at(50), &rules()).order;
    let decide = |decision| Input::News(News::Decide { decision, reason: "by telephone".into() });
    let again = plan(&undecided, &[decide(Decision::SendAgain)], at(60), &rules());
    assert!(matches!(again.act, Act::Submit { .. }));
    assert_eq!(again.order.journal[0].reason, "by telephone");
    let twice = plan(&again.order, &[decide(Decision::SendAgain)], at(61), &rules());
    assert_eq!(twice.order.journal.len(), 1, "a decision about what is decided is none");
    let late = Input::News(News::Late { attempt: Box::new(undecided.attempts[0].clone()), sent: sent("a") });
    let adopted = plan(&undecided, &[late], at(60), &rules());
    assert_eq!(adopted.order.stage, Stage::Watching, "a late answer decides it");
    let adopt = plan(&undecided, &[decide(Decision::Adopt { sent: sent("b") })], at(60), &rules());
    assert_eq!(adopt.order.sent().unwrap().key, sent("b").key);
}

#[test]
fn two_live_requests_are_told_and_the_newer_one_is_called_back() {
    let mut order = watching();
    order.attempts.push(Attempt { n: 2, outcome: Outcome::Armed, ..order.attempts[0].clone() });
    let twice =
        plan(&order, &[Input::Learned(Learned::Sent { attempt: 2, sent: sent("b") })], at(9), &rules());
    assert_eq!(kinds(&twice), [EventKind::Duplicate]);
    assert_eq!((twice.order.current, &twice.act), (Some(1), &Act::Cancel { attempt: 2 }));
    let done = Learned::Cancelled { attempt: 2, outcome: esign_core::CancelOutcome::Cancelled };
    let after = plan(&twice.order, &[Input::Learned(done)], at(10), &rules());
    assert_eq!(after.order.stage, Stage::Watching, "the one that counts goes on");
    assert!(after.order.surplus.is_empty());
}

/// The link of the one that counts may be in somebody's hands; that of the other is in nobody's.
#[test]
fn by_link_the_one_whose_link_was_handed_out_stays() {
    let mut order = armed(Delivery::ShareableLink, 1);
    order.attempts.push(Attempt { n: 2, ..order.attempts[0].clone() });
    order.attempts[0].outcome = Outcome::Ghost { why: "x".into() };
    let second = Input::Learned(Learned::Sent { attempt: 2, sent: sent("b") });
    let order = plan(&order, &[second], at(5), &rules()).order;
    let late = News::Late { attempt: Box::new(order.attempts[0].clone()), sent: sent("a") };
    let both = plan(&order, &[Input::News(late)], at(6), &rules());
    assert_eq!((both.order.current, both.act), (Some(2), Act::Cancel { attempt: 1 }));
}

#[test]
fn a_signed_order_is_fetched_at_once_with_a_deadline() {
    let signed = plan(&watching(), &[callback(Standing::stated(State::Completed))], at(100), &rules());
    assert_eq!((signed.act.clone(), signed.lane), (Act::Fetch, Lane::Settle));
    assert_eq!(signed.deadline, Some(at(3700)));
    let fault = |order: &Order| {
        let fault = Learned::Fault { why: "down".into(), after: None };
        plan(order, &[Input::Learned(fault)], at(101), &rules())
    };
    let mut order = signed.order;
    for _ in 0..20 {
        order = fault(&order).order;
    }
    assert_eq!(
        fault(&order).act,
        Act::Rest(Some(at(161))),
        "a result is never left alone for more than a minute"
    );
}

#[test]
fn ends_do_not_move_and_contradictions_are_told() {
    let declined = plan(&watching(), &[callback(Standing::stated(State::Declined))], at(9), &rules());
    assert_eq!((declined.order.stage, kinds(&declined)), (Stage::Ended, vec![EventKind::Ended]));
    let other = plan(&declined.order, &[callback(Standing::stated(State::Completed))], at(10), &rules());
    assert_eq!(kinds(&other), [EventKind::Contradiction]);
    assert_eq!(other.order.standing, Some(Standing::stated(State::Declined)));
    let late = plan(&declined.order, &[callback(Standing::stated(State::Pending))], at(10), &rules());
    assert!(late.events.is_empty());
}

#[test]
fn what_was_only_concluded_is_looked_at_again_and_gives_way() {
    let seen = |standing| {
        let result = esign_core::ResultState::NotReady;
        Input::Learned(Learned::Seen { standing, result, handle: None, steps: None, after: None })
    };
    let expired = Standing::concluded(State::Expired);
    let once = plan(&watching(), &[seen(expired)], at(9), &rules());
    assert_eq!(once.order.stage, Stage::Watching);
    let twice = plan(&once.order, &[seen(expired)], at(99), &rules());
    assert_eq!(twice.order.stage, Stage::Ended);
    let signed = plan(&twice.order, &[callback(Standing::stated(State::Completed))], at(100), &rules());
    assert_eq!(signed.act, Act::Fetch, "it was signed after all");
}

#[test]
fn a_cancel_before_sending_sends_nothing_and_one_after_asks_the_provider() {
    let cancel = || [Input::News(News::Cancel { reason: "no".into() })];
    let before = plan(&order(Delivery::ProviderEmail), &cancel(), at(1), &rules());
    assert_eq!((before.order.stage, before.act), (Stage::Ended, Act::Rest(None)));
    let armed = plan(&armed(Delivery::ProviderEmail, 1), &cancel(), at(50), &rules());
    assert_eq!(armed.act, Act::Resolve { attempt: Some(1) }, "it may be there: find out first");
    let after = plan(&watching(), &cancel(), at(9), &rules());
    assert_eq!(after.act, Act::Cancel { attempt: 1 });
}

#[test]
fn after_a_restore_what_looks_unsent_is_looked_up_first() {
    let restored = Rules { ask_first_before: Some(at(100)), ..rules() };
    let unsent = order(Delivery::ShareableLink);
    assert_eq!(plan(&unsent, &[], at(1), &restored).act, Act::Resolve { attempt: None });
    let asked = |found| [Input::Learned(Learned::Looked { attempt: None, found })];
    let nothing = plan(&unsent, &asked(Found::Nothing), at(2), &restored);
    assert_eq!(nothing.act, Act::Submit { why: None });
    let there = plan(&unsent, &asked(Found::One(sent("a"))), at(2), &restored);
    assert_eq!(there.order.stage, Stage::Watching);
    let unclear = plan(&unsent, &asked(Found::Unclear("x".into())), at(2), &restored);
    assert_eq!(unclear.order.stage, Stage::Undecided, "its link may have been handed out before");
}

#[test]
fn a_poisoned_order_backs_off_and_an_unknown_instance_is_waited_for() {
    let mut order = watching();
    let mut pauses = Vec::new();
    for _ in 0..14 {
        let fault = Learned::Fault { why: "rubbish".into(), after: None };
        let planned = plan(&order, &[Input::Learned(fault)], at(0), &rules());
        let Act::Rest(Some(until)) = planned.act else { panic!("{:?}", planned.act) };
        pauses.push(until.duration_since(at(0)).as_secs());
        order = planned.order;
    }
    assert_eq!(pauses[..4], [5, 10, 20, 40]);
    assert_eq!(pauses.last(), Some(&3600));
    let waits = plan(&order, &[], at(9000), &Rules::unknown());
    assert!(matches!(waits.act, Act::Rest(Some(_))));
    assert!(waits.order.note.unwrap().contains("not configured"));
}

#[test]
fn a_hold_refuses_erasing_and_erasing_leaves_nothing_personal() {
    let ended = plan(&watching(), &[callback(Standing::stated(State::Declined))], at(9), &rules()).order;
    let hold = |reason: Option<&str>| Input::News(News::Hold { reason: reason.map(Into::into) });
    let erase = || Input::News(News::Erase { reason: "asked for".into() });
    let held = plan(&ended, &[hold(Some("court")), erase()], at(10), &rules()).order;
    assert!(held.erased_at.is_none());
    let erased = plan(&held, &[hold(None), erase()], at(11), &rules()).order;
    assert!(erased.erased_at.is_some() && erased.data_key.is_none() && erased.request.is_none());
    assert!(plan(&watching(), &[erase()], at(9), &rules()).order.erased_at.is_none(), "only what has ended");
}
