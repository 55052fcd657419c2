//! An export that is written and never read again.

use std::io::Write;

use super::export_types::ExportTypes;
use super::json_lines::{end_line, header, write_line};
use crate::ids::DoId;
use crate::store::archive::{Archive, ArchiveMut, Entry, Form, FreeIds, Record, ready};
use crate::store::{BoxFuture, OpenError, Schema};

/// An export that goes somewhere from which nothing comes back, such as a pipe.
#[derive(Debug)]
pub struct JsonStream<W> {
    to: W,
    name: String,
    objects: u64,
    is_begun: bool,
    types: ExportTypes,
}

impl<W: Write + Send> JsonStream<W> {
    /// Writes to `to`, which is called `name` in messages.
    pub fn new(to: W, name: String) -> Self {
        JsonStream { to, name, objects: 0, is_begun: false, types: ExportTypes::default() }
    }

    /// As [`JsonLines::of`](super::JsonLines::of).
    #[must_use]
    pub fn of(self, schema: &Schema) -> Self {
        JsonStream { types: ExportTypes::of(schema), ..self }
    }

    fn write(&mut self, text: &[u8]) -> Result<(), OpenError> {
        let header = if self.is_begun { Vec::new() } else { header(&self.types) };
        self.is_begun = true;
        let written = self.to.write_all(&header).and_then(|()| self.to.write_all(text));
        let flushed = written.and_then(|()| self.to.flush());
        let what = || format!("cannot write to {}", self.name);
        flushed.map_err(|error| OpenError::Io { what: what(), error })
    }
}

impl<W: Write + Send> Archive for JsonStream<W> {
    fn describe(&self) -> String {
        self.name.clone()
    }

    fn count(&mut self) -> BoxFuture<'_, Result<u64, OpenError>> {
        ready(Ok(self.objects))
    }

    fn page(&mut self, _: Option<DoId>, _: usize) -> BoxFuture<'_, Result<Vec<Entry>, OpenError>> {
        ready(Ok(Vec::new()))
    }

    fn find<'a>(&'a mut self, _: &'a [DoId]) -> BoxFuture<'a, Result<Vec<Entry>, OpenError>> {
        ready(Ok(Vec::new()))
    }

    fn free_ids(&mut self) -> BoxFuture<'_, Result<FreeIds, OpenError>> {
        ready(Ok(FreeIds::default()))
    }
}

impl<W: Write + Send> ArchiveMut for JsonStream<W> {
    fn form(&self) -> Form {
        Form::Either
    }

    fn put<'a>(&'a mut self, records: &'a [Record]) -> BoxFuture<'a, Result<(), OpenError>> {
        let mut text = Vec::new();
        records.iter().for_each(|record| write_line(&mut text, record));
        self.objects += records.len() as u64;
        ready(self.write(&text))
    }

    fn set_free_ids<'a>(&'a mut self, ids: &'a FreeIds) -> BoxFuture<'a, Result<(), OpenError>> {
        let text = end_line(self.objects, ids);
        ready(self.write(&text))
    }

    fn clear(&mut self) -> BoxFuture<'_, Result<(), OpenError>> {
        ready(Ok(()))
    }
}
