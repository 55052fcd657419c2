//! A dump of Astron's MongoDB: `astron.objects` and `astron.globals`, as `mongodump` (BSON) or `mongoexport`
//! (extended JSON) write them.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use bson::{Bson, Document};
use dclass::TypeView;
use dclass::input::open_file;

use super::index::Index;
use super::json_lines::{json_fault, read_line};
use crate::ids::{DoId, DoIdRepr};
use crate::store::archive::{Archive, Broken, Entry, FreeIds, Raw, Record, ready};
use crate::store::{BoxFuture, OpenError, Schema};

/// The most bytes that MongoDB allows a document.
const DOCUMENT_BYTES_MAX: u32 = 16 << 20;
/// As text it is some times as long.
const LINE_BYTES_MAX: u64 = 16 * DOCUMENT_BYTES_MAX as u64;

/// The objects of a dump.
#[derive(Debug)]
pub struct MongoDump {
    path: PathBuf,
    file: File,
    schema: Schema,
    is_bson: bool,
    /// Where each object's document is, and its length.
    index: Index<(u64, usize)>,
    free: FreeIds,
}

fn damaged(path: &Path, why: impl std::fmt::Display) -> OpenError {
    OpenError::Damaged(format!("{}: {why}", path.display()))
}

fn failed(path: &Path) -> impl Fn(io::Error) -> OpenError {
    let what = format!("cannot read {}", path.display());
    move |error| OpenError::Io { what: what.clone(), error }
}

impl MongoDump {
    /// The file of the objects in the folder of a dump, if it is one.
    pub fn in_directory(directory: &Path) -> Option<PathBuf> {
        let names = ["astron.objects.bson", "astron.objects.json"];
        names.iter().map(|name| directory.join(name)).find(|path| path.is_file())
    }

    /// Opens the file of the objects. Which ids are free stands in the file of the globals beside it.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn open(path: &Path, schema: &Schema) -> Result<Self, OpenError> {
        let file = open_file(path).map_err(failed(path))?;
        let is_bson = path.extension().is_some_and(|extension| extension == "bson");
        let mut index = Vec::new();
        for_each_document(&file, path, is_bson, |at, length, document| {
            let id = document.get("_id").and_then(whole_number);
            let do_id = id.and_then(|id| DoIdRepr::try_from(id).ok());
            let do_id = do_id.ok_or_else(|| damaged(path, "a document has no doId as `_id`"))?;
            index.push((DoId(do_id), (at, length)));
            Ok(())
        })?;
        let free = free_ids(path, is_bson)?;
        let (path, schema, index) = (path.to_owned(), schema.clone(), Index::new(index));
        Ok(MongoDump { path, file, schema, is_bson, index, free })
    }

    fn object(&self, (do_id, (at, length)): (DoId, (u64, usize))) -> Result<Entry, OpenError> {
        let mut bytes = vec![0; length];
        let mut file = &self.file;
        let read = file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut bytes));
        read.map_err(failed(&self.path))?;
        let document = parse(&bytes, self.is_bson).map_err(|why| damaged(&self.path, why))?;
        Ok(self.record(do_id, &document).map_err(|why| Broken { do_id, why }))
    }

    fn record(&self, do_id: DoId, document: &Document) -> Result<Record, String> {
        let class = document.get_str("dclass").map_err(|error| error.to_string())?.to_owned();
        let schema_class = self.schema.class_by_name(&class);
        let mut values = Vec::new();
        for (name, value) in document.get_document("fields").into_iter().flatten() {
            let field = schema_class.and_then(|class| class.field_by_name(name));
            let text = match field {
                Some(field) => dc_text(&field.view(), value),
                None => Err("the DC files have no such field".to_owned()),
            };
            let raw = match text {
                Ok(text) => Raw::text(text),
                Err(why) => Raw::Foreign { why },
            };
            values.push((name.clone(), raw));
        }
        Ok(Record { do_id, class, values })
    }
}

fn for_each_document(
    file: &File,
    path: &Path,
    is_bson: bool,
    mut take: impl FnMut(u64, usize, Document) -> Result<(), OpenError>,
) -> Result<(), OpenError> {
    let mut reader = BufReader::new(file);
    let (mut bytes, mut at) = (Vec::new(), 0);
    for number in 1.. {
        bytes.clear();
        let more = match is_bson {
            true => read_bson(&mut reader, &mut bytes),
            false => {
                read_line(&mut reader, &mut bytes, number, LINE_BYTES_MAX).map(|length| length > 0)
            }
        };
        if !more.map_err(failed(path))? {
            break;
        }
        if !bytes.trim_ascii().is_empty() {
            let document = parse(&bytes, is_bson).map_err(|why| {
                let what = if is_bson { "document" } else { "line" };
                damaged(path, format!("{what} {number}: {why}"))
            })?;
            take(at, bytes.len(), document)?;
        }
        at += bytes.len() as u64;
    }
    Ok(())
}

/// Reads one document, which begins with its length; whether there was one.
fn read_bson(reader: &mut impl BufRead, bytes: &mut Vec<u8>) -> io::Result<bool> {
    if reader.fill_buf()?.is_empty() {
        return Ok(false);
    }
    let mut length = [0; 4];
    reader.read_exact(&mut length)?;
    bytes.extend_from_slice(&length);
    let length = u32::from_le_bytes(length);
    if !(5..=DOCUMENT_BYTES_MAX).contains(&length) {
        return Err(io::Error::other(format!("{length} is no length of a BSON document")));
    }
    reader.take(u64::from(length) - 4).read_to_end(bytes)?;
    Ok(true)
}

fn parse(bytes: &[u8], is_bson: bool) -> Result<Document, String> {
    if is_bson {
        return Document::from_reader(bytes).map_err(|error| error.to_string());
    }
    let json: serde_json::Value =
        serde_json::from_slice(bytes).map_err(|error| json_fault(&error))?;
    match Bson::try_from(json) {
        Ok(Bson::Document(document)) => Ok(document),
        Ok(_) => Err("not one document a line".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn free_ids(objects: &Path, is_bson: bool) -> Result<FreeIds, OpenError> {
    let name = objects.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let path = objects.with_file_name(name.replace("objects", "globals"));
    let mut ids = FreeIds::default();
    if path == objects || !path.is_file() {
        return Ok(ids);
    }
    let file = open_file(&path).map_err(failed(&path))?;
    for_each_document(&file, &path, is_bson, |_, _, document| {
        let Ok(doid) = document.get_document("doid") else {
            return Ok(());
        };
        let number = |value: &Bson| whole_number(value).and_then(|id| u64::try_from(id).ok());
        ids.next = doid.get("monotonic").and_then(number);
        let free = doid.get_array("free").into_iter().flatten().filter_map(number);
        ids.free = free.filter_map(|id| DoIdRepr::try_from(id).ok()).map(DoId).collect();
        Ok(())
    })?;
    Ok(ids)
}

fn whole_number(value: &Bson) -> Option<i64> {
    match value {
        Bson::Int32(number) => Some((*number).into()),
        Bson::Int64(number) => Some(*number),
        // Exact: beyond 2^53 a double has lost the number anyway.
        Bson::Double(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
            Some(*number as i64)
        }
        _ => None,
    }
}

/// Writes a value as DC text of a type. Names decide which part is which, not their order.
fn dc_text(view: &TypeView, value: &Bson) -> Result<String, String> {
    let mismatch = || format!("`{value}` is no such value");
    match (view, value) {
        (TypeView::Integer { bits: 64, signed: false }, value) => {
            // Values from 2^63 on are stored as negative ones.
            whole_number(value)
                .map(|number| number.cast_unsigned().to_string())
                .ok_or_else(mismatch)
        }
        (TypeView::Integer { .. }, value) => {
            whole_number(value).map(|number| number.to_string()).ok_or_else(mismatch)
        }
        (TypeView::Float, Bson::Double(number)) => Ok(format!("{number:?}").to_lowercase()),
        (TypeView::Float, value) => {
            whole_number(value).map(|number| number.to_string()).ok_or_else(mismatch)
        }
        (TypeView::Char, Bson::String(text)) => {
            let mut chars = text.chars().map(u32::from);
            match (chars.next(), chars.next()) {
                (Some(byte @ 0..=255), None) => Ok(byte.to_string()),
                _ => Err(mismatch()),
            }
        }
        (TypeView::Text, Bson::String(text)) => Ok(numbers(text.as_bytes())),
        (TypeView::Bytes, Bson::Binary(binary)) => Ok(numbers(&binary.bytes)),
        (TypeView::Array(element), Bson::Array(values)) => {
            let texts: Result<Vec<_>, _> =
                values.iter().map(|value| dc_text(element, value)).collect();
            Ok(format!("[{}]", texts?.join(", ")))
        }
        (TypeView::Struct(parts) | TypeView::Molecular(parts), Bson::Document(document)) => {
            Ok(format!("{{{}}}", members(parts, document, false)?))
        }
        (TypeView::Method(parts), Bson::Document(document)) => {
            Ok(format!("({})", members(parts, document, true)?))
        }
        _ => Err(mismatch()),
    }
}

/// Text and bytes as a list of numbers: no escapes, and the length tag is added by whoever reads it.
fn numbers(bytes: &[u8]) -> String {
    let numbers: Vec<String> = bytes.iter().map(u8::to_string).collect();
    format!("[{}]", numbers.join(", "))
}

fn members(
    parts: &[(String, TypeView)],
    document: &Document,
    is_method: bool,
) -> Result<String, String> {
    let mut texts = Vec::with_capacity(parts.len());
    for (index, (name, view)) in parts.iter().enumerate() {
        let key = if is_method && name.is_empty() { format!("_{index}") } else { name.clone() };
        let value = document.get(&key).or_else(|| document.get(format!("_{index}")));
        let value = value.ok_or_else(|| format!("`{key}` is missing"))?;
        texts.push(dc_text(view, value).map_err(|why| format!("`{key}`: {why}"))?);
    }
    Ok(texts.join(", "))
}

impl Archive for MongoDump {
    fn describe(&self) -> String {
        format!("the MongoDB dump {}", self.path.display())
    }

    fn count(&mut self) -> BoxFuture<'_, Result<u64, OpenError>> {
        ready(Ok(self.index.count()))
    }

    fn page(
        &mut self,
        after: Option<DoId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Entry>, OpenError>> {
        ready(self.index.page(after, limit).map(|place| self.object(place)).collect())
    }

    fn find<'a>(&'a mut self, ids: &'a [DoId]) -> BoxFuture<'a, Result<Vec<Entry>, OpenError>> {
        ready(self.index.find(ids).map(|place| self.object(place)).collect())
    }

    fn free_ids(&mut self) -> BoxFuture<'_, Result<FreeIds, OpenError>> {
        ready(Ok(self.free.clone()))
    }
}
