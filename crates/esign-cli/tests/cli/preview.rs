use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::support::Desk;

fn request(placements: &str) -> String {
    format!(
        "version = 1\ndelivery = \"in-session-redirect\"\n[[documents]]\npath = \"agreement.pdf\"\n[[signers]]\nkey = \
         \"tenant\"\nplacements = [{placements}]\n"
    )
}

const FITS: &str =
    "{ page = 1, x = 72, y = 144, unit = \"points\", origin = \"bottom-left\", corner = \"bottom-left\" }";
const OFF: &str =
    "{ page = 1, x = 500, y = 144, unit = \"points\", origin = \"bottom-left\", corner = \"bottom-left\" }";

#[test]
fn a_preview_needs_no_configuration_and_is_written_whether_the_boxes_fit_or_not() {
    let desk = Desk::new();
    for (placements, status, words) in [
        (FITS.to_owned(), 0, "them: 1, refused: 0"),
        (OFF.to_owned(), 1, "them: 1, refused: 1"),
        (format!("{FITS}, {FITS}"), 1, "them: 2, refused: 2"),
        ("{ anchor = { text = \"The only clause\" } }".to_owned(), 0, "them: 1, refused: 0"),
    ] {
        desk.write("r.toml", request(&placements));
        let ran = desk.run("preview agreement.pdf --request r.toml --provider singpass -o out.png");
        let ran = ran.ended(status);
        assert!(ran.stdout.contains(words), "{placements}: {}", ran.stdout);
        let png = desk.read("out.png");
        assert!(png.starts_with(b"\x89PNG") && png.len() > 1000);
    }
    let json = desk.run("preview --request r.toml --provider singpass -o out.png --json --dpi 36").ended(0);
    let answer = json.object();
    assert_eq!(answer["good"], true);
    let place = &answer["plan"]["placements"][0];
    assert_eq!(
        (&place["page"], &place["anchor"]["text"]),
        (&Value::from(1), &Value::from("The only clause"))
    );
    assert!(place["sent_as"]["x"].is_string(), "{place}");
}

#[test]
fn what_cannot_be_drawn_is_said() {
    let desk = Desk::new();
    desk.write("r.toml", request("{ anchor = { text = \"Nowhere\" } }"));
    let base = "preview agreement.pdf --request r.toml --provider";
    let ran = desk.run(&format!("{base} singpass -o out.png")).ended(3);
    assert!(
        ran.stderr.contains("not found on any page") && ran.stderr.contains("signers[0].placements[0]"),
        "{}",
        ran.stderr
    );
    assert!(!desk.path("out.png").exists());
    desk.run(&format!("{base} nobody -o out.png")).ended(2);
    desk.run(&format!("{base} singpass -o agreement.pdf")).ended(2);
    desk.write("r.toml", request("{ native = { kind = \"singpass\", page = 1, x = \"0.1\", y = \"0.1\" } }"));
    let ran = desk.run(&format!("{base} singpass -o out.png")).ended(2);
    assert!(ran.stderr.contains("own numbers"), "{}", ran.stderr);
}

/// `esign place`, until it is dropped.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn ask(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn the_page_to_place_a_box_shows_itself_only_to_who_knows_its_address() {
    let desk = Desk::new();
    desk.write("<b>.pdf", desk.read("agreement.pdf"));
    let mut command = desk.command();
    command.args(["place", "<b>.pdf", "--json"]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut served = Served(command.spawn().unwrap());
    let mut line = String::new();
    BufReader::new(served.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    let url = ready["url"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
    let (address, path) = url.split_once('/').unwrap();
    assert!(address.starts_with("127.0.0.1:") && path.len() > 32, "{url}");
    let get = |path: &str| {
        ask(address, &format!("GET /{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"))
    };

    assert!(get("").starts_with("HTTP/1.1 404") && get("pages/1").starts_with("HTTP/1.1 404"));
    let page = get(path);
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    let head = page.to_lowercase();
    assert!(head.contains("content-security-policy: default-src 'none'") && head.contains("no-store"));
    assert!(page.contains("&lt;b&gt;") && !page.contains("<b>"), "the file's name is escaped");
    assert!(!page.contains("http://") && !page.contains("https://"), "nothing comes from elsewhere");
    assert!(get(&format!("{path}pages/1")).contains("\u{FFFD}PNG"));
    assert!(get(&format!("{path}pages/99")).starts_with("HTTP/1.1 404"));

    let post = |body: &str| {
        let head = format!(
            "POST /{path}try HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        ask(address, &head)
    };
    let answer = post(r#"{"page":1,"x":72,"y":144,"size":null}"#);
    assert!(answer.contains(r#"native = { kind = \"singpass\", page = 1, x = \"0.1209\""#), "{answer}");
    assert!(post(r#"{"page":1,"x":1}"#).starts_with("HTTP/1.1 4"));
    assert!(post(r#"{"page":9,"x":72,"y":144,"size":null}"#).starts_with("HTTP/1.1 200"));
}
