//! What a network, or whoever looks after a database, can do to its connections.

use std::time::Duration;

use donet::config::BackendConfig;
use donet::ids::{Context, DoId};
use donet::message::Database;

use crate::harness::{Cluster, Setup};
use crate::proxy::{Door, Mode, Proxy};
use crate::stores::{
    End, Lock, disconnect_all, end_waiting, execute_beside, execute_in, refusals, with_login,
};

/// Sessions of a server with many.
const MANY: u32 = 32;
/// Less than it takes if each of many sessions is found dead by itself.
const SHORT_TIMEOUT_MS: u64 = 3_000;
/// Longer than a session is trusted without a test.
const IDLE: Duration = Duration::from_millis(1_100);

/// A server over a proxy, with this many sessions that are idle, and objects to work on.
async fn with_idle_sessions(setup: &Setup, sessions: u32) -> (Proxy, Cluster, Vec<DoId>) {
    let (proxy, mut backend) = Proxy::new(&setup.backend).await;
    match &mut backend {
        BackendConfig::Postgres { pool_max, .. } | BackendConfig::MySql { pool_max, .. } => {
            *pool_max = sessions;
        }
        other => panic!("{other:?} has no sessions"),
    }
    let range = (1_000_000, 1_000_000 + 2 * sessions);
    let timeout_ms = SHORT_TIMEOUT_MS;
    let setup = Setup { backend, range, timeout_ms, ..setup.clone() };
    let mut cluster = Cluster::start(&setup).await;
    let mut ids = Vec::new();
    for _ in 0..sessions {
        ids.push(cluster.create("Person", &[("Person.coins", "0")]).await);
    }
    // Without one that is there, and while nothing is answered, each request makes another session.
    proxy.cut();
    proxy.set(Mode::Hold);
    let before = proxy.accepted();
    let field = cluster.field("Person.coins");
    let get = |cluster: &mut Cluster, do_id| {
        let context = cluster.context();
        cluster.send(&Database::ObjectGetField { context, do_id, field });
    };
    for (count, do_id) in ids.iter().enumerate() {
        get(&mut cluster, *do_id);
        proxy.wait_accepted(before + count + 1).await;
    }
    proxy.set(Mode::Forward);
    for _ in &ids {
        cluster.receive().await;
    }
    (proxy, cluster, ids)
}

async fn set_and_see(cluster: &mut Cluster, ids: &[DoId], coins: &str) {
    for do_id in ids {
        cluster.set(*do_id, "Person.coins", coins);
        cluster.expect_set(*do_id, "Person.coins", coins).await;
    }
}

pub async fn sessions_that_were_cut_cost_no_request(setup: Setup) {
    let (proxy, mut cluster, ids) = with_idle_sessions(&setup, MANY).await;
    proxy.cut();
    set_and_see(&mut cluster, &ids[..3], "1").await;
    cluster.stop().await;
}

pub async fn sessions_that_were_cut_after_a_pause_cost_no_request(setup: Setup) {
    let (proxy, mut cluster, ids) = with_idle_sessions(&setup, MANY).await;
    proxy.cut();
    tokio::time::sleep(IDLE).await;
    let before = proxy.accepted();
    set_and_see(&mut cluster, &ids[..3], "1").await;
    assert_eq!(proxy.accepted(), before + 1, "one new session serves all of them");
    cluster.stop().await;
}

pub async fn sessions_that_were_dropped_silently_cost_one_short_limit(setup: Setup) {
    let (proxy, mut cluster, ids) = with_idle_sessions(&setup, MANY).await;
    tokio::time::sleep(IDLE).await;
    proxy.drop_silently();
    set_and_see(&mut cluster, &ids[..3], "1").await;
    cluster.stop().await;
}

/// A server over a proxy with one session, and an object.
async fn with_object(setup: &Setup, timeout_ms: u64) -> (Proxy, Cluster, DoId) {
    let (proxy, backend) = Proxy::new(&setup.backend).await;
    let setup = Setup { backend, timeout_ms, ..setup.clone() };
    let mut cluster = Cluster::start(&setup).await;
    let do_id = cluster.create("Person", &[("Person.coins", "1")]).await;
    (proxy, cluster, do_id)
}

/// Every kind of change succeeds exactly once, whatever happens to the answer of its commit.
async fn changes_are_told_truly(setup: Setup, mode: Mode) {
    let (proxy, mut cluster, do_id) = with_object(&setup, 30_000).await;
    let mut hits = 0;
    let mut next_commit = |proxy: &Proxy| {
        hits += 1;
        proxy.set(mode);
    };

    next_commit(&proxy);
    cluster.set(do_id, "Person.coins", "2");
    cluster.expect_set(do_id, "Person.coins", "2").await;

    // Done a second time, it would not find the old value.
    next_commit(&proxy);
    change_and_see(&mut cluster, do_id, 2).await;

    next_commit(&proxy);
    let created = cluster.create("Person", &[("Person.coins", "7")]).await;
    assert!(created.is_some(), "its creation was not answered with failure");
    cluster.expect_field(created, "Person.coins", Some("7")).await;

    next_commit(&proxy);
    cluster.send(&Database::ObjectDelete { do_id: created });
    cluster.expect_broadcast(created, &Database::ObjectDelete { do_id: created }).await;
    cluster.expect_no_object(created).await;
    proxy.wait_hit(hits).await;

    // The connection may have been lost, but nothing is left locked.
    cluster.set(do_id, "Person.coins", "4");
    cluster.expect_set(do_id, "Person.coins", "4").await;
    cluster.stop().await;
}

pub async fn a_commit_whose_answer_is_lost_is_a_success(setup: Setup) {
    changes_are_told_truly(setup, Mode::CutAfterCommit).await;
}

pub async fn a_commit_that_did_not_arrive_is_done_again(setup: Setup) {
    changes_are_told_truly(setup, Mode::CutBeforeCommit).await;
}

pub async fn a_transaction_that_the_database_keeps_is_ended(setup: Setup) {
    changes_are_told_truly(setup, Mode::LoseBeforeCommit).await;
}

/// Nobody is told anything about a commit before it is known, however long that takes.
pub async fn a_commit_of_which_nothing_is_known_is_answered_when_it_is(setup: Setup) {
    let (proxy, mut cluster, do_id) = with_object(&setup, 500).await;
    let values = [("Person.coins", "9")];
    for (mode, is_stored) in [(Mode::CutAfterCommit, true), (Mode::CutBeforeCommit, false)] {
        let hits = proxy.hits();
        let objects = objects_in(&setup.backend).await;
        proxy.set_door(Door::Closed);
        proxy.set(mode);
        let creation = cluster.send_creation("Person", &values);
        proxy.wait_hit(hits + 1).await;
        // What was asked later has failed already.
        cluster.expect_field(do_id, "Person.coins", None).await;
        proxy.set_door(Door::Open);
        let created = cluster.expect_created(creation).await;
        assert_eq!(created.is_some(), is_stored, "{mode:?}");
        // What was answered with failure is never done.
        cluster.expect_field(do_id, "Person.coins", Some("1")).await;
        assert_eq!(objects_in(&setup.backend).await, objects + i64::from(is_stored));
    }
    cluster.stop().await;
}

/// While a commit is under way its time does not run out.
pub async fn a_commit_that_takes_too_long_is_told_truly(setup: Setup) {
    let (proxy, mut cluster, do_id) = with_object(&setup, 500).await;
    proxy.set(Mode::HoldCommit);
    let creation = cluster.send_creation("Person", &[]);
    proxy.wait_hit(1).await;
    // What is asked later, and waits for an object that is locked, fails earlier.
    let lock = Lock::new(&setup.backend, do_id).await;
    cluster.change_if_equals(do_id, "1", "2");
    assert!(!cluster.receive().await.ends_with(&[1]), "it has failed");
    lock.release().await;
    proxy.release();
    assert!(cluster.expect_created(creation).await.is_some());
    cluster.expect_field(do_id, "Person.coins", Some("1")).await;
    cluster.stop().await;
}

/// A change that succeeds if and only if it is done exactly once.
async fn change_and_see(cluster: &mut Cluster, do_id: DoId, from: u32) {
    let context = cluster.change_if_equals(do_id, &from.to_string(), &(from + 1).to_string());
    expect_change(cluster, context, do_id, from + 1).await;
}

async fn expect_change(cluster: &mut Cluster, context: Context, do_id: DoId, to: u32) {
    let is_answer = |frame: &[u8]| frame.ends_with(&[&context.0.to_le_bytes()[..], &[1]].concat());
    cluster.expect_in_any_order(is_answer, do_id, "Person.coins", &to.to_string()).await;
}

pub async fn sessions_that_are_ended_while_idle_cost_no_request(setup: Setup) {
    let (_proxy, mut cluster, ids) = with_idle_sessions(&setup, MANY).await;
    disconnect_all(&setup.backend).await;
    set_and_see(&mut cluster, &ids[..3], "1").await;
    disconnect_all(&setup.backend).await;
    tokio::time::sleep(IDLE).await;
    set_and_see(&mut cluster, &ids[..3], "2").await;
    cluster.stop().await;
}

/// The session, or only its statement, is ended while it waits for an object that somebody has locked.
pub async fn a_session_that_is_ended_in_mid_batch_is_replaced(setup: Setup) {
    let mut cluster = Cluster::start(&setup).await;
    let do_id = cluster.create("Person", &[("Person.coins", "1")]).await;
    for (from, end) in [(1, End::Session), (2, End::Statement)] {
        let lock = Lock::new(&setup.backend, do_id).await;
        let to = from + 1;
        let context = cluster.change_if_equals(do_id, &from.to_string(), &to.to_string());
        end_waiting(&setup.backend, end).await;
        lock.release().await;
        expect_change(&mut cluster, context, do_id, to).await;
    }
    cluster.expect_field(do_id, "Person.coins", Some("3")).await;
    cluster.stop().await;
}

pub async fn a_session_that_is_ended_at_its_commit_is_told_truly(setup: Setup) {
    const RACES: u32 = 10;
    let (proxy, mut cluster, do_id) = with_object(&setup, 30_000).await;
    for from in 1..=RACES {
        proxy.set(Mode::HoldCommit);
        let hits = proxy.hits();
        let (old, new) = (from.to_string(), (from + 1).to_string());
        let context = cluster.change_if_equals(do_id, &old, &new);
        proxy.wait_hit(hits + 1).await;
        let end = disconnect_all(&setup.backend);
        if from == 1 {
            end.await;
            proxy.release();
        } else {
            // Either may come first.
            tokio::join!(end, async { proxy.release() });
        }
        expect_change(&mut cluster, context, do_id, from + 1).await;
    }
    cluster.stop().await;
}

async fn objects_in(backend: &BackendConfig) -> i64 {
    crate::stores::number_in(backend, "SELECT count(*) FROM donet_object").await
}

pub async fn a_log_in_that_is_refused_for_a_while_is_tried_again(setup: Setup) {
    let user = format!("donet_user_{}", std::process::id());
    let (backend, [create, refuse, accept, remove]) = with_login(&setup.backend, &user);
    execute_in(&setup.backend, &create).await;
    let setup_of_user = Setup { backend, timeout_ms: 1_000, ..setup.clone() };
    let mut cluster = Cluster::start(&setup_of_user).await;
    let do_id = cluster.create("Person", &[("Person.coins", "1")]).await;
    execute_in(&setup.backend, &refuse).await;
    disconnect_all(&setup.backend).await;
    cluster.expect_field(do_id, "Person.coins", None).await;
    execute_in(&setup.backend, &accept).await;
    set_and_see(&mut cluster, &[do_id], "2").await;
    cluster.stop().await;
    execute_in(&setup.backend, &remove).await;
}

pub async fn however_a_log_in_is_refused_it_is_waited_for(setup: Setup) {
    let user = format!("donet_visitor_{}", std::process::id());
    let (backend, [create, .., remove]) = with_login(&setup.backend, &user);
    execute_in(&setup.backend, &create).await;
    let setup_of_user = Setup { backend, timeout_ms: 20_000, ..setup.clone() };
    let mut cluster = Cluster::start(&setup_of_user).await;
    let do_id = cluster.create("Person", &[("Person.coins", "1")]).await;
    for [refuse, end, accept] in refusals(&setup.backend, &user) {
        execute_beside(&setup.backend, &refuse).await;
        execute_beside(&setup.backend, &end).await;
        // Nobody says when it has been tried. If it is accepted before, nothing is shown, and nothing is wrong.
        let accepted = async {
            tokio::time::sleep(Duration::from_millis(400)).await;
            execute_beside(&setup.backend, &accept).await;
        };
        tokio::join!(cluster.expect_field(do_id, "Person.coins", Some("1")), accepted);
        cluster.stop().await;
        execute_beside(&setup.backend, &refuse).await;
        let accepted = async {
            tokio::time::sleep(Duration::from_millis(400)).await;
            execute_beside(&setup.backend, &accept).await;
        };
        (cluster, ()) = tokio::join!(Cluster::start(&setup_of_user), accepted);
    }
    cluster.stop().await;
    execute_in(&setup.backend, &remove).await;
}

pub async fn tables_of_an_earlier_version_are_brought_up_to_date(setup: Setup) {
    let mut cluster = Cluster::start(&setup).await;
    let do_id = cluster.create("Person", &[("Person.coins", "1")]).await;
    cluster.stop().await;
    let back = match &setup.backend {
        BackendConfig::MySql { .. } => "DELETE FROM donet_schema WHERE version > 1",
        _ => "UPDATE donet_schema SET version = 1",
    };
    execute_in(&setup.backend, &format!("DROP TABLE donet_commit; {back}")).await;
    let cluster = Cluster::start(&setup).await;
    // One that was killed long ago has left a row.
    execute_in(&setup.backend, "INSERT INTO donet_commit VALUES (1, 5, 10000)").await;
    cluster.stop().await;
    let mut cluster = Cluster::start(&setup).await;
    cluster.expect_field(do_id, "Person.coins", Some("1")).await;
    set_and_see(&mut cluster, &[do_id], "2").await;
    cluster.stop().await;
    // Whoever ends in good order leaves no rows behind.
    let rows = crate::stores::number_in(&setup.backend, "SELECT count(*) FROM donet_commit").await;
    assert_eq!(rows, 0);
}
