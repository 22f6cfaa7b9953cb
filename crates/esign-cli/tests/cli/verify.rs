//! `esign verify` and `esign roots`.

use std::io::Write as _;
use std::path::PathBuf;

use crate::support::Desk;

/// Where a document signed by a real service, its root and that of its timestamp authority lie, or a line that says why not:
/// third-party files are not in the repository.
fn real_document(test: &str) -> Option<[PathBuf; 3]> {
    const FILES: [&str; 3] =
        ["singpass-staging-signed.pdf", "singpass-staging-root.pem", "singpass-staging-tsa-root.pem"];
    let folder = std::env::var_os("ESIGN_FIXTURES").map(PathBuf::from);
    let files = folder.map(|folder| FILES.map(|f| folder.join(f)));
    let files = files.filter(|files| files.iter().all(|file| file.exists()));
    if files.is_none() {
        // Straight to the stream: the harness keeps what `println` says of a passing test to itself.
        let words = "ESIGN_FIXTURES names no folder with singpass-staging-signed.pdf and its roots";
        let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {words}");
    }
    files
}

/// Its signer's certificate expired, so the verdict needs the time of its timestamp authority: `docs/adr/0011`.
#[test]
fn a_real_document_needs_the_root_of_its_timestamp_authority() {
    let Some([pdf, root, tsa_root]) =
        real_document("a_real_document_needs_the_root_of_its_timestamp_authority")
    else {
        return;
    };
    let desk = Desk::new();
    let [pdf, root, tsa_root] = [&pdf, &root, &tsa_root].map(|path| path.to_str().unwrap());
    let good = ["verify", pdf, "--root", root, "--timestamp-root", tsa_root];
    let answer = desk.esign(&[&good[..], &["--json"]].concat()).ended(0).object();
    assert_eq!((&answer["good"], &answer["problems"]), (&true.into(), &serde_json::json!([])));
    assert_eq!(answer["report"]["signatures"][0]["chain"]["time_source"], "timestamp");

    let open = desk.esign(&["verify", pdf, "--root", root]).ended(1).stdout;
    assert!(open.contains("not established") && open.contains("SwissSign"), "{open}");
    assert!(desk.esign(&["verify", pdf]).ended(1).stdout.contains("not established"));

    // The command that the sentence names shows the root, saves it, and it is the one that settles it.
    let (_, beginning) = open.split_once("--sha256 ").unwrap();
    let beginning = beginning.split(' ').next().unwrap();
    let shown = desk.esign(&["roots", pdf, "--sha256", beginning, "--save", "tsa.pem"]).ended(0).stdout;
    assert!(shown.contains("SwissSign") && shown.contains("timestamps"), "{shown}");
    desk.esign(&["verify", pdf, "--root", root, "--timestamp-root", "tsa.pem"]).ended(0);

    desk.write("esign.toml", format!("[trust]\nroots = ['{root}']\ntimes = 'when-intact'\n"));
    let word = desk.esign(&["verify", pdf]).ended(0).stdout;
    assert!(word.contains("stands on the word of the timestamp authority SwissSign"), "{word}");
    desk.esign(&["verify", pdf, "--strict"]).ended(1);

    let mut flipped = std::fs::read(pdf).unwrap();
    flipped[700] ^= 1;
    desk.write("flipped.pdf", flipped);
    let bad = desk.esign(&["verify", "flipped.pdf", "--root", root, "--timestamp-root", tsa_root]).ended(1);
    assert!(bad.stdout.contains("NOT good"), "{}", bad.stdout);
}

/// A demonstration's files, and the root that they lead to.
fn signed_desk() -> Desk {
    let desk = Desk::new();
    desk.run("demo --out out --provider singpass").ended(0);
    desk
}

#[test]
fn signers_are_expected_by_name_and_the_end_of_their_national_id() {
    let desk = signed_desk();
    for (asked, status, words) in [
        ("Demonstration Signer 1:001A", 0, ": good"),
        ("demonstration  signer 1", 0, ": good"),
        ("Demonstration Signer 1:999Z", 1, "ends its national id otherwise"),
        ("Demonstration Signer 1:S0000001A", 1, "not provable from the document"),
        ("Demonstration Signer 2", 1, "expected signer 1: no signature has a certificate of that name"),
        ("Demonstration Signer 1:1", 2, "the last four characters"),
    ] {
        let line = ["verify", "out/singpass-link.signed.pdf", "--root", "out/sandbox-root.pem"];
        let ran = desk.esign(&[&line[..], &["--expect-signer", asked]].concat()).ended(status);
        let text = ran.stdout + &ran.stderr;
        assert!(text.contains(words), "{asked}: {text}");
    }
}

#[test]
fn roots_come_from_the_configuration_and_the_command_line_goes_first() {
    let desk = signed_desk();
    desk.write("esign.toml", "[trust]\nroots = ['out/sandbox-root.pem']\n");
    desk.run("verify out/singpass-link.signed.pdf").ended(0);
    desk.write("strict.toml", "[trust]\nroots = ['out/sandbox-root.pem']\nstrict = true\n");
    desk.run("verify out/singpass-link.signed.pdf --config strict.toml").ended(0);
    // Without its last revision the file lacks what says that nobody was revoked.
    let signed = desk.read("out/singpass-link.signed.pdf");
    let (second, _) = signed.windows(5).enumerate().filter(|(_, w)| *w == b"%%EOF").nth(1).unwrap();
    desk.write("cut.pdf", &signed[..second + 6]);
    desk.run("verify cut.pdf").ended(0);
    let strict = desk.run("verify cut.pdf --config strict.toml").ended(1);
    assert!(strict.stdout.contains("revocation: the document has no revocation data"), "{}", strict.stdout);
    for (text, words) in [
        ("[trust]\nroots = ['none.pem']\n", "trust.roots[0]: none.pem: cannot be read"),
        ("[trust]\nroots = ['agreement.pdf']\n", "trust.roots[0]: agreement.pdf: "),
        ("[trust]\nroot = ['out/sandbox-root.pem']\n", "unknown field `root`"),
    ] {
        desk.write("esign.toml", text);
        let ran = desk.run("verify out/singpass-link.signed.pdf").ended(2);
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
    desk.write("esign.toml", "[trust]\nroots = ['none.pem']\n");
    desk.run("verify out/singpass-link.signed.pdf --root out/sandbox-root.pem").ended(0);
}

#[test]
fn a_document_can_be_verified_for_another_time() {
    let desk = signed_desk();
    let line = "verify out/singpass-link.signed.pdf --root out/sandbox-root.pem --at";
    desk.run(&format!("{line} 2020-01-01T00:00:00Z")).ended(1);
    desk.run(&format!("{line} 2020-01-32")).ended(2);
}

#[test]
fn fingerprints_are_shown_before_a_root_is_trusted() {
    let desk = signed_desk();
    let root = desk.run("roots out/sandbox-root.pem --json").ended(0).object()["roots"][0].clone();
    assert_eq!(root["common_name"], "Sandbox Root CA");
    assert_eq!((&root["self_signed"], &root["problems"]), (&true.into(), &serde_json::json!([])));
    let words = desk.run("roots out/sandbox-root.pem").ended(0);
    let first: String = root["sha256"].as_str().unwrap()[..2].to_uppercase();
    assert!(words.stdout.contains(&format!("SHA-256   {first}:")), "{}", words.stdout);
    assert!(words.stderr.contains("Compare the fingerprint"), "{}", words.stderr);

    desk.write("esign.toml", "[trust]\ntimestamp_roots = ['out/sandbox-root.pem']\n");
    assert_eq!(desk.run("roots --json").ended(0).object()["roots"][0]["used_for"], "timestamps only");
    desk.write("esign.toml", "");
    assert!(desk.run("roots").ended(2).stderr.contains("no roots are configured"));
    assert!(
        desk.run("roots agreement.pdf").ended(2).stderr.contains("agreement.pdf: it brings no certificate")
    );
    desk.write("esign.toml", "[trust]\ntimes = 'always'\n");
    assert!(desk.run("roots").ended(2).stderr.contains("trust.times"));
    desk.write("esign.toml", "");

    let brought = desk.run("roots out/singpass-link.signed.pdf --save brought.pem --json").ended(0).object();
    let brought = brought["roots"].as_array().unwrap();
    assert!(
        brought.iter().all(|found| found["sha256"] == root["sha256"]) && brought.len() == 2,
        "{brought:?}"
    );
    desk.run("verify out/singpass-link.signed.pdf --root brought.pem").ended(0);
    assert!(desk.run("roots brought.pem --save brought.pem").ended(2).stderr.contains("brought.pem"));
    assert!(desk.run("roots brought.pem --sha256 00000000").ended(2).stderr.contains("begins with 00000000"));
    assert!(desk.run("roots brought.pem --sha256 00").ended(2).stderr.contains("8 hexadecimal digits"));
}
