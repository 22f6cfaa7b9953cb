//! `esign check`

use esign::{Client, ProbeVerdict};
use serde_json::{Value, json};

use crate::args::{Check, Common};
use crate::failure::{Exit, Failure};
use crate::output::{Mark, Output, bold, shown};
use crate::settings;

pub(crate) async fn run(args: &Check, common: &Common, output: &Output) -> Result<Exit, Failure> {
    // Building the client checks the configuration, and reads every key and secret.
    let client = settings::client(common).await?;
    let path = shown(&settings::path(common));
    let names: Vec<String> = match &args.instance {
        Some(name) => {
            client.capabilities(name)?;
            vec![name.clone()]
        }
        None => client.instances().into_iter().map(|(name, _)| name).collect(),
    };
    output.say(Mark::Good, format!("{path}: every key is known, every secret can be read"));
    if client.active().is_none() {
        output.say(Mark::Warning, "no instance is active: name one with --on, or write active = \"…\"");
    }
    let mut instances = Vec::new();
    for name in names {
        instances.push(check(&client, &name, output).await?);
    }
    let good = instances.iter().all(|instance| instance["good"] == true);
    output.json(&json!({ "config": path, "active": client.active(), "good": good, "instances": instances }));
    Ok(good.into())
}

async fn check(client: &Client, name: &str, output: &Output) -> Result<Value, Failure> {
    let capabilities = client.capabilities(name)?;
    let place = format!("{} ({}, {})", bold(name), capabilities.kind, capabilities.endpoint.environment);
    let probed = client.probe(name).await;
    let mut checks = Vec::new();
    let good = match &probed {
        Ok(report) => {
            for check in &report.checks {
                let (mark, verdict) = match check.verdict {
                    ProbeVerdict::Good => (Mark::Good, "good"),
                    ProbeVerdict::Warning => (Mark::Warning, "warning"),
                    ProbeVerdict::Bad => (Mark::Bad, "bad"),
                };
                output.say(mark, format!("{place} {}: {}", check.name, check.message));
                checks.push(json!({ "name": check.name, "verdict": verdict, "message": check.message }));
            }
            if report.checks.is_empty() {
                output.say(Mark::Plain, format!("{place} offers nothing that could be asked"));
            }
            report.is_good()
        }
        Err(error) => {
            output.say(Mark::Bad, format!("{place} {error}"));
            checks.push(json!({ "name": "probe", "verdict": "bad", "error": error.to_json() }));
            false
        }
    };
    let kind = capabilities.kind.as_str();
    let environment = &capabilities.endpoint.environment;
    Ok(json!({ "instance": name, "kind": kind, "environment": environment, "good": good, "checks": checks }))
}
