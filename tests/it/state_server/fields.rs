//! stateserver.md §6: who hears of an update, and what is kept of it.

use super::*;
use crate::harness::world::{NO_FIELD, avatar};

/// An object at `HERE` with an AI and an owner.
fn stage_with_object() -> Stage {
    let mut stage = Stage::start();
    stage.create(OBJECT, HERE);
    stage.tell(OBJECT, &set_ai(AI));
    stage.tell(OBJECT, &set_owner(OWNER));
    stage.settle();
    stage
}

/// Sets a field and expects it to be told to these, or to nobody.
#[track_caller]
fn expect_told(field: FieldId, value: &Values, to: &[Channel]) {
    let mut stage = stage_with_object();
    let mut hearer = stage.hearer([HERE.channel(), AI, OWNER]);
    let update = set_field(OBJECT, field, value);
    stage.tell(OBJECT, &update);
    if !to.is_empty() {
        hearer.expect(to, ACTOR, &update);
    }
    stage.expect_silence(&mut hearer);
}

#[test]
fn a_broadcast_field_is_told_to_the_location() {
    expect_told(thing::POKE, &Values::new().u8(1), &[HERE.channel()]);
}

#[test]
fn an_airecv_field_is_told_to_the_ai() {
    expect_told(thing::REPORT, &Values::new().string("all well"), &[AI]);
}

#[test]
fn an_ownrecv_field_is_told_to_the_owner() {
    expect_told(thing::WHISPER, &Values::new().string("psst"), &[OWNER]);
}

#[test]
fn a_field_for_all_is_told_to_all_in_one_datagram() {
    expect_told(thing::ALARM, &Values::new().u8(3), &[HERE.channel(), AI, OWNER]);
}

#[test]
fn a_field_without_keywords_is_told_to_nobody() {
    expect_told(thing::UNHEARD, &Values::new().u8(3), &[]);
}

#[test]
fn clrecv_is_no_broadcast() {
    expect_told(thing::MOOD, &Values::new().u8(3), &[]);
    expect_told(thing::HINT, &Values::new().string("look down"), &[]);
}

#[test]
fn whoever_sets_a_field_is_not_told_as_ai_or_owner() {
    let mut stage = stage_with_object();
    let mut hearer = stage.hearer([AI, OWNER]);
    let value = Values::new().u8(3);
    let update = set_field(OBJECT, thing::ALARM, &value);
    stage.actor.send(OBJECT, AI, &update);
    hearer.expect([HERE.channel(), OWNER], AI, &update);
    stage.actor.send(OBJECT, OWNER, &update);
    hearer.expect([HERE.channel(), AI], OWNER, &update);
    stage.expect_silence(&mut hearer);
}

#[test]
fn required_and_ram_fields_are_kept() {
    let mut stage = stage_with_object();
    let (size, note) = (Values::new().u8(42), Values::new().string("moved"));
    stage.expect_field(OBJECT, thing::SIZE, Some(Values::new().u8(10)));
    stage.expect_field(OBJECT, thing::NOTE, None);
    stage.tell(OBJECT, &set_field(OBJECT, thing::SIZE, &size));
    stage.tell(OBJECT, &set_field(OBJECT, thing::NOTE, &note));
    stage.tell(OBJECT, &set_field(OBJECT, thing::LEVEL, &Values::new().u8(6)));
    stage.expect_field(OBJECT, thing::SIZE, Some(size));
    stage.expect_field(OBJECT, thing::NOTE, Some(note));
    stage.expect_field(OBJECT, thing::LEVEL, Some(Values::new().u8(6)));
}

#[test]
fn other_fields_are_not_kept() {
    let mut stage = stage_with_object();
    stage.tell(OBJECT, &set_field(OBJECT, thing::POKE, &Values::new().u8(1)));
    stage.expect_field(OBJECT, thing::POKE, None);
}

#[test]
fn values_of_every_shape_are_kept_and_told_as_they_came() {
    let mut stage = stage_with_object();
    let mut hearer = stage.hearer(HERE);
    let points = Values::new().i16(-1).i16(2).i16(3).i16(-4);
    for (field, value) in [
        (thing::PATH, Values::new().blob(points.bytes())),
        (thing::PATH, Values::new().blob(b"")),
        (thing::CORNERS, points.clone()),
        (thing::PAIR, Values::new().blob(b"")),
        (thing::PAIR, Values::new().blob(b"\x01\0\x02\0")),
        (thing::ICON, Values::new().blob(b"\xff\0\x80")),
        (thing::NOTE, Values::new().string("")),
        (thing::LEVEL, Values::new().u8(255)),
    ] {
        stage.tell(OBJECT, &set_field(OBJECT, field, &value));
        hearer.expect(HERE, ACTOR, &set_field(OBJECT, field, &value));
        stage.expect_field(OBJECT, field, Some(value));
    }
}

#[test]
fn an_update_of_another_object_is_ignored() {
    let mut stage = stage_with_object();
    let mut hearer = stage.hearer([HERE.channel(), AI, OWNER]);
    stage.tell(OBJECT, &set_field(OTHER, thing::SIZE, &Values::new().u8(42)));
    stage.tell(OBJECT, &set_fields(OTHER, 1, &Values::new().field(thing::SIZE).u8(42)));
    stage.expect_silence(&mut hearer);
    stage.expect_field(OBJECT, thing::SIZE, Some(Values::new().u8(10)));
}

#[test]
fn a_field_that_the_class_does_not_have_is_ignored() {
    let mut stage = stage_with_object();
    let mut hearer = stage.hearer([HERE.channel(), AI, OWNER]);
    for field in [NO_FIELD, avatar::HEALTH] {
        stage.tell(OBJECT, &set_field(OBJECT, field, &Values::new().u8(42)));
        stage.expect_field(OBJECT, field, None);
    }
    stage.expect_silence(&mut hearer);
}

#[test]
fn a_truncated_value_is_neither_kept_nor_told() {
    let mut stage = stage_with_object();
    let mut hearer = stage.hearer(HERE);
    for (field, value) in [
        (thing::SIZE, Values::new()),
        (thing::NOTE, Values::new().u16(5).raw(b"four")),
        (thing::CORNERS, Values::new().i16(1).i16(1).i16(1)),
        (thing::PATH, Values::new().u16(8).i16(1).i16(1)),
    ] {
        stage.tell(OBJECT, &set_field(OBJECT, field, &value));
    }
    stage.expect_silence(&mut hearer);
    stage.expect_field(OBJECT, thing::SIZE, Some(Values::new().u8(10)));
    stage.expect_field(OBJECT, thing::NOTE, None);
}

#[test]
fn several_fields_are_told_one_by_one_in_their_order() {
    let mut stage = stage_with_object();
    let mut hearer = stage.hearer([HERE.channel(), OWNER]);
    let (note, size) = (Values::new().string("new"), Values::new().u8(42));
    let (whisper, poke) = (Values::new().string("psst"), Values::new().u8(5));
    let fields = Values::new().field(thing::NOTE).raw(note.bytes());
    let fields = fields.field(thing::SIZE).raw(size.bytes());
    let fields = fields.field(thing::WHISPER).raw(whisper.bytes());
    let fields = fields.field(thing::POKE).raw(poke.bytes());
    stage.tell(OBJECT, &set_fields(OBJECT, 4, &fields));
    hearer.expect(HERE, ACTOR, &set_field(OBJECT, thing::NOTE, &note));
    hearer.expect(HERE, ACTOR, &set_field(OBJECT, thing::SIZE, &size));
    hearer.expect(OWNER, ACTOR, &set_field(OBJECT, thing::WHISPER, &whisper));
    hearer.expect(HERE, ACTOR, &set_field(OBJECT, thing::POKE, &poke));
    stage.expect_silence(&mut hearer);
    stage.expect_field(OBJECT, thing::NOTE, Some(note));
    stage.expect_field(OBJECT, thing::SIZE, Some(size));
}

#[test]
fn the_first_bad_one_of_several_fields_ends_them() {
    let mut stage = stage_with_object();
    let mut hearer = stage.hearer(HERE);
    let fields = Values::new().field(thing::SIZE).u8(42).field(NO_FIELD).u8(1);
    let fields = fields.field(thing::TOP).u8(99);
    stage.tell(OBJECT, &set_fields(OBJECT, 3, &fields));
    hearer.expect(HERE, ACTOR, &set_field(OBJECT, thing::SIZE, &Values::new().u8(42)));
    stage.expect_silence(&mut hearer);
    stage.expect_field(OBJECT, thing::SIZE, Some(Values::new().u8(42)));
    stage.expect_field(OBJECT, thing::TOP, Some(Values::new().u8(3)));
}
