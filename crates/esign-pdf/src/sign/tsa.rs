//! A timestamp authority in memory (RFC 3161).

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest::digest;
use jiff::Timestamp;
use rcgen::KeyPair;
use yasna::models::GeneralizedTime;

use super::cms::{self, Signer, write_oid};
use super::{SignError, pki};

/// `id-ct-TSTInfo`.
const TST_INFO: &[u64] = &[1, 2, 840, 113_549, 1, 9, 16, 1, 4];
/// The policy that tokens name, which RFC 3161 requires: one below 2.999, the arc for examples (ITU-T X.660).
const POLICY: &[u64] = &[2, 999, 1];

/// Makes RFC 3161 tokens with a P-256 key.
pub struct TimestampAuthority {
    key: KeyPair,
    chain: Vec<Vec<u8>>,
    serial: AtomicU64,
}

impl TimestampAuthority {
    pub(super) fn new(key: KeyPair, chain: Vec<Vec<u8>>) -> Self {
        Self { key, chain, serial: AtomicU64::new(1) }
    }

    /// A `TimeStampToken` in DER that says that `data` existed at `now`, to the second.
    ///
    /// # Errors
    /// [`SignError::Certificate`] if the time is out of the range of a token.
    pub fn token(&self, data: &[u8], now: Timestamp) -> Result<Vec<u8>, SignError> {
        let time = GeneralizedTime::from_datetime(pki::date(now)?);
        let signer = Signer { key: &self.key, chain: &self.chain };
        let scheme = signer.scheme();
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let info = yasna::construct_der(|w| {
            w.write_sequence(|w| {
                w.next().write_u8(1);
                write_oid(w.next(), POLICY);
                w.next().write_sequence(|imprint| {
                    scheme.write_digest(imprint.next());
                    imprint.next().write_bytes(digest(scheme.digest, data).as_ref());
                });
                w.next().write_u64(serial);
                w.next().write_generalized_time(&time);
            });
        });
        cms::sign(signer, TST_INFO, digest(scheme.digest, &info).as_ref())?.into_message(Some(&info), None)
    }

    /// The certificates in DER: the authority's first, the root last.
    pub fn chain(&self) -> impl Iterator<Item = &[u8]> {
        self.chain.iter().map(Vec::as_slice)
    }
}

impl fmt::Debug for TimestampAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimestampAuthority").finish_non_exhaustive()
    }
}
