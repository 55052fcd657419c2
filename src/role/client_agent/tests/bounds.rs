//! What is bounded without regard to time: how long a message is, and how many objects a client sees.

use super::*;
use crate::config::ClientLimitsConfig;

const ZONE: Location = Location::new(DoId(5), ZoneId(6));
const NONE: ClientLimitsConfig = ClientLimitsConfig::NONE;

fn limited(limits: ClientLimitsConfig) -> (Agent, TestClient) {
    let mut agent = Agent::with(|config| config.limits = limits);
    let client = agent.established();
    (agent, client)
}

impl Agent {
    fn count_of(&self, limit: &str) -> u64 {
        let counts = self.core.limit_counts();
        let of_limit = counts.all().find(|(name, _)| *name == limit);
        of_limit.expect("it is counted").1
    }
}

#[test]
fn a_datagram_may_be_as_long_as_the_limit_and_no_longer() {
    let (mut agent, client) = limited(ClientLimitsConfig { datagram_bytes: 50, ..NONE });
    let request = |text: usize| {
        let mut value = u16::try_from(text).expect("short").to_le_bytes().to_vec();
        value.extend(vec![b'x'; text]);
        value
    };
    // A type, an object, a field, and the length of the text.
    let (do_id, field) = (LOGIN_UBERDOG, field("request"));
    let (fits, is_longer) = (request(50 - 10), request(51 - 10));
    agent.send(client, &Client::ObjectSetField { do_id, field, value: Rest(&fits) });
    assert!(agent.is_open(client));
    assert_eq!(agent.routed().len(), 1);
    agent.send(client, &Client::ObjectSetField { do_id, field, value: Rest(&is_longer) });
    let told = agent.expect_ejected(client, EjectReason::OversizedDatagram);
    assert_eq!(told, "Client has sent a datagram of 51 bytes; 50 are allowed.");
    assert_eq!(agent.count_of("datagram_bytes"), 1);
}

#[test]
fn a_client_that_sees_too_many_objects_is_put_out() {
    let (mut agent, client) = limited(ClientLimitsConfig { visible_objects: 3, ..NONE });
    let interest = InterestId(1);
    agent.cluster(client.channel, &ClientAgent::AddInterest { interest, location: ZONE });
    let query = agent.query(client.channel, ZONE.parent, &[ZONE.zone.0]);
    agent.answer_count(client, query, 3);
    for do_id in 1..=3 {
        agent.answer_object(client, query, avatar(do_id, ZONE));
    }
    // One goes, another comes.
    agent.cluster(ZONE.channel(), &StateServer::ObjectDeleteRam { do_id: DoId(1) });
    let entered =
        |do_id| StateServer::ObjectEnterLocationWithRequired { object: avatar(do_id, ZONE) };
    agent.cluster(ZONE.channel(), &entered(4));
    assert!(agent.is_open(client));
    assert_eq!(agent.count_of("visible_objects"), 0);
    agent.cluster(ZONE.channel(), &entered(5));
    let told = agent.expect_ejected(client, EjectReason::ForbiddenInterest);
    assert_eq!(told, "Client sees more than 3 objects.");
    assert_eq!(agent.count_of("visible_objects"), 1);
}
