//! MessagePack → JSON, as text straight from bytes.
//!
//! Everything that MessagePack can say has a form here, so that no event is lost for being unusual.
//! What JSON does not have is turned into the nearest thing that it has: keys into strings, bytes into
//! the characters of the same number, extensions into a map.

use std::fmt::Write;

use rmp::Marker;
use thiserror::Error;

/// How deep arrays and maps may be nested.
const DEPTH_MAX: u32 = 64;

/// How deep keys may be nested in keys. Each time a key is quoted anew, its escapes double.
const KEYS_DEPTH_MAX: u32 = 4;

/// The key of the time, which is the logger's to give.
const TIME_KEY: &str = "_time";

/// Why a packet is no event.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Error)]
pub enum PacketError {
    /// It is cut short.
    #[error("it ends too early")]
    Truncated,
    /// Something follows the map.
    #[error("there are bytes after its end")]
    Extraneous,
    /// It is some other value.
    #[error("it is not a map")]
    NotAMap,
    /// It is no MessagePack.
    #[error("it has a byte that MessagePack does not use")]
    Reserved,
    /// Its arrays and maps would take too much to write.
    #[error("it is nested too deeply")]
    TooDeep,
}

type Read<T> = Result<T, PacketError>;

/// Appends the entries of the map that `packet` is, each with `, ` before it.
///
/// # Errors
/// See [`PacketError`]. What has been appended by then has no meaning.
pub fn write_entries(packet: &[u8], out: &mut String) -> Read<()> {
    let mut reader = Reader { rest: packet, out, keys: 0 };
    let count = match reader.marker()? {
        Marker::FixMap(count) => count.into(),
        Marker::Map16 => reader.u16()?.into(),
        Marker::Map32 => reader.u32()?,
        other => {
            // Rubbish that is also truncated is called truncated, whatever it began as.
            reader.value(other, 0)?;
            return Err(reader.end().err().unwrap_or(PacketError::NotAMap));
        }
    };
    for _ in 0..count {
        let start = reader.out.len();
        reader.out.push_str(", ");
        reader.entry(1)?;
        let entry = &reader.out[start + 2..];
        let is_time = entry
            .strip_prefix('"')
            .and_then(|entry| entry.strip_prefix(TIME_KEY))
            .is_some_and(|entry| entry.starts_with('"'));
        if is_time {
            reader.out.truncate(start);
        }
    }
    reader.end()
}

struct Reader<'a, 'o> {
    rest: &'a [u8],
    out: &'o mut String,
    /// Inside how many keys it is.
    keys: u32,
}

impl<'a> Reader<'a, '_> {
    fn end(&self) -> Read<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(PacketError::Extraneous) }
    }

    fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(PacketError::Truncated)?;
        self.rest = rest;
        Ok(*bytes)
    }

    fn bytes(&mut self, length: impl TryInto<usize>) -> Read<&'a [u8]> {
        let length = length.try_into().map_err(|_| PacketError::Truncated)?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(PacketError::Truncated)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn marker(&mut self) -> Read<Marker> {
        self.u8().map(Marker::from_u8)
    }

    fn u8(&mut self) -> Read<u8> {
        self.array().map(u8::from_be_bytes)
    }

    fn u16(&mut self) -> Read<u16> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Read<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// Reads the value that `marker` begins, `depth` arrays and maps down, and writes it.
    fn value(&mut self, marker: Marker, depth: u32) -> Read<()> {
        match marker {
            Marker::FixPos(number) => self.literal(number),
            Marker::FixNeg(number) => self.literal(number),
            Marker::U8 => self.u8().map(|number| self.literal(number))?,
            Marker::U16 => self.u16().map(|number| self.literal(number))?,
            Marker::U32 => self.u32().map(|number| self.literal(number))?,
            Marker::U64 => self.array().map(|n| self.literal(u64::from_be_bytes(n)))?,
            Marker::I8 => self.array().map(|n| self.literal(i8::from_be_bytes(n)))?,
            Marker::I16 => self.array().map(|n| self.literal(i16::from_be_bytes(n)))?,
            Marker::I32 => self.array().map(|n| self.literal(i32::from_be_bytes(n)))?,
            Marker::I64 => self.array().map(|n| self.literal(i64::from_be_bytes(n)))?,
            Marker::F32 => {
                let number = f32::from_be_bytes(self.array()?);
                self.float(number.is_finite(), number);
            }
            Marker::F64 => {
                let number = f64::from_be_bytes(self.array()?);
                self.float(number.is_finite(), number);
            }
            Marker::Null => self.literal("null"),
            Marker::True => self.literal("true"),
            Marker::False => self.literal("false"),
            Marker::Reserved => return Err(PacketError::Reserved),
            Marker::FixStr(length) => self.string(length)?,
            Marker::Str8 => self.u8().and_then(|length| self.string(length))?,
            Marker::Str16 => self.u16().and_then(|length| self.string(length))?,
            Marker::Str32 => self.u32().and_then(|length| self.string(length))?,
            Marker::Bin8 => self.u8().and_then(|length| self.binary(length))?,
            Marker::Bin16 => self.u16().and_then(|length| self.binary(length))?,
            Marker::Bin32 => self.u32().and_then(|length| self.binary(length))?,
            Marker::FixArray(count) => self.list(count.into(), depth)?,
            Marker::Array16 => self.u16().and_then(|count| self.list(count.into(), depth))?,
            Marker::Array32 => self.u32().and_then(|count| self.list(count, depth))?,
            Marker::FixMap(count) => self.map(count.into(), depth)?,
            Marker::Map16 => self.u16().and_then(|count| self.map(count.into(), depth))?,
            Marker::Map32 => self.u32().and_then(|count| self.map(count, depth))?,
            Marker::FixExt1 => self.extension(1)?,
            Marker::FixExt2 => self.extension(2)?,
            Marker::FixExt4 => self.extension(4)?,
            Marker::FixExt8 => self.extension(8)?,
            Marker::FixExt16 => self.extension(16)?,
            Marker::Ext8 => self.u8().and_then(|length| self.extension(length.into()))?,
            Marker::Ext16 => self.u16().and_then(|length| self.extension(length.into()))?,
            Marker::Ext32 => self.u32().and_then(|length| self.extension(length))?,
        }
        Ok(())
    }

    fn literal(&mut self, text: impl std::fmt::Display) {
        // Writing to a string cannot fail.
        let _ = write!(self.out, "{text}");
    }

    fn float(&mut self, is_finite: bool, number: impl std::fmt::Debug) {
        if is_finite {
            // The shortest text that is read back as the same number.
            let _ = write!(self.out, "{number:?}");
        } else {
            self.literal("null");
        }
    }

    fn string(&mut self, length: impl TryInto<usize>) -> Read<()> {
        let bytes = self.bytes(length)?;
        write_quoted(self.out, String::from_utf8_lossy(bytes).chars());
        Ok(())
    }

    fn binary(&mut self, length: impl TryInto<usize>) -> Read<()> {
        let bytes = self.bytes(length)?;
        write_binary(self.out, bytes);
        Ok(())
    }

    fn extension(&mut self, length: u32) -> Read<()> {
        let kind = i8::from_be_bytes(self.array()?);
        let bytes = self.bytes(length)?;
        let _ = write!(self.out, "{{\"ext\": {kind}, \"data\": ");
        write_binary(self.out, bytes);
        self.out.push('}');
        Ok(())
    }

    fn list(&mut self, count: u32, depth: u32) -> Read<()> {
        let depth = deeper(depth)?;
        self.out.push('[');
        for i in 0..count {
            if i > 0 {
                self.out.push_str(", ");
            }
            let marker = self.marker()?;
            self.value(marker, depth)?;
        }
        self.out.push(']');
        Ok(())
    }

    fn map(&mut self, count: u32, depth: u32) -> Read<()> {
        let depth = deeper(depth)?;
        self.out.push('{');
        for i in 0..count {
            if i > 0 {
                self.out.push_str(", ");
            }
            self.entry(depth)?;
        }
        self.out.push('}');
        Ok(())
    }

    /// A key, which is a string whatever it was, and its value.
    fn entry(&mut self, depth: u32) -> Read<()> {
        if self.keys == KEYS_DEPTH_MAX {
            return Err(PacketError::TooDeep);
        }
        let start = self.out.len();
        let marker = self.marker()?;
        self.keys += 1;
        self.value(marker, depth)?;
        self.keys -= 1;
        if !self.out[start..].starts_with('"') {
            let key = self.out.split_off(start);
            write_quoted(self.out, key.chars());
        }
        self.out.push_str(": ");
        let marker = self.marker()?;
        self.value(marker, depth)
    }
}

fn deeper(depth: u32) -> Read<u32> {
    if depth < DEPTH_MAX { Ok(depth + 1) } else { Err(PacketError::TooDeep) }
}

fn write_quoted(out: &mut String, text: impl Iterator<Item = char>) {
    out.push('"');
    for c in text {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => write_escaped(out, c),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Bytes as the characters of the same number, all but the printable ASCII ones as `\u00hh`.
fn write_binary(out: &mut String, bytes: &[u8]) {
    out.push('"');
    for byte in bytes {
        match char::from(*byte) {
            c if (c.is_ascii_graphic() || c == ' ') && c != '"' && c != '\\' => out.push(c),
            c => write_escaped(out, c),
        }
    }
    out.push('"');
}

fn write_escaped(out: &mut String, c: char) {
    let _ = write!(out, "\\u{:04x}", u32::from(c));
}
