//! Certificate policies along a path (RFC 5280, 6.1.2 to 6.1.5). The verifier asks for none; an authority may demand that
//! every certificate below it is under one that it knows.

use std::collections::{BTreeMap, BTreeSet};

use super::broken;
use crate::der::{self, Reader};
use crate::oid;
use crate::trust::Untrusted;
use crate::x509::Certificate;

type Policy<'a> = &'a [u8];

/// What is valid so far: the leaves of the tree in RFC 5280, each with the policies that the next certificate may have for it.
pub(super) struct Policies<'a> {
    valid: BTreeMap<Policy<'a>, BTreeSet<Policy<'a>>>,
    /// After how many further certificates one policy must be valid.
    explicit: u64,
    /// After how many further certificates "any policy" is none.
    inhibit_any: u64,
    /// After how many further certificates policies are mapped no more.
    mapping: u64,
}

impl<'a> Policies<'a> {
    /// For a path of so many certificates below the root.
    pub(super) fn new(length: usize) -> Self {
        let never = length as u64 + 1;
        let any = BTreeMap::from([(oid::ANY_POLICY, BTreeSet::from([oid::ANY_POLICY]))]);
        Self { valid: any, explicit: never, inhibit_any: never, mapping: never }
    }

    /// The next authority from above.
    pub(super) fn authority(&mut self, authority: &Certificate<'a>) -> Result<(), Untrusted> {
        let is_self_issued = authority.is_self_issued();
        self.step(authority, is_self_issued)?;
        self.map(authority)?;
        if !is_self_issued {
            for count in [&mut self.explicit, &mut self.inhibit_any, &mut self.mapping] {
                *count = count.saturating_sub(1);
            }
        }
        let [explicit, mapping] = limits(authority)?;
        self.explicit = self.explicit.min(explicit.unwrap_or(u64::MAX));
        self.mapping = self.mapping.min(mapping.unwrap_or(u64::MAX));
        if let Some(value) = authority.extension(oid::INHIBIT_ANY_POLICY) {
            let count = Reader::new(value).small().ok_or_else(unread)?;
            self.inhibit_any = self.inhibit_any.min(count.into());
        }
        Ok(())
    }

    /// The last certificate.
    pub(super) fn end(mut self, leaf: &Certificate<'a>) -> Result<(), Untrusted> {
        self.step(leaf, false)?;
        self.explicit = self.explicit.saturating_sub(1);
        if limits(leaf)?[0] == Some(0) {
            self.explicit = 0;
        }
        self.is_enough()
    }

    fn step(
        &mut self,
        certificate: &Certificate<'a>,
        is_self_issued_authority: bool,
    ) -> Result<(), Untrusted> {
        let stated = match certificate.extension(oid::CERTIFICATE_POLICIES) {
            Some(value) => stated(value).ok_or_else(unread)?,
            None => BTreeSet::new(),
        };
        let any_below = self.valid.contains_key(oid::ANY_POLICY);
        let expected: BTreeSet<Policy<'a>> = self.valid.values().flatten().copied().collect();
        let mut valid = BTreeMap::new();
        for policy in stated.iter().filter(|policy| **policy != oid::ANY_POLICY) {
            if any_below || expected.contains(policy) {
                valid.insert(*policy, BTreeSet::from([*policy]));
            }
        }
        if stated.contains(oid::ANY_POLICY) && (self.inhibit_any > 0 || is_self_issued_authority) {
            for policy in expected {
                valid.entry(policy).or_insert_with(|| BTreeSet::from([policy]));
            }
        }
        self.valid = valid;
        self.is_enough()
    }

    fn is_enough(&self) -> Result<(), Untrusted> {
        if self.explicit == 0 && self.valid.is_empty() {
            return Err(broken(
                "an authority in the chain demands a certificate policy that is not stated below it",
            ));
        }
        Ok(())
    }

    /// What an authority calls otherwise than the one below it.
    fn map(&mut self, authority: &Certificate<'a>) -> Result<(), Untrusted> {
        let Some(value) = authority.extension(oid::POLICY_MAPPINGS) else { return Ok(()) };
        let any_below = self.valid.contains_key(oid::ANY_POLICY);
        for (from, to) in mappings(value).ok_or_else(unread)? {
            if self.mapping == 0 {
                self.valid.remove(from);
            } else if any_below || self.valid.contains_key(from) {
                self.valid.insert(from, to);
            }
        }
        Ok(())
    }
}

fn unread() -> Untrusted {
    Untrusted::Limit("the chain states certificate policies in a way that this verifier does not know".into())
}

/// The policies that a certificate states.
fn stated(value: &[u8]) -> Option<BTreeSet<Policy<'_>>> {
    let mut list = Reader::new(value).take(der::SEQUENCE)?.children();
    let mut found = BTreeSet::new();
    while !list.is_empty() {
        found.insert(list.take(der::SEQUENCE)?.children().oid()?);
    }
    Some(found)
}

/// What each policy is called below; none of them may be "any".
fn mappings(value: &[u8]) -> Option<BTreeMap<Policy<'_>, BTreeSet<Policy<'_>>>> {
    let mut list = Reader::new(value).take(der::SEQUENCE)?.children();
    let mut found: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    while !list.is_empty() {
        let mut pair = list.take(der::SEQUENCE)?.children();
        let (from, to) = (pair.oid()?, pair.oid()?);
        (from != oid::ANY_POLICY && to != oid::ANY_POLICY).then_some(())?;
        found.entry(from).or_default().insert(to);
    }
    Some(found)
}

/// After how many certificates a policy must be valid, and none is mapped any more.
fn limits(certificate: &Certificate<'_>) -> Result<[Option<u64>; 2], Untrusted> {
    let Some(value) = certificate.extension(oid::POLICY_CONSTRAINTS) else { return Ok([None; 2]) };
    let mut fields = Reader::new(value).take(der::SEQUENCE).ok_or_else(unread)?.children();
    let mut count = |tag| match fields.take_if(tag) {
        None => Ok(None),
        Some(number) => number.number().map(|number| Some(number.into())).ok_or_else(unread),
    };
    let limits = [count(der::implicit(0))?, count(der::implicit(1))?];
    if fields.is_empty() { Ok(limits) } else { Err(unread()) }
}
