//! `esign status`

use esign::{Handle, ResultState, SignerStatus, State, StatusReport};
use serde_json::{Value, json};

use super::send::step_json;
use crate::args::{Common, OneHandle};
use crate::failure::{Exit, Failure};
use crate::files::{add_links, read_handle, renew_handle};
use crate::output::{Mark, Output, bold, printable, shown, value};
use crate::settings;

/// Good unless the request has ended without being completed.
pub(crate) async fn run(args: &OneHandle, common: &Common, output: &Output) -> Result<Exit, Failure> {
    let handle = read_handle(&args.handle)?;
    let client = settings::client_for(common, Some(handle.instance())).await?;
    let report = client.status(&handle).await?;
    renew_handle(&args.handle, report.new_handle.as_ref())?;
    let links = add_links(&args.handle, &report.next_steps)?;
    output.answer(&object(&handle, &report), || {
        let mut words = words(&report);
        if let Some(links) = &links {
            words += &format!("\n    links of those whose turn it is: {}", shown(links));
        }
        words
    });
    Ok(exit(report.state()))
}

/// A request that ended without being completed is not good.
pub(crate) fn exit(state: State) -> Exit {
    (state == State::Completed || !state.is_end()).into()
}

pub(crate) fn object(handle: &Handle, report: &StatusReport) -> Value {
    json!({
        "instance": handle.instance(),
        "kind": handle.kind().as_str(),
        "key": handle.key().as_str(),
        "state": report.state().to_string(),
        "basis": value(&report.standing.basis),
        "provider_status": report.provider_status,
        "created_at": report.created_at.map(|at| at.to_string()),
        "expires_at": report.expires_at.map(|at| at.to_string()),
        "result": value(&report.result),
        "artifacts": value(&report.artifacts),
        "next_steps": report.next_steps.iter().map(|step| step_json(step, false)).collect::<Vec<_>>(),
        "signers": report.signers.iter().map(signer).collect::<Vec<_>>(),
        "notes": report.notes,
    })
}

fn signer(signer: &SignerStatus) -> Value {
    let at = signer.completed.iter().map(|signature| signature.at.map(|at| at.to_string()));
    json!({
        "key": signer.key,
        "state": signer.state.to_string(),
        "required": signer.required,
        "signed_at": at.collect::<Vec<_>>(),
    })
}

pub(crate) fn words(report: &StatusReport) -> String {
    let mark = match report.state() {
        State::Completed => Mark::Good,
        State::Pending | State::InProgress => Mark::Plain,
        State::Unrecognised => Mark::Warning,
        _ => Mark::Bad,
    };
    let mut line = format!("{mark} {}", bold(&report.state().to_string()));
    if let (done, Some(required)) = report.progress() {
        line += &format!(", {done} of {required} signatures");
    }
    if let Some(word) = &report.provider_status {
        line += &format!(" (the provider says: {})", printable(word));
    }
    match report.result {
        ResultState::Ready { until: Some(until) } => line += &format!(", ready until {until}"),
        ResultState::Ready { until: None } => line += ", ready",
        // Of what ended without a result nothing is missed.
        ResultState::Gone if report.state() == State::Completed => {
            line += ", but the result can no longer be obtained"
        }
        _ if !report.state().is_end() => {
            if let Some(at) = report.expires_at {
                line += &format!(", until {at}");
            }
        }
        _ => {}
    }
    for signer in &report.signers {
        if let Some(key) = &signer.key {
            line += &format!("\n    {}: {}", printable(key), signer.state);
        }
    }
    for note in &report.notes {
        line += &format!("\n    {}", printable(note));
    }
    line
}
