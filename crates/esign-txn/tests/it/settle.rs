//! The one trial that takes nobody, with the simulator told to answer either way.

use esign_core::{KeyAlgorithm, Probe, Trial, TrialOutcome};
use esign_sandbox::txn::TxnSettings;

use crate::sandbox::live;

type Case = (fn(&mut TxnSettings), &'static str, TrialOutcome, &'static str);

#[tokio::test]
async fn the_errors_of_the_exchange_are_looked_at() {
    let cases: [Case; 3] = [
        (
            |_| {},
            "client-1",
            TrialOutcome::Settled,
            "HTTP 400 with error \"CLIENT_SIDE_ERROR\" and id and trace_id",
        ),
        (|s| s.unauthorized_is_401 = true, "client-2", TrialOutcome::Open, "the token is not accepted"),
        (|s| s.switched_off = true, "client-1", TrialOutcome::Open, "503"),
    ];
    for (switches, client_id, outcome, found) in cases {
        let settings = [("client_id", client_id.into())];
        let live = live(switches, KeyAlgorithm::Es256, 0, &settings).await;
        let settled = live.provider.settle(&Trial::new("")).await.unwrap();
        let item = settled.iter().find(|item| item.question == "the errors of the exchange").unwrap();
        assert_eq!(item.outcome, outcome, "{}", item.found);
        assert!(item.found.contains(found), "{}", item.found);
        assert!(settled.iter().filter(|other| other.outcome == TrialOutcome::Untriable).count() == 9);
    }
}
