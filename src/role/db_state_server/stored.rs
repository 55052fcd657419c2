//! What is stored of an object, and what an object in memory is made of.

use dclass::{Class, Field, FieldKind};
use tracing::error;

use crate::ids::{ClassId, DoId, FieldId, Location};
use crate::message::FieldValues;
use crate::object::{
    FieldError, FieldList, NewObject, PackedFields, add_value, read_parts, read_value, skip_value,
};
use crate::wire::Reader;

/// What the database says about an object; `None` if it has none of that id.
pub(super) type Stored<'a> = Option<(ClassId, FieldValues<'a>)>;

/// An object of what is stored of it: an override, else the stored value, else the default; ram
/// fields only if they have a value. What is neither required nor ram stays in the database. A molecular value
/// is one of a ram field like any other, unless a part of it is overridden.
pub(super) fn from_stored<'a>(
    (do_id, location): (DoId, Location),
    class: &'a Class,
    overrides: &'a PackedFields,
    fields: FieldValues<'a>,
) -> Result<NewObject<'a>, FieldError> {
    let mut known = FieldList::new();
    let mut reader = Reader::new(fields.bytes);
    for _ in 0..fields.count {
        let id = FieldId(reader.u16()?);
        let field = class.field(id).ok_or(FieldError::Unknown(id))?;
        add_value(&mut known, id, read_value(field, &mut reader)?);
    }
    for (id, value) in overrides.iter() {
        let is_part = |whole: &Field| whole.parts().iter().any(|part| part.id() == id);
        known.retain(|(whole, _)| !class.field(*whole).is_some_and(is_part));
        add_value(&mut known, id, value);
    }
    let value_of = |id: FieldId| {
        let index = known.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(known[index].1)
    };
    let required = class.required().iter();
    let required = required.map(|field| {
        let id = field.id();
        (id, value_of(id).unwrap_or(field.implicit_value()))
    });
    let required = required.collect();
    let stored_ram = |(id, _): &(FieldId, &[u8])| {
        let keywords = class.field(*id).map(Field::keywords);
        keywords.is_some_and(|keywords| keywords.ram() && !keywords.required())
    };
    let ram: FieldList<'a> = known.iter().copied().filter(stored_ram).collect();
    let is_molecular = |(id, _): &(FieldId, &[u8])| {
        class.field(*id).is_some_and(|field| field.kind() == FieldKind::Molecular)
    };
    let has_molecular = ram.iter().any(is_molecular);
    Ok(NewObject { do_id, class_id: class.id(), location, required, ram, has_molecular })
}

/// Reads the values that an activation gives. As with OTHER at a creation, an unknown field ends the
/// reading and one that an object does not keep is left out.
pub(super) fn read_overrides<'a>(
    do_id: DoId,
    class: &'a Class,
    reader: &mut Reader<'a>,
) -> Result<FieldList<'a>, FieldError> {
    let mut list = FieldList::new();
    for _ in 0..reader.u16()? {
        let id = FieldId(reader.u16()?);
        let Some(field) = class.field(id) else {
            let class = class.name();
            error!(doId = %do_id, class, field = id.0, "no such field: rest of OTHER ignored");
            break;
        };
        if is_kept(field) {
            read_parts(field, reader, |part, value| add_value(&mut list, part.id(), value))?;
        } else {
            skip_value(field, reader)?;
            let (class, field) = (class.name(), field.name());
            error!(doId = %do_id, class, field, "not a ram or required field: left out");
        }
    }
    Ok(list)
}

/// Whether an object in memory would have the field.
pub(super) fn is_kept(field: &Field) -> bool {
    field.keywords().ram() || field.keywords().required()
}
