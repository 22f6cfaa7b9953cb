//! Randomness from the system.

use crate::{Error, ErrorKind, Result};

/// A version 4 UUID as text.
pub(crate) fn uuid_v4() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|e| Error::new(ErrorKind::Internal, "the system gives no randomness").with_source(e))?;
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string())
}
