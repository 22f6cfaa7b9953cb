//! `esign demo`

mod chain;
mod documenso;
mod flow;
mod signicat;
mod signify;
mod singpass;
mod txn;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use esign::facts::{Rect, SignatureLevel};
use esign::pdf::{VerifyOptions, roots_from_pem};
use esign::{
    Client, Clock, Config, Corner, FixedSecrets, Inspector, Origin, PdfInspector, Placement, SigningKey,
    SystemClock,
};
use esign_sandbox::{SAMPLE_PLACES, Sandbox, sample_pdf};
use serde_json::json;

use crate::args::{Common, Demo};
use crate::failure::{Exit, Failure};
use crate::files::{read_bytes, replace};
use crate::output::{Mark, Output, bold, shown};
use crate::settings;
use flow::{Flow, Outcome};

/// Every flow with a document, in the order in which they are shown.
const FLOWS: &[&[Flow]] = &[signify::FLOWS, singpass::FLOWS, signicat::FLOWS, documenso::FLOWS];

/// A flow of the demonstration.
enum Act {
    Sign(&'static Flow),
    /// A text instead of a document.
    Approve,
}

impl Act {
    fn all() -> impl Iterator<Item = Self> {
        FLOWS.iter().copied().flatten().map(Self::Sign).chain([Self::Approve])
    }

    fn provider(&self) -> &'static str {
        match self {
            Self::Sign(flow) => flow.provider,
            Self::Approve => txn::KIND,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Sign(flow) => flow.name,
            Self::Approve => txn::NAME,
        }
    }

    async fn run(&self, stage: &Stage) -> Outcome {
        match self {
            Self::Sign(flow) => flow.run(stage).await,
            Self::Approve => txn::run(stage).await,
        }
    }
}

const ROOT: &str = "sandbox-root.pem";
const SAMPLE: &str = "agreement.pdf";

/// Good if every flow was completed and every file is what was sent, validly signed.
pub(crate) async fn run(args: Demo, common: &Common, output: &Output) -> Result<Exit, Failure> {
    let flows = chosen(&args.provider)?;
    let stage = Stage::set_up(&args, common, *output).await?;
    let mut good = 0;
    for flow in &flows {
        output.plain(bold(&format!("{} {}", flow.provider(), flow.name())));
        let outcome = flow.run(&stage).await;
        good += usize::from(outcome.ok());
        tell(flow, &outcome, output);
    }
    let all = good == flows.len();
    output.say(
        all.into(),
        format!(
            "{good} of {} flows completed and checked; the files are in {}",
            flows.len(),
            shown(&args.out)
        ),
    );
    let signed = flows.iter().find_map(|act| match act {
        Act::Sign(flow) => Some(flow),
        Act::Approve => None,
    });
    if let Some(flow) = signed.filter(|_| all) {
        let out = shown(&args.out);
        let root = format!("--root {out}/{ROOT}");
        output.plain(format!("Check one yourself: esign verify {out}/{}.signed.pdf {root}", flow.title()));
        output.plain(format!("and all about it:   esign evidence --check {out}/{} {root}", flow.archive()));
    }
    stage.sandbox.shutdown().await;
    Ok(all.into())
}

fn chosen(kinds: &[String]) -> Result<Vec<Act>, Failure> {
    let known: Vec<_> = Act::all().map(|act| act.provider()).collect();
    if let Some(unknown) = kinds.iter().find(|kind| !known.contains(&kind.as_str())) {
        let mut known = known;
        known.dedup();
        return Err(Failure::usage(format!(
            "no flow of a provider {unknown:?}; there are: {}",
            known.join(", ")
        )));
    }
    let wanted = |act: &Act| kinds.is_empty() || kinds.iter().any(|kind| kind == act.provider());
    Ok(Act::all().filter(wanted).collect())
}

fn tell(act: &Act, outcome: &Outcome, output: &Output) {
    match &outcome.error {
        Some(failure) => output.say(Mark::Bad, failure),
        None => {
            for problem in &outcome.problems {
                output.say(Mark::Bad, problem);
            }
        }
    }
    let mut object = json!({
        "provider": act.provider(),
        "flow": act.name(),
        "state": outcome.state.map(|state| state.to_string()),
        "ok": outcome.ok(),
        "problems": outcome.problems,
        "error": outcome.error.as_ref().map(Failure::to_json),
    });
    match act {
        Act::Sign(_) => {
            object["file"] = json!(outcome.file);
            object["sha256"] = json!(outcome.sha256);
            object["evidence"] = json!(outcome.evidence);
            object["signatures"] = json!(outcome.signatures);
            object["level"] = json!(outcome.level.map(SignatureLevel::as_str));
        }
        Act::Approve => object["claims"] = json!(outcome.claims),
    }
    output.json(&object);
}

/// What every flow needs.
pub(crate) struct Stage {
    client: Client,
    sandbox: Sandbox,
    output: Output,
    document: Bytes,
    places: Vec<Placement>,
    out: PathBuf,
}

impl Stage {
    async fn set_up(args: &Demo, common: &Common, output: Output) -> Result<Self, Failure> {
        let (document, places) = document(args.file.as_deref()).await?;
        let sandbox = Sandbox::builder().start().await.map_err(|e| Failure::usage(e.to_string()))?;
        output.say(Mark::Good, format!("sandbox on {} (no legal signatures)", sandbox.base_url()));
        let wiring = signify::set_up(&sandbox, Wiring::default())?;
        let wiring = singpass::set_up(&sandbox, wiring)?;
        let wiring = signicat::set_up(&sandbox, wiring);
        let wiring = documenso::set_up(&sandbox, wiring);
        let wiring = txn::set_up(&sandbox, wiring)?;
        if common.verbose {
            output.plain(format!("configuration:\n\n{}", wiring.config));
        }
        let client = wiring.client().await?;
        std::fs::create_dir_all(&args.out).map_err(|e| Failure::file("create", &args.out, &e))?;
        replace(&args.out.join(ROOT), sandbox.root_pem().as_bytes())?;
        if args.file.is_none() {
            replace(&args.out.join(SAMPLE), &document)?;
        }
        Ok(Self { client, sandbox, output, document, places, out: args.out.clone() })
    }

    /// Trusts the sandbox and nobody else.
    fn verify_options(&self) -> Result<VerifyOptions, Failure> {
        let mut options = VerifyOptions::new(SystemClock.now());
        let roots = roots_from_pem(self.sandbox.root_pem().as_bytes());
        options.roots = roots.map_err(|e| Failure::usage(e.to_string()))?;
        Ok(options)
    }
}

/// What the providers need to reach the sandbox; each adds its part.
#[derive(Default)]
pub(crate) struct Wiring {
    config: String,
    secrets: FixedSecrets,
    keys: Vec<(&'static str, Arc<dyn SigningKey>)>,
}

impl Wiring {
    async fn client(self) -> Result<Client, Failure> {
        let config: Config = settings::from_toml(Path::new("configuration"), &self.config)?;
        let builder = esign::builder(esign::default_registry()).config(config).secrets(self.secrets);
        let builder = self.keys.into_iter().fold(builder, |builder, (name, key)| builder.key(name, key));
        Ok(builder.build().await?)
    }
}

/// The document, and two places to sign at on its last page.
async fn document(file: Option<&Path>) -> Result<(Bytes, Vec<Placement>), Failure> {
    let (document, boxes) = match file {
        Some(file) => {
            (read_bytes(file)?, [Rect::new(36.0, 36.0, 0.0, 0.0), Rect::new(36.0, 108.0, 0.0, 0.0)])
        }
        None => (Bytes::from(sample()), [SAMPLE_PLACES[0], SAMPLE_PLACES[1]]),
    };
    let facts = PdfInspector::default().inspect(document.clone()).await?;
    let last = u32::try_from(facts.pages.len()).unwrap_or(u32::MAX);
    let place = |rect: Rect| Placement::points(last, rect.x, rect.y, Origin::BottomLeft, Corner::BottomLeft);
    Ok((document, boxes.map(place).to_vec()))
}

fn sample() -> Vec<u8> {
    sample_pdf(
        "Agreement on a demonstration",
        &[
            "The parties show each other how a document is sent for signature, signed and checked.",
            "The signatures are made by a sandbox, with certificates that were made when it started. They are no \
             legal signatures.",
            "Whoever signs in earnest changes a few lines of configuration, and nothing of the program.",
        ],
    )
}
