#![doc = include_str!("../README.md")]

use esign::jiff::SignedDuration;
use esign::pdf::VerifyOptions;
use esign::{
    ArtifactId, Client, Corner, Delivery, Document, Error, ErrorKind, Handle, Origin, OriginProof, Placement,
    Reference, Result, SignRequest, Signer, Step, Submission, SubmissionRecord,
};

/// What the application wishes for. Not every provider can fulfil all of it.
///
/// # Errors
/// None in practice: everything is a constant.
pub fn request(pdf: impl Into<Vec<u8>>) -> Result<SignRequest> {
    let place = Placement::points(1, 72.0, 144.0, Origin::BottomLeft, Corner::BottomLeft);
    let tenant = Signer::new("tenant").name("Tenant").email("tenant@tenants.example").place(place);
    let back = "https://lease.agency.gov.sg/signed";
    let back = back.parse().map_err(|_| Error::invalid("return_url", "this is no address"))?;
    let document = Document::pdf("Lease 12", pdf.into());
    Ok(SignRequest::new(Reference::random()?, document, Delivery::InSessionRedirect)
        .signer(tenant)
        .message("Please sign your lease.")
        .return_url(back)
        .expires_after(SignedDuration::from_hours(72)))
}

/// Sends it through the active instance. What comes back is to be stored; the link is for the user's open session.
///
/// # Errors
/// A refusal before anything is sent, or what went wrong while sending.
pub async fn send(client: &Client, request: SignRequest) -> Result<Submission> {
    let prepared = client.prepare(request).await?;
    // A real application stores the intent here: after a crash it finds again what may have been sent.
    client.submit(prepared).await
}

/// Where to send the browser of the user.
#[must_use]
pub fn link(submission: &Submission) -> Option<&str> {
    submission.next_steps.iter().find_map(|next| match &next.step {
        Step::OpenLink { url, .. } => Some(url.expose().as_str()),
        _ => None,
    })
}

/// The signed document, once it is there. Whatever instance is active now: the handle names the one that has it.
///
/// Where the provider signs the file that it was sent, this is that file with something behind it. One that makes a new file
/// proves its origin otherwise, or not at all: `Capabilities::origin_proof`.
///
/// # Errors
/// [`esign::ErrorKind::NotReady`] before; [`esign::ErrorKind::Integrity`] if another document came back, or an unsigned one.
pub async fn collect(client: &Client, handle: &Handle, record: &SubmissionRecord) -> Result<Vec<u8>> {
    let signed = client.download(handle, &ArtifactId::SIGNED).await?;
    let checked =
        esign::verify_against_record(record, &signed, VerifyOptions::new(client.clock().now())).await?;
    let extends = client.capabilities(handle.instance())?.origin_proof == OriginProof::ByteExtension;
    if extends && checked.report.extends_original != Some(true) {
        return Err(Error::new(ErrorKind::Integrity, "this is not the document that was sent"));
    }
    if checked.report.signatures.is_empty() {
        return Err(Error::new(ErrorKind::Integrity, "nobody has signed this document"));
    }
    Ok(signed.content.to_vec())
}
