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
