//! Documents that are encrypted and open without a password (ISO 32000-2, 7.6): the standard security handler with the
//! empty user password. None of it protects anything; it is read because viewers read it.

use std::borrow::Cow;

use aws_lc_rs::cipher::{
    AES_128, AES_256, Algorithm, DecryptingKey, DecryptionContext, EncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::digest::{SHA256, SHA384, SHA512};
use md5::{Digest as _, Md5};

use super::Doc;
use super::object::{Dict, Object, Str, Stream};
use crate::algorithm::digest;

/// How strings or streams are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Plain,
    Rc4,
    Aes128,
    Aes256,
}

/// The key of a document and what it is used for.
pub(crate) struct Decryption {
    key: Vec<u8>,
    strings: Method,
    streams: Method,
    metadata: bool,
}

/// ISO 32000-2, 7.6.4.3.2: what a password is filled up with.
const PAD: [u8; 32] = *b"\x28\xBF\x4E\x5E\x4E\x75\x8A\x41\x64\x00\x4E\x56\xFF\xFA\x01\x08\
                         \x2E\x2E\x00\xB6\xD0\x68\x3E\x80\x2F\x0C\xA9\xFE\x64\x53\x69\x7A";

impl Decryption {
    /// The key, `None` if a password or another security handler is needed.
    pub(crate) fn of(doc: Doc<'_>) -> Option<Self> {
        let trailers = doc.file.sections.iter().map(|section| section.trailer);
        let dict = trailers.filter_map(|trailer| doc.get_dict(trailer, b"Encrypt")).next()?;
        if doc.get_name(dict, b"Filter").as_deref() != Some("Standard") {
            return None;
        }
        let integer = |key: &[u8]| doc.get_integer(dict, key);
        let revision = integer(b"R")?;
        let metadata = !matches!(doc.get(dict, b"EncryptMetadata"), Some(Object::Boolean(false)));
        let (strings, streams) = match integer(b"V")? {
            1 | 2 => (Method::Rc4, Method::Rc4),
            4 | 5 => (method(doc, dict, b"StrF")?, method(doc, dict, b"StmF")?),
            _ => return None,
        };
        let key = match revision {
            2..=4 => key_by_md5(doc, dict, revision, metadata)?,
            5 | 6 => key_by_sha(doc, dict, revision)?,
            _ => return None,
        };
        Some(Self { key, strings, streams, metadata })
    }

    /// The bytes of a string.
    pub(crate) fn string<'a>(&self, string: Str<'a>) -> Cow<'a, [u8]> {
        // What lies in an object stream is encrypted with it, what lies in a trailer not at all.
        if string.owner == (0, 0) || self.strings == Method::Plain {
            return string.value();
        }
        Cow::Owned(self.open(self.strings, string.owner, &string.value()))
    }

    /// The packed bytes of a stream.
    pub(crate) fn stream<'a>(&self, stream: Stream<'a>) -> Cow<'a, [u8]> {
        let dict = stream.dict;
        let plain = self.streams == Method::Plain
            || dict.has_type(b"XRef")
            || (dict.has_type(b"Metadata") && !self.metadata)
            || first_filter_is_crypt(dict);
        if plain {
            Cow::Borrowed(stream.raw)
        } else {
            Cow::Owned(self.open(self.streams, stream.id, stream.raw))
        }
    }

    fn open(&self, method: Method, (number, generation): (u32, u16), bytes: &[u8]) -> Vec<u8> {
        let own_key = |salt: &[u8]| {
            let mut hash = Md5::new();
            hash.update(&self.key);
            hash.update(&number.to_le_bytes()[..3]);
            hash.update(generation.to_le_bytes());
            hash.update(salt);
            let length = (self.key.len() + 5).min(16);
            hash.finalize()[..length].to_vec()
        };
        match method {
            Method::Plain => bytes.to_vec(),
            Method::Rc4 => rc4(&own_key(b""), bytes),
            Method::Aes128 => cbc_open(&AES_128, &own_key(b"sAlT"), bytes),
            Method::Aes256 => cbc_open(&AES_256, &self.key, bytes),
        }
    }
}

/// `/Identity` is the only named filter that a stream may ask for by itself here.
fn first_filter_is_crypt(dict: Dict<'_>) -> bool {
    match dict.get(b"Filter") {
        Some(Object::Name(name)) => name.is(b"Crypt"),
        Some(Object::Array(names)) => {
            matches!(names.iter().next(), Some(Object::Name(name)) if name.is(b"Crypt"))
        }
        _ => false,
    }
}

fn method(doc: Doc<'_>, dict: Dict<'_>, key: &[u8]) -> Option<Method> {
    let Some(name) = doc.get(dict, key).and_then(|name| name.as_name()) else { return Some(Method::Plain) };
    if name.is(b"Identity") {
        return Some(Method::Plain);
    }
    let filter = doc.get_dict(doc.get_dict(dict, b"CF")?, &name.value())?;
    match doc.get_name(filter, b"CFM").as_deref() {
        None | Some("None") => Some(Method::Plain),
        Some("V2") => Some(Method::Rc4),
        Some("AESV2") => Some(Method::Aes128),
        Some("AESV3") => Some(Method::Aes256),
        Some(_) => None,
    }
}

/// A string of the encryption dictionary, which is never encrypted.
fn plain<'a>(doc: Doc<'a>, dict: Dict<'a>, key: &[u8]) -> Option<Cow<'a, [u8]>> {
    Some(doc.get(dict, key)?.as_string()?.value())
}

/// Algorithms 2, 4 and 5.
fn key_by_md5(doc: Doc<'_>, dict: Dict<'_>, revision: i64, metadata: bool) -> Option<Vec<u8>> {
    let (owner, user) = (plain(doc, dict, b"O")?, plain(doc, dict, b"U")?);
    let (owner, user) = (owner.get(..32)?, user.get(..16)?);
    let bits = doc.get_integer(dict, b"Length").unwrap_or(40);
    let length = match (revision, doc.get_integer(dict, b"V")) {
        (2, _) => 5,
        (_, Some(4)) => 16,
        _ => usize::try_from(bits / 8).ok().filter(|length| (5..=16).contains(length))?,
    };
    let id = doc.get_array(doc.trailer(), b"ID").iter().next().and_then(|id| doc.resolve(id)?.as_string());
    let id = id.map(Str::value).unwrap_or_default();
    let permissions = doc.get_integer(dict, b"P")? as i32;
    let mut hash = Md5::new();
    hash.update(PAD);
    hash.update(owner);
    hash.update(permissions.to_le_bytes());
    hash.update(&id);
    if revision >= 4 && !metadata {
        hash.update([0xFF; 4]);
    }
    let mut key = hash.finalize().to_vec();
    for _ in 0..if revision >= 3 { 50 } else { 0 } {
        key = Md5::digest(&key[..length]).to_vec();
    }
    key.truncate(length);
    let expected = if revision == 2 {
        rc4(&key, &PAD)
    } else {
        let mut hash = Md5::new();
        hash.update(PAD);
        hash.update(&id);
        (0..20u8).fold(hash.finalize().to_vec(), |bytes, round| {
            rc4(&key.iter().map(|byte| byte ^ round).collect::<Vec<_>>(), &bytes)
        })
    };
    (expected.get(..16)? == user).then_some(key)
}

/// Algorithms 2.A and 11.
fn key_by_sha(doc: Doc<'_>, dict: Dict<'_>, revision: i64) -> Option<Vec<u8>> {
    let (user, sealed) = (plain(doc, dict, b"U")?, plain(doc, dict, b"UE")?);
    let (check, salt, key_salt) = (user.get(..32)?, user.get(32..40)?, user.get(40..48)?);
    let hash = |salt: &[u8]| if revision == 5 { digest(&SHA256, &[salt]) } else { hash_2b(salt) };
    if hash(salt) != check {
        return None;
    }
    cbc(&AES_256, &hash(key_salt), [0; 16], sealed.get(..32)?, false)
}

/// Algorithm 2.B with an empty password.
fn hash_2b(salt: &[u8]) -> Vec<u8> {
    let mut key = digest(&SHA256, &[salt]);
    let mut round = 0u32;
    loop {
        let block = key.repeat(64);
        let vector = key[16..32].try_into().unwrap_or_default();
        let Some(sealed) = cbc(&AES_128, &key[..16], vector, &block, true) else { return key };
        let remainder = sealed[..16].iter().map(|byte| u32::from(*byte)).sum::<u32>() % 3;
        let algorithm = [&SHA256, &SHA384, &SHA512][remainder as usize];
        key = digest(algorithm, &[&sealed]);
        round += 1;
        if round >= 64 && sealed.last().is_some_and(|last| u32::from(*last) + 32 <= round) {
            key.truncate(32);
            return key;
        }
    }
}

/// The initialisation vector comes first, padding last; what does not fit is left as it is.
fn cbc_open(algorithm: &'static Algorithm, key: &[u8], bytes: &[u8]) -> Vec<u8> {
    let Some((vector, sealed)) = bytes.split_first_chunk::<16>() else { return Vec::new() };
    let whole = sealed.len() - sealed.len() % 16;
    let Some(mut open) = cbc(algorithm, key, *vector, &sealed[..whole], false) else { return Vec::new() };
    let padding = open.last().map_or(0, |last| usize::from(*last));
    if (1..=16).contains(&padding) {
        open.truncate(open.len().saturating_sub(padding));
    }
    open
}

/// Cipher block chaining over single blocks: the library has none without padding.
fn cbc(
    algorithm: &'static Algorithm,
    key: &[u8],
    vector: [u8; 16],
    bytes: &[u8],
    seal: bool,
) -> Option<Vec<u8>> {
    let key = UnboundCipherKey::new(algorithm, key).ok()?;
    let mut out = bytes.to_vec();
    let blocks = out.as_chunks_mut::<16>().0;
    let mut previous = vector;
    if seal {
        let key = EncryptingKey::ecb(key).ok()?;
        for block in blocks {
            block.iter_mut().zip(previous).for_each(|(byte, before)| *byte ^= before);
            key.encrypt(block).ok()?;
            previous = *block;
        }
    } else {
        let key = DecryptingKey::ecb(key).ok()?;
        for block in blocks {
            let written = *block;
            key.decrypt(block, DecryptionContext::None).ok()?;
            block.iter_mut().zip(previous).for_each(|(byte, before)| *byte ^= before);
            previous = written;
        }
    }
    Some(out)
}

/// RC4, which no maintained library of the graph has.
fn rc4(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut state: [u8; 256] = std::array::from_fn(|index| u8::try_from(index).unwrap_or_default());
    let mut j = 0u8;
    for i in 0..256 {
        j = j.wrapping_add(state[i]).wrapping_add(key[i % key.len()]);
        state.swap(i, usize::from(j));
    }
    let (mut i, mut j) = (0u8, 0u8);
    let next = |byte: &u8| {
        i = i.wrapping_add(1);
        j = j.wrapping_add(state[usize::from(i)]);
        state.swap(usize::from(i), usize::from(j));
        byte ^ state[usize::from(state[usize::from(i)].wrapping_add(state[usize::from(j)]))]
    };
    bytes.iter().map(next).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        // RFC 6229 and the vectors that the cipher was published with.
        assert_eq!(rc4(b"Key", b"Plaintext"), b"\xBB\xF3\x16\xE8\xD9\x40\xAF\x0A\xD3");
        // NIST SP 800-38A, F.2.1.
        let key = b"\x2b\x7e\x15\x16\x28\xae\xd2\xa6\xab\xf7\x15\x88\x09\xcf\x4f\x3c";
        let vector = std::array::from_fn(|index| index as u8);
        let plain = b"\x6b\xc1\xbe\xe2\x2e\x40\x9f\x96\xe9\x3d\x7e\x11\x73\x93\x17\x2a";
        let sealed = b"\x76\x49\xab\xac\x81\x19\xb2\x46\xce\xe9\x8e\x9b\x12\xe9\x19\x7d";
        assert_eq!(cbc(&AES_128, key, vector, plain, true).unwrap(), sealed);
        assert_eq!(cbc(&AES_128, key, vector, sealed, false).unwrap(), plain);
    }
}
