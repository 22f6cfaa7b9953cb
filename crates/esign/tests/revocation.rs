//! Revocation that the file does not settle is asked for where certificates say, over a real socket.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use esign::pdf::facts::Rect;
use esign::pdf::sign::{SignOptions, Subject, TestPki, sample_pdf, sign};
use esign::pdf::verify::{RevocationData, RevocationStatus, Verdict};
use esign::pdf::{VerificationReport, VerifyOptions, roots_from_pem};
use esign::{FetchedRevocation, HttpSettings, SystemClock, fetch_revocation, verify};

const NOW: &str = "2026-11-20T10:00:00Z";

/// A refusal: `malformedRequest`, and nothing else (RFC 6960, 4.2.1).
const REFUSED: &[u8] = &[0x30, 3, 0x0A, 1, 1];

struct Desk {
    pki: TestPki,
    pdf: Bytes,
    address: String,
}

impl Desk {
    /// Somebody has signed, with a timestamp and nothing about revocation, and the authorities can be asked.
    async fn new() -> Self {
        let now = NOW.parse().unwrap();
        let pki = TestPki::generate(now).unwrap();
        let signer = pki.issue(&Subject::new("Tester"), now).unwrap();
        let options = SignOptions::new("a", 1, Rect::new(50.0, 50.0, 200.0, 60.0), now);
        let pdf =
            sign(&sample_pdf("Lease", &["A clause."]).into(), &signer, Some(pki.tsa()), &options).unwrap();
        let lists = pki.revocation_lists(now).unwrap();
        let [issuing, root] = <[Vec<u8>; 2]>::try_from(lists).unwrap();
        let refuse = async |headers: HeaderMap, body: Bytes| {
            let proper = headers["content-type"] == "application/ocsp-request" && body.starts_with(&[0x30]);
            if proper { Ok(REFUSED) } else { Err(StatusCode::BAD_REQUEST) }
        };
        let routes = Router::new()
            .route("/issuing.crl", get(async || issuing))
            .route("/root.crl", get(async || root))
            .route("/page.crl", get(async || "<html>moved</html>"))
            .route("/ocsp", post(refuse));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, routes).await });
        Self { pki, pdf, address }
    }

    fn options(&self) -> VerifyOptions {
        let mut options = VerifyOptions::new(NOW.parse().unwrap()).strict();
        options.roots = roots_from_pem(self.pki.root_pem().as_bytes()).unwrap();
        options
    }

    /// The report of a file whose certificates name these addresses: of lists for the person, the issuing authority and the
    /// timestamp authority; and the responder.
    async fn report(&self, lists: [&[&str]; 3], responders: &[&str]) -> VerificationReport {
        let mut report = verify(self.pdf.clone(), self.options()).await.unwrap();
        let [signature] = &mut report.signatures[..] else { panic!("one signature") };
        let timestamp = signature.timestamp.as_mut().unwrap();
        let open: Vec<_> =
            signature.revocation.unsettled.iter_mut().chain(&mut timestamp.revocation.unsettled).collect();
        assert_eq!(open.len(), lists.len());
        let at = |paths: &[&str]| paths.iter().map(|path| format!("{}/{path}", self.address)).collect();
        for (unsettled, lists) in open.into_iter().zip(lists) {
            (unsettled.lists, unsettled.responders) = (at(lists), at(responders));
        }
        report
    }

    async fn fetch(&self, report: &VerificationReport) -> FetchedRevocation {
        let mut http = HttpSettings::default();
        http.max_retries = 0;
        fetch_revocation(report, &http, Arc::new(SystemClock)).await
    }
}

#[tokio::test]
async fn what_the_authorities_answer_settles_revocation() {
    let desk = Desk::new().await;
    let before = verify(desk.pdf.clone(), desk.options()).await.unwrap();
    assert_eq!(before.verdict, Verdict::Indeterminate, "strict, and nothing is known: {:?}", before.reasons);

    let report = desk.report([&["issuing.crl"], &["root.crl"], &["page.crl", "root.crl"]], &["ocsp"]).await;
    let fetched = desk.fetch(&report).await;
    assert_eq!(fetched.failures, Vec::<String>::new());
    let mut options = desk.options();
    options.revocation_data = fetched.data;
    let after = verify(desk.pdf.clone(), options).await.unwrap();
    assert_eq!(after.signatures[0].revocation.status, RevocationStatus::Good);
    assert_eq!(after.verdict, Verdict::Passed, "{:?}", after.reasons);
}

#[tokio::test]
async fn whoever_does_not_answer_is_named_without_path_or_query() {
    let desk = Desk::new().await;
    let report = desk.report([&["missing.crl?token=1"], &["page.crl"], &[]], &[]).await;
    let fetched = desk.fetch(&report).await;
    assert_eq!(fetched.data, RevocationData::default());
    let [missing, page, nobody] = &fetched.failures[..] else { panic!("{:?}", fetched.failures) };
    assert!(missing.contains("404") && !missing.contains("token"), "{missing}");
    assert!(page.contains("no revocation list"), "{page}");
    assert!(nobody.contains("names nobody"), "{nobody}");
}

/// A list that another authority signed changes nothing.
#[tokio::test]
async fn answers_of_the_wrong_authority_do_not_count() {
    let desk = Desk::new().await;
    let report = desk.report([&["root.crl"]; 3], &[]).await;
    let mut options = desk.options();
    options.revocation_data = desk.fetch(&report).await.data;
    let after = verify(desk.pdf.clone(), options).await.unwrap();
    assert_eq!(after.signatures[0].revocation.status, RevocationStatus::Unknown);
    assert_eq!(after.verdict, Verdict::Indeterminate);
}
