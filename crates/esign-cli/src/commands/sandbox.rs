//! `esign sandbox`

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use esign::secrecy::ExposeSecret;
use esign::singpass::LocalKey;
use esign::{KeyAlgorithm, SigningKey};
use esign_sandbox::signicat;
use esign_sandbox::singpass::{Client, ClientKeys};
use esign_sandbox::{Sandbox, ServeOptions, serve, txn};
use serde_json::{Value, json};

use crate::args;
use crate::failure::{Exit, Failure};
use crate::files::{read_text, replace, write_new};
use crate::output::{Mark, Output, printable, shown};

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
    options.documenso_api_tokens = args.documenso_token.clone();
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
    let mut client = singpass_client(sandbox, args)?;
    let mut txn = txn_client(args)?;
    let mut secrets = Secrets::from_environment();
    if let Some(path) = &args.write_config {
        let made = Made::beside(path, args)?;
        made.fill_in(sandbox, &mut client, &mut txn, &mut secrets)?;
    }
    let signicat = sandbox.signicat().clients();
    let mut config =
        config(sandbox.base_url().as_str(), client.as_ref(), txn.as_ref(), signicat.first(), &secrets);
    if !args.documenso_token.is_empty() {
        config += &documenso_config(sandbox.base_url().as_str());
    }
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

/// Where a configuration says that its secrets are.
struct Secrets {
    signify: String,
    signicat: String,
    singpass: String,
    txn: String,
}

impl Secrets {
    fn from_environment() -> Self {
        let variable = |name: &str| format!("{{ env = \"{name}\" }}");
        Self {
            signify: variable("SIGNIFY_API_KEY"),
            signicat: variable("SIGNICAT_CLIENT_SECRET"),
            singpass: variable("SINGPASS_SIGNING_KEY"),
            txn: variable("SINGPASS_SIGNING_KEY"),
        }
    }
}

/// Where the example of a transaction listens, which is what such a client is good for here.
const TXN_EXAMPLE: &str = "http://127.0.0.1:4000";

/// Keys and secrets that are made for a configuration, in a folder beside it, so that it can be used at once.
struct Made {
    folder: PathBuf,
    signify_key: String,
}

impl Made {
    fn beside(config: &Path, args: &args::Sandbox) -> Result<Self, Failure> {
        // The folder is named as a whole, so that the configuration works from anywhere.
        let config = std::path::absolute(config).map_err(|e| Failure::file("use", config, &e))?;
        let folder = config.with_extension("secrets");
        std::fs::create_dir_all(&folder).map_err(|e| Failure::file("make", &folder, &e))?;
        Ok(Self { folder, signify_key: args.signify_key.first().cloned().unwrap_or_default() })
    }

    /// Registers the clients that no option describes, and writes down what they need.
    fn fill_in(
        &self,
        sandbox: &Sandbox,
        singpass: &mut Option<Client>,
        txn: &mut Option<txn::Client>,
        secrets: &mut Secrets,
    ) -> Result<(), Failure> {
        secrets.signify = self.keep("signify.key", &self.signify_key)?;
        if sandbox.signicat().clients().is_empty() {
            let secret = uuid::Uuid::new_v4().simple().to_string();
            sandbox.signicat().register(signicat::Client::new("sandbox", secret));
        }
        if let Some(client) = sandbox.signicat().clients().first() {
            secrets.signicat = self.keep("signicat.secret", &client.client_secret)?;
        }
        if singpass.is_some() && txn.is_some() {
            return Ok(());
        }
        let key = LocalKey::generate(KeyAlgorithm::Es256, None)?;
        let keys = || ClientKeys::Inline(json!({ "keys": [key.public_jwk()] }));
        let signing_key = self.keep("singpass.key.pem", key.to_pem()?.expose_secret())?;
        if singpass.is_none() {
            let here = sandbox.base_url().clone();
            let (client_id, keys) = ("sandbox".to_owned(), keys());
            *singpass = Some(Client { client_id, keys, redirect_url: here.clone(), webhook_url: here });
            secrets.singpass.clone_from(&signing_key);
        }
        if txn.is_none() {
            *txn = Some(txn::Client {
                client_id: "sandbox-txn".to_owned(),
                keys: keys(),
                redirect_uri: format!("{TXN_EXAMPLE}/approved"),
                origins: vec![TXN_EXAMPLE.to_owned()],
            });
            secrets.txn = signing_key;
        }
        Ok(())
    }

    /// Writes a secret for its owner alone, and says where a configuration finds it.
    fn keep(&self, name: &str, secret: &str) -> Result<String, Failure> {
        let path = self.folder.join(name);
        replace(&path, secret.as_bytes())?;
        Ok(format!("{{ file = {} }}", quoted(&path.to_string_lossy())))
    }
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
        Failure::usage(format!("{}: neither a JWK nor a JWK set (`esign keygen` prints one)", shown(path)))
    })?;
    let set = if keys.get("keys").is_some() { keys } else { json!({ "keys": [keys] }) };
    let mut all = set["keys"].as_array().into_iter().flatten();
    if all.any(|key| key.get("d").is_some()) {
        return Err(Failure::usage(format!("{}: has a private key; give the public ones", shown(path))));
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
    secrets: &Secrets,
) -> String {
    let Secrets { signify: signify_key, signicat: client_secret, singpass: singpass_key, txn: txn_key } =
        secrets;
    let signify = format!(
        r#"active = "signify"

[providers.signify]
kind = "signify"
base_url = "{base_url}public"
api_key = {signify_key}
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
signing_key = {singpass_key}
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
signing_key = {txn_key}
nonce_claim = "nonce"       # the sandbox's names: the real ones are for partners only
hash_claim = "txn_hash"
{key_id}"#
        )
    });
    let signicat = signicat.map(|client| signicat_config(base_url, client, client_secret));
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

fn documenso_config(base_url: &str) -> String {
    format!(
        r#"
[providers.documenso]
kind = "documenso"
base_url = "{base_url}documenso"
api_token = {{ env = "DOCUMENSO_TOKEN" }}
"#
    )
}

fn signicat_config(base_url: &str, client: &signicat::Client, client_secret: &str) -> String {
    let client_id = quoted(&client.client_id);
    format!(
        r#"
[providers.signicat]
kind = "signicat"
base_url = "{base_url}enterprise/sign"
token_url = "{base_url}auth/open/connect/token"
client_id = {client_id}
client_secret = {client_secret}
methods = [{{ name = "nbid-sign", type = "SIGNED_STATEMENT" }}]
email = {{ header = "Please sign", message = "A document waits for you: ${{taskUrl}}" }}
"#
    )
}

fn tell(sandbox: &Sandbox, args: &args::Sandbox, config: &str, output: &Output) {
    let url = sandbox.base_url().as_str();
    let key = args.signify_key.first().map_or("", String::as_str);
    let documenso = args.documenso_token.first();
    let documenso = documenso.map(|token| format!("\n  export DOCUMENSO_TOKEN={token}")).unwrap_or_default();
    let signicat = match args.signicat_client.is_empty() {
        true => "",
        false => "\n  export SIGNICAT_CLIENT_SECRET=…",
    };
    let signs = args.singpass_client.is_some() || args.txn_client.is_some();
    let singpass = if signs { "\n  export SINGPASS_SIGNING_KEY=\"$(cat KEY.pem)\"" } else { "" };
    let exports = exports(args);
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

  export SIGNIFY_API_KEY={key}{singpass}{signicat}{documenso}
  esign check{exports}  esign check
  esign send FILE.pdf --delivery shareable-link --signer tenant \\
    --at 1,72,144,points,bottom-left,bottom-left
  curl -o root.pem {url}_sandbox/root.pem     # for esign verify --root root.pem

In a browser, {url} shows what was sent: sign, reject, move the clock and plan faults there."
    ));
}

/// What the configuration takes from the environment: all of it, unless it was written with secrets of its own.
fn exports(args: &args::Sandbox) -> String {
    let mut lines = String::new();
    if args.write_config.is_none() {
        let key = args.signify_key.first().map_or("", String::as_str);
        lines += &format!("  export SIGNIFY_API_KEY={}\n", printable(key));
        if !args.signicat_client.is_empty() {
            lines += "  export SIGNICAT_CLIENT_SECRET=…\n";
        }
    }
    if args.singpass_client.is_some() || args.txn_client.is_some() {
        lines += "  export SINGPASS_SIGNING_KEY=\"$(cat KEY.pem)\"\n";
    }
    lines
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
