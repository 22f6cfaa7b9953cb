//! Several signers one after the other, each over the result of the one before.

use esign::pdf::verify::{Original, Verdict};
use esign::secrecy::ExposeSecret;
use esign::{Artifact, ChainRecord, ChainStep, Sha256Hash, SignRequest, State};

use super::Stage;
use super::flow::{Flow, Outcome};
use crate::failure::Failure;
use crate::files::{Papers, replace};

impl Flow {
    /// Every leg leaves `TITLE-N.*`; `TITLE.chain` says how far the chain has come.
    pub(super) async fn legs(
        &self,
        stage: &Stage,
        request: &SignRequest,
        outcome: &mut Outcome,
    ) -> Result<(), Failure> {
        let mut chain = stage.client.begin_chain(self.provider, request).await?;
        let mut document = stage.document.clone();
        loop {
            let leg = chain.progress().0 + 1;
            let papers = Papers::new(stage.out.join(format!("{}-{leg}", self.title())));
            let step = stage.client.step(&mut chain, request, &document).await?;
            let stored = chain.to_stored();
            replace(&stage.out.join(format!("{}.chain", self.title())), stored.expose_secret().as_bytes())?;
            match step {
                ChainStep::Prepared { .. } => {}
                ChainStep::Sent { signer, submission } => {
                    papers.save_submission(&submission)?;
                    stage.good(&format!("{signer}: sent; chain, handle and record stored"));
                    self.signed(stage, &submission).await?;
                }
                ChainStep::Signed { signer, document: signed, last } => {
                    outcome.keep(&papers, &signed)?;
                    stage.good(&format!("{signer}: signed, {}", papers.signed().display()));
                    if last {
                        outcome.state = Some(State::Completed);
                        return check(stage, &chain, signed, outcome).await;
                    }
                    document = signed.content;
                }
                ChainStep::Ended { signer, state } => {
                    outcome.state = Some(state);
                    outcome.problems.push(format!("{signer}: it ended {state}"));
                    return Ok(());
                }
                other => {
                    outcome.problems.push(format!("the chain did not come to its end: {other:?}"));
                    return Ok(());
                }
            }
        }
    }
}

/// The last leg against its record, and the whole against the original: it begins with it, and has a signature of each
/// leg.
async fn check(
    stage: &Stage,
    chain: &ChainRecord,
    signed: Artifact,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let mut problems = Vec::new();
    if let Some((_, record)) = chain.records().last() {
        problems = esign::verify_against_record(record, &signed, stage.verify_options()?).await?.problems;
    }
    let original = &stage.document;
    let mut options = stage.verify_options()?;
    options.original =
        Some(Original { bytes: original.len() as u64, sha256: *Sha256Hash::of(original).as_bytes() });
    let report = esign::verify(signed.content, options).await?;
    if report.extends_original != Some(true) {
        problems.push("it does not begin with the original".to_owned());
    }
    let added = report.signatures.iter().filter(|s| s.signed_bytes > original.len() as u64).count();
    let legs = chain.progress().1;
    if added != legs {
        problems.push(format!("{legs} signatures were asked for, {added} are there"));
    }
    if report.verdict != Verdict::Passed {
        problems.extend(report.reasons.iter().cloned());
    }
    problems.dedup();
    outcome.judge(stage, &report, problems);
    Ok(())
}
