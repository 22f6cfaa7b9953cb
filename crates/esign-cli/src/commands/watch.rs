//! `esign watch`

use std::time::Duration;

use esign::jiff::SignedDuration;
use esign::{State, Wait};

use super::status;
use crate::args::{Common, Watch};
use crate::failure::{Exit, Failure};
use crate::files::{add_links, read_handle, renew_handle};
use crate::output::Output;
use crate::settings;

/// Good if the request was completed. Prints whenever something has changed.
pub(crate) async fn run(args: &Watch, common: &Common, output: &Output) -> Result<Exit, Failure> {
    let handle = read_handle(&args.handle)?;
    let client = settings::client_for(common, Some(handle.instance())).await?;
    let mut wait = Wait::FOREVER;
    wait.at_most = args.at_most.map(|time| duration("--at-most", time)).transpose()?;
    wait.every = args.every.map(|time| duration("--every", time)).transpose()?;
    let mut before = None;
    let mut renewed = Ok(());
    let report = client.wait(&handle, wait, |report| {
        let object = status::object(&handle, report);
        if before.as_ref() != Some(&object) {
            output.answer(&object, || status::words(report));
            before = Some(object);
        }
        if renewed.is_ok() {
            renewed = renew_handle(&args.handle, report.new_handle.as_ref())
                .and_then(|()| add_links(&args.handle, &report.next_steps).map(drop));
        }
    });
    let report = report.await?;
    renewed?;
    Ok((report.state() == State::Completed).into())
}

pub(super) fn duration(option: &str, time: SignedDuration) -> Result<Duration, Failure> {
    Duration::try_from(time).map_err(|_| Failure::usage(format!("{option}: a time cannot be negative")))
}
