//! How much memory 50 creates at once take over the one document that they share. A server that reads and forgets stands
//! in Signify's place, so that only our side is measured. Linux only: elsewhere it says so.
//!
//! `cargo bench -p esign-signify --bench memory`

use std::sync::Arc;

use bytes::Bytes;
use esign_core::memory::A4Pages;
use esign_core::{
    Client, Config, Delivery, Document, FixedSecrets, Placement, Reference, Registry, SignRequest, Signer,
};
use esign_signify::{KIND, SignifyConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const DOCUMENT: usize = 9_900_000;
const AT_ONCE: usize = 50;

#[tokio::main]
async fn main() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(swallow(socket));
        }
    });
    let mut content = b"%PDF-1.7\n".to_vec();
    content.resize(DOCUMENT, b'x');
    let content = Bytes::from(content);
    let config: Config = toml::from_str(&format!(
        "active = 's'\n[providers.s]\nkind = 'signify'\nbase_url = 'http://{address}/public'\n\
         api_key = {{ external = 'key' }}\n"
    ))
    .unwrap();
    let mut registry = Registry::new();
    registry.register::<SignifyConfig>().unwrap();
    let secrets = FixedSecrets::new().with("key", "k");
    let client = Client::builder(registry).config(config).secrets(secrets).inspector(Arc::new(A4Pages(1)));
    let client = client.build().await.unwrap();

    submit(&client, &content).await;
    let Some(before) = peak_kib() else {
        println!("skipped: this system does not tell a process's peak memory");
        return;
    };
    let tasks: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (client, content) = (client.clone(), content.clone());
            tokio::spawn(async move { submit(&client, &content).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let after = peak_kib().unwrap_or(before);
    let grown = (after - before) as f64 / 1024.0;
    println!(
        "{AT_ONCE} creates at once of one document of {:.1} MB: peak memory grew by {grown:.1} MiB",
        DOCUMENT as f64 / 1e6
    );
}

async fn submit(client: &Client, content: &Bytes) {
    let place = Placement::native(KIND, 1, "0.1", "0.1").unwrap();
    let document = Document::pdf("Bench document", content.clone());
    let request = SignRequest::new(Reference::random().unwrap(), document, Delivery::ProviderEmail)
        .signer(Signer::new("a").email("a@example.com").place(place));
    let prepared = client.prepare(request).await.unwrap();
    client.submit(prepared).await.unwrap();
}

/// Reads one request to its end, keeping nothing, and answers as Signify does.
async fn swallow(mut socket: TcpStream) {
    let mut head = Vec::new();
    let mut buffer = vec![0; 16 << 10];
    let mut left = None;
    while left != Some(0) {
        let Ok(n @ 1..) = socket.read(&mut buffer).await else { return };
        left = Some(match left {
            Some(left) => usize::saturating_sub(left, n),
            None => {
                head.extend_from_slice(&buffer[..n]);
                let Some(end) = head.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
                content_length(&head[..end]).saturating_sub(head.len() - end - 4)
            }
        });
    }
    let body = "{\"documentId\": 20}";
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    // A client that has gone away needs no answer.
    drop(socket.write_all(answer.as_bytes()).await);
}

fn content_length(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let value = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    value.and_then(|value| value.trim().parse().ok()).unwrap_or_default()
}

/// The most memory that this process has had, in KiB.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").trim().parse().ok()
}
