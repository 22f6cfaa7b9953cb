//! What a sandbox is started with.

use std::net::{Ipv4Addr, SocketAddr};

use url::Url;

use crate::clock::SandboxClock;
use crate::documenso::DocumensoSetup;
use crate::server::{Sandbox, StartError};
use crate::signicat::SignicatSetup;
use crate::signify::SignifySetup;
use crate::singpass::SingpassSetup;
use crate::txn::TxnSetup;

/// Settings of a [`Sandbox`] before it starts; made by [`Sandbox::builder`].
#[derive(Debug)]
#[must_use = "nothing listens until start() is called"]
pub struct Builder {
    pub(crate) listen: SocketAddr,
    pub(crate) public_url: Option<Url>,
    pub(crate) clock: SandboxClock,
    pub(crate) documenso: DocumensoSetup,
    pub(crate) signicat: SignicatSetup,
    pub(crate) signify: SignifySetup,
    pub(crate) singpass: SingpassSetup,
    pub(crate) txn: TxnSetup,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            public_url: None,
            clock: SandboxClock::system(),
            documenso: DocumensoSetup::default(),
            signicat: SignicatSetup::default(),
            signify: SignifySetup::default(),
            singpass: SingpassSetup::default(),
            txn: TxnSetup::default(),
        }
    }

    /// Where to listen. Default `127.0.0.1:0`: loopback only, any free port.
    ///
    /// The control API has no password: whoever reaches this address may act as any signer.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// The address that clients use, for the links in answers and e-mails, where it is not the one listened on (in a
    /// container, behind a proxy). Scheme, host and port only.
    pub fn public_url(mut self, url: Url) -> Self {
        self.public_url = Some(url);
        self
    }

    /// The clock that all services follow. Default: the system's.
    pub fn clock(mut self, clock: SandboxClock) -> Self {
        self.clock = clock;
        self
    }

    /// Registers API tokens with the simulated Documenso and sets its switches.
    pub fn documenso(mut self, set_up: impl FnOnce(DocumensoSetup) -> DocumensoSetup) -> Self {
        self.documenso = set_up(self.documenso);
        self
    }

    /// Registers clients with the simulated Signicat Sign API and sets its switches.
    pub fn signicat(mut self, set_up: impl FnOnce(SignicatSetup) -> SignicatSetup) -> Self {
        self.signicat = set_up(self.signicat);
        self
    }

    /// Registers API keys with the simulated Signify and sets its switches.
    pub fn signify(mut self, set_up: impl FnOnce(SignifySetup) -> SignifySetup) -> Self {
        self.signify = set_up(self.signify);
        self
    }

    /// Registers clients with the simulated Sign with Singpass and sets its switches.
    pub fn singpass(mut self, set_up: impl FnOnce(SingpassSetup) -> SingpassSetup) -> Self {
        self.singpass = set_up(self.singpass);
        self
    }

    /// Registers clients with the simulated transaction signing and sets its switches.
    pub fn txn(mut self, set_up: impl FnOnce(TxnSetup) -> TxnSetup) -> Self {
        self.txn = set_up(self.txn);
        self
    }

    /// Starts to listen. The sandbox serves in the background until it is shut down or dropped.
    ///
    /// # Errors
    /// [`StartError`] if the address is taken or a setting cannot be used.
    pub async fn start(self) -> Result<Sandbox, StartError> {
        Sandbox::start(self).await
    }
}
