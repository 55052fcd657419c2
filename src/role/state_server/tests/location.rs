//! Moving, and what parents and children tell each other about it.

use super::kit::*;
use crate::ids::{Context, DoId, Location};
use crate::message::StateServer as M;
use crate::object::testing::*;

fn moves(do_id: u32, old: Location, new: Location) -> M<'static> {
    M::ObjectChangingLocation { do_id: DoId(do_id), new, old }
}

fn enters(do_id: u32, location: Location) -> M<'static> {
    M::ObjectEnterLocationWithRequired { object: state(do_id, location, "Empty", &[]) }
}

#[test]
fn to_another_parent() {
    let mut server = Server::new();
    server.create(7, at(9, 4));
    server.set_owner(7, OWNER);
    assert_eq!(
        server.move_to(7, at(10, 5)),
        [
            sent(&[10], 7, &M::ObjectGetAi { context: Context(1) }),
            sent(&[9, 10, 9 << 32 | 4, OWNER], ANYONE, &moves(7, at(9, 4), at(10, 5))),
            sent(&[10 << 32 | 5], 7, &enters(7, at(10, 5))),
        ]
    );
    assert_eq!(server.outside.subscriptions, [7, 12, 40, CONTROL, children(10)].into());
}

#[test]
fn to_another_zone() {
    let mut server = Server::new();
    server.create(7, at(9, 4));
    server.set_ai(7, AI);
    assert_eq!(
        server.move_to(7, at(9, 5)),
        [
            sent(&[9, 9 << 32 | 4, AI], ANYONE, &moves(7, at(9, 4), at(9, 5))),
            sent(&[9 << 32 | 5], 7, &enters(7, at(9, 5))),
        ]
    );
    assert_eq!(server.outside.subscriptions, [7, 12, 40, CONTROL, children(9)].into());
}

#[test]
fn to_no_parent() {
    let mut server = Server::new();
    server.create(7, at(9, 4));
    let gone = [sent(&[9, 9 << 32 | 4], ANYONE, &moves(7, at(9, 4), at(0, 6)))];
    assert_eq!(server.move_to(7, at(0, 6)), gone);
    assert_eq!(server.outside.subscriptions, [7, 12, 40, CONTROL].into());
    assert_eq!(server.move_to(7, at(0, 8)), [], "nobody can see a zone without a parent");
    assert_eq!(server.get(7).location(), at(0, 8));
}

#[test]
fn to_where_it_is() {
    let mut server = Server::new();
    server.create(7, at(9, 4));
    assert_eq!(server.move_to(7, at(9, 4)), []);
}

#[test]
fn not_under_itself() {
    let mut server = Server::new();
    server.create(7, at(9, 4));
    assert_eq!(server.move_to(7, at(7, 4)), []);
    assert_eq!(server.get(7).location(), at(9, 4));
    server.create(8, at(8, 1));
    assert_eq!(server.get(8).location(), Location::NONE);
}

#[test]
fn not_under_its_own_descendant() {
    let mut server = Server::new();
    server.create(1, at(99, 0));
    server.create(2, at(1, 0));
    server.create(3, at(2, 0));
    for parent in [2, 3] {
        assert_eq!(server.move_to(1, at(parent, 0)), [], "under {parent}");
    }
    assert_eq!(server.get(1).location(), at(99, 0));
    server.create(11, at(13, 0));
    server.create(13, at(11, 0));
    assert_eq!(server.get(13).location(), Location::NONE, "its child was there first");
}

#[test]
fn a_parent_acknowledges_who_comes() {
    let mut server = Server::new();
    server.create(7, at(99, 0));
    let ack = |zone| M::ObjectLocationAck { location: at(7, zone) };
    let tell = |server: &mut Server, old, new| server.tell(&[7], ANYONE, &moves(8, old, new));
    assert_eq!(tell(&mut server, at(6, 1), at(7, 2)), [sent(&[8], 7, &ack(2))], "from elsewhere");
    assert_eq!(tell(&mut server, at(7, 2), at(7, 2)), [], "stays where it is");
    assert_eq!(tell(&mut server, at(7, 2), at(7, 3)), [sent(&[8], 7, &ack(3))], "between zones");
    assert_eq!(tell(&mut server, at(7, 3), at(6, 3)), [], "goes");
    assert_eq!(tell(&mut server, at(6, 3), at(5, 3)), [], "is not concerned");
}

#[test]
fn a_parent_counts_its_children_by_zone() {
    let mut server = Server::new();
    server.create(7, at(99, 0));
    let count = |server: &mut Server, zone: u32| {
        let zones = [at(7, zone).zone];
        let zones = crate::message::List::new(&zones);
        let question = M::ObjectGetZonesCount { context: Context(1), zones };
        let answers = server.tell(&[7], ANYONE, &question);
        answers[0].decode(|message| match message {
            crate::message::Cluster::StateServer(M::ObjectGetZonesCountResp { count, .. }) => {
                count.0
            }
            other => panic!("{other:?}"),
        })
    };
    let cases = [
        ("comes", 8, Location::NONE, at(7, 1), [1, 0]),
        ("another one", 9, at(6, 1), at(7, 1), [2, 0]),
        ("moves", 8, at(7, 1), at(7, 2), [1, 1]),
        ("goes", 8, at(7, 2), at(6, 2), [1, 0]),
        ("is not where it is said to have been", 9, at(7, 2), at(6, 2), [1, 0]),
        ("is deleted", 9, at(7, 1), Location::NONE, [0, 0]),
        ("was never there", 9, at(7, 1), Location::NONE, [0, 0]),
    ];
    for (name, child, old, new, counts) in cases {
        server.tell(&[7], ANYONE, &moves(child, old, new));
        assert_eq!([count(&mut server, 1), count(&mut server, 2)], counts, "{name}");
    }
}

#[test]
fn locations_are_told_to_who_asks() {
    let mut server = Server::new();
    server.create(7, at(9, 4));
    let question = M::ObjectGetLocation { context: Context(3) };
    let (context, do_id, location) = (Context(3), DoId(7), at(9, 4));
    let answer = M::ObjectGetLocationResp { context, do_id, location };
    assert_eq!(server.tell(&[7], ANYONE, &question), [sent(&[ANYONE], 7, &answer)]);
}

#[test]
fn a_new_parent_finds_the_children_that_were_there_before_it() {
    let mut server = Server::new();
    server.create(8, at(7, 4));
    let sent_all = server.create(7, Location::NONE);
    let location = at(7, 4);
    let answer = M::ObjectGetLocationResp { context: WAKE, do_id: DoId(8), location };
    assert_eq!(
        sent_all,
        [
            sent(&[children(7)], 7, &M::ObjectGetLocation { context: WAKE }),
            sent(&[7], 8, &answer),
            sent(&[8], 7, &M::ObjectLocationAck { location }),
        ]
    );
    let question = M::ObjectGetChildCount { context: Context(1) };
    let answer = M::ObjectGetChildCountResp { context: Context(1), count: DoId(1) };
    assert_eq!(server.tell(&[7], ANYONE, &question), [sent(&[ANYONE], 7, &answer)]);
}

#[test]
fn answers_about_locations_count_only_if_they_were_asked_for_and_are_about_a_child() {
    let cases = [
        ("a child", WAKE, at(7, 4), 1),
        ("asked for something else", Context(3), at(7, 4), 0),
        ("a child of another", WAKE, at(6, 4), 0),
    ];
    for (name, context, location, count) in cases {
        let mut server = Server::new();
        server.create(7, Location::NONE);
        let answer = M::ObjectGetLocationResp { context, do_id: DoId(8), location };
        server.tell(&[7], 8, &answer);
        let question = M::ObjectGetChildCount { context: Context(1) };
        let answer = M::ObjectGetChildCountResp { context: Context(1), count: DoId(count) };
        assert_eq!(server.tell(&[7], ANYONE, &question), [sent(&[ANYONE], 7, &answer)], "{name}");
    }
}

#[test]
fn the_last_child_here_ends_listening_for_its_parent() {
    let mut server = Server::new();
    server.create(7, at(9, 4));
    server.create(8, at(9, 5));
    server.move_to(7, at(10, 4));
    assert_eq!(
        server.outside.subscriptions,
        [7, 8, 12, 40, CONTROL, children(9), children(10)].into()
    );
    server.delete(8);
    assert_eq!(server.outside.subscriptions, [7, 12, 40, CONTROL, children(10)].into());
}
