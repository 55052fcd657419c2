//! The legacy hash: a number by which two programs see that they read the same DC files.
//!
//! It is a sum of products with prime numbers, over a walk through all declarations. What the
//! walk meets, and in which order, is fixed by the programs in use.

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

/// The hash of all classes and structs, in the order of their ids.
pub(crate) fn hash(types: &[Arc<Class>]) -> u32 {
    let mut hasher = Hasher { sum: 0, next: 0, primes: primes() };
    hasher.int(1);
    hasher.int(types.len() as i32);
    types.iter().for_each(|class| hasher.class(class));
    hasher.sum
}

struct Hasher {
    sum: u32,
    /// Which prime is next.
    next: usize,
    primes: &'static [u32],
}

impl Hasher {
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
        if !field.hash_by_name {
            return self.int(field.keywords.bits().into());
        }
        let mut names: Vec<&str> = field.custom.iter().map(String::as_str).collect();
        field.keywords.names().for_each(|name| names.push(name));
        names.sort_unstable();
        self.int(names.len() as i32);
        names.iter().for_each(|name| self.bytes(name.as_bytes()));
    }

    fn ty(&mut self, ty: &Type) {
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
        self.int(number.divisor.cast_signed());
        if let Some(modulus) = number.modulus {
            // It is kept as a double, and a double beyond an int becomes the least int.
            self.int(to_int(modulus.as_f64() * f64::from(number.divisor)));
        }
        if !number.ranges.is_empty() {
            self.int(number.ranges.len() as i32);
            for (min, max) in &number.ranges {
                self.int(bound(number, *min));
                self.int(bound(number, *max));
            }
        }
    }

    fn byte_type(&mut self, bytes: &Bytes) {
        match &bytes.spelling {
            Spelling::String => self.word(9),
            Spelling::Blob => self.word(10),
            Spelling::Blob32 => self.word(11),
            Spelling::Array(number) => self.number(number),
        }
        self.counts(&bytes.counts);
    }

    fn word(&mut self, code: i32) {
        self.int(code);
        self.int(1);
    }

    fn array(&mut self, array: &Array) {
        match &array.word {
            Some(word) => {
                self.int(array_code(word.simple));
                self.int(word.divisor.cast_signed());
            }
            None => self.ty(&array.element),
        }
        self.counts(array.hashed_counts());
    }

    fn counts(&mut self, counts: &Counts) {
        if !counts.0.is_empty() {
            self.int(counts.0.len() as i32);
            for (min, max) in &counts.0 {
                self.int(min.cast_signed());
                self.int(max.cast_signed());
            }
        }
    }

    fn switch(&mut self, switch: &Switch) {
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

/// The end of a range as it is hashed: scaled, and cut to 32 bits.
fn bound(number: &Number, bound: Literal) -> i32 {
    if number.kind.is_float() {
        return to_int(bound.as_f64() * f64::from(number.divisor));
    }
    number.scale(bound) as i32
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

/// The number of a simple type; float32 never got one.
fn number_code(kind: NumberKind) -> Option<i32> {
    Some(match kind {
        NumberKind::Int8 => 0,
        NumberKind::Int16 => 1,
        NumberKind::Int32 => 2,
        NumberKind::Int64 => 3,
        NumberKind::UInt8 => 4,
        NumberKind::UInt16 => 5,
        NumberKind::UInt32 => 6,
        NumberKind::UInt64 => 7,
        NumberKind::Float64 => 8,
        NumberKind::Char => 19,
        NumberKind::Float32 => return None,
    })
}

fn array_code(word: Simple) -> i32 {
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
