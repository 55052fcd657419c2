//! stateserver.md §13 and §14: objects that are in the database only.

use super::*;

const CONTEXT: Context = Context(0xabcd);

fn get_field(field: FieldId) -> StateServer<'static> {
    StateServer::ObjectGetField { context: CONTEXT, do_id: OBJECT, field }
}

fn field_is(value: Option<(FieldId, Rest<'_>)>) -> StateServer<'_> {
    StateServer::ObjectGetFieldResp { context: CONTEXT, value }
}

fn get_fields(fields: &[FieldId]) -> StateServer<'_> {
    StateServer::ObjectGetFields { context: CONTEXT, do_id: OBJECT, fields: List::new(fields) }
}

fn fields_are(values: Option<(u16, &Values)>) -> StateServer<'_> {
    let values = values.map(|(count, fields)| FieldValues { count, bytes: fields.bytes() });
    StateServer::ObjectGetFieldsResp { context: CONTEXT, values }
}

/// Expects the database to be asked for these fields; returns the question's context.
#[track_caller]
fn expect_asked(stage: &mut Stage, fields: &[FieldId]) -> Context {
    let came = stage.db.receive();
    let Cluster::Database(Database::ObjectGetFields { context, .. }) = came.message() else {
        panic!("not asked for fields: {came:?}");
    };
    let fields = List::new(fields);
    let question = Database::ObjectGetFields { context, do_id: OBJECT, fields };
    assert_eq!(Expected::new(DATABASE, OBJECT, &question), came);
    context
}

#[test]
fn an_update_is_stored_if_its_field_is() {
    let mut stage = Stage::start();
    let mut hearer = stage.hearer(HERE);
    for (field, value) in [
        (vault::MOTTO, Values::new().string("new")),
        (vault::KEY, Values::new().u16(1)),
        (vault::GOLD, Values::new().u32(1)),
    ] {
        let value = rest(&value);
        stage.tell(&StateServer::ObjectSetField { do_id: OBJECT, field, value });
        let set = Database::ObjectSetField { do_id: OBJECT, field, value };
        stage.db.expect(DATABASE, OBJECT, &set);
    }
    let visits = Values::new().u16(1);
    for field in [vault::VISITS, vault::LIMIT, NO_FIELD] {
        let value = rest(&visits);
        stage.tell(&StateServer::ObjectSetField { do_id: OBJECT, field, value });
    }
    stage.expect_unasked();
    hearer.expect_nothing_from(&mut stage.actor);
}

#[test]
fn several_updates_are_stored_as_one() {
    let mut stage = Stage::start();
    let fields = Values::new().field(vault::MOTTO).string("m").field(vault::VISITS).u16(3);
    let fields = fields.field(vault::GOLD).u32(1);
    let fields = FieldValues { count: 3, bytes: fields.bytes() };
    stage.tell(&StateServer::ObjectSetFields { do_id: OBJECT, fields });
    let stored = Values::new().field(vault::GOLD).u32(1).field(vault::MOTTO).string("m");
    let fields = FieldValues { count: 2, bytes: stored.bytes() };
    stage.db.expect(DATABASE, OBJECT, &Database::ObjectSetFields { do_id: OBJECT, fields });
    // One alone is still several; none is nothing; and with an unknown one nothing is done.
    let one = Values::new().field(vault::GOLD).u32(2);
    let fields = FieldValues { count: 1, bytes: one.bytes() };
    stage.tell(&StateServer::ObjectSetFields { do_id: OBJECT, fields });
    stage.db.expect(DATABASE, OBJECT, &Database::ObjectSetFields { do_id: OBJECT, fields });
    let none = Values::new().field(vault::VISITS).u16(3);
    let fields = FieldValues { count: 1, bytes: none.bytes() };
    stage.tell(&StateServer::ObjectSetFields { do_id: OBJECT, fields });
    let unknown = one.field(NO_FIELD).u8(1);
    let fields = FieldValues { count: 2, bytes: unknown.bytes() };
    stage.tell(&StateServer::ObjectSetFields { do_id: OBJECT, fields });
    stage.expect_unasked();
}

#[test]
fn a_stored_field_is_asked_for() {
    let mut stage = Stage::start();
    for value in [Some(Values::new().u32(7)), None] {
        stage.tell(&get_field(vault::GOLD));
        let came = stage.db.receive();
        let Cluster::Database(Database::ObjectGetField { context, .. }) = came.message() else {
            panic!("not asked for a field: {came:?}");
        };
        let question = Database::ObjectGetField { context, do_id: OBJECT, field: vault::GOLD };
        assert_eq!(Expected::new(DATABASE, OBJECT, &question), came);
        let value = value.as_ref().map(|value| (vault::GOLD, rest(value)));
        stage.answer(&Database::ObjectGetFieldResp { context, value });
        stage.expect(&field_is(value));
    }
}

#[test]
fn a_field_that_is_not_stored_has_its_default() {
    let mut stage = Stage::start();
    stage.tell(&get_field(vault::LIMIT));
    stage.expect(&field_is(Some((vault::LIMIT, Rest(&[15])))));
    // Only if the file gives it one, and not if it is kept in the database alone.
    for field in [vault::VISITS, vault::KEY, NO_FIELD] {
        stage.tell(&get_field(field));
        stage.expect(&field_is(None));
    }
    stage.expect_unasked();
}

#[test]
fn several_fields_come_from_the_database_and_from_the_file() {
    let mut stage = Stage::start();
    stage.tell(&get_fields(&[vault::MOTTO, vault::LIMIT, vault::GOLD]));
    let context = expect_asked(&mut stage, &[vault::MOTTO, vault::GOLD]);
    let found = Values::new().field(vault::GOLD).u32(7).field(vault::MOTTO).string("m");
    let values = Some(FieldValues { count: 2, bytes: found.bytes() });
    stage.answer(&Database::ObjectGetFieldsResp { context, values });
    let all = Values::new().field(vault::LIMIT).u8(15).raw(found.bytes());
    stage.expect(&fields_are(Some((3, &all))));
}

#[test]
fn fields_that_are_not_stored_are_answered_without_the_database() {
    let mut stage = Stage::start();
    stage.tell(&get_fields(&[vault::LIMIT, vault::VISITS]));
    let all = Values::new().field(vault::LIMIT).u8(15).field(vault::VISITS).u16(0);
    stage.expect(&fields_are(Some((2, &all))));
    // Those in the database alone are dropped.
    stage.tell(&get_fields(&[vault::KEY]));
    stage.expect(&fields_are(Some((0, &Values::new()))));
    stage.expect_unasked();
}

#[test]
fn everything_comes_with_defaults() {
    let mut stage = Stage::start();
    let object = |values| StateServer::ObjectGetAllResp {
        context: CONTEXT,
        object: vault_at(Location::NONE, values),
    };
    stage.tell(&StateServer::ObjectGetAll { context: CONTEXT, do_id: OBJECT });
    let context = stage.expect_get_all();
    stage.answer_vault(context, 3, &stored());
    stage.expect(&object(&required().u16(1).field(vault::MOTTO).string("mine")));
}

#[test]
fn everything_of_nothing_is_not_answered() {
    let mut stage = Stage::start();
    stage.tell(&StateServer::ObjectGetAll { context: CONTEXT, do_id: OBJECT });
    let context = stage.expect_get_all();
    stage.answer(&Database::ObjectGetAllResp { context, object: None });
    stage.db.sync();
    stage.expect_activated(false);
}

#[test]
fn an_object_can_be_deleted_from_disk() {
    let mut stage = Stage::start();
    stage.tell(&DbStateServer::ObjectDeleteDisk { do_id: OBJECT });
    stage.db.expect(DATABASE, OBJECT, &Database::ObjectDelete { do_id: OBJECT });
    stage.expect_unasked();
}

#[test]
fn only_the_configured_objects_are_answered_for() {
    let mut stage = Stage::start();
    for (do_id, answered) in [(8_999, false), (9_000, true), (9_999, true), (10_000, false)] {
        let do_id = DoId(do_id);
        let question = DbStateServer::ObjectGetActivated { context: CONTEXT, do_id };
        stage.actor.send(do_id, ACTOR, &question);
        if answered {
            let active = false;
            let answer = DbStateServer::ObjectGetActivatedResp { context: CONTEXT, do_id, active };
            stage.actor.expect(ACTOR, do_id, &answer);
        }
    }
    stage.expect_activated(false);
}
