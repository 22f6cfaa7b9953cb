//! Singpass's JSON. Field names are theirs; anything that older documents or peers lack is optional (spec 7.1).

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

/// Claims of the initiate token (spec 3.1), without the times.
#[derive(Serialize)]
pub(crate) struct InitiateClaims {
    pub(crate) client_id: String,
    pub(crate) doc_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) x: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) y: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) page: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sign_locations: Option<Vec<SignLocation>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signer_uin_hash: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct SignLocation {
    pub(crate) page: u32,
    pub(crate) x: Box<RawValue>,
    pub(crate) y: Box<RawValue>,
}

/// Claims of the result token (spec 3.3).
#[derive(Serialize)]
pub(crate) struct ResultClaims {
    pub(crate) exchange_code: String,
}

/// Claims of the cancel token (spec 3.4).
#[derive(Serialize)]
pub(crate) struct CancelClaims {
    pub(crate) client_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_request: Option<String>,
    pub(crate) request_id: String,
}

#[derive(Deserialize)]
pub(crate) struct InitiateAnswer {
    pub(crate) request_id: String,
    /// Whatever is there: the request exists, and can be called back without it.
    #[serde(default, deserialize_with = "esign_http::if_it_fits")]
    pub(crate) signing_url: Option<String>,
    pub(crate) exchange_code: String,
}

#[derive(Deserialize)]
pub(crate) struct ResultAnswer {
    pub(crate) signed_doc_url: String,
    #[serde(default, deserialize_with = "esign_http::if_it_fits")]
    pub(crate) signer_info: Option<SignerInfo>,
    /// Unix seconds.
    #[serde(default, deserialize_with = "esign_http::if_it_fits")]
    pub(crate) exp: Option<Whole>,
}

#[derive(Deserialize)]
pub(crate) struct SignerInfo {
    #[serde(default, deserialize_with = "esign_http::if_it_fits")]
    pub(crate) signer_name: Option<String>,
    #[serde(default, deserialize_with = "esign_http::if_it_fits")]
    pub(crate) signer_partial_uinfin: Option<String>,
    /// Unix milliseconds.
    #[serde(default, deserialize_with = "esign_http::if_it_fits")]
    pub(crate) signed_at: Option<Whole>,
}

/// The body of the webhook (spec 4.2).
#[derive(Deserialize)]
pub(crate) struct WebhookBody {
    pub(crate) token: String,
}

#[derive(Deserialize)]
pub(crate) struct WebhookClaims {
    pub(crate) request_type: String,
    pub(crate) request_id: String,
    #[serde(default, deserialize_with = "esign_http::if_it_fits")]
    pub(crate) signer_info: Option<SignerInfo>,
    #[serde(default, deserialize_with = "esign_http::if_it_fits")]
    pub(crate) iat: Option<Whole>,
}

/// A number that should be whole; RFC 7519 lets times have a fraction, which is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Whole(pub(crate) i64);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Rounding towards zero; what is out of range ends at the range's end, and no date is there.
        Ok(Self(f64::deserialize(deserializer)? as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_only_good_to_know_may_be_odd_or_absent() {
        let read = |rest: &str| -> ResultAnswer {
            serde_json::from_str(&format!(r#"{{"signed_doc_url":"u"{rest}}}"#)).unwrap()
        };
        for (rest, exp) in [
            ("", None),
            (r#","exp":1744190335,"more":[1]"#, Some(1_744_190_335)),
            (r#","exp":1744190335.9"#, Some(1_744_190_335)),
            (r#","exp":"soon""#, None),
            (r#","exp":null,"signer_info":null"#, None),
        ] {
            assert_eq!(read(rest).exp.map(|exp| exp.0), exp, "{rest}");
        }
        for (info, name, at) in [
            (r#"{"signer_name":"A","signed_at":1750000000123}"#, Some("A"), Some(1_750_000_000_123)),
            (r#"{"signer_name":"A","signed_at":"2025-06-15","new":{}}"#, Some("A"), None),
            (r#"{"signer_name":1}"#, None, None),
            ("{}", None, None),
        ] {
            let info = read(&format!(r#","signer_info":{info}"#)).signer_info.unwrap();
            assert_eq!((info.signer_name.as_deref(), info.signed_at.map(|at| at.0)), (name, at));
        }
        assert!(read(r#","signer_info":"A""#).signer_info.is_none());
        assert!(serde_json::from_str::<ResultAnswer>(r#"{"exp":1}"#).is_err(), "the link must be there");
    }
}
