//! `esign sandbox`

use std::cell::OnceCell;
use std::path::Path;

use esign_sandbox::signicat;
use esign_sandbox::singpass::{Client, ClientKeys};
use esign_sandbox::{Sandbox, ServeOptions, serve, txn};
use serde_json::{Value, json};

use crate::args;
use crate::failure::{Exit, Failure};
use crate::files::{read_text, write_new};
use crate::output::{Mark, Output, shown};

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
    options.signicat_clients =
        args.signicat_client.iter().map(|text| signicat_client(text)).collect::<Result<_, _>>()?;
    options.allow_loopback_redirect = args.allow_loopback_redirect;
    if let Some(url) = &args.public_url {
        options.public_url = Some(address("--public-url", url)?);
    }
    Ok(options)
}

/// The secret may hold colons, the id may not.
fn signicat_client(text: &str) -> Result<signicat::Client, Failure> {
    match text.split_once(':') {
        Some((id, secret)) if !id.is_empty() && !secret.is_empty() => Ok(signicat::Client::new(id, secret)),
        _ => Err(Failure::usage("--signicat-client: give an id and a secret, with a colon between them")),
    }
}

fn begin(sandbox: &Sandbox, args: &args::Sandbox, output: &Output) -> Result<(), Failure> {
    let client = singpass_client(sandbox, args)?;
    let txn = txn_client(args)?;
    let signicat = sandbox.signicat().clients();
    let config = config(sandbox.base_url().as_str(), client.as_ref(), txn.as_ref(), signicat.first());
    if let Some(client) = client {
        let registered = sandbox.singpass().register(client);
        registered.map_err(|e| Failure::usage(format!("--singpass-client: {e}")))?;
    }
    if let Some(client) = txn {
        let registered = sandbox.txn().register(client);
        registered.map_err(|e| Failure::usage(format!("--txn-client: {e}")))?;
    }
    if let Some(path) = &args.write_config {
        write_new(path, config.as_bytes())?;
    }
    tell(sandbox, args, &config, output);
    Ok(())
}

/// The client as the options describe it. Its addresses default to the sandbox's, which is known only now.
fn singpass_client(sandbox: &Sandbox, args: &args::Sandbox) -> Result<Option<Client>, Failure> {
    let (Some(client_id), Some(keys)) = (&args.singpass_client, &args.singpass_jwks) else { return Ok(None) };
    let keys = client_keys("--singpass-jwks", keys)?;
    let (mut redirect_url, mut webhook_url) = (sandbox.base_url().clone(), sandbox.base_url().clone());
    if let Some(url) = &args.singpass_redirect {
        redirect_url = address("--singpass-redirect", url)?;
    }
    if let Some(url) = &args.singpass_webhook {
        webhook_url = address("--singpass-webhook", url)?;
    }
    Ok(Some(Client { client_id: client_id.clone(), keys, redirect_url, webhook_url }))
}

fn txn_client(args: &args::Sandbox) -> Result<Option<txn::Client>, Failure> {
    let (Some(client_id), Some(keys), Some(redirect)) =
        (&args.txn_client, &args.txn_jwks, &args.txn_redirect)
    else {
        return Ok(None);
    };
    Ok(Some(txn::Client {
        client_id: client_id.clone(),
        keys: client_keys("--txn-jwks", keys)?,
        redirect_uri: redirect.clone(),
        origins: args.txn_origin.clone(),
    }))
}

fn client_keys(option: &str, keys: &str) -> Result<ClientKeys, Failure> {
    if keys.starts_with("http://") || keys.starts_with("https://") {
        Ok(ClientKeys::Url(address(option, keys)?))
    } else {
        Ok(ClientKeys::Inline(key_set(Path::new(keys))?))
    }
}

/// A JWK set; a single key is taken as a set of one. A private key is refused: nobody else is to have it.
fn key_set(path: &Path) -> Result<Value, Failure> {
    // serde's message could quote a key.
    let keys: Value = serde_json::from_str(&read_text(path)?).map_err(|_| {
        Failure::usage(format!("{}: neither a JWK nor a JWK set (`esign keygen` prints one)", path.display()))
    })?;
    let set = if keys.get("keys").is_some() { keys } else { json!({ "keys": [keys] }) };
    let mut all = set["keys"].as_array().into_iter().flatten();
    if all.any(|key| key.get("d").is_some()) {
        return Err(Failure::usage(format!("{}: has a private key; give the public ones", path.display())));
    }
    Ok(set)
}

fn address<T: std::str::FromStr<Err: std::fmt::Display>>(option: &str, url: &str) -> Result<T, Failure> {
    url.parse().map_err(|e| Failure::usage(format!("{option} {url}: {e}")))
}

/// What a client needs to use the sandbox, with the keys where they belong: not in the file.
fn config(
    base_url: &str,
    singpass: Option<&Client>,
    txn: Option<&txn::Client>,
    signicat: Option<&signicat::Client>,
) -> String {
    let signify = format!(
        r#"active = "signify"

[providers.signify]
kind = "signify"
base_url = "{base_url}public"
api_key = {{ env = "SIGNIFY_API_KEY" }}
placement_origin = "top-left"
"#
    );
    let singpass = singpass.map(|client| {
        let (client_id, key_id) = (quoted(&client.client_id), key_id(&client.keys));
        format!(
            r#"
[providers.singpass]
kind = "singpass"
base_url = "{base_url}api/v3"
jwks_url = "{base_url}.well-known/keys.json"
client_id = {client_id}
signing_key = {{ env = "SINGPASS_SIGNING_KEY" }}
{key_id}"#
        )
    });
    let txn = txn.map(|client| {
        let (client_id, key_id) = (quoted(&client.client_id), key_id(&client.keys));
        let redirect_uri = quoted(&client.redirect_uri);
        format!(
            r#"
[providers.singpass-txn]
kind = "singpass-txn"
base_url = "{base_url}api/v1"
jwks_url = "{base_url}.well-known/keys.json"
script_url = "{base_url}static/ndi_txn_sign.js"
client_id = {client_id}
redirect_uri = {redirect_uri}
signing_key = {{ env = "SINGPASS_SIGNING_KEY" }}
nonce_claim = "nonce"       # the sandbox's names: the real ones are for partners only
hash_claim = "txn_hash"
{key_id}"#
        )
    });
    let signicat = signicat.map(|client| signicat_config(base_url, client));
    [Some(signify), singpass, txn, signicat].into_iter().flatten().collect()
}

/// The PEM file of a key with an id of its own does not tell it.
fn key_id(keys: &ClientKeys) -> String {
    let key_id = match keys {
        ClientKeys::Inline(set) => set["keys"][0]["kid"].as_str(),
        ClientKeys::Url(_) => None,
    };
    key_id.map(|id| format!("key_id = {}\n", quoted(id))).unwrap_or_default()
}

fn quoted(text: &str) -> toml::Value {
    toml::Value::from(text)
}

fn signicat_config(base_url: &str, client: &signicat::Client) -> String {
    let client_id = quoted(&client.client_id);
    format!(
        r#"
[providers.signicat]
kind = "signicat"
base_url = "{base_url}enterprise/sign"
token_url = "{base_url}auth/open/connect/token"
client_id = {client_id}
client_secret = {{ env = "SIGNICAT_CLIENT_SECRET" }}
methods = [{{ name = "nbid-sign", type = "SIGNED_STATEMENT" }}]
email = {{ header = "Please sign", message = "A document waits for you: ${{taskUrl}}" }}
"#
    )
}

fn tell(sandbox: &Sandbox, args: &args::Sandbox, config: &str, output: &Output) {
    let url = sandbox.base_url().as_str();
    let key = args.signify_key.first().map_or("", String::as_str);
    let signicat = match args.signicat_client.is_empty() {
        true => "",
        false => "\n  export SIGNICAT_CLIENT_SECRET=…",
    };
    let signs = args.singpass_client.is_some() || args.txn_client.is_some();
    let singpass = if signs { "\n  export SINGPASS_SIGNING_KEY=\"$(cat KEY.pem)\"" } else { "" };
    output.json(&json!({ "base_url": url, "config": config, "root": format!("{url}_sandbox/root.pem") }));
    output
        .say(Mark::Good, format!("the sandbox listens on {url} (no legal signatures; stop it with Ctrl-C)"));
    output.plain(match &args.write_config {
        Some(path) => format!("The configuration for it is in {}.", shown(path)),
        None => format!("The configuration for it, to be put into esign.toml:\n\n{config}"),
    });
    output.plain(format!(
        "\
Then, in another terminal:

  export SIGNIFY_API_KEY={key}{singpass}{signicat}
  esign check
  esign send FILE.pdf --delivery shareable-link --signer tenant \\
    --at 1,72,144,points,bottom-left,bottom-left
  curl -o root.pem {url}_sandbox/root.pem     # for esign verify --root root.pem
  curl {url}_sandbox                          # what else it can do

E-mails that were sent are at {url}mailbox."
    ));
}

/// Ctrl-C, or the signal by which a service manager ends a process.
pub(super) async fn stopped() {
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
