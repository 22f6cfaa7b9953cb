//! Typed wishes that only one kind of provider understands.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, ErrorKind, ProviderKind, Result};

/// Options of one provider kind: a struct in the provider's crate, with `#[serde(deny_unknown_fields)]`.
///
/// Options are stored with requests and shown in plans, so they must not hold secrets.
pub trait ProviderOption: Serialize + DeserializeOwned {
    /// The kind that understands them.
    const KIND: ProviderKind;
}

/// Blocks of options, one per provider kind. One request may carry blocks for several kinds, so that a change of
/// provider in the configuration needs no change of code. `Debug` shows the kinds.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProviderOptions(BTreeMap<ProviderKind, Value>);

impl ProviderOptions {
    /// Adds the block for its kind, replacing an earlier one.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] if the block cannot be written as JSON.
    pub fn insert<O: ProviderOption>(&mut self, options: &O) -> Result<()> {
        let block = serde_json::to_value(options).map_err(|e| bad_block(&O::KIND, &e))?;
        self.0.insert(O::KIND, block);
        Ok(())
    }

    /// The block for the kind of `O`, if the request has one.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] at `options.<kind>` if the block is not what `O` expects.
    pub fn get<O: ProviderOption>(&self) -> Result<Option<O>> {
        let Some(block) = self.0.get(&O::KIND) else { return Ok(None) };
        serde_path_to_error::deserialize(block).map(Some).map_err(|e| bad_block(&O::KIND, &e))
    }

    /// The kinds for which there is a block.
    pub fn kinds(&self) -> impl Iterator<Item = &ProviderKind> {
        self.0.keys()
    }
}

impl fmt::Debug for ProviderOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ProviderOptions").field(&self.kinds().collect::<Vec<_>>()).finish()
    }
}

fn bad_block(kind: &ProviderKind, cause: &dyn fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidRequest, cause.to_string()).field(format!("options.{kind}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Acme {
        colour: String,
    }

    impl ProviderOption for Acme {
        const KIND: ProviderKind = ProviderKind::new("acme");
    }

    #[test]
    fn a_block_comes_back_typed_and_a_typo_is_named() {
        let mut options = ProviderOptions::default();
        assert_eq!(options.get::<Acme>().unwrap(), None);
        options.insert(&Acme { colour: "red".into() }).unwrap();
        assert_eq!(options.get::<Acme>().unwrap(), Some(Acme { colour: "red".into() }));

        let typo: ProviderOptions = serde_json::from_str(r#"{"acme":{"color":"red"}}"#).unwrap();
        let error = typo.get::<Acme>().unwrap_err();
        assert_eq!(error.field_path(), Some("options.acme"));
        assert!(error.message().contains("unknown field `color`"), "{error}");
    }
}
