//! What one peer sends takes effect in its order, whatever channels it goes to: an AI that creates an
//! object talks to it at once, without waiting for an answer that there is none of.

use super::*;

/// Sends the creation of `OBJECT` and these messages for it in one write, then asks for its location.
fn create_and_tell(stage: &mut Stage, messages: &[StateServer<'_>]) {
    let values = usual().all();
    let creation = create(thing_at(OBJECT, HERE, &values));
    let mut bytes = Vec::new();
    let mut append = |datagram: Vec<u8>| {
        bytes.extend((datagram.len() as u16).to_le_bytes());
        bytes.extend(datagram);
    };
    append(datagram_of(CONTROL, ACTOR, &creation));
    for message in messages {
        append(datagram_of(OBJECT, ACTOR, message));
    }
    stage.actor.stream().send_raw(&bytes);
}

#[test]
fn an_update_right_behind_a_creation_reaches_the_object() {
    for _ in 0..20 {
        let mut stage = Stage::start();
        let value = Values::new().u8(42);
        create_and_tell(&mut stage, &[set_field(OBJECT, thing::SIZE, &value)]);
        stage.settle();
        stage.expect_field(OBJECT, thing::SIZE, Some(value));
    }
}

#[test]
fn an_ai_and_an_owner_can_be_set_right_behind_a_creation() {
    let mut stage = Stage::start();
    let mut hearer = stage.hearer([AI, OWNER]);
    create_and_tell(&mut stage, &[set_ai(AI), set_owner(OWNER)]);
    let (all, owned) = (usual().all(), usual().owned());
    let object = thing_at(OBJECT, HERE, &all);
    hearer.expect(AI, OBJECT, &StateServer::ObjectEnterAiWithRequired { object });
    let object = thing_at(OBJECT, HERE, &owned);
    hearer.expect(OWNER, OBJECT, &StateServer::ObjectEnterOwnerWithRequired { object });
}

#[test]
fn a_question_right_behind_a_creation_is_answered() {
    let mut stage = Stage::start();
    let mut hearer = stage.hearer(ACTOR);
    let context = Context(1);
    create_and_tell(&mut stage, &[StateServer::ObjectGetLocation { context }]);
    let answer = StateServer::ObjectGetLocationResp { context, do_id: OBJECT, location: HERE };
    hearer.expect(ACTOR, OBJECT, &answer);
}

#[test]
fn an_object_created_and_deleted_at_once_is_gone() {
    let mut stage = Stage::start();
    let mut hearer = stage.hearer(HERE);
    create_and_tell(&mut stage, &[delete_ram(OBJECT)]);
    let seen = usual().seen();
    hearer.expect(HERE, OBJECT, &enter_location(thing_at(OBJECT, HERE, &seen)));
    hearer.expect(HERE, ACTOR, &delete_ram(OBJECT));
    stage.expect_absent(OBJECT);
}

#[test]
fn a_child_created_right_behind_its_parent_inherits_from_it() {
    let mut stage = Stage::start();
    let values = usual().all();
    stage.tell(CONTROL, &create(thing_at(PARENT, Location::NONE, &values)));
    stage.tell(PARENT, &set_ai(AI));
    stage.tell(CONTROL, &create(thing_at(OBJECT, HERE, &values)));
    stage.settle();
    let answer = StateServer::ObjectGetAiResp { context: Context(1), do_id: OBJECT, ai: AI };
    stage.expect_answer(OBJECT, &get_ai(1), &answer);
}
