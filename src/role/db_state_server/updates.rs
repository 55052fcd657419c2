//! Updates that the database keeps, whether or not the object is in memory. What is wrong with a value is
//! the database's to say.

use std::sync::Arc;

use dclass::DcFile;
use tracing::warn;

use super::link::World;
use crate::ids::{Channel, DoId, FieldId};
use crate::message::{Database, FieldValues, List, Rest};
use crate::object::{FieldError, FieldList, add_value, read_value, skip_value};
use crate::wire::{Reader, Writer};

/// Has the database keep an update, if the field is one that it keeps.
pub(super) fn store_field(do_id: DoId, id: FieldId, value: Rest<'_>, world: &mut World<'_>) {
    if is_stored(world.objects.dc(), id) {
        let update = Database::ObjectSetField { do_id, field: id, value };
        world.ask_database(do_id, &update);
    }
}

/// As [`store_field`], of those of the fields that it keeps.
pub(super) fn store_fields(
    do_id: DoId,
    fields: FieldValues<'_>,
    sender: Channel,
    world: &mut World<'_>,
) {
    match stored_ones(world.objects.dc(), fields) {
        Ok(stored) if stored.is_empty() => {}
        Ok(stored) => {
            let mut bytes = Vec::new();
            let mut writer = Writer::new(&mut bytes);
            for (id, value) in &stored {
                writer.u16(id.0);
                writer.raw(value);
            }
            // No more than the message that they came in has.
            let fields = FieldValues { count: stored.len() as u16, bytes: &bytes };
            world.ask_database(do_id, &Database::ObjectSetFields { do_id, fields });
        }
        Err(error) => warn!(doId = %do_id, %sender, %error, "update not stored"),
    }
}

/// Has the database forget fields.
pub(super) fn delete_fields(
    do_id: DoId,
    fields: impl Iterator<Item = FieldId>,
    sender: Channel,
    world: &mut World<'_>,
) {
    let dc = Arc::clone(world.objects.dc());
    let stored: Vec<FieldId> = fields.filter(|id| is_stored(&dc, *id)).collect();
    match *stored {
        [] => warn!(doId = %do_id, %sender, "no stored field to delete"),
        [field] => world.ask_database(do_id, &Database::ObjectDeleteField { do_id, field }),
        _ => {
            let fields = List::new(&stored);
            world.ask_database(do_id, &Database::ObjectDeleteFields { do_id, fields });
        }
    }
}

/// Those of the fields that the database keeps, ascending.
fn stored_ones<'a>(dc: &DcFile, fields: FieldValues<'a>) -> Result<FieldList<'a>, FieldError> {
    let mut stored = FieldList::new();
    let mut reader = Reader::new(fields.bytes);
    for _ in 0..fields.count {
        let id = FieldId(reader.u16()?);
        let field = dc.field(id).ok_or(FieldError::Unknown(id))?;
        if field.keywords().db() {
            add_value(&mut stored, id, read_value(field, &mut reader)?);
        } else {
            skip_value(field, &mut reader)?;
        }
    }
    Ok(stored)
}

fn is_stored(dc: &DcFile, id: FieldId) -> bool {
    dc.field(id).is_some_and(|field| field.keywords().db())
}
