//! Types, lowered to what reading a value needs: sizes, limits and parts, no names to look up.

use super::{Class, Field};
use crate::ast::{self, NumberKind, Simple};
use crate::limits::VALUE_BYTES_MAX;
use std::sync::Arc;

/// How the bytes of `string` fields are checked.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum StringEncoding {
    /// They must be valid UTF-8.
    #[default]
    Utf8,
    /// They must all be below 0x80.
    Ascii,
    /// They may be anything.
    Bytes,
}

/// A type of a parameter or field.
#[derive(Clone, Debug)]
pub(crate) struct Type {
    pub shape: Shape,
    /// The word that a typedef has given another meaning: Panda3D, which refuses such a typedef, hashes
    /// its own.
    pub word: Option<Simple>,
    pub size: Size,
    /// A value of the right length may still be wrong.
    pub checked: bool,
    /// Some part has an explicit default.
    pub explicit: bool,
    /// Types within types, at the deepest place.
    pub depth: u16,
    /// How many types this one is written with.
    pub parts: u32,
    /// How many numbers it adds to the hash.
    pub weight: u64,
}

/// How many bytes a value takes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    /// The least, or the only one.
    pub min: u32,
    /// Whether there is no other.
    pub fixed: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Shape {
    Number(Number),
    Bytes(Bytes),
    Array(Array),
    Struct(Struct),
    Switch(Switch),
}

/// An integer, a float or a char.
#[derive(Clone, Debug)]
pub(crate) struct Number {
    pub kind: NumberKind,
    pub divisor: u32,
    /// As declared: not scaled.
    pub modulus: Option<ast::Number>,
    /// As declared: not scaled.
    pub ranges: Vec<(ast::Number, ast::Number)>,
    /// What the packed number may be.
    pub limits: Limits,
}

/// Ranges of packed numbers, both ends included.
#[derive(Clone, Debug)]
pub(crate) enum Limits {
    None,
    Signed(Box<[(i64, i64)]>),
    Unsigned(Box<[(u64, u64)]>),
    Float(Box<[(f64, f64)]>),
}

/// Strings and blobs, and arrays that are packed like them.
#[derive(Clone, Debug)]
pub(crate) struct Bytes {
    pub spelling: Spelling,
    pub counts: Counts,
    /// How the bytes are checked; `Bytes` for blobs.
    pub encoding: StringEncoding,
    /// A typedef has named it, so that Astron's hash no longer takes it for a `string` or `blob`.
    pub renamed: bool,
}

/// How a type of bytes was declared.
#[derive(Clone, Debug)]
pub(crate) enum Spelling {
    String,
    Blob,
    /// With a length tag of four bytes.
    Blob32,
    /// `char x[]` or `uint8 x[]`, with the element.
    Array(Number),
}

/// A row of values of one type.
#[derive(Clone, Debug)]
pub(crate) struct Array {
    pub element: Arc<Type>,
    pub counts: Counts,
    /// The element's own dimension is written behind this one: `a[2][3]`.
    pub joined: bool,
    /// How it was declared, if not with brackets.
    pub word: Option<ArrayWord>,
}

/// `int16array` and its like. What narrows it goes into the hash, but values do not mind it.
#[derive(Clone, Debug)]
pub(crate) struct ArrayWord {
    pub simple: Simple,
    pub number: Number,
}

/// How many elements or bytes there may be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts(pub Box<[(u32, u32)]>);

/// A struct, or a dclass that is used like one.
#[derive(Clone, Debug)]
pub(crate) struct Struct {
    pub class: Arc<Class>,
    /// The fields that are packed: all but molecular ones.
    pub fields: Box<[Arc<Field>]>,
}

/// A key, and fields that depend on its value.
#[derive(Clone, Debug)]
pub(crate) struct Switch {
    pub name: String,
    pub key: Arc<Field>,
    /// The fields of all cases one after the other.
    pub fields: Box<[Arc<Field>]>,
    /// In order of declaration.
    pub cases: Box<[Case]>,
    /// Indices into `cases`, by ascending value.
    pub sorted: Box<[u32]>,
    /// The fields of the default case as a range of `fields`.
    pub default: Option<(u32, u32)>,
}

/// One case of a switch.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// The key's packed value.
    pub value: Box<[u8]>,
    /// From where in the switch's fields, to where. Cases without `break` between share fields.
    pub fields: (u32, u32),
}

impl Size {
    pub(crate) const NOTHING: Size = Size { min: 0, fixed: true };

    pub(crate) fn exactly(bytes: u32) -> Size {
        Size { min: bytes, fixed: true }
    }

    pub(crate) fn at_least(bytes: u32) -> Size {
        Size { min: bytes, fixed: false }
    }

    /// The size of one after the other.
    pub(crate) fn plus(self, other: Size) -> Size {
        Size { min: self.min.saturating_add(other.min), fixed: self.fixed && other.fixed }
    }

    /// Whether no message can hold such a value.
    pub(crate) fn is_too_large(self) -> bool {
        self.min > VALUE_BYTES_MAX
    }
}

impl Counts {
    /// The only count, unless it is 0: then there is a length tag as if it could vary.
    pub(crate) fn fixed(&self) -> Option<u32> {
        match *self.0 {
            [(min, max)] if min == max && min > 0 => Some(min),
            _ => None,
        }
    }

    pub(crate) fn allow(&self, count: usize) -> bool {
        let within = |(min, max): &(u32, u32)| count >= *min as usize && count <= *max as usize;
        self.0.is_empty() || self.0.iter().any(within)
    }

    /// The least count, which a value has that nobody gave.
    pub(crate) fn min(&self) -> u32 {
        self.0.iter().map(|range| range.0).min().unwrap_or(0)
    }
}

impl NumberKind {
    pub(crate) fn size(self) -> u32 {
        match self {
            NumberKind::Int8 | NumberKind::UInt8 | NumberKind::Char => 1,
            NumberKind::Int16 | NumberKind::UInt16 => 2,
            NumberKind::Int32 | NumberKind::UInt32 | NumberKind::Float32 => 4,
            NumberKind::Int64 | NumberKind::UInt64 | NumberKind::Float64 => 8,
        }
    }

    pub(crate) fn is_float(self) -> bool {
        matches!(self, NumberKind::Float32 | NumberKind::Float64)
    }

    /// The least and the greatest integer; floats have none.
    pub(crate) fn bounds(self) -> (i128, i128) {
        let bits = self.size() * 8;
        match self {
            NumberKind::Int8 | NumberKind::Int16 | NumberKind::Int32 | NumberKind::Int64 => {
                (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
            }
            _ => (0, (1 << bits) - 1),
        }
    }

    pub(crate) fn is_signed(self) -> bool {
        self.bounds().0 < 0
    }
}

impl Bytes {
    /// The width of the length tag; 0 if the length is fixed.
    pub(crate) fn tag(&self) -> usize {
        match self.spelling {
            _ if self.counts.fixed().is_some() => 0,
            Spelling::Blob32 => 4,
            _ => 2,
        }
    }

    /// The limits of each byte.
    pub(crate) fn limits(&self) -> &Limits {
        match &self.spelling {
            Spelling::Array(number) => &number.limits,
            _ => &Limits::None,
        }
    }
}

impl Array {
    /// How many elements there are if nobody gives any.
    pub(crate) fn implicit(&self) -> u32 {
        match &self.word {
            // Nothing tells how many elements without bytes there are.
            _ if self.element.size == Size::NOTHING => 0,
            Some(word) => word.implicit(),
            None => self.counts.min(),
        }
    }

    /// The number of elements if nothing needs to say it: both they and their sizes are fixed.
    pub(crate) fn untagged(&self) -> Option<u32> {
        let count = self.counts.fixed()?;
        (self.word.is_none() && self.element.size.fixed).then_some(count)
    }
}

impl ArrayWord {
    /// Panda3D takes the first range of an unsigned one for a number of elements, and that of a signed one
    /// for nothing.
    fn implicit(&self) -> u32 {
        let counted =
            matches!(self.simple, Simple::UInt8Array | Simple::UInt16Array | Simple::UInt32Array);
        let first = self.number.ranges.first().filter(|_| counted);
        let least = first.map_or(0, |(min, _)| self.number.scale(*min).max(0));
        u32::try_from(least).unwrap_or(u32::MAX)
    }
}

impl Switch {
    /// The fields that follow this key.
    pub(crate) fn fields_for(&self, key: &[u8]) -> Option<&[Arc<Field>]> {
        let value = |index: &u32| &*self.cases[*index as usize].value;
        let range = match self.sorted.binary_search_by(|index| value(index).cmp(key)) {
            Ok(at) => self.cases[self.sorted[at] as usize].fields,
            Err(_) => self.default?,
        };
        Some(self.slice(range))
    }

    pub(crate) fn slice(&self, (from, to): (u32, u32)) -> &[Arc<Field>] {
        self.fields.get(from as usize..to as usize).unwrap_or_default()
    }
}

impl Type {
    pub(crate) fn number(number: Number) -> Type {
        let checked = !matches!(number.limits, Limits::None);
        let weight = 2 + 3 * number.ranges.len() as u64 + 1;
        let size = Size::exactly(number.kind.size());
        Type {
            shape: Shape::Number(number),
            word: None,
            size,
            checked,
            explicit: false,
            depth: 1,
            parts: 1,
            weight,
        }
    }

    pub(crate) fn bytes(bytes: Bytes) -> Type {
        let size = match bytes.counts.fixed() {
            Some(count) => Size::exactly(count),
            None => Size::at_least((bytes.tag() as u32).saturating_add(bytes.counts.min())),
        };
        let checked =
            bytes.encoding != StringEncoding::Bytes || !matches!(bytes.limits(), Limits::None);
        let weight = 8 + 3 * bytes.counts.0.len() as u64;
        Type {
            shape: Shape::Bytes(bytes),
            word: None,
            size,
            checked,
            explicit: false,
            depth: 1,
            parts: 1,
            weight,
        }
    }

    pub(crate) fn array(array: Array) -> Type {
        let element = &array.element;
        let ranges = array.word.as_ref().map_or(0, |word| word.number.ranges.len() as u64);
        let size = match array.untagged() {
            Some(count) => Size::exactly(count.saturating_mul(element.size.min)),
            None => {
                let elements = array.implicit().saturating_mul(element.size.min);
                Size::at_least(elements.saturating_add(2))
            }
        };
        Type {
            size,
            checked: element.checked,
            explicit: element.explicit,
            depth: element.depth.saturating_add(1),
            parts: element.parts.saturating_add(1),
            weight: element.weight.saturating_add(8 + 3 * (ranges + array.counts.0.len() as u64)),
            word: None,
            shape: Shape::Array(array),
        }
    }

    pub(crate) fn structure(class: Arc<Class>, weight: u64) -> Type {
        let fields: Box<[Arc<Field>]> = class
            .fields()
            .iter()
            .filter(|field| field.kind() != super::FieldKind::Molecular)
            .cloned()
            .collect();
        let size = fields.iter().fold(Size::NOTHING, |size, field| size.plus(field.size));
        Type {
            size,
            checked: fields.iter().any(|field| field.checked),
            explicit: fields.iter().any(|field| field.explicit),
            depth: 1 + fields.iter().map(|field| field.depth()).max().unwrap_or(0),
            parts: fields
                .iter()
                .fold(1, |sum: u32, field| sum.saturating_add(field.parts_written())),
            weight,
            word: None,
            shape: Shape::Struct(Struct { class, fields }),
        }
    }

    pub(crate) fn switch(switch: Switch) -> Type {
        // Cases that share fields would otherwise look at them again and again.
        let mut sums = Vec::with_capacity(switch.fields.len() + 1);
        let mut sum = (0u64, 0u32, 0u64);
        sums.push(sum);
        for field in &switch.fields {
            sum.0 += u64::from(field.size.min);
            sum.1 += u32::from(!field.size.fixed);
            sum.2 = sum.2.saturating_add(field.weight());
            sums.push(sum);
        }
        let key = (switch.key.size, switch.key.weight());
        let case_size = |(from, to): (u32, u32)| {
            let (from, to) = (sums[from as usize], sums[to as usize]);
            let min = u32::try_from(to.0 - from.0).unwrap_or(u32::MAX);
            key.0.plus(Size { min, fixed: from.1 == to.1 })
        };
        let case_weight = |(from, to): (u32, u32)| {
            key.1.saturating_add(sums[to as usize].2 - sums[from as usize].2)
        };
        let ranges = || {
            let cases = switch.cases.iter().map(|case| case.fields);
            cases.chain(switch.default)
        };
        let least = ranges().map(case_size).map(|size| size.min).min().unwrap_or(0);
        let fixed = least > 0 && ranges().map(case_size).all(|size| size == Size::exactly(least));
        let values: u64 = switch.cases.iter().map(|case| case.value.len() as u64 + 1).sum();
        let head = values + switch.cases.len() as u64 + switch.name.len() as u64 + 3;
        let weight = ranges().map(case_weight).fold(head, u64::saturating_add);
        let all = || switch.fields.iter().chain([&switch.key]);
        let parts = all().fold(1, |sum: u32, field| sum.saturating_add(field.parts_written()));
        let explicit = all().any(|field| field.explicit);
        let depth = 1 + all().map(|field| field.depth()).max().unwrap_or(0);
        Type {
            size: Size { min: least, fixed },
            checked: true,
            explicit,
            depth,
            parts,
            weight,
            word: None,
            shape: Shape::Switch(switch),
        }
    }
}
