//! The program as a process, a sandbox beside it, and a browser that knows no more than HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use esign::secrecy::ExposeSecret;
use esign::singpass::LocalKey;
use esign::{Clock, KeyAlgorithm, SystemClock};
use esign_sandbox::singpass::{Client, ClientKeys};
use esign_sandbox::{Sandbox, SandboxClock};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Only a limit: nothing waits once it is there.
const PATIENCE: Duration = Duration::from_secs(60);

/// A sandbox, and a folder for the program to run in. Answers of the sandbox's API pass through a gate, and its clock moves
/// only when told to, so that no webhook times out on a busy machine.
pub(crate) struct Stage {
    pub(crate) sandbox: Sandbox,
    folder: TempDir,
    gate: Gate,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let clock = SandboxClock::virtual_at(SystemClock.now());
        let sandbox = Sandbox::builder().clock(clock).start().await.unwrap();
        // The program's clock goes on.
        sandbox.singpass().change(|settings| settings.clock_skew_seconds = 3600);
        let gate = Gate::before(sandbox.local_addr()).await;
        let folder = tempfile::tempdir().unwrap();
        let example = Path::new(env!("CARGO_MANIFEST_DIR"));
        for file in ["agreement.pdf", "agreement.toml"] {
            std::fs::copy(example.join(file), folder.path().join(file)).unwrap();
        }
        std::fs::write(folder.path().join("root.pem"), sandbox.root_pem()).unwrap();
        let key = LocalKey::generate(KeyAlgorithm::Es256, None).unwrap().to_pem().unwrap();
        std::fs::write(folder.path().join("key.pem"), key.expose_secret()).unwrap();
        // The file of the example, at other addresses.
        let sandbox_url = sandbox.base_url().as_str();
        let config = std::fs::read_to_string(example.join("esign.toml")).unwrap();
        let config = config.replace("http://127.0.0.1:8080/api", &format!("http://{}/api", gate.address));
        let config = config.replace("http://127.0.0.1:8080/", sandbox_url);
        std::fs::write(folder.path().join("esign.toml"), config).unwrap();
        Self { sandbox, folder, gate }
    }

    /// Starts the program, and tells the service where it is.
    pub(crate) fn serve(&self) -> Server {
        let server = Server::start(self.folder.path());
        let url = |path: &str| format!("http://{}/singpass/{path}", server.address).parse().unwrap();
        let client = Client {
            client_id: "webhook-server".to_owned(),
            keys: ClientKeys::Url(url("jwks.json")),
            redirect_url: url("redirect"),
            webhook_url: url("webhook"),
        };
        self.sandbox.singpass().register(client).unwrap();
        server
    }

    /// Presses the button. Returns the request's id and the browser's cookie.
    pub(crate) fn begin(&self, server: &Server) -> (String, String) {
        let answer = server.post("/sign", "", None);
        assert_eq!(answer.status, 303, "{}", answer.text());
        server.says("begun ");
        let request = self.sandbox.singpass().requests().pop().unwrap();
        assert_eq!(answer.header("location"), Some(&*request.signing_url));
        let cookie = answer.header("set-cookie").unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
        (request.request_id, cookie.split(';').next().unwrap().to_owned())
    }

    /// The id of the request that is being made.
    pub(crate) async fn only_request(&self) -> String {
        soon(|| self.sandbox.singpass().requests().pop()).await.request_id
    }

    /// Waits until this operation was called.
    pub(crate) async fn called(&self, operation: &str) {
        soon(|| (self.sandbox.call_count(operation) > 0).then_some(())).await;
    }

    /// Lets answers of the API through, or holds them back.
    pub(crate) fn answers(&self, pass: bool) {
        self.gate.open.send_replace(pass);
    }

    /// What the program has stored, by the endings of the files' names.
    pub(crate) fn endings(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.folder.path().join("data")).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut endings: Vec<_> = names.map(|name| name.split_once('.').unwrap().1.to_owned()).collect();
        endings.sort();
        endings
    }

    /// Nobody else on the machine can read what is stored.
    pub(crate) fn is_private(&self) {
        #[cfg(unix)]
        for file in std::fs::read_dir(self.folder.path().join("data")).unwrap() {
            use std::os::unix::fs::PermissionsExt;
            let file = file.unwrap();
            assert_eq!(
                file.metadata().unwrap().permissions().mode() & 0o777,
                0o600,
                "{:?}",
                file.file_name()
            );
        }
    }
}

/// Waits until there is something.
async fn soon<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let search = async {
        loop {
            match look() {
                Some(found) => return found,
                None => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, search).await.unwrap()
}

/// The program as a process.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    lines: Receiver<String>,
}

impl Server {
    fn start(folder: &Path) -> Self {
        let mut child = command(folder).stdout(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                // Whoever ended the test wants no more.
                let _ = sender.send(line);
            }
        });
        let line = lines.recv_timeout(PATIENCE).unwrap();
        let address = line.strip_prefix("listening on http://").unwrap().parse().unwrap();
        Self { child, address, lines }
    }

    /// Whether the program starts with this configuration.
    pub(crate) fn starts_with(config: &str) -> bool {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("esign.toml"), config).unwrap();
        command(folder.path()).stderr(Stdio::null()).status().unwrap().success()
    }

    /// Waits for the next line that the program prints, which must begin so.
    #[track_caller]
    pub(crate) fn says(&self, start: &str) {
        let line = self.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("it never said {start:?}"));
        assert!(line.starts_with(start), "{start:?}: {line}");
    }

    /// The next line that the program prints.
    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).unwrap()
    }

    /// Path and query of an address that should be the program's own.
    pub(crate) fn path_of<'a>(&self, url: &'a str) -> &'a str {
        url.strip_prefix(&format!("http://{}", self.address)).unwrap_or_else(|| panic!("{url}"))
    }

    pub(crate) fn get(&self, path: &str, cookie: Option<&str>) -> Answer {
        call(self.address, "GET", path, "", cookie)
    }

    pub(crate) fn post(&self, path: &str, body: &str, cookie: Option<&str>) -> Answer {
        call(self.address, "POST", path, body, cookie)
    }

    /// Presses the button, and does not wait for the answer.
    pub(crate) fn press(&self) -> JoinHandle<Answer> {
        let address = self.address;
        tokio::task::spawn_blocking(move || call(address, "POST", "/sign", "", None))
    }
}

fn call(address: SocketAddr, method: &str, path: &str, body: &str, cookie: Option<&str>) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    let cookie = cookie.map(|cookie| format!("Cookie: {cookie}\r\n")).unwrap_or_default();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{cookie}Content-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    // A body that is too large is refused before it is read to its end.
    let _ = stream.write_all(body.as_bytes());
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    Answer { status: head.split(' ').nth(1).unwrap().parse().unwrap(), head, body: bytes.split_off(end + 4) }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_webhook-server"));
    command.args(["--listen", "127.0.0.1:0"]).current_dir(folder);
    command
}

/// An answer to the browser.
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Stands before a server: everything passes, but answers only while it is open.
struct Gate {
    address: SocketAddr,
    open: watch::Sender<bool>,
}

impl Gate {
    async fn before(server: SocketAddr) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let open = watch::Sender::new(true);
        let opened = open.subscribe();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(pass(near, server, opened.clone()));
            }
        });
        Self { address, open }
    }
}

async fn pass(near: tokio::net::TcpStream, server: SocketAddr, mut opened: watch::Receiver<bool>) {
    let far = tokio::net::TcpStream::connect(server).await.unwrap();
    let ((mut from_near, mut to_near), (mut from_far, mut to_far)) = (near.into_split(), far.into_split());
    let requests = async { tokio::io::copy(&mut from_near, &mut to_far).await };
    let answers = async {
        let mut buffer = vec![0; 16 << 10];
        while let Ok(read @ 1..) = from_far.read(&mut buffer).await {
            if opened.wait_for(|open| *open).await.is_err()
                || to_near.write_all(&buffer[..read]).await.is_err()
            {
                return;
            }
        }
    };
    tokio::select! {
        _ = requests => {}
        () = answers => {}
    }
}
