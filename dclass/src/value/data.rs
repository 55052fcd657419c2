//! Packed values → what programs have in their own terms.

use std::borrow::Cow;

use super::ValueError;
use super::check::{self, extent, float, signed, unsigned, walk};
use super::error::{Fault, FaultKind, Step};
use crate::ast::NumberKind;
use crate::schema::types::{Array, Number, Shape, Switch, Type};
use crate::schema::{Body, Field, Param};
use std::sync::Arc;

/// A value in terms that most languages have. Numbers are the real ones, behind their divisors.
#[derive(Clone, Debug, PartialEq)]
pub enum Data<'a> {
    /// A whole number. A `uint64` that is too large for it has the same bits.
    Integer(i64),
    /// Any other number: a float, or an integer with a divisor.
    Real(f64),
    /// Text or bytes.
    Bytes(Cow<'a, [u8]>),
    /// An array, a struct, or the arguments of a method that is part of one.
    Row(Row<'a>),
    /// Nothing that a value can consist of, as a message shows it.
    Other(Cow<'a, str>),
}

/// Several values: an array's stand in the list, a struct's have names, or stand in the list if some of its fields have none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row<'a> {
    /// Those without names.
    pub list: Vec<Data<'a>>,
    /// Those with names.
    pub named: Vec<(Cow<'a, str>, Data<'a>)>,
}

impl Field {
    /// The arguments in a packed value. Those of a molecular field are the arguments of its parts, one after the other.
    ///
    /// # Errors
    /// Those of [`skip`](Field::skip), and if the value does not fill `value` wholly. Ranges and the validity of strings are
    /// not checked.
    pub fn unpack<'v>(&'v self, value: &'v [u8]) -> Result<Vec<Data<'v>>, ValueError> {
        let mut all = Vec::with_capacity(self.arguments().len());
        let mut at = 0;
        arguments(self, value, &mut at, &mut all).map_err(|fault| fault.into_error(self))?;
        self.expect_end(value, at)?;
        Ok(all)
    }
}

type Read<T> = Result<T, Box<Fault>>;

fn arguments<'v>(
    field: &'v Field,
    bytes: &'v [u8],
    at: &mut usize,
    all: &mut Vec<Data<'v>>,
) -> Read<()> {
    for (position, Param { name, ty, .. }) in field.params().iter().enumerate() {
        all.push(read(ty, bytes, at).map_err(|fault| match field.body {
            Body::Param(_) => fault,
            _ => fault.within_part(name, position),
        })?);
    }
    for (position, part) in field.parts().iter().enumerate() {
        arguments(part, bytes, at, all)
            .map_err(|fault| fault.within_part(part.name(), position))?;
    }
    Ok(())
}

fn read<'v>(ty: &'v Type, bytes: &'v [u8], at: &mut usize) -> Read<Data<'v>> {
    let start = *at;
    match &ty.shape {
        Shape::Number(kind) => {
            *at = walk::<false>(ty, bytes, start)?;
            Ok(number(kind, &bytes[start..*at]))
        }
        Shape::Bytes(kind) => {
            let (from, to) = extent(kind, bytes, start)?;
            *at = to;
            Ok(Data::Bytes(Cow::Borrowed(&bytes[from..to])))
        }
        Shape::Array(array) => elements(ty, array, bytes, at),
        Shape::Struct(parts) => fields(&parts.fields, bytes, at, Vec::new()),
        Shape::Switch(switch) => cases(switch, bytes, at),
    }
}

fn number(number: &Number, bytes: &[u8]) -> Data<'static> {
    let divisor = f64::from(number.divisor.max(1));
    match number.kind {
        kind if kind.is_float() => Data::Real(float(kind, bytes) / divisor),
        NumberKind::Char => Data::Integer(unsigned(bytes).cast_signed()),
        kind if number.divisor > 1 => Data::Real(match kind.is_signed() {
            true => signed(bytes) as f64 / divisor,
            false => unsigned(bytes) as f64 / divisor,
        }),
        kind if kind.is_signed() => Data::Integer(signed(bytes)),
        _ => Data::Integer(unsigned(bytes).cast_signed()),
    }
}

fn elements<'v>(ty: &'v Type, array: &'v Array, bytes: &'v [u8], at: &mut usize) -> Read<Data<'v>> {
    // Lengths first: elements must not reach beyond what the tag encloses.
    let end = walk::<false>(ty, bytes, *at)?;
    let start = if array.untagged().is_some() { *at } else { *at + 2 };
    let mut list = Vec::new();
    *at = start;
    while *at < end {
        let before = *at;
        let element = read(&array.element, &bytes[..end], at);
        list.push(
            element
                .map_err(|fault| fault.as_malformed(end - start).within(Step::Index(list.len())))?,
        );
        if *at == before {
            return Err(Fault::new(FaultKind::Malformed { length: end - start }, before));
        }
    }
    Ok(Data::Row(Row { list, named: Vec::new() }))
}

fn cases<'v>(switch: &'v Switch, bytes: &'v [u8], at: &mut usize) -> Read<Data<'v>> {
    let start = *at;
    let key = one(&switch.key, bytes, at)?;
    let rest = check::switch_fields(switch, &bytes[start..*at], start)?;
    fields(rest, bytes, at, vec![(&*switch.key, key)])
}

/// The fields of a struct, after what stands before them.
fn fields<'v>(
    fields: &'v [Arc<Field>],
    bytes: &'v [u8],
    at: &mut usize,
    mut all: Vec<(&'v Field, Data<'v>)>,
) -> Read<Data<'v>> {
    for field in fields {
        let position = all.len();
        let value = one(field, bytes, at);
        all.push((field, value.map_err(|fault| fault.within_part(field.name(), position))?));
    }
    let mut row = Row::default();
    if all.iter().all(|(field, _)| !field.name().is_empty()) {
        let named = all.into_iter().map(|(field, value)| (Cow::Borrowed(field.name()), value));
        row.named = named.collect();
    } else {
        row.list = all.into_iter().map(|(_, value)| value).collect();
    }
    Ok(Data::Row(row))
}

/// A field as one value: its only argument, or a row of them.
fn one<'v>(field: &'v Field, bytes: &'v [u8], at: &mut usize) -> Read<Data<'v>> {
    let mut all = Vec::new();
    arguments(field, bytes, at, &mut all)?;
    Ok(match all.len() {
        1 => all.swap_remove(0),
        _ => Data::Row(Row { list: all, named: Vec::new() }),
    })
}
