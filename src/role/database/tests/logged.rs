//! What is logged of requests that fail: with sender, object, and what was asked for.

use super::*;
use crate::message::{List, Message};
use crate::store::Refusal;
use crate::telemetry::Level;
use crate::telemetry::testing::Caught;
use crate::wire::Envelope;

/// What is logged of a message.
fn logged(message: &Database<'_>) -> Vec<String> {
    let log = Caught::from(Level::Warning);
    Server::new().send(message);
    log.lines()
}

/// What is logged of an outcome of a question for coins.
fn logged_of(outcome: Outcome) -> Vec<String> {
    let log = Caught::from(Level::Debug);
    let mut server = Server::new();
    server.get();
    let job = server.batch().pop().expect("one");
    server.finish(&job, outcome);
    log.lines()
}

#[test]
fn a_refused_request_is_logged_with_sender_object_and_field() {
    let (context, do_id, nothing) = (Context(7), DO_ID, Rest(b""));
    let refused = "WARNING: database: request refused sender=20 doId=1000 request=DBSERVER_OBJECT_";
    let lines = logged(&Database::ObjectGetField { context, do_id, field: FieldId(77) });
    assert_eq!(lines, [format!("{refused}GET_FIELD error=\"field 77 is not in the DC files\"")]);
    let lines = logged(&Database::ObjectSetField { do_id, field: COINS, value: nothing });
    let start = format!("{refused}SET_FIELD field=coins error=\"value of field 0: ");
    assert!(lines.len() == 1 && lines[0].starts_with(&start), "{lines:?}");
}

#[test]
fn a_field_that_is_left_out_is_logged_with_sender_and_object() {
    let fields = [COINS, FieldId(1)];
    let fields = List::new(&fields);
    let lines = logged(&Database::ObjectGetFields { context: Context(7), do_id: DO_ID, fields });
    let expected = "WARNING: database: request names a field without keyword `db` sender=20 doId=1000 \
                    request=DBSERVER_OBJECT_GET_FIELDS field=mood";
    assert_eq!(lines, [expected]);
}

#[test]
fn a_request_that_is_cut_short_is_logged_with_the_object_if_that_is_there() {
    let whole = Database::ObjectGetField { context: Context(7), do_id: DO_ID, field: COINS };
    let mut datagram = Vec::new();
    whole.write_datagram(&mut Writer::new(&mut datagram), &[CONTROL], SENDER);
    for (missing, object) in [(1, " doId=1000"), (2, " doId=1000"), (3, ""), (6, ""), (7, "")] {
        let log = Caught::from(Level::Warning);
        let mut server = Server::new();
        let datagram = &datagram[..datagram.len() - missing];
        server.core.handle(server.now, datagram, &mut server.effects);
        let line = format!(
            "ERROR: database: request cannot be read sender=20{object} \
             request=DBSERVER_OBJECT_GET_FIELD number=3010 error="
        );
        assert!(log.lines()[0].starts_with(&line), "{missing}: {:?}", log.lines());
        assert_eq!(server.sent().len(), usize::from(missing < 7), "{missing}");
    }
}

#[test]
fn what_the_store_refuses_is_logged_with_what_there_is() {
    let lines = logged_of(Outcome::Refused(Refusal::Broken("no map".into())));
    let expected = "ERROR: database: operation refused sender=20 doId=1000 operation=get \
                    refusal=\"the stored object cannot be read: no map\"";
    assert_eq!(lines, [expected]);
    let lines = logged_of(Outcome::Absent);
    assert_eq!(lines, ["DEBUG: database: no such object sender=20 doId=1000 operation=get"]);
}

#[test]
fn a_message_that_a_database_does_not_know_is_called_unknown() {
    for (number, name) in
        [(2000u16, "STATESERVER_CREATE_OBJECT_WITH_REQUIRED"), (3999, "\"unknown message\"")]
    {
        let mut datagram = Vec::new();
        let mut writer = Writer::new(&mut datagram);
        Envelope::write_head(&mut writer, &[CONTROL], SENDER);
        writer.u16(number);
        let log = Caught::from(Level::Warning);
        let mut server = Server::new();
        server.core.handle(server.now, &datagram, &mut server.effects);
        let line =
            format!("ERROR: database: unknown message sender=20 request={name} number={number}");
        assert_eq!(log.lines(), [line]);
        assert!(server.sent().is_empty());
    }
}
