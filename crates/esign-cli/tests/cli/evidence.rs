//! `esign evidence`.

use crate::support::Desk;

fn signed_desk() -> Desk {
    let desk = Desk::new();
    desk.run("demo agreement.pdf --out out --provider singpass").ended(0);
    desk
}

#[test]
fn what_proves_a_signing_is_kept_in_one_file_and_checked_offline() {
    let desk = signed_desk();
    let trust = "--root out/sandbox-root.pem";
    let packed = desk.run(&format!(
        "evidence out/singpass-link.handle --original document=agreement.pdf --provider-evidence out/singpass-link.intent.json \
         {trust} --json"
    ));
    let packed = packed.ended(0).object();
    assert_eq!(packed["file"], "out/singpass-link.evidence.zip");
    let check = format!("evidence --check out/singpass-link.evidence.zip {trust}");
    let good = desk.run(&format!("{check} --json")).ended(0).object();
    assert_eq!((&good["good"], &good["sha256"]), (&true.into(), &packed["sha256"]));
    assert_eq!(good["documents"][0]["original"], true);
    let words = desk.run(&check).ended(0).stdout;
    assert!(words.contains(": good; packed ") && words.contains("not proven: when it was packed"), "{words}");
    assert_eq!(good["unproven"].as_array().unwrap().len(), 3, "{}", good["unproven"]);
    let untrusted = desk.run("evidence --check out/singpass-link.evidence.zip").ended(1).stdout;
    assert!(untrusted.contains(": not established; packed "), "{untrusted}");
    desk.run("evidence out/singpass-link.handle --root out/sandbox-root.pem")
        .ended(2)
        .stderr
        .contains("exists");

    let mut changed = desk.read("out/singpass-link.evidence.zip");
    let at = changed.windows(10).position(|window| window == b"/ByteRange").unwrap();
    changed[at] = b' ';
    desk.write("changed.zip", changed);
    let refused = desk.run(&format!("evidence --check changed.zip {trust}")).ended(1);
    assert!(refused.stderr.contains("checksum"), "{}", refused.stderr);
}

#[test]
fn bad_input_is_named_before_anything_is_written() {
    let desk = signed_desk();
    for (line, words) in [
        ("evidence", "--check"),
        ("evidence out/singpass-link --check x.zip", "cannot be used with"),
        ("evidence nothing", "nothing.record.json"),
        ("evidence nothing --callback-keys keys.json", "--check"),
        (
            "evidence out/singpass-link --signed out/singpass-link.signed.pdf --signed out/singpass-link.signed.pdf",
            "two signed PDFs of document",
        ),
        ("evidence --check agreement.pdf", "not a ZIP archive"),
        ("evidence out/singpass-link --callback agreement.pdf", "agreement.pdf.receipt.json"),
        (
            "evidence out/singpass-link --original agreement.pdf --original out/singpass-link.signed.pdf",
            "is not what the record",
        ),
        ("evidence out/singpass-link --original annex=agreement.pdf", "annex"),
    ] {
        let ran = desk.run(line);
        assert!(ran.status != 0 && ran.stderr.contains(words), "{line}: {}", ran.stderr);
    }
    assert!(!desk.path("out/singpass-link.evidence.zip").exists());
}
