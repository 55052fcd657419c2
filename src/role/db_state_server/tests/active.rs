//! Objects in memory: the object and the server both handle what comes.

use super::kit::*;
use crate::ids::{Channel, Context, DoId, Location};
use crate::message::{Database as Db, DbStateServer as D, Rest, StateServer as M};
use crate::object::testing::*;

const C: Context = Context(33);
const DO_ID: DoId = DoId(ID);
const HERE: u64 = 9 << 32 | 4;
const AI: u64 = 1_000_000;
const OWNER: u64 = 2_000_000;

fn active() -> Server {
    let mut server = Server::new();
    server.load(at(9, 4), &other(&[]));
    assert!(server.is_active());
    server
}

#[test]
fn an_update_is_broadcast_by_the_object_and_stored_by_the_server() {
    let (mail, level) = (text("m"), [3]);
    let cases: [(&str, &[u8], bool, bool); 4] = [
        ("Account.mail", &mail, true, true),
        ("Account.level", &level, true, false),
        ("Account.ledger", &mail, false, true),
        ("Account.hello", &level, true, false),
    ];
    for (name, value, told, kept) in cases {
        let mut server = active();
        let (do_id, field, value) = (DO_ID, field(name), Rest(value));
        let update = M::ObjectSetField { do_id, field, value };
        let mut expected = Vec::new();
        expected.extend(told.then(|| sent(&[HERE], ANYONE, &update)));
        expected.extend(kept.then(|| to_database(&Db::ObjectSetField { do_id, field, value })));
        assert_eq!(server.ask(&update), expected, "{name}");
    }
}

#[test]
fn questions_are_answered_by_the_object_alone() {
    let mut server = active();
    let (context, do_id, field) = (C, DO_ID, field("Account.gold"));
    let value = Some((field, Rest(&[0, 0, 0, 0])));
    let answer = reply(&M::ObjectGetFieldResp { context, value });
    assert_eq!(server.ask(&M::ObjectGetField { context, do_id, field }), [answer]);
    let all = [&text("nobody")[..], &[0, 0, 0, 0, 1], &other(&[])].concat();
    let object = state(ID, at(9, 4), "Account", &all);
    let answer = reply(&M::ObjectGetAllResp { context, object });
    assert_eq!(server.ask(&M::ObjectGetAll { context, do_id }), [answer]);
}

#[test]
fn the_server_says_that_it_is_active() {
    let mut server = active();
    let (context, do_id, active) = (C, DO_ID, true);
    let answer = reply(&D::ObjectGetActivatedResp { context, do_id, active });
    assert_eq!(server.ask(&D::ObjectGetActivated { context, do_id }), [answer]);
}

#[test]
fn deleted_from_memory_it_can_be_loaded_again() {
    let mut server = active();
    server.ask(&M::ObjectDeleteRam { do_id: DO_ID });
    assert!(!server.is_active());
    server.load(at(9, 4), &other(&[]));
    assert!(server.is_active());
}

#[test]
fn deleted_from_the_database_it_stays_in_memory_and_all_are_told() {
    let mut server = active();
    server.ask(&M::ObjectSetAi { ai: Channel(AI) });
    server.ask(&M::ObjectSetOwner { owner: Channel(OWNER) });
    let message = D::ObjectDeleteDisk { do_id: DO_ID };
    assert_eq!(
        server.ask(&message),
        [
            sent(&[HERE, AI, OWNER], ANYONE, &message),
            to_database(&Db::ObjectDelete { do_id: DO_ID })
        ]
    );
    assert!(server.is_active());
    server.ask(&M::ObjectSetLocation { location: Location::NONE });
    server.ask(&M::ObjectSetAi { ai: Channel::NONE });
    server.ask(&M::ObjectSetOwner { owner: Channel::NONE });
    let deleted = [to_database(&Db::ObjectDelete { do_id: DO_ID })];
    assert_eq!(server.ask(&message), deleted, "nobody is there to be told");
}

#[test]
fn parent_and_child_in_one_server_hear_each_other() {
    let mut server = active();
    server.ask(&M::ObjectSetAi { ai: Channel(AI) });
    let child = DoId(ID + 1);
    let location = at(ID, 4);
    let message = D::ObjectActivateWithDefaults { do_id: child, location };
    let sent_all = server.tell(&[child.channel().0], ANYONE, &message);
    let [question] = &sent_all[..] else { panic!("{sent_all:#?}") };
    let context = question.decode(|message| match message {
        crate::message::Cluster::Database(Db::ObjectGetAll { context, .. }) => context,
        other => panic!("{other:?}"),
    });
    let nothing = other(&[]);
    let answer = stored(context, "Account", &nothing);
    server.tell(&[child.channel().0], DATABASE, &answer);
    let object = server.core.objects().get(child).expect("active");
    assert_eq!(object.ai(), Channel(AI), "taken over from the parent");
    let question = M::ObjectGetChildCount { context: C };
    let answer = M::ObjectGetChildCountResp { context: C, count: DoId(1) };
    assert_eq!(server.ask(&question), [reply(&answer)]);
    server.ask(&M::ObjectDeleteRam { do_id: DO_ID });
    assert!(server.core.objects().is_empty(), "the child goes with its parent");
}

/// A child may come to a parent that is still loading: the parent hears of it when it is loaded.
#[test]
fn a_parent_that_is_loading_counts_children_that_came_meanwhile() {
    let mut server = Server::new();
    let context = server.activate(at(9, 4));
    let new = at(ID, 4);
    let comes = M::ObjectChangingLocation { do_id: DoId(77), new, old: Location::NONE };
    assert_eq!(server.tell(&[ID.into()], 77, &comes), []);
    let nothing = other(&[]);
    let sent_all = server.answer(&stored(context, "Account", &nothing));
    let ack = sent(&[77], ID.into(), &M::ObjectLocationAck { location: new });
    assert!(sent_all.contains(&ack), "{sent_all:#?}");
}
