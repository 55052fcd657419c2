//! Clients whose connections tell datagrams apart in different ways.

use super::*;
use crate::wire::Framing;

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
    match framing {
        // As it is when its header has been taken away.
        Framing::Message => frame = encode(message),
        _ => drop(framing.write(&mut frame, |writer| message.write(writer)).expect("small")),
    }
    let heard = agent.core.input(agent.now, client.key, &frame, &mut agent.out);
    assert_eq!(heard, Heard::default());
    agent.drain();
}

/// The datagrams that the client has been sent, which must be all of its bytes.
fn hears(agent: &mut Agent, client: TestClient, framing: Framing) -> Vec<Vec<u8>> {
    let bytes = agent.told.remove(&client.key).unwrap_or_default();
    let datagrams: Vec<Vec<u8>> = match framing {
        Framing::Message => messages(&bytes),
        _ => framing.datagrams(&bytes).map(<[u8]>::to_vec).collect(),
    };
    let mut framed = Vec::new();
    for datagram in &datagrams {
        framing.write(&mut framed, |writer| writer.raw(datagram)).expect("small");
    }
    assert_eq!(framed, bytes, "{framing:?}");
    datagrams
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
