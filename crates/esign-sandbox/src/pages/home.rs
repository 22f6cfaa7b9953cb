//! The addresses for clients and scripts, and the mailbox at `/mailbox`.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};

use super::{Rooms, moment, page};
use crate::shared::Shared;
use crate::{documenso, signicat, signify, singpass, txn};

pub(super) fn router() -> Router<Rooms> {
    Router::new().route("/mailbox", get(mailbox))
}

/// Where clients, people and scripts find what.
pub(super) fn addresses(shared: &Shared) -> Markup {
    html! {
        h2 { "Services" }
        table {
            thead { tr { th scope="col" { "Service" } th scope="col" { "Base URL for clients" } } }
            tbody {
                tr { th scope="row" { "Documenso" } td { code { (shared.url(documenso::BASE_PATH)) } } }
                tr { th scope="row" { "Sign with Singpass" } td { code { (shared.url(singpass::BASE_PATH)) } } }
                tr { th scope="row" { "Singpass's keys" } td { code { (shared.url(singpass::JWKS_PATH)) } } }
                tr { th scope="row" { "Transaction signing" } td { code { (shared.url(txn::BASE_PATH)) } } }
                tr { th scope="row" { "Its script for pages" } td { code { (shared.url(txn::SCRIPT_PATH)) } } }
                tr { th scope="row" { "Signicat Sign API" } td { code { (shared.url(signicat::BASE_PATH)) } } }
                tr { th scope="row" { "Its tokens" } td { code { (shared.url(signicat::TOKEN_PATH)) } } }
                tr { th scope="row" { "Signify" } td { code { (shared.url(signify::BASE_PATH)) } } }
            }
        }
        h2 { "For people" }
        ul { li { a href="/mailbox" { "Mailbox" } ": the messages that the services would have sent" } }
        h2 { "For scripts" }
        ul {
            @for (path, what) in [
                ("/_sandbox", "state: clock, operations with their number of calls"),
                ("/_sandbox/root.pem", "the root certificate of every signature made here"),
                ("/_sandbox/clock", "the time; POST advances it"),
                ("/_sandbox/faults", "planned faults; POST adds one"),
                ("/_sandbox/calls", "the calls received"),
                ("/_sandbox/mailbox", "the mailbox as JSON"),
                ("/_sandbox/documenso", "Documenso: settings and envelopes"),
                ("/_sandbox/signicat", "Signicat: settings, clients and orders"),
                ("/_sandbox/signify", "Signify: settings and documents"),
                ("/_sandbox/singpass", "Sign with Singpass: settings, clients and sign requests"),
                ("/_sandbox/txn", "transaction signing: settings, clients and sessions"),
            ] {
                li { a href=(path) { code { (path) } } ": " (what) }
            }
        }
    }
}

async fn mailbox(State(rooms): State<Rooms>) -> Response {
    let messages = rooms.shared.mailbox.all();
    let body = html! {
        p { "Nothing leaves the sandbox: these are the messages that the services would have sent, newest first." }
        @if messages.is_empty() { p { "No messages yet." } }
        @for message in messages.iter().rev() {
            article {
                h2 { (message.subject) }
                p { "To " strong { (message.to) } ", from " (message.service) ", " (moment(message.at)) }
                @for line in message.text.lines() { p { (line) } }
                @if let Some(link) = &message.link { p { a href=(link) { "Open: " (message.subject) } } }
            }
        }
    };
    page(StatusCode::OK, "Mailbox", &body)
}
