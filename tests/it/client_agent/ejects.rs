//! wire.md §8: what a client is ejected for. Nothing of what it did wrong reaches the cluster.

use super::*;

/// How a client in trouble knows `OBJECT`.
#[derive(Copy, Clone)]
enum Knows {
    Nothing,
    Sees,
    Owns,
}

/// Lets an established client send something for which it has to be ejected, with the object and the
/// location listening.
#[track_caller]
fn expect_ejected(more: &str, knows: Knows, message: &ClientMessage<'_>, reason: EjectReason) {
    let mut stage = Stage::with(more);
    let (mut client, channel) = stage.established();
    match knows {
        Knows::Nothing => {}
        Knows::Sees => stage.show(&mut client, channel, OBJECT),
        Knows::Owns => stage.give(&mut client, channel, OBJECT),
    }
    let mut hearer = stage.hearer([OBJECT.channel(), OTHER.channel(), PARENT.channel()]);
    let gone = datagram_of(PARENT, channel, &ClientAgent::Drop {});
    stage.tell(channel, &ClientAgent::AddPostRemove { datagram: Blob(&gone) });
    stage.sync(&mut client, channel);
    client.send(message);
    client.expect_eject(reason);
    hearer.expect(PARENT, channel, &ClientAgent::Drop {});
}

const USUAL: &str = ", client: {relocate: true, add_interest: enabled}";

fn add_interest() -> ClientMessage<'static> {
    ClientMessage::AddInterest { context: Context(1), interest: INTEREST, location: HERE }
}

fn remove_interest() -> ClientMessage<'static> {
    ClientMessage::RemoveInterest { context: Context(1), interest: INTEREST }
}

fn relocate() -> ClientMessage<'static> {
    ClientMessage::ObjectLocation { do_id: OBJECT, location: THERE }
}

#[test]
fn an_object_that_the_client_never_knew() {
    let message = say("hello");
    let message = update(OBJECT, avatar::SAY, &message);
    expect_ejected(USUAL, Knows::Nothing, &message, EjectReason::MissingObject);
    expect_ejected(USUAL, Knows::Nothing, &relocate(), EjectReason::MissingObject);
}

#[test]
fn a_field_that_the_class_does_not_have() {
    let value = Values::new();
    let message = update(OBJECT, login::LOGIN, &value);
    expect_ejected(USUAL, Knows::Owns, &message, EjectReason::ForbiddenField);
}

#[test]
fn a_field_that_clients_may_not_send() {
    let value = Values::new().u8(1);
    let message = update(OBJECT, avatar::HEALTH, &value);
    expect_ejected(USUAL, Knows::Owns, &message, EjectReason::ForbiddenField);
}

#[test]
fn an_owners_field_of_what_is_not_owned() {
    let value = Values::new().i16(1).i16(2);
    let message = update(OBJECT, avatar::POSITION, &value);
    expect_ejected(USUAL, Knows::Sees, &message, EjectReason::ForbiddenField);
}

#[test]
fn a_value_out_of_range() {
    let value = Values::new().u8(101).u8(0);
    let message = update(OBJECT, avatar::COLOR, &value);
    expect_ejected(USUAL, Knows::Owns, &message, EjectReason::FieldConstraint);
}

#[test]
fn a_string_too_long_or_too_short() {
    for text in ["", "12345678901234567890123456789012345678901"] {
        let value = say(text);
        let message = update(OBJECT, avatar::SAY, &value);
        expect_ejected(USUAL, Knows::Sees, &message, EjectReason::FieldConstraint);
    }
}

#[test]
fn a_value_cut_short() {
    for value in [Values::new(), Values::new().u8(5), Values::new().u16(4).raw(b"hey")] {
        let message = update(OBJECT, avatar::SAY, &value);
        expect_ejected(USUAL, Knows::Sees, &message, EjectReason::TruncatedDatagram);
    }
}

#[test]
fn an_interest_where_clients_may_not_open_any() {
    let disabled = ", client: {add_interest: disabled}";
    for message in [add_interest(), remove_interest()] {
        expect_ejected(disabled, Knows::Sees, &message, EjectReason::ForbiddenInterest);
    }
}

#[test]
fn an_interest_under_a_parent_that_the_client_does_not_see() {
    // This is the rule if nothing else is configured.
    expect_ejected("", Knows::Sees, &add_interest(), EjectReason::ForbiddenInterest);
}

#[test]
fn the_end_of_an_interest_that_is_not_open() {
    expect_ejected(USUAL, Knows::Nothing, &remove_interest(), EjectReason::Generic);
}

#[test]
fn a_move_where_clients_may_not_move_anything() {
    expect_ejected("", Knows::Owns, &relocate(), EjectReason::ForbiddenRelocate);
}

#[test]
fn a_move_of_what_is_not_owned() {
    expect_ejected(USUAL, Knows::Sees, &relocate(), EjectReason::ForbiddenRelocate);
}

#[test]
fn a_message_that_is_not_for_clients_to_send() {
    let fields = FieldValues::default();
    for message in [
        ClientMessage::ObjectSetFields { do_id: OBJECT, fields },
        leaving(OBJECT),
        ClientMessage::HelloResp {},
        ClientMessage::DoneInterestResp { context: Context(1), interest: INTEREST },
    ] {
        expect_ejected(USUAL, Knows::Owns, &message, EjectReason::InvalidMsgtype);
    }
}

#[test]
fn an_update_that_is_too_large_for_the_cluster() {
    // The cluster's form of it has 15 bytes more than the client's.
    let text = "x".repeat(65_535 - 8 - 4 - 2 - 10);
    let value = Values::new().u32(1).string(&text);
    let message = update(MAIL, mail::SEND, &value);
    expect_ejected(USUAL, Knows::Nothing, &message, EjectReason::OversizedDatagram);
}

#[test]
fn a_message_with_bytes_after_it() {
    let mut stage = Stage::start();
    let (mut client, _) = stage.established();
    client.send_with(&ClientMessage::Heartbeat {}, b"!");
    client.expect_eject(EjectReason::OversizedDatagram);
    let (mut client, _) = stage.established();
    client.send_with(&add_interest(), b"!");
    // Depending on how far it got, it may have been told of the interest.
    client.expect_eject(EjectReason::OversizedDatagram);
}

#[test]
fn any_message_cut_short() {
    let mut stage = Stage::start();
    let zones = List::new(&[ZONE, ZoneId(1)]);
    let context = Context(1);
    let value = Values::new().string("me").u8(1);
    for message in [
        add_interest(),
        ClientMessage::AddInterestMultiple { context, interest: INTEREST, parent: PARENT, zones },
        update(LOGIN, login::LOGIN, &value),
    ] {
        let whole = client_datagram_of(&message);
        for end in [0, 1, 3, whole.len() - 1] {
            let (mut client, _) = stage.established();
            client.stream().send(&whole[..end]);
            client.expect_eject(EjectReason::TruncatedDatagram);
        }
    }
}

#[test]
fn one_client_in_trouble_is_no_trouble_for_others() {
    let mut stage = Stage::start();
    let (mut good, channel) = stage.established();
    let (mut bad, _) = stage.established();
    bad.send(&relocate());
    bad.expect_eject(EjectReason::MissingObject);
    stage.sync(&mut good, channel);
}
