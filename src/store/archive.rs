//! Whole stores, object by object: for moving, checking and looking at what is stored.
//!
//! Records speak of classes and fields by their stored names, and hold values as they are stored, so that
//! what the DC files do not know is seen too.

use std::sync::Arc;

use bytes::Bytes;

use super::{BoxFuture, OpenError};
use crate::ids::DoId;

/// A value as a store has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Raw {
    /// The packed value, and the type under which it was packed if the store knows.
    Packed {
        /// The packed value.
        value: Bytes,
        /// The type's text.
        type_text: Option<Arc<str>>,
    },
    /// DC text, and the type of which it was written if the store knows.
    Text {
        /// The text.
        text: String,
        /// The type's text.
        type_text: Option<Arc<str>>,
    },
    /// Something that is no value of the field at all.
    Foreign {
        /// What is wrong with it.
        why: String,
    },
}

impl Raw {
    /// DC text of which nobody says by which type it was written.
    pub fn text(text: impl Into<String>) -> Self {
        Raw::Text { text: text.into(), type_text: None }
    }
}

/// In which form a store takes values.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Form {
    /// As DC text.
    Text,
    /// Packed, with the type's text.
    Packed,
    /// As DC text if that says all, else packed.
    Either,
}

/// An object as a store has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// Its id.
    pub do_id: DoId,
    /// The name of its class.
    pub class: String,
    /// Names and values of its fields, in no particular order, each name once.
    pub values: Vec<(String, Raw)>,
}

/// An object that is there, but cannot be read at all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broken {
    /// Its id.
    pub do_id: DoId,
    /// What is wrong with it.
    pub why: String,
}

/// One object of a store.
pub type Entry = Result<Record, Broken>;

/// The id of an object, whether it can be read or not.
pub fn id_of(entry: &Entry) -> DoId {
    match entry {
        Ok(record) => record.do_id,
        Err(broken) => broken.do_id,
    }
}

/// The ids that a store may give to new objects.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FreeIds {
    /// The next id that was never given, if the store says.
    pub next: Option<u64>,
    /// Ids of deleted objects, oldest first.
    pub free: Vec<DoId>,
}

/// The answer of a store that waits for nothing.
pub fn ready<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, T> {
    Box::pin(std::future::ready(value))
}

/// A store that is looked at object by object.
pub trait Archive: Send {
    /// What it is called in messages.
    fn describe(&self) -> String;

    /// Whether it says itself that there are no objects, if there are none: what has none may only be the wrong place.
    fn knows_that_it_is_empty(&self) -> bool {
        false
    }

    /// How many objects there are.
    fn count(&mut self) -> BoxFuture<'_, Result<u64, OpenError>>;

    /// Up to `limit` objects with ids above `after`, ascending.
    fn page(
        &mut self,
        after: Option<DoId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Entry>, OpenError>>;

    /// These objects, in no order; those that are not there are left out.
    fn find<'a>(&'a mut self, ids: &'a [DoId]) -> BoxFuture<'a, Result<Vec<Entry>, OpenError>>;

    /// Which ids are free.
    fn free_ids(&mut self) -> BoxFuture<'_, Result<FreeIds, OpenError>>;

    /// Who else seems to use the store, and would not see what is changed in it.
    fn others(&mut self) -> BoxFuture<'_, Result<Option<String>, OpenError>> {
        ready(Ok(None))
    }

    /// That objects are missing, if they were being moved in when whoever did it ended.
    fn half_imported(&mut self) -> BoxFuture<'_, Result<Option<OpenError>, OpenError>> {
        ready(Ok(None))
    }

    /// What is odd about the store as a whole, in words: whoever looks at it should know.
    fn oddity(&self) -> Option<String> {
        None
    }

    /// What of the list of objects, of their classes and of free ids has turned out to be unreadable, in words. Whoever has read
    /// all of them knows.
    fn lost(&self) -> Vec<String> {
        Vec::new()
    }

    /// Why whoever reads all objects may not have read all, without meeting with anything: one line each.
    fn damage(&mut self) -> BoxFuture<'_, Result<Vec<String>, OpenError>> {
        ready(Ok(Vec::new()))
    }

    /// Tells what is written such that whoever reads it may take it for something else.
    fn oddities<'a>(
        &'a mut self,
        _tell: &'a mut (dyn FnMut(String) + Send),
    ) -> BoxFuture<'a, Result<(), OpenError>> {
        ready(Ok(()))
    }

    /// Makes an orderly end: a SQLite file that nobody else has open is complete by itself then, without another one
    /// beside it.
    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        ready(())
    }
}

/// A store that objects are moved into.
pub trait ArchiveMut: Archive {
    /// In which form values are to be given.
    fn form(&self) -> Form;

    /// Stores objects, in place of any that have the same ids. Durable when it returns.
    fn put<'a>(&'a mut self, records: &'a [Record]) -> BoxFuture<'a, Result<(), OpenError>>;

    /// Notes which ids are free.
    fn set_free_ids<'a>(&'a mut self, ids: &'a FreeIds) -> BoxFuture<'a, Result<(), OpenError>>;

    /// Notes that objects are being moved in, so that whoever finds it after a kill knows that some are missing; or that
    /// this is done. A store that shows by itself that it is not complete needs no note.
    fn set_unfinished(&mut self, _is_unfinished: bool) -> BoxFuture<'_, Result<(), OpenError>> {
        ready(Ok(()))
    }

    /// Removes everything.
    fn clear(&mut self) -> BoxFuture<'_, Result<(), OpenError>>;
}
