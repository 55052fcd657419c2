//! Values of fields: packing them by the DC file, and reading them.

use dclass::{DcFile, Field};

use crate::wire::{Error, Reader, Writer};

/// An argument of a field.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// `uint8`
    U8(u8),
    /// `uint16`
    U16(u16),
    /// `uint32`
    U32(u32),
    /// `uint64`
    U64(u64),
    /// `int16/10`: steps with one decimal.
    Steps(f64),
    /// `string`
    Text(String),
    /// An array: its elements, one after the other.
    Array(Vec<Value>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl Value {
    fn write(&self, writer: &mut Writer<'_>) {
        match self {
            Value::U8(number) => writer.u8(*number),
            Value::U16(number) => writer.u16(*number),
            Value::U32(number) => writer.u32(*number),
            Value::U64(number) => writer.u64(*number),
            // `as` keeps within what an i16 can be.
            Value::Steps(steps) => writer.u16((steps * 10.0).round() as i16 as u16),
            Value::Text(text) => writer.blob(text.as_bytes()),
            Value::Array(items) => writer.blob(&raw(items)),
        }
    }
}

fn raw(values: &[Value]) -> Vec<u8> {
    let mut bytes = Vec::new();
    values.iter().for_each(|value| value.write(&mut Writer::new(&mut bytes)));
    bytes
}

/// The field that is called so, as `Class.field`.
///
/// # Panics
/// If there is none: whoever asks is a part of the demo.
pub fn field<'d>(dc: &'d DcFile, name: &str) -> &'d Field {
    let found = name.split_once('.').and_then(|(class, field)| {
        dc.class_by_name(class).and_then(|class| class.field_by_name(field))
    });
    found.unwrap_or_else(|| panic!("demo.dc has no field {name}"))
}

/// The packed value of a field.
///
/// # Panics
/// If these are not values of it: they are the demo's own.
pub fn pack(field: &Field, values: &[Value]) -> Vec<u8> {
    let bytes = raw(values);
    let fits = field.validate_all(&bytes);
    assert!(fits.is_ok(), "{}: {values:?}: {fits:?}", field.name());
    bytes
}

/// Reads what [`Value::Steps`] has written.
///
/// # Errors
/// There are no two bytes.
pub fn steps(reader: &mut Reader<'_>) -> Result<f64, Error> {
    reader.u16().map(|number| f64::from(number as i16) / 10.0)
}

/// Reads a text.
///
/// # Errors
/// It is cut short.
pub fn text(reader: &mut Reader<'_>) -> Result<String, Error> {
    reader.blob().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}
