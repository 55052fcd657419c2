//! The values that fields have when nobody gives them one.

use crate::ast::NumberKind;
use crate::schema::Field;
use crate::schema::types::{Bytes, Limits, Number, Shape, Switch, Type};

/// Appends the value that comes closest to nothing, with the defaults of its parts.
///
/// It is not longer than a message can be: the types see to that. A float32 beyond the type's own
/// range stays what it is.
pub(crate) fn implicit(ty: &Type, out: &mut Vec<u8>) {
    match &ty.shape {
        Shape::Number(number) => implicit_number(number, out),
        Shape::Bytes(bytes) => implicit_bytes(bytes, out),
        Shape::Array(array) => {
            let count = array.implicit();
            let tag = array.untagged().is_none();
            let start = out.len();
            if tag {
                out.extend([0, 0]);
            }
            for _ in 0..count {
                implicit(&array.element, out);
            }
            if tag {
                let length = (out.len() - start - 2) as u16;
                out[start..start + 2].copy_from_slice(&length.to_le_bytes());
            }
        }
        Shape::Struct(parts) => {
            parts.fields.iter().for_each(|field| implicit_field(field, out));
        }
        Shape::Switch(switch) => implicit_switch(switch, out),
    }
}

/// Appends the field's own default value.
fn implicit_field(field: &Field, out: &mut Vec<u8>) {
    out.extend_from_slice(&field.implicit);
}

/// The bytes of the number nearest to zero that is allowed: 0, or the first range's minimum.
fn implicit_number(number: &Number, out: &mut Vec<u8>) {
    let size = number.kind.size() as usize;
    let bits = match &number.limits {
        Limits::None => 0,
        Limits::Signed(allowed) => nearest(allowed, 0).cast_unsigned(),
        Limits::Unsigned(allowed) => nearest(allowed, 0),
        Limits::Float(allowed) => match number.kind {
            NumberKind::Float32 => (nearest(allowed, 0.0) as f32).to_bits().into(),
            _ => nearest(allowed, 0.0).to_bits(),
        },
    };
    out.extend_from_slice(&bits.to_le_bytes()[..size]);
}

fn nearest<T: PartialOrd + Copy>(allowed: &[(T, T)], zero: T) -> T {
    if super::check::within(allowed, zero) {
        return zero;
    }
    allowed.first().map_or(zero, |range| range.0)
}

fn implicit_bytes(bytes: &Bytes, out: &mut Vec<u8>) {
    let count = bytes.counts.min();
    out.extend_from_slice(&count.to_le_bytes()[..bytes.tag()]);
    let byte = match bytes.limits() {
        Limits::Unsigned(allowed) => nearest(allowed, 0) as u8,
        _ => 0,
    };
    out.resize(out.len() + count as usize, byte);
}

/// A case with defaults is preferred if the key's own default leads to it, then the first case.
fn implicit_switch(switch: &Switch, out: &mut Vec<u8>) {
    let own_key = &switch.key.implicit;
    let explicit = switch.fields.iter().any(|field| field.explicit);
    let by_own_key = switch.fields_for(own_key);
    let first = switch.cases.first().map(|case| (&case.value, switch.slice(case.fields)));
    let (key, fields) = match (by_own_key, first) {
        (Some(fields), Some(_)) if explicit => (own_key, fields),
        (_, Some((key, fields))) => (key, fields),
        (Some(fields), None) => (own_key, fields),
        // A switch without any case has no value at all.
        (None, None) => (own_key, &[][..]),
    };
    out.extend_from_slice(key);
    fields.iter().for_each(|field| implicit_field(field, out));
}
