//! Packed field values: how an object keeps them, and how they are taken out of a message.

use dclass::{Class, Field, Keywords, ValueError};
use smallvec::SmallVec;

use crate::ids::{FieldId, LENGTH_TAG_BYTES, LengthTag};
use crate::message::ObjectState;
use crate::wire::{self, Reader};

/// Fields with their values, borrowed from a message.
pub type FieldList<'a> = SmallVec<[(FieldId, &'a [u8]); 16]>;

/// Why a field's value was not taken out of a message.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FieldError {
    /// The message ends before the field's id does.
    #[error(transparent)]
    Wire(#[from] wire::Error),
    /// The class has no such field.
    #[error("the class has no field {}", .0.0)]
    Unknown(FieldId),
    /// The value is cut short or violates the field's type.
    #[error(transparent)]
    Value(#[from] ValueError),
}

/// Takes one value of `field` from the front of `reader`.
///
/// # Errors
/// [`FieldError::Value`]; `reader` has not moved then.
#[inline]
pub fn read_value<'a>(field: &Field, reader: &mut Reader<'a>) -> Result<&'a [u8], FieldError> {
    Ok(reader.take(field.validate(reader.remaining())?)?)
}

/// As [`read_value`], and hands over which bytes are which part's: of a molecular field, or the field itself.
/// On an error those before the wrong part have been handed over.
///
/// # Errors
/// As [`read_value`].
#[inline]
pub fn read_parts<'f, 'v>(
    field: &'f Field,
    reader: &mut Reader<'v>,
    found: impl FnMut(&'f Field, &'v [u8]),
) -> Result<&'v [u8], FieldError> {
    Ok(reader.take(field.validate_parts(reader.remaining(), found)?)?)
}

/// As [`read_value`], for a value that is not kept: only its end matters.
///
/// # Errors
/// As [`read_value`].
pub fn skip_value<'a>(field: &Field, reader: &mut Reader<'a>) -> Result<&'a [u8], FieldError> {
    Ok(reader.take(field.skip(reader.remaining())?)?)
}

/// What an object has shown: REQUIRED, of those fields that `are_shown`, and OTHER if it `has_other`; and of that
/// what `is_wanted`. The last word on a field counts.
///
/// # Errors
/// When the values are not what the class says.
pub fn shown_values<'a>(
    object: &ObjectState<'a>,
    class: &Class,
    has_other: bool,
    are_shown: impl Fn(Keywords) -> bool,
    is_wanted: impl Fn(Keywords) -> bool,
) -> Result<FieldList<'a>, FieldError> {
    let mut reader = Reader::new(object.values.0);
    let mut list = FieldList::new();
    let mut take = |field: &Field, reader: &mut Reader<'a>| {
        let value = skip_value(field, reader)?;
        if is_wanted(field.keywords()) {
            add_value(&mut list, field.id(), value);
        }
        Ok::<_, FieldError>(())
    };
    for field in class.required().iter().filter(|field| are_shown(field.keywords())) {
        take(field, &mut reader)?;
    }
    for _ in 0..if has_other { reader.u16()? } else { 0 } {
        let id = FieldId(reader.u16()?);
        take(class.field(id).ok_or(FieldError::Unknown(id))?, &mut reader)?;
    }
    Ok(list)
}

/// Sets one value of a list: the last word on a field counts.
pub fn add_value<'a>(list: &mut FieldList<'a>, field: FieldId, value: &'a [u8]) {
    match list.binary_search_by_key(&field, |(id, _)| *id) {
        Ok(index) => list[index].1 = value,
        Err(index) => list.insert(index, (field, value)),
    }
}

/// Fields with their values in one allocation: `(u16 field | length | VALUE)…`, ascending.
///
/// Objects have few fields and there may be a million objects, so a walk over the headers is cheaper
/// than an index would be. A value of the same length is replaced in place.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PackedFields {
    bytes: Box<[u8]>,
}

const ID_BYTES: usize = size_of::<u16>();
const HEADER_BYTES: usize = ID_BYTES + LENGTH_TAG_BYTES;

impl PackedFields {
    /// The fields of an ascending list.
    pub fn new(list: &[(FieldId, &[u8])]) -> Self {
        debug_assert!(list.is_sorted_by(|a, b| a.0 < b.0));
        let length = list.iter().map(|(_, value)| HEADER_BYTES + value.len());
        let mut bytes = Vec::with_capacity(length.sum());
        for &(field, value) in list {
            push(&mut bytes, field, value);
        }
        PackedFields { bytes: bytes.into_boxed_slice() }
    }

    /// All fields, ascending.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = (FieldId, &[u8])> {
        Entries { bytes: &self.bytes }
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// How many bytes they take.
    pub const fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The value of a field.
    #[inline]
    pub fn get(&self, field: FieldId) -> Option<&[u8]> {
        self.iter().find(|(id, _)| *id == field).map(|(_, value)| value)
    }

    /// Sets the value of a field.
    pub fn set(&mut self, field: FieldId, value: &[u8]) {
        let (start, end) = self.place(field);
        if end - start == HEADER_BYTES + value.len() {
            self.bytes[start + HEADER_BYTES..end].copy_from_slice(value);
            return;
        }
        let length = self.bytes.len() - (end - start) + HEADER_BYTES + value.len();
        let mut bytes = Vec::with_capacity(length);
        bytes.extend_from_slice(&self.bytes[..start]);
        push(&mut bytes, field, value);
        bytes.extend_from_slice(&self.bytes[end..]);
        self.bytes = bytes.into_boxed_slice();
    }

    /// Forgets a field. Returns whether it had a value.
    pub fn remove(&mut self, field: FieldId) -> bool {
        let (start, end) = self.place(field);
        if start < end {
            self.bytes = [&self.bytes[..start], &self.bytes[end..]].concat().into();
        }
        start < end
    }

    /// Where the entry of a field begins and ends; an empty place where it would be if there is none.
    fn place(&self, field: FieldId) -> (usize, usize) {
        let mut start = 0;
        for (id, value) in self.iter() {
            let end = start + HEADER_BYTES + value.len();
            if id == field {
                return (start, end);
            }
            if id > field {
                break;
            }
            start = end;
        }
        (start, start)
    }
}

fn push(bytes: &mut Vec<u8>, field: FieldId, value: &[u8]) {
    let length = LengthTag::try_from(value.len()).expect("a value came in one datagram");
    bytes.extend_from_slice(&field.0.to_le_bytes());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(value);
}

struct Entries<'a> {
    bytes: &'a [u8],
}

impl<'a> Iterator for Entries<'a> {
    type Item = (FieldId, &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (id, rest) = self.bytes.split_first_chunk::<ID_BYTES>()?;
        let (length, rest) = rest.split_first_chunk::<LENGTH_TAG_BYTES>()?;
        let length = usize::from(LengthTag::from_le_bytes(*length));
        let (value, rest) = rest.split_at_checked(length)?;
        self.bytes = rest;
        Some((FieldId(u16::from_le_bytes(*id)), value))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_last_word_on_a_field_counts() {
        let mut list = FieldList::new();
        add_value(&mut list, FieldId(7), b"seven");
        add_value(&mut list, FieldId(3), b"three");
        add_value(&mut list, FieldId(7), b"7");
        let packed = PackedFields::new(&list);
        let fields: Vec<_> = packed.iter().collect();
        assert_eq!(fields, [(FieldId(3), &b"three"[..]), (FieldId(7), b"7")]);
    }

    proptest! {
        #[test]
        fn packed_fields_are_a_sorted_map(
            operations in prop::collection::vec(
                (0u16..6, prop::option::of(prop::collection::vec(any::<u8>(), 0..4))),
                0..60,
            ),
        ) {
            let mut model = BTreeMap::new();
            let mut packed = PackedFields::default();
            for (id, value) in operations {
                let id = FieldId(id);
                match value {
                    Some(value) => {
                        packed.set(id, &value);
                        model.insert(id, value);
                    }
                    None => prop_assert_eq!(packed.remove(id), model.remove(&id).is_some()),
                }
                prop_assert_eq!(packed.get(id), model.get(&id).map(Vec::as_slice));
                let all: Vec<_> = packed.iter().map(|(id, v)| (id, v.to_vec())).collect();
                prop_assert_eq!(all, model.clone().into_iter().collect::<Vec<_>>());
                prop_assert_eq!((packed.len(), packed.is_empty()), (model.len(), model.is_empty()));
            }
        }
    }
}
