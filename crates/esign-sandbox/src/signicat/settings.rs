//! What of the Sign API is documented two ways or not at all: switches. Who may call it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The switches of the simulated Signicat Sign API v1. Where the documentation is silent the default is this sandbox's
/// assumption, and says so. They may be changed at any time, and hold from the next call on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SignicatSettings {
    /// Seconds for which an access token is good. Default 600, as on the current platform, where it can be set from 1 to
    /// 3600; the older platform's number is not documented.
    pub token_seconds: u32,
    /// Minutes after which an uploaded document is gone, unless an order uses it. Default 30, as documented.
    pub session_minutes: u32,
    /// Whether a create and an upload answer 201 instead of 200. Default yes. Assumption: no source names the codes.
    pub created_is_201: bool,
    /// Whether a deletion answers 204 instead of 200. Default yes. Assumption: no source names the codes.
    pub deleted_is_204: bool,
    /// The status of a result that is asked for too early. Default 404. Assumption.
    pub not_ready_status: u16,
    /// `daysToLive` of a task that names none. Default 14. Assumption.
    pub days_to_live: u32,
    /// `daysUntilDeletion` of an order that names none. Default 30. Assumption.
    pub days_until_deletion: u32,
    /// Whether an order that names neither is answered with the two numbers above. Default no. Assumption.
    pub echo_defaults: bool,
    /// The most that `daysToLive` may be; `null` for no limit. Default none: none is documented.
    pub max_days_to_live: Option<u32>,
    /// The most bytes of an uploaded document, more get 413; `null` for no limit. Default none: none is documented.
    pub max_document_bytes: Option<usize>,
    /// The most characters of descriptions, headers and messages; `null` for no limit. Default none: none is documented.
    pub max_text: Option<usize>,
    /// Where `null` is refused. Default [`NullPolicy::ScheduleAndDelay`], as the provider's own client suggests.
    pub nulls: NullPolicy,
    /// Whether a task with a document to sign must name a signature method. Default no. Assumption: a configuration of
    /// the signing interface may bring its own.
    pub signature_method_required: bool,
    /// The packaging methods that there are. Default `pades` only, which is all that is seen in use.
    pub packaging_methods: Vec<String>,
    /// Seconds from the last signature to the packaged document. Default 2: the signer is back before it is ready.
    pub packaging_delay_seconds: u32,
    /// What packaging waits for. Default [`PackagingStart::AllTasks`]. Assumption.
    pub packaging_start: PackagingStart,
    /// Whether the seal on a packaged PDF carries what is needed to check it later (PAdES B-LT rather than B-T). Default
    /// no. Assumption: the level is not documented.
    pub long_term: bool,
    /// Whether the CREATED notifications of a task wait until the tasks are completed on which it depends. Default no.
    /// Assumption.
    pub created_notification_waits: bool,
    /// Whether URL notifications are delivered. Default yes; the real service must be asked to switch them on.
    pub url_notifications: bool,
    /// Whether URL notifications are sent by POST instead of GET. Default no; POST is not ruled out on the current
    /// platform.
    pub url_notifications_by_post: bool,
    /// Minutes between the tries to deliver a URL notification, which go on for 24 hours. Default 10. Assumption: "at
    /// regular intervals".
    pub url_retry_minutes: u32,
    /// Whether URL notifications may go to `http` addresses beyond this machine. Default no.
    pub allow_plain_http: bool,
    /// Where `resultUri` and `packagingTaskResultUri` of an archived document lead. Default [`ResultUri::Archive`].
    /// Assumption: nothing else would tell the archive id.
    pub archived_result_uri: ResultUri,
    /// What is left of an order that its client has deleted. Default [`DeletedOrders::NotFound`]. Assumption.
    pub deleted_orders: DeletedOrders,
    /// Whether an order with a completed task can be deleted. Default yes. Assumption; without it the answer is 409.
    pub delete_signed: bool,
    /// How files are handed out. Default [`Downloads::Direct`]; one client in public follows `Location` headers first.
    pub downloads: Downloads,
    /// How the offset of `eventTime` is written. Default [`EventTime::Basic`]: the provider's client needed a lenient
    /// parser.
    pub event_time: EventTime,
    /// Whether a signer can forward a task. Default yes; the real feature is sold separately.
    pub forwarding: bool,
    /// Seconds for which an `artifact` logs its user in, once. Default 30, as documented for the SOAP interface.
    pub artifact_seconds: u32,
}

impl Default for SignicatSettings {
    fn default() -> Self {
        Self {
            token_seconds: 600,
            session_minutes: 30,
            created_is_201: true,
            deleted_is_204: true,
            not_ready_status: 404,
            days_to_live: 14,
            days_until_deletion: 30,
            echo_defaults: false,
            max_days_to_live: None,
            max_document_bytes: None,
            max_text: None,
            nulls: NullPolicy::ScheduleAndDelay,
            signature_method_required: false,
            packaging_methods: vec!["pades".to_owned()],
            packaging_delay_seconds: 2,
            packaging_start: PackagingStart::AllTasks,
            long_term: false,
            created_notification_waits: false,
            url_notifications: true,
            url_notifications_by_post: false,
            url_retry_minutes: 10,
            allow_plain_http: false,
            archived_result_uri: ResultUri::Archive,
            deleted_orders: DeletedOrders::NotFound,
            delete_signed: true,
            downloads: Downloads::Direct,
            event_time: EventTime::Basic,
            forwarding: true,
            artifact_seconds: 30,
        }
    }
}

/// Where `null` in an order is refused. Elsewhere it counts as absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NullPolicy {
    /// As `schedule` and `delay` of notifications: the provider's own client leaves out these two and no others.
    ScheduleAndDelay,
    /// Everywhere.
    Everywhere,
    /// Nowhere.
    Nowhere,
}

/// What packaging waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PackagingStart {
    /// For all tasks of the order.
    AllTasks,
    /// For the tasks that the packaging task names.
    NamedTasks,
}

/// Where the address of an archived result leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ResultUri {
    /// Into the archive.
    Archive,
    /// To the order, as if it had not been archived; the archive id is in the control API only.
    Order,
}

/// What is left of an order that its client has deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeletedOrders {
    /// Nothing: 404.
    NotFound,
    /// The status of its tasks, which is DELETED; 404 for everything else.
    Tasks,
}

/// How files are handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Downloads {
    /// In the answer.
    Direct,
    /// By a redirect within the API, which wants the token again.
    Redirect,
    /// By a redirect to another host, which refuses a token: `localhost` where clients use `127.0.0.1`, and the other way
    /// round. Without effect where they use neither.
    OtherHost,
}

/// How the offset of `eventTime` is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventTime {
    /// `+0000`.
    Basic,
    /// `+00:00`.
    Extended,
}

/// Who may call: an account of its own, whose documents, orders and archive no other client sees.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// The client's id.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: String,
    /// Whether it has been given the permission to use the Sign API; without it every call gets 403. Default yes.
    #[serde(default = "yes")]
    pub permitted: bool,
}

fn yes() -> bool {
    true
}

impl Client {
    /// A client that may use the Sign API.
    pub fn new(client_id: impl Into<String>, client_secret: impl Into<String>) -> Self {
        Self { client_id: client_id.into(), client_secret: client_secret.into(), permitted: true }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("client_id", &self.client_id)
            .field("permitted", &self.permitted)
            .finish_non_exhaustive()
    }
}

/// Who may call the simulated Sign API, and its switches; given to [`Builder::signicat`](crate::Builder::signicat).
#[derive(Debug, Default)]
pub struct SignicatSetup {
    pub(crate) clients: Vec<Client>,
    pub(crate) settings: SignicatSettings,
}

impl SignicatSetup {
    /// Registers a client by id and secret, for both platforms; a later one with the same id replaces it.
    #[must_use]
    pub fn client(self, client_id: impl Into<String>, client_secret: impl Into<String>) -> Self {
        self.register(Client::new(client_id, client_secret))
    }

    /// The same, with everything that is to be known of it.
    #[must_use]
    pub fn register(mut self, client: Client) -> Self {
        self.clients.push(client);
        self
    }

    /// Changes switches.
    #[must_use]
    pub fn settings(mut self, change: impl FnOnce(&mut SignicatSettings)) -> Self {
        change(&mut self.settings);
        self
    }
}
