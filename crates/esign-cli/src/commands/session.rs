//! A page on this machine with the button that leads to the signing page: for links that work in one open browser session
//! and may not be passed on.

use std::net::Ipv4Addr;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use esign::{Client, Delivery, Handle, State, Step, Submission, Wait};
use maud::{DOCTYPE, PreEscaped, html};
use serde_json::json;
use tokio::net::TcpListener;
use uuid::Uuid;

use super::sandbox::stopped;
use super::send::summary;
use crate::failure::Failure;
use crate::files::Papers;
use crate::output::{Mark, Output};

/// White and 16 px, as the guidelines for the button want it; their font, Poppins, is not ours to bring and may be replaced
/// by a sans-serif of one's own.
const STYLE: &str = "body { background: #fff; color: #222; font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; \
max-width: 40rem; padding: 0 1rem } button { background: #FFFFFF; border: 1px solid #767676; border-radius: .25rem; \
color: #222; cursor: pointer; font: bold 16px Poppins, system-ui, sans-serif; padding: .75rem 1.5rem } \
:focus-visible { outline: 3px solid #1a73e8; outline-offset: 2px }";

/// Listens on this machine only, under an address that nobody can guess.
pub(super) struct SessionPage(TcpListener);

/// Why a page is no longer served.
pub(super) enum Closed {
    /// The request has ended so.
    Ended(State),
    /// The process was told to stop. The signer may sign later.
    Stopped,
}

impl SessionPage {
    /// A page, where this way of reaching signers needs one.
    pub(super) async fn bind_for(delivery: Delivery) -> Result<Option<Self>, Failure> {
        if delivery == Delivery::InSessionRedirect { Self::bind().await.map(Some) } else { Ok(None) }
    }

    async fn bind() -> Result<Self, Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        listener.map(Self).map_err(|e| Failure::usage(format!("cannot serve the page with the button: {e}")))
    }

    /// Serves until the request has ended or the process is told to stop.
    pub(super) async fn serve(
        self,
        client: &Client,
        submission: &Submission,
        wait: Wait,
        papers: &Papers,
        output: &Output,
    ) -> Result<Closed, Failure> {
        let unusable = |e: std::io::Error| Failure::usage(format!("the page with the button broke off: {e}"));
        let address = self.0.local_addr().map_err(unusable)?;
        let mut router = Router::new();
        let mut steps = Vec::new();
        let mut words = String::new();
        // The one provider whose button has a prescribed text.
        let singpass = submission.handle.kind().as_str() == "singpass";
        for step in &submission.next_steps {
            let Step::OpenLink { url, open_before, .. } = &step.step else { continue };
            let path = format!("/{}", Uuid::new_v4().simple());
            let page = format!("http://{address}{path}");
            let (link, shown) = (url.expose().to_string(), path.clone());
            router = router
                .route(&path, get(move || async move { button(&shown, singpass) }))
                .route(&format!("{path}/sign"), post(move || async move { lead_to(&link) }));
            words += &format!("{}: open {page} in your browser\n", step.signer);
            let until = open_before.map(|at| at.to_string());
            steps.push(
                json!({ "signer": step.signer, "step": "open_page", "url": page, "open_before": until }),
            );
        }
        output.answer(&summary(submission, papers, &steps), || words);
        output.plain(format!(
            "The page stays until it is signed (Ctrl-C ends it); keep {} secret.",
            papers.handle().display()
        ));
        tokio::select! {
            served = axum::serve(self.0, router).into_future() => {
                served.map(|()| Closed::Stopped).map_err(unusable)
            }
            closed = ended(client, &submission.handle, wait, output) => closed,
        }
    }
}

/// Waits until a request has ended, or the process is told to stop.
pub(super) async fn ended(
    client: &Client,
    handle: &Handle,
    wait: Wait,
    output: &Output,
) -> Result<Closed, Failure> {
    tokio::select! {
        report = client.wait(handle, wait, |_| {}) => {
            let state = report?.state();
            output.say(Mark::from(state == State::Completed), format!("it ended {state}"));
            Ok(Closed::Ended(state))
        }
        () = stopped() => Ok(Closed::Stopped),
    }
}

/// The link is not in the page: only who presses the button is led to it.
fn button(path: &str, singpass: bool) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Sign your document" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { "Sign your document" }
                    p { "The button leads to the signing page. Sign there soon: the page is open for a limited time." }
                    form method="post" action=(format!("{path}/sign")) {
                        button type="submit" {
                            @if singpass {
                                "Sign with " span role="img" aria-label="Sing pass" { "Singpass" }
                            } @else {
                                "Go to the signing page"
                            }
                        }
                    }
                }
            }
        }
    };
    let policy = (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    );
    (private(), [policy], Html(page.into_string())).into_response()
}

fn lead_to(link: &str) -> Response {
    (StatusCode::SEE_OTHER, private(), [(header::LOCATION, link)]).into_response()
}

fn private() -> [(header::HeaderName, &'static str); 2] {
    [(header::CACHE_CONTROL, "no-store"), (header::REFERRER_POLICY, "no-referrer")]
}
