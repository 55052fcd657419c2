use proptest::prelude::*;

use super::*;

#[test]
fn tables_are_ascending_and_within_their_family() {
    let rows: Vec<Row> = table().collect();
    assert!(rows.is_sorted_by_key(|row| row.number));
    for row in rows {
        assert_eq!(name_of(row.number), row.name);
    }
    assert_eq!(name_of(2099), "unknown message");
}

#[test]
fn rows_are_found_by_number_and_by_name() {
    for entry in table() {
        assert_eq!(row(entry.number), Some(&entry));
        assert_eq!(row_named(entry.name), Some(&entry));
        assert_eq!(Family::of(entry.number), Some(entry.family));
    }
    assert_eq!(row(9001).map(|row| row.name), Some("CONTROL_REMOVE_CHANNEL"));
    assert_eq!(Family::Panda3d.row(9001).map(|row| row.name), Some("SET_DOID_RANGE_CMU"));
    assert_eq!(row_named("SET_DOID_RANGE_CMU").map(|row| row.family), Some(Family::Panda3d));
    assert_eq!(row_named("SET_FIELD"), None);
}

#[test]
fn no_name_is_that_of_two_messages() {
    let mut names: Vec<_> = whole_table().map(|row| row.name).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
    for family in Family::SHARING {
        assert!(family.rows().is_sorted_by_key(|row| row.number), "{}", family.name());
    }
}

#[test]
fn shapes_are_those_of_the_types_unless_a_message_says_more() {
    let shapes = |name: &str| {
        let arguments = row_named(name).expect("a message").arguments;
        arguments.iter().map(|argument| (argument.name, argument.shape)).collect::<Vec<_>>()
    };
    assert_eq!(
        shapes("STATESERVER_OBJECT_SET_FIELD"),
        [("do_id", Shape::DoId), ("field", Shape::Field), ("value", Shape::Value)]
    );
    assert_eq!(
        shapes("STATESERVER_OBJECT_ENTER_OWNER_WITH_REQUIRED_OTHER"),
        [("object", Shape::object_with_other(Shown::Owner))]
    );
    assert_eq!(
        shapes("STATESERVER_GET_OWNED"),
        [
            ("context", Shape::Context),
            ("owners", Shape::List(&Shape::Pair(&Shape::Channel, &Shape::U32)))
        ]
    );
    assert_eq!(shapes("CLIENT_HEARTBEAT"), []);
}

/// Packed values are the schema's to split: no message leaves their shape to the type.
#[test]
fn no_argument_is_only_a_rest() {
    for row in whole_table() {
        assert!(row.arguments.iter().all(|argument| argument.shape != Shape::Rest), "{}", row.name);
    }
}

/// Whatever bytes decode, encode to the same bytes again, up to what the message does not read.
fn check_identity(number: u16, body: &[u8]) -> Result<(), TestCaseError> {
    macro_rules! check {
        ($($family:ident),*) => {$({
            let mut reader = Reader::new(body);
            if let Ok(message) = $family::decode(number, &mut reader) {
                let read = body.len() - reader.remaining().len();
                let mut bytes = Vec::new();
                message.write(&mut Writer::new(&mut bytes));
                prop_assert_eq!(&bytes[..2], &number.to_le_bytes());
                prop_assert_eq!(&bytes[2..], &body[..read]);
                let again = $family::decode(number, &mut Reader::new(&bytes[2..]));
                prop_assert_eq!(again, Ok(message));
            }
        })*};
    }
    check!(Client, ClientAgent, StateServer, DbStateServer, Database, Control);
    check!(Panda3d, Otp, Toontown2003);
    Ok(())
}

proptest! {
    #[test]
    fn encode_of_decode_is_identity(body in prop::collection::vec(any::<u8>(), 0..80)) {
        for row in whole_table() {
            check_identity(row.number, &body)?;
        }
    }

    #[test]
    fn small_numbers_reach_the_counted_layouts(body in prop::collection::vec(0u8..4, 0..80)) {
        for row in whole_table() {
            check_identity(row.number, &body)?;
        }
    }
}

/// Decodes number and arguments of a message of this family, and encodes them again.
fn decode_and_encode(family: Family, bytes: &[u8]) -> Result<(String, Vec<u8>), Error> {
    let mut reader = Reader::new(bytes);
    let number = reader.u16()?;
    let mut again = Vec::new();
    let mut writer = Writer::new(&mut again);
    macro_rules! through {
        ($family:ident) => {{
            let message = $family::decode(number, &mut reader)?;
            message.write(&mut writer);
            assert_eq!(family.row(number).map(|row| row.name), Some(message.name()));
            format!("{message:?}")
        }};
    }
    let meaning = match family {
        Family::Client => through!(Client),
        Family::Panda3d => through!(Panda3d),
        Family::Otp => through!(Otp),
        Family::Toontown2003 => through!(Toontown2003),
        Family::ClientAgent => through!(ClientAgent),
        Family::StateServer => through!(StateServer),
        Family::DbStateServer => through!(DbStateServer),
        Family::Database => through!(Database),
        Family::Control => through!(Control),
    };
    reader.finish()?;
    Ok((meaning, again))
}

#[test]
fn golden_bytes_of_every_message() {
    const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/messages.txt");
    let text = std::fs::read_to_string(PATH).expect("the golden file");
    let update = std::env::var_os("DONET_UPDATE_GOLDEN").is_some();
    let mut seen = std::collections::BTreeSet::new();
    let mut updated = String::new();
    for entry in text.split_inclusive("\n\n") {
        let lines: Vec<&str> = entry.lines().filter(|line| !line.is_empty()).collect();
        if lines.first().is_none_or(|line| line.starts_with('#')) {
            updated.push_str(entry);
            continue;
        }
        let [name, bytes, meaning] = lines[..] else { panic!("three lines expected: {entry}") };
        let bytes: Vec<u8> = bytes
            .split_whitespace()
            .map(|byte| u8::from_str_radix(byte, 16).expect("hexadecimal bytes"))
            .collect();
        let row = row_named(name).unwrap_or_else(|| panic!("there is no {name}"));
        assert_eq!(u16::from_le_bytes([bytes[0], bytes[1]]), row.number, "{name}");
        let decoded = decode_and_encode(row.family, &bytes);
        let (found, again) = decoded.unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(again, bytes, "{name}");
        if update {
            updated.push_str(&entry.replace(meaning, &format!("  {found}")));
        } else {
            assert_eq!(found, meaning.trim(), "{name}");
        }
        seen.insert(name);
    }
    if update {
        std::fs::write(PATH, updated).expect("the golden file can be written");
    }
    for row in whole_table().filter(|row| row.family != Family::Panda3d) {
        assert!(seen.contains(row.name), "{} has no golden bytes", row.name);
    }
}
