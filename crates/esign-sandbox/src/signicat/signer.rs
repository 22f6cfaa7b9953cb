//! The person at the signing page, and how they sign.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use super::order::{SignatureMethod, SubjectAttribute, Task, list, text};
use super::progress::Refusal;

/// Who signs, and how. Debug shows no name and no attribute.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Signer {
    /// The name, as the identity method gives it: in the evidence.
    pub name: String,
    /// What the identity method tells of the person, by the names that an order's subject uses (`national-id`). What is
    /// not given is taken to be what the order asks for.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// The name of the signature method, or `handwritten`; the task's first one if not given.
    #[serde(default)]
    pub method: Option<String>,
}

/// What stands for a signature method that has no name.
pub(super) const HANDWRITTEN: &str = "handwritten";

impl Signer {
    /// Somebody with this name, who is the person that the order asks for, and signs by the first method.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// The identity method tells this of the person.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }

    /// Signs by this method.
    #[must_use]
    pub fn by(mut self, method: impl Into<String>) -> Self {
        self.method = Some(method.into());
        self
    }

    /// Whether this is the person that the order asks for. Attributes that are for certain signature methods count once
    /// the person has chosen one of those.
    pub(super) fn check(&self, task: &Task, method: Option<&str>) -> Result<(), Refusal> {
        let applies = |attribute: &&SubjectAttribute| {
            let methods = list(attribute.methods.as_ref());
            methods.is_empty() || methods.iter().any(|name| Some(name.as_str()) == method)
        };
        let matches = |attribute: &SubjectAttribute| {
            let given = self.attributes.get(text(attribute.name.as_ref()));
            given.is_none_or(|given| given.trim() == text(attribute.value.as_ref()).trim())
        };
        let all = task.attributes().iter().filter(applies).all(matches);
        all.then_some(()).ok_or(Refusal::WrongPerson)
    }

    /// The method of the task by which this person signs; `None` where the task names none.
    pub(super) fn method_of<'a>(&self, task: &'a Task) -> Result<Option<&'a SignatureMethod>, Refusal> {
        match &self.method {
            None => Ok(task.methods().first()),
            Some(_) if task.methods().is_empty() => Ok(None),
            Some(wanted) => {
                let found = task.methods().iter().find(|method| method_name(method) == wanted);
                found.map(Some).ok_or(Refusal::NoMethod)
            }
        }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("method", &self.method).finish_non_exhaustive()
    }
}

pub(super) fn method_name(method: &SignatureMethod) -> &str {
    method.name.as_deref().filter(|name| !name.trim().is_empty()).unwrap_or(HANDWRITTEN)
}
