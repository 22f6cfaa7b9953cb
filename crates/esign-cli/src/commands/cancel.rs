//! `esign cancel`

use esign::CancelOutcome;
use serde_json::json;

use crate::args::{Common, OneHandle};
use crate::failure::{Exit, Failure};
use crate::files::read_handle;
use crate::output::{Output, printable, shown};
use crate::settings;

/// Good if nobody can sign any more.
pub(crate) async fn run(args: &OneHandle, common: &Common, output: &Output) -> Result<Exit, Failure> {
    let handle = read_handle(&args.handle)?;
    let client = settings::client_for(common, Some(handle.instance())).await?;
    let outcome = client.cancel(&handle).await.map_err(|error| {
        let unknown = error.is_outcome_unknown();
        let failure = Failure::from(error);
        if unknown {
            failure.advise(format!("look with `esign status {}`", shown(&args.handle)))
        } else {
            failure
        }
    })?;
    let words = match outcome {
        CancelOutcome::Cancelled => "called back",
        CancelOutcome::AlreadyGone => "it had ended before",
        CancelOutcome::TooLate => "too late: it was completed before, fetch it with `esign download`",
        other => other.as_str(),
    };
    let object = json!({ "key": handle.key().as_str(), "outcome": outcome.as_str() });
    output.answer(&object, || printable(words));
    Ok((outcome != CancelOutcome::TooLate).into())
}
