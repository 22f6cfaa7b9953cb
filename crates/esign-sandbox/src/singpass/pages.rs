//! The Sign Portal, for people with a browser: log in, review every field, proceed, approve or reject in the app, return.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Form, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;

use super::person::Person;
use super::request::Stage;
use super::store::{Refusal, View};
use super::{PortalError, Singpass};
use crate::pages::{moment, page};
use crate::signing::MAX_SIGNER_NAME;

pub(super) fn router<S: Clone + Send + Sync + 'static>(singpass: &Arc<Singpass>) -> Router<S> {
    Router::new()
        .route("/singpass/sign", get(landing).post(sign_at_once))
        .route("/singpass/sign/login", post(log_in))
        .route("/singpass/portal/{session}", get(portal))
        .route("/singpass/portal/{session}/document.pdf", get(document))
        .route("/singpass/portal/{session}/review", post(review))
        .route("/singpass/portal/{session}/proceed", post(proceed))
        .route("/singpass/portal/{session}/approve", post(approve))
        .route("/singpass/portal/{session}/reject", post(reject))
        .route("/singpass/portal/{session}/leave", post(leave))
        .with_state(singpass.clone())
}

/// What `signing_url` carries.
#[derive(Clone, Deserialize)]
struct Link {
    #[serde(default)]
    token: String,
    #[serde(default)]
    request_id: String,
}

/// Who holds the phone.
#[derive(Deserialize)]
struct Account {
    #[serde(default)]
    name: String,
    #[serde(default)]
    uin: String,
}

impl Account {
    fn person(&self) -> Person {
        Person::new(&self.name, &self.uin)
    }
}

/// The form on the landing page: the link as hidden fields.
#[derive(Deserialize)]
struct LogIn {
    #[serde(flatten)]
    link: Link,
    #[serde(flatten)]
    account: Account,
}

/// From 1.
#[derive(Deserialize)]
struct Field {
    #[serde(default)]
    field: String,
}

async fn landing(State(singpass): State<Arc<Singpass>>, Query(link): Query<Link>) -> Response {
    show_landing(&singpass, &link, None)
}

async fn log_in(State(singpass): State<Arc<Singpass>>, Form(form): Form<LogIn>) -> Response {
    match open(&singpass, &form.link, &form.account) {
        Ok(session) => to_portal(&session),
        Err(error) => not_let_in(&singpass, &form.link, &form.account, &error),
    }
}

/// For scripts: a person logs in, reviews, proceeds and approves in one request.
async fn sign_at_once(
    State(singpass): State<Arc<Singpass>>,
    Query(link): Query<Link>,
    Form(account): Form<Account>,
) -> Response {
    let outcome = async {
        let session = open(&singpass, &link, &account)?;
        singpass.review_and_proceed(&session)?;
        singpass.approve(&session).await?;
        singpass.leave(&session)
    };
    match outcome.await {
        Ok(back) => Redirect::to(back.as_str()).into_response(),
        Err(error) => not_let_in(&singpass, &link, &account, &error),
    }
}

fn open(singpass: &Singpass, link: &Link, account: &Account) -> Result<String, PortalError> {
    singpass.lock().store.linked(&link.request_id, &link.token, singpass.now())?;
    singpass.open(&link.request_id, &account.person())
}

async fn portal(State(singpass): State<Arc<Singpass>>, Path(session): Path<String>) -> Response {
    show_portal(&singpass, &session, None)
}

/// The document as it is now: to review, then signed.
async fn document(State(singpass): State<Arc<Singpass>>, Path(session): Path<String>) -> Response {
    let now = singpass.now();
    let pdf = singpass.lock().store.view(&session, now).map(|view| view.request.pdf.clone());
    match pdf {
        Ok(pdf) => {
            let headers = [(header::CONTENT_TYPE, "application/pdf"), (header::CACHE_CONTROL, "no-store")];
            (headers, pdf).into_response()
        }
        Err(refusal) => no_session(refusal),
    }
}

async fn review(
    State(singpass): State<Arc<Singpass>>,
    Path(session): Path<String>,
    Form(Field { field }): Form<Field>,
) -> Response {
    let reviewed = match field.parse::<usize>() {
        Ok(number @ 1..) => singpass.review(&session, number - 1),
        _ => Err(Refusal::NoField.into()),
    };
    after(&singpass, &session, reviewed)
}

async fn proceed(State(singpass): State<Arc<Singpass>>, Path(session): Path<String>) -> Response {
    let proceeded = singpass.proceed(&session);
    after(&singpass, &session, proceeded)
}

async fn approve(State(singpass): State<Arc<Singpass>>, Path(session): Path<String>) -> Response {
    let approved = singpass.approve(&session).await;
    after(&singpass, &session, approved)
}

async fn reject(State(singpass): State<Arc<Singpass>>, Path(session): Path<String>) -> Response {
    let rejected = singpass.reject(&session);
    after(&singpass, &session, rejected)
}

async fn leave(State(singpass): State<Arc<Singpass>>, Path(session): Path<String>) -> Response {
    match singpass.leave(&session) {
        Ok(back) => Redirect::to(back.as_str()).into_response(),
        Err(error) => show_portal(&singpass, &session, Some(&error)),
    }
}

fn after(singpass: &Singpass, session: &str, outcome: Result<(), PortalError>) -> Response {
    match outcome {
        Ok(()) => to_portal(session),
        Err(error) => show_portal(singpass, session, Some(&error)),
    }
}

fn to_portal(session: &str) -> Response {
    Redirect::to(&format!("/singpass/portal/{session}")).into_response()
}

fn show_landing(singpass: &Singpass, link: &Link, error: Option<(&PortalError, &Account)>) -> Response {
    if let Err(refusal) = singpass.lock().store.linked(&link.request_id, &link.token, singpass.now()) {
        return no_session(refusal);
    }
    let account = error.map(|(_, account)| account);
    let invalid = error.is_some().then_some("true");
    let body = html! {
        @if let Some((error, _)) = error { (alert(error)) }
        p {
            "In the real service a QR code stands here, to log in with the Singpass app. In the sandbox you say who you \
             are; any name and number will do."
        }
        form method="post" action="/singpass/sign/login" {
            input type="hidden" name="token" value=(link.token);
            input type="hidden" name="request_id" value=(link.request_id);
            label for="name" { "Full name" }
            p #name-help { "It appears in the signature. 1 to " (MAX_SIGNER_NAME) " characters." }
            input #name name="name" type="text" required maxlength=(MAX_SIGNER_NAME) autocomplete="off"
                aria-describedby="name-help" aria-invalid=[invalid] value=[account.map(|account| &account.name)];
            label for="uin" { "NRIC or FIN" }
            p #uin-help { "A letter, seven digits, a letter, such as S1234567D. Do not use a real person's." }
            input #uin name="uin" type="text" required pattern="\\s*[A-Za-z][0-9]{7}[A-Za-z]\\s*" autocomplete="off"
                aria-describedby="uin-help" aria-invalid=[invalid] value=[account.map(|account| &account.uin)];
            div { button type="submit" { "Log in" } }
        }
    };
    let (status, mark) = marks(error.map(|(error, _)| error));
    page(status, &format!("{mark}Log in to sign"), &body)
}

/// Why somebody with a link could not do what they wanted.
fn not_let_in(singpass: &Singpass, link: &Link, account: &Account, error: &PortalError) -> Response {
    match error {
        PortalError::Refused(Refusal::WrongPerson) => not_the_signer(singpass, link),
        _ => show_landing(singpass, link, Some((error, account))),
    }
}

/// The only choice is to leave.
fn not_the_signer(singpass: &Singpass, link: &Link) -> Response {
    let back = singpass.turned_away(&link.request_id);
    let body = html! {
        p { "This document is for another person to sign, or another person has opened it before you." }
        @if let Some(back) = back { p { a href=(back) { "Leave Sign Portal" } } }
    };
    page(StatusCode::FORBIDDEN, "You are not the intended signer", &body)
}

fn show_portal(singpass: &Singpass, session: &str, error: Option<&PortalError>) -> Response {
    let now = singpass.now();
    let state = singpass.lock();
    let view = match state.store.view(session, now) {
        Ok(view) => view,
        Err(refusal) => return no_session(refusal),
    };
    let to = |action: &str| format!("/singpass/portal/{session}/{action}");
    let body = html! {
        @if let Some(error) = error { (alert(error)) }
        (announcement(&view))
        p { "You are logged in as " strong { (view.person.name) } "." }
        @match view.stage {
            Stage::Viewing => { (fields(&view, session)) (proceed_button(&view, &to("proceed"))) }
            Stage::Proceeded { code } => { (in_the_app(*code, &to("approve"), &to("reject"))) }
            Stage::Rejected => {
                form method="post" action=(to("proceed")) { button type="submit" { "Get a new QR code" } }
            }
            Stage::Signing => { p { "The document is being signed. " a href={ "/singpass/portal/" (session) } { "Look again" } } }
            Stage::Signed => { p { a href=(to("document.pdf")) { "View the signed document (PDF)" } } }
        }
        form method="post" action=(to("leave")) {
            @if *view.stage == Stage::Signed {
                button type="submit" { "Return to " (view.request.client_id) }
            } @else {
                button.quiet type="submit" { "Leave without signing" }
            }
        }
        @if matches!(view.stage, Stage::Viewing) { (embedded(&view, &to("document.pdf"))) }
    };
    let (status, mark) = marks(error);
    page(status, &format!("{mark}Sign {}", view.request.doc_name), &body)
}

/// What has just changed, read out when the page opens.
fn announcement(view: &View<'_>) -> Markup {
    let left = view.reviewed.iter().filter(|reviewed| !**reviewed).count();
    let text = match view.stage {
        Stage::Viewing if left == 0 => "Every field is reviewed. You can sign now.".to_owned(),
        Stage::Viewing if left < view.reviewed.len() => format!("Reviewed. {left} to go."),
        Stage::Rejected => {
            "You have rejected the request in the app. Nobody was told. You can try again.".to_owned()
        }
        Stage::Signed => "Signed. Thank you.".to_owned(),
        Stage::Viewing | Stage::Proceeded { .. } | Stage::Signing => return html! {},
    };
    html! { div.message role="status" aria-live="polite" tabindex="-1" autofocus { p { (text) } } }
}

fn fields(view: &View<'_>, session: &str) -> Markup {
    html! {
        p { "The document can be signed until " (moment(view.request.expires_at)) ". Review every field first." }
        h2 #fields { "Fields" }
        form method="post" action={ "/singpass/portal/" (session) "/review" } {
            table aria-labelledby="fields" {
                thead { tr { th scope="col" { "Field" } th scope="col" { "Place" } th scope="col" { "State" } } }
                tbody {
                    @for (index, place) in view.request.places.iter().enumerate() {
                        tr {
                            th scope="row" { (index + 1) }
                            td {
                                "Page " (place.location.page) ", " (percent(place.location.x)) " from the left, "
                                (percent(place.location.y)) " from the bottom"
                            }
                            td {
                                @if view.reviewed.get(index) == Some(&true) { "Reviewed" } @else {
                                    button.quiet type="submit" name="field" value=(index + 1) {
                                        "Mark field " (index + 1) " as reviewed"
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn proceed_button(view: &View<'_>, action: &str) -> Markup {
    let ready = view.reviewed.iter().all(|reviewed| *reviewed);
    html! {
        h2 { "Sign" }
        form method="post" action=(action) {
            @if !ready { p #why-not { "Signing is enabled when every field is reviewed." } }
            button type="submit" disabled[!ready] aria-describedby=[(!ready).then_some("why-not")] { "Proceed to Sign" }
        }
    }
}

/// The second QR code and what happens on the phone.
fn in_the_app(code: u16, approve: &str, reject: &str) -> Markup {
    html! {
        h2 { "In the Singpass app" }
        p {
            "In the real service a QR code stands here. The app then shows the same reference code: "
            strong { (format!("{code:04}")) } "."
        }
        form method="post" action=(approve) { button type="submit" { "Approve" } }
        form method="post" action=(reject) { button.quiet type="submit" { "Reject" } }
    }
}

fn embedded(view: &View<'_>, address: &str) -> Markup {
    let name = &view.request.doc_name;
    html! {
        h2 { "Document" }
        p { a href=(address) { "Open " (name) " (PDF)" } }
        object data=(address) type="application/pdf" aria-label={ "Document: " (name) } {
            p { "Your browser cannot show the document here; open it by the link above." }
        }
    }
}

/// The generic error screen: no way back to the client, which learns nothing.
fn no_session(refusal: Refusal) -> Response {
    let (status, title) = match refusal {
        Refusal::SessionOver => (StatusCode::CONFLICT, "This session is over"),
        _ => (StatusCode::NOT_FOUND, "This link does not work"),
    };
    let body = html! {
        p { (capitalised(super::describe(refusal))) "." }
        p { "A link works for 30 minutes. Go back to the service that sent you here and start again." }
    };
    page(status, title, &body)
}

/// Focused when the page opens, so that it is read out first.
fn alert(error: &PortalError) -> Markup {
    html! {
        div.message.error role="alert" tabindex="-1" autofocus { p { (capitalised(&error.to_string())) "." } }
    }
}

fn marks(error: Option<&PortalError>) -> (StatusCode, &'static str) {
    match error {
        None => (StatusCode::OK, ""),
        Some(PortalError::Refused(_)) => (StatusCode::CONFLICT, "Error: "),
        Some(PortalError::Person(_) | PortalError::Failed(_)) => {
            (StatusCode::UNPROCESSABLE_ENTITY, "Error: ")
        }
    }
}

fn percent(ten_thousandths: u16) -> String {
    format!("{}.{:02}%", ten_thousandths / 100, ten_thousandths % 100)
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
