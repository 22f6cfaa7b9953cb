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
    fn identifiers_differ() {
        let now = Timestamp::UNIX_EPOCH;
        assert_ne!(ulid(now), ulid(now));
        assert_ne!(token(), token());
        assert_eq!(token().len(), 32);
    }
}
