//! The token on every call: a bare JWT, made anew for each attempt (spec 2.2).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use esign_core::secrecy::{ExposeSecret, SecretString};
use esign_core::{Clock, Result, SigningKey};
use esign_http::{Authorize, Outgoing, sign_compact};
use serde::Serialize;
use uuid::Uuid;

/// Signs tokens with this instance's key.
#[derive(Clone, Debug)]
pub(crate) struct TokenSigner {
    pub(crate) key: Arc<dyn SigningKey>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) life: Duration,
}

impl TokenSigner {
    /// Credentials for one call: these claims, with times and, if asked for, a new `jti` at each attempt.
    pub(crate) fn call<C: Serialize + Send + Sync + 'static>(
        &self,
        claims: C,
        with_jti: bool,
    ) -> Arc<dyn Authorize> {
        Arc::new(CallToken { signer: self.clone(), claims, with_jti })
    }

    /// Credentials with one token, made now, however often they are used: for trials.
    pub(crate) async fn fixed<C: Serialize + Sync>(&self, claims: C) -> Result<Arc<dyn Authorize>> {
        Ok(Arc::new(FixedToken(SecretString::from(self.token(&claims, true).await?))))
    }

    async fn token<C: Serialize + Sync>(&self, claims: &C, with_jti: bool) -> Result<String> {
        let iat = self.clock.now().as_second();
        let life = i64::try_from(self.life.as_secs()).unwrap_or(110);
        let jti = with_jti.then(|| Uuid::new_v4().to_string());
        sign_compact(self.key.as_ref(), None, &Claims { call: claims, jti, iat, exp: iat + life }).await
    }
}

struct CallToken<C> {
    signer: TokenSigner,
    claims: C,
    with_jti: bool,
}

/// The claims of a call and those of every token.
#[derive(Serialize)]
struct Claims<'a, C> {
    #[serde(flatten)]
    call: &'a C,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    iat: i64,
    exp: i64,
}

#[async_trait]
impl<C: Serialize + Send + Sync> Authorize for CallToken<C> {
    async fn authorize(&self, request: &mut Outgoing<'_>) -> Result<()> {
        let token = self.signer.token(&self.claims, self.with_jti).await?;
        // No "Bearer " before it.
        request.set_authorization(&token)
    }
}

impl<C> fmt::Debug for CallToken<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallToken(kid {})", self.signer.key.key_id())
    }
}

#[derive(Debug)]
struct FixedToken(SecretString);

#[async_trait]
impl Authorize for FixedToken {
    async fn authorize(&self, request: &mut Outgoing<'_>) -> Result<()> {
        request.set_authorization(self.0.expose_secret())
    }
}
