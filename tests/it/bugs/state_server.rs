//! Values that break their field's rules, and messages that are too large.

use crate::harness::world::{room, thing};
use crate::harness::*;
use crate::state_server::*;

/// A room: its title, and whatever large values it has.
fn room_at(location: Location, values: &Values) -> ObjectState<'_> {
    ObjectState { do_id: OBJECT, location, class_id: room::CLASS, values: Rest(values.bytes()) }
}

/// A stage with a room whose map and floor each fit a datagram, but not together.
fn stage_with_large_room() -> Stage {
    let mut stage = Stage::start();
    let title = Values::new().string("hall");
    stage.tell(CONTROL, &create(room_at(HERE, &title)));
    stage.settle();
    let large = Values::new().blob(&[7; 40_000]);
    for field in [room::MAP, room::FLOOR] {
        stage.tell(OBJECT, &set_field(OBJECT, field, &large));
        stage.settle();
    }
    stage
}

#[test]
fn bug_01_an_update_that_breaks_its_fields_rules_is_dropped() {
    let mut stage = Stage::start();
    stage.create(OBJECT, HERE);
    let mut hearer = stage.hearer(HERE);
    for (field, value) in [
        (thing::SIZE, Values::new().u8(0)),
        (thing::SIZE, Values::new().u8(101)),
        (thing::HINT, Values::new().string("thirteen char")),
        (thing::PAIR, Values::new().blob(&[0; 6])),
        (thing::NOTE, Values::new().blob(b"\xff\xfe")),
        (thing::LABEL, Values::new().blob(b"caf\xe9")),
    ] {
        stage.tell(OBJECT, &set_field(OBJECT, field, &value));
        stage.expect_silence(&mut hearer);
    }
    stage.expect_field(OBJECT, thing::SIZE, Some(Values::new().u8(10)));
    stage.expect_field(OBJECT, thing::NOTE, None);
    stage.daemon.expect_alive();
}

#[test]
fn bug_01_a_list_of_updates_ends_at_the_one_that_breaks_the_rules() {
    let mut stage = Stage::start();
    stage.create(OBJECT, HERE);
    let fields = Values::new().field(thing::TOP).u8(7).field(thing::SIZE).u8(0);
    let fields = fields.field(thing::BOTTOM).u8(8);
    stage.tell(OBJECT, &set_fields(OBJECT, 3, &fields));
    stage.expect_field(OBJECT, thing::TOP, Some(Values::new().u8(7)));
    stage.expect_field(OBJECT, thing::SIZE, Some(Values::new().u8(10)));
    stage.expect_field(OBJECT, thing::BOTTOM, Some(Values::new().u8(4)));
}

#[test]
fn bug_01_an_object_whose_values_break_the_rules_is_not_created() {
    let mut stage = Stage::start();
    let mut hearer = stage.hearer(HERE);
    let all = Thing { size: 0, ..usual() }.all();
    stage.tell(CONTROL, &create(thing_at(OBJECT, HERE, &all)));
    let other = usual().all().u16(1).field(thing::PAIR).blob(&[0; 6]);
    stage.tell(CONTROL, &create_other(thing_at(OBJECT, HERE, &other)));
    stage.expect_silence(&mut hearer);
    stage.expect_absent(OBJECT);
    stage.daemon.expect_alive();
}

#[test]
fn bug_02_an_entry_that_is_too_large_is_not_sent_and_nothing_else_suffers() {
    let mut stage = stage_with_large_room();
    let mut hearer = stage.hearer([THERE.channel(), AI, OWNER]);
    stage.tell(OBJECT, &set_location(THERE));
    stage.tell(OBJECT, &set_ai(AI));
    stage.tell(OBJECT, &set_owner(OWNER));
    stage.expect_location(OBJECT, THERE);
    // It is told where it goes, and to whom: only the entries are missing.
    stage.expect_silence(&mut hearer);
    let context = Context(1);
    stage.expect_answer(
        OBJECT,
        &get_ai(1),
        &StateServer::ObjectGetAiResp { context, do_id: OBJECT, ai: AI },
    );
    stage.daemon.expect_alive();
}

#[test]
fn bug_02_fields_that_are_too_large_together_are_a_failure() {
    let mut stage = stage_with_large_room();
    let context = Context(1);
    let both = [room::MAP, room::FLOOR];
    stage.expect_answer(
        OBJECT,
        &StateServer::ObjectGetFields { context, do_id: OBJECT, fields: List::new(&both) },
        &StateServer::ObjectGetFieldsResp { context, values: None },
    );
    // Each alone is fine.
    stage.expect_field(OBJECT, room::MAP, Some(Values::new().blob(&[7; 40_000])));
    let mut asker = stage.hearer(Channel(8_000));
    let question = StateServer::ObjectGetAll { context, do_id: OBJECT };
    stage.actor.send(OBJECT, Channel(8_000), &question);
    stage.expect_silence(&mut asker);
    stage.daemon.expect_alive();
}

#[test]
fn bug_08_creations_cut_short_leave_nothing_behind() {
    let mut stage = Stage::start();
    let all = usual().all();
    for end in 0..all.bytes().len() {
        let values = Values::new().raw(&all.bytes()[..end]);
        let do_id = DoId(20_000 + end as u32);
        stage.tell(CONTROL, &create(thing_at(do_id, HERE, &values)));
    }
    stage.settle();
    assert_eq!(stage.daemon.terminate("INT").code(), Some(0));
}

#[test]
fn bug_46_of_a_field_given_twice_the_last_value_counts() {
    let mut stage = Stage::start();
    let other = Values::new().field(thing::NOTE).string("one").field(thing::NOTE).string("two");
    stage.create_other(OBJECT, HERE, 2, &other);
    stage.expect_field(OBJECT, thing::NOTE, Some(Values::new().string("two")));
    let fields = Values::new().field(thing::NOTE).string("3").field(thing::NOTE).string("4");
    stage.tell(OBJECT, &set_fields(OBJECT, 2, &fields));
    stage.expect_field(OBJECT, thing::NOTE, Some(Values::new().string("4")));
}

#[test]
fn bug_47_a_molecular_field_with_a_part_unset_is_left_out_of_several() {
    let mut stage = Stage::start();
    stage.create(OBJECT, HERE);
    stage.tell(OBJECT, &set_field(OBJECT, thing::X, &Values::new().i16(1)));
    let (context, fields) = (Context(1), Values::new().field(thing::X).i16(1));
    stage.expect_answer(
        OBJECT,
        &StateServer::ObjectGetFields {
            context,
            do_id: OBJECT,
            fields: List::new(&[thing::XY, thing::X]),
        },
        &StateServer::ObjectGetFieldsResp {
            context,
            values: Some(FieldValues { count: 1, bytes: fields.bytes() }),
        },
    );
}

#[test]
fn bug_50_array_elements_may_not_overrun_the_array() {
    let mut stage = Stage::start();
    stage.create(OBJECT, HERE);
    let mut hearer = stage.hearer(HERE);
    // Six bytes are a point and a half; two more follow.
    let value = Values::new().u16(6).i16(1).i16(2).i16(3).i16(4);
    stage.tell(OBJECT, &set_field(OBJECT, thing::PATH, &value));
    stage.expect_silence(&mut hearer);
    stage.expect_field(OBJECT, thing::PATH, None);
}

#[test]
fn bug_51_fields_of_all_parents_are_inherited() {
    let dc = "dclass Base { setBase(uint8 a) required broadcast; }; \
              dclass Left { setLeft(uint8 a) required broadcast; }; \
              dclass Right : Base { setRight(uint8 a) required broadcast; }; \
              dclass Both : Right, Left { setBoth(uint8 a) required broadcast; };";
    let daemon = Setup::new().dc(dc).role("type: stateserver, control: 4000").start();
    let mut hearer = daemon.link();
    hearer.subscribe(HERE);
    let object = ObjectState {
        do_id: OBJECT,
        location: HERE,
        class_id: ClassId(3),
        values: Rest(&[1, 2, 3, 4]),
    };
    daemon.link().send(CONTROL, ACTOR, &create(object));
    hearer.expect(HERE, OBJECT, &enter_location(object));
}

#[test]
fn bug_78_strings_may_be_of_any_language() {
    let mut stage = Stage::start();
    stage.create(OBJECT, HERE);
    let mut hearer = stage.hearer(HERE);
    let value = Values::new().string("Grüße, 你好");
    stage.tell(OBJECT, &set_field(OBJECT, thing::NOTE, &value));
    hearer.expect(HERE, ACTOR, &set_field(OBJECT, thing::NOTE, &value));
}
