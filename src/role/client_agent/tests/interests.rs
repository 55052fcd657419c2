//! Opening, altering and closing interests, one after the other.

use super::*;

fn add_zones(context: u32, id: u16, parent: u32, zones: &[ZoneId]) -> Client<'_> {
    Client::AddInterestMultiple {
        context: Context(context),
        interest: InterestId(id),
        parent: DoId(parent),
        zones: List::new(zones),
    }
}

/// Answers the query for these zones with these objects, each in the given zone.
fn answer(
    agent: &mut Agent,
    client: TestClient,
    parent: u32,
    zones: &[u32],
    objects: &[(u32, u32)],
) {
    let query = agent.query(client.channel, DoId(parent), zones);
    agent.answer_count(client, query, objects.len() as u32);
    for &(do_id, zone) in objects {
        agent.answer_object(client, query, avatar(do_id, at(parent, zone)));
    }
}

#[test]
fn an_empty_zone_is_done_as_soon_as_it_is_known_to_be_empty() {
    let mut agent = Agent::new();
    let client = agent.established();
    agent.send(client, &add_interest(2000, 1000, at(5, 6)));
    let subscribed = agent.out.iter().next().map(|effect| format!("{effect:?}"));
    assert_eq!(subscribed, Some(format!("Subscribe({:?})", at(5, 6).channel())));
    agent.expect_told(client, &[]);
    answer(&mut agent, client, 5, &[6], &[]);
    agent.expect_told(client, &[done(2000, 1000)]);
    // Nobody but the client waits for it.
    assert_eq!(agent.routed(), []);
    agent.send(client, &remove_interest(2001, 1000));
    agent.expect_told(client, &[done(2001, 1000)]);
    assert_eq!(agent.out.iter().collect::<Vec<_>>(), [Effect::Unsubscribe(at(5, 6).channel())]);
}

#[test]
fn no_zones_at_all_is_done_at_once() {
    let mut agent = Agent::new();
    let client = agent.established();
    agent.send(client, &add_zones(1, 1, 5, &[]));
    agent.expect_told(client, &[done(1, 1)]);
    assert_eq!(agent.routed(), []);
}

#[test]
fn a_zone_named_twice_is_asked_for_once() {
    let mut agent = Agent::new();
    let client = agent.established();
    agent.send(client, &add_zones(1, 1, 5, &[7, 6, 7].map(ZoneId)));
    answer(&mut agent, client, 5, &[7, 6], &[(50, 7), (51, 6)]);
    agent.expect_told(client, &[enter(50, at(5, 7)), enter(51, at(5, 6)), done(1, 1)]);
    agent.send(client, &remove_interest(2, 1));
    agent.expect_told(client, &[leaving(50), leaving(51), done(2, 1)]);
}

#[test]
fn a_second_interest_in_an_open_zone_asks_nobody() {
    let mut agent = Agent::new();
    let client = agent.established();
    agent.open(client, 1, at(5, 6), &[50]);
    agent.send(client, &add_interest(10, 2, at(5, 6)));
    agent.expect_told(client, &[done(10, 2)]);
    agent.send(client, &remove_interest(11, 1));
    agent.expect_told(client, &[done(11, 1)]);
    assert!(agent.out.is_empty());
    agent.send(client, &remove_interest(12, 2));
    agent.expect_told(client, &[leaving(50), done(12, 2)]);
}

#[test]
fn altering_an_interest_asks_for_the_difference() {
    let mut agent = Agent::new();
    let client = agent.established();
    agent.send(client, &add_zones(1, 1, 5, &[6, 7].map(ZoneId)));
    answer(&mut agent, client, 5, &[6, 7], &[(50, 6), (51, 7)]);
    agent.told(client);
    // A third zone.
    agent.send(client, &add_zones(2, 1, 5, &[6, 7, 8].map(ZoneId)));
    answer(&mut agent, client, 5, &[8], &[(52, 8)]);
    agent.expect_told(client, &[enter(52, at(5, 8)), done(2, 1)]);
    // The second away.
    agent.send(client, &add_zones(3, 1, 5, &[6, 8].map(ZoneId)));
    agent.expect_told(client, &[leaving(51), done(3, 1)]);
    assert_eq!(agent.routed(), []);
    // Another parent with the same zones.
    agent.send(client, &add_zones(4, 1, 9, &[6, 8].map(ZoneId)));
    agent.expect_told(client, &[leaving(50), leaving(52)]);
    answer(&mut agent, client, 9, &[6, 8], &[]);
    agent.expect_told(client, &[done(4, 1)]);
    // The same again.
    agent.send(client, &add_zones(5, 1, 9, &[8, 6].map(ZoneId)));
    agent.expect_told(client, &[done(5, 1)]);
    assert_eq!(agent.routed(), []);
}

#[test]
fn altering_leaves_the_zones_of_other_interests_alone() {
    let mut agent = Agent::new();
    let client = agent.established();
    agent.open(client, 1, at(5, 6), &[50]);
    agent.send(client, &add_zones(2, 2, 5, &[6, 7].map(ZoneId)));
    answer(&mut agent, client, 5, &[7], &[(51, 7)]);
    agent.told(client);
    agent.send(client, &add_interest(3, 2, at(5, 8)));
    agent.expect_told(client, &[leaving(51)]);
    answer(&mut agent, client, 5, &[8], &[]);
    agent.expect_told(client, &[done(3, 2)]);
}

#[test]
fn interests_that_the_cluster_opens_are_announced_to_the_client() {
    let mut agent = Agent::new();
    let client = agent.established();
    let (interest, parent, location) = (InterestId(3), DoId(5), at(5, 6));
    let done_resp = ClientAgent::DoneInterestResp { client: client.channel, interest };

    agent.cluster(client.channel, &ClientAgent::AddInterest { interest, location });
    agent.expect_told(client, &[add_interest(1, 3, location)]);
    answer(&mut agent, client, 5, &[6], &[(50, 6)]);
    agent.expect_told(client, &[enter(50, location), done(1, 3)]);
    agent.expect_routed(client.channel, &[(AI, &done_resp)]);

    // Contexts of the client and of requests are counted together.
    let zones = [6, 7].map(ZoneId);
    let zones = List::new(&zones);
    agent.cluster(client.channel, &ClientAgent::AddInterestMultiple { interest, parent, zones });
    let context = Context(3);
    agent.expect_told(client, &[Client::AddInterestMultiple { context, interest, parent, zones }]);
    answer(&mut agent, client, 5, &[7], &[]);
    agent.expect_told(client, &[done(3, 3)]);
    agent.expect_routed(client.channel, &[(AI, &done_resp)]);

    agent.cluster(client.channel, &ClientAgent::RemoveInterest { interest });
    agent.expect_told(client, &[remove_interest(5, 3), leaving(50), done(5, 3)]);
    agent.expect_routed(client.channel, &[(AI, &done_resp)]);
}

#[test]
fn how_many_zones_the_client_is_told() {
    let mut agent = Agent::new();
    let client = agent.established();
    let (interest, parent) = (InterestId(3), DoId(5));
    let zones = [6, 6].map(ZoneId);
    let message = ClientAgent::AddInterestMultiple { interest, parent, zones: List::new(&zones) };
    agent.cluster(client.channel, &message);
    agent.expect_told(client, &[add_interest(1, 3, at(5, 6))]);
    answer(&mut agent, client, 5, &[6], &[]);
    agent.told(client);
    let zones = List::new(&[]);
    agent.cluster(client.channel, &ClientAgent::AddInterestMultiple { interest, parent, zones });
    let context = Context(3);
    let announced = Client::AddInterestMultiple { context, interest, parent, zones };
    agent.expect_told(client, &[announced, done(3, 3)]);
}

#[test]
fn the_cluster_closes_an_interest_that_is_not_open() {
    let mut agent = Agent::new();
    let client = agent.established();
    let interest = InterestId(3);
    agent.cluster(client.channel, &ClientAgent::RemoveInterest { interest });
    agent.expect_told(client, &[remove_interest(1, 3), done(1, 3)]);
    let done = ClientAgent::DoneInterestResp { client: client.channel, interest };
    agent.expect_routed(client.channel, &[(AI, &done)]);
    // It has not been opened by that.
    agent.send(client, &remove_interest(9, 3));
    agent.expect_ejected(client, EjectReason::Generic);
}

#[test]
fn more_zones_than_one_query_can_hold() {
    let mut agent = Agent::with(|config| config.limits = ClientLimitsConfig::NONE);
    let client = agent.established();
    let zones: Vec<ZoneId> = (0..16_380).map(ZoneId).collect();
    agent.send(client, &add_zones(1, 1, 5, &zones));
    let routed = agent.routed();
    assert_eq!(routed.len(), 2);
    for (_, _, message) in &routed {
        agent.expect_told(client, &[]);
        let context = Context(u32::from_le_bytes(message[2..6].try_into().expect("four bytes")));
        agent.answer_count(client, context, 0);
    }
    agent.expect_told(client, &[done(1, 1)]);
}
