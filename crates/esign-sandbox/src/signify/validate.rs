//! The rules of a create: what the guide's tables say about each field (Signify API v2, "Create Document").

use std::collections::HashSet;

use bytes::Bytes;
use esign_pdf::facts::Size;
use serde_json::{Map, Value};
use url::{Host, Url};

use super::settings::SignifySettings;
use crate::signing::signable;

/// The parts of the multipart body, as they came.
#[derive(Default)]
pub(crate) struct Form {
    pub(crate) document_name: Option<String>,
    pub(crate) recipients: Option<String>,
    pub(crate) total_signatures_by_link: Option<String>,
    pub(crate) document_mode: Option<String>,
    pub(crate) redirect_url: Option<String>,
    pub(crate) file: Option<Bytes>,
}

/// A create that follows every rule.
#[derive(Debug)]
pub(crate) struct NewDocument {
    pub(crate) name: String,
    pub(crate) mode: Mode,
    pub(crate) redirect_url: Option<Url>,
    pub(crate) invitations: Vec<NewInvitation>,
    pub(crate) pdf: Bytes,
    /// Sizes of the pages as shown, in points.
    pub(crate) pages: Vec<Size>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    Email,
    Link,
}

#[derive(Debug)]
pub(crate) struct NewInvitation {
    /// The recipient's e-mail address; `None` in link mode.
    pub(crate) email: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) placeholders: Vec<Placeholder>,
}

/// Where a signature is asked for: page from 1, fractions of the page's width and height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Placeholder {
    pub(crate) page: u32,
    pub(crate) x: f64,
    pub(crate) y: f64,
}

/// Why a create is refused.
#[derive(Debug, PartialEq)]
pub(crate) enum Refused {
    /// One sentence per defect.
    BadRequest(Vec<String>),
    TooLarge(String),
}

/// Checks every rule; all defects are told at once. Reads the PDF: takes milliseconds of computing.
pub(crate) fn validate(form: Form, settings: &SignifySettings) -> Result<NewDocument, Refused> {
    let mut defects = Vec::new();
    let name = required(form.document_name, "documentName", &mut defects);
    if let Some(name) = &name {
        document_name(name, &mut defects);
    }
    let mode = match form.document_mode.as_deref() {
        None | Some("email") => Mode::Email,
        Some("link") => Mode::Link,
        Some(_) => {
            return Err(Refused::BadRequest(vec!["documentMode must be email or link".to_owned()]));
        }
    };
    let invitations = match mode {
        Mode::Email => {
            if form.total_signatures_by_link.is_some() {
                defects
                    .push("totalSignaturesByLink is for documentMode link; documentMode is email".to_owned());
            }
            required(form.recipients, "recipients", &mut defects)
                .map(|text| recipients(&text, settings, &mut defects))
        }
        Mode::Link => {
            if form.recipients.is_some() {
                defects.push("recipients is for documentMode email; documentMode is link".to_owned());
            }
            required(form.total_signatures_by_link, "totalSignaturesByLink", &mut defects)
                .map(|text| by_link(&text, settings, &mut defects))
        }
    }
    .unwrap_or_default();
    let total: usize = invitations.iter().map(|invitation| invitation.placeholders.len()).sum();
    if let Some(max) = settings.max_signatures.filter(|max| total > *max) {
        defects.push(format!("a document must not need more than {max} signatures"));
    }
    let redirect_url = form.redirect_url.and_then(|url| redirect_url(&url, settings, &mut defects));
    let pdf = required(form.file, "file", &mut defects);
    let mut pages = Vec::new();
    if let Some(pdf) = &pdf {
        if pdf.len() > settings.max_file_bytes {
            let text = format!("file must not be larger than {} bytes", settings.max_file_bytes);
            if settings.too_large_is_413 {
                return Err(Refused::TooLarge(text));
            }
            defects.push(text);
        } else {
            pages = page_sizes(pdf, &invitations, &mut defects);
        }
    }
    match (name, pdf) {
        (Some(name), Some(pdf)) if defects.is_empty() => {
            Ok(NewDocument { name, mode, redirect_url, invitations, pdf, pages })
        }
        _ => Err(Refused::BadRequest(defects)),
    }
}

fn required<T>(field: Option<T>, name: &str, defects: &mut Vec<String>) -> Option<T> {
    if field.is_none() {
        defects.push(format!("{name} is required"));
    }
    field
}

fn document_name(name: &str, defects: &mut Vec<String>) {
    let length = name.chars().count();
    if length < 4 {
        defects.push("documentName must have at least 4 characters".to_owned());
    }
    if length > 100 {
        defects.push("documentName must have at most 100 characters".to_owned());
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || r#"_-./() &`;'""#.contains(c);
    if !name.chars().all(allowed) {
        defects.push(r#"documentName may only contain a-zA-Z0-9_-./() &`;'""#.to_owned());
    }
}

fn recipients(text: &str, settings: &SignifySettings, defects: &mut Vec<String>) -> Vec<NewInvitation> {
    let Some(entries) = array(text, "recipients", defects) else { return Vec::new() };
    if entries.is_empty() {
        defects.push("recipients must not be empty".to_owned());
    }
    let mut seen = HashSet::new();
    let mut invitations = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let path = format!("recipients.{index}");
        let Some(entry) = object(entry, &path, defects) else { continue };
        let email = entry.get("email").and_then(Value::as_str).filter(|email| is_email(email));
        match email {
            None => defects.push(format!("{path}.email must be an e-mail address")),
            Some(email) if !seen.insert(email.to_lowercase()) => {
                defects.push(format!("{path}.email is not unique"));
            }
            Some(_) => {}
        }
        invitations.push(NewInvitation {
            email: email.map(str::to_owned),
            message: custom_message(entry, &path, defects),
            placeholders: placeholders(entry, &path, settings, defects),
        });
    }
    invitations
}

fn by_link(text: &str, settings: &SignifySettings, defects: &mut Vec<String>) -> Vec<NewInvitation> {
    let path = "totalSignaturesByLink";
    let Some(entries) = array(text, path, defects) else { return Vec::new() };
    let [entry] = entries.as_slice() else {
        defects.push(format!("{path} must be of length exactly 1"));
        return Vec::new();
    };
    let path = format!("{path}.0");
    let Some(entry) = object(entry, &path, defects) else { return Vec::new() };
    let placeholders = placeholders(entry, &path, settings, defects);
    vec![NewInvitation { email: None, message: None, placeholders }]
}

fn custom_message(entry: &Map<String, Value>, path: &str, defects: &mut Vec<String>) -> Option<String> {
    let value = entry.get("customMessage")?;
    let message = value.as_str().filter(|text| (1..=1000).contains(&text.chars().count()));
    if message.is_none() {
        defects.push(format!("{path}.customMessage must be text of 1 to 1000 characters"));
    }
    message.map(str::to_owned)
}

fn placeholders(
    entry: &Map<String, Value>,
    path: &str,
    settings: &SignifySettings,
    defects: &mut Vec<String>,
) -> Vec<Placeholder> {
    let path = format!("{path}.requiredSignatures");
    let Some(wanted) = entry.get("requiredSignatures").and_then(Value::as_array) else {
        defects.push(format!("{path} must be an array"));
        return Vec::new();
    };
    if !(1..=20).contains(&wanted.len()) {
        defects.push(format!("{path} must have 1 to 20 entries"));
    }
    let mut placeholders = Vec::new();
    for (index, value) in wanted.iter().enumerate() {
        let path = format!("{path}.{index}");
        let Some(value) = object(value, &path, defects) else { continue };
        let page = page(value.get("page"));
        if page.is_none() {
            defects.push(format!("{path}.page must be a page number, from 1"));
        }
        let mut position = |name: &str| {
            let position = value.get(name).and_then(Value::as_f64).filter(|at| fraction(*at, settings));
            if position.is_none() {
                defects.push(format!("{path}.{name} must be a number between 0 and 1"));
            }
            position
        };
        if let (x, y, Some(page)) = (position("positionX"), position("positionY"), page)
            && let (Some(x), Some(y)) = (x, y)
        {
            placeholders.push(Placeholder { page, x, y });
        }
    }
    placeholders
}

fn fraction(at: f64, settings: &SignifySettings) -> bool {
    (0.0..1.0).contains(&at) || (settings.allow_one && at == 1.0)
}

/// A whole number from 1; `1.0` is the same number in JSON.
fn page(value: Option<&Value>) -> Option<u32> {
    let value = value?;
    let whole = value.as_u64().or_else(|| {
        let number = value.as_f64().filter(|number| number.fract() == 0.0 && (1.0..=1e9).contains(number))?;
        Some(number as u64)
    })?;
    u32::try_from(whole).ok().filter(|page| *page >= 1)
}

fn redirect_url(text: &str, settings: &SignifySettings, defects: &mut Vec<String>) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|url| url.username().is_empty() && url.password().is_none());
    let accepted = url.filter(|url| match url.host() {
        Some(Host::Domain("localhost")) if settings.allow_loopback_redirect => is_http(url),
        Some(Host::Domain(host)) => {
            url.scheme() == "https" && (host == "gov.sg" || host.ends_with(".gov.sg"))
        }
        Some(Host::Ipv4(ip)) => settings.allow_loopback_redirect && ip.is_loopback() && is_http(url),
        Some(Host::Ipv6(ip)) => settings.allow_loopback_redirect && ip.is_loopback() && is_http(url),
        None => false,
    });
    if accepted.is_none() {
        defects.push("redirectUrl must have the https protocol and a .gov.sg domain".to_owned());
    }
    accepted
}

fn is_http(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

/// The guide says only that it is an e-mail address; this is the least that can be mailed to.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let plain =
        |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || "@<>,".contains(c));
    plain(local) && plain(domain) && domain.contains('.') && domain.split('.').all(|label| !label.is_empty())
}

fn array(text: &str, name: &str, defects: &mut Vec<String>) -> Option<Vec<Value>> {
    match serde_json::from_str(text) {
        Ok(Value::Array(entries)) => Some(entries),
        Ok(_) => {
            defects.push(format!("{name} must be an array"));
            None
        }
        Err(error) => {
            defects.push(format!(
                "{name} is not valid JSON (line {}, column {})",
                error.line(),
                error.column()
            ));
            None
        }
    }
}

fn object<'a>(value: &'a Value, path: &str, defects: &mut Vec<String>) -> Option<&'a Map<String, Value>> {
    if !value.is_object() {
        defects.push(format!("{path} must be an object"));
    }
    value.as_object()
}

fn page_sizes(pdf: &[u8], invitations: &[NewInvitation], defects: &mut Vec<String>) -> Vec<Size> {
    let facts = match signable(pdf) {
        Ok(facts) => facts,
        Err(unsignable) => {
            defects.push(format!("file is not an acceptable PDF: {unsignable}"));
            return Vec::new();
        }
    };
    let missing = invitations
        .iter()
        .flat_map(|invitation| &invitation.placeholders)
        .find(|placeholder| facts.page(placeholder.page).is_none());
    if let Some(Placeholder { page, .. }) = missing {
        defects.push(format!("page {page} does not exist: the file has {} pages", facts.pages.len()));
    }
    facts.pages.iter().map(|page| page.shown).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Text that is nearly right more often than chance would make it.
    fn nearly_json() -> impl Strategy<Value = String> {
        const PIECES: [&str; 16] = [
            "[",
            "]",
            "{",
            "}",
            ",",
            ":",
            "null",
            "1e999",
            "-0",
            "0.5",
            "\"email\"",
            "\"a@b.sg\"",
            "\"page\"",
            "\"requiredSignatures\"",
            "\"positionX\"",
            "99999999999999999999",
        ];
        proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..30)
            .prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn any_form_gets_an_answer(
            document_name in proptest::option::of(any::<String>()),
            recipients in proptest::option::of(nearly_json()),
            total_signatures_by_link in proptest::option::of(nearly_json()),
            document_mode in proptest::option::of(proptest::sample::select(vec!["email", "link", "x"])),
            redirect_url in proptest::option::of(any::<String>()),
            file in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..64)),
        ) {
            let form = Form {
                document_name,
                recipients,
                total_signatures_by_link,
                document_mode: document_mode.map(str::to_owned),
                redirect_url,
                file: file.map(Bytes::from),
            };
            // Random bytes are no PDF, so that no form is accepted.
            prop_assert!(validate(form, &SignifySettings::default()).is_err());
        }
    }
}
