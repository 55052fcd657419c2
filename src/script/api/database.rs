//! Questions to database servers, and what they answer.

use std::time::Duration;

use dclass::{DcFile, Field};
use mlua::{Lua, MultiValue, Result, Value};

use super::Native;
use super::objects::{field_values, send_to, written};
use crate::ids::{Channel, Context, DoId, FieldId};
use crate::message::{Database, FieldValues, List, Part, Rest};
use crate::script::args::Args;
use crate::script::state::host;
use crate::script::values::{pack_one, shown, unpack_one};
use crate::wire::Reader;

pub(super) const ALL: &[Native] = &[
    Native { name: "donet.db_get", run: get },
    Native { name: "donet.db_set", run: set },
    Native { name: "donet.db_set_if_equals", run: set_if_equals },
    Native { name: "donet.db_create", run: create },
    Native { name: "donet.db_delete", run: delete },
];

/// How long a database may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Opens a question, whose callback is the next argument and the last.
fn ask(args: &mut Args<'_>) -> Result<Context> {
    let callback = args.function()?;
    args.end()?;
    let context = args.host()?.ask(callback, PATIENCE);
    context.map(Context).map_err(|why| args.fail(why))
}

fn get(args: &mut Args<'_>) -> Result<Value> {
    let (database, do_id): (Channel, DoId) = (args.channel()?, args.do_id()?);
    let fields = match args.peek_nil() {
        true => None,
        false => Some(args.fields(&*args.names()?)?),
    };
    let context = ask(args)?;
    match fields {
        None => send_to(args, database, &Database::ObjectGetAll { context, do_id }),
        Some(fields) => {
            let fields = List::new(&fields);
            send_to(args, database, &Database::ObjectGetFields { context, do_id, fields })
        }
    }
}

fn set(args: &mut Args<'_>) -> Result<Value> {
    let (database, do_id): (Channel, DoId) = (args.channel()?, args.do_id()?);
    let table = args.table("a table of fields, as Class.field, and their values")?;
    args.end()?;
    let names = args.names()?;
    let mut fields: Vec<(FieldId, Vec<u8>)> = Vec::new();
    for pair in table.pairs::<Value, Value>() {
        let (key, value) = pair?;
        let Value::String(name) = key else {
            let found = shown(&key);
            return Err(args.fail(format!("found {found}, expected a field, as Class.field")));
        };
        let name = name.to_string_lossy();
        let field = names.field_named(&name).map_err(|why| args.fail(why))?;
        if fields.iter().any(|(id, _)| *id == field.id()) {
            return Err(args.fail(format!("`{name}` is there twice")));
        }
        fields.push((field.id(), pack_one(args, field, &value)?));
    }
    fields.sort();
    if let [(field, value)] = &fields[..] {
        let (field, value) = (*field, Rest(value));
        return send_to(args, database, &Database::ObjectSetField { do_id, field, value });
    }
    let bytes = written(&fields);
    let fields = FieldValues { count: fields.len() as u16, bytes: &bytes[size_of::<u16>()..] };
    send_to(args, database, &Database::ObjectSetFields { do_id, fields })
}

fn set_if_equals(args: &mut Args<'_>) -> Result<Value> {
    let (database, do_id): (Channel, DoId) = (args.channel()?, args.do_id()?);
    let names = args.names()?;
    let field = args.field(&names)?;
    let (old, new) = (args.next(), args.next());
    let value = pack_one(args, field, &new)?;
    let old = if old.is_nil() { None } else { Some(pack_one(args, field, &old)?) };
    let (context, field) = (ask(args)?, field.id());
    match old {
        None => {
            let value = Rest(&value);
            send_to(
                args,
                database,
                &Database::ObjectSetFieldIfEmpty { context, do_id, field, value },
            )
        }
        Some(old) => {
            let both = [old, value].concat();
            let values = Rest(&both);
            let message = Database::ObjectSetFieldIfEquals { context, do_id, field, values };
            send_to(args, database, &message)
        }
    }
}

fn create(args: &mut Args<'_>) -> Result<Value> {
    let database: Channel = args.channel()?;
    let names = args.names()?;
    let class = args.class(&names)?;
    let table = args.table_or_nothing("a table of fields and values")?;
    let values = field_values(args, class, &table)?;
    let context = ask(args)?;
    let mut reader = Reader::new(&values);
    let fields = FieldValues::read(&mut reader).map_err(|error| args.fail(error))?;
    send_to(args, database, &Database::CreateObject { context, class_id: class.id(), fields })
}

fn delete(args: &mut Args<'_>) -> Result<Value> {
    let (database, do_id): (Channel, DoId) = (args.channel()?, args.do_id()?);
    args.end()?;
    send_to(args, database, &Database::ObjectDelete { do_id })
}

/// What the callback of a question is told: the question's context, and how to put the answer for Lua. `None` of what is no
/// answer.
pub(in crate::script) fn heard<'m>(
    message: &'m Database<'_>,
) -> Option<(Context, impl FnOnce(&Lua) -> Result<MultiValue> + 'm)> {
    use Database as D;
    let context = match message {
        D::CreateObjectResp { context, .. }
        | D::ObjectGetAllResp { context, .. }
        | D::ObjectGetFieldsResp { context, .. }
        | D::ObjectSetFieldIfEqualsResp { context, .. }
        | D::ObjectSetFieldIfEmptyResp { context, .. } => *context,
        _ => return None,
    };
    Some((context, move |lua: &Lua| answer(lua, message)))
}

fn answer(lua: &Lua, message: &Database<'_>) -> Result<MultiValue> {
    use Database as D;
    let names = std::sync::Arc::clone(&host(lua)?.names);
    let dc = names.dc();
    let one = |value| Ok([value].into_iter().collect());
    match message {
        D::CreateObjectResp { do_id, .. } if do_id.is_some() => one(Value::Integer(do_id.0.into())),
        D::ObjectGetAllResp { object: Some((class, fields)), .. } => {
            let table = table_of(lua, dc, *fields)?;
            if let Some(class) = dc.class(*class) {
                table.raw_set("class", class.name())?;
            }
            one(Value::Table(table))
        }
        D::ObjectGetFieldsResp { values: Some(fields), .. } => {
            table_of(lua, dc, *fields).and_then(|table| one(Value::Table(table)))
        }
        D::ObjectSetFieldIfEqualsResp { done, current, .. }
        | D::ObjectSetFieldIfEmptyResp { done, current, .. } => {
            let current = match split(dc, 1, current.0).next() {
                Some((field, value)) => unpack_one(lua, field, value)?,
                None => Value::Nil,
            };
            Ok([Value::Boolean(*done), current].into_iter().collect())
        }
        _ => one(Value::Nil),
    }
}

fn table_of(lua: &Lua, dc: &DcFile, fields: FieldValues<'_>) -> Result<mlua::Table> {
    let table = lua.create_table()?;
    for (field, value) in split(dc, fields.count, fields.bytes) {
        table.raw_set(field.name(), unpack_one(lua, field, value)?)?;
    }
    Ok(table)
}

/// Fields with their values, as far as the DC files know them.
fn split<'v>(
    dc: &'v DcFile,
    count: u16,
    bytes: &'v [u8],
) -> impl Iterator<Item = (&'v Field, &'v [u8])> {
    let mut reader = Reader::new(bytes);
    (0..count).map_while(move |_| {
        let field = dc.field(FieldId(reader.u16().ok()?))?;
        let length = field.skip(reader.remaining()).ok()?;
        Some((field, reader.take(length).ok()?))
    })
}
