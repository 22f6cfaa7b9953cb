//! Who signs.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use serde::Deserialize;

use super::settings::SingpassSettings;
use crate::signing::MAX_SIGNER_NAME;

/// A person with a Singpass account, made up for a test. Debug shows neither name nor number.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Person {
    /// The name, as it stands in the certificate and in `signer_info`.
    pub name: String,
    /// NRIC or FIN: a letter, seven digits, a letter, in any case. The check letter is not checked.
    pub uin: String,
}

impl Person {
    /// A person by name and NRIC or FIN.
    ///
    /// ```
    /// let person = esign_sandbox::singpass::Person::new("A. Tester", "S1234567D");
    /// ```
    pub fn new(name: impl Into<String>, uin: impl Into<String>) -> Self {
        Self { name: name.into(), uin: uin.into() }
    }

    /// The same, tidied, if it can be in a certificate.
    pub(super) fn checked(&self) -> Result<Self, InvalidPerson> {
        let name = self.name.trim();
        let length = name.chars().count();
        if !(1..=MAX_SIGNER_NAME).contains(&length) || name.chars().any(char::is_control) {
            return Err(InvalidPerson::Name);
        }
        let uin = self.uin.trim().to_ascii_uppercase();
        let [first, digits @ .., last] = uin.as_bytes() else { return Err(InvalidPerson::Uin) };
        let is_uin = first.is_ascii_alphabetic()
            && digits.len() == 7
            && digits.iter().all(u8::is_ascii_digit)
            && last.is_ascii_alphabetic();
        if is_uin { Ok(Self { name: name.to_owned(), uin }) } else { Err(InvalidPerson::Uin) }
    }

    /// The last four characters, which is all that a client ever sees.
    pub(super) fn partial_uin(&self) -> &str {
        // Checked: nine ASCII characters.
        self.uin.get(5..).unwrap_or_default()
    }

    /// Whether `signer_uin_hash` names this person.
    pub(super) fn is_named_by(&self, hash: &str, settings: &SingpassSettings) -> bool {
        let uin = if settings.uin_hash_of_lower_case { self.uin.to_lowercase() } else { self.uin.clone() };
        let hex = sha256_hex(&uin);
        if settings.uin_hash_in_upper_case { hex.to_uppercase() == hash } else { hex == hash }
    }

    /// The serial number of the person's certificate, in the measured shape: the last four characters and 64 hexadecimal
    /// digits, which are not the plain hash of the UIN there either.
    pub(super) fn serial_number(&self) -> String {
        format!("{} {}", self.partial_uin(), sha256_hex(&format!("esign-sandbox {}", self.uin)))
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person").finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidPerson {
    #[error("the name must have 1 to {MAX_SIGNER_NAME} characters and no control characters")]
    Name,
    #[error("the NRIC or FIN must be a letter, seven digits and a letter")]
    Uin,
}

fn sha256_hex(text: &str) -> String {
    digest(&SHA256, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_has_a_name_and_a_number_of_the_right_shape() {
        let long = "x".repeat(65);
        for (name, uin, expected) in [
            (" A B ", " s1234567d ", Ok(())),
            ("A B", "F1234567N", Ok(())),
            ("", "S1234567D", Err(InvalidPerson::Name)),
            ("A\nB", "S1234567D", Err(InvalidPerson::Name)),
            (long.as_str(), "S1234567D", Err(InvalidPerson::Name)),
            ("A B", "", Err(InvalidPerson::Uin)),
            ("A B", "S", Err(InvalidPerson::Uin)),
            ("A B", "S123456D", Err(InvalidPerson::Uin)),
            ("A B", "S12345678", Err(InvalidPerson::Uin)),
            ("A B", "É234567D", Err(InvalidPerson::Uin)),
        ] {
            let checked = Person::new(name, uin).checked();
            assert_eq!(checked.as_ref().map(|_| ()).map_err(|error| *error), expected, "{name:?} {uin:?}");
            if let Ok(person) = checked {
                assert_eq!((person.name.as_str(), person.uin.len()), ("A B", 9));
            }
        }
        assert_eq!(Person::new("A", "s1234567d").checked().unwrap().partial_uin(), "567D");
    }

    #[test]
    fn the_hash_is_of_the_upper_case_number_unless_set_otherwise() {
        let person = Person::new("A", "S1234567D").checked().unwrap();
        let (upper, lower) = (sha256_hex("S1234567D"), sha256_hex("s1234567d"));
        let settings = SingpassSettings::default();
        assert!(person.is_named_by(&upper, &settings));
        assert!(!person.is_named_by(&lower, &settings));
        assert!(!person.is_named_by(&upper.to_uppercase(), &settings));
        let other =
            SingpassSettings { uin_hash_of_lower_case: true, uin_hash_in_upper_case: true, ..settings };
        assert!(person.is_named_by(&lower.to_uppercase(), &other));
        assert!(!person.is_named_by(&lower, &other));
    }
}
