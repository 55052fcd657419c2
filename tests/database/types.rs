//! Random types with random values of them.

use proptest::prelude::*;

/// A type that a field, or a part of one, can have.
#[derive(Clone, Debug)]
pub enum Type {
    /// Any number but a float: its declaration, and its bytes.
    Integer(&'static str, usize),
    /// As `float64` or `float32`: any but the many that are no number.
    Float(bool),
    Char,
    String,
    FixedString(usize),
    Blob,
    Blob32,
    FixedBlob(usize),
    /// One of the old words for arrays: its name, and the bytes of an element.
    Word(&'static str, usize),
    Array(Box<Type>),
    FixedArray(Box<Type>, usize),
    Struct(Vec<Type>),
    /// A struct with a switch, whose key says what follows.
    Switch,
    /// An array of a struct without fields: it has one value.
    Nothings,
}

const INTEGERS: &[(&str, usize)] = &[
    ("int8", 1),
    ("uint8", 1),
    ("int16", 2),
    ("uint16", 2),
    ("int32", 4),
    ("uint32", 4),
    ("int64", 8),
    ("uint64", 8),
    ("int16/10", 2),
    ("uint8%250", 1),
    ("uint32(0-4294967295)", 4),
];

const WORDS: &[(&str, usize)] = &[
    ("int8array", 1),
    ("uint8array", 1),
    ("int16array", 2),
    ("uint16array", 2),
    ("int32array", 4),
    ("uint32array", 4),
    ("uint32uint8array", 5),
];

/// Any type.
pub fn any_type() -> impl Strategy<Value = Type> {
    let simple = prop_oneof![
        4 => prop::sample::select(INTEGERS).prop_map(|(name, size)| Type::Integer(name, size)),
        1 => any::<bool>().prop_map(Type::Float),
        1 => Just(Type::Char),
        2 => Just(Type::String),
        1 => (1_usize..4).prop_map(Type::FixedString),
        1 => Just(Type::Blob),
        1 => Just(Type::Blob32),
        1 => (1_usize..4).prop_map(Type::FixedBlob),
        1 => Just(Type::Switch),
        1 => Just(Type::Nothings),
        1 => prop::sample::select(WORDS).prop_map(|(name, size)| Type::Word(name, size)),
    ];
    simple.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|element| Type::Array(Box::new(element))),
            (inner.clone(), 1_usize..4)
                .prop_map(|(element, size)| Type::FixedArray(Box::new(element), size)),
            prop::collection::vec(inner, 1..4).prop_map(Type::Struct),
        ]
    })
}

impl Type {
    /// A declaration of `name` with this type. Structs that it needs are added to `structs`.
    pub fn declare(&self, name: &str, structs: &mut Vec<String>) -> String {
        let (base, dimensions) = self.parts(structs);
        format!("{base} {name}{dimensions}")
    }

    fn parts(&self, structs: &mut Vec<String>) -> (String, String) {
        let plain = |name: &str| (name.to_owned(), String::new());
        match self {
            Type::Integer(name, _) | Type::Word(name, _) => plain(name),
            Type::Float(is_double) => plain(if *is_double { "float64" } else { "float32" }),
            Type::Char => plain("char"),
            Type::String => plain("string"),
            Type::FixedString(length) => plain(&format!("string({length})")),
            Type::Blob => plain("blob"),
            Type::Blob32 => plain("blob32"),
            Type::FixedBlob(length) => plain(&format!("blob({length})")),
            Type::Array(element) => {
                let (base, dimensions) = element.parts(structs);
                (base, format!("[]{dimensions}"))
            }
            Type::FixedArray(element, size) => {
                let (base, dimensions) = element.parts(structs);
                (base, format!("[{size}]{dimensions}"))
            }
            Type::Switch => {
                let name = format!("S{}", structs.len());
                structs.push(format!(
                    "struct {name} {{ switch (uint8 k) {{ case 1: uint16 v; break; default: string s; }} x; }};"
                ));
                plain(&name)
            }
            Type::Nothings => {
                let name = format!("S{}", structs.len());
                structs.push(format!("struct {name} {{ }};"));
                (name, "[]".to_owned())
            }
            Type::Struct(fields) => {
                let fields: Vec<String> = fields
                    .iter()
                    .enumerate()
                    .map(|(at, field)| format!("{};", field.declare(&format!("x{at}"), structs)))
                    .collect();
                let name = format!("S{}", structs.len());
                structs.push(format!("struct {name} {{ {} }};", fields.join(" ")));
                plain(&name)
            }
        }
    }

    fn has_one_length(&self) -> bool {
        match self {
            Type::Integer(..) | Type::Float(_) | Type::Char => true,
            Type::FixedString(_) | Type::FixedBlob(_) => true,
            Type::String | Type::Blob | Type::Blob32 | Type::Word(..) | Type::Array(_) => false,
            Type::Switch | Type::Nothings => false,
            Type::FixedArray(element, _) => element.has_one_length(),
            Type::Struct(fields) => fields.iter().all(Type::has_one_length),
        }
    }

    /// Appends a packed value that `chance` chooses.
    pub fn pack(&self, chance: &mut Chance, out: &mut Vec<u8>) {
        match self {
            Type::Integer("uint8%250", _) => out.push(chance.below(250) as u8),
            Type::Integer(_, size) => out.extend(chance.bytes(*size)),
            Type::Float(is_double) => chance.float(*is_double, out),
            // Several of them are text.
            Type::Char => out.push(chance.below(128) as u8),
            Type::String => {
                let text = chance.text();
                out.extend((text.len() as u16).to_le_bytes());
                out.extend(text.into_bytes());
            }
            Type::FixedString(length) => {
                out.extend((0..*length).map(|_| chance.below(128) as u8));
            }
            Type::Blob => {
                let length = chance.below(6);
                out.extend((length as u16).to_le_bytes());
                out.extend(chance.bytes(length));
            }
            Type::Blob32 => {
                let length = chance.below(6);
                out.extend((length as u32).to_le_bytes());
                out.extend(chance.bytes(length));
            }
            Type::FixedBlob(length) => out.extend(chance.bytes(*length)),
            Type::Word(_, size) => {
                let length = chance.below(4) * size;
                out.extend((length as u16).to_le_bytes());
                out.extend(chance.bytes(length));
            }
            Type::Array(element) => {
                let count = chance.below(4);
                tagged(out, |out| (0..count).for_each(|_| element.pack(chance, out)));
            }
            Type::FixedArray(element, size) if element.has_one_length() => {
                (0..*size).for_each(|_| element.pack(chance, out));
            }
            Type::FixedArray(element, size) => {
                tagged(out, |out| (0..*size).for_each(|_| element.pack(chance, out)));
            }
            Type::Struct(fields) => fields.iter().for_each(|field| field.pack(chance, out)),
            Type::Switch if chance.below(2) == 0 => {
                out.push(1);
                out.extend(chance.bytes(2));
            }
            Type::Switch => {
                out.push(2 + chance.below(9) as u8);
                Type::String.pack(chance, out);
            }
            Type::Nothings => out.extend([0, 0]),
        }
    }
}

fn tagged(out: &mut Vec<u8>, content: impl FnOnce(&mut Vec<u8>)) {
    let mut inner = Vec::new();
    content(&mut inner);
    out.extend((inner.len() as u16).to_le_bytes());
    out.append(&mut inner);
}

/// Numbers without end, the same for the same seed.
pub struct Chance(pub u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mixed = (self.0 ^ (self.0 >> 29)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ (mixed >> 32)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }

    fn text(&mut self) -> String {
        const LETTERS: &[char] = &[
            'a', 'Z', '7', ' ', '"', '\'', '\\', '\0', '\n', '\x7f', 'é', '漢', '😀', ':', '#',
            '{', '<',
        ];
        (0..self.below(8)).map(|_| LETTERS[self.below(LETTERS.len())]).collect()
    }

    fn float(&mut self, is_double: bool, out: &mut Vec<u8>) {
        let special = [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e20, 5e-324];
        let any = match self.below(3) {
            0 => special[self.below(special.len())],
            _ => f64::from_bits(self.next()),
        };
        let any = if any.is_nan() { f64::NAN } else { any };
        match is_double {
            true => out.extend(any.to_le_bytes()),
            false => out.extend((any as f32).to_le_bytes()),
        }
    }
}
