use super::*;

/// Calls a hook for a field with a value, that returns what a function makes of the arguments.
fn through(field: &str, value: &[u8], body: &str) -> Result<Verdict, Fault> {
    let mut stage = stage(&format!(
        "donet.on_field('Avatar.{field}', function(client, object, ...)\n{body}\nend)"
    ));
    stage.set("Avatar", field, value)
}

#[test]
fn every_value_comes_back_as_it_was() {
    let item = |name: &str, marks: &[u8]| {
        let mut bytes = vec![7, 0, name.len() as u8, 0];
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(&[1, 0, 0xff, 0xff, marks.len() as u8, 0]);
        bytes.extend_from_slice(marks);
        bytes
    };
    let items = [item("a", b""), item("bc", b"\0\xff")].concat();
    let items = [&(items.len() as u16).to_le_bytes()[..], &items].concat();
    let mut all = vec![0x80, 9];
    all.extend_from_slice(&i64::MIN.to_le_bytes());
    all.extend_from_slice(&u64::MAX.to_le_bytes());
    all.extend_from_slice(&0.1f64.to_le_bytes());
    all.extend_from_slice(b"q\x03\0\0\xfe\xff\x01\0\x02\0");
    let values: [(&str, &[u8]); 6] = [
        ("setXY", &[0xff, 0x7f, 0, 0x80]),
        ("setH", &[100, 0]),
        ("setItems", &items),
        ("setAll", &all),
        ("nothing", &[]),
        ("money", &[0xff; 4]),
    ];
    for (field, value) in values {
        let verdict = through(field, value, "return donet.change(...)");
        assert_eq!(verdict, Ok(Verdict::Change(value.to_vec())), "{field}");
    }
}

#[test]
fn values_are_what_people_mean() {
    let cases: [(&str, &[u8], &str); 8] = [
        ("setXY", &[15, 0, 0xfb, 0xff], "local x, y = ... assert(x == 1.5 and y == -0.5)"),
        ("setXY", &[10, 0, 0, 0], "assert(math.type((...)) == 'float')"),
        ("nothing", &[], "assert(select('#', ...) == 0)"),
        ("money", &[0xff; 4], "assert(... == 4294967295 and math.type((...)) == 'integer')"),
        (
            "setItems",
            b"\x0e\0\x07\0\x02\0bc\x01\0\x02\0\x02\0\x01\x02",
            "local items = ...
            assert(#items == 1 and items[1].kind == 7 and items[1].name == 'bc')
            assert(items[1].at.x == 0.1 and items[1].at.y == 0.2 and items[1].marks == '\\1\\2')",
        ),
        (
            "setAll",
            b"\xff\x05\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\xf0\x3fA\0\0\x01\0\x02\0",
            "local a, b, c, d, e, f, g, h = ...
            assert(a == -1 and b == 5 and c == -1 and d == -2 and string.format('%x', d) == 'fffffffffffffffe')
            assert(e == 1.0 and f == 65 and g == '' and h[1] == 1 and h[2] == 2 and #h == 2)",
        ),
        ("setH", &[0, 0], "assert(... == 0)"),
        ("setXY", &[1, 0, 2, 0], "assert(select('#', ...) == 2)"),
    ];
    for (field, value, body) in cases {
        assert_eq!(through(field, value, body), Ok(Verdict::Pass), "{field}: {body}");
    }
}

#[test]
fn whatever_means_the_same_is_packed_the_same() {
    let changes: [(&str, &str, &[u8]); 12] = [
        ("setXY", "donet.change(1, -1)", &[10, 0, 0xf6, 0xff]),
        // Rounded, as in DC files.
        ("setXY", "donet.change(0.26, 0.24)", &[3, 0, 2, 0]),
        ("setH", "donet.change(370)", &[100, 0]),
        ("setH", "donet.change(-10)", &[0xac, 0x0d]),
        ("money", "donet.change(2.0)", &[2, 0, 0, 0]),
        ("money", "donet.change(2^32 - 1)", &[0xff; 4]),
        ("setItems", "donet.change({})", &[0, 0]),
        (
            "setItems",
            "donet.change({{kind = 1, name = '', at = {0, 0}, marks = '\\1'}})",
            b"\x0b\0\x01\0\0\0\0\0\0\0\x01\0\x01",
        ),
        (
            "setItems",
            "donet.change({{1, '', {x = 0, y = 0}, '\\1'}})",
            b"\x0b\0\x01\0\0\0\0\0\0\0\x01\0\x01",
        ),
        (
            "setAll",
            "donet.change(1, 1, 1, -1, 1, 'A', '', {1, 2})",
            b"\x01\x01\x01\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\xf0\x3fA\0\0\x01\0\x02\0",
        ),
        ("nothing", "donet.change()", &[]),
        ("setName", "donet.change('\\u{e9}')", b"\x02\0\xc3\xa9"),
    ];
    for (field, change, packed) in changes {
        let mut stage =
            stage(&format!("donet.on_field('Avatar.{field}', function() return {change} end)"));
        let value = stage.dc.class_by_name("Avatar").and_then(|class| class.field_by_name(field));
        let value = value.expect("a field").implicit_value().to_vec();
        let verdict = stage.set("Avatar", field, &value);
        assert_eq!(verdict, Ok(Verdict::Change(packed.to_vec())), "{field}: {change}");
    }
}

#[test]
fn a_wrong_value_says_where_it_is_and_what_is_expected() {
    let wrong = [
        ("setXY", "1", "Avatar.setXY: found 1, expected 2 values"),
        ("setXY", "1, 2, 3", "Avatar.setXY: found 3, expected 2 values"),
        ("setXY", "'a', 2", "Avatar.setXY.x: found \"a\", expected a number, -3276.8 to 3276.7"),
        ("setXY", "0, 4000", "Avatar.setXY.y: found 4000, expected a number, -3276.8 to 3276.7"),
        ("setXY", "0/0, 1", "Avatar.setXY.x: found nan, expected a number, -3276.8 to 3276.7"),
        ("setXY", "nil, 1", "Avatar.setXY.x: found nothing, expected a number, -3276.8 to 3276.7"),
        ("money", "1.5", "Avatar.money: found 1.5, expected a whole number, 0 to 4294967295"),
        ("money", "-1", "Avatar.money: found -1, expected a whole number, 0 to 4294967295"),
        ("money", "true", "Avatar.money: found true, expected a whole number, 0 to 4294967295"),
        ("money", "{1}", "Avatar.money: found a table, expected a whole number, 0 to 4294967295"),
        ("setName", "5", "Thing.setName.name: found 5, expected a string"),
        ("setName", "'\\xff'", "Thing.setName.name: string is not valid UTF-8 (byte 0xff)"),
        (
            "setName",
            "string.rep('x', 65536)",
            "Thing.setName.name: 65536 bytes are more than the 65535 that fit",
        ),
        (
            "setAll",
            "0, 7, 0, 0, 0, 0, '', {}",
            "Avatar.setAll.b: found 7, expected a whole number, 1 to 5, 9",
        ),
        (
            "setAll",
            "0, 1, 0, 0, 0, 'ab', '', {}",
            "Avatar.setAll.f: found \"ab\", expected a whole number, 0 to 255",
        ),
        ("setAll", "0, 1, 0, 0, 1/0, 0, '', {}", "Avatar.setAll.e: found inf, expected a number"),
        ("setAll", "0, 1, 0, 0, 0, 0, '', {1}", "Avatar.setAll.h: found 1 elements, expected 2"),
        (
            "setItems",
            "{{kind = 1, name = 'a', at = {1, 'b'}, marks = ''}}",
            "Avatar.setItems.items[1].at.y: found \"b\", expected a number, -3276.8 to 3276.7",
        ),
        ("setItems", "{{kind = 1}}", "Avatar.setItems.items[1].name: it is missing"),
        (
            "setItems",
            "{{kid = 1}}",
            "Avatar.setItems.items[1]: there is no `kid`, but kind, name, at, marks",
        ),
        (
            "setItems",
            "{[2] = 1}",
            "Avatar.setItems.items: found a list with holes, expected a list",
        ),
        (
            "setItems",
            "{[true] = 1}",
            "Avatar.setItems.items: found a table with the key true, expected a list",
        ),
        ("setItems", "print", "Avatar.setItems.items: found a function, expected a list"),
    ];
    for (field, values, expected) in wrong {
        let lines = format!("\ndonet.update(5, 'Avatar.{field}', {values})");
        let fault = fault_in_call(&lines);
        assert_eq!(fault, format!("game.lua:3: donet.update: {expected}"), "{field}: {values}");
    }
}

#[test]
fn a_value_that_holds_itself_is_wrong_and_no_more() {
    let fault = fault_in_call("local t = {} t[1] = t donet.update(5, 'Avatar.setItems', t)");
    assert!(fault.contains("Avatar.setItems.items[1]"), "{fault}");
    // Two of itself in each of its tables would be more than anybody can count.
    let fault = fault_in_call(
        "local t = {} for i = 1, 60 do t = {t, t} end donet.update(5, 'Avatar.setItems', t)",
    );
    assert!(fault.contains("it takes more than 100000 instructions"), "{fault}");
}
