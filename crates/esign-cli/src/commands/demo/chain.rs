//! Several signers one after the other, each over the result of the one before.

use esign::secrecy::ExposeSecret;
use esign::{Artifact, ChainRecord, ChainStep, SignRequest, State};

use super::Stage;
use super::flow::{Flow, Outcome};
use crate::failure::Failure;
use crate::files::{Papers, replace};
use crate::output::shown;

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
            if let ChainStep::Signed { document, .. } = &step {
                // Before the record says so: the next leg needs it.
                outcome.keep(&papers, document)?;
            }
            let stored = chain.to_stored();
            replace(&stage.out.join(format!("{}.chain", self.title())), stored.expose_secret().as_bytes())?;
            match step {
                ChainStep::Prepared { .. } => {}
                ChainStep::Sent { signer, submission } => {
                    papers.save_submission(&submission).whole()?;
                    stage.good(&format!("{signer}: sent; chain, handle and record stored"));
                    self.signed(stage, &submission).await?;
                }
                ChainStep::Signed { signer, document: signed, last } => {
                    stage.good(&format!("{signer}: signed, {}", shown(&papers.signed())));
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
    // The first leg's record is that of the original: whatever was added since is the chain's.
    let Some((_, first)) = chain.records().next() else { return Ok(()) };
    let checked = esign::verify_against_record(first, &signed, stage.verify_options()?).await?;
    let mut problems = checked.problems;
    let (legs, added) = (chain.progress().1, checked.signatures_added);
    if added != legs {
        problems.push(format!("{legs} signatures were asked for, {added} are there"));
    }
    outcome.judge(stage, &checked.report, problems);
    Ok(())
}
