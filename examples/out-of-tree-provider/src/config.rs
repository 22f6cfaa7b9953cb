//! `[providers.x]` with `kind = "inkwell"`.

use std::sync::Arc;

use async_trait::async_trait;
use esign_core::{BuildContext, Endpoint, Provider, ProviderConfig, ProviderKind, Result, SecretRef};
use esign_http::url::Url;
use esign_http::{Bearer, HttpClient, HttpSettings};
use serde::Deserialize;

use crate::{Inkwell, InkwellClient, KIND};

/// The configuration of one instance.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InkwellConfig {
    /// Where Inkwell is, up to the version. No default: a forgotten line must not send anywhere.
    pub base_url: Url,
    /// The API key.
    pub api_key: SecretRef,
    /// How requests travel.
    #[serde(default)]
    pub http: HttpSettings,
}

#[async_trait]
impl ProviderConfig for InkwellConfig {
    const KIND: ProviderKind = KIND;

    async fn build(self, cx: &BuildContext) -> Result<Arc<dyn Provider>> {
        let key = cx.credential("api_key", &self.api_key).await?;
        let http = HttpClient::builder(self.base_url.clone(), cx.clock())
            .settings(&self.http)
            .auth(Arc::new(Bearer::new(key)))
            .observer(KIND, cx.observer())
            .build()?;
        let endpoint = Endpoint { environment: "custom".to_owned(), base_url: self.base_url.to_string() };
        Ok(Arc::new(Inkwell::new(InkwellClient::new(http), endpoint, cx.clock())))
    }
}
