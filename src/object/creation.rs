//! What an object is made of.

use dclass::{Class, Field, FieldKind};
use tracing::error;

use super::values::{FieldError, FieldList, add_value, read_value, skip_value};
use crate::ids::{ClassId, DoId, FieldId, Location};
use crate::message::ObjectState;
use crate::wire::Reader;

/// An object that is about to be made.
#[derive(Clone, Debug)]
pub struct NewObject<'a> {
    /// Its id.
    pub do_id: DoId,
    /// Its class.
    pub class_id: ClassId,
    /// Where it begins.
    pub location: Location,
    /// A value for each required field that is not molecular, ascending.
    pub required: FieldList<'a>,
    /// Values of ram fields, ascending.
    pub ram: FieldList<'a>,
}

impl<'a> NewObject<'a> {
    /// Reads an object of `class` as others send it: REQUIRED, and OTHER if the message `has_other`.
    ///
    /// A field in OTHER that the class lacks ends the reading, because where its value ends is not
    /// known; one that is not `ram` is left out. Both are logged, and the object is made all the same.
    ///
    /// # Errors
    /// When a value is cut short or violates its field's type: no object is to be made.
    pub fn read(
        state: &ObjectState<'a>,
        class: &Class,
        has_other: bool,
    ) -> Result<Self, FieldError> {
        let mut reader = Reader::new(state.values.0);
        let required = class.required().iter();
        let required = required.map(|field| Ok((field.id(), read_value(field, &mut reader)?)));
        let mut new = NewObject {
            do_id: state.do_id,
            class_id: state.class_id,
            location: state.location,
            required: required.collect::<Result<_, FieldError>>()?,
            ram: FieldList::new(),
        };
        if has_other {
            new.read_other(class, &mut reader)?;
        }
        Ok(new)
    }

    fn read_other(&mut self, class: &Class, reader: &mut Reader<'a>) -> Result<(), FieldError> {
        for _ in 0..reader.u16()? {
            let id = FieldId(reader.u16()?);
            let Some(field) = class.field(id) else {
                let class = class.name();
                error!(doId = %self.do_id, class, field = id.0, "no such field: rest of OTHER ignored");
                break;
            };
            if field.keywords().ram() {
                let value = read_value(field, reader)?;
                for_each_part(field, value, |part, value| {
                    add_value(&mut self.ram, part.id(), value)
                })?;
            } else {
                skip_value(field, reader)?;
                let (class, field) = (class.name(), field.name());
                error!(doId = %self.do_id, class, field, "not a ram field: left out of OTHER");
            }
        }
        Ok(())
    }
}

/// Calls `each` with the field and its value, or with a molecular field's parts and theirs.
///
/// # Errors
/// When `value` is not a whole value of the field.
pub fn for_each_part<'a>(
    field: &Field,
    value: &'a [u8],
    mut each: impl FnMut(&Field, &'a [u8]),
) -> Result<(), FieldError> {
    if field.kind() != FieldKind::Molecular {
        each(field, value);
        return Ok(());
    }
    let mut reader = Reader::new(value);
    for part in field.parts() {
        each(part, skip_value(part, &mut reader)?);
    }
    Ok(())
}
