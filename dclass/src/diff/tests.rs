//! Values that are carried, and verdicts.

use super::{Answer, Aspect, Carrier, ClassChange, Renames, Stored, Who, compare, fingerprint};
use crate::{DcFile, Source, parse};

fn dc(text: &str) -> DcFile {
    parse(&[Source::new("test.dc", text)]).unwrap_or_else(|errors| panic!("{errors}"))
}

/// Carries a value of field `f` in class `A`, as text.
fn carry_in(old: &str, new: &str, renames: &Renames, value: &str) -> Result<String, String> {
    let (old, new) = (dc(old), dc(new));
    let field = |dc: &DcFile| -> usize {
        let class = dc.class_by_name("A").expect("a class");
        class.fields().iter().position(|field| field.name() == "f").expect("a field")
    };
    let from = &old.class_by_name("A").expect("a class").fields()[field(&old)];
    let to = &new.class_by_name("A").expect("a class").fields()[field(&new)];
    let packed = from.parse(value).expect("a value");
    let carrier = Carrier { old: &old, renames };
    let carried = carrier.carry(from, to, &packed).map_err(|misfit| misfit.to_string())?;
    let mut text = to.format(&carried.value).expect("a value");
    let list = |set: &std::collections::BTreeSet<String>| {
        set.iter().cloned().collect::<Vec<_>>().join(" ")
    };
    if !carried.rounded.is_empty() {
        text = format!("{text} rounded {}", list(&carried.rounded));
    }
    if !carried.left_out.is_empty() {
        text = format!("{text} without {}", list(&carried.left_out));
    }
    Ok(text)
}

fn carry(old: &str, new: &str, value: &str) -> Result<String, String> {
    let class = |field: &str| format!("dclass A {{ {field} db; }};");
    carry_in(&class(old), &class(new), &Renames::default(), value)
}

#[test]
fn numbers_stay_the_same_numbers() {
    for (old, new, value, expected) in [
        ("uint8 f", "uint16 f", "7", "7"),
        ("int8 f", "int64 f", "-128", "-128"),
        ("uint64 f", "int64 f", "9223372036854775807", "9223372036854775807"),
        ("int16/10 f", "int32/100 f", "-25", "-250"),
        ("int32/100 f", "int16/10 f", "250", "25"),
        ("int32/100 f", "int16/10 f", "255", "26 rounded f"),
        ("int32/100 f", "int16/10 f", "-255", "-25 rounded f"),
        ("int16/10 f", "float64 f", "25", "2.5"),
        ("float64 f", "int16/10 f", "0.1", "1"),
        ("float64 f", "int16 f", "2.5", "3 rounded f"),
        ("float32 f", "float64 f", "0.5", "0.5"),
        ("float64 f", "float32 f", "0.1", "0.1 rounded f"),
        ("float64 f", "float32 f", "inf", "inf"),
        ("uint32 f", "float32 f", "16777217", "16777216 rounded f"),
        ("char f", "uint8 f", "'A'", "65"),
        ("uint16 f", "uint16%360 f", "370", "370"),
    ] {
        assert_eq!(carry(old, new, value).as_deref(), Ok(expected), "{old} → {new}: {value}");
    }
}

#[test]
fn what_does_not_fit_is_named() {
    for (old, new, value, expected) in [
        ("uint16 f", "uint8 f", "256", "f: 256 does not fit uint8, which holds 0 to 255"),
        (
            "int8 f",
            "uint64 f",
            "-1",
            "f: -1 does not fit uint64, which holds 0 to 18446744073709551615",
        ),
        (
            "uint16 f",
            "uint16/100 f",
            "656",
            "f: 656 does not fit uint16/100, which holds 0 to 655.35",
        ),
        (
            "float64 f",
            "int32 f",
            "nan",
            "f: nan does not fit int32, which holds -2147483648 to 2147483647",
        ),
        ("float64 f", "float32 f", "1e300", "f: 1.0e300 does not fit float32"),
        (
            "uint8 f",
            "uint8(0-5) f",
            "6",
            "f: f: value 6 is out of range, allowed: 0 to 5 (at offset 0)",
        ),
        ("string f", "string(0-2) f", "\"abc\"", "f: has 3 bytes, must have 0 to 2"),
        (
            "uint16 f[]",
            "uint8 f[]",
            "[1, 300]",
            "f[1]: 300 does not fit uint8, which holds 0 to 255",
        ),
        ("string f", "uint8 f", "\"a\"", "f: there is no way from the old type to the new one"),
        ("f(uint16 a, uint16 b)", "f(uint8 a, uint8 b)", "(1, 256)", "f.b: 256 does not fit"),
    ] {
        let why = carry(old, new, value).expect_err(old);
        assert!(why.starts_with(expected), "{old} → {new}: {why}");
    }
}

#[test]
fn bytes_and_arrays_keep_what_is_in_them() {
    for (old, new, value, expected) in [
        ("string f", "blob f", "\"AB\"", "<02004142>"),
        ("blob f", "string f", "<02004142>", "\"AB\""),
        ("blob f", "blob32 f", "<02004142>", "<020000004142>"),
        ("string f", "string(2) f", "\"AB\"", "\"AB\""),
        ("blob f", "uint8 f[]", "<02004142>", "[65, 66]"),
        ("uint8 f[]", "int16 f[]", "[1, 255]", "[1, 255]"),
        ("int16 f[]", "uint8 f[2]", "[1, 2]", "[1, 2]"),
        ("int16/10 f[]", "int16/100 f[]", "[25, 1]", "[250, 10]"),
        ("int16array f", "int32 f[]", "[1, -2]", "[1, -2]"),
        ("string f[]", "blob f[]", "[\"A\", \"\"]", "[<010041>, <0000>]"),
        ("uint16 f", "f(uint32 a)", "7", "(7)"),
        ("f(uint16 a)", "uint8 f", "(7)", "7"),
    ] {
        assert_eq!(carry(old, new, value).as_deref(), Ok(expected), "{old} → {new}: {value}");
    }
}

#[test]
fn parts_are_found_by_their_names() {
    for (old, new, value, expected) in [
        ("f(uint8 a, uint8 b)", "f(uint8 b, uint8 a)", "(1, 2)", "(2, 1)"),
        ("f(uint8 a, uint8 b)", "f(uint8 x, uint16 b)", "(1, 2)", "(1, 2)"),
        ("f(uint8 a)", "f(uint8 a, uint8 b = 9)", "(1)", "(1, 9)"),
        ("f(uint8 a, uint8 b)", "f(uint8 b)", "(1, 2)", "(2) without f.a"),
        ("f(string a)", "f(uint8 b = 4)", "(\"x\")", "(4) without f.a"),
        ("f(uint8, uint8)", "f(uint16, uint16)", "(1, 2)", "(1, 2)"),
    ] {
        assert_eq!(carry(old, new, value).as_deref(), Ok(expected), "{old} → {new}: {value}");
    }
    let old = "struct P { uint8 x; uint8 y; }; dclass A { f(P p[]) db; };";
    let new = "struct P { uint16 y; uint8 z = 5; uint8 w; }; dclass A { f(P p[]) db; };";
    let carried = carry_in(old, new, &Renames::default(), "([{1, 2}, {3, 4}])");
    assert_eq!(carried.as_deref(), Ok("([{2, 5, 0}, {4, 5, 0}]) without f.p[].x"));
    let mut renames = Renames::default();
    renames.field("P", "x", "w");
    let carried = carry_in(old, new, &renames, "([{1, 2}, {3, 4}])");
    assert_eq!(carried.as_deref(), Ok("([{2, 5, 1}, {4, 5, 3}])"));
}

#[test]
fn the_case_of_a_switch_is_kept() {
    let class =
        |cases: &str| format!("switch S (uint8 k) {{ {cases} }}; dclass A {{ f(S s) db; }};");
    let old = class("case 1: uint8 a; break; case 2: string b; break;");
    let new = class("case 2: string b; uint8 c = 3; break; case 1: uint16 a; break;");
    let none = Renames::default();
    assert_eq!(carry_in(&old, &new, &none, "({1, 7})").as_deref(), Ok("({1, 7})"));
    assert_eq!(carry_in(&old, &new, &none, "({2, \"x\"})").as_deref(), Ok("({2, \"x\", 3})"));
    let new = class("case 2: string b; break;");
    let why = carry_in(&old, &new, &none, "({1, 7})").expect_err("no such case");
    assert_eq!(why, "f.s: the switch has no case for this value");
}

fn answers(old: &str, new: &str) -> [Answer; 4] {
    let comparison = compare(&dc(old), &dc(new), &Renames::default(), |form, old, new| {
        let relevant = |text: &str| match form {
            Stored::Packed => text.replace(" m", ""),
            Stored::Text => text.replace(" m", "").replace("uint16", "uint8"),
        };
        relevant(old) == relevant(new)
    });
    let answer =
        |who| comparison.verdicts.iter().find(|verdict| verdict.who == who).expect("each").answer;
    [Who::Clients, Who::Servers, Who::Sql, Who::Yaml].map(answer)
}

#[test]
fn who_may_stay() {
    use Answer::{Mind, No, Yes};
    let old = "dclass A { a(uint8) broadcast; d(uint8) db; r(uint8) required ram; };";
    for (new, expected) in [
        (old, [Yes, Yes, Yes, Yes]),
        // Something at the end that clients never see.
        (
            "dclass A { a(uint8) broadcast; d(uint8) db; r(uint8) required ram; n(uint8) ram; };",
            [Mind, Mind, Yes, Yes],
        ),
        // The numbers of all that follow are others.
        (
            "dclass A { n(uint8) ram; a(uint8) broadcast; d(uint8) db; r(uint8) required ram; };",
            [No, No, Yes, Yes],
        ),
        // Clients never see the field.
        (
            "dclass A { a(uint8) broadcast; d(uint16) db; r(uint8) required ram; };",
            [Mind, No, No, Yes],
        ),
        (
            "dclass A { a(uint16) broadcast; d(uint8) db; r(uint8) required ram; };",
            [No, No, Yes, Yes],
        ),
        (
            "dclass A { a(uint8) broadcast; d(uint8/10) db; r(uint8) required ram; };",
            [Mind, No, No, No],
        ),
        // Another value comes with each object.
        (
            "dclass A { a(uint8) broadcast required; d(uint8) db; r(uint8) required ram; };",
            [No, No, Yes, Yes],
        ),
        (
            "dclass A { a(uint8) broadcast; d(uint8) db; r(uint8) required ram; }; dclass B { x(uint8) broadcast; };",
            [Mind, Mind, Yes, Yes],
        ),
        (
            "dclass A { a(uint8) broadcast; d(uint8) ram; r(uint8) required ram; };",
            [Mind, Yes, Mind, Mind],
        ),
        (
            "dclass A { a(uint8 n) broadcast; d(uint8 m) db; r(uint8 o) required ram; };",
            [Yes, Yes, Yes, Yes],
        ),
    ] {
        assert_eq!(answers(old, new), expected, "{new}");
    }
}

#[test]
fn a_class_has_its_number_whatever_fields_it_has() {
    use Answer::{Mind, No, Yes};
    // Whoever creates the object names it, and whoever is shown it is told it.
    let fields = ["", "a(uint8) ram;"];
    for fields in fields {
        let class = |name: &str| format!("dclass {name} {{ {fields} }};");
        let [a, gone, b] = ["A", "Gone", "B"].map(class);
        assert_eq!(answers(&format!("{a}{gone}{b}"), &format!("{a}{b}"))[..2], [No, No]);
        let at_the_end = answers(&format!("{a}{b}"), &format!("{a}{b}{gone}"));
        assert_eq!(at_the_end[..2], [Mind, Mind]);
        let gone_at_the_end = answers(&format!("{a}{b}{gone}"), &format!("{a}{b}"));
        assert_eq!(gone_at_the_end[1], if fields.is_empty() { Yes } else { Mind });
    }
}

#[test]
fn the_hash_is_not_said_to_be_another_one_where_it_is_the_same() {
    let files = ["f(uint8 x, uint8 y)", "f(uint8 y, uint8 x)"]
        .map(|field| dc(&format!("dclass A {{ {field} db; }};")));
    let compared = compare(&files[0], &files[1], &Renames::default(), |_, old, new| old == new);
    assert_eq!(compared.hashes.0, compared.hashes.1);
    let effects = compared.classes[0].fields[0].effects;
    assert_eq!((effects.wire, effects.hash, effects.stored), (true, false, true));
}

#[test]
fn who_takes_one_part_for_another_cannot_stay() {
    use Answer::{Mind, No, Yes};
    let [a, b] = ["uint8 a", "uint8 b"];
    for (types, field, expected) in [
        // Parameters, of the same type.
        ("", "f(1, 2) broadcast;", [No, No, Yes, Yes]),
        ("", "f(1, 2) db;", [Yes, No, No, No]),
        // Fields of a struct, at whatever depth.
        ("struct P { 1; 2; };", "f(P p) broadcast;", [No, No, Yes, Yes]),
        ("struct P { 1; 2; }; struct Q { P p[]; };", "f(Q q) db;", [Yes, No, No, No]),
        ("switch S (uint8 k) { case 1: 1; 2; break; };", "f(S s) broadcast;", [No, No, Yes, Yes]),
    ] {
        let text = |first: &str, second: &str| {
            format!("{types} dclass A {{ {field} }};").replace('1', first).replace('2', second)
        };
        let text = |first: &str, second: &str| {
            text(first, second).replace(&format!("case {first}"), "case 1")
        };
        let answers = answers(&text(a, b), &text(b, a));
        let answers = answers.map(|answer| if answer == Mind { Yes } else { answer });
        assert_eq!(answers, expected, "{types} {field}");
        // Other names in the same places are only names.
        let renamed = self::answers(&text(a, b), &text("uint8 c", b));
        assert!(!renamed[..2].contains(&No), "{types} {field}: {renamed:?}");
    }
    let verdicts = compare(
        &dc("dclass A { f(uint8 a, uint8 b) broadcast; };"),
        &dc("dclass A { f(uint8 b, uint8 c) broadcast; };"),
        &Renames::default(),
        |_, old, new| old == new,
    );
    let text = &verdicts.verdicts[0].reasons[0].text;
    assert_eq!(
        text,
        "the same bytes are other parts of the value, which are taken for each other: A.f"
    );
    let aspects = &verdicts.classes[0].fields[0].aspects;
    assert!(!aspects.iter().any(|aspect| matches!(aspect, Aspect::Names(..))), "{aspects:?}");
}

#[test]
fn a_part_of_what_is_stored_is_stored() {
    let old = "struct P { uint8 a; uint8 b; }; struct Q { P p; }; struct R { uint8 a; };";
    let new = "struct P { uint8 a; uint16 b; }; struct Q { P p; }; struct R { uint16 a; };";
    let class = "dclass A { f(Q[] list) db; g(R r) ram; };";
    let (old, new) = (dc(&format!("{old}{class}")), dc(&format!("{new}{class}")));
    let comparison = compare(&old, &new, &Renames::default(), |_, old, new| old == new);
    let stored = |class: &ClassChange| (class.name.clone(), class.fields[0].effects.stored);
    let stored: Vec<_> = comparison.classes.iter().map(stored).collect();
    assert_eq!(stored, [("P".to_owned(), true), ("R".to_owned(), false)]);
}

#[test]
fn nothing_cascades() {
    let field = |at: usize| format!("f{at}(uint8) broadcast;");
    let fields: String = (0..20).map(field).collect();
    let (old, new) =
        (format!("dclass A {{ {fields} }};"), format!("dclass A {{ x(uint8); {fields} }};"));
    let comparison = compare(&dc(&old), &dc(&new), &Renames::default(), |_, old, new| old == new);
    let [class] = &comparison.classes[..] else { panic!("{comparison:?}") };
    assert_eq!(class.fields.len(), 1);
    let moved = class.moved.as_ref().expect("all have moved");
    assert_eq!((moved.count, &moved.first), (20, &("f0".to_owned(), 0, 1)));
    assert_eq!(moved.last, ("f19".to_owned(), 19, 20));
}

#[test]
fn what_looks_renamed_is_said() {
    let old = "dclass Person { name(string) db; coins(uint32) db; };";
    let new = "dclass Player { name(string) db; gold(uint32) db; };";
    let comparison = compare(&dc(old), &dc(new), &Renames::default(), |_, old, new| old == new);
    assert_eq!(comparison.guesses(), ["Person: Player", "Person.coins: gold"]);
    let mut renames = Renames::default();
    renames.class("Person", "Player");
    renames.field("Person", "coins", "gold");
    let comparison = compare(&dc(old), &dc(new), &renames, |_, old, new| old == new);
    assert_eq!(comparison.guesses(), Vec::<String>::new());
}

#[test]
fn a_fingerprint_is_about_what_is_stored() {
    let of = |text: &str| fingerprint(&dc(text));
    let one = of("struct P { int8 x; }; dclass A { a(P p) db; b(uint8) ram; }; dclass B { };");
    assert_eq!(
        one,
        of("dclass B { }; struct P { int8 x; }; dclass A { b(uint16) ram; a(P p) db broadcast; };")
    );
    assert_ne!(
        one,
        of("struct P { int8 y; }; dclass A { a(P p) db; b(uint8) ram; }; dclass B { };")
    );
    assert_ne!(
        one,
        of("struct P { int8 x; }; dclass A { a(P q) db; b(uint8) ram; }; dclass B { };")
    );
    // It is kept with the values, so it must never change.
    assert_eq!(of("dclass A { a(uint8 x) db; };"), 12_496_391_065_418_134_267);
}

#[test]
fn a_default_that_nobody_can_read_changes_only_if_it_is_written_otherwise() {
    let defaults = |old: &str, new: &str| -> Vec<String> {
        let class = |field: &str| {
            dc(&format!(
                "typedef blob B = <ff>; struct S {{ blob v = <00ff>; uint8 n = 3; }}; dclass A {{ {field} db; }};"
            ))
        };
        let comparison =
            compare(&class(old), &class(new), &Renames::default(), |_, old, new| old == new);
        let aspects = comparison
            .classes
            .iter()
            .flat_map(|class| &class.fields)
            .flat_map(|field| &field.aspects);
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        aspects
            .filter_map(|aspect| match aspect {
                Aspect::Default(old, new) => Some(format!("{} → {}", text(old), text(new))),
                Aspect::Filled(new) => Some(format!("filled {new}")),
                _ => None,
            })
            .collect()
    };
    for same in [
        "blob v = <00ff10>",
        "f(uint8 a = 3, blob v = <00ff10>, uint8 b)",
        "B v",
        "S v",
        "blob v[] = [<00ff>, <01>]",
    ] {
        assert_eq!(defaults(same, same), Vec::<String>::new(), "{same}");
    }
    for (old, new, expected) in [
        ("blob v = <00ff10>", "blob v = <00FF11>", "<00ff10> → <00FF11>"),
        ("blob v = <00ff10>", "blob v = <010041>", "<00ff10> → <010041>"),
        ("blob v = \"A\"", "blob v = <00ff10>", "<010041> → <00ff10>"),
        ("string v = <0100>", "string v = <02ff>", "<0100> → <02ff>"),
        (
            "f(uint8 a = 3, blob v = <00ff10>, uint8 b = 4)",
            "f(uint8 a = 3, blob v = <00ff11>, uint8 b = 4)",
            "(3, <00ff10>, 4) → (3, <00ff11>, 4)",
        ),
        ("B v", "B v = <fe>", "<ff> → <fe>"),
        ("S v", "S v = { v = <00fe>, n = 3 }", "{<00ff>, 3} → [v = <00fe>, n = 3]"),
        ("uint8 x", "blob v = <00ff10>", " → <00ff10>"),
    ] {
        assert_eq!(defaults(old, new)[0], expected, "{old} → {new}");
    }
}

/// Files with so many classes, and a struct and a class with so many parts, of which `change` makes the old or new form.
fn many(count: usize, change: impl Fn(usize) -> (String, String)) -> String {
    let (mut text, mut fields, mut params) = (String::new(), String::new(), String::new());
    for at in 0..count {
        let (name, ty) = change(at);
        text += &format!(
            "struct S{name} {{ {ty} a; uint8 b; }};
            dclass C{name} {{ f{at}(S{name} s, uint8 n) broadcast db; g{at}({ty} a) required db; }};"
        );
        fields += &format!("f{name}({ty} a) broadcast db;");
        params += &format!("{}uint8 p{name}", if at > 0 { ", " } else { "" });
    }
    format!("{text} dclass Many {{ {fields} many({params}) broadcast db; }};")
}

#[test]
fn twice_as_much_takes_twice_as_long() {
    type Change = fn(usize) -> (String, String);
    let same: Change = |at| (at.to_string(), "uint8".to_owned());
    let forms: [(&str, Change); 4] = [
        ("the same", same),
        ("other types", |at| (at.to_string(), "uint16".to_owned())),
        ("other names", |at| (format!("x{at}"), "uint8".to_owned())),
        ("all gone, all new", |at| (format!("x{at}"), "string".to_owned())),
    ];
    for (what, form) in forms {
        let steps = |count: usize| {
            let (old, new) = (dc(&many(count, same)), dc(&many(count, form)));
            let compared =
                || drop(compare(&old, &new, &Renames::default(), |_, old, new| old == new));
            super::work::steps_of(compared)
        };
        let (few, twice) = (steps(100), steps(200));
        assert!(twice < 3 * few, "{what}: {few} steps, and {twice} for twice as much");
    }
}

/// Types that hold two of the one before, and so are written out twice as long: the innermost is `ty`.
fn doubled(form: &str, depth: usize, ty: &str, name: &str) -> String {
    let inner = |at: usize| if at == 0 { ty.to_owned() } else { format!("{name}{}", at - 1) };
    let outer =
        |at: usize| form.replace("NAME", &format!("{name}{at}")).replace("TYPE", &inner(at));
    let types: String = (0..depth).map(outer).collect();
    format!(
        "{types} dclass A {{ f({name}{0} x) broadcast db; {name}{0} g required db; }};",
        depth - 1
    )
}

#[test]
fn what_holds_two_of_the_one_before_is_looked_at_once() {
    for form in [
        "struct NAME { TYPE a; TYPE b; };\n",
        "switch NAME (uint8 k) { case 1: TYPE a; TYPE b; break; default: TYPE a; break; };\n",
        "switch NAME (uint8 k) { case 1: TYPE a; case 2: TYPE b; break; };\n",
    ] {
        for (ty, name) in [("uint8", "S"), ("uint16", "S"), ("uint8(0-50)", "S"), ("uint8", "T")] {
            let steps = |depth: usize| {
                let old = dc(&doubled(form, depth, "uint8", "S"));
                let new = dc(&doubled(form, depth, ty, name));
                let compared =
                    || drop(compare(&old, &new, &Renames::default(), |_, old, new| old == new));
                super::work::steps_of(compared)
            };
            let (few, twice) = (steps(4), steps(8));
            assert!(twice < 4 * few, "{form}{ty}: {few} steps, and {twice} for twice as deep");
        }
    }
}

#[test]
fn a_map_of_twice_as_many_fields_takes_twice_as_long() {
    let fields = |name: &str, count: usize| -> String {
        (0..count).map(|at| format!("uint8 {name}{at} db; ")).collect()
    };
    let class = |name: &str, count| dc(&format!("dclass A {{ {} }};", fields(name, count)));
    let steps = |count: usize| {
        let (old, new) = (class("old", count), class("new", count));
        let mut renames = Renames::default();
        (0..count).for_each(|at| renames.field("A", format!("old{at}"), format!("new{at}")));
        super::work::steps_of(|| assert_eq!(renames.problems(&old, &new), []))
    };
    let (few, twice) = (steps(100), steps(200));
    assert!((1..3 * few).contains(&twice), "{few} steps, and {twice} for twice as much");
}

#[test]
fn new_parts_beside_a_default_that_nobody_can_read_get_their_own() {
    let old = "f(uint8 a)";
    for (new, expected) in [
        ("f(uint8 a, uint8 b = 7)", Ok("(3, 7)")),
        // `a` keeps its value, and what its default is does not matter.
        ("f(uint8 b = 7, uint8 a)", Ok("(7, 3)")),
        ("f(string odd = <ff>, uint8 a)", Err("f.odd: it is new, and nobody can read the default")),
        ("f(blob odd = <0100>, uint8 a)", Err("f.odd: it is new, and nobody can read the default")),
        ("f(S odd, uint8 a)", Err("f.odd: it is new, and nobody can read the default")),
    ] {
        let with =
            |field: &str| format!("struct S {{ blob v = <00ff>; }}; dclass A {{ {field} db; }};");
        let carried = carry_in(&with(old), &with(new), &Renames::default(), "(3)");
        match (&carried, expected) {
            (Ok(carried), Ok(expected)) => assert_eq!(carried, expected, "{new}"),
            (Err(error), Err(expected)) => assert!(error.starts_with(expected), "{new}: {error}"),
            _ => panic!("{new}: {carried:?}"),
        }
    }
    // The one that is there already has such a default, and another one comes behind it.
    let old = "dclass A { f(uint8 a, blob odd = <00ff10>) db; };";
    let new = "dclass A { f(uint8 a, blob odd = <00ff10>, uint8 b = 7, string c = \"x\") db; };";
    let carried = carry_in(old, new, &Renames::default(), "(3, \"k\")");
    assert_eq!(carried.as_deref(), Ok("(3, <01006b>, 7, \"x\")"));
}

/// How many elements there are at each level is a limit of its own: nothing moves from one row to the next.
#[test]
fn rows_in_rows_go_along_level_by_level() {
    for (old, new, value, expected) in [
        ("int8 f[2][3]", "int16 f[2][3]", "[[1, 2, 3], [4, 5, 6]]", "[[1, 2, 3], [4, 5, 6]]"),
        ("int8 f[2][3]", "int8 f[][]", "[[1, 2, 3], [4, 5, 6]]", "[[1, 2, 3], [4, 5, 6]]"),
        ("int8 f[][]", "int8 f[2][3]", "[[1, 2, 3], [4, 5, 6]]", "[[1, 2, 3], [4, 5, 6]]"),
        ("string(2) f[2]", "string f[2]", "[\"ab\", \"cd\"]", "[\"ab\", \"cd\"]"),
    ] {
        assert_eq!(carry(old, new, value).as_deref(), Ok(expected), "{old} → {new}: {value}");
    }
    for (old, new, value, expected) in [
        (
            "int8 f[2][3]",
            "int8 f[3][2]",
            "[[1, 2, 3], [4, 5, 6]]",
            "f[0]: has 3 elements, must have 2",
        ),
        (
            "uint8 f[2][3]",
            "uint8 f[3][2]",
            "[[1, 2, 3], [4, 5, 6]]",
            "f[0]: has 3 bytes, must have 2",
        ),
        (
            "string(3) f[2]",
            "string(2) f[3]",
            "[\"abc\", \"def\"]",
            "f[0]: has 3 bytes, must have 2",
        ),
        (
            "int8 f[2][3]",
            "int8 f[6][1]",
            "[[1, 2, 3], [4, 5, 6]]",
            "f[0]: has 3 elements, must have 1",
        ),
        ("int8 f[2]", "int8 f[3]", "[1, 2]", "f: has 2 elements, must have 3"),
        ("int8 f[]", "int16 f[2-3]", "[1]", "f: has 1 element, must have 2 to 3"),
    ] {
        assert_eq!(carry(old, new, value).expect_err(old), expected, "{old} → {new}: {value}");
        // The page says the same.
        let class = |field: &str| dc(&format!("dclass A {{ {field} db; }};"));
        let compared = compare(&class(old), &class(new), &Renames::default(), |_, _, _| false);
        let aspects = &compared.classes[0].fields[0].aspects;
        let is_told =
            |aspect: &Aspect| matches!(aspect, Aspect::Type(change) if change.is_narrower);
        assert!(aspects.iter().any(is_told), "{old} → {new}: {aspects:?}");
    }
}

#[test]
fn numbers_are_shown_with_no_more_digits_than_they_need() {
    for (old, new, value, expected) in [
        ("float64 f", "float32 f", "1e300", "f: 1.0e300 does not fit float32"),
        ("float64 f", "int8 f", "-1e-300", "-0"),
        ("float32 f", "int8 f", "1e38", "f: 1.0e38 does not fit int8, which holds -128 to 127"),
        ("float32 f", "int8 f", "1000.1", "f: 1000.1 does not fit int8, which holds -128 to 127"),
    ] {
        let carried = carry(old, new, value);
        let said = carried.as_ref().err().map_or("-0", String::as_str);
        assert_eq!(said, expected, "{old} → {new}: {carried:?}");
    }
    let class = |range: &str| dc(&format!("dclass A {{ float64({range}) f db; }};"));
    let compared =
        compare(&class("0-1.0e300"), &class("0-1.0e301"), &Renames::default(), |_, _, _| true);
    let text = format!("{compared:?}");
    assert!(text.contains("range 0 to 1.0e300 → 0 to 1.0e301: all values fit"), "{text}");
}
