//! clientagent.md §2, §5 and §7: objects that live and die with a session.

use super::*;

fn delete_ram(do_id: DoId) -> StateServer<'static> {
    StateServer::ObjectDeleteRam { do_id }
}

/// An established client that owns the session object `OBJECT`.
fn stage_with_avatar() -> (Stage, Client, Channel) {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    stage.tell(channel, &ClientAgent::AddSessionObject { do_id: OBJECT });
    stage.give(&mut client, channel, OBJECT);
    (stage, client, channel)
}

#[test]
fn the_objects_of_a_session_are_deleted_with_it() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    stage.tell(channel, &ClientAgent::AddSessionObject { do_id: OBJECT });
    stage.tell(channel, &ClientAgent::AddSessionObject { do_id: OTHER });
    stage.tell(channel, &ClientAgent::AddSessionObject { do_id: PARENT });
    stage.tell(channel, &ClientAgent::RemoveSessionObject { do_id: PARENT });
    stage.sync(&mut client, channel);
    let mut objects = stage.hearer([OBJECT.channel(), OTHER.channel(), PARENT.channel()]);
    let gone = datagram_of(PARENT, channel, &ClientAgent::Drop {});
    stage.tell(channel, &ClientAgent::AddPostRemove { datagram: Blob(&gone) });
    stage.sync(&mut client, channel);
    client.close();
    objects.expect_any_order([
        Expected::new(OBJECT, channel, &delete_ram(OBJECT)),
        Expected::new(OTHER, channel, &delete_ram(OTHER)),
    ]);
    objects.expect(PARENT, channel, &ClientAgent::Drop {});
}

#[test]
fn they_are_deleted_in_the_name_that_the_client_was_given() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    let given = Channel(555 << 32);
    stage.tell(channel, &ClientAgent::SetClientId { channel: given });
    stage.tell(channel, &ClientAgent::AddSessionObject { do_id: OBJECT });
    stage.sync(&mut client, channel);
    let mut object = stage.hearer(OBJECT);
    client.close();
    object.expect(OBJECT, given, &delete_ram(OBJECT));
}

#[test]
fn a_session_ends_with_its_object() {
    let (mut stage, mut client, channel) = stage_with_avatar();
    let mut object = stage.hearer([OBJECT.channel(), PARENT.channel()]);
    let gone = datagram_of(PARENT, channel, &ClientAgent::Drop {});
    stage.tell(channel, &ClientAgent::AddPostRemove { datagram: Blob(&gone) });
    stage.tell(channel, &delete_ram(OBJECT));
    client.expect_eject(EjectReason::SessionObjectDeleted);
    // It is not deleted once more.
    object.expect(PARENT, channel, &ClientAgent::Drop {});
}

#[test]
fn a_session_ends_when_its_object_is_given_away() {
    let (mut stage, mut client, channel) = stage_with_avatar();
    let mut object = stage.hearer(OBJECT);
    let given = StateServer::ObjectChangingOwner { do_id: OBJECT, new: SERVER, old: channel };
    stage.tell(channel, &given);
    client.expect_eject(EjectReason::SessionObjectDeleted);
    object.expect(OBJECT, channel, &delete_ram(OBJECT));
}

#[test]
fn a_session_ends_when_its_object_goes_out_of_sight() {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    stage.tell(channel, &ClientAgent::AddSessionObject { do_id: OBJECT });
    stage.show(&mut client, channel, OBJECT);
    let mut object = stage.hearer(OBJECT);
    let moved = StateServer::ObjectChangingLocation { do_id: OBJECT, new: THERE, old: HERE };
    stage.server.send(HERE, SERVER, &moved);
    client.expect_eject(EjectReason::SessionObjectDeleted);
    object.expect(OBJECT, channel, &delete_ram(OBJECT));
}

#[test]
fn an_owned_session_object_may_go_where_it_will() {
    let (mut stage, mut client, channel) = stage_with_avatar();
    let moved = StateServer::ObjectChangingLocation { do_id: OBJECT, new: THERE, old: HERE };
    stage.tell(channel, &moved);
    client.expect(&ClientMessage::ObjectLocation { do_id: OBJECT, location: THERE });
    stage.sync(&mut client, channel);
}

#[test]
fn an_owned_session_object_is_not_shown_a_second_time() {
    let (mut stage, mut client, channel) = stage_with_avatar();
    stage.tell(channel, &ClientAgent::OpenChannel { channel: HERE.channel() });
    stage.sync(&mut client, channel);
    let values = seen();
    let object = avatar_at(OBJECT, HERE, &values);
    stage.server.send(HERE, OBJECT, &StateServer::ObjectEnterLocationWithRequired { object });
    stage.sync(&mut client, channel);
}

/// A client that sees the session object `OBJECT`, which it does not own, through `INTEREST`.
fn stage_with_session_object_in_sight() -> (Stage, Client, Channel) {
    let mut stage = Stage::start();
    let (mut client, channel) = stage.established();
    stage.tell(channel, &ClientAgent::AddSessionObject { do_id: OBJECT });
    stage.sync(&mut client, channel);
    let mut parent = stage.hearer(PARENT);
    let (interest, context) = (INTEREST, Context(1));
    client.send(&ClientMessage::AddInterest { context, interest, location: HERE });
    let question = parent.receive();
    let request = interests::request_of(&question, channel, PARENT, &[ZONE]);
    let values = seen();
    let object = avatar_at(OBJECT, HERE, &values);
    let count = DoId(1);
    stage.tell(channel, &StateServer::ObjectGetZonesCountResp { context: request, count });
    let entry = StateServer::ObjectEnterInterestWithRequired { context: request, object };
    stage.tell(channel, &entry);
    client.expect(&ClientMessage::EnterObjectRequired { object });
    client.expect(&ClientMessage::DoneInterestResp { context, interest });
    (stage, client, channel)
}

#[test]
fn closing_the_interest_in_a_session_object_ends_the_session() {
    let (_stage, mut client, _) = stage_with_session_object_in_sight();
    client.send(&ClientMessage::RemoveInterest { context: Context(2), interest: INTEREST });
    client.expect_eject(EjectReason::SessionObjectDeleted);
}

/// Whoever has an interest closed or altered, and the client put out by that, need not wait for ever.
#[test]
fn a_caller_that_has_the_client_put_out_is_told_that_its_interest_is_done() {
    let interest = INTEREST;
    let none = List::new(&[]);
    // What it says, and whether it is told before the session's objects are deleted, or after.
    let cases = [
        (ClientAgent::RemoveInterest { interest }, true),
        (ClientAgent::AddInterestMultiple { interest, parent: PARENT, zones: none }, true),
        (ClientAgent::AddInterest { interest, location: THERE }, false),
    ];
    for (message, is_told_first) in cases {
        let (mut stage, mut client, channel) = stage_with_session_object_in_sight();
        let mut hearer = stage.hearer([SERVER, OBJECT.channel()]);
        stage.tell(channel, &message);
        let done = &ClientAgent::DoneInterestResp { client: channel, interest };
        if is_told_first {
            hearer.expect(SERVER, channel, done);
            hearer.expect(OBJECT, channel, &delete_ram(OBJECT));
        } else {
            hearer.expect(OBJECT, channel, &delete_ram(OBJECT));
            hearer.expect(SERVER, channel, done);
        }
        client.receive();
        client.expect_eject(EjectReason::SessionObjectDeleted);
    }
}
