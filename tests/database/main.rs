//! One suite over all stores: what the database server does must not depend on where it keeps objects.
//!
//! SQLite and YAML always run. PostgreSQL and MariaDB or MySQL run if `DONET_TEST_POSTGRES_URL` and
//! `DONET_TEST_MYSQL_URL` name a server on which databases may be created; each scenario gets a new one.
//! What ran and what was skipped is printed at the end.
//!
//! `cargo test --test database [-- WORD…]` runs the scenarios whose names (`sqlite::set_if_equals`)
//! contain all the words.

mod daemons;
mod files;
mod harness;
mod looking;
mod migrations;
mod moves;
mod particular;
mod proxy;
mod scenarios;
mod stores;
mod troubles;
mod types;
mod values;

use std::pin::Pin;
use std::process::ExitCode;

use harness::Setup;
use stores::Store;

type Scenario = fn(Setup) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// A scenario, and the stores that it is about.
struct Case {
    name: &'static str,
    stores: &'static [Store],
    scenario: Scenario,
}

macro_rules! scenarios {
    ($($stores:expr => { $($module:ident::$name:ident),* $(,)? })*) => {
        &[$($(Case {
            name: stringify!($name),
            stores: $stores,
            scenario: |setup| Box::pin($module::$name(setup)),
        }),*),*]
    };
}

const SCENARIOS: &[Case] = scenarios![
    Store::ALL => {
    scenarios::create_gives_defaults_and_get_all_sorts,
    scenarios::a_creation_that_is_wrong_creates_nothing,
    scenarios::requests_that_are_cut_short_are_answered,
    scenarios::get_field_and_get_fields,
    scenarios::set_is_announced_and_kept,
    scenarios::a_change_that_is_wrong_changes_nothing,
    scenarios::delete_field_resets_to_the_default,
    scenarios::a_value_without_bytes_is_none,
    scenarios::set_if_equals,
    scenarios::set_fields_if_equals,
    scenarios::set_if_empty,
    scenarios::delete_is_announced_if_there_was_something,
    scenarios::ids_are_given_in_order_until_there_is_none,
    scenarios::an_id_can_be_given_again_at_once,
    scenarios::everything_survives_a_restart,
    scenarios::operations_on_one_object_keep_their_order,
    scenarios::many_creations_at_once_get_different_ids,
    scenarios::nothing_is_announced_if_so_configured,
    scenarios::an_object_larger_than_a_datagram_fails_alone,
    scenarios::the_dc_files_may_be_reordered_and_extended,
    particular::what_was_answered_is_not_begun,
    particular::a_type_that_means_something_else_is_refused,
    values::a_molecular_value_is_a_value,
    values::a_value_that_cannot_be_read_is_left_out_and_kept,
    values::values_of_every_type_come_back,
    moves::objects_move_to_a_file_and_from_there_anywhere,
    moves::an_import_does_not_replace_another_object,
    moves::an_export_that_was_cut_short_is_refused_and_goes_on,
    moves::what_cannot_be_moved_is_named,
    moves::a_store_is_checked_counted_and_shown,
    moves::an_export_can_go_into_a_pipe,
    moves::a_dump_of_mongodb_is_moved,
    moves::ids_that_were_given_are_not_given_again,
    migrations::random_objects_keep_what_they_mean,
    migrations::names_that_change_places_do_so_once,
    migrations::a_way_back_and_forth_can_be_gone_again,
    migrations::a_class_that_is_gone_takes_its_objects_with_it,
    migrations::what_the_old_files_do_not_know_stays,
    migrations::a_molecular_value_goes_along_with_its_parts,
    daemons::what_daemons_with_either_files_have_stored_is_not_lost,
    daemons::files_that_are_the_wrong_way_round_change_nothing,
    daemons::objects_of_a_class_join_those_of_its_new_name,
    }
    Store::SQL => {
        particular::two_servers_share_a_database,
        moves::astrons_tables_are_not_overlooked,
        moves::people_can_read_what_is_stored,
    }
    Store::SERVERS => {
        looking::who_looks_makes_no_tables,
        looking::who_looks_brings_nothing_up_to_date,
        looking::a_cell_that_is_null_costs_only_what_it_is_about,
        looking::what_is_there_twice_is_named,
        looking::tables_without_a_version_are_damage,
        particular::a_lost_connection_is_made_again,
        troubles::tables_of_an_earlier_version_are_brought_up_to_date,
        troubles::sessions_that_were_cut_cost_no_request,
        troubles::sessions_that_were_cut_after_a_pause_cost_no_request,
        troubles::sessions_that_were_dropped_silently_cost_one_short_limit,
        troubles::a_commit_whose_answer_is_lost_is_a_success,
        troubles::a_commit_that_did_not_arrive_is_done_again,
        troubles::a_transaction_that_the_database_keeps_is_ended,
        troubles::a_commit_of_which_nothing_is_known_is_answered_when_it_is,
        troubles::a_commit_that_takes_too_long_is_told_truly,
        troubles::sessions_that_are_ended_while_idle_cost_no_request,
        troubles::a_session_that_is_ended_in_mid_batch_is_replaced,
        troubles::a_session_that_is_ended_at_its_commit_is_told_truly,
        troubles::a_log_in_that_is_refused_for_a_while_is_tried_again,
        troubles::however_a_log_in_is_refused_it_is_waited_for,
    }
    Store::FILES => {
        files::new_files_are_for_their_owner_alone,
        files::a_full_disk_is_a_failure_and_nothing_else,
    }
    &[Store::Sqlite] => {
        files::a_deleted_database_is_put_back,
        files::a_database_deleted_without_its_log_is_put_back,
        files::a_large_database_deleted_without_its_log_is_put_back,
        files::a_deleted_log_of_a_database_takes_nothing_with_it,
        files::a_database_deleted_before_the_end_is_put_back,
        files::a_replaced_database_takes_nothing,
        files::a_database_on_a_full_disk_can_be_looked_at,
        particular::a_cell_of_the_wrong_type_costs_only_what_it_is,
    }
    &[Store::Yaml] => {
        files::a_replaced_directory_takes_nothing,
        files::a_replaced_file_keeps_its_mode_and_owner,
        particular::files_keep_what_cannot_be_read,
        particular::a_broken_file_fails_alone_and_stays,
        particular::a_directory_of_astron_goes_on_where_it_was,
        particular::a_directory_has_one_server,
    }
];

fn main() -> ExitCode {
    let words: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let mut failed = Vec::new();
    let mut summary = Vec::new();
    for store in Store::ALL {
        let scenarios: Vec<_> = SCENARIOS
            .iter()
            .filter(|case| case.stores.contains(store))
            .map(|case| (format!("{store}::{}", case.name), case.scenario))
            .filter(|(name, _)| words.iter().all(|word| name.contains(word)))
            .collect();
        if let Err(why) = store.is_configured() {
            summary.push(format!("{store}: {} skipped ({why})", scenarios.len()));
            continue;
        }
        let count = scenarios.len();
        let failed_before = failed.len();
        for (name, scenario) in scenarios {
            let passed = runtime.block_on(run(*store, scenario));
            println!("{name} ... {}", if passed { "ok" } else { "FAILED" });
            if !passed {
                failed.push(name);
            }
        }
        let passed = count + failed_before - failed.len();
        summary.push(format!("{store}: {passed} of {count} passed"));
    }
    println!("\n{}", summary.join("\n"));
    match failed.is_empty() {
        true => ExitCode::SUCCESS,
        false => {
            println!("failed: {}", failed.join(", "));
            ExitCode::FAILURE
        }
    }
}

async fn run(store: Store, scenario: Scenario) -> bool {
    let place = store.create().await;
    let setup = Setup::new(place.backend.clone());
    let passed = tokio::spawn(scenario(setup)).await.is_ok();
    place.remove().await;
    passed
}
