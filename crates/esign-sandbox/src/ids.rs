//! Identifiers in the shapes that the real services use.

use jiff::Timestamp;

/// Crockford's base 32, lower case, as in the links of the Signify guide.
const CROCKFORD: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A ULID: 26 characters, 48 bits of milliseconds then 80 random bits.
pub(crate) fn ulid(now: Timestamp) -> String {
    let millis = u128::try_from(now.as_millisecond()).unwrap_or(0) & ((1 << 48) - 1);
    let bits = millis << 80 | random() >> 48;
    (0..26).rev().map(|place| char::from(CROCKFORD[(bits >> (place * 5) & 31) as usize])).collect()
}

/// 32 hexadecimal characters from the system's random source.
pub(crate) fn token() -> String {
    format!("{:032x}", random())
}

/// 58 characters: the day as `ddmmyyyy`, then 50 random ones of `0-9a-z`, as in the ids that Signicat hands out.
pub(crate) fn dated(now: Timestamp) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut id = now.strftime("%d%m%Y").to_string();
    for bits in [random(), random()] {
        let mut rest = bits;
        for _ in 0..25 {
            // Smaller than 36.
            id.push(char::from(DIGITS[(rest % 36) as usize]));
            rest /= 36;
        }
    }
    id
}

/// 16 small letters, as in the ids of Documenso's envelopes.
pub(crate) fn letters() -> String {
    digits(random(), b"abcdefghijklmnopqrstuvwxyz", 16)
}

/// 25 characters that begin with `c`, as in its keys of rows.
pub(crate) fn cuid() -> String {
    format!("c{}", digits(random(), b"0123456789abcdefghijklmnopqrstuvwxyz", 24))
}

/// 21 characters that may stand in an address, as in its signing links.
pub(crate) fn link_token() -> String {
    digits(random(), b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", 21)
}

/// A version 4 UUID.
pub(crate) fn uuid() -> String {
    uuid::Uuid::from_u128(random() & !(0xf << 76) | 4 << 76).to_string()
}

/// SHA-256 in hexadecimal digits.
pub(crate) fn digest(content: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, content);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digits(bits: u128, alphabet: &[u8], length: usize) -> String {
    let base = alphabet.len() as u128;
    let place = |rest: &mut u128| {
        // Smaller than the alphabet's length.
        let digit = alphabet[(*rest % base) as usize];
        *rest /= base;
        Some(char::from(digit))
    };
    let mut rest = bits;
    (0..length).filter_map(|_| place(&mut rest)).collect()
}

fn random() -> u128 {
    let mut bytes = [0; 16];
    // The system's source fails only where there is none at all; no identifier can be made then.
    getrandom::fill(&mut bytes).expect("the operating system has a source of randomness");
    u128::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ulid_starts_with_its_time_like_the_links_of_the_guide() {
        // The sample document of the guide: created 2023-11-19T07:21:14.065Z, link 01hfk78xjafvn9n8xn084a9rsn.
        let id = ulid("2023-11-19T07:21:14.065Z".parse().unwrap());
        assert_eq!(id.len(), 26);
        assert!(id.starts_with("01hfk78x"), "{id}");
        assert!(id.bytes().all(|byte| CROCKFORD.contains(&byte)), "{id}");
    }

    #[test]
    fn a_dated_id_looks_like_those_of_signicat() {
        // 270120222hwr22fzpgtvkhgqsw0tuok77ktjl6mxxae9xakvwtvvbmnod7
        let id = dated("2022-01-27T10:00:00Z".parse().unwrap());
        assert!(id.len() == 58 && id.starts_with("27012022"), "{id}");
        assert!(id.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase()), "{id}");
    }

    #[test]
    fn identifiers_differ() {
        let now = Timestamp::UNIX_EPOCH;
        assert_ne!(ulid(now), ulid(now));
        assert_ne!(token(), token());
        assert_ne!(dated(now), dated(now));
        assert_eq!(token().len(), 32);
    }
}
