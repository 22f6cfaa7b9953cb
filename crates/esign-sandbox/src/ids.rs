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
