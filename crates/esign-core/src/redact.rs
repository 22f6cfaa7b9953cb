//! Takes personal data and secrets out of words that are not ours.

/// How much of a provider's words is kept.
const MAX_CHARS: usize = 500;
/// A run of token characters this long is taken for a secret.
const MIN_TOKEN: usize = 32;

/// The text without e-mail addresses, national ids, phone numbers, URL queries and anything that looks like a token,
/// without control characters, and cut to 500 characters.
///
/// A filter over unknown words can only be a safety net: adapters name known fields first, and put only what is left
/// through this.
///
/// ```
/// use esign_core::redact::scrub;
/// assert_eq!(scrub("no such user ann@example.com"), "no such user <email>");
/// assert_eq!(scrub("see https://x.example/a?key=1"), "see https://x.example/a?<query>");
/// assert_eq!(scrub("uinfin S1234567D"), "uinfin <national id>");
/// ```
#[must_use]
pub fn scrub(text: &str) -> String {
    let mut out = String::new();
    let mut kept = 0;
    for word in text.split_inclusive(is_break) {
        let end =
            word.char_indices().next_back().filter(|(_, c)| is_break(*c)).map_or(word.len(), |(at, _)| at);
        let (core, tail) = word.split_at(end);
        let clean = scrub_word(core);
        kept += clean.chars().count() + 1;
        if kept > MAX_CHARS {
            out.push('…');
            return out;
        }
        out.push_str(&clean);
        out.extend(tail.chars().map(|c| if c.is_control() { ' ' } else { c }));
    }
    let trimmed = out.trim_end().len();
    out.truncate(trimmed);
    out
}

fn is_break(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '"' | '\'' | '<' | '>' | ',' | ';' | '(' | ')' | '[' | ']' | '{' | '}')
}

fn scrub_word(word: &str) -> String {
    if word.contains("://") {
        return scrub_url(word);
    }
    if word.contains('@') || word.to_ascii_lowercase().contains("%40") {
        return "<email>".to_owned();
    }
    if let Some((name, value)) = word.split_once('=').filter(|(_, value)| !value.is_empty()) {
        return format!("{name}={}", scrub_value(value));
    }
    scrub_value(word)
}

fn scrub_value(word: &str) -> String {
    let bare = word.trim_matches(|c: char| matches!(c, '.' | ':' | '!' | '?' | '`' | '*'));
    if is_national_id(bare) {
        return word.replace(bare, "<national id>");
    }
    if is_phone(bare) {
        return word.replace(bare, "<phone>");
    }
    // A part behind a colon (`id:S1234567D`) is a word of its own.
    if let Some((name, value)) =
        bare.split_once(':').filter(|(_, v)| is_national_id(v) || is_phone(v) || is_token(v))
    {
        return format!("{name}:{}", scrub_value(value));
    }
    if is_token(bare) {
        return word.replace(bare, "<token>");
    }
    word.to_owned()
}

fn scrub_url(word: &str) -> String {
    let (head, hidden) = match word.find(['?', '#']) {
        Some(at) => (&word[..at], Some(if word.as_bytes()[at] == b'?' { "?<query>" } else { "#<fragment>" })),
        None => (word, None),
    };
    let (scheme, rest) = head.split_once("://").unwrap_or(("", head));
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let parts: Vec<_> = rest
        .split('/')
        .map(|part| if is_token(part) || is_national_id(part) { "<id>" } else { part })
        .collect();
    format!("{scheme}://{}{}", parts.join("/"), hidden.unwrap_or_default())
}

/// Singapore NRIC and FIN: a letter, seven digits, a letter.
fn is_national_id(word: &str) -> bool {
    let b = word.as_bytes();
    b.len() == 9
        && b[0].is_ascii_alphabetic()
        && b[8].is_ascii_alphabetic()
        && b[1..8].iter().all(u8::is_ascii_digit)
}

fn is_phone(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let shape = word.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-'));
    shape
        && ((word.starts_with('+') && digits >= 7)
            || (digits == 8 && digits == word.len() && matches!(word.as_bytes()[0], b'8' | b'9')))
}

/// JWTs, API keys, base64 blobs. Ids of our own and of providers (UUIDs, 26-character ULIDs) stay readable.
fn is_token(word: &str) -> bool {
    let shape =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'+' | b'/' | b'=' | b'~');
    word.len() >= MIN_TOKEN
        && word.bytes().all(shape)
        && word.bytes().any(|b| b.is_ascii_digit())
        && !is_uuid(word)
}

fn is_uuid(word: &str) -> bool {
    word.len() == 36
        && word
            .bytes()
            .enumerate()
            .all(|(i, b)| if matches!(i, 8 | 13 | 18 | 23) { b == b'-' } else { b.is_ascii_hexdigit() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_personal_data_go_and_ordinary_words_stay() {
        let cases = [
            ("documentName must be longer than or equal to 4 characters", None),
            ("request 0192f0c4-6a6b-7c3d-9a36-3e1f0a7b4c55 failed", None),
            ("Bearer production_v1_abcdefghijklmnopqrstuvwxyz0123", Some("Bearer <token>")),
            ("user=ann@example.com", Some("<email>")),
            ("key=0123456789abcdef0123456789abcdef", Some("key=<token>")),
            ("call +65-9123-4567 or 91234567.", Some("call <phone> or <phone>.")),
            ("(S1234567D)", Some("(<national id>)")),
            ("uinfin:S1234567D", Some("uinfin:<national id>")),
            ("https://u:p@h.example/a/S1234567D#x", Some("https://h.example/a/<id>#<fragment>")),
            ("line\nbreak\u{7}", Some("line break")),
        ];
        for (input, expected) in cases {
            assert_eq!(scrub(input), expected.unwrap_or(input), "{input}");
        }
    }

    #[test]
    fn long_words_are_cut() {
        assert!(scrub(&"word ".repeat(1000)).chars().count() <= MAX_CHARS + 2);
        assert!(scrub(&"w".repeat(100_000)).chars().count() <= MAX_CHARS + 2);
    }
}
