//! Lua's values ↔ those of fields.

use std::borrow::Cow;
use std::collections::BTreeMap;

use dclass::{Data, Field, Row};
use mlua::{Lua, Result, Value};

use super::api::{Handle, Outcome};
use super::args::{Args, items};
use super::errors::fail;
use super::meter::Meter;

/// Tables within tables. Types of DC files are not nested deeper.
const DEPTH_MAX: usize = 70;

/// A value for a message.
pub(super) fn shown(value: &Value) -> String {
    const LONGEST: usize = 32;
    match value {
        Value::Nil => "nothing".to_owned(),
        Value::Boolean(is_so) => is_so.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Number(number) => format!("{number:?}"),
        Value::String(text) => match &*text.as_bytes() {
            bytes if bytes.len() <= LONGEST => format!("\"{}\"", bytes.escape_ascii()),
            bytes => format!("a string of {} bytes", bytes.len()),
        },
        Value::Table(_) => "a table".to_owned(),
        Value::Function(_) => "a function".to_owned(),
        Value::UserData(data) if data.is::<Handle>() => "a client".to_owned(),
        Value::UserData(data) if data.is::<Outcome>() => "an outcome of a hook".to_owned(),
        _ => "something else".to_owned(),
    }
}

/// Packs the arguments of a field. The error begins with who wants it.
pub(super) fn pack(args: &Args<'_>, field: &Field, values: &[Value]) -> Result<Vec<u8>> {
    let mut all = Vec::with_capacity(values.len());
    for value in values {
        all.push(data(args.lua, value, 0)?);
    }
    match field.pack(&all) {
        Ok(packed) => Ok(packed),
        Err(error) => {
            let names = args.names()?;
            let name = names.field(field.id()).unwrap_or_default();
            let within = error.path.strip_prefix(field.name()).unwrap_or_default();
            Err(args.fail(format!("{name}{within}: {}", error.reason)))
        }
    }
}

/// Packs a field's value that is given as one: its only argument, or a list of them.
pub(super) fn pack_one(args: &Args<'_>, field: &Field, value: &Value) -> Result<Vec<u8>> {
    if field.argument_count() == 1 {
        return pack(args, field, std::slice::from_ref(value));
    }
    match value {
        Value::Table(table) => {
            let values = items(args.lua, table)?;
            pack(args, field, &values)
        }
        value => {
            let (found, count) = (shown(value), field.argument_count());
            let name = args.names()?.field(field.id()).unwrap_or_default();
            Err(args.fail(format!("{name}: found {found}, expected a list of {count} values")))
        }
    }
}

/// The arguments in a packed value.
pub(super) fn unpack(lua: &Lua, field: &Field, value: &[u8]) -> Result<Vec<Value>> {
    let arguments = field.unpack(value).map_err(|error| fail(lua, error))?;
    arguments.iter().map(|argument| lua_value(lua, argument)).collect()
}

/// A packed value as one: its only argument, or a list of them.
pub(super) fn unpack_one(lua: &Lua, field: &Field, value: &[u8]) -> Result<Value> {
    let mut all = unpack(lua, field, value)?;
    match all.len() {
        1 => Ok(all.swap_remove(0)),
        _ => lua.create_sequence_from(all).map(Value::Table),
    }
}

fn data(lua: &Lua, value: &Value, depth: usize) -> Result<Data<'static>> {
    // A table can hold another twice, and that another twice.
    match value {
        Value::Table(_) => Meter::charge_table(lua)?,
        _ => Meter::charge(lua, 1)?,
    }
    Ok(match value {
        Value::Integer(number) => Data::Integer(*number),
        Value::Number(number) => Data::Real(*number),
        Value::String(text) => {
            let bytes = text.as_bytes();
            Meter::charge_bytes(lua, bytes.len())?;
            Data::Bytes(Cow::Owned(bytes.to_vec()))
        }
        Value::Table(_) if depth == DEPTH_MAX => Data::Other("tables within tables".into()),
        Value::Table(table) => {
            let mut list = BTreeMap::new();
            let mut named = BTreeMap::new();
            let mut odd = None;
            table.for_each(|key: Value, value: Value| {
                let value = data(lua, &value, depth + 1)?;
                match key {
                    Value::Integer(index) => {
                        list.insert(index, value);
                    }
                    Value::String(name) => {
                        Meter::charge_bytes(lua, name.as_bytes().len())?;
                        named.insert(name.to_string_lossy(), value);
                    }
                    key => odd = Some(shown(&key)),
                }
                Ok(())
            })?;
            let is_whole = list.keys().copied().eq(1..=list.len() as i64);
            match odd {
                Some(key) => Data::Other(format!("a table with the key {key}").into()),
                None if !is_whole => Data::Other("a list with holes".into()),
                None => Data::Row(Row {
                    list: list.into_values().collect(),
                    named: named.into_iter().map(|(name, value)| (name.into(), value)).collect(),
                }),
            }
        }
        value => Data::Other(shown(value).into()),
    })
}

fn lua_value(lua: &Lua, data: &Data<'_>) -> Result<Value> {
    Ok(match data {
        Data::Integer(number) => Value::Integer(*number),
        Data::Real(number) => Value::Number(*number),
        Data::Bytes(bytes) => Value::String(lua.create_string(bytes)?),
        Data::Row(Row { list, named }) => {
            let table = lua.create_table_with_capacity(list.len(), named.len())?;
            for value in list {
                table.raw_push(lua_value(lua, value)?)?;
            }
            for (name, value) in named {
                table.raw_set(&**name, lua_value(lua, value)?)?;
            }
            Value::Table(table)
        }
        Data::Other(_) => Value::Nil,
    })
}
