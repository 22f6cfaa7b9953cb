//! Trials of what the guide leaves open, with the simulator told to answer either way.

use esign_core::{Settled, Trial, TrialOutcome};
use esign_sandbox::signify::{DocumentUrlKey, ErrorStyle, MessageStyle, SignifySettings};
use serde_json::json;

use crate::support::{DAY, World, one_by_link, pdf};

/// What the trial says about the one question that begins so: outcome, finding, setting.
fn about(settled: &[Settled], question: &str) -> (TrialOutcome, String, Option<String>) {
    let mut found = settled.iter().filter(|item| item.question.starts_with(question));
    let item = found.next().unwrap();
    assert!(found.next().is_none(), "{question}");
    (item.outcome, item.found.clone(), item.setting.clone())
}

/// How the question begins, and outcome, part of the finding, and setting.
type Row = (&'static str, TrialOutcome, &'static str, Option<&'static str>);

#[tokio::test]
async fn each_trial_says_what_the_service_does() {
    use TrialOutcome::{Open, Settled, Untriable};
    type Case = (fn(&mut SignifySettings), &'static [Row]);
    let cases: [Case; 3] = [
        (
            |_| {},
            &[
                ("whether documentUrl", Settled, "without", Some("document_url_bearer = \"never\"")),
                ("whether a coordinate", Settled, "it is", Some("allow_coordinate_one = true")),
                ("whether 10MB", Settled, "10000000", Some("max_document_bytes = 10000000")),
                ("the form of error", Settled, "a 400 is a JSON object with message (text)", None),
                ("whether a 429", Settled, "it does not; ", None),
                ("how staging keys", Settled, "with none of", None),
                ("what positionX", Open, "a look", None),
                ("whether a signed document can be deleted", Untriable, "a person", None),
            ],
        ),
        (
            |s| {
                s.document_url_key = DocumentUrlKey::Required;
                s.allow_one = false;
                s.max_file_bytes = 10_485_760;
                (s.errors, s.messages) = (ErrorStyle::Nest, MessageStyle::List);
                s.retry_after = true;
            },
            &[
                ("whether documentUrl", Settled, "it does", Some("document_url_bearer = \"always\"")),
                ("whether a coordinate", Settled, "it is refused", Some("allow_coordinate_one = false")),
                ("whether 10MB", Settled, "10485760", Some("max_document_bytes = 10485760")),
                ("the form of error", Settled, "error (text), message (list), statusCode (number)", None),
                ("whether a 429", Settled, "it does: ", None),
            ],
        ),
        (
            |s| {
                s.max_file_bytes = 5_000_000;
                s.too_large_is_413 = true;
                s.rate_limit = None;
            },
            &[("whether 10MB", Open, "refused too", None), ("whether a 429", Open, "all answered", None)],
        ),
    ];
    for (switches, rows) in cases {
        let world = World::with(json!({}), switches).await;
        let settled = world.client.settle("s", &Trial::new(pdf()).burst()).await.unwrap();
        for (question, outcome, found, setting) in rows {
            let said = about(&settled, question);
            assert_eq!((said.0, said.2.as_deref()), (*outcome, *setting), "{question}: {}", said.1);
            assert!(said.1.contains(found), "{question}: {}", said.1);
        }
    }
}

#[tokio::test]
async fn expired_documents_in_the_list_are_counted() {
    for (list_expired, outcome) in [(true, TrialOutcome::Settled), (false, TrialOutcome::Open)] {
        let world = World::with(json!({}), |s| s.list_expired = list_expired).await;
        world.send(one_by_link("Lease 12")).await;
        world.advance(DAY * 31);
        let settled = world.client.settle("s", &Trial::new(pdf())).await.unwrap();
        let said = about(&settled, "whether the list has expired");
        assert_eq!(said.0, outcome, "{}", said.1);
    }
}

#[tokio::test]
async fn nothing_is_left_and_the_limit_is_kept_unless_one_says_so() {
    let world = World::new(json!({})).await;
    let settled = world.client.settle("s", &Trial::new(pdf())).await.unwrap();
    assert_eq!(about(&settled, "whether a 429").0, TrialOutcome::Open);
    assert!(settled.iter().all(|item| item.link.is_none()));
    assert!(crate::support::provider(&world.client).client().list().await.unwrap().is_empty());

    let settled = world.client.settle("s", &Trial::new(pdf()).look()).await.unwrap();
    assert_eq!(settled.iter().filter(|item| item.link.is_some()).count(), 1);
    assert_eq!(crate::support::provider(&world.client).client().list().await.unwrap().len(), 1);
}
