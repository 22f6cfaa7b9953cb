//! The one server that all simulated services share.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::{fmt, io};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use url::Url;

use crate::builder::Builder;
use crate::calls::{Call, Calls};
use crate::clock::SandboxClock;
use crate::connection::{Connection, Connections, OwnHost, busy_while_answering, refuse_other_hosts};
use crate::documenso::{self, Documenso, DocumensoControl};
use crate::faults::{Fault, Faults, InvalidFault};
use crate::jose::OwnKeys;
use crate::mailbox::{Mailbox, Message};
use crate::shared::Shared;
use crate::signicat::{self, Signicat, SignicatControl};
use crate::signify::{self, Signify, SignifyControl};
use crate::signing::Signing;
use crate::singpass::{self, InvalidClient, Singpass, SingpassControl};
use crate::txn::{self, Txn, TxnControl};
use crate::{control, pages};

/// A running sandbox. Dropping it stops it without waiting; [`Sandbox::shutdown`] waits.
pub struct Sandbox {
    shared: Arc<Shared>,
    documenso: Arc<Documenso>,
    signicat: Arc<Signicat>,
    signify: Arc<Signify>,
    singpass: Arc<Singpass>,
    txn: Arc<Txn>,
    local_addr: SocketAddr,
    task: JoinHandle<io::Result<()>>,
}

/// Why a sandbox could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; choose another address, or port 0 for any free port")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The public address cannot be used in links.
    #[error("the public URL {0} must be http or https without path, query or user")]
    PublicUrl(Url),
    /// The test certificate authority could not be made.
    #[error("cannot make the test certificate authority")]
    Certificates(#[source] esign_pdf::sign::SignError),
    /// A client of the simulated Sign with Singpass cannot be registered.
    #[error("the Singpass client {client_id:?} cannot be registered: {why}")]
    SingpassClient {
        /// The client's id.
        client_id: String,
        /// What is wrong with it.
        why: InvalidClient,
    },
    /// A client of the simulated transaction signing cannot be registered.
    #[error("the transaction signing client {client_id:?} cannot be registered: {why}")]
    TxnClient {
        /// The client's id.
        client_id: String,
        /// What is wrong with it.
        why: txn::InvalidClient,
    },
}

impl Sandbox {
    /// A sandbox on an unused port of the loopback interface, by the system's clock, where no client is registered.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) async fn start(settings: Builder) -> Result<Self, StartError> {
        let listen = |source| StartError::Listen { address: settings.listen, source };
        let listener = TcpListener::bind(settings.listen).await.map_err(listen)?;
        let local_addr = listener.local_addr().map_err(listen)?;
        let base_url = match settings.public_url {
            Some(url) => public_url(url)?,
            None => loopback_url(local_addr),
        };
        let signing = Signing::new(settings.clock.now()).map_err(StartError::Certificates)?;
        let shared = Arc::new(Shared {
            clock: settings.clock,
            base_url,
            faults: Faults::new(
                [
                    &documenso::OPERATIONS[..],
                    &signicat::OPERATIONS,
                    &signify::OPERATIONS,
                    &singpass::OPERATIONS,
                    &txn::OPERATIONS,
                ]
                .concat(),
            ),
            calls: Calls::default(),
            mailbox: Mailbox::default(),
            signing,
            stop: watch::Sender::new(false),
        });
        let documenso = Arc::new(Documenso::new(shared.clone(), settings.documenso));
        let signicat = Arc::new(Signicat::new(shared.clone(), settings.signicat));
        let signify = Arc::new(Signify::new(shared.clone(), settings.signify));
        let singpass_keys = Arc::new(Mutex::new(OwnKeys::new()));
        let singpass = Singpass::new(shared.clone(), singpass_keys.clone(), settings.singpass)
            .map_err(|(client_id, why)| StartError::SingpassClient { client_id, why })?;
        let singpass = Arc::new(singpass);
        let txn = Txn::new(shared.clone(), singpass_keys, settings.txn)
            .map_err(|(client_id, why)| StartError::TxnClient { client_id, why })?;
        let txn = Arc::new(txn);
        let rooms = pages::Rooms {
            shared: shared.clone(),
            signicat: SignicatControl::new(signicat.clone()),
            signify: SignifyControl::new(signify.clone()),
            singpass: SingpassControl::new(singpass.clone()),
            txn: TxnControl::new(txn.clone()),
        };
        let own_host = OwnHost::of(&shared.base_url);
        let router = Router::new()
            .merge(pages::router(rooms))
            .merge(documenso::router(&documenso))
            .merge(signicat::router(&signicat))
            .merge(signify::router(&signify))
            .merge(singpass::router(&singpass))
            .merge(txn::router(&txn))
            .nest("/_sandbox/documenso", documenso::control_router(&documenso))
            .nest("/_sandbox/signicat", signicat::control_router(&signicat))
            .nest("/_sandbox/signify", signify::control_router(&signify))
            .nest("/_sandbox/singpass", singpass::control_router(&singpass))
            .nest("/_sandbox/txn", txn::control_router(&txn))
            .nest("/_sandbox", control::router(&shared))
            .fallback(pages::not_found)
            .layer(from_fn_with_state(own_host, refuse_other_hosts))
            .layer(DefaultBodyLimit::disable());
        let stopped = {
            let shared = shared.clone();
            async move { shared.stopped().await }
        };
        let router = router.layer(from_fn(busy_while_answering));
        let service = router.into_make_service_with_connect_info::<Connection>();
        let server = axum::serve(Connections::new(listener), service).with_graceful_shutdown(stopped);
        let task = tokio::spawn(server.into_future());
        Ok(Self { shared, documenso, signicat, signify, singpass, txn, local_addr, task })
    }

    /// Where clients reach the sandbox: scheme, host and port, with `/` as its path.
    pub fn base_url(&self) -> &Url {
        &self.shared.base_url
    }

    /// The address it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The certificate, in PEM, that every signature made here leads to. Made at start, never a real authority.
    pub fn root_pem(&self) -> &str {
        self.shared.signing.root_pem()
    }

    /// The clock of all services; [`SandboxClock::advance`] moves it.
    pub fn clock(&self) -> &SandboxClock {
        &self.shared.clock
    }

    /// Acts as the signer, looks into and changes the simulated Documenso.
    pub fn documenso(&self) -> DocumensoControl {
        DocumensoControl::new(self.documenso.clone())
    }

    /// Acts as the signer, looks into and changes the simulated Signicat Sign API.
    pub fn signicat(&self) -> SignicatControl {
        SignicatControl::new(self.signicat.clone())
    }

    /// Acts as the signer, looks into and changes the simulated Signify.
    pub fn signify(&self) -> SignifyControl {
        SignifyControl::new(self.signify.clone())
    }

    /// Acts as the signer, looks into and changes the simulated Sign with Singpass.
    pub fn singpass(&self) -> SingpassControl {
        SingpassControl::new(self.singpass.clone())
    }

    /// Acts as the phone, looks into and changes the simulated transaction signing.
    pub fn txn(&self) -> TxnControl {
        TxnControl::new(self.txn.clone())
    }

    /// Plans a misbehaviour.
    ///
    /// # Errors
    /// [`InvalidFault`] if it could never happen or its answer could not be sent.
    pub fn inject(&self, fault: Fault) -> Result<(), InvalidFault> {
        self.shared.faults.inject(fault)
    }

    /// The faults that have not happened yet.
    pub fn planned_faults(&self) -> Vec<Fault> {
        self.shared.faults.planned()
    }

    /// Every call of a simulated operation, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls.all()
    }

    /// How many calls of `operation` (such as `signify.create`) arrived, answered or not.
    pub fn call_count(&self, operation: &str) -> usize {
        self.shared.calls.count(operation)
    }

    /// The messages sent to people, oldest first.
    pub fn mailbox(&self) -> Vec<Message> {
        self.shared.mailbox.all()
    }

    /// Stops listening, ends what waits on purpose (stalled answers), and returns when all connections are closed.
    pub async fn shutdown(mut self) {
        self.shared.stop.send_replace(true);
        // The task ends with the server; it can only fail by panicking, which the runtime has reported.
        let _ = (&mut self.task).await;
    }

    /// Serves until `stop` completes, then as [`Sandbox::shutdown`].
    pub async fn run_until(self, stop: impl Future<Output = ()>) {
        stop.await;
        self.shutdown().await;
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("local_addr", &self.local_addr).finish_non_exhaustive()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.shared.stop.send_replace(true);
        self.task.abort();
    }
}

fn public_url(url: Url) -> Result<Url, StartError> {
    let plain =
        url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if plain && matches!(url.scheme(), "http" | "https") { Ok(url) } else { Err(StartError::PublicUrl(url)) }
}

/// Who listens everywhere (`0.0.0.0`) is reached by loopback.
fn loopback_url(address: SocketAddr) -> Url {
    let ip = if address.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { address.ip() };
    let url = format!("http://{}/", SocketAddr::new(ip, address.port()));
    // An IP address and a port always make an URL.
    url.parse().expect("a socket address makes an URL")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_for_clients_is_one_they_can_reach() {
        for (listen, url) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080/"),
            ("0.0.0.0:8080", "http://127.0.0.1:8080/"),
            ("[::1]:8080", "http://[::1]:8080/"),
        ] {
            assert_eq!(loopback_url(listen.parse().unwrap()).as_str(), url);
        }
    }

    #[test]
    fn a_public_url_is_scheme_host_and_port() {
        public_url("https://sandbox.example:8443".parse().unwrap()).unwrap();
        for refused in ["ftp://x/", "http://x/path", "http://x/?q", "http://user@x/"] {
            public_url(refused.parse().unwrap()).unwrap_err();
        }
    }
}
