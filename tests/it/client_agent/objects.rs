//! clientagent.md §5 and §7: objects that a client sees and owns, and how it loses sight of them.

use super::*;

fn moved(do_id: DoId, new: Location, old: Location) -> StateServer<'static> {
    StateServer::ObjectChangingLocation { do_id, new, old }
}

fn changing_owner(new: Channel, old: Channel) -> StateServer<'static> {
    StateServer::ObjectChangingOwner { do_id: OBJECT, new, old }
}

#[test]
fn an_object_is_shown_as_it_came() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    stage.tell(channel, &ClientAgent::OpenChannel { channel: HERE.channel() });
    stage.sync(&mut client, channel);
    let values = seen().u16(1).field(avatar::HEALTH).u8(3);
    let object = avatar_at(OBJECT, HERE, &values);
    let entry = StateServer::ObjectEnterLocationWithRequiredOther { object };
    stage.server.send(HERE, OBJECT, &entry);
    client.expect(&ClientMessage::EnterObjectRequiredOther { object });
    // Whoever is there already is not shown again.
    stage.server.send(HERE, OBJECT, &entry);
    stage.sync(&mut client, channel);
}

#[test]
fn an_owner_is_shown_its_object_as_it_came() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    let values = seen().u16(1).field(avatar::THINK).string("hm");
    let object = avatar_at(OBJECT, HERE, &values);
    let entry = StateServer::ObjectEnterOwnerWithRequiredOther { object };
    stage.server.send(channel, OBJECT, &entry);
    client.expect(&ClientMessage::EnterObjectRequiredOtherOwner { object });
}

#[test]
fn an_owner_sees_its_object_as_others_do_as_well() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    stage.give(&mut client, channel, OBJECT);
    stage.show(&mut client, channel, OBJECT);
    // It is lost from sight first, and from ownership then.
    stage.tell(channel, &StateServer::ObjectDeleteRam { do_id: OBJECT });
    client.expect(&leaving(OBJECT));
    client.expect(&leaving_owner(OBJECT));
    stage.sync(&mut client, channel);
}

#[test]
fn a_deleted_object_leaves() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    stage.show(&mut client, channel, OBJECT);
    stage.server.send(HERE, SERVER, &StateServer::ObjectDeleteRam { do_id: OBJECT });
    client.expect(&leaving(OBJECT));
    // It may come again under the same id.
    stage.show(&mut client, channel, OBJECT);
    stage.sync(&mut client, channel);
}

#[test]
fn a_deleted_object_leaves_its_owner() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    stage.give(&mut client, channel, OBJECT);
    stage.tell(channel, &StateServer::ObjectDeleteRam { do_id: OBJECT });
    client.expect(&leaving_owner(OBJECT));
    stage.sync(&mut client, channel);
}

#[test]
fn an_object_given_to_someone_else_stays_in_sight() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    stage.give(&mut client, channel, OBJECT);
    stage.show(&mut client, channel, OBJECT);
    stage.tell(channel, &changing_owner(channel, SERVER));
    stage.sync(&mut client, channel);
    stage.tell(channel, &changing_owner(SERVER, channel));
    client.expect(&leaving_owner(OBJECT));
    let health = Values::new().u8(1);
    stage.server.send(HERE, SERVER, &routed(OBJECT, avatar::HEALTH, &health));
    client.expect(&update(OBJECT, avatar::HEALTH, &health));
    client.send(&update(OBJECT, avatar::POSITION, &Values::new().i16(1).i16(1)));
    client.expect_eject(EjectReason::ForbiddenField);
}

#[test]
fn what_its_owner_sent_before_he_heard_that_it_is_someone_elses_is_dropped() {
    let mut stage = Stage::start();
    let mut objects = stage.hearer([OBJECT.channel(), LOGIN.channel()]);
    let (mut client, channel) = stage.established();
    stage.give(&mut client, channel, OBJECT);
    stage.tell(channel, &changing_owner(SERVER, channel));
    client.expect(&leaving_owner(OBJECT));
    client.send(&update(OBJECT, avatar::POSITION, &Values::new().i16(1).i16(1)));
    client.send(&ClientMessage::ObjectLocation { do_id: OBJECT, location: THERE });
    stage.expect_nothing_of(&mut client, channel, &mut objects);
    // What he never might is no less an offence than before.
    client.send(&update(OBJECT, avatar::HEALTH, &Values::new().u8(1)));
    client.expect_eject(EjectReason::MissingObject);
}

#[test]
fn an_object_that_moves_out_of_sight_leaves() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    stage.show(&mut client, channel, OBJECT);
    stage.server.send(HERE, SERVER, &moved(OBJECT, THERE, HERE));
    client.expect(&leaving(OBJECT));
    stage.sync(&mut client, channel);
}

#[test]
fn an_owner_is_told_where_its_object_goes() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    stage.give(&mut client, channel, OBJECT);
    stage.tell(channel, &moved(OBJECT, THERE, HERE));
    client.expect(&ClientMessage::ObjectLocation { do_id: OBJECT, location: THERE });
    stage.sync(&mut client, channel);
}

#[test]
fn an_object_that_its_owner_sees_no_more_is_still_owned() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    stage.give(&mut client, channel, OBJECT);
    stage.show(&mut client, channel, OBJECT);
    stage.tell(channel, &moved(OBJECT, THERE, HERE));
    client.expect(&leaving(OBJECT));
    let mut object = stage.hearer(OBJECT);
    let position = Values::new().i16(1).i16(2);
    client.send(&update(OBJECT, avatar::POSITION, &position));
    object.expect(OBJECT, channel, &routed(OBJECT, avatar::POSITION, &position));
}
