//! What the visitor sees. Plain HTML, for keyboards and screen readers too, without scripts.

use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use esign::{Button, RecordVerification};
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("style.css");

pub(crate) fn start(document: &str, prescribed: Option<&Button>) -> Response {
    let body = html! {
        p { "You are asked to sign " a href="/document.pdf" { (document) " (PDF)" } ". Read it first." }
        (button(prescribed))
        p.hint { "You go to the signing page now, and come back here afterwards." }
    };
    page(StatusCode::OK, "Sign your document", &body)
}

pub(crate) fn nothing() -> Response {
    let body = html! {
        p { "No signing was begun in this browser." }
        (begin())
    };
    page(StatusCode::OK, "Nothing to see yet", &body)
}

pub(crate) fn waiting() -> Response {
    let body = html! {
        div.message role="status" { p { "The document is not signed yet, as far as we were told." } }
        p { "If you have just signed it, this takes a few seconds: " a href="/signing" { "look again" } "." }
        p { "If you have not, you can begin anew." }
        (begin())
    };
    page(StatusCode::OK, "Waiting for your signature", &body)
}

pub(crate) fn ended(how: &str) -> Response {
    let body = html! {
        div.message role="status" { p { "This signing has ended: " (how) "." } }
        (begin())
    };
    page(StatusCode::OK, "Not signed", &body)
}

pub(crate) fn signed(checked: &RecordVerification) -> Response {
    let body = html! {
        @if checked.is_good() {
            div.message.good role="status" {
                p { "It is the document that was sent, and every signature in it is valid." }
            }
        } @else {
            div.message.bad role="alert" {
                p { "Do not rely on this document:" }
                ul { @for problem in &checked.problems { li { (problem) } } }
            }
        }
        h2 #signatures { "Signatures" }
        table aria-labelledby="signatures" {
            thead { tr { th scope="col" { "By" } th scope="col" { "At" } th scope="col" { "Level" } th scope="col" { "Verdict" } } }
            tbody {
                @for signature in &checked.report.signatures {
                    @let name = signature.signer.as_ref().and_then(|signer| signer.common_name.as_ref());
                    @let at = signature.timestamp.as_ref().and_then(|timestamp| timestamp.time);
                    tr {
                        th scope="row" { (name.map_or("unknown", |name| name.expose())) }
                        td { @if let Some(at) = at { (at.strftime("%-d %B %Y, %H:%M:%S UTC")) } @else { "unknown" } }
                        td { (signature.level.as_str()) }
                        td { (format!("{:?}", signature.verdict)) }
                    }
                }
            }
        }
        h2 { "Document" }
        p { a href="/signing/document.pdf" { "Open the signed document (PDF)" } }
        object data="/signing/document.pdf" type="application/pdf" aria-label="The signed document" {
            p { "Your browser cannot show it here; open it by the link above." }
        }
    };
    page(StatusCode::OK, "Signed", &body)
}

pub(crate) fn problem(status: StatusCode, words: &str) -> Response {
    let body = html! {
        div.message.bad role="alert" { p { (words) } }
        (begin())
    };
    page(status, "That did not work", &body)
}

fn begin() -> Markup {
    html! { p { a href="/" { "To the document" } } }
}

/// The link to the signing page is nowhere in this page: only who presses the button is led to it.
///
/// Where the provider prescribes a button, as Singpass does, it is that one: words and colours from the configuration, at least
/// 16 px, Poppins in bold where the visitor has it. Put the official picture in (see the README).
fn button(prescribed: Option<&Button>) -> Markup {
    html! {
        form method="post" action="/sign" {
            @if let Some(Button { label, spoken, fill, text, border, .. }) = prescribed {
                @let style = format!("background: {fill}; border: 1px solid {border}; color: {text}");
                button.prescribed type="submit" style=(style) aria-label=[spoken.as_deref()] { (label) }
            } @else {
                button type="submit" { "Sign" }
            }
        }
    }
}

fn page(status: StatusCode, title: &str, body: &Markup) -> Response {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { main { h1 { (title) } (body) } }
        }
    };
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-src 'self'; base-uri 'none'; \
             frame-ancestors 'none'",
        ),
    ];
    (status, headers, Html(markup.into_string())).into_response()
}
