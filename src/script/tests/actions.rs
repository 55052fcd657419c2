use super::*;
use crate::ids::InterestId;
use crate::message::{Blob, ClientAgent, DbStateServer, List, ObjectState, Rest, StateServer};
use crate::wire::Envelope;

/// What one line in a hook wants done, and nothing else.
fn action(line: &str) -> Action {
    let mut all = actions(line);
    assert_eq!(all.len(), 1, "{line}: {all:?}");
    all.remove(0)
}

fn told(message: &impl Message) -> Action {
    Action::Tell { client: 1, channel: CHANNEL, payload: payload(message) }
}

fn sent(to: u64, message: &impl Message) -> Action {
    Action::Send { to: vec![Channel(to)], sender: OWN, payload: payload(message) }
}

#[test]
fn a_client_is_told_what_servers_tell_it() {
    use ClientAgent as A;
    let (do_id, channel) = (DoId(5), Channel(77));
    let interest = InterestId(3);
    let zones = [ZoneId(7), ZoneId(8)];
    assert_eq!(action("client:set_state('established')"), told(&A::SetState { state: 2 }));
    assert_eq!(action("client:set_state('anonymous')"), told(&A::SetState { state: 1 }));
    assert_eq!(action("client:set_state('new')"), told(&A::SetState { state: 0 }));
    assert_eq!(action("client:set_id(77)"), told(&A::SetClientId { channel }));
    assert_eq!(action("client:add_channel(77)"), told(&A::OpenChannel { channel }));
    assert_eq!(action("client:remove_channel(77)"), told(&A::CloseChannel { channel }));
    let eject = A::Eject { reason: 9, text: Blob(b"no") };
    assert_eq!(action("client:eject(9, 'no')"), told(&eject));
    assert_eq!(action("client:eject(9)"), told(&A::Eject { reason: 9, text: Blob(b"") }));
    assert_eq!(action("client:drop()"), told(&A::Drop {}));
    let datagram = A::SendDatagram { datagram: Blob(b"\x02\0\xff") };
    assert_eq!(action("client:send(string.pack('<HB', 2, 255))"), told(&datagram));
    let add = |zones| A::AddInterestMultiple { interest, parent: DoId(100), zones };
    assert_eq!(action("client:add_interest(3, 100, 7)"), told(&add(List::new(&zones[..1]))));
    assert_eq!(action("client:add_interest(3, 100, {7, 8})"), told(&add(List::new(&zones))));
    assert_eq!(action("client:remove_interest(3)"), told(&A::RemoveInterest { interest }));
    assert_eq!(action("client:add_session_object(5)"), told(&A::AddSessionObject { do_id }));
    assert_eq!(action("client:remove_session_object(5)"), told(&A::RemoveSessionObject { do_id }));
    assert_eq!(action("client:undeclare_object(5)"), told(&A::UndeclareObject { do_id }));
    assert_eq!(action("client:clear_post_removes()"), told(&A::ClearPostRemoves {}));
}

#[test]
fn classes_and_fields_are_named() {
    let dc = dc();
    let avatar = dc.class_by_name("Avatar").expect("a class");
    let field = |name| avatar.field_by_name(name).expect("a field").id();
    let do_id = DoId(5);
    let declare = ClientAgent::DeclareObject { do_id, class_id: avatar.id() };
    assert_eq!(action("client:declare_object(5, 'Avatar')"), told(&declare));
    let fields = [field("setXY"), field("setName")];
    let sendable = ClientAgent::SetFieldsSendable { do_id, fields: List::new(&fields) };
    let line = "client:set_fields_sendable(5, {'Avatar.setXY', 'Avatar.setName'})";
    assert_eq!(action(line), told(&sendable));
    let value = [15, 0, 20, 0];
    let set = StateServer::ObjectSetField { do_id, field: field("setXY"), value: Rest(&value) };
    assert_eq!(action("client:update(5, 'Avatar.setXY', 1.5, 2)"), told(&set));
    assert_eq!(action("donet.update(5, 'Avatar.setXY', 1.5, 2)"), sent(5, &set));
    // Those of its parts, one after the other.
    let value = [15, 0, 20, 0, 50, 0];
    let set = StateServer::ObjectSetField { do_id, field: field("setXYH"), value: Rest(&value) };
    assert_eq!(action("donet.update(5, 'Avatar.setXYH', 1.5, 2, 5)"), sent(5, &set));
}

#[test]
fn objects_are_told_what_becomes_of_them() {
    let (do_id, location) = (DoId(5), HERE);
    let owner = Channel(77);
    assert_eq!(action("donet.set_owner(5, 77)"), sent(5, &StateServer::ObjectSetOwner { owner }));
    let nobody = StateServer::ObjectSetOwner { owner: Channel::NONE };
    assert_eq!(action("donet.set_owner(5, 0)"), sent(5, &nobody));
    let moved = StateServer::ObjectSetLocation { location };
    assert_eq!(action("donet.set_location(5, 100, 7)"), sent(5, &moved));
    let deleted = StateServer::ObjectDeleteRam { do_id };
    assert_eq!(action("donet.delete_object(5)"), sent(5, &deleted));
    let activated = DbStateServer::ObjectActivateWithDefaults { do_id, location };
    assert_eq!(action("donet.activate(5, 100, 7)"), sent(5, &activated));
    let dc = dc();
    let avatar = dc.class_by_name("Avatar").expect("a class");
    let id = |name: &str| avatar.field_by_name(name).expect("a field").id().0.to_le_bytes();
    let values = [&[2, 0][..], &id("setName"), b"\x02\0bo", &id("setXY"), &[10, 0, 20, 0]].concat();
    let object = ObjectState { do_id, location, class_id: avatar.id(), values: Rest(&values) };
    let activated = DbStateServer::ObjectActivateWithDefaultsOther { object };
    let line = "donet.activate(5, 100, 7, {setXY = {1, 2}, setName = 'bo'}, 'Avatar')";
    assert_eq!(action(line), sent(5, &activated));
}

#[test]
fn any_message_can_be_sent_by_its_name() {
    let owner = Channel(77);
    let message = StateServer::ObjectSetOwner { owner };
    let line = "donet.send(5, 'STATESERVER_OBJECT_SET_OWNER', {owner = 77})";
    assert_eq!(action(line), sent(5, &message));
    let line = "donet.send({5, 6}, 'STATESERVER_OBJECT_SET_OWNER', {owner = '77'}, 99)";
    let to = vec![Channel(5), Channel(6)];
    let expected = Action::Send { to, sender: Channel(99), payload: payload(&message) };
    assert_eq!(action(line), expected);
    assert_eq!(action("donet.send(5, 'CLIENTAGENT_DROP')"), sent(5, &ClientAgent::Drop {}));
    let location = HERE;
    let line =
        "donet.send(5, 'STATESERVER_OBJECT_SET_LOCATION', {location = {parent = 100, zone = 7}})";
    assert_eq!(action(line), sent(5, &StateServer::ObjectSetLocation { location }));
    let eject = ClientAgent::Eject { reason: 1, text: Blob(b"\xff") };
    let line = "donet.send(5, 'CLIENTAGENT_EJECT', {reason = 1, text = '\\xff'})";
    assert_eq!(action(line), sent(5, &eject));
}

#[test]
fn what_is_sent_at_the_end_comes_from_the_script() {
    let message = payload(&StateServer::ObjectDeleteRam { do_id: DoId(5) });
    let mut datagram = Vec::new();
    let mut writer = Writer::new(&mut datagram);
    Envelope::write_head(&mut writer, &[Channel(5)], OWN);
    writer.raw(&message);
    let expected = told(&ClientAgent::AddPostRemove { datagram: Blob(&datagram) });
    let line = "client:add_post_remove(5, 'STATESERVER_OBJECT_DELETE_RAM', {do_id = 5})";
    assert_eq!(action(line), expected);
}

#[test]
fn what_is_sent_while_the_file_is_loaded_has_a_sender_too() {
    let mut stage = stage("donet.delete_object(5)");
    let expected = sent(5, &StateServer::ObjectDeleteRam { do_id: DoId(5) });
    assert_eq!(stage.script.take_actions(), [expected]);
}

#[test]
fn events_and_lines_are_one_line_and_sorted() {
    let event = |kind: &str, entries: &[(&str, &str)]| {
        let entries = entries.iter().map(|(key, value)| ((*key).into(), (*value).into()));
        Action::Event(Event { kind: kind.to_owned(), entries: entries.collect() })
    };
    assert_eq!(action("donet.event('jump')"), event("jump", &[]));
    let line = "donet.event('jump', {who = 'Bo\\n', high = 3, b = true})";
    assert_eq!(action(line), event("jump", &[("b", "true"), ("high", "3"), ("who", "Bo\\n")]));
    let log = |level, text: &str| Action::Log { level, text: text.to_owned() };
    assert_eq!(action("donet.log('a\\nb')"), log(Level::Info, "game.lua: a\\nb"));
    assert_eq!(action("donet.warn(1.5)"), log(Level::Warn, "game.lua: 1.5"));
    let long = action("donet.log(string.rep('\\u{e9}', 600))");
    assert_eq!(long, log(Level::Info, &format!("game.lua: {}…", "é".repeat(500))));
}

#[test]
fn actions_come_in_the_order_in_which_they_were_asked_for() {
    let all = actions("donet.log('1') client:drop() donet.delete_object(5) donet.log('2')");
    let [Action::Log { .. }, Action::Tell { .. }, Action::Send { .. }, Action::Log { .. }] =
        &all[..]
    else {
        panic!("{all:?}")
    };
}
