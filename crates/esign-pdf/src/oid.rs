//! Object identifiers as their encoded content, each with its dotted form.

macro_rules! oids {
    ($($name:ident = $dotted:literal: [$($byte:literal),+];)+) => {
        $(#[doc = $dotted] pub(crate) const $name: &[u8] = &[$($byte),+];)+

        #[cfg(test)]
        const ALL: &[(&str, &[u8])] = &[$(($dotted, $name)),+];
    };
}

oids! {
    DATA = "1.2.840.113549.1.7.1": [42, 134, 72, 134, 247, 13, 1, 7, 1];
    SIGNED_DATA = "1.2.840.113549.1.7.2": [42, 134, 72, 134, 247, 13, 1, 7, 2];
    TST_INFO = "1.2.840.113549.1.9.16.1.4": [42, 134, 72, 134, 247, 13, 1, 9, 16, 1, 4];
    CONTENT_TYPE = "1.2.840.113549.1.9.3": [42, 134, 72, 134, 247, 13, 1, 9, 3];
    MESSAGE_DIGEST = "1.2.840.113549.1.9.4": [42, 134, 72, 134, 247, 13, 1, 9, 4];
    SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.12": [42, 134, 72, 134, 247, 13, 1, 9, 16, 2, 12];
    SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47": [42, 134, 72, 134, 247, 13, 1, 9, 16, 2, 47];
    SIGNATURE_TIMESTAMP = "1.2.840.113549.1.9.16.2.14": [42, 134, 72, 134, 247, 13, 1, 9, 16, 2, 14];
    SHA1 = "1.3.14.3.2.26": [43, 14, 3, 2, 26];
    MD5 = "1.2.840.113549.2.5": [42, 134, 72, 134, 247, 13, 2, 5];
    SHA256 = "2.16.840.1.101.3.4.2.1": [96, 134, 72, 1, 101, 3, 4, 2, 1];
    SHA384 = "2.16.840.1.101.3.4.2.2": [96, 134, 72, 1, 101, 3, 4, 2, 2];
    SHA512 = "2.16.840.1.101.3.4.2.3": [96, 134, 72, 1, 101, 3, 4, 2, 3];
    RSA = "1.2.840.113549.1.1.1": [42, 134, 72, 134, 247, 13, 1, 1, 1];
    RSA_MD5 = "1.2.840.113549.1.1.4": [42, 134, 72, 134, 247, 13, 1, 1, 4];
    RSA_SHA1 = "1.2.840.113549.1.1.5": [42, 134, 72, 134, 247, 13, 1, 1, 5];
    RSA_PSS = "1.2.840.113549.1.1.10": [42, 134, 72, 134, 247, 13, 1, 1, 10];
    RSA_SHA256 = "1.2.840.113549.1.1.11": [42, 134, 72, 134, 247, 13, 1, 1, 11];
    RSA_SHA384 = "1.2.840.113549.1.1.12": [42, 134, 72, 134, 247, 13, 1, 1, 12];
    RSA_SHA512 = "1.2.840.113549.1.1.13": [42, 134, 72, 134, 247, 13, 1, 1, 13];
    MGF1 = "1.2.840.113549.1.1.8": [42, 134, 72, 134, 247, 13, 1, 1, 8];
    EC_PUBLIC_KEY = "1.2.840.10045.2.1": [42, 134, 72, 206, 61, 2, 1];
    ECDSA_SHA1 = "1.2.840.10045.4.1": [42, 134, 72, 206, 61, 4, 1];
    ECDSA_SHA256 = "1.2.840.10045.4.3.2": [42, 134, 72, 206, 61, 4, 3, 2];
    ECDSA_SHA384 = "1.2.840.10045.4.3.3": [42, 134, 72, 206, 61, 4, 3, 3];
    ECDSA_SHA512 = "1.2.840.10045.4.3.4": [42, 134, 72, 206, 61, 4, 3, 4];
    P256 = "1.2.840.10045.3.1.7": [42, 134, 72, 206, 61, 3, 1, 7];
    P384 = "1.3.132.0.34": [43, 129, 4, 0, 34];
    P521 = "1.3.132.0.35": [43, 129, 4, 0, 35];
    ED25519 = "1.3.101.112": [43, 101, 112];
    COMMON_NAME = "2.5.4.3": [85, 4, 3];
    SERIAL_NUMBER = "2.5.4.5": [85, 4, 5];
    EMAIL_ADDRESS = "1.2.840.113549.1.9.1": [42, 134, 72, 134, 247, 13, 1, 9, 1];
    SUBJECT_DIRECTORY_ATTRIBUTES = "2.5.29.9": [85, 29, 9];
    SUBJECT_KEY_ID = "2.5.29.14": [85, 29, 14];
    KEY_USAGE = "2.5.29.15": [85, 29, 15];
    SUBJECT_ALTERNATIVE_NAME = "2.5.29.17": [85, 29, 17];
    ISSUER_ALTERNATIVE_NAME = "2.5.29.18": [85, 29, 18];
    BASIC_CONSTRAINTS = "2.5.29.19": [85, 29, 19];
    NAME_CONSTRAINTS = "2.5.29.30": [85, 29, 30];
    CERTIFICATE_POLICIES = "2.5.29.32": [85, 29, 32];
    ANY_POLICY = "2.5.29.32.0": [85, 29, 32, 0];
    POLICY_MAPPINGS = "2.5.29.33": [85, 29, 33];
    AUTHORITY_KEY_ID = "2.5.29.35": [85, 29, 35];
    POLICY_CONSTRAINTS = "2.5.29.36": [85, 29, 36];
    FRESHEST_CRL = "2.5.29.46": [85, 29, 46];
    INHIBIT_ANY_POLICY = "2.5.29.54": [85, 29, 54];
    EXTENDED_KEY_USAGE = "2.5.29.37": [85, 29, 37];
    DELTA_CRL = "2.5.29.27": [85, 29, 27];
    CRL_DISTRIBUTION_POINTS = "2.5.29.31": [85, 29, 31];
    AUTHORITY_INFO_ACCESS = "1.3.6.1.5.5.7.1.1": [43, 6, 1, 5, 5, 7, 1, 1];
    QC_STATEMENTS = "1.3.6.1.5.5.7.1.3": [43, 6, 1, 5, 5, 7, 1, 3];
    SUBJECT_INFO_ACCESS = "1.3.6.1.5.5.7.1.11": [43, 6, 1, 5, 5, 7, 1, 11];
    OCSP = "1.3.6.1.5.5.7.48.1": [43, 6, 1, 5, 5, 7, 48, 1];
    OCSP_BASIC = "1.3.6.1.5.5.7.48.1.1": [43, 6, 1, 5, 5, 7, 48, 1, 1];
    ANY_PURPOSE = "2.5.29.37.0": [85, 29, 37, 0];
    OCSP_SIGNING = "1.3.6.1.5.5.7.3.9": [43, 6, 1, 5, 5, 7, 3, 9];
    TIME_STAMPING = "1.3.6.1.5.5.7.3.8": [43, 6, 1, 5, 5, 7, 3, 8];
}

/// The dotted form, for people.
pub(crate) fn dotted(oid: &[u8]) -> String {
    let (mut text, mut value, mut is_first) = (String::new(), 0u64, true);
    for byte in oid {
        value = value.wrapping_shl(7) | u64::from(byte & 0x7F);
        if byte & 0x80 != 0 {
            continue;
        }
        if is_first {
            let first = (value / 40).min(2);
            text = format!("{first}.{}", value - first * 40);
        } else {
            text += &format!(".{value}");
        }
        (value, is_first) = (0, false);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// X.690, 8.19.
    fn encode(dotted: &str) -> Vec<u8> {
        let arcs: Vec<u64> = dotted.split('.').map(|arc| arc.parse().unwrap()).collect();
        let first = arcs[0] * 40 + arcs[1];
        let mut out = Vec::new();
        for arc in [first].into_iter().chain(arcs[2..].iter().copied()) {
            let mut groups = vec![u8::try_from(arc & 0x7F).unwrap()];
            let mut rest = arc >> 7;
            while rest > 0 {
                groups.push(u8::try_from(rest & 0x7F).unwrap() | 0x80);
                rest >>= 7;
            }
            out.extend(groups.into_iter().rev());
        }
        out
    }

    #[test]
    fn bytes_match_their_dotted_form() {
        for (dotted, bytes) in ALL {
            assert_eq!(encode(dotted), *bytes, "{dotted}");
            assert_eq!(super::dotted(bytes), *dotted);
        }
    }
}
