//! stateserver.md §12: loading objects.

use super::*;

fn get_all() -> StateServer<'static> {
    StateServer::ObjectGetAll { context: Context(1), do_id: OBJECT }
}

fn all_is(object: ObjectState<'_>) -> StateServer<'_> {
    StateServer::ObjectGetAllResp { context: Context(1), object }
}

#[test]
fn an_object_is_loaded_from_the_database_and_enters_its_location() {
    let mut stage = Stage::start();
    let mut hearer = stage.hearer([HERE.channel(), PARENT.channel()]);
    stage.expect_activated(false);
    stage.tell(&activate(HERE));
    let context = stage.expect_get_all();
    stage.answer_vault(context, 3, &stored());
    let get_ai = StateServer::ObjectGetAi { context: Context(0) };
    hearer.expect(PARENT, OBJECT, &get_ai);
    // It came out of the database, so that is who moved it.
    let moved =
        StateServer::ObjectChangingLocation { do_id: OBJECT, new: HERE, old: Location::NONE };
    hearer.expect(PARENT, DATABASE, &moved);
    // Required and broadcast: only the owner's name. Ram and broadcast: the motto.
    let seen = Values::new().string("scrooge").u16(1).field(vault::MOTTO).string("mine");
    let object = vault_at(HERE, &seen);
    let entry = StateServer::ObjectEnterLocationWithRequiredOther { object };
    hearer.expect(HERE, OBJECT, &entry);
    stage.expect_activated(true);
    stage.tell(&get_all());
    let all = required().u16(1).field(vault::MOTTO).string("mine");
    stage.expect(&all_is(vault_at(HERE, &all)));
}

#[test]
fn fields_that_the_database_does_not_have_get_their_defaults() {
    let mut stage = Stage::start();
    stage.tell(&activate(HERE));
    let context = stage.expect_get_all();
    stage.answer_vault(context, 0, &Values::new());
    stage.settle();
    stage.tell(&get_all());
    let all = Values::new().string("nobody").u32(100).u8(15).u16(0);
    stage.expect(&all_is(vault_at(HERE, &all)));
}

#[test]
fn an_activation_can_override_fields() {
    let mut stage = Stage::start();
    let other = Values::new().u16(3).field(vault::VISITS).u16(7);
    let other = other.field(vault::GOLD).u32(1).field(vault::LIMIT).u8(20);
    let object = vault_at(HERE, &other);
    stage.tell(&DbStateServer::ObjectActivateWithDefaultsOther { object });
    let context = stage.expect_get_all();
    stage.answer_vault(context, 3, &stored());
    stage.settle();
    stage.tell(&get_all());
    let all = Values::new().string("scrooge").u32(1).u8(20).u16(2);
    let all = all.field(vault::MOTTO).string("mine").field(vault::VISITS).u16(7);
    stage.expect(&all_is(vault_at(HERE, &all)));
}

#[test]
fn what_is_only_stored_is_not_loaded() {
    let mut stage = Stage::start();
    stage.tell(&activate(HERE));
    let context = stage.expect_get_all();
    stage.answer_vault(context, 4, &stored().field(vault::KEY).u16(9));
    stage.settle();
    stage.tell(&get_all());
    let all = required().u16(1).field(vault::MOTTO).string("mine");
    stage.expect(&all_is(vault_at(HERE, &all)));
}

#[test]
fn a_second_activation_is_ignored() {
    let mut stage = Stage::start();
    stage.tell(&activate(HERE));
    stage.tell(&activate(Location::new(PARENT, ZoneId(1))));
    let context = stage.expect_get_all();
    stage.answer_vault(context, 3, &stored());
    stage.settle();
    stage.tell(&activate(Location::new(PARENT, ZoneId(2))));
    stage.tell(&StateServer::ObjectGetLocation { context: Context(1) });
    let location = HERE;
    let answer =
        StateServer::ObjectGetLocationResp { context: Context(1), do_id: OBJECT, location };
    stage.expect(&answer);
    stage.expect_unasked();
}

#[test]
fn what_is_said_to_an_object_while_it_loads_waits_for_it() {
    let mut stage = Stage::start();
    stage.tell(&activate(HERE));
    let context = stage.expect_get_all();
    let (gold, key) = (Values::new().u32(6), Values::new().u16(8));
    let set = |field, value| StateServer::ObjectSetField { do_id: OBJECT, field, value };
    stage.tell(&set(vault::GOLD, rest(&gold)));
    stage.tell(&set(vault::KEY, rest(&key)));
    let activated = DbStateServer::ObjectGetActivated { context: Context(3), do_id: OBJECT };
    stage.tell(&activated);
    stage.tell(&StateServer::ObjectGetField {
        context: Context(4),
        do_id: OBJECT,
        field: vault::GOLD,
    });
    stage.answer_vault(context, 3, &stored());
    // The object answers first, then the role does what it would have done.
    let value = Some((vault::GOLD, rest(&gold)));
    stage.expect(&StateServer::ObjectGetFieldResp { context: Context(4), value });
    stage.expect(&DbStateServer::ObjectGetActivatedResp {
        context: Context(3),
        do_id: OBJECT,
        active: true,
    });
    for (field, value) in [(vault::GOLD, &gold), (vault::KEY, &key)] {
        let set = Database::ObjectSetField { do_id: OBJECT, field, value: rest(value) };
        stage.db.expect(DATABASE, OBJECT, &set);
    }
}

#[test]
fn an_object_that_the_database_does_not_have_is_not_loaded() {
    let mut stage = Stage::start();
    stage.tell(&activate(HERE));
    let context = stage.expect_get_all();
    // What waited is handled as for any object that is not loaded.
    let activated = DbStateServer::ObjectGetActivated { context: Context(3), do_id: OBJECT };
    stage.tell(&activated);
    stage.answer(&Database::ObjectGetAllResp { context, object: None });
    stage.expect(&DbStateServer::ObjectGetActivatedResp {
        context: Context(3),
        do_id: OBJECT,
        active: false,
    });
    // It can be tried again.
    stage.activate();
}

#[test]
fn an_object_of_a_class_that_is_none_is_not_loaded() {
    let mut stage = Stage::start();
    for (class_id, fields) in [(NO_CLASS, stored()), (thing::CLASS, stored())] {
        stage.tell(&activate(HERE));
        let context = stage.expect_get_all();
        let fields = FieldValues { count: 3, bytes: fields.bytes() };
        let object = Some((class_id, fields));
        stage.answer(&Database::ObjectGetAllResp { context, object });
        stage.expect_activated(false);
    }
}

#[test]
fn an_object_of_another_class_than_expected_is_not_loaded() {
    let mut stage = Stage::start();
    let other = Values::new().u16(0);
    let object = ObjectState { class_id: thing::CLASS, ..vault_at(HERE, &other) };
    stage.tell(&DbStateServer::ObjectActivateWithDefaultsOther { object });
    let context = stage.expect_get_all();
    stage.answer_vault(context, 3, &stored());
    stage.expect_activated(false);
}

#[test]
fn an_answer_to_another_question_is_not_taken_for_the_object() {
    let mut stage = Stage::start();
    stage.tell(&activate(HERE));
    let context = stage.expect_get_all();
    stage.answer(&Database::ObjectGetAllResp { context: Context(context.0 + 99), object: None });
    stage.answer_vault(context, 3, &stored());
    stage.expect_activated(true);
}

#[test]
fn an_unloaded_object_can_be_loaded_again() {
    let mut stage = Stage::start();
    stage.activate();
    let mut hearer = stage.hearer(HERE);
    stage.tell(&StateServer::ObjectDeleteRam { do_id: OBJECT });
    hearer.expect(HERE, ACTOR, &StateServer::ObjectDeleteRam { do_id: OBJECT });
    stage.expect_activated(false);
    stage.activate();
}

#[test]
fn a_loaded_object_behaves_as_any_other_and_what_is_stored_of_it_is_stored() {
    let mut stage = Stage::start();
    stage.activate();
    let mut hearer = stage.hearer(HERE);
    let motto = Values::new().string("still mine");
    let (field, value) = (vault::MOTTO, rest(&motto));
    stage.tell(&StateServer::ObjectSetField { do_id: OBJECT, field, value });
    hearer.expect(HERE, ACTOR, &StateServer::ObjectSetField { do_id: OBJECT, field, value });
    stage.db.expect(DATABASE, OBJECT, &Database::ObjectSetField { do_id: OBJECT, field, value });
    // Visits are not stored.
    let visits = Values::new().u16(3);
    let (field, value) = (vault::VISITS, rest(&visits));
    stage.tell(&StateServer::ObjectSetField { do_id: OBJECT, field, value });
    hearer.expect(HERE, ACTOR, &StateServer::ObjectSetField { do_id: OBJECT, field, value });
    stage.expect_unasked();
}

#[test]
fn a_loaded_object_may_be_deleted_from_disk_and_lives_on() {
    let mut stage = Stage::start();
    stage.activate();
    let mut hearer = stage.hearer(HERE);
    let delete = DbStateServer::ObjectDeleteDisk { do_id: OBJECT };
    stage.tell(&delete);
    hearer.expect(HERE, ACTOR, &delete);
    stage.db.expect(DATABASE, OBJECT, &Database::ObjectDelete { do_id: OBJECT });
    stage.expect_activated(true);
}

#[test]
fn an_answer_on_its_way_loads_the_object_too() {
    let mut stage = Stage::start();
    stage.tell(&get_all());
    let context = stage.expect_get_all();
    stage.tell(&activate(HERE));
    stage.answer_vault(context, 3, &stored());
    let all = required().u16(1).field(vault::MOTTO).string("mine");
    stage.expect(&all_is(vault_at(Location::NONE, &all)));
    stage.expect_activated(true);
    stage.expect_unasked();
}
