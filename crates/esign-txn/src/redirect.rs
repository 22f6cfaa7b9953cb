//! What the browser brings back (spec 4.1).

use esign_core::{Error, ErrorKind, InboundCall, Personal, Result};
use serde::{Deserialize, Serialize};

use crate::random::is_state;

/// No sign code is that long, nor an address that browsers pass on.
const MAX_CODE: usize = 4096;

/// The query parameter that has the sign code: the documents disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeParameter {
    /// `sign_code`, as the page on the exchange says.
    SignCode,
    /// `code`, as the page on `initTxnSigning` says.
    Code,
}

impl CodeParameter {
    fn as_str(self) -> &'static str {
        match self {
            Self::SignCode => "sign_code",
            Self::Code => "code",
        }
    }
}

/// A redirect that has everything, whatever it is worth.
pub(crate) struct Redirect {
    pub(crate) state: Personal,
    pub(crate) sign_code: Personal,
}

impl Redirect {
    /// Reads state and sign code, the latter unchanged and from the first of these parameters that has one.
    ///
    /// # Errors
    /// [`ErrorKind::Verification`], saying what is wrong with the redirect and never what it contains.
    pub(crate) fn read(call: &InboundCall, parameters: &[CodeParameter]) -> Result<Self> {
        let state = once(call, "state")?.ok_or_else(|| refuse("the redirect has no state"))?;
        if !is_state(state) {
            let message = format!(
                "the redirect's state is not 1 to 255 of the documented characters; it has {} characters",
                state.chars().count()
            );
            return Err(refuse(message));
        }
        for parameter in parameters {
            match once(call, parameter.as_str())? {
                None | Some("") => {}
                Some(code) if code.len() > MAX_CODE => {
                    return Err(refuse("the redirect's sign code is too long"));
                }
                Some(code) => return Ok(Self { state: state.into(), sign_code: code.into() }),
            }
        }
        let names: Vec<_> = parameters.iter().map(|parameter| parameter.as_str()).collect();
        Err(refuse(format!("the redirect has no sign code: it should be in {}", names.join(" or "))))
    }
}

/// A parameter that must not be there twice: whoever checks the one might use the other.
fn once<'a>(call: &'a InboundCall, name: &str) -> Result<Option<&'a str>> {
    let mut values = call.query.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str());
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(refuse(format!("the redirect has {name} more than once"))),
        (value, None) => Ok(value),
    }
}

fn refuse(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Verification, message)
}

#[cfg(test)]
mod tests {
    use super::CodeParameter::{Code, SignCode};
    use super::*;

    fn call(query: &[(&str, &str)]) -> InboundCall {
        query.iter().fold(InboundCall::get("/back"), |call, (name, value)| call.with_query(*name, *value))
    }

    fn read(query: &[(&str, &str)], parameters: &[CodeParameter]) -> Result<String, String> {
        let redirect = Redirect::read(&call(query), parameters).map_err(|e| e.message().to_owned())?;
        Ok(format!("{} {}", redirect.state.expose(), redirect.sign_code.expose()))
    }

    #[test]
    fn either_parameter_is_taken_and_sign_code_wins() {
        let both = [SignCode, Code];
        for (query, parameters, expected) in [
            (&[("code", "c"), ("state", "s")][..], &both[..], "s c"),
            (&[("state", "s"), ("sign_code", "sc")], &both, "s sc"),
            (&[("code", "c"), ("sign_code", "sc"), ("state", "s")], &both, "s sc"),
            (&[("code", "c"), ("sign_code", "sc"), ("state", "s")], &[Code], "s c"),
            (&[("code", "c"), ("sign_code", ""), ("state", "s")], &both, "s c"),
            (&[("code", "YWJj+/8=="), ("state", "s"), ("other", "x"), ("other", "y")], &both, "s YWJj+/8=="),
        ] {
            assert_eq!(read(query, parameters).as_deref(), Ok(expected), "{query:?}");
        }
    }

    #[test]
    fn what_is_missing_doubled_or_malformed_is_named_and_not_repeated() {
        let (long, code) = ("s".repeat(256), "c".repeat(MAX_CODE + 1));
        for (query, expected) in [
            (&[("code", "marker")][..], "no state"),
            (&[("state", ""), ("code", "marker")], "0 characters"),
            (&[("state", &long), ("code", "marker")], "256 characters"),
            (&[("state", "marker!"), ("code", "c")], "7 characters"),
            (&[("state", "mar ker"), ("code", "c")], "7 characters"),
            (&[("state", "s"), ("state", "s"), ("code", "c")], "state more than once"),
            (&[("state", "s"), ("code", "c"), ("code", "marker")], "code more than once"),
            (&[("state", "s")], "in sign_code or code"),
            (&[("state", "s"), ("code", "")], "no sign code"),
            (&[("state", "s"), ("Code", "marker")], "no sign code"),
            (&[("state", "s"), ("code", &code)], "too long"),
        ] {
            let message = read(query, &[SignCode, Code]).unwrap_err();
            assert!(message.contains(expected) && !message.contains("marker"), "{message}");
        }
    }

    #[test]
    fn a_state_of_255_characters_is_read() {
        let longest = "Az09/_-=.".repeat(29)[..255].to_owned();
        assert!(read(&[("state", &longest), ("code", "c")], &[Code]).is_ok());
    }
}
