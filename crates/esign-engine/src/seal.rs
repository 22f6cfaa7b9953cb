//! Sealing at rest: AES-256-GCM, one data key per order, wrapped by a master key. Destroying a data key erases the order, in
//! every backup too.

use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use esign_core::secrecy::ExposeSecret;
use esign_core::{Error, ErrorKind, Result, SecretRef, SecretSource, Sha256Hash};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const KEY_BYTES: usize = 32;
/// Part of what is authenticated, so that another layout can never be taken for this one.
const LAYOUT: &str = "esign-sealed-1";

/// Bytes that only the holder of a key can read. `Debug` shows their number.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// The sealed bytes, for storing.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Sealed bytes out of a store. Nothing is checked before they are opened.
    #[must_use]
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

impl Serialize for Sealed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD_NO_PAD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Sealed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD_NO_PAD.decode(text).map_err(|_| serde::de::Error::custom("not base64"))?;
        Ok(Self(bytes))
    }
}

/// A data key, sealed under a master key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrappedKey {
    /// The id of the master key.
    pub master: String,
    /// The key.
    pub key: Sealed,
}

/// The master keys: the first seals, all open. `Debug` shows their ids.
pub struct Keyring {
    active: String,
    keys: BTreeMap<String, Key>,
}

impl Keyring {
    /// Reads master keys, the active one first; those behind it open what was sealed before a rotation. Each is 32 random
    /// bytes in base64, as `openssl rand -base64 32` prints them.
    ///
    /// # Errors
    /// [`ErrorKind::Secret`] if one cannot be read or is no such key.
    pub async fn read(source: &dyn SecretSource, references: &[SecretRef]) -> Result<Self> {
        let mut bytes = Vec::new();
        for reference in references {
            let secret = source.secret(reference).await?;
            let text = secret.expose_secret().trim().trim_end_matches('=').to_owned();
            let key: Option<[u8; KEY_BYTES]> =
                STANDARD_NO_PAD.decode(text).ok().and_then(|key| key.try_into().ok());
            bytes.push(key.ok_or_else(|| {
                let message = format!("{reference} is no master key: 32 bytes in base64 are needed");
                Error::new(ErrorKind::Secret, message)
            })?);
        }
        Self::new(&bytes)
    }

    /// Master keys at hand, the active one first.
    ///
    /// # Errors
    /// [`ErrorKind::Secret`] if there is none.
    pub fn new(masters: &[[u8; KEY_BYTES]]) -> Result<Self> {
        let id = |key: &[u8; KEY_BYTES]| {
            Sha256Hash::of(&[&b"esign master key id"[..], key].concat()).to_string()[..16].to_owned()
        };
        let active = masters.first().map(id).ok_or_else(|| {
            Error::new(ErrorKind::Secret, "the engine needs a master key: nothing personal is kept unsealed")
        })?;
        let keys = masters.iter().map(|key| Ok((id(key), Key::new(key)?))).collect::<Result<_>>()?;
        Ok(Self { active, keys })
    }

    /// The id of the key that seals now: a digest, no secret.
    #[must_use]
    pub fn active(&self) -> &str {
        &self.active
    }

    /// Whether it has the key of this id.
    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        self.keys.contains_key(id)
    }

    /// A new data key for `owner`, and its wrapped form to store.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if the system gives no randomness.
    pub fn new_key(&self, owner: &str) -> Result<(DataKey, WrappedKey)> {
        let mut bytes = [0; KEY_BYTES];
        getrandom::fill(&mut bytes)
            .map_err(|e| Error::new(ErrorKind::Internal, format!("the system gives no randomness: {e}")))?;
        let wrapped = self.wrap(owner, &bytes)?;
        let tag = tag_of(&wrapped);
        Ok((DataKey { owner: owner.to_owned(), tag, key: Key::new(&bytes)? }, wrapped))
    }

    /// The data key of `owner`.
    ///
    /// # Errors
    /// [`ErrorKind::Secret`], naming the id of the master key if it is missing.
    pub fn open(&self, owner: &str, wrapped: &WrappedKey) -> Result<DataKey> {
        let bytes = self.unwrap(owner, wrapped)?;
        Ok(DataKey { owner: owner.to_owned(), tag: tag_of(wrapped), key: Key::new(&bytes)? })
    }

    /// The same data key under the active master key; `None` if it is already.
    ///
    /// # Errors
    /// As [`Keyring::open`].
    pub fn rewrap(&self, owner: &str, wrapped: &WrappedKey) -> Result<Option<WrappedKey>> {
        if wrapped.master == self.active {
            return Ok(None);
        }
        self.wrap(owner, &self.unwrap(owner, wrapped)?).map(Some)
    }

    fn wrap(&self, owner: &str, bytes: &[u8; KEY_BYTES]) -> Result<WrappedKey> {
        let key = self.master(&self.active)?.seal(owner, "data key", bytes)?;
        Ok(WrappedKey { master: self.active.clone(), key })
    }

    fn unwrap(&self, owner: &str, wrapped: &WrappedKey) -> Result<[u8; KEY_BYTES]> {
        let bytes = self.master(&wrapped.master)?.open(owner, "data key", &wrapped.key)?;
        bytes.try_into().map_err(|_| cannot_open("data key"))
    }

    fn master(&self, id: &str) -> Result<&Key> {
        self.keys.get(id).ok_or_else(|| {
            let message =
                format!("the master key {id} is missing: what it sealed stays closed until it is configured");
            Error::new(ErrorKind::Secret, message)
        })
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("active", &self.active).field("ids", &self.keys.keys()).finish()
    }
}

/// The key of one order.
#[derive(Debug)]
pub struct DataKey {
    owner: String,
    tag: String,
    key: Key,
}

impl DataKey {
    /// Differs from that of every other key: part of the names of what it seals, so that two keys never take one name.
    #[must_use]
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// Seals bytes for a purpose. What is sealed for one purpose or order is not opened for another.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if the system gives no randomness.
    pub fn seal(&self, purpose: &str, bytes: &[u8]) -> Result<Sealed> {
        self.key.seal(&self.owner, purpose, bytes)
    }

    /// Opens what was sealed for this purpose.
    ///
    /// # Errors
    /// [`ErrorKind::Integrity`] if it was not sealed so, or has changed since.
    pub fn open(&self, purpose: &str, sealed: &Sealed) -> Result<Vec<u8>> {
        self.key.open(&self.owner, purpose, sealed)
    }

    /// Opens a sealed text.
    ///
    /// # Errors
    /// As [`DataKey::open`].
    pub fn open_text(&self, purpose: &str, sealed: &Sealed) -> Result<String> {
        String::from_utf8(self.open(purpose, sealed)?).map_err(|_| cannot_open(purpose))
    }
}

struct Key(RandomizedNonceKey);

impl Key {
    fn new(bytes: &[u8; KEY_BYTES]) -> Result<Self> {
        RandomizedNonceKey::new(&AES_256_GCM, bytes).map(Self).map_err(|_| cannot_open("key"))
    }

    fn seal(&self, owner: &str, purpose: &str, bytes: &[u8]) -> Result<Sealed> {
        let mut sealed = bytes.to_vec();
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(aad(owner, purpose)), &mut sealed)
            .map_err(|_| Error::new(ErrorKind::Internal, format!("the {purpose} could not be sealed")))?;
        sealed.splice(0..0, nonce.as_ref().iter().copied());
        Ok(Sealed(sealed))
    }

    fn open(&self, owner: &str, purpose: &str, sealed: &Sealed) -> Result<Vec<u8>> {
        let (nonce, rest) = sealed.0.split_at_checked(NONCE_LEN).ok_or_else(|| cannot_open(purpose))?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| cannot_open(purpose))?;
        let mut bytes = rest.to_vec();
        let opened = self.0.open_in_place(nonce, Aad::from(aad(owner, purpose)), &mut bytes);
        let length = opened.map_err(|_| cannot_open(purpose))?.len();
        bytes.truncate(length);
        Ok(bytes)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

fn tag_of(wrapped: &WrappedKey) -> String {
    Sha256Hash::of(wrapped.key.as_bytes()).to_string()
}

/// Whose it is and what for.
fn aad(owner: &str, purpose: &str) -> [u8; KEY_BYTES] {
    *Sha256Hash::of_parts(&[LAYOUT, owner, purpose]).as_bytes()
}

fn cannot_open(what: &str) -> Error {
    let message = format!("the sealed {what} cannot be opened: it was changed, or sealed for something else");
    Error::new(ErrorKind::Integrity, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_only_as_what_it_is() {
        let ring = Keyring::new(&[[1; 32]]).unwrap();
        let (key, wrapped) = ring.new_key("order-1").unwrap();
        let sealed = key.seal("handle", b"marker").unwrap();
        assert_eq!(key.open("handle", &sealed).unwrap(), b"marker");
        assert!(!sealed.as_bytes().windows(6).any(|w| w == b"marker"));
        assert_eq!(ring.open("order-1", &wrapped).unwrap().open("handle", &sealed).unwrap(), b"marker");
        assert!(key.open("steps", &sealed).is_err(), "another purpose");
        assert!(ring.open("order-2", &wrapped).is_err(), "another order");
        for at in 0..sealed.0.len() {
            let mut changed = sealed.clone();
            changed.0[at] ^= 1;
            assert_eq!(key.open("handle", &changed).unwrap_err().kind(), ErrorKind::Integrity, "byte {at}");
        }
        assert!(key.open("handle", &Sealed(vec![0; 5])).is_err());
        assert_ne!(key.seal("handle", b"marker").unwrap(), sealed, "a nonce is never used twice");
    }

    #[test]
    fn rotation_rewraps_and_a_missing_key_is_named() {
        let old = Keyring::new(&[[1; 32]]).unwrap();
        let (key, wrapped) = old.new_key("o").unwrap();
        let sealed = key.seal("handle", b"x").unwrap();
        let both = Keyring::new(&[[2; 32], [1; 32]]).unwrap();
        let rewrapped = both.rewrap("o", &wrapped).unwrap().unwrap();
        assert_eq!(both.rewrap("o", &rewrapped).unwrap(), None);
        let new = Keyring::new(&[[2; 32]]).unwrap();
        assert_eq!(new.open("o", &rewrapped).unwrap().open("handle", &sealed).unwrap(), b"x");
        let error = new.open("o", &wrapped).unwrap_err();
        assert!(error.kind() == ErrorKind::Secret && error.message().contains(old.active()), "{error}");
        assert!(Keyring::new(&[]).is_err());
        assert!(!format!("{both:?} {key:?}").contains("[2,"));
    }
}
