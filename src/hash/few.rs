//! A table that hardly ever has more than a few entries, of which there are very many.
//!
//! An ordinary table has room for four entries when it has one, and keeps it when it has none. This one is a list of just as many
//! entries as there are, which is searched, and a table only from the fifth on.

use std::hash::Hash;

use super::{Map, Seed};

/// So many entries are a list.
const LISTED_MAX: usize = 4;

/// A table of few entries. Without any it has no memory.
#[derive(Debug)]
pub struct Few<K, V> {
    seed: Seed,
    entries: Entries<K, V>,
}

#[derive(Debug)]
enum Entries<K, V> {
    Listed(Vec<(K, V)>),
    /// Boxed: seldom needed.
    Hashed(Box<Map<K, V>>),
}

impl<K: Copy + Eq + Hash, V> Few<K, V> {
    /// An empty table.
    pub const fn with_hasher(seed: Seed) -> Self {
        Few { seed, entries: Entries::Listed(Vec::new()) }
    }

    /// What it is hashed with.
    pub const fn hasher(&self) -> &Seed {
        &self.seed
    }

    /// How many entries there are.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.entries {
            Entries::Listed(list) => list.len(),
            Entries::Hashed(table) => table.len(),
        }
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a key.
    #[inline]
    pub fn get(&self, key: &K) -> Option<&V> {
        match &self.entries {
            Entries::Listed(list) => {
                list.iter().find(|(other, _)| other == key).map(|(_, value)| value)
            }
            Entries::Hashed(table) => table.get(key),
        }
    }

    /// As [`Few::get`], to change it.
    #[inline]
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        match &mut self.entries {
            Entries::Listed(list) => {
                list.iter_mut().find(|(other, _)| other == key).map(|(_, value)| value)
            }
            Entries::Hashed(table) => table.get_mut(key),
        }
    }

    /// Sets the value of a key; the one before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        if let Some(before) = self.get_mut(&key) {
            return Some(std::mem::replace(before, value));
        }
        self.add(key, value);
        None
    }

    /// The value of a key. If there is none, it gets one.
    pub fn or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        if self.get(&key).is_none() {
            self.add(key, V::default());
        }
        self.get_mut(&key).expect("there is one")
    }

    /// Adds an entry whose key has none.
    fn add(&mut self, key: K, value: V) {
        match &mut self.entries {
            Entries::Listed(list) if list.len() < LISTED_MAX => {
                list.reserve_exact(1);
                list.push((key, value));
            }
            Entries::Listed(list) => {
                let mut table = Box::new(Map::with_hasher(self.seed));
                table.extend(list.drain(..));
                table.insert(key, value);
                self.entries = Entries::Hashed(table);
            }
            Entries::Hashed(table) => {
                table.insert(key, value);
            }
        }
    }

    /// Removes an entry, and returns its value.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let removed = match &mut self.entries {
            Entries::Listed(list) => {
                let place = list.iter().position(|(other, _)| other == key)?;
                list.swap_remove(place).1
            }
            Entries::Hashed(table) => table.remove(key)?,
        };
        self.give_back();
        Some(removed)
    }

    /// Removes all.
    pub fn clear(&mut self) {
        self.entries = Entries::Listed(Vec::new());
    }

    /// Keeps those for which `is_kept` says so, which may change them.
    pub fn retain(&mut self, mut is_kept: impl FnMut(&K, &mut V) -> bool) {
        match &mut self.entries {
            Entries::Listed(list) => list.retain_mut(|(key, value)| is_kept(key, value)),
            Entries::Hashed(table) => table.retain(is_kept),
        }
        self.give_back();
    }

    fn give_back(&mut self) {
        if self.is_empty() {
            self.clear();
        }
    }

    /// All entries; their order means nothing.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let (list, table) = match &self.entries {
            Entries::Listed(list) => (&list[..], None),
            Entries::Hashed(table) => (&[][..], Some(&**table)),
        };
        list.iter().map(|(key, value)| (key, value)).chain(table.into_iter().flatten())
    }

    /// As [`Few::iter`], to change them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        let (list, table) = match &mut self.entries {
            Entries::Listed(list) => (&mut list[..], None),
            Entries::Hashed(table) => (&mut [][..], Some(&mut **table)),
        };
        list.iter_mut().map(|(key, value)| (&*key, value)).chain(table.into_iter().flatten())
    }

    /// All values.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_table_however_many_there_are(
            steps in prop::collection::vec((0u32..8, 0u8..6), 0..100),
        ) {
            let mut few = Few::with_hasher(Seed::fixed(0));
            let mut model: BTreeMap<u32, usize> = BTreeMap::new();
            for (step, (key, what)) in steps.into_iter().enumerate() {
                match what {
                    0 | 1 => prop_assert_eq!(few.insert(key, step), model.insert(key, step)),
                    2 => {
                        *few.or_default(key) += 1;
                        *model.entry(key).or_default() += 1;
                    }
                    3 => {
                        few.retain(|_, value| *value % 3 > 0);
                        model.retain(|_, value| *value % 3 > 0);
                    }
                    _ => prop_assert_eq!(few.remove(&key), model.remove(&key)),
                }
                few.iter_mut().for_each(|(key, value)| *value += *key as usize);
                model.iter_mut().for_each(|(key, value)| *value += *key as usize);
                let all: BTreeMap<u32, usize> = few.iter().map(|(key, value)| (*key, *value)).collect();
                prop_assert_eq!(&all, &model);
                prop_assert_eq!((few.len(), few.values().count()), (model.len(), model.len()));
                prop_assert!((0..8).all(|key| few.get(&key) == model.get(&key)));
                prop_assert!((0..8).all(|key| few.get_mut(&key).map(|value| &*value) == model.get(&key)));
                match &few.entries {
                    Entries::Listed(list) => prop_assert!(list.len() <= LISTED_MAX && list.capacity() <= LISTED_MAX),
                    Entries::Hashed(table) => prop_assert!(!table.is_empty()),
                }
            }
            few.clear();
            prop_assert!(few.is_empty());
        }
    }
}
