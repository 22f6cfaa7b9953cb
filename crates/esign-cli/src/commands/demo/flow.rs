//! One way through one provider: what it is called, what is asked for, and who signs.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use esign::facts::SignatureLevel;
use esign::pdf::VerificationReport;
use esign::{
    Artifact, ArtifactId, Document, Evidence, OriginProof, Reference, SignRequest, State, StatusReport,
    Submission, Verdict, Wait,
};

use super::Stage;
use crate::failure::Failure;
use crate::files::{Papers, replace};
use crate::output::{Mark, shown};

/// Nothing in the sandbox takes longer.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(200);

type Running<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + 'a>>;

/// A flow. Everything between asking and checking is the same for all.
pub(crate) struct Flow {
    /// The provider kind, which is also the instance's name.
    pub(crate) provider: &'static str,
    pub(crate) name: &'static str,
    /// What is asked for, given the reference and the document.
    pub(crate) request: fn(&Stage, Reference, Document) -> SignRequest,
    /// The signers of a submission act, through the sandbox.
    pub(crate) sign: for<'a> fn(&'a Stage, &'a Submission) -> Running<'a>,
}

/// How a flow ended.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) state: Option<State>,
    pub(crate) file: Option<PathBuf>,
    pub(crate) sha256: Option<String>,
    pub(crate) signatures: usize,
    /// The least level of the signatures.
    pub(crate) level: Option<SignatureLevel>,
    /// Everything about it in one archive, where it is one request.
    pub(crate) evidence: Option<PathBuf>,
    /// What the provider has signed, where there is no document.
    pub(crate) claims: Option<serde_json::Value>,
    pub(crate) problems: Vec<String>,
    pub(crate) error: Option<Failure>,
    pub(super) checked: bool,
    /// The provider writes the file anew.
    pub(super) rewritten: bool,
}

impl Outcome {
    pub(crate) fn ok(&self) -> bool {
        self.checked
            && self.state == Some(State::Completed)
            && self.problems.is_empty()
            && self.error.is_none()
    }
}

impl Flow {
    /// Names the flow's files.
    pub(crate) fn title(&self) -> String {
        format!("{}-{}", self.provider, self.name)
    }

    /// Names the evidence. Not as `esign evidence` does: that must find its own place free.
    pub(crate) fn archive(&self) -> String {
        format!("evidence-{}.zip", self.title())
    }

    pub(crate) async fn run(&self, stage: &Stage) -> Outcome {
        let mut outcome = Outcome::default();
        outcome.error = self.steps(stage, &mut outcome).await.err();
        outcome
    }

    /// As one request, or as a chain where that is what the provider can do.
    async fn steps(&self, stage: &Stage, outcome: &mut Outcome) -> Result<(), Failure> {
        let document = Document::pdf("Demonstration", stage.document.clone());
        let request = (self.request)(stage, Reference::random()?, document);
        let plan = stage.client.plan_on(self.provider, &request).await?;
        let mark = if plan.verdict == Verdict::Cannot { Mark::Bad } else { Mark::Good };
        stage.output.say(mark, format!("plan: {}", plan.verdict));
        for change in &plan.changes {
            stage.output.say(Mark::Warning, change);
        }
        match plan.verdict {
            Verdict::WorksAsChain => self.legs(stage, &request, outcome).await,
            _ => self.once(stage, request, outcome).await,
        }
    }

    async fn once(&self, stage: &Stage, request: SignRequest, outcome: &mut Outcome) -> Result<(), Failure> {
        let papers = Papers::new(stage.out.join(self.title()));
        let prepared = stage.client.prepare_on(self.provider, request).await?;
        replace(&papers.intent(), prepared.intent().to_json().as_bytes())?;
        let submission = stage.client.submit(prepared).await?;
        papers.save_submission(&submission).whole()?;
        stage.good("sent: intent stored before, handle and record after");
        let report = self.signed(stage, &submission).await?;
        stage.good("the signers have signed");
        outcome.state = Some(report.state());
        if report.state() != State::Completed {
            outcome.problems.push(format!("it ended {}", report.state()));
            return Ok(());
        }
        self.fetch(stage, &submission, &papers, outcome).await
    }

    /// The signers sign, and the provider is asked until it says so.
    pub(super) async fn signed(
        &self,
        stage: &Stage,
        submission: &Submission,
    ) -> Result<StatusReport, Failure> {
        (self.sign)(stage, submission).await?;
        let wait = Wait::at_most(PATIENCE).every(POLL);
        Ok(stage.client.wait(&submission.handle, wait, |_| {}).await?)
    }

    async fn fetch(
        &self,
        stage: &Stage,
        submission: &Submission,
        papers: &Papers,
        outcome: &mut Outcome,
    ) -> Result<(), Failure> {
        let signed = stage.client.download(&submission.handle, &ArtifactId::SIGNED).await?;
        outcome.keep(papers, &signed)?;
        let checked =
            esign::verify_against_record(&submission.record, &signed, stage.verify_options()?).await?;
        let mut problems = checked.problems;
        outcome.rewritten = checked.rewritten;
        if checked.rewritten {
            let original = stage.client.download(&submission.handle, &ArtifactId::ORIGINAL).await?;
            match esign::original_is_what_was_sent(&submission.record, &original)? {
                true => stage.good("the original that the provider keeps is what was sent; nothing ties it to the sealed file"),
                false => problems.push("the original that the provider keeps is not what was sent".to_owned()),
            }
        }
        let proof = stage.client.capabilities(self.provider)?.origin_proof;
        if proof == OriginProof::EvidenceDigest {
            match esign::evidence_names_original(&submission.record, &signed).await? {
                true => stage.good("the embedded evidence names the digest of what was sent"),
                false => problems.push("no embedded evidence names the digest of what was sent".to_owned()),
            }
        }
        outcome.judge(stage, &checked.report, problems);
        let archive = stage.out.join(self.archive());
        outcome.problems.extend(pack(stage, submission, signed, &archive).await?);
        outcome.evidence = Some(archive);
        Ok(())
    }
}

/// Packs the evidence into an archive and checks that, as somebody would years later. Returns what is wrong with it.
async fn pack(
    stage: &Stage,
    submission: &Submission,
    signed: Artifact,
    to: &Path,
) -> Result<Vec<String>, Failure> {
    let sent = submission.record.intent().documents();
    let evidence = Evidence::new(submission.record.clone()).signed(signed);
    let evidence =
        sent.iter().fold(evidence, |all, document| all.original(&document.key, stage.document.clone()));
    let options = stage.verify_options()?;
    let packed = evidence.pack(&options).await?;
    replace(to, &packed.archive)?;
    let report = esign::check_evidence(packed.archive, &options).await?;
    if report.is_good() {
        stage.good(&format!("{}: the evidence in one archive, checked", shown(to)));
    }
    Ok(report.problems)
}

impl Outcome {
    pub(super) fn keep(&mut self, papers: &Papers, signed: &Artifact) -> Result<(), Failure> {
        replace(&papers.signed(), &signed.content)?;
        self.file = Some(papers.signed());
        self.sha256 = Some(signed.sha256().to_string());
        Ok(())
    }

    pub(super) fn judge(&mut self, stage: &Stage, report: &VerificationReport, problems: Vec<String>) {
        self.signatures = report.signatures.len();
        self.level = report.signatures.iter().map(|signature| signature.level).min();
        self.checked = true;
        if problems.is_empty() {
            let file = shown(self.file.as_deref().unwrap_or(&stage.out));
            let words = match self.rewritten {
                true => "written anew by the provider; valid signatures",
                false => "begins with the bytes that were sent; valid signatures",
            };
            stage.good(&format!("{file}: {words}: {}", self.signatures));
        }
        self.problems = problems;
    }
}

impl Stage {
    pub(super) fn good(&self, line: &str) {
        self.output.say(Mark::Good, line);
    }
}
