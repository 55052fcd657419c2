//! stateserver.md §6: fields that are made of others.

use super::*;

fn stage_with_object() -> Stage {
    let mut stage = Stage::start();
    stage.create(OBJECT, HERE);
    stage.settle();
    stage
}

#[test]
fn a_molecular_update_is_told_whole_and_kept_in_parts() {
    let mut stage = stage_with_object();
    let mut hearer = stage.hearer(HERE);
    let value = Values::new().i16(-5).i16(6);
    stage.tell(OBJECT, &set_field(OBJECT, thing::XY, &value));
    hearer.expect(HERE, ACTOR, &set_field(OBJECT, thing::XY, &value));
    stage.expect_silence(&mut hearer);
    stage.expect_field(OBJECT, thing::X, Some(Values::new().i16(-5)));
    stage.expect_field(OBJECT, thing::Y, Some(Values::new().i16(6)));
    stage.expect_field(OBJECT, thing::XY, Some(value));
}

#[test]
fn required_parts_are_replaced() {
    let mut stage = stage_with_object();
    stage.expect_field(OBJECT, thing::ENDS, Some(Values::new().u8(3).u8(4)));
    stage.tell(OBJECT, &set_field(OBJECT, thing::ENDS, &Values::new().u8(8).u8(9)));
    stage.expect_field(OBJECT, thing::TOP, Some(Values::new().u8(8)));
    stage.tell(OBJECT, &set_field(OBJECT, thing::BOTTOM, &Values::new().u8(1)));
    stage.expect_field(OBJECT, thing::ENDS, Some(Values::new().u8(8).u8(1)));
}

#[test]
fn a_molecular_field_with_a_part_unset_has_no_value() {
    let mut stage = stage_with_object();
    stage.expect_field(OBJECT, thing::XY, None);
    stage.tell(OBJECT, &set_field(OBJECT, thing::X, &Values::new().i16(1)));
    stage.expect_field(OBJECT, thing::XY, None);
    stage.tell(OBJECT, &set_field(OBJECT, thing::Y, &Values::new().i16(2)));
    stage.expect_field(OBJECT, thing::XY, Some(Values::new().i16(1).i16(2)));
}

#[test]
fn a_molecular_field_counts_as_one_of_several() {
    let mut stage = stage_with_object();
    stage.tell(OBJECT, &set_field(OBJECT, thing::XY, &Values::new().i16(1).i16(2)));
    let fields = Values::new().field(thing::X).i16(1).field(thing::XY).i16(1).i16(2);
    stage.expect_answer(
        OBJECT,
        &StateServer::ObjectGetFields {
            context: Context(1),
            do_id: OBJECT,
            fields: List::new(&[thing::XY, thing::X]),
        },
        &StateServer::ObjectGetFieldsResp {
            context: Context(1),
            values: Some(FieldValues { count: 2, bytes: fields.bytes() }),
        },
    );
}

#[test]
fn everything_lists_the_parts_only() {
    let mut stage = stage_with_object();
    stage.tell(OBJECT, &set_field(OBJECT, thing::XY, &Values::new().i16(1).i16(2)));
    let values = usual().all().u16(2).field(thing::X).i16(1).field(thing::Y).i16(2);
    stage.expect_answer(
        OBJECT,
        &StateServer::ObjectGetAll { context: Context(1), do_id: OBJECT },
        &StateServer::ObjectGetAllResp {
            context: Context(1),
            object: thing_at(OBJECT, HERE, &values),
        },
    );
}

#[test]
fn a_truncated_molecular_update_changes_no_part() {
    let mut stage = stage_with_object();
    let mut hearer = stage.hearer(HERE);
    stage.tell(OBJECT, &set_field(OBJECT, thing::ENDS, &Values::new().u8(8)));
    stage.expect_silence(&mut hearer);
    stage.expect_field(OBJECT, thing::ENDS, Some(Values::new().u8(3).u8(4)));
}
