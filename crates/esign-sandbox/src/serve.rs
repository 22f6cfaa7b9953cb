//! The sandbox as a program: what `esign sandbox` runs.

use std::net::SocketAddr;

use url::Url;

use crate::clock::SandboxClock;
use crate::server::{Sandbox, StartError};
use crate::signicat::{self, SignicatSetup};
use crate::singpass::{Client, SingpassSetup};
use crate::txn::{self, TxnSetup};

/// Settings of a sandbox that runs as a program.
#[derive(Debug)]
#[non_exhaustive]
pub struct ServeOptions {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The address that clients use, where it differs.
    pub public_url: Option<Url>,
    /// The clock of all services.
    pub clock: SandboxClock,
    /// API tokens that the simulated Documenso accepts, each of a team of its own. More can be added while it runs.
    pub documenso_api_tokens: Vec<String>,
    /// API keys that the simulated Signify accepts, each a user of its own. More can be added while it runs.
    pub signify_api_keys: Vec<String>,
    /// Whether `redirectUrl` may point to this machine, which the real service refuses.
    pub allow_loopback_redirect: bool,
    /// Clients of the simulated Signicat Sign API. More can be registered while it runs.
    pub signicat_clients: Vec<signicat::Client>,
    /// Clients of the simulated Sign with Singpass. More can be registered while it runs.
    pub singpass_clients: Vec<Client>,
    /// Clients of the simulated transaction signing. More can be registered while it runs.
    pub txn_clients: Vec<txn::Client>,
    /// Whether those clients may have `http` addresses beyond this machine.
    pub allow_plain_http: bool,
}

impl ServeOptions {
    /// Listens on `listen`, by the system's clock, with nobody registered.
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            public_url: None,
            clock: SandboxClock::system(),
            documenso_api_tokens: Vec::new(),
            signify_api_keys: Vec::new(),
            allow_loopback_redirect: false,
            signicat_clients: Vec::new(),
            singpass_clients: Vec::new(),
            txn_clients: Vec::new(),
            allow_plain_http: false,
        }
    }
}

/// Starts a sandbox, hands it to `ready` (to print its address), and serves until `stop` completes.
///
/// # Errors
/// [`StartError`] if the address is taken or a setting cannot be used.
pub async fn serve(
    options: ServeOptions,
    ready: impl FnOnce(&Sandbox),
    stop: impl Future<Output = ()>,
) -> Result<(), StartError> {
    let mut builder = Sandbox::builder()
        .listen(options.listen)
        .clock(options.clock)
        .documenso(|documenso| {
            options
                .documenso_api_tokens
                .into_iter()
                .fold(documenso, crate::documenso::DocumensoSetup::api_token)
        })
        .signify(|mut signify| {
            for key in options.signify_api_keys {
                signify = signify.api_key(key);
            }
            signify.settings(|settings| settings.allow_loopback_redirect = options.allow_loopback_redirect)
        })
        .signicat(|signicat| {
            let clients = options.signicat_clients.into_iter();
            clients
                .fold(signicat, SignicatSetup::register)
                .settings(|settings| settings.allow_plain_http = options.allow_plain_http)
        })
        .singpass(|singpass| {
            let clients = options.singpass_clients.into_iter();
            clients
                .fold(singpass, SingpassSetup::client)
                .settings(|settings| settings.allow_plain_http = options.allow_plain_http)
        })
        .txn(|txn| {
            let clients = options.txn_clients.into_iter();
            clients
                .fold(txn, TxnSetup::client)
                .settings(|settings| settings.allow_plain_http = options.allow_plain_http)
        });
    if let Some(url) = options.public_url {
        builder = builder.public_url(url);
    }
    let sandbox = builder.start().await?;
    ready(&sandbox);
    sandbox.run_until(stop).await;
    Ok(())
}
