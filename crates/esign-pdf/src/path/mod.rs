//! Whether RFC 5280, 6.1 accepts a chain of certificates whose signatures hold.

mod constraints;
mod policies;

use jiff::Timestamp;

use crate::oid;
use crate::trust::{Purpose, Untrusted};
use crate::x509::{Certificate, SIGNS_CERTIFICATES};
use constraints::Constraints;
use policies::Policies;

/// Critical extensions that are looked at here, or that restrict nothing in a path.
const KNOWN: &[&[u8]] = &[
    oid::AUTHORITY_INFO_ACCESS,
    oid::AUTHORITY_KEY_ID,
    oid::BASIC_CONSTRAINTS,
    oid::CERTIFICATE_POLICIES,
    oid::CRL_DISTRIBUTION_POINTS,
    oid::EXTENDED_KEY_USAGE,
    oid::FRESHEST_CRL,
    oid::INHIBIT_ANY_POLICY,
    oid::ISSUER_ALTERNATIVE_NAME,
    oid::KEY_USAGE,
    oid::NAME_CONSTRAINTS,
    oid::POLICY_CONSTRAINTS,
    oid::POLICY_MAPPINGS,
    // What is said of a qualified certificate (RFC 3739) is for people and courts.
    oid::QC_STATEMENTS,
    oid::SUBJECT_ALTERNATIVE_NAME,
    oid::SUBJECT_DIRECTORY_ATTRIBUTES,
    oid::SUBJECT_INFO_ACCESS,
    oid::SUBJECT_KEY_ID,
];

/// Checks a chain from `leaf` over `between` (from below) to `root`. Of the root only its restrictions on what stands below it
/// count: it is trusted because it is configured.
pub(crate) fn validate(
    leaf: &Certificate<'_>,
    between: &[Certificate<'_>],
    root: &Certificate<'_>,
    at: Timestamp,
    purpose: Purpose,
) -> Result<(), Untrusted> {
    let mut constraints = Constraints::default();
    constraints.add(root)?;
    let mut length_left = root.path_length();
    let mut policies = Policies::new(between.len() + 1);
    let mut above = root;
    for authority in between.iter().rev() {
        examine(authority, above, at)?;
        may_issue(authority, purpose)?;
        if authority.is_self_issued() {
            // A new key for the same authority is no step down.
        } else if length_left == Some(0) {
            return Err(broken("an authority in the chain stands below one that allows no more below it"));
        } else {
            length_left = length_left.map(|left| left - 1);
        }
        if !authority.is_self_issued() {
            constraints.check(authority)?;
        }
        policies.authority(authority)?;
        constraints.add(authority)?;
        length_left = length_left.into_iter().chain(authority.path_length()).min();
        above = authority;
    }
    examine(leaf, above, at)?;
    constraints.check(leaf)?;
    policies.end(leaf)
}

pub(super) fn broken(why: &'static str) -> Untrusted {
    Untrusted::NoPath(why.into())
}

/// What every certificate below the root must be.
fn examine(certificate: &Certificate<'_>, above: &Certificate<'_>, at: Timestamp) -> Result<(), Untrusted> {
    if !certificate.names_as_issuer(above) {
        return Err(broken("the names of the certificate chain do not fit"));
    }
    if !(certificate.not_before..=certificate.not_after).contains(&at) {
        return Err(Untrusted::Expired);
    }
    let mut seen = Vec::new();
    for extension in certificate.extensions() {
        if seen.contains(&extension.oid) {
            return Err(broken("a certificate of the chain has an extension twice"));
        }
        seen.push(extension.oid);
        if seen.len() > MOST_EXTENSIONS {
            return Err(broken("a certificate of the chain has very many extensions"));
        }
        if extension.is_critical && !KNOWN.contains(&extension.oid) {
            return Err(Untrusted::Limit(
                format!(
                    "a certificate of the chain has the critical extension {}, which this verifier does not know",
                    oid::dotted(extension.oid)
                )
                .into(),
            ));
        }
    }
    Ok(())
}

/// Real certificates have about ten.
const MOST_EXTENSIONS: usize = 64;

/// What an authority between must be.
fn may_issue(authority: &Certificate<'_>, purpose: Purpose) -> Result<(), Untrusted> {
    if !authority.is_authority() || !authority.allows(SIGNS_CERTIFICATES) {
        return Err(broken("a certificate in the chain may not issue certificates"));
    }
    let restricted = authority.extension(oid::EXTENDED_KEY_USAGE).is_some();
    let stamps = || authority.has_purpose(oid::TIME_STAMPING) || authority.has_purpose(oid::ANY_PURPOSE);
    if purpose == Purpose::Timestamping && restricted && !stamps() {
        return Err(broken("an authority in the chain may not issue certificates for timestamps"));
    }
    Ok(())
}
