//! `esign inspect`

use esign::facts::PdfFacts;
use esign::pdf::preflight::{Finding, Severity, preflight};
use esign::{Inspector, PdfInspector};
use serde::Serialize;

use crate::args::Inspect;
use crate::failure::{Exit, Failure};
use crate::files::read_bytes;
use crate::output::{Mark, Output, columns, printable};

/// Good unless the file is damaged or cannot be signed.
pub(crate) async fn run(args: &Inspect, output: &Output) -> Result<Exit, Failure> {
    let facts = PdfInspector::default().inspect(read_bytes(&args.file)?).await?;
    let findings = preflight(&facts);
    let in_the_way =
        |finding: &&Finding| finding.severity == Severity::Blocker || finding.code == "pdf.damaged";
    let problems: Vec<_> =
        findings.iter().filter(in_the_way).map(|finding| finding.message.as_str()).collect();
    let good = problems.is_empty();
    let object = Answer { facts: &facts, findings: &findings, problems, good };
    output.answer(&object, || columns(&words(&facts)) + &findings.iter().map(line).collect::<String>());
    Ok(good.into())
}

/// The answer for programs.
#[derive(Serialize)]
struct Answer<'a> {
    facts: &'a PdfFacts,
    findings: &'a [Finding],
    problems: Vec<&'a str>,
    good: bool,
}

fn line(finding: &Finding) -> String {
    let mark = match finding.severity {
        Severity::Blocker => Mark::Bad,
        Severity::Warning if finding.code == "pdf.damaged" => Mark::Bad,
        Severity::Warning => Mark::Warning,
        Severity::Info => Mark::Plain,
    };
    let field = finding.field.as_ref().map(|field| format!(" (field {field})")).unwrap_or_default();
    format!("{mark} {}\n", printable(&format!("{}{field}", finding.message)))
}

fn words(facts: &PdfFacts) -> Vec<(String, String)> {
    let mut rows = vec![
        (
            "PDF".to_owned(),
            format!(
                "version {}, {} bytes, {} revisions",
                printable(&facts.version),
                facts.bytes,
                facts.revisions.len()
            ),
        ),
        ("pages".to_owned(), pages(facts)),
        ("form fields".to_owned(), facts.form_fields.to_string()),
    ];
    for field in &facts.signatures {
        let state = match (&field.signature, &field.unreadable) {
            (Some(signature), _) => format!("signed ({})", signature.sub_filter),
            (None, Some(why)) => format!("unreadable: {why}"),
            (None, None) => "empty".to_owned(),
        };
        let page = field.widgets.first().map(|widget| format!(", page {}", widget.page)).unwrap_or_default();
        rows.push(("signature field".to_owned(), printable(&format!("{}: {state}{page}", field.name))));
    }
    const LISTED: usize = 20;
    for field in facts.fields.iter().take(LISTED) {
        let page = field.widgets.first().map(|widget| format!(": page {}", widget.page)).unwrap_or_default();
        rows.push(("form field".to_owned(), printable(&format!("{}{page}", field.name))));
    }
    if facts.fields.len() > LISTED {
        rows.push((String::new(), format!("and {} more", facts.fields.len() - LISTED)));
    }
    if !facts.features.is_empty() {
        rows.push(("has".to_owned(), printable(&facts.features.join(", "))));
    }
    rows
}

/// Runs of pages of the same size: `1-3: 595.28 x 841.89 pt`.
fn pages(facts: &PdfFacts) -> String {
    let mut runs: Vec<(u32, u32, String)> = Vec::new();
    for page in &facts.pages {
        let turned = if page.rotate == 0 { String::new() } else { format!(", turned {}°", page.rotate) };
        let size = format!("{} x {} pt{turned}", page.shown.width, page.shown.height);
        match runs.last_mut() {
            Some((_, last, same)) if *same == size => *last = page.number,
            _ => runs.push((page.number, page.number, size)),
        }
    }
    let words = runs.into_iter().map(|(first, last, size)| {
        if first == last { format!("{first}: {size}") } else { format!("{first}-{last}: {size}") }
    });
    words.collect::<Vec<_>>().join("; ")
}
