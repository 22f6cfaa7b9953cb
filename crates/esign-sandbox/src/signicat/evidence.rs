//! The evidence of one signature over one document. The real service makes an LTV-SDO (XAdES); this is an XML of the
//! sandbox's own, which says the same things in plain words. Documented in the README.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::order::{SignatureMethod, SignatureType, Task, TaskDocument, text};
use super::progress::{File, Order};
use super::signer::{Signer, method_name};
use crate::pages::NOTICE;

/// The namespace of the format.
pub(super) const NAMESPACE: &str = "urn:esign-sandbox:signicat-evidence:1";

/// A signature that has just been made.
pub(super) struct Signature<'a> {
    pub(super) order: &'a Order,
    pub(super) task: &'a Task,
    pub(super) document: &'a TaskDocument,
    pub(super) original: &'a File,
    pub(super) signer: &'a Signer,
    pub(super) method: Option<&'a SignatureMethod>,
    pub(super) at: Timestamp,
}

pub(super) fn xml(signature: &Signature<'_>) -> String {
    let Signature { order, task, document, original, signer, method, at } = signature;
    let mut xml =
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<SandboxEvidence xmlns=\"{NAMESPACE}\">\n");
    let mut element = |name: &str, attributes: &[(&str, &str)], content: &str| {
        let attributes = attributes.iter().map(|(name, value)| format!(" {name}=\"{}\"", escaped(value)));
        let attributes: String = attributes.collect();
        // Writing into a string does not fail.
        let _ = writeln!(xml, "  <{name}{attributes}>{}</{name}>", escaped(content));
    };
    element("Notice", &[], NOTICE);
    element("OrderId", &[], &order.id);
    if let Some(reference) = &order.body.client_reference {
        element("ClientReference", &[], reference);
    }
    element("TaskId", &[], task.id());
    let about = [("id", document.id()), ("mediaType", original.kind.media_type())];
    element("Document", &about, document.title());
    element("DocumentDigest", &[("algorithm", "SHA-256")], &original.sha256);
    if let Some(sign_text) = &task.sign_text {
        element("SignText", &[], sign_text);
    }
    if let Some(entry) = &document.sign_text_entry {
        element("SignTextEntry", &[], entry);
    }
    let (name, kind) =
        method.map_or(("", "AUTHENTICATION_BASED"), |method| (method_name(method), type_of(method)));
    element("SignatureMethod", &[("name", name), ("type", kind)], "");
    element(
        "Signer",
        &[("subject", text(task.subject.as_ref().and_then(|one| one.id.as_ref())))],
        &signer.name,
    );
    for attribute in task.attributes() {
        let name = text(attribute.name.as_ref());
        let value =
            signer.attributes.get(name).map_or_else(|| text(attribute.value.as_ref()), String::as_str);
        element("SignerAttribute", &[("name", name)], value);
    }
    for (name, value) in &signer.attributes {
        if !task.attributes().iter().any(|attribute| attribute.name.as_ref() == Some(name)) {
            element("SignerAttribute", &[("name", name)], value);
        }
    }
    element("SignedAt", &[], &at.to_string());
    xml.push_str("</SandboxEvidence>\n");
    xml
}

fn type_of(method: &SignatureMethod) -> &'static str {
    match method.kind {
        Some(SignatureType::AuthenticationBased) => "AUTHENTICATION_BASED",
        Some(SignatureType::SignedStatement) => "SIGNED_STATEMENT",
        Some(SignatureType::ThirdParty) => "THIRD_PARTY",
        None => "HANDWRITTEN",
    }
}

/// Text for XML 1.0, which has no place for most control characters.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' | '\r' => escaped.push_str(&format!("&#{};", u32::from(c))),
            '\0'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}' => escaped.push('\u{FFFD}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_fits_into_the_xml() {
        assert_eq!(
            escaped("a<b>&\"c\"\u{0}\n\u{1F600}"),
            "a&lt;b&gt;&amp;&quot;c&quot;\u{FFFD}&#10;\u{1F600}"
        );
    }
}
