//! A provider in memory, over a scripted little service: for examples, for applications' own tests, and for providers
//! that are wrong on purpose.
//!
//! The service has a clock, signers who act when told, faults on request, signed callbacks and call counters. It keeps
//! everything in the process and is not a signature.

mod provider;
mod service;
mod transactions;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde::Deserialize;

use crate::facts::{PageFacts, PdfFacts};
use crate::{BuildContext, Inspector, Provider, ProviderConfig, ProviderKind, Result};

pub use provider::MemoryProvider;
pub use service::{MemoryFault, MemoryService};

/// The kind of the in-memory provider.
pub const KIND: ProviderKind = ProviderKind::new("memory");

/// Configuration of the in-memory provider: `kind = "memory"`. Each instance has a service of its own, reached with
/// `client.provider_as::<MemoryProvider>("name")?.service()`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryConfig {
    /// What the instance pretends to send to; handles made at one address are not used at another.
    #[serde(default)]
    pub base_url: Option<String>,
}

#[async_trait]
impl ProviderConfig for MemoryConfig {
    const KIND: ProviderKind = KIND;

    async fn build(self, cx: &BuildContext) -> Result<Arc<dyn Provider>> {
        let service = MemoryService::new();
        if let Some(base_url) = self.base_url {
            service.change_capabilities(|caps| caps.endpoint.base_url = base_url);
        }
        Ok(Arc::new(service.provider().observed(cx.observer())))
    }
}

/// An inspector that takes every PDF for this many plain A4 pages.
#[derive(Clone, Copy, Debug)]
pub struct A4Pages(
    /// How many.
    pub u32,
);

#[async_trait]
impl Inspector for A4Pages {
    async fn inspect(&self, content: Bytes) -> Result<PdfFacts> {
        let pages = (1..=self.0).map(|number| PageFacts::plain(number, 595.28, 841.89));
        Ok(PdfFacts::new(content.len() as u64, pages.collect()))
    }
}
