//! Packed values and what programs have, both ways.

use dclass::{Data, DcFile, Field, Row, Source, parse};

const DC: &str = "
    struct Pair { uint8 a; string; };
    dclass A {
        plain(int8 a, uint64 b, float32 c, char d, string e);
        scaled(uint16/100 a, int16/10 % 360 b, float64 c);
        rows(uint16 a[2], uint8 b[], string c[], Pair d);
        choice(switch (uint8 kind) { case 1: uint16 number; break; case 2: string text; break; default: break; } what);
        x(uint8 x) ram;
        y(uint8 y = 4) ram;
        both : x, y;
    };";

fn with<R>(name: &str, look: impl FnOnce(&Field) -> R) -> R {
    let dc: DcFile = parse(&[Source::new("test.dc", DC)]).expect("valid");
    look(dc.class_by_name("A").and_then(|class| class.field_by_name(name)).expect("a field"))
}

fn bytes(bytes: &[u8]) -> Data<'_> {
    Data::Bytes(bytes.into())
}

fn list(list: Vec<Data<'_>>) -> Data<'_> {
    Data::Row(Row { list, named: Vec::new() })
}

fn named<'a>(all: Vec<(&'a str, Data<'a>)>) -> Data<'a> {
    let named = all.into_iter().map(|(name, value)| (name.into(), value));
    Data::Row(Row { list: Vec::new(), named: named.collect() })
}

/// Values that mean each other.
fn same(name: &str, packed: &[u8], data: &[Data<'_>]) {
    with(name, |field| {
        assert_eq!(field.unpack(packed).expect(name), data, "{name}");
        assert_eq!(field.pack(data).expect(name), packed, "{name}");
        assert_eq!(field.argument_count(), data.len());
        for length in 0..packed.len() {
            assert!(field.unpack(&packed[..length]).is_err(), "{name}: {length}");
        }
        let longer = [packed, b"x"].concat();
        assert!(field.unpack(&longer).is_err(), "{name}");
    });
}

#[test]
fn what_is_unpacked_is_packed_again() {
    use Data::{Integer, Real};
    same(
        "plain",
        b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\x3fA\x02\0hi",
        &[Integer(-2), Integer(-1), Real(0.5), Integer(65), bytes(b"hi")],
    );
    let scaled = [&b"\x96\0\xf4\x01"[..], &2.5f64.to_le_bytes()].concat();
    same("scaled", &scaled, &[Real(1.5), Real(50.0), Real(2.5)]);
    // A struct with a field that has no name is a list.
    same(
        "rows",
        b"\x01\0\x02\0\x02\0\xff\0\x04\0\0\0\0\0\x07\x01\0z",
        &[
            list(vec![Integer(1), Integer(2)]),
            bytes(b"\xff\0"),
            list(vec![bytes(b""), bytes(b"")]),
            list(vec![Integer(7), bytes(b"z")]),
        ],
    );
    let number = named(vec![("kind", Integer(1)), ("number", Integer(513))]);
    same("choice", b"\x01\x01\x02", &[number]);
    let text = named(vec![("kind", Integer(2)), ("text", bytes(b"hi"))]);
    same("choice", b"\x02\x02\0hi", &[text]);
    same("choice", b"\x09", &[named(vec![("kind", Integer(9))])]);
    same("both", &[1, 2], &[Integer(1), Integer(2)]);
}

#[test]
fn the_same_can_be_said_in_other_ways() {
    use Data::{Integer, Real};
    let packs = |name: &str, data: &[Data<'_>], packed: &[u8]| {
        with(name, |field| assert_eq!(field.pack(data).expect(name), packed, "{name}: {data:?}"));
    };
    packs("x", &[Real(3.0)], &[3]);
    packs("choice", &[list(vec![Integer(1), Integer(2)])], b"\x01\x02\0");
    // Wrapped at the modulus, and rounded.
    let scaled = [&b"\x01\0\xac\x0d"[..], &3f64.to_le_bytes()].concat();
    packs("scaled", &[Real(0.014), Integer(-10), Integer(3)], &scaled);
    let pair = named(vec![("a", Integer(7))]);
    let Data::Row(mut row) = pair else { unreachable!() };
    row.list = vec![Integer(0), bytes(b"z")];
    with("rows", |field| {
        let first = list(vec![Integer(1), Integer(2)]);
        let all = [first, bytes(b""), list(Vec::new()), Data::Row(row)];
        let error = field.pack(&all).expect_err("too many");
        assert_eq!(error.to_string(), "rows.d: found 3 values, expected 2");
    });
}

#[test]
fn what_does_not_fit_is_named_with_its_place() {
    use Data::{Integer, Other, Real};
    let wrong = |name: &str, data: &[Data<'_>], expected: &str| {
        with(name, |field| {
            let error = field.pack(data).expect_err(expected);
            assert_eq!(error.to_string(), expected);
        });
    };
    wrong("x", &[Integer(256)], "x.x: found 256, expected a whole number, 0 to 255");
    wrong("x", &[Real(1.5)], "x.x: found 1.5, expected a whole number, 0 to 255");
    wrong("x", &[Real(f64::NAN)], "x.x: found nan, expected a whole number, 0 to 255");
    wrong("x", &[Other("nothing".into())], "x.x: found nothing, expected a whole number, 0 to 255");
    wrong("x", &[], "x: found 0, expected 1 value");
    wrong("both", &[Integer(1)], "both: found 1, expected 2 values");
    wrong(
        "both",
        &[Integer(1), Integer(-1)],
        "both.y.y: found -1, expected a whole number, 0 to 255",
    );
    let other = named(vec![("kind", Integer(1)), ("text", bytes(b"x"))]);
    wrong("choice", &[other], "choice.what: there is no `text`, but kind, number");
    wrong("choice", &[named(Vec::new())], "choice.what.kind: it is missing");
    wrong("choice", &[Integer(1)], "choice.what: found 1, expected a table");
    let float = [Real(0.0), Integer(0), Real(f64::INFINITY)];
    wrong("scaled", &float, "scaled.c: found inf, expected a number");
    let large = [Real(655.36), Integer(0), Real(0.0)];
    wrong("scaled", &large, "scaled.a: found 655.36, expected a number, 0 to 655.35");
}
