//! After a gap: objects without which a client is put out.

use super::*;

const SERVER: Channel = Channel(4000);

/// A client whose session object is 50.
fn tied() -> (Agent, TestClient) {
    let (mut agent, client) = seeing();
    agent.cluster(client.channel, &ClientAgent::AddSessionObject { do_id: DoId(50) });
    (agent, client)
}

#[test]
fn a_session_object_that_is_not_found_ends_the_session_some_seconds_later_and_says_why() {
    let (mut agent, client) = tied();
    agent.lost(SERVER);
    agent.let_pass(5000);
    agent.expect_told(client, &[leaving(51), leaving(52)]);
    agent.let_pass(900);
    assert!(agent.is_open(client));
    agent.routed();
    agent.pass(100);
    let text = agent.expect_ejected(client, EjectReason::SessionObjectDeleted);
    assert!(text.contains("50 was not found after a gap"), "{text}");
    // It may come back, and is nobody's then.
    let deletion = (vec![Channel(50)], client.channel, encode(&deleting(50)));
    assert!(agent.routed().contains(&deletion));
}

#[test]
fn a_session_object_that_is_back_in_time_keeps_the_session() {
    let (mut agent, client) = tied();
    agent.lost(SERVER);
    agent.let_pass(5500);
    agent.told(client);
    agent.back(SERVER);
    let asked = agent.let_pass(100);
    let query = zones_of(&asked, ZONE.parent, &[6, 7]);
    agent.count(query, 1);
    agent.found(query, avatar(50, ZONE));
    agent.let_pass(10_000);
    agent.expect_told(client, &usual(50));
    assert!(agent.is_open(client));
}

#[test]
fn a_session_object_whose_server_is_back_at_the_last_moment_has_a_moment_more_and_no_more() {
    for answers in [true, false] {
        let (mut agent, client) = tied();
        agent.lost(SERVER);
        agent.let_pass(5900);
        agent.told(client);
        agent.back(SERVER);
        let asked = agent.let_pass(400);
        assert!(agent.is_open(client));
        let query = zones_of(&asked, ZONE.parent, &[6, 7]);
        if answers {
            agent.count(query, 1);
            agent.found(query, avatar(50, ZONE));
        }
        agent.pass(300);
        assert_eq!(agent.is_open(client), answers);
    }
}

#[test]
fn a_session_object_that_has_moved_away_meanwhile_ends_the_session() {
    let (mut agent, client) = tied();
    agent.lost(SERVER);
    agent.let_pass(5000);
    agent.told(client);
    let (context, do_id) = (Context(77), DoId(50));
    agent.answer(&StateServer::ObjectGetLocationResp { context, do_id, location: ELSEWHERE });
    let text = agent.expect_ejected(client, EjectReason::SessionObjectDeleted);
    assert!(!text.contains("not found"), "{text}");
}

#[test]
fn a_session_object_that_was_made_anew_for_another_ends_the_session() {
    let (mut agent, client) = seeing();
    agent.own(client, 60, ELSEWHERE);
    agent.cluster(client.channel, &ClientAgent::AddSessionObject { do_id: DoId(60) });
    agent.lost(SERVER);
    agent.let_pass(5000);
    agent.told(client);
    agent.routed();
    let (context, do_id) = (Context(77), DoId(60));
    agent.answer(&StateServer::ObjectGetLocationResp { context, do_id, location: ELSEWHERE });
    let asked = agent.asked();
    let [Asked { to, context, what: What::Owner }] = asked[..] else { panic!("{asked:?}") };
    assert_eq!(to, do_id.channel());
    let owner = AI;
    agent.answer(&StateServer::ObjectGetOwnerResp { context, do_id, owner });
    agent.expect_ejected(client, EjectReason::SessionObjectDeleted);
}
