//! What a script can call: `donet` and its clients, a file for each subject.

mod client;
mod database;
mod hooks;
mod log;
mod objects;
mod time;

use mlua::{Lua, Result, Table, Value};

pub(super) use client::Handle;
pub(super) use database::heard;
pub(super) use hooks::{Outcome, place_fields};

use super::args::Args;
use super::meter::Meter;

/// What a function costs beside what its arguments do: about as long as so many instructions take.
const STEPS: i64 = 20;

/// A function that a script can call.
pub(super) struct Native {
    /// As it is called: `donet.after`, `client:eject`.
    pub name: &'static str,
    run: fn(&mut Args<'_>) -> Result<Value>,
}

/// Those of `donet`.
pub(super) fn functions() -> impl Iterator<Item = &'static Native> {
    let all = [hooks::ALL, time::ALL, objects::ALL, database::ALL, log::ALL];
    all.into_iter().flatten()
}

/// Those of a client.
pub(super) fn methods() -> impl Iterator<Item = &'static Native> {
    client::ALL.iter()
}

impl Native {
    /// Without what it is called on.
    pub fn short(&self) -> &'static str {
        self.name.rsplit(['.', ':']).next().unwrap_or(self.name)
    }
}

/// A table of functions.
pub(super) fn table_of(lua: &Lua, all: impl Iterator<Item = &'static Native>) -> Result<Table> {
    let table = lua.create_table()?;
    for native in all {
        let function = lua.create_function(move |lua, values| {
            Meter::charge(lua, STEPS)?;
            (native.run)(&mut Args::new(lua, native.name, values))
        })?;
        table.raw_set(native.short(), function)?;
    }
    Ok(table)
}

/// What may have been meant, as the end of a sentence; else all that there is.
pub(super) fn hint(found: &str, known: &[&str]) -> String {
    match crate::finding::near(found, known.iter().copied()) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => format!("; there are {}", known.join(", ")),
    }
}
