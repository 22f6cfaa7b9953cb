//! Pages for people: plain HTML that works with a keyboard, a screen reader and without scripts.

mod home;
mod play;

use std::sync::Arc;

use axum::Router;

use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::shared::Shared;
use crate::signicat::SignicatControl;
use crate::signify::SignifyControl;
use crate::singpass::SingpassControl;
use crate::txn::TxnControl;

/// What the overview shows, and acts on.
#[derive(Clone)]
pub(crate) struct Rooms {
    pub(crate) shared: Arc<Shared>,
    pub(crate) signicat: SignicatControl,
    pub(crate) signify: SignifyControl,
    pub(crate) singpass: SingpassControl,
    pub(crate) txn: TxnControl,
}

pub(crate) fn router<S: Clone + Send + Sync + 'static>(rooms: Rooms) -> Router<S> {
    home::router().merge(play::router()).with_state(rooms)
}

const STYLE: &str = include_str!("style.css");

/// What is said on every page, and in every message: nobody may take the sandbox for the real thing.
pub(crate) const NOTICE: &str =
    "Sandbox: a simulation for tests. Signatures made here are not legal signatures.";

/// A whole page: the notice, the title as its only first-level heading, `body` as its main part.
pub(crate) fn page(status: StatusCode, title: &str, body: &Markup) -> Response {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                title { (title) " | esign sandbox" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                header {
                    p.notice role="note" { strong { (NOTICE) } }
                    nav aria-label="Sandbox" {
                        a href="/" { "Overview" } " "
                        a href="/mailbox" { "Mailbox" }
                    }
                }
                main #main tabindex="-1" {
                    h1 { (title) }
                    (body)
                }
            }
        }
    };
    let headers = [
        // Links to sign are secrets: they must not reach caches, nor other sites by the referrer.
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-src 'self'; base-uri 'none'",
        ),
    ];
    (status, headers, Html(markup.into_string())).into_response()
}

/// A moment as people read it, and as programs do.
pub(crate) fn moment(at: Timestamp) -> Markup {
    html! { time datetime=(at) { (at.strftime("%-d %B %Y, %H:%M:%S UTC")) } }
}

/// The answer to an address where nothing is.
pub(crate) async fn not_found() -> Response {
    let body = html! {
        p { "The sandbox has nothing at this address. The " a href="/" { "overview" } " lists what there is." }
    };
    page(StatusCode::NOT_FOUND, "Not found", &body)
}
