//! A test on paper: could each of four providers do this request? The answers follow from what their own documents say,
//! written down as capabilities in `providers.rs`, before any adapter exists.

mod providers;
mod requests;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use esign_core::facts::{
    Certification, FormFieldFacts, PageFacts, PdfFacts, Rect, Revision, SignatureFacts, SignatureFieldFacts,
    SignatureLevel, TextHit, TextQuery, Widget, XrefKind,
};
use esign_core::{
    Client, Config, Inspector, InstanceConfig, Plan, Registry, Result, Severity, SignRequest, Verdict, Wish,
};

/// What a plan must say.
#[derive(Clone, Copy, Debug)]
enum Expect {
    Works,
    /// Works, and the plan warns with this code.
    Warned(&'static str),
    /// Works with changes of exactly these wishes, in this order.
    Changes(&'static [Wish]),
    Chain,
    /// Cannot; the code of the first refusal.
    Cannot(&'static str),
}

/// What the inspector finds.
#[derive(Clone, Copy, Debug)]
enum Pages {
    A4,
    Rotated,
    Cropped,
    /// Signed at this level in the box that [`requests::spot`] asks for.
    Signed(SignatureLevel),
    Hybrid,
    Encrypted,
    /// Certified against any change.
    Certified,
}

/// One request and what each provider's plan must say.
struct Case {
    name: &'static str,
    request: fn() -> SignRequest,
    adapt: &'static [Wish],
    pages: Pages,
    /// Whether Signify's `placement_origin` is set.
    origin: bool,
    /// Signify, Singpass, Signicat, Singpass transactions.
    expect: [Expect; 4],
}

#[derive(Debug)]
struct Fixed(Pages);

#[async_trait]
impl Inspector for Fixed {
    async fn inspect(&self, content: Bytes) -> Result<PdfFacts> {
        let a4 = Rect::new(0.0, 0.0, 595.28, 841.89);
        let page = |number| match self.0 {
            Pages::Rotated => PageFacts::new(number, a4, None, 90, 1.0),
            Pages::Cropped => PageFacts::new(number, a4, Some(Rect::new(20.0, 20.0, 500.0, 700.0)), 0, 1.0),
            Pages::A4 | Pages::Signed(_) | Pages::Hybrid | Pages::Encrypted | Pages::Certified => {
                PageFacts::plain(number, a4.width, a4.height)
            }
        };
        let mut facts = PdfFacts::new(content.len() as u64, (1..=3).map(page).collect());
        let widget = Widget { page: 2, shown: Rect::new(80.0, 110.0, 200.0, 50.0) };
        facts.fields = vec![FormFieldFacts::new("form.signature", vec![widget])];
        match self.0 {
            Pages::A4 | Pages::Rotated | Pages::Cropped => {}
            Pages::Signed(level) => {
                let mut field = SignatureFieldFacts::new("Signature1");
                field.widgets = vec![Widget { page: 1, shown: Rect::new(80.0, 110.0, 220.5, 60.0) }];
                field.signature = Some(SignatureFacts::new("ETSI.CAdES.detached", level));
                facts.signatures = vec![field];
            }
            Pages::Hybrid => {
                facts.revisions = vec![Revision { offset: 9, xref: XrefKind::Hybrid, end: facts.bytes }];
            }
            Pages::Encrypted => facts.encrypted = true,
            Pages::Certified => {
                facts.certification = Some(Certification { permission: 1, field: "Approved".into() });
            }
        }
        Ok(facts)
    }

    async fn find_texts(&self, _: Bytes, texts: Vec<TextQuery>) -> Result<Vec<Vec<TextHit>>> {
        let hit = TextHit { page: 3, shown: Rect::new(80.0, 110.0, 40.0, 10.0) };
        Ok(texts.iter().map(|query| if query.text == "Sign here" { vec![hit] } else { Vec::new() }).collect())
    }
}

async fn client(case: &Case) -> Client {
    let mut registry = Registry::new();
    providers::register(&mut registry).unwrap();
    let mut config = Config::default();
    for kind in providers::KINDS {
        let mut instance = InstanceConfig::new(kind.clone());
        instance.adapt = case.adapt.iter().copied().collect();
        if kind == providers::SIGNIFY && case.origin {
            instance = instance.with("placement_origin", "top-left");
        }
        config.providers.insert(kind.as_str().to_owned(), instance);
    }
    let inspector = Arc::new(Fixed(case.pages));
    Client::builder(registry).config(config).inspector(inspector).build().await.unwrap()
}

fn fault(plan: &Plan, expect: Expect) -> Option<String> {
    let first = plan.refusals().next().map(|f| f.code.as_ref());
    let wishes: Vec<_> = plan.changes.iter().map(|c| c.wish).collect();
    let warned = |code: &str| plan.findings.iter().any(|f| f.severity == Severity::Warning && f.code == code);
    let as_expected = match expect {
        Expect::Works => plan.verdict == Verdict::Works && plan.findings.is_empty(),
        Expect::Warned(code) => plan.verdict == Verdict::Works && warned(code),
        Expect::Changes(expected) => plan.verdict == Verdict::WorksWithChanges && wishes == expected,
        Expect::Chain => plan.verdict == Verdict::WorksAsChain && first.is_none(),
        Expect::Cannot(code) => plan.verdict == Verdict::Cannot && first == Some(code),
    };
    (!as_expected).then(|| {
        let findings: Vec<_> = plan.findings.iter().map(|f| format!("{} ({f})", f.code)).collect();
        format!("{}: expected {expect:?}, got {} {wishes:?} {findings:?}", plan.kind, plan.verdict)
    })
}

#[tokio::test]
async fn every_provider_gives_the_verdict_that_its_documents_imply() {
    let cases = requests::cases();
    assert!(cases.len() >= 20);
    let mut faults = Vec::new();
    for case in &cases {
        let plans = client(case).await.plan(&(case.request)()).await;
        for (kind, expect) in providers::KINDS.iter().zip(case.expect) {
            let plan = plans.iter().find(|p| p.kind == *kind).unwrap();
            faults.extend(fault(plan, expect).map(|fault| format!("{}: {fault}", case.name)));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// A plan says no more and no less than what `prepare` then does.
#[tokio::test]
async fn prepare_follows_the_plan() {
    for case in requests::cases() {
        let client = client(&case).await;
        for plan in client.plan(&(case.request)()).await {
            let prepared = client.prepare_on(&plan.instance, (case.request)()).await;
            match plan.verdict {
                Verdict::Works | Verdict::WorksWithChanges => {
                    let prepared = prepared.unwrap();
                    assert_eq!(prepared.intent().changes(), plan.changes, "{}", case.name);
                    assert_eq!(prepared.findings(), plan.findings, "{}", case.name);
                }
                Verdict::WorksAsChain => {
                    let error = prepared.unwrap_err();
                    assert!(error.message().contains("chain"), "{}: {error}", case.name);
                }
                _ => {
                    let error = prepared.unwrap_err();
                    let first = plan.refusals().next().unwrap();
                    assert_eq!(error.field_path(), first.field.as_deref(), "{}", case.name);
                    if let Some(line) = &first.allow {
                        assert!(error.message().contains(line.as_str()), "{}: {error}", case.name);
                    }
                }
            }
        }
    }
}
