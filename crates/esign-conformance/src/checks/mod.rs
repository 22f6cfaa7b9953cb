//! The promises, by what they are about.

mod adapt;
mod callback;
mod cancel;
mod claim;
mod concurrency;
mod documented;
mod download;
mod dropped;
mod erase;
mod handle;
mod limit;
mod people;
mod placement;
mod refusal;
mod secrecy;
mod several;
mod state;
mod submit;
mod transaction;

use crate::check::Check;

macro_rules! checks {
    ($($module:ident: $($name:ident),+ $(,)?;)+) => {
        vec![$($(Check {
            name: concat!(stringify!($module), "::", stringify!($name)),
            look: |world| Box::pin($module::$name(world)),
        }),+),+]
    };
}

/// Every check, in the order in which a reader wants to know.
pub(crate) fn all() -> Vec<Check> {
    checks! {
        claim: groups_are_there, capabilities_are_stable, build_sends_nothing, attempts_are_observed, wishes_arrive, legal_classes_are_taken,
            expiry_is_kept, unverified_is_settled_or_says_why,
            identity_is_checked;
        documented: errors_of_submit, personal_data;
        refusal: delivery, order, message, language, return_url, expiry, identity, legal_class, media_type, view_only,
            anchor, form_field, foreign_native_placement, unregistered_options, cancel, erase;
        adapt: changes_what_it_names;
        limit: document_name, document_name_characters, document_bytes, document_count, signer_count, signers_of_a_delivery,
            message_length, expiry, placements_of_a_signer, native_decimals, box_size;
        placement: round_trip, every_one, native_digits;
        submit: record_is_true, sends_the_document_unchanged, tells_each_signer_what_to_do, a_missing_link_is_said, connection_refused, answer_lost,
            rate_limited, rate_limited_for_a_time, refused_as_bad, refused_as_unauthenticated,
            refused_otherwise, keeps_the_providers_words, failed_after_effect,
            answered_with_garbage, future_dropped;
        handle: survives_storage, follows_an_alias, stays_with_its_instance, stays_at_its_address, key_is_stable,
            holds_no_personal_data, reads_earlier_versions;
        state: pending_at_first, in_progress_between, completed_at_last, declined, left_alone, expired, cancelled,
            unknown_word, unknown_members, never_moves_back, reading_survives_faults, one_foreign_answer_ends_nothing, signers_sign_in_order,
            groups_sign_in_order;
        download: equals_what_was_sent, not_ready_before_the_end, partial_only_by_name, whatever_is_listed,
            what_never_existed, truncated, survives_faults, a_refusal_is_told, an_hour_later,
            gone_after_its_time;
        cancel: ends_the_request, twice, after_completion, at_completion, believes_only_the_service, survives_faults;
        erase: an_open_request, a_signed_request, believes_only_the_service;
        people: each_role_is_taken, each_mark_arrives, the_link_of_a_later_signer_comes, links_are_the_signers_own,
            reminders_reach_those_who_are_waited_for, a_lost_reminder_is_not_repeated, a_failed_lookup_is_no_answer;
        several: each_arrives_as_itself, each_result_is_of_its_document;
        dropped: status, download, cancel, erase, resolve, receive, first_call;
        callback: genuine, forged, replayed, early, between, late, several_in_one;
        concurrency: one_token_serves_all, one_token_at_the_start, rate_limit_is_kept, nobody_starves;
        secrecy: nothing_personal_or_secret_is_printed;
        transaction: begins_anew_each_time, refuses_an_empty_text, completes_once, each_begin_stays_open,
            stays_with_its_session, believes_only_what_was_issued, ends_with_time, completes_once_at_a_time,
            connection_refused, answer_lost, prints_nothing_personal_or_secret;
    }
}
