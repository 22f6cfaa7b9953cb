//! Trials of what the documents leave open, with the simulator told to answer either way.

use esign_core::{Trial, TrialOutcome};
use esign_sandbox::signicat::SignicatSettings;
use serde_json::json;

use crate::sandbox::live_as;

/// How the question begins, and outcome, part of the finding, and setting.
type Row = (&'static str, TrialOutcome, &'static str, Option<&'static str>);

/// Differs when it is form-encoded.
const ODD: &str = "a secret: 100% + more";

#[tokio::test]
async fn each_trial_says_what_the_service_does() {
    use TrialOutcome::{Open, Settled, Untriable};
    type Case = (fn(&mut SignicatSettings), &'static [Row]);
    let cases: [Case; 2] = [
        (
            |_| {},
            &[
                ("the statuses", Settled, "upload 201, create 201, read 200, delete 204", None),
                ("what daysToLive is", Open, "does not say", None),
                ("what daysUntilDeletion is", Open, "does not say", None),
                ("the most that daysToLive", Settled, "3650; refused: none", None),
                ("the lengths", Settled, "100 documents in a task; refused: none", None),
                ("how large a document", Settled, "20 MB are taken", None),
                ("whether token credentials", Settled, "the encoded form is accepted", None),
                ("whether the invitation", Settled, "it is", Some("created_mail = \"at-once\"")),
                ("whether an order with signed tasks", Untriable, "a person who signs", None),
                ("where the archive's ids", Untriable, "what somebody has signed", None),
            ],
        ),
        (
            |s| {
                (s.created_is_201, s.deleted_is_204) = (false, false);
                s.echo_defaults = true;
                s.max_days_to_live = Some(90);
                s.max_text = Some(1000);
                s.max_document_bytes = Some(9_000_000);
                s.created_notification_waits = true;
            },
            &[
                ("the statuses", Settled, "upload 200, create 200, read 200, delete 200", None),
                ("what daysToLive is", Settled, "14 days", Some("days_to_live = 14")),
                ("what daysUntilDeletion is", Settled, "30 days", Some("days_until_deletion = 30")),
                ("the most that daysToLive", Settled, "90; refused: 365, 3650", None),
                (
                    "the lengths",
                    Settled,
                    "refused: a description of 4000 characters, a message of 10000 characters",
                    None,
                ),
                (
                    "how large a document",
                    Settled,
                    "10 MB are refused, 5 MB are taken",
                    Some("max_document_bytes = 5000000"),
                ),
                ("whether the invitation", Settled, "it is not", Some("created_mail = \"waits\"")),
            ],
        ),
    ];
    for (switches, rows) in cases {
        let live = live_as(ODD, &[], switches).await;
        let settled = live.client.settle("signicat", &Trial::new(crate::sandbox::pdf())).await.unwrap();
        for (question, outcome, found, setting) in rows {
            let mut items = settled.iter().filter(|item| item.question.starts_with(question));
            let item = items.next().unwrap();
            assert!(items.next().is_none(), "{question}");
            assert_eq!(
                (item.outcome, item.setting.as_deref()),
                (*outcome, *setting),
                "{question}: {}",
                item.found
            );
            assert!(item.found.contains(found), "{question}: {}", item.found);
        }
    }
}

#[tokio::test]
async fn nobody_is_told_and_nothing_is_left() {
    let live = live_as(ODD, &[], |s| s.max_document_bytes = Some(900_000)).await;
    live.client.settle("signicat", &Trial::new(crate::sandbox::pdf())).await.unwrap();
    assert!(live.sandbox.signicat().orders().is_empty());
    let mailed: Vec<_> = live.sandbox.mailbox().into_iter().map(|mail| mail.to).collect();
    assert!(!mailed.is_empty() && mailed.iter().all(|to| to.ends_with(".invalid")), "{mailed:?}");
}

#[tokio::test]
async fn credentials_that_tell_nothing_are_called_that() {
    for (secret, settings) in [("plain-secret", json!("basic")), (ODD, json!("form"))] {
        let auth = [("client_auth", settings.clone())];
        let live = live_as(secret, &auth, |s| s.max_document_bytes = Some(900_000)).await;
        let settled = live.client.settle("signicat", &Trial::new(crate::sandbox::pdf())).await.unwrap();
        let item = settled.iter().find(|item| item.question.starts_with("whether token cred")).unwrap();
        assert_eq!(item.outcome, TrialOutcome::Open, "{settings} {}", item.found);
    }
}
