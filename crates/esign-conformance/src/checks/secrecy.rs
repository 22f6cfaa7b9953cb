//! Nothing personal and nothing secret in what is printed, told or traced.

use std::error::Error as _;
use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use esign_core::secrecy::ExposeSecret;
use esign_core::{ArtifactId, Error, Operation, Step};

use crate::check::{Outcome, ensure};
use crate::harness::Fault;
use crate::sample::{MARKER, NAME};
use crate::world::{World, debugged};

const FAULTS: [Fault; 8] = [
    Fault::RefuseConnection,
    Fault::LoseAnswer,
    Fault::RateLimited { after: None },
    Fault::Refuse(400),
    Fault::Refuse(401),
    Fault::FailAfterEffect,
    Fault::Garbage,
    Fault::Truncate,
];

/// What these say in detail about their own work is for whoever debugs them.
const LIBRARIES: [&str; 7] = ["h2", "hyper", "mio", "reqwest", "rustls", "tokio", "tower"];

/// A whole life under every fault, with every value and error printed in every way.
pub(super) async fn nothing_personal_or_secret_is_printed(w: &World) -> Outcome {
    let trace = Trace::new(w.backend.trace_target());
    let _guard = tracing::subscriber::set_default(trace.clone());
    tracing::info!(control = "the trace is captured");
    let mut printed: Vec<(String, String)> = Vec::new();
    let mut print = |what: &str, text: String| printed.push((what.to_owned(), text));
    let mut hidden: Vec<String> = w.backend.markers();
    hidden.extend([MARKER.to_owned(), NAME.to_owned()]);

    print("the provider", debugged(w.provider()?.as_ref()));
    print("the client", debugged(&w.client));
    for fault in FAULTS {
        let prepared = w.client.prepare(w.request()?).await?;
        print("the prepared request", debugged(&prepared));
        w.inject(Operation::Submit, fault).await;
        match w.client.submit(prepared).await {
            Ok(submission) => print("a submission", debugged(&submission)),
            Err(error) => print("an error of submit", error_in_full(&error)),
        }
        w.heal().await?;
    }
    let request = w.request()?;
    let submission = w.submit(&request).await?;
    let handle = submission.handle.clone();
    print("a submission", debugged(&submission));
    print("the record", submission.record.to_json());
    for step in &submission.next_steps {
        if let Step::OpenLink { url, .. } = &step.step {
            hidden.push(url.expose().to_string());
            hidden.extend(url.expose().query().filter(|q| q.len() > 8).map(str::to_owned));
        }
    }
    hidden.push(handle.to_stored().expose_secret().to_owned());
    w.sign_all(&handle, &request).await?;
    for fault in FAULTS {
        for operation in [Operation::Status, Operation::Download] {
            w.inject(operation, fault).await;
            let error = match operation {
                Operation::Status => w.client.status(&handle).await.err(),
                _ => w.client.download(&handle, &ArtifactId::SIGNED).await.err(),
            };
            w.heal().await?;
            error.into_iter().for_each(|e| print("an error of reading", error_in_full(&e)));
        }
    }
    print("the report", debugged(&w.client.status(&handle).await?));
    print("the artifact", debugged(&w.client.download(&handle, &ArtifactId::SIGNED).await?));
    for call in w.backend.callbacks(&handle).await {
        let received = w.client.receive(crate::world::INSTANCE, &call).await;
        print("what was received", debugged(&received));
    }
    print("what the observer was told", w.told.text());
    ensure!(trace.text().contains("the trace is captured"), "the kit could not capture the trace");
    print("the trace", trace.text());

    for (what, text) in &printed {
        let leaked = hidden.iter().find(|secret| !secret.is_empty() && text.contains(secret.as_str()));
        // The secret itself is not repeated: test output is kept.
        ensure!(leaked.is_none(), "{what} shows {}", kind_of(w, leaked.map_or("", String::as_str)));
    }
    Ok(())
}

fn kind_of(w: &World, secret: &str) -> &'static str {
    if secret == MARKER || secret == NAME {
        "personal data of a signer"
    } else if w.backend.markers().iter().any(|marker| marker == secret) {
        "a secret of the configuration or the backend"
    } else {
        "a signing link or a stored handle"
    }
}

/// The error in every form, with everything behind it.
fn error_in_full(error: &Error) -> String {
    let mut text = format!("{error} {} {}", debugged(error), error.to_json());
    let mut cause = error.source();
    while let Some(source) = cause {
        // Writing to a String cannot fail.
        let _ = write!(text, " {source} {}", debugged(&source));
        cause = source.source();
    }
    text
}

/// Writes down every span and event of this thread, but for those of the backend.
#[derive(Clone)]
struct Trace {
    written: Arc<Mutex<String>>,
    backend: &'static str,
}

impl Trace {
    fn new(backend: &'static str) -> Self {
        Self { written: Arc::default(), backend }
    }

    fn text(&self) -> String {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn write(&self, record: impl FnOnce(&mut dyn tracing::field::Visit)) {
        struct Fields<'a>(&'a mut String);
        impl tracing::field::Visit for Fields<'_> {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn Debug) {
                // Writing to a String cannot fail.
                let _ = write!(self.0, "{field}={value:?} ");
            }
        }
        record(&mut Fields(&mut self.written.lock().unwrap_or_else(PoisonError::into_inner)));
    }
}

impl tracing::Subscriber for Trace {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        let target = metadata.target();
        let detail = *metadata.level() > tracing::Level::INFO;
        let library = detail && LIBRARIES.iter().any(|name| target.starts_with(name));
        let backend = !self.backend.is_empty() && target.starts_with(self.backend);
        !library && !backend
    }

    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        self.write(|visit| span.record(visit));
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, values: &tracing::span::Record<'_>) {
        self.write(|visit| values.record(visit));
    }

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        self.write(|visit| event.record(visit));
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}
