//! What programs have in their own terms → packed values.

use std::borrow::Cow;
use std::sync::Arc;

use super::check::{self, ranges};
use super::data::{Data, Row};
use super::error::{Fault, FaultKind, Step, ValueError};
use super::format::Float;
use crate::ast::{Number as Literal, NumberKind};
use crate::limits::VALUE_BYTES_MAX;
use crate::schema::types::{Array, Bytes, Counts, Limits, Number, Shape, Size, Switch, Type};
use crate::schema::{Body, Field, Param};

/// Why something is not a value of a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct DataError {
    /// The field, then what is within, elements counted from one: `setBlocks.blocks[3].x`.
    pub path: String,
    /// What was found there, and what was expected.
    pub reason: String,
}

type Given = Result<(), Box<Fault>>;

impl Field {
    /// Packs arguments, as many as [`unpack`](Field::unpack) finds. Numbers are scaled by divisors, and wrapped at a modulus.
    ///
    /// # Errors
    /// What does not fit, and where.
    pub fn pack(&self, arguments: &[Data<'_>]) -> Result<Vec<u8>, DataError> {
        let mut out = Vec::new();
        let mut left = arguments;
        let packed = match self.argument_count() {
            count if count == arguments.len() => give_all(self, &mut left, &mut out),
            count => {
                let expected =
                    if count == 1 { "1 value".into() } else { format!("{count} values") };
                misfit(format!("found {}, expected {expected}", arguments.len()))
            }
        };
        let error = match packed.map_err(|fault| fault.into_error(self)) {
            Ok(()) => match self.validate_all(&out) {
                Ok(()) => return Ok(out),
                Err(error) => error,
            },
            Err(error) => error,
        };
        Err(match error {
            ValueError::Constraint { path, reason, .. } => DataError { path, reason },
            error => DataError { path: self.name().to_owned(), reason: error.to_string() },
        })
    }

    /// How many arguments it has; a molecular field has those of its parts.
    pub fn argument_count(&self) -> usize {
        self.params().len() + self.parts().iter().map(|part| part.argument_count()).sum::<usize>()
    }
}

fn misfit<T>(reason: impl Into<String>) -> Result<T, Box<Fault>> {
    Err(Fault::new(FaultKind::Constraint(reason.into()), 0))
}

fn expected<T>(found: &Data<'_>, what: &str) -> Result<T, Box<Fault>> {
    misfit(format!("found {}, expected {what}", shown(found)))
}

/// For a message.
fn shown(found: &Data<'_>) -> String {
    const LONGEST: usize = 32;
    match found {
        Data::Integer(number) => number.to_string(),
        Data::Real(number) => Float(*number).to_string(),
        Data::Bytes(bytes) if bytes.len() <= LONGEST => format!("\"{}\"", bytes.escape_ascii()),
        Data::Bytes(bytes) => format!("a string of {} bytes", bytes.len()),
        Data::Row(_) => "a table".to_owned(),
        Data::Other(what) => what.clone().into_owned(),
    }
}

/// Appends the arguments of a field from the front of those that are left. There are enough.
fn give_all(field: &Field, left: &mut &[Data<'_>], out: &mut Vec<u8>) -> Given {
    for (position, Param { name, ty, .. }) in field.params().iter().enumerate() {
        let Some((first, rest)) = left.split_first() else { return misfit("a value is missing") };
        give(ty, first, out).map_err(|fault| match field.body {
            Body::Param(_) => fault,
            _ => fault.within_part(name, position),
        })?;
        *left = rest;
    }
    for (position, part) in field.parts().iter().enumerate() {
        give_all(part, left, out).map_err(|fault| fault.within_part(part.name(), position))?;
    }
    Ok(())
}

fn give(ty: &Type, value: &Data<'_>, out: &mut Vec<u8>) -> Given {
    if out.len() > VALUE_BYTES_MAX as usize {
        return misfit(format!("the value is larger than {VALUE_BYTES_MAX} bytes"));
    }
    match &ty.shape {
        Shape::Number(number) => give_number(ty, number, value, out),
        Shape::Bytes(kind) => give_bytes(ty, kind, value, out),
        Shape::Array(array) => give_array(array, value, out),
        Shape::Struct(parts) => {
            let fields: Vec<&Field> = parts.fields.iter().map(|field| &**field).collect();
            give_fields(&fields, value, out)
        }
        Shape::Switch(switch) => give_switch(switch, value, out),
    }
}

fn give_number(ty: &Type, number: &Number, value: &Data<'_>, out: &mut Vec<u8>) -> Given {
    let wrong = || expected(value, &what(number));
    let bits = match (number.kind, value) {
        (NumberKind::Char, Data::Bytes(bytes)) if bytes.len() == 1 => u64::from(bytes[0]),
        (kind, Data::Integer(_) | Data::Real(_)) if kind.is_float() => {
            let real = match value {
                Data::Integer(whole) => *whole as f64,
                Data::Real(real) => *real,
                _ => return wrong(),
            };
            let real = number.wrap_float(real * f64::from(number.divisor));
            let single = real as f32;
            match kind {
                NumberKind::Float32 if single.is_finite() => single.to_bits().into(),
                NumberKind::Float64 if real.is_finite() => real.to_bits(),
                _ => return wrong(),
            }
        }
        (NumberKind::UInt64, Data::Integer(whole)) if number.divisor <= 1 && *whole < 0 => {
            // The same bits.
            let whole = number.wrapped(Literal::Integer(whole.cast_unsigned().into()));
            whole as u64
        }
        (kind, Data::Integer(_) | Data::Real(_)) => {
            let literal = match value {
                Data::Integer(whole) => Literal::Integer((*whole).into()),
                Data::Real(real) if number.divisor > 1 && real.is_finite() => {
                    Literal::Real(*real, *real as f32)
                }
                Data::Real(real) if real.fract() == 0.0 => Literal::Integer(*real as i128),
                _ => return wrong(),
            };
            let whole = number.wrapped(literal);
            let (min, max) = kind.bounds();
            if whole < min || whole > max {
                return wrong();
            }
            whole as u64
        }
        _ => return wrong(),
    };
    let start = out.len();
    out.extend_from_slice(&bits.to_le_bytes()[..number.kind.size() as usize]);
    if check::walk::<true>(ty, out, start).is_err() {
        return wrong();
    }
    Ok(())
}

/// What a number can be, for a message.
fn what(number: &Number) -> String {
    let divisor = f64::from(number.divisor.max(1));
    let is_whole = number.divisor <= 1 && !number.kind.is_float();
    let word = if is_whole { "a whole number" } else { "a number" };
    let real = |(min, max): (f64, f64)| match is_whole {
        // Without a dot.
        true => (format!("{min}"), format!("{max}")),
        false => (Float(min / divisor).to_string(), Float(max / divisor).to_string()),
    };
    let allowed: Vec<(String, String)> = match &number.limits {
        Limits::Signed(all) => {
            all.iter().map(|(min, max)| real((*min as f64, *max as f64))).collect()
        }
        Limits::Unsigned(all) => {
            all.iter().map(|(min, max)| real((*min as f64, *max as f64))).collect()
        }
        Limits::Float(all) => all.iter().copied().map(real).collect(),
        Limits::None if number.kind.is_float() => return word.to_owned(),
        Limits::None if is_whole => {
            let (min, max) = number.kind.bounds();
            vec![(min.to_string(), max.to_string())]
        }
        Limits::None => {
            let (min, max) = number.kind.bounds();
            vec![real((min as f64, max as f64))]
        }
    };
    format!("{word}, {}", ranges(&allowed))
}

fn give_bytes(ty: &Type, kind: &Bytes, value: &Data<'_>, out: &mut Vec<u8>) -> Given {
    let Data::Bytes(bytes) = value else { return expected(value, "a string") };
    check_count(&kind.counts, bytes.len(), "bytes")?;
    let start = out.len();
    open_tag(kind.tag(), out);
    out.extend_from_slice(bytes);
    close_tag(start, kind.tag(), out)?;
    check::walk::<true>(ty, out, start).map(|_| ())
}

fn give_array(array: &Array, value: &Data<'_>, out: &mut Vec<u8>) -> Given {
    let list = match value {
        Data::Row(Row { list, named }) if named.is_empty() => list,
        _ => return expected(value, "a list"),
    };
    let tag = if array.untagged().is_some() { 0 } else { 2 };
    let start = out.len();
    open_tag(tag, out);
    for (index, element) in list.iter().enumerate() {
        let given = give(&array.element, element, out);
        given.map_err(|fault| fault.within(Step::Index(index + 1)))?;
    }
    // Nobody could count elements without bytes when the value is read.
    if array.element.size != Size::NOTHING {
        check_count(&array.counts, list.len(), "elements")?;
    }
    close_tag(start, tag, out)
}

fn check_count(counts: &Counts, count: usize, what: &str) -> Given {
    if counts.allow(count) {
        return Ok(());
    }
    misfit(format!("found {count} {what}, expected {}", ranges(&counts.0)))
}

fn open_tag(tag: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&[0; 4][..tag]);
}

/// Writes the length of what follows the tag into the tag.
fn close_tag(start: usize, tag: usize, out: &mut [u8]) -> Given {
    let length = out.len() - start - tag;
    if length > VALUE_BYTES_MAX as usize {
        return misfit(format!("{length} bytes are more than the {VALUE_BYTES_MAX} that fit"));
    }
    out[start..start + tag].copy_from_slice(&length.to_le_bytes()[..tag]);
    Ok(())
}

fn give_fields(fields: &[&Field], value: &Data<'_>, out: &mut Vec<u8>) -> Given {
    let Data::Row(row) = value else { return expected(value, "a table") };
    let names: Vec<&str> = fields.iter().map(|field| field.name()).collect();
    check_names(row, &names)?;
    for (position, field) in fields.iter().enumerate() {
        let given = match part(row, field.name(), position) {
            Some(value) => give_one(field, value, out),
            None => misfit("it is missing"),
        };
        given.map_err(|fault| fault.within_part(field.name(), position))?;
    }
    Ok(())
}

/// That nothing is there that nobody asks for.
fn check_names(row: &Row<'_>, names: &[&str]) -> Given {
    let known = |name: &Cow<'_, str>| names.contains(&&**name) && !name.is_empty();
    if let Some((name, _)) = row.named.iter().find(|(name, _)| !known(name)) {
        let name = crate::visible::shown(name);
        return misfit(format!("there is no `{name}`, but {}", names.join(", ")));
    }
    let found = row.list.len() + row.named.len();
    if found > names.len() {
        return misfit(format!("found {found} values, expected {}", names.len()));
    }
    Ok(())
}

/// A field's value: by its name, else by its place.
fn part<'r, 'a>(row: &'r Row<'a>, name: &str, position: usize) -> Option<&'r Data<'a>> {
    let named = row.named.iter().find(|(known, _)| known == name && !name.is_empty());
    named.map(|(_, value)| value).or_else(|| row.list.get(position))
}

/// A field as one value: its only argument, or a row of them.
fn give_one(field: &Field, value: &Data<'_>, out: &mut Vec<u8>) -> Given {
    let count = field.argument_count();
    let mut left = match value {
        value if count == 1 => std::slice::from_ref(value),
        Data::Row(row) if row.named.is_empty() && row.list.len() == count => &row.list[..],
        _ => return expected(value, &format!("a list of {count} values")),
    };
    give_all(field, &mut left, out)
}

fn give_switch(switch: &Switch, value: &Data<'_>, out: &mut Vec<u8>) -> Given {
    let Data::Row(row) = value else { return expected(value, "a table") };
    let key = &*switch.key;
    let start = out.len();
    let Some(found) = part(row, key.name(), 0) else {
        return misfit("it is missing")
            .map_err(|fault: Box<Fault>| fault.within_part(key.name(), 0));
    };
    give_one(key, found, out).map_err(|fault| fault.within_part(key.name(), 0))?;
    let Some(rest) = switch.fields_for(&out[start..]) else {
        let reason = expected(found, "a value that the switch has a case for");
        return reason.map_err(|fault: Box<Fault>| fault.within_part(key.name(), 0));
    };
    let fields: Vec<&Field> = [key].into_iter().chain(rest.iter().map(Arc::as_ref)).collect();
    out.truncate(start);
    give_fields(&fields, value, out)
}
