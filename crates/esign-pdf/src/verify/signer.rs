//! One signature: integrity, binding, timestamp and the path of its certificate.

use esign_core::Personal;
use esign_core::facts::SignatureLevel;
use jiff::{SignedDuration, Timestamp};

use super::byte_range::signed_pieces;
use super::report::{
    Chain, Coverage, Fact, Revocation, RevocationStatus, SignatureKind, SignatureReport, Signer, TimeSource,
    TimestampReport, TopCertificate, Verdict,
};
use super::store::Known;
use super::{Signed, TimestampTrust, VerifyOptions, hex, sha256};
use crate::cms::{About, Binding, Content, Reason, SignedData, TimestampInfo, Unverified};
use crate::inspect::doc_mdp;
use crate::limits::Work;
use crate::revocation::{Evidence, Status};
use crate::trust::{Purpose, Roots, Untrusted, is_self_signed, top};
use crate::x509::Certificate;
use crate::{name, oid};

/// Formats whose content is the signed bytes themselves.
const DETACHED: [&str; 2] = ["ETSI.CAdES.detached", "adbe.pkcs7.detached"];

/// Everything about a signature but its place and what came after it.
pub(crate) fn report(
    signed: &Signed<'_>,
    known: &Known<'_>,
    roots: &Roots<'_>,
    options: &VerifyOptions,
    work: &Work,
) -> SignatureReport {
    let others = &known.certificates;
    let against = Against { others, roots, evidence: &known.evidence, work };
    let mut report = blank(signed, options);
    let pieces = signed_pieces(signed.bytes, signed.value);
    let pieces = match pieces {
        Ok(pieces) => pieces,
        Err(reason) => {
            report.integrity = Fact::failed(reason);
            return report;
        }
    };
    if signed.repeats_an_entry() {
        report.integrity = Fact::failed(REPEATED);
        return report;
    }
    let document = Content::Document(pieces);
    if signed.value.is_document_timestamp() {
        document_timestamp(&mut report, &signed.value.contents, document, &against);
        return report;
    }
    let format_is_known = DETACHED.contains(&signed.value.sub_filter.as_str());
    let cms = match SignedData::parse(&signed.value.contents) {
        Ok(cms) => cms,
        Err(_) if !format_is_known => {
            report.integrity = Fact::unknown(FOREIGN);
            return report;
        }
        Err(reason) => {
            report.integrity = Fact::failed(reason);
            return report;
        }
    };
    let Some(certificate) = cms.signer_certificate(others) else {
        report.integrity = Fact::unknown(NO_CERTIFICATE);
        return report;
    };
    report.signer = Some(describe(&certificate));
    report.integrity = match cms.content {
        Some(_) if !format_is_known => Fact::unknown(FOREIGN),
        Some(_) => Fact::failed("the signature has content of its own, so it does not sign the document"),
        None if cms.content_type != oid::DATA => Fact::failed("the signature is not one over data"),
        None => check(&cms, document, &certificate, work),
    };
    if !format_is_known && report.integrity.is_passed() {
        report.integrity = Fact::unknown(FOREIGN);
    }
    report.binding = binding(cms.binding(&certificate));
    let known: Vec<_> = cms.certificates.iter().chain(others).copied().collect();
    let against = Against { others: &known, ..against };
    report.timestamp = best_timestamp(&cms, &against);
    let times = Times::of(report.timestamp.as_ref(), options);
    (report.chain, report.revocation) = against.settle(&certificate, &times, options.timestamps);
    report
}

/// The times that a signature may have been made at.
struct Times {
    /// What is verified for where no timestamp settles it.
    caller: Timestamp,
    /// That of an intact timestamp, which says little if its authority is not trusted.
    stated: Option<Timestamp>,
    /// Whether its authority leads to a configured root.
    is_trusted: bool,
}

impl Times {
    /// A timestamp of an authority that is known to be revoked never counts, and one from the future says nothing about the
    /// past.
    fn of(timestamp: Option<&TimestampReport>, options: &VerifyOptions) -> Self {
        let latest = options.at.saturating_add(CLOCK_TOLERANCE).unwrap_or(Timestamp::MAX);
        let intact = timestamp.filter(|timestamp| {
            timestamp.integrity.is_passed() && timestamp.revocation.status != RevocationStatus::Revoked
        });
        Self {
            caller: options.at,
            stated: intact.and_then(|timestamp| timestamp.time).filter(|time| *time <= latest),
            is_trusted: timestamp.is_some_and(|timestamp| timestamp.chain.is_passed()),
        }
    }
}

/// What a signer is checked against.
#[derive(Clone, Copy)]
struct Against<'a> {
    others: &'a [Certificate<'a>],
    roots: &'a Roots<'a>,
    evidence: &'a Evidence<'a>,
    work: &'a Work,
}

/// What is found at one time.
struct Path {
    trusted: Fact,
    root: Option<String>,
    revocation: Revocation,
    has_expired: bool,
}

impl Path {
    fn stands(&self) -> bool {
        self.trusted.is_passed() && self.revocation.status != RevocationStatus::Revoked
    }
}

impl Against<'_> {
    /// The chain of a signer and its revocation, at the time that counts (`docs/adr/0011`): that of a trusted timestamp, else
    /// the caller's. Where only the time of an untrusted one would make them stand, the report says so.
    fn settle(
        &self,
        certificate: &Certificate<'_>,
        times: &Times,
        trust: TimestampTrust,
    ) -> (Chain, Revocation) {
        let path = |at| self.path(certificate, at, Purpose::Signing);
        let top = |path: &Path| if path.trusted.is_passed() { None } else { self.top(certificate) };
        let done = |path: Path, at, time_source, needs_timestamp| {
            let top = top(&path);
            let Path { trusted, root, revocation, .. } = path;
            (Chain { trusted, at, time_source, root, needs_timestamp, top }, revocation)
        };
        let caller = TimeSource::Caller;
        let Some(stated) = times.stated else { return done(path(times.caller), times.caller, caller, false) };
        if times.is_trusted {
            return done(path(stated), stated, TimeSource::Timestamp, false);
        }
        let now = path(times.caller);
        if now.stands() || !(now.has_expired || now.trusted.is_passed()) {
            return done(now, times.caller, caller, false);
        }
        let then = path(stated);
        if !then.stands() {
            // What it was then is all that is known where it ended since.
            let known = if now.has_expired {
                (then, stated, TimeSource::UntrustedTimestamp)
            } else {
                (now, times.caller, caller)
            };
            return done(known.0, known.1, known.2, false);
        }
        let revoked_since = now.trusted.is_passed() || self.is_revoked(certificate, stated, times.caller);
        if trust == TimestampTrust::WhenIntact && !revoked_since {
            return done(then, stated, TimeSource::UntrustedTimestamp, false);
        }
        done(now, times.caller, caller, true)
    }

    fn path(&self, certificate: &Certificate<'_>, at: Timestamp, purpose: Purpose) -> Path {
        let no_path = |trusted, has_expired| Path {
            trusted,
            root: None,
            revocation: not_checked("there is no path"),
            has_expired,
        };
        match self.roots.path(certificate, self.others, at, purpose, self.work) {
            Ok(path) => Path {
                trusted: Fact::passed(),
                root: path.last().and_then(Certificate::common_name),
                revocation: self.revocation(&path, at),
                has_expired: false,
            },
            Err(Untrusted::Expired) => no_path(Fact::failed(EXPIRED), true),
            Err(Untrusted::NoPath(reason)) => no_path(Fact::failed(reason), false),
            Err(Untrusted::Limit(reason)) => {
                no_path(Fact::unknown(format!("{reason}; this is a limit of this verifier")), false)
            }
        }
    }

    /// True if a certificate of the path, as it was at one time, is known to be revoked at another.
    fn is_revoked(&self, certificate: &Certificate<'_>, path_at: Timestamp, at: Timestamp) -> bool {
        let path = self.roots.path(certificate, self.others, path_at, Purpose::Signing, self.work);
        path.is_ok_and(|path| self.evidence.status_of_path(&path, at, self.work) == Status::Revoked)
    }

    fn revocation(&self, path: &[Certificate<'_>], at: Timestamp) -> Revocation {
        let (status, unsettled) = self.evidence.judge(path, at, self.work);
        if self.evidence.is_empty() {
            return Revocation { unsettled, ..not_checked("the document has no revocation data") };
        }
        let (status, detail) = match status {
            Status::Good => (RevocationStatus::Good, None),
            Status::Revoked => (RevocationStatus::Revoked, None),
            Status::Unknown => {
                let detail = "the revocation data leaves out a certificate of the path, or was out of date";
                (RevocationStatus::Unknown, Some(detail.to_owned()))
            }
        };
        Revocation { status, detail, unsettled }
    }

    /// What the document brings along above a certificate.
    fn top(&self, certificate: &Certificate<'_>) -> Option<TopCertificate> {
        let top = top(certificate, self.others, self.work);
        (top.raw != certificate.raw).then(|| TopCertificate {
            common_name: top.common_name(),
            issuer: name::common_name(top.issuer),
            sha256: hex(&sha256(top.raw)),
            self_signed: is_self_signed(&top, self.work),
            der: top.raw.to_vec(),
        })
    }
}

const EXPIRED: Reason = "the certificate or one above it is not valid at that time";

fn not_checked(why: &str) -> Revocation {
    Revocation { status: RevocationStatus::NotChecked, detail: Some(why.to_owned()), unsettled: Vec::new() }
}

const FOREIGN: Reason = "this verifier does not know the signature's format (/SubFilter)";
const REPEATED: Reason =
    "the signature's dictionary has an entry twice, so readers may see different signatures";
const NO_CERTIFICATE: Reason = "the signer's certificate is not in the document";

fn blank(signed: &Signed<'_>, options: &VerifyOptions) -> SignatureReport {
    let doc = signed.view.doc;
    let kind = if signed.value.is_document_timestamp() {
        SignatureKind::DocumentTimestamp
    } else if doc_mdp(doc, signed.value.dict).is_some() {
        SignatureKind::Certification
    } else {
        SignatureKind::Approval
    };
    let claimed = doc.get_bytes(signed.value.dict, b"M");
    SignatureReport {
        field: signed.field.name.clone(),
        kind,
        sub_filter: signed.value.sub_filter.clone(),
        level: SignatureLevel::None,
        widgets: Vec::new(),
        claimed_time: claimed.and_then(|date| pdf_date(&date)),
        integrity: Fact::unknown("not reached"),
        binding: Fact::unknown("the signature does not name its certificate"),
        signer: None,
        timestamp: None,
        chain: Chain {
            trusted: Fact::unknown("not reached"),
            at: options.at,
            time_source: TimeSource::Caller,
            root: None,
            needs_timestamp: false,
            top: None,
        },
        revocation: not_checked("not reached"),
        coverage: Coverage::Revision,
        signed_bytes: 0,
        changes: Vec::new(),
        verdict: Verdict::Failed,
        reasons: Vec::new(),
        notes: Vec::new(),
    }
}

fn document_timestamp(
    report: &mut SignatureReport,
    token: &[u8],
    document: Content<'_>,
    against: &Against<'_>,
) {
    let (timestamp, signer) = timestamp(token, document, against);
    report.integrity = timestamp.integrity.clone();
    report.binding = timestamp.binding.clone();
    report.signer = signer;
    report.chain.trusted = timestamp.chain.clone();
    report.chain.root.clone_from(&timestamp.root);
    report.chain.top.clone_from(&timestamp.top);
    report.revocation = timestamp.revocation.clone();
    if let Some(time) = timestamp.time {
        report.chain.at = time;
        let trusted = timestamp.chain.is_passed();
        report.chain.time_source =
            if trusted { TimeSource::Timestamp } else { TimeSource::UntrustedTimestamp };
    }
    report.timestamp = Some(timestamp_report(timestamp));
}

struct Token {
    time: Option<Timestamp>,
    authority: Option<String>,
    integrity: Fact,
    binding: Fact,
    chain: Fact,
    root: Option<String>,
    top: Option<TopCertificate>,
    revocation: Revocation,
}

/// Checks a timestamp token about these bytes (RFC 3161, RFC 5816).
fn timestamp(token: &[u8], about: Content<'_>, against: &Against<'_>) -> (Token, Option<Signer>) {
    let broken = |integrity: Fact| {
        let (binding, chain) = (Fact::unknown("not reached"), Fact::unknown("not reached"));
        let revocation = not_checked("there is no path");
        let (time, authority, root, top) = (None, None, None, None);
        (Token { time, authority, integrity, binding, chain, root, top, revocation }, None)
    };
    let cms = match SignedData::parse(token) {
        Ok(cms) => cms,
        Err(reason) => return broken(Fact::failed(reason)),
    };
    let Some(info) = TimestampInfo::parse(&cms) else {
        return broken(Fact::failed("the timestamp is not an RFC 3161 token"));
    };
    let Some(certificate) = cms.signer_certificate(against.others) else {
        return broken(Fact::unknown("the timestamp authority's certificate is not in the document"));
    };
    let content = cms.content.as_deref().unwrap_or_default();
    let integrity = match (
        check(&cms, Content::Bytes(content), &certificate, against.work),
        info.about(about, against.work),
    ) {
        (_, About::SomethingElse) => Fact::failed("the timestamp is about something else"),
        (holds, About::Unknown(reason)) if !holds.is_failed() => Fact::unknown(reason),
        (holds, _) => holds,
    };
    let known: Vec<_> = cms.certificates.iter().chain(against.others).copied().collect();
    let against = Against { others: &known, ..*against };
    let path = against.path(&certificate, info.time, Purpose::Timestamping);
    let binding = binding(cms.binding(&certificate));
    // RFC 3161 demands that a token names its certificate.
    let integrity = if integrity.is_passed() && !binding.is_passed() { binding.clone() } else { integrity };
    let token = Token {
        time: Some(info.time),
        authority: certificate.common_name(),
        integrity,
        binding,
        top: if path.trusted.is_passed() { None } else { against.top(&certificate) },
        chain: path.trusted,
        root: path.root,
        revocation: path.revocation,
    };
    (token, Some(describe(&certificate)))
}

/// The first timestamp that is intact and trusted, else the first intact one, else the first.
fn best_timestamp(cms: &SignedData<'_>, against: &Against<'_>) -> Option<TimestampReport> {
    const MOST: usize = 8;
    let about = Content::Bytes(&cms.signer.signature);
    let tokens = cms.signer.timestamps();
    let checked = tokens.iter().take(MOST).map(|token| timestamp(token.raw, about, against).0);
    checked.map(timestamp_report).min_by_key(|token| (!token.integrity.is_passed(), !token.chain.is_passed()))
}

/// A revoked authority is not trusted, whoever stands above it.
fn timestamp_report(token: Token) -> TimestampReport {
    let Token { time, authority, integrity, revocation, top, mut chain, .. } = token;
    if revocation.status == RevocationStatus::Revoked {
        chain = Fact::failed(REVOKED_AUTHORITY);
    }
    TimestampReport { time, authority, integrity, chain, top, revocation }
}

/// By how much the clocks of authority and caller may differ.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);
const REVOKED_AUTHORITY: &str = "the timestamp authority's certificate was revoked";

fn check(cms: &SignedData<'_>, content: Content<'_>, certificate: &Certificate<'_>, work: &Work) -> Fact {
    match cms.check(content, certificate, work) {
        Ok(()) => Fact::passed(),
        Err(Unverified::Wrong(reason)) => Fact::failed(reason),
        Err(Unverified::Unsupported(reason)) => Fact::unknown(reason),
    }
}

fn binding(binding: Binding) -> Fact {
    match binding {
        Binding::Matches => Fact::passed(),
        Binding::Differs => {
            Fact::failed("the signature names another certificate than the one that verifies it")
        }
        Binding::Absent => Fact::unknown("the signature does not name its certificate"),
    }
}

fn describe(certificate: &Certificate<'_>) -> Signer {
    Signer {
        common_name: certificate.common_name().map(Personal::new),
        id_end: certificate.id_end().map(Personal::new),
        issuer: name::common_name(certificate.issuer),
        serial: hex(certificate.serial),
        not_before: certificate.not_before,
        not_after: certificate.not_after,
        sha256: hex(&sha256(certificate.raw)),
    }
}

/// `D:YYYYMMDDHHmmSSOHH'mm'` (ISO 32000-1, 7.9.4); what is missing at the end is the earliest moment in UTC.
fn pdf_date(date: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(date).ok()?;
    let text = text.strip_prefix("D:").unwrap_or(text);
    let digits = text.bytes().take(14).take_while(u8::is_ascii_digit).count();
    (digits >= 4 && digits % 2 == 0).then_some(())?;
    let (stamp, zone) = text.split_at(digits);
    let stamp = format!("{stamp}{}", &"00000101000000"[digits..]);
    let part = |from: usize, to: usize| &stamp[from..to];
    let zone: String = zone.chars().filter(|c| *c != '\'').collect();
    let zone = match zone.as_str() {
        "" | "Z" => "+00:00".to_owned(),
        zone if zone.starts_with('Z') => "+00:00".to_owned(),
        zone => format!("{}:{}", zone.get(..3)?, zone.get(3..5).unwrap_or("00")),
    };
    let [year, month, day] = [part(0, 4), part(4, 6), part(6, 8)];
    let [hour, minute, second] = [part(8, 10), part(10, 12), part(12, 14)];
    format!("{year}-{month}-{day}T{hour}:{minute}:{second}{zone}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (date, expected) in [
            ("D:20250615181112+08'00'", Some("2025-06-15T10:11:12Z")),
            ("D:20250615101112Z00'00'", Some("2025-06-15T10:11:12Z")),
            ("20250615101112Z", Some("2025-06-15T10:11:12Z")),
            ("D:2025", Some("2025-01-01T00:00:00Z")),
            ("D:202506151011-01", Some("2025-06-15T11:11:00Z")),
            ("D:20251399", None),
            ("yesterday", None),
        ] {
            assert_eq!(pdf_date(date.as_bytes()).map(|time| time.to_string()).as_deref(), expected, "{date}");
        }
    }
}
