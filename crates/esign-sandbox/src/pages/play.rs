//! The overview at `/`: what is open, who has to do what, and forms to do it, so that a person can play every flow in the
//! browser. The forms do what the control API does; other sites cannot submit them.

use std::time::Duration;

use axum::Router;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;

use super::{Rooms, moment, page};
use crate::control::length_of_time;
use crate::faults::{Effect, Fault};
use crate::signicat::TaskStatus;
use crate::singpass::{Person, RequestStatus};
use crate::txn::SessionStatus;
use crate::{signicat, signify, singpass, txn};

/// Who signs by a button here. At the signing pages people give the name that they like.
const TESTER: &str = "Tan Test";
const TESTER_UIN: &str = "S1234567D";

/// How far the clock can be moved by a button.
const STEPS: [&str; 6] = ["1 minute", "31 minutes", "1 hour", "1 day", "15 days", "31 days"];

/// What can be planned by hand: name, words for it, and whether the service is asked before it happens.
const EFFECTS: [(&str, &str); 9] = [
    ("close", "the connection breaks without an answer"),
    ("delay", "the answer comes 20 seconds late"),
    ("429", "429: too many requests, come back in 5 seconds"),
    ("503", "503 with an HTML page, as a gateway sends"),
    ("404", "404 with JSON, as a gateway sends"),
    ("html", "200 with an HTML page, as a login page in between"),
    ("garbage", "200 with broken JSON"),
    ("truncate", "the answer is cut off after 20 bytes"),
    ("extend", "the answer has members that no documentation names"),
];

pub(super) fn router() -> Router<Rooms> {
    Router::new()
        .route("/", get(overview))
        .route("/play/clock", post(advance))
        .route("/play/fault", post(plan))
        .route("/play/faults/clear", post(clear))
        .route("/play/act", post(act))
}

async fn overview(State(rooms): State<Rooms>) -> Response {
    let shared = &rooms.shared;
    let body = html! {
        p {
            "This process simulates e-signature services. Point a client at the addresses below; what it sends appears "
            "here, and you act as the people who sign. Load the page again to see what is new."
        }
        section aria-labelledby="time" {
            h2 #time { "Time" }
            p {
                "It is " (moment(shared.clock.now())) " here"
                @if shared.clock.is_virtual() { ", and stands still until it is advanced" } "."
            }
            form.row method="post" action="/play/clock" {
                @for step in STEPS { button.quiet name="advance" value=(step) { (step) " later" } }
            }
        }
        section aria-labelledby="requests" {
            h2 #requests { "Requests" }
            (requests(&rooms))
        }
        section aria-labelledby="faults" {
            h2 #faults { "Faults" }
            (faults(&rooms))
        }
        (super::home::addresses(shared))
    };
    page(StatusCode::OK, "Sandbox of e-signature services", &body)
}

/// Every request of every service, the newest of each first.
fn requests(rooms: &Rooms) -> Markup {
    let (documents, orders) = (rooms.signify.documents(), rooms.signicat.orders());
    let (signings, sessions) = (rooms.singpass.requests(), rooms.txn.sessions());
    let none = documents.is_empty() && orders.is_empty() && signings.is_empty() && sessions.is_empty();
    html! {
        @if none {
            p { "Nothing has been sent yet. With the configuration that was written, in another terminal:" }
            pre { "esign send FILE.pdf --delivery shareable-link --signer tenant \\\n  --at 1,72,144,points,bottom-left,bottom-left" }
        }
        @for document in documents.iter().rev() { (signify_document(document)) }
        @for order in orders.iter().rev() { (signicat_order(order)) }
        @for request in signings.iter().rev() { (singpass_request(request)) }
        @for session in sessions.iter().rev() { (txn_session(session)) }
    }
}

fn signify_document(document: &signify::DocumentState) -> Markup {
    html! {
        article {
            h3 { (document.name) }
            p { "Signify, document " (document.id) ": " strong { @if document.signed { "signed" } @else { "open" } }
                @if document.locked { ", somebody is signing" } ", until " (moment(document.expires_at)) }
            ul {
                @for invitation in &document.invitations {
                    li {
                        @let who = invitation.email.as_deref().unwrap_or("signer with the link");
                        (who) ": " (invitation.completed) " of " (invitation.total) " signatures made"
                        @if invitation.completed < invitation.total {
                            div.row {
                                a href=(invitation.signing_link) { "Sign on the page" }
                                (button("signify", "sign", &document.id, who_or_none(invitation), "Sign here at once"))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn who_or_none(invitation: &signify::InvitationState) -> &str {
    invitation.email.as_deref().unwrap_or_default()
}

fn signicat_order(order: &signicat::OrderState) -> Markup {
    html! {
        article {
            h3 { "Order " code { (order.id) } }
            p { "Signicat, made " (moment(order.created_at)) ", kept until " (moment(order.ends_at)) }
            ul {
                @for task in &order.tasks {
                    li {
                        "Task " code { (task.id) } ": " strong { (lower(task.status)) }
                        @if task.status == TaskStatus::Created {
                            @if task.free {
                                ", until " (moment(task.expires_at))
                                div.row {
                                    a href=(task.signing_url) { "Sign on the page" }
                                    (button("signicat", "sign", &order.id, &task.id, "Sign here at once"))
                                    (button("signicat", "reject", &order.id, &task.id, "Reject"))
                                    (button("signicat", "expire", &order.id, &task.id, "Let it expire"))
                                }
                            } @else { ", waits for others to sign first" }
                        }
                    }
                }
                @for package in &order.packaging_tasks {
                    li { "Result " code { (package.id) } ": " strong { (lower(package.status)) } }
                }
            }
        }
    }
}

fn singpass_request(request: &singpass::RequestState) -> Markup {
    let id = &request.request_id;
    html! {
        article {
            h3 { (request.doc_name) }
            p { "Sign with Singpass, " code { (id) } ": " strong { (lower(request.status)) }
                @if request.status == RequestStatus::Pending { ", until " (moment(request.expires_at)) } }
            @if request.status == RequestStatus::Pending {
                div.row {
                    a href=(request.signing_url) { "Sign on the page" }
                    (button("singpass", "sign", id, "", "Sign here at once"))
                    (button("singpass", "reject", id, "", "Reject in the app"))
                    (button("singpass", "expire", id, "", "Let it expire"))
                }
            }
        }
    }
}

fn txn_session(session: &txn::SessionState) -> Markup {
    let id = &session.session_id;
    let open = matches!(session.status, SessionStatus::Created | SessionStatus::Challenged);
    html! {
        article {
            h3 { "Transaction " code { (session.txn_id) } }
            p.instructions { (session.txn_instructions) }
            p { "Transaction signing: " strong { (lower(session.status)) }
                @if open { ", until " (moment(session.expires_at)) } }
            @if open {
                div.row {
                    a href=(session.phone_url) { "Open the phone" }
                    (button("txn", "approve", id, "", "Approve here at once"))
                    (button("txn", "decline", id, "", "Decline"))
                    (button("txn", "expire", id, "", "Let it expire"))
                }
            }
        }
    }
}

/// The word that the control API has for a state, with spaces.
fn lower(state: impl serde::Serialize) -> String {
    let word = serde_json::to_value(state).ok().and_then(|value| value.as_str().map(str::to_lowercase));
    word.unwrap_or_default().replace('_', " ")
}

fn button(service: &str, action: &str, id: &str, part: &str, label: &str) -> Markup {
    html! {
        form method="post" action="/play/act" {
            input type="hidden" name="service" value=(service);
            input type="hidden" name="action" value=(action);
            input type="hidden" name="id" value=(id);
            input type="hidden" name="part" value=(part);
            button.quiet type="submit" { (label) }
        }
    }
}

fn faults(rooms: &Rooms) -> Markup {
    let planned = rooms.shared.faults.planned();
    html! {
        p { "A planned fault hits the next call of an operation: see what a client makes of it." }
        @if !planned.is_empty() {
            ul {
                @for fault in &planned {
                    li {
                        code { (fault.operation) } ": " (fault.times) " calls"
                        @if fault.skip > 0 { ", after " (fault.skip) " without" }
                        @if fault.committed { ", after the service has carried it out" }
                        ": " code { (serde_json::json!(fault.effect).to_string()) }
                    }
                }
            }
            form method="post" action="/play/faults/clear" { button.quiet type="submit" { "Drop them all" } }
        }
        form.fields method="post" action="/play/fault" {
            label for="operation" { "Operation" }
            select #operation name="operation" {
                @for operation in rooms.shared.faults.operations() { option value=(operation) { (operation) } }
            }
            label for="effect" { "What happens" }
            select #effect name="effect" { @for (name, words) in EFFECTS { option value=(name) { (words) } } }
            label for="times" { "How many calls" }
            input #times name="times" type="number" min="1" max="1000" value="1";
            label for="skip" { "How many go through before" }
            input #skip name="skip" type="number" min="0" max="1000" value="0";
            label.check { input name="committed" type="checkbox" value="yes"; " after the service has carried it out" }
            button type="submit" { "Plan it" }
        }
    }
}

#[derive(Deserialize)]
struct Advance {
    advance: String,
}

async fn advance(State(rooms): State<Rooms>, headers: HeaderMap, Form(by): Form<Advance>) -> Response {
    settle(&headers, "time", || {
        rooms.shared.clock.advance(length_of_time(&by.advance)?);
        Ok(())
    })
}

#[derive(Deserialize)]
struct Planned {
    operation: String,
    effect: String,
    times: u32,
    skip: u32,
    committed: Option<String>,
}

async fn plan(State(rooms): State<Rooms>, headers: HeaderMap, Form(planned): Form<Planned>) -> Response {
    settle(&headers, "faults", || {
        let effect = effect(&planned.effect).ok_or_else(|| "there is no such fault".to_owned())?;
        let mut fault = Fault::on(planned.operation, effect).skip(planned.skip).times(planned.times);
        fault.committed = planned.committed.is_some();
        rooms.shared.faults.inject(fault).map_err(|refused| refused.to_string())
    })
}

fn effect(name: &str) -> Option<Effect> {
    let late = Duration::from_secs(20);
    Some(match name {
        "close" => Effect::Close,
        "delay" => Effect::Delay { millis: u64::try_from(late.as_millis()).unwrap_or(u64::MAX) },
        "429" => Effect::too_many_requests(Some(5)),
        "503" => Effect::html(503),
        "404" => Effect::json(404, r#"{"message":"no Route matched with those values"}"#),
        "html" => Effect::html(200),
        "garbage" => Effect::garbage(),
        "truncate" => Effect::Truncate { keep: 20 },
        "extend" => Effect::Extend,
        _ => return None,
    })
}

async fn clear(State(rooms): State<Rooms>, headers: HeaderMap) -> Response {
    settle(&headers, "faults", || {
        rooms.shared.faults.clear();
        Ok(())
    })
}

/// What a button does to a request. Tasks are named by their order and their own id.
#[derive(Deserialize)]
struct Act {
    service: String,
    action: String,
    id: String,
    part: String,
}

async fn act(State(rooms): State<Rooms>, headers: HeaderMap, Form(act): Form<Act>) -> Response {
    if is_from_elsewhere(&headers) {
        return from_elsewhere();
    }
    let done = carry_out(&rooms, &act).await;
    settle(&headers, "requests", || done)
}

async fn carry_out(rooms: &Rooms, act: &Act) -> Result<(), String> {
    let (id, part) = (act.id.as_str(), act.part.as_str());
    let person = Person::new(TESTER, TESTER_UIN);
    let signer = || signicat::Signer::named(TESTER);
    match (act.service.as_str(), act.action.as_str()) {
        ("signify", "sign") if part.is_empty() => {
            said(rooms.signify.sign_all(id, &signify::Signer::named(TESTER)).await)
        }
        ("signify", "sign") => {
            said(rooms.signify.sign_all(id, &signify::Signer::invited(TESTER, part)).await)
        }
        ("signicat", "sign") => said(rooms.signicat.sign(id, part, &signer()).await),
        ("signicat", "reject") => said(rooms.signicat.reject(id, part, &signer(), Some("by hand"))),
        ("signicat", "expire") => said(rooms.signicat.expire(id, part)),
        ("singpass", "sign") => said(rooms.singpass.sign(id, &person).await),
        ("singpass", "reject") => {
            let at_the_app = rooms.singpass.open(id, &person).and_then(|()| rooms.singpass.proceed(id));
            said(at_the_app.and_then(|()| rooms.singpass.reject(id)))
        }
        ("singpass", "expire") => said(rooms.singpass.expire(id)),
        ("txn", "approve") => said(rooms.txn.approve(id, None)),
        ("txn", "decline") => said(rooms.txn.decline(id)),
        ("txn", "expire") => said(rooms.txn.expire(id)),
        _ => Err("there is no such action".to_owned()),
    }
}

fn said<T, E: std::fmt::Display>(outcome: Result<T, E>) -> Result<(), String> {
    outcome.map(drop).map_err(|error| error.to_string())
}

/// Back to where the form was, or a page that says why not.
fn settle(headers: &HeaderMap, part: &str, work: impl FnOnce() -> Result<(), String>) -> Response {
    if is_from_elsewhere(headers) {
        return from_elsewhere();
    }
    match work() {
        Ok(()) => Redirect::to(&format!("/#{part}")).into_response(),
        Err(why) => {
            let body =
                html! { p.message.error role="alert" { (why) } p { a href="/" { "Back to the overview" } } };
            page(StatusCode::CONFLICT, "That was not possible", &body)
        }
    }
}

/// A browser says where a form comes from; other programs do not, and use the control API anyway.
fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none")
}

fn from_elsewhere() -> Response {
    let body = html! { p { "Another site sent this form. Only the sandbox's own pages may." } };
    page(StatusCode::FORBIDDEN, "Refused", &body)
}
