//! Long work: its effect is immediate, and what nobody can see of it is done in slices.

use super::*;
use crate::config::ClientLimitsConfig;
use crate::role::client_agent::Stop;

const PARENT: DoId = DoId(5);

/// A client with an interest in so many zones.
fn wide(agent: &mut Agent, zones: u32) -> TestClient {
    let client = agent.established();
    let zones: Vec<ZoneId> = (0..zones).map(ZoneId).collect();
    for (id, zones) in (1..).zip(zones.chunks(10_000)) {
        let (interest, zones) = (InterestId(id), List::new(zones));
        let context = Context(1);
        let message = Client::AddInterestMultiple { context, interest, parent: PARENT, zones };
        agent.send(client, &message);
    }
    agent.routed();
    client
}

fn unlimited() -> Agent {
    Agent::with(|config| config.limits = ClientLimitsConfig::NONE)
}

/// Which channels the router has been told to send here no longer, since the last look.
fn given_up(agent: &mut Agent) -> Vec<Channel> {
    let channels = agent.out.iter().filter_map(|effect| match effect {
        Effect::Unsubscribe(channel) => Some(channel),
        _ => None,
    });
    let channels = channels.collect();
    agent.routed();
    channels
}

#[test]
fn a_session_with_very_many_zones_leaves_in_slices() {
    let mut agent = unlimited();
    let client = wide(&mut agent, 30_000);
    let neighbour = agent.established();
    agent.open(neighbour, 1, at(5, 7), &[]);
    let mut last_words = Vec::new();
    deleting(50).write_datagram(&mut Writer::new(&mut last_words), &[AI], client.channel);
    let datagram = Blob(&last_words);
    agent.cluster(client.channel, &ClientAgent::AddPostRemove { datagram });
    agent.cluster(client.channel, &ClientAgent::AddSessionObject { do_id: DoId(70) });
    agent.out.clear();

    agent.core.disconnected(agent.now, client.key, "end of file".into(), &mut agent.out);
    let routed = agent.out.iter().filter(|effect| matches!(effect, Effect::Route(_))).count();
    assert_eq!(routed, 2, "what others can hear is said at once");
    agent.drain();
    assert_eq!(agent.closed.get(&client.key), Some(&CloseKind::AtOnce));
    let mut channels = given_up(&mut agent);
    assert!(channels.len() <= 256, "{} in one go", channels.len());

    // It hears nothing any more, and others do; its place is not given away.
    agent.cluster(at(5, 7).channel(), &entering(60, at(5, 7)));
    agent.expect_told(neighbour, &[enter(60, at(5, 7))]);
    assert!(agent.told(client).is_empty());
    let next = agent.connect();
    assert_ne!(next.key.place(), client.key.place());
    agent.out.clear();

    let mut slices = 0;
    while agent.core.resume(agent.now, 100, &mut agent.out) {
        let slice = given_up(&mut agent);
        assert!(slice.len() <= 100, "{} in one slice", slice.len());
        channels.extend(slice);
        slices += 1;
    }
    channels.extend(given_up(&mut agent));
    assert!(slices > 200, "{slices}");
    channels.sort_unstable();
    let mut expected: Vec<Channel> =
        (0..30_000).filter(|&zone| zone != 7).map(|zone| at(5, zone).channel()).collect();
    expected.push(client.channel);
    expected.sort_unstable();
    assert!(channels == expected, "all but those that others listen to, each once");
    assert_eq!(agent.connect().key.place(), client.key.place());
}

#[test]
fn a_session_as_they_are_leaves_at_once() {
    let mut agent = unlimited();
    let client = wide(&mut agent, 100);
    agent.lose(client);
    assert_eq!(given_up(&mut agent).len(), 102);
    assert!(!agent.core.resume(agent.now, 1, &mut agent.out));
}

#[test]
fn many_that_leave_at_the_same_time_share_what_is_done_at_once() {
    let mut agent = unlimited();
    let clients: Vec<TestClient> = (0..8).map(|_| wide(&mut agent, 100)).collect();
    agent.out.clear();
    agent.cluster(Channel::CLIENTS, &ClientAgent::Drop {});
    assert!(clients.iter().all(|client| agent.closed.contains_key(&client.key)));
    let at_once = given_up(&mut agent).len();
    assert!(at_once <= 256, "{at_once}");
    while agent.core.resume(agent.now, 50, &mut agent.out) {}
    assert_eq!(at_once + given_up(&mut agent).len(), 100 + 8 + 1);
    assert_eq!(agent.core.session_count(), 0);
}

#[test]
fn the_agent_ends_its_sessions_some_at_a_time_and_none_of_them_hears_what_becomes_of_the_others() {
    let mut agent = Agent::new();
    let clients: Vec<TestClient> = (0..5).map(|_| agent.established()).collect();
    assert!(agent.core.shut_down(agent.now, 2, Stop::default(), &mut agent.out));
    agent.drain();
    assert_eq!(agent.closed.len(), 2);
    let message = ClientAgent::SendDatagram { datagram: Blob(b"hi") };
    agent.cluster(clients[4].channel, &message);
    assert!(agent.told(clients[4]).is_empty());
    agent.routed();
    agent.send(clients[4], &client_sets(1234, "request", b"\0\0"));
    assert_eq!(agent.routed(), [], "nor does it do anything");
    assert!(agent.core.shut_down(agent.now, 2, Stop::default(), &mut agent.out));
    assert!(!agent.core.shut_down(agent.now, 2, Stop::default(), &mut agent.out));
    agent.drain();
    assert_eq!((agent.closed.len(), agent.core.session_count()), (5, 0));
}
