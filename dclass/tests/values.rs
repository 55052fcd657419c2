//! Values of random types: what a plain model packs and writes is what the library makes of it.

use dclass::{ClassId, DcFile, Field, FieldId, Options, Source, StringEncoding, ValueError};
use dclass::{fuzz, parse, parse_with};
use proptest::prelude::*;

/// A type, as the model sees it.
#[derive(Clone, Debug)]
enum Model {
    /// Signed or not, bytes.
    Int(bool, u32),
    Float,
    Char,
    String,
    FixedString(usize),
    Blob,
    Array(Box<Model>),
    FixedArray(Box<Model>, usize),
    Struct(Vec<Model>),
}

impl Model {
    fn fixed(&self) -> bool {
        match self {
            Model::Int(..) | Model::Float | Model::Char | Model::FixedString(_) => true,
            Model::String | Model::Blob | Model::Array(_) => false,
            Model::FixedArray(element, _) => element.fixed(),
            Model::Struct(fields) => fields.iter().all(Model::fixed),
        }
    }

    /// The declaration's type and dimensions. Structs are declared in `before`.
    fn declare(&self, before: &mut String, count: &mut usize) -> (String, String) {
        match self {
            Model::Int(signed, size) => {
                let sign = if *signed { "" } else { "u" };
                (format!("{sign}int{}", size * 8), String::new())
            }
            Model::Float => ("float64".to_owned(), String::new()),
            Model::Char => ("char".to_owned(), String::new()),
            Model::String => ("string".to_owned(), String::new()),
            Model::FixedString(len) => (format!("string({len})"), String::new()),
            Model::Blob => ("blob".to_owned(), String::new()),
            Model::Array(element) => {
                let (base, dims) = element.declare(before, count);
                (base, format!("[]{dims}"))
            }
            Model::FixedArray(element, len) => {
                let (base, dims) = element.declare(before, count);
                (base, format!("[{len}]{dims}"))
            }
            Model::Struct(fields) => {
                let mut body = String::new();
                for (i, field) in fields.iter().enumerate() {
                    let (base, dims) = field.declare(before, count);
                    body.push_str(&format!("{base} x{i}{dims}; "));
                }
                *count += 1;
                before.push_str(&format!("struct S{count} {{ {body}}};\n"));
                (format!("S{count}"), String::new())
            }
        }
    }

    /// Whether an array of it is written like one: not like a string or blob.
    fn is_plain(&self) -> bool {
        !matches!(self, Model::Char | Model::Int(false, 1))
    }

    /// Packs a value chosen by `seed` and writes its text.
    fn make(&self, seed: &mut Seed, bytes: &mut Vec<u8>, text: &mut String) {
        match self {
            Model::Int(signed, size) => {
                let raw = seed.next();
                let bits = size * 8;
                let value = raw & (u64::MAX >> (64 - bits));
                bytes.extend_from_slice(&value.to_le_bytes()[..*size as usize]);
                match signed {
                    true => {
                        let shift = 64 - bits;
                        text.push_str(&((value << shift) as i64 >> shift).to_string());
                    }
                    false => text.push_str(&value.to_string()),
                }
            }
            Model::Float => {
                let value = (seed.next() as i32 as f64) / 8.0;
                bytes.extend_from_slice(&value.to_le_bytes());
                text.push_str(&value.to_string());
            }
            Model::Char => {
                let byte = b'a' + (seed.next() % 26) as u8;
                bytes.push(byte);
                text.push_str(&format!("'{}'", byte as char));
            }
            Model::String => {
                let len = (seed.next() % 5) as usize;
                bytes.extend_from_slice(&(len as u16).to_le_bytes());
                string(len, seed, bytes, text);
            }
            Model::FixedString(len) => string(*len, seed, bytes, text),
            Model::Blob => {
                let len = (seed.next() % 5) as usize;
                let start = bytes.len();
                bytes.extend_from_slice(&(len as u16).to_le_bytes());
                (0..len).for_each(|_| bytes.push(seed.next() as u8));
                let hex: String = bytes[start..].iter().map(|byte| format!("{byte:02x}")).collect();
                text.push_str(&format!("<{hex}>"));
            }
            Model::Array(element) => {
                let count = (seed.next() % 4) as usize;
                tagged(bytes, |bytes| list(element, count, seed, bytes, text));
            }
            Model::FixedArray(element, count) if element.fixed() => {
                list(element, *count, seed, bytes, text);
            }
            Model::FixedArray(element, count) => {
                tagged(bytes, |bytes| list(element, *count, seed, bytes, text));
            }
            Model::Struct(fields) => {
                text.push('{');
                for (i, field) in fields.iter().enumerate() {
                    text.push_str(if i > 0 { ", " } else { "" });
                    field.make(seed, bytes, text);
                }
                text.push('}');
            }
        }
    }
}

fn string(len: usize, seed: &mut Seed, bytes: &mut Vec<u8>, text: &mut String) {
    text.push('"');
    for _ in 0..len {
        let byte = (seed.next() % 128) as u8;
        bytes.push(byte);
        match byte {
            b'"' | b'\\' => text.push_str(&format!("\\{}", byte as char)),
            b' '..=b'~' => text.push(byte as char),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text.push('"');
}

fn list(element: &Model, count: usize, seed: &mut Seed, bytes: &mut Vec<u8>, text: &mut String) {
    text.push('[');
    for i in 0..count {
        text.push_str(if i > 0 { ", " } else { "" });
        element.make(seed, bytes, text);
    }
    text.push(']');
}

fn tagged(bytes: &mut Vec<u8>, content: impl FnOnce(&mut Vec<u8>)) {
    let mut inner = Vec::new();
    content(&mut inner);
    bytes.extend_from_slice(&(inner.len() as u16).to_le_bytes());
    bytes.append(&mut inner);
}

/// A row of numbers without end.
struct Seed(u64);

impl Seed {
    fn next(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mixed = (self.0 ^ (self.0 >> 29)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ (mixed >> 32)
    }
}

fn model() -> impl Strategy<Value = Model> {
    let simple = prop_oneof![
        (any::<bool>(), prop_oneof![Just(1u32), Just(2), Just(4), Just(8)])
            .prop_map(|(signed, size)| Model::Int(signed, size)),
        Just(Model::Float),
        Just(Model::Char),
        Just(Model::String),
        (1usize..4).prop_map(Model::FixedString),
        Just(Model::Blob),
    ];
    simple.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|element| Model::Array(Box::new(element))),
            (inner.clone(), 1usize..4)
                .prop_map(|(element, len)| Model::FixedArray(Box::new(element), len)),
            prop::collection::vec(inner, 1..4).prop_map(Model::Struct),
        ]
    })
}

/// A file whose last field is a method with a parameter of each model.
fn declare(models: &[Model]) -> DcFile {
    let (mut before, mut count) = (String::new(), 0);
    let params: Vec<String> = models
        .iter()
        .map(|model| {
            let (base, dims) = model.declare(&mut before, &mut count);
            format!("{base} x{dims}")
        })
        .collect();
    let text = format!("{before}dclass A {{ f({}); }};", params.join(", "));
    parse(&[Source::new("model.dc", text.clone())])
        .unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn last_field(file: &DcFile) -> &Field {
    file.classes().last().and_then(|class| class.fields().last()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn values_of_random_types(models in prop::collection::vec(model(), 1..4), seed: u64) {
        let file = declare(&models);
        let field = last_field(&file);
        let (mut bytes, mut text) = (Vec::new(), String::from("("));
        let mut seed = Seed(seed);
        for (i, model) in models.iter().enumerate() {
            text.push_str(if i > 0 { ", " } else { "" });
            model.make(&mut seed, &mut bytes, &mut text);
        }
        text.push(')');
        prop_assert_eq!(field.validate(&bytes), Ok(bytes.len()));
        prop_assert_eq!(field.skip(&bytes), Ok(bytes.len()));
        prop_assert_eq!(field.format(&bytes).unwrap(), text.clone());
        prop_assert_eq!(field.parse(&text).unwrap(), bytes.clone());
        for cut in 0..bytes.len() {
            let error = field.validate(&bytes[..cut]).unwrap_err();
            prop_assert!(error.is_truncated(), "{} at {}", error, cut);
            prop_assert!(field.skip(&bytes[..cut]).unwrap_err().is_truncated());
        }
        bytes.push(0);
        let trailing = matches!(field.validate_all(&bytes), Err(ValueError::Trailing { .. }));
        prop_assert!(trailing);
        if models.iter().all(Model::fixed) {
            prop_assert_eq!(field.fixed_size(), Some(bytes.len() - 1));
        }
        prop_assert!(field.validate(field.implicit_value()).is_ok());
        prop_assert!(models[0].is_plain() || !field.type_text().is_empty());
    }

    #[test]
    fn molecular_values_of_random_types(parts in prop::collection::vec(model(), 1..4), seed: u64) {
        let (mut before, mut count) = (String::new(), 0);
        let (mut bytes, mut text) = (Vec::new(), String::from("{"));
        let (mut fields, mut seed) = (String::new(), Seed(seed));
        let mut names = Vec::new();
        for (i, model) in parts.iter().enumerate() {
            let (base, dims) = model.declare(&mut before, &mut count);
            // By turns a method and a parameter field: both can be parts.
            let ([open, close], field) = match i % 2 {
                0 => (["(", ")"], format!("f{i}({base} x{dims}) db; ")),
                _ => (["", ""], format!("{base} f{i}{dims} db; ")),
            };
            fields.push_str(&field);
            names.push(format!("f{i}"));
            text.push_str(if i > 0 { ", " } else { "" });
            text.push_str(open);
            model.make(&mut seed, &mut bytes, &mut text);
            text.push_str(close);
        }
        text.push('}');
        let file = format!("{before}dclass A {{ {fields} all : {}; }};", names.join(", "));
        let file = parse(&[Source::new("model.dc", file)]).unwrap();
        let field = last_field(&file);
        prop_assert_eq!(field.format(&bytes).unwrap(), text.clone());
        prop_assert_eq!(field.parse(&text).unwrap(), bytes);
    }

    #[test]
    fn any_bytes_as_values(models in prop::collection::vec(model(), 1..4), bytes: Vec<u8>) {
        let file = declare(&models);
        let field = last_field(&file);
        let measured = field.skip(&bytes);
        if let Ok(len) = field.validate(&bytes) {
            prop_assert_eq!(measured, Ok(len));
            let text = field.format(&bytes[..len]).unwrap();
            if !text.contains("nan") {
                prop_assert_eq!(field.parse(&text).unwrap(), &bytes[..len]);
            }
        } else {
            let _ = field.format(&bytes);
        }
    }

    #[test]
    fn any_text_as_a_value(models in prop::collection::vec(model(), 1..3), text in "[\\[\\]{}()<>\"',*0-9a-f.+eEx\\\\ -]{0,40}") {
        let file = declare(&models);
        if let Ok(bytes) = last_field(&file).parse(&text) {
            prop_assert!(bytes.is_empty() || last_field(&file).validate(&bytes) == Ok(bytes.len()));
        }
    }

    #[test]
    fn any_bytes_as_a_file(bytes: Vec<u8>) {
        fuzz(&bytes);
    }

    #[test]
    fn any_words_as_a_file(words in prop::collection::vec(word(), 0..60)) {
        fuzz(words.join(" ").as_bytes());
        fuzz(format!("dclass A {{ {} }};", words.join(" ")).as_bytes());
        fuzz(format!("dclass A {{ f({}); }};\0\u{1}\u{2}", words.join(" ")).as_bytes());
    }

    #[test]
    fn any_float_reads_back(bits: u64, small: u32) {
        let file = parse(&[Source::new("f.dc", "dclass A { float64 x; float32 y; };")]).unwrap();
        for (id, bytes) in [(0, bits.to_le_bytes().to_vec()), (1, small.to_le_bytes().to_vec())] {
            let field = file.field(FieldId(id)).unwrap();
            let text = field.format(&bytes).unwrap();
            if text != "nan" {
                prop_assert_eq!(field.parse(&text).unwrap(), bytes, "{}", text);
            }
        }
    }
}

fn word() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "dclass",
        "struct",
        "typedef",
        "keyword",
        "from",
        "import",
        "switch",
        "case",
        "default",
        "break",
        "uint8",
        "int16",
        "string",
        "blob32",
        "char",
        "float64",
        "uint32uint8array",
        "a",
        "b",
        "A",
        "ram",
        "required",
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        ";",
        ",",
        ":",
        "=",
        "-",
        "/",
        "%",
        "*",
        ".",
        "1",
        "0x10",
        "255",
        "1.5",
        "\"text\"",
        "'c'",
        "<0100>",
        "// c\n",
        "/* d */",
    ];
    prop::sample::select(WORDS).prop_map(str::to_owned)
}

#[test]
fn encodings_of_strings() {
    let text = "dclass A { f(string s); g(char c[2]); h(char c); };";
    let check = |encoding, id: u16, bytes: &[u8]| {
        let options = Options { string_encoding: encoding };
        let file = parse_with(&[Source::new("s.dc", text)], options).unwrap();
        file.field(FieldId(id)).unwrap().validate(bytes).is_ok()
    };
    use StringEncoding::{Ascii, Bytes, Utf8};
    let accented = [2, 0, 0xc3, 0xa9];
    assert!(check(Utf8, 0, &accented) && check(Bytes, 0, &accented) && !check(Ascii, 0, &accented));
    let broken = [1, 0, 0xc3];
    assert!(!check(Utf8, 0, &broken) && check(Bytes, 0, &broken) && !check(Ascii, 0, &broken));
    assert!(check(Utf8, 1, &accented[2..]) && !check(Ascii, 1, &accented[2..]));
    assert!(check(Ascii, 2, &[0xc3]), "a lone char may be anything");
}

#[test]
fn molecular_values() {
    let text = "dclass A { x(uint8 v) ram; y(string v) ram; xyx : x, y, x; };";
    let file = parse(&[Source::new("m.dc", text)]).unwrap();
    let field = file.class(ClassId(0)).unwrap().field_by_name("xyx").unwrap();
    let value = [1, 2, 0, b'h', b'i', 3];
    let parts: Vec<_> = field.split(&value).unwrap().map(|(f, v)| (f.id().0, v.to_vec())).collect();
    assert_eq!(parts, [(0, vec![1]), (1, vec![2, 0, b'h', b'i']), (0, vec![3])]);
    assert!(field.split(&value[..5]).err().unwrap().is_truncated());
    assert!(matches!(field.split(&[&value[..], &[0]].concat()), Err(ValueError::Trailing { .. })));
    assert_eq!((field.default_value(), field.implicit_value()), (None, &[][..]));
    assert_eq!(
        field.validate(&[1, 1, 0, 0xff, 3]).unwrap_err().to_string(),
        "xyx.y.v: string is not valid UTF-8 (byte 0xff) (at offset 3)"
    );
}

/// As Astron writes it, and as donet once did.
#[test]
fn molecular_text() {
    let text = "dclass A { setP(uint8(0-9) p) db; setQ(string q) db; uint16 r db; mixDb : setP, setQ, r; };";
    let file = parse(&[Source::new("m.dc", text)]).unwrap();
    let field = file.class(ClassId(0)).unwrap().field_by_name("mixDb").unwrap();
    let value = b"\x07\x05\0seven\x01\x02";
    let written = "{(7), (\"seven\"), 513}";
    assert_eq!(field.format(value).unwrap(), written);
    for text in [
        written,
        "((7), (\"seven\"), 513)",
        " { setP = (7), setQ = (\"seven\"), r = 0x201 } ",
        "<070500736576656e0102>",
    ] {
        assert_eq!(field.parse(text).as_deref(), Ok(&value[..]), "{text}");
    }
    assert_eq!(field.parse("").as_deref(), Ok(&[][..]), "no text is no value");
    for (text, why) in [
        ("{(7), (\"seven\")}", "2 values for 3 fields"),
        ("{7, (\"seven\"), 513}", "expected a method's values in `( )`"),
        ("{(10), (\"seven\"), 513}", "out of range"),
        ("{(7), (r = \"seven\"), 513}", "expected the value of `q`"),
        ("7", "expected the values of a molecular field's parts in `{ }`"),
        ("<0705>", "ends too early"),
    ] {
        let error = field.parse(text).expect_err(text).to_string();
        assert!(error.contains(why), "{text}: {error}");
    }
}

#[test]
fn errors_say_where() {
    let text = "struct P { uint8(0-9) x; uint16 ids[]; };
        dclass A { f(uint8 a, P points[1-2]); };";
    let file = parse(&[Source::new("p.dc", text)]).unwrap();
    let error = |bytes: &[u8]| last_field(&file).validate(bytes).unwrap_err().to_string();
    assert_eq!(
        error(&[7, 6, 0, 1, 0, 0, 10, 0, 0]),
        "f.points[1].x: value 10 is out of range, allowed: 0 to 9 (at offset 6)"
    );
    assert_eq!(error(&[7, 0, 0]), "f.points: 0 elements, allowed: 1 to 2 (at offset 1)");
    assert_eq!(
        error(&[7, 3, 0, 1, 1, 0, 0]),
        "f.points[0].ids: length tag of 3 bytes does not fit the elements (at offset 6)"
    );
    assert_eq!(error(&[7, 3]), "f.points: value ends too early, 1 more bytes needed at offset 1");
}

#[test]
fn database_text() {
    let text = "dclass A { float64 f; int16/10 i; string s; blob b; blob(2) c; uint8 u[]; char v[2]; m(uint8 x); n(); };";
    let file = parse(&[Source::new("t.dc", text)]).unwrap();
    let parse = |id: u16, text: &str| file.field(FieldId(id)).unwrap().parse(text);
    let float = |text: &str| f64::from_le_bytes(parse(0, text).unwrap().try_into().unwrap());
    assert_eq!(float("1e+20"), 1e20);
    assert_eq!(float("-inf"), f64::NEG_INFINITY);
    assert_eq!(float("3"), 3.0);
    assert_eq!(float("100000000000000000000"), 1e20);
    assert!(float("nan").is_nan());
    assert_eq!(parse(1, "25").unwrap(), [25, 0], "numbers are packed numbers");
    assert!(parse(1, "2.5").is_err() && parse(1, "32768").is_err());
    assert_eq!(parse(1, " +0x10 // sixteen").unwrap(), [16, 0]);
    assert_eq!(parse(2, "\"a\\\"\\x41\"").unwrap(), [3, 0, b'a', b'"', b'A']);
    assert_eq!(parse(2, "['a', 66]").unwrap(), [2, 0, b'a', b'B']);
    assert_eq!(parse(3, "<0200aabb>").unwrap(), [2, 0, 0xaa, 0xbb]);
    assert!(parse(3, "<aabb>").is_err() && parse(4, "<aa>").is_err());
    assert_eq!(parse(4, "<aabb>").unwrap(), [0xaa, 0xbb]);
    assert_eq!(parse(5, "[1 * 3, 2]").unwrap(), [4, 0, 1, 1, 1, 2]);
    assert_eq!(parse(6, "\"ab\"").unwrap(), *b"ab");
    assert_eq!(parse(7, "(5)").unwrap(), [5]);
    assert_eq!((parse(8, "()").unwrap(), parse(2, "").unwrap()), (vec![], vec![]));
    assert!(
        parse(7, "(5) 6").is_err()
            && parse(7, "5").is_err()
            && parse(7, "(1 * 4000000000)").is_err()
    );
}

/// A molecular value is split as it is validated, and the parts before a wrong one are handed over.
#[test]
fn parts_of_a_value_are_found_while_it_is_validated() {
    let text = "dclass A { x(uint8(0-9) v) ram; y(string v) ram; xyx : x, y, x; xx : x, x; };";
    let file = parse(&[Source::new("m.dc", text)]).unwrap();
    let class = file.class(ClassId(0)).unwrap();
    let parts_of = |name: &str, value: &[u8]| {
        let (field, mut parts) = (class.field_by_name(name).unwrap(), Vec::new());
        let walked = field.validate_parts(value, |f, v| parts.push((f.id().0, v.to_vec())));
        assert_eq!(walked, field.validate(value));
        (walked.ok(), parts)
    };
    let value = [1, 2, 0, b'h', b'i', 3, 77];
    let all = vec![(0, vec![1]), (1, vec![2, 0, b'h', b'i']), (0, vec![3])];
    assert_eq!(parts_of("xyx", &value), (Some(6), all.clone()));
    assert_eq!(parts_of("xyx", &[1, 2, 0, b'h', b'i', 10]), (None, all[..2].to_vec()));
    assert_eq!(parts_of("x", &[7, 7]), (Some(1), vec![(0, vec![7])]));
    assert_eq!(parts_of("x", &[10]), (None, vec![]));
    assert_eq!(parts_of("xx", &[7, 8]), (Some(2), vec![(0, vec![7]), (0, vec![8])]));
    assert_eq!(parts_of("xx", &[7]).0, None);
}

/// A molecular value of one length is either there as a whole or not at all, as without the parts.
#[test]
fn a_short_value_of_a_fixed_length_has_no_parts() {
    let file = parse(&[Source::new("m.dc", "dclass A { x(uint8) ram; xx : x, x; };")]).unwrap();
    let field = file.class(ClassId(0)).unwrap().field_by_name("xx").unwrap();
    let walked = field.validate_parts(&[7], |part, _| panic!("{}", part.name()));
    assert_eq!(walked, field.validate(&[7]));
}

/// Whoever means infinity says so.
#[test]
fn a_number_that_no_float_can_hold_is_refused() {
    let text =
        "dclass A { float32 f; float64 d; float32(0.1-1.0e38) r; float64(-1.0e300-1.0e300) w; };";
    let file = parse(&[Source::new("f.dc", text)]).unwrap();
    let field = |name: &str| file.class(ClassId(0)).unwrap().field_by_name(name).unwrap();
    for (name, text, why) in [
        ("f", "1e39", "the value must be -3.4028235e38 to 3.4028235e38"),
        ("f", "-1e39", "the value must be -3.4028235e38 to 3.4028235e38"),
        ("d", "1e309", "the number is larger than a float64 can be"),
        ("f", "1e400", "the number is larger than a float64 can be"),
        ("w", "1e308", "value 1.0e308 is out of range, allowed: -1.0e300 to 1.0e300"),
        ("r", "3e38", "value 3.0e38 is out of range, allowed: 0.1 to 1.0e38"),
    ] {
        let error = field(name).parse(text).map_err(|error| error.to_string()).unwrap_err();
        assert!(error.contains(why), "{name} {text}: {error}");
    }
    for (name, text) in
        [("f", "inf"), ("f", "-inf"), ("d", "inf"), ("f", "3.4028235e38"), ("d", "1e308")]
    {
        field(name).parse(text).expect(text);
    }
    // A DC file has no other numbers.
    let default = |text: &str| {
        parse(&[Source::new("f.dc", format!("dclass A {{ float32 f = {text}; float64 d; }};"))])
    };
    for text in ["1.0e39", "-1.0e39"] {
        let errors = default(text).expect_err(text).to_string();
        assert!(errors.contains("the value must be -3.4028235e38 to 3.4028235e38"), "{errors}");
    }
    // What is too small for a float is next to nothing, wherever it stands.
    for (text, nearest) in [("1.0e-50", 0.0), ("1.0e-45", 1e-45), ("1.0e-400", 0.0), ("0.1", 0.1)] {
        let bytes = f32::to_le_bytes(nearest);
        assert_eq!(field("f").parse(text).as_deref(), Ok(&bytes[..]), "{text}");
        let file = default(text).expect(text);
        let field = file.class(ClassId(0)).unwrap().field_by_name("f").unwrap();
        assert_eq!(field.default_value(), Some(&bytes[..]), "{text}");
    }
}
