//! A relay in front of a backend: the one place where a connection can be refused.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Passes connections on to a backend on this machine, and refuses them while it is closed. Give its address to the
/// provider in place of the backend's; it belongs to the runtime it was opened in.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    backend: SocketAddr,
    running: Mutex<Option<JoinHandle<()>>>,
    heard: Heard,
}

/// What came from the provider's side.
type Heard = Arc<Mutex<Vec<u8>>>;

/// So many bytes are kept: more than requests without large documents have.
const MEMORY: usize = 1 << 20;

impl Relay {
    /// Opens a relay to this backend on a free port.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn open(backend: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let heard = Heard::default();
        let running = tokio::spawn(pass_on(listener, backend, Arc::clone(&heard)));
        Ok(Self { address, backend, running: Mutex::new(Some(running)), heard })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The first megabyte of what the provider has sent, of all connections.
    #[must_use]
    pub fn heard(&self) -> Vec<u8> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Breaks every connection and refuses new ones.
    pub async fn refuse(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(running) = running {
            running.abort();
            // The port is closed once the task is gone; that it was aborted is no news.
            let _ = running.await;
        }
    }

    /// Accepts connections again.
    ///
    /// # Errors
    /// If another program has taken the port meanwhile.
    pub async fn accept(&self) -> io::Result<()> {
        let refusing = self.running.lock().unwrap_or_else(PoisonError::into_inner).is_none();
        if refusing {
            let listener = TcpListener::bind(self.address).await?;
            let running = tokio::spawn(pass_on(listener, self.backend, Arc::clone(&self.heard)));
            *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(running);
        }
        Ok(())
    }
}

/// Serves until it is aborted, and then drops every connection.
async fn pass_on(listener: TcpListener, backend: SocketAddr, heard: Heard) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        let mut client = Listening { client, heard: Arc::clone(&heard) };
        connections.spawn(async move {
            if let Ok(mut server) = TcpStream::connect(backend).await {
                // How a connection ends is for its two ends to judge.
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

/// A connection from the provider's side.
struct Listening {
    client: TcpStream,
    heard: Heard,
}

impl AsyncRead for Listening {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.client).poll_read(cx, buffer);
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MEMORY - heard.len();
        heard.extend(buffer.filled()[before..].iter().take(room));
        read
    }
}

impl AsyncWrite for Listening {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.client).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.client).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.client).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    tokio::io::copy(&mut read, &mut write).await
                });
            }
        });
        address
    }

    async fn says(relay: &Relay) -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(relay.address()).await?;
        stream.write_all(b"hello").await?;
        let mut answer = vec![0; 5];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    }

    #[tokio::test]
    async fn it_passes_on_refuses_and_passes_on_again() {
        let relay = Relay::open(echo().await).await.unwrap();
        assert_eq!(says(&relay).await.unwrap(), b"hello");
        let mut open = TcpStream::connect(relay.address()).await.unwrap();
        relay.refuse().await;
        assert_eq!(says(&relay).await.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        assert!(
            matches!(open.read(&mut [0; 1]).await, Ok(0) | Err(_)),
            "an open connection outlived the refusal"
        );
        relay.accept().await.unwrap();
        assert_eq!(says(&relay).await.unwrap(), b"hello");
        assert_eq!(relay.heard(), b"hellohello");
    }
}
