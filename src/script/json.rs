//! Lua tables → the arguments of messages, as `donet trace --json` shows them.

use mlua::{Result, Table, Value};
use serde_json::{Map, Value as Json, json};

use super::args::{Args, items};
use super::meter::Meter;
use super::values::shown;

/// Tables within tables. Datagrams within datagrams are not nested deeper.
const DEPTH_MAX: usize = 16;

/// A message's arguments by their names.
pub(super) fn arguments(args: &Args<'_>, table: &Table) -> Result<Map<String, Json>> {
    let mut all = Map::new();
    Meter::charge_table(args.lua)?;
    for pair in table.pairs::<Value, Value>() {
        let (key, value) = pair?;
        all.insert(key_of(args, &key)?, json_of(args, &value, 0)?);
    }
    Ok(all)
}

fn key_of(args: &Args<'_>, key: &Value) -> Result<String> {
    match key {
        Value::String(name) => {
            Meter::charge_bytes(args.lua, name.as_bytes().len())?;
            Ok(name.to_string_lossy())
        }
        key => {
            let key = shown(key);
            Err(args.fail(format!("arguments of messages have names, and {key} is none")))
        }
    }
}

fn json_of(args: &Args<'_>, value: &Value, depth: usize) -> Result<Json> {
    match value {
        Value::Table(_) => Meter::charge_table(args.lua)?,
        _ => Meter::charge(args.lua, 1)?,
    }
    Ok(match value {
        Value::Nil => Json::Null,
        Value::Boolean(is_so) => json!(is_so),
        Value::Integer(number) => json!(number),
        Value::Number(number) => match super::args::whole(value) {
            Some(whole) => json!(whole),
            None => json!(number),
        },
        Value::String(text) => {
            let bytes = text.as_bytes();
            Meter::charge_bytes(args.lua, bytes.len())?;
            match std::str::from_utf8(&bytes) {
                Ok(text) => json!(text),
                Err(_) => {
                    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                    json!({ "hex": hex })
                }
            }
        }
        Value::Table(_) if depth == DEPTH_MAX => {
            return Err(args.fail("there are too many tables within tables"));
        }
        Value::Table(table) if table.raw_len() > 0 || table.is_empty() => {
            let mut list = Vec::new();
            for item in items(args.lua, table)? {
                list.push(json_of(args, &item, depth + 1)?);
            }
            Json::Array(list)
        }
        Value::Table(table) => {
            let mut all = Map::new();
            for pair in table.pairs::<Value, Value>() {
                let (key, value) = pair?;
                all.insert(key_of(args, &key)?, json_of(args, &value, depth + 1)?);
            }
            Json::Object(all)
        }
        value => {
            let found = shown(value);
            return Err(args.fail(format!("{found} cannot be part of a message")));
        }
    })
}
