//! Messages to objects, and to anybody else.

use mlua::{Result, Value};

use super::Native;
use crate::ids::{Channel, DoId};
use crate::message::{
    DbStateServer, Family, Message, ObjectState, Rest, Row, StateServer, row_named,
};
use crate::script::Action;
use crate::script::args::Args;
use crate::script::json::arguments;
use crate::script::values::{pack, pack_one};
use crate::trace::compose_client;
use crate::wire::Writer;

pub(super) const ALL: &[Native] = &[
    Native { name: "donet.send", run: send },
    Native { name: "donet.update", run: update },
    Native { name: "donet.activate", run: activate },
    Native { name: "donet.set_owner", run: set_owner },
    Native { name: "donet.set_location", run: set_location },
    Native { name: "donet.delete_object", run: delete_object },
];

/// A message's type and body.
pub(super) fn payload(message: &impl Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.write(&mut Writer::new(&mut bytes));
    bytes
}

/// A message to a channel, from the script's own.
pub(super) fn send_to(args: &Args<'_>, channel: Channel, message: &impl Message) -> Result<Value> {
    let payload = payload(message);
    args.want(Action::Send { to: vec![channel], sender: Channel::NONE, payload })
}

/// A message's name and its arguments.
pub(super) fn composed(args: &mut Args<'_>) -> Result<Vec<u8>> {
    let name = args.text()?;
    let table = args.table_or_nothing("a table of the message's arguments")?;
    let is_for_others = |row: &Row| {
        matches!(row.family, Family::Client | Family::Control)
            || Family::SHARING.contains(&row.family)
    };
    // Numbers mean messages elsewhere, some of them these.
    if row_named(&name).is_some_and(is_for_others) || name.ends_with(|c: char| c.is_ascii_digit()) {
        return Err(args.fail(format!("{name} is no message that is sent to channels")));
    }
    let arguments = arguments(args, &table)?;
    let names = args.names()?;
    compose_client(&names, &name, &arguments).map_err(|error| args.fail(error))
}

fn send(args: &mut Args<'_>) -> Result<Value> {
    let to = args.channels()?;
    let payload = composed(args)?;
    let sender = if args.is_empty() { Channel::NONE } else { args.channel()? };
    args.rest();
    args.want(Action::Send { to, sender, payload })
}

/// A field's new value, for an object.
pub(super) fn new_value(args: &mut Args<'_>) -> Result<(DoId, Vec<u8>)> {
    let do_id = args.do_id()?;
    let names = args.names()?;
    let field = args.field(&names)?;
    let values = args.rest();
    let value = pack(args, field, &values)?;
    let (field, value) = (field.id(), Rest(&value));
    Ok((do_id, payload(&StateServer::ObjectSetField { do_id, field, value })))
}

fn update(args: &mut Args<'_>) -> Result<Value> {
    let (do_id, payload) = new_value(args)?;
    if !do_id.is_some() {
        return Err(args.fail("there is no object 0"));
    }
    args.want(Action::Send { to: vec![do_id.channel()], sender: Channel::NONE, payload })
}

fn activate(args: &mut Args<'_>) -> Result<Value> {
    let do_id = args.do_id()?;
    let location = args.location()?;
    if args.is_empty() {
        let message = DbStateServer::ObjectActivateWithDefaults { do_id, location };
        return send_to(args, do_id.channel(), &message);
    }
    let values = args.table("a table of fields and values")?;
    let names = args.names()?;
    let class = args.class(&names)?;
    args.end()?;
    let values = field_values(args, class, &values)?;
    let (class_id, values) = (class.id(), Rest(&values));
    let object = ObjectState { do_id, location, class_id, values };
    send_to(args, do_id.channel(), &DbStateServer::ObjectActivateWithDefaultsOther { object })
}

/// Fields of a class with their values, ascending: `u16 count | (u16 field | VALUE) × count`.
pub(super) fn field_values(
    args: &Args<'_>,
    class: &dclass::Class,
    table: &mlua::Table,
) -> Result<Vec<u8>> {
    let mut fields = Vec::new();
    for pair in table.pairs::<Value, Value>() {
        let (key, value) = pair?;
        let Value::String(name) = key else {
            return Err(args.fail("the keys of the table are names of fields"));
        };
        let name = name.to_string_lossy();
        let Some(field) = class.field_by_name(&name) else {
            let known: Vec<&str> = class.fields().iter().map(|field| field.name()).collect();
            let (class, hint) = (class.name(), super::hint(&name, &known));
            return Err(args.fail(format!("class `{class}` has no field `{name}`{hint}")));
        };
        fields.push((field.id(), pack_one(args, field, &value)?));
    }
    fields.sort();
    Ok(written(&fields))
}

/// `u16 count | (u16 field | VALUE) × count`.
pub(super) fn written(fields: &[(crate::ids::FieldId, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes);
    // Each field is there once, and ids have 16 bits.
    writer.u16(fields.len() as u16);
    for (field, value) in fields {
        writer.u16(field.0);
        writer.raw(value);
    }
    bytes
}

fn set_owner(args: &mut Args<'_>) -> Result<Value> {
    let do_id = args.do_id()?;
    let owner = Channel(args.integer::<i64>("a channel, or 0 for nobody")?.cast_unsigned());
    args.end()?;
    send_to(args, do_id.channel(), &StateServer::ObjectSetOwner { owner })
}

fn set_location(args: &mut Args<'_>) -> Result<Value> {
    let do_id = args.do_id()?;
    let location = args.location()?;
    args.end()?;
    send_to(args, do_id.channel(), &StateServer::ObjectSetLocation { location })
}

fn delete_object(args: &mut Args<'_>) -> Result<Value> {
    let do_id = args.do_id()?;
    args.end()?;
    send_to(args, do_id.channel(), &StateServer::ObjectDeleteRam { do_id })
}
