//! How sessions end, and what they leave behind.

use super::*;
use crate::message::ClientFamily;
use crate::net::Stranger;
use crate::role::client_agent::{Loss, Stop};
use crate::telemetry::Level;
use crate::telemetry::testing::Caught;

const SECURITY: &str = "client-ejected-security";

fn kind(event: &Event) -> String {
    let bytes = event.to_bytes();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    ["client-connected", "client-disconnected", "client-lost", SECURITY, "client-ejected"]
        .into_iter()
        .find(|kind| text.contains(kind))
        .expect("one of these")
        .into()
}

fn kinds(agent: &Agent) -> Vec<String> {
    agent.events.iter().map(kind).collect()
}

/// A session with one of everything that must be cleared away.
fn furnished(agent: &mut Agent) -> TestClient {
    let client = agent.established();
    for do_id in [DoId(60), DoId(61)] {
        agent.cluster(client.channel, &ClientAgent::AddSessionObject { do_id });
    }
    let post_remove = post_remove(b"one");
    agent.cluster(client.channel, &ClientAgent::AddPostRemove { datagram: Blob(&post_remove) });
    let (interest, location) = (InterestId(8), at(1, 2));
    agent.cluster(client.channel, &ClientAgent::AddInterest { interest, location });
    agent.cluster(client.channel, &ClientAgent::SetClientId { channel: Channel(5_000_000) });
    agent.cluster(client.channel, &ClientAgent::OpenChannel { channel: Channel(6_000_000) });
    agent.told(client);
    agent.out.clear();
    client
}

fn post_remove(text: &'static [u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let message = ClientAgent::SendDatagram { datagram: Blob(text) };
    message.write_datagram(&mut Writer::new(&mut bytes), &[Channel(4000)], Channel(9));
    bytes
}

#[test]
fn who_is_dropped_for_a_limit_is_named_with_it() {
    let mut agent = Agent::new();
    let client = agent.established();
    let log = Caught::from(Level::Info);
    let loss = Loss {
        limit: Some("client.write_buffer_size"),
        unsent_bytes: 300_000,
        may_be_lost_bytes: 70,
        ..Loss::from("no buffer space available")
    };
    agent.core.disconnected(agent.now, client.key, loss, &mut agent.out);
    let [line] = &log.lines()[..] else { panic!("{:?}", log.lines()) };
    let who =
        format!("client dropped: no buffer space available client={} remote=", client.channel);
    assert!(line.contains(&who), "{line}");
    let why = " limit=client.write_buffer_size unsent_bytes=300000 may_be_lost_bytes=70";
    assert!(line.ends_with(why), "{line}");
}

#[test]
fn a_channel_that_has_not_rested_is_said_to_be_with_a_number() {
    let mut agent = Agent::with(|config| {
        let only = config.channels.low();
        config.channels = ChannelRange::new(only, only).expect("one");
    });
    let client = agent.connect();
    agent.lose(client);
    agent.now += Duration::from_micros(603_673);
    let log = Caught::from(Level::Info);
    let client = agent.connect();
    let expected = format!(
        "WARNING: client_agent: a client gets a channel that another has just had: there are few that are free \
         channel={} rested_ms=603",
        client.channel
    );
    assert_eq!(log.lines(), [expected]);
}

#[test]
fn the_end_of_a_session_in_its_order() {
    let mut agent = Agent::new();
    let client = furnished(&mut agent);
    agent.lose(client);
    let assigned = Channel(5_000_000);
    let mut unsubscribed = Vec::new();
    let mut rest = Vec::new();
    for effect in agent.out.iter() {
        match effect {
            Effect::Unsubscribe(channel) => unsubscribed.push(channel),
            Effect::Route(frame) => rest.push(frame.datagram().to_vec()),
            Effect::ClearPostRemoves(channel) => {
                assert_eq!((channel, rest.len()), (client.channel, 4));
            }
            other => panic!("{other:?}"),
        }
    }
    unsubscribed.sort_unstable();
    let mut expected =
        [client.channel, Channel::CLIENTS, assigned, Channel(6_000_000), at(1, 2).channel()];
    expected.sort_unstable();
    assert_eq!(unsubscribed, expected);

    let datagram = |recipient, message: &dyn Encode| {
        let mut bytes = Vec::new();
        Envelope::write_head(&mut Writer::new(&mut bytes), &[recipient], assigned);
        bytes.extend(message.bytes());
        bytes
    };
    let interest = InterestId(8);
    assert_eq!(
        rest,
        [
            datagram(Channel(60), &deleting(60)),
            datagram(Channel(61), &deleting(61)),
            datagram(AI, &ClientAgent::DoneInterestResp { client: assigned, interest }),
            post_remove(b"one"),
        ]
    );
    assert_eq!(agent.closed[&client.key], CloseKind::AtOnce);
    let lost = Event::new("client-lost", format!("Client:{}", client.channel))
        .with("remote_address", "203.0.113.5:54321")
        .with("local_address", "198.51.100.77:7198")
        .with("reason", "end of file")
        .with("version", VERSION)
        .with("dc_hash", format!("{:#010x}", dc().hash()));
    assert_eq!(agent.events.last(), Some(&lost));
}

#[test]
fn the_log_says_of_a_client_that_has_gone_what_it_says_of_a_link() {
    let mut agent = Agent::new();
    let log = Caught::from(Level::Debug);
    let client = agent.established();
    agent.lose(client);
    let lines = log.lines();
    let let_in = format!("client let in client={} remote=", client.channel);
    let with = format!(" version={VERSION} dc_hash={:#010x}", dc().hash());
    assert!(lines.iter().any(|line| line.contains(&let_in) && line.contains(&with)), "{lines:?}");
    let lost = lines.last().expect("a line");
    assert!(lost.contains("client lost") && lost.contains(crate::net::CLOSED), "{lines:?}");
}

#[test]
fn nothing_reaches_a_session_that_has_ended() {
    let mut agent = Agent::new();
    let client = furnished(&mut agent);
    let disconnect = encode(&Client::Disconnect {});
    let mut frames = Vec::new();
    for datagram in [&disconnect[..], b"", &disconnect] {
        write_frame(&mut frames, |writer| writer.raw(datagram)).expect("fits");
    }
    let heard = agent.core.input(agent.now, client.key, &frames, &mut agent.out);
    assert_eq!(heard, Heard::default());
    agent.drain();
    agent.lose(client);
    agent.cluster(client.channel, &ClientAgent::Eject { reason: 1, text: Blob(b"x") });
    agent.pass(1_000_000);
    assert!(agent.told(client).is_empty());
    assert_eq!(agent.closed[&client.key], CloseKind::Flushed);
    assert_eq!(kinds(&agent), ["client-connected", "client-disconnected"]);
}

#[test]
fn the_cluster_ejects_with_its_own_words_and_drops_without() {
    let mut agent = Agent::new();
    let client = agent.established();
    agent.cluster(client.channel, &ClientAgent::Eject { reason: 4321, text: Blob(b"go") });
    agent.expect_told(client, &[Client::Eject { reason: 4321, text: Blob(b"go") }]);
    assert_eq!(agent.closed[&client.key], CloseKind::Flushed);
    let ejected = Event::new("client-ejected", format!("Client:{}", client.channel))
        .with("reason_code", "4321")
        .with("reason_msg", "go")
        .with("address", "203.0.113.5")
        .with("version", VERSION)
        .with("dc_hash", format!("{:#010x}", dc().hash()));
    assert_eq!(agent.events.last(), Some(&ejected));

    let client = agent.established();
    agent.cluster(client.channel, &ClientAgent::SendDatagram { datagram: Blob(b"bye") });
    agent.cluster(client.channel, &ClientAgent::Drop {});
    assert_eq!(agent.told(client), [b"bye"]);
    assert_eq!(agent.closed[&client.key], CloseKind::Flushed);
    // Whatever the socket says later.
    agent.lose(client);
    assert_eq!(kinds(&agent), ["client-connected", "client-ejected", "client-connected"]);
}

#[test]
fn offences_are_told_apart_from_misfortunes() {
    for (datagram, expected) in [(vec![9, 9], SECURITY), (vec![1], "client-ejected")] {
        let mut agent = Agent::new();
        let client = agent.established();
        agent.send_datagram(client, &datagram);
        assert_eq!(kinds(&agent), ["client-connected", expected]);
    }
}

#[test]
fn the_load_balancers_own_connections_are_no_events() {
    let mut agent = Agent::new();
    let peer = Peer { is_local: true, ..Agent::peer() };
    let key = agent.core.connect(agent.now, peer, &mut agent.out).expect("a channel");
    let client = agent.client(key);
    agent.lose(client);
    assert_eq!(agent.events, []);
}

#[test]
fn a_connection_that_speaks_something_else_is_told_so() {
    for (foreign, farewell) in [
        (client_type::Foreign::Stranger(Stranger::Http), Some(&b"HTTP/1.1 400 "[..])),
        (client_type::Foreign::Stranger(Stranger::Tls), Some(b"\x15\x03")),
        (client_type::Foreign::Client(ClientFamily::Otp), None),
    ] {
        let mut agent = Agent::new();
        let client = agent.connect();
        agent.core.foreign(agent.now, client.key, foreign, &mut agent.out);
        agent.drain();
        match farewell {
            Some(start) => assert!(agent.told[&client.key].starts_with(start)),
            None => {
                let text = agent.expect_ejected(client, EjectReason::NoHello);
                assert!(text.contains("OTP"), "{text}");
            }
        }
        assert_eq!(agent.closed[&client.key], CloseKind::Flushed);
        assert_eq!(kinds(&agent), ["client-connected", "client-ejected"]);
    }
}

#[test]
fn a_session_objects_end_is_the_sessions() {
    // In which ways a session object that is visible, owned or neither can be lost.
    let zone = at(1, 2);
    for (visible, owned, message, deleted) in [
        (true, false, deleting(60), false),
        (false, true, deleting(60), false),
        (false, false, deleting(60), false),
        (true, false, changing(60, at(1, 9), zone), true),
        (false, true, StateServer::ObjectChangingOwner { do_id: DoId(60), new: AI, old: AI }, true),
    ] {
        let mut agent = Agent::new();
        let client = agent.established();
        agent.cluster(client.channel, &ClientAgent::AddSessionObject { do_id: DoId(60) });
        if visible {
            agent.open(client, 1, zone, &[60]);
        }
        if owned {
            agent.own(client, 60, zone);
        }
        agent.routed();
        agent.cluster(client.channel, &message);
        agent.expect_ejected(client, EjectReason::SessionObjectDeleted);
        let deletes: Vec<Routed> = match deleted {
            true => vec![(vec![Channel(60)], client.channel, encode(&deleting(60)))],
            false => vec![],
        };
        assert_eq!(agent.routed(), deletes, "{message:?}");
    }
}

#[test]
fn closing_the_interest_in_a_session_object_ends_the_session() {
    let mut agent = Agent::new();
    let client = agent.established();
    agent.cluster(client.channel, &ClientAgent::AddSessionObject { do_id: DoId(60) });
    agent.open(client, 1, at(1, 2), &[60, 61]);
    agent.send(client, &remove_interest(2, 1));
    agent.expect_ejected(client, EjectReason::SessionObjectDeleted);
    agent.expect_routed(client.channel, &[(Channel(60), &deleting(60))]);
}

#[test]
fn an_object_that_is_no_longer_a_session_object() {
    let mut agent = Agent::new();
    let client = agent.established();
    let do_id = DoId(60);
    agent.cluster(client.channel, &ClientAgent::AddSessionObject { do_id });
    agent.own(client, 60, at(0, 0));
    agent.cluster(client.channel, &ClientAgent::RemoveSessionObject { do_id });
    agent.cluster(client.channel, &deleting(60));
    agent.expect_told(client, &[Client::ObjectLeavingOwner { do_id }]);
    agent.lose(client);
    assert_eq!(agent.routed(), []);
}

#[test]
fn an_owned_session_object_may_go_where_it_likes() {
    let mut agent = Agent::new();
    let client = agent.established();
    agent.open(client, 1, at(1, 2), &[60]);
    agent.own(client, 60, at(1, 2));
    agent.cluster(client.channel, &ClientAgent::AddSessionObject { do_id: DoId(60) });
    agent.cluster(client.channel, &changing(60, at(7, 7), at(1, 2)));
    agent.expect_told(client, &[moved(60, at(7, 7))]);
}

#[test]
fn post_removes_can_be_cleared() {
    let mut agent = Agent::new();
    let client = agent.established();
    let kept = post_remove(b"one");
    agent.cluster(client.channel, &ClientAgent::AddPostRemove { datagram: Blob(&kept) });
    let mirrored: Vec<_> = agent
        .out
        .iter()
        .map(|effect| match effect {
            Effect::AddPostRemove(sender, frame) => (sender, frame.datagram().to_vec()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(mirrored, [(client.channel, kept)]);
    agent.out.clear();
    agent.cluster(client.channel, &ClientAgent::ClearPostRemoves {});
    assert_eq!(agent.out.iter().collect::<Vec<_>>(), [Effect::ClearPostRemoves(client.channel)]);
    agent.out.clear();
    agent.lose(client);
    assert_eq!(agent.routed(), []);
}

#[test]
fn the_agent_ends_all_its_sessions() {
    let mut agent = Agent::new();
    let clients = [furnished(&mut agent), agent.connect()];
    agent.out.clear();
    assert!(!agent.core.shut_down(agent.now, 2, Stop::default(), &mut agent.out));
    agent.drain();
    assert_eq!(agent.routed().len(), 4);
    for client in clients {
        let text = agent.expect_ejected(client, EjectReason::Restart);
        assert!(text.contains("stops"), "{text}");
    }
    assert!(clients.iter().all(|client| !agent.is_open(*client)));
    assert_eq!(agent.core.session_count(), 0);
}

#[test]
fn what_ends_a_session_does_not_wait_for_what_others_are_told() {
    let mut agent = Agent::new();
    let (staying, leaving) = (agent.established(), agent.established());
    let say = |agent: &mut Agent, client: TestClient| {
        let message = ClientAgent::SendDatagram { datagram: Blob(b"\x07\x00") };
        let mut bytes = Vec::new();
        message.write_datagram(&mut Writer::new(&mut bytes), &[client.channel], AI);
        agent.core.datagram(agent.now, &bytes, &mut agent.out);
    };
    say(&mut agent, staying);
    say(&mut agent, leaving);
    let mut bytes = Vec::new();
    let eject = ClientAgent::Eject { reason: 7, text: Blob(b"go") };
    eject.write_datagram(&mut Writer::new(&mut bytes), &[leaving.channel], AI);
    agent.core.datagram(agent.now, &bytes, &mut agent.out);
    let mut ended = Vec::new();
    agent.core.drain_ended(|key, output| {
        ended.push((key, Frames::new(output.bytes).count(), output.close.is_some()));
    });
    // With all that it was told before.
    assert_eq!(ended, [(leaving.key, 2, true)]);
    let mut told = Vec::new();
    agent.core.drain_output(usize::MAX, |key, output| {
        told.push((key, Frames::new(output.bytes).count()))
    });
    assert_eq!(told, [(staying.key, 1)]);
    assert_eq!(agent.core.waiting(), 0);
}
