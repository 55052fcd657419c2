//! Objects that are only in the database.

use super::kit::*;
use crate::ids::{ClassId, Context, DoId, FieldId, Location};
use crate::message::{
    Database as Db, DbStateServer as D, FieldValues, List, Rest, StateServer as M,
};
use crate::object::testing::*;

const C: Context = Context(33);
const DO_ID: DoId = DoId(ID);

fn get_field(name: &str) -> M<'static> {
    M::ObjectGetField { context: C, do_id: DO_ID, field: field(name) }
}

fn field_is(value: Option<(FieldId, &[u8])>) -> M<'_> {
    let value = value.map(|(field, value)| (field, Rest(value)));
    M::ObjectGetFieldResp { context: C, value }
}

/// The answer with several fields, as in OTHER.
fn fields_are(bytes: Option<&[u8]>) -> Sent {
    reply(&M::ObjectGetFieldsResp { context: C, values: bytes.map(values) })
}

fn ids(names: &[&str]) -> Vec<FieldId> {
    names.iter().map(|name| field(name)).collect()
}

#[test]
fn a_new_server_listens_to_its_ranges_and_for_the_loss_of_others() {
    let mut server = Server::new();
    server.core.start(&mut server.outside.effects);
    server.outside.apply();
    let expected = (9000..=9999).chain(20_000..=20_005).chain([40]).collect();
    assert_eq!(server.outside.subscriptions, expected);
}

#[test]
fn objects_at_both_ends_of_a_range_are_asked_for_and_no_others() {
    for (id, asked) in [(8999, 0), (9000, 1), (9999, 1), (10_000, 0), (20_005, 1), (20_006, 0)] {
        let mut server = Server::new();
        let message = M::ObjectGetAll { context: C, do_id: DoId(id) };
        assert_eq!(server.tell(&[id.into()], ANYONE, &message).len(), asked, "{id}");
    }
}

#[test]
fn a_field_that_is_not_stored_has_its_default_if_it_says_one() {
    let cases: [(&str, Option<&[u8]>); 6] = [
        ("Account.level", Some(&[1])),
        ("Account.mood", Some(&[5])),
        ("Account.rank", None),
        ("Account.ledger", None),
        ("Account.hello", None),
        ("Thing.poke", None),
    ];
    for (name, value) in cases {
        let mut server = Server::new();
        let answer = field_is(value.map(|value| (field(name), value)));
        assert_eq!(server.ask(&get_field(name)), [reply(&answer)], "{name}");
    }
    let mut server = Server::new();
    let question = M::ObjectGetField { context: C, do_id: DO_ID, field: FieldId(9999) };
    assert_eq!(server.ask(&question), [reply(&field_is(None))]);
}

#[test]
fn a_stored_field_is_what_the_database_says() {
    for value in [Some(Rest(&[1, 2, 3, 4, 99])), None] {
        let mut server = Server::new();
        let sent_all = server.ask(&get_field("Account.gold"));
        let context = context_of(&sent_all);
        let field = field("Account.gold");
        let question = Db::ObjectGetField { context, do_id: DO_ID, field };
        assert_eq!(sent_all, [to_database(&question)]);
        let value = value.map(|value| (field, value));
        let told = server.answer(&Db::ObjectGetFieldResp { context, value });
        assert_eq!(told, [reply(&M::ObjectGetFieldResp { context: C, value })]);
        let again = server.answer(&Db::ObjectGetFieldResp { context, value });
        assert_eq!(again, [], "nobody waits any more");
    }
}

#[test]
fn several_fields_that_are_not_stored_are_their_defaults_in_the_order_asked_for() {
    let cases: [(&[&str], &[(&str, &[u8])]); 3] = [
        (
            &["Account.mood", "Account.level", "Account.rank"],
            &[("Account.mood", &[5]), ("Account.level", &[1]), ("Account.rank", &[0])],
        ),
        (&["Account.hello", "Account.mood"], &[("Account.mood", &[5])]),
        (&["Account.ledger"], &[]),
    ];
    for (asked, defaults) in cases {
        let mut server = Server::new();
        let ids = ids(asked);
        let fields = List::new(&ids);
        let question = M::ObjectGetFields { context: C, do_id: DO_ID, fields };
        let answer = fields_are(Some(&other(defaults)));
        assert_eq!(server.ask(&question), [answer], "{asked:?}");
    }
}

#[test]
fn stored_fields_follow_the_others_as_the_database_sends_them() {
    let gold: (&str, &[u8]) = ("Account.gold", &[1, 2, 3, 4]);
    let name = text("me");
    let mail = [&other(&[gold])[..], b"whatever follows"].concat();
    let cases: [(&str, Option<Vec<u8>>, Option<Vec<u8>>); 4] = [
        (
            "all",
            Some(other(&[gold, ("Account.name", &name)])),
            Some(other(&[("Account.mood", &[5]), gold, ("Account.name", &name)])),
        ),
        ("fewer than asked for", Some(other(&[])), Some(other(&[("Account.mood", &[5])]))),
        (
            "bytes that mean nothing here",
            Some(mail.clone()),
            Some([&[2, 0][..], &pairs(&[("Account.mood", &[5])]), &mail[2..]].concat()),
        ),
        ("failure", None, None),
    ];
    for (case, answer, passed_on) in cases {
        let mut server = Server::new();
        let asked = ids(&["Account.name", "Account.mood", "Account.gold"]);
        let fields = List::new(&asked);
        let sent_all = server.ask(&M::ObjectGetFields { context: C, do_id: DO_ID, fields });
        let context = context_of(&sent_all);
        let stored = ids(&["Account.name", "Account.gold"]);
        let fields = List::new(&stored);
        let question = Db::ObjectGetFields { context, do_id: DO_ID, fields };
        assert_eq!(sent_all, [to_database(&question)], "{case}");
        let values = answer.as_deref().map(values);
        let told = server.answer(&Db::ObjectGetFieldsResp { context, values });
        assert_eq!(told, [fields_are(passed_on.as_deref())], "{case}");
    }
}

#[test]
fn unknown_fields_are_one_failure() {
    let mut server = Server::new();
    let asked = [FieldId(9999), FieldId(9998), field("Account.gold")];
    let fields = List::new(&asked);
    let question = M::ObjectGetFields { context: C, do_id: DO_ID, fields };
    assert_eq!(server.ask(&question), [fields_are(None)]);
}

#[test]
fn everything_is_what_is_stored_and_defaults_for_the_rest() {
    let (me, nobody, mail) = (text("me"), text("nobody"), text("hello"));
    let gold: (&str, &[u8]) = ("Account.gold", &[1, 2, 3, 4]);
    let cases: [(&str, Vec<u8>, Vec<u8>); 3] = [
        ("nothing", other(&[]), [&nobody[..], &[0, 0, 0, 0, 1], &other(&[])].concat()),
        (
            "some, in no order",
            other(&[gold, ("Account.name", &me)]),
            [&me[..], &[1, 2, 3, 4, 1], &other(&[])].concat(),
        ),
        (
            "fields of all kinds",
            other(&[("Account.ledger", &me), ("Account.mail", &mail), gold]),
            [&nobody[..], &[1, 2, 3, 4, 1], &other(&[("Account.mail", &mail)])].concat(),
        ),
    ];
    for (case, fields, told) in cases {
        let mut server = Server::new();
        let sent_all = server.ask(&M::ObjectGetAll { context: C, do_id: DO_ID });
        let context = context_of(&sent_all);
        assert_eq!(sent_all, [to_database(&Db::ObjectGetAll { context, do_id: DO_ID })]);
        let object = state(ID, Location::NONE, "Account", &told);
        let answer = M::ObjectGetAllResp { context: C, object };
        let sent_all = server.answer(&stored(context, "Account", &fields));
        assert_eq!(sent_all, [reply(&answer)], "{case}");
    }
}

#[test]
fn an_object_that_cannot_be_told_is_not_answered_for() {
    let gold = other(&[("Account.gold", &[1, 2])]);
    let foreign = other(&[("Thing.poke", &[1])]);
    let unknown = ClassId(999);
    let point = class("Point");
    let account = class("Account");
    let cases: [(&str, Option<(ClassId, FieldValues<'_>)>); 5] = [
        ("is not there", None),
        ("has an unknown class", Some((unknown, FieldValues::default()))),
        ("has a struct for a class", Some((point, FieldValues::default()))),
        ("has a field of another class", Some((account, values(&foreign)))),
        ("has a value cut short", Some((account, values(&gold)))),
    ];
    for (case, object) in cases {
        let mut server = Server::new();
        let context = context_of(&server.ask(&M::ObjectGetAll { context: C, do_id: DO_ID }));
        assert_eq!(server.answer(&Db::ObjectGetAllResp { context, object }), [], "{case}");
    }
}

#[test]
fn a_class_may_have_the_id_0() {
    assert_eq!(schema().class(ClassId(0)).map(|class| class.name()), Some("Empty"));
    let mut server = Server::new();
    let context = context_of(&server.ask(&M::ObjectGetAll { context: C, do_id: DO_ID }));
    let nothing = other(&[]);
    let object = state(ID, Location::NONE, "Empty", &nothing);
    let answer = M::ObjectGetAllResp { context: C, object };
    assert_eq!(server.answer(&stored(context, "Empty", &nothing)), [reply(&answer)]);
}

#[test]
fn answers_to_other_questions_are_ignored() {
    let mut server = Server::new();
    let context = context_of(&server.ask(&get_field("Account.gold")));
    let value = Some((field("Account.gold"), Rest(&[1, 2, 3, 4])));
    let (wrong, object, none) = (Context(context.0 + 1), None, None);
    assert_eq!(server.answer(&Db::ObjectGetFieldResp { context: wrong, value }), []);
    assert_eq!(server.answer(&Db::ObjectGetAllResp { context, object }), []);
    assert_eq!(server.answer(&Db::ObjectGetFieldsResp { context, values: none }), []);
    let answer = M::ObjectGetFieldResp { context: C, value };
    let told = server.answer(&Db::ObjectGetFieldResp { context, value });
    assert_eq!(told, [reply(&answer)], "it still waits for its own");
}

#[test]
fn a_database_that_does_not_answer_is_a_failure() {
    let asked = ids(&["Account.gold", "Account.mood"]);
    let fields = List::new(&asked);
    let do_id = DO_ID;
    let cases = [
        (get_field("Account.gold"), Some(reply(&field_is(None)))),
        (M::ObjectGetFields { context: C, do_id, fields }, Some(fields_are(None))),
        (M::ObjectGetAll { context: C, do_id }, None),
    ];
    for (question, failure) in cases {
        let mut server = Server::new();
        let context = context_of(&server.ask(&question));
        assert_eq!(server.pass(WAIT - WAIT / 10), []);
        assert_eq!(server.pass(WAIT / 10), Vec::from_iter(failure), "{question:?}");
        assert_eq!(server.core.next_deadline(), None);
        let value = Some((field("Account.gold"), Rest(&[1, 2, 3, 4])));
        assert_eq!(server.answer(&Db::ObjectGetFieldResp { context, value }), [], "too late");
    }
}

#[test]
fn an_answer_ends_the_wait() {
    let mut server = Server::new();
    let first = context_of(&server.ask(&get_field("Account.gold")));
    server.pass(WAIT / 3);
    let second = context_of(&server.ask(&get_field("Account.gold")));
    let answer = |context| Db::ObjectGetFieldResp { context, value: None };
    server.answer(&answer(first));
    assert_eq!(server.core.next_deadline(), Some(server.now + WAIT));
    server.answer(&answer(second));
    assert_eq!(server.core.next_deadline(), None);
}

#[test]
fn updates_of_stored_fields_go_to_the_database_as_they_are() {
    let update = |name: &str, value| M::ObjectSetField {
        do_id: DO_ID,
        field: field(name),
        value: Rest(value),
    };
    let cases: [(&str, &[u8], bool); 5] = [
        ("Account.gold", &[1, 2, 3, 4], true),
        ("Account.gold", &[1, 2, 3, 4, 5, 6], true),
        ("Account.ledger", &[1, 0, b'x'], true),
        ("Account.level", &[1], false),
        ("Account.mood", &[1], false),
    ];
    for (name, value, stored) in cases {
        let mut server = Server::new();
        let (field, value) = (field(name), Rest(value));
        let passed_on = to_database(&Db::ObjectSetField { do_id: DO_ID, field, value });
        let expected = Vec::from_iter(stored.then_some(passed_on));
        assert_eq!(server.ask(&update(name, value.0)), expected, "{name}");
    }
}

#[test]
fn several_updates_go_to_the_database_in_one() {
    let (a, b) = (text("a"), text("b"));
    let gold: (&str, &[u8]) = ("Account.gold", &[1, 2, 3, 4]);
    let level: (&str, &[u8]) = ("Account.level", &[9]);
    let cases: [(&str, Vec<u8>, Option<Vec<u8>>); 6] = [
        (
            "ascending",
            other(&[("Account.mail", &a), level, gold]),
            Some(other(&[gold, ("Account.mail", &a)])),
        ),
        ("even a single one", other(&[level, gold]), Some(other(&[gold]))),
        (
            "the last of two",
            other(&[("Account.mail", &a), ("Account.mail", &b)]),
            Some(other(&[("Account.mail", &b)])),
        ),
        ("none", other(&[level]), None),
        (
            "an unknown field spoils all",
            [&[2, 0][..], &pairs(&[gold]), &[0xff, 0xff, 1]].concat(),
            None,
        ),
        ("so does a value cut short", other(&[gold, ("Account.gold", &[1])]), None),
    ];
    for (case, fields, stored) in cases {
        let mut server = Server::new();
        let message = M::ObjectSetFields { do_id: DO_ID, fields: values(&fields) };
        let stored = stored.as_deref().map(|fields| {
            to_database(&Db::ObjectSetFields { do_id: DO_ID, fields: values(fields) })
        });
        assert_eq!(server.ask(&message), Vec::from_iter(stored), "{case}");
    }
}

#[test]
fn deleting_stored_fields_is_up_to_the_database() {
    let (gold, mail, level) =
        (field("Account.gold"), field("Account.mail"), field("Account.level"));
    let (do_id, both) = (DO_ID, [gold, mail]);
    let all = [gold, level, mail];
    let cases = [
        (
            D::ObjectDeleteFieldDisk { do_id, field: gold },
            Some(Db::ObjectDeleteField { do_id, field: gold }),
        ),
        (D::ObjectDeleteFieldDisk { do_id, field: level }, None),
        (
            D::ObjectDeleteFieldsDisk { do_id, fields: List::new(&all) },
            Some(Db::ObjectDeleteFields { do_id, fields: List::new(&both) }),
        ),
        (D::ObjectDeleteDisk { do_id }, Some(Db::ObjectDelete { do_id })),
    ];
    for (message, passed_on) in cases {
        let mut server = Server::new();
        let passed_on = passed_on.as_ref().map(|message| to_database(message));
        assert_eq!(server.ask(&message), Vec::from_iter(passed_on), "{message:?}");
    }
}

#[test]
fn an_object_that_was_not_activated_is_not_active() {
    let mut server = Server::new();
    let message = D::ObjectGetActivated { context: C, do_id: DO_ID };
    let (context, do_id, active) = (C, DO_ID, false);
    let answer = D::ObjectGetActivatedResp { context, do_id, active };
    assert_eq!(server.ask(&message), [reply(&answer)]);
}

#[test]
fn objects_of_others_are_left_to_them() {
    let do_id = DoId(ID - 1);
    let messages = [
        M::ObjectGetAll { context: C, do_id },
        M::ObjectGetField { context: C, do_id, field: field("Account.gold") },
        M::ObjectSetField { do_id, field: field("Account.gold"), value: Rest(&[1, 2, 3, 4]) },
    ];
    let mut server = Server::new();
    for message in messages {
        assert_eq!(server.ask(&message), [], "{message:?}");
    }
    let location = at(1, 1);
    assert_eq!(server.ask(&D::ObjectActivateWithDefaults { do_id, location }), []);
}
