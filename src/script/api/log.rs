//! What people read: the log, and the event logger.

use mlua::{Result, Value};

use super::Native;
use crate::script::args::Args;
use crate::script::errors::one_line;
use crate::script::{Action, Event, Level};

pub(super) const ALL: &[Native] = &[
    Native { name: "donet.event", run: event },
    Native { name: "donet.log", run: log },
    Native { name: "donet.warn", run: warn },
];

/// Bytes of a line, or of a value of an event.
const LINE_BYTES_MAX: usize = 1_000;
/// Bytes of an event's type, or of one of its keys.
const KEY_BYTES_MAX: usize = 100;
/// Keys of an event.
const KEYS_MAX: usize = 32;

impl Event {
    /// How much it is to send.
    pub(in crate::script) fn bytes(&self) -> usize {
        let entries = self.entries.iter().map(|(key, value)| key.len() + value.len());
        self.kind.len() + entries.sum::<usize>()
    }
}

fn event(args: &mut Args<'_>) -> Result<Value> {
    let kind = one_line(&args.text()?, KEY_BYTES_MAX);
    let table = args.table_or_nothing("a table of keys and values")?;
    args.end()?;
    let mut entries = Vec::new();
    for pair in table.pairs::<Value, Value>() {
        let (key, value) = pair?;
        let (Value::String(key), Some(value)) = (key, text_of(args, &value)?) else {
            return Err(args.fail("keys are strings, and values are strings, numbers or booleans"));
        };
        let key = one_line(&key.to_string_lossy(), KEY_BYTES_MAX);
        if matches!(&*key, "type" | "sender") {
            return Err(args.fail(format!("the key `{key}` is donet's own")));
        }
        entries.push((key, one_line(&value, LINE_BYTES_MAX)));
        if entries.len() > KEYS_MAX {
            return Err(args.fail(format!("an event has {KEYS_MAX} keys at most")));
        }
    }
    // Lua has no order of its own.
    entries.sort();
    entries.dedup_by(|later, kept| later.0 == kept.0);
    args.want(Action::Event(Event { kind, entries }))
}

fn log(args: &mut Args<'_>) -> Result<Value> {
    line(args, Level::Info)
}

fn warn(args: &mut Args<'_>) -> Result<Value> {
    line(args, Level::Warn)
}

fn line(args: &mut Args<'_>, level: Level) -> Result<Value> {
    let value = args.next();
    args.end()?;
    let Some(text) = text_of(args, &value)? else {
        return Err(args.wrong(&value, "a string"));
    };
    let text = format!("{}: {}", args.host()?.script, one_line(&text, LINE_BYTES_MAX));
    args.want(Action::Log { level, text })
}

/// A string, number or boolean as text.
fn text_of(args: &Args<'_>, value: &Value) -> Result<Option<String>> {
    Ok(match value {
        Value::Boolean(is_so) => Some(is_so.to_string()),
        // More than would be shown is not even looked at.
        Value::String(text) => {
            let bytes = text.as_bytes();
            let shown = &bytes[..bytes.len().min(LINE_BYTES_MAX + 4)];
            Some(String::from_utf8_lossy(shown).into_owned())
        }
        value => args.lua.coerce_string(value.clone())?.map(|text| text.to_string_lossy()),
    })
}
