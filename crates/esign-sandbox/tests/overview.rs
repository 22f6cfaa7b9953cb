//! The overview: a person plays with it in a browser, other sites and idle connections do not.

use esign_sandbox::{Effect, Fault, Sandbox};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

struct World {
    sandbox: Sandbox,
    http: Client,
}

impl World {
    #[allow(clippy::disallowed_methods, reason = "a client that shares nothing with the adapters")]
    async fn new() -> Self {
        let clock = esign_sandbox::SandboxClock::virtual_at("2026-11-01T08:00:00Z".parse().unwrap());
        let sandbox = Sandbox::builder().clock(clock).signify(|signify| signify.api_key("key")).start().await;
        let http = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        Self { sandbox: sandbox.unwrap(), http }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.sandbox.base_url())
    }

    async fn page(&self) -> String {
        self.http.get(self.url("")).send().await.unwrap().text().await.unwrap()
    }

    async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        self.http.post(self.url(path)).form(fields).send().await.unwrap()
    }

    async fn act(&self, service: &str, action: &str, id: &str, part: &str) -> Response {
        let fields = [("service", service), ("action", action), ("id", id), ("part", part)];
        self.submit("play/act", &fields).await
    }

    /// One document for one recipient, as a client sends it. Returns its id.
    async fn send(&self) -> String {
        let pdf = reqwest::multipart::Part::bytes(esign_sandbox::sample_pdf("Lease", &["A clause."]))
            .file_name("a.pdf")
            .mime_str("application/pdf")
            .unwrap();
        let recipients = json!([{ "email": "ann@example.com", "requiredSignatures": [
            { "page": 1, "positionX": 0.1, "positionY": 0.1 }
        ] }]);
        let form = reqwest::multipart::Form::new()
            .part("file", pdf)
            .text("documentName", "Lease & rent")
            .text("recipients", recipients.to_string());
        let sent = self.http.post(self.url("public/v2/documents")).bearer_auth("key").multipart(form);
        let sent = sent.send().await.unwrap();
        let (status, body) = (sent.status(), sent.text().await.unwrap());
        assert!(status.is_success(), "{status}: {body}");
        self.sandbox.signify().documents().last().unwrap().id.clone()
    }
}

#[tokio::test]
async fn it_says_who_has_to_do_what_and_does_it_by_a_button() {
    let world = World::new().await;
    assert!(world.page().await.contains("Nothing has been sent yet"));
    let id = world.send().await;
    let page = world.page().await;
    for words in ["Lease &amp; rent", "ann@example.com", "0 of 1 signatures", "Sign here at once"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let link = &world.sandbox.signify().document(&id).unwrap().invitations[0].signing_link;
    assert!(page.contains(link.as_str()), "the link leads to the signing page");

    let signed = world.act("signify", "sign", &id, "ann@example.com").await;
    assert_eq!(
        (signed.status().as_u16(), &signed.headers()["location"]),
        (303, &"/#requests".parse().unwrap())
    );
    assert!(world.sandbox.signify().document(&id).unwrap().signed);
    assert!(!world.page().await.contains("Sign here at once"));

    let again = world.act("signify", "sign", &id, "ann@example.com").await;
    assert_eq!(again.status(), 409);
    assert!(again.text().await.unwrap().contains("nothing is left to sign"));
    for (service, action) in
        [("signify", "fly"), ("signicat", "sign"), ("singpass", "reject"), ("txn", "approve"), ("x", "sign")]
    {
        assert_eq!(world.act(service, action, "none", "none").await.status(), 409, "{service} {action}");
    }
}

#[tokio::test]
async fn the_clock_goes_forward_and_faults_are_planned_by_hand() {
    let world = World::new().await;
    let before = world.sandbox.clock().now();
    assert_eq!(world.submit("play/clock", &[("advance", "31 days")]).await.status(), 303);
    assert_eq!(world.sandbox.clock().now().duration_since(before).as_hours(), 31 * 24);
    assert_eq!(world.submit("play/clock", &[("advance", "a while")]).await.status(), 409);

    let mut fields = vec![
        ("operation", "signify.create"),
        ("effect", "close"),
        ("times", "2"),
        ("skip", "1"),
        ("committed", "yes"),
    ];
    assert_eq!(world.submit("play/fault", &fields).await.status(), 303);
    let planned = Fault::on("signify.create", Effect::Close).skip(1).times(2).after_commit();
    assert_eq!(world.sandbox.planned_faults(), [planned]);
    assert!(world.page().await.contains("after 1 without"));
    fields[0].1 = "nothing.at_all";
    assert_eq!(world.submit("play/fault", &fields).await.status(), 409);
    assert_eq!(world.submit("play/faults/clear", &[]).await.status(), 303);
    assert!(world.sandbox.planned_faults().is_empty());
    // Every effect that the form offers can be planned.
    let page = world.page().await;
    let form = page.split("name=\"effect\"").nth(1).unwrap().split("</select>").next().unwrap();
    let effects: Vec<_> =
        form.split("value=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(effects.len() >= 8, "{form}");
    for effect in effects {
        fields[0].1 = "signify.get";
        fields[1].1 = effect;
        assert_eq!(world.submit("play/fault", &fields[..4]).await.status(), 303, "{effect}");
    }
}

#[tokio::test]
async fn other_sites_can_neither_read_nor_act() {
    let world = World::new().await;
    let id = world.send().await;
    for host in ["evil.example", "evil.example:8080", "127.0.0.1.evil.example"] {
        for path in ["", "_sandbox", "mailbox", "_sandbox/signify"] {
            let answer = world.http.get(world.url(path)).header("host", host).send().await.unwrap();
            assert_eq!(answer.status(), 421, "{host} {path}");
        }
    }
    let port = world.sandbox.local_addr().port();
    let local =
        world.http.get(world.url("")).header("host", format!("localhost:{port}")).send().await.unwrap();
    assert_eq!(local.status(), 200);
    let form = [("service", "signify"), ("action", "sign"), ("id", &id), ("part", "ann@example.com")];
    for site in ["cross-site", "same-site"] {
        let foreign = world.http.post(world.url("play/act")).header("sec-fetch-site", site).form(&form);
        assert_eq!(foreign.send().await.unwrap().status(), 403, "{site}");
    }
    assert!(!world.sandbox.signify().document(&id).unwrap().signed);
}

/// The clock of timers goes on by itself while everything waits.
#[tokio::test(start_paused = true)]
async fn a_connection_that_never_asks_is_closed() {
    let sandbox = Sandbox::builder().start().await.unwrap();
    for beginning in ["", "GET / HTTP/1.1\r\nHost: local"] {
        let mut half_open = TcpStream::connect(sandbox.local_addr()).await.unwrap();
        half_open.write_all(beginning.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // Closed with or without a last word; an answer with a page would be wrong.
        let _ = half_open.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    }
}
