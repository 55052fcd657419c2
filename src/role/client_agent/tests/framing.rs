//! Clients whose connections tell datagrams apart in different ways.

use super::*;
use crate::role::client_agent::Stop;
use crate::wire::Framing;
use crate::wire::websocket::{Flaw, Parting};

/// A client that has said hello, in its own framing.
fn welcomed(agent: &mut Agent, framing: Framing) -> TestClient {
    let peer = Agent::peer();
    let key = agent.core.connect_framed(agent.now, Box::new(peer), framing, &mut agent.out);
    let client = agent.client(key.expect("a channel"));
    let (dc_hash, version) = (dc().hash(), Blob(VERSION.as_bytes()));
    says(agent, client, framing, &Client::Hello { dc_hash, version });
    assert_eq!(hears(agent, client, framing), [encode(&Client::HelloResp {})]);
    client
}

fn says(agent: &mut Agent, client: TestClient, framing: Framing, message: &Client<'_>) {
    let mut frame = Vec::new();
    // What comes by WebSocket has Astron's tags when its headers have been taken away.
    let framing = match framing {
        Framing::Message | Framing::Frames => Framing::Tag16,
        others => others,
    };
    framing.write(&mut frame, |writer| message.write(writer)).expect("small");
    let heard = agent.core.input(agent.now, client.key, &frame, &mut agent.out);
    assert_eq!(heard, Heard::default());
    agent.drain();
}

/// The datagrams that the client has been sent, which must be all of its bytes.
fn hears(agent: &mut Agent, client: TestClient, framing: Framing) -> Vec<Vec<u8>> {
    let bytes = agent.told.remove(&client.key).unwrap_or_default();
    let tagged = match framing {
        Framing::Message => return messages(&bytes),
        Framing::Frames => messages(&bytes).concat(),
        Framing::Tag16 | Framing::Tag32 => bytes,
    };
    let datagrams = framing.datagrams(&tagged);
    let lengths: usize = datagrams.clone().map(<[u8]>::len).sum();
    let tag = if framing == Framing::Tag32 { 4 } else { 2 };
    assert_eq!(lengths + tag * datagrams.clone().count(), tagged.len(), "{framing:?}");
    datagrams.map(<[u8]>::to_vec).collect()
}

/// The contents of short WebSocket messages.
fn messages(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    while let [0x82, length @ 0..126, rest @ ..] = bytes {
        let (message, after) = rest.split_at(usize::from(*length));
        found.push(message.to_vec());
        bytes = after;
    }
    assert!(bytes.is_empty());
    found
}

#[test]
fn a_broadcast_reaches_each_client_in_its_own_framing() {
    let mut agent = Agent::new();
    let clients = Framing::ALL.map(|framing| (welcomed(&mut agent, framing), framing));
    let all: Vec<Channel> = clients.iter().map(|(client, _)| client.channel).collect();
    let entering = StateServer::ObjectEnterLocationWithRequired { object: avatar(5, at(9, 1)) };
    for message in [&entering as &dyn Encode, &set_field(5, "level", b"\x02")] {
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes);
        Envelope::write_head(&mut writer, &all, AI);
        writer.raw(&message.bytes());
        agent.core.datagram(agent.now, &bytes, &mut agent.out);
        agent.drain();
    }
    let told = [enter(5, at(9, 1)), client_sets(5, "level", b"\x02")].map(|news| encode(&news));
    for (client, framing) in clients {
        assert_eq!(hears(&mut agent, client, framing), told, "{framing:?}");
    }
}

#[test]
fn what_the_cluster_sends_a_client_as_it_is_and_what_waits_for_an_interest_is_framed_too() {
    let mut agent = Agent::new();
    for framing in Framing::ALL {
        let client = welcomed(&mut agent, framing);
        agent.cluster(client.channel, &ClientAgent::SendDatagram { datagram: Blob(b"as it is") });
        assert_eq!(hears(&mut agent, client, framing), [b"as it is".to_vec()]);
        agent.cluster(client.channel, &ClientAgent::SetState { state: 2 });
        agent.routed();
        says(&mut agent, client, framing, &add_interest(1, 1, at(9, 1)));
        let query = agent.query(client.channel, DoId(9), &[1]);
        agent.answer_object(client, query, avatar(5, at(9, 1)));
        assert!(hears(&mut agent, client, framing).is_empty(), "not before it is complete");
        agent.answer_count(client, query, 1);
        let told = [enter(5, at(9, 1)), done(1, 1)].map(|news| encode(&news));
        assert_eq!(hears(&mut agent, client, framing), told, "{framing:?}");
    }
}

/// The code and the text of a close frame, which must be all.
fn close_of(bytes: &[u8]) -> (u16, &str) {
    let [0x88, length, a, b, text @ ..] = bytes else { panic!("{}", bytes.escape_ascii()) };
    assert_eq!(usize::from(*length), text.len() + 2);
    (u16::from_be_bytes([*a, *b]), str::from_utf8(text).expect("UTF-8"))
}

/// A client in this framing, and what it gets at its end, its ejects apart.
fn parted(framing: Framing, end: impl FnOnce(&mut Agent, TestClient)) -> (Vec<u8>, Vec<u8>) {
    let mut agent = Agent::new();
    let client = welcomed(&mut agent, framing);
    end(&mut agent, client);
    agent.drain();
    let bytes = agent.told.remove(&client.key).unwrap_or_default();
    let close = bytes.windows(2).rposition(|window| window[0] == 0x88 && window[1] > 1);
    let (messages, close) = bytes.split_at(close.unwrap_or(bytes.len()));
    (messages.to_vec(), close.to_vec())
}

#[test]
fn an_eject_comes_last_and_then_a_close_with_its_code_and_text() {
    let eject = |reason, text: &'static str| {
        move |agent: &mut Agent, client: TestClient| {
            let text = Blob(text.as_bytes());
            agent.cluster(client.channel, &ClientAgent::Eject { reason, text });
        }
    };
    for (reason, code) in [(0, 4000), (122, 4122), (999, 4999), (1000, 4999), (u16::MAX, 4999)] {
        for framing in [Framing::Message, Framing::Frames] {
            let (message, close) = parted(framing, eject(reason, "no \u{e9}"));
            assert_eq!(close_of(&close), (code, "no \u{e9}"));
            let datagram = encode(&Client::Eject { reason, text: Blob("no \u{e9}".as_bytes()) });
            let said = messages(&message).concat();
            let tag = if framing == Framing::Frames { 2 } else { 0 };
            assert_eq!(said[tag..], datagram);
        }
        let (bytes, close) = parted(Framing::Tag16, eject(reason, ""));
        assert!(close.is_empty() && !bytes.is_empty());
    }
}

#[test]
fn whatever_ends_a_session_closes_its_websocket_with_a_code() {
    let sends = |message: Client<'static>| {
        move |agent: &mut Agent, client: TestClient| {
            says(agent, client, Framing::Message, &message);
        }
    };
    let (_, close) = parted(Framing::Message, sends(Client::Disconnect {}));
    assert_eq!(close_of(&close), (1000, ""));
    let (_, close) = parted(Framing::Message, |agent, client| {
        agent.cluster(client.channel, &ClientAgent::Drop {});
    });
    assert_eq!(close_of(&close), (1000, ""));
    let (_, close) = parted(Framing::Message, |agent, _| {
        agent.core.shut_down(agent.now, 64, Stop::Restart, &mut agent.out);
    });
    assert_eq!(close_of(&close), (4160, "The server restarts."));
    for (parting, expected) in [
        (Parting::Closed(Some(1001)), (1001, "")),
        (Parting::Closed(None), (1000, "")),
        (Parting::Flaw(Flaw::Text), (1003, "a message is text, where there are only binary ones")),
    ] {
        let (_, close) = parted(Framing::Frames, |agent, client| {
            agent.core.parted(agent.now, client.key, parting, &mut agent.out);
        });
        assert_eq!(close_of(&close), expected);
    }
    // Who is gone is told nothing.
    let (bytes, close) = parted(Framing::Message, |agent, client| agent.lose(client));
    assert!(bytes.is_empty() && close.is_empty());
}

#[test]
fn who_has_no_session_is_told_why_and_closed_with_it() {
    let agent = Agent::new();
    let refused = agent.core.capacity_reached(Framing::Message);
    let (message, close) = refused.split_at(2 + 2 + 2 + 2 + "Client capacity reached".len());
    assert_eq!(messages(message).len(), 1);
    assert_eq!(close_of(close), (4001, "Client capacity reached"));
    let stopping = agent.core.stopping(Framing::Frames, Stop::ForGood);
    assert!(stopping.ends_with(b"\x10\x40The server stops."), "{}", stopping.escape_ascii());
}

#[test]
fn frames_that_say_nothing_are_paid_for_as_messages_and_hold_a_client_up() {
    let mut agent = Agent::new();
    let client = welcomed(&mut agent, Framing::Message);
    assert_eq!(agent.core.charge(agent.now, client.key, 9_000, &mut agent.out), None);
    let held = agent.core.charge(agent.now, client.key, 2_000, &mut agent.out);
    let held = held.expect("1000 a second, and ten seconds ahead");
    assert!(held > agent.now);
    agent.now = held;
    assert_eq!(agent.core.charge(agent.now, client.key, 0, &mut agent.out), None);
}

#[test]
fn a_websocket_that_ends_is_an_event_as_any_lost_client_is() {
    for (parting, reason) in [
        (Parting::Closed(Some(1001)), "end of file"),
        (Parting::Flaw(Flaw::Unmasked), "a frame is not masked"),
    ] {
        let mut agent = Agent::new();
        let client = welcomed(&mut agent, Framing::Message);
        agent.events.clear();
        agent.core.parted(agent.now, client.key, parting, &mut agent.out);
        agent.drain();
        let [event] = &agent.events[..] else { panic!("{:?}", agent.events) };
        let event = format!("{event:?}");
        assert!(event.contains("client-lost") && event.contains(reason), "{event}");
        assert_eq!(agent.closed[&client.key], CloseKind::Flushed);
    }
}
