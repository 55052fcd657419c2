//! What a migration does, or would do.

use std::collections::BTreeMap;

use super::problems::Problems;
use crate::ids::DoId;

/// How many examples are kept of each kind.
const EXAMPLES: usize = 2;

/// What is done with the objects of a store.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Objects that were looked at.
    pub objects: u64,
    /// Objects that are changed or removed.
    pub changed: u64,
    /// By the old name, classes of which something is changed.
    pub classes: BTreeMap<String, ClassReport>,
    /// Values and objects that cannot be kept.
    pub lost: Problems,
    /// Values that are not stored by the old files, so that nobody can tell what they mean.
    pub stale: Problems,
    /// Whether there are objects, and none of a class that the old files have.
    pub are_all_strangers: bool,
    /// Values with numbers that cannot be kept with all their digits.
    pub rounded: Problems,
    /// What the old files have stored since this very migration was carried out.
    pub since: Problems,
    /// Whether what the store knows of classes and fields changes, even if no object does.
    pub is_noted: bool,
    /// When this very migration was carried out before, in seconds since 1970.
    pub done_before: Option<i64>,
}

/// What is done with the objects of one class.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ClassReport {
    /// Objects that were looked at.
    pub objects: u64,
    /// The new name, if it is another.
    pub renamed: Option<String>,
    /// The objects go: the new files have no such class.
    pub is_gone: bool,
    /// By the old name, or for fields that come by the new one.
    pub fields: BTreeMap<String, FieldReport>,
}

/// What is done with the values of one field.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FieldReport {
    /// The new name, if it is another.
    pub renamed: Option<String>,
    /// Values that become others: a type before and after.
    pub types: Option<(String, String)>,
    /// How many values are carried or renamed.
    pub carried: u64,
    /// How many objects get the default, since they have no value.
    pub filled: u64,
    /// How many get it in the place of a value that is left out, since they have to have one.
    pub replaced: u64,
    /// Whether the class had no such field.
    pub is_new: bool,
    /// The default, as text.
    pub default: Option<String>,
    /// How many values are left out.
    pub dropped: u64,
    /// How many values are those of the new files already, and stay.
    pub newer: u64,
    /// How many values lose some of their parts.
    pub cut: u64,
    /// How many values are rounded.
    pub rounded: u64,
    /// Objects, and their values before and after.
    pub examples: Vec<(DoId, String, String)>,
}

impl FieldReport {
    /// Keeps an example, as long as there are few. An example that changes nothing to look at is none.
    pub fn example(&mut self, do_id: DoId, example: impl FnOnce() -> (String, String)) {
        if self.examples.len() < EXAMPLES {
            let (old, new) = example();
            if old != new {
                self.examples.push((do_id, old, new));
            }
        }
    }
}

impl Report {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changed == 0 && !self.is_noted
    }

    /// Whether the old files are those of the objects, as far as anybody can tell.
    pub fn is_from_right_files(&self) -> bool {
        self.stale.count == 0 && !self.are_all_strangers
    }

    pub(super) fn class(&mut self, name: &str) -> &mut ClassReport {
        if !self.classes.contains_key(name) {
            self.classes.insert(name.to_owned(), ClassReport::default());
        }
        self.classes.get_mut(name).expect("it is there")
    }

    pub(super) fn field(&mut self, class: &str, name: &str) -> &mut FieldReport {
        self.class(class).fields.entry(name.to_owned()).or_default()
    }
}
