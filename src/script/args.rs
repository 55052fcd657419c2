//! The arguments that a script gives to a function: each asked for by what it is to be.

use std::sync::Arc;

use dclass::{Class, Field};
use mlua::{AppDataRefMut, Error, Function, Lua, LuaString, MultiValue, Result, Table, Value};

use super::Action;
use super::api::Handle;
use super::errors::fail;
use super::meter::Meter;
use super::state::{Host, host};
use super::values::shown;
use crate::ids::{Channel, DoId, FieldId, Location, RECIPIENTS_MAX, ZoneId};
use crate::trace::Names;

/// The arguments of one call, in order.
pub(super) struct Args<'l> {
    pub lua: &'l Lua,
    /// The function, as a script calls it.
    pub name: &'static str,
    values: MultiValue,
    taken: usize,
}

impl<'l> Args<'l> {
    pub fn new(lua: &'l Lua, name: &'static str, values: MultiValue) -> Self {
        Args { lua, name, values, taken: 0 }
    }

    /// What the script has.
    pub fn host(&self) -> Result<AppDataRefMut<'l, Host>> {
        host(self.lua)
    }

    /// Has something done, if the call ends well.
    pub fn want(&self, action: Action) -> Result<Value> {
        let wanted = self.host()?.want(action);
        wanted.map(|()| Value::Nil).map_err(|why| self.fail(why))
    }

    /// An error of this function.
    pub fn fail(&self, text: impl std::fmt::Display) -> Error {
        fail(self.lua, format!("{}: {text}", self.name))
    }

    /// That the argument that was taken last is something else.
    pub fn wrong(&self, found: &Value, expected: &str) -> Error {
        let (number, found) = (self.taken, shown(found));
        self.fail(format!("argument {number}: found {found}, expected {expected}"))
    }

    /// The next argument, whatever it is.
    pub fn next(&mut self) -> Value {
        self.taken += 1;
        self.values.pop_front().unwrap_or(Value::Nil)
    }

    /// Whether all are taken, or the rest is nothing.
    pub fn is_empty(&self) -> bool {
        self.values.iter().all(Value::is_nil)
    }

    /// Whether the next one is nothing, which is taken then.
    pub fn peek_nil(&mut self) -> bool {
        let is_nil = self.values.front().is_none_or(Value::is_nil);
        if is_nil {
            self.next();
        }
        is_nil
    }

    /// All that are left.
    pub fn rest(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.values).into_iter().collect()
    }

    /// That there are no more.
    pub fn end(&self) -> Result<()> {
        match self.values.len() {
            0 => Ok(()),
            more => {
                let all = self.taken + more;
                Err(self.fail(format!("found {all} arguments, expected {}", self.taken)))
            }
        }
    }

    pub fn integer<T: TryFrom<i64>>(&mut self, expected: &str) -> Result<T> {
        let value = self.next();
        let number = whole(&value).and_then(|number| T::try_from(number).ok());
        number.ok_or_else(|| self.wrong(&value, expected))
    }

    /// A number of milliseconds in these bounds.
    pub fn milliseconds(&mut self, least: u32) -> Result<std::time::Duration> {
        let expected = format!("milliseconds, {least} to {}", u32::MAX);
        let value = self.next();
        let number = match value {
            Value::Number(number) if number.is_finite() => number.ceil() as i64,
            ref value => whole(value).unwrap_or(-1),
        };
        match u32::try_from(number) {
            Ok(number) if number >= least => Ok(std::time::Duration::from_millis(number.into())),
            _ => Err(self.wrong(&value, &expected)),
        }
    }

    /// A channel. Those above 2⁶³ are Lua's negative integers.
    pub fn channel(&mut self) -> Result<Channel> {
        let value = self.next();
        channel_of(&value).ok_or_else(|| self.wrong(&value, "a channel"))
    }

    /// One channel, or a list of them.
    pub fn channels(&mut self) -> Result<Vec<Channel>> {
        let value = self.next();
        let channels: Option<Vec<_>> = match &value {
            Value::Table(list) => items(self.lua, list)?.iter().map(channel_of).collect(),
            value => channel_of(value).map(|channel| vec![channel]),
        };
        match channels {
            Some(all) if (1..=RECIPIENTS_MAX).contains(&all.len()) => Ok(all),
            _ => Err(self.wrong(&value, &format!("a channel, or a list of 1 to {RECIPIENTS_MAX}"))),
        }
    }

    pub fn do_id(&mut self) -> Result<DoId> {
        self.integer("a doId, 0 to 4294967295").map(DoId)
    }

    pub fn zone(&mut self) -> Result<ZoneId> {
        self.integer("a zone, 0 to 4294967295").map(ZoneId)
    }

    /// One zone, or a list of them.
    pub fn zones(&mut self) -> Result<Vec<ZoneId>> {
        /// Their count has 16 bits.
        const ZONES_MAX: usize = u16::MAX as usize;
        let value = self.next();
        let zone_of = |value: &Value| u32::try_from(whole(value)?).ok().map(ZoneId);
        let zones: Option<Vec<_>> = match &value {
            Value::Table(list) => items(self.lua, list)?.iter().map(zone_of).collect(),
            value => zone_of(value).map(|zone| vec![zone]),
        };
        match zones {
            Some(all) if all.len() <= ZONES_MAX => Ok(all),
            _ => Err(self.wrong(&value, "a zone, or a list of zones")),
        }
    }

    /// A parent and a zone.
    pub fn location(&mut self) -> Result<Location> {
        Ok(Location { parent: self.do_id()?, zone: self.zone()? })
    }

    pub fn bytes(&mut self) -> Result<LuaString> {
        match self.next() {
            Value::String(bytes) => {
                Meter::charge_bytes(self.lua, bytes.as_bytes().len())?;
                Ok(bytes)
            }
            value => Err(self.wrong(&value, "a string")),
        }
    }

    pub fn text(&mut self) -> Result<String> {
        self.bytes().map(|bytes| bytes.to_string_lossy())
    }

    pub fn function(&mut self) -> Result<Function> {
        match self.next() {
            Value::Function(function) => Ok(function),
            value => Err(self.wrong(&value, "a function")),
        }
    }

    pub fn table(&mut self, expected: &str) -> Result<Table> {
        match self.next() {
            Value::Table(table) => Ok(table),
            value => Err(self.wrong(&value, expected)),
        }
    }

    /// A table, or an empty one instead of nothing.
    pub fn table_or_nothing(&mut self, expected: &str) -> Result<Table> {
        match self.next() {
            Value::Nil => self.lua.create_table(),
            Value::Table(table) => Ok(table),
            value => Err(self.wrong(&value, expected)),
        }
    }

    /// What the DC files call things.
    pub fn names(&self) -> Result<Arc<Names>> {
        Ok(Arc::clone(&self.host()?.names))
    }

    /// A field that is named, as `Class.field`.
    pub fn field<'n>(&mut self, names: &'n Names) -> Result<&'n Field> {
        let name = self.text()?;
        names.field_named(&name).map_err(|why| self.fail(why))
    }

    /// A class that is named. Structs have no objects.
    pub fn class<'n>(&mut self, names: &'n Names) -> Result<&'n Class> {
        let name = self.text()?;
        let class = names.class_named(&name).map_err(|why| self.fail(why))?;
        match class.is_struct() {
            false => Ok(class),
            true => Err(self.fail(format!("`{name}` is a struct, which has no objects"))),
        }
    }

    /// Fields that are named in a list.
    pub fn fields(&mut self, names: &Names) -> Result<Vec<FieldId>> {
        let list = self.table("a list of fields")?;
        let mut all = Vec::new();
        for name in items(self.lua, &list)? {
            let name = match name {
                Value::String(name) => name.to_string_lossy(),
                value => {
                    return Err(self.wrong(&value, "a list of fields, such as \"Avatar.setXY\""));
                }
            };
            all.push(names.field_named(&name).map_err(|why| self.fail(why))?.id());
        }
        Ok(all)
    }

    /// The client that a method is called on, unless it has gone. It is not counted.
    pub fn client(&mut self) -> Result<Option<Handle>> {
        let first = self.values.pop_front();
        let handle = match &first {
            Some(Value::UserData(data)) => data.borrow::<Handle>().ok().map(|it| it.clone()),
            _ => None,
        };
        let Some(handle) = handle else {
            return Err(self.fail("call it with a colon: client:method(…)"));
        };
        let is_there = self.host()?.sessions.contains_key(&handle.key);
        Ok(is_there.then_some(handle))
    }
}

/// The items of a list, which are charged for.
pub(super) fn items(lua: &Lua, list: &Table) -> Result<Vec<Value>> {
    Meter::charge(lua, list.raw_len())?;
    list.sequence_values().collect()
}

/// A whole number, however Lua writes it.
pub(super) fn whole(value: &Value) -> Option<i64> {
    /// From here on, floats do not know every integer.
    const EXACT: f64 = (1u64 << 53) as f64;
    match value {
        Value::Integer(number) => Some(*number),
        Value::Number(number) if number.fract() == 0.0 && number.abs() < EXACT => {
            Some(*number as i64)
        }
        _ => None,
    }
}

fn channel_of(value: &Value) -> Option<Channel> {
    whole(value).map(|number| Channel(number.cast_unsigned())).filter(|channel| channel.is_some())
}
