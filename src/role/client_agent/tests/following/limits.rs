//! How much the agent opens for a client.

use super::*;

fn limited(change: impl FnOnce(&mut ClientLimitsConfig)) -> Agent {
    Agent::with(|config| {
        config.parenting_rules = ParentingRules::All;
        change(&mut config.limits);
    })
}

#[test]
fn a_rule_gets_no_more_zones_than_an_interest_may_have_or_a_query_can() {
    let mut agent = limited(|limits| limits.zones_per_interest = 10);
    let client = agent.owner_below("Cartesian", "100:4:3", 105);
    agent.query(client.channel, DoId(MAP), &AROUND_5);
    assert!(agent.is_open(client));
    // Without a limit it is what a query can hold.
    let mut agent = limited(|limits| *limits = ClientLimitsConfig::NONE);
    agent.owner_below("Cartesian", "0:60000:4294967295", 1_800_030_000);
    let routed = agent.routed();
    let [(_, _, message)] = &routed[..] else { panic!("{} instead of one", routed.len()) };
    assert_eq!(message.len(), 2 + 4 + 4 + 2 + 4 * 125 * 125);
}

#[test]
fn what_the_agent_opens_takes_nothing_from_what_the_client_may_and_has_the_same_limits() {
    let mut agent = limited(|limits| (limits.interests, limits.zones) = (2, 2));
    let client = agent.owner_below("Follow", "", 7);
    agent.opened(client, &[7]);
    agent.own(client, 51, at(MAP, 8));
    agent.opened(client, &[8]);
    // The third one gets none, and nobody is put out.
    agent.own(client, 52, at(MAP, 9));
    assert_eq!(agent.routed(), []);
    for id in [1, 2] {
        agent.send(client, &add_interest(id.into(), id, at(9000, id.into())));
    }
    assert!(agent.is_open(client));
    // When one of them goes, there is room.
    agent.cluster(client.channel, &deleting(51));
    agent.routed();
    agent.ai_moves_other(client, 52, at(MAP, 6), at(MAP, 9));
    agent.opened(client, &[6]);
    agent.send(client, &add_interest(3, 3, at(9000, 3)));
    agent.expect_ejected(client, EjectReason::ForbiddenInterest);

    let mut agent = limited(|limits| limits.zones = 9);
    let client = agent.owner_below("Cartesian", CELLS, 105);
    agent.opened(client, &AROUND_5);
    agent.own(client, 51, at(MAP, 115));
    assert_eq!(agent.routed(), [], "that would be four more");
    agent.ai_moves(client, at(MAP, 100), at(MAP, 105));
    assert_eq!(agent.routed(), []);
    agent.ai_moves_other(client, 51, at(MAP, 103), at(MAP, 115));
    agent.opened(client, &[102, 103, 106, 107]);
}

impl Agent {
    fn ai_moves_other(&mut self, client: TestClient, do_id: u32, to: Location, from: Location) {
        self.cluster(client.channel, &changing(do_id, to, from));
    }
}

#[test]
fn a_client_pays_for_what_it_is_shown_if_it_has_moved_itself() {
    for by_client in [true, false] {
        let mut agent = limited(|limits| limits.entries_per_second = 5);
        let client = agent.owner_below("Follow", "", 7);
        agent.opened(client, &[7]);
        let sender = if by_client { client.channel } else { AI };
        let message = changing(50, at(MAP, 8), at(MAP, 7));
        agent.cluster_from(sender, &[client.channel], &message);
        let query = agent.query(client.channel, DoId(MAP), &[8]);
        agent.answer_count(client, query, 100);
        (100..200).for_each(|do_id| agent.answer_object(client, query, avatar(do_id, at(MAP, 8))));
        let mut frame = Vec::new();
        write_frame(&mut frame, |writer| Client::Heartbeat {}.write(writer)).expect("fits");
        let heard = agent.core.input(agent.now, client.key, &frame, &mut agent.out);
        assert_eq!(heard.rest > 0, by_client, "held, or not");
    }
}
