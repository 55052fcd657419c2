//! The Lua state of a script, with what it may use of Lua and nothing else.

use mlua::chunk::ChunkMode;
use mlua::{Lua, LuaOptions, LuaString, MultiValue, Result, StdLib, Table, Value};

use super::api::{Handle, Outcome, functions, hint, table_of};
use super::errors::{PRELUDE, caught, fail, is_no_memory, is_of_memory, without_prelude};
use super::meter::{LOAD_STEPS, Meter};
use super::state::Host;
use super::text;
use super::values::shown;

/// A Lua state, ready for a script's file.
pub(super) fn new(host: Host) -> Result<Lua> {
    let libraries = StdLib::TABLE | StdLib::STRING | StdLib::MATH | StdLib::UTF8;
    let lua = Lua::new_with(libraries, LuaOptions::new())?;
    lua.set_app_data(host);
    Meter::install(&lua)?;
    Meter::begin(&lua, LOAD_STEPS)?;
    // Lua looks through it whenever it says where an error was, for names that errors have anyway.
    lua.unset_named_registry_value("_LOADED")?;
    Handle::install(&lua)?;
    let donet = table_of(&lua, functions())?;
    donet.raw_set("DROP", lua.create_userdata(Outcome::Drop)?)?;
    let prelude = lua.load(include_str!("prelude.lua")).set_name(format!("={PRELUDE}"));
    prelude.set_mode(ChunkMode::Text).call::<()>((natives(&lua)?, donet))?;
    Ok(lua)
}

/// What the prelude needs.
fn natives(lua: &Lua) -> Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("find", lua.create_function(text::find)?)?;
    table.raw_set("match", lua.create_function(text::match_once)?)?;
    table.raw_set("match_next", lua.create_function(text::match_next)?)?;
    table.raw_set("gsub", lua.create_function(text::replace)?)?;
    table.raw_set("concat", lua.create_function(text::concat)?)?;
    table.raw_set("start", lua.create_function(start)?)?;
    table.raw_set("caught", lua.create_function(caught_by_script)?)?;
    table.raw_set(
        "charge",
        lua.create_function(|lua, steps: f64| Meter::charge(lua, steps as i64))?,
    )?;
    table.raw_set(
        "weigh",
        lua.create_function(|lua, text: LuaString| {
            Meter::charge_bytes(lua, text.as_bytes().len())
        })?,
    )?;
    table.raw_set("weigh_all", lua.create_function(weigh_all)?)?;
    table.raw_set("weigh_format", lua.create_function(weigh_format)?)?;
    table.raw_set("weigh_list", lua.create_function(weigh_list)?)?;
    table.raw_set("size", lua.create_function(size)?)?;
    table
        .raw_set("integer", lua.create_function(|lua, value: Value| lua.coerce_integer(value))?)?;
    table.raw_set("range", lua.create_function(range)?)?;
    table.raw_set("no_such", lua.create_function(no_such)?)?;
    Ok(table)
}

/// What a script's `pcall` has caught, unless nobody may. A panic goes on as soon as it is looked at.
fn caught_by_script(lua: &Lua, error: Value) -> Result<Value> {
    if let Some(end) = Meter::end(lua) {
        return Err(mlua::Error::runtime(end));
    }
    match &error {
        Value::String(text) => {
            Meter::charge_bytes(lua, text.as_bytes().len())?;
            let text = text.to_string_lossy();
            match without_prelude(&text) {
                _ if is_no_memory(&text) => Err(Meter::out_of_memory(lua)),
                rest if rest.len() < text.len() => lua.create_string(rest).map(Value::String),
                _ => Ok(error),
            }
        }
        Value::Error(error) if is_of_memory(error) => Err(Meter::out_of_memory(lua)),
        Value::Error(error) => lua.create_string(caught(error)).map(Value::String),
        _ => Ok(error),
    }
}

/// Charges for the length of texts.
fn weigh_all(lua: &Lua, values: MultiValue) -> Result<()> {
    Meter::charge_bytes(lua, values.iter().map(length).sum())
}

/// Charges for the length of texts in a list, each of which is gone over so many times.
fn weigh_list(lua: &Lua, (list, times): (Table, f64)) -> Result<()> {
    let mut bytes = 0usize;
    for index in 1..=list.raw_len() {
        bytes = bytes.saturating_add(length(&list.raw_get(index)?));
    }
    Meter::charge_bytes(lua, (bytes as f64 * times) as usize)
}

fn length(value: &Value) -> usize {
    match value {
        Value::String(text) => text.as_bytes().len(),
        _ => 0,
    }
}

/// Charges for the length of texts, and for what a format such as `c1000` asks for.
fn weigh_format(lua: &Lua, values: MultiValue) -> Result<()> {
    let mut bytes = 0usize;
    for (number, value) in values.iter().enumerate() {
        let Value::String(text) = value else { continue };
        let text = text.as_bytes();
        bytes = bytes.saturating_add(text.len());
        if number == 0 {
            let numbers = text.split(|byte| !byte.is_ascii_digit());
            let numbers = numbers.filter(|digits| !digits.is_empty()).map(|digits| {
                let digits = std::str::from_utf8(digits).unwrap_or_default();
                digits.parse().unwrap_or(usize::MAX)
            });
            bytes = numbers.fold(bytes, usize::saturating_add);
        }
    }
    Meter::charge_bytes(lua, bytes)
}

/// The length of a list. What a `__len` says would be believed, and is not looked at again.
fn size(lua: &Lua, value: Value) -> Result<usize> {
    let Value::Table(table) = &value else {
        return Err(fail(lua, format!("found {}, expected a table", shown(&value))));
    };
    let has_length = table.metatable().map(|meta| meta.raw_get::<Value>("__len")).transpose()?;
    match has_length {
        None | Some(Value::Nil) => Ok(table.raw_len()),
        Some(_) => Err(fail(lua, "functions of `table` know no __len")),
    }
}

/// From one number to another, as integers, which is charged for.
fn range(lua: &Lua, (first, last): (Value, Value)) -> Result<(Value, Value)> {
    let whole = |value: &Value| lua.coerce_integer(value.clone());
    let (Some(low), Some(high)) = (whole(&first)?, whole(&last)?) else {
        // The library says what is wrong with them.
        return Ok((first, last));
    };
    Meter::charge(lua, high.saturating_sub(low))?;
    Ok((Value::Integer(low), Value::Integer(high)))
}

/// Where `string.gmatch` begins, from 0.
fn start(_: &Lua, (text, init): (LuaString, Option<i64>)) -> Result<i64> {
    let length = text.as_bytes().len() as i64;
    Ok(match init.unwrap_or(1) {
        0 => 0,
        init if init > 0 => init - 1,
        init => length.saturating_add(init).max(0),
    })
}

/// That `donet` has nothing of this name.
fn no_such(lua: &Lua, (_, key): (Value, Value)) -> Result<Value> {
    let found = match &key {
        Value::String(text) => {
            Meter::charge_bytes(lua, text.as_bytes().len())?;
            text.to_string_lossy()
        }
        key => shown(key),
    };
    let known: Vec<&str> = functions().map(super::api::Native::short).chain(["DROP"]).collect();
    let hint = hint(&found, &known);
    Err(fail(lua, format!("there is no `donet.{found}`{hint}")))
}
