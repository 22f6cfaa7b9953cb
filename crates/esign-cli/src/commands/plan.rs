//! `esign plan`

use std::fmt::Write as _;

use esign::{Plan, PlannedPlacement, Severity, Verdict};
use serde_json::json;

use crate::args::{self, Common};
use crate::failure::{Exit, Failure};
use crate::output::{Mark, Output, bold, printable, value};
use crate::{request, settings};

/// Good if the request could be sent: by the instance named, else by the active one, else by any.
pub(crate) async fn run(args: &args::Plan, common: &Common, output: &Output) -> Result<Exit, Failure> {
    let (client, left_out) = match &args.on {
        Some(instance) => (settings::client_for(common, Some(instance)).await?, Vec::new()),
        None => settings::readable_client(common).await?,
    };
    settings::tell_left_out(&left_out, output);
    let request = request::read(&args.request)?;
    let plans = match &args.on {
        Some(instance) => vec![client.plan_on(instance, &request).await?],
        None => client.plan(&request).await,
    };
    let decides = args.on.clone().map_or_else(|| settings::active(common), |named| Ok(Some(named)))?;
    let good = plans.iter().any(|plan| {
        decides.as_ref().is_none_or(|instance| *instance == plan.instance) && can_be_sent(plan.verdict)
    });
    let left_out: Vec<_> = left_out.iter().map(Failure::to_json).collect();
    output.answer(&json!({ "plans": value(&plans), "left_out": left_out, "good": good }), || {
        plans.iter().map(words).collect()
    });
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
    for place in &plan.placements {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "    place    {}", place_words(place));
    }
    for change in &plan.changes {
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

/// `tenant: page 2, 62 from the left, 585 from the bottom, 220.5 x 60 points, by text`
fn place_words(place: &PlannedPlacement) -> String {
    let placed = &place.placed;
    let way = match (&placed.anchor, &placed.field) {
        (Some(_), _) => ", by text",
        (_, Some(_)) => ", by form field",
        (None, None) => "",
    };
    let page = placed.page.map(|page| format!("page {page}, ")).unwrap_or_default();
    let spot = match (&placed.area, &placed.native) {
        (Some(area), _) if area.width > 0.0 => format!(
            "{} from the left, {} from the bottom, {} x {} points",
            short(area.x),
            short(area.y),
            short(area.width),
            short(area.height)
        ),
        (Some(area), _) => {
            format!(
                "{} from the left, {} from the bottom, size chosen by the provider",
                short(area.x),
                short(area.y)
            )
        }
        (None, Some(native)) => format!("x {} and y {} in the provider's own numbers", native.x, native.y),
        (None, None) => "found by the provider".to_owned(),
    };
    printable(&format!("{}: {page}{spot}{way}", placed.signer))
}

/// At most two decimals.
fn short(points: f64) -> String {
    let text = format!("{points:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
