//! Setting, getting and forgetting fields.

use super::kit::*;
use crate::ids::{Context, DoId, FieldId, Location};
use crate::message::{FieldValues, List, Rest, StateServer as M};
use crate::object::testing::*;

const HERE: u64 = 9 << 32 | 4;

fn set<'a>(name: &str, value: &'a [u8]) -> M<'a> {
    M::ObjectSetField { do_id: DoId(7), field: field(name), value: Rest(value) }
}

fn set_all(fields: &[(&str, &[u8])]) -> Vec<u8> {
    pairs(fields)
}

fn set_fields(count: u16, bytes: &[u8]) -> M<'_> {
    M::ObjectSetFields { do_id: DoId(7), fields: FieldValues { count, bytes } }
}

/// A Thing 7 at HERE with AI and owner.
fn thing() -> Server {
    let mut server = Server::new();
    server.create_of(7, at(9, 4), "Thing", &[&text("a")[..], &[1, 0, 2]].concat());
    server.set_ai(7, AI);
    server.set_owner(7, OWNER);
    server
}

fn placed() -> Server {
    let mut server = Server::new();
    server.create_of(7, at(9, 4), "Placed", &[1, 0, 2, 0, 3]);
    server
}

/// What GET_FIELD says.
fn value_of(server: &mut Server, name: &str) -> Option<Vec<u8>> {
    let (context, do_id, field) = (Context(1), DoId(7), field(name));
    let question = M::ObjectGetField { context, do_id, field };
    let answers = server.tell(&[7], ANYONE, &question);
    assert_eq!(answers.len(), 1);
    let some = |value: &[u8]| {
        let value = Some((field, Rest(value)));
        sent(&[ANYONE], 7, &M::ObjectGetFieldResp { context, value })
    };
    let none = sent(&[ANYONE], 7, &M::ObjectGetFieldResp { context, value: None });
    if answers[0] == none {
        return None;
    }
    let value = answers[0].message[2 + 4 + 1 + 2..].to_vec();
    assert_eq!(answers[0], some(&value));
    Some(value)
}

#[test]
fn an_update_reaches_those_whom_its_keywords_name_except_who_made_it() {
    let label = text("b");
    let label = label.as_slice();
    let cases: [(&str, &[u8], u64, &[u64]); 16] = [
        ("Thing.label", label, ANYONE, &[HERE]),
        ("Thing.secret", &[9, 9], ANYONE, &[]),
        ("Thing.mine", &[9], ANYONE, &[OWNER]),
        ("Thing.mine", &[9], OWNER, &[]),
        ("Thing.colour", &[9], ANYONE, &[HERE]),
        ("Thing.colour", &[9], AI, &[HERE]),
        ("Thing.note", label, ANYONE, &[]),
        ("Thing.hint", &[9], ANYONE, &[]),
        ("Thing.pocket", &[9], ANYONE, &[OWNER]),
        ("Thing.wave", &[9], ANYONE, &[HERE]),
        ("Thing.poke", &[9], ANYONE, &[AI]),
        ("Thing.poke", &[9], AI, &[]),
        ("Thing.whisper", &[9], ANYONE, &[OWNER]),
        ("Thing.shout", &[9], ANYONE, &[HERE, AI, OWNER]),
        ("Thing.shout", &[9], AI, &[HERE, OWNER]),
        ("Thing.shout", &[9], OWNER, &[HERE, AI]),
    ];
    for (name, value, sender, recipients) in cases {
        let mut server = thing();
        let message = set(name, value);
        let expected = (!recipients.is_empty()).then(|| sent(recipients, sender, &message));
        let sent_all = server.tell(&[7], sender, &message);
        assert_eq!(sent_all, Vec::from_iter(expected), "{name} from {sender}");
    }
}

#[test]
fn nobody_hears_an_object_that_is_nowhere() {
    let mut server = Server::new();
    let values = [&text("a")[..], &[1, 0, 2]].concat();
    server.create_of(7, at(0, 4), "Thing", &values);
    assert_eq!(server.tell(&[7], ANYONE, &set("Thing.shout", &[1])), []);
}

#[test]
fn required_and_ram_values_are_kept() {
    let (label, note) = (text("b"), text("long"));
    let cases: [(&str, &[u8], bool); 6] = [
        ("Thing.label", &label, true),
        ("Thing.secret", &[9, 8], true),
        ("Thing.note", &note, true),
        ("Thing.hint", &[9], true),
        ("Thing.wave", &[9], false),
        ("Thing.poke", &[9], false),
    ];
    for (name, value, kept) in cases {
        let mut server = thing();
        server.tell(&[7], ANYONE, &set(name, value));
        assert_eq!(value_of(&mut server, name), kept.then(|| value.to_vec()), "{name}");
    }
}

#[test]
fn bytes_behind_a_value_are_ignored() {
    let mut server = thing();
    let sent_all = server.tell(&[7], ANYONE, &set("Thing.colour", &[9, 77, 77]));
    assert_eq!(sent_all, [sent(&[HERE], ANYONE, &set("Thing.colour", &[9]))]);
}

#[test]
fn bad_updates_are_dropped() {
    let cases: [(&str, FieldId, &[u8]); 5] = [
        ("a field of another class", field("Placed.x"), &[1, 0]),
        ("a field of no class", FieldId(9999), &[1, 0]),
        ("a value cut short", field("Thing.secret"), &[1]),
        ("a value out of range", field("Thing.colour"), &[101]),
        ("a text that is none", field("Thing.label"), &[1, 0, 0xff]),
    ];
    for (name, field, value) in cases {
        let mut server = thing();
        let value = Rest(value);
        let message = M::ObjectSetField { do_id: DoId(7), field, value };
        assert_eq!(server.tell(&[7], ANYONE, &message), [], "{name}");
        assert_eq!(value_of(&mut server, "Thing.secret"), Some(vec![1, 0]), "{name}");
        assert_eq!(value_of(&mut server, "Thing.label"), Some(text("a")), "{name}");
        assert_eq!(value_of(&mut server, "Thing.colour"), None, "{name}");
    }
}

#[test]
fn messages_about_fields_name_their_object() {
    let mut server = thing();
    let (do_id, context, field) = (DoId(8), Context(1), field("Thing.colour"));
    let fields = [field];
    let messages = [
        M::ObjectSetField { do_id, field, value: Rest(&[1]) },
        M::ObjectSetFields { do_id, fields: FieldValues::default() },
        M::ObjectGetField { context, do_id, field },
        M::ObjectGetFields { context, do_id, fields: List::new(&fields) },
        M::ObjectGetAll { context, do_id },
        M::ObjectDeleteFieldRam { do_id, field },
        M::ObjectDeleteFieldsRam { do_id, fields: List::new(&fields) },
    ];
    for message in messages {
        assert_eq!(server.tell(&[7], ANYONE, &message), [], "{message:?}");
    }
}

#[test]
fn several_updates_are_told_one_by_one_in_their_order() {
    let mut server = thing();
    let bytes = set_all(&[("Thing.wave", &[1]), ("Thing.colour", &[2]), ("Thing.wave", &[3])]);
    assert_eq!(
        server.tell(&[7], ANYONE, &set_fields(3, &bytes)),
        [
            sent(&[HERE], ANYONE, &set("Thing.wave", &[1])),
            sent(&[HERE], ANYONE, &set("Thing.colour", &[2])),
            sent(&[HERE], ANYONE, &set("Thing.wave", &[3])),
        ]
    );
}

#[test]
fn the_first_bad_one_of_several_updates_ends_them() {
    let good: (&str, &[u8]) = ("Thing.hint", &[1]);
    let cases: [(&str, u16, Vec<u8>); 3] = [
        ("out of range", 3, set_all(&[good, ("Thing.colour", &[101]), ("Thing.pocket", &[2])])),
        ("of another class", 3, set_all(&[good, ("Placed.x", &[1, 0]), ("Thing.pocket", &[2])])),
        ("missing", 3, set_all(&[good])),
    ];
    for (name, count, bytes) in cases {
        let mut server = thing();
        assert_eq!(server.tell(&[7], ANYONE, &set_fields(count, &bytes)), [], "{name}");
        assert_eq!(value_of(&mut server, "Thing.hint"), Some(vec![1]), "{name}");
        assert_eq!(value_of(&mut server, "Thing.pocket"), None, "{name}");
    }
}

#[test]
fn a_molecular_update_is_stored_by_its_parts_and_told_whole() {
    let mut server = placed();
    let message = set("Placed.xy", &[7, 0, 8, 0]);
    assert_eq!(server.tell(&[7], ANYONE, &message), [sent(&[HERE], ANYONE, &message)]);
    assert_eq!(value_of(&mut server, "Placed.x"), Some(vec![7, 0]));
    assert_eq!(value_of(&mut server, "Placed.y"), Some(vec![8, 0]));
    assert_eq!(value_of(&mut server, "Placed.xy"), Some(vec![7, 0, 8, 0]));
}

#[test]
fn a_molecular_of_ram_fields_has_a_value_when_all_parts_have() {
    let mut server = placed();
    assert_eq!(value_of(&mut server, "Placed.band"), None);
    server.tell(&[7], ANYONE, &set("Placed.high", &[9]));
    assert_eq!(value_of(&mut server, "Placed.band"), None, "one part is missing");
    server.tell(&[7], ANYONE, &set("Placed.band", &[4, 5]));
    assert_eq!(value_of(&mut server, "Placed.band"), Some(vec![4, 5]));
    let parts = other(&[("Placed.low", &[4]), ("Placed.high", &[5])]);
    let values = [&[1, 0, 2, 0, 3][..], &parts].concat();
    let question = M::ObjectGetAll { context: Context(3), do_id: DoId(7) };
    let object = state(7, at(9, 4), "Placed", &values);
    let answer = M::ObjectGetAllResp { context: Context(3), object };
    assert_eq!(server.tell(&[7], ANYONE, &question), [sent(&[ANYONE], 7, &answer)]);
}

#[test]
fn get_all_has_a_count_of_other_fields_even_if_there_are_none() {
    let mut server = thing();
    let question = M::ObjectGetAll { context: Context(3), do_id: DoId(7) };
    let values = [&text("a")[..], &[1, 0, 2], &other(&[])].concat();
    let object = state(7, at(9, 4), "Thing", &values);
    let answer = M::ObjectGetAllResp { context: Context(3), object };
    assert_eq!(server.tell(&[7], ANYONE, &question), [sent(&[ANYONE], 7, &answer)]);
}

#[test]
fn a_field_that_the_class_lacks_has_no_value() {
    let mut server = thing();
    assert_eq!(value_of(&mut server, "Placed.x"), None);
}

#[test]
fn several_fields_are_answered_ascending_and_once() {
    let answer = |names: &[(&str, &[u8])]| Some(other(names));
    let label = text("a");
    let cases: [(&str, &[&str], Option<Vec<u8>>); 5] = [
        (
            "whatever the order",
            &["Thing.mine", "Thing.label"],
            answer(&[("Thing.label", &label), ("Thing.mine", &[2])]),
        ),
        ("asked for twice", &["Thing.mine", "Thing.mine"], answer(&[("Thing.mine", &[2])])),
        ("one is unset", &["Thing.mine", "Thing.hint"], answer(&[("Thing.mine", &[2])])),
        ("all are unset", &["Thing.note", "Thing.hint"], answer(&[])),
        ("one is of another class", &["Thing.mine", "Placed.x"], None),
    ];
    for (name, asked, values) in cases {
        let mut server = thing();
        let ids: Vec<FieldId> = asked.iter().map(|name| field(name)).collect();
        let (context, do_id) = (Context(3), DoId(7));
        let question = M::ObjectGetFields { context, do_id, fields: List::new(&ids) };
        let values = values.as_ref().map(|bytes| FieldValues {
            count: u16::from_le_bytes([bytes[0], bytes[1]]),
            bytes: &bytes[2..],
        });
        let answer = M::ObjectGetFieldsResp { context, values };
        assert_eq!(server.tell(&[7], ANYONE, &question), [sent(&[ANYONE], 7, &answer)], "{name}");
    }
}

#[test]
fn a_molecular_counts_as_one_field_and_is_left_out_while_a_part_is_missing() {
    let mut server = placed();
    server.tell(&[7], ANYONE, &set("Placed.low", &[9]));
    let ids = [field("Placed.band"), field("Placed.low"), field("Placed.xy")];
    let question =
        M::ObjectGetFields { context: Context(3), do_id: DoId(7), fields: List::new(&ids) };
    let bytes = pairs(&[("Placed.xy", &[1, 0, 2, 0]), ("Placed.low", &[9])]);
    let values = Some(FieldValues { count: 2, bytes: &bytes });
    let answer = M::ObjectGetFieldsResp { context: Context(3), values };
    assert_eq!(server.tell(&[7], ANYONE, &question), [sent(&[ANYONE], 7, &answer)]);
}

#[test]
fn ram_fields_are_forgotten_and_required_ones_reset() {
    let mut server = thing();
    let delete = |name| M::ObjectDeleteFieldRam { do_id: DoId(7), field: field(name) };
    server.tell(&[7], ANYONE, &set("Thing.colour", &[9]));
    let message = delete("Thing.colour");
    assert_eq!(server.tell(&[7], ANYONE, &message), [sent(&[HERE], ANYONE, &message)]);
    assert_eq!(value_of(&mut server, "Thing.colour"), None);
    assert_eq!(server.tell(&[7], ANYONE, &message), [], "there is nothing any more");
    let message = delete("Thing.label");
    assert_eq!(server.tell(&[7], ANYONE, &message), [sent(&[HERE], ANYONE, &message)]);
    assert_eq!(value_of(&mut server, "Thing.label"), Some(text("?")));
    assert_eq!(server.tell(&[7], ANYONE, &delete("Thing.secret")), [], "it has no default");
    assert_eq!(value_of(&mut server, "Thing.secret"), Some(vec![1, 0]));
    assert_eq!(server.tell(&[7], ANYONE, &delete("Placed.x")), []);
}

#[test]
fn what_does_not_fit_a_datagram_is_not_sent_and_answered_with_failure() {
    let mut server = thing();
    let big = text(&"x".repeat(65_000));
    server.tell(&[7], ANYONE, &set("Thing.note", &big));
    let label = text(&"y".repeat(40_000));
    server.tell(&[7], ANYONE, &set("Thing.label", &label));
    let (context, do_id) = (Context(3), DoId(7));
    let question = M::ObjectGetAll { context, do_id };
    assert_eq!(server.tell(&[7], ANYONE, &question), [], "an answer has no room");
    let ids = [field("Thing.label"), field("Thing.note")];
    let question = M::ObjectGetFields { context, do_id, fields: List::new(&ids) };
    let failure = M::ObjectGetFieldsResp { context, values: None };
    assert_eq!(server.tell(&[7], ANYONE, &question), [sent(&[ANYONE], 7, &failure)]);
    assert_eq!(server.set_ai(7, AI + 1).len(), 1, "the old AI is told, the new one cannot be");
    assert_eq!(server.get(7).ai().0, AI + 1);
    assert_eq!(value_of(&mut server, "Thing.label"), Some(label));
    server.move_to(7, Location::NONE);
    assert_eq!(server.get(7).location(), Location::NONE);
}
