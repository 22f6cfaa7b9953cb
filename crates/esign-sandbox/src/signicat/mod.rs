//! Signicat Sign API v1, the signing orders of its enterprise products:
//! <https://developer.signicat.com/enterprise/apis/sign/sign-api/>.

mod control;
mod evidence;
mod notify;
mod order;
mod package;
mod pages;
mod portal;
mod problem;
mod progress;
mod routes;
mod settings;
mod signer;
mod store;
mod token;
mod validate;
mod wire;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, header};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::sync::watch;

pub use control::{
    ArchiveState, ForwardTo, NotPossible, OrderState, PackagingState, SignicatControl, TaskDocumentState,
    TaskState,
};
pub use notify::{About, Delivery, DeliveryOutcome, Forgery};
pub use progress::{PackagingStatus, TaskStatus};
pub use settings::{
    Client, DeletedOrders, Downloads, EventTime, NullPolicy, PackagingStart, ResultUri, SignicatSettings,
    SignicatSetup,
};
pub use signer::Signer;

pub(crate) use control::router as control_router;

use self::notify::Parcel;
use self::order::{SigningOrder, Trigger};
use self::portal::Visit;
use self::problem::Violation;
use self::progress::{Event, File, FileKind, Job, Kept, PackagingRun, later};
use self::routes::Caller;
use self::store::Store;
use crate::outgoing::Outgoing;
use crate::shared::{Shared, compute};

/// The operations, by the names that faults and counts use.
pub(crate) const OPERATIONS: [&str; 18] = [
    "signicat.token",
    "signicat.upload",
    "signicat.document",
    "signicat.delete_document",
    "signicat.archived",
    "signicat.delete_archived",
    "signicat.create",
    "signicat.get",
    "signicat.delete",
    "signicat.task_status",
    "signicat.events",
    "signicat.forwards",
    "signicat.original",
    "signicat.generated",
    "signicat.evidence",
    "signicat.packaging_status",
    "signicat.packaged",
    "signicat.file",
];

/// The two platforms on which the same API is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Platform {
    Current,
    Older,
}

/// What clients of the current platform put before `/orders`.
pub(crate) const BASE_PATH: &str = "/enterprise/sign";

/// Where clients of the current platform get their tokens.
pub(crate) const TOKEN_PATH: &str = "/auth/open/connect/token";

impl Platform {
    fn base_path(self) -> &'static str {
        match self {
            Self::Current => BASE_PATH,
            Self::Older => "/sign",
        }
    }

    fn token_path(self) -> &'static str {
        match self {
            Self::Current => TOKEN_PATH,
            Self::Older => "/oidc/token",
        }
    }

    fn scope(self) -> &'static str {
        match self {
            Self::Current => "signicat-api",
            Self::Older => "client.signature",
        }
    }
}

pub(crate) struct Signicat {
    shared: Arc<Shared>,
    state: Mutex<State>,
    outgoing: Outgoing,
    notifications: notify::Watched,
}

type Clients = BTreeMap<String, Client>;

struct State {
    clients: Clients,
    settings: SignicatSettings,
    tokens: token::Tokens,
    store: Store,
    /// Files that were handed out by redirect, and who may fetch them where; `None` for anybody without a token.
    tickets: HashMap<String, (File, Option<(String, Platform)>)>,
    /// The people at their tasks, by the token of the visit.
    sessions: HashMap<String, Visit>,
    /// How many packaging tasks are to fail.
    failures: u32,
}

/// The addresses in answers and messages.
struct Links<'a> {
    shared: &'a Shared,
    platform: Platform,
}

impl Links<'_> {
    /// The address of these path segments on the platform that was called.
    fn api(&self, segments: &[&str]) -> String {
        let encoded = segments.iter().map(|segment| encoded(segment));
        let path: Vec<_> = encoded.collect();
        self.shared.url(&format!("{}/{}", self.platform.base_path(), path.join("/")))
    }

    fn signing_url(&self, order: &str, task: &str) -> String {
        self.shared.url(&format!("{SIGNING_PATH}?request_id={order}&task_id={}", encoded(task)))
    }

    fn sign_code_url(&self, code: &str) -> String {
        self.shared.url(&format!("{SIGNING_PATH}?sign_code={code}"))
    }
}

/// Where signers are sent, in the shape of the provider's samples.
const SIGNING_PATH: &str = "/std/docaction/sandbox";

/// All but the unreserved characters (RFC 3986, 2.3).
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn encoded(id: &str) -> String {
    utf8_percent_encode(id, &RESERVED).to_string()
}

pub(crate) fn router<S: Clone + Send + Sync + 'static>(signicat: &Arc<Signicat>) -> Router<S> {
    routes::router(signicat).merge(pages::router(signicat))
}

impl Signicat {
    pub(crate) fn new(shared: Arc<Shared>, setup: SignicatSetup) -> Self {
        let clients = setup.clients.into_iter().map(|client| (client.client_id.clone(), client));
        let state = State {
            clients: clients.collect(),
            settings: setup.settings,
            tokens: token::Tokens::new(),
            store: Store::default(),
            tickets: HashMap::new(),
            sessions: HashMap::new(),
            failures: 0,
        };
        Self {
            shared,
            state: Mutex::new(state),
            outgoing: Outgoing::default(),
            notifications: watch::Sender::default(),
        }
    }

    fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settings(&self) -> SignicatSettings {
        self.lock().settings.clone()
    }

    /// The addresses that do not depend on who asks.
    fn links(&self) -> Links<'_> {
        Links { shared: &self.shared, platform: Platform::Current }
    }

    /// Stores an order that follows the rules, and tells whom it says.
    fn create(self: &Arc<Self>, caller: &Caller, mut body: SigningOrder) -> Result<Value, Vec<Violation>> {
        let now = self.now();
        let links = Links { shared: &self.shared, platform: caller.platform };
        let (answer, parcels) = {
            let State { store, settings, .. } = &mut *self.lock();
            if settings.echo_defaults {
                body.name_defaults(settings);
            }
            let order = store.create(&caller.client_id, body, now, settings)?;
            let mut parcels = Vec::new();
            for index in 0..order.tasks.len() {
                order.note(index, "TASK_CREATED", now, None);
                let waits = !order.body.tasks()[index].depends_on().is_empty();
                if !waits || !settings.created_notification_waits {
                    parcels.extend(order.notify(index, Trigger::Created, now, &links));
                }
                parcels.extend(order.notify(index, Trigger::Expired, order.tasks[index].expires_at, &links));
            }
            for index in 0..order.packaging.len() {
                parcels.extend(order.notify_packaging(index, Trigger::Created, now));
            }
            let artifact = order.artifact.as_ref().map(|artifact| artifact.value.as_str());
            (wire::order(order, &links, artifact), parcels)
        };
        self.send(parcels);
        Ok(answer)
    }

    /// Makes the packaged document; it shows when its time has come.
    async fn package(self: &Arc<Self>, job: Job) {
        let (delay, fails, long_term) = {
            let state = &mut *self.lock();
            let fails = state.failures > 0;
            state.failures = state.failures.saturating_sub(1);
            (state.settings.packaging_delay_seconds, fails, state.settings.long_term)
        };
        let shared = self.shared.clone();
        let (job, made) = compute(move || {
            let made = package::package(&shared, &job, long_term).map(|pdf| File::new(pdf, FileKind::Pdf));
            (job, made)
        })
        .await;
        let file = match made {
            Ok(file) => Some(file).filter(|_| !fails),
            Err(error) => {
                tracing::warn!(%error, "packaging failed");
                None
            }
        };
        let ready_at = later(job.at, Duration::from_secs(delay.into()));
        let parcels = self.packaged(&job, file, ready_at);
        self.send(parcels);
    }

    fn packaged(&self, job: &Job, file: Option<File>, ready_at: Timestamp) -> Vec<Parcel> {
        let now = self.now();
        let store = &mut self.lock().store;
        // It may have been deleted meanwhile.
        let Some(order) = store.get(&job.order, now) else { return Vec::new() };
        let to_archive = order.body.packaging_tasks()[job.index].send_to_archive == Some(true);
        let client_id = order.client_id.clone();
        let result = file.map(|file| {
            let archive_id = to_archive.then(|| store.archive(&client_id, file.clone(), now));
            Kept { file, archive_id }
        });
        let Some(order) = store.get_mut(&job.order, now) else { return Vec::new() };
        let kind = if result.is_some() { "PACKAGING_TASK_COMPLETED" } else { "PACKAGING_TASK_FAILED" };
        let succeeded = result.is_some();
        order.packaging[job.index] = PackagingRun::Done { ready_at, result };
        let id = order.body.packaging_tasks()[job.index].id().to_owned();
        for task in order.tasks_of(job.index) {
            let event = Event { kind, at: ready_at, data: Some(id.clone()) };
            order.tasks[task].events.push(event);
        }
        if succeeded { order.notify_packaging(job.index, Trigger::Completed, ready_at) } else { Vec::new() }
    }
}

impl fmt::Debug for Signicat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signicat").finish_non_exhaustive()
    }
}

/// The media type without its parameters, in lower case.
fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next()?.trim().to_ascii_lowercase())
}
