//! The suite that every storage backend must pass: what the storage contract of `tillsync-hq`
//! promises, one promise a case.
//!
//! A backend's crate runs all of it:
//!
//! ```ignore
//! fn open() -> (TempDir, Box<dyn Storage>) { … } // a new, empty database
//! tillsync_testkit::storage_conformance!(open);
//! ```
//!
//! The list below is the only one; no backend can leave a case out.

pub mod customers;
pub mod databases;
pub mod distribution;
pub mod documents;
pub mod exclusion;
pub mod features;
pub mod inbox;
pub mod items;
pub mod jobs;
pub mod ledger;
pub mod nodes;
pub mod operations;
pub mod operators;
pub mod orders;
pub mod orders_now;
pub mod packages;
pub mod profiles;
pub mod promotion;
pub mod realtime;
pub mod recovery;
pub mod search;
pub mod sequences;
pub mod staff;
pub mod statements;
pub mod transactions;
pub mod validation;

use std::sync::Arc;

use tillsync_hq::storage::Storage;

/// One promise of the contract, checked on an empty database.
pub type Case = fn(&dyn Storage);

/// One promise of headquarters that no case of the contract alone could check.
pub type WholeCase = fn(Arc<dyn Storage>);

macro_rules! cases {
    (
        $d:tt $($module:ident { $($case:ident)+ })+
        ; as a whole: $($whole:ident { $($whole_case:ident)+ })+
    ) => {
        /// Every case with its name.
        pub const CASES: &[(&str, Case)] =
            &[$($((concat!(stringify!($module), "::", stringify!($case)), $module::$case),)+)+];

        /// Every case of headquarters as a whole with its name.
        pub const WHOLE_CASES: &[(&str, WholeCase)] = &[$($(
            (concat!(stringify!($whole), "::", stringify!($whole_case)), $whole::$whole_case),
        )+)+];

        /// Expands to one test per case, each on a database of its own from the named function,
        /// which returns what keeps the database alive and the storage.
        #[macro_export]
        macro_rules! storage_conformance {
            ($d open:ident) => {
                $(mod $module {
                    $(#[test]
                    fn $case() {
                        let (_alive, storage) = super::$d open();
                        $crate::conformance::$module::$case(&*storage);
                    })+
                })+
                $(mod $whole {
                    $(#[test]
                    fn $whole_case() {
                        let (_alive, storage) = super::$d open();
                        $crate::conformance::$whole::$whole_case(storage.into());
                    })+
                })+
            };
        }
    };
}

cases! {$
    transactions {
        work_that_fails_leaves_no_trace
        a_panic_leaves_no_trace_and_the_storage_usable
        a_transaction_reads_its_own_writes
        a_snapshot_does_not_see_later_commits
        threads_that_write_at_once_lose_nothing
        a_fresh_database_is_sound
    }
    databases {
        a_group_is_replaced_with_its_books
        groups_and_databases_are_listed_by_name
        a_database_is_inserted_once
        a_database_of_an_unknown_group_is_refused
        a_credential_opens_until_it_is_replaced_or_revoked
        two_databases_never_share_a_credential
        an_unknown_database_is_refused_not_ignored
        a_default_customer_is_an_account_that_was_given
        a_poll_is_remembered_and_its_pull_never_goes_back
        an_activation_code_remembers_who_redeemed_it
        an_operators_token_is_replaced_by_name
    }
    inbox {
        rows_come_back_word_for_word_in_arrival_order
        a_repeat_changes_nothing
        another_content_under_a_known_id_is_quarantined_once
        a_contradiction_within_one_upload_is_quarantined
        watermarks_count_each_epoch_and_never_go_back
        pending_operations_and_failures_whose_time_has_come_are_due
        named_customers_are_due_whatever_their_next_try
        due_operations_page_by_position
        a_failure_keeps_its_last_error_and_counts_tries
        an_applied_operation_never_becomes_a_failure
        operations_are_listed_by_status_in_pages
        the_history_of_a_customer_ends_with_its_quarantine
        the_inbox_counts_by_status_and_knows_the_oldest
        numbers_that_a_sender_makes_up_survive
        what_is_staged_of_a_customer_is_told_until_it_has_an_account
    }
    promotion {
        a_promotion_writes_everything_at_once
        a_promotion_leaves_failed_and_waiting_operations_alone
        completing_alone_gives_no_version
        a_taken_account_rolls_everything_back
        a_customer_is_never_promoted_twice
        an_address_identity_belongs_to_one_customer
        an_operation_is_completed_once
        an_address_for_an_unknown_customer_is_refused
        a_source_without_an_address_book_is_refused
        a_later_address_moves_its_customer_to_the_new_version
        a_new_primary_address_takes_over
    }
    customers {
        either_key_finds_the_alias_and_the_customer
        look_ups_return_only_what_exists
        customers_are_found_by_name_mail_phone_and_account
        wildcards_in_a_search_are_plain_letters
        a_search_pages_by_account
        customers_are_counted_by_address_book
        the_check_finds_nothing_when_all_is_well
        the_check_finds_a_completed_operation_without_an_account
    }
    sequences {
        a_sequence_is_stored_as_it_stands
        sequences_do_not_mix
    }
    distribution {
        a_package_gets_the_customers_of_its_address_books
        a_customer_in_several_books_comes_once
        rows_come_by_version_and_guid_with_their_addresses
        a_window_of_versions_excludes_its_start_and_includes_its_end
        a_sink_that_fails_stops_the_stream
        the_horizon_is_the_last_version
        row_versions_and_positions_are_kept_apart
        the_session_applied_last_is_remembered_and_a_position_can_be_forgotten
    }
    packages {
        a_package_comes_back_as_it_was_put
        only_an_available_delta_is_found_by_its_number
        the_newest_available_snapshot_is_found
        a_session_is_open_exactly_while_it_holds_up_followers
        open_sessions_come_in_the_order_they_were_made_whatever_the_clock_said
        sessions_are_listed_newest_first_in_pages
        a_version_is_traced_to_the_first_session_that_brought_it
        a_cancelled_delta_brought_nothing
        an_upload_that_arrives_again_is_one_more_try
        an_upload_never_changes_that_of_another_source
        old_packages_are_forgotten_unless_a_session_needs_them
        a_cancelled_session_is_kept_until_its_database_has_applied_a_later_one
        old_uploads_are_forgotten
        stale_packages_are_forgotten_and_needed_ones_stay
        sessions_are_counted_by_status
    }
    jobs {
        a_lease_keeps_others_out_until_it_expires
        a_holder_renews_its_own_lease
        only_the_holder_gives_a_lease_up
        leases_of_different_jobs_do_not_mix
        a_lease_goes_to_one_of_many_at_once
        a_run_is_replaced_by_its_identity
        runs_are_listed_newest_first
        old_runs_are_forgotten_but_running_ones_stay
        schedules_are_replaced_by_job
        pulls_count_up
    }
    nodes {
        a_node_is_replaced_by_its_identity
        nodes_are_listed_in_the_order_of_their_start
        a_node_that_leaves_is_struck_off
        only_nodes_that_were_not_heard_of_are_forgotten
    }
    documents {
        a_transaction_comes_back_word_for_word_with_its_header
        an_order_begins_new_and_a_sale_has_no_order_state
        a_voided_sale_is_validated_as_none
        a_repeated_document_changes_nothing
        another_content_under_a_known_number_is_set_aside_once
        another_number_under_a_known_id_is_set_aside
        a_document_of_an_unknown_kind_is_kept_and_counted
        receipts_are_found_by_number_in_order_of_arrival
        a_shift_follows_its_steps
        a_shift_moves_on_and_never_back
        a_shift_is_known_once_it_was_opened
        shifts_are_listed_by_store_and_status
        a_step_of_a_shift_is_no_transaction
    }
    orders {
        orders_are_due_by_their_status
        due_orders_are_those_of_a_store_in_pages
        an_order_is_stored_as_it_stands
        a_sales_order_belongs_to_one_order_for_ever
        orders_are_listed_by_status_and_hold
    }
    validation {
        transactions_are_due_by_their_validation
        due_transactions_are_those_of_a_store_in_pages
        a_verdict_is_written_down_and_keeps_a_known_account
        a_verdict_comes_too_late_once_a_statement_has_the_transaction
        a_repair_replaces_what_counts_and_validation_begins_anew
        a_transaction_of_a_statement_is_not_repaired
        the_history_of_a_customer_is_found_by_either_key
        transactions_are_listed_by_what_is_asked_for
        transactions_are_counted_by_status
    }
    statements {
        a_statement_is_stored_as_it_stands
        a_posted_statement_never_changes
        statements_are_listed_newest_first
        statements_that_stopped_are_counted
        stores_are_ready_when_a_statement_would_take_something_up
        what_is_posted_is_counted
        a_statement_marks_what_is_ready
        a_statement_marks_closed_shifts
        the_transactions_of_a_statement_come_by_account
        the_transactions_of_a_statements_shifts_come_by_shift
        transactions_are_taken_out_of_a_statement_again
        a_statement_that_is_given_up_frees_what_it_marked
        a_statement_that_posted_cannot_be_given_up
        aggregates_are_replaced_and_listed_in_pages
        sales_are_linked_with_the_voucher_of_their_invoice
        what_is_posted_never_changes
    }
    ledger {
        vouchers_come_back_as_they_were_posted
        a_voucher_that_does_not_balance_is_refused
        a_voucher_number_is_used_once
        a_customer_owes_the_sum_of_its_entries
        the_ledger_is_summed_up_by_store_and_currency
        temporary_ids_are_found_wherever_they_were_posted
        an_order_without_an_account_counts_as_temporary
        the_check_of_postings_finds_nothing_when_all_is_well
        the_check_finds_invoices_that_are_not_the_sales
        the_check_finds_statements_and_transactions_that_disagree
    }
    items {
        items_come_back_as_they_were_put
        items_are_found_by_number_and_name
        only_what_changes_gets_a_new_version
        products_are_streamed_by_version_and_number
        a_price_finer_than_its_currency_is_refused
        a_currency_is_sold_where_an_active_item_has_a_price
        parameters_are_replaced_as_a_whole
    }
    exclusion {
        every_change_of_a_lever_is_kept
        offline_profiles_come_back_as_they_were_put
        registers_have_the_profile_they_were_given_or_the_default
        an_unknown_offline_profile_or_register_is_refused
        renewed_offline_profiles_are_newer_than_everything_before
        packages_of_each_audience_are_kept_apart
        a_position_says_of_whose_packages_it_is
    }
    staff {
        staff_come_back_as_they_were_put_and_in_order
        a_row_that_is_sent_is_that_of_the_books_asked_for
        whoever_is_out_of_a_book_or_blocked_is_sent_without_name_and_pin
        staff_that_are_renewed_are_sent_again
        the_revoked_registers_of_a_channel_are_its_own
    }
    features {
        features_come_back_as_they_were_put
        only_a_feature_that_changes_gets_a_version
        renewed_features_are_newer_than_everything_before
    }
    profiles {
        profiles_come_back_as_they_were_put
        only_a_profile_that_changes_gets_a_version
        channels_have_the_profile_they_were_given_or_the_default
        profiles_are_selected_by_group_and_version
        an_unknown_profile_or_channel_is_refused
        renewed_profiles_are_newer_than_everything_before
    }
    recovery {
        the_latest_recovery_is_found_and_ends
        databases_of_a_recovery_are_kept_apart
        a_promise_is_made_once_and_kept_by_an_account
        a_conflict_stays_until_it_is_settled
        a_customer_is_visible_through_its_address_books
        what_is_renewed_is_newer_than_everything_before
    }
    operations {
        an_operation_is_found_by_its_id
        operations_are_selected_by_what_their_rows_say
        customers_and_creations_are_read_by_guid
        a_repair_stands_beside_what_was_sent_and_makes_it_due
        what_is_completed_or_unknown_is_never_repaired
        the_log_of_operations_keeps_every_line_in_order
    }
    ; as a whole:
    realtime {
        a_call_gives_an_account_and_answers_as_the_job_would_send
        a_repeated_call_has_the_same_answer
        an_upload_after_a_call_is_a_repeat
        a_call_after_an_upload_finds_the_customer
        calls_and_uploads_at_once_give_one_account
        two_calls_for_one_customer_cannot_both_succeed
        what_breaks_a_rule_is_refused_and_leaves_nothing
        an_exhausted_sequence_leaves_nothing
        a_sequence_in_blocks_serves_calls
        a_recovering_headquarters_creates_nobody
        a_channel_calls_for_itself_and_its_registers
        a_call_moves_no_watermark
    }
    orders_now {
        a_call_gives_a_sales_order_and_the_customer_its_account
        a_repeated_order_has_the_same_answer
        an_upload_of_the_order_after_its_call_is_a_repeat
        a_call_for_an_order_that_was_uploaded_finds_it
        calls_and_uploads_of_an_order_at_once_give_one_sales_order
        an_order_of_somebody_unknown_is_refused_and_leaves_nothing
        an_order_that_is_not_usable_is_refused_and_leaves_nothing
        what_is_no_part_of_an_order_is_refused_and_leaves_nothing
        an_order_without_a_number_left_leaves_nothing
        a_recovering_headquarters_takes_no_new_order_and_refuses_none
    }
    operators {
        a_failed_operation_is_found_repaired_and_completed
        a_repair_that_breaks_a_rule_is_refused_by_field
        a_repair_can_be_repeated_and_followed_until_it_is_completed
        repairs_while_the_job_runs_are_applied_or_refused
        failures_stand_in_the_log_once_each
        operations_are_found_by_what_is_known_of_the_customer
        a_list_of_operations_says_that_there_is_more
    }
    search {
        customers_of_all_stores_are_found_by_words_phone_mail_and_keys
        a_search_sees_whoever_was_promoted_before_it
        a_search_goes_through_many_batches_first
        a_keyword_that_says_too_little_is_refused
        a_keyword_with_a_control_character_is_refused
        a_search_of_all_stores_is_paged
        a_customer_is_taken_into_a_store_once
    }
}

/// Adds a group `G1` with address book `north` and the channels `S1` and `S2` in it.
pub(crate) fn add_channels(storage: &dyn Storage) {
    databases::add_group(storage, "G1", &["north"]);
    for name in ["S1", "S2"] {
        databases::add_channel(storage, name, "G1");
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_case_is_listed_twice() {
        let all = || CASES.iter().map(|(name, _)| name).chain(WHOLE_CASES.iter().map(|it| &it.0));
        let names: HashSet<_> = all().collect();
        println!("{} cases", names.len());
        assert_eq!(names.len(), all().count());
    }
}
