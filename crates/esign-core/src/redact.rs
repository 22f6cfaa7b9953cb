//! Takes personal data, secrets and what commands a terminal out of words that are not ours.

use std::borrow::Cow;

/// How much of a provider's words is kept.
const MAX_CHARS: usize = 500;
/// A run of token characters this long is taken for a secret.
const MIN_TOKEN: usize = 32;

/// The text as it may be printed or logged in one line: each character that could command a terminal, end a line or turn the
/// reading direction is replaced by U+FFFD. Everything that is not ours goes through this before a person sees it: words of a
/// provider, names from a PDF, file names, keys of a configuration.
///
/// ```
/// use esign_core::redact::printable;
/// assert_eq!(printable("lease\u{1b}[2J\n\u{202e}fdp"), "lease\u{fffd}[2J\u{fffd}\u{fffd}fdp");
/// assert_eq!(printable("Ünïcødé 合同"), "Ünïcødé 合同");
/// ```
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.contains(is_unprintable) { text.replace(is_unprintable, "\u{fffd}").into() } else { text.into() }
}

/// Control characters, separators of lines, marks and overrides of direction, and what is never seen but copied along: zero
/// width spaces, byte order marks, annotations and tags. Joiners stay: several scripts are written with them.
#[must_use]
pub fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

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
        out.extend(tail.chars().map(|c| if is_unprintable(c) { ' ' } else { c }));
    }
    let trimmed = out.trim_end().len();
    out.truncate(trimmed);
    out
}

/// As [`scrub`], for what a provider calls the id of a request or trace: the trace and span ids of W3C Trace Context, 32 and
/// 16 hexadecimal digits, stay readable although they look like tokens.
pub(crate) fn scrub_id(id: &str) -> String {
    let is_trace = matches!(id.len(), 16 | 32) && id.bytes().all(|b| b.is_ascii_hexdigit());
    if is_trace { id.to_owned() } else { scrub(id) }
}

fn is_break(c: char) -> bool {
    c.is_whitespace()
        || is_unprintable(c)
        || matches!(c, '"' | '\'' | '<' | '>' | ',' | ';' | '(' | ')' | '[' | ']' | '{' | '}')
}

fn scrub_word(word: &str) -> String {
    if let Some((scheme, rest)) = word.split_once("://") {
        return format!("{}://{}", scrub_value(scheme), scrub_address(rest));
    }
    if is_email(word) {
        return "<email>".to_owned();
    }
    if let Some((name, value)) = word.split_once('=').filter(|(_, value)| !value.is_empty()) {
        return format!("{}={}", scrub_value(name), scrub_word(value));
    }
    scrub_value(word)
}

/// What follows `://`: without user name, password, query and fragment.
fn scrub_address(rest: &str) -> String {
    let (head, hidden) = match rest.find(['?', '#']) {
        Some(at) if rest.as_bytes()[at] == b'?' => (&rest[..at], "?<query>"),
        Some(at) => (&rest[..at], "#<fragment>"),
        None => (rest, ""),
    };
    let (authority, path) = head.split_once('/').map_or((head, None), |(a, p)| (a, Some(p)));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let mut out = scrub_value(host);
    for part in path.into_iter().flat_map(|path| path.split('/')) {
        out.push('/');
        out.push_str(&if is_email(part) { "<email>".to_owned() } else { scrub_value(part) });
    }
    out + hidden
}

/// Tokens first, since they may contain the marks that separate everything else.
fn scrub_value(word: &str) -> String {
    replace_runs(word, is_token_char, |run| {
        let bare = run.trim_end_matches('.');
        if is_token(bare) { format!("<token>{}", &run[bare.len()..]) } else { scrub_numbers(run) }
    })
}

fn scrub_numbers(word: &str) -> String {
    let number = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-');
    replace_runs(word, number, |run| {
        if is_phone(run) {
            return "<phone>".to_owned();
        }
        let one = |id: &str| if is_national_id(id) { "<national id>".to_owned() } else { id.to_owned() };
        replace_runs(run, |c| c.is_ascii_alphanumeric(), one)
    })
}

/// The text with each longest run of matching characters replaced.
fn replace_runs(text: &str, matches: impl Fn(char) -> bool, replace: impl Fn(&str) -> String) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(&matches) {
        let (skipped, run) = rest.split_at(start);
        let (run, after) = run.split_at(run.find(|c| !matches(c)).unwrap_or(run.len()));
        out.push_str(skipped);
        out.push_str(&replace(run));
        rest = after;
    }
    out + rest
}

fn is_email(word: &str) -> bool {
    word.contains('@') || word.to_ascii_lowercase().contains("%40")
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
    word.len() >= MIN_TOKEN && word.bytes().any(|b| b.is_ascii_digit()) && !is_uuid(word)
}

fn is_token_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '/' | '=' | '~')
}

/// A UUID, perhaps behind a short word: `request-01961944-5491-785a-baf2-edea694ae61a`.
fn is_uuid(word: &str) -> bool {
    const UUID: usize = 36;
    let Some((prefix, uuid)) = word.len().checked_sub(UUID).and_then(|at| word.split_at_checked(at)) else {
        return false;
    };
    let word_before = prefix.is_empty()
        || prefix
            .strip_suffix('-')
            .is_some_and(|p| p.len() <= 8 && p.bytes().all(|b| b.is_ascii_alphanumeric()));
    word_before
        && uuid
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
            ("https://u:p@h.example/a/S1234567D#x", Some("https://h.example/a/<national id>#<fragment>")),
            ("GET /users/S1234567D/x", Some("GET /users/<national id>/x")),
            ("用户S1234567D不存在", Some("用户<national id>不存在")),
            ("a:b:S1234567D", Some("a:b:<national id>")),
            ("https://h.example/ann@example.com/x", Some("https://h.example/<email>/x")),
            ("request_id=request-01961944-5491-785a-baf2-edea694ae61a", None),
            ("line\nbreak\u{7}", Some("line break")),
            ("a\u{1b}[2Jb\u{202e}c\u{9b}d", Some("a [2Jb c d")),
        ];
        for (input, expected) in cases {
            assert_eq!(scrub(input), expected.unwrap_or(input), "{input}");
        }
    }

    #[test]
    fn ids_of_traces_stay_and_what_else_is_said_to_be_an_id_is_scrubbed() {
        for id in [
            "4bf92f3577b34da6a3ce929d0e0e4736",
            "00f067aa0ba902b7",
            "0192f0c4-6a6b-7c3d-9a36-3e1f0a7b4c55",
            "r-1",
        ] {
            assert_eq!(scrub_id(id), id);
        }
        assert_eq!(scrub_id("S1234567D"), "<national id>");
        assert_eq!(scrub_id("production_v1_abcdefghijklmnopqrstuvwxyz0123"), "<token>");
    }

    #[test]
    fn long_words_are_cut() {
        assert!(scrub(&"word ".repeat(1000)).chars().count() <= MAX_CHARS + 2);
        assert!(scrub(&"w".repeat(100_000)).chars().count() <= MAX_CHARS + 2);
    }
}
