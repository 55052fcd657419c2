//! clientagent.md §2: hello, states, channels, the end of a session.

use std::time::Duration;

use super::*;
use crate::harness::client_datagram_of;
use crate::harness::world::COMPUTED_DC_HASH;

const fn hello(dc_hash: u32, version: &str) -> ClientMessage<'_> {
    ClientMessage::Hello { dc_hash, version: Blob(version.as_bytes()) }
}

#[test]
fn a_client_with_the_right_hash_and_version_is_welcome() {
    let stage = Stage::start();
    let mut client = stage.daemon.client();
    // Length, type 1, hash, version; the answer is type 2.
    client.stream().send_raw(b"\x0f\0\x01\0\xcd\xab\x23\x01\x07\0world 1");
    assert_eq!(client.receive(), b"\x02\0");
}

#[test]
fn lengths_have_four_bytes_if_the_agent_says_so() {
    let mut stage = Stage::with(", client: {tcp_header_size: 4}");
    let mut client = stage.daemon.client();
    client.stream().send_raw(b"\x0f\0\0\0\x01\0\xcd\xab\x23\x01\x07\0world 1");
    let answer = [2, 0, 0, 0, 2, 0];
    let mut came = [0; 6];
    std::io::Read::read_exact(&mut client.stream().socket(), &mut came).expect("an answer");
    assert_eq!(came, answer);
    let session = channel_of(&stage.daemon, &client);
    let word = vec![7; 60_000];
    stage.tell(session, &ClientAgent::SendDatagram { datagram: Blob(&word) });
    let mut came = vec![0; 60_004];
    std::io::Read::read_exact(&mut client.stream().socket(), &mut came).expect("a word");
    assert!(came[..4] == 60_000u32.to_le_bytes() && came[4..] == word);
    // Whoever does not have them is told what may be wrong.
    let mut narrow = stage.daemon.client();
    narrow.send(&hello(DC_HASH, VERSION));
    wait_until("that is said", || {
        stage.daemon.log().contains("may be another than client.tcp_header_size").then_some(())
    });
    let stage = Stage::start();
    let mut wide = stage.daemon.client();
    wide.stream().send_raw(b"\x0f\0\0\0\x01\0\xcd\xab\x23\x01\x07\0world 1");
    wait_until("that is said", || {
        stage.daemon.log().contains("a client whose lengths have 4 bytes").then_some(())
    });
}

#[test]
fn the_expected_hash_is_that_of_the_dc_files() {
    let role = "type: clientagent, bind: $CA, version: world 1, \
                channels: {min: 3000000, max: 3000009}";
    let daemon = Setup::new().role(role).start();
    let mut client = daemon.client();
    client.send(&hello(COMPUTED_DC_HASH, VERSION));
    client.expect(&ClientMessage::HelloResp {});
    let mut stranger = daemon.client();
    stranger.send(&hello(COMPUTED_DC_HASH ^ 1, VERSION));
    stranger.expect_eject(EjectReason::BadDcHash);
}

#[test]
fn a_wrong_hash_is_told_the_right_one() {
    let stage = Stage::start();
    let mut client = stage.daemon.client();
    client.send(&hello(0xabc, VERSION));
    let text = client.expect_eject_with(EjectReason::BadDcHash as u16);
    assert!(text.contains("0xabc") && text.contains("0x123abcd"), "{text}");
}

#[test]
fn a_wrong_version_is_told_the_right_one() {
    let stage = Stage::start();
    let mut client = stage.daemon.client();
    // The hash is wrong as well; the version counts first.
    client.send(&hello(0xabc, "world 2"));
    let text = client.expect_eject_with(EjectReason::BadVersion as u16);
    assert!(text.contains("world 1") && text.contains("world 2"), "{text}");
}

#[test]
fn the_right_hash_and_version_can_be_kept_secret() {
    let stage = Stage::with(", client: {send_hash: false, send_version: false}");
    let mut client = stage.daemon.client();
    client.send(&hello(DC_HASH, "world 2"));
    let text = client.expect_eject_with(EjectReason::BadVersion as u16);
    assert!(!text.contains("world 1"), "{text}");
    let mut client = stage.daemon.client();
    client.send(&hello(0xabc, VERSION));
    let text = client.expect_eject_with(EjectReason::BadDcHash as u16);
    assert!(!text.contains("123abcd"), "{text}");
}

#[test]
fn the_first_message_has_to_be_hello() {
    let stage = Stage::start();
    for message in [
        ClientMessage::Heartbeat {},
        ClientMessage::Disconnect {},
        update(LOGIN, login::LOGIN, &Values::new().string("me").u8(1)),
    ] {
        let mut client = stage.daemon.client();
        client.send(&message);
        client.expect_eject(EjectReason::NoHello);
    }
}

#[test]
fn a_hello_cut_short_is_no_hello() {
    let stage = Stage::start();
    let whole = client_datagram_of(&hello(DC_HASH, VERSION));
    for end in 0..whole.len() {
        let mut client = stage.daemon.client();
        client.stream().send(&whole[..end]);
        client.expect_eject(EjectReason::TruncatedDatagram);
    }
}

#[test]
fn hello_is_said_once() {
    let mut stage = Stage::start();
    let (mut client, _) = stage.anonymous();
    client.send(&hello(DC_HASH, VERSION));
    client.expect_eject(EjectReason::InvalidMsgtype);
    let (mut client, _) = stage.established();
    client.send(&hello(DC_HASH, VERSION));
    client.expect_eject(EjectReason::InvalidMsgtype);
}

#[test]
fn an_anonymous_client_may_not_have_interests_nor_move_anything() {
    let mut stage = Stage::start();
    let context = Context(1);
    for message in [
        ClientMessage::AddInterest { context, interest: INTEREST, location: HERE },
        ClientMessage::RemoveInterest { context, interest: INTEREST },
        ClientMessage::ObjectLocation { do_id: LOGIN, location: HERE },
        ClientMessage::ObjectLeaving { do_id: LOGIN },
    ] {
        let (mut client, _) = stage.anonymous();
        client.send(&message);
        client.expect_eject(EjectReason::InvalidMsgtype);
    }
}

#[test]
fn an_anonymous_client_may_talk_to_an_anonymous_uberdog() {
    let mut stage = Stage::start();
    let mut uberdog = stage.hearer(LOGIN);
    let (mut client, channel) = stage.anonymous();
    let value = Values::new().string("me").u8(9);
    client.send(&update(LOGIN, login::LOGIN, &value));
    uberdog.expect(LOGIN, channel, &routed(LOGIN, login::LOGIN, &value));
    // And the UberDOG to it.
    let code = Values::new().u8(3);
    uberdog.send(channel, LOGIN, &routed(LOGIN, login::ANSWER, &code));
    client.expect(&update(LOGIN, login::ANSWER, &code));
}

#[test]
fn a_client_has_to_log_in_before_it_may_talk_to_others() {
    let mut stage = Stage::start();
    let mut uberdog = stage.hearer(MAIL);
    let (mut client, _) = stage.anonymous();
    let value = Values::new().u32(7).string("hi");
    client.send(&update(MAIL, mail::SEND, &value));
    client.expect_eject(EjectReason::AnonymousViolation);
    uberdog.expect_nothing_from(&mut stage.server);
    let (mut client, channel) = stage.established();
    client.send(&update(MAIL, mail::SEND, &value));
    uberdog.expect(MAIL, channel, &routed(MAIL, mail::SEND, &value));
}

#[test]
fn a_state_may_be_taken_back() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    stage.tell(channel, &ClientAgent::SetState { state: 0 });
    stage.sync(&mut client, channel);
    client.send(&ClientMessage::Heartbeat {});
    client.expect_eject(EjectReason::NoHello);
}

#[test]
fn a_client_may_say_goodbye() {
    let mut stage = Stage::start();
    let (mut client, _) = stage.anonymous();
    client.send(&ClientMessage::Disconnect {});
    client.expect_closed();
    let (mut client, _) = stage.established();
    client.send(&ClientMessage::Disconnect {});
    client.expect_closed();
}

#[test]
fn a_client_that_shows_no_sign_of_life_is_ejected() {
    let mut stage = Stage::with(", client: {heartbeat_timeout: 300}");
    let (mut client, channel) = stage.anonymous();
    // Only hello and heartbeats are signs of life.
    client.send(&update(LOGIN, login::LOGIN, &Values::new().string("me").u8(1)));
    stage.sync(&mut client, channel);
    client.expect_eject(EjectReason::NoHeartbeat);
}

#[test]
fn a_client_that_shows_signs_of_life_stays() {
    let mut stage = Stage::with(", client: {heartbeat_timeout: 4000}");
    let (mut steady, channel) = stage.anonymous();
    // Another client, who came later and says no more, is ejected first.
    let (mut silent, _) = stage.anonymous();
    let ejected = loop {
        steady.send(&ClientMessage::Heartbeat {});
        stage.sync(&mut steady, channel);
        match silent.stream().receive_within(Duration::from_millis(50)) {
            Received::Nothing => {}
            other => break other,
        }
    };
    assert!(matches!(ejected, Received::Datagram(_)), "{ejected:?}");
    stage.sync(&mut steady, channel);
}

#[test]
fn every_client_has_a_channel_of_its_own_and_hears_the_one_of_all_clients() {
    let mut stage = Stage::start();
    let mut clients: Vec<_> = (0..5).map(|_| stage.anonymous()).collect();
    stage.tell(Channel::CLIENTS, &ClientAgent::SendDatagram { datagram: Blob(b"to all") });
    for (client, _) in &mut clients {
        assert_eq!(client.receive(), b"to all");
    }
    for (client, channel) in &mut clients {
        let text = channel.to_string();
        stage.tell(*channel, &ClientAgent::SendDatagram { datagram: Blob(text.as_bytes()) });
        assert_eq!(client.receive(), text.as_bytes());
    }
}

#[test]
fn freed_channels_are_given_again_in_the_order_in_which_they_came_back() {
    let role = "type: clientagent, bind: $CA, version: world 1, manual_dc_hash: 0x0123abcd, \
                channels: {min: 3000000, max: 3000002}";
    let daemon = Setup::new()
        .uberdog(format!("id: {LOGIN}, class: Login, anonymous: true"))
        .role(role)
        .start();
    let (mut uberdog, mut server) = (daemon.link(), daemon.link());
    uberdog.subscribe([LOGIN.channel(), SERVER]);
    let value = Values::new().string("me").u8(1);
    let come = |uberdog: &mut Link| {
        let mut client = daemon.client();
        client.hello();
        client.send(&update(LOGIN, login::LOGIN, &value));
        (client, uberdog.receive().envelope().sender)
    };
    let mut clients: Vec<_> = (0..3).map(|_| come(&mut uberdog)).collect();
    let given: Vec<Channel> = clients.iter().map(|(_, channel)| *channel).collect();
    // One after the other, from anywhere on.
    let follow =
        |channel: &Channel| if channel.0 == 3_000_002 { FIRST } else { Channel(channel.0 + 1) };
    assert_eq!(given[1..], [follow(&given[0]), follow(&given[1])]);
    for index in [1, 0] {
        let (client, channel) = clients.remove(index);
        // When this comes, the channel is free.
        let gone = datagram_of(SERVER, channel, &ClientAgent::Drop {});
        server.send(channel, SERVER, &ClientAgent::AddPostRemove { datagram: Blob(&gone) });
        server.sync();
        client.close();
        uberdog.expect(SERVER, channel, &ClientAgent::Drop {});
    }
    for expected in [given[1], given[0]] {
        let (client, channel) = come(&mut uberdog);
        assert_eq!(channel, expected, "in the order in which they were freed");
        clients.push((client, channel));
    }
}

#[test]
fn several_messages_may_come_at_once_and_one_in_pieces() {
    let mut stage = Stage::start();
    let mut uberdog = stage.hearer(LOGIN);
    let (mut client, channel) = stage.anonymous();
    let mut bytes = Vec::new();
    let values: Vec<Values> = (0..5).map(|kind| Values::new().string("me").u8(kind)).collect();
    for value in &values {
        let datagram = client_datagram_of(&update(LOGIN, login::LOGIN, value));
        bytes.extend((datagram.len() as u16).to_le_bytes());
        bytes.extend(datagram);
    }
    client.stream().send_raw(&bytes);
    for value in &values {
        uberdog.expect(LOGIN, channel, &routed(LOGIN, login::LOGIN, value));
    }
    for byte in &bytes {
        client.stream().send_raw(&[*byte]);
    }
    for value in &values {
        uberdog.expect(LOGIN, channel, &routed(LOGIN, login::LOGIN, value));
    }
}
