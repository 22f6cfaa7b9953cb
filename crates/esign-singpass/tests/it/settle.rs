//! Trials of what the documents leave open, with the simulator told to answer either way.

use esign_core::{Trial, TrialOutcome};
use esign_sandbox::singpass::{PayloadShape, ResultPaths, SingpassSettings};

use crate::support::sandbox::{live_with, pdf};

/// How the question begins, and outcome, part of the finding, and setting.
type Row = (&'static str, TrialOutcome, &'static str, Option<&'static str>);

#[tokio::test]
async fn each_trial_says_what_the_service_does() {
    use TrialOutcome::{Open, Settled, Untriable};
    type Case = (fn(&mut SingpassSettings), &'static [Row]);
    let cases: [Case; 3] = [
        (
            |_| {},
            &[
                ("whether the result", Settled, "both", Some("result_path = \"auto\"")),
                ("the claims of initiate", Settled, "a page that is not there (INVALID_DOCUMENT)", None),
                (
                    "the codes of a second cancel",
                    Settled,
                    "REQUEST_CANCELLED, REQUEST_ALREADY_CANCELLED",
                    Some("cancelled_codes = [\"REQUEST_CANCELLED\", \"REQUEST_ALREADY_CANCELLED\"]"),
                ),
                ("the acceptable page sizes", Settled, "200 inches; refused: none", None),
                ("length and characters", Settled, "refused: none", None),
                ("whether forms and XFA", Settled, "taken: a form", None),
                ("whether a token's jti", Settled, "it may not", None),
                ("whether 10 MB", Settled, "it does: 9999999", Some("max_bytes = 9999999")),
                ("how the intended signer's NRIC", Untriable, "who signs", None),
                ("the code of a cancel after", Untriable, "a person", None),
                ("rate limits", Untriable, "none is published", None),
            ],
        ),
        (
            |s| {
                s.result_paths = ResultPaths::Underscore;
                s.payload = PayloadShape::Locations;
                s.max_page_points = Some(2000);
                s.max_doc_name = Some(255);
                s.refuse_forms = true;
                s.refuse_replays = false;
                s.max_pdf_bytes = 10_485_760;
            },
            &[
                (
                    "whether the result",
                    Settled,
                    "the underscore is there",
                    Some("result_path = \"underscore\""),
                ),
                (
                    "the claims of initiate",
                    Settled,
                    "refused: legacy (INVALID_REQUEST)",
                    Some("payload = \"both\""),
                ),
                ("the acceptable page sizes", Settled, "A2; refused: A1 (INVALID_DOCUMENT), A0", None),
                (
                    "length and characters",
                    Settled,
                    "refused: 256 letters (INVALID_REQUEST), 1000 letters",
                    None,
                ),
                ("whether forms and XFA", Settled, "refused: a form (INVALID_DOCUMENT)", None),
                ("whether a token's jti", Settled, "it may", None),
                ("whether 10 MB", Settled, "it does not: 10485759", Some("max_bytes = 10485759")),
            ],
        ),
        (
            |s| {
                s.cancel = false;
                s.max_pdf_bytes = 5_000_000;
            },
            &[
                ("the codes of a second cancel", Open, "404", None),
                ("whether 10 MB", Open, "refused too", None),
            ],
        ),
    ];
    for (switches, rows) in cases {
        let live = live_with(&[], switches).await;
        let settled = live.client.settle("singpass", &Trial::new(pdf())).await.unwrap();
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
