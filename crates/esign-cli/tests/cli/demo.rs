use crate::support::Desk;

#[test]
fn the_demo_signs_through_every_flow_and_proves_it() {
    let desk = Desk::new();
    let ran = desk.run("demo agreement.pdf --out signed --json").ended(0);
    let original = desk.read("agreement.pdf");
    let (approved, signed): (Vec<_>, Vec<_>) =
        ran.objects().into_iter().partition(|object| object["flow"] == "transaction");
    let flows: Vec<_> = signed
        .iter()
        .map(|object| {
            assert_eq!((&object["state"], &object["ok"]), (&"Completed".into(), &true.into()), "{object}");
            assert!(object["signatures"].as_u64().unwrap() >= 1, "{object}");
            let file = object["file"].as_str().unwrap();
            let signed = desk.read(file);
            // Documenso writes the file anew and seals that.
            let rewritten = object["provider"] == "documenso";
            assert!(signed.len() > original.len() && signed.starts_with(&original) != rewritten, "{file}");
            let sum = esign::Sha256Hash::of(&signed).to_string();
            assert_eq!(object["sha256"], sum, "{file}");
            let verify = format!("verify {file} --root signed/sandbox-root.pem");
            desk.run(&verify).ended(0);
            let record = file.replace(".signed.pdf", ".record.json");
            desk.run(&format!("{verify} --record {record}")).ended(0);
            // Signicat's level is not documented and Documenso's is B-B; the others leave nothing open.
            if !rewritten && object["provider"] != "signicat" {
                assert_eq!(object["level"], "B-LT", "{object}");
                desk.run(&format!("{verify} --strict")).ended(0);
            }
            match object["evidence"].as_str() {
                Some(archive) => {
                    desk.run(&format!("evidence --check {archive} --root signed/sandbox-root.pem")).ended(0);
                }
                None => assert_eq!(object["flow"], "chain", "one archive is of one request"),
            }
            (object["provider"].as_str().unwrap().to_owned(), object["flow"].as_str().unwrap().to_owned())
        })
        .collect();
    for flow in [
        ("signify", "email"),
        ("signify", "link"),
        ("singpass", "link"),
        ("singpass", "chain"),
        ("signicat", "link"),
        ("signicat", "email"),
        ("documenso", "email"),
        ("documenso", "link"),
    ] {
        assert!(flows.contains(&(flow.0.to_owned(), flow.1.to_owned())), "{flow:?} in {flows:?}");
    }
    let [transaction] = &approved[..] else { panic!("{approved:?}") };
    assert_eq!((&transaction["provider"], &transaction["ok"]), (&"singpass-txn".into(), &true.into()));
    assert!(
        transaction["claims"]["txn_hash"].is_string() && transaction.get("file").is_none(),
        "{transaction}"
    );
    assert!(ran.stderr.contains('✓') && !ran.stderr.contains('\u{1b}'), "ticks, no colours: {}", ran.stderr);
}

#[test]
fn the_demo_needs_no_file_and_prints_nothing_unless_asked() {
    let desk = Desk::new();
    let ran = desk.run("demo --provider signify --verbose").ended(0);
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains("kind = \"signify\""), "the configuration is shown: {}", ran.stderr);
    let sample = desk.read("esign-demo/agreement.pdf");
    assert!(desk.read("esign-demo/signify-link.signed.pdf").starts_with(&sample));
    desk.run("demo --provider signify").ended(0);
}

#[test]
fn a_chain_leaves_every_leg_and_both_signatures_over_the_original() {
    let desk = Desk::new();
    let ran = desk.run("demo --provider singpass --json --verbose").ended(0);
    let legs: Vec<_> =
        (1..=2).map(|leg| desk.read(&format!("esign-demo/singpass-chain-{leg}.signed.pdf"))).collect();
    assert!(legs[0].starts_with(&desk.read("esign-demo/agreement.pdf")) && legs[1].starts_with(&legs[0]));
    let objects = ran.objects();
    let chain = objects.iter().find(|object| object["flow"] == "chain").unwrap();
    assert_eq!((&chain["signatures"], &chain["ok"]), (&2.into(), &true.into()), "{chain}");
    let record = esign::ChainRecord::from_stored(&desk.text("esign-demo/singpass-chain.chain")).unwrap();
    assert_eq!(record.progress(), (2, 2));
    for file in std::fs::read_dir(desk.path("esign-demo")).unwrap() {
        let name = file.unwrap().file_name();
        assert!(!name.to_string_lossy().ends_with(".links"), "links of a session are not kept: {name:?}");
    }
    assert!(!ran.stderr.contains("token="), "nor shown: {}", ran.stderr);
}

#[test]
fn a_file_that_cannot_be_signed_fails_the_demo() {
    let desk = Desk::new();
    desk.write("page.pdf", "no PDF");
    desk.run("demo page.pdf").ended(3);
    let error = desk.run("demo --provider nobody --json").ended(2).object();
    assert!(error["error"]["message"].as_str().unwrap().contains("signify"), "{error}");
}
