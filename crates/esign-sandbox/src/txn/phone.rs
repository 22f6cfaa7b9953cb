//! What the QR code leads to: the Singpass app, played by a page. Opening it is the scan.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;
use uuid::Uuid;

use super::store::{Refusal, Session, Status};
use super::{Txn, describe, params};
use crate::pages::{moment, page};

pub(super) fn router<S: Clone + Send + Sync + 'static>(txn: &Arc<Txn>) -> Router<S> {
    Router::new()
        .route("/singpass/txn/{phone}", get(scan).post(decide))
        .route("/singpass/app", get(download))
        .with_state(txn.clone())
}

/// The form of the page. A script may leave `sub` out.
#[derive(Deserialize)]
struct Decision {
    #[serde(default)]
    decision: String,
    #[serde(default)]
    sub: String,
}

async fn scan(State(txn): State<Arc<Txn>>, Path(phone): Path<String>) -> Response {
    let now = txn.now();
    // What is over shows as what it came to.
    let _ = txn.lock().store.scan(&phone, now);
    show(&txn, &phone, None)
}

async fn decide(
    State(txn): State<Arc<Txn>>,
    Path(phone): Path<String>,
    Form(form): Form<Decision>,
) -> Response {
    let now = txn.now();
    let decided = match (form.decision.as_str(), who(&form.sub)) {
        ("approve", Ok(by)) => txn.approve(&phone, by).map_err(Wrong::Refused),
        ("decline", _) => txn.lock().store.decline(&phone, now).map_err(Wrong::Refused),
        ("approve", Err(wrong)) => Err(wrong),
        _ => Err(Wrong::Decision),
    };
    if let Err(wrong) = decided {
        return show(&txn, &phone, Some((&wrong, &form.sub)));
    }
    let state = txn.lock();
    let session = state.store.by_phone(&phone).filter(|session| session.status(now) == Status::Authorised);
    match session.and_then(|session| session.app_launch_url.as_ref()) {
        Some(app) => Redirect::to(app.as_str()).into_response(),
        None => Redirect::to(&format!("/singpass/txn/{phone}")).into_response(),
    }
}

fn who(sub: &str) -> Result<Option<Uuid>, Wrong> {
    match sub.trim() {
        "" => Ok(None),
        sub => params::user_id(sub).map(Some).ok_or(Wrong::Sub),
    }
}

/// Why the decision did not count.
#[derive(Debug, thiserror::Error)]
enum Wrong {
    #[error("{}", describe(*.0))]
    Refused(Refusal),
    #[error("the Singpass id must be a UUID of version 4, such as 2bbb6a4d-8d32-4d8e-a8b5-1d4b0e2a5f00")]
    Sub,
    #[error("decision must be approve or decline")]
    Decision,
}

fn show(txn: &Txn, phone: &str, wrong: Option<(&Wrong, &str)>) -> Response {
    let state = txn.lock();
    let Some(session) = state.store.by_phone(phone) else {
        let body =
            html! { p { "The QR code is of another sandbox, or of one that was started again since." } };
        return page(StatusCode::NOT_FOUND, "This QR code does not work", &body);
    };
    let status = session.status(txn.now());
    let body = html! {
        @match status {
            Status::Created | Status::Challenged => {
                @if let Some((wrong, _)) = wrong { (alert(&wrong.to_string())) }
                p { strong { (session.client_id) } " asks you to approve this transaction:" }
                (transaction(session))
                p { "You can decide until " (moment(session.expires_at)) "." }
                (form(txn, session, wrong))
            }
            Status::Authorised => (over("You have approved. The page that showed the QR code goes on by itself.", session)),
            Status::Declined => (over("You have declined. Nothing was signed.", session)),
            Status::Expired => (over("Its time is over. Start again on the page that showed the QR code.", session)),
        }
    };
    let (code, mark) = match wrong {
        None => (StatusCode::OK, ""),
        Some((Wrong::Refused(_), _)) => (StatusCode::CONFLICT, "Error: "),
        Some(_) => (StatusCode::UNPROCESSABLE_ENTITY, "Error: "),
    };
    page(code, &format!("{mark}{}", title(status)), &body)
}

fn title(status: Status) -> &'static str {
    match status {
        Status::Created | Status::Challenged => "Approve a transaction",
        Status::Authorised => "Transaction approved",
        Status::Declined => "Transaction declined",
        Status::Expired => "Transaction expired",
    }
}

fn transaction(session: &Session) -> Markup {
    html! {
        blockquote.instructions { (session.info.instructions) }
        p { "Transaction " code { (session.info.txn_id) } }
    }
}

fn form(txn: &Txn, session: &Session, wrong: Option<(&Wrong, &str)>) -> Markup {
    let expected = session.info.sub.unwrap_or(txn.anybody).to_string();
    let (sub, invalid) = match wrong {
        Some((_, sub)) => (sub, Some("true")),
        None => (expected.as_str(), None),
    };
    html! {
        form method="post" {
            label for="sub" { "Your Singpass id" }
            p #sub-help {
                "The real app knows who you are. Here any UUID of version 4 will do"
                @if session.info.sub.is_some() { "; the transaction is for the person shown" }
                "."
            }
            input #sub name="sub" type="text" autocomplete="off" spellcheck="false" value=(sub)
                aria-describedby="sub-help" aria-invalid=[invalid];
            div {
                button type="submit" name="decision" value="approve" { "Approve" }
                button.quiet type="submit" name="decision" value="decline" { "Decline" }
            }
        }
    }
}

fn over(text: &str, session: &Session) -> Markup {
    html! {
        div.message role="status" tabindex="-1" autofocus { p { (text) } }
        (transaction(session))
    }
}

/// Focused when the page opens, so that it is read out first.
fn alert(text: &str) -> Markup {
    html! { div.message.error role="alert" tabindex="-1" autofocus { p { "This did not work: " (text) "." } } }
}

/// Where the download link of the script leads.
async fn download() -> Response {
    let body = html! {
        p { "In the real service this is where the Singpass app is found. The sandbox needs no app: the QR code, and the \
             link beneath it, lead to a page that plays it." }
    };
    page(StatusCode::OK, "Get the app", &body)
}
