//! What the person reads: checked before it is signed, and masked where it is sensitive.

use esign_core::redact::scrub;
use esign_core::{Finding, TransactionRequest};
use uuid::Uuid;

/// Everything that keeps a transaction from being signed, and what is worth a look. Pure.
pub(crate) fn check(request: &TransactionRequest, max_chars: usize) -> Vec<Finding> {
    let mut findings = instructions(request.text.expose(), max_chars);
    if request.session.expose().is_empty() {
        let message =
            "the person's session is needed: an answer is taken only from the session that it belongs to";
        findings.push(Finding::invalid("txn.session", "session", message));
    }
    let is_v4 = |text: &str| Uuid::parse_str(text).is_ok_and(|uuid| uuid.get_version_num() == 4);
    if request.subject.as_ref().is_some_and(|subject| !is_v4(subject.expose())) {
        let message = "a Singpass user id is a version 4 UUID; a national id is not one";
        findings.push(Finding::invalid("txn.subject", "subject", message));
    }
    findings
}

fn instructions(text: &str, max_chars: usize) -> Vec<Finding> {
    let refuse = |code: &'static str, message: String| vec![Finding::invalid(code, "text", message)];
    if text.trim().is_empty() {
        return refuse("txn.text.empty", "the person must have something to read".to_owned());
    }
    let chars = text.chars().count();
    if chars > max_chars {
        let message = format!(
            "{chars} characters; {max_chars} are accepted (max_instructions). Singpass does not say how many it takes"
        );
        return refuse("txn.text.length", message);
    }
    if let Some(c) = text.chars().find(|c| c.is_control() && *c != '\n') {
        return refuse("txn.text.control", format!("contains the control character U+{:04X}", u32::from(c)));
    }
    if let Some(c) = text.chars().find(|c| reorders(*c)) {
        let message = format!(
            "contains U+{:04X}, which makes a text read in another order than the one that is signed",
            u32::from(c)
        );
        return refuse("txn.text.order", message);
    }
    let mut findings = Vec::new();
    if text.contains('\n') {
        let message = "how the Singpass app shows line breaks is not documented";
        findings.push(Finding::warning("txn.text.lines", "text", message));
    }
    if text.split_whitespace().any(is_sensitive) {
        let message = "looks as if it contains an e-mail address, a phone number, a national id or a secret; \
                       sensitive data must be masked: esign_txn::mask";
        findings.push(Finding::warning("txn.text.sensitive", "text", message));
    }
    findings
}

fn is_sensitive(word: &str) -> bool {
    let scrubbed = scrub(word);
    let marks = ["<email>", "<phone>", "<national id>", "<token>"];
    scrubbed != word && marks.iter().any(|mark| scrubbed.contains(mark))
}

/// The overrides and isolates of the bidirectional algorithm: with them `abc` can be shown as `cba`.
fn reorders(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Masks a sensitive value for the instructions: four stars, whatever its length, and its last `visible` characters. A
/// value that has no more than twice as many is masked whole.
///
/// ```
/// assert_eq!(esign_txn::mask("123-45678-5678", 4), "****5678");
/// assert_eq!(esign_txn::mask("5678", 4), "****");
/// ```
#[must_use]
pub fn mask(value: &str, visible: usize) -> String {
    let chars = value.chars().count();
    let shown = if chars > visible.saturating_mul(2) { visible } else { 0 };
    format!("****{}", value.chars().skip(chars - shown).collect::<String>())
}

#[cfg(test)]
mod tests {
    use esign_core::{Reference, Severity};
    use proptest::prelude::*;

    use super::*;

    fn codes(text: &str, severity: Severity) -> Vec<String> {
        let request = TransactionRequest::new(Reference::new("T-1").unwrap(), text, "session");
        let findings = check(&request, 1000);
        findings.iter().filter(|f| f.severity == severity).map(|f| f.code.to_string()).collect()
    }

    #[test]
    fn what_nobody_can_read_or_what_reads_otherwise_is_refused() {
        for (text, code) in [
            ("", "txn.text.empty"),
            (" \n\t ", "txn.text.empty"),
            ("a\u{0}b", "txn.text.control"),
            ("a\tb", "txn.text.control"),
            ("a\r\nb", "txn.text.control"),
            ("a\u{7f}b", "txn.text.control"),
            ("a\u{85}b", "txn.text.control"),
            ("pay \u{202e}00.01", "txn.text.order"),
            ("pay \u{2067}00.01", "txn.text.order"),
            (&"x".repeat(1001), "txn.text.length"),
            (&"x".repeat(10_000), "txn.text.length"),
        ] {
            assert_eq!(codes(text, Severity::Refusal), [code], "{text:?}");
        }
        for fine in ["Pay 10", "支付 10 新元 👩‍👩‍👧 ✅", "ادفع ١٠", &"支".repeat(1000)]
        {
            assert!(codes(fine, Severity::Refusal).is_empty(), "{fine}");
            assert!(codes(fine, Severity::Warning).is_empty(), "{fine}");
        }
    }

    #[test]
    fn what_is_worth_a_look_is_named() {
        for (text, code) in [
            ("one\ntwo", "txn.text.lines"),
            ("Transfer to ann@example.com", "txn.text.sensitive"),
            ("For S1234567D", "txn.text.sensitive"),
            ("Call +65-9123-4567", "txn.text.sensitive"),
        ] {
            assert_eq!(codes(text, Severity::Warning), [code], "{text:?}");
            assert!(codes(text, Severity::Refusal).is_empty());
        }
    }

    #[test]
    fn session_and_subject_are_checked() {
        let mut request = TransactionRequest::new(Reference::new("T-1").unwrap(), "Pay", "");
        for (subject, fine) in [
            ("7a2c1b1e-8f4d-4c3b-9e2a-0d1c2b3a4f5e", true),
            ("7A2C1B1E-8F4D-4C3B-9E2A-0D1C2B3A4F5E", true),
            ("7a2c1b1e-8f4d-1c3b-9e2a-0d1c2b3a4f5e", false),
            ("S1234567D", false),
            ("", false),
        ] {
            request.subject = Some(subject.into());
            let found = check(&request, 10);
            let codes: Vec<_> = found.iter().map(|f| f.code.as_ref()).collect();
            let expected: &[&str] = if fine { &["txn.session"] } else { &["txn.session", "txn.subject"] };
            assert_eq!(codes, expected, "{subject}");
            assert!(subject.is_empty() || !format!("{found:?}").contains(subject), "quoted");
        }
    }

    #[test]
    fn masking_shows_no_more_than_asked_for() {
        for (value, visible, expected) in [
            ("", 4, "****"),
            ("12345678", 4, "****"),
            ("123456789", 4, "****6789"),
            ("abc", 0, "****"),
            ("a支b付c", 1, "****c"),
        ] {
            assert_eq!(mask(value, visible), expected);
        }
        assert_eq!(mask("abc", usize::MAX), "****");
    }

    proptest! {
        #[test]
        fn a_mask_never_shows_half(value in "\\PC{0,40}", visible in 0usize..50) {
            let shown = mask(&value, visible).chars().count() - 4;
            prop_assert!(shown <= visible && shown * 2 <= value.chars().count());
        }
    }
}
