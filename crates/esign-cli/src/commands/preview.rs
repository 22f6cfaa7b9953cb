//! `esign preview`

use esign::pdf::Limits;
use esign::pdf::preview::{Mark, Picture, Standing, boxes};
use esign::{Error, Plan, Severity};
use serde_json::json;

use crate::args::{self, Common};
use crate::failure::{Exit, Failure};
use crate::files::replace;
use crate::output::{self, Output, file_json, shown, value};
use crate::{request, settings};

/// Points to an inch.
const POINTS: f64 = 72.0;

/// Good if every place can be used; the picture is written either way.
pub(crate) async fn run(args: &args::Preview, common: &Common, output: &Output) -> Result<Exit, Failure> {
    if args.out.extension().is_none_or(|ending| !ending.eq_ignore_ascii_case("png")) {
        return Err(Failure::usage("-o names a picture: its name ends in .png"));
    }
    let (client, left_out) = settings::client_or_typical(common).await?;
    settings::tell_left_out(&left_out, output);
    let instance = settings::instance_for(&client, &args.provider)?;
    let request = request::read_file(&args.request, &args.files)?;
    let document = match &args.document {
        None => request.documents.first(),
        Some(key) => request.documents.iter().find(|document| document.key() == key),
    };
    let Some(document) = document else {
        return Err(Failure::usage("there is no such document in the request"));
    };
    let plan = client.plan_on(&instance, &request).await?;
    let marks = Mark::of_plan(&plan, document.key());
    if marks.is_empty() {
        return Err(nothing_to_draw(&plan));
    }
    let picture = draw(document.content().clone(), marks.clone(), f64::from(args.dpi) / POINTS).await?;
    replace(&args.out, &picture.png)?;
    let good = misplaced(&plan).next().is_none();
    let answer = json!({
        "file": file_json(&args.out),
        "width": picture.width,
        "height": picture.height,
        "plan": value(&plan),
        "good": good,
    });
    output.answer(&answer, || words(&plan, &marks, args));
    Ok(good.into())
}

async fn draw(content: bytes::Bytes, marks: Vec<Mark>, scale: f64) -> Result<Picture, Failure> {
    let drawn = tokio::task::spawn_blocking(move || boxes(&content, &marks, scale, &Limits::default())).await;
    let drawn = drawn.map_err(|_| Failure::usage("drawing was broken off"))?;
    drawn.map_err(|error| Error::from(error).into())
}

/// What refuses a place; other refusals do not hinder a picture.
fn misplaced(plan: &Plan) -> impl Iterator<Item = &esign::Finding> {
    plan.refusals()
        .filter(|finding| finding.field.as_ref().is_some_and(|field| field.contains("].placements[")))
}

fn nothing_to_draw(plan: &Plan) -> Failure {
    match misplaced(plan).next().or_else(|| plan.refusals().next()) {
        Some(finding) => {
            Error::invalid(finding.field.clone().unwrap_or_default(), finding.message.clone()).into()
        }
        None => {
            let message = "no box is known on this document: its places are the provider's own numbers, or there are none";
            Failure::usage(message)
        }
    }
}

fn words(plan: &Plan, marks: &[Mark], args: &args::Preview) -> String {
    let refused = marks.iter().filter(|mark| mark.standing == Standing::Refused).count();
    let mut text = format!(
        "{} {}: boxes as {} would draw them: {}, refused: {refused}\n",
        output::Mark::from(refused == 0),
        shown(&args.out),
        plan.instance,
        marks.len(),
    );
    let worth = plan.findings.iter().filter(|finding| finding.severity >= Severity::Warning);
    text.extend(worth.map(|finding| format!("    {finding}\n")));
    text
}
