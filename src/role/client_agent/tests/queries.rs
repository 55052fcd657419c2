//! What happens while the cluster has not answered yet.

use super::*;

const ZONE: Location = Location::new(DoId(5), ZoneId(6));
const NEXT: Location = Location::new(DoId(5), ZoneId(7));
const ELSEWHERE: Location = Location::new(DoId(5), ZoneId(99));

fn asking() -> (Agent, TestClient, Context) {
    let mut agent = Agent::new();
    let client = agent.established();
    agent.send(client, &add_interest(1, 1, ZONE));
    let query = agent.query(client.channel, ZONE.parent, &[ZONE.zone.0]);
    (agent, client, query)
}

#[test]
fn found_objects_then_done_then_what_happened_meanwhile() {
    let (mut agent, client, query) = asking();
    agent.answer_count(client, query, 2);
    agent.answer_object(client, query, avatar(50, ZONE));
    agent.cluster(ZONE.channel(), &set_field(50, "level", b"\x01"));
    agent.cluster(ZONE.channel(), &entering(51, ZONE));
    agent.cluster(ZONE.channel(), &set_field(51, "level", b"\x02"));
    agent.cluster(ZONE.channel(), &changing(50, ZONE, NEXT));
    agent.expect_told(client, &[]);
    agent.answer_object(client, query, avatar(52, ZONE));
    agent.expect_told(
        client,
        &[
            enter(50, ZONE),
            enter(52, ZONE),
            done(1, 1),
            client_sets(50, "level", b"\x01"),
            enter(51, ZONE),
            client_sets(51, "level", b"\x02"),
            moved(50, ZONE),
        ],
    );
    agent.cluster(ZONE.channel(), &set_field(51, "level", b"\x03"));
    agent.expect_told(client, &[client_sets(51, "level", b"\x03")]);
}

#[test]
fn objects_may_come_before_their_number() {
    let (mut agent, client, query) = asking();
    agent.answer_object(client, query, avatar(50, ZONE));
    agent.expect_told(client, &[]);
    agent.answer_count(client, query, 1);
    agent.expect_told(client, &[enter(50, ZONE), done(1, 1)]);
    // The query is over.
    agent.answer_count(client, query, 1);
    agent.answer_object(client, query, avatar(51, ZONE));
    agent.expect_told(client, &[]);
}

#[test]
fn an_object_that_came_before_the_answer_that_has_it() {
    let (mut agent, client, query) = asking();
    agent.cluster(client.channel, &entering(50, ZONE));
    agent.cluster(ZONE.channel(), &set_field(50, "level", b"\x01"));
    agent.answer_count(client, query, 1);
    agent.expect_told(client, &[]);
    let object = ObjectState { values: Rest(b"newer"), ..avatar(50, ZONE) };
    agent.answer_object(client, query, object);
    agent.expect_told(
        client,
        &[Client::EnterObjectRequired { object }, done(1, 1), client_sets(50, "level", b"\x01")],
    );
}

#[test]
fn an_object_that_is_gone_before_the_answer_is_complete_leaves_after_it() {
    for message in [deleting(50), changing(50, ELSEWHERE, ZONE)] {
        let (mut agent, client, query) = asking();
        agent.answer_count(client, query, 2);
        agent.answer_object(client, query, avatar(50, ZONE));
        agent.cluster(ZONE.channel(), &set_field(50, "level", b"\x01"));
        agent.cluster(ZONE.channel(), &message);
        agent.cluster(ZONE.channel(), &set_field(50, "level", b"\x02"));
        agent.answer_object(client, query, avatar(51, ZONE));
        let update = client_sets(50, "level", b"\x01");
        agent.expect_told(
            client,
            &[enter(50, ZONE), enter(51, ZONE), done(1, 1), update, leaving(50)],
        );
        // When it comes back, that is another stay.
        agent.cluster(ZONE.channel(), &entering(50, ZONE));
        agent.expect_told(client, &[enter(50, ZONE)]);
    }
}

#[test]
fn an_object_that_goes_and_comes_back_meanwhile() {
    let (mut agent, client, query) = asking();
    agent.answer_count(client, query, 2);
    agent.answer_object(client, query, avatar(50, ZONE));
    agent.cluster(ZONE.channel(), &set_field(50, "level", b"\x01"));
    agent.cluster(ZONE.channel(), &deleting(50));
    agent.cluster(ZONE.channel(), &entering(50, ZONE));
    agent.cluster(ZONE.channel(), &set_field(50, "level", b"\x02"));
    agent.answer_object(client, query, avatar(51, ZONE));
    let [first, second] = [b"\x01", b"\x02"].map(|level| client_sets(50, "level", level));
    agent.expect_told(
        client,
        &[
            enter(50, ZONE),
            enter(51, ZONE),
            done(1, 1),
            first,
            leaving(50),
            enter(50, ZONE),
            second,
        ],
    );
}

#[test]
fn a_stay_that_ended_in_one_query_and_another_that_began_in_the_next() {
    let (mut agent, client, first) = asking();
    agent.send(client, &add_interest(2, 2, NEXT));
    let second = agent.query(client.channel, NEXT.parent, &[7]);
    agent.cluster(ZONE.channel(), &entering(50, ZONE));
    agent.cluster(ZONE.channel(), &changing(50, ELSEWHERE, ZONE));
    agent.cluster(NEXT.channel(), &entering(50, NEXT));
    agent.answer_count(client, second, 0);
    agent.expect_told(client, &[done(2, 2), enter(50, NEXT)]);
    agent.answer_count(client, first, 0);
    agent.expect_told(client, &[done(1, 1)]);
}

#[test]
fn an_owner_hears_of_its_object_at_once() {
    let (mut agent, client, query) = asking();
    agent.own(client, 50, ZONE);
    agent.own(client, 51, ZONE);
    agent.answer_object(client, query, avatar(50, ZONE));
    agent.answer_object(client, query, avatar(51, ZONE));
    let updates = [client_sets(51, "level", b"\x01"), client_sets(51, "health", b"\x02")];
    agent.cluster(client.channel, &set_field(51, "level", b"\x01"));
    agent.cluster(client.channel, &set_field(51, "health", b"\x02"));
    agent.expect_told(client, &updates);
    agent.cluster(client.channel, &deleting(50));
    agent.expect_told(client, &[Client::ObjectLeavingOwner { do_id: DoId(50) }]);
    agent.answer_count(client, query, 2);
    // What it sees now was taken before the update, so the state among it is told again.
    let [_, state] = updates;
    agent.expect_told(client, &[enter(51, ZONE), done(1, 1), state]);
}

#[test]
fn after_the_time_the_client_gets_what_has_come() {
    let (mut agent, client, query) = asking();
    agent.answer_count(client, query, 2);
    agent.answer_object(client, query, avatar(50, ZONE));
    agent.pass(499);
    agent.expect_told(client, &[]);
    agent.pass(1);
    agent.expect_told(client, &[enter(50, ZONE), done(1, 1)]);

    let (mut agent, client, _) = asking();
    agent.pass(500);
    agent.expect_told(client, &[done(1, 1)]);
}

#[test]
fn what_comes_after_the_time_enters_as_it_comes() {
    let (mut agent, client, query) = asking();
    agent.pass(500);
    agent.expect_told(client, &[done(1, 1)]);
    agent.answer_count(client, query, 2);
    agent.answer_object(client, query, avatar(50, ZONE));
    agent.expect_told(client, &[enter(50, ZONE)]);
    // Nobody has to wait for it.
    agent.send(client, &add_interest(2, 2, ZONE));
    agent.expect_told(client, &[done(2, 2)]);
    // But not into a zone that has been closed meanwhile, whether or not it is open again.
    agent.send(client, &remove_interest(3, 1));
    agent.send(client, &remove_interest(4, 2));
    agent.expect_told(client, &[done(3, 1), leaving(50), done(4, 2)]);
    agent.answer_object(client, query, avatar(51, ZONE));
    agent.send(client, &add_interest(5, 1, ZONE));
    agent.answer_object(client, query, avatar(52, ZONE));
    agent.expect_told(client, &[]);
}

#[test]
fn the_time_is_extended_while_answers_keep_coming() {
    let (mut agent, client, query) = asking();
    agent.answer_count(client, query, 100);
    for do_id in 100..110 {
        agent.pass(300);
        agent.answer_object(client, query, avatar(do_id, ZONE));
        agent.expect_told(client, &[]);
    }
    agent.pass(499);
    agent.expect_told(client, &[]);
    agent.pass(1);
    assert_eq!(agent.told(client).len(), 11);
}

#[test]
fn a_query_behind_others_is_not_given_up_before_they_are_answered() {
    let (mut agent, first, query) = asking();
    let second = agent.established();
    agent.send(second, &add_interest(2, 2, NEXT));
    let behind = agent.query(second.channel, NEXT.parent, &[NEXT.zone.0]);
    agent.answer_count(first, query, 100);
    // Its number may be known already.
    agent.answer_count(second, behind, 1);
    for do_id in 100..104 {
        agent.pass(400);
        agent.answer_object(first, query, avatar(do_id, ZONE));
    }
    agent.expect_told(second, &[]);
    agent.answer_object(second, behind, avatar(50, NEXT));
    agent.expect_told(second, &[enter(50, NEXT), done(2, 2)]);

    // But not for ever, if it has no answer at all while others have.
    agent.send(second, &add_interest(3, 3, at(404, 1)));
    for do_id in 200..220 {
        agent.pass(499);
        agent.answer_object(first, query, avatar(do_id, ZONE));
        agent.expect_told(second, &[]);
    }
    agent.pass(499);
    agent.expect_told(second, &[done(3, 3)]);
}

#[test]
fn a_second_interest_in_a_zone_that_is_being_asked_for_is_done_with_it() {
    let (mut agent, client, query) = asking();
    agent.send(client, &add_interest(2, 2, ZONE));
    assert_eq!(agent.routed(), []);
    agent.expect_told(client, &[]);
    // A third that needs another zone as well.
    let zones = [ZONE.zone, NEXT.zone];
    let (context, interest, parent) = (Context(3), InterestId(3), ZONE.parent);
    let zones = List::new(&zones);
    agent.send(client, &Client::AddInterestMultiple { context, interest, parent, zones });
    let next = agent.query(client.channel, NEXT.parent, &[NEXT.zone.0]);
    agent.answer_count(client, query, 1);
    agent.answer_object(client, query, avatar(50, ZONE));
    agent.expect_told(client, &[enter(50, ZONE), done(1, 1), done(2, 2)]);
    agent.answer_count(client, next, 0);
    agent.expect_told(client, &[done(3, 3)]);
}

#[test]
fn closing_an_interest_that_is_not_done_yet() {
    let (mut agent, client, query) = asking();
    agent.answer_count(client, query, 2);
    agent.answer_object(client, query, avatar(50, ZONE));
    agent.send(client, &remove_interest(2, 1));
    agent.expect_told(client, &[done(1, 1), done(2, 1)]);
    // Late answers, also those that come as an entrance, are for nobody.
    agent.cluster(client.channel, &entering(51, ZONE));
    agent.answer_object(client, query, avatar(52, ZONE));
    agent.pass(1000);
    agent.expect_told(client, &[]);
}

#[test]
fn altering_an_interest_that_is_not_done_yet() {
    let mut agent = Agent::new();
    let client = agent.established();
    let zones = [ZONE.zone, NEXT.zone];
    let (context, interest, parent) = (Context(1), InterestId(1), ZONE.parent);
    let zones = List::new(&zones);
    agent.send(client, &Client::AddInterestMultiple { context, interest, parent, zones });
    let query = agent.query(client.channel, parent, &[6, 7]);
    agent.answer_count(client, query, 3);
    agent.answer_object(client, query, avatar(50, ZONE));
    agent.answer_object(client, query, avatar(51, NEXT));
    // The first zone is dropped, the second is kept, and is still being asked for.
    agent.send(client, &add_interest(2, 1, NEXT));
    agent.expect_told(client, &[done(1, 1)]);
    agent.answer_object(client, query, avatar(52, ZONE));
    agent.expect_told(client, &[enter(51, NEXT), done(2, 1)]);
}

#[test]
fn the_caller_of_a_cancelled_operation_is_told() {
    let mut agent = Agent::new();
    let client = agent.established();
    let interest = InterestId(1);
    agent.cluster(client.channel, &ClientAgent::AddInterest { interest, location: ZONE });
    agent.told(client);
    agent.routed();
    agent.send(client, &add_interest(9, 1, NEXT));
    agent.expect_told(client, &[done(1, 1)]);
    let (recipients, _, message) = agent.routed().remove(0);
    let done = ClientAgent::DoneInterestResp { client: client.channel, interest };
    assert_eq!((recipients, message), (vec![AI], encode(&done)));
}

#[test]
fn a_zone_closed_and_opened_again_is_asked_for_anew() {
    let (mut agent, client, first) = asking();
    agent.answer_object(client, first, avatar(50, ZONE));
    agent.send(client, &remove_interest(2, 1));
    agent.send(client, &add_interest(3, 1, ZONE));
    agent.told(client);
    let second = agent.query(client.channel, ZONE.parent, &[6]);
    // The first query's objects may have left while nobody listened.
    agent.answer_object(client, first, avatar(51, ZONE));
    agent.answer_count(client, first, 2);
    agent.answer_count(client, second, 1);
    agent.answer_object(client, second, avatar(52, ZONE));
    agent.expect_told(client, &[enter(52, ZONE), done(3, 1)]);
}

#[test]
fn an_object_that_moves_from_one_open_query_to_another() {
    let (mut agent, client, first) = asking();
    agent.send(client, &add_interest(2, 2, NEXT));
    let second = agent.query(client.channel, NEXT.parent, &[7]);
    agent.answer_count(client, first, 2);
    agent.answer_object(client, first, avatar(50, ZONE));
    agent.cluster_from(AI, &[ZONE.channel(), NEXT.channel()], &changing(50, NEXT, ZONE));
    agent.cluster(NEXT.channel(), &entering(50, NEXT));
    agent.answer_count(client, second, 1);
    agent.answer_object(client, second, avatar(50, NEXT));
    agent.expect_told(client, &[done(2, 2)]);
    // The zone that it came from is closed; it stays in sight.
    agent.send(client, &remove_interest(3, 1));
    agent.expect_told(client, &[done(1, 1), enter(50, ZONE), moved(50, NEXT), done(3, 1)]);
    agent.send(client, &remove_interest(4, 2));
    agent.expect_told(client, &[leaving(50), done(4, 2)]);
}

#[test]
fn a_move_into_a_zone_that_was_opened_after_it() {
    for (entered, found) in [(false, false), (true, false), (false, true)] {
        let mut agent = Agent::new();
        let client = agent.established();
        agent.open(client, 1, ZONE, &[50]);
        // When the object moved, nobody listened to the zone to which it did.
        agent.send(client, &add_interest(2, 2, NEXT));
        let query = agent.query(client.channel, NEXT.parent, &[7]);
        agent.cluster(ZONE.channel(), &changing(50, NEXT, ZONE));
        agent.expect_told(client, &[moved(50, NEXT)]);
        if entered {
            agent.cluster(NEXT.channel(), &entering(50, NEXT));
        }
        agent.answer_count(client, query, 1);
        agent.answer_object(client, query, avatar(if found { 50 } else { 51 }, NEXT));
        match (entered, found) {
            (false, false) => {
                // It may have moved on unheard.
                agent.expect_told(client, &[leaving(50), enter(51, NEXT), done(2, 2)]);
            }
            // It is there, but may have changed unheard.
            (_, true) => agent.expect_told(client, &[leaving(50), enter(50, NEXT), done(2, 2)]),
            (true, false) => agent.expect_told(client, &[enter(51, NEXT), done(2, 2)]),
        }
    }
}

#[test]
fn a_move_there_and_back_of_which_only_half_was_heard() {
    let mut agent = Agent::new();
    let client = agent.established();
    agent.open(client, 1, ZONE, &[50]);
    agent.send(client, &add_interest(2, 2, NEXT));
    let query = agent.query(client.channel, NEXT.parent, &[7]);
    agent.cluster(ZONE.channel(), &changing(50, NEXT, ZONE));
    // It has come back before anybody listened to the zone that it came from.
    agent.cluster(ZONE.channel(), &entering(50, ZONE));
    agent.expect_told(client, &[moved(50, NEXT), leaving(50), enter(50, ZONE)]);
    agent.answer_count(client, query, 0);
    agent.expect_told(client, &[done(2, 2)]);
}

#[test]
fn an_owned_object_that_comes_to_a_zone_whose_parent_does_not_answer() {
    let (mut agent, client, _) = asking();
    agent.own(client, 50, NEXT);
    agent.cluster(client.channel, &changing(50, ZONE, NEXT));
    agent.cluster(ZONE.channel(), &entering(50, ZONE));
    agent.expect_told(client, &[moved(50, ZONE)]);
    agent.pass(500);
    agent.expect_told(client, &[done(1, 1), enter(50, ZONE)]);
}

#[test]
fn children_wait_for_their_parent() {
    let (mut agent, client, outer) = asking();
    let inner_zone = at(50, 1);
    agent.send(client, &add_interest(2, 2, inner_zone));
    let inner = agent.query(client.channel, DoId(50), &[1]);
    agent.answer_count(client, outer, 2);
    agent.answer_object(client, outer, avatar(50, ZONE));
    agent.answer_count(client, inner, 1);
    agent.answer_object(client, inner, avatar(60, inner_zone));
    agent.expect_told(client, &[]);
    agent.answer_object(client, outer, avatar(51, ZONE));
    agent.expect_told(
        client,
        &[enter(50, ZONE), enter(51, ZONE), done(1, 1), enter(60, inner_zone), done(2, 2)],
    );
}

#[test]
fn children_that_enter_wait_for_their_parent_too() {
    let mut agent = Agent::new();
    let client = agent.established();
    let inner_zone = at(50, 1);
    agent.open(client, 2, inner_zone, &[]);
    agent.send(client, &add_interest(1, 1, ZONE));
    let outer = agent.query(client.channel, ZONE.parent, &[6]);
    agent.answer_count(client, outer, 1);
    agent.cluster(ZONE.channel(), &entering(50, ZONE));
    agent.cluster(inner_zone.channel(), &entering(60, inner_zone));
    agent.expect_told(client, &[]);
    agent.answer_object(client, outer, avatar(51, ZONE));
    agent.expect_told(
        client,
        &[enter(51, ZONE), done(1, 1), enter(50, ZONE), enter(60, inner_zone)],
    );
}

#[test]
fn children_do_not_wait_for_a_parent_that_is_gone() {
    for message in [deleting(50), changing(50, ELSEWHERE, ZONE)] {
        let (mut agent, client, outer) = asking();
        agent.send(client, &add_interest(2, 2, at(50, 1)));
        let inner = agent.query(client.channel, DoId(50), &[1]);
        agent.answer_object(client, outer, avatar(50, ZONE));
        agent.answer_count(client, inner, 0);
        agent.expect_told(client, &[]);
        agent.cluster(ZONE.channel(), &message);
        agent.expect_told(client, &[done(2, 2)]);
    }
}

#[test]
fn parents_that_are_each_others_children_do_not_wait_for_ever() {
    // An object in a zone of its own.
    let mut agent = Agent::new();
    let client = agent.established();
    agent.open(client, 1, at(50, 1), &[50]);
    // Two in each other's.
    let (a, b) = (at(60, 1), at(61, 1));
    for (id, location) in [(2, a), (3, b)] {
        agent.send(client, &add_interest(id.into(), id, location));
        let query = agent.query(client.channel, location.parent, &[1]);
        agent.answer_object(client, query, avatar(if id == 2 { 61 } else { 60 }, location));
        agent.answer_count(client, query, if id == 2 { 2 } else { 1 });
    }
    agent.expect_told(client, &[]);
    agent.pass(1000);
    let told = agent.told(client);
    assert_eq!(told.len(), 4, "{told:?}");
}

#[test]
fn a_session_object_lost_while_it_waits() {
    let (mut agent, client, query) = asking();
    agent.cluster(client.channel, &ClientAgent::AddSessionObject { do_id: DoId(50) });
    agent.answer_object(client, query, avatar(50, ZONE));
    agent.cluster(ZONE.channel(), &changing(50, ELSEWHERE, ZONE));
    agent.expect_ejected(client, EjectReason::SessionObjectDeleted);
}

/// What kills Astron in its default mode.
#[test]
fn two_hundred_clients_are_given_an_interest_in_an_empty_zone_at_once() {
    let mut agent = Agent::with(|config| {
        config.channels = ChannelRange::new(FIRST_CHANNEL, Channel(FIRST_CHANNEL.0 + 500)).unwrap();
    });
    let clients: Vec<TestClient> = (0..200).map(|_| agent.established()).collect();
    let interest = InterestId(1);
    for round in 0..3 {
        for client in &clients {
            agent.cluster(client.channel, &ClientAgent::AddInterest { interest, location: ZONE });
        }
        agent.routed();
        if round == 0 {
            for &client in &clients {
                agent.answer_count(client, Context(2), 0);
            }
        }
        for &client in &clients {
            let told = agent.told(client);
            assert_eq!(told.len(), 2);
            assert_eq!(told[1][..2], Client::CLIENT_DONE_INTEREST_RESP.to_le_bytes());
        }
        agent.pass(1000);
    }
    assert!(clients.iter().all(|client| agent.is_open(*client)));
}

#[test]
fn initial_objects_are_marked_as_a_burst() {
    let (mut agent, client, query) = asking();
    agent.answer_count(client, query, 2);
    agent.answer_object(client, query, avatar(50, ZONE));
    agent.cluster(ZONE.channel(), &set_field(50, "level", b"\x01"));
    let mut bytes = Vec::new();
    let object = avatar(51, ZONE);
    let message = StateServer::ObjectEnterInterestWithRequired { context: query, object };
    message.write_datagram(&mut Writer::new(&mut bytes), &[client.channel], AI);
    agent.core.datagram(agent.now, &bytes, &mut agent.out);
    let mut bursts = Vec::new();
    agent
        .core
        .drain_output(usize::MAX, |_, output| bursts.push((output.burst, output.bytes.len())));
    let entrances = 2 * (2 + encode(&enter(50, ZONE)).len());
    let rest = 2 + encode(&done(1, 1)).len() + 2 + encode(&client_sets(50, "level", b"\x01")).len();
    assert_eq!(bursts, [(entrances, entrances + rest)]);
}

#[test]
fn so_are_those_that_come_after_the_time() {
    let (mut agent, client, query) = asking();
    agent.pass(500);
    agent.expect_told(client, &[done(1, 1)]);
    agent.answer_count(client, query, 1);
    let mut bytes = Vec::new();
    let object = avatar(50, ZONE);
    let message = StateServer::ObjectEnterInterestWithRequired { context: query, object };
    message.write_datagram(&mut Writer::new(&mut bytes), &[client.channel], AI);
    agent.core.datagram(agent.now, &bytes, &mut agent.out);
    let mut bursts = Vec::new();
    agent
        .core
        .drain_output(usize::MAX, |_, output| bursts.push((output.burst, output.bytes.len())));
    let entrance = 2 + encode(&enter(50, ZONE)).len();
    assert_eq!(bursts, [(entrance, entrance)]);
}

#[test]
fn an_object_that_waits_for_its_parent_is_not_forgotten_when_another_zone_is_closed() {
    let (mut agent, client, query) = asking();
    agent.open(client, 9, ELSEWHERE, &[]);
    // The cluster has the session listen to a zone of an object that is still to be shown.
    let inside = at(50, 3);
    agent.cluster(client.channel, &ClientAgent::OpenChannel { channel: inside.channel() });
    agent.answer_object(client, query, avatar(50, ZONE));
    agent.cluster(inside.channel(), &entering(60, inside));
    agent.send(client, &remove_interest(9, 9));
    agent.expect_told(client, &[done(9, 9)]);
    agent.answer_count(client, query, 1);
    agent.expect_told(client, &[enter(50, ZONE), done(1, 1), enter(60, inside)]);
}
