//! Who we are, said anew on every attempt.

use std::fmt;

use async_trait::async_trait;
use esign_core::secrecy::ExposeSecret;
use esign_core::{Credential, Error, ErrorKind, Result};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method};
use url::Url;

/// A request on its way out, as an [`Authorize`] sees it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outgoing<'a> {
    /// GET, POST, ….
    pub method: &'a Method,
    /// Where it goes: always the API's own origin.
    pub url: &'a Url,
    /// What it carries; add the credentials here, marked [sensitive](HeaderValue::set_sensitive).
    pub headers: &'a mut HeaderMap,
}

impl Outgoing<'_> {
    /// Sets `Authorization` to this text, marked sensitive.
    ///
    /// # Errors
    /// [`ErrorKind::Secret`] if the text cannot be in a header, without repeating it.
    pub fn set_authorization(&mut self, text: &str) -> Result<()> {
        let mut value = HeaderValue::from_str(text).map_err(|_| {
            Error::new(ErrorKind::Secret, "the credential contains characters that no HTTP header may have")
        })?;
        value.set_sensitive(true);
        self.headers.insert(AUTHORIZATION, value);
        Ok(())
    }
}

/// Adds credentials to requests to the API's own origin; never called for any other.
#[async_trait]
pub trait Authorize: fmt::Debug + Send + Sync {
    /// Called for every attempt, after the limiter: a token made here is fresh.
    ///
    /// # Errors
    /// Whatever keeps the credentials from being had; the request is then not sent.
    async fn authorize(&self, request: &mut Outgoing<'_>) -> Result<()>;

    /// Called once after a 401, with the `Authorization` that was refused. True if another would be sent now: the call
    /// is then repeated once, creates included, because a 401 created nothing. Default: false.
    ///
    /// # Errors
    /// Whatever keeps fresh credentials from being had; the 401 stays the answer.
    async fn refused(&self, sent: Option<&HeaderValue>) -> Result<bool> {
        let _ = sent;
        Ok(false)
    }
}

/// `Authorization: Bearer …` from a configured secret, read again after a 401.
#[derive(Clone, Debug)]
pub struct Bearer(Credential);

impl Bearer {
    /// Sends this credential.
    #[must_use]
    pub fn new(credential: Credential) -> Self {
        Self(credential)
    }

    fn header_text(&self) -> String {
        format!("Bearer {}", self.0.current().expose_secret().trim())
    }
}

#[async_trait]
impl Authorize for Bearer {
    async fn authorize(&self, request: &mut Outgoing<'_>) -> Result<()> {
        request.set_authorization(&self.header_text())
    }

    async fn refused(&self, sent: Option<&HeaderValue>) -> Result<bool> {
        // Another call may have refreshed it since: then there is nothing to read, but something new to send.
        let differs =
            |sent: Option<&HeaderValue>| sent.is_none_or(|s| s.as_bytes() != self.header_text().as_bytes());
        Ok(differs(sent) || (self.0.refresh().await? && differs(sent)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use esign_core::secrecy::SecretString;
    use esign_core::{SecretRef, SecretSource};

    use super::*;

    /// A vault in which the secret can change.
    #[derive(Debug)]
    struct Vault(Mutex<&'static str>);

    #[async_trait]
    impl SecretSource for Vault {
        async fn secret(&self, _: &SecretRef) -> Result<SecretString> {
            Ok(SecretString::from(*self.0.lock().unwrap()))
        }
    }

    async fn authorization(bearer: &Bearer) -> Result<HeaderValue> {
        let (method, url) = (Method::GET, "https://api.example".parse().unwrap());
        let mut headers = HeaderMap::new();
        bearer.authorize(&mut Outgoing { method: &method, url: &url, headers: &mut headers }).await?;
        Ok(headers.remove(AUTHORIZATION).unwrap())
    }

    #[tokio::test]
    async fn a_changed_secret_is_worth_one_more_try_for_everyone_who_was_refused() {
        let vault = Arc::new(Vault(Mutex::new("one\n")));
        let source: Arc<dyn SecretSource> = vault.clone();
        let bearer = Bearer::new(Credential::read(source, SecretRef::External("key".into())).await.unwrap());
        let sent = authorization(&bearer).await.unwrap();
        assert_eq!(sent.to_str().unwrap(), "Bearer one");
        assert!(sent.is_sensitive());
        assert!(!bearer.refused(Some(&sent)).await.unwrap());

        *vault.0.lock().unwrap() = "two";
        assert!(bearer.refused(Some(&sent)).await.unwrap());
        assert!(bearer.refused(Some(&sent)).await.unwrap(), "the second of two calls refused together");
        assert_eq!(authorization(&bearer).await.unwrap().to_str().unwrap(), "Bearer two");
    }

    #[tokio::test]
    async fn an_impossible_secret_is_not_repeated_in_the_error() {
        let source: Arc<dyn SecretSource> = Arc::new(Vault(Mutex::new("mar\nker")));
        let bearer = Bearer::new(Credential::read(source, SecretRef::External("key".into())).await.unwrap());
        let error = authorization(&bearer).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Secret);
        assert!(!format!("{error} {error:?}").contains("ker"), "{error}");
    }
}
