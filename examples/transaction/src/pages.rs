//! What the visitor sees.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use esign::txn::Page;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::payments::Payment;

/// For pages that have nothing of Singpass's in them.
const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The form; with what was typed before, if that was no payment.
pub(crate) fn start(wrong: Option<(&str, &str)>) -> Response {
    let (amount, account) = wrong.unwrap_or(("10.00", ""));
    let invalid = wrong.map(|_| "true");
    let body = html! {
        @if wrong.is_some() {
            div.message.bad role="alert" tabindex="-1" autofocus {
                p { "This is no payment: give an amount such as 10.00, and an account of 6 to 20 digits and hyphens." }
            }
        }
        form method="post" action="/payments" {
            label for="amount" { "Amount in SGD" }
            input #amount name="amount" type="text" inputmode="decimal" required value=(amount) aria-invalid=[invalid];
            label for="account" { "To account" }
            input #account name="account" type="text" inputmode="numeric" required autocomplete="off" value=(account)
                aria-invalid=[invalid];
            button type="submit" { "Continue" }
        }
        p.hint { "You approve the payment in the Singpass app on the next page." }
    };
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    page(status, "Make a payment", &body, POLICY)
}

/// The snippet brings its own script, and the policy that allows it and Singpass's.
pub(crate) fn approve(snippet: &Page) -> Response {
    let body = html! {
        (PreEscaped(snippet.html()))
        p { a href="/" { "Another payment" } }
    };
    page(StatusCode::OK, "Approve your payment", &body, &snippet.content_security_policy())
}

pub(crate) fn receipt(payment: &Payment) -> Response {
    let body = html! {
        div.message.good role="status" { p { "Your payment is approved, and Singpass's answer is verified." } }
        dl {
            dt { "Payment" } dd { (payment.text) }
            dt { "Transaction" } dd { code { (payment.id) } }
            @if let Some(approved) = &payment.approved {
                dt { "Hash of both" } dd { code { (approved.hash) } }
                dt { "Approved by" } dd { code { (approved.by) } }
                dt { "At" } dd { (approved.at.strftime("%-d %B %Y, %H:%M:%S UTC")) }
            }
        }
        p { a href="/" { "Another payment" } }
    };
    page(StatusCode::OK, "Payment approved", &body, POLICY)
}

/// The state is not this session's, or was used before, or came too late; or Singpass's answer is not about this payment.
pub(crate) fn refused() -> Response {
    problem(
        StatusCode::FORBIDDEN,
        "This does not approve anything: it is not of this browser, was used already, or came too late.",
    )
}

pub(crate) fn unproved() -> Response {
    problem(
        StatusCode::BAD_GATEWAY,
        "Singpass's answer did not arrive, so nothing is proved and nothing was paid. Please approve the payment once more.",
    )
}

/// Nothing came of it: the same address can be tried again.
pub(crate) fn again() -> Response {
    problem(StatusCode::SERVICE_UNAVAILABLE, "Singpass could not be reached. Please reload this page.")
}

pub(crate) fn not_found() -> Response {
    problem(StatusCode::NOT_FOUND, "There is no such payment for this browser.")
}

pub(crate) fn broken() -> Response {
    problem(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong here. Please try again.")
}

pub(crate) async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("style.css")).into_response()
}

fn problem(status: StatusCode, words: &str) -> Response {
    let body = html! {
        div.message.bad role="alert" { p { (words) } }
        p { a href="/" { "Another payment" } }
    };
    page(status, "That did not work", &body, POLICY)
}

fn page(status: StatusCode, title: &str, body: &Markup, policy: &str) -> Response {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                link rel="stylesheet" href="/style.css";
            }
            body { main { h1 { (title) } (body) } }
        }
    };
    let mut response = (status, Html(markup.into_string())).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // The address that the browser came back to has one-time values in it.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    match HeaderValue::from_str(policy) {
        Ok(policy) => headers.insert(header::CONTENT_SECURITY_POLICY, policy),
        Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    response
}
