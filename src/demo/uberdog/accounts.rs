//! Accounts and their Register, as the database has them.

use std::collections::BTreeMap;

use dclass::{ClassId, DcFile};

use super::requests::Record;
use crate::demo::ai::Spot;
use crate::demo::air::{Air, Packed};
use crate::demo::values::{self, Value};
use crate::ids::{DoId, FieldId};
use crate::message::FieldValues;
use crate::wire::{Error, Reader};

/// Which name has which account; names as [`super::names::key`] makes them.
pub type Entries = BTreeMap<String, DoId>;

/// Hands over each field of an object by its name, as far as they can be understood.
fn each(dc: &DcFile, fields: FieldValues<'_>, mut take: impl FnMut(&str, &mut Reader<'_>)) {
    let mut rest = fields.bytes;
    for _ in 0..fields.count {
        let mut reader = Reader::new(rest);
        let Ok(Some(field)) = reader.u16().map(|id| dc.field(FieldId(id))) else { return };
        let value = reader.rest();
        let Ok(length) = field.skip(value) else { return };
        let (value, after) = value.split_at(length);
        take(field.name(), &mut Reader::new(value));
        rest = after;
    }
}

fn is_class(dc: &DcFile, class: ClassId, name: &str) -> bool {
    dc.class(class).is_some_and(|class| class.name() == name)
}

/// What the Register says, if it is that.
pub fn entries(dc: &DcFile, class: ClassId, fields: FieldValues<'_>) -> Option<Entries> {
    if !is_class(dc, class, "Register") {
        return None;
    }
    let mut entries = Entries::new();
    each(dc, fields, |name, value| {
        if name == "setEntries" {
            let _ = read_entries(value, &mut entries);
        }
    });
    Some(entries)
}

fn read_entries(value: &mut Reader<'_>, entries: &mut Entries) -> Result<(), Error> {
    let mut items = Reader::new(value.blob()?);
    while !items.is_empty() {
        let name = values::text(&mut items)?;
        entries.insert(name, items.do_id()?);
    }
    Ok(())
}

/// What a value of `Register.setEntries` says.
pub fn entries_of(value: &[u8]) -> Entries {
    let mut entries = Entries::new();
    let _ = read_entries(&mut Reader::new(value), &mut entries);
    entries
}

/// What the Register is to say.
pub fn packed(air: &Air, entries: &Entries) -> Packed {
    let entries = entries.iter().flat_map(|(name, id)| [Value::from(&**name), Value::U32(id.0)]);
    air.packed("Register.setEntries", &[Value::Array(entries.collect())])
}

/// An account. One that is none has no hash, so that nobody gets in by it.
pub fn record(dc: &DcFile, class: ClassId, fields: FieldValues<'_>) -> Record {
    let mut record = Record::default();
    if !is_class(dc, class, "Account") {
        return record;
    }
    each(dc, fields, |name, value| match name {
        "setName" => record.name = values::text(value).unwrap_or_default(),
        "setHash" => record.hash = values::text(value).unwrap_or_default(),
        "setColour" => record.colour = value.u8().unwrap_or_default(),
        "setSpot" => record.spot = Spot::read(value).unwrap_or_default(),
        _ => {}
    });
    record
}
