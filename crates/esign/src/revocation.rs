//! Revocation data from the authorities themselves, fetched when the application asks for it.

use std::sync::Arc;

use bytes::Bytes;
use esign_core::{Clock, Error, ErrorKind, Result};
use esign_http::{HttpClient, HttpSettings};
use esign_pdf::VerificationReport;
use esign_pdf::verify::{RevocationData, SignatureReport, Unsettled};
use url::Url;

/// The largest revocation list: those of large authorities have a few megabytes.
const MAX_LIST: usize = 16 << 20;
/// The largest OCSP response: real ones have a few kilobytes.
const MAX_RESPONSE: usize = 64 << 10;
/// The most certificates that are asked about for one document: a path has two or three.
const MAX_CERTIFICATES: usize = 32;

/// What lists and responses begin with in DER.
const SEQUENCE: u8 = 0x30;

/// What the authorities answered.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct FetchedRevocation {
    /// For [`VerifyOptions::revocation_data`](esign_pdf::VerifyOptions::revocation_data). Nothing of it is verified yet:
    /// verification believes only what the right authority signed.
    pub data: RevocationData,
    /// Why there is no answer about a certificate, each reason once, in words, with the hosts that were asked.
    pub failures: Vec<String>,
}

/// Asks the certificate authorities about every certificate whose revocation a report leaves open: its OCSP responder first,
/// its revocation lists where that has no answer. Verify once more with what comes back.
///
/// Only certificates that lead to a configured root are asked about, at the addresses that they name themselves, so a document
/// cannot make this call anybody whom a trusted authority did not name. The authority learns from whom and when somebody looked
/// at this signer's certificate: ask only if that is acceptable. Answers are signed, so plain HTTP is used where a certificate
/// says so, as is usual.
///
/// Each address is asked once, for [`HttpSettings::total_timeout`] at most. A second call asks again.
///
/// ```
/// # use std::sync::Arc;
/// # async fn run(pdf: bytes::Bytes, options: esign::pdf::VerifyOptions) -> esign::Result<()> {
/// let mut options = options;
/// let report = esign::verify(pdf.clone(), options.clone()).await?;
/// let http = esign::HttpSettings::default();
/// let fetched = esign::fetch_revocation(&report, &http, Arc::new(esign::SystemClock)).await;
/// options.revocation_data = fetched.data;
/// let report = esign::verify(pdf, options.strict()).await?;
/// # Ok(()) }
/// ```
pub async fn fetch_revocation(
    report: &VerificationReport,
    http: &HttpSettings,
    clock: Arc<dyn Clock>,
) -> FetchedRevocation {
    let mut fetched = FetchedRevocation::default();
    let mut asked: Vec<&Unsettled> = Vec::new();
    for unsettled in report.signatures.iter().flat_map(unsettled) {
        if asked.contains(&unsettled) || asked.len() == MAX_CERTIFICATES {
            continue;
        }
        asked.push(unsettled);
        match ask(unsettled, http, &clock).await {
            Ok(data) => fetched.data.extend(data),
            Err(failure) if fetched.failures.contains(&failure) => {}
            Err(failure) => fetched.failures.push(failure),
        }
    }
    fetched
}

fn unsettled(signature: &SignatureReport) -> impl Iterator<Item = &Unsettled> {
    let of_timestamp = signature.timestamp.iter().flat_map(|timestamp| &timestamp.revocation.unsettled);
    signature.revocation.unsettled.iter().chain(of_timestamp)
}

/// The first answer of anybody who is in charge of a certificate.
async fn ask(
    unsettled: &Unsettled,
    http: &HttpSettings,
    clock: &Arc<dyn Clock>,
) -> std::result::Result<RevocationData, String> {
    let mut failures = Vec::new();
    for address in &unsettled.responders {
        match respond(address, &unsettled.request, http, clock).await {
            Ok(response) => {
                return Ok(RevocationData { responses: vec![response], ..RevocationData::default() });
            }
            Err(error) => failures.push(error.to_string()),
        }
    }
    for address in &unsettled.lists {
        match list(address, http, clock).await {
            Ok(list) => return Ok(RevocationData { crls: vec![list], ..RevocationData::default() }),
            Err(error) => failures.push(error.to_string()),
        }
    }
    Err(match failures.is_empty() {
        true => "a certificate of the path names nobody who could be asked over HTTP about its revocation"
            .to_owned(),
        false => format!("nobody answered about a certificate's revocation: {}", failures.join("; ")),
    })
}

/// RFC 6960, appendix A.
async fn respond(
    address: &str,
    request: &[u8],
    http: &HttpSettings,
    clock: &Arc<dyn Clock>,
) -> Result<Vec<u8>> {
    /// A refusal is a status and nothing else.
    const REFUSAL: usize = 5;
    let (client, url) = client(address, http, clock)?;
    let body = Bytes::copy_from_slice(request);
    let call = client.post(url).body("application/ocsp-request", body).cap(MAX_RESPONSE);
    let answer = call.send().await?;
    if answer.body.first() == Some(&SEQUENCE) && answer.body.len() > REFUSAL {
        Ok(answer.body.to_vec())
    } else {
        Err(answer.unexpected("no successful OCSP response"))
    }
}

/// RFC 5280, 4.2.1.13.
async fn list(address: &str, http: &HttpSettings, clock: &Arc<dyn Clock>) -> Result<Vec<u8>> {
    let (client, url) = client(address, http, clock)?;
    let answer = client.get(url).cap(MAX_LIST).send().await?;
    if answer.body.first() == Some(&SEQUENCE) {
        Ok(answer.body.to_vec())
    } else {
        Err(answer.unexpected("no revocation list in DER"))
    }
}

fn client(address: &str, http: &HttpSettings, clock: &Arc<dyn Clock>) -> Result<(HttpClient, Url)> {
    let wrong = |_| Error::new(ErrorKind::UnexpectedAnswer, "a certificate names an address that is none");
    let url = Url::parse(address).map_err(wrong)?;
    let mut settings = http.clone();
    // What is fetched is signed, and public.
    settings.danger_http_hosts.extend(url.host_str().map(str::to_owned));
    let mut base = url.clone();
    base.set_path("/");
    base.set_query(None);
    base.set_fragment(None);
    Ok((HttpClient::builder(base, Arc::clone(clock)).settings(&settings).build()?, url))
}
