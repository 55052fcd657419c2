//! One event as a line of text or JSON.

use std::fmt::Write;

use jiff::Zoned;
use serde_json::Value;
use tracing::Metadata;
use tracing::field::{Field, Visit};

use super::Level;

/// The fields of an event or a span, in the order in which they were recorded.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Fields(Vec<(&'static str, Value)>);

/// What a line is made of.
pub(super) struct Line<'a> {
    pub time: &'a Zoned,
    pub metadata: &'a Metadata<'static>,
    /// Those of the event, then those of the spans around it.
    pub fields: &'a Fields,
}

/// The name under which tracing records the text of an event.
const MESSAGE: &str = "message";

impl Fields {
    /// Adds a field, unless there is one of that name: what is said closer to the event holds.
    pub fn add(&mut self, name: &'static str, value: Value) {
        if !self.0.iter().any(|(known, _)| *known == name) {
            self.0.push((name, value));
        }
    }

    /// Adds the fields of `outer`.
    pub fn add_all(&mut self, outer: &Fields) {
        for (name, value) in &outer.0 {
            self.add(name, value.clone());
        }
    }

    fn message(&self) -> &str {
        let mut fields = self.0.iter();
        let message = fields.find(|(name, _)| *name == MESSAGE);
        message.and_then(|(_, value)| value.as_str()).unwrap_or("")
    }

    fn others(&self) -> impl Iterator<Item = &(&'static str, Value)> {
        self.0.iter().filter(|(name, _)| *name != MESSAGE)
    }
}

impl Visit for Fields {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field.name(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field.name(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field.name(), value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.add(field.name(), format!("{value:?}").into());
    }
}

impl Line<'_> {
    /// `[2024-01-31 12:00:00] INFO: daemon: listening address=127.0.0.1:7199`
    pub fn human(&self, color: bool) -> String {
        let level = Level::of(self.metadata);
        let mut line = format!("[{}] ", self.time.strftime("%Y-%m-%d %H:%M:%S"));
        // Writing to a string cannot fail.
        let _ = if color {
            write!(line, "\x1b[{}m{}\x1b[0m", level.color(), level.name())
        } else {
            line.write_str(level.name())
        };
        let _ = write!(line, ": {}: ", category(self.metadata));
        push_printable(&mut line, self.fields.message());
        for (name, value) in self.fields.others() {
            line.push(' ');
            line.push_str(name);
            line.push('=');
            match value {
                Value::String(text) if is_word(text) => line.push_str(text),
                _ => {
                    let _ = write!(line, "{value}");
                }
            }
        }
        line.push('\n');
        line
    }

    /// `{"time":"2024-01-31T12:00:00.000000+01:00","level":"info","target":"daemon","message":…}`
    pub fn json(&self) -> String {
        let time = self.time.strftime("%Y-%m-%dT%H:%M:%S%.6f%:z").to_string();
        let level = Level::of(self.metadata).name().to_ascii_lowercase();
        let head = [
            ("time", time.as_str()),
            ("level", &level),
            ("target", category(self.metadata)),
            (MESSAGE, self.fields.message()),
        ];
        let mut line = String::new();
        let mut push = |name: &str, value: &dyn std::fmt::Display| {
            let before = if line.is_empty() { '{' } else { ',' };
            // Writing to a string cannot fail.
            let _ = write!(line, "{before}{}:{value}", Value::from(name));
        };
        for (name, text) in head {
            push(name, &Value::from(text));
        }
        for (name, value) in self.fields.others() {
            if head.iter().any(|(taken, _)| taken == name) {
                push(&format!("field.{name}"), value);
            } else {
                push(name, value);
            }
        }
        line.push_str("}\n");
        line
    }
}

/// The part of the program that speaks: the module below the crate and below `role`, or the crate if
/// it is another. A store speaks for the database server, which is the part that an operator knows.
fn category(metadata: &Metadata<'static>) -> &'static str {
    let path = match Level::target_is_level(metadata.target()) {
        true => metadata.module_path().unwrap_or(metadata.target()),
        false => metadata.target(),
    };
    let Some(inside) = path.strip_prefix("donet") else {
        return first_segment(path);
    };
    let inside = inside.strip_prefix("::").unwrap_or("main");
    match first_segment(inside.strip_prefix("role::").unwrap_or(inside)) {
        "store" => "database",
        part => part,
    }
}

fn first_segment(path: &str) -> &str {
    path.split_once("::").map_or(path, |(first, _)| first)
}

/// Whether a value can stand without quotes and the line still be taken apart again.
fn is_word(text: &str) -> bool {
    let is_special = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '=' | '\\');
    !text.is_empty() && !text.contains(is_special)
}

/// Appends text that may come from a peer: it must not begin a new line or steer a terminal.
fn push_printable(line: &mut String, text: &str) {
    for c in text.chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
}
