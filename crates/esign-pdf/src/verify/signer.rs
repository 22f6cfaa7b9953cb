//! One signature: integrity, binding, timestamp and the path of its certificate.

use esign_core::Personal;
use esign_core::facts::SignatureLevel;
use jiff::{SignedDuration, Timestamp};

use super::byte_range::signed_pieces;
use super::report::{
    Chain, Coverage, Fact, Revocation, RevocationStatus, SignatureKind, SignatureReport, Signer, TimeSource,
    TimestampReport, Verdict,
};
use super::store::Store;
use super::{Signed, TimestampTrust, VerifyOptions, hex, sha256};
use crate::cms::{Binding, Reason, SignedData, TimestampInfo, Unverified};
use crate::inspect::doc_mdp;
use crate::limits::Work;
use crate::oid;
use crate::revocation::{RevocationData, Status};
use crate::trust::{Purpose, Roots, Untrusted};
use crate::x509::{Certificate, common_name};

/// Formats whose content is the signed bytes themselves.
const DETACHED: [&str; 2] = ["ETSI.CAdES.detached", "adbe.pkcs7.detached"];

/// Everything about a signature but its place and what came after it.
pub(crate) fn report(
    signed: &Signed<'_>,
    store: &Store,
    roots: &Roots<'_>,
    options: &VerifyOptions,
    work: &Work,
) -> SignatureReport {
    let others = store.certificates();
    let against = Against { others: &others, roots, evidence: store.evidence(), work };
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
    if signed.value.is_document_timestamp() {
        document_timestamp(&mut report, &signed.value.contents, &pieces, &against);
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
    let Some(certificate) = cms.signer_certificate(&others) else {
        report.integrity = Fact::unknown(NO_CERTIFICATE);
        return report;
    };
    report.signer = Some(describe(&certificate));
    report.integrity = match cms.content {
        Some(_) if !format_is_known => Fact::unknown(FOREIGN),
        Some(_) => Fact::failed("the signature has content of its own, so it does not sign the document"),
        None if cms.content_type != oid::DATA => Fact::failed("the signature is not one over data"),
        None => check(&cms, &pieces, &certificate, work),
    };
    if !format_is_known && report.integrity.is_passed() {
        report.integrity = Fact::unknown(FOREIGN);
    }
    report.binding = binding(cms.binding(&certificate));
    let known: Vec<_> = cms.certificates.iter().chain(&others).copied().collect();
    let against = Against { others: &known, ..against };
    report.timestamp = best_timestamp(&cms, &against);
    let (at, time_source) = signing_time(report.timestamp.as_ref(), options);
    let mut path = against.path(&certificate, at, Purpose::Signing);
    if time_source == TimeSource::UntrustedTimestamp && against.is_revoked(&certificate, at, options.at) {
        path.revocation = Revocation {
            status: RevocationStatus::Revoked,
            detail: Some(UNEXCUSED.to_owned()),
            unsettled: Vec::new(),
        };
    }
    report.chain = Chain { trusted: path.trusted, at, time_source, root: path.root };
    report.revocation = path.revocation;
    report
}

/// What a signer is checked against.
#[derive(Clone, Copy)]
struct Against<'a> {
    others: &'a [Certificate<'a>],
    roots: &'a Roots<'a>,
    evidence: &'a RevocationData,
    work: &'a Work,
}

struct Path {
    trusted: Fact,
    root: Option<String>,
    revocation: Revocation,
}

impl Against<'_> {
    fn path(&self, certificate: &Certificate<'_>, at: Timestamp, purpose: Purpose) -> Path {
        let path = match self.roots.path(certificate, self.others, at, purpose, self.work) {
            Ok(path) => path,
            Err(Untrusted::Expired(reason) | Untrusted::NoPath(reason)) => {
                return Path {
                    trusted: Fact::failed(reason),
                    root: None,
                    revocation: not_checked("there is no path"),
                };
            }
        };
        let root = path.last().and_then(Certificate::common_name);
        Path { trusted: Fact::passed(), root, revocation: self.revocation(&path, at) }
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
}

fn not_checked(why: &str) -> Revocation {
    Revocation { status: RevocationStatus::NotChecked, detail: Some(why.to_owned()), unsettled: Vec::new() }
}

const FOREIGN: Reason = "this verifier does not know the signature's format (/SubFilter)";
const UNEXCUSED: &str =
    "only a timestamp authority under no configured root says that it was signed before that";
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

fn document_timestamp(report: &mut SignatureReport, token: &[u8], pieces: &[&[u8]], against: &Against<'_>) {
    let (timestamp, signer) = timestamp(token, pieces, against);
    report.integrity = timestamp.integrity.clone();
    report.binding = timestamp.binding.clone();
    report.signer = signer;
    report.chain.trusted = timestamp.chain.clone();
    report.chain.root.clone_from(&timestamp.root);
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
    revocation: Revocation,
}

/// Checks a timestamp token about these bytes (RFC 3161, RFC 5816).
fn timestamp(token: &[u8], about: &[&[u8]], against: &Against<'_>) -> (Token, Option<Signer>) {
    let broken = |integrity: Fact| {
        let (binding, chain) = (Fact::unknown("not reached"), Fact::unknown("not reached"));
        let revocation = not_checked("there is no path");
        (Token { time: None, authority: None, integrity, binding, chain, root: None, revocation }, None)
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
    let hashed = about.iter().map(|piece| piece.len()).sum();
    let integrity = if against.work.spend(hashed) && info.is_about(about) {
        check(&cms, &[content], &certificate, against.work)
    } else {
        Fact::failed("the timestamp is about something else")
    };
    let known: Vec<_> = cms.certificates.iter().chain(against.others).copied().collect();
    let path = Against { others: &known, ..*against }.path(&certificate, info.time, Purpose::Timestamping);
    let binding = binding(cms.binding(&certificate));
    // RFC 3161 demands that a token names its certificate.
    let integrity = if integrity.is_passed() && !binding.is_passed() { binding.clone() } else { integrity };
    let token = Token {
        time: Some(info.time),
        authority: certificate.common_name(),
        integrity,
        binding,
        chain: path.trusted,
        root: path.root,
        revocation: path.revocation,
    };
    (token, Some(describe(&certificate)))
}

/// The first timestamp that is intact and trusted, else the first intact one, else the first.
fn best_timestamp(cms: &SignedData<'_>, against: &Against<'_>) -> Option<TimestampReport> {
    const MOST: usize = 8;
    let about = [cms.signer.signature.as_slice()];
    let tokens = cms.signer.timestamps();
    let checked = tokens.iter().take(MOST).map(|token| timestamp(token.raw, &about, against).0);
    checked.map(timestamp_report).min_by_key(|token| (!token.integrity.is_passed(), !token.chain.is_passed()))
}

/// A revoked authority is not trusted, whoever stands above it.
fn timestamp_report(token: Token) -> TimestampReport {
    let Token { time, authority, integrity, revocation, mut chain, .. } = token;
    if revocation.status == RevocationStatus::Revoked {
        chain = Fact::failed(REVOKED_AUTHORITY);
    }
    TimestampReport { time, authority, integrity, chain, revocation }
}

/// The time that a path is checked for. A timestamp of an authority that is known to be revoked never counts, and one
/// from the future says nothing about the past.
fn signing_time(timestamp: Option<&TimestampReport>, options: &VerifyOptions) -> (Timestamp, TimeSource) {
    let caller = (options.at, TimeSource::Caller);
    let Some(timestamp) = timestamp.filter(|timestamp| timestamp.integrity.is_passed()) else {
        return caller;
    };
    let revoked = timestamp.revocation.status == RevocationStatus::Revoked;
    let latest = options.at.saturating_add(CLOCK_TOLERANCE);
    match timestamp.time.filter(|time| !revoked && latest.is_ok_and(|latest| *time <= latest)) {
        Some(time) if timestamp.chain.is_passed() => (time, TimeSource::Timestamp),
        Some(time) if options.timestamps == TimestampTrust::WhenIntact => {
            (time, TimeSource::UntrustedTimestamp)
        }
        _ => caller,
    }
}

/// By how much the clocks of authority and caller may differ.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);
const REVOKED_AUTHORITY: &str = "the timestamp authority's certificate was revoked";

fn check(cms: &SignedData<'_>, pieces: &[&[u8]], certificate: &Certificate<'_>, work: &Work) -> Fact {
    if !work.spend_signature(pieces.iter().map(|piece| piece.len()).sum()) {
        return Fact::unknown("not reached");
    }
    match cms.check(pieces, certificate) {
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
        issuer: common_name(certificate.issuer),
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
