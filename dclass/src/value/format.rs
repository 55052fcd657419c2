//! Packed values → text, as text databases hold them.

use super::ValueError;
use super::check::{self, extent};
use super::error::{Fault, FaultKind};
use crate::ast::NumberKind;
use crate::schema::types::{Bytes, Number, Shape, Spelling, Type};
use crate::schema::{Body, Field};
use std::fmt::Write;
use std::sync::Arc;

impl Field {
    /// Writes a packed value as DC text: numbers as they are packed, floats in the shortest form
    /// that reads back the same. A molecular value is written like a struct's, part by part, as Astron does.
    ///
    /// # Errors
    /// Those of [`skip`](Field::skip), and if the value does not fill `value` wholly. Ranges and
    /// the validity of strings are not checked.
    pub fn format(&self, value: &[u8]) -> Result<String, ValueError> {
        let mut out = String::with_capacity(value.len() * 2);
        let end = field(self, value, 0, &mut out).map_err(|fault| fault.into_error(self))?;
        match value.len() - end {
            0 => Ok(out),
            extra => {
                Err(ValueError::Trailing { field: self.name().to_owned(), offset: end, extra })
            }
        }
    }
}

/// As [`Field::format`], of a value that stands by itself.
pub(super) fn of_type(ty: &Type, bytes: &[u8]) -> Option<String> {
    let mut out = String::new();
    let end = value(ty, bytes, 0, &mut out).ok()?;
    (end == bytes.len()).then_some(out)
}

type Formatted = Result<usize, Box<Fault>>;

fn field(field: &Field, bytes: &[u8], at: usize, out: &mut String) -> Formatted {
    match &field.body {
        Body::Param(param) => value(&param.ty, bytes, at, out),
        Body::Method(params) => {
            let parts = params.iter().map(|param| (param.name.as_str(), &*param.ty));
            list(parts, ['(', ')'], out, at, |(name, ty), position, at, out| {
                value(ty, bytes, at, out).map_err(|fault| fault.within_part(name, position))
            })
        }
        Body::Molecular(parts) => fields(parts.iter(), ['{', '}'], bytes, at, out),
    }
}

fn fields<'f>(
    fields: impl Iterator<Item = &'f Arc<Field>>,
    brackets: [char; 2],
    bytes: &[u8],
    at: usize,
    out: &mut String,
) -> Formatted {
    list(fields, brackets, out, at, |part, position, at, out| {
        field(part, bytes, at, out).map_err(|fault| fault.within_part(part.name(), position))
    })
}

/// Writes parts between brackets, each where the one before it ends.
fn list<T>(
    parts: impl Iterator<Item = T>,
    [open, close]: [char; 2],
    out: &mut String,
    at: usize,
    mut one: impl FnMut(T, usize, usize, &mut String) -> Formatted,
) -> Formatted {
    out.push(open);
    let mut at = at;
    for (position, part) in parts.enumerate() {
        if position > 0 {
            out.push_str(", ");
        }
        at = one(part, position, at, out)?;
    }
    out.push(close);
    Ok(at)
}

fn value(ty: &Type, bytes: &[u8], at: usize, out: &mut String) -> Formatted {
    match &ty.shape {
        Shape::Number(kind) => {
            let end = check::walk::<false>(ty, bytes, at)?;
            number(kind, &bytes[at..end], out);
            Ok(end)
        }
        Shape::Bytes(kind) => {
            let (start, end) = extent(kind, bytes, at)?;
            write_bytes(kind, &bytes[at..end], &bytes[start..end], out);
            Ok(end)
        }
        Shape::Array(array) => {
            // Lengths first: elements must not reach beyond what the tag encloses.
            let end = check::walk::<false>(ty, bytes, at)?;
            let start = if array.untagged().is_some() { at } else { at + 2 };
            let enclosed = &bytes[..end];
            let mut next = start;
            out.push('[');
            while next < end {
                if next > start {
                    out.push_str(", ");
                }
                let length = end - start;
                let after = value(&array.element, enclosed, next, out)
                    .map_err(|fault| fault.as_malformed(length))?;
                if after == next {
                    return Err(Fault::new(FaultKind::Malformed { length }, next));
                }
                next = after;
            }
            out.push(']');
            Ok(end)
        }
        Shape::Struct(parts) => fields(parts.fields.iter(), ['{', '}'], bytes, at, out),
        Shape::Switch(switch) => {
            let end = check::walk_field::<false>(&switch.key, bytes, at)?;
            let rest = check::switch_fields(switch, &bytes[at..end], at)?;
            fields([&switch.key].into_iter().chain(rest), ['{', '}'], bytes, at, out)
        }
    }
}

fn number(number: &Number, bytes: &[u8], out: &mut String) {
    match number.kind {
        NumberKind::Char => quote(bytes, '\'', out),
        NumberKind::Float32 => float32(f32::from_bits(check::unsigned(bytes) as u32), out),
        NumberKind::Float64 => float64(f64::from_bits(check::unsigned(bytes)), out),
        kind if kind.is_signed() => append(out, format_args!("{}", check::signed(bytes))),
        _ => append(out, format_args!("{}", check::unsigned(bytes))),
    }
}

fn append(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(text);
}

/// A float for a message: the fewest digits that say it.
#[derive(PartialEq)]
pub(crate) struct Float<T>(pub T);

impl std::fmt::Display for Float<f32> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = String::new();
        float32(self.0, &mut text);
        f.write_str(&text)
    }
}

impl std::fmt::Display for Float<f64> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = String::new();
        float64(self.0, &mut text);
        f.write_str(&text)
    }
}

/// Bounds between which floats are written without an exponent.
const PLAIN: std::ops::Range<f64> = 1e-5..1e16;

fn float64(value: f64, out: &mut String) {
    if value == 0.0 && value.is_sign_negative() {
        out.push_str("-0.0");
    } else if value == 0.0 || PLAIN.contains(&value.abs()) || !value.is_finite() {
        special_or(value, out, format!("{value}"));
    } else {
        out.push_str(&with_dot(format!("{value:e}")));
    }
}

fn float32(value: f32, out: &mut String) {
    let wide = f64::from(value);
    if value == 0.0 && value.is_sign_negative() {
        out.push_str("-0.0");
    } else if value == 0.0 || PLAIN.contains(&wide.abs()) || !wide.is_finite() {
        special_or(wide, out, format!("{value}"));
    } else {
        out.push_str(&with_dot(format!("{value:e}")));
    }
}

fn special_or(value: f64, out: &mut String, text: String) {
    match value {
        value if value.is_nan() => out.push_str("nan"),
        value if value.is_infinite() => out.push_str(if value > 0.0 { "inf" } else { "-inf" }),
        _ => out.push_str(&text),
    }
}

/// Not every reader takes an exponent without a dot before it.
fn with_dot(text: String) -> String {
    match text.split_once('e') {
        Some((mantissa, exponent)) if !mantissa.contains('.') => {
            format!("{mantissa}.0e{exponent}")
        }
        _ => text,
    }
}

fn write_bytes(kind: &Bytes, packed: &[u8], content: &[u8], out: &mut String) {
    match &kind.spelling {
        Spelling::String => quote(content, '"', out),
        Spelling::Blob | Spelling::Blob32 => {
            out.push('<');
            packed.iter().for_each(|byte| append(out, format_args!("{byte:02x}")));
            out.push('>');
        }
        Spelling::Array(element) => {
            out.push('[');
            for (i, byte) in content.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                number(element, std::slice::from_ref(byte), out);
            }
            out.push(']');
        }
    }
}

fn quote(bytes: &[u8], mark: char, out: &mut String) {
    out.push(mark);
    for byte in bytes {
        match *byte {
            b'\\' => out.push_str("\\\\"),
            byte if byte == mark as u8 => {
                out.push('\\');
                out.push(mark);
            }
            byte @ b' '..=b'~' => out.push(byte as char),
            byte => append(out, format_args!("\\x{byte:02x}")),
        }
    }
    out.push(mark);
}
