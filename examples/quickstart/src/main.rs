//! Sends a PDF for signature, waits, and keeps the signed one. Who signs it is the matter of `esign.toml`.

use std::{env, error::Error, fs, time::Duration};

use esign::pdf::VerifyOptions;
use esign::secrecy::ExposeSecret;
use esign::{
    ArtifactId, Corner, Delivery, Document, Origin, Placement, Reference, SignRequest, Signer, Step, Wait,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args().nth(1).ok_or("usage: quickstart FILE.pdf")?;
    let client = esign::client(toml::from_str(&fs::read_to_string("esign.toml")?)?).await?;

    let place = Placement::points(1, 72.0, 144.0, Origin::BottomLeft, Corner::BottomLeft);
    let document = Document::pdf("Agreement", fs::read(&path)?);
    let request = SignRequest::new(Reference::random()?, document, Delivery::ShareableLink)
        .signer(Signer::new("tenant").place(place));

    let prepared = client.prepare(request).await?; // refused by name, before anything is sent
    fs::write(format!("{path}.intent.json"), prepared.intent().to_json())?; // finds it again after a crash
    let submission = client.submit(prepared).await?;
    fs::write(format!("{path}.handle"), submission.handle.to_stored().expose_secret())?; // keep it secret
    fs::write(format!("{path}.record.json"), submission.record.to_json())?; // keep it for ever

    for next in &submission.next_steps {
        if let Step::OpenLink { url, .. } = &next.step {
            println!("{}: {}", next.signer, url.expose());
        }
    }
    let wait = Wait::FOREVER.every(Duration::from_secs(2));
    client.wait(&submission.handle, wait, |report| println!("{}", report.state())).await?;

    let signed = client.download(&submission.handle, &ArtifactId::SIGNED).await?;
    let options = VerifyOptions::new(client.clock().now()); // add the roots that you trust
    let checked = esign::verify_against_record(&submission.record, &signed, options).await?;
    println!("the document that was sent: {}", checked.report.extends_original == Some(true));
    Ok(fs::write(format!("{path}.signed.pdf"), &signed.content)?)
}
