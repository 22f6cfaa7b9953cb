//! Wrong about what nobody could check.

use async_trait::async_trait;
use esign_core::memory::MemoryProvider;
use esign_core::{Capabilities, Provider, Result, SecretUrl, Settled, Trial};

use crate::wrong::Defect;

const LINE: &str = "whether a document may have two pages";

fn unsure(right: &MemoryProvider) -> Capabilities {
    let mut caps = right.capabilities();
    caps.unverified = vec![LINE.to_owned()];
    caps
}

/// Not wrong.
#[derive(Debug, Default)]
pub(crate) struct TriesIt;

#[async_trait]
impl Defect for TriesIt {
    fn capabilities(&self, right: &MemoryProvider) -> Capabilities {
        unsure(right)
    }

    async fn settle(&self, _: &MemoryProvider, _: &Trial) -> Result<Vec<Settled>> {
        Ok(vec![Settled::new(LINE, "it may")])
    }
}

#[derive(Debug, Default)]
pub(crate) struct TriesNothing;

#[async_trait]
impl Defect for TriesNothing {
    fn capabilities(&self, right: &MemoryProvider) -> Capabilities {
        unsure(right)
    }
}

#[derive(Debug, Default)]
pub(crate) struct LeavesItOpen;

#[async_trait]
impl Defect for LeavesItOpen {
    fn capabilities(&self, right: &MemoryProvider) -> Capabilities {
        unsure(right)
    }

    async fn settle(&self, _: &MemoryProvider, _: &Trial) -> Result<Vec<Settled>> {
        let link = "https://sign.example/1".parse().map(SecretUrl::new);
        Ok(link.map(|link| Settled::open(LINE, "look").link(link)).into_iter().collect())
    }
}
