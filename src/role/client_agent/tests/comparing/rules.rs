//! After a gap: the value that a client's next one is measured from.

use super::*;

/// An avatar with this health, as it is shown or tells all.
fn hurt(do_id: u32, health: u8, tells_all: bool) -> ObjectState<'static> {
    let mut values = vec![2, 0, b'b', b'o', health];
    values.extend(if tells_all { &[0, 0][..] } else { &[] });
    ObjectState { values: Rest(values.leak()), ..avatar(do_id, ZONE) }
}

/// Whether the client may set the health of an object to this now.
fn sets(agent: &mut Agent, client: TestClient, do_id: u32, health: u8) -> bool {
    let (do_id, field, value) = (DoId(do_id), field("health"), [health]);
    agent.send(client, &Client::ObjectSetField { do_id, field, value: Rest(&value) });
    !agent.routed().is_empty()
}

fn ruled() -> (Agent, TestClient) {
    let rules = super::super::rules::fields("Avatar.health: {max_step: 5}");
    let mut agent = Agent::with(|config| config.client.fields = rules);
    let client = agent.established();
    (agent, client)
}

#[test]
fn what_is_seen_goes_on_from_where_it_is_found() {
    let (mut agent, client) = ruled();
    agent.open(client, 1, ZONE, &[50]);
    assert!(!sets(&mut agent, client, 50, 15));
    let asked = agent.gap();
    let query = zones_of(&asked, ZONE.parent, &[6]);
    agent.count(query, 1);
    agent.found(query, hurt(50, 80, false));
    agent.go_on();
    assert!(sets(&mut agent, client, 50, 76));
    assert!(!sets(&mut agent, client, 50, 9), "it has gone on");
}

#[test]
fn what_is_owned_goes_on_from_what_it_says_itself_or_from_where_it_was() {
    for goes_on in [76, 12] {
        let (mut agent, client) = ruled();
        agent.own(client, 60, ZONE);
        assert!(!sets(&mut agent, client, 60, 15));
        let asked = agent.gap();
        let of = |asked: &&Asked| asked.to == DoId(60).channel();
        let context = asked.iter().find(of).expect("it is asked").context;
        let (do_id, location, owner) = (DoId(60), ZONE, client.channel);
        agent.answer(&StateServer::ObjectGetOwnerResp { context, do_id, owner });
        agent.answer(&StateServer::ObjectGetLocationResp { context, do_id, location });
        let object = hurt(60, 80, true);
        agent.answer(&StateServer::ObjectGetAllResp { context, object });
        // What it has just said may have crossed with the answer.
        assert!(sets(&mut agent, client, 60, goes_on));
        assert!(!sets(&mut agent, client, 60, 88 - goes_on), "but not both");
    }
}
