//! What a provider does to files, applied to what is found in them: signatures destroyed, forms flattened, texts in braces.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use esign_core::facts::{
    PageFacts, PdfFacts, Rect, SignatureFacts, SignatureFieldFacts, SignatureLevel, TextHit, TextQuery,
};
use esign_core::memory::MemoryService;
use esign_core::{
    Client, Config, Delivery, Document, Error, ErrorKind, Inspector, PdfRules, Plan, Reference, Registry,
    Result, Rule, Severity, SignRequest, Signer,
};

/// A file that is signed, has a form, and a text in braces on page 2.
#[derive(Clone, Copy, Debug)]
struct Odd {
    reads_texts: bool,
}

#[async_trait]
impl Inspector for Odd {
    async fn inspect(&self, content: Bytes) -> Result<PdfFacts> {
        let mut facts = PdfFacts::new(content.len() as u64, vec![PageFacts::plain(1, 595.0, 842.0)]);
        let mut field = SignatureFieldFacts::new("before");
        field.signature = Some(SignatureFacts::new("ETSI.CAdES.detached", SignatureLevel::BB));
        facts.signatures = vec![field];
        facts.form_fields = 2;
        Ok(facts)
    }

    async fn find_texts(&self, _: Bytes, texts: Vec<TextQuery>) -> Result<Vec<Vec<TextHit>>> {
        if !self.reads_texts {
            return Err(Error::new(ErrorKind::Unsupported, "no texts"));
        }
        let hit = TextHit { page: 2, shown: Rect::new(0.0, 0.0, 1.0, 1.0) };
        Ok(texts.iter().map(|query| if query.text == "{{" { vec![hit] } else { Vec::new() }).collect())
    }
}

async fn plan(inspector: Odd, rules: fn(&mut PdfRules)) -> Plan {
    let service = MemoryService::new();
    service.change_capabilities(|caps| rules(&mut caps.documents.pdf));
    let client = Client::builder(Registry::new())
        .config(Config { active: Some("memory".into()), ..Config::default() })
        .provider("memory", Arc::new(service.provider()))
        .clock(Arc::new(service.clock()))
        .inspector(Arc::new(inspector))
        .build()
        .await
        .unwrap();
    let document = Document::pdf("Lease", &b"%PDF-1.7"[..]);
    let request = SignRequest::new(Reference::new("r").unwrap(), document, Delivery::ShareableLink);
    client.plan_on("memory", &request.signer(Signer::new("tenant"))).await.unwrap()
}

#[tokio::test]
async fn each_rule_speaks_for_itself_and_nothing_is_said_without_one() {
    const READS: Odd = Odd { reads_texts: true };
    assert_eq!(plan(READS, |_| {}).await.findings, []);
    type Set = fn(&mut PdfRules);
    let cases: [(Set, Severity, &str, &str); 4] = [
        (
            |r| r.existing_signatures = Rule::Refuse,
            Severity::Refusal,
            "pdf.existing_signatures",
            "\"before\"",
        ),
        (|r| r.forms = Rule::Warn, Severity::Warning, "pdf.forms", "form fields"),
        (|r| r.text_tags = Rule::Warn, Severity::Warning, "pdf.text_tags", "page 2"),
        (|r| r.text_tags = Rule::Refuse, Severity::Refusal, "pdf.text_tags", "{{…}}"),
    ];
    for (rules, severity, code, words) in cases {
        let plan = plan(READS, rules).await;
        let [finding] = plan.findings.as_slice() else { panic!("{code}: {:?}", plan.findings) };
        assert_eq!((finding.severity, finding.code.as_ref()), (severity, code));
        assert_eq!(finding.field.as_deref(), Some("documents[0].content"));
        assert!(finding.message.contains(words), "{finding}");
    }
}

/// Without texts nothing is known of braces: no finding, and no error.
#[tokio::test]
async fn an_inspector_that_reads_no_texts_finds_no_braces() {
    let plan = plan(Odd { reads_texts: false }, |r| r.text_tags = Rule::Refuse).await;
    assert_eq!(plan.findings, []);
}
