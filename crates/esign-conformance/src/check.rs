//! One check, and how it ends.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::time::Duration;

use esign_core::Error;

use crate::harness::Harness;
use crate::world::World;

/// A check that takes longer hangs; real ones take milliseconds.
const HANGS: Duration = Duration::from_secs(120);

/// How a check ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The provider keeps the promise.
    Passed,
    /// It makes no such promise: which claim says so.
    Skipped(String),
    /// It does not keep it.
    Failed(String),
}

/// A check ends early: it does not apply, or it failed.
pub(crate) enum Stop {
    Skip(String),
    Fail(String),
}

pub(crate) type Outcome = Result<(), Stop>;

/// What a check needs is missing in a value that must be there.
pub(crate) fn fail<T>(why: impl fmt::Display) -> Result<T, Stop> {
    Err(Stop::Fail(why.to_string()))
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Fail(format!("unexpected error: {error}"))
    }
}

/// Fails the check unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::check::Stop::Fail(format!($($message)+)));
        }
    };
}

/// Ends the check as irrelevant.
macro_rules! skip {
    ($($why:tt)+) => {
        return Err($crate::check::Stop::Skip(format!($($why)+)))
    };
}

pub(crate) use {ensure, skip};

pub(crate) type Running<'a> = Pin<Box<dyn Future<Output = Outcome> + 'a>>;

/// A promise and how to look whether it is kept.
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) look: for<'a> fn(&'a World) -> Running<'a>,
}

impl Check {
    /// Runs the check on a fresh backend. A panic anywhere is a failure.
    pub(crate) fn run(&self, harness: &dyn Harness) -> Verdict {
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|e| Stop::Fail(format!("no runtime: {e}")))?;
            let ended = runtime.block_on(async {
                let look = async { (self.look)(&World::start(harness).await?).await };
                tokio::time::timeout(HANGS, look).await
            });
            runtime.shutdown_background();
            ended.unwrap_or_else(|_| Err(Stop::Fail("it hangs: somebody waits for ever".to_owned())))
        }));
        match ended {
            Ok(Ok(())) => Verdict::Passed,
            Ok(Err(Stop::Skip(why))) => Verdict::Skipped(why),
            Ok(Err(Stop::Fail(why))) => Verdict::Failed(why),
            Err(panic) => Verdict::Failed(format!("panicked: {}", panic_message(panic.as_ref()))),
        }
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}
