//! What arguments of messages are, once they have been read.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value as Json, json};

use crate::ids::Channel;

/// The value of an argument.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// A number that fits a JSON number.
    Number(u64),
    /// A number that need not: a string in JSON.
    Wide(u64),
    /// A channel.
    Channel(Channel),
    /// Whether something is so.
    Bool(bool),
    /// What is named: a class or a field.
    Name(String),
    /// DC text.
    Dc(String),
    /// Text that a peer has written.
    Text(String),
    /// Bytes that are no text.
    Bytes(Vec<u8>),
    /// So many bytes that nobody is to see.
    Secret(usize),
    /// Several.
    List(Vec<Value>),
    /// Several with names.
    Record(Vec<(&'static str, Value)>),
    /// A field with its value.
    Update(Box<(Value, Value)>),
    /// Nothing.
    Nothing,
    /// What could not be understood, and why.
    Unread(Vec<u8>, String),
}

impl Value {
    /// Bytes, as text if they are one.
    pub(super) fn of_bytes(bytes: &[u8]) -> Value {
        match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains(|c: char| c.is_control()) => Value::Text(text.to_owned()),
            _ => Value::Bytes(bytes.to_vec()),
        }
    }

    /// As JSON, such as [`super::compose`] takes.
    pub fn to_json(&self) -> Json {
        match self {
            Value::Number(number) => json!(number),
            Value::Wide(number) => json!(number.to_string()),
            Value::Channel(channel) => json!(channel.to_string()),
            Value::Bool(is_so) => json!(is_so),
            Value::Name(text) | Value::Dc(text) | Value::Text(text) => json!(text),
            Value::Bytes(bytes) => json!({ "hex": hex(bytes) }),
            Value::Secret(bytes) => json!({ "secret": bytes }),
            Value::List(items) => items.iter().map(Value::to_json).collect(),
            Value::Record(parts) => {
                let parts = parts.iter().map(|(name, value)| ((*name).to_owned(), value.to_json()));
                Json::Object(parts.collect::<Map<_, _>>())
            }
            Value::Update(update) => {
                json!({ "field": update.0.to_json(), "value": update.1.to_json() })
            }
            Value::Nothing => Json::Null,
            Value::Unread(bytes, note) => json!({ "hex": hex(bytes), "note": note }),
        }
    }
}

/// As people read it, on one line. Text of peers is escaped.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Number(number) | Value::Wide(number) => write!(f, "{number}"),
            Value::Channel(channel) => write!(f, "{channel}"),
            Value::Bool(is_so) => write!(f, "{is_so}"),
            Value::Name(text) | Value::Dc(text) => f.write_str(text),
            Value::Text(text) => write!(f, "{text:?}"),
            Value::Bytes(bytes) => write!(f, "<{}>", hex(bytes)),
            Value::Secret(bytes) => write!(f, "<{bytes} secret bytes>"),
            Value::List(items) => {
                f.write_char('[')?;
                for (index, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if index > 0 { ", " } else { "" })?;
                }
                f.write_char(']')
            }
            Value::Record(parts) => {
                f.write_char('{')?;
                for (index, (name, value)) in parts.iter().enumerate() {
                    write!(f, "{}{name}={value}", if index > 0 { " " } else { "" })?;
                }
                f.write_char('}')
            }
            Value::Update(update) => match &**update {
                // Those of a method are written in parentheses.
                (field, Value::Dc(text)) if text.starts_with('(') => write!(f, "{field}{text}"),
                (field, value) => write!(f, "{field}({value})"),
            },
            Value::Nothing => f.write_str("none"),
            Value::Unread(bytes, note) => write!(f, "<{}: {note}>", hex(bytes)),
        }
    }
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // It cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
