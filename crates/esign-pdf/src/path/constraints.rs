//! Name constraints (RFC 5280, 4.2.1.10): which names an authority may give to what stands below it.

use super::broken;
use crate::der::{self, Reader, Tlv};
use crate::trust::Untrusted;
use crate::x509::Certificate;
use crate::{name, oid};

const MAIL: u8 = der::implicit(1);
const DNS: u8 = der::implicit(2);
const DIRECTORY: u8 = der::explicit(4);
const ADDRESS: u8 = der::implicit(7);

/// The constraints of all authorities above.
#[derive(Default)]
pub(super) struct Constraints<'a> {
    /// Each with what it permits and what it excludes.
    of_authorities: Vec<[Vec<Tlv<'a>>; 2]>,
}

impl<'a> Constraints<'a> {
    /// Adds those of an authority, if it has any.
    pub(super) fn add(&mut self, authority: &Certificate<'a>) -> Result<(), Untrusted> {
        if let Some(value) = authority.extension(oid::NAME_CONSTRAINTS) {
            self.of_authorities.push(read(value).ok_or_else(unread)?);
        }
        Ok(())
    }

    /// Holds the names of a certificate against all of them.
    pub(super) fn check(&self, certificate: &Certificate<'_>) -> Result<(), Untrusted> {
        if self.of_authorities.is_empty() {
            return Ok(());
        }
        let names = names(certificate).ok_or_else(unread)?;
        if names.len().saturating_mul(self.size()) > MOST_COMPARISONS {
            return Err(broken("the chain restricts very many names"));
        }
        for [permitted, excluded] in &self.of_authorities {
            for given in &names {
                let matching = |base: &Tlv<'_>| matches(given, base).ok_or_else(unread);
                for base in of_kind(excluded, given.tag) {
                    if matching(base)? {
                        return Err(broken("an authority in the chain may not give that name"));
                    }
                }
                let mut allowed = of_kind(permitted, given.tag).next().is_none();
                for base in of_kind(permitted, given.tag) {
                    allowed |= matching(base)?;
                }
                if !allowed {
                    return Err(broken("an authority in the chain may not give that name"));
                }
            }
        }
        Ok(())
    }

    fn size(&self) -> usize {
        self.of_authorities.iter().flatten().map(Vec::len).sum()
    }
}

fn of_kind<'l, 'a>(bases: &'l [Tlv<'a>], tag: u8) -> impl Iterator<Item = &'l Tlv<'a>> {
    bases.iter().filter(move |base| base.tag == tag)
}

/// Far more than real chains need.
const MOST_COMPARISONS: usize = 10_000;

fn unread() -> Untrusted {
    Untrusted::Limit("the chain restricts names in a way that this verifier does not know".into())
}

/// What is permitted and what is excluded.
fn read(value: &[u8]) -> Option<[Vec<Tlv<'_>>; 2]> {
    let mut fields = Reader::new(value).take(der::SEQUENCE)?.children();
    let lists = [fields.take_if(der::explicit(0)), fields.take_if(der::explicit(1))];
    fields.is_empty().then_some(())?;
    let [permitted, excluded] = lists.map(|list| list.map_or(Some(Vec::new()), bases));
    Some([permitted?, excluded?])
}

/// The bases of subtrees. RFC 5280 has no minimum but 0 and no maximum.
fn bases(list: Tlv<'_>) -> Option<Vec<Tlv<'_>>> {
    let mut list = list.children();
    let mut found = Vec::new();
    while !list.is_empty() {
        let mut subtree = list.take(der::SEQUENCE)?.children();
        found.push(subtree.next()?);
        let minimum = subtree.take_if(der::implicit(0)).is_none_or(|minimum| minimum.content == [0]);
        (minimum && subtree.is_empty()).then_some(())?;
    }
    Some(found)
}

/// A name of a certificate: its kind as the tag of a `GeneralName`, and its content.
struct Name {
    tag: u8,
    content: Vec<u8>,
}

/// The subject, the alternative names, and the addresses in the subject where there is no alternative one.
fn names(certificate: &Certificate<'_>) -> Option<Vec<Name>> {
    let mut names = Vec::new();
    if !name::is_empty(certificate.subject) {
        names.push(Name { tag: DIRECTORY, content: certificate.subject.to_vec() });
    }
    if let Some(list) = certificate.extension(oid::SUBJECT_ALTERNATIVE_NAME) {
        let mut list = Reader::new(list).take(der::SEQUENCE)?.children();
        while !list.is_empty() {
            let given = list.next()?;
            names.push(Name { tag: given.tag, content: given.content.to_vec() });
        }
    }
    if !names.iter().any(|given| given.tag == MAIL) {
        let addresses = name::attributes(certificate.subject, oid::EMAIL_ADDRESS);
        names.extend(addresses.into_iter().map(|address| Name { tag: MAIL, content: address.into_bytes() }));
    }
    Some(names)
}

/// Whether a name is in a subtree of the same kind; `None` for kinds that are not known here.
fn matches(given: &Name, base: &Tlv<'_>) -> Option<bool> {
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_ascii_lowercase);
    match given.tag {
        DIRECTORY => Some(name::is_within(&given.content, base.content)),
        DNS => {
            let (host, base) = (text(&given.content)?, text(base.content)?);
            Some(is_below(&host, base.trim_start_matches('.')))
        }
        MAIL => {
            let (address, base) = (text(&given.content)?, text(base.content)?);
            let host = address.rsplit_once('@').map_or(address.as_str(), |(_, host)| host);
            Some(match base.strip_prefix('.') {
                Some(domain) => host != domain && is_below(host, domain),
                None if base.contains('@') => address == base,
                None => host == base,
            })
        }
        ADDRESS => {
            let (network, mask) = base.content.split_at_checked(given.content.len())?;
            (mask.len() == network.len()).then_some(())?;
            let masked = given.content.iter().zip(network).zip(mask);
            Some(masked.into_iter().all(|((given, network), mask)| given & mask == network & mask))
        }
        _ => None,
    }
}

fn is_below(host: &str, domain: &str) -> bool {
    domain.is_empty() || host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cms::element;

    #[test]
    fn names_are_in_subtrees_of_their_kind() {
        for (tag, given, base, expected) in [
            (DNS, &b"a.example.org"[..], &b"example.org"[..], Some(true)),
            (DNS, b"Example.ORG", b"example.org", Some(true)),
            (DNS, b"badexample.org", b"example.org", Some(false)),
            (DNS, b"example.org", b"", Some(true)),
            (MAIL, b"tan@example.org", b"example.org", Some(true)),
            (MAIL, b"tan@mail.example.org", b"example.org", Some(false)),
            (MAIL, b"tan@mail.example.org", b".example.org", Some(true)),
            (MAIL, b"tan@example.org", b".example.org", Some(false)),
            (MAIL, b"tan@example.org", b"lim@example.org", Some(false)),
            (ADDRESS, &[10, 1, 2, 3], &[10, 0, 0, 0, 255, 0, 0, 0], Some(true)),
            (ADDRESS, &[11, 1, 2, 3], &[10, 0, 0, 0, 255, 0, 0, 0], Some(false)),
            (ADDRESS, &[11, 1, 2, 3], &[10, 0], None),
            (der::implicit(6), b"https://example.org", b"example.org", None),
        ] {
            let name = Name { tag, content: given.to_vec() };
            let base = element(tag, base);
            let base = Reader::new(&base).next().unwrap();
            assert_eq!(matches(&name, &base), expected, "{tag:02x} {given:?}");
        }
    }

    #[test]
    fn subtrees_are_read_whole_or_not_at_all() {
        let base = element(DNS, b"example.org");
        let subtree = |rest: &[u8]| element(der::SEQUENCE, &[&base, rest].concat());
        let constraints = |list: &[u8]| element(der::SEQUENCE, &element(der::explicit(0), list));
        let read = |list: &[u8]| {
            read(&constraints(list)).map(|[permitted, excluded]| (permitted.len(), excluded.len()))
        };
        assert_eq!(read(&subtree(&[])), Some((1, 0)));
        assert_eq!(read(&subtree(&element(der::implicit(0), &[0]))), Some((1, 0)));
        assert_eq!(read(&subtree(&element(der::implicit(0), &[1]))), None);
        assert_eq!(read(&subtree(&element(der::implicit(1), &[1]))), None);
        assert_eq!(read(&[subtree(&[]), vec![0x30]].concat()), None);
    }
}
