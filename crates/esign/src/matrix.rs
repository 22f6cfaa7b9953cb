//! What each provider can do, side by side: for people, generated from [`Capabilities`].

use std::sync::Arc;

use async_trait::async_trait;
use esign_core::{
    Bound, BoxSupport, CallbackSupport, Capabilities, CertificateHolder, Client, Config, Delivery,
    DeliverySupport, Error, ErrorKind, FixedSecrets, KeyAlgorithm, Mark, Need, Neutral, OriginProof, Range,
    ReferenceSupport, Result, Role, SigningKey, Support,
};

use crate::{builder, default_registry};

/// One capability, with a value for each column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What is compared.
    pub capability: &'static str,
    /// In the order of the columns.
    pub values: Vec<String>,
}

/// Every provider kind of this crate with the least configuration that it takes, in production, sorted by kind.
///
/// # Errors
/// None in practice: the configuration is a constant.
pub async fn typical() -> Result<Vec<(String, Capabilities)>> {
    if typical_config().providers.is_empty() {
        return Ok(Vec::new());
    }
    Ok(typical_client().await?.instances())
}

/// A client over these, for asking without a configuration what a provider would make of a request. It has no key and no
/// credential, so nothing can be sent with it.
///
/// # Errors
/// [`ErrorKind::Config`] if every provider's feature is off.
pub async fn typical_client() -> Result<Client> {
    builder(default_registry())
        .config(typical_config())
        // Of the right form, so that nobody is warned about it.
        .secrets(
            FixedSecrets::new()
                .with("signify", "production_v1_typical")
                .with("signicat", "typical")
                .with("documenso", "typical"),
        )
        .key("typical", Arc::new(NoKey))
        .build()
        .await
}

fn typical_config() -> Config {
    #[allow(unused_mut, reason = "stays empty where every feature is off")]
    let mut config = Config::default();
    #[cfg(feature = "documenso")]
    config.providers.insert(
        esign_documenso::KIND.to_string(),
        esign_core::InstanceConfig::new(esign_documenso::KIND)
            .with("environment", "production")
            .with("api_token", serde_json::json!({ "external": "documenso" }))
            .with("callback_secret", serde_json::json!({ "external": "documenso" })),
    );
    #[cfg(feature = "signicat")]
    config.providers.insert(
        esign_signicat::KIND.to_string(),
        esign_core::InstanceConfig::new(esign_signicat::KIND)
            .with("environment", "production")
            .with("client_id", "typical")
            .with("client_secret", serde_json::json!({ "external": "signicat" })),
    );
    #[cfg(feature = "signify")]
    config.providers.insert(
        esign_signify::KIND.to_string(),
        esign_core::InstanceConfig::new(esign_signify::KIND)
            .with("environment", "production")
            .with("api_key", serde_json::json!({ "external": "signify" })),
    );
    #[cfg(feature = "singpass")]
    config.providers.insert(
        esign_singpass::KIND.to_string(),
        esign_core::InstanceConfig::new(esign_singpass::KIND)
            .with("environment", "production")
            .with("client_id", "typical")
            .with("signing_key", serde_json::json!({ "external": "typical" })),
    );
    #[cfg(feature = "txn")]
    config.providers.insert(
        esign_txn::KIND.to_string(),
        esign_core::InstanceConfig::new(esign_txn::KIND)
            .with("environment", "production")
            .with("client_id", "typical")
            .with("redirect_uri", "https://typical.example/approved")
            .with("signing_key", serde_json::json!({ "external": "typical" }))
            .with("nonce_claim", "nonce")
            .with("hash_claim", "txn_hash"),
    );
    config
}

/// Stands where a key must be named; nothing is signed with it.
#[derive(Debug)]
struct NoKey;

#[async_trait]
impl SigningKey for NoKey {
    fn algorithm(&self) -> KeyAlgorithm {
        KeyAlgorithm::Es256
    }

    fn key_id(&self) -> &str {
        "typical"
    }

    fn public_jwk(&self) -> serde_json::Value {
        serde_json::json!({ "kty": "EC", "crv": "P-256", "kid": "typical", "use": "sig", "alg": "ES256" })
    }

    async fn sign(&self, _: &[u8]) -> Result<Vec<u8>> {
        Err(Error::new(ErrorKind::Secret, "this key only stands for one"))
    }
}

/// The capabilities of these columns, row by row. The columns are what [`Client::instances`](crate::Client::instances)
/// or [`typical`] gives.
#[must_use]
pub fn rows(columns: &[(String, Capabilities)]) -> Vec<Row> {
    let row = |(capability, value): &(&'static str, fn(&Capabilities) -> String)| Row {
        capability,
        values: columns
            .iter()
            .map(|(_, c)| if applies(capability, c) { value(c) } else { "–".to_owned() })
            .collect(),
    };
    ROWS.iter().map(row).collect()
}

/// The same as a Markdown table with the columns' names as its header.
#[must_use]
pub fn markdown(columns: &[(String, Capabilities)]) -> String {
    let line = |first: &str, cells: &mut dyn Iterator<Item = String>| {
        let cells: String = cells.map(|cell| format!(" {} |", cell.replace('|', "\\|"))).collect();
        format!("| {first} |{cells}\n")
    };
    let mut table = line("", &mut columns.iter().map(|(name, _)| name.clone()));
    table += &line("---", &mut columns.iter().map(|_| "---".to_owned()));
    for row in rows(columns) {
        table += &line(row.capability, &mut row.values.into_iter());
    }
    table
}

/// Most rows say nothing about a provider that signs no documents.
fn applies(capability: &str, capabilities: &Capabilities) -> bool {
    let signs_documents = capabilities.documents.count != Range::of(0, 0);
    signs_documents || WITHOUT_DOCUMENTS.contains(&capability)
}

const WITHOUT_DOCUMENTS: [&str; 5] =
    ["legal class", "signing certificate", "transactions", "rate limit", "statements nobody could check"];

type Value = fn(&Capabilities) -> String;

const ROWS: &[(&str, Value)] = &[
    ("documents per request", |c| c.documents.count.words()),
    ("document size", |c| size(c.documents.bytes)),
    ("media types", |c| list(c.documents.media_types.iter())),
    ("document name", |c| name(c)),
    ("signers per request", |c| signers(c)),
    ("needed of a signer", |c| needs(c)),
    ("people besides signers", |c| list(c.roles.iter().map(role))),
    ("order of signers", |c| list(c.orders.iter())),
    ("delivery", |c| list(c.deliveries.iter().map(delivery))),
    ("place on the page", |c| place(c)),
    ("provider's own coordinates", |c| support(c.placements.native)),
    ("marks besides signatures", |c| list(c.marks.iter().map(mark))),
    ("places per signer", |c| c.placements.per_signer.words()),
    ("signature box", |c| signature_box(c.placements.box_size)),
    ("link of a later signer", |c| if c.later_links.is_yes() { "in the status".to_owned() } else { none() }),
    ("reminders", |c| list(c.reminders.iter())),
    ("message to signers", |c| message(c)),
    ("languages", |c| list(c.languages.iter())),
    ("return address", |c| return_url(c)),
    ("expiry", |c| expiry(c)),
    ("identity check", |c| list(c.identity_schemes.iter())),
    ("legal class", |c| list(c.legal.iter().map(|claim| claim.class.as_str().to_owned()))),
    ("signing certificate", |c| list(c.legal.iter().map(|claim| certificate(claim.certificate)))),
    ("cancel", |c| support(c.cancel)),
    ("refusal visible", |c| support(c.decline_visible)),
    ("a request that no signer opens ends after", |c| seconds(c.unused_ends_after, "not by itself")),
    ("result obtainable for", |c| seconds(c.result_lifetime, "without end")),
    ("unfinished result", |c| support(c.partial_result)),
    ("callbacks", |c| callbacks(c.callbacks)),
    ("lost answer found by", |c| reference(c.reference)),
    ("proof of origin", |c| origin(c.origin_proof)),
    ("erase at the provider", |c| support(c.erase)),
    ("transactions", |c| support(c.transactions)),
    ("status at most every", |c| span(c.poll_interval)),
    ("rate limit", |c| {
        c.rate_limit.map_or_else(none, |r| format!("{} in {} s", r.requests, r.window_seconds))
    }),
    ("statements nobody could check", |c| c.unverified.len().to_string()),
];

fn none() -> String {
    "–".to_owned()
}

fn unknown() -> String {
    "unknown".to_owned()
}

/// Without repetitions.
fn list<T: ToString>(items: impl Iterator<Item = T>) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in items.map(|item| item.to_string()) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    if words.is_empty() { none() } else { words.join(", ") }
}

fn support(support: Support) -> String {
    match support {
        Support::Yes => "yes".to_owned(),
        Support::No => none(),
        Support::Unknown => unknown(),
    }
}

fn size(bytes: Range) -> String {
    match bytes.max {
        Bound::Is(max) if max % 100_000 == 0 => format!("at most {} MB", max as f64 / 1e6),
        Bound::Is(max) if (max + 1) % 100_000 == 0 => format!("less than {} MB", (max + 1) as f64 / 1e6),
        Bound::Is(max) => format!("at most {max} bytes"),
        Bound::None => "any".to_owned(),
        Bound::Unknown => unknown(),
    }
}

fn seconds(bound: Bound, without: &str) -> String {
    match bound {
        Bound::Is(seconds) => span(seconds),
        Bound::None => without.to_owned(),
        Bound::Unknown => unknown(),
    }
}

/// The largest unit that leaves a whole number.
fn span(seconds: u64) -> String {
    let units = [(86_400, "d"), (3600, "h"), (60, "min")];
    let whole = units.into_iter().find(|(unit, _)| seconds >= *unit && seconds.is_multiple_of(*unit));
    whole.map_or_else(|| format!("{seconds} s"), |(unit, word)| format!("{} {word}", seconds / unit))
}

fn name(capabilities: &Capabilities) -> String {
    let rules = &capabilities.documents.name;
    let allowed = if rules.allowed.is_some() { ", not every character" } else { "" };
    format!("{}{allowed}", characters(rules.chars))
}

fn characters(range: Range) -> String {
    if range == Range::UNKNOWN {
        return unknown();
    }
    let one =
        matches!((range.min, range.max), (Bound::Is(1), Bound::None | Bound::Unknown) | (_, Bound::Is(1)));
    let noun = if one { "character" } else { "characters" };
    format!("{} {noun}", range.words())
}

fn signers(capabilities: &Capabilities) -> String {
    let chain = if capabilities.signers.chain.is_yes() { ", more as a chain" } else { "" };
    format!("{}{chain}", capabilities.signers.count.words())
}

fn needs(capabilities: &Capabilities) -> String {
    let signers = &capabilities.signers;
    let data = [("e-mail", signers.email), ("name", signers.name), ("phone", signers.phone)];
    list(data.into_iter().filter_map(|(word, need)| match need {
        Need::Required => Some(word.to_owned()),
        Need::ForEmailDelivery => Some(format!("{word} for {}", Delivery::ProviderEmail)),
        _ => None,
    }))
}

fn delivery(delivery: &DeliverySupport) -> String {
    let mut words = vec![delivery.delivery.to_string()];
    if delivery.shared_link {
        words.push("one link for all".to_owned());
    }
    if let Bound::Is(seconds) = delivery.link_lifetime {
        words.push(span(seconds));
    }
    match words.split_first() {
        Some((first, rest)) if !rest.is_empty() => format!("{first} ({})", rest.join(", ")),
        _ => words.concat(),
    }
}

fn place(capabilities: &Capabilities) -> String {
    match &capabilities.placements.neutral {
        Neutral::Supported => "yes".to_owned(),
        Neutral::NeedsSetting { line, .. } => format!("with `{line}`"),
        _ => "the provider's choice".to_owned(),
    }
}

fn signature_box(support: BoxSupport) -> String {
    match support {
        BoxSupport::ProviderFixed { drawn, .. } => format!("{} x {} pt", drawn.width, drawn.height),
        BoxSupport::Wish { min, max, .. } => {
            format!("{} x {} to {} x {} pt", min.width, min.height, max.width, max.height)
        }
        _ => unknown(),
    }
}

fn message(capabilities: &Capabilities) -> String {
    let message = &capabilities.message;
    match message.deliveries.as_slice() {
        [] => none(),
        ways => format!("{}: {}", list(ways.iter()), characters(message.chars)),
    }
}

fn return_url(capabilities: &Capabilities) -> String {
    let support_ = &capabilities.return_url;
    match (support_.supported, &support_.domain) {
        (Support::Yes, Some(domain)) => format!("under {domain}"),
        (supported, _) => support(supported),
    }
}

fn expiry(capabilities: &Capabilities) -> String {
    let expiry = &capabilities.expiry;
    match (expiry.supported, expiry.seconds.min, expiry.seconds.max) {
        (Support::Yes, Bound::Is(min), Bound::Is(max)) => format!("{} to {}", span(min), span(max)),
        (Support::Yes, _, Bound::Is(max)) => format!("at most {}", span(max)),
        (Support::Yes, ..) => "yes".to_owned(),
        (Support::No | Support::Unknown, ..) => match expiry.fixed_seconds {
            Bound::Is(fixed) => format!("always {}", span(fixed)),
            Bound::None => "never".to_owned(),
            Bound::Unknown => unknown(),
        },
    }
}

fn certificate(holder: CertificateHolder) -> String {
    match holder {
        CertificateHolder::Signer => "the signer's".to_owned(),
        CertificateHolder::Provider => "the provider's".to_owned(),
        _ => "depends on the method".to_owned(),
    }
}

fn callbacks(support: CallbackSupport) -> String {
    match support {
        CallbackSupport::Verified => "verified".to_owned(),
        CallbackSupport::Hints => "hints".to_owned(),
        _ => none(),
    }
}

fn role(role: &Role) -> &'static str {
    match role {
        Role::Signer => "signers",
        Role::Approver => "approvers",
        Role::Viewer => "viewers",
        Role::Copy => "copies",
        _ => "others",
    }
}

fn mark(mark: &Mark) -> &'static str {
    match mark {
        Mark::Signature => "signature",
        Mark::Initials => "initials",
        Mark::Date => "date",
        Mark::Name => "name",
        Mark::Email => "e-mail",
        _ => "others",
    }
}

fn reference(support: ReferenceSupport) -> String {
    match support {
        ReferenceSupport::Echoed => "reference".to_owned(),
        ReferenceSupport::InDocumentName => "reference in the document's name".to_owned(),
        ReferenceSupport::NameAndTime => "name and time".to_owned(),
        _ => none(),
    }
}

fn origin(proof: OriginProof) -> String {
    match proof {
        OriginProof::ByteExtension => "begins with the bytes sent".to_owned(),
        OriginProof::EvidenceDigest => "digest in the evidence".to_owned(),
        OriginProof::OriginalKept => "original kept, file rewritten".to_owned(),
        _ => none(),
    }
}

#[cfg(test)]
mod tests {
    use esign_core::memory::MemoryService;

    use super::*;

    fn columns() -> Vec<(String, Capabilities)> {
        let everything = MemoryService::new().capabilities();
        let nothing = Capabilities::none(everything.kind.clone());
        vec![("everything".to_owned(), everything), ("nothing".to_owned(), nothing)]
    }

    #[test]
    fn every_row_has_words_for_every_column() {
        for row in rows(&columns()) {
            assert_eq!(row.values.len(), 2);
            assert!(row.values.iter().all(|value| !value.is_empty()), "{row:?}");
        }
    }

    #[test]
    fn the_table_is_markdown() {
        let table = markdown(&columns());
        let mut lines = table.lines();
        assert_eq!(lines.next(), Some("|  | everything | nothing |"));
        assert_eq!(lines.next(), Some("| --- | --- | --- |"));
        assert!(lines.all(|line| line.matches('|').count() == 4), "{table}");
        assert!(table.contains("| cancel | yes | – |"), "{table}");
    }

    #[test]
    fn numbers_agree_with_their_nouns_and_odd_sizes_are_not_rounded() {
        let cases = [
            (Range::at_least(1), "at least 1 character"),
            (Range::of(4, 100), "4 to 100 characters"),
            (Range::up_to(1), "at most 1 character"),
            (Range::of(1, 1), "exactly 1 character"),
        ];
        for (range, words) in cases {
            assert_eq!(characters(range), words);
        }
        for (most, words) in [
            (10_000_000, "at most 10 MB"),
            (9_999_999, "less than 10 MB"),
            (10_485_760, "at most 10485760 bytes"),
            (9_999_998, "at most 9999998 bytes"),
        ] {
            assert_eq!(size(Range::up_to(most)), words);
        }
    }

    #[test]
    fn spans_are_written_in_the_largest_whole_unit() {
        for (seconds, words) in
            [(0, "0 s"), (59, "59 s"), (60, "1 min"), (90, "90 s"), (1800, "30 min"), (2_592_000, "30 d")]
        {
            assert_eq!(span(seconds), words);
        }
    }

    #[tokio::test]
    async fn the_typical_configuration_builds_every_registered_kind() {
        let built: Vec<_> = typical().await.unwrap().into_iter().map(|(_, c)| c.kind).collect();
        let registered: Vec<_> = default_registry().kinds().cloned().collect();
        assert_eq!(built, registered);
    }
}
