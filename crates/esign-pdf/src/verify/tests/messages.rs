//! Signatures whose cryptographic message was tampered with in the one place that is not signed: the hole.

use super::*;
use crate::cms::{Binding, SignedData, element};
use crate::der::{self, Reader};
use crate::oid;
use crate::x509::Certificate;

/// The elements of the signed data: version, digest algorithms, content, certificates, signers.
struct Message(Vec<Vec<u8>>);

impl Message {
    fn of(contents: &[u8]) -> Self {
        let mut info = der::only(contents, der::SEQUENCE).unwrap().children();
        info.oid().unwrap();
        let inside = info.take(der::explicit(0)).unwrap().children().take(der::SEQUENCE).unwrap();
        Self(elements(inside.content))
    }

    fn write(&self) -> Vec<u8> {
        let signed_data = element(der::SEQUENCE, &self.0.concat());
        let content = [element(der::OID, oid::SIGNED_DATA), element(der::explicit(0), &signed_data)].concat();
        element(der::SEQUENCE, &content)
    }

    /// The same with indefinite lengths around everything that is not signed.
    fn write_indefinite(&self) -> Vec<u8> {
        const END: [u8; 2] = [0, 0];
        let mut message = vec![der::SEQUENCE, 0x80];
        message.extend(element(der::OID, oid::SIGNED_DATA));
        message.extend([der::explicit(0), 0x80, der::SEQUENCE, 0x80]);
        for field in &self.0 {
            let tlv = Reader::new(field).next().unwrap();
            if tlv.tag == der::INTEGER {
                message.extend_from_slice(field);
            } else {
                message.extend([tlv.tag, 0x80]);
                message.extend_from_slice(tlv.content);
                message.extend(END);
            }
        }
        message.extend(END.repeat(3));
        message
    }

    fn certificates(&mut self) -> &mut Vec<u8> {
        &mut self.0[3]
    }

    fn signers(&mut self) -> &mut Vec<u8> {
        &mut self.0[4]
    }

    /// The fields of the only signer; the last one holds the unsigned attributes.
    fn signer(&self) -> Vec<Vec<u8>> {
        let signer = Reader::new(&self.0[4]).next().unwrap().children().take(der::SEQUENCE).unwrap();
        elements(signer.content)
    }

    fn set_signer(&mut self, fields: &[Vec<u8>]) {
        *self.signers() = element(der::SET, &element(der::SEQUENCE, &fields.concat()));
    }
}

fn elements(content: &[u8]) -> Vec<Vec<u8>> {
    let mut reader = Reader::new(content);
    std::iter::from_fn(|| reader.next()).map(|tlv| tlv.raw.to_vec()).collect()
}

/// Where the hexadecimal digits of the last signature stand, and what they say.
fn hole(signed: &[u8]) -> (usize, Vec<u8>) {
    let file = File::open(signed, &Limits::default()).unwrap();
    let view = View::new(file.newest(), &Limits::default()).unwrap();
    let values = view.fields.list.iter().filter_map(|field| SignatureValue::of(view.doc, field)?.ok());
    let value = values.max_by_key(SignatureValue::end).unwrap();
    (value.byte_range.unwrap()[1] + 1, value.contents.to_vec())
}

fn with_message(signed: &[u8], message: &[u8]) -> Vec<u8> {
    let (at, contents) = hole(signed);
    let mut padded = message.to_vec();
    padded.resize(contents.len(), 0);
    let mut changed = signed.to_vec();
    changed[at..at + contents.len() * 2].copy_from_slice(hex(&padded).as_bytes());
    changed
}

fn signed(pki: &Pki) -> (Vec<u8>, Message) {
    let signed = pki.sign(&base(Style::Table), "s", 300.0, Level::BT);
    let message = Message::of(&hole(&signed).1);
    (signed, message)
}

#[test]
fn indefinite_lengths_are_as_good() {
    let pki = Pki::new();
    let (signed, message) = signed(&pki);
    for message in [message.write(), message.write_indefinite()] {
        let report = pki.verify(&with_message(&signed, &message));
        assert_eq!(report.verdict, Verdict::Passed, "{report:#?}");
        assert_eq!(report.signatures[0].level, SignatureLevel::BT);
    }
}

#[test]
fn messages_that_are_not_one_good_signature_fail() {
    type Tamper = fn(&mut Message, &Pki);
    let pki = Pki::new();
    let table: [(&str, Verdict, Tamper); 6] = [
        ("more than one signer", Verdict::Failed, |message, _| {
            let signer = Reader::new(message.signers()).next().unwrap().content.to_vec();
            *message.signers() = element(der::SET, &[signer.clone(), signer].concat());
        }),
        ("no signer", Verdict::Failed, |message, _| *message.signers() = element(der::SET, &[])),
        ("certificate is not in the document", Verdict::Indeterminate, |message, _| {
            *message.certificates() = element(der::explicit(0), &[]);
        }),
        ("does not belong to the signer's certificate", Verdict::Failed, |message, _| {
            let mut fields = message.signer();
            let value = fields.iter_mut().find(|field| field[0] == der::OCTET_STRING).unwrap();
            *value.last_mut().unwrap() ^= 1;
            message.set_signer(&fields);
        }),
        ("digest is another one", Verdict::Failed, |message, pki| {
            let (_, other) = (0, pki.sign(&base(Style::Stream), "other", 300.0, Level::BT));
            *message = Message::of(&hole(&other).1);
        }),
        ("the timestamp is about something else", Verdict::Failed, |message, pki| {
            let (_, other) = signed(pki);
            let mut fields = message.signer();
            *fields.last_mut().unwrap() = other.signer().pop().unwrap();
            message.set_signer(&fields);
        }),
    ];
    for (words, verdict, tamper) in table {
        let (signed, mut message) = signed(&pki);
        tamper(&mut message, &pki);
        let report = pki.verify(&with_message(&signed, &message.write()));
        let reasons = report.reasons.join("\n");
        assert_eq!(report.verdict, verdict, "{words}: {reasons}");
        assert!(reasons.contains(words), "{words}: {reasons}");
    }
}

#[test]
fn without_its_timestamp_a_signature_is_only_basic() {
    let pki = Pki::new();
    let (signed, mut message) = signed(&pki);
    let mut fields = message.signer();
    fields.pop();
    message.set_signer(&fields);
    let report = pki.verify(&with_message(&signed, &message.write()));
    assert_eq!((report.verdict, report.signatures[0].level), (Verdict::Passed, SignatureLevel::BB));
    assert_eq!(report.signatures[0].chain.time_source, TimeSource::Caller);
}

#[test]
fn the_signed_reference_binds_one_certificate_only() {
    let pki = Pki::new();
    let (_, message) = signed(&pki);
    let message = message.write();
    let signed = SignedData::parse(&message).unwrap();
    let own = signed.signer_certificate(&[]).unwrap();
    let stranger = Pki::new().identity.chain().next().unwrap().to_vec();
    assert_eq!(signed.binding(&own), Binding::Matches);
    assert_eq!(signed.binding(&Certificate::parse(&stranger).unwrap()), Binding::Differs);
}
