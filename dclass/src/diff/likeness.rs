//! Which class that is gone a new one seems to be.

use super::matching::own;
use super::work::step;
use crate::schema::{Class, Field};
use std::collections::{HashMap, HashSet};

/// Names that more classes have tell nothing of any.
const COMMON: usize = 64;

/// Classes and structs that are gone.
pub(super) struct Likenesses<'a> {
    gone: Vec<Option<&'a Class>>,
    /// Those that have a field of a name, but for names that many have.
    by_field: HashMap<&'a str, Vec<usize>>,
    /// Those of a kind with these names of fields; the first is the last in its list.
    by_fields: HashMap<(bool, Vec<&'a str>), Vec<usize>>,
}

fn names(class: &Class) -> Vec<&str> {
    own(class).into_iter().map(Field::name).collect()
}

impl<'a> Likenesses<'a> {
    pub fn new(gone: &[&'a Class]) -> Likenesses<'a> {
        let mut by_field: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut by_fields: HashMap<(bool, Vec<&str>), Vec<usize>> = HashMap::new();
        for (at, class) in gone.iter().enumerate().rev() {
            let names = names(class);
            for name in &names {
                step();
                by_field.entry(name).or_default().push(at);
            }
            by_fields.entry((class.is_struct(), names)).or_default().push(at);
        }
        by_field.retain(|_, having| having.len() <= COMMON);
        Likenesses { gone: gone.iter().copied().map(Some).collect(), by_field, by_fields }
    }

    /// The first that looks like a new class: with all fields of the same names, or else half of them.
    pub fn take(&mut self, new: &'a Class) -> Option<&'a Class> {
        let key = (new.is_struct(), names(new));
        while let Some(at) = self.by_fields.get_mut(&key).and_then(Vec::pop) {
            step();
            if self.gone[at].is_some_and(|old| looks_like(old, new)) {
                return self.gone[at].take();
            }
        }
        let (_, names) = key;
        let having = names.iter().filter_map(|name| self.by_field.get(name));
        let mut known: Vec<usize> = having.flatten().copied().collect();
        known.sort_unstable();
        known.dedup();
        let is_it = |at: &usize| self.gone[*at].is_some_and(|old| looks_like(old, new));
        let at = known.into_iter().find(is_it)?;
        self.gone[at].take()
    }

    /// Those that no new class looks like.
    pub fn left(self) -> Vec<&'a Class> {
        self.gone.into_iter().flatten().collect()
    }
}

/// Whether half of their fields have the same names.
fn looks_like(old: &Class, new: &Class) -> bool {
    step();
    let (old_fields, new_fields) = (own(old), own(new));
    let names: HashSet<&str> = old_fields.iter().map(|field| field.name()).collect();
    let common = new_fields.iter().filter(|field| names.contains(field.name())).count();
    old.is_struct() == new.is_struct()
        && common > 0
        && 2 * common >= old_fields.len().max(new_fields.len())
}
