//! Whether those who were expected have signed: by name, and by as much of the national id as a certificate has.

use esign_core::Personal;
use unicode_normalization::UnicodeNormalization;

use super::report::{Fact, SignatureReport, SignerReport, Verdict};

/// Somebody who was asked to sign. `Debug` shows none of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpectedSigner {
    /// The name as the certificate has it; upper and lower case, the width of spaces, and whether accents are part of their
    /// letters do not count.
    pub name: Personal,
    /// The last characters of the national id, usually four: a document proves no more than that.
    pub id_end: Option<Personal>,
}

impl ExpectedSigner {
    /// Somebody by name only.
    #[must_use]
    pub fn new(name: impl Into<Personal>) -> Self {
        Self { name: name.into(), id_end: None }
    }

    /// With the last characters of the national id.
    #[must_use]
    pub fn with_id_end(mut self, id_end: impl Into<Personal>) -> Self {
        self.id_end = Some(id_end.into());
        self
    }

    /// Reads `NAME` or `NAME:567A`. The last colon counts, so a name may have others.
    ///
    /// # Errors
    /// What is missing, without what was given.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (name, id_end) = match text.rsplit_once(':') {
            Some((name, id_end)) => (name.trim(), Some(id_end.trim())),
            None => (text.trim(), None),
        };
        let long = |id: &str| id.chars().count() >= PROVABLE;
        let well = id_end.is_none_or(|id| long(id) && id.chars().all(char::is_alphanumeric));
        match (name.is_empty(), well) {
            (true, _) => Err("the name is missing; write NAME or NAME:567A"),
            (_, false) => Err("after the colon come the last four characters of the national id, like 567A"),
            _ => Ok(Self { name: Personal::new(name), id_end: id_end.map(Personal::new) }),
        }
    }
}

/// What a certificate has of a national id.
const PROVABLE: usize = 4;

/// Looks for each expected signer among these signatures; one signature answers for one signer. Signers with an id choose
/// first, so that a namesake without one does not take their signature.
pub(crate) fn check(expected: &[ExpectedSigner], signatures: &[&SignatureReport]) -> Vec<SignerReport> {
    let mut free: Vec<_> = signatures.iter().filter(|signature| signature.signer.is_some()).collect();
    let mut order: Vec<_> = (0..expected.len()).collect();
    order.sort_by_key(|index| expected[*index].id_end.is_none());
    let mut reports: Vec<_> = order
        .into_iter()
        .map(|index| {
            let asked = &expected[index];
            let named = (0..free.len()).filter(|at| named(asked, free[*at]));
            let best = named.min_by_key(|at| rank(asked, free[*at]));
            (index, report(asked, best.map(|at| *free.remove(at))))
        })
        .collect();
    reports.sort_by_key(|(index, _)| *index);
    reports.into_iter().map(|(_, report)| report).collect()
}

/// Smaller is better: with the right id, and good.
fn rank(asked: &ExpectedSigner, signature: &SignatureReport) -> (bool, Verdict) {
    (id_end(asked, signature).is_some_and(|fact| fact.is_failed()), signature.verdict)
}

fn named(asked: &ExpectedSigner, signature: &SignatureReport) -> bool {
    let name = signature.signer.as_ref().and_then(|signer| signer.common_name.as_ref());
    name.is_some_and(|name| plain(name.expose()) == plain(asked.name.expose()))
}

fn report(asked: &ExpectedSigner, signature: Option<&SignatureReport>) -> SignerReport {
    let signed = match signature.map(|signature| signature.verdict) {
        None => Fact::failed("no signature has a certificate of that name"),
        Some(Verdict::Passed) => Fact::passed(),
        Some(Verdict::Indeterminate) => {
            Fact::unknown("a signature has a certificate of that name, which is not established")
        }
        Some(Verdict::Failed) => Fact::failed("the signature with a certificate of that name is not good"),
    };
    SignerReport {
        name: asked.name.clone(),
        field: signature.map(|signature| signature.field.clone()),
        signed,
        id_end: match signature {
            Some(signature) => id_end(asked, signature),
            None => asked.id_end.as_ref().map(|_| Fact::unknown("there is no signature to compare it with")),
        },
    }
}

fn id_end(asked: &ExpectedSigner, signature: &SignatureReport) -> Option<Fact> {
    let asked: Vec<char> = plain(asked.id_end.as_ref()?.expose()).chars().collect();
    let known = signature.signer.as_ref().and_then(|signer| signer.id_end.as_ref());
    let Some(known) = known.map(|known| plain(known.expose())) else {
        return Some(Fact::unknown("the certificate has nothing of a national id"));
    };
    let end: String = asked[asked.len().saturating_sub(PROVABLE)..].iter().collect();
    Some(if !known.ends_with(&end) {
        Fact::failed("the certificate ends its national id otherwise")
    } else if asked.len() > PROVABLE {
        Fact::unknown(
            "the last four characters are right; more of a national id is not provable from the document: ask for the \
             last four only",
        )
    } else {
        Fact::passed()
    })
}

/// Without what a reader does not see: composed and decomposed letters are the same (canonical equivalence), and so are cases
/// and widths of spaces.
fn plain(text: &str) -> String {
    let upper = text.nfd().flat_map(char::to_uppercase).nfd().collect::<String>();
    upper.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_read_or_refused_without_being_repeated() {
        let read = |text: &str| {
            let read = ExpectedSigner::parse(text)?;
            Ok::<_, &str>((read.name.expose().to_owned(), read.id_end.map(|id| id.expose().to_owned())))
        };
        assert_eq!(read(" TAN AH KOW "), Ok(("TAN AH KOW".to_owned(), None)));
        assert_eq!(read("TAN: 567a"), Ok(("TAN".to_owned(), Some("567a".to_owned()))));
        assert_eq!(read("A:B:567A"), Ok(("A:B".to_owned(), Some("567A".to_owned()))));
        for text in ["", ":567A", "TAN:", "TAN:67A", "TAN:5 67A", "TAN:*67A"] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(!format!("{:?}", ExpectedSigner::parse("TAN:567A")).contains("TAN"));
    }
}
