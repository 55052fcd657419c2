//! Types → text, in one spelling for all ways to declare the same.

use super::types::{Array, Bytes, Counts, Number, Shape, Spelling, Switch, Type};
use super::{Body, Field, Param};
use crate::ast::{Number as Literal, NumberKind, Simple};
use std::fmt::{self, Display, Write};

impl Field {
    /// The types of the field's values, with structs and typedefs written out and without names:
    /// `(uint8, {int16/10, string(0-20)}[])`. If this text has changed from one DC file to the
    /// next, values stored under the old one may not fit the new one.
    pub fn type_text(&self) -> String {
        format!("{}", FieldText(self))
    }

    /// The same with the names of parts behind their types: `(uint8 kind, {int16/10 x, string(0-20) text}[] list)`.
    pub fn named_type_text(&self) -> String {
        format!("{:#}", FieldText(self))
    }

    /// The field's declaration without its keywords: `setXY(int16/10 x, int16/10 y)`.
    pub fn declaration(&self) -> String {
        let list = |params: &[Param]| {
            let texts: Vec<String> = params.iter().map(declared).collect();
            texts.join(", ")
        };
        match &self.body {
            Body::Method(params) => format!("{}({})", self.name, list(params)),
            Body::Param(param) => {
                format!("{} {}", short(&param.ty), self.name).trim_end().to_owned()
            }
            Body::Molecular(parts) => {
                let names: Vec<&str> = parts.iter().map(|part| part.name()).collect();
                format!("{} : {}", self.name, names.join(", "))
            }
        }
    }
}

fn declared(param: &Param) -> String {
    format!("{} {}", short(&param.ty), param.name).trim_end().to_owned()
}

/// The type as a declaration would name it: structs by their names.
fn short(ty: &Type) -> String {
    match &ty.shape {
        Shape::Struct(parts) if !parts.class.name().is_empty() => parts.class.name().to_owned(),
        Shape::Switch(switch) if !switch.name.is_empty() => switch.name.clone(),
        Shape::Array(array) if array.word.is_none() => match array_parts(array) {
            (Type { shape: Shape::Bytes(_), .. }, _) => Text(ty).to_string(),
            (base, dims) => format!("{}{dims}", short(base)),
        },
        _ => Text(ty).to_string(),
    }
}

/// Dimensions are written from the outermost to the innermost, behind the innermost element.
fn array_parts(array: &Array) -> (&Type, String) {
    let mut dims = format!("[{}]", Sizes(&array.counts));
    let mut element = &*array.element;
    while let Shape::Array(inner) = &element.shape {
        if inner.word.is_some() {
            break;
        }
        let _ = write!(dims, "[{}]", Sizes(&inner.counts));
        element = &inner.element;
    }
    (element, dims)
}

/// The types of a field's values; if it is written as an alternate, with the names of their parts.
struct FieldText<'f>(&'f Field);

impl Display for FieldText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.body {
            Body::Param(param) => Text(&param.ty).fmt(f),
            Body::Method(params) => {
                f.write_char('(')?;
                for (i, param) in params.iter().enumerate() {
                    f.write_str(if i > 0 { ", " } else { "" })?;
                    Text(&param.ty).fmt(f)?;
                    part_name(f, &param.name)?;
                }
                f.write_char(')')
            }
            Body::Molecular(parts) => {
                for (i, part) in parts.iter().enumerate() {
                    f.write_str(if i > 0 { " + " } else { "" })?;
                    FieldText(part).fmt(f)?;
                    part_name(f, part.name())?;
                }
                Ok(())
            }
        }
    }
}

fn part_name(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    match f.alternate() && !name.is_empty() {
        true => write!(f, " {name}"),
        false => Ok(()),
    }
}

/// A type, written out.
pub(crate) struct Text<'t>(pub &'t Type);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.shape {
            Shape::Number(number) => write!(f, "{number}"),
            Shape::Bytes(bytes) => write!(f, "{bytes}"),
            Shape::Array(array) => array.fmt(f),
            Shape::Struct(parts) => list(f, &parts.fields),
            Shape::Switch(switch) => switch.fmt(f),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, fields: &[std::sync::Arc<Field>]) -> fmt::Result {
    f.write_char('{')?;
    for (i, field) in fields.iter().enumerate() {
        f.write_str(if i > 0 { ", " } else { "" })?;
        FieldText(field).fmt(f)?;
        part_name(f, field.name())?;
    }
    f.write_char('}')
}

impl Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(number_word(self.kind))?;
        write_modifiers(self, f)
    }
}

/// What narrows a number, in the order that all readers take.
fn write_modifiers(number: &Number, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if let Some(modulus) = &number.modulus {
        write!(f, "%{modulus}")?;
    }
    if number.divisor != 1 {
        write!(f, "/{}", number.divisor)?;
    }
    for (i, (min, max)) in number.ranges.iter().enumerate() {
        f.write_str(if i > 0 { ", " } else { "(" })?;
        match (min, max) {
            _ if min == max => write!(f, "{min}")?,
            (Literal::Integer(_), Literal::Integer(_)) => write!(f, "{min}-{max}")?,
            // Some readers take the minus of `0.5-1.5` for a sign.
            _ => write!(f, "{min} - {max}")?,
        }
    }
    f.write_str(if number.ranges.is_empty() { "" } else { ")" })
}

impl Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Integer(value) => write!(f, "{value}"),
            Literal::Real(value, _) => write!(f, "{value:?}"),
        }
    }
}

impl Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes = Sizes(&self.counts);
        let word = match &self.spelling {
            Spelling::String => "string",
            Spelling::Blob => "blob",
            Spelling::Blob32 => "blob32",
            Spelling::Array(number) => return write!(f, "{number}[{sizes}]"),
        };
        match self.counts.0.is_empty() {
            true => f.write_str(word),
            false => write!(f, "{word}({sizes})"),
        }
    }
}

impl Display for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(word) = &self.word else {
            let (element, dims) = array_parts(self);
            // The bytes' own dimension comes after the outer ones.
            return match &element.shape {
                Shape::Bytes(Bytes { spelling: Spelling::Array(number), counts, .. }) => {
                    write!(f, "{number}{dims}[{}]", Sizes(counts))
                }
                _ => {
                    Text(element).fmt(f)?;
                    f.write_str(&dims)
                }
            };
        };
        f.write_str(word.simple.word())?;
        write_modifiers(&word.number, f)
    }
}

impl Display for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("switch (")?;
        FieldText(&self.key).fmt(f)?;
        f.write_str(") {")?;
        for case in &self.cases {
            f.write_str("case ")?;
            case.value.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
            f.write_str(": ")?;
            list(f, self.slice(case.fields))?;
            f.write_str("; ")?;
        }
        if let Some(fields) = self.default {
            f.write_str("default: ")?;
            list(f, self.slice(fields))?;
        }
        f.write_char('}')
    }
}

struct Sizes<'c>(&'c Counts);

impl Display for Sizes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (min, max)) in self.0.0.iter().enumerate() {
            f.write_str(if i > 0 { ", " } else { "" })?;
            match min == max {
                true => write!(f, "{min}")?,
                false => write!(f, "{min}-{max}")?,
            }
        }
        Ok(())
    }
}

fn number_word(kind: NumberKind) -> &'static str {
    Simple::Number(kind).word()
}
