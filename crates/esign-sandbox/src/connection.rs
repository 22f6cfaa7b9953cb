//! Connections that a fault can cut (axum has no way to close a socket without answering), that are closed when nothing comes
//! by them, and that other sites cannot reach by a name of their own.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, Sleep, sleep};
use url::{Host, Url};

/// How long a connection may wait for the rest of a request, or for the next one. Enough of them would take every socket.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Handed to every request as connection info: the way to cut the socket it came by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connection {
    cut: Arc<AtomicBool>,
    /// Requests that are being answered: their clients wait for us, as long as it takes.
    busy: Arc<AtomicUsize>,
}

impl Connection {
    /// From now on nothing is written any more, and the socket closes at the next attempt to.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::Release);
    }
}

/// Counts the requests of a connection while they are answered.
pub(crate) async fn busy_while_answering(
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request,
    next: Next,
) -> Response {
    struct Busy(Arc<AtomicUsize>);
    impl Drop for Busy {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::AcqRel);
        }
    }
    connection.busy.fetch_add(1, Ordering::AcqRel);
    let _busy = Busy(connection.busy);
    next.run(request).await
}

/// The names under which the sandbox answers: addresses, `localhost`, and that of its public address. A site whose own name
/// is made to lead to this machine (DNS rebinding) could otherwise read and sign everything from a visitor's browser.
#[derive(Clone, Debug)]
pub(crate) struct OwnHost(Option<String>);

impl OwnHost {
    pub(crate) fn of(base_url: &Url) -> Self {
        Self(base_url.host_str().map(str::to_ascii_lowercase))
    }

    fn admits(&self, host: &str) -> bool {
        let Ok(url) = Url::parse(&format!("http://{host}/")) else { return false };
        match url.host() {
            Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
            Some(Host::Domain(name)) => {
                // A name without a dot (of a container, of this machine) cannot be registered by anybody elsewhere.
                !name.contains('.') || name.ends_with(".localhost") || self.0.as_deref() == Some(name)
            }
            None => false,
        }
    }
}

pub(crate) async fn refuse_other_hosts(State(own): State<OwnHost>, request: Request, next: Next) -> Response {
    let named =
        request.headers().get(header::HOST).map(|host| host.to_str().is_ok_and(|host| own.admits(host)));
    if named == Some(false) {
        let why = "the sandbox does not answer under this name: use the address it listens on, or start it with --public-url\n";
        return (StatusCode::MISDIRECTED_REQUEST, why).into_response();
    }
    next.run(request).await
}

impl Connected<IncomingStream<'_, Connections>> for Connection {
    fn connect_info(stream: IncomingStream<'_, Connections>) -> Self {
        stream.io().connection.clone()
    }
}

pub(crate) struct Connections(TcpListener);

impl Connections {
    pub(crate) fn new(listener: TcpListener) -> Self {
        Self(listener)
    }
}

impl Listener for Connections {
    type Io = Socket;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Socket, SocketAddr) {
        // axum's accept logs and retries; the inherent one of tokio does not.
        let (stream, peer) = Listener::accept(&mut self.0).await;
        // Small answers must not wait for Nagle's timer; a socket that refuses the option still works.
        let _ = stream.set_nodelay(true);
        (Socket { stream, connection: Connection::default(), patience: Box::pin(sleep(PATIENCE)) }, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

pub(crate) struct Socket {
    stream: TcpStream,
    connection: Connection,
    patience: Pin<Box<Sleep>>,
}

impl Socket {
    #[allow(clippy::disallowed_methods, reason = "it guards a real socket, as time-outs of HTTP do")]
    fn wait_anew(&mut self) {
        self.patience.as_mut().reset(Instant::now() + PATIENCE);
    }

    fn alive(&self) -> io::Result<()> {
        if self.connection.cut.load(Ordering::Acquire) {
            Err(io::ErrorKind::ConnectionAborted.into())
        } else {
            Ok(())
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if read.is_ready() || self.connection.busy.load(Ordering::Acquire) > 0 {
            self.wait_anew();
            return read;
        }
        match self.patience.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.alive()?;
        self.wait_anew();
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.alive()?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.alive()?;
        self.wait_anew();
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_and_own_names_are_answered() {
        let own = OwnHost::of(&"http://sandbox.example:8080/".parse().unwrap());
        for host in [
            "127.0.0.1:8080",
            "[::1]:8080",
            "localhost",
            "sandbox.example:8080",
            "SANDBOX.example",
            "10.0.0.7",
            "sandbox:80",
        ] {
            assert!(own.admits(host), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example:8080",
            "sandbox.example.evil.example",
            "",
            "a b",
            "localhost.evil.example",
        ] {
            assert!(!own.admits(host), "{host}");
        }
    }
}
