//! Wishes that only Signify understands.

use esign_core::{ProviderKind, ProviderOption};
use serde::{Deserialize, Serialize};

/// Options of a request for Signify: there are none.
///
/// Every field of `POST v2/documents` follows from the neutral request (spec 3.1): `documentMode` from the delivery,
/// `redirectUrl` from the return address, `customMessage` from the messages. The type exists so that a block with a
/// typing error is refused instead of ignored, and so that a field of a later API version has its place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SignifyOptions {}

impl ProviderOption for SignifyOptions {
    const KIND: ProviderKind = crate::KIND;
}
