//! What the cluster does with sessions.

use super::*;

#[test]
fn a_datagram_reaches_a_session_once_however_many_of_its_channels_it_names() {
    let mut agent = Agent::new();
    let (a, b) = (agent.established(), agent.established());
    let shared = Channel(5_000_000);
    for client in [a, b] {
        agent.cluster(client.channel, &ClientAgent::OpenChannel { channel: shared });
        agent.cluster(client.channel, &ClientAgent::OpenChannel { channel: shared });
    }
    let hi = ClientAgent::SendDatagram { datagram: Blob(b"hi") };
    agent.cluster_from(AI, &[shared, a.channel, Channel::CLIENTS, shared], &hi);
    assert_eq!((agent.told(a), agent.told(b)), (vec![b"hi".to_vec()], vec![b"hi".to_vec()]));

    agent.cluster(a.channel, &ClientAgent::CloseChannel { channel: shared });
    agent.cluster(shared, &hi);
    assert_eq!((agent.told(a).len(), agent.told(b).len()), (0, 1));
    agent.cluster(Channel(5_000_001), &hi);
    assert_eq!((agent.told(a).len(), agent.told(b).len()), (0, 0));
}

#[test]
fn the_router_hears_of_the_first_and_the_last_listener() {
    let mut agent = Agent::new();
    let (a, b) = (agent.established(), agent.established());
    let channel = Channel(5_000_000);
    let mut seen = Vec::new();
    for (client, message) in [
        (a, ClientAgent::OpenChannel { channel }),
        (b, ClientAgent::OpenChannel { channel }),
        (a, ClientAgent::CloseChannel { channel }),
        (a, ClientAgent::CloseChannel { channel }),
        (b, ClientAgent::CloseChannel { channel }),
    ] {
        agent.out.clear();
        agent.cluster(client.channel, &message);
        seen.push(format!("{:?}", agent.out.iter().collect::<Vec<_>>()));
    }
    let (on, off) = ("[Subscribe(Channel(5000000))]", "[Unsubscribe(Channel(5000000))]");
    assert_eq!(seen, [on, "[]", "[]", "[]", off]);
}

#[test]
fn what_a_session_itself_has_sent_is_ignored() {
    let mut agent = Agent::new();
    let (client, other) = (agent.established(), agent.established());
    for client in [client, other] {
        agent.open(client, 1, at(1, 2), &[50]);
    }
    let update = set_field(50, "level", b"\x07");
    agent.cluster_from(client.channel, &[at(1, 2).channel()], &update);
    agent.expect_told(client, &[]);
    agent.expect_told(other, &[client_sets(50, "level", b"\x07")]);
    let eject = ClientAgent::Eject { reason: 1, text: Blob(b"x") };
    agent.cluster_from(client.channel, &[client.channel], &eject);
    assert!(agent.is_open(client));
}

#[test]
fn sessions_of_one_agent_hear_each_other() {
    let mut agent = Agent::new();
    let (a, b) = (agent.established(), agent.established());
    agent.own(a, 50, at(1, 2));
    agent.own(b, 50, at(1, 2));
    for client in [a, b] {
        agent.cluster(client.channel, &ClientAgent::OpenChannel { channel: Channel(50) });
    }
    agent.routed();
    agent.send(a, &client_sets(50, "say", b"\x02\0hi"));
    // Once to the router for everyone else, and to the other session; never to the sender.
    agent.expect_routed(a.channel, &[(Channel(50), &set_field(50, "say", b"\x02\0hi"))]);
    agent.expect_told(a, &[]);
    agent.expect_told(b, &[client_sets(50, "say", b"\x02\0hi")]);
    // So do what a session leaves behind.
    let mut post_remove = Vec::new();
    ClientAgent::Eject { reason: 77, text: Blob(b"ann has gone") }.write_datagram(
        &mut Writer::new(&mut post_remove),
        &[b.channel],
        a.channel,
    );
    agent.cluster(a.channel, &ClientAgent::AddPostRemove { datagram: Blob(&post_remove) });
    agent.lose(a);
    agent.expect_told(b, &[Client::Eject { reason: 77, text: Blob(b"ann has gone") }]);
    assert!(!agent.is_open(b));
}

#[test]
fn a_client_is_given_another_channel() {
    let mut agent = Agent::new();
    let client = agent.established();
    let (first, second) = (Channel(5_000_000), Channel(5_000_001));
    let hi = ClientAgent::SendDatagram { datagram: Blob(b"hi") };
    agent.cluster(client.channel, &ClientAgent::SetClientId { channel: first });
    agent.cluster(first, &hi);
    agent.cluster(first, &ClientAgent::SetClientId { channel: second });
    agent.cluster(second, &hi);
    agent.cluster(client.channel, &hi);
    assert_eq!(agent.told(client).len(), 3);
    agent.cluster(first, &hi);
    assert_eq!(agent.told(client).len(), 0, "the channel before was given up");
    agent.routed();
    agent.send(client, &client_sets(1234, "request", b"\0\0"));
    agent.expect_routed(second, &[(LOGIN_UBERDOG.channel(), &set_field(1234, "request", b"\0\0"))]);
    // Its own messages are now those from there.
    agent.cluster_from(second, &[client.channel], &hi);
    assert_eq!(agent.told(client).len(), 0);
    agent.cluster_from(client.channel, &[client.channel], &hi);
    assert_eq!(agent.told(client).len(), 1);
}

#[test]
fn the_address_and_the_tlvs_are_told_to_whoever_asks() {
    let mut agent = Agent::new();
    let peer = Peer { tlvs: (*b"tlv").into(), ..Agent::peer() };
    let key = agent.core.connect(agent.now, peer, &mut agent.out).expect("a channel");
    let client = agent.client(key);
    agent.routed();
    let context = Context(5);
    for _ in 0..2 {
        agent.cluster(client.channel, &ClientAgent::GetTlvs { context });
        let tlvs = ClientAgent::GetTlvsResp { context, tlvs: Blob(b"tlv") };
        agent.expect_routed(client.channel, &[(AI, &tlvs)]);
    }
    agent.cluster(client.channel, &ClientAgent::GetNetworkAddress { context });
    let address = ClientAgent::GetNetworkAddressResp {
        context,
        remote_ip: Blob(b"203.0.113.5"),
        remote_port: 54321,
        local_ip: Blob(b"198.51.100.77"),
        local_port: 7198,
    };
    agent.expect_routed(client.channel, &[(AI, &address)]);
}

#[test]
fn declared_objects() {
    let mut agent = Agent::new();
    let client = agent.established();
    let declare = |do_id, class_id| ClientAgent::DeclareObject { do_id: DoId(do_id), class_id };
    agent.cluster(client.channel, &declare(50, AVATAR));
    // The first declaration stands, and one of an unknown class is none.
    agent.cluster(client.channel, &declare(50, PLAZA));
    agent.cluster(client.channel, &declare(51, UNKNOWN_CLASS));
    agent.routed();
    agent.send(client, &client_sets(50, "data", b"\0\0"));
    assert_eq!(agent.routed().len(), 1);
    // The cluster's updates of it are the client's business too.
    agent.cluster(client.channel, &set_field(50, "level", b"\x01"));
    agent.cluster(client.channel, &set_field(51, "level", b"\x01"));
    agent.expect_told(client, &[client_sets(50, "level", b"\x01")]);
    agent.cluster(client.channel, &ClientAgent::UndeclareObject { do_id: DoId(50) });
    agent.cluster(client.channel, &set_field(50, "level", b"\x01"));
    agent.expect_told(client, &[]);
    agent.send(client, &client_sets(50, "data", b"\0\0"));
    agent.expect_ejected(client, EjectReason::MissingObject);
}

#[test]
fn what_is_not_for_sessions_or_cut_short_harms_nobody() {
    let mut agent = Agent::new();
    let client = agent.established();
    let messages: [&dyn Encode; 4] = [
        &StateServer::DeleteAiObjects { ai: AI },
        &Database::ObjectDelete { do_id: DoId(5) },
        &ClientAgent::DoneInterestResp { client: AI, interest: InterestId(5) },
        &set_field(50, "level", b"\x07"),
    ];
    for message in messages {
        let mut bytes = Vec::new();
        Envelope::write_head(&mut Writer::new(&mut bytes), &[client.channel], AI);
        bytes.extend(message.bytes());
        for cut in 0..=bytes.len() {
            agent.core.datagram(agent.now, &bytes[..cut], &mut agent.out);
        }
    }
    agent.drain();
    agent.expect_told(client, &[]);
    assert_eq!(agent.routed(), []);
    assert!(agent.is_open(client));
}

#[test]
fn embedded_datagrams_end_where_they_say() {
    let mut agent = Agent::new();
    let client = agent.established();
    for number in [ClientAgent::CLIENTAGENT_SEND_DATAGRAM, ClientAgent::CLIENTAGENT_ADD_POST_REMOVE]
    {
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes);
        Envelope::write_head(&mut writer, &[client.channel], AI);
        writer.u16(number);
        writer.u16(500);
        writer.raw(b"only this");
        agent.core.datagram(agent.now, &bytes, &mut agent.out);
    }
    agent.drain();
    agent.expect_told(client, &[]);
    agent.lose(client);
    assert_eq!(agent.routed(), []);
}
