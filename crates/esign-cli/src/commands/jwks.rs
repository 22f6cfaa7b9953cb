//! `esign jwks`

use serde_json::json;

use crate::args::{Common, Jwks};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::settings;

/// The key set to serve at the address that the provider was told.
pub(crate) async fn run(args: &Jwks, common: &Common, output: &Output) -> Result<Exit, Failure> {
    let client = settings::client(common).await?;
    let active = || Failure::usage("no instance is active: name one, or write active = \"…\"");
    let name = args.instance.clone().or_else(|| client.active()).ok_or_else(active)?;
    let provider = client.provider(&name)?;
    let none = || Failure::usage(format!("{name} ({}) has no keys to publish", provider.kind()));
    let jwks = provider.keys().ok_or_else(none)?.jwks().await?;
    let object = json!({ "instance": name, "kind": provider.kind().as_str(), "jwks": jwks });
    output.answer(&object, || format!("{jwks:#}"));
    Ok(Exit::Good)
}
