//! `esign sandbox`

use std::cell::OnceCell;

use esign_sandbox::{Sandbox, ServeOptions, serve};
use serde_json::json;

use crate::args;
use crate::failure::{Exit, Failure};
use crate::files::write_new;
use crate::output::{Mark, Output};

/// Serves until the process is told to stop.
pub(crate) async fn run(args: args::Sandbox, output: &Output) -> Result<Exit, Failure> {
    let options = options(&args)?;
    let failed = OnceCell::new();
    let ready = |sandbox: &Sandbox| {
        if let Err(failure) = begin(sandbox, &args, output) {
            // Called once, so it is empty.
            let _ = failed.set(failure);
        }
    };
    let stop = async {
        if failed.get().is_none() {
            stopped().await;
        }
    };
    serve(options, ready, stop).await.map_err(|e| Failure::usage(e.to_string()))?;
    failed.into_inner().map_or(Ok(Exit::Good), Err)
}

fn options(args: &args::Sandbox) -> Result<ServeOptions, Failure> {
    let mut options = ServeOptions::new(args.listen);
    options.signify_api_keys = args.signify_key.clone();
    options.allow_loopback_redirect = args.allow_loopback_redirect;
    if let Some(url) = &args.public_url {
        let url = url.parse().map_err(|e| Failure::usage(format!("--public-url {url}: {e}")))?;
        options.public_url = Some(url);
    }
    Ok(options)
}

fn begin(sandbox: &Sandbox, args: &args::Sandbox, output: &Output) -> Result<(), Failure> {
    let config = config(sandbox.base_url().as_str());
    if let Some(path) = &args.write_config {
        write_new(path, config.as_bytes())?;
    }
    tell(sandbox, args, &config, output);
    Ok(())
}

/// What a client needs to use the sandbox, with the keys where they belong: not in the file.
fn config(base_url: &str) -> String {
    format!(
        r#"active = "signify"

[providers.signify]
kind = "signify"
base_url = "{base_url}public"
api_key = {{ env = "SIGNIFY_API_KEY" }}
placement_origin = "top-left"
"#
    )
}

fn tell(sandbox: &Sandbox, args: &args::Sandbox, config: &str, output: &Output) {
    let url = sandbox.base_url().as_str();
    let key = args.signify_key.first().map_or("", String::as_str);
    output.json(&json!({ "base_url": url, "config": config, "root": format!("{url}_sandbox/root.pem") }));
    output
        .say(Mark::Good, format!("the sandbox listens on {url} (no legal signatures; stop it with Ctrl-C)"));
    output.plain(match &args.write_config {
        Some(path) => format!("The configuration for it is in {}.", path.display()),
        None => format!("The configuration for it, to be put into esign.toml:\n\n{config}"),
    });
    output.plain(format!(
        "\
Then, in another terminal:

  export SIGNIFY_API_KEY={key}
  esign check
  esign send FILE.pdf --delivery shareable-link --signer tenant \\
    --at 1,72,144,points,bottom-left,bottom-left
  curl -o root.pem {url}_sandbox/root.pem     # for esign verify --root root.pem
  curl {url}_sandbox                          # what else it can do

E-mails that were sent are at {url}mailbox."
    ));
}

/// Ctrl-C, or the signal by which a service manager ends a process.
async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    // If signals cannot be heard, the process ends by being killed.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
