//! Walks over packed bytes along a type. With `CHECK` every constraint is checked, without it only
//! lengths are read.

use super::error::{Fault, FaultKind, Step};
use super::format::Float;
use crate::ast::NumberKind;
use crate::schema::types::{Array, Bytes, Limits, Number, Shape, Size, Switch, Type};
use crate::schema::{Body, Field, StringEncoding};
use std::fmt::Display;
use std::sync::Arc;

/// Where the value ends.
type Walked = Result<usize, Box<Fault>>;

impl Type {
    /// Checks a value that must fill `bytes` wholly; the error is for a message.
    pub(crate) fn check_all(&self, bytes: &[u8]) -> Result<(), String> {
        match walk::<true>(self, bytes, 0) {
            Ok(end) if end == bytes.len() => Ok(()),
            Ok(end) => Err(format!("{} bytes too many", bytes.len() - end)),
            Err(fault) => Err(fault.to_string()),
        }
    }
}

/// The end of the field's value that begins at `at`.
pub(crate) fn walk_field<const CHECK: bool>(field: &Field, bytes: &[u8], at: usize) -> Walked {
    if field.size.fixed && !(CHECK && field.checked) {
        return advance(bytes, at, field.size.min as usize);
    }
    match &field.body {
        Body::Param(param) => walk::<CHECK>(&param.ty, bytes, at),
        Body::Method(params) => params.iter().enumerate().try_fold(at, |at, (position, param)| {
            walk::<CHECK>(&param.ty, bytes, at)
                .map_err(|fault| fault.within_part(&param.name, position))
        }),
        Body::Molecular(parts) => parts.iter().enumerate().try_fold(at, |at, (position, part)| {
            walk_field::<CHECK>(part, bytes, at)
                .map_err(|fault| fault.within_part(&part.name, position))
        }),
    }
}

/// As [`walk_field`] with `CHECK`, along a molecular field from the front of `bytes`: says which bytes are
/// which part's.
pub(crate) fn walk_parts<'f, 'v>(
    field: &Field,
    parts: &'f [Arc<Field>],
    bytes: &'v [u8],
    mut found: impl FnMut(&'f Field, &'v [u8]),
) -> Walked {
    if field.size.fixed && !field.checked {
        // Nothing else can be wrong with any of the parts.
        advance(bytes, 0, field.size.min as usize)?;
    }
    parts.iter().enumerate().try_fold(0, |at, (position, part)| {
        let end = walk_field::<true>(part, bytes, at)
            .map_err(|fault| fault.within_part(&part.name, position))?;
        found(part, &bytes[at..end]);
        Ok(end)
    })
}

pub(crate) fn walk<const CHECK: bool>(ty: &Type, bytes: &[u8], at: usize) -> Walked {
    if ty.size.fixed && !(CHECK && ty.checked) {
        return advance(bytes, at, ty.size.min as usize);
    }
    match &ty.shape {
        Shape::Number(number) => {
            let end = advance(bytes, at, number.kind.size() as usize)?;
            check_number(number, &bytes[at..end], at)?;
            Ok(end)
        }
        Shape::Bytes(kind) => {
            let (start, end) = extent(kind, bytes, at)?;
            if CHECK {
                check_bytes(kind, &bytes[start..end], start)?;
            }
            Ok(end)
        }
        Shape::Array(array) => walk_array::<CHECK>(array, bytes, at),
        Shape::Struct(parts) => walk_fields::<CHECK>(&parts.fields, 0, bytes, at),
        Shape::Switch(switch) => {
            let end = walk_field::<CHECK>(&switch.key, bytes, at)
                .map_err(|fault| fault.within_part(switch.key.name(), 0))?;
            let fields = switch_fields(switch, &bytes[at..end], at)?;
            walk_fields::<CHECK>(fields, 1, bytes, end)
        }
    }
}

fn walk_fields<const CHECK: bool>(
    fields: &[Arc<Field>],
    first: usize,
    bytes: &[u8],
    at: usize,
) -> Walked {
    fields.iter().enumerate().try_fold(at, |at, (position, field)| {
        walk_field::<CHECK>(field, bytes, at)
            .map_err(|fault| fault.within_part(&field.name, first + position))
    })
}

/// The fields that follow a switch's key.
pub(crate) fn switch_fields<'s>(
    switch: &'s Switch,
    key: &[u8],
    at: usize,
) -> Result<&'s [Arc<Field>], Box<Fault>> {
    switch.fields_for(key).ok_or_else(|| {
        let reason = "the switch has no case for this value".to_owned();
        Fault::new(FaultKind::Constraint(reason), at)
    })
}

fn walk_array<const CHECK: bool>(array: &Array, bytes: &[u8], at: usize) -> Walked {
    let element = &array.element;
    if let Some(count) = array.untagged() {
        return (0..count as usize).try_fold(at, |at, index| {
            walk::<CHECK>(element, bytes, at).map_err(|fault| fault.within(Step::Index(index)))
        });
    }
    let (start, end) = tagged(bytes, at, 2)?;
    if !CHECK {
        return Ok(end);
    }
    let length = end - start;
    let malformed = |at| Fault::new(FaultKind::Malformed { length }, at);
    let mut count = 0;
    if element.size == Size::NOTHING {
        // Any number of them is no byte, and nothing tells how many they are.
        return if length == 0 { Ok(end) } else { Err(malformed(start)) };
    } else if element.size.fixed && !element.checked {
        let size = element.size.min as usize;
        if !length.is_multiple_of(size) {
            return Err(malformed(end - length % size).within(Step::Index(length / size)));
        }
        count = length / size;
    } else {
        let enclosed = &bytes[..end];
        let mut at = start;
        while at < end {
            let next = walk::<CHECK>(element, enclosed, at)
                .map_err(|fault| fault.as_malformed(length).within(Step::Index(count)))?;
            if next == at {
                return Err(malformed(at));
            }
            at = next;
            count += 1;
        }
    }
    check_count(&array.counts, count, "elements", at)?;
    Ok(end)
}

fn check_count(
    counts: &crate::schema::types::Counts,
    count: usize,
    what: &str,
    at: usize,
) -> Result<(), Box<Fault>> {
    if counts.allow(count) {
        return Ok(());
    }
    let reason = format!("{count} {what}, allowed: {}", ranges(&counts.0));
    Err(Fault::new(FaultKind::Constraint(reason), at))
}

/// Where the bytes themselves begin and end.
pub(crate) fn extent(kind: &Bytes, bytes: &[u8], at: usize) -> Result<(usize, usize), Box<Fault>> {
    match kind.counts.fixed() {
        Some(count) => Ok((at, advance(bytes, at, count as usize)?)),
        None => tagged(bytes, at, kind.tag()),
    }
}

fn check_bytes(kind: &Bytes, value: &[u8], at: usize) -> Result<(), Box<Fault>> {
    check_count(&kind.counts, value.len(), "bytes", at)?;
    let valid = match kind.encoding {
        StringEncoding::Bytes => true,
        StringEncoding::Ascii => value.is_ascii(),
        StringEncoding::Utf8 => std::str::from_utf8(value).is_ok(),
    };
    if !valid {
        let encoding = match kind.encoding {
            StringEncoding::Ascii => "ASCII",
            _ => "UTF-8",
        };
        let good = match std::str::from_utf8(value) {
            Err(error) if kind.encoding == StringEncoding::Utf8 => error.valid_up_to(),
            _ => value.iter().take_while(|byte| byte.is_ascii()).count(),
        };
        let byte = value.get(good).copied().unwrap_or_default();
        let reason = format!("string is not valid {encoding} (byte 0x{byte:02x})");
        return Err(Fault::new(FaultKind::Constraint(reason), at + good));
    }
    if let Limits::Unsigned(allowed) = kind.limits() {
        let outside = |byte: &u8| !within(allowed, u64::from(*byte));
        if let Some(index) = value.iter().position(outside) {
            let fault = out_of_range(value[index], allowed, at + index);
            return Err(fault.within(Step::Index(index)));
        }
    }
    Ok(())
}

/// Where the content of a tagged value begins and ends.
fn tagged(bytes: &[u8], at: usize, width: usize) -> Result<(usize, usize), Box<Fault>> {
    let start = advance(bytes, at, width)?;
    let length = match bytes[at..start] {
        [low, high] => usize::from(u16::from_le_bytes([low, high])),
        _ => unsigned(&bytes[at..start]) as usize,
    };
    Ok((start, advance(bytes, start, length)?))
}

#[inline]
fn advance(bytes: &[u8], at: usize, count: usize) -> Walked {
    let left = bytes.len() - at;
    if count <= left {
        return Ok(at + count);
    }
    Err(Fault::new(FaultKind::Truncated { missing: count - left }, at))
}

/// Checks a packed number, which `bytes` holds wholly.
fn check_number(number: &Number, bytes: &[u8], at: usize) -> Result<(), Box<Fault>> {
    match &number.limits {
        Limits::None => Ok(()),
        Limits::Signed(allowed) => {
            let value = signed(bytes);
            if within(allowed, value) { Ok(()) } else { Err(out_of_range(value, allowed, at)) }
        }
        Limits::Unsigned(allowed) => {
            let value = unsigned(bytes);
            if within(allowed, value) { Ok(()) } else { Err(out_of_range(value, allowed, at)) }
        }
        Limits::Float(allowed) => {
            let value = float(number.kind, bytes);
            if within(allowed, value) {
                return Ok(());
            }
            Err(match number.kind {
                // As they are written, and not as a wider number shows them.
                NumberKind::Float32 => {
                    let short = |(min, max): &(f64, f64)| (Float(*min as f32), Float(*max as f32));
                    let allowed: Vec<_> = allowed.iter().map(short).collect();
                    out_of_range(Float(value as f32), &allowed, at)
                }
                _ => {
                    let allowed: Vec<_> =
                        allowed.iter().map(|(min, max)| (Float(*min), Float(*max))).collect();
                    out_of_range(Float(value), &allowed, at)
                }
            })
        }
    }
}

pub(super) fn within<T: PartialOrd>(allowed: &[(T, T)], value: T) -> bool {
    allowed.iter().any(|(min, max)| *min <= value && value <= *max)
}

fn out_of_range<T: Display + PartialEq>(
    value: impl Display,
    allowed: &[(T, T)],
    at: usize,
) -> Box<Fault> {
    let reason = format!("value {value} is out of range, allowed: {}", ranges(allowed));
    Fault::new(FaultKind::Constraint(reason), at)
}

/// Ranges for a message.
pub(crate) fn ranges<T: Display + PartialEq>(ranges: &[(T, T)]) -> String {
    const SHOWN: usize = 4;
    let one = |(min, max): &(T, T)| match min == max {
        true => min.to_string(),
        false => format!("{min} to {max}"),
    };
    let list: Vec<String> = ranges.iter().take(SHOWN).map(one).collect();
    let more = if ranges.len() > SHOWN { ", …" } else { "" };
    match list.is_empty() {
        true => "none".to_owned(),
        false => list.join(", ") + more,
    }
}

/// Reads a little-endian two's complement number of at most 8 bytes.
pub(crate) fn signed(bytes: &[u8]) -> i64 {
    let unused = 64 - 8 * bytes.len().min(8) as u32;
    if unused == 64 { 0 } else { (unsigned(bytes) << unused).cast_signed() >> unused }
}

/// Reads a little-endian number of at most 8 bytes.
pub(crate) fn unsigned(bytes: &[u8]) -> u64 {
    let mut wide = [0; 8];
    for (to, from) in wide.iter_mut().zip(bytes) {
        *to = *from;
    }
    u64::from_le_bytes(wide)
}

/// Reads a float of this kind.
pub(super) fn float(kind: NumberKind, bytes: &[u8]) -> f64 {
    match kind {
        NumberKind::Float32 => f32::from_bits(unsigned(bytes) as u32).into(),
        _ => f64::from_bits(unsigned(bytes)),
    }
}
