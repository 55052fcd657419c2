//! What a database can answer, and what becomes of it.

use crate::db_state_server::stage::*;
use crate::harness::world::{NO_FIELD, POINT, vault};
use crate::harness::*;

#[test]
fn bug_01_stored_values_that_break_the_rules_are_not_loaded() {
    let mut stage = Stage::start();
    stage.tell(&activate(HERE));
    let context = stage.expect_get_all();
    let fields = Values::new().field(vault::OWNER_NAME).blob(b"caf\xe9");
    stage.answer_vault(context, 1, &fields);
    stage.expect_activated(false);
    stage.daemon.expect_alive();
}

#[test]
fn bug_04_a_struct_is_not_the_class_of_an_object() {
    let mut stage = Stage::start();
    let values = Values::new();
    let fields = FieldValues { count: 0, bytes: values.bytes() };
    let object = Some((POINT, fields));
    stage.tell(&StateServer::ObjectGetAll { context: Context(1), do_id: OBJECT });
    let context = stage.expect_get_all();
    stage.answer(&Database::ObjectGetAllResp { context, object });
    stage.tell(&activate(HERE));
    let context = stage.expect_get_all();
    stage.answer(&Database::ObjectGetAllResp { context, object });
    stage.expect_activated(false);
    let other = Values::new().u16(0);
    let object = ObjectState { class_id: POINT, ..vault_at(HERE, &other) };
    stage.tell(&DbStateServer::ObjectActivateWithDefaultsOther { object });
    stage.expect_activated(false);
    stage.expect_unasked();
    stage.daemon.expect_alive();
}

#[test]
fn bug_05_and_52_an_object_of_the_first_class_can_be_asked_for_and_loaded_then() {
    let mut stage = Stage::start();
    for _ in 0..2 {
        stage.tell(&StateServer::ObjectGetAll { context: Context(1), do_id: OBJECT });
        let context = stage.expect_get_all();
        stage.answer_vault(context, 3, &stored());
        let all = required().u16(1).field(vault::MOTTO).string("mine");
        let object = vault_at(Location::NONE, &all);
        stage.expect(&StateServer::ObjectGetAllResp { context: Context(1), object });
    }
    // The database is asked again, and its answer loads the object.
    stage.activate();
}

#[test]
fn bug_53_unknown_fields_are_one_failure() {
    let mut stage = Stage::start();
    let context = Context(1);
    let fields = [NO_FIELD, vault::LIMIT, FieldId(9_001)];
    let fields = List::new(&fields);
    stage.tell(&StateServer::ObjectGetFields { context, do_id: OBJECT, fields });
    stage.expect(&StateServer::ObjectGetFieldsResp { context, values: None });
    stage.expect_activated(false);
    stage.expect_unasked();
}

#[test]
fn bug_54_the_fields_that_are_announced_are_those_that_come() {
    let mut stage = Stage::start();
    let fields = [vault::GOLD, vault::MOTTO, vault::LIMIT];
    let mut ask = |found: Option<(u16, &Values)>| {
        let context = Context(1);
        let fields = List::new(&fields);
        stage.tell(&StateServer::ObjectGetFields { context, do_id: OBJECT, fields });
        let came = stage.db.receive();
        let request = came.envelope().body[..4].try_into().expect("a context");
        let values = found.map(|(count, found)| FieldValues { count, bytes: found.bytes() });
        let context = Context(u32::from_le_bytes(request));
        stage.answer(&Database::ObjectGetFieldsResp { context, values });
        stage.actor.receive()
    };
    let answer = |values| {
        let answer = StateServer::ObjectGetFieldsResp { context: Context(1), values };
        Expected::new(ACTOR, OBJECT, &answer)
    };
    let found = Values::new().field(vault::GOLD).u32(7);
    let all = Values::new().field(vault::LIMIT).u8(15).raw(found.bytes());
    let values = Some(FieldValues { count: 2, bytes: all.bytes() });
    assert_eq!(answer(values), ask(Some((1, &found))));
    assert_eq!(answer(None), ask(None));
}

#[test]
fn bug_55_an_object_whose_database_does_not_answer_is_given_up() {
    let keys = "type: dbss, database: 4003, ranges: [{min: 9000, max: 9999}], \
                load_timeout_ms: 200";
    let daemon = Setup::new().role(keys).start();
    let mut actor = daemon.link();
    actor.subscribe(ACTOR);
    actor.send(OBJECT, ACTOR, &activate(HERE));
    let (context, do_id) = (Context(1), OBJECT);
    actor.send(OBJECT, ACTOR, &DbStateServer::ObjectGetActivated { context, do_id });
    let active = false;
    let answer = DbStateServer::ObjectGetActivatedResp { context, do_id, active };
    actor.expect(ACTOR, OBJECT, &answer);
}

#[test]
fn bug_56_other_fields_that_are_not_kept_are_skipped() {
    let mut stage = Stage::start();
    let other = Values::new().u16(3).field(vault::KEY).u16(9).field(vault::VISITS).u16(7);
    let other = other.field(vault::LIMIT).u8(20);
    let object = vault_at(HERE, &other);
    stage.tell(&DbStateServer::ObjectActivateWithDefaultsOther { object });
    let context = stage.expect_get_all();
    stage.answer_vault(context, 0, &Values::new());
    stage.settle();
    stage.tell(&StateServer::ObjectGetAll { context: Context(1), do_id: OBJECT });
    let all = Values::new().string("nobody").u32(100).u8(20);
    let all = all.u16(1).field(vault::VISITS).u16(7);
    let object = vault_at(HERE, &all);
    stage.expect(&StateServer::ObjectGetAllResp { context: Context(1), object });
}
