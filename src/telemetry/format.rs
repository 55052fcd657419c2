//! One event as a line of text or JSON.

use std::fmt::{Debug, Write};

use jiff::Zoned;
use serde_json::Value as Json;
use tracing::Metadata;
use tracing::field::{Field, Visit};

use super::text::{Style, TEXT_BYTES_MAX, Text};
use super::{Format, Level};

/// The value of a field.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Value {
    Text(Text),
    /// A number or a word.
    Other(Json),
}

/// The fields of an event or a span, in the order in which they were recorded.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Fields {
    entries: Vec<(&'static str, Value)>,
    /// What each value may take in a line.
    bytes_max: usize,
}

/// How lines look somewhere.
#[derive(Copy, Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Look {
    pub format: Format,
    /// Whether the level has its colour.
    pub color: bool,
    /// Whether each line begins with its priority, as the journal reads it.
    pub priority: bool,
}

/// What a line is made of.
pub(super) struct Line<'a> {
    pub time: &'a Zoned,
    pub level: Level,
    /// The part of the program that speaks.
    pub part: &'a str,
    /// Those of the event, then those of the spans around it.
    pub fields: &'a Fields,
}

/// Fields with a number that has a type of its own, which tracing knows only as text.
const IDS: [&str; 16] = [
    "doId", "client", "sender", "database", "parent", "child", "ai", "mine", "asker", "context",
    "other", "channel", "origin", "control", "low", "high",
];
/// The name under which tracing records the text of an event.
const MESSAGE: &str = "message";

impl Default for Fields {
    fn default() -> Self {
        Fields { entries: Vec::new(), bytes_max: TEXT_BYTES_MAX }
    }
}

impl Fields {
    /// None yet; their values will not be cut.
    pub fn whole() -> Self {
        Fields { bytes_max: usize::MAX, ..Fields::default() }
    }

    /// Those of a line that logging itself writes.
    pub fn of_message(message: impl std::fmt::Display) -> Self {
        let mut fields = Fields::default();
        fields.add_text(MESSAGE, format_args!("{message}"));
        fields
    }

    /// Adds a field, unless there is one of that name: what is said closer to the event holds.
    pub fn add(&mut self, name: &'static str, value: Value) {
        if !self.entries.iter().any(|(known, _)| *known == name) {
            self.entries.push((name, value));
        }
    }

    /// Adds the fields of `outer`.
    pub fn add_all(&mut self, outer: &Fields) {
        for (name, value) in &outer.entries {
            self.add(name, value.clone());
        }
    }

    pub fn add_text(&mut self, name: &'static str, value: std::fmt::Arguments<'_>) {
        let mut text = Text::new(self.bytes_max);
        // Writing to a text cannot fail; what fails is the value, which then says as much as it did.
        let _ = text.write_fmt(value);
        self.add(name, Value::Text(text));
    }

    pub fn add_number(&mut self, name: &'static str, value: u64) {
        self.add(name, Value::Other(value.into()));
    }

    /// Adds those of the fields of `outer` that have one of these names.
    pub fn add_those(&mut self, outer: &Fields, names: &[&str]) {
        for (name, value) in &outer.entries {
            if names.contains(name) {
                self.add(name, value.clone());
            }
        }
    }

    /// The value of the field called `name`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.entries.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The text of the event.
    pub fn message(&self) -> Option<&Text> {
        match self.get(MESSAGE) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    fn others(&self) -> impl Iterator<Item = &(&'static str, Value)> {
        self.entries.iter().filter(|(name, _)| *name != MESSAGE)
    }
}

impl Visit for Fields {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field.name(), Value::Other(value.into()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field.name(), Value::Other(value.into()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field.name(), Value::Other(value.into()));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field.name(), Value::Other(value.into()));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add_text(field.name(), format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let name = field.name();
        if IDS.contains(&name)
            && let Ok(number) = format!("{value:?}").parse()
        {
            return self.add_number(name, number);
        }
        self.add_text(name, format_args!("{value:?}"));
    }
}

impl Value {
    /// As JSON has it.
    fn write_to(&self, line: &mut String) {
        match self {
            Value::Text(text) => text.write_to(line, Style::Quoted),
            Value::Other(value) => {
                // Writing to a string cannot fail.
                let _ = write!(line, "{value}");
            }
        }
    }
}

impl Line<'_> {
    /// The line with its end.
    pub fn text(&self, look: Look) -> String {
        let mut line = String::new();
        if look.priority {
            let _ = write!(line, "<{}>", self.level.priority());
        }
        match look.format {
            Format::Human => self.human(&mut line, look.color),
            Format::Json => self.json(&mut line),
        }
        line.push('\n');
        line
    }

    /// `[2024-01-31 12:00:00.000 +01:00] INFO: daemon: listening address=127.0.0.1:7199`
    fn human(&self, line: &mut String, color: bool) {
        // Writing to a string cannot fail.
        let _ = write!(line, "[{}] ", self.time.strftime("%Y-%m-%d %H:%M:%S%.3f %:z"));
        let _ = if color {
            write!(line, "\x1b[{}m{}\x1b[0m", self.level.color(), self.level.name())
        } else {
            line.write_str(self.level.name())
        };
        let _ = write!(line, ": {}: ", self.part);
        if let Some(message) = self.fields.message() {
            message.write_to(line, Style::Plain);
        }
        for (name, value) in self.fields.others() {
            let _ = write!(line, " {name}=");
            match value {
                Value::Text(text) if text.is_word() => line.push_str(text.as_str()),
                value => value.write_to(line),
            }
        }
    }

    /// `{"time":"2024-01-31T12:00:00.000000+01:00","level":"info","target":"daemon","message":…}`
    fn json(&self, line: &mut String) {
        let time = self.time.strftime("%Y-%m-%dT%H:%M:%S%.6f%:z");
        let level = self.level.name().to_ascii_lowercase();
        let part = self.part;
        let _ = write!(line, r#"{{"time":"{time}","level":"{level}","target":"{part}","message":"#);
        match self.fields.message() {
            Some(message) => message.write_to(line, Style::Quoted),
            None => line.push_str(r#""""#),
        }
        for (name, value) in self.fields.others() {
            let is_taken = ["time", "level", "target"].contains(name);
            let _ = write!(line, r#","{}{name}":"#, if is_taken { "field." } else { "" });
            value.write_to(line);
        }
        line.push('}');
    }
}

/// The part of the program that speaks: the module below the crate and below `role`, or the crate if
/// it is another. A store speaks for the database server, which is the part that an operator knows.
pub(super) fn category(metadata: &Metadata<'static>) -> &'static str {
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
