//! Ejects, permissions and channels.

use crate::client_agent::*;
use crate::harness::world::{DC_HASH, VERSION, avatar, login, mail};
use crate::harness::*;

const GONE: ClientAgent<'_> = ClientAgent::Drop {};

/// What comes to `PARENT` when the session has ended.
fn announce_end(stage: &mut Stage, client: &mut Client, session: Channel) {
    let gone = datagram_of(PARENT, session, &GONE);
    stage.tell(session, &ClientAgent::AddPostRemove { datagram: Blob(&gone) });
    stage.sync(client, session);
}

#[test]
fn bug_03_a_dc_file_may_have_keywords_of_its_own() {
    let role = "type: clientagent, bind: $CA, version: world 1, \
                channels: {min: 3000000, max: 3000009}";
    let dc = "keyword foo; dclass A { f(uint8 x) foo; };";
    let daemon = Setup::new().dc(dc).role(role).start();
    let mut client = daemon.client();
    // The hash that Panda3D gives the file.
    let version = Blob(VERSION.as_bytes());
    client.send(&ClientMessage::Hello { dc_hash: 0x0000_4e33, version });
    client.expect(&ClientMessage::HelloResp {});
}

#[test]
fn bug_23_permission_to_send_is_for_one_object() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    let twin = DoId(OBJECT.0 + 65_536);
    for do_id in [OBJECT, twin] {
        let declare = ClientAgent::DeclareObject { do_id, class_id: avatar::CLASS };
        stage.tell(channel, &declare);
    }
    let fields = List::new(&[avatar::HEALTH]);
    stage.tell(channel, &ClientAgent::SetFieldsSendable { do_id: OBJECT, fields });
    stage.sync(&mut client, channel);
    let mut objects = stage.hearer([OBJECT.channel(), twin.channel()]);
    let health = Values::new().u8(1);
    client.send(&update(OBJECT, avatar::HEALTH, &health));
    objects.expect(OBJECT, channel, &routed(OBJECT, avatar::HEALTH, &health));
    client.send(&update(twin, avatar::HEALTH, &health));
    client.expect_eject(EjectReason::ForbiddenField);
}

#[test]
fn bug_25_a_message_with_bytes_after_it_does_nothing() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    let mut hearer = stage.hearer([MAIL.channel(), PARENT.channel()]);
    announce_end(&mut stage, &mut client, channel);
    let value = Values::new().u32(1).string("hi");
    client.send_with(&update(MAIL, mail::SEND, &value), b"!");
    client.expect_eject(EjectReason::OversizedDatagram);
    hearer.expect(PARENT, channel, &GONE);

    let (mut client, channel) = stage.established();
    announce_end(&mut stage, &mut client, channel);
    let (context, interest, location) = (Context(1), INTEREST, HERE);
    client.send_with(&ClientMessage::AddInterest { context, interest, location }, b"!");
    client.expect_eject(EjectReason::OversizedDatagram);
    hearer.expect(PARENT, channel, &GONE);
}

#[test]
fn bug_26_an_ejected_client_is_told_once_and_heard_no_more() {
    let sink = EventSink::open();
    let general = format!("eventlogger: '{}'", sink.address());
    let mut stage = Stage::of(setup("").general(general));
    let (mut client, channel) = stage.established();
    let mut hearer = stage.hearer([LOGIN.channel(), PARENT.channel()]);
    announce_end(&mut stage, &mut client, channel);
    assert_eq!(sink.event()[0].1, "client-connected");
    // A move that is forbidden before it is read, and an update behind it in the same write.
    let value = Values::new().string("me").u8(1);
    let mut bytes = Vec::new();
    for message in [
        ClientMessage::ObjectLocation { do_id: OBJECT, location: THERE },
        update(LOGIN, login::LOGIN, &value),
    ] {
        let datagram = client_datagram_of(&message);
        bytes.extend((datagram.len() as u16).to_le_bytes());
        bytes.extend(datagram);
    }
    client.stream().send_raw(&bytes);
    client.expect_eject(EjectReason::ForbiddenRelocate);
    hearer.expect(PARENT, channel, &GONE);
    assert_eq!(sink.event()[0].1, "client-ejected-security");
    stage.server.control(&Control::LogMessage { event: Blob(b"next") });
    assert_eq!(sink.receive(), b"next");
}

#[test]
fn bug_27_a_client_for_whom_there_is_no_channel_is_turned_away() {
    let role = format!(
        "type: clientagent, bind: $CA, version: {VERSION}, manual_dc_hash: {DC_HASH}, \
         channels: {{min: {FIRST}, max: {FIRST}}}"
    );
    let daemon =
        Setup::new().uberdog(format!("id: {LOGIN}, class: Login, anonymous: true")).role(role);
    let daemon = daemon.start();
    let (mut server, mut hearer) = (daemon.link(), daemon.link());
    hearer.subscribe([LOGIN.channel(), SERVER]);
    let mut first = daemon.client();
    first.hello();
    for _ in 0..3 {
        daemon.client().expect_eject(EjectReason::Generic);
    }
    // When the first goes, the next one gets its channel, and not one that never was.
    let gone = datagram_of(SERVER, FIRST, &GONE);
    server.send(FIRST, SERVER, &ClientAgent::AddPostRemove { datagram: Blob(&gone) });
    server.sync();
    first.close();
    hearer.expect(SERVER, FIRST, &GONE);
    let mut next = daemon.client();
    next.hello();
    let value = Values::new().string("me").u8(1);
    next.send(&update(LOGIN, login::LOGIN, &value));
    hearer.expect(LOGIN, FIRST, &routed(LOGIN, login::LOGIN, &value));
}

#[test]
fn bug_28_every_client_agent_expects_its_own_hash() {
    let second = format!(
        "type: clientagent, bind: $SECOND, version: {VERSION}, manual_dc_hash: 77, \
         channels: {{min: 4000000, max: 4000009}}"
    );
    let daemon = setup("").role(second).start();
    let version = Blob(VERSION.as_bytes());
    for (name, right, wrong) in [("CA", DC_HASH, 77), ("SECOND", 77, DC_HASH)] {
        let mut client = daemon.client_at(name);
        client.send(&ClientMessage::Hello { dc_hash: right, version });
        client.expect(&ClientMessage::HelloResp {});
        let mut client = daemon.client_at(name);
        client.send(&ClientMessage::Hello { dc_hash: wrong, version });
        client.expect_eject(EjectReason::BadDcHash);
    }
}

#[test]
fn bug_24_every_part_of_a_value_is_checked() {
    let dc = "dclass Login { login(uint8(0-5) digits[]) clsend; \
              setA(uint8(0-9) a) clsend; setB(uint8(0-9) b) clsend; setAB : setA, setB; };";
    let daemon = |first: FieldId, good: Values, bad: Values| {
        let setup = setup("").dc(format!("{dc} dclass Mail {{ }};"));
        let mut stage = Stage::of(setup);
        let mut hearer = stage.hearer(LOGIN);
        let (mut client, channel) = stage.anonymous();
        client.send(&update(LOGIN, first, &good));
        hearer.expect(LOGIN, channel, &routed(LOGIN, first, &good));
        client.send(&update(LOGIN, first, &bad));
        client.expect_eject(EjectReason::FieldConstraint);
    };
    daemon(FieldId(0), Values::new().blob(&[5, 0]), Values::new().blob(&[5, 6]));
    daemon(FieldId(3), Values::new().u8(9).u8(9), Values::new().u8(9).u8(10));
}

#[test]
fn bug_38_a_state_that_there_is_not_is_ignored() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    stage.tell(channel, &ClientAgent::SetState { state: 7 });
    stage.sync(&mut client, channel);
    let mut uberdog = stage.hearer(MAIL);
    let value = Values::new().u32(1).string("hi");
    client.send(&update(MAIL, mail::SEND, &value));
    uberdog.expect(MAIL, channel, &routed(MAIL, mail::SEND, &value));
}

#[test]
fn bug_40_a_session_ends_with_an_object_that_it_never_saw() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    stage.tell(channel, &ClientAgent::AddSessionObject { do_id: OBJECT });
    stage.tell(channel, &StateServer::ObjectDeleteRam { do_id: OBJECT });
    client.expect_eject(EjectReason::SessionObjectDeleted);
}

#[test]
fn bug_30_an_object_that_was_seen_long_ago_may_be_forgotten() {
    let more = ", client: {relocate: true}, tuning: {historical_objects: 1}";
    let mut stage = Stage::with(more);
    let (mut client, channel) = stage.established();
    for do_id in [OBJECT, OTHER] {
        stage.show(&mut client, channel, do_id);
        stage.server.send(HERE, SERVER, &StateServer::ObjectDeleteRam { do_id });
        client.expect(&leaving(do_id));
    }
    // The later one is remembered, so nothing happens.
    client.send(&update(OTHER, avatar::SAY, &say("gone?")));
    stage.sync(&mut client, channel);
}

#[test]
fn bug_78_a_player_may_type_any_language() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    let mut uberdog = stage.hearer(MAIL);
    let value = Values::new().u32(1).string("Zoë a dit «é», 你好");
    client.send(&update(MAIL, mail::SEND, &value));
    uberdog.expect(MAIL, channel, &routed(MAIL, mail::SEND, &value));
    let broken = Values::new().u32(1).blob(b"\xff\xfe");
    client.send(&update(MAIL, mail::SEND, &broken));
    client.expect_eject(EjectReason::FieldConstraint);
}

#[test]
fn bug_78_the_rule_for_strings_can_be_chosen() {
    let text = Values::new().u32(1).string("é");
    let bytes = Values::new().u32(1).blob(b"\xff\xfe");
    for (encoding, value, allowed) in
        [("ascii", &text, false), ("utf8", &text, true), ("bytes", &bytes, true)]
    {
        let mut stage = Stage::of(setup("").general(format!("string_encoding: {encoding}")));
        let (mut client, channel) = stage.established();
        let mut uberdog = stage.hearer(MAIL);
        client.send(&update(MAIL, mail::SEND, value));
        if allowed {
            uberdog.expect(MAIL, channel, &routed(MAIL, mail::SEND, value));
        } else {
            client.expect_eject(EjectReason::FieldConstraint);
        }
    }
}
