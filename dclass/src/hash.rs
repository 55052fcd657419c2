//! The legacy hash: a number by which two programs see that they read the same DC files.
//!
//! It is a sum of products with prime numbers, over a walk through all declarations. What the
//! walk meets, and in which order, is fixed by the programs in use. Clients compute Panda3D's, unless
//! Astron's library is built into them, which sees some types differently.

use crate::ast::{Number as Literal, NumberKind, Simple};
use crate::schema::types::{Array, Bytes, Counts, Number, Shape, Spelling, Switch, Type};
use crate::schema::{Body, Class, Field};
use std::sync::{Arc, OnceLock};

/// How many primes there are before the first is used again.
const PRIMES: usize = 10_000;
/// The last of them.
const LAST_PRIME: usize = 104_729;

fn primes() -> &'static [u32] {
    static TABLE: OnceLock<Vec<u32>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut composite = vec![false; LAST_PRIME + 1];
        let mut primes = Vec::with_capacity(PRIMES);
        for number in 2..=LAST_PRIME {
            if !composite[number] {
                primes.push(number as u32);
                (number * number..=LAST_PRIME)
                    .step_by(number)
                    .for_each(|multiple| composite[multiple] = true);
            }
        }
        primes
    })
}

/// What typedefs do to Astron's hash: there, all that is spelled `string` or `blob` is one type, and a
/// typedef of it takes that name away.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct Renamings {
    pub string: bool,
    pub blob: bool,
}

/// Panda3D's hash of all classes and structs, in the order of their ids.
pub(crate) fn panda3d(types: &[Arc<Class>]) -> u32 {
    Hasher::new(None).file(types).sum
}

/// Astron's hash, if Astron's parser and hash know all that is in the file.
pub(crate) fn astron(types: &[Arc<Class>], renamings: Renamings) -> Option<u32> {
    let hasher = Hasher::new(Some(renamings)).file(types);
    (!hasher.is_foreign).then_some(hasher.sum)
}

struct Hasher {
    sum: u32,
    /// Which prime is next.
    next: usize,
    primes: &'static [u32],
    /// `None` for Panda3D's hash.
    astron: Option<Renamings>,
    /// Something is in the file that Astron does not read, or cannot hash.
    is_foreign: bool,
}

impl Hasher {
    fn new(astron: Option<Renamings>) -> Hasher {
        Hasher { sum: 0, next: 0, primes: primes(), astron, is_foreign: false }
    }

    fn file(mut self, types: &[Arc<Class>]) -> Hasher {
        self.int(1);
        self.int(types.len() as i32);
        for class in types {
            self.class(class);
            if self.astron.is_some() && self.is_foreign {
                break;
            }
        }
        self
    }

    fn int(&mut self, number: i32) {
        let product = self.primes[self.next].wrapping_mul(number.cast_unsigned());
        self.sum = self.sum.wrapping_add(product);
        self.next = (self.next + 1) % self.primes.len();
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.int(bytes.len() as i32);
        bytes.iter().for_each(|byte| self.int((*byte).into()));
    }

    fn class(&mut self, class: &Class) {
        let is_method = |field: &Arc<Field>| matches!(field.body, Body::Method(_));
        self.is_foreign |= class.name.is_empty()
            || class.is_struct && (!class.parents.is_empty() || class.own.iter().any(is_method));
        self.bytes(class.name.as_bytes());
        if class.is_struct {
            self.int(1);
        }
        self.int(class.parents.len() as i32);
        for parent in &class.parents {
            self.int(if class.is_struct { -1 } else { parent.0.into() });
        }
        if let Some(constructor) = &class.constructor {
            self.field(constructor);
        }
        self.int(class.own.len() as i32);
        class.own.iter().for_each(|field| self.field(field));
    }

    fn field(&mut self, field: &Field) {
        match &field.body {
            Body::Molecular(parts) => {
                self.head(field, parts.len());
                parts.iter().for_each(|part| self.field(part));
            }
            Body::Method(params) => {
                self.head(field, params.len());
                params.iter().for_each(|param| self.ty(&param.ty));
                self.keywords(field);
            }
            Body::Param(param) => {
                if !field.keywords.is_empty() || !field.custom.is_empty() {
                    self.keywords(field);
                }
                self.ty(&param.ty);
            }
        }
    }

    fn head(&mut self, field: &Field, parts: usize) {
        self.bytes(field.name.as_bytes());
        self.int(field.id.0.into());
        self.int(parts as i32);
    }

    fn keywords(&mut self, field: &Field) {
        self.is_foreign |= !field.custom.is_empty();
        if !field.hash_by_name || self.astron.is_some() {
            return self.int(field.keywords.bits().into());
        }
        let mut names: Vec<&str> = field.custom.iter().map(String::as_str).collect();
        field.keywords.names().for_each(|name| names.push(name));
        names.sort_unstable();
        self.int(names.len() as i32);
        names.iter().for_each(|name| self.bytes(name.as_bytes()));
    }

    fn ty(&mut self, ty: &Type) {
        if let (Some(word), None) = (ty.word, self.astron) {
            return self.word(word_code(word));
        }
        match &ty.shape {
            Shape::Number(number) => self.number(number),
            Shape::Bytes(bytes) => self.byte_type(bytes),
            Shape::Array(array) => self.array(array),
            Shape::Struct(parts) => self.class(&parts.class),
            Shape::Switch(switch) => self.switch(switch),
        }
    }

    fn number(&mut self, number: &Number) {
        if let Some(code) = number_code(number.kind) {
            self.int(code);
            self.transforms(number);
        }
    }

    fn transforms(&mut self, number: &Number) {
        let is_astron = self.astron.is_some();
        self.int(number.divisor.cast_signed());
        if let Some(modulus) = number.modulus {
            let modulus = modulus.as_f64() * f64::from(number.divisor);
            self.int(match is_astron && !number.kind.is_float() {
                true => (modulus + 0.5).floor() as i64 as i32,
                // It is kept as a double, and a double beyond an int becomes the least int.
                false => to_int(modulus),
            });
        }
        self.is_foreign |= number.ranges.len() > 1;
        if !number.ranges.is_empty() {
            self.int(number.ranges.len() as i32);
            let bound = if is_astron { astron_bound } else { bound };
            for (min, max) in &number.ranges {
                self.int(bound(number, *min));
                self.int(bound(number, *max));
            }
        }
    }

    fn byte_type(&mut self, bytes: &Bytes) {
        let is_plain = bytes.counts.0.is_empty();
        let is_renamed = |all: fn(Renamings) -> bool| {
            self.astron.is_some_and(|astron| bytes.renamed || is_plain && all(astron))
        };
        match &bytes.spelling {
            Spelling::String if is_renamed(|all| all.string) => self.word(CHAR),
            Spelling::Blob if is_renamed(|all| all.blob) => self.word(UINT8),
            Spelling::String => self.word(word_code(Simple::String)),
            Spelling::Blob => self.word(word_code(Simple::Blob)),
            Spelling::Blob32 => {
                self.is_foreign = true;
                self.word(word_code(Simple::Blob32));
            }
            Spelling::Array(number) => self.byte_element(number),
        }
        self.counts(&bytes.counts);
    }

    /// The element of `char x[]` or `uint8 x[]`. Astron's hash does not see what narrows it.
    fn byte_element(&mut self, number: &Number) {
        match (self.astron, number_code(number.kind)) {
            (Some(_), Some(code)) => self.word(code),
            _ => self.number(number),
        }
    }

    fn word(&mut self, code: i32) {
        self.int(code);
        self.int(1);
    }

    fn array(&mut self, array: &Array) {
        match &array.word {
            Some(word) => {
                self.is_foreign = true;
                self.int(word_code(word.simple));
                self.transforms(&word.number);
            }
            None if self.astron.is_some() => self.astron_array(array),
            None => {
                self.ty(&array.element);
                self.counts(&array.counts);
            }
        }
    }

    /// For Astron, the first of the dimensions that stand behind each other is the innermost one.
    fn astron_array(&mut self, array: &Array) {
        let (mut dims, mut next) = (vec![&array.counts], array);
        while next.joined {
            match &next.element.shape {
                Shape::Array(inner) => {
                    dims.push(&inner.counts);
                    next = inner;
                }
                Shape::Bytes(Bytes { spelling: Spelling::Array(number), counts, .. }) => {
                    self.byte_element(number);
                    dims.push(counts);
                    return dims.into_iter().for_each(|counts| self.counts(counts));
                }
                _ => break,
            }
        }
        self.ty(&next.element);
        dims.into_iter().for_each(|counts| self.counts(counts));
    }

    fn counts(&mut self, counts: &Counts) {
        self.is_foreign |= counts.0.len() > 1;
        if !counts.0.is_empty() {
            self.int(counts.0.len() as i32);
            for (min, max) in &counts.0 {
                self.int(min.cast_signed());
                self.int(max.cast_signed());
            }
        }
    }

    fn switch(&mut self, switch: &Switch) {
        self.is_foreign = true;
        self.bytes(switch.name.as_bytes());
        self.field(&switch.key);
        self.int(switch.cases.len() as i32);
        for case in &switch.cases {
            self.bytes(&case.value);
            self.case(switch, case.fields);
        }
        if let Some(fields) = switch.default {
            self.case(switch, fields);
        }
    }

    /// The key counts as the first field of each case.
    fn case(&mut self, switch: &Switch, fields: (u32, u32)) {
        let fields = switch.slice(fields);
        self.int(1 + fields.len() as i32);
        self.field(&switch.key);
        fields.iter().for_each(|field| self.field(field));
    }
}

/// The end of a range as it is hashed: scaled as a double, and cut to 32 bits.
fn bound(number: &Number, bound: Literal) -> i32 {
    let scaled = bound.as_f64() * f64::from(number.divisor);
    if number.kind.is_float() {
        return to_int(scaled);
    }
    let rounded = (scaled + 0.5).floor();
    // What does not fit 64 bits either becomes a number whose lower half is 0.
    let bits = match rounded {
        _ if rounded.abs() < 63f64.exp2() => (rounded as i64).cast_unsigned(),
        _ if !number.kind.is_signed() && rounded < 64f64.exp2() => rounded as u64,
        _ => 0,
    };
    bits as i32
}

/// The same in Astron, which keeps all bounds as doubles.
fn astron_bound(number: &Number, bound: Literal) -> i32 {
    let scaled = bound.as_f64() * f64::from(number.divisor);
    to_int(if number.kind.is_float() { scaled } else { (scaled + 0.5).floor() })
}

/// A double as an int: truncated, and the least int if it is beyond all ints.
fn to_int(value: f64) -> i32 {
    let value = value.trunc();
    if value >= f64::from(i32::MIN) && value <= f64::from(i32::MAX) {
        value as i32
    } else {
        i32::MIN
    }
}

const CHAR: i32 = 19;
const UINT8: i32 = 4;

/// The number of a simple type; float32 never got one.
fn number_code(kind: NumberKind) -> Option<i32> {
    Some(match kind {
        NumberKind::Int8 => 0,
        NumberKind::Int16 => 1,
        NumberKind::Int32 => 2,
        NumberKind::Int64 => 3,
        NumberKind::UInt8 => UINT8,
        NumberKind::UInt16 => 5,
        NumberKind::UInt32 => 6,
        NumberKind::UInt64 => 7,
        NumberKind::Float64 => 8,
        NumberKind::Char => CHAR,
        NumberKind::Float32 => return None,
    })
}

/// The number of a word that names a type.
fn word_code(word: Simple) -> i32 {
    match word {
        Simple::Int16Array => 12,
        Simple::Int32Array => 13,
        Simple::UInt16Array => 14,
        Simple::UInt32Array => 15,
        Simple::Int8Array => 16,
        Simple::UInt8Array => 17,
        Simple::UInt32UInt8Array => 18,
        Simple::Blob32 => 11,
        Simple::Blob => 10,
        Simple::String => 9,
        Simple::Number(kind) => number_code(kind).unwrap_or_default(),
    }
}
