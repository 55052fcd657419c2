//! Files with datagrams: what the flight recorder leaves behind.
//!
//! Two lines of text, the second one JSON that says by which DC files the datagrams are read and why they were kept, and then
//! [records](super::record).

use std::path::PathBuf;

use dclass::{DcFile, Source};
use serde::{Deserialize, Serialize};

/// The first line.
const MAGIC: &[u8] = b"donet datagrams 1\n";
/// The longest second line.
const HEAD_BYTES_MAX: usize = 64 << 20;

/// By which DC files datagrams are read.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Schema {
    /// Their legacy hash.
    pub hash: u32,
    /// Where they were, in their order.
    pub files: Vec<PathBuf>,
}

/// What stands before the datagrams of a file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Head {
    /// By which DC files they are read.
    pub schema: Schema,
    /// The text of these; empty if they could not be read.
    pub texts: Vec<String>,
    /// The daemon's name.
    pub daemon: String,
    /// Its version.
    pub version: String,
    /// Why they were kept.
    pub reason: String,
    /// When the file was written, in microseconds since 1970.
    pub micros: u64,
}

/// Why a file cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is something else.
    #[error("it is not one that donet has written datagrams to")]
    Foreign,
    /// Its head is damaged.
    #[error("its head cannot be read: {0}")]
    Head(String),
}

impl Head {
    /// The beginning of a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(serde_json::to_vec(self).expect("texts and numbers have a form in JSON"));
        bytes.push(b'\n');
        bytes
    }

    /// Takes the beginning of a file apart, and returns the records, too.
    ///
    /// # Errors
    /// If it is none.
    pub fn of_file(bytes: &[u8]) -> Result<(Self, &[u8]), Unreadable> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(Unreadable::Foreign)?;
        let end = rest.iter().take(HEAD_BYTES_MAX).position(|byte| *byte == b'\n');
        let cut = || Unreadable::Head("it is cut short".to_owned());
        let (head, records) = rest.split_at(end.ok_or_else(cut)?);
        let head = serde_json::from_slice(head);
        Ok((head.map_err(|error| Unreadable::Head(error.to_string()))?, &records[1..]))
    }

    /// The DC files whose text it has, if they are those by which the datagrams are read.
    pub fn dc(&self) -> Option<DcFile> {
        let name = |at: usize| self.schema.files.get(at).map(|path| path.display().to_string());
        let sources = self.texts.iter().enumerate();
        let sources: Vec<Source> = sources
            .map(|(at, text)| Source::new(name(at).unwrap_or_default(), text.as_str()))
            .collect();
        let dc = dclass::parse(&sources).ok()?;
        (dc.hash() == self.schema.hash).then_some(dc)
    }
}
