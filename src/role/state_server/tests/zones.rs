//! Questions about zones, and the same question passed on to children.

use super::kit::*;
use crate::ids::{Context, DoId, Location, ZoneId};
use crate::message::{List, StateServer as M};
use crate::object::testing::*;

const CONTEXT: Context = Context(3);
const CLIENT: u64 = 3_000_000;

fn zones_objects<'a>(parent: u32, zones: &'a [ZoneId]) -> M<'a> {
    M::ObjectGetZonesObjects { context: CONTEXT, parent: DoId(parent), zones: List::new(zones) }
}

fn counted(count: u32) -> M<'static> {
    M::ObjectGetZonesCountResp { context: CONTEXT, count: DoId(count) }
}

fn enters(do_id: u32, location: Location) -> M<'static> {
    let object = state(do_id, location, "Empty", &[]);
    M::ObjectEnterInterestWithRequired { context: CONTEXT, object }
}

fn zones(zones: &[u32]) -> Vec<ZoneId> {
    zones.iter().copied().map(ZoneId).collect()
}

#[test]
fn a_parent_answers_with_the_count_first_and_then_asks_its_children() {
    let mut server = Server::new();
    server.create(1, Location::NONE);
    for (child, zone) in [(2, 10), (3, 10), (4, 20), (5, 30)] {
        server.create(child, at(1, zone));
    }
    let asked = zones(&[10, 20, 99]);
    let question = zones_objects(1, &asked);
    let mut sent_all = server.tell(&[1], CLIENT, &question);
    sent_all[2..].sort();
    let mut expected = [
        sent(&[CLIENT], 1, &counted(3)),
        sent(&[children(1)], CLIENT, &question),
        sent(&[CLIENT], 2, &enters(2, at(1, 10))),
        sent(&[CLIENT], 3, &enters(3, at(1, 10))),
        sent(&[CLIENT], 4, &enters(4, at(1, 20))),
    ];
    expected[2..].sort();
    assert_eq!(sent_all, expected);
}

#[test]
fn one_zone_is_asked_for_in_two_ways() {
    let mut server = Server::new();
    server.create(1, Location::NONE);
    server.create(2, at(1, 10));
    let one = M::ObjectGetZoneObjects { context: CONTEXT, location: at(1, 10) };
    let asked = zones(&[10]);
    let several = zones_objects(1, &asked);
    let expected = [
        sent(&[CLIENT], 1, &counted(1)),
        sent(&[children(1)], CLIENT, &several),
        sent(&[CLIENT], 2, &enters(2, at(1, 10))),
    ];
    assert_eq!(server.tell(&[1], CLIENT, &one), expected);
    assert_eq!(server.tell(&[1], CLIENT, &several), expected);
}

#[test]
fn empty_zones_are_counted_and_nobody_is_asked() {
    let mut server = Server::new();
    server.create(1, Location::NONE);
    let asked = zones(&[10]);
    let answer = [sent(&[CLIENT], 1, &counted(0))];
    assert_eq!(server.tell(&[1], CLIENT, &zones_objects(1, &asked)), answer);
    // Asking does not make zones: no zone is active, and there are no children to be told anything.
    let question = M::GetActiveZones { context: CONTEXT };
    let none = M::GetActiveZonesResp { context: CONTEXT, zones: List::new(&[]) };
    assert_eq!(server.tell(&[1], CLIENT, &question), [sent(&[CLIENT], 1, &none)]);
    let object = state(1, Location::NONE, "Empty", &[]);
    let enter = M::ObjectEnterAiWithRequired { object };
    assert_eq!(server.set_ai(1, AI), [sent(&[AI], 1, &enter)]);
}

#[test]
fn a_zone_named_twice_counts_twice_and_its_objects_answer_once() {
    let mut server = Server::new();
    server.create(1, Location::NONE);
    server.create(2, at(1, 10));
    let asked = zones(&[10, 10]);
    let question = zones_objects(1, &asked);
    assert_eq!(
        server.tell(&[1], CLIENT, &question),
        [
            sent(&[CLIENT], 1, &counted(2)),
            sent(&[children(1)], CLIENT, &question),
            sent(&[CLIENT], 2, &enters(2, at(1, 10))),
        ]
    );
}

#[test]
fn a_question_about_another_parent_is_not_answered() {
    let mut server = Server::new();
    server.create(1, Location::NONE);
    server.create(2, at(1, 10));
    let asked = zones(&[10]);
    assert_eq!(server.tell(&[1], CLIENT, &zones_objects(9, &asked)), []);
    assert_eq!(server.tell(&[children(1)], CLIENT, &zones_objects(9, &asked)), []);
}

#[test]
fn a_child_that_its_parent_does_not_count_yet_answers_with_a_plain_entry() {
    let location = |zone| M::ObjectLocationAck { location: at(9, zone) };
    let entry = |id: u32| {
        let object = state(id, at(9, 10), "Empty", &[]);
        M::ObjectEnterLocationWithRequired { object }
    };
    let cases = [
        ("acknowledged where it is", Some(location(10)), enters(7, at(9, 10))),
        ("acknowledged where it was", Some(location(11)), entry(7)),
        ("acknowledged by another", Some(M::ObjectLocationAck { location: at(8, 10) }), entry(7)),
        ("not acknowledged", None, entry(7)),
    ];
    let asked = zones(&[10]);
    for (name, ack, answer) in cases {
        let mut server = Server::new();
        server.create(7, at(9, 10));
        if let Some(ack) = ack {
            assert_eq!(server.tell(&[7], 9, &ack), []);
        }
        let sent_all = server.tell(&[children(9)], CLIENT, &zones_objects(9, &asked));
        assert_eq!(sent_all, [sent(&[CLIENT], 7, &answer)], "{name}");
    }
}

#[test]
fn a_move_has_to_be_acknowledged_again() {
    let mut server = Server::new();
    server.create(7, at(9, 11));
    server.tell(&[7], 9, &M::ObjectLocationAck { location: at(9, 11) });
    server.move_to(7, at(9, 10));
    let asked = zones(&[10]);
    let object = state(7, at(9, 10), "Empty", &[]);
    let answer = M::ObjectEnterLocationWithRequired { object };
    let sent_all = server.tell(&[children(9)], CLIENT, &zones_objects(9, &asked));
    assert_eq!(sent_all, [sent(&[CLIENT], 7, &answer)]);
}

#[test]
fn a_datagram_for_an_object_on_several_channels_reaches_it_once() {
    let mut server = Server::new();
    server.create(7, at(9, 10));
    let asked = zones(&[10]);
    let to = [7, children(9), 7, children(9)];
    assert_eq!(server.tell(&to, CLIENT, &zones_objects(9, &asked)).len(), 1);
    let question = M::ObjectGetLocation { context: CONTEXT };
    assert_eq!(server.tell(&to, CLIENT, &question).len(), 1);
}

#[test]
fn children_that_were_there_before_their_parent_are_counted_and_answer_so() {
    let mut server = Server::new();
    server.create(2, at(1, 10));
    server.create(1, Location::NONE);
    let asked = zones(&[10]);
    let question = zones_objects(1, &asked);
    assert_eq!(
        server.tell(&[1], CLIENT, &question),
        [
            sent(&[CLIENT], 1, &counted(1)),
            sent(&[children(1)], CLIENT, &question),
            sent(&[CLIENT], 2, &enters(2, at(1, 10))),
        ]
    );
}

#[test]
fn an_answer_has_other_fields_if_the_object_has() {
    let mut server = Server::new();
    let values = [1, 0, 2, 0, 3];
    server.create_of(7, at(9, 10), "Placed", &values);
    let set = M::ObjectSetField {
        do_id: DoId(7),
        field: field("Placed.low"),
        value: crate::message::Rest(&[5]),
    };
    server.tell(&[7], ANYONE, &set);
    server.tell(&[7], 9, &M::ObjectLocationAck { location: at(9, 10) });
    let seen = [&values[..], &other(&[("Placed.low", &[5])])].concat();
    let object = state(7, at(9, 10), "Placed", &seen);
    let answer = M::ObjectEnterInterestWithRequiredOther { context: CONTEXT, object };
    let asked = zones(&[10]);
    let sent_all = server.tell(&[children(9)], CLIENT, &zones_objects(9, &asked));
    assert_eq!(sent_all, [sent(&[CLIENT], 7, &answer)]);
}

#[test]
fn active_zones_are_those_with_children() {
    let mut server = Server::new();
    server.create(1, Location::NONE);
    for (child, zone) in [(2, 30), (3, 10), (4, 30), (5, 20)] {
        server.create(child, at(1, zone));
    }
    server.delete(5);
    let active = zones(&[10, 30]);
    let question = M::GetActiveZones { context: CONTEXT };
    let answer = M::GetActiveZonesResp { context: CONTEXT, zones: List::new(&active) };
    assert_eq!(server.tell(&[1], CLIENT, &question), [sent(&[CLIENT], 1, &answer)]);
}

#[test]
fn children_can_be_counted_without_being_asked() {
    let mut server = Server::new();
    server.create(1, Location::NONE);
    for (child, zone) in [(2, 10), (3, 10), (4, 20)] {
        server.create(child, at(1, zone));
    }
    let (context, asked) = (CONTEXT, zones(&[10, 20]));
    let count = |count| DoId(count);
    let cases = [
        (
            M::ObjectGetZoneCount { context, zone: ZoneId(10) },
            M::ObjectGetZoneCountResp { context, count: count(2) },
        ),
        (M::ObjectGetZonesCount { context, zones: List::new(&asked) }, counted(3)),
        (
            M::ObjectGetChildCount { context },
            M::ObjectGetChildCountResp { context, count: count(3) },
        ),
    ];
    for (question, answer) in cases {
        let sent_all = server.tell(&[1], CLIENT, &question);
        assert_eq!(sent_all, [sent(&[CLIENT], 1, &answer)], "{question:?}");
    }
}

#[test]
fn zones_can_be_emptied() {
    let mut server = Server::new();
    server.create(1, Location::NONE);
    for (child, zone) in [(2, 10), (3, 20), (4, 30)] {
        server.create(child, at(1, zone));
    }
    server.tell(&[1], CLIENT, &M::ObjectDeleteZone { zone: ZoneId(10) });
    assert!(!server.has(2) && server.has(3) && server.has(4));
    let asked = zones(&[20, 30]);
    server.tell(&[1], CLIENT, &M::ObjectDeleteZones { zones: List::new(&asked) });
    assert_eq!(server.core.objects().len(), 1);
    let question = M::ObjectGetChildCount { context: CONTEXT };
    let answer = M::ObjectGetChildCountResp { context: CONTEXT, count: DoId(0) };
    assert_eq!(server.tell(&[1], CLIENT, &question), [sent(&[CLIENT], 1, &answer)]);
}

/// The question that a parent passes on costs what is in the zones, not what is under the parent.
#[test]
fn only_children_in_the_zones_are_looked_at() {
    let mut server = Server::new();
    server.create(1, Location::NONE);
    for child in 1000..3000 {
        server.create(child, at(1, child));
    }
    let asked = zones(&[1234]);
    let sent_all = server.tell(&[1], CLIENT, &zones_objects(1, &asked));
    assert_eq!(sent_all[2..], [sent(&[CLIENT], 1234, &enters(1234, at(1, 1234)))]);
}
