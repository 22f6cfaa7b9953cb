//! `esign place`: a page on this machine where a box is put on a document, by mouse or by keyboard.

mod answer;

use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use esign::facts::PdfFacts;
use esign::pdf::Limits;
use esign::pdf::preview;
use esign::{BoxSupport, Client, Document, Inspector, PdfInspector};
use maud::{DOCTYPE, html};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::sandbox::stopped;
use crate::args::{self, Common};
use crate::failure::{Exit, Failure};
use crate::files::read_bytes;
use crate::local::for_this_machine;
use crate::output::Output;
use crate::settings;
use answer::Place;

/// Pixels per point of the pictures; the browser shows them smaller.
const SCALE: f64 = 2.0;

/// Nothing from elsewhere, nothing inline, and no other page may frame or post to this one.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// How many pages are drawn at a time: each takes megabytes until it is sent.
const DRAWN_AT_A_TIME: usize = 2;

struct Desk {
    client: Client,
    drawing: Semaphore,
    document: Document,
    facts: PdfFacts,
}

/// Serves until the process is told to stop.
pub(crate) async fn run(args: &args::Place, common: &Common, output: &Output) -> Result<Exit, Failure> {
    let content = read_bytes(&args.file)?;
    let facts = PdfInspector::default().inspect(content.clone()).await?;
    let name = args.file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let (client, left_out) = settings::client_or_typical(common).await?;
    settings::tell_left_out(&left_out, output);
    let desk = Arc::new(Desk {
        client,
        drawing: Semaphore::new(DRAWN_AT_A_TIME),
        document: Document::pdf(name, content),
        facts,
    });

    let unusable = |e: std::io::Error| Failure::usage(format!("cannot serve the page: {e}"));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).await.map_err(unusable)?;
    let address = listener.local_addr().map_err(unusable)?;
    // The document is shown to whoever knows the address, so nobody can guess it.
    let secret = Uuid::new_v4().simple().to_string();
    let url = format!("http://{address}/{secret}/");
    output.answer(&json!({ "url": url }), || format!("open {url} in your browser\n"));
    output.plain("The page stays until you press Ctrl-C.");
    tokio::select! {
        served = axum::serve(listener, for_this_machine(router(&secret, desk))).into_future() => served.map(|()| Exit::Good).map_err(unusable),
        () = stopped() => Ok(Exit::Good),
    }
}

fn router(secret: &str, desk: Arc<Desk>) -> Router {
    let script = || async { asset("text/javascript", include_str!("place.js")) };
    let style = || async { asset("text/css", include_str!("place.css")) };
    Router::new()
        .route(&format!("/{secret}/"), get(page))
        .route(&format!("/{secret}/place.js"), get(script))
        .route(&format!("/{secret}/place.css"), get(style))
        .route(&format!("/{secret}/pages/{{number}}"), get(picture))
        .route(&format!("/{secret}/try"), post(answer))
        .with_state(desk)
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    (private(), [(header::CONTENT_TYPE, kind)], text).into_response()
}

async fn picture(State(desk): State<Arc<Desk>>, Path(number): Path<u32>) -> Response {
    let content = desk.document.content().clone();
    // Never closed, so there is always a turn.
    let Ok(_turn) = desk.drawing.acquire().await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let draw = move || preview::page(&content, number, SCALE, &Limits::default());
    match tokio::task::spawn_blocking(draw).await {
        Ok(Ok(picture)) => (private(), [(header::CONTENT_TYPE, "image/png")], picture.png).into_response(),
        Ok(Err(error)) => (StatusCode::NOT_FOUND, private(), error.to_string()).into_response(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, private(), "drawing was broken off").into_response(),
    }
}

async fn answer(State(desk): State<Arc<Desk>>, Json(place): Json<Place>) -> Response {
    match place.answer(&desk.client, &desk.document).await {
        Ok(answer) => (private(), Json(answer)).into_response(),
        Err(error) => {
            let answer = json!({ "error": error.message() });
            (StatusCode::UNPROCESSABLE_ENTITY, private(), Json(answer)).into_response()
        }
    }
}

/// What the script needs to begin with.
fn start(desk: &Desk) -> Value {
    let pages: Vec<_> = desk.facts.pages.iter().map(|page| [page.shown.width, page.shown.height]).collect();
    let mut sizes =
        desk.client.instances().into_iter().filter_map(|(_, can)| match can.placements.box_size {
            BoxSupport::ProviderFixed { drawn, .. } => Some(drawn),
            BoxSupport::Wish { default, .. } => Some(default),
            _ => None,
        });
    let size = sizes.next().map_or([200.0, 50.0], |size| [size.width, size.height]);
    json!({ "pages": pages, "size": size })
}

async fn page(State(desk): State<Arc<Desk>>) -> Response {
    let number = |id: &str, label: &str, step: &str| {
        html! { label { (label) " " input id=(id) type="number" step=(step) autocomplete="off"; } }
    };
    let text = |id: &str, title: &str| {
        html! {
            section {
                h3 id={ (id) "-title" } { (title) }
                pre id=(id) {}
                button type="button" data-copy=(id) aria-describedby={ (id) "-title" } { "Copy " (title) }
            }
        }
    };
    let body = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Place a signature: " (desk.document.name()) }
                link rel="stylesheet" href="place.css";
                script src="place.js" defer {}
            }
            body data-start=(start(&desk).to_string()) {
                header {
                    h1 { "Place a signature" }
                    p {
                        "Drag the box, or focus it and use the keyboard: arrows move it by a point (with Ctrl by ten), "
                        "Shift and arrows resize it, Page Up and Page Down change the page."
                    }
                }
                main {
                    div id="view" {
                        div id="sheet" {
                            img id="picture" alt="";
                            div id="box" tabindex="0" role="application" aria-label="Signature box"
                                aria-describedby="where" {
                                span { "signature" }
                                span id="grip" aria-hidden="true" {}
                            }
                        }
                    }
                    div id="side" {
                        fieldset {
                            legend { "The box, in points from the lower left of the page" }
                            (number("page", "Page", "1"))
                            (number("x", "From the left", "any"))
                            (number("y", "From the bottom", "any"))
                            (number("width", "Width", "any"))
                            (number("height", "Height", "any"))
                            button type="button" id="usual" { "Usual size" }
                        }
                        p id="where" role="status" {}
                        (text("toml", "TOML"))
                        (text("json", "JSON"))
                        (text("command", "command line"))
                        h2 { "As each provider takes it" }
                        div id="providers" {}
                        p id="copied" role="status" {}
                    }
                }
            }
        }
    };
    (private(), Html(body.into_string())).into_response()
}

fn private() -> [(header::HeaderName, &'static str); 4] {
    [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ]
}
