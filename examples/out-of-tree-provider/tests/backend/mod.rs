//! Inkwell itself, as far as the adapter needs it: envelopes, signers, and faults on request. It shares no type with the
//! adapter.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Multipart, Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use esign_core::{Clock, VirtualClock};
use serde::Deserialize;
use serde_json::{Value, json};

pub const KEY: &str = "inkwell-key-1";
const LIFE: Duration = Duration::from_secs(14 * 86_400);
/// Drawn in points: width and height.
const BOX: (f64, f64) = (180.0, 50.0);

/// The service. Clones are the same one.
#[derive(Clone)]
pub struct Inkwell {
    pub clock: VirtualClock,
    world: Arc<Mutex<World>>,
}

#[derive(Default)]
struct World {
    envelopes: BTreeMap<String, Envelope>,
    calls: HashMap<&'static str, u32>,
    faults: Vec<(&'static str, Fault)>,
    extended: bool,
}

/// What goes wrong with the next call.
#[derive(Clone)]
pub enum Fault {
    /// This answer, and nothing happens.
    Answer(StatusCode, Vec<(&'static str, String)>),
    /// What was asked happens, and the answer is this page.
    Page(StatusCode),
    /// What was asked happens, and the answer breaks off after so many bytes.
    Cut(usize),
    /// Something in between answers so, and nothing happens.
    Intercepted(StatusCode, &'static str),
    /// What was asked happens, and every link in the answer is this one, or none if it is empty.
    Link(&'static str),
}

#[derive(Clone)]
struct Envelope {
    by: String,
    reference: String,
    created: esign_core::jiff::Timestamp,
    file: Bytes,
    signers: Vec<Signer>,
    refused: bool,
    withdrawn: bool,
    word: Option<String>,
    heard: String,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signer {
    id: String,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    message: Option<String>,
    marks: Vec<Mark>,
    #[serde(skip)]
    signed: Option<esign_core::jiff::Timestamp>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    page: u32,
    x: f64,
    y: f64,
}

impl Inkwell {
    /// Starts on a free port of the runtime that it is called in.
    pub async fn start() -> (Self, SocketAddr) {
        let clock = VirtualClock::jumping("2026-03-02T01:00:00Z".parse().unwrap());
        let service = Self { clock, world: Arc::default() };
        let router = Router::new()
            .route("/v1/envelopes", post(create).get(list))
            .route("/v1/envelopes/{id}", get(read).delete(withdraw))
            .route("/v1/envelopes/{id}/document", get(document))
            .layer(axum::extract::DefaultBodyLimit::max(10_000_000))
            .layer(from_fn_with_state(service.clone(), observe))
            .with_state(service.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        (service, address)
    }

    pub fn fail_next(&self, operation: &'static str, fault: Fault) {
        self.world().faults.push((operation, fault));
    }

    pub fn calls(&self, operation: &'static str) -> u32 {
        self.world().calls.get(operation).copied().unwrap_or_default()
    }

    pub fn accepted(&self) -> usize {
        self.world().envelopes.len()
    }

    pub fn extend(&self) {
        self.world().extended = true;
    }

    /// The document as it was uploaded, and everything else as text.
    pub fn received(&self, id: &str) -> Option<(Bytes, String)> {
        self.world().envelopes.get(id).map(|envelope| (envelope.file.clone(), envelope.heard.clone()))
    }

    /// The document as it is now.
    pub fn pdf(&self, id: &str) -> Option<Bytes> {
        self.world().envelopes.get(id).map(Envelope::signed_file)
    }

    pub fn speak(&self, id: &str, word: &str) {
        self.change(id, |envelope| envelope.word = Some(word.to_owned()));
    }

    /// A signer signs or refuses; false if the envelope is not open to the signer.
    pub fn act(&self, id: &str, signer: &str, refuse: bool) -> bool {
        let now = self.clock.now();
        let mut done = false;
        self.change(id, |envelope| {
            let open = matches!(envelope.state(now), "open" | "partly");
            let signer = envelope.signers.iter_mut().find(|s| s.id == signer && s.signed.is_none());
            if let Some(signer) = signer.filter(|_| open) {
                done = true;
                if refuse { envelope.refused = true } else { signer.signed = Some(now) }
            }
        });
        done
    }

    fn change(&self, id: &str, change: impl FnOnce(&mut Envelope)) {
        self.world().envelopes.get_mut(id).map(change);
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }
}

impl Envelope {
    fn state(&self, now: esign_core::jiff::Timestamp) -> &'static str {
        let signed = self.signers.iter().filter(|signer| signer.signed.is_some()).count();
        match signed {
            _ if self.withdrawn => "withdrawn",
            _ if self.refused => "refused",
            n if n == self.signers.len() => "done",
            _ if now >= self.created + LIFE => "lapsed",
            0 => "open",
            _ => "partly",
        }
    }

    fn to_json(&self, id: &str, now: esign_core::jiff::Timestamp, extended: bool) -> Value {
        let signer = |signer: &Signer| {
            let mut value = json!({
                "id": signer.id,
                "state": if signer.signed.is_some() { "done" } else { "open" },
                "signed": signer.signed,
                "link": (self.by == "link").then(|| format!("https://inkwell.invalid/{id}?signer={}", signer.id)),
            });
            if extended {
                value["mood"] = json!({ "good": true });
            }
            value
        };
        let mut value = json!({
            "id": id,
            "state": self.word.clone().unwrap_or_else(|| self.state(now).to_owned()),
            "created": self.created,
            "lapses": self.created + LIFE,
            "signers": self.signers.iter().map(signer).collect::<Vec<_>>(),
        });
        if extended {
            value["ink"] = json!("blue");
        }
        value
    }

    /// What was uploaded, with a box for each signature behind it.
    fn signed_file(&self) -> Bytes {
        let mut file = self.file.to_vec();
        for signer in self.signers.iter().filter(|signer| signer.signed.is_some()) {
            file.extend_from_slice(format!("\n%signed by {}", signer.id).as_bytes());
            for Mark { x, y, .. } in &signer.marks {
                file.extend_from_slice(format!(" /Rect[{x} {y} {} {}]", x + BOX.0, y + BOX.1).as_bytes());
            }
        }
        file.into()
    }
}

/// Checks the key, counts the call, and applies the fault that was ordered for it.
async fn observe(State(service): State<Inkwell>, request: Request, next: Next) -> Response {
    let operation = match (request.method().as_str(), request.uri().path().split('/').count()) {
        ("POST", _) => "create",
        ("DELETE", _) => "withdraw",
        (_, 3) => "list",
        (_, 4) => "read",
        _ => "document",
    };
    let fault = {
        let mut world = service.world();
        *world.calls.entry(operation).or_default() += 1;
        let at = world.faults.iter().position(|(planned, _)| *planned == operation);
        at.map(|at| world.faults.remove(at).1)
    };
    let authorization = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if authorization != Some(&format!("Bearer {KEY}")) {
        return refuse(StatusCode::UNAUTHORIZED, "bad_key");
    }
    match fault {
        None => next.run(request).await,
        Some(Fault::Answer(status, headers)) => {
            let mut answer = refuse(status, "not_today");
            let headers =
                headers.into_iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            answer.headers_mut().extend(HeaderMap::from_iter(headers));
            answer
        }
        Some(Fault::Page(status)) => {
            next.run(request).await;
            (status, [(header::CONTENT_TYPE, "text/html")], "<html><h1>Inkwell</h1></html>").into_response()
        }
        Some(Fault::Intercepted(status, body)) => (status, body).into_response(),
        Some(Fault::Link(link)) => {
            let answer = next.run(request).await;
            let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
            let mut envelope: Value = serde_json::from_slice(&body).unwrap();
            for signer in envelope["signers"].as_array_mut().unwrap() {
                signer["link"] = if link.is_empty() { Value::Null } else { json!(link) };
            }
            Json(envelope).into_response()
        }
        Some(Fault::Cut(keep)) => {
            let answer = next.run(request).await;
            let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
            let kept = Ok(body.slice(..keep.min(body.len())));
            let end = Err(std::io::Error::from(std::io::ErrorKind::ConnectionAborted));
            Body::from_stream(futures_util::stream::iter([kept, end])).into_response()
        }
    }
}

fn refuse(status: StatusCode, code: &str) -> Response {
    (status, Json(json!({ "code": code, "message": "no" }))).into_response()
}

async fn create(State(service): State<Inkwell>, mut form: Multipart) -> Response {
    let mut texts = HashMap::new();
    let mut file = None;
    while let Ok(Some(field)) = form.next_field().await {
        let name = field.name().unwrap_or_default().to_owned();
        if name == "file" {
            file = field.bytes().await.ok();
        } else {
            texts.insert(name, field.text().await.unwrap_or_default());
        }
    }
    let text = |name: &str| texts.get(name).cloned().unwrap_or_default();
    let signers: Result<Vec<Signer>, _> = serde_json::from_str(&text("signers"));
    let (Some(file), Ok(signers)) = (file, signers) else {
        return refuse(StatusCode::BAD_REQUEST, "bad_form");
    };
    if let Err(code) = check(&file, &text("title"), &text("by"), &signers) {
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, code);
    }
    let now = service.clock.now();
    let envelope = Envelope {
        by: text("by"),
        reference: text("reference"),
        created: now,
        file,
        signers,
        refused: false,
        withdrawn: false,
        word: None,
        heard: format!("{texts:?}"),
    };
    let mut world = service.world();
    let id = format!("env-{}", world.envelopes.len() + 1);
    let answer = envelope.to_json(&id, now, world.extended);
    world.envelopes.insert(id, envelope);
    (StatusCode::CREATED, Json(answer)).into_response()
}

fn check(file: &[u8], title: &str, by: &str, signers: &[Signer]) -> Result<(), &'static str> {
    let emails: Vec<_> = signers.iter().filter_map(|s| s.email.as_ref()).collect();
    let marks = || signers.iter().flat_map(|s| &s.marks);
    let on_page = |m: &Mark| m.x >= 0.0 && m.y >= 0.0 && m.x + BOX.0 <= 595.281 && m.y + BOX.1 <= 841.891;
    let rules = [
        (file.starts_with(b"%PDF-") && file.len() <= 5_000_000, "bad_file"),
        ((1..=120).contains(&title.chars().count()), "bad_title"),
        (matches!(by, "email" | "link"), "bad_way"),
        ((1..=10).contains(&signers.len()), "bad_signers"),
        ((by == "email") == (emails.len() == signers.len()), "bad_emails"),
        (signers.iter().all(|s| (1..=10).contains(&s.marks.len())), "bad_marks"),
        (marks().all(|m| m.page == 1 && on_page(m)), "off_page"),
        (signers.iter().flat_map(|s| &s.message).all(|m| m.chars().count() <= 500), "long_message"),
    ];
    rules.into_iter().find(|(kept, _)| !kept).map_or(Ok(()), |(_, code)| Err(code))
}

async fn list(State(service): State<Inkwell>, Query(query): Query<HashMap<String, String>>) -> Response {
    let (now, world) = (service.clock.now(), service.world());
    let wanted = query.get("reference");
    let found = world.envelopes.iter().filter(|(_, envelope)| Some(&envelope.reference) == wanted);
    Json(found.map(|(id, envelope)| envelope.to_json(id, now, world.extended)).collect::<Vec<_>>())
        .into_response()
}

async fn read(State(service): State<Inkwell>, Path(id): Path<String>) -> Response {
    let (now, world) = (service.clock.now(), service.world());
    match world.envelopes.get(&id) {
        Some(envelope) => Json(envelope.to_json(&id, now, world.extended)).into_response(),
        None => refuse(StatusCode::NOT_FOUND, "unknown"),
    }
}

async fn document(State(service): State<Inkwell>, Path(id): Path<String>) -> Response {
    let (now, world) = (service.clock.now(), service.world());
    match world.envelopes.get(&id) {
        Some(envelope) if envelope.state(now) == "done" => {
            ([(header::CONTENT_TYPE, "application/pdf")], envelope.signed_file()).into_response()
        }
        Some(_) => refuse(StatusCode::CONFLICT, "not_signed"),
        None => refuse(StatusCode::NOT_FOUND, "unknown"),
    }
}

async fn withdraw(State(service): State<Inkwell>, Path(id): Path<String>) -> Response {
    let now = service.clock.now();
    let mut world = service.world();
    match world.envelopes.get_mut(&id) {
        Some(envelope) if matches!(envelope.state(now), "open" | "partly") => {
            envelope.withdrawn = true;
            StatusCode::OK.into_response()
        }
        Some(_) => refuse(StatusCode::CONFLICT, "ended"),
        None => refuse(StatusCode::NOT_FOUND, "unknown"),
    }
}
