//! clientagent.md §4 and §5: field updates and moves, in both directions.

use super::*;

#[test]
fn a_client_may_send_clsend_fields_of_what_it_sees() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    stage.show(&mut client, channel, OBJECT);
    let mut object = stage.hearer(OBJECT);
    client.send(&update(OBJECT, avatar::SAY, &say("hello")));
    object.expect(OBJECT, channel, &routed(OBJECT, avatar::SAY, &say("hello")));
    let nothing = Values::new();
    client.send(&update(OBJECT, avatar::WAVE, &nothing));
    object.expect(OBJECT, channel, &routed(OBJECT, avatar::WAVE, &nothing));
}

#[test]
fn an_owner_may_send_ownsend_fields_too() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    stage.give(&mut client, channel, OBJECT);
    let mut object = stage.hearer(OBJECT);
    let position = Values::new().i16(1).i16(2);
    client.send(&update(OBJECT, avatar::POSITION, &position));
    object.expect(OBJECT, channel, &routed(OBJECT, avatar::POSITION, &position));
    client.send(&update(OBJECT, avatar::SAY, &say("mine")));
    object.expect(OBJECT, channel, &routed(OBJECT, avatar::SAY, &say("mine")));
}

#[test]
fn the_fields_that_a_client_may_send_can_be_extended() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    stage.show(&mut client, channel, OBJECT);
    let mut object = stage.hearer([OBJECT.channel(), MAIL.channel()]);
    let fields = [avatar::HEALTH, avatar::THINK];
    let sendable = ClientAgent::SetFieldsSendable { do_id: OBJECT, fields: List::new(&fields) };
    stage.tell(channel, &sendable);
    stage.sync(&mut client, channel);
    let health = Values::new().u8(50);
    client.send(&update(OBJECT, avatar::HEALTH, &health));
    object.expect(OBJECT, channel, &routed(OBJECT, avatar::HEALTH, &health));
    // An UberDOG's field without any keyword.
    let fields = [mail::PURGE];
    let sendable = ClientAgent::SetFieldsSendable { do_id: MAIL, fields: List::new(&fields) };
    stage.tell(channel, &sendable);
    stage.sync(&mut client, channel);
    client.send(&update(MAIL, mail::PURGE, &Values::new()));
    object.expect(MAIL, channel, &routed(MAIL, mail::PURGE, &Values::new()));
    // The next set replaces the first.
    let none = ClientAgent::SetFieldsSendable { do_id: OBJECT, fields: List::new(&[]) };
    stage.tell(channel, &none);
    stage.sync(&mut client, channel);
    client.send(&update(OBJECT, avatar::HEALTH, &health));
    client.expect_eject(EjectReason::ForbiddenField);
}

#[test]
fn a_declared_object_may_be_sent_to_unseen() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    let mut object = stage.hearer(OBJECT);
    let declare = ClientAgent::DeclareObject { do_id: OBJECT, class_id: avatar::CLASS };
    stage.tell(channel, &declare);
    stage.sync(&mut client, channel);
    client.send(&update(OBJECT, avatar::SAY, &say("anyone?")));
    object.expect(OBJECT, channel, &routed(OBJECT, avatar::SAY, &say("anyone?")));
    stage.tell(channel, &ClientAgent::UndeclareObject { do_id: OBJECT });
    stage.sync(&mut client, channel);
    client.send(&update(OBJECT, avatar::SAY, &say("anyone?")));
    client.expect_eject(EjectReason::MissingObject);
}

#[test]
fn a_declared_object_is_no_anonymous_uberdog() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.anonymous();
    let declare = ClientAgent::DeclareObject { do_id: OBJECT, class_id: avatar::CLASS };
    stage.tell(channel, &declare);
    stage.sync(&mut client, channel);
    client.send(&update(OBJECT, avatar::SAY, &say("anyone?")));
    client.expect_eject(EjectReason::AnonymousViolation);
}

#[test]
fn an_update_of_what_the_client_saw_once_is_ignored() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    stage.show(&mut client, channel, OBJECT);
    stage.server.send(HERE, SERVER, &StateServer::ObjectDeleteRam { do_id: OBJECT });
    client.expect(&leaving(OBJECT));
    let mut object = stage.hearer([OBJECT.channel(), LOGIN.channel()]);
    client.send(&update(OBJECT, avatar::SAY, &say("still there?")));
    client.send(&update(OBJECT, avatar::POSITION, &Values::new()));
    client.send(&ClientMessage::ObjectLocation { do_id: OBJECT, location: THERE });
    stage.expect_nothing_of(&mut client, channel, &mut object);
}

#[test]
fn an_owner_may_move_what_it_owns_and_is_not_told_of_it() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    stage.give(&mut client, channel, OBJECT);
    let mut object = stage.hearer(OBJECT);
    client.send(&ClientMessage::ObjectLocation { do_id: OBJECT, location: THERE });
    object.expect(OBJECT, channel, &StateServer::ObjectSetLocation { location: THERE });
    let moved = StateServer::ObjectChangingLocation { do_id: OBJECT, new: THERE, old: HERE };
    stage.server.send(channel, channel, &moved);
    stage.sync(&mut client, channel);
}

#[test]
fn updates_of_what_a_client_knows_are_handed_on() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    stage.show(&mut client, channel, OBJECT);
    let health = Values::new().u8(50);
    stage.server.send(HERE, SERVER, &routed(OBJECT, avatar::HEALTH, &health));
    client.expect(&update(OBJECT, avatar::HEALTH, &health));
    let fields = Values::new().field(avatar::HEALTH).u8(1).field(avatar::THINK).string("hm");
    let fields = FieldValues { count: 2, bytes: fields.bytes() };
    stage.server.send(HERE, SERVER, &StateServer::ObjectSetFields { do_id: OBJECT, fields });
    client.expect(&ClientMessage::ObjectSetFields { do_id: OBJECT, fields });
}

#[test]
fn updates_of_what_a_client_does_not_know_are_not() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    stage.tell(channel, &routed(OTHER, avatar::HEALTH, &Values::new().u8(50)));
    stage.tell(channel, &StateServer::ObjectDeleteRam { do_id: OTHER });
    let moved = StateServer::ObjectChangingLocation { do_id: OTHER, new: THERE, old: HERE };
    stage.tell(channel, &moved);
    stage.sync(&mut client, channel);
}

#[test]
fn a_client_is_not_told_what_it_sent_itself() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    stage.show(&mut client, channel, OBJECT);
    stage.server.send(HERE, channel, &routed(OBJECT, avatar::SAY, &say("echo")));
    stage.server.send(channel, channel, &ClientAgent::Drop {});
    stage.sync(&mut client, channel);
}

#[test]
fn a_given_channel_is_the_sender_of_what_a_client_sends() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    let mut uberdog = stage.hearer(LOGIN);
    let account = Channel(555 << 32 | 1);
    let avatar = Channel(666 << 32 | 1);
    let value = Values::new().string("me").u8(1);
    for given in [account, avatar] {
        stage.tell(channel, &ClientAgent::SetClientId { channel: given });
        stage.sync(&mut client, channel);
        client.send(&update(LOGIN, login::LOGIN, &value));
        uberdog.expect(LOGIN, given, &routed(LOGIN, login::LOGIN, &value));
        // It is heard there, and still at its first channel.
        stage.sync(&mut client, given);
        stage.sync(&mut client, channel);
    }
    // But no more at the one given before.
    stage.tell(account, &ClientAgent::SendDatagram { datagram: Blob(b"too late") });
    stage.sync(&mut client, channel);
}
