//! What the page's `transactionParamsSupplier` returns, and the rules it must keep (Init Transaction Signing).

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use uuid::Uuid;

use super::settings::TxnSettings;
use crate::jose::Claims;

/// The longest `state` and `nonce`, in characters.
const LONGEST: usize = 255;

/// `exp` may be this much later than `iat`, and `iat` this much away from now, in seconds.
const TWO_MINUTES: f64 = 120.0;

/// What a transaction says, all of it checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TxnInfo {
    pub(super) txn_id: String,
    pub(super) instructions: String,
    /// As the client wrote it, in either case.
    pub(super) hash: String,
    /// The person who is to approve, if the client knows.
    pub(super) sub: Option<Uuid>,
}

/// "It should have a maximum of 255 characters and must match regexp pattern of `[A-Za-z0-9/_\-=.]`."
pub(super) fn check_state(state: &str) -> Result<(), String> {
    check_length("state", state)?;
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "/_-=.".contains(letter);
    if state.chars().all(allowed) { Ok(()) } else { Err(r"state must match [A-Za-z0-9/_\-=.]".to_owned()) }
}

/// "It should have a maximum of 255 characters." What it is made of is a recommendation.
pub(super) fn check_nonce(nonce: &str) -> Result<(), String> {
    check_length("nonce", nonce)
}

fn check_length(name: &str, value: &str) -> Result<(), String> {
    match value.chars().count() {
        0 => Err(format!("{name} is empty")),
        1..=LONGEST => Ok(()),
        length => Err(format!("{name} has {length} characters; at most {LONGEST} are allowed")),
    }
}

/// Reads the claims of a `txnInfo` whose signature is proven.
pub(super) fn read(claims: &Claims, now: Timestamp, settings: &TxnSettings) -> Result<TxnInfo, String> {
    check_times(claims, now, settings)?;
    let text = |name: &str| match claims.text(name)? {
        Some(text) if !text.is_empty() => Ok(text),
        Some(_) => Err(format!("{name} is empty")),
        None => Err(format!("{name} is missing")),
    };
    let (txn_id, instructions, hash) = (text("txn_id")?, text("txn_instructions")?, text("txn_hash")?);
    let length = instructions.chars().count();
    if let Some(most) = settings.max_instructions.filter(|most| length > *most) {
        return Err(format!("txn_instructions has {length} characters; at most {most} are allowed"));
    }
    if !hash.eq_ignore_ascii_case(&txn_hash(&txn_id, &instructions)) {
        return Err(
            "txn_hash is not the SHA-256 of <txn_id>:<txn_instructions> in hexadecimal digits".to_owned()
        );
    }
    let sub = match claims.text("sub")? {
        Some(sub) => Some(user_id(&sub).ok_or("sub must be a UUID of version 4")?),
        None => None,
    };
    Ok(TxnInfo { txn_id, instructions, hash, sub })
}

/// A Singpass id, which is a UUID of version 4 with hyphens.
pub(super) fn user_id(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok().filter(|uuid| text.len() == 36 && uuid.get_version_num() == 4)
}

fn txn_hash(txn_id: &str, instructions: &str) -> String {
    let hash = digest(&SHA256, format!("{txn_id}:{instructions}").as_bytes());
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn check_times(claims: &Claims, now: Timestamp, settings: &TxnSettings) -> Result<(), String> {
    let (iat, exp) = (claims.time("iat")?, claims.time("exp")?);
    let now = now.as_millisecond() as f64 / 1000.0;
    if exp - iat > TWO_MINUTES {
        return Err(format!("exp is {:.0} s after iat; at most {TWO_MINUTES} are allowed", exp - iat));
    }
    if exp < iat {
        return Err("exp is before iat".to_owned());
    }
    if iat > now + f64::from(settings.iat_ahead_seconds) {
        return Err(format!("iat is {:.0} s in the future", iat - now));
    }
    if exp <= now {
        return Err(format!("txnInfo expired {:.0} s ago", now - exp));
    }
    claims.check_not_before(now, f64::from(settings.iat_ahead_seconds))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_hash_is_that_of_the_specification() {
        assert_eq!(
            txn_hash("TXN-2026-000123", "Transfer SGD 10.00 to account ****5678"),
            "e60e79017bafc7212e41a6926c991d414e79b69c88803c878a3655d3bbdc3a89"
        );
    }

    #[test]
    fn a_state_has_1_to_255_characters_of_its_alphabet() {
        for good in ["a", "AZaz09/_-=.", &"a".repeat(255)] {
            check_state(good).unwrap();
        }
        for bad in ["", &"a".repeat(256), "a+b", "a b", "a\n", "ä", "a&b", "a%20", "a\u{0}", "a~"] {
            check_state(bad).unwrap_err();
        }
    }

    #[test]
    fn a_nonce_has_1_to_255_characters() {
        for good in ["a", &"ä".repeat(255), "a+b"] {
            check_nonce(good).unwrap();
        }
        for bad in ["", &"ä".repeat(256)] {
            check_nonce(bad).unwrap_err();
        }
    }

    fn info(changes: &Value) -> Result<TxnInfo, String> {
        let mut claims = json!({
            "iat": 1_795_300_000, "exp": 1_795_300_120, "txn_id": "TXN-2026-000123",
            "txn_instructions": "Transfer SGD 10.00 to account ****5678",
            "txn_hash": "e60e79017bafc7212e41a6926c991d414e79b69c88803c878a3655d3bbdc3a89",
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let claims = serde_json::from_str(&claims.to_string()).unwrap();
        read(&claims, Timestamp::from_second(1_795_300_000).unwrap(), &TxnSettings::default())
    }

    #[test]
    fn every_rule_of_the_claims_is_held() {
        const UPPER: &str = "E60E79017BAFC7212E41A6926C991D414E79B69C88803C878A3655D3BBDC3A89";
        for (changes, wrong) in [
            (json!({}), None),
            (json!({ "iss": 1, "aud": [] }), None),
            (json!({ "txn_hash": UPPER }), None),
            (json!({ "sub": "2bbb6a4d-8d32-4d8e-a8b5-1d4b0e2a5f00" }), None),
            (json!({ "sub": null }), None),
            (json!({ "iat": 1_795_299_881, "exp": 1_795_300_001 }), None),
            (json!({ "iat": 1_795_300_120, "exp": 1_795_300_240 }), None),
            (json!({ "iat": 1_795_300_121, "exp": 1_795_300_241 }), Some("in the future")),
            (json!({ "exp": 1_795_300_121 }), Some("exp is 121 s after iat")),
            (json!({ "iat": 1_795_299_880, "exp": 1_795_300_000 }), Some("expired")),
            (json!({ "iat": 1_795_300_010, "exp": 1_795_300_005 }), Some("exp is before iat")),
            (json!({ "nbf": 1_795_300_120 }), None),
            (json!({ "nbf": 1_795_300_121 }), Some("nbf is 121 s in the future")),
            (json!({ "iat": null }), Some("iat is missing")),
            (json!({ "exp": null }), Some("exp is missing")),
            (json!({ "iat": "1795300000" }), Some("iat must be a number")),
            (json!({ "txn_id": null }), Some("txn_id is missing")),
            (json!({ "txn_id": "" }), Some("txn_id is empty")),
            (json!({ "txn_id": 7 }), Some("txn_id must be text")),
            (json!({ "txn_id": "TXN-2026-000124" }), Some("txn_hash is not")),
            (json!({ "txn_instructions": null }), Some("txn_instructions is missing")),
            (json!({ "txn_instructions": "" }), Some("txn_instructions is empty")),
            (
                json!({ "txn_instructions": "Transfer SGD 10.00 to account ****5679" }),
                Some("txn_hash is not"),
            ),
            (json!({ "txn_hash": null }), Some("txn_hash is missing")),
            (json!({ "txn_hash": "5g" }), Some("txn_hash is not")),
            (json!({ "sub": "S1234567D" }), Some("sub must be")),
            (json!({ "sub": "2bbb6a4d8d324d8ea8b51d4b0e2a5f00" }), Some("sub must be")),
            (json!({ "sub": "017f22e2-79b0-7cc3-98c4-dc0c0c07398f" }), Some("sub must be")),
        ] {
            let read = info(&changes).map(drop).err();
            assert_eq!(read.is_some(), wrong.is_some(), "{changes}: {read:?}");
            assert!(read.unwrap_or_default().contains(wrong.unwrap_or_default()), "{changes}");
        }
    }

    #[test]
    fn long_instructions_in_any_script_are_taken_unless_a_limit_is_set() {
        let long = "Überweisung 支付 🙂\n".repeat(600);
        let mut settings = TxnSettings::default();
        let claims = json!({
            "iat": 0, "exp": 100, "txn_id": "1", "txn_instructions": long, "txn_hash": txn_hash("1", &long),
        });
        let claims = serde_json::from_str(&claims.to_string()).unwrap();
        assert_eq!(read(&claims, Timestamp::UNIX_EPOCH, &settings).unwrap().instructions, long);
        settings.max_instructions = Some(500);
        assert!(read(&claims, Timestamp::UNIX_EPOCH, &settings).unwrap_err().contains("at most 500"));
    }
}
