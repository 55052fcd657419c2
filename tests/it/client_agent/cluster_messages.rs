//! clientagent.md §5: what the cluster can tell a session.

use super::*;

#[test]
fn a_client_can_be_ejected_with_any_reason() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.anonymous();
    let text = Blob(b"The server is closed for tea.");
    stage.tell(channel, &ClientAgent::Eject { reason: 4321, text });
    assert_eq!(client.expect_eject_with(4321), "The server is closed for tea.");
}

#[test]
fn a_client_can_be_dropped_without_a_word() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    // What was said before still arrives.
    stage.tell(channel, &ClientAgent::SendDatagram { datagram: Blob(b"last words") });
    stage.tell(channel, &ClientAgent::Drop {});
    assert_eq!(client.receive(), b"last words");
    client.expect_closed();
}

#[test]
fn a_session_can_listen_to_more_channels() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    let (team, guild) = (Channel(44_000), Channel(44_001));
    stage.tell(channel, &ClientAgent::OpenChannel { channel: team });
    stage.tell(channel, &ClientAgent::OpenChannel { channel: guild });
    stage.sync(&mut client, channel);
    stage.sync(&mut client, team);
    stage.sync(&mut client, guild);
    stage.tell(channel, &ClientAgent::CloseChannel { channel: team });
    stage.sync(&mut client, channel);
    stage.tell(team, &ClientAgent::SendDatagram { datagram: Blob(b"too late") });
    stage.sync(&mut client, guild);
}

#[test]
fn the_post_removes_of_a_session_are_sent_when_it_ends() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    let mut hearer = stage.hearer([SERVER, MAIL.channel()]);
    let gone = |reason| ClientAgent::Eject { reason, text: Blob(b"gone") };
    for reason in [1, 2] {
        let datagram = datagram_of([SERVER, MAIL.channel()], channel, &gone(reason));
        stage.tell(channel, &ClientAgent::AddPostRemove { datagram: Blob(&datagram) });
    }
    stage.sync(&mut client, channel);
    client.close();
    for reason in [1, 2] {
        hearer.expect([SERVER, MAIL.channel()], channel, &gone(reason));
    }
    hearer.expect_nothing_from(&mut stage.server);
}

#[test]
fn cleared_post_removes_of_a_session_are_not_sent() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    let mut hearer = stage.hearer(SERVER);
    let gone = |reason| ClientAgent::Eject { reason, text: Blob(b"gone") };
    let (first, second) =
        (datagram_of(SERVER, channel, &gone(1)), datagram_of(SERVER, channel, &gone(2)));
    stage.tell(channel, &ClientAgent::AddPostRemove { datagram: Blob(&first) });
    stage.tell(channel, &ClientAgent::ClearPostRemoves {});
    stage.tell(channel, &ClientAgent::AddPostRemove { datagram: Blob(&second) });
    stage.sync(&mut client, channel);
    client.close();
    hearer.expect(SERVER, channel, &gone(2));
}

#[test]
fn a_session_says_where_its_client_comes_from() {
    let mut stage = Stage::start();
    let (client, channel) = stage.anonymous();
    let mut asker = stage.hearer(SERVER);
    stage.tell(channel, &ClientAgent::GetNetworkAddress { context: Context(9) });
    let (remote, local) = (client.address(), stage.daemon.address("CA"));
    asker.expect(
        SERVER,
        channel,
        &ClientAgent::GetNetworkAddressResp {
            context: Context(9),
            remote_ip: Blob(b"127.0.0.1"),
            remote_port: remote.port(),
            local_ip: Blob(b"127.0.0.1"),
            local_port: local.port(),
        },
    );
    stage.tell(channel, &ClientAgent::GetTlvs { context: Context(10) });
    let tlvs = Blob(b"");
    asker.expect(SERVER, channel, &ClientAgent::GetTlvsResp { context: Context(10), tlvs });
}

#[test]
fn a_session_answers_in_the_name_that_it_was_given() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.anonymous();
    let given = Channel(555 << 32);
    stage.tell(channel, &ClientAgent::SetClientId { channel: given });
    stage.sync(&mut client, channel);
    let mut asker = stage.hearer(SERVER);
    stage.tell(channel, &ClientAgent::GetTlvs { context: Context(10) });
    let tlvs = Blob(b"");
    asker.expect(SERVER, given, &ClientAgent::GetTlvsResp { context: Context(10), tlvs });
}

#[test]
fn messages_that_make_no_sense_to_a_session_are_ignored() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    stage.tell(channel, &ClientAgent::UndeclareObject { do_id: OBJECT });
    stage.tell(channel, &ClientAgent::RemoveSessionObject { do_id: OBJECT });
    let declare = ClientAgent::DeclareObject { do_id: OBJECT, class_id: avatar::CLASS };
    stage.tell(channel, &declare);
    stage.tell(channel, &declare);
    stage.tell(channel, &ClientAgent::AddSessionObject { do_id: OTHER });
    stage.tell(channel, &ClientAgent::AddSessionObject { do_id: OTHER });
    stage.tell(channel, &StateServer::ObjectSetAi { ai: SERVER });
    stage.tell(channel, &Database::ObjectDelete { do_id: OBJECT });
    let count = DoId(4);
    stage.tell(channel, &StateServer::ObjectGetZonesCountResp { context: Context(99), count });
    let whole = datagram_of(channel, SERVER, &declare);
    for cut in 1..=6 {
        stage.server.stream().send(&whole[..whole.len() - cut]);
    }
    stage.sync(&mut client, channel);
}
