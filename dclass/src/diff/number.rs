//! Numbers from one type to another: what they stand for stays, not the bytes.

use crate::ast::NumberKind;
use crate::schema::types::Number;
use crate::value::{Float, signed, unsigned};

/// A packed number.
#[derive(Copy, Clone, Debug, PartialEq)]
enum Packed {
    Integer(i128),
    Float(f64),
}

/// A number in its new form.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Carried {
    pub bits: u64,
    /// The new type has no room for all digits.
    pub is_rounded: bool,
}

/// Carries a packed number.
///
/// # Errors
/// What the value is, and what the new type can hold.
pub(super) fn carry(old: &Number, new: &Number, bytes: &[u8]) -> Result<Carried, String> {
    let value = read(old, bytes);
    let carried = convert(old, new, value).ok_or_else(|| refuse(old, new, value))?;
    // What comes back as it was has lost nothing.
    let is_rounded = match (value, convert(new, old, carried)) {
        (Packed::Float(value), Some(Packed::Float(back))) => !same_float(value, back),
        (value, Some(back)) => value != back,
        (_, None) => true,
    };
    Ok(Carried { bits: bits(new, carried), is_rounded })
}

fn same_float(left: f64, right: f64) -> bool {
    left == right || left.is_nan() && right.is_nan()
}

fn read(number: &Number, bytes: &[u8]) -> Packed {
    match number.kind {
        NumberKind::Float32 => Packed::Float(f32::from_bits(unsigned(bytes) as u32).into()),
        NumberKind::Float64 => Packed::Float(f64::from_bits(unsigned(bytes))),
        kind if kind.is_signed() => Packed::Integer(signed(bytes).into()),
        _ => Packed::Integer(unsigned(bytes).into()),
    }
}

/// The number in the new form, or nothing if the type cannot hold it.
fn convert(old: &Number, new: &Number, value: Packed) -> Option<Packed> {
    let (from, to) = (i128::from(old.divisor), i128::from(new.divisor));
    let scale = f64::from(new.divisor) / f64::from(old.divisor);
    let converted = match value {
        Packed::Integer(value) if !new.kind.is_float() => Packed::Integer(round(value * to, from)),
        Packed::Integer(value) => {
            Packed::Float(value as f64 * f64::from(new.divisor) / from as f64)
        }
        Packed::Float(value) if new.kind.is_float() && from == to => Packed::Float(value),
        Packed::Float(value) if new.kind.is_float() => Packed::Float(value * scale),
        Packed::Float(value) => {
            let scaled = (value * f64::from(new.divisor) / f64::from(old.divisor) + 0.5).floor();
            // Beyond this, no integer type holds it, and nor does the conversion.
            if scaled.is_nan() || scaled.abs() >= 1e30 {
                return None;
            }
            Packed::Integer(scaled as i128)
        }
    };
    match converted {
        Packed::Integer(value) => {
            let (min, max) = new.kind.bounds();
            (min <= value && value <= max).then_some(converted)
        }
        Packed::Float(value) if new.kind == NumberKind::Float32 => {
            let narrow = value as f32;
            let is_lost = value.is_finite() && !narrow.is_finite();
            (!is_lost).then_some(Packed::Float(narrow.into()))
        }
        Packed::Float(_) => Some(converted),
    }
}

/// Divides, and rounds halves up, as literals in DC files are.
fn round(value: i128, divisor: i128) -> i128 {
    (2 * value + divisor).div_euclid(2 * divisor)
}

fn bits(number: &Number, value: Packed) -> u64 {
    match (value, number.kind) {
        (Packed::Float(value), NumberKind::Float32) => (value as f32).to_bits().into(),
        (Packed::Float(value), _) => value.to_bits(),
        // Two's complement; the width is cut where it is written.
        (Packed::Integer(value), _) => value as u64,
    }
}

fn refuse(old: &Number, new: &Number, value: Packed) -> String {
    let shown = match value {
        Packed::Integer(value) if old.divisor == 1 => value.to_string(),
        Packed::Integer(value) => Float(value as f64 / f64::from(old.divisor)).to_string(),
        Packed::Float(value) if old.kind == NumberKind::Float32 && old.divisor == 1 => {
            Float(value as f32).to_string()
        }
        Packed::Float(value) => Float(value / f64::from(old.divisor)).to_string(),
    };
    let word = crate::ast::Simple::Number(new.kind).word();
    if new.kind.is_float() {
        return format!("{shown} does not fit {word}");
    }
    let (min, max) = new.kind.bounds();
    if new.divisor == 1 {
        return format!("{shown} does not fit {word}, which holds {min} to {max}");
    }
    let real = |packed: i128| Float(packed as f64 / f64::from(new.divisor));
    format!(
        "{shown} does not fit {word}/{}, which holds {} to {}",
        new.divisor,
        real(min),
        real(max)
    )
}
