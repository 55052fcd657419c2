//! Changing all objects of a store at once: when a run ends, however it ends, either all is as it was, or all is
//! changed, or a store refuses to be used until the change has been finished.

use super::archive::{Archive, Form, Raw};
use super::{BoxFuture, OpenError, Schema};
use crate::ids::DoId;

/// A change of one object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// The object.
    pub do_id: DoId,
    /// The name of its class, before and after.
    pub class: (String, String),
    /// What becomes of its values. Those that are not named stay.
    pub edits: Vec<Edit>,
}

/// A change of one value. Old names are those before any edit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Edit {
    /// It goes.
    Drop {
        /// Its name.
        old: String,
    },
    /// It gets another name and stays as it is.
    Rename {
        /// Its name.
        old: String,
        /// The new one.
        new: String,
    },
    /// A value, in the store's form, in place of the one with the old name if there is one.
    Set {
        /// The name of the value that goes.
        old: Option<String>,
        /// The name of the one that comes.
        new: String,
        /// The value.
        value: Raw,
    },
}

/// What becomes of what a store knows of fields.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Noted {
    /// Classes that get other names.
    pub classes: Vec<(String, String)>,
    /// Fields, by the old name of their class and their own.
    pub fields: Vec<(String, String, NotedField)>,
    /// Fields that come: the old name of the class, the name, the type.
    pub added: Vec<(String, String, String)>,
}

/// What becomes of a field that a store knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NotedField {
    /// It goes, with all its values.
    Dropped,
    /// It gets another name.
    Renamed(String),
    /// It becomes another one: name and type.
    Replaced(String, String),
}

/// A change of all objects that was carried out.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Migration {
    /// The number of the schema before.
    pub old: u64,
    /// The number of the schema after.
    pub new: u64,
    /// When, in seconds since 1970.
    pub done: i64,
}

/// Which migration it is, so that one that was interrupted is finished by no other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Command {
    /// The number of the schema before.
    pub old: u64,
    /// The number of the schema after.
    pub new: u64,
    /// The number of what is called otherwise.
    pub map: u64,
    /// How it was given, on one line.
    pub words: String,
}

impl Command {
    /// Whether both do the same, however they were given.
    pub fn is_as(&self, other: &Command) -> bool {
        (self.old, self.new, self.map) == (other.old, other.new, other.map)
    }
}

/// A store whose objects can all be changed at once.
pub trait Rewrite: Archive {
    /// In which form values are to be given.
    fn form(&self) -> Form;

    /// What was carried out before, oldest first.
    fn past(&mut self) -> BoxFuture<'_, Result<Vec<Migration>, OpenError>>;

    /// Types that the store has noted, by class and field. None if it notes none.
    fn noted(&self) -> Vec<(String, String, String)>;

    /// Begins to make objects of `schema` of them. Nothing counts before [`Rewrite::finish`] has returned.
    fn begin<'a>(
        &'a mut self,
        noted: &'a Noted,
        schema: &'a Schema,
    ) -> BoxFuture<'a, Result<(), OpenError>>;

    /// Changes objects. Objects are read as they were before, each as long as it has not been changed.
    fn change<'a>(&'a mut self, changes: &'a [Change]) -> BoxFuture<'a, Result<(), OpenError>>;

    /// Removes objects. Their ids are free.
    fn remove<'a>(&'a mut self, ids: &'a [DoId]) -> BoxFuture<'a, Result<(), OpenError>>;

    /// Makes all changes durable, and notes what was carried out.
    fn finish(&mut self, migration: Migration) -> BoxFuture<'_, Result<(), OpenError>>;
}
