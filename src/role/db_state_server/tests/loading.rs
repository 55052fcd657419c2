//! Activation, and what waits for it.

use super::kit::*;
use crate::ids::{ClassId, Context, DoId, Location};
use crate::message::{Database as Db, DbStateServer as D, FieldValues, Rest, StateServer as M};
use crate::object::testing::*;

const C: Context = Context(33);
const DO_ID: DoId = DoId(ID);
const HERE: u64 = 9 << 32 | 4;

fn activate_other(class_id: ClassId, fields: &[u8]) -> D<'_> {
    let object = crate::message::ObjectState {
        do_id: DO_ID,
        location: at(9, 4),
        class_id,
        values: Rest(fields),
    };
    D::ObjectActivateWithDefaultsOther { object }
}

/// The state of the active object, as GET_ALL tells it: REQUIRED and OTHER.
fn values_of(server: &mut Server) -> Vec<u8> {
    let answers = server.ask(&M::ObjectGetAll { context: C, do_id: DO_ID });
    assert_eq!(answers.len(), 1, "{answers:#?}");
    answers[0].message[2 + 4 + 4 + 8 + 2..].to_vec()
}

fn is_activated(server: &mut Server) -> Vec<bool> {
    let answers = server.ask(&D::ObjectGetActivated { context: C, do_id: DO_ID });
    answers.iter().map(|answer| answer.message[2 + 4 + 4] == 1).collect()
}

#[test]
fn a_loaded_object_announces_itself_in_the_name_of_the_database() {
    let mut server = Server::new();
    let message = D::ObjectActivateWithDefaults { do_id: DO_ID, location: at(9, 4) };
    let sent_all = server.ask(&message);
    let context = context_of(&sent_all);
    assert_eq!(sent_all, [to_database(&Db::ObjectGetAll { context, do_id: DO_ID })]);
    assert!(!server.is_active());

    let fields = other(&[("Account.gold", &[1, 2, 3, 4]), ("Account.ledger", &text("x"))]);
    let sent_all = server.answer(&stored(context, "Account", &fields));
    let (new, old) = (at(9, 4), Location::NONE);
    let moved = M::ObjectChangingLocation { do_id: DO_ID, new, old };
    let seen = [1, 2, 3, 4, 1];
    let object = state(ID, at(9, 4), "Account", &seen);
    let id = u64::from(ID);
    assert_eq!(
        sent_all,
        [
            sent(&[9], id, &M::ObjectGetAi { context: Context(0) }),
            sent(&[9], DATABASE, &moved),
            sent(&[HERE], id, &M::ObjectEnterLocationWithRequired { object }),
            sent(&[DO_ID.children().0], id, &M::ObjectGetLocation { context: Context(1001) }),
        ]
    );
    assert!(server.is_active());
    let all = [&text("nobody")[..], &[1, 2, 3, 4, 1], &other(&[])].concat();
    assert_eq!(values_of(&mut server), all);
}

#[test]
fn what_the_activation_gives_takes_precedence_over_what_is_stored_and_that_over_defaults() {
    let (given, kept, none) = (text("given"), text("kept"), text("nobody"));
    let gold: (&str, &[u8]) = ("Account.gold", &[1, 2, 3, 4]);
    let cases: [(&str, Vec<u8>, Vec<u8>, Vec<u8>); 5] = [
        (
            "required",
            other(&[("Account.name", &given)]),
            other(&[("Account.name", &kept), gold]),
            [&given[..], &[1, 2, 3, 4, 1], &other(&[])].concat(),
        ),
        (
            "ram",
            other(&[("Account.mood", &[8]), ("Account.mail", &given)]),
            other(&[("Account.mail", &kept)]),
            [
                &none[..],
                &[0, 0, 0, 0, 1],
                &other(&[("Account.mail", &given), ("Account.mood", &[8])]),
            ]
            .concat(),
        ),
        (
            "neither",
            other(&[("Account.ledger", &given), ("Account.level", &[7])]),
            other(&[]),
            [&none[..], &[0, 0, 0, 0, 7], &other(&[])].concat(),
        ),
        (
            "unknown",
            [&[2, 0][..], &pairs(&[("Account.level", &[7])]), &[0xff, 0xff]].concat(),
            other(&[]),
            [&none[..], &[0, 0, 0, 0, 7], &other(&[])].concat(),
        ),
        (
            "the last of two",
            other(&[("Account.level", &[7]), ("Account.level", &[8])]),
            other(&[]),
            [&none[..], &[0, 0, 0, 0, 8], &other(&[])].concat(),
        ),
    ];
    for (case, overrides, fields, loaded) in cases {
        let mut server = Server::new();
        let sent_all = server.ask(&activate_other(class("Account"), &overrides));
        let context = context_of(&sent_all);
        server.answer(&stored(context, "Account", &fields));
        assert_eq!(values_of(&mut server), loaded, "{case}");
    }
}

/// As with Astron: the object has its parts' own values, and the molecular one as OTHER, if it is `ram`.
#[test]
fn a_molecular_value_that_is_stored_is_told_until_a_part_of_it_changes() {
    let mix = [&[7][..], &text("seven")].concat();
    let fields =
        [("Mixed.p", &[1][..]), ("Mixed.mix", &mix), ("Mixed.r", &[2]), ("Mixed.rs", &[8, 9])];
    let mut server = Server::new();
    let context = server.activate(at(9, 4));
    server.answer(&stored(context, "Mixed", &other(&fields)));
    assert_eq!(values_of(&mut server), [&[2, 0][..], &other(&fields[..2])].concat());
    // All of it, or a part.
    let set = |server: &mut Server, name: &str, value: &[u8]| {
        let (do_id, field) = (DO_ID, field(name));
        server.ask(&M::ObjectSetField { do_id, field, value: Rest(value) });
    };
    set(&mut server, "Mixed.r", &[4]);
    assert_eq!(values_of(&mut server), [&[4, 0][..], &other(&fields[..2])].concat());
    set(&mut server, "Mixed.p", &[5]);
    assert_eq!(values_of(&mut server), [&[4, 0][..], &other(&[("Mixed.p", &[5])])].concat());

    // What the activation gives is newer, too.
    for overrides in [other(&[("Mixed.q", &text("new"))]), other(&[("Mixed.mix", &mix)])] {
        let mut server = Server::new();
        let sent_all = server.ask(&activate_other(class("Mixed"), &overrides));
        let context = context_of(&sent_all);
        server.answer(&stored(context, "Mixed", &other(&fields)));
        let values = values_of(&mut server);
        let id = field("Mixed.mix").0.to_le_bytes();
        assert!(!values.windows(2).any(|pair| pair == id), "{values:?}");
    }
}

#[test]
fn activations_that_cannot_be_read_are_ignored() {
    let bad = other(&[("Account.name", &[9, 0])]);
    let nothing = other(&[]);
    let cases: [(&str, ClassId, &[u8]); 4] = [
        ("an unknown class", ClassId(999), &nothing),
        ("a struct", class("Point"), &nothing),
        ("a value cut short", class("Account"), &bad),
        ("no count", class("Account"), &[]),
    ];
    for (case, class_id, fields) in cases {
        let mut server = Server::new();
        assert_eq!(server.ask(&activate_other(class_id, fields)), [], "{case}");
        assert_eq!(is_activated(&mut server), [false], "{case}");
    }
}

#[test]
fn an_object_is_activated_once() {
    let mut server = Server::new();
    let message = D::ObjectActivateWithDefaults { do_id: DO_ID, location: at(9, 4) };
    let nothing = other(&[]);
    let with_other = activate_other(class("Account"), &nothing);
    let context = server.activate(at(1, 1));
    assert_eq!(server.ask(&message), [], "while it is loading");
    assert_eq!(server.ask(&with_other), [], "while it is loading");
    server.answer(&stored(context, "Account", &nothing));
    assert!(server.is_active());
    assert_eq!(server.ask(&message), [], "when it is active");
    assert_eq!(server.ask(&with_other), [], "when it is active");
    let object = server.core.objects().get(DO_ID).expect("active");
    assert_eq!(object.location(), at(1, 1));
}

#[test]
fn what_cannot_be_loaded_is_inactive() {
    let nothing = other(&[]);
    let foreign = other(&[("Thing.poke", &[1])]);
    let cut = other(&[("Account.gold", &[1])]);
    let account = class("Account");
    let cases: [(&str, Option<(ClassId, FieldValues<'_>)>); 6] = [
        ("not there", None),
        ("of an unknown class", Some((ClassId(999), values(&nothing)))),
        ("a struct", Some((class("Point"), values(&nothing)))),
        ("of another class", Some((class("Thing"), values(&nothing)))),
        ("with a field of another class", Some((account, values(&foreign)))),
        ("with a value cut short", Some((account, values(&cut)))),
    ];
    for (case, object) in cases {
        let mut server = Server::new();
        let context = context_of(&server.ask(&activate_other(account, &nothing)));
        assert_eq!(server.answer(&Db::ObjectGetAllResp { context, object }), [], "{case}");
        assert_eq!(is_activated(&mut server), [false], "{case}");
        server.activate(at(1, 1));
    }
}

#[test]
fn an_answer_to_another_question_does_not_end_the_loading() {
    let mut server = Server::new();
    let context = server.activate(at(9, 4));
    let nothing = other(&[]);
    assert_eq!(server.answer(&stored(Context(context.0 + 1), "Account", &nothing)), []);
    assert!(!server.is_active());
    server.answer(&stored(context, "Account", &nothing));
    assert!(server.is_active());
}

/// One question to the database is enough if everything has been asked for already.
#[test]
fn an_answer_that_is_under_way_also_loads_the_object() {
    let mut server = Server::new();
    let context = context_of(&server.ask(&M::ObjectGetAll { context: C, do_id: DO_ID }));
    let message = D::ObjectActivateWithDefaults { do_id: DO_ID, location: at(9, 4) };
    assert_eq!(server.ask(&message), []);
    let nothing = other(&[]);
    let sent_all = server.answer(&stored(context, "Account", &nothing));
    let all = [&text("nobody")[..], &[0, 0, 0, 0, 1], &other(&[])].concat();
    let object = state(ID, Location::NONE, "Account", &all);
    assert_eq!(sent_all[0], reply(&M::ObjectGetAllResp { context: C, object }));
    assert_eq!(sent_all.len(), 5, "{sent_all:#?}");
    assert!(server.is_active());
}

#[test]
fn an_answer_that_has_come_does_not_keep_the_object_from_being_loaded() {
    let mut server = Server::new();
    let context = context_of(&server.ask(&M::ObjectGetAll { context: C, do_id: DO_ID }));
    let nothing = other(&[]);
    server.answer(&stored(context, "Account", &nothing));
    let context = server.activate(at(9, 4));
    server.answer(&stored(context, "Account", &nothing));
    assert!(server.is_active());
}

#[test]
fn what_comes_while_loading_is_handled_by_the_object_and_then_stored_and_answered() {
    let mut server = Server::new();
    let context = server.activate(at(9, 4));
    let gold = field("Account.gold");
    let update = M::ObjectSetField { do_id: DO_ID, field: gold, value: Rest(&[9, 9, 9, 9]) };
    let question = M::ObjectGetField { context: C, do_id: DO_ID, field: gold };
    let activated = D::ObjectGetActivated { context: C, do_id: DO_ID };
    assert_eq!(server.ask(&update), []);
    assert_eq!(server.ask(&question), []);
    assert_eq!(server.ask(&activated), []);
    let fields = other(&[("Account.gold", &[1, 2, 3, 4])]);
    let sent_all = server.answer(&stored(context, "Account", &fields));
    let value = Some((gold, Rest(&[9, 9, 9, 9])));
    let (do_id, field, new) = (DO_ID, gold, Rest(&[9, 9, 9, 9]));
    let expected = [
        sent(&[HERE], ANYONE, &update),
        reply(&M::ObjectGetFieldResp { context: C, value }),
        to_database(&Db::ObjectSetField { do_id, field, value: new }),
        reply(&D::ObjectGetActivatedResp { context: C, do_id, active: true }),
    ];
    assert_eq!(sent_all[4..], expected);
}

#[test]
fn what_has_been_waiting_in_vain_is_treated_as_for_an_inactive_object() {
    let no_object = |server: &mut Server, context| {
        server.answer(&Db::ObjectGetAllResp { context, object: None })
    };
    let too_late = |server: &mut Server, _| server.pass(WAIT);
    let ends: [(&str, &dyn Fn(&mut Server, Context) -> Vec<Sent>); 2] =
        [("there is no such object", &no_object), ("the database does not answer", &too_late)];
    for (case, end) in ends {
        let mut server = Server::new();
        let context = server.activate(at(9, 4));
        let (do_id, field) = (DO_ID, field("Account.gold"));
        let update = M::ObjectSetField { do_id, field, value: Rest(&[9, 9, 9, 9]) };
        assert_eq!(server.ask(&update), [], "{case}");
        assert_eq!(server.ask(&M::ObjectGetField { context: C, do_id, field }), [], "{case}");
        let activated = D::ObjectGetActivated { context: C, do_id };
        assert_eq!(server.ask(&activated), [], "{case}");
        let sent_all = end(&mut server, context);
        let context = context_of(&sent_all[1..2]);
        let expected = [
            to_database(&Db::ObjectSetField { do_id, field, value: Rest(&[9, 9, 9, 9]) }),
            to_database(&Db::ObjectGetField { context, do_id, field }),
            reply(&D::ObjectGetActivatedResp { context: C, do_id, active: false }),
        ];
        assert_eq!(sent_all, expected, "{case}");
        server.activate(at(1, 1));
    }
}

#[test]
fn a_deletion_while_loading_ends_the_replay() {
    let mut server = Server::new();
    let context = server.activate(at(0, 0));
    let gold = field("Account.gold");
    let question = M::ObjectGetField { context: C, do_id: DO_ID, field: gold };
    assert_eq!(server.ask(&M::ObjectDeleteRam { do_id: DO_ID }), []);
    assert_eq!(server.ask(&question), []);
    let nothing = other(&[]);
    let sent_all = server.answer(&stored(context, "Account", &nothing));
    assert!(!server.is_active());
    let context = context_of(&sent_all[1..]);
    let asked = to_database(&Db::ObjectGetField { context, do_id: DO_ID, field: gold });
    assert_eq!(sent_all[1], asked, "asked for as of an inactive object: {sent_all:#?}");
}

#[test]
fn a_loaded_object_has_no_deadline_any_more() {
    let mut server = Server::new();
    server.load(at(9, 4), &other(&[]));
    assert_eq!(server.core.next_deadline(), None);
    assert_eq!(server.pass(WAIT), []);
    assert!(server.is_active());
}

/// The time-out of an activation that came to nothing does not end the next one.
#[test]
fn each_activation_has_its_own_deadline() {
    let mut server = Server::new();
    let context = server.activate(at(9, 4));
    server.pass(WAIT / 2);
    server.answer(&Db::ObjectGetAllResp { context, object: None });
    let context = server.activate(at(9, 4));
    server.pass(WAIT / 2);
    let nothing = other(&[]);
    server.answer(&stored(context, "Account", &nothing));
    assert!(server.is_active());
}

#[test]
fn zones_that_are_deleted_while_their_parent_is_loading_are_empty_when_it_is_loaded() {
    let mut server = Server::new();
    let child = ID + 1;
    let (do_id, location) = (DoId(child), at(ID, 4));
    let asked =
        server.tell(&[child.into()], ANYONE, &D::ObjectActivateWithDefaults { do_id, location });
    let context = asked[0].decode(|message| match message {
        crate::message::Cluster::Database(Db::ObjectGetAll { context, .. }) => context,
        other => panic!("{other:?}"),
    });
    let gold = other(&[("Account.gold", &[1, 2, 3, 4])]);
    server.tell(&[child.into()], DATABASE, &stored(context, "Account", &gold));
    assert!(server.core.objects().get(do_id).is_some());

    let context = server.activate(at(9, 4));
    let old = Location::NONE;
    server.ask(&M::ObjectChangingLocation { do_id, new: location, old });
    let zones = [location.zone];
    server.ask(&M::ObjectDeleteZones { zones: crate::message::List::new(&zones) });
    server.answer(&stored(context, "Account", &gold));
    assert!(server.is_active());
    assert!(server.core.objects().get(do_id).is_none());
    let has_more = server.core.resume(server.now, 0, &mut server.outside.effects);
    assert!(!has_more, "nobody is told to go on");
}
