//! What a client knows of objects, found by their ids and by where they are.

use std::collections::hash_map::Entry;

use smallvec::SmallVec;

use crate::hash::{Map, Seed};
use crate::ids::{DoId, Location};

/// Objects, each somewhere, with a value. Where there are none it has no memory.
#[derive(Debug)]
pub struct Located<V> {
    by_id: Map<DoId, Placed<V>>,
    /// Each of them where it is, so that closing a zone costs what is in it. Made when a zone is closed for the first
    /// time, since many a client never does so, and kept until there are no objects.
    by_location: Option<Box<Index>>,
}

/// An object that is somewhere.
#[derive(Copy, Clone, Debug)]
pub struct Placed<V> {
    /// Where it is.
    pub location: Location,
    /// What there is to know about it.
    pub value: V,
    /// Its place in the index' list of those that are there.
    place: u32,
}

/// Objects by their locations. Each knows its place in the list of its location, so that taking one out costs the
/// same however many are there.
#[derive(Debug)]
struct Index {
    at: Map<Location, SmallVec<[DoId; 4]>>,
}

impl<V: Copy> Located<V> {
    /// No objects.
    pub fn new(seed: Seed) -> Self {
        Located { by_id: Map::with_hasher(seed), by_location: None }
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
        self.by_id.reserve(more);
    }

    /// Many have been taken out: keeps no more memory than what is left needs, if that is less than half of it.
    pub fn give_back(&mut self) {
        if self.by_id.len() < self.by_id.capacity() / 2 {
            self.by_id.shrink_to_fit();
        }
    }

    /// All of them, in no order.
    pub fn all(&self) -> impl Iterator<Item = (DoId, &Placed<V>)> {
        self.by_id.iter().map(|(&do_id, placed)| (do_id, placed))
    }

    /// What is known about each of them.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.by_id.values_mut().map(|placed| &mut placed.value)
    }

    /// One of them.
    #[inline]
    pub fn get(&self, do_id: DoId) -> Option<&Placed<V>> {
        if self.is_empty() { None } else { self.by_id.get(&do_id) }
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
        match self.by_id.entry(do_id) {
            Entry::Occupied(mut entry) => {
                known(&mut entry.get_mut().value);
                true
            }
            Entry::Vacant(entry) => {
                let index = self.by_location.as_mut();
                let place = index.map_or(0, |index| index.insert(location, do_id));
                entry.insert(Placed { location, value, place });
                false
            }
        }
    }

    /// Notes where an object is now; what is known about it.
    pub fn move_to(&mut self, do_id: DoId, to: Location) -> Option<V> {
        let placed = self.by_id.get_mut(&do_id)?;
        let Placed { location: from, value, place } = *placed;
        if from != to {
            placed.location = to;
            if let Some(index) = &mut self.by_location {
                placed.place = index.insert(to, do_id);
                let moved = index.remove(from, place);
                self.note_place(moved, place);
            }
        }
        Some(value)
    }

    /// Takes an object out, if that is wanted by what is known about it.
    #[inline]
    pub fn remove_if(
        &mut self,
        do_id: DoId,
        is_wanted: impl FnOnce(&mut V) -> bool,
    ) -> Option<Placed<V>> {
        let Entry::Occupied(mut entry) = self.by_id.entry(do_id) else { return None };
        if !is_wanted(&mut entry.get_mut().value) {
            return None;
        }
        let removed = entry.remove();
        if let Some(index) = &mut self.by_location {
            let moved = index.remove(removed.location, removed.place);
            self.note_place(moved, removed.place);
        }
        if self.by_id.is_empty() {
            *self = Located::new(*self.by_id.hasher());
        }
        Some(removed)
    }

    /// Another object has got a place in the index.
    fn note_place(&mut self, moved: Option<DoId>, place: u32) {
        if let Some(moved) = moved.and_then(|moved| self.by_id.get_mut(&moved)) {
            moved.place = place;
        }
    }

    /// Those at a location, in no order.
    pub fn at(&mut self, location: Location) -> &[DoId] {
        if self.is_empty() { &[] } else { self.index().at(location) }
    }

    /// Making it costs once what it has cost to add the objects.
    fn index(&mut self) -> &Index {
        let Located { by_id, by_location } = self;
        by_location.get_or_insert_with(|| {
            let mut index = Box::new(Index { at: Map::with_hasher(*by_id.hasher()) });
            for (&do_id, placed) in by_id.iter_mut() {
                placed.place = index.insert(placed.location, do_id);
            }
            index
        })
    }
}

impl Index {
    /// Adds an object; the place that it has there.
    fn insert(&mut self, location: Location, do_id: DoId) -> u32 {
        let there = self.at.entry(location).or_default();
        there.push(do_id);
        u32::try_from(there.len() - 1).expect("fewer objects than ids")
    }

    /// Takes out the object that has a place at a location. Another one may have got its place: which.
    fn remove(&mut self, location: Location, place: u32) -> Option<DoId> {
        let there = self.at.get_mut(&location)?;
        let place = place as usize;
        there.swap_remove(place);
        let moved = there.get(place).copied();
        if there.is_empty() {
            self.at.remove(&location);
        }
        moved
    }

    fn at(&self, location: Location) -> &[DoId] {
        self.at.get(&location).map_or(&[], |there| there)
    }
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
