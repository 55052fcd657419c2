//! stateserver.md §6 and §11: what objects answer, and what they do not.

use super::*;
use crate::harness::world::{NO_FIELD, avatar};

const CONTEXT: Context = Context(0xdead_beef);

fn get_fields(fields: &[FieldId]) -> StateServer<'_> {
    StateServer::ObjectGetFields { context: CONTEXT, do_id: OBJECT, fields: List::new(fields) }
}

fn fields_are(values: Option<(u16, &Values)>) -> StateServer<'_> {
    let values = values.map(|(count, fields)| FieldValues { count, bytes: fields.bytes() });
    StateServer::ObjectGetFieldsResp { context: CONTEXT, values }
}

fn stage_with_object() -> Stage {
    let mut stage = Stage::start();
    stage.create_other(OBJECT, HERE, 1, &Values::new().field(thing::NOTE).string("n"));
    stage
}

#[test]
fn several_fields_come_in_the_order_of_their_numbers() {
    let mut stage = stage_with_object();
    let fields = Values::new().field(thing::SIZE).u8(10).field(thing::NOTE).string("n");
    let fields = fields.field(thing::TOP).u8(3);
    let asked = [thing::TOP, thing::NOTE, thing::SIZE];
    stage.expect_answer(OBJECT, &get_fields(&asked), &fields_are(Some((3, &fields))));
}

#[test]
fn a_field_asked_for_twice_comes_once() {
    let mut stage = stage_with_object();
    let fields = Values::new().field(thing::SIZE).u8(10);
    let asked = [thing::SIZE, thing::SIZE];
    stage.expect_answer(OBJECT, &get_fields(&asked), &fields_are(Some((1, &fields))));
}

#[test]
fn fields_without_a_value_are_left_out() {
    let mut stage = stage_with_object();
    let fields = Values::new().field(thing::SIZE).u8(10);
    let asked = [thing::DIARY, thing::SIZE, thing::POKE];
    stage.expect_answer(OBJECT, &get_fields(&asked), &fields_are(Some((1, &fields))));
    let none = Values::new();
    stage.expect_answer(OBJECT, &get_fields(&[thing::DIARY]), &fields_are(Some((0, &none))));
    stage.expect_answer(OBJECT, &get_fields(&[]), &fields_are(Some((0, &none))));
}

#[test]
fn one_unknown_field_fails_all() {
    let mut stage = stage_with_object();
    for unknown in [NO_FIELD, avatar::HEALTH] {
        stage.expect_answer(OBJECT, &get_fields(&[thing::SIZE, unknown]), &fields_are(None));
    }
}

#[test]
fn everything_is_everything() {
    let mut stage = stage_with_object();
    stage.tell(OBJECT, &set_field(OBJECT, thing::DIARY, &Values::new().string("d")));
    let values = usual().all().u16(2).field(thing::NOTE).string("n");
    let values = values.field(thing::DIARY).string("d");
    stage.expect_answer(
        OBJECT,
        &StateServer::ObjectGetAll { context: CONTEXT, do_id: OBJECT },
        &StateServer::ObjectGetAllResp {
            context: CONTEXT,
            object: thing_at(OBJECT, HERE, &values),
        },
    );
}

#[test]
fn everything_counts_its_other_fields_even_if_there_are_none() {
    let mut stage = Stage::start();
    stage.create(OBJECT, HERE);
    stage.expect_answer(
        OBJECT,
        &StateServer::ObjectGetAll { context: CONTEXT, do_id: OBJECT },
        &StateServer::ObjectGetAllResp {
            context: CONTEXT,
            object: thing_at(OBJECT, HERE, &usual().all().u16(0)),
        },
    );
}

#[test]
fn questions_about_another_object_are_not_answered() {
    let mut stage = stage_with_object();
    let mut asker = stage.hearer(Channel(8_000));
    for question in [
        StateServer::ObjectGetAll { context: CONTEXT, do_id: OTHER },
        StateServer::ObjectGetField { context: CONTEXT, do_id: OTHER, field: thing::SIZE },
        StateServer::ObjectGetFields {
            context: CONTEXT,
            do_id: OTHER,
            fields: List::new(&[thing::SIZE]),
        },
    ] {
        stage.actor.send(OBJECT, Channel(8_000), &question);
    }
    stage.expect_silence(&mut asker);
}

#[test]
fn messages_that_objects_do_not_know_are_ignored() {
    let mut stage = stage_with_object();
    let mut asker = stage.hearer(Channel(8_000));
    let children = StateServer::ObjectGetChildren { context: CONTEXT };
    stage.actor.send(OBJECT, Channel(8_000), &children);
    let login = ClientAgent::SetState { state: 2 };
    stage.actor.send(OBJECT, Channel(8_000), &login);
    stage.actor.send(CONTROL, Channel(8_000), &login);
    stage.actor.send(CONTROL, Channel(8_000), &delete_ram(OBJECT));
    stage.expect_silence(&mut asker);
    stage.expect_location(OBJECT, HERE);
}

#[test]
fn a_message_cut_short_is_ignored() {
    let mut stage = stage_with_object();
    let mut asker = stage.hearer(Channel(8_000));
    let question =
        StateServer::ObjectGetField { context: CONTEXT, do_id: OBJECT, field: thing::SIZE };
    let whole = datagram_of(OBJECT, Channel(8_000), &question);
    let head = whole.len() - 10;
    for end in head..whole.len() {
        stage.actor.stream().send(&whole[..end]);
    }
    stage.expect_silence(&mut asker);
}
