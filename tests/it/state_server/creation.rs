//! stateserver.md §1 and §2: how objects come into being.

use super::*;
use crate::harness::world::{NO_CLASS, NO_FIELD, POINT};

#[test]
fn a_new_object_asks_its_parent_and_enters_its_location() {
    let mut stage = Stage::start();
    let mut hearer = stage.hearer([PARENT.channel(), HERE.channel()]);
    stage.create(OBJECT, HERE);
    hearer.expect(PARENT, OBJECT, &get_ai(0));
    hearer.expect(PARENT, ACTOR, &changing_location(OBJECT, HERE, Location::NONE));
    hearer.expect(HERE, OBJECT, &enter_location(thing_at(OBJECT, HERE, &usual().seen())));
    stage.expect_silence(&mut hearer);
}

#[test]
fn a_state_server_is_one_of_all_state_servers() {
    let mut stage = Stage::start();
    let mut hearer = stage.hearer(HERE);
    stage.tell(Channel::STATE_SERVERS, &create(thing_at(OBJECT, HERE, &usual().all())));
    hearer.expect(HERE, OBJECT, &enter_location(thing_at(OBJECT, HERE, &usual().seen())));
}

#[test]
fn other_fields_are_shown_to_those_who_may_see_them() {
    let mut stage = Stage::start();
    let mut hearer = stage.hearer(HERE);
    // Not in the order of their numbers.
    let note = Values::new().field(thing::NOTE).string("fragile");
    let other = Values::new().field(thing::MOOD).u8(9).raw(note.bytes());
    let other = other.field(thing::DIARY).string("dear").field(thing::WISH).u16(3);
    stage.create_other(OBJECT, HERE, 4, &other);
    let seen = usual().seen().u16(2).raw(note.bytes()).field(thing::MOOD).u8(9);
    hearer.expect(HERE, OBJECT, &enter_location_other(thing_at(OBJECT, HERE, &seen)));
    stage.expect_field(OBJECT, thing::DIARY, Some(Values::new().string("dear")));
    stage.expect_field(OBJECT, thing::WISH, Some(Values::new().u16(3)));
}

#[test]
fn an_object_with_other_fields_says_so_even_where_none_is_seen() {
    let mut stage = Stage::start();
    let mut hearer = stage.hearer(HERE);
    stage.create_other(OBJECT, HERE, 1, &Values::new().field(thing::WISH).u16(3));
    let seen = usual().seen().u16(0);
    hearer.expect(HERE, OBJECT, &enter_location_other(thing_at(OBJECT, HERE, &seen)));
}

#[test]
fn no_other_fields_are_as_good_as_none() {
    let mut stage = Stage::start();
    let mut hearer = stage.hearer(HERE);
    stage.create_other(OBJECT, HERE, 0, &Values::new());
    hearer.expect(HERE, OBJECT, &enter_location(thing_at(OBJECT, HERE, &usual().seen())));
}

#[test]
fn other_fields_that_are_not_stored_are_skipped() {
    let mut stage = Stage::start();
    let other = Values::new().field(thing::POKE).u8(1).field(thing::NOTE).string("kept");
    stage.create_other(OBJECT, HERE, 2, &other);
    stage.expect_field(OBJECT, thing::POKE, None);
    stage.expect_field(OBJECT, thing::NOTE, Some(Values::new().string("kept")));
}

#[test]
fn an_unknown_other_field_ends_the_list() {
    let mut stage = Stage::start();
    let other = Values::new().field(thing::NOTE).string("kept").field(NO_FIELD).u8(1);
    let other = other.field(thing::DIARY).string("lost");
    stage.create_other(OBJECT, HERE, 3, &other);
    stage.expect_field(OBJECT, thing::NOTE, Some(Values::new().string("kept")));
    stage.expect_field(OBJECT, thing::DIARY, None);
}

#[test]
fn an_object_without_location_is_told_to_nobody_but_its_children() {
    let mut stage = Stage::start();
    let mut hearer = stage.hearer([Channel::NONE, OBJECT.children()]);
    stage.create(OBJECT, Location::NONE);
    let wake = StateServer::ObjectGetLocation { context: Context(1001) };
    hearer.expect(OBJECT.children(), OBJECT, &wake);
    stage.expect_silence(&mut hearer);
    stage.expect_location(OBJECT, Location::NONE);
}

#[test]
fn a_new_parent_finds_the_children_that_were_there_before_it() {
    let mut stage = Stage::start();
    stage.create(OBJECT, HERE);
    stage.create(PARENT, Location::NONE);
    stage.settle();
    stage.expect_answer(
        PARENT,
        &StateServer::GetActiveZones { context: Context(1) },
        &StateServer::GetActiveZonesResp { context: Context(1), zones: List::new(&[ZONE]) },
    );
}

#[test]
fn a_second_object_of_the_same_id_changes_nothing() {
    let mut stage = Stage::start();
    stage.create(OBJECT, HERE);
    stage.settle();
    let mut hearer = stage.hearer([HERE.channel(), THERE.channel(), PARENT.channel()]);
    let values = Thing { size: 99, ..usual() }.all();
    stage.tell(CONTROL, &create(thing_at(OBJECT, THERE, &values)));
    stage.expect_silence(&mut hearer);
    stage.expect_field(OBJECT, thing::SIZE, Some(Values::new().u8(10)));
    stage.expect_location(OBJECT, HERE);
}

#[test]
fn there_are_no_objects_of_unknown_classes_and_of_structs() {
    let mut stage = Stage::start();
    let mut hearer = stage.hearer([HERE.channel(), PARENT.channel()]);
    for class_id in [NO_CLASS, POINT] {
        let values = Values::new().i16(1).i16(2);
        let object = ObjectState { class_id, ..thing_at(OBJECT, HERE, &values) };
        stage.tell(CONTROL, &create(object));
        stage.tell(CONTROL, &create_other(object));
    }
    stage.expect_silence(&mut hearer);
    stage.expect_absent(OBJECT);
}

#[test]
fn there_is_no_object_with_part_of_its_required_fields() {
    let mut stage = Stage::start();
    let mut hearer = stage.hearer([HERE.channel(), PARENT.channel()]);
    let all = usual().all();
    for end in 0..all.bytes().len() {
        let values = Values::new().raw(&all.bytes()[..end]);
        stage.tell(CONTROL, &create(thing_at(OBJECT, HERE, &values)));
    }
    stage.expect_silence(&mut hearer);
    stage.expect_absent(OBJECT);
    // The id is still free.
    stage.create(OBJECT, HERE);
    stage.expect_location(OBJECT, HERE);
}

#[test]
fn inherited_required_fields_come_first() {
    use crate::harness::world::avatar;
    let mut stage = Stage::start();
    let mut hearer = stage.hearer(HERE);
    let values = Values::new().string("flip").i16(-4).i16(5);
    let object = ObjectState { class_id: avatar::CLASS, ..thing_at(OBJECT, HERE, &values) };
    stage.tell(CONTROL, &create(object));
    hearer.expect(HERE, OBJECT, &enter_location(object));
    stage.expect_field(OBJECT, avatar::NAME, Some(Values::new().string("flip")));
    stage.expect_field(OBJECT, avatar::POSITION, Some(Values::new().i16(-4).i16(5)));
}

#[test]
fn bytes_after_a_message_are_ignored() {
    let mut stage = Stage::start();
    let mut hearer = stage.hearer(HERE);
    let values = usual().all().raw(b"and more");
    stage.tell(CONTROL, &create(thing_at(OBJECT, HERE, &values)));
    hearer.expect(HERE, OBJECT, &enter_location(thing_at(OBJECT, HERE, &usual().seen())));
}
