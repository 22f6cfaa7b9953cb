//! The signer's pages, for people with a browser: log in, view, upload, sign, postpone, reject, forward.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Form, Multipart, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use maud::{Markup, html};
use serde::Deserialize;

use super::order::{Action, Task, TaskDocument, text};
use super::portal::{PortalError, Recipient};
use super::progress::{Order, Refusal, TaskRun};
use super::signer::{Signer, method_name};
use super::{SIGNING_PATH, Signicat};
use crate::pages::{moment, page};
use crate::signing::MAX_SIGNER_NAME;

pub(super) fn router<S: Clone + Send + Sync + 'static>(signicat: &Arc<Signicat>) -> Router<S> {
    Router::new()
        .route(SIGNING_PATH, get(landing).post(sign_at_once))
        .route("/signicat/start", post(start))
        .route("/signicat/task/{session}", get(task))
        .route("/signicat/task/{session}/document/{number}", get(document).post(upload))
        .route("/signicat/task/{session}/viewed", post(viewed))
        .route("/signicat/task/{session}/sign", post(sign))
        .route("/signicat/task/{session}/reject", post(reject))
        .route("/signicat/task/{session}/postpone", post(postpone))
        .route("/signicat/task/{session}/forward", post(forward))
        .with_state(signicat.clone())
}

type Service = State<Arc<Signicat>>;

/// What a signing address carries: order and task, or the sign code that stands for both.
#[derive(Clone, Default, Deserialize)]
struct Link {
    #[serde(default)]
    request_id: String,
    #[serde(default)]
    task_id: String,
    #[serde(default)]
    sign_code: String,
    artifact: Option<String>,
}

/// What a form says about the person: `name`, `method`, and what the order's subject asks for under its own names.
type Person = BTreeMap<String, String>;

/// What stands before the names of a subject's attributes in forms.
const ATTRIBUTE: &str = "attribute.";

fn signer(person: &Person) -> Signer {
    let given = |name: &str| person.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
    let attributes = person.iter().filter_map(|(name, value)| {
        let name = name.strip_prefix(ATTRIBUTE)?;
        (!value.trim().is_empty()).then(|| (name.to_owned(), value.trim().to_owned()))
    });
    Signer {
        name: given("name").unwrap_or_default().to_owned(),
        attributes: attributes.collect(),
        method: given("method").map(str::to_owned),
    }
}

async fn landing(State(signicat): Service, Query(link): Query<Link>) -> Response {
    if let Some(artifact) = &link.artifact
        && let Ok((order, task)) = find(&signicat, &link)
    {
        return match signicat.open_by_artifact(&order, &task, artifact) {
            Ok(session) => to_task(&session),
            Err(error) => show_landing(&signicat, &link, Some((&error, &Person::new()))),
        };
    }
    show_landing(&signicat, &link, None)
}

/// The form on the landing page: the link as hidden fields among the person's.
async fn start(State(signicat): Service, Form(mut person): Form<Person>) -> Response {
    let mut taken = |name: &str| person.remove(name).unwrap_or_default();
    let link = Link {
        request_id: taken("request_id"),
        task_id: taken("task_id"),
        sign_code: taken("sign_code"),
        artifact: None,
    };
    let opened = find(&signicat, &link)
        .map_err(PortalError::from)
        .and_then(|(order, task)| signicat.open(&order, &task, signer(&person)));
    match opened {
        Ok(session) => to_task(&session),
        Err(error) => show_landing(&signicat, &link, Some((&error, &person))),
    }
}

/// For scripts: a person logs in, views, signs and is sent back in one request.
async fn sign_at_once(
    State(signicat): Service,
    Query(link): Query<Link>,
    Form(person): Form<Person>,
) -> Response {
    let outcome = async {
        let (order, task) = find(&signicat, &link)?;
        signicat.sign_at_once(&order, &task, signer(&person)).await
    };
    match outcome.await {
        Ok(back) => leave(back, "Signed"),
        Err(error) => show_landing(&signicat, &link, Some((&error, &person))),
    }
}

async fn task(State(signicat): Service, Path(session): Path<String>) -> Response {
    show_task(&signicat, &session, None)
}

/// From 1, among the task's documents.
type DocumentPath = Path<(String, usize)>;

async fn document(State(signicat): Service, Path((session, number)): DocumentPath) -> Response {
    match signicat.look_at(&session, number) {
        Ok(file) => {
            // A text of the client's is never taken for a page of the sandbox's.
            let headers = [
                (header::CONTENT_TYPE, format!("{}; charset=utf-8", file.kind.media_type())),
                (header::CACHE_CONTROL, "no-store".to_owned()),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
            ];
            (headers, file.bytes).into_response()
        }
        Err(error) => show_task(&signicat, &session, Some(&error)),
    }
}

async fn viewed(State(signicat): Service, Path(session): Path<String>, Form(form): Form<Person>) -> Response {
    let number = form.get("document").and_then(|number| number.parse().ok()).unwrap_or(0);
    let outcome = signicat.viewed(&session, number);
    after(&signicat, &session, outcome)
}

async fn upload(
    State(signicat): Service,
    Path((session, number)): DocumentPath,
    form: Multipart,
) -> Response {
    let outcome = match uploaded_file(form).await {
        Some(bytes) => signicat.upload(&session, number, bytes).await,
        None => Err(PortalError::File("choose a file first".to_owned())),
    };
    after(&signicat, &session, outcome)
}

async fn uploaded_file(mut form: Multipart) -> Option<Bytes> {
    while let Ok(Some(field)) = form.next_field().await {
        if field.name() == Some("file") {
            return field.bytes().await.ok().filter(|bytes| !bytes.is_empty());
        }
    }
    None
}

async fn sign(State(signicat): Service, Path(session): Path<String>, Form(person): Form<Person>) -> Response {
    match signicat.finish(&session, signer(&person)).await {
        Ok(back) => leave(back, "Signed"),
        Err(error) => show_task(&signicat, &session, Some(&error)),
    }
}

async fn reject(State(signicat): Service, Path(session): Path<String>, Form(form): Form<Person>) -> Response {
    let reason = form.get("reason").map(String::as_str).filter(|reason| !reason.trim().is_empty());
    match signicat.decline(&session, reason) {
        Ok(back) => leave(back, "Rejected"),
        Err(error) => show_task(&signicat, &session, Some(&error)),
    }
}

async fn postpone(State(signicat): Service, Path(session): Path<String>) -> Response {
    match signicat.postpone(&session) {
        Ok(back) => leave(back, "Postponed"),
        Err(error) => show_task(&signicat, &session, Some(&error)),
    }
}

async fn forward(
    State(signicat): Service,
    Path(session): Path<String>,
    Form(recipient): Form<Recipient>,
) -> Response {
    match signicat.forward(&session, &recipient) {
        Ok(back) => leave(back, "Forwarded"),
        Err(error) => show_task(&signicat, &session, Some(&error)),
    }
}

/// Order and task behind a link.
fn find(signicat: &Signicat, link: &Link) -> Result<(String, String), Refusal> {
    let behind = match link.sign_code.as_str() {
        "" => Some((link.request_id.clone(), link.task_id.clone())),
        code => signicat.lock().store.behind(code).cloned(),
    };
    let now = signicat.now();
    let is_there = |(order, task): &(String, String)| {
        signicat.lock().store.get(order, now).is_some_and(|order| order.task_index(task).is_some())
    };
    behind.filter(is_there).ok_or(Refusal::NotFound)
}

fn after(signicat: &Signicat, session: &str, outcome: Result<(), PortalError>) -> Response {
    match outcome {
        Ok(()) => to_task(session),
        Err(error) => show_task(signicat, session, Some(&error)),
    }
}

fn to_task(session: &str) -> Response {
    Redirect::to(&format!("/signicat/task/{session}")).into_response()
}

/// To where the order says, or to a last page.
fn leave(back: Option<String>, what: &str) -> Response {
    match back {
        Some(back) => Redirect::to(&back).into_response(),
        None => {
            let body = html! {
                div.message role="status" tabindex="-1" autofocus { p { (what) ". Thank you. You may close this page." } }
            };
            page(StatusCode::OK, what, &body)
        }
    }
}

fn show_landing(signicat: &Signicat, link: &Link, error: Option<(&PortalError, &Person)>) -> Response {
    let Ok((order, task)) = find(signicat, link) else { return link_is_dead() };
    let now = signicat.now();
    let state = signicat.lock();
    let found = state.store.get(&order, now).and_then(|order| Some((order, order.task_index(&task)?)));
    let Some((order, index)) = found else { return link_is_dead() };
    let task = &order.body.tasks()[index];
    if let Err(refusal) = order.open(index, now) {
        return not_open(task, refusal);
    }
    let invalid = error.is_some().then_some("true");
    let given = |name: &str| error.and_then(|(_, person)| person.get(name)).cloned();
    let body = html! {
        @if let Some((error, _)) = error { (alert(error)) }
        (dialog(task))
        p {
            (documents_in_words(task)) " The task is open until " (moment(order.tasks[index].expires_at)) "."
        }
        h2 { @if task.asks_for_login() { "Log in" } @else { "Open" } }
        p {
            "The real service asks an electronic identity who you are. In the sandbox you say it yourself; any name will do."
        }
        form method="post" action="/signicat/start" {
            input type="hidden" name="request_id" value=(link.request_id);
            input type="hidden" name="task_id" value=(link.task_id);
            input type="hidden" name="sign_code" value=(link.sign_code);
            @let methods = task.authentication.as_ref().and_then(|one| one.methods.as_ref());
            @if let Some(methods) = methods.filter(|methods| !methods.is_empty()) {
                label for="login" { "Log in with" }
                select #login name="login" { @for method in methods { option { (method) } } }
            }
            label for="name" { "Your full name" }
            p #name-help { "It appears in the evidence. 1 to " (MAX_SIGNER_NAME) " characters." }
            input #name name="name" type="text" required maxlength=(MAX_SIGNER_NAME) autocomplete="name"
                aria-describedby="name-help" aria-invalid=[invalid] value=[given("name")];
            @for attribute in task.attributes() {
                @let name = format!("{ATTRIBUTE}{}", text(attribute.name.as_ref()));
                label for=(name) { "Your " (text(attribute.name.as_ref())) }
                p id={ (name) "-help" } { "Left empty, it is taken to be what the order asks for." }
                input id=(name) name=(name) type="text" autocomplete="off"
                    aria-describedby={ (name) "-help" } aria-invalid=[invalid] value=[given(&name)];
            }
            div {
                button type="submit" {
                    @if task.asks_for_login() { "Log in" } @else { "Open the documents" }
                }
            }
        }
    };
    let (status, mark) = marks(error.map(|(error, _)| error));
    page(status, &format!("{mark}{}", title(task)), &body)
}

fn show_task(signicat: &Signicat, session: &str, error: Option<&PortalError>) -> Response {
    let now = signicat.now();
    let state = signicat.lock();
    let found = state.sessions.get(session).and_then(|visit| {
        let order = state.store.get(&visit.order, now)?;
        Some((visit, order, order.task_index(&visit.task)?))
    });
    let Some((visit, order, index)) = found else { return link_is_dead() };
    let (task, run) = (&order.body.tasks()[index], &order.tasks[index]);
    if let Err(refusal) = order.open(index, now) {
        return not_open(task, refusal);
    }
    let to = |action: &str| format!("/signicat/task/{session}/{action}");
    let body = html! {
        @if let Some(error) = error { (alert(error)) }
        p { "You are here as " strong { (visit.signer.name) } ". The task is open until " (moment(run.expires_at)) "." }
        (dialog(task))
        h2 #documents { "Documents" }
        (documents(task, run, session))
        (signing(task, order, index, &to("sign")))
        h2 { "Or" }
        form method="post" action=(to("postpone")) { button.quiet type="submit" { "Decide later" } }
        form method="post" action=(to("reject")) {
            label for="reason" { "Reason for rejecting (optional)" }
            input #reason name="reason" type="text" maxlength="200" autocomplete="off";
            div { button.quiet type="submit" { "Reject" } }
        }
        @if state.settings.forwarding { (forwarding(&to("forward"))) }
    };
    let (status, mark) = marks(error);
    page(status, &format!("{mark}{}", title(task)), &body)
}

/// One row per document, with what is to be done with it.
fn documents(task: &Task, run: &TaskRun, session: &str) -> Markup {
    let to = |number: usize| format!("/signicat/task/{session}/document/{number}");
    html! {
        table aria-labelledby="documents" {
            thead { tr { th scope="col" { "Document" } th scope="col" { "To do" } th scope="col" { "State" } } }
            tbody {
                @for (number, (document, run)) in (1..).zip(task.documents().iter().zip(&run.documents)) {
                    tr {
                        th scope="row" {
                            @if run.original.is_some() {
                                a href=(to(number)) target="_blank" rel="noopener" { (document.title()) " (opens in a new tab)" }
                            } @else { (document.title()) }
                        }
                        td { (what_to_do(document)) }
                        td {
                            @if document.is_uploaded() {
                                form method="post" action=(to(number)) enctype="multipart/form-data" {
                                    label for={ "file-" (number) } { "File for " (document.title()) }
                                    input id={ "file-" (number) } name="file" type="file" required
                                        accept=".pdf,.txt,application/pdf,text/plain";
                                    button.quiet type="submit" {
                                        @if run.original.is_some() { "Upload another" } @else { "Upload" }
                                    }
                                }
                            }
                            @if run.is_viewed { "Viewed" } @else if document.action == Some(Action::View) {
                                form method="post" action={ "/signicat/task/" (session) "/viewed" } {
                                    button.quiet type="submit" name="document" value=(number) {
                                        "I have read " (document.title())
                                    }
                                }
                            } @else if document.is_uploaded() && run.original.is_some() { "Uploaded" }
                        }
                    }
                }
            }
        }
    }
}

fn what_to_do(document: &TaskDocument) -> &'static str {
    match (document.action, document.is_uploaded()) {
        (Some(Action::Sign), false) => "Sign",
        (Some(Action::Sign), true) => "Upload and sign",
        (Some(Action::Upload), _) => "Upload",
        _ => "Read",
    }
}

fn signing(task: &Task, order: &Order, index: usize, action: &str) -> Markup {
    let missing = order.missing(index);
    let name = if task.signs() { "Sign" } else { "Finish" };
    html! {
        h2 { (name) }
        @if let Some(text) = task.sign_text.as_ref().filter(|_| task.signs()) { p { (text) } }
        form method="post" action=(action) {
            @if task.signs() && !task.methods().is_empty() {
                label for="method" { "Sign with" }
                select #method name="method" {
                    @for method in task.methods() {
                        option value=(method_name(method)) {
                            (method_name(method)) @if method.handwritten == Some(true) && method.name.is_some() { ", then by hand" }
                        }
                    }
                }
            }
            @if let Some(missing) = missing { p #why-not { (capitalised(&missing.to_string())) "." } }
            div {
                button type="submit" disabled[missing.is_some()] aria-describedby=[missing.map(|_| "why-not")] { (name) }
            }
        }
    }
}

fn forwarding(action: &str) -> Markup {
    html! {
        details {
            summary { "Forward to someone else" }
            form method="post" action=(action) {
                label for="recipient" { "Name" }
                input #recipient name="name" type="text" required maxlength=(MAX_SIGNER_NAME) autocomplete="off";
                label for="email" { "E-mail address" }
                input #email name="email" type="email" required autocomplete="off";
                label for="mobile" { "Phone number (optional)" }
                input #mobile name="mobile" type="tel" autocomplete="off";
                div {
                    button.quiet type="submit" name="who" value="someone_else" { "Someone else signs" }
                    button.quiet type="submit" name="who" value="both" { "Both of us sign" }
                }
            }
        }
    }
}

fn dialog(task: &Task) -> Markup {
    let message = task.dialog.as_ref().and_then(|dialog| dialog.message.as_ref());
    html! { @if let Some(message) = message { @for line in message.lines() { p { (line) } } } }
}

fn title(task: &Task) -> String {
    let dialog = task.dialog.as_ref().and_then(|dialog| dialog.title.clone());
    let first = || task.documents().first().map_or("documents", TaskDocument::title).to_owned();
    dialog.filter(|title| !title.trim().is_empty()).unwrap_or_else(|| format!("Sign {}", first()))
}

fn documents_in_words(task: &Task) -> String {
    match task.documents().len() {
        1 => "There is 1 document for you.".to_owned(),
        many => format!("There are {many} documents for you."),
    }
}

/// A task that is there, and at which nothing can be done now.
fn not_open(task: &Task, refusal: Refusal) -> Response {
    let body = html! { div.message role="status" tabindex="-1" autofocus { p { (capitalised(&refusal.to_string())) "." } } };
    page(StatusCode::CONFLICT, &title(task), &body)
}

fn link_is_dead() -> Response {
    let body = html! {
        p { "The link is wrong, or the order behind it was deleted. Ask whoever sent you the link." }
    };
    page(StatusCode::NOT_FOUND, "This link does not work", &body)
}

/// Focused when the page opens, so that it is read out first.
fn alert(error: &PortalError) -> Markup {
    html! { div.message.error role="alert" tabindex="-1" autofocus { p { (capitalised(&error.to_string())) "." } } }
}

fn marks(error: Option<&PortalError>) -> (StatusCode, &'static str) {
    match error {
        None => (StatusCode::OK, ""),
        Some(PortalError::Refused(_)) => (StatusCode::CONFLICT, "Error: "),
        Some(PortalError::Name | PortalError::Recipient | PortalError::File(_)) => {
            (StatusCode::UNPROCESSABLE_ENTITY, "Error: ")
        }
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
