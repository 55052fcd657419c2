use std::sync::Arc;

use dclass::Source;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::record::{Path, Record};
use super::*;
use crate::ids::Channel;
use crate::message::{Family, row_named, table, whole_table};

const DC: &str = "
    dclass Node { setLocation(uint32 parent, uint32 zone) airecv; };
    dclass Avatar : Node {
        setXY(int16 x = 3, int16 y) required broadcast ram;
        setName(string) required db ownrecv;
        setHp(uint8) broadcast ram;
        setX(int16) broadcast;
        setY(int16) broadcast;
        setMood : setX, setY;
    };
    dclass Tree { setHeight(uint16) required broadcast ram; };
    keyword secret;
    dclass Gate { logIn(string, uint8) clsend secret; };
";

fn names() -> Arc<Names> {
    let dc = dclass::parse(&[Source::new("test.dc", DC)]).expect("a right file");
    Arc::new(Names::new(Arc::new(dc)))
}

fn made(recipients: &[u64], sender: u64, message: &str, arguments: Json) -> Vec<u8> {
    let recipients: Vec<_> = recipients.iter().copied().map(Channel).collect();
    let arguments = arguments.as_object().expect("an object");
    compose(&names(), &recipients, Channel(sender), message, arguments).expect("a datagram")
}

fn shown(datagram: &[u8]) -> Decoded {
    decode(&names(), Speech::Link, datagram)
}

/// What it takes to make a datagram again is what was shown of it.
fn made_again(decoded: &Decoded, speech: Speech) -> Result<Vec<u8>, ComposeError> {
    let json = decoded.to_json();
    let arguments = json["arguments"].as_object().expect("an object");
    let message = decoded.message.expect("a message");
    match (speech, decoded.sender) {
        (Speech::Servers | Speech::Link, sender) => {
            let sender = sender.unwrap_or_default();
            compose(&names(), &decoded.recipients, sender, message, arguments)
        }
        _ => compose_client(&names(), message, arguments),
    }
}

#[test]
fn an_update_has_its_names_and_its_value() {
    let arguments = json!({ "do_id": 100, "field": "Avatar.setXY", "value": "(1, -2)" });
    let bytes = made(&[100], 4002, "STATESERVER_OBJECT_SET_FIELD", arguments.clone());
    assert_eq!(&bytes[17..], [0xe4, 7, 100, 0, 0, 0, 1, 0, 1, 0, 0xfe, 0xff]);
    let decoded = shown(&bytes);
    assert_eq!(decoded.field.as_deref(), Some("Avatar.setXY"));
    assert_eq!(decoded.body(), "do_id=100 Avatar.setXY(1, -2)");
    let json = decoded.to_json();
    assert_eq!(json["arguments"], arguments);
    assert_eq!((&json["sender"], &json["recipients"]), (&json!("4002"), &json!(["100"])));
    assert_eq!(decoded.note, None);
}

#[test]
fn a_secret_value_is_not_shown() {
    let arguments = json!({ "do_id": 100, "field": "Gate.logIn", "value": "(\"sesame\", 7)" });
    let bytes = made(&[100], 4002, "STATESERVER_OBJECT_SET_FIELD", arguments);
    let decoded = shown(&bytes);
    assert_eq!(decoded.body(), "do_id=100 Gate.logIn(<9 secret bytes>)");
    assert_eq!(decoded.to_json()["arguments"]["value"], json!({ "secret": 9 }));
    assert_eq!(decoded.note, None);
    // Nor is what is none.
    let cut = shown(&bytes[..bytes.len() - 3]);
    assert_eq!(cut.body(), "do_id=100 Gate.logIn(<6 secret bytes>)");
}

#[test]
fn an_object_has_its_class_and_the_fields_that_its_receiver_sees() {
    let object = json!({
        "do_id": 100, "parent": 1, "zone": 2, "class": "Avatar",
        "required": [{ "field": "Avatar.setName", "value": "(\"Bo\")" }],
        "other": [{ "field": "Avatar.setHp", "value": "(5)" }],
    });
    let create = "STATESERVER_CREATE_OBJECT_WITH_REQUIRED_OTHER";
    let bytes = made(&[12], 1, create, json!({ "object": object }));
    let decoded = shown(&bytes);
    assert_eq!(
        decoded.body(),
        "do_id=100 parent=1 zone=2 class=Avatar required=[Avatar.setXY(3, 0), Avatar.setName(\"Bo\")] \
         other=[Avatar.setHp(5)]"
    );
    assert_eq!(decoded.class.as_deref(), Some("Avatar"));
    assert_eq!(made_again(&decoded, Speech::Link), Ok(bytes));
    let mut seen = object.clone();
    seen["required"] = json!([{ "field": "Avatar.setXY", "value": "(7, 8)" }]);
    let enter = "STATESERVER_OBJECT_ENTER_LOCATION_WITH_REQUIRED_OTHER";
    let decoded = shown(&made(&[12], 1, enter, json!({ "object": seen })));
    assert!(decoded.body().contains("required=[Avatar.setXY(7, 8)] other="), "{}", decoded.body());
}

#[test]
fn what_cannot_be_understood_is_shown_as_bytes() {
    let arguments = json!({ "do_id": 100, "field": "Avatar.setXY", "value": "(1, 2)" });
    let mut bytes = made(&[100], 4002, "STATESERVER_OBJECT_SET_FIELD", arguments);
    bytes.pop();
    let decoded = shown(&bytes);
    assert!(decoded.body().contains("<010002: "), "{}", decoded.body());
    for cut in 0..bytes.len() {
        shown(&bytes[..cut]);
    }
    let decoded = shown(&[1, 100, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0x33, 0x33, 9, 9]);
    assert_eq!(
        (decoded.title(), decoded.body()),
        ("message 13107".into(), "<0909> (unknown message)".into())
    );
    let decoded = shown(&[2, 100]);
    assert!(decoded.body().contains("truncated"), "{}", decoded.body());
    assert_eq!(decoded.title(), "no message");
    let many = json!({ "do_id": 1, "fields": { "count": 3, "fields": [{ "field": "Avatar.setHp", "value": "(1)" }], "rest": { "hex": "ffff00" } } });
    let decoded = shown(&made(&[5], 2, "STATESERVER_OBJECT_SET_FIELDS", many.clone()));
    let mut again = decoded.to_json()["arguments"].clone();
    let rest = again["fields"]["rest"].as_object_mut();
    rest.unwrap_or_else(|| panic!("{}", decoded.body())).remove("note");
    assert_eq!(again, many);
}

#[test]
fn a_datagram_inside_is_shown_too() {
    let inner = json!({
        "recipients": ["100"], "sender": "4002",
        "message": "STATESERVER_OBJECT_DELETE_RAM", "arguments": { "do_id": 100 },
    });
    let arguments = json!({ "sender": "4002", "datagram": inner });
    let bytes = made(&[], 0, "CONTROL_ADD_POST_REMOVE", arguments.clone());
    let decoded = shown(&bytes);
    assert_eq!(decoded.to_json()["arguments"], arguments);
    assert_eq!((decoded.sender, &decoded.recipients[..]), (None, &[Channel(1)][..]));
}

#[test]
fn who_composes_wrongly_is_told_where() {
    let complaint = |message: &str, arguments: Json| {
        let arguments = arguments.as_object().expect("an object");
        let made = compose(&names(), &[Channel(5)], Channel(2), message, arguments);
        made.expect_err("it is wrong").to_string()
    };
    let set = "STATESERVER_OBJECT_SET_FIELD";
    assert_eq!(
        complaint("STATESERVER_OBJECT_SETFIELD", json!({})),
        "message: there is no message `STATESERVER_OBJECT_SETFIELD`; did you mean `STATESERVER_OBJECT_SET_FIELD`?"
    );
    assert_eq!(
        complaint(set, json!({ "do_id": 1, "feild": 1, "value": "" })),
        "arguments: there is no argument `feild`; did you mean `field`?"
    );
    assert_eq!(complaint(set, json!({ "do_id": 1 })), "arguments.field: it is missing");
    assert_eq!(
        complaint(set, json!({ "do_id": 1, "field": "Avatar.setXYZ", "value": "" })),
        "arguments.field: class `Avatar` has no field `setXYZ`; did you mean `setXY`?"
    );
    assert_eq!(
        complaint(set, json!({ "do_id": 1, "field": "Avater.setXY", "value": "" })),
        "arguments.field: there is no class `Avater`; did you mean `Avatar`?"
    );
    assert_eq!(
        complaint(set, json!({ "do_id": 1, "field": "setXY", "value": "" })),
        "arguments.field: `setXY` does not name a class and a field, as Class.field does; did you mean `Avatar.setXY`?"
    );
    let text = complaint(set, json!({ "do_id": 1, "field": "Avatar.setXY", "value": "(1, x)" }));
    assert!(text.starts_with("arguments.value: no value of Avatar.setXY: "), "{text}");
    assert!(text.ends_with("(at offset 4)"), "{text}");
    assert_eq!(
        complaint(set, json!({ "do_id": -1, "field": "Avatar.setXY", "value": "" })),
        "arguments.do_id: a number is expected, 0 or more"
    );
    let object = json!({ "do_id": 1, "parent": 1, "zone": 1, "class": "Tree" });
    assert_eq!(
        complaint("STATESERVER_CREATE_OBJECT_WITH_REQUIRED", json!({ "object": object })),
        "arguments.object.required: Tree.setHeight is missing, and has no default"
    );
    assert_eq!(
        complaint("CLIENT_HEARTBEAT", json!({})),
        "message: CLIENT_HEARTBEAT is said between a client and its agent only"
    );
}

#[test]
fn only_control_messages_go_to_the_control_channel() {
    let delete = json!({ "do_id": 1 });
    let delete = delete.as_object().expect("an object");
    let made =
        compose(&names(), &[Channel::CONTROL], Channel(2), "STATESERVER_OBJECT_DELETE_RAM", delete);
    assert_eq!(
        made.expect_err("it is wrong").to_string(),
        "channels: what is for channel 1 alone is for a message director, and no message of another kind"
    );
}

fn golden() -> Vec<(String, Vec<u8>)> {
    const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/messages.txt");
    let text = std::fs::read_to_string(PATH).expect("the golden file");
    let mut entries = Vec::new();
    for entry in text.split("\n\n") {
        let lines: Vec<&str> = entry.lines().filter(|line| !line.is_empty()).collect();
        if let [name, bytes, _] = lines[..]
            && !name.starts_with('#')
        {
            let bytes = bytes.split_whitespace().map(|byte| u8::from_str_radix(byte, 16));
            entries.push((name.to_owned(), bytes.collect::<Result<_, _>>().expect("bytes")));
        }
    }
    entries
}

#[test]
fn every_golden_message_is_made_again_of_what_is_shown_of_it() {
    let entries = golden();
    assert!(entries.len() > 100);
    for (name, bytes) in entries {
        let family = row_named(&name).map(|row| row.family);
        let (speech, datagram) = match family {
            Some(Family::Client) => (Speech::Client, bytes),
            Some(Family::Otp) => (Speech::Otp, bytes),
            Some(Family::Toontown2003) => (Speech::Toontown2003, bytes),
            Some(Family::Control) => {
                (Speech::Link, [&crate::wire::CONTROL_HEAD[..], &bytes].concat())
            }
            _ => (
                Speech::Servers,
                [&[1, 9, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0], &bytes[..]].concat(),
            ),
        };
        let decoded = decode(&names(), speech, &datagram);
        assert_eq!(decoded.message, Some(&*name));
        assert_eq!(decoded.note, None, "{name}");
        let has_secret = name.starts_with("CLIENT_RESUME");
        match made_again(&decoded, speech) {
            Ok(again) => assert_eq!(again, datagram, "{name}: {}", decoded.body()),
            Err(error) => assert!(has_secret, "{name}: {error}"),
        }
    }
}

fn speeches() -> impl Strategy<Value = Speech> {
    prop_oneof![
        Just(Speech::Servers),
        Just(Speech::Link),
        Just(Speech::Client),
        Just(Speech::Panda3d),
        Just(Speech::Otp),
        Just(Speech::Toontown2003)
    ]
}

/// A head that can be read, a number of a message, and anything.
fn messages() -> impl Strategy<Value = (Speech, Vec<u8>)> {
    let numbers: Vec<u16> = whole_table().map(|row| row.number).collect();
    let body = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..80),
        prop::collection::vec(0u8..5, 0..80),
    ];
    (speeches(), prop::sample::select(numbers), body).prop_map(|(speech, number, body)| {
        let head: &[u8] = match (speech, number) {
            (Speech::Link, 9000..) => &crate::wire::CONTROL_HEAD,
            (Speech::Servers | Speech::Link, _) => {
                &[1, 9, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0]
            }
            _ => &[],
        };
        (speech, [head, &number.to_le_bytes(), &body].concat())
    })
}

/// No datagram of so many bytes is shown as more than this.
fn bound(bytes: usize) -> usize {
    2048 + 64 * bytes
}

proptest! {
    #[test]
    fn nothing_is_too_odd_to_be_shown(speech in speeches(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let decoded = decode(&names(), speech, &bytes);
        prop_assert!(decoded.body().len() <= bound(bytes.len()));
    }

    #[test]
    fn what_is_understood_is_made_again((speech, bytes) in messages()) {
        let decoded = decode(&names(), speech, &bytes);
        prop_assert!(decoded.body().len() <= bound(bytes.len()));
        let json = serde_json::to_string(&decoded.to_json()).expect("JSON");
        prop_assert!(json.len() <= bound(bytes.len()));
        if decoded.message.is_some() && decoded.note.is_none()
            && let Ok(again) = made_again(&decoded, speech)
        {
            prop_assert_eq!(again, bytes, "{}", decoded.body());
        }
    }

    #[test]
    fn what_is_composed_is_never_a_panic(message in prop::sample::select(table().map(|row| row.name).collect::<Vec<_>>()), text in "[0-9a-z\"(){},: ]{0,40}") {
        if let Ok(Json::Object(arguments)) = serde_json::from_str(&text) {
            let _ = compose(&names(), &[], Channel(0), message, &arguments);
        }
    }

    #[test]
    fn filters_look_at_anything((speech, bytes) in messages(), do_id in 0u32..9, class in 0u16..4, field in 0u16..9) {
        let wanted = Wanted { do_ids: vec![do_id], classes: vec![class], fields: vec![field], ..Wanted::default() };
        let filter = Filter::new(wanted, names());
        filter.passes(&bytes);
        filter.passes_client(Channel(7), speech, &bytes);
    }
}

#[test]
fn a_filter_passes_what_is_wanted() {
    let update = json!({ "do_id": 100, "field": "Avatar.setMood", "value": "{(1), (2)}" });
    let update = made(&[7, 100], 4002, "STATESERVER_OBJECT_SET_FIELD", update);
    let tree = json!({ "object": { "do_id": 200, "parent": 1, "zone": 2, "class": "Tree",
        "required": [{ "field": "Tree.setHeight", "value": "(9)" }] } });
    let tree = made(&[12], 4003, "STATESERVER_CREATE_OBJECT_WITH_REQUIRED", tree);
    let check = |wanted: Wanted, expected: [bool; 2]| {
        let filter = Filter::new(wanted.clone(), names());
        let passes = [&update, &tree].map(|datagram| filter.passes(datagram));
        assert_eq!(passes, expected, "{wanted:?}");
    };
    let field = |name: &str| names().field_named(name).expect("a field").id().0;
    let class = |name: &str| names().class_named(name).expect("a class").id().0;
    let none = Wanted::default;
    check(none(), [true, true]);
    check(Wanted { channels: vec![(4002, 4002)], ..none() }, [true, false]);
    check(Wanted { channels: vec![(4000, 4999)], ..none() }, [true, true]);
    check(Wanted { channels: vec![(12, 12), (7, 7)], ..none() }, [true, true]);
    check(Wanted { do_ids: vec![200], ..none() }, [false, true]);
    check(Wanted { do_ids: vec![100], ..none() }, [true, false]);
    check(Wanted { do_ids: vec![7], ..none() }, [true, false]);
    check(Wanted { clients: vec![4003], ..none() }, [false, true]);
    check(Wanted { messages: vec![2020], ..none() }, [true, false]);
    // The parts of a molecular field are in it, and fields of an object that is shown.
    check(Wanted { fields: vec![field("Avatar.setY")], ..none() }, [true, false]);
    check(Wanted { fields: vec![field("Avatar.setXY")], ..none() }, [false, false]);
    check(Wanted { fields: vec![field("Tree.setHeight")], ..none() }, [false, true]);
    check(Wanted { classes: vec![class("Tree")], ..none() }, [false, true]);
    check(Wanted { classes: vec![class("Node")], ..none() }, [true, false]);
    check(Wanted { classes: vec![class("Tree"), class("Avatar")], ..none() }, [true, true]);
    check(Wanted { classes: vec![class("Tree")], messages: vec![2020], ..none() }, [false, false]);
}

#[test]
fn records_are_read_as_they_are_written() {
    let path = Path::ToClient(Speech::Panda3d, Channel(1 << 40));
    let name = "ä".repeat(200);
    let datagram = Record::Datagram { micros: 5, path, origin: &name, bytes: b"abc" };
    let records = [datagram, Record::Lost { micros: 6, count: 7 }];
    let mut bytes = Vec::new();
    for record in records {
        let before = bytes.len();
        record.write(&mut bytes);
        assert_eq!(bytes.len() - before, record.len());
    }
    let mut rest = &bytes[..];
    let Some(Record::Datagram { micros: 5, path: read, origin, bytes: b"abc" }) =
        record::next(&mut rest)
    else {
        panic!("{bytes:?}");
    };
    assert_eq!((read, origin.len()), (path, 254));
    assert_eq!(record::next(&mut rest), Some(records[1]));
    assert_eq!(record::next(&mut rest), None);
    for cut in 0..bytes.len() {
        let mut rest = &bytes[..cut];
        while record::next(&mut rest).is_some() {}
    }
}
