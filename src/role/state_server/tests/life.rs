//! Creation and deletion.

use super::kit::*;
use crate::ids::{Channel, ClassId, Context, DoId, FieldId, Location};
use crate::message::{ObjectState, Rest, StateServer as M};
use crate::object::testing::*;

#[test]
fn a_new_server_listens_for_itself_and_for_all_servers() {
    let server = Server::new();
    assert_eq!(server.outside.subscriptions, [12, 40, CONTROL].into());
}

#[test]
fn a_new_object_announces_itself_and_looks_for_its_children() {
    let mut server = Server::new();
    let sent_all = server.create(7, at(9, 4));
    let object = state(7, at(9, 4), "Empty", &[]);
    let moved = M::ObjectChangingLocation { do_id: DoId(7), new: at(9, 4), old: Location::NONE };
    assert_eq!(
        sent_all,
        [
            sent(&[9], 7, &M::ObjectGetAi { context: Context(0) }),
            sent(&[9], ANYONE, &moved),
            sent(&[9 << 32 | 4], 7, &M::ObjectEnterLocationWithRequired { object }),
            sent(&[children(7)], 7, &M::ObjectGetLocation { context: WAKE }),
        ]
    );
    assert_eq!(server.outside.subscriptions, [7, 12, 40, CONTROL, children(9)].into());
}

#[test]
fn objects_are_also_created_over_the_channel_of_all_servers_and_once() {
    let mut server = Server::new();
    let object = state(7, Location::NONE, "Empty", &[]);
    let message = M::CreateObjectWithRequired { object };
    let woken = [sent(&[children(7)], 7, &M::ObjectGetLocation { context: WAKE })];
    assert_eq!(server.tell(&[CONTROL, 12], ANYONE, &message), woken);
    assert_eq!(server.tell(&[12], ANYONE, &message), [], "there is one already");
}

#[test]
fn a_zone_without_a_parent_is_nowhere_to_announce() {
    let mut server = Server::new();
    let woken = [sent(&[children(7)], 7, &M::ObjectGetLocation { context: WAKE })];
    assert_eq!(server.create(7, at(0, 4)), woken);
    assert_eq!(server.get(7).location(), at(0, 4));
}

#[test]
fn objects_that_cannot_be_made_are_not() {
    let required = [&text("a")[..], &[1, 0, 2]].concat();
    let cut = &required[..required.len() - 1];
    let not_utf8 = [1, 0, 0xff, 1, 0, 2];
    let bad_colour = [&required[..], &other(&[("Thing.colour", &[101])])].concat();
    let cut_colour = [&required[..], &other(&[("Thing.colour", &[])])].concat();
    let cases: [(&str, ClassId, &[u8]); 7] = [
        ("an unknown class", ClassId(999), &required),
        ("a struct", class("Point"), &[0; 8]),
        ("REQUIRED cut short", class("Thing"), cut),
        ("a value that is no text", class("Thing"), &not_utf8),
        ("OTHER without a count", class("Thing"), &required),
        ("OTHER out of range", class("Thing"), &bad_colour),
        ("OTHER cut short", class("Thing"), &cut_colour),
    ];
    for (name, class_id, values) in cases {
        let mut server = Server::new();
        let location = at(9, 4);
        let object = ObjectState { do_id: DoId(7), location, class_id, values: Rest(values) };
        let message = M::CreateObjectWithRequiredOther { object };
        assert_eq!(server.tell(&[CONTROL], ANYONE, &message), [], "{name}");
        assert!(!server.has(7), "{name}");
        assert_eq!(server.outside.subscriptions, [12, 40, CONTROL].into(), "{name}");
    }
}

#[test]
fn ids_that_mean_something_else_as_channels_are_no_objects() {
    for do_id in [0, 12, CONTROL as u32] {
        let mut server = Server::new();
        assert_eq!(server.create(do_id, at(9, 4)), [], "{do_id}");
        assert!(!server.has(do_id));
    }
}

/// What GET_ALL says of an object.
fn values_of(server: &mut Server, do_id: u32) -> Vec<u8> {
    let question = M::ObjectGetAll { context: Context(1), do_id: DoId(do_id) };
    let answers = server.tell(&[do_id.into()], ANYONE, &question);
    // Number, context, doId, location, class.
    answers[0].message[2 + 4 + 4 + 8 + 2..].to_vec()
}

#[test]
fn other_fields_are_taken_as_far_as_they_can_be() {
    let required = [&text("a")[..], &[1, 0, 2]].concat();
    let unknown = [&[1, 0][..], &FieldId(9999).0.to_le_bytes(), &[9]].concat();
    let cases: [(&str, Vec<u8>, Vec<u8>); 5] = [
        (
            "ascending, whatever their order",
            other(&[("Thing.note", &text("n")), ("Thing.colour", &[7])]),
            other(&[("Thing.colour", &[7]), ("Thing.note", &text("n"))]),
        ),
        (
            "the last of two",
            other(&[("Thing.colour", &[7]), ("Thing.colour", &[8])]),
            other(&[("Thing.colour", &[8])]),
        ),
        (
            "what is not ram is left out",
            other(&[("Thing.wave", &[7]), ("Thing.hint", &[1])]),
            other(&[("Thing.hint", &[1])]),
        ),
        ("an unknown field ends them", unknown, other(&[])),
        (
            "and those before it stay",
            [
                &[3, 0][..],
                &pairs(&[("Thing.hint", &[1])]),
                &[0xff, 0xff],
                &pairs(&[("Thing.hint", &[2])]),
            ]
            .concat(),
            other(&[("Thing.hint", &[1])]),
        ),
    ];
    for (name, given, kept) in cases {
        let mut server = Server::new();
        let values = [&required[..], &given].concat();
        let object = state(7, Location::NONE, "Thing", &values);
        server.tell(&[CONTROL], ANYONE, &M::CreateObjectWithRequiredOther { object });
        assert_eq!(values_of(&mut server, 7), [&required[..], &kept].concat(), "{name}");
    }
}

#[test]
fn a_required_field_in_other_does_not_replace_the_required_value() {
    let mut server = Server::new();
    let required = [1, 0, 2, 0, 3];
    let values = [&required[..], &other(&[("Placed.both", &[9])])].concat();
    let object = state(7, Location::NONE, "Placed", &values);
    server.tell(&[CONTROL], ANYONE, &M::CreateObjectWithRequiredOther { object });
    assert_eq!(values_of(&mut server, 7), values);
}

#[test]
fn a_molecular_in_other_is_kept_as_its_parts() {
    let mut server = Server::new();
    let required = [1, 0, 2, 0, 3];
    let values = [&required[..], &other(&[("Placed.band", &[4, 5])])].concat();
    let object = state(7, Location::NONE, "Placed", &values);
    server.tell(&[CONTROL], ANYONE, &M::CreateObjectWithRequiredOther { object });
    let parts = other(&[("Placed.low", &[4]), ("Placed.high", &[5])]);
    assert_eq!(values_of(&mut server, 7), [&required[..], &parts].concat());
}

#[test]
fn each_audience_sees_its_fields() {
    let mut server = Server::new();
    let values = [
        &text("a")[..],
        &[1, 0, 2],
        &other(&[
            ("Thing.colour", &[3]),
            ("Thing.note", &text("n")),
            ("Thing.hint", &[4]),
            ("Thing.pocket", &[5]),
        ]),
    ]
    .concat();
    let object = state(7, Location::NONE, "Thing", &values);
    server.tell(&[CONTROL], ANYONE, &M::CreateObjectWithRequiredOther { object });

    let seen = [&text("a")[..], &other(&[("Thing.colour", &[3]), ("Thing.hint", &[4])])].concat();
    let object = state(7, at(9, 4), "Thing", &seen);
    let entry = M::ObjectEnterLocationWithRequiredOther { object };
    assert_eq!(server.move_to(7, at(9, 4))[2], sent(&[9 << 32 | 4], 7, &entry));

    let object = state(7, at(9, 4), "Thing", &values);
    let entry = M::ObjectEnterAiWithRequiredOther { object };
    assert_eq!(server.set_ai(7, AI), [sent(&[AI], 7, &entry)]);

    let seen = [
        &text("a")[..],
        &[2],
        &other(&[("Thing.colour", &[3]), ("Thing.hint", &[4]), ("Thing.pocket", &[5])]),
    ]
    .concat();
    let object = state(7, at(9, 4), "Thing", &seen);
    let entry = M::ObjectEnterOwnerWithRequiredOther { object };
    assert_eq!(server.set_owner(7, OWNER), [sent(&[OWNER], 7, &entry)]);
}

#[test]
fn other_is_sent_even_if_the_audience_sees_none_of_it() {
    let mut server = Server::new();
    let values = [&text("a")[..], &[1, 0, 2], &other(&[("Thing.note", &text("n"))])].concat();
    let object = state(7, at(9, 4), "Thing", &values);
    let message = M::CreateObjectWithRequiredOther { object };
    let sent_all = server.tell(&[CONTROL], ANYONE, &message);
    let seen = [&text("a")[..], &other(&[])].concat();
    let object = state(7, at(9, 4), "Thing", &seen);
    let entry = M::ObjectEnterLocationWithRequiredOther { object };
    assert!(sent_all.contains(&sent(&[9 << 32 | 4], 7, &entry)), "{sent_all:#?}");
}

#[test]
fn a_deleted_object_tells_parent_location_owner_and_ai() {
    let mut server = Server::new();
    server.create(7, at(9, 4));
    server.set_ai(7, AI);
    server.set_owner(7, OWNER);
    let moved = M::ObjectChangingLocation { do_id: DoId(7), new: Location::NONE, old: at(9, 4) };
    let deleted = M::ObjectDeleteRam { do_id: DoId(7) };
    assert_eq!(
        server.delete(7),
        [sent(&[9], ANYONE, &moved), sent(&[9 << 32 | 4, OWNER, AI], ANYONE, &deleted)]
    );
    assert!(!server.has(7));
    assert_eq!(server.outside.subscriptions, [12, 40, CONTROL].into());
    server.create(7, Location::NONE);
    assert!(server.has(7), "the id is free again");
}

#[test]
fn who_is_owner_and_ai_stands_among_the_recipients_once() {
    let mut server = Server::new();
    server.create(7, Location::NONE);
    server.set_ai(7, AI);
    server.set_owner(7, AI);
    let deleted = M::ObjectDeleteRam { do_id: DoId(7) };
    assert_eq!(server.delete(7), [sent(&[AI], ANYONE, &deleted)]);
}

#[test]
fn an_object_that_nobody_knows_is_deleted_silently() {
    let mut server = Server::new();
    server.create(7, Location::NONE);
    assert_eq!(server.delete(7), []);
    assert!(!server.has(7));
}

#[test]
fn a_deletion_names_its_object() {
    let mut server = Server::new();
    server.create(7, at(9, 4));
    let message = M::ObjectDeleteRam { do_id: DoId(8) };
    assert_eq!(server.tell(&[7], ANYONE, &message), []);
    assert!(server.has(7));
}

#[test]
fn deletion_goes_down_the_tree_and_each_level_tells_its_own_location() {
    let mut server = Server::new();
    server.create(1, at(99, 1));
    server.create(2, at(1, 2));
    server.create(3, at(2, 3));
    let deleted = |id| M::ObjectDeleteRam { do_id: DoId(id) };
    let children_of = |id| M::ObjectDeleteChildren { parent: DoId(id) };
    let moved = M::ObjectChangingLocation { do_id: DoId(1), new: Location::NONE, old: at(99, 1) };
    assert_eq!(
        server.delete(1),
        [
            sent(&[99], ANYONE, &moved),
            sent(&[99 << 32 | 1], ANYONE, &deleted(1)),
            sent(&[children(1)], ANYONE, &children_of(1)),
            sent(&[1 << 32 | 2], ANYONE, &deleted(2)),
            sent(&[children(2)], ANYONE, &children_of(2)),
            sent(&[2 << 32 | 3], ANYONE, &deleted(3)),
        ]
    );
    assert!(server.core.objects().is_empty());
    assert_eq!(server.outside.subscriptions, [12, 40, CONTROL].into());
}

#[test]
fn a_parent_loses_its_children_and_stays() {
    let mut server = Server::new();
    server.create(1, at(99, 1));
    server.create(2, at(1, 2));
    let order = M::ObjectDeleteChildren { parent: DoId(1) };
    let deleted = M::ObjectDeleteRam { do_id: DoId(2) };
    assert_eq!(
        server.tell(&[1], ANYONE, &order),
        [sent(&[children(1)], ANYONE, &order), sent(&[1 << 32 | 2], ANYONE, &deleted)]
    );
    assert!(server.has(1) && !server.has(2));
    let question = M::ObjectGetChildCount { context: Context(3) };
    let answer = M::ObjectGetChildCountResp { context: Context(3), count: DoId(0) };
    assert_eq!(server.tell(&[1], ANYONE, &question), [sent(&[ANYONE], 1, &answer)]);
    assert_eq!(server.tell(&[1], ANYONE, &order), [], "there are no children any more");
}

#[test]
fn orders_of_another_parent_do_not_matter() {
    let mut server = Server::new();
    server.create(2, at(1, 2));
    let order = M::ObjectDeleteChildren { parent: DoId(9) };
    assert_eq!(server.tell(&[2], ANYONE, &order), []);
    assert!(server.has(2));
}

#[test]
fn a_lost_ai_takes_along_what_it_was_set_for() {
    let mut server = Server::new();
    server.create(1, at(99, 1));
    server.create(2, at(99, 2));
    server.create(3, at(1, 3));
    server.set_ai(1, AI);
    server.set_ai(2, AI + 1);
    assert_eq!(server.get(3).ai(), Channel(AI), "taken over from its parent");
    let order = M::DeleteAiObjects { ai: Channel(AI) };
    let sent_all = server.tell(&[CONTROL], ANYONE, &order);
    assert_eq!(sent_all[0], sent(&[1], ANYONE, &order), "not to what took it over");
    assert!(!server.has(1) && server.has(2), "{sent_all:#?}");
    assert!(!server.has(3), "it went with its parent");
    assert_eq!(server.tell(&[CONTROL], ANYONE, &order), [], "nothing is left");
    assert_eq!(server.tell(&[2], ANYONE, &order), [], "another's AI");
    assert!(server.has(2));
}

#[test]
fn an_ai_with_more_objects_than_a_datagram_has_recipients_loses_all() {
    let mut server = Server::new();
    for do_id in 1000..1600 {
        server.create(do_id, Location::NONE);
        server.set_ai(do_id, AI);
    }
    server.tell(&[CONTROL], ANYONE, &M::DeleteAiObjects { ai: Channel(AI) });
    assert!(server.core.objects().is_empty());
}

#[test]
fn other_messages_to_the_control_channel_are_ignored() {
    let mut server = Server::new();
    server.create(7, Location::NONE);
    let order = M::ObjectDeleteRam { do_id: DoId(7) };
    assert_eq!(server.tell(&[CONTROL], ANYONE, &order), []);
    assert!(server.has(7));
}
