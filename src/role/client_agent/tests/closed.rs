//! What comes for zones that are closed.

use super::*;

const ZONE: Location = Location::new(DoId(5), ZoneId(6));

/// A client with an interest, and the query for it.
fn asking() -> (Agent, TestClient, Context) {
    let mut agent = Agent::new();
    let client = agent.established();
    agent.send(client, &add_interest(1, 1, ZONE));
    let query = agent.query(client.channel, ZONE.parent, &[ZONE.zone.0]);
    (agent, client, query)
}

/// An entrance that an object sends: to its location, or to whoever asked for it before its parent counted it.
fn shows_itself(agent: &mut Agent, client: TestClient, do_id: u32, location: Location) {
    agent.cluster_from(DoId(do_id).channel(), &[client.channel], &entering(do_id, location));
}

#[test]
fn an_answer_that_was_not_counted_does_not_enter_a_zone_that_has_been_closed() {
    let (mut agent, client, query) = asking();
    // It is on its way when its parent does not know of it yet.
    agent.answer_count(client, query, 0);
    agent.expect_told(client, &[done(1, 1)]);
    shows_itself(&mut agent, client, 50, ZONE);
    agent.expect_told(client, &[enter(50, ZONE)]);
    agent.send(client, &remove_interest(2, 1));
    agent.expect_told(client, &[leaving(50), done(2, 1)]);
    shows_itself(&mut agent, client, 50, ZONE);
    shows_itself(&mut agent, client, 51, ZONE);
    agent.expect_told(client, &[]);
    // Nor one below an object that the client waits for.
    agent.send(client, &add_interest(3, 3, at(77, 1)));
    let outer = agent.query(client.channel, DoId(77), &[1]);
    agent.answer_count(client, outer, 2);
    agent.answer_object(client, outer, avatar(ZONE.parent.0, at(77, 1)));
    shows_itself(&mut agent, client, 51, ZONE);
    agent.answer_object(client, outer, avatar(52, at(77, 1)));
    let shown = [enter(ZONE.parent.0, at(77, 1)), enter(52, at(77, 1)), done(3, 3)];
    agent.expect_told(client, &shown);
    // When it is open again they do.
    agent.routed();
    agent.send(client, &add_interest(4, 1, ZONE));
    let query = agent.query(client.channel, ZONE.parent, &[ZONE.zone.0]);
    agent.answer_count(client, query, 0);
    shows_itself(&mut agent, client, 51, ZONE);
    agent.expect_told(client, &[done(4, 1), enter(51, ZONE)]);
}

#[test]
fn what_somebody_shows_a_client_without_an_interest_it_sees() {
    let (mut agent, client, query) = asking();
    agent.answer_count(client, query, 0);
    agent.send(client, &remove_interest(2, 1));
    agent.expect_told(client, &[done(1, 1), done(2, 1)]);
    // On purpose: an AI, in its own name; an object in a zone that was never open; or any where the session was made
    // to listen.
    agent.cluster(client.channel, &entering(50, ZONE));
    agent.expect_told(client, &[enter(50, ZONE)]);
    shows_itself(&mut agent, client, 51, at(5, 99));
    agent.expect_told(client, &[enter(51, at(5, 99))]);
    agent.cluster(client.channel, &ClientAgent::OpenChannel { channel: ZONE.channel() });
    agent.cluster_from(DoId(52).channel(), &[ZONE.channel()], &entering(52, ZONE));
    agent.expect_told(client, &[enter(52, ZONE)]);
}

#[test]
fn a_zone_is_not_remembered_as_closed_for_ever() {
    let (mut agent, client, query) = asking();
    agent.answer_count(client, query, 0);
    agent.send(client, &remove_interest(2, 1));
    agent.pass(299_999);
    agent.told(client);
    shows_itself(&mut agent, client, 50, ZONE);
    agent.expect_told(client, &[]);
    agent.pass(1);
    shows_itself(&mut agent, client, 50, ZONE);
    agent.expect_told(client, &[enter(50, ZONE)]);
}
