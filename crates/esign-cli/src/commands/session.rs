//! A page on this machine with the button that leads to the signing page: for links that work in one open browser session
//! and may not be passed on. Such a link works for a limited time from when the request is sent, so that is done when the button
//! is pressed, and not before.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State as Shared;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use esign::{
    Button, Capabilities, Client, Delivery, ErrorKind, Handle, SecretUrl, SignRequest, State, Step,
    Submission, Wait,
};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::sandbox::stopped;
use crate::failure::Failure;
use crate::files::renew_handle;
use crate::local::for_this_machine;
use crate::output::{Mark, Output};

const STYLE: &str = "body { background: #fff; color: #222; font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; \
max-width: 40rem; padding: 0 1rem } button { border-radius: .25rem; cursor: pointer; \
font: bold 16px Poppins, system-ui, sans-serif; padding: .75rem 1.5rem } button img { display: block } \
:focus-visible { outline: 3px solid #1a73e8; outline-offset: 2px }";

/// How long the last answers of a page may take to go out.
const GRACE: Duration = Duration::from_secs(2);

/// Listens on this machine only, under addresses that nobody can guess.
pub(super) struct SessionPage {
    listener: TcpListener,
    look: Look,
}

/// What a page looks like.
struct Look {
    button: Option<Button>,
    /// Media type and bytes of the button's picture.
    logo: Option<(&'static str, Vec<u8>)>,
}

/// A page that is being served.
pub(super) struct OpenPage {
    /// Each signer's key, and the address of that signer's page.
    pub(super) addresses: Vec<(String, String)>,
    desk: Arc<PageDesk>,
    server: JoinHandle<()>,
}

/// What pages and command tell each other.
struct PageDesk {
    look: Look,
    pressed: Notify,
    stage: watch::Sender<Stage>,
    closed: Notify,
}

/// How far it is.
enum Stage {
    /// Nothing is sent.
    Ready,
    /// Each signer's link, in the order of the pages.
    Sent(Vec<Option<SecretUrl>>),
    /// It could not be sent, or is over: in words.
    Over(&'static str),
}

/// Why a page is no longer served.
pub(super) enum Closed {
    /// The request has ended so.
    Ended(State),
    /// The process was told to stop. The signer may sign later.
    Stopped,
}

impl SessionPage {
    /// A page, where this way of reaching signers needs one.
    pub(super) async fn bind_for(delivery: Delivery, can: &Capabilities) -> Result<Option<Self>, Failure> {
        if delivery != Delivery::InSessionRedirect {
            return Ok(None);
        }
        let button =
            can.deliveries.iter().find(|way| way.delivery == delivery).and_then(|way| way.button.clone());
        let look = Look { logo: button.as_ref().map(logo).transpose()?.flatten(), button };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener =
            listener.map_err(|e| Failure::usage(format!("cannot serve the page with the button: {e}")))?;
        Ok(Some(Self { listener, look }))
    }

    /// Serves a page for each signer, until it is closed.
    pub(super) fn serve(self, request: &SignRequest) -> Result<OpenPage, Failure> {
        let broken =
            |e: std::io::Error| Failure::usage(format!("cannot serve the page with the button: {e}"));
        let address = self.listener.local_addr().map_err(broken)?;
        let desk = Arc::new(PageDesk {
            look: self.look,
            pressed: Notify::new(),
            stage: watch::Sender::new(Stage::Ready),
            closed: Notify::new(),
        });
        let mut router = Router::new();
        let mut addresses = Vec::new();
        for (i, signer) in request.signers.iter().enumerate() {
            let path = format!("/{}", Uuid::new_v4().simple());
            addresses.push((signer.key.clone(), format!("http://{address}{path}")));
            let shown = path.clone();
            router = router
                .route(
                    &path,
                    get(move |Shared(desk): Shared<Arc<PageDesk>>| async move { desk.show(&shown) }),
                )
                .route(
                    &format!("{path}/logo"),
                    get(|Shared(desk): Shared<Arc<PageDesk>>| async move { desk.logo() }),
                )
                .route(
                    &format!("{path}/sign"),
                    post(move |Shared(desk): Shared<Arc<PageDesk>>| async move { desk.press(i).await }),
                );
        }
        let closed = Arc::clone(&desk);
        let serving = axum::serve(self.listener, for_this_machine(router.with_state(Arc::clone(&desk))))
            .with_graceful_shutdown(async move { closed.closed.notified().await });
        // It ends with an error only if the listener breaks, which then shows as a page that does not answer.
        let server = tokio::spawn(async move { serving.await.unwrap_or_default() });
        Ok(OpenPage { addresses, desk, server })
    }
}

impl OpenPage {
    /// Waits for the button; false if the process is told to stop before.
    pub(super) async fn pressed(&self) -> bool {
        tokio::select! {
            () = self.desk.pressed.notified() => true,
            () = stopped() => false,
        }
    }

    /// Leads each signer to the link, from now on.
    pub(super) fn lead_on(&self, submission: &Submission) {
        let links = self.addresses.iter().map(|(signer, _)| {
            submission.next_steps.iter().find_map(|next| match &next.step {
                Step::OpenLink { url, .. } if next.signer == *signer => Some(url.clone()),
                _ => None,
            })
        });
        self.desk.stage.send_replace(Stage::Sent(links.collect()));
    }

    /// Says that it is over, and ends once the last answers are out.
    pub(super) async fn close(self, client: &Client, words: &'static str) {
        self.desk.stage.send_replace(Stage::Over(words));
        self.desk.closed.notify_one();
        let clock = client.clock();
        tokio::select! {
            _ = self.server => {}
            () = clock.sleep_until(clock.monotonic() + GRACE) => {}
        }
    }
}

impl PageDesk {
    fn show(&self, path: &str) -> Response {
        match &*self.stage.borrow() {
            Stage::Over(words) => page(StatusCode::OK, &self.look, &html! { p role="status" { (words) } }),
            Stage::Ready | Stage::Sent(_) => page(StatusCode::OK, &self.look, &self.look.form(path)),
        }
    }

    fn logo(&self) -> Response {
        match &self.look.logo {
            Some((media_type, picture)) => {
                ([(header::CONTENT_TYPE, *media_type)], picture.clone()).into_response()
            }
            None => StatusCode::NOT_FOUND.into_response(),
        }
    }

    /// The first press sends; each one leads on.
    async fn press(&self, signer: usize) -> Response {
        self.pressed.notify_one();
        let mut stages = self.stage.subscribe();
        let Ok(stage) = stages.wait_for(|stage| !matches!(stage, Stage::Ready)).await else {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        };
        let words = match &*stage {
            Stage::Sent(links) => match links.get(signer).and_then(Option::as_ref) {
                Some(link) => return lead_to(link.expose().as_str()),
                None => "The signing service has given no link for you: see the terminal.",
            },
            Stage::Over(words) => words,
            Stage::Ready => "Please try again.",
        };
        page(StatusCode::BAD_GATEWAY, &self.look, &html! { p role="alert" { (words) } })
    }
}

impl Look {
    /// The link is not in the page: only who presses the button is led to it.
    fn form(&self, path: &str) -> Markup {
        html! {
            p { "The button leads to the signing page. Sign there soon: from then on it is open for a limited time." }
            form method="post" action=(format!("{path}/sign")) {
                @match &self.button {
                    Some(button) => {
                        button type="submit" aria-label=[button.spoken.as_deref()] {
                            @if self.logo.is_some() { img src=(format!("{path}/logo")) alt=(button.label); }
                            @else { (button.label) }
                        }
                    }
                    None => button type="submit" { "Go to the signing page" }
                }
            }
        }
    }

    fn style(&self) -> String {
        let own = match &self.button {
            Some(Button { fill, text, border, .. }) => {
                format!("button {{ background: {fill}; border: 1px solid {border}; color: {text} }}")
            }
            None => "button { background: #FFFFFF; border: 1px solid #767676; color: #222 }".to_owned(),
        };
        format!("{STYLE} {own}")
    }
}

/// The picture of a button, if it has one.
fn logo(button: &Button) -> Result<Option<(&'static str, Vec<u8>)>, Failure> {
    let Some(file) = &button.logo else { return Ok(None) };
    let svg = file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("svg"));
    let picture = std::fs::read(file).map_err(|e| Failure::file("read", file, &e))?;
    Ok(Some((if svg { "image/svg+xml" } else { "image/png" }, picture)))
}

/// Waits until a request has ended, or the process is told to stop. Answers that cannot be used are told and looked over: the
/// link that the signer has would be lost with this process.
pub(super) async fn ended(
    client: &Client,
    handle: &Handle,
    keep: Option<&Path>,
    wait: Wait,
    output: &Output,
) -> Result<Closed, Failure> {
    let poll = Duration::from_secs(client.capabilities(handle.instance()).map_or(5, |can| can.poll_interval));
    let clock = client.clock();
    let mut told = String::new();
    let waiting = async {
        loop {
            let renewed = client.wait(handle, wait, |report| {
                // Beside the old one, which works as well.
                if let (Some(path), Some(newer)) = (keep, &report.new_handle)
                    && let Err(failure) = renew_handle(path, Some(newer))
                {
                    output.say(Mark::Warning, failure);
                }
            });
            let error = match renewed.await {
                Ok(report) => return Ok(report.state()),
                Err(error) => error,
            };
            if matches!(error.kind(), ErrorKind::BadHandle | ErrorKind::Config | ErrorKind::Secret) {
                return Err(error);
            }
            let words = format!("looking again: {error}");
            if words != told {
                output.say(Mark::Warning, &words);
                told = words;
            }
            clock.sleep_until(clock.monotonic() + wait.every.unwrap_or(poll)).await;
        }
    };
    tokio::select! {
        state = waiting => {
            let state = state?;
            output.say(Mark::from(state == State::Completed), format!("it ended {state}"));
            Ok(Closed::Ended(state))
        }
        () = stopped() => Ok(Closed::Stopped),
    }
}

fn page(status: StatusCode, look: &Look, body: &Markup) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Sign your document" }
                style { (PreEscaped(look.style())) }
            }
            body { main { h1 { "Sign your document" } (body) } }
        }
    };
    let policy = (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; frame-ancestors 'none'",
    );
    (status, private(), [policy], Html(page.into_string())).into_response()
}

fn lead_to(link: &str) -> Response {
    (StatusCode::SEE_OTHER, private(), [(header::LOCATION, link)]).into_response()
}

fn private() -> [(header::HeaderName, &'static str); 2] {
    [(header::CACHE_CONTROL, "no-store"), (header::REFERRER_POLICY, "no-referrer")]
}
