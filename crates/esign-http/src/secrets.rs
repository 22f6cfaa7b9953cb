//! Our own secrets, taken out of what a server sends back. Only they can be found for certain: [`scrub`] guesses.
//!
//! [`scrub`]: esign_core::redact::scrub

use bytes::Bytes;
use esign_core::secrecy::{ExposeSecret, SecretString};
use http::header::LOCATION;
use http::{HeaderMap, HeaderValue};

/// What stands in the place of a secret.
const INSTEAD: &str = "<secret>";
/// A shorter secret may be part of an ordinary word, so it goes only where it stands alone, and only from errors.
const CERTAIN: usize = 8;
/// The shortest that is looked for: what is shorter keeps nobody out.
const ALONE: usize = 4;

/// The secrets that one attempt carried, as they may be echoed.
#[derive(Default)]
pub(crate) struct OwnSecrets(Vec<String>);

impl OwnSecrets {
    /// Those in sensitive headers, with and without the scheme before them, and those that the body is said to carry.
    pub(crate) fn of(headers: &HeaderMap, body: &[SecretString]) -> Self {
        let mut own = Self::default();
        for value in headers.values().filter(|value| value.is_sensitive()) {
            let text = String::from_utf8_lossy(value.as_bytes());
            own.add(text.split_once(' ').map_or(text.as_ref(), |(_scheme, credentials)| credentials));
        }
        body.iter().for_each(|secret| own.add(secret.expose_secret()));
        // The longest first: one may be part of another.
        own.0.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        own
    }

    /// As it is, as JSON writes it, and as forms and addresses do.
    fn add(&mut self, secret: &str) {
        let secret = secret.trim();
        let quoted = serde_json::Value::from(secret).to_string();
        let json = quoted.trim_matches('"').to_owned();
        let form = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        for form in [secret.to_owned(), json.replace('/', "\\/"), json, form] {
            if !form.is_empty() && !self.0.contains(&form) {
                self.0.push(form);
            }
        }
    }

    /// The body without them. A document stays as it is, byte for byte; answers in JSON and every error are words.
    pub(crate) fn hide_in_body(&self, body: Bytes, is_error: bool) -> Bytes {
        let is_json =
            || body.iter().find(|b| !b.is_ascii_whitespace()).is_some_and(|b| matches!(b, b'{' | b'['));
        if self.0.is_empty() || !(is_error || is_json()) {
            return body;
        }
        match self.hide(&String::from_utf8_lossy(&body), is_error) {
            Some(clean) => clean.into(),
            None => body,
        }
    }

    /// Where an answer leads is followed and never shown, so it stays.
    pub(crate) fn hide_in_headers(&self, headers: &mut HeaderMap) {
        for (_, value) in headers.iter_mut().filter(|(name, _)| **name != LOCATION) {
            let clean = value.to_str().ok().and_then(|text| self.hide(text, false));
            if let Some(clean) = clean.and_then(|clean| HeaderValue::from_str(&clean).ok()) {
                *value = clean;
            }
        }
    }

    /// The text without them; `None` if none is in it.
    fn hide(&self, text: &str, is_error: bool) -> Option<String> {
        let mut hidden: Option<String> = None;
        for secret in &self.0 {
            let present = hidden.as_deref().unwrap_or(text);
            if secret.len() >= CERTAIN {
                if present.contains(secret) {
                    hidden = Some(present.replace(secret, INSTEAD));
                }
            } else if is_error && secret.len() >= ALONE {
                hidden = replace_alone(present, secret).or(hidden);
            }
        }
        hidden
    }
}

fn replace_alone(text: &str, word: &str) -> Option<String> {
    let mut out = String::new();
    let mut kept_from = 0;
    for (at, _) in text.match_indices(word) {
        let end = at + word.len();
        let touches = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '<');
        if !touches(text[..at].chars().next_back()) && !touches(text[end..].chars().next()) {
            out.push_str(&text[kept_from..at]);
            out.push_str(INSTEAD);
            kept_from = end;
        }
    }
    (kept_from > 0).then(|| out + &text[kept_from..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(secret: &str) -> OwnSecrets {
        let mut value = HeaderValue::from_str(&format!("Bearer {secret}")).unwrap();
        value.set_sensitive(true);
        OwnSecrets::of(&HeaderMap::from_iter([(http::header::AUTHORIZATION, value)]), &[])
    }

    fn hidden(secret: &str, body: &str, is_error: bool) -> String {
        let body = own(secret).hide_in_body(Bytes::copy_from_slice(body.as_bytes()), is_error);
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[test]
    fn a_secret_is_found_however_it_is_written() {
        for secret in ["onlyletters", "a/b\"c\\d+e=f", "short", "with space inside"] {
            let json = serde_json::json!({ "message": format!("no such key {secret}!") }).to_string();
            let escaped = json.replace('/', "\\/");
            let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            for body in [json, escaped, format!("key={form}&x=1"), format!("({secret})")] {
                let clean = hidden(secret, &body, true);
                assert!(clean.contains(INSTEAD), "{body}: {clean}");
                assert!(!clean.contains(secret), "{clean}");
            }
        }
    }

    #[test]
    fn a_document_stays_byte_for_byte_and_a_short_secret_does_not_spoil_an_answer() {
        assert_eq!(hidden("onlyletters", "%PDF-1.7 onlyletters", false), "%PDF-1.7 onlyletters");
        assert_eq!(hidden("onlyletters", r#" {"a":"onlyletters"}"#, false), r#" {"a":"<secret>"}"#);
        assert_eq!(hidden("x", r#"{"unit":"x"}"#, false), r#"{"unit":"x"}"#);
        assert_eq!(hidden("abcd", "abcde abcd, xabcd", true), "abcde <secret>, xabcd");
        assert_eq!(hidden("abcd", r#"{"a":"abcd"}"#, false), r#"{"a":"abcd"}"#);
        assert_eq!(hidden("x", "exact x, max", true), "exact x, max");
    }

    #[test]
    fn headers_that_are_not_sensitive_are_no_secrets() {
        let headers =
            HeaderMap::from_iter([(http::header::ACCEPT, HeaderValue::from_static("application/json"))]);
        assert!(OwnSecrets::of(&headers, &[]).0.is_empty());
        let mut echoed =
            HeaderMap::from_iter([(http::header::SERVER, HeaderValue::from_static("id onlyletters"))]);
        own("onlyletters").hide_in_headers(&mut echoed);
        assert_eq!(echoed[http::header::SERVER], "id <secret>");
    }
}
