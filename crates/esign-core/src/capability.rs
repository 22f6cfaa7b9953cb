//! What a provider instance can do, with limits, as plain data computed from its configuration.
//!
//! Requests are checked against this before any network call, and the capability matrix is generated from it.
//! Everything starts as unsupported ([`Capabilities::none`]), so a field added later is unsupported everywhere until
//! an adapter says otherwise.

use serde::{Deserialize, Serialize};

use crate::facts::{SignatureLevel, Size};
use crate::{Delivery, LegalClass, Mark, MediaType, Order, ProviderKind, Role};

/// A bound as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// The bound is this number.
    Is(u64),
    /// There is none.
    None,
    /// There may be one; nobody has said.
    Unknown,
}

/// A smallest and a largest number, both allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct Range {
    pub min: Bound,
    pub max: Bound,
}

impl Range {
    /// Not known at either end.
    pub const UNKNOWN: Self = Self { min: Bound::Unknown, max: Bound::Unknown };
    /// No bound at either end.
    pub const FREE: Self = Self { min: Bound::None, max: Bound::None };

    /// From `min` to `max`.
    #[must_use]
    pub const fn of(min: u64, max: u64) -> Self {
        Self { min: Bound::Is(min), max: Bound::Is(max) }
    }

    /// At most `max`.
    #[must_use]
    pub const fn up_to(max: u64) -> Self {
        Self { min: Bound::None, max: Bound::Is(max) }
    }

    /// At least `min`, without a known end.
    #[must_use]
    pub const fn at_least(min: u64) -> Self {
        Self { min: Bound::Is(min), max: Bound::Unknown }
    }

    /// True unless a known bound is broken.
    #[must_use]
    pub fn admits(&self, n: u64) -> bool {
        !matches!(self.min, Bound::Is(min) if n < min) && !matches!(self.max, Bound::Is(max) if n > max)
    }

    /// The range in words: `4 to 100`, `at most 20`.
    #[must_use]
    pub fn words(&self) -> String {
        match (self.min, self.max) {
            (Bound::Is(min), Bound::Is(max)) if min == max => format!("exactly {min}"),
            (Bound::Is(min), Bound::Is(max)) => format!("{min} to {max}"),
            (Bound::Is(min), _) => format!("at least {min}"),
            (_, Bound::Is(max)) => format!("at most {max}"),
            (Bound::Unknown, _) | (_, Bound::Unknown) => "unknown".to_owned(),
            (Bound::None, Bound::None) => "any number".to_owned(),
        }
    }
}

/// What one configured instance can do.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Capabilities {
    /// The provider kind.
    pub kind: ProviderKind,
    /// Where it sends to.
    pub endpoint: Endpoint,
    /// Documents it takes; `count` of zero for a provider that signs none.
    pub documents: DocumentLimits,
    /// Signers it takes.
    pub signers: SignerLimits,
    /// What people may have to do besides signing; empty: everybody signs.
    pub roles: Vec<Role>,
    /// Where signatures may go.
    pub placements: PlacementSupport,
    /// What may be placed besides signatures; empty: nothing else.
    pub marks: Vec<Mark>,
    /// Whether the provider's own numbers name the size of the box too.
    pub native_sizes: Support,
    /// The orders of several signers that it can honour.
    pub orders: Vec<Order>,
    /// How signers get to the page.
    pub deliveries: Vec<DeliverySupport>,
    /// Whether a status report has the link of a signer whose turn has come since the request was sent.
    pub later_links: Support,
    /// The ways of delivery with which the provider reminds signers on request; empty: it does not.
    pub reminders: Vec<Delivery>,
    /// Messages to signers.
    pub message: MessageSupport,
    /// Languages (BCP 47) that may be wished for; empty: no such wish.
    pub languages: Vec<String>,
    /// Where the browser may go afterwards.
    pub return_url: ReturnUrlSupport,
    /// How long signing may stay possible.
    pub expiry: ExpirySupport,
    /// Register schemes in which the provider checks who signs, such as `sg-nric`.
    pub identity_schemes: Vec<String>,
    /// The legal classes its signatures have.
    pub legal: Vec<LegalClaim>,
    /// Whether a request can be called back.
    pub cancel: Support,
    /// Whether a signer's refusal can be seen.
    pub decline_visible: Support,
    /// For how long the result can be obtained, in seconds after completion.
    pub result_lifetime: Bound,
    /// For how long a request that no signer ever opens stays alive, in seconds from submission: after that, a lost one that
    /// another has replaced is gone by itself.
    pub unused_ends_after: Bound,
    /// Whether an unfinished, partly signed document can be obtained.
    pub partial_result: Support,
    /// What comes in by itself.
    pub callbacks: CallbackSupport,
    /// How a submission whose answer was lost is recognised.
    pub reference: ReferenceSupport,
    /// How it is proved that what was signed is what was sent.
    pub origin_proof: OriginProof,
    /// Whether finished data can be erased at the provider.
    pub erase: Support,
    /// Whether a single transaction text can be signed.
    pub transactions: Support,
    /// Seconds to leave between two looks at the status.
    pub poll_interval: u64,
    /// Requests per window that the provider accepts.
    pub rate_limit: Option<RateLimit>,
    /// Statements above that nobody could check, in words.
    pub unverified: Vec<String>,
}

impl Capabilities {
    /// Nothing at all: the start for every adapter.
    #[must_use]
    pub fn none(kind: ProviderKind) -> Self {
        Self {
            kind,
            endpoint: Endpoint { environment: "custom".to_owned(), base_url: String::new() },
            documents: DocumentLimits {
                count: Range::of(0, 0),
                bytes: Range::UNKNOWN,
                media_types: Vec::new(),
                name: NameRules { chars: Range::UNKNOWN, allowed: None },
                view_only: Support::No,
                pdf: PdfRules::default(),
            },
            signers: SignerLimits {
                count: Range::of(0, 0),
                chain: Support::No,
                email: Need::Ignored,
                name: Need::Ignored,
                phone: Need::Ignored,
                unique_emails: false,
            },
            placements: PlacementSupport {
                neutral: Neutral::Unsupported,
                native: Support::No,
                anchors: Support::No,
                fields: Support::No,
                per_signer: Range::of(0, 0),
                per_document: Range::of(0, 0),
                box_size: BoxSupport::Unknown,
                decimals: None,
                overlap: Support::Yes,
                uncertain_unless_plain: false,
            },
            roles: Vec::new(),
            marks: Vec::new(),
            native_sizes: Support::No,
            orders: Vec::new(),
            deliveries: Vec::new(),
            later_links: Support::No,
            reminders: Vec::new(),
            message: MessageSupport { deliveries: Vec::new(), chars: Range::FREE },
            languages: Vec::new(),
            return_url: ReturnUrlSupport { supported: Support::No, schemes: Vec::new(), domain: None },
            expiry: ExpirySupport {
                supported: Support::No,
                seconds: Range::UNKNOWN,
                fixed_seconds: Bound::Unknown,
            },
            identity_schemes: Vec::new(),
            legal: Vec::new(),
            cancel: Support::No,
            decline_visible: Support::No,
            result_lifetime: Bound::Unknown,
            unused_ends_after: Bound::Unknown,
            partial_result: Support::No,
            callbacks: CallbackSupport::None,
            reference: ReferenceSupport::None,
            origin_proof: OriginProof::None,
            erase: Support::No,
            transactions: Support::No,
            poll_interval: 30,
            rate_limit: None,
            unverified: Vec::new(),
        }
    }

    /// Support for one way of delivery.
    #[must_use]
    pub fn delivery(&self, delivery: Delivery) -> Option<&DeliverySupport> {
        self.deliveries.iter().find(|d| d.delivery == delivery)
    }
}

/// Yes or no, or nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Support {
    /// Supported.
    Yes,
    /// Not supported.
    No,
    /// Not known; treated as not supported.
    Unknown,
}

impl Support {
    /// True only for a clear yes.
    #[must_use]
    pub fn is_yes(self) -> bool {
        self == Self::Yes
    }
}

impl From<bool> for Support {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

/// Where an instance sends to. A handle made at one address is not used at another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Endpoint {
    /// `production`, `staging` or `custom`.
    pub environment: String,
    /// Scheme, host, port and path; no query, no credentials.
    pub base_url: String,
}

impl Endpoint {
    /// Names the address in handles without storing it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hex = crate::Sha256Hash::of(self.base_url.trim_end_matches('/').as_bytes()).to_string();
        hex.truncate(16);
        hex
    }
}

/// Limits on documents.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DocumentLimits {
    /// How many per request.
    pub count: Range,
    /// Bytes of each.
    pub bytes: Range,
    /// Media types taken.
    pub media_types: Vec<MediaType>,
    /// Rules for the name that signers see.
    pub name: NameRules,
    /// Whether a signer may be shown a document without signing it.
    pub view_only: Support,
    /// What a PDF must be like.
    pub pdf: PdfRules,
}

/// Rules for a document's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NameRules {
    /// Number of characters.
    pub chars: Range,
    /// Allowed characters; any where `None`.
    pub allowed: Option<CharSet>,
}

/// A set of characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CharSet {
    /// `a` to `z`, `A` to `Z` and `0` to `9`.
    pub ascii_alphanumeric: bool,
    /// Further characters.
    pub others: String,
}

impl CharSet {
    /// True if the character is in the set.
    #[must_use]
    pub fn contains(&self, c: char) -> bool {
        (self.ascii_alphanumeric && c.is_ascii_alphanumeric()) || self.others.contains(c)
    }
}

/// What a PDF must be like for this provider. Each rule is "refuse where known to be refused, warn where uncertain".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PdfRules {
    /// Encrypted files, with or without a password.
    pub encrypted: Rule,
    /// Hybrid cross-references.
    pub hybrid: Rule,
    /// Damaged files and bytes before the header.
    pub damaged: Rule,
    /// Files whose certification forbids a further signature.
    pub locked: Rule,
    /// Dynamic XFA forms.
    pub dynamic_xfa: Rule,
    /// The least level that signatures already in the file must have; `None` for no such rule.
    pub existing_level: Option<SignatureLevel>,
    /// Boxes over existing signatures.
    pub overlap_existing: Rule,
    /// Signatures that are in the file already, for a provider that destroys them.
    pub existing_signatures: Rule,
    /// Form fields other than signatures, for a provider that makes them part of the page.
    pub forms: Rule,
    /// Texts in double braces (`{{…}}`), for a provider that takes them for orders.
    pub text_tags: Rule,
}

impl Default for PdfRules {
    /// A file that cannot keep its meaning when signed is refused; damage is a warning.
    fn default() -> Self {
        Self {
            encrypted: Rule::Refuse,
            hybrid: Rule::Allow,
            damaged: Rule::Warn,
            locked: Rule::Refuse,
            dynamic_xfa: Rule::Refuse,
            existing_level: None,
            overlap_existing: Rule::Warn,
            existing_signatures: Rule::Allow,
            forms: Rule::Allow,
            text_tags: Rule::Allow,
        }
    }
}

/// What to do about a property of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Nothing.
    Allow,
    /// Say so in the plan.
    Warn,
    /// Refuse the request.
    Refuse,
}

/// Limits on signers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignerLimits {
    /// How many per request.
    pub count: Range,
    /// Whether several signers work as a chain of requests, each signing the result of the one before.
    pub chain: Support,
    /// E-mail addresses.
    pub email: Need,
    /// Names.
    pub name: Need,
    /// Mobile numbers.
    pub phone: Need,
    /// No two signers may have the same address; case does not make a difference.
    pub unique_emails: bool,
}

/// What becomes of a datum of a signer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Need {
    /// Each signer must have it.
    Required,
    /// Needed for [`Delivery::ProviderEmail`] only.
    ForEmailDelivery,
    /// Used where present.
    Used,
    /// Not sent to the provider. It is a datum about the person rather than a wish, so it does no harm to have it.
    Ignored,
}

/// Where signatures may go.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlacementSupport {
    /// Places in the neutral space.
    pub neutral: Neutral,
    /// This kind's own numbers.
    pub native: Support,
    /// Text anchors that the provider itself resolves.
    pub anchors: Support,
    /// Form fields that the provider itself resolves.
    pub fields: Support,
    /// Per signer.
    pub per_signer: Range,
    /// Per document, all signers together.
    pub per_document: Range,
    /// The signature box.
    pub box_size: BoxSupport,
    /// Decimals that a coordinate may have; native ones with more are refused.
    pub decimals: Option<u8>,
    /// Whether boxes of one request may overlap each other.
    pub overlap: Support,
    /// How rotated, cropped and scaled pages are treated is not documented: say so in the plan.
    pub uncertain_unless_plain: bool,
}

/// Support for the neutral space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Neutral {
    /// Converted exactly.
    Supported,
    /// Could be converted if a setting said what the provider's documents do not.
    NeedsSetting {
        /// The key of the instance to set: `placement_origin = "top-left"`.
        line: String,
        /// How to find out, in a sentence.
        how: String,
    },
    /// The provider decides itself where signatures go.
    Unsupported,
}

/// The signature box.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BoxSupport {
    /// The provider draws a box of this size.
    ProviderFixed {
        /// As drawn, in points.
        drawn: Size,
        /// What must fit on the page, in points: the documented size where it differs from the one drawn.
        must_fit: Size,
    },
    /// The caller may wish, within these sizes in points.
    Wish {
        /// The smallest.
        min: Size,
        /// The largest.
        max: Size,
        /// Without a wish.
        default: Size,
    },
    /// Not known.
    Unknown,
}

/// One way to get signers to the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeliverySupport {
    /// The way.
    pub delivery: Delivery,
    /// How many signers may use it.
    pub signers: Range,
    /// Several signers share one link, so that a signature is not bound to a signer: needs `adapt = ["shared_link"]`.
    pub shared_link: bool,
    /// Seconds for which a link works.
    pub link_lifetime: Bound,
    /// What the button must look like that leads to the signing page, where the provider prescribes it.
    pub button: Option<Button>,
}

/// A prescribed button. Whoever shows it answers for it: the provider's own specification decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Button {
    /// The text, or what a screen reader says of the logo.
    pub label: String,
    /// What a screen reader says instead of the label, where that differs.
    pub spoken: Option<String>,
    /// The background, as `#RRGGBB`.
    pub fill: String,
    /// The colour of the text, as `#RRGGBB`.
    pub text: String,
    /// The colour of the border, as `#RRGGBB`.
    pub border: String,
    /// The provider's own picture of the button (SVG or PNG), shown in the place of the label.
    pub logo: Option<std::path::PathBuf>,
}

impl DeliverySupport {
    /// This way for so many signers, each with a link of their own; how long it works is not known.
    #[must_use]
    pub fn new(delivery: Delivery, signers: Range) -> Self {
        Self { delivery, signers, shared_link: false, link_lifetime: Bound::Unknown, button: None }
    }
}

/// Messages to signers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MessageSupport {
    /// The ways of delivery that carry a message; empty: none does.
    pub deliveries: Vec<Delivery>,
    /// Number of characters.
    pub chars: Range,
}

/// Where the browser may go afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReturnUrlSupport {
    /// Whether an address may be given.
    pub supported: Support,
    /// Allowed schemes; any where empty.
    pub schemes: Vec<String>,
    /// The host must be this domain or lie under it.
    pub domain: Option<String>,
}

/// How long signing may stay possible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExpirySupport {
    /// Whether the caller may wish.
    pub supported: Support,
    /// The wish in seconds.
    pub seconds: Range,
    /// What the provider does without a wish.
    pub fixed_seconds: Bound,
}

/// A legal class with its source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LegalClaim {
    /// The class.
    pub class: LegalClass,
    /// Who says so.
    pub source: String,
    /// The signature method, where the class depends on it.
    pub method: Option<String>,
    /// Whose certificate makes the signature.
    pub certificate: CertificateHolder,
}

/// Whose certificate makes the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CertificateHolder {
    /// The signer's own.
    Signer,
    /// A seal of the provider's.
    Provider,
    /// It depends on the method, or nobody has said.
    Unknown,
}

/// What comes in by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CallbackSupport {
    /// Signed callbacks that can be believed.
    Verified,
    /// Unsigned callbacks or redirects: a reason to look, nothing more.
    Hints,
    /// Nothing.
    None,
}

/// How a submission whose answer was lost is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReferenceSupport {
    /// The provider returns the caller's reference.
    Echoed,
    /// The reference can be part of the document's name.
    InDocumentName,
    /// Submissions can be listed, but only name and time tell them apart.
    NameAndTime,
    /// It cannot be.
    None,
}

/// How it is proved that what was signed is what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OriginProof {
    /// The signed file begins with the bytes that were sent.
    ByteExtension,
    /// An evidence file names the digest of what was sent.
    EvidenceDigest,
    /// The provider writes the file anew. It keeps what was sent and returns it ([`ArtifactId::ORIGINAL`]), which can be
    /// compared; nothing ties it to the signed file.
    ///
    /// [`ArtifactId::ORIGINAL`]: crate::ArtifactId::ORIGINAL
    OriginalKept,
    /// Not at all.
    None,
}

/// Requests per window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RateLimit {
    /// So many requests …
    pub requests: u32,
    /// … in so many seconds.
    pub window_seconds: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_admit_and_speak() {
        let cases = [
            (Range::of(4, 100), vec![4, 100], vec![3, 101], "4 to 100"),
            (Range::of(1, 1), vec![1], vec![0, 2], "exactly 1"),
            (Range::up_to(20), vec![0, 20], vec![21], "at most 20"),
            (Range::at_least(1), vec![1, u64::MAX], vec![0], "at least 1"),
            (Range::UNKNOWN, vec![0, u64::MAX], vec![], "unknown"),
            (Range::FREE, vec![0, u64::MAX], vec![], "any number"),
        ];
        for (range, inside, outside, words) in cases {
            assert!(inside.iter().all(|&n| range.admits(n)), "{words}");
            assert!(!outside.iter().any(|&n| range.admits(n)), "{words}");
            assert_eq!(range.words(), words);
        }
    }

    #[test]
    fn a_trailing_slash_does_not_change_the_endpoint() {
        let at = |base_url: &str| {
            Endpoint { environment: "custom".into(), base_url: base_url.into() }.fingerprint()
        };
        assert_eq!(at("https://x.example/a/"), at("https://x.example/a"));
        assert_ne!(at("https://x.example/a"), at("https://y.example/a"));
    }
}
