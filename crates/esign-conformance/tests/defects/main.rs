//! The kit bites: each of these providers is wrong in one thing that has gone wrong in real adapters, and the check meant
//! for it fails. The right provider passes the same checks.

mod approving;
#[path = "../common/mod.rs"]
mod common;
mod foreign;
mod incoming;
mod people;
mod placing;
mod reading;
mod sending;
mod settling;
mod several;
mod together;
mod wrong;

use std::sync::Arc;

use common::{MemoryHarness, Wrap};
use esign_conformance::Verdict;
use esign_core::memory::MemoryProvider;
use esign_core::{BoxSupport, Capabilities, Order, Provider, Range, Support};
use wrong::{Defect, Wrong};

/// The check that must fail, and what is wrong.
type Row = (&'static str, &'static str, Wrap);

/// A provider with this defect.
fn with<D: Defect>(check: &'static str, wrong: &'static str) -> Row {
    (check, wrong, |provider| Arc::new(Wrong::new(provider, D::default())))
}

fn table() -> Vec<Row> {
    vec![
        with::<sending::ClaimsToErase>("claim::groups_are_there", "claims a capability it lacks"),
        with::<sending::ChangesItsMind>("claim::capabilities_are_stable", "learns its limits from answers"),
        with::<settling::TriesNothing>(
            "claim::unverified_is_settled_or_says_why",
            "lists what nobody could check, and leaves it at that",
        ),
        with::<settling::LeavesItOpen>(
            "claim::unverified_is_settled_or_says_why",
            "leaves a trial open though nobody wants to look",
        ),
        with::<sending::ClaimsLongNames>(
            "limit::document_name",
            "claims a limit that the service does not keep",
        ),
        with::<sending::ClaimsBigDocuments>(
            "limit::document_bytes",
            "claims more bytes than the service takes",
        ),
        with::<sending::RepeatsAfterTimeout>("submit::answer_lost", "repeats a create after a time-out"),
        with::<sending::CallsTimeoutSafe>("submit::answer_lost", "says that a lost answer is safe to repeat"),
        with::<sending::NeverFindsAnything>("submit::answer_lost", "says not found without looking"),
        with::<sending::RepeatsServerErrors>("submit::failed_after_effect", "repeats a create after a 503"),
        with::<sending::TakesHtmlForSuccess>(
            "submit::answered_with_garbage",
            "takes a gateway's HTML for success",
        ),
        with::<sending::IgnoresRetryAfter>("submit::rate_limited_for_a_time", "ignores Retry-After"),
        with::<sending::RepeatsBadRequests>(
            "submit::refused_as_bad",
            "says that a bad request is safe to repeat",
        ),
        with::<sending::RepeatsBadRequests>(
            "documented::errors_of_submit",
            "documents another error than it gives",
        ),
        with::<sending::LosesTheHttpStatus>("submit::refused_as_bad", "drops the HTTP status"),
        with::<sending::RewritesTheDocument>("submit::sends_the_document_unchanged", "saves the PDF anew"),
        with::<sending::WrongNextStep>(
            "submit::tells_each_signer_what_to_do",
            "promises an e-mail for a link",
        ),
        with::<sending::StepForNobody>(
            "submit::tells_each_signer_what_to_do",
            "names signers by the service's ids",
        ),
        with::<sending::RecordsAnotherId>("submit::record_is_true", "hands out one id and records another"),
        with::<sending::SignsInAnyOrder>(
            "state::signers_sign_in_order",
            "lets signers sign in the wrong order",
        ),
        with::<sending::RemembersInMemory>(
            "handle::survives_storage",
            "keeps its private state in the process",
        ),
        with::<sending::StoresTheAddress>(
            "handle::holds_no_personal_data",
            "puts the e-mail address into the handle",
        ),
        with::<sending::PrintsItsToken>(
            "secrecy::nothing_personal_or_secret_is_printed",
            "shows its token in Debug",
        ),
        with::<sending::PrintsTheAddress>(
            "secrecy::nothing_personal_or_secret_is_printed",
            "names the signer in an error",
        ),
        with::<sending::TokenPerCall>("concurrency::one_token_serves_all", "fetches a token per call"),
        with::<reading::UnknownIsCompleted>("state::unknown_word", "takes an unknown word for completed"),
        with::<reading::UnknownPanics>("state::unknown_word", "panics on an unknown word"),
        with::<reading::UnknownIsLost>("state::unknown_word", "drops the unknown word"),
        with::<reading::RefusalIsCancellation>("state::declined", "takes a refusal for a cancellation"),
        with::<reading::LateNewsMovesBack>("state::never_moves_back", "lets expiry undo completion"),
        with::<reading::SignedIsPending>("state::in_progress_between", "counts only completed requests"),
        with::<reading::FaultIsFailure>(
            "state::reading_survives_faults",
            "takes a fault of the line for a failed request",
        ),
        with::<reading::OwnClockIsWrong>("state::pending_at_first", "expires requests by a wrong clock"),
        with::<reading::NewIdEachTime>("handle::key_is_stable", "renews handles under another id"),
        with::<reading::CancelsNothing>("cancel::ends_the_request", "cancels nothing and reports success"),
        with::<reading::SecondCancelFails>("cancel::twice", "fails when there is nothing left to cancel"),
        with::<reading::GivesTheOriginal>(
            "download::equals_what_was_sent",
            "gives out the unsigned document",
        ),
        with::<reading::GivesWhatIsThere>(
            "download::partial_only_by_name",
            "gives out a partly signed document as signed",
        ),
        with::<reading::NothingIsNotReady>(
            "download::not_ready_before_the_end",
            "gives out nothing as a document",
        ),
        with::<reading::HtmlIsADocument>("download::survives_faults", "takes an error page for the document"),
        with::<reading::ListsTooMuch>("download::whatever_is_listed", "lists artifacts that cannot be had"),
        with::<reading::AnythingExists>("download::what_never_existed", "answers any name with the document"),
        with::<incoming::BelievesAnything>("callback::forged", "accepts an unsigned callback"),
        with::<incoming::SignsWhatItParsed>("callback::forged", "verifies JSON that it has written anew"),
        with::<incoming::AnswersForgeries>("callback::forged", "answers a forged callback with success"),
        with::<incoming::NewKeyEachTime>("callback::replayed", "gives each delivery a key of its own"),
        with::<incoming::WrongRequest>("callback::genuine", "matches events to the wrong request"),
        with::<incoming::DropsEvents>("callback::genuine", "reads none of the events"),
        with::<incoming::FirstEventOnly>(
            "callback::several_in_one",
            "reads only the first of several events",
        ),
        with::<incoming::EarlyIsDone>("callback::early", "takes any call for completion"),
        with::<incoming::LateIsExpired>("callback::late", "lets a late call move a completed request back"),
        with::<incoming::RefusesTheUnknown>(
            "state::unknown_members",
            "fails on a member that it does not know",
        ),
        with::<foreign::TellsNobody>(
            "claim::attempts_are_observed",
            "tells the observer of none of its calls",
        ),
        with::<foreign::TakesAnySuccess>(
            "cancel::believes_only_the_service",
            "takes a login page for a cancellation",
        ),
        with::<foreign::TakesAnyNotFound>(
            "cancel::believes_only_the_service",
            "takes a gateway's 404 for the end of a request",
        ),
        with::<foreign::ErasesByAnyAnswer>(
            "erase::believes_only_the_service",
            "takes a login page for an erasure",
        ),
        with::<foreign::NotFoundIsCancelled>(
            "state::one_foreign_answer_ends_nothing",
            "concludes from one 404 that a request was called back",
        ),
        with::<foreign::ForgetsTheLink>(
            "submit::a_missing_link_is_said",
            "says nothing of a signer whose link is missing",
        ),
        with::<foreign::PromisesTheLink>(
            "submit::a_missing_link_is_said",
            "promises a link for later and never has it",
        ),
        with::<foreign::HandsOutScripts>(
            "submit::a_missing_link_is_said",
            "hands out javascript: as a signing link",
        ),
        with::<foreign::RefusalIsNotReady>(
            "download::a_refusal_is_told",
            "says of a refused download that it is not ready",
        ),
        with::<incoming::FirstIsDone>(
            "callback::between",
            "takes the first of two signatures for completion",
        ),
        with::<several::SwapsDocuments>("several::each_arrives_as_itself", "mixes two documents up"),
        with::<several::SwapsResults>("several::each_result_is_of_its_document", "gives out the other file"),
        with::<several::ListsTheFirst>("several::each_result_is_of_its_document", "lists one of two results"),
        with::<people::WaitsForCopies>("people::each_role_is_taken", "waits for those who get a copy"),
        with::<people::DropsApprovers>("people::each_role_is_taken", "forgets those who approve"),
        with::<people::MarksAreSignatures>("people::each_mark_arrives", "places signatures for any mark"),
        with::<people::ForgetsLaterLinks>(
            "people::the_link_of_a_later_signer_comes",
            "never gives the link of the second signer",
        ),
        with::<people::SwapsLinks>("people::links_are_the_signers_own", "swaps the links of two signers"),
        with::<people::RemindsTwice>(
            "people::reminders_reach_those_who_are_waited_for",
            "reminds twice for one call",
        ),
        with::<people::RemindsNobody>(
            "people::reminders_reach_those_who_are_waited_for",
            "says that nobody was reminded",
        ),
        with::<people::LostReminderIsSafe>(
            "people::a_lost_reminder_is_not_repeated",
            "says that a lost reminder is safe to repeat",
        ),
        with::<people::FailedLookupIsNotFound>(
            "people::a_failed_lookup_is_no_answer",
            "takes a lookup that failed for nothing found",
        ),
        with::<placing::DropsPlacements>("placement::round_trip", "drops placements without a word"),
        with::<placing::SendsTheFirstPlacement>(
            "placement::every_one",
            "sends only the first of several places",
        ),
        with::<placing::TurnsThePageOver>("placement::round_trip", "measures y from the wrong edge"),
        with::<placing::SwapsAxes>("placement::round_trip", "takes x for y"),
        with::<placing::RoundsToPercents>(
            "placement::round_trip",
            "rounds more than it claims, off the page",
        ),
        with::<placing::RewritesDigits>("placement::native_digits", "rounds native numbers through a float"),
        with::<placing::DropsTheMessage>("claim::wishes_arrive", "drops a message without listing it"),
        with::<placing::DropsTheLanguage>("claim::wishes_arrive", "drops a language without listing it"),
        with::<placing::DropsTheReturnUrl>(
            "claim::wishes_arrive",
            "drops the return address without listing it",
        ),
        with::<placing::DropsTheIdentity>(
            "claim::identity_is_checked",
            "lets anybody sign, and reports it as completed",
        ),
        with::<placing::SignsWhenItLikes>("claim::expiry_is_kept", "forgets the time to sign"),
        with::<placing::KnowsNoClass>(
            "claim::legal_classes_are_taken",
            "claims a legal class that it refuses",
        ),
        with::<placing::SignsGroupsAtOnce>("state::groups_sign_in_order", "lets a later group sign first"),
        with::<sending::PrintsTheUrl>(
            "secrecy::nothing_personal_or_secret_is_printed",
            "prints the URL in an error",
        ),
        with::<sending::TimeoutIsRefusal>("submit::refused_otherwise", "takes 408 for a refusal"),
        with::<sending::SwallowsTheReason>("submit::keeps_the_providers_words", "keeps the reason to itself"),
        with::<sending::RenamesItsState>(
            "handle::reads_earlier_versions",
            "cannot read its own older handles",
        ),
        with::<together::LosesAStatus>("dropped::status", "is spoilt by a dropped status"),
        with::<together::LosesADownload>("dropped::download", "is spoilt by a dropped download"),
        with::<together::LosesACancel>("dropped::cancel", "is spoilt by a dropped cancel"),
        with::<together::LosesALookup>("dropped::resolve", "is spoilt by a dropped lookup"),
        with::<together::LosesAnErase>("dropped::erase", "is spoilt by a dropped erase"),
        with::<together::LosesACallback>("dropped::receive", "is spoilt by a dropped callback"),
        with::<together::LosesTheFirstCall>("dropped::first_call", "waits for a token that nobody fetches"),
        with::<together::FetchesTogether>(
            "concurrency::one_token_at_the_start",
            "fetches as many tokens as calls come",
        ),
        with::<together::BacksOffForEver>("concurrency::nobody_starves", "lets newcomers go first"),
        with::<together::IgnoresItsLimit>("concurrency::rate_limit_is_kept", "sends faster than it claims"),
        with::<together::KeepsTheAddress>("download::an_hour_later", "keeps an address that has expired"),
        with::<together::CancelErases>("cancel::at_completion", "erases a finished document by a cancel"),
        with::<together::ErasesOnPaper>("erase::a_signed_request", "says that it has erased, and has not"),
        with::<together::ErasingIsCancelling>("erase::an_open_request", "calls back instead of erasing"),
        with::<approving::BeginsOnce>("transaction::begins_anew_each_time", "issues the same values again"),
        with::<approving::CompletesTwice>("transaction::completes_once", "takes a return twice"),
        with::<approving::ForgetsTheSession>(
            "transaction::stays_with_its_session",
            "completes in another session",
        ),
        with::<approving::LosesTheReturn>("transaction::connection_refused", "uses up a return for nothing"),
        with::<approving::CallsALostAnswerSafe>(
            "transaction::answer_lost",
            "says that a lost answer is safe to repeat",
        ),
    ]
}

#[test]
fn every_wrong_provider_is_failed_by_the_check_meant_for_it() {
    let mut faults = Vec::new();
    for (check, wrong, wrap) in table() {
        match esign_conformance::verdict(&MemoryHarness::new(wrap), check) {
            Some(Verdict::Failed(_)) => {}
            verdict => faults.push(format!("{wrong}: {check} gives {verdict:?}")),
        }
    }
    assert!(faults.is_empty(), "{} not caught:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn the_right_provider_passes_the_same_checks() {
    let mut checks: Vec<_> = table().into_iter().map(|(check, ..)| check).collect();
    checks.dedup();
    for check in checks {
        let right = match check {
            // The service has no limit of its own.
            "concurrency::rate_limit_is_kept" => with::<together::KeepsItsLimit>(check, "").2,
            // It has documentation for everything.
            "claim::unverified_is_settled_or_says_why" => with::<settling::TriesIt>(check, "").2,
            _ => |provider: MemoryProvider| Arc::new(provider) as Arc<dyn Provider>,
        };
        let right = MemoryHarness::new(right);
        assert_eq!(esign_conformance::verdict(&right, check), Some(Verdict::Passed), "{check}");
    }
}

/// A service that can do little makes relevant what one that can do everything skips.
#[test]
fn a_modest_provider_refuses_what_it_cannot_do() {
    #[derive(Debug, Default)]
    struct Modest;
    impl Defect for Modest {
        fn erases(&self) -> bool {
            false
        }
    }
    let (.., wrap) = with::<Modest>("", "");
    let shape = |caps: &mut Capabilities| {
        caps.cancel = Support::No;
        caps.erase = Support::No;
        caps.expiry.supported = Support::No;
        caps.documents.view_only = Support::No;
        caps.documents.count = Range::of(1, 2);
        caps.signers.count = Range::of(1, 3);
        caps.orders = vec![Order::Parallel];
        caps.deliveries.truncate(1);
        caps.placements.per_signer = Range::of(1, 20);
        caps.placements.decimals = Some(4);
        caps.placements.box_size = BoxSupport::Unknown;
        caps.partial_result = Support::Unknown;
    };
    let relevant = [
        "refusal::delivery",
        "refusal::order",
        "refusal::expiry",
        "refusal::view_only",
        "refusal::cancel",
        "refusal::erase",
        "adapt::changes_what_it_names",
        "limit::document_count",
        "limit::signer_count",
        "limit::placements_of_a_signer",
        "limit::native_decimals",
        "limit::box_size",
    ];
    for check in esign_conformance::names() {
        // The memory service gives out unfinished documents whatever it claims.
        let expected_to_fail = check == "download::partial_only_by_name";
        match esign_conformance::verdict(&MemoryHarness { wrap, shape }, check) {
            Some(Verdict::Passed) => assert!(!expected_to_fail, "{check}"),
            Some(Verdict::Skipped(why)) => assert!(!relevant.contains(&check), "{check}: {why}"),
            verdict => assert!(expected_to_fail, "{check}: {verdict:?}"),
        }
    }
}

/// Wrapping by itself breaks nothing.
#[test]
fn a_wrapper_without_a_defect_passes_everything() {
    #[derive(Debug, Default)]
    struct None;
    impl Defect for None {}
    let (.., wrap) = with::<None>("", "");
    for check in esign_conformance::names() {
        let verdict = esign_conformance::verdict(&MemoryHarness::new(wrap), check);
        assert!(!matches!(verdict, Some(Verdict::Failed(_))), "{check}: {verdict:?}");
    }
}
