//! The export file: JSON, one object a line.
//!
//! ```text
//! {"donet":"export","version":1}
//! {"types":{"Account":{"setName":"(string)","coins":"uint8"}}}
//! {"id":1000,"class":"Account","fields":{"setName":"(\"Ada\")","coins":"7"}}
//! {"id":1001,"class":"Account","fields":{"old":{"type":"uint8","packed":"07"}}}
//! {"end":2,"next":1005,"free":[1003,1002]}
//! ```
//!
//! A value is its DC text, of the type that the second line says; one that its text does not say exactly, or that the DC files do not know, is packed,
//! in hexadecimal, with its type. The last line tells a whole file from one that was cut short.

use std::cmp::Ordering;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rustc_hash::FxHashSet;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::export_types::ExportTypes;
use super::index::Index;
use dclass::input::{is_utf_16, open_file, without_mark};

use crate::ids::{DoId, DoIdRepr};
use crate::store::archive::{
    Archive, ArchiveMut, Broken, Entry, Form, FreeIds, Raw, Record, ready,
};
use crate::store::files::{self, PRIVATE};
use crate::store::{BoxFuture, OpenError, Schema, hex};

const VERSION: u32 = 1;
/// How long a line may be. The last one has all free ids in it: there is room for a hundred million.
const LINE_BYTES_MAX: u64 = 1 << 30;
/// How much is read to see what a file is.
const FIRST_BYTES_MAX: u64 = 200;

#[derive(Serialize, Deserialize)]
struct Header {
    donet: String,
    version: u32,
}

#[derive(Deserialize)]
struct Line {
    id: DoIdRepr,
    class: String,
    fields: Fields,
}

/// Names and values, each name once.
struct Fields(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("names of fields with their values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let (mut fields, mut known) = (Vec::new(), FxHashSet::default());
        while let Some(name) = map.next_key::<String>()? {
            if !known.insert(name.clone()) {
                return Err(A::Error::custom(format!("the field `{name}` stands there twice")));
            }
            fields.push((name, map.next_value()?));
        }
        Ok(Fields(fields))
    }
}

#[derive(Serialize)]
struct NewLine<'a> {
    id: DoIdRepr,
    class: &'a str,
    #[serde(serialize_with = "serialize_fields")]
    fields: &'a [(String, Raw)],
}

/// In the order in which they come, which is that of the DC files.
fn serialize_fields<S: Serializer>(
    fields: &[(String, Raw)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(fields.iter().map(|(name, raw)| (name, json(raw))))
}

#[derive(Serialize, Deserialize)]
struct End {
    end: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    free: Vec<DoIdRepr>,
}

/// Whether a file is an export.
///
/// # Errors
/// If it cannot be read, or is one whose first line is missing or cannot be read as it is.
pub fn is_export(path: &Path) -> Result<bool, OpenError> {
    let file = open_file(path).map_err(failed("cannot open", path))?;
    let mut first = Vec::new();
    let read = BufReader::new(file).take(FIRST_BYTES_MAX).read_until(b'\n', &mut first);
    read.map_err(failed("cannot read", path))?;
    if serde_json::from_slice::<Header>(&first).is_ok_and(|header| header.donet == "export") {
        return Ok(true);
    }
    let why = if first.is_empty() {
        "the file is empty, and an export has a first and a last line at least"
    } else if is_utf_16(&first) {
        "the file is UTF-16: save it as UTF-8 without a byte order mark"
    } else if first.starts_with(b"SQLite format 3\0") {
        "this is a SQLite database: SOURCE is to be the configuration that it belongs to"
    } else if without_mark(&first).len() < first.len() {
        "there is a byte order mark at its beginning: save it as UTF-8 without one"
    } else if is_line(&first) {
        return Err(OpenError::Damaged(format!(
            "{}: the first line of donet's export is missing: {}",
            path.display(),
            String::from_utf8_lossy(&first_line()).trim_end()
        )));
    } else {
        return Ok(false);
    };
    Err(OpenError::Damaged(format!("{}: {why}", path.display())))
}

/// Whether a line, of which the end may be missing, is one of an export, but not the first.
fn is_line(line: &[u8]) -> bool {
    let is_end = || serde_json::from_slice::<End>(line).is_ok();
    let text = String::from_utf8_lossy(line);
    let mut text = text.chars().filter(|c| !c.is_whitespace());
    let begins =
        |with: &str, text: &mut dyn Iterator<Item = char>| with.chars().eq(text.take(with.len()));
    begins("{\"id\":", &mut text) || is_end()
}

/// What is wrong with JSON, without the number of the line, which is always the first.
pub(super) fn json_fault(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    match text.strip_suffix(&place) {
        Some(text) => format!("{text}, at column {}", error.column()),
        None => text,
    }
}

/// Reads the line of this number, with its end; returns how many bytes it has. What has more than `limit` is no line that
/// anybody has written.
pub(super) fn read_line(
    reader: impl BufRead,
    line: &mut Vec<u8>,
    number: usize,
    limit: u64,
) -> io::Result<u64> {
    let length = reader.take(limit + 1).read_until(b'\n', line)? as u64;
    if length > limit {
        let why = format!("line {number} is longer than {limit} bytes, which is the limit");
        return Err(io::Error::other(why));
    }
    Ok(length)
}

fn failed(what: &str, path: &Path) -> impl Fn(io::Error) -> OpenError + use<> {
    let what = format!("{what} {}", path.display());
    move |error| OpenError::Io { what: what.clone(), error }
}

/// An export file.
#[derive(Debug)]
pub struct JsonLines {
    path: PathBuf,
    file: File,
    /// Where each object's line begins.
    index: Index<u64>,
    /// Behind the last object's line.
    end: u64,
    last: Option<FreeIds>,
    /// Where one that is cut short ends, in words.
    cut: String,
    /// Of the text in the file.
    types: ExportTypes,
    /// Of what is to be written.
    new_types: ExportTypes,
}

impl JsonLines {
    /// Opens a complete file to read it.
    ///
    /// # Errors
    /// If it cannot be read, or is no export, or is cut short.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let file = open_file(path).map_err(failed("cannot open", path))?;
        let lines = JsonLines::read(path, file)?;
        match lines.last {
            Some(_) => Ok(lines),
            None => {
                let (path, end) = (path.display(), &lines.cut);
                Err(OpenError::Damaged(format!("{path} is cut short: it ends {end}")))
            }
        }
    }

    /// Opens a file to write to it, whether it is there or not, complete or not. A new one is for its owner
    /// alone, since there are accounts in it.
    ///
    /// # Errors
    /// If it cannot be used, or is something else than an export.
    pub fn open_mut(path: &Path) -> Result<Self, OpenError> {
        let file = files::open_or_create(path, PRIVATE).map_err(failed("cannot open", path))?;
        JsonLines::read(path, file)
    }

    /// Writes objects of these DC files, and notes their types.
    #[must_use]
    pub fn of(mut self, schema: &Schema) -> Self {
        self.new_types = ExportTypes::of(schema);
        if self.end == 0 {
            self.types = self.new_types.clone();
        }
        self
    }

    fn read(path: &Path, file: File) -> Result<Self, OpenError> {
        let (path, index) = (path.to_owned(), Index::new(Vec::new()));
        let (types, new_types) = (ExportTypes::default(), ExportTypes::default());
        let (last, cut) = (None, String::new());
        let mut lines = JsonLines { path, file, index, end: 0, last, cut, types, new_types };
        lines.read_index()?;
        Ok(lines)
    }

    fn failed(&self, what: &str) -> impl Fn(io::Error) -> OpenError + use<> {
        failed(what, &self.path)
    }

    fn read_index(&mut self) -> Result<(), OpenError> {
        let failed = self.failed("cannot read");
        let damaged = |line: usize, why: String| {
            OpenError::Damaged(format!("{}, line {line}: {why}", self.path.display()))
        };
        let mut reader = BufReader::new(&self.file);
        let (mut line, mut at, mut index) = (Vec::new(), 0, Vec::new());
        for number in 1.. {
            line.clear();
            let read = read_line(&mut reader, &mut line, number, LINE_BYTES_MAX);
            let length = read.map_err(&failed)?;
            if !line.ends_with(b"\n") && self.last.is_none() {
                // An export that was interrupted ends in the middle of a line.
                self.cut = match length {
                    0 => format!(
                        "after line {}, without the one that says how many objects there are",
                        number - 1
                    ),
                    _ => format!("in the middle of line {number}"),
                };
                break;
            }
            if length == 0 {
                break;
            }
            if number == 1 {
                match serde_json::from_slice::<Header>(&line) {
                    Ok(header) if header.donet == "export" && header.version == VERSION => {}
                    Ok(header) => {
                        let why = format!("version {} is not known", header.version);
                        return Err(damaged(number, why));
                    }
                    Err(_) => return Err(damaged(number, "no export of donet's".to_owned())),
                }
            } else if number == 2
                && let Ok(types) = serde_json::from_slice::<ExportTypes>(&line)
            {
                self.types = types;
            } else if let Ok(end) = serde_json::from_slice::<End>(&line) {
                check_count(end.end, index.len() as u64).map_err(|why| damaged(number, why))?;
                let free = end.free.into_iter().map(DoId).collect();
                self.last = Some(FreeIds { next: end.next, free });
                // Two exports in one file, say.
                line.clear();
                let read = read_line(&mut reader, &mut line, number + 1, LINE_BYTES_MAX);
                read.map_err(&failed)?;
                if !line.trim_ascii().is_empty() {
                    let why = "the line before says that it was the last".to_owned();
                    return Err(damaged(number + 1, why));
                }
                break;
            } else {
                let object: Line = serde_json::from_slice(&line)
                    .map_err(|error| damaged(number, json_fault(&error)))?;
                index.push((DoId(object.id), at));
            }
            at += length;
            self.end = at;
        }
        self.index = Index::new(index);
        match self.index.twice() {
            Some(do_id) => {
                let path = self.path.display();
                Err(OpenError::Damaged(format!("{path} has object {do_id} twice")))
            }
            None => Ok(()),
        }
    }

    fn object(&self, do_id: DoId, at: u64) -> Result<Entry, OpenError> {
        let failed = self.failed("cannot read");
        let mut file = &self.file;
        file.seek(SeekFrom::Start(at)).map_err(&failed)?;
        let mut line = Vec::new();
        let reader = &mut BufReader::new(file);
        reader.take(LINE_BYTES_MAX).read_until(b'\n', &mut line).map_err(&failed)?;
        let object: Line = match serde_json::from_slice(&line) {
            Ok(object) => object,
            Err(error) => return Ok(Err(Broken { do_id, why: json_fault(&error) })),
        };
        let class = object.class;
        let value = |(name, value): (String, Value)| {
            let mut raw = raw(value);
            if let Raw::Text { type_text, .. } = &mut raw {
                *type_text = self.types.get(&class, &name);
            }
            (name, raw)
        };
        let values = object.fields.0.into_iter().map(value).collect();
        Ok(Ok(Record { do_id, class, values }))
    }

    fn append(&mut self, text: &[u8]) -> Result<(), OpenError> {
        let failed = self.failed("cannot write");
        self.file.seek(SeekFrom::Start(self.end)).map_err(&failed)?;
        self.file.write_all(text).map_err(&failed)?;
        self.end += text.len() as u64;
        self.file.set_len(self.end).map_err(failed)
    }

    fn put_now(&mut self, records: &[Record]) -> Result<(), OpenError> {
        let mut text = Vec::new();
        if self.end == 0 {
            text = header(&self.types);
        } else if !self.types.is_empty() && self.types != self.new_types {
            return Err(OpenError::Refused(format!(
                "{} was begun with other DC files, of which its types are: --replace begins it anew",
                self.path.display()
            )));
        }
        let mut index = Vec::with_capacity(records.len());
        for record in records {
            index.push((record.do_id, self.end + text.len() as u64));
            write_line(&mut text, record);
        }
        self.index.extend(index);
        self.last = None;
        self.append(&text)
    }

    fn set_free_ids_now(&mut self, ids: &FreeIds) -> Result<(), OpenError> {
        let objects_end = self.end;
        let mut text = if self.end == 0 { header(&self.types) } else { Vec::new() };
        let objects_end = objects_end + text.len() as u64;
        text.extend(end_line(self.index.count(), ids));
        self.append(&text)?;
        self.end = objects_end;
        self.last = Some(ids.clone());
        self.file.sync_all().map_err(self.failed("cannot write"))
    }
}

/// Compares what the last line counts with what there is.
fn check_count(said: u64, there: u64) -> Result<(), String> {
    let objects = |count| match count {
        1 => "1 object is".to_owned(),
        count => format!("{count} objects are"),
    };
    match said.cmp(&there) {
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(format!("{} missing of {said}", objects(said - there))),
        Ordering::Less => Err(format!("{} before this line, which counts {said}", objects(there))),
    }
}

fn first_line() -> Vec<u8> {
    line_of(&Header { donet: "export".to_owned(), version: VERSION })
}

pub(super) fn header(types: &ExportTypes) -> Vec<u8> {
    let mut lines = first_line();
    if !types.is_empty() {
        lines.extend(line_of(types));
    }
    lines
}

pub(super) fn end_line(objects: u64, ids: &FreeIds) -> Vec<u8> {
    let free = ids.free.iter().map(|id| id.0).collect();
    line_of(&End { end: objects, next: ids.next, free })
}

fn line_of(value: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).expect("plain data can be written as JSON");
    line.push(b'\n');
    line
}

pub(super) fn write_line(text: &mut Vec<u8>, record: &Record) {
    let Record { do_id, class, values } = record;
    text.extend(line_of(&NewLine { id: do_id.0, class, fields: values }));
}

fn json(raw: &Raw) -> Value {
    match raw {
        Raw::Text { text, .. } => Value::String(text.clone()),
        Raw::Packed { value, type_text } => serde_json::json!({
            "type": type_text.as_deref().unwrap_or_default(),
            "packed": hex(value),
        }),
        Raw::Foreign { .. } => Value::Null,
    }
}

fn raw(value: Value) -> Raw {
    let packed = |value: &Value| {
        let type_text = value.get("type")?.as_str()?.to_owned();
        let hex = value.get("packed")?.as_str()?;
        let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
        let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let value: Option<Bytes> = pairs.iter().map(byte).collect();
        let type_text = Some(type_text.into());
        rest.is_empty().then_some(Raw::Packed { value: value?, type_text })
    };
    match value {
        Value::String(text) => Raw::text(text),
        // People write numbers as numbers.
        Value::Number(number) => Raw::text(number.to_string()),
        value => packed(&value).unwrap_or_else(|| Raw::Foreign {
            why: format!("`{value}` is no DC text and no packed value"),
        }),
    }
}

impl Archive for JsonLines {
    fn knows_that_it_is_empty(&self) -> bool {
        true
    }

    fn describe(&self) -> String {
        format!("the export {}", self.path.display())
    }

    fn count(&mut self) -> BoxFuture<'_, Result<u64, OpenError>> {
        ready(Ok(self.index.count()))
    }

    fn page(
        &mut self,
        after: Option<DoId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Entry>, OpenError>> {
        ready(self.index.page(after, limit).map(|(id, at)| self.object(id, at)).collect())
    }

    fn find<'a>(&'a mut self, ids: &'a [DoId]) -> BoxFuture<'a, Result<Vec<Entry>, OpenError>> {
        ready(self.index.find(ids).map(|(id, at)| self.object(id, at)).collect())
    }

    fn free_ids(&mut self) -> BoxFuture<'_, Result<FreeIds, OpenError>> {
        ready(Ok(self.last.clone().unwrap_or_default()))
    }
}

impl ArchiveMut for JsonLines {
    fn form(&self) -> Form {
        Form::Either
    }

    fn put<'a>(&'a mut self, records: &'a [Record]) -> BoxFuture<'a, Result<(), OpenError>> {
        ready(self.put_now(records))
    }

    fn set_free_ids<'a>(&'a mut self, ids: &'a FreeIds) -> BoxFuture<'a, Result<(), OpenError>> {
        ready(self.set_free_ids_now(ids))
    }

    fn clear(&mut self) -> BoxFuture<'_, Result<(), OpenError>> {
        (self.end, self.last) = (0, None);
        self.types = self.new_types.clone();
        self.index.clear();
        ready(self.append(&[]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_end_is_not_read_to_its_end() {
        let mut text = &b"{}\n12345\n1234"[..];
        let mut next = |number, limit| {
            let mut line = Vec::new();
            let length = read_line(&mut text, &mut line, number, limit);
            length.map(|length| (length, line)).map_err(|error| error.to_string())
        };
        assert_eq!(next(1, 6), Ok((3, b"{}\n".to_vec())));
        assert_eq!(next(2, 6), Ok((6, b"12345\n".to_vec())));
        let why = "line 3 is longer than 3 bytes, which is the limit";
        assert_eq!(next(3, 3), Err(why.to_owned()));
        let mut endless = BufReader::new(io::repeat(b'x'));
        let mut line = Vec::new();
        assert!(read_line(&mut endless, &mut line, 1, 1 << 20).is_err());
        assert_eq!(line.len(), (1 << 20) + 1);
    }
}
