//! Input made to exhaust memory, stack or time gets an error, or is read in no time.

use dclass::{DcFile, Diagnostics, FieldId, Options, Source, StringEncoding, ValueError};
use dclass::{format_source, parse, parse_with, read};
use std::fmt::Write;

fn load(text: impl Into<Vec<u8>>) -> Result<DcFile, Diagnostics> {
    parse(&[Source::new("test.dc", text)])
}

#[track_caller]
fn refused(text: impl Into<Vec<u8>>, why: &str) {
    let text = text.into();
    let error = load(text.clone()).expect_err(why).to_string();
    assert!(error.contains(why), "expected {why:?} in:\n{error}");
    let _ = format_source(&Source::new("test.dc", text));
}

#[test]
fn brackets_within_brackets() {
    for open in ["[", "{", "("] {
        let text = format!("dclass A {{ uint8 x[] = {}; }};", open.repeat(10_000));
        refused(text, "nested too deep");
    }
    refused(format!("dclass A {{ f({} }};", "struct { ".repeat(10_000)), "nested too deep");
    let text = format!("dclass A {{ f({} }};", "switch (uint8) { case 1: ".repeat(10_000));
    refused(text, "nested too deep");
    let text = format!("dclass A {{ uint16 x{}; }};", "[1]".repeat(10_000));
    refused(text, "nested more than");
    assert!(load("{".repeat(100_000)).is_err());
    assert!(load("dclass A {".repeat(100_000)).is_err());
    assert!(load("}".repeat(100_000)).is_err());
    assert!(load("dclass A { f(".repeat(20_000)).is_err());
}

#[test]
fn structs_within_structs() {
    let mut chain = "struct S0 { uint8 x; };\n".to_owned();
    let mut doubling = chain.clone();
    let mut empty = "struct S0 {};\n".to_owned();
    for i in 1..2_000 {
        let last = i - 1;
        let _ = writeln!(chain, "struct S{i} {{ S{last} x; }};");
        let _ = writeln!(doubling, "struct S{i} {{ S{last} x; S{last} y; }};");
        let _ = writeln!(empty, "struct S{i} {{ S{last} x; S{last} y; }};");
    }
    refused(chain, "nested more than");
    refused(doubling, "more than 65536 parts");
    refused(empty, "more than 65536 parts");
}

#[test]
fn large_sizes() {
    refused("dclass A { uint8 x[65535][65535]; };", "no message can hold");
    refused("dclass A { uint8 x[65536]; };", "no message can hold");
    refused("dclass A { f(blob(40000) x, blob(40000) y); };", "no message can hold");
    refused("dclass A { string x[4000000000]; };", "no message can hold");
    refused("dclass A { string(99999999999) x; };", "a size must be");
    let file = load("dclass A { uint8 x[65535]; string(0-4000000000) y; };").unwrap();
    assert_eq!(file.field(FieldId(0)).unwrap().fixed_size(), Some(65535));
}

#[test]
fn large_defaults() {
    refused("dclass A { uint8 x[] = [0 * 4000000000]; };", "larger than 65535 bytes");
    refused("dclass A { uint8 x[] = [0 * 18446744073709551615]; };", "larger than 65535 bytes");
    refused("dclass A { uint8 x[][] = [[0 * 60000] * 4000000000]; };", "larger than 65535");
    let mut text = "dclass A {\n".to_owned();
    for i in 0..60_000 {
        let _ = writeln!(text, "uint8 x{i}[65000];");
    }
    refused(text + "};", "default values have more than");
}

#[test]
fn large_numbers() {
    refused("dclass A { uint8(0-18446744073709551616) x; };", "too large");
    refused("dclass A { uint8(0-0xfffffffffffffffff) x; };", "too large");
    refused("dclass A { uint8/99999999999 x; };", "a divisor must be");
    refused("dclass A { uint8/0 x; };", "a divisor must be");
    refused("dclass A { uint8%0 x; };", "modulus");
    refused("dclass A { float64(1.e400) x; };", "range is too large");
    refused("dclass A { float64(nan) x; };", "range");
    refused("dclass A { float64 x = inf; };", "finite");
    refused("dclass A { int64/4294967295 x = 9223372036854775807; };", "does not fit");
    assert!(
        load("dclass A { int64/4294967295(-9223372036854775808 - 9223372036854775807) x; };")
            .is_ok()
    );
}

#[test]
fn too_many_ids() {
    let mut fields = "dclass A {\n".to_owned();
    let mut classes = String::new();
    for i in 0..65_536 {
        let _ = writeln!(fields, "f{i}();");
        let _ = writeln!(classes, "dclass C{i} {{}};");
    }
    let all = load(fields.clone() + "};").unwrap();
    assert!(all.field(FieldId(u16::MAX)).is_some());
    refused(fields + "g(); };", "more than 65536 fields");
    refused(classes.clone(), "more than 65535 classes");
    classes.truncate(classes.trim_end().rfind('\n').unwrap());
    assert!(load(classes).is_ok());
}

#[test]
fn inheritance_that_multiplies() {
    let mut text = "dclass A {\n".to_owned();
    (0..10_000).for_each(|i| writeln!(text, "f{i}();").unwrap());
    text.push_str("};\n");
    (0..10_000).for_each(|i| writeln!(text, "dclass B{i} : A {{}};").unwrap());
    refused(text, "classes inherit more than");
    let text = format!("dclass A {{ f(); }}; dclass B : {} {{}};", ["A"; 100_000].join(", "));
    assert!(load(text).is_ok());
}

#[test]
fn size_of_the_whole() {
    refused(vec![b' '; 100 << 20], "larger than");
    assert!(load(vec![b';'; 2 << 20]).is_ok());
    assert!(load(vec![b'['; 1 << 20]).is_err());
    assert!(load(vec![b'a'; 1 << 20]).is_err());
    assert!(load("dclass A { f(); };".repeat(50_000)).is_err());
    assert!(load("x ".repeat(500_000)).is_err());
    assert!(load("dclass A {".to_owned() + &"x ".repeat(500_000)).is_err());
    assert!(load("dclass A { f(".to_owned() + &"uint8,".repeat(200_000)).is_err());
    assert!(load("dclass A { f() ".to_owned() + &"unknown ".repeat(200_000)).is_err());
    assert!(load("dclass A { uint8 x[] = [".to_owned() + &"1,".repeat(200_000)).is_err());
}

#[test]
fn bytes_that_are_no_text() {
    refused(b"dclass \xff {};".to_vec(), "not valid UTF-8");
    refused(b"dclass A { string x = \"\xff\"; };".to_vec(), "not valid UTF-8");
    refused("dclass Ä {};", "unexpected character `Ä`");
    refused(b"\0".to_vec(), "unexpected character");
    refused(b"\x0c".to_vec(), "unexpected character");
    let file = load(b"// caf\xe9\ndclass A {};".to_vec()).unwrap();
    assert!(file.warnings().to_string().contains("not valid UTF-8"));
    let marked = load("\u{feff}dclass A {};").unwrap();
    assert_eq!(marked.hash(), load("dclass A {};").unwrap().hash());
}

#[test]
fn what_is_never_closed() {
    refused("dclass A { /* f(); };", "comment is never closed");
    refused("/*", "comment is never closed");
    refused("/*/", "comment is never closed");
    refused("dclass A { string x = \"abc", "quotation is never closed");
    refused("dclass A { string x = \"abc\\", "quotation is never closed");
    refused("dclass A { blob x = <00", "not a hex string");
    refused("dclass A { f();", "this class is never closed");
    refused("switch (uint8) {", "expected `}`");
}

#[test]
fn files_that_cannot_be_read() {
    let error = read(&["/there/is/no/such.dc", "/nor/this.dc"]).unwrap_err();
    assert_eq!(error.len(), 2);
    assert!(error.to_string().contains("such.dc"), "{error}");
}

#[test]
fn switches_that_share_fields() {
    let mut text = "dclass A { f(switch (uint16) {\n".to_owned();
    (0..60_000).for_each(|i| writeln!(text, "case {i}: uint8 x{i};").unwrap());
    refused(text + "} x); };", "too large");
}

#[test]
fn malformed_arrays() {
    let text = "dclass A { f(uint16 x[]); g(string x[]); h(string x[2]); };";
    let options = Options { string_encoding: StringEncoding::Ascii };
    let file = parse_with(&[Source::new("test.dc", text)], options).unwrap();
    let field = |id| file.field(FieldId(id)).unwrap();
    let malformed = |id: u16, bytes: &[u8]| {
        let error = field(id).validate(bytes).unwrap_err();
        assert!(matches!(error, ValueError::Malformed { .. }), "{error}");
    };
    malformed(0, &[3, 0, 1, 2, 3]);
    // The element would reach beyond the length tag, into bytes that are there.
    malformed(1, &[3, 0, 2, 0, b'a', b'b', 0, 0]);
    assert!(field(1).validate(&[3, 0, 2, 0]).unwrap_err().is_truncated());
    let constraint = field(2).validate(&[3, 0, 1, 0, b'a']).unwrap_err();
    assert!(matches!(constraint, ValueError::Constraint { .. }), "{constraint}");
}

/// Any number of elements without bytes is no byte: there is one value, and nothing to count or to divide by.
#[test]
fn arrays_of_nothing() {
    let file = load(
        "struct E {}; struct N { E a; E b[2]; f(); };
        dclass A { f(E v[]); g(E v[3]); h(N v[2-5]); i(E v[4000000000]); j(E v[][2], E w[2][]);
            k(switch (f()) { case (): E e; } s[]); };",
    )
    .unwrap();
    let class = file.class_by_name("A").unwrap();
    let field = |name: &str| class.field_by_name(name).unwrap();
    for (name, value, text) in [
        ("f", &[0, 0][..], "([])"),
        ("g", &[], "([])"),
        ("h", &[0, 0], "([])"),
        ("i", &[], "([])"),
        ("j", &[0, 0, 4, 0, 0, 0, 0, 0], "([], [[], []])"),
        ("k", &[0, 0], "([])"),
    ] {
        let field = field(name);
        assert_eq!(field.implicit_value(), value, "{name}");
        assert_eq!(field.validate_all(value), Ok(()), "{name}");
        assert_eq!(field.format(value).unwrap(), text, "{name}");
        assert_eq!(field.parse(text).unwrap(), value, "{name}");
    }
    for name in ["f", "h", "k"] {
        for length in [1u8, 2, 255] {
            let value = [&[length, 0][..], &vec![0; length.into()]].concat();
            let error = field(name).validate(&value).unwrap_err();
            assert!(matches!(error, ValueError::Malformed { .. }), "{name} {error}");
            let error = field(name).format(&value).unwrap_err();
            assert!(matches!(error, ValueError::Malformed { .. }), "{name} {error}");
        }
        assert!(field(name).validate(&[1, 0]).unwrap_err().is_truncated());
    }
    assert_eq!(field("f").parse("([{}, {} * 4000000000])").unwrap(), [0, 0]);
    assert!(load("struct E {}; dclass A { E v[] = [{} * 18446744073709551615]; };").is_ok());
}

#[test]
fn repetitions_in_any_brackets() {
    refused("dclass A { blob x = {0 * 4000000000}; };", "larger than 65535 bytes");
    refused(
        "struct S { uint8 a; }; dclass A { S x = (1 * 18446744073709551615); };",
        "values for 1",
    );
    refused(
        "struct S { uint8 a; }; dclass A { S x = {1 * 18446744073709551615, 1}; };",
        "values for",
    );
    refused("dclass A { uint8 x = 1 * 18446744073709551615; };", "takes one value");
    refused("dclass A { switch (uint8) { case 1 : } x = {1 * 99999999999}; };", "values for 1");
}
