//! `esign plan`

use std::fmt::Write as _;

use esign::{Plan, Severity, Verdict};
use serde_json::json;

use crate::args::{self, Common};
use crate::failure::{Exit, Failure};
use crate::output::{Mark, Output, bold, value};
use crate::{request, settings};

/// Good if the request could be sent: by the instance named, else by the active one, else by any.
pub(crate) async fn run(args: &args::Plan, common: &Common, output: &Output) -> Result<Exit, Failure> {
    let client = settings::client(common).await?;
    let request = request::read(&args.request)?;
    let plans = match &args.on {
        Some(instance) => vec![client.plan_on(instance, &request).await?],
        None => client.plan(&request).await,
    };
    let decides = args.on.clone().or_else(|| client.active());
    let good = plans.iter().any(|plan| {
        decides.as_ref().is_none_or(|instance| *instance == plan.instance) && can_be_sent(plan.verdict)
    });
    output.answer(&json!({ "plans": value(&plans), "good": good }), || plans.iter().map(words).collect());
    Ok(good.into())
}

fn can_be_sent(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Works | Verdict::WorksWithChanges)
}

fn words(plan: &Plan) -> String {
    let mark = match plan.verdict {
        Verdict::Works => Mark::Good,
        Verdict::WorksWithChanges | Verdict::WorksAsChain => Mark::Warning,
        _ => Mark::Bad,
    };
    let mut text = format!("{mark} {} ({}): {}\n", bold(&plan.instance), plan.kind, plan.verdict);
    for change in &plan.changes {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "    changed  {change}");
    }
    for finding in &plan.findings {
        let word = match finding.severity {
            Severity::Refusal => "refused",
            Severity::Warning => "warning",
            _ => "note",
        };
        let _ = writeln!(text, "    {word:8} {finding}");
    }
    text
}
