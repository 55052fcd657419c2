//! From the connection to an established client.

use super::*;

fn hello(dc_hash: u32, version: &str) -> Client<'_> {
    Client::Hello { dc_hash, version: Blob(version.as_bytes()) }
}

#[test]
fn a_session_listens_to_its_channel_and_to_that_of_all_clients() {
    let mut agent = Agent::new();
    let client = agent.connect();
    let mut subscribed = Vec::new();
    for effect in agent.out.iter() {
        match effect {
            Effect::Subscribe(channel) => subscribed.push(channel),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(subscribed, [client.channel, Channel::CLIENTS]);
    agent.out.clear();
    // The second session listens to channel 10 too, which the router need not hear.
    agent.connect();
    assert_eq!(agent.out.iter().count(), 1);
    let event = Event::new("client-connected", format!("Client:{}", client.channel))
        .with("remote_address", "203.0.113.5:54321")
        .with("local_address", "198.51.100.77:7198");
    assert_eq!(agent.events[0], event);
}

#[test]
fn a_right_hello_is_answered() {
    let mut agent = Agent::new();
    let client = agent.connect();
    agent.send(client, &hello(dc().hash(), VERSION));
    agent.expect_told(client, &[Client::HelloResp {}]);
    // An anonymous client may not say it again.
    agent.send(client, &hello(dc().hash(), VERSION));
    agent.expect_ejected(client, EjectReason::InvalidMsgtype);
}

#[test]
fn a_version_that_is_no_text_and_long_is_cut_so_that_the_eject_can_be_told() {
    let version = vec![0x80; 40_000];
    let hello = Client::Hello { dc_hash: dc().hash(), version: Blob(&version) };
    let mut agent = Agent::new();
    let client = agent.connect();
    agent.send(client, &hello);
    let text = agent.expect_ejected(client, EjectReason::BadVersion);
    assert_eq!(text.chars().filter(|found| *found == '\u{fffd}').count(), 1024);
    assert!(text.contains("… and 38976 bytes, server="), "{text}");
}

#[test]
fn a_wrong_hello_is_ejected_with_what_would_be_right() {
    let hash = dc().hash();
    for (told, dc_hash, version, reason, text) in [
        (
            true,
            hash,
            "v2",
            EjectReason::BadVersion,
            "Client version mismatch: client=v2, server=v1".into(),
        ),
        (false, hash, "v2", EjectReason::BadVersion, "Client version mismatch: client=v2".into()),
        // The version comes first.
        (false, 0xb, "", EjectReason::BadVersion, "Client version mismatch: client=".into()),
        (
            true,
            0xb,
            VERSION,
            EjectReason::BadDcHash,
            format!("Client DC hash mismatch: client=0xb, server=0x{hash:x}"),
        ),
        (
            false,
            0xb,
            VERSION,
            EjectReason::BadDcHash,
            "Client DC hash mismatch: client=0xb".to_string(),
        ),
    ] {
        let mut agent = Agent::with(|config| {
            config.client.send_version = told;
            config.client.send_hash = told;
        });
        let client = agent.connect();
        agent.send(client, &hello(dc_hash, version));
        assert_eq!(agent.expect_ejected(client, reason), text);
    }
}

#[test]
fn a_hash_given_by_hand_replaces_that_of_the_files_for_this_agent_only() {
    let mut by_hand = Agent::with(|config| config.dc_hashes = vec![0xabc]);
    let client = by_hand.connect();
    by_hand.send(client, &hello(0xabc, VERSION));
    by_hand.expect_told(client, &[Client::HelloResp {}]);
    // Another agent of the same process has its own.
    Agent::new().anonymous();
}

#[test]
fn before_hello_nothing_else_is_heard() {
    for message in [Client::Heartbeat {}, Client::Disconnect {}, client_sets(1234, "request", b"")]
    {
        let mut agent = Agent::new();
        let client = agent.connect();
        agent.send(client, &message);
        agent.expect_ejected(client, EjectReason::NoHello);
        assert_eq!(agent.routed(), []);
    }
}

#[test]
fn a_hello_that_is_cut_or_too_long() {
    let whole = encode(&hello(dc().hash(), VERSION));
    for cut in 0..whole.len() {
        let mut agent = Agent::new();
        let client = agent.connect();
        agent.send_datagram(client, &whole[..cut]);
        agent.expect_ejected(client, EjectReason::TruncatedDatagram);
    }
    let mut agent = Agent::new();
    let client = agent.connect();
    agent.send_datagram(client, &[&whole[..], b"x"].concat());
    assert_eq!(agent.told[&client.key][..4], [2, 0, 2, 0], "the response comes first");
    agent.expect_ejected(client, EjectReason::OversizedDatagram);
}

#[test]
fn an_empty_datagram_is_truncated_in_any_state() {
    for client in [Agent::connect, Agent::anonymous, Agent::established] {
        for datagram in [&b""[..], b"\x78"] {
            let mut agent = Agent::new();
            let client = client(&mut agent);
            agent.send_datagram(client, datagram);
            agent.expect_ejected(client, EjectReason::TruncatedDatagram);
        }
    }
}

#[test]
fn what_an_anonymous_client_may_send() {
    let location = at(5, 6);
    for message in [
        add_interest(1, 1, location),
        remove_interest(1, 1),
        Client::ObjectLocation { do_id: DoId(1), location },
        leaving(1),
    ] {
        let mut agent = Agent::new();
        let client = agent.anonymous();
        agent.send(client, &message);
        agent.expect_ejected(client, EjectReason::InvalidMsgtype);
    }
    let mut agent = Agent::new();
    let client = agent.anonymous();
    agent.send(client, &Client::Heartbeat {});
    agent.routed();
    agent.send(client, &client_sets(1234, "request", b"\x02\0me"));
    let update = set_field(1234, "request", b"\x02\0me");
    agent.expect_routed(client.channel, &[(LOGIN_UBERDOG.channel(), &update)]);
    assert!(agent.is_open(client));
}

#[test]
fn before_login_only_anonymous_uberdogs_are_spoken_to() {
    for (do_id, reason) in [
        (PLAZA_UBERDOG, EjectReason::AnonymousViolation),
        (DoId(50), EjectReason::AnonymousViolation),
        (DoId(51), EjectReason::MissingObject),
    ] {
        let mut agent = Agent::new();
        let client = agent.anonymous();
        // Being declared does not help.
        let declare = ClientAgent::DeclareObject { do_id: DoId(50), class_id: AVATAR };
        agent.cluster(client.channel, &declare);
        agent.send(client, &client_sets(do_id.0, "data", b"\0\0"));
        agent.expect_ejected(client, reason);
    }
}

#[test]
fn the_cluster_sets_any_state_at_any_time() {
    let mut agent = Agent::new();
    let client = agent.connect();
    agent.cluster(client.channel, &ClientAgent::SetState { state: 2 });
    agent.open(client, 1, at(5, 6), &[]);
    // No such state: nothing changes.
    agent.cluster(client.channel, &ClientAgent::SetState { state: 3 });
    agent.open(client, 2, at(5, 7), &[]);
    agent.cluster(client.channel, &ClientAgent::SetState { state: 1 });
    agent.send(client, &Client::Heartbeat {});
    agent.cluster(client.channel, &ClientAgent::SetState { state: 0 });
    agent.send(client, &Client::Heartbeat {});
    agent.expect_ejected(client, EjectReason::NoHello);
}

#[test]
fn clients_beyond_the_channels_are_refused_and_freed_channels_used_again() {
    let mut agent = Agent::with(|config| {
        config.channels = ChannelRange::new(FIRST_CHANNEL, Channel(FIRST_CHANNEL.0 + 1)).unwrap();
    });
    let first = agent.connect();
    agent.connect();
    let refused = agent.core.connect(agent.now, Agent::peer(), &mut agent.out).expect_err("full");
    let frame = Frames::new(&refused).next().expect("a frame");
    let text = Blob(b"Client capacity reached");
    assert_eq!(frame.datagram(), encode(&Client::Eject { reason: 1, text }));
    assert_eq!(agent.core.session_count(), 2);
    agent.lose(first);
    agent.routed();
    let key = agent.core.connect(agent.now, Agent::peer(), &mut agent.out).expect("a channel");
    assert_ne!(key, first.key);
    agent.cluster(first.channel, &ClientAgent::SendDatagram { datagram: Blob(b"hi") });
    assert_eq!(agent.told(TestClient { key, channel: first.channel }), [b"hi"]);
    // The key of the session that has ended is no longer anyone's.
    agent.send(first, &Client::Heartbeat {});
    assert_eq!(agent.core.session_count(), 2);
}

#[test]
fn a_client_that_never_says_hello_is_put_out() {
    let mut agent = Agent::new();
    let (silent, polite) = (agent.connect(), agent.anonymous());
    agent.pass(9_999);
    assert!(agent.is_open(silent));
    agent.pass(1);
    agent.expect_ejected(silent, EjectReason::NoHello);
    assert!(agent.is_open(polite));

    let mut patient = Agent::with(|config| config.handshake_timeout_ms = 0);
    let silent = patient.connect();
    assert_eq!(patient.core.next_deadline(), None);
    patient.pass(100_000_000);
    assert!(patient.is_open(silent));
}

#[test]
fn only_hello_and_heartbeats_are_signs_of_life() {
    let mut agent = Agent::with(|config| config.client.heartbeat_timeout_ms = 1000);
    let client = agent.connect();
    agent.pass(900);
    let dc_hash = dc().hash();
    agent.send(client, &Client::Hello { dc_hash, version: Blob(VERSION.as_bytes()) });
    agent.pass(900);
    agent.send(client, &Client::Heartbeat {});
    agent.pass(900);
    agent.send(client, &client_sets(1234, "request", b"\0\0"));
    assert!(agent.is_open(client));
    agent.pass(99);
    assert!(agent.is_open(client));
    agent.pass(1);
    agent.expect_ejected(client, EjectReason::NoHeartbeat);
}

#[test]
fn a_client_that_does_not_log_in_is_put_out_when_it_has_said_nothing_for_long() {
    let watched = || Agent::with(|config| config.anonymous_timeout_ms = 20_000);
    let mut agent = watched();
    let (silent, alive, busy) = (agent.anonymous(), agent.anonymous(), agent.anonymous());
    let established = agent.established();
    agent.pass(15_000);
    agent.send(alive, &Client::Heartbeat {});
    agent.send(busy, &client_sets(1234, "request", b"\0\0"));
    agent.pass(4_999);
    assert!(agent.is_open(silent));
    agent.pass(1);
    let text = agent.expect_ejected(silent, EjectReason::NoHeartbeat);
    assert!(text.contains("log in"), "{text}");
    for client in [alive, busy, established] {
        assert!(agent.is_open(client));
    }
    agent.pass(14_999);
    assert!(agent.is_open(alive) && agent.is_open(busy));
    agent.pass(1);
    agent.expect_ejected(alive, EjectReason::NoHeartbeat);
    agent.expect_ejected(busy, EjectReason::NoHeartbeat);
    agent.pass(1_000_000);
    assert!(agent.is_open(established));

    // One that is set back has the whole time again, however often that happens.
    for _ in 0..100 {
        agent.cluster(established.channel, &ClientAgent::SetState { state: 1 });
        agent.cluster(established.channel, &ClientAgent::SetState { state: 2 });
    }
    agent.cluster(established.channel, &ClientAgent::SetState { state: 1 });
    agent.pass(19_999);
    assert!(agent.is_open(established));
    agent.now += Duration::from_millis(1);
    agent.core.on_deadline(agent.now, &mut agent.out);
    assert_eq!(agent.core.drain_silent().count(), 1, "there is one deadline");

    // Also without a limit on the hello.
    let mut agent = Agent::with(|config| {
        config.handshake_timeout_ms = 0;
        config.anonymous_timeout_ms = 20_000;
    });
    let client = agent.connect();
    agent.pass(20_000);
    agent.expect_ejected(client, EjectReason::NoHeartbeat);
}

#[test]
fn nobody_is_put_out_of_whom_something_lies_unread() {
    let mut agent = Agent::with(|config| {
        config.client.heartbeat_timeout_ms = 1_000;
        config.anonymous_timeout_ms = 3_000;
        config.handshake_timeout_ms = 2_000;
    });
    let unread = |agent: &mut Agent, ms: u64| -> Vec<Silence> {
        agent.now += Duration::from_millis(ms);
        agent.core.on_deadline(agent.now, &mut agent.out);
        let silent: Vec<_> = agent.core.drain_silent().collect();
        silent.iter().for_each(|who| agent.core.judge(agent.now, *who, true, &mut agent.out));
        agent.drain();
        silent.into_iter().map(|(_, silence)| silence).collect()
    };
    let (late, stalled) = (agent.connect(), agent.anonymous());
    let asked = unread(&mut agent, 10_000);
    let expected = [
        Silence::Heartbeat,
        Silence::Heartbeat,
        Silence::Hello,
        Silence::Anonymous,
        Silence::Anonymous,
    ];
    assert_eq!(asked, expected);
    assert!(agent.is_open(late) && agent.is_open(stalled));
    // They are asked again soon, and what has been read by then counts.
    assert!(agent.core.next_deadline().is_some_and(|at| at - agent.now < Duration::from_secs(1)));
    agent.send(stalled, &Client::Heartbeat {});
    agent.pass(200);
    assert!(agent.is_open(stalled));
    assert!(!agent.is_open(late), "it had said nothing after all");
    agent.pass(799);
    assert!(agent.is_open(stalled));
    agent.pass(1);
    agent.expect_ejected(stalled, EjectReason::NoHeartbeat);
}

/// Any version of the list goes with any hash of the list; 0 stands for those of the DC files.
#[test]
fn several_versions_and_hashes_are_right() {
    let of_files = dc().hash();
    let agent = |told: bool| {
        Agent::with(|config| {
            config.versions = vec!["1.0".into(), "1.1".into()];
            config.dc_hashes = vec![0xabc, 0];
            config.client.send_version = told;
            config.client.send_hash = told;
        })
    };
    for version in ["1.0", "1.1"] {
        for hash in [0xabc, of_files] {
            let mut agent = agent(true);
            let client = agent.connect();
            agent.send(client, &hello(hash, version));
            agent.expect_told(client, &[Client::HelloResp {}]);
        }
    }
    let refused = |told: bool, hash: u32, version: &str, reason: EjectReason| {
        let mut agent = agent(told);
        let client = agent.connect();
        agent.send(client, &hello(hash, version));
        agent.expect_ejected(client, reason)
    };
    let text = refused(true, of_files, "1.2", EjectReason::BadVersion);
    assert_eq!(text, "Client version mismatch: client=1.2, server=1.0 or 1.1");
    let text = refused(true, 0xabd, "1.1", EjectReason::BadDcHash);
    let expected = format!("Client DC hash mismatch: client=0xabd, server=0xabc or 0x{of_files:x}");
    assert_eq!(text, expected);
    let text = refused(false, 0xabd, "1.1", EjectReason::BadDcHash);
    assert_eq!(text, "Client DC hash mismatch: client=0xabd");
}

#[test]
fn of_many_right_versions_only_some_are_said() {
    let mut agent = Agent::with(|config| {
        config.versions = (0..60_000).map(|version| version.to_string()).collect();
    });
    let client = agent.connect();
    agent.send(client, &hello(dc().hash(), "?"));
    let text = agent.expect_ejected(client, EjectReason::BadVersion);
    let expected = "client=?, server=0 or 1 or 2 or 3 or 4 or 5 or 6 or 7 or 59992 others";
    assert!(text.ends_with(expected), "{text}");
}

#[test]
fn limits_and_time_outs_can_be_changed_for_sessions_that_are_there() {
    let mut agent = Agent::new();
    let client = agent.established();
    let mut newer = config();
    newer.client.heartbeat_timeout_ms = 1_000;
    newer.limits.interests = 1;
    agent.core.reconfigure(agent.now, &newer, &mut agent.out);
    agent.pass(999);
    assert!(agent.is_open(client));
    agent.pass(2);
    agent.expect_ejected(client, EjectReason::NoHeartbeat);
    let second = agent.established();
    newer.client.heartbeat_timeout_ms = 0;
    agent.core.reconfigure(agent.now, &newer, &mut agent.out);
    agent.pass(60_000);
    assert!(agent.is_open(second), "there is no such limit any more");
}
