//! What an object is made of.

use dclass::Class;
use tracing::error;

use super::values::{FieldError, FieldList, add_value, read_parts, read_value, skip_value};
use crate::ids::{ClassId, DoId, FieldId, Location};
use crate::message::ObjectState;
use crate::wire::{Reader, Writer};

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
    /// Whether a molecular field is among them, as only a database has them.
    pub has_molecular: bool,
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
        class: &'a Class,
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
            has_molecular: false,
        };
        if has_other {
            new.read_other(class, &mut reader)?;
        }
        Ok(new)
    }

    /// REQUIRED and OTHER of the object.
    pub fn values(&self) -> Vec<u8> {
        let mut values = Vec::new();
        let mut writer = Writer::new(&mut values);
        self.required.iter().for_each(|(_, value)| writer.raw(value));
        // At most as many as a class has fields.
        writer.u16(self.ram.len() as u16);
        for (field, value) in &self.ram {
            writer.u16(field.0);
            writer.raw(value);
        }
        values
    }

    fn read_other(&mut self, class: &'a Class, reader: &mut Reader<'a>) -> Result<(), FieldError> {
        for _ in 0..reader.u16()? {
            let id = FieldId(reader.u16()?);
            let Some(field) = class.field(id) else {
                let class = class.name();
                error!(doId = %self.do_id, class, field = id.0, "no such field: rest of OTHER ignored");
                break;
            };
            if field.keywords().ram() {
                let ram = &mut self.ram;
                read_parts(field, reader, |part, value| add_value(ram, part.id(), value))?;
            } else {
                skip_value(field, reader)?;
                let (class, field) = (class.name(), field.name());
                error!(doId = %self.do_id, class, field, "not a ram field: left out of OTHER");
            }
        }
        Ok(())
    }
}
