//! The signing pages, for people with a browser: start with a name, sign one placeholder at a time, leave.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Form, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;

use super::settings::Origin;
use super::store::{Document, Invitation, Progress, Refusal};
use super::validate::Placeholder;
use super::{MAX_SIGNER_NAME, Signify, SigningError};
use crate::pages::{moment, page};

pub(super) fn router<S: Clone + Send + Sync + 'static>(signify: &Arc<Signify>) -> Router<S> {
    Router::new()
        .route("/documents/sign/{link}", get(landing).post(sign_once))
        .route("/documents/sign/{link}/document.pdf", get(document))
        .route("/documents/sign/{link}/session", post(start))
        .route("/documents/sign/{link}/session/{token}", get(session))
        .route("/documents/sign/{link}/session/{token}/sign", post(sign))
        .route("/documents/sign/{link}/session/{token}/leave", post(leave))
        .with_state(signify.clone())
}

/// What the last action brought, carried over a redirect.
#[derive(Deserialize)]
struct Note {
    /// `signed` or `left`.
    done: Option<String>,
}

#[derive(Deserialize)]
struct Signing {
    #[serde(default)]
    name: String,
    /// From 1; empty or absent for the first that is open.
    #[serde(default)]
    placeholder: String,
}

impl Signing {
    fn index(&self) -> Result<Option<usize>, SigningError> {
        match self.placeholder.trim() {
            "" => Ok(None),
            number => match number.parse::<usize>() {
                Ok(number @ 1..) => Ok(Some(number - 1)),
                _ => Err(SigningError::Refused(Refusal::NotThere)),
            },
        }
    }
}

async fn landing(
    State(signify): State<Arc<Signify>>,
    Path(link): Path<String>,
    Query(note): Query<Note>,
) -> Response {
    show_landing(&signify, &link, note.done.as_deref(), None)
}

/// The document as it is now, for the page to show.
async fn document(State(signify): State<Arc<Signify>>, Path(link): Path<String>) -> Response {
    let now = signify.now();
    let pdf = signify.lock().store.invited(&link, now).map(|(document, _)| document.pdf.clone());
    match pdf {
        Some(pdf) => {
            let headers = [(header::CONTENT_TYPE, "application/pdf"), (header::CACHE_CONTROL, "no-store")];
            (headers, pdf).into_response()
        }
        None => link_is_dead(),
    }
}

async fn start(
    State(signify): State<Arc<Signify>>,
    Path(link): Path<String>,
    Form(signing): Form<Signing>,
) -> Response {
    match signify.open_session(&link, &signing.name) {
        Ok(token) => Redirect::to(&format!("/documents/sign/{link}/session/{token}")).into_response(),
        Err(error) => show_landing(&signify, &link, None, Some((&error, &signing.name))),
    }
}

async fn session(
    State(signify): State<Arc<Signify>>,
    Path((link, token)): Path<(String, String)>,
    Query(note): Query<Note>,
) -> Response {
    show_session(&signify, &link, &token, note.done.as_deref(), None)
}

async fn sign(
    State(signify): State<Arc<Signify>>,
    Path((link, token)): Path<(String, String)>,
    Form(signing): Form<Signing>,
) -> Response {
    let outcome = match signing.index() {
        Ok(placeholder) => signify.sign(&link, &token, placeholder).await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(progress) if progress.invitation_done => done(&link, &progress),
        Ok(_) => Redirect::to(&format!("/documents/sign/{link}/session/{token}?done=signed")).into_response(),
        Err(error) => show_session(&signify, &link, &token, None, Some(&error)),
    }
}

async fn leave(State(signify): State<Arc<Signify>>, Path((link, token)): Path<(String, String)>) -> Response {
    match signify.leave(&link, &token) {
        Ok(()) => Redirect::to(&format!("/documents/sign/{link}?done=left")).into_response(),
        Err(_) => link_is_dead(),
    }
}

/// For scripts: signs one placeholder in one request, in a session of its own.
async fn sign_once(
    State(signify): State<Arc<Signify>>,
    Path(link): Path<String>,
    Form(signing): Form<Signing>,
) -> Response {
    let outcome = match signing.index() {
        Ok(placeholder) => signify.sign_once(&link, &signing.name, placeholder).await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(progress) => done(&link, &progress),
        Err(error) => show_landing(&signify, &link, None, Some((&error, &signing.name))),
    }
}

/// To the client's `redirectUrl` once the invitation is done, else back to the link.
fn done(link: &str, progress: &Progress) -> Response {
    match &progress.redirect_url {
        Some(url) if progress.invitation_done => Redirect::to(url.as_str()).into_response(),
        _ => Redirect::to(&format!("/documents/sign/{link}?done=signed")).into_response(),
    }
}

fn show_landing(
    signify: &Signify,
    link: &str,
    done: Option<&str>,
    error: Option<(&SigningError, &str)>,
) -> Response {
    let now = signify.now();
    let state = signify.lock();
    let Some((document, invitation)) = state.store.invited(link, now) else { return link_is_dead() };
    let bad_name = matches!(error, Some((SigningError::Name, _)));
    let body = html! {
        @if let Some((error, _)) = error { (alert(error)) }
        @if done == Some("signed") { (status("Signed. Thank you.")) }
        @if done == Some("left") { (status("You have left. The document is free for the next person.")) }
        (overview(document, invitation, state.settings.placement_origin))
        @if invitation.is_signed() {
            h2 { "Done" }
            p { "All signatures of this invitation are made. You may close this page." }
        } @else if document.is_locked(now) {
            h2 { "Someone is signing" }
            p { "Please try again later: a signing session is ongoing." }
            p { a href={ "/documents/sign/" (link) } { "Check again" } }
        } @else {
            h2 { "Sign" }
            form method="post" action={ "/documents/sign/" (link) "/session" } {
                label for="name" { "Your full name" }
                p #name-help {
                    "It appears in the signature. 1 to " (MAX_SIGNER_NAME) " characters. In a test, any name will do."
                }
                input #name name="name" type="text" required maxlength=(MAX_SIGNER_NAME) autocomplete="name"
                    aria-describedby="name-help" aria-invalid=[bad_name.then_some("true")]
                    value=[error.map(|(_, name)| name)];
                div { button type="submit" { "Start signing" } }
            }
        }
        (embedded(link, document))
    };
    page(
        error.map_or(StatusCode::OK, |(error, _)| status_code(error)),
        &title(document, error.is_some()),
        &body,
    )
}

fn show_session(
    signify: &Signify,
    link: &str,
    token: &str,
    done: Option<&str>,
    error: Option<&SigningError>,
) -> Response {
    let now = signify.now();
    let mut state = signify.lock();
    let signer = match state.store.signer(link, token, now) {
        Ok(signer) => signer,
        Err(Refusal::NotFound) => return link_is_dead(),
        Err(_) => return session_is_over(link),
    };
    let Some((document, invitation)) = state.store.invited(link, now) else { return link_is_dead() };
    let origin = state.settings.placement_origin;
    let left = invitation.placeholders.len() - invitation.completed.len();
    let body = html! {
        @if let Some(error) = error { (alert(error)) }
        @if done == Some("signed") { (status(&format!("Signed. {left} to go."))) }
        p { "You sign as " strong { (signer) } ". While you are here, nobody else can sign this document." }
        (overview(document, invitation, origin))
        h2 { "Sign" }
        form method="post" action={ "/documents/sign/" (link) "/session/" (token) "/sign" } {
            @for (index, placeholder) in invitation.placeholders.iter().enumerate() {
                @if invitation.is_open(index) {
                    div {
                        button type="submit" name="placeholder" value=(index + 1) {
                            "Sign number " (index + 1) ", on page " (placeholder.page)
                        }
                    }
                }
            }
        }
        form method="post" action={ "/documents/sign/" (link) "/session/" (token) "/leave" } {
            button.quiet type="submit" { "Leave without signing more" }
        }
        (embedded(link, document))
    };
    page(error.map_or(StatusCode::OK, status_code), &title(document, error.is_some()), &body)
}

fn link_is_dead() -> Response {
    let body = html! {
        p { "The document was deleted, it has expired, or the link is wrong. Ask whoever sent you the link." }
    };
    page(StatusCode::NOT_FOUND, "This link does not work", &body)
}

fn session_is_over(link: &str) -> Response {
    let body = html! {
        p { "You have left, everything is signed, or too much time has passed." }
        p { a href={ "/documents/sign/" (link) } { "Back to the document" } }
    };
    page(StatusCode::CONFLICT, "This signing session is over", &body)
}

fn title(document: &Document, error: bool) -> String {
    format!("{}Sign {}", if error { "Error: " } else { "" }, document.name)
}

fn overview(document: &Document, invitation: &Invitation, origin: Origin) -> Markup {
    html! {
        p {
            @if let Some(email) = &invitation.email { "For " strong { (email) } ". " }
            "The document can be signed until " (moment(document.expires_at)) "."
        }
        @if let Some(message) = &invitation.message {
            h2 { "Message" }
            p { (message) }
        }
        h2 #signatures { "Signatures" }
        table aria-labelledby="signatures" {
            thead { tr { th scope="col" { "Number" } th scope="col" { "Place" } th scope="col" { "State" } } }
            tbody {
                @for (index, placeholder) in invitation.placeholders.iter().enumerate() {
                    tr {
                        th scope="row" { (index + 1) }
                        td { (place(placeholder, origin)) }
                        td {
                            @match invitation.completed.iter().find(|completed| completed.placeholder == index) {
                                Some(completed) => { "Signed by " (completed.name) ", " (moment(completed.at)) }
                                None => { "To be signed" }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn place(placeholder: &Placeholder, origin: Origin) -> String {
    let edge = match origin {
        Origin::TopLeft => "top",
        Origin::BottomLeft => "bottom",
    };
    let (x, y) = (placeholder.x * 100.0, placeholder.y * 100.0);
    format!("Page {}, {x:.1}% from the left, {y:.1}% from the {edge}", placeholder.page)
}

fn embedded(link: &str, document: &Document) -> Markup {
    let address = format!("/documents/sign/{link}/document.pdf");
    html! {
        h2 { "Document" }
        p { a href=(address) { "Open " (document.name) " (PDF)" } }
        object data=(address) type="application/pdf" aria-label={ "Document: " (document.name) } {
            p { "Your browser cannot show the document here; open it by the link above." }
        }
    }
}

/// Focused when the page opens, so that it is read out first; announced as well should it be put in by a script.
fn alert(error: &SigningError) -> Markup {
    html! { div.message.error role="alert" tabindex="-1" autofocus { p { "Not signed: " (error) "." } } }
}

fn status(text: &str) -> Markup {
    html! { div.message role="status" aria-live="polite" tabindex="-1" autofocus { p { (text) } } }
}

fn status_code(error: &SigningError) -> StatusCode {
    match error {
        SigningError::Refused(Refusal::NotFound) => StatusCode::NOT_FOUND,
        SigningError::Refused(_) => StatusCode::CONFLICT,
        SigningError::Name | SigningError::Failed(_) => StatusCode::UNPROCESSABLE_ENTITY,
    }
}
