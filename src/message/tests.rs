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
    Ok(())
}

proptest! {
    #[test]
    fn encode_of_decode_is_identity(body in prop::collection::vec(any::<u8>(), 0..80)) {
        for row in table() {
            check_identity(row.number, &body)?;
        }
    }

    #[test]
    fn small_numbers_reach_the_counted_layouts(body in prop::collection::vec(0u8..4, 0..80)) {
        for row in table() {
            check_identity(row.number, &body)?;
        }
    }
}

/// Decodes number and arguments, whichever family they belong to, and encodes them again.
fn decode_and_encode(bytes: &[u8]) -> Result<(String, Vec<u8>), Error> {
    let mut reader = Reader::new(bytes);
    let number = reader.u16()?;
    let mut again = Vec::new();
    let mut writer = Writer::new(&mut again);
    macro_rules! through {
        ($family:ident) => {{
            let message = $family::decode(number, &mut reader)?;
            message.write(&mut writer);
            assert_eq!(name_of(message.number()), message.name());
            format!("{message:?}")
        }};
    }
    let meaning = match Family::of(number).ok_or(Error::UnknownType(number))? {
        Family::Client => through!(Client),
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
        let (found, again) = decode_and_encode(&bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(name_of(u16::from_le_bytes([bytes[0], bytes[1]])), name);
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
    for row in table() {
        assert!(seen.contains(row.name), "{} has no golden bytes", row.name);
    }
}
