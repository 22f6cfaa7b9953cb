//! What the neutral path costs over the same calls written by hand on reqwest: create, status, download of a document in
//! link mode, against the sandbox, in turn and in the same run. Prints wall and CPU time of the calling thread; the
//! sandbox runs on threads of its own.
//!
//! `cargo bench -p esign-signify --bench overhead`

#![allow(
    clippy::disallowed_methods,
    reason = "a bench reads the clock, and the reference is reqwest by hand"
)]

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use esign_core::memory::A4Pages;
use esign_core::{
    ArtifactId, Client, Config, Delivery, Document, FixedSecrets, Placement, Reference, Registry,
    SignRequest, Signer,
};
use esign_sandbox::Sandbox;
use esign_sandbox::signify::Signer as Person;
use esign_signify::{KIND, SignifyConfig};
use serde_json::Value;

const KEY: &str = "bench-key";

fn main() {
    let service = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let sandbox = service.block_on(Sandbox::builder().signify(|s| s.api_key(KEY)).start()).unwrap();
    sandbox.signify().change(|settings| settings.rate_limit = None);
    let caller = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    println!(
        "{:>10} {:>6} {:>14} {:>14} {:>12} {:>12}",
        "document", "runs", "by hand, wall", "neutral, wall", "wall ratio", "CPU ratio"
    );
    for (name, bytes, runs) in [("10 KB", 10_000, 60), ("9.9 MB", 9_900_000, 6)] {
        let document = pdf(bytes);
        let neutral = caller.block_on(client(&sandbox));
        let by_hand = reqwest::Client::builder().no_proxy().build().unwrap();
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for run in 0..=runs {
            let t = caller.block_on(by_hand_round(&by_hand, &sandbox, &document));
            let o = caller.block_on(neutral_round(&neutral, &sandbox, &document));
            // The first round opens connections.
            if run > 0 {
                theirs.push(t);
                ours.push(o);
            }
        }
        let (o, t) = (median(ours), median(theirs));
        let ratio = |a: Duration, b: Duration| a.as_secs_f64() / b.as_secs_f64();
        println!(
            "{name:>10} {runs:>6} {:>14.2?} {:>14.2?} {:>12.3} {:>12.3}",
            t.wall,
            o.wall,
            ratio(o.wall, t.wall),
            ratio(o.cpu, t.cpu)
        );
    }
}

#[derive(Clone, Copy, Default)]
struct Cost {
    wall: Duration,
    cpu: Duration,
}

/// Medians of each figure by itself.
fn median(mut costs: Vec<Cost>) -> Cost {
    costs.sort_by_key(|c| c.wall);
    let wall = costs[costs.len() / 2].wall;
    // CPU time comes in ticks of 10 ms: only sums say something.
    let cpu = costs.iter().map(|c| c.cpu).sum();
    Cost { wall, cpu }
}

struct Watch(Instant, Duration);

impl Watch {
    fn start() -> Self {
        Self(Instant::now(), thread_cpu())
    }

    fn stop(self, cost: &mut Cost) {
        cost.wall += self.0.elapsed();
        cost.cpu += thread_cpu() - self.1;
    }
}

/// User and system time of this thread, where the system tells.
fn thread_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = stat.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or_default();
    Duration::from_nanos(nanoseconds)
}

async fn client(sandbox: &Sandbox) -> Client {
    let config: Config = toml::from_str(&format!(
        "active = 's'\n[providers.s]\nkind = 'signify'\nbase_url = '{}public'\napi_key = {{ external = 'key' }}\n\
         [providers.s.limiter]\nlimit = 1000000\n",
        sandbox.base_url()
    ))
    .unwrap();
    let mut registry = Registry::new();
    registry.register::<SignifyConfig>().unwrap();
    let secrets = FixedSecrets::new().with("key", KEY);
    let builder = Client::builder(registry).config(config).secrets(secrets).inspector(Arc::new(A4Pages(1)));
    builder.build().await.unwrap()
}

async fn neutral_round(client: &Client, sandbox: &Sandbox, document: &Bytes) -> Cost {
    let mut cost = Cost::default();
    let place = Placement::native(KIND, 1, "0.1", "0.1").unwrap();
    let document = Document::pdf("Bench document", document.clone());
    let request = SignRequest::new(Reference::random().unwrap(), document, Delivery::ShareableLink)
        .signer(Signer::new("a").place(place));
    let watch = Watch::start();
    let prepared = client.prepare(request).await.unwrap();
    let handle = client.submit(prepared).await.unwrap().handle;
    watch.stop(&mut cost);
    sign_last(sandbox).await;
    let watch = Watch::start();
    client.status(&handle).await.unwrap();
    client.download(&handle, &ArtifactId::SIGNED).await.unwrap();
    watch.stop(&mut cost);
    client.erase(&handle).await.unwrap();
    cost
}

async fn by_hand_round(http: &reqwest::Client, sandbox: &Sandbox, document: &Bytes) -> Cost {
    let mut cost = Cost::default();
    let base = format!("{}public/v2/documents", sandbox.base_url());
    let watch = Watch::start();
    let file = reqwest::multipart::Part::stream(document.clone())
        .file_name("document.pdf")
        .mime_str("application/pdf");
    let form = reqwest::multipart::Form::new()
        .text("documentName", "Bench document")
        .text("documentMode", "link")
        .text(
            "totalSignaturesByLink",
            r#"[{"requiredSignatures":[{"page":1,"positionX":0.1,"positionY":0.1}]}]"#,
        )
        .part("file", file.unwrap());
    let made: Value =
        http.post(&base).bearer_auth(KEY).multipart(form).send().await.unwrap().json().await.unwrap();
    watch.stop(&mut cost);
    sign_last(sandbox).await;
    let id = made["documentId"].as_str().map_or_else(|| made["documentId"].to_string(), str::to_owned);
    let watch = Watch::start();
    let one = format!("{base}/{id}");
    let status: Value = http.get(&one).bearer_auth(KEY).send().await.unwrap().json().await.unwrap();
    let url = status["documentUrl"].as_str().unwrap();
    let signed = http.get(url).bearer_auth(KEY).send().await.unwrap().bytes().await.unwrap();
    assert!(signed.len() > document.len());
    watch.stop(&mut cost);
    http.delete(&one).bearer_auth(KEY).send().await.unwrap();
    cost
}

async fn sign_last(sandbox: &Sandbox) {
    let last = sandbox.signify().documents().pop().unwrap();
    sandbox.signify().sign_all(&last.id, &Person::named("Bench Signer")).await.unwrap();
}

/// A real PDF of one A4 page with an attachment-sized stream in it.
fn pdf(bytes: usize) -> Bytes {
    let padding = "x".repeat(bytes.saturating_sub(700));
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>".to_owned(),
        format!("<< /Length {} >>\nstream\n{padding}\nendstream", padding.len()),
    ];
    let mut text = String::from("%PDF-1.7\n");
    let mut offsets = Vec::new();
    for (i, object) in objects.iter().enumerate() {
        offsets.push(text.len());
        let _ = write!(text, "{} 0 obj\n{object}\nendobj\n", i + 1);
    }
    let start = text.len();
    let _ = write!(text, "xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for offset in &offsets {
        let _ = writeln!(text, "{offset:010} 00000 n ");
    }
    let _ =
        write!(text, "trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n", objects.len() + 1);
    Bytes::from(text)
}
