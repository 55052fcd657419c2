//! What a client says of an object that it makes: `REQUIRED, u16 count, count × (u16 field, value)`.

use std::sync::Arc;

use dclass::{Class, Field};

use super::schema::LOCATION;
use crate::config::Offence;
use crate::ids::{DoId, FieldId, Location};
use crate::message::EjectReason;
use crate::object::{FieldError, FieldList, NewObject, add_value, read_parts, read_value};
use crate::role::client_agent::session::{End, Made};
use crate::wire::Reader;

/// Reads an object. `required` are its required fields as they are sent.
///
/// # Errors
/// The session is to end, if a value is none of its field's, a field none of the class's, or bytes are left.
pub fn read<'a>(
    do_id: DoId,
    location: Location,
    class: &'a Class,
    required: &[Arc<Field>],
    values: &'a [u8],
) -> Result<Made<'a>, End> {
    let mut reader = Reader::new(values);
    let mut made = Made {
        object: NewObject {
            do_id,
            class_id: class.id(),
            location,
            required: FieldList::new(),
            ram: FieldList::new(),
            has_molecular: false,
        },
        passing: FieldList::new(),
    };
    for field in required {
        let value = read_value(field, &mut reader)
            .map_err(|error| bad_value(do_id, class, field, &error))?;
        add_value(&mut made.object.required, field.id(), value);
    }
    let early = |_| bad(do_id, class, "the message ends before its fields do");
    for _ in 0..reader.u16().map_err(early)? {
        let id = FieldId(reader.u16().map_err(early)?);
        let Some(field) = class.field(id) else {
            return Err(bad(do_id, class, &format!("it has no field {}", id.0)));
        };
        read_other(&mut made, field, &mut reader)
            .map_err(|error| bad_value(do_id, class, field, &error))?;
    }
    reader.finish().map_err(|_| bad(do_id, class, "the message goes on after its fields"))?;
    Ok(made)
}

/// A field that is not required, or not only.
fn read_other<'a>(
    made: &mut Made<'a>,
    field: &Field,
    reader: &mut Reader<'a>,
) -> Result<(), FieldError> {
    let NewObject { required, ram, .. } = &mut made.object;
    let mut is_kept = true;
    let value = read_parts(field, reader, |part, value| {
        let keywords = part.keywords();
        if part.name() == LOCATION {
            // It has been said before the values, and what they say as its parent means nothing.
        } else if keywords.required() {
            add_value(required, part.id(), value);
        } else if keywords.ram() {
            add_value(ram, part.id(), value);
        } else {
            is_kept = false;
        }
    })?;
    if !is_kept && field.keywords().broadcast() {
        made.passing.push((field.id(), value));
    }
    Ok(())
}

fn bad_value(do_id: DoId, class: &Class, field: &Field, error: &FieldError) -> End {
    bad(do_id, class, &format!("the value of field {} {error}", field.name()))
}

/// Most who make such an object have other DC files.
fn bad(do_id: DoId, class: &Class, what: &str) -> End {
    let class = class.name();
    End::security(
        Offence::Value,
        EjectReason::FieldConstraint,
        format!(
            "Client tried to make {class}({do_id}), and {what}: are its DC files those of general.dc_files, in their order?"
        ),
    )
}
