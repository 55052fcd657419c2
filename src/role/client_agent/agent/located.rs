//! What a client knows of objects, found by their ids and by where they are.

use std::hash::BuildHasher;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::Roster;
use crate::hash::Seed;
use crate::ids::{DoId, Location};

/// Objects, each somewhere, with a value. Where there are none it has no memory.
#[derive(Debug)]
pub struct Located<V> {
    seed: Seed,
    by_id: HashTable<(DoId, Placed<V>)>,
    /// Each of them where it is, so that closing a zone costs what is in it. Made when a zone is closed for the first
    /// time, since many a client never does so, and kept until there are no objects.
    by_location: Option<Box<Roster<Location, DoId>>>,
}

/// An object that is somewhere.
#[derive(Copy, Clone, Debug)]
pub struct Placed<V> {
    /// Where it is.
    pub location: Location,
    /// What there is to know about it.
    pub value: V,
}

/// An object that is looked for. Its hash is reckoned once for all tables of the same seed that it is looked for in.
#[derive(Copy, Clone, Debug)]
pub struct Sought {
    do_id: DoId,
    hash: u64,
}

impl Sought {
    /// Looks for an object in tables of this seed.
    #[inline]
    pub fn new(seed: Seed, do_id: DoId) -> Self {
        Sought { do_id, hash: seed.hash_one(do_id) }
    }

    /// Which object.
    pub const fn do_id(&self) -> DoId {
        self.do_id
    }
}

impl<V: Copy> Located<V> {
    /// No objects.
    pub fn new(seed: Seed) -> Self {
        Located { seed, by_id: HashTable::new(), by_location: None }
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Makes room for so many more.
    pub fn reserve(&mut self, more: usize) {
        let seed = self.seed;
        self.by_id.reserve(more, hash_by(seed));
    }

    /// Many have been taken out: keeps no more memory than what is left needs, if that is less than half of it.
    pub fn give_back(&mut self) {
        if self.by_id.len() < self.by_id.capacity() / 2 {
            self.by_id.shrink_to_fit(hash_by(self.seed));
        }
    }

    /// All of them, in no order.
    pub fn all(&self) -> impl Iterator<Item = (DoId, &Placed<V>)> {
        self.by_id.iter().map(|(do_id, placed)| (*do_id, placed))
    }

    /// What is known about each of them.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.by_id.iter_mut().map(|(_, placed)| &mut placed.value)
    }

    /// An object, to look for it here.
    #[inline]
    pub fn seek(&self, do_id: DoId) -> Sought {
        Sought::new(self.seed, do_id)
    }

    /// One of them.
    #[inline]
    pub fn get(&self, do_id: DoId) -> Option<&Placed<V>> {
        if self.is_empty() { None } else { self.find(&self.seek(do_id)) }
    }

    /// As [`Located::get`].
    #[inline]
    pub fn find(&self, sought: &Sought) -> Option<&Placed<V>> {
        let found = self.by_id.find(sought.hash, |(do_id, _)| *do_id == sought.do_id);
        found.map(|(_, placed)| placed)
    }

    /// Adds an object. If there is one by this id, it stays where it is, and `known` is given what is known about it.
    /// Whether that was so.
    #[inline]
    pub fn insert_or(
        &mut self,
        do_id: DoId,
        location: Location,
        value: V,
        known: impl FnOnce(&mut V),
    ) -> bool {
        let hash = self.seek(do_id).hash;
        match self.by_id.entry(hash, |(other, _)| *other == do_id, hash_by(self.seed)) {
            Entry::Occupied(mut entry) => {
                known(&mut entry.get_mut().1.value);
                true
            }
            Entry::Vacant(entry) => {
                entry.insert((do_id, Placed { location, value }));
                if let Some(by_location) = &mut self.by_location {
                    by_location.add(location, do_id);
                }
                false
            }
        }
    }

    /// Notes where an object is now; what is known about it.
    pub fn move_to(&mut self, do_id: DoId, to: Location) -> Option<V> {
        let hash = self.seek(do_id).hash;
        let (_, placed) = self.by_id.find_mut(hash, |(other, _)| *other == do_id)?;
        let from = std::mem::replace(&mut placed.location, to);
        if from != to
            && let Some(by_location) = &mut self.by_location
        {
            by_location.remove(from, do_id);
            by_location.add(to, do_id);
        }
        Some(placed.value)
    }

    /// Takes an object out, if that is wanted by what is known about it.
    #[inline]
    pub fn remove_if(
        &mut self,
        do_id: DoId,
        is_wanted: impl FnOnce(&mut V) -> bool,
    ) -> Option<Placed<V>> {
        let hash = self.seek(do_id).hash;
        let mut entry = self.by_id.find_entry(hash, |(other, _)| *other == do_id).ok()?;
        if !is_wanted(&mut entry.get_mut().1.value) {
            return None;
        }
        let ((_, removed), _) = entry.remove();
        if let Some(by_location) = &mut self.by_location {
            by_location.remove(removed.location, do_id);
        }
        if self.by_id.is_empty() {
            *self = Located::new(self.seed);
        }
        Some(removed)
    }

    /// Those at a location, in no order.
    pub fn at(&mut self, location: Location) -> &[DoId] {
        if self.is_empty() { &[] } else { self.index().of(location) }
    }

    /// Making it costs once what it has cost to add the objects.
    fn index(&mut self) -> &Roster<Location, DoId> {
        let Located { seed, by_id, by_location } = self;
        by_location.get_or_insert_with(|| {
            let mut index = Box::new(Roster::new(*seed));
            for (do_id, placed) in by_id.iter() {
                index.add(placed.location, *do_id);
            }
            index
        })
    }
}

/// What entries are hashed by when a table is made anew.
#[inline]
fn hash_by<V>(seed: Seed) -> impl Fn(&(DoId, Placed<V>)) -> u64 {
    move |(do_id, _)| seed.hash_one(do_id)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::ids::ZoneId;

    fn zone(zone: u32) -> Location {
        Location::new(DoId(1), ZoneId(zone))
    }

    proptest! {
        #[test]
        fn objects_come_move_and_go(
            steps in prop::collection::vec((0u32..40, 0u32..3, 0u32..4), 0..200),
            asked_from in 0usize..200,
        ) {
            let mut located = Located::new(Seed::fixed(0));
            let mut model: BTreeMap<DoId, (Location, u32)> = BTreeMap::new();
            for (step, (id, at, what)) in steps.into_iter().enumerate() {
                let (do_id, to, value) = (DoId(id), zone(at), step as u32);
                match what {
                    0 => {
                        let known = located.insert_or(do_id, to, value, |known| *known = value);
                        let before = model.get(&do_id).map(|before| before.0);
                        prop_assert_eq!(known, before.is_some());
                        model.insert(do_id, (before.unwrap_or(to), value));
                    }
                    1 => {
                        let moved = located.move_to(do_id, to);
                        let expected = model.get_mut(&do_id);
                        prop_assert_eq!(moved, expected.as_ref().map(|expected| expected.1));
                        expected.into_iter().for_each(|expected| expected.0 = to);
                    }
                    2 => {
                        located.give_back();
                        prop_assert!(located.by_id.capacity() <= 2 * located.len() + 3);
                    }
                    _ => {
                        let removed = located.remove_if(do_id, |value| *value % 2 == 0);
                        let expected = model.get(&do_id).copied();
                        let expected = expected.filter(|(_, value)| value % 2 == 0);
                        prop_assert_eq!(removed.map(|r| (r.location, r.value)), expected);
                        if expected.is_some() {
                            model.remove(&do_id);
                        }
                    }
                }
                if step >= asked_from {
                    for at in (0..3).map(zone) {
                        let mut there = located.at(at).to_vec();
                        there.sort_unstable();
                        let expected = model.iter().filter(|(_, (location, _))| *location == at);
                        prop_assert_eq!(there, expected.map(|(id, _)| *id).collect::<Vec<_>>());
                    }
                }
                let all = model.iter().all(|(id, (location, value))| {
                    located.get(*id).is_some_and(|p| (p.location, p.value) == (*location, *value))
                });
                prop_assert!(all && located.len() == model.len());
            }
            prop_assert!(!model.is_empty() || located.by_location.is_none());
        }
    }
}
