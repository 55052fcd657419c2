//! How values lie in bytes, for whoever reads them with another program.

use super::types::{Bytes, Number, Shape, Spelling, Switch, Type};
use super::{Body, Field};

/// Parts of a value with their names.
type Parts = Vec<(String, Layout)>;

/// How the bytes of a value follow one another. All numbers are little-endian. Which values are allowed is left out.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Layout {
    /// An integer.
    Integer {
        /// 1, 2, 4 or 8.
        bytes: u32,
        /// Whether it can be negative.
        signed: bool,
        /// By what it is divided, to be what people mean.
        divisor: u32,
    },
    /// An IEEE 754 number.
    Float {
        /// 4 or 8.
        bytes: u32,
    },
    /// A byte that stands for a character.
    Char,
    /// Text or bytes.
    Bytes {
        /// How many, if it is always as many and there is no tag.
        fixed: Option<u32>,
        /// How many bytes the length before them has.
        tag: u32,
        /// Whether it is text.
        is_text: bool,
    },
    /// Values of one kind.
    Array {
        /// Of which kind.
        element: Box<Layout>,
        /// How many, if it is always as many; or else two bytes before them say how many bytes they take.
        fixed: Option<u32>,
    },
    /// One after the other, with their names: of a struct, or the parts of a molecular field.
    Row(Parts),
    /// The same, of a method.
    Method(Parts),
    /// A value, and those that follow it if it has these bytes.
    Switch {
        /// Its name and what it is.
        key: Box<(String, Layout)>,
        /// What follows, by its bytes.
        cases: Vec<(Vec<u8>, Parts)>,
        /// What follows otherwise; `None` if nothing may.
        default: Option<Parts>,
    },
}

impl Field {
    /// How its values lie in bytes.
    pub fn layout(&self) -> Layout {
        match &self.body {
            Body::Param(param) => of_type(&param.ty),
            Body::Method(params) => {
                let named = params.iter().map(|param| (param.name.clone(), of_type(&param.ty)));
                Layout::Method(named.collect())
            }
            Body::Molecular(parts) => Layout::Row(parts.iter().map(|part| named(part)).collect()),
        }
    }
}

fn named(field: &Field) -> (String, Layout) {
    (field.name.clone(), field.layout())
}

fn of_type(ty: &Type) -> Layout {
    match &ty.shape {
        Shape::Number(number) => of_number(number),
        Shape::Bytes(bytes) => of_bytes(bytes),
        Shape::Array(array) => Layout::Array {
            element: Box::new(of_type(&array.element)),
            fixed: array.counts.fixed(),
        },
        Shape::Struct(it) => Layout::Row(it.fields.iter().map(|field| named(field)).collect()),
        Shape::Switch(switch) => of_switch(switch),
    }
}

fn of_number(number: &Number) -> Layout {
    let bytes = number.kind.size();
    match number.kind {
        crate::ast::NumberKind::Char => Layout::Char,
        kind if kind.is_float() => Layout::Float { bytes },
        kind => Layout::Integer { bytes, signed: kind.is_signed(), divisor: number.divisor },
    }
}

fn of_bytes(bytes: &Bytes) -> Layout {
    let is_text = match &bytes.spelling {
        Spelling::String => true,
        Spelling::Blob | Spelling::Blob32 => false,
        Spelling::Array(number) => number.kind == crate::ast::NumberKind::Char,
    };
    let tag = if matches!(bytes.spelling, Spelling::Blob32) { 4 } else { 2 };
    Layout::Bytes { fixed: bytes.counts.fixed(), tag, is_text }
}

fn of_switch(switch: &Switch) -> Layout {
    let fields = |(from, to): (u32, u32)| {
        switch.fields[from as usize..to as usize].iter().map(|field| named(field)).collect()
    };
    Layout::Switch {
        key: Box::new(named(&switch.key)),
        cases: switch.cases.iter().map(|it| (it.value.to_vec(), fields(it.fields))).collect(),
        default: switch.default.map(fields),
    }
}
