//! Who is whose child: by where the children are, and by what a parent has been told.

use crate::hash::{Map, Seed, Set};
use crate::ids::{DoId, Location, ZoneId};

/// The objects of one population by parent and zone, as the objects themselves say.
#[derive(Debug)]
pub struct LocalChildren {
    parents: Map<DoId, Map<ZoneId, Set<DoId>>>,
}

impl LocalChildren {
    /// No children.
    pub fn new(seed: Seed) -> Self {
        LocalChildren { parents: Map::with_hasher(seed) }
    }

    /// Adds a child. Returns whether it is the first one of its parent here.
    pub fn insert(&mut self, child: DoId, location: Location) -> bool {
        let seed = *self.parents.hasher();
        let zones = self.parents.entry(location.parent);
        let zones = zones.or_insert_with(|| Map::with_hasher(seed));
        let first = zones.is_empty();
        let children = zones.entry(location.zone);
        children.or_insert_with(|| Set::with_hasher(seed)).insert(child);
        first
    }

    /// Removes a child. Returns whether it was the last one of its parent here.
    pub fn remove(&mut self, child: DoId, location: Location) -> bool {
        let Some(zones) = self.parents.get_mut(&location.parent) else {
            return false;
        };
        if let Some(children) = zones.get_mut(&location.zone) {
            children.remove(&child);
            if children.is_empty() {
                zones.remove(&location.zone);
            }
        }
        let last = zones.is_empty();
        if last {
            self.parents.remove(&location.parent);
        }
        last
    }

    /// Whether the parent has a child here.
    pub fn has(&self, parent: DoId) -> bool {
        self.parents.contains_key(&parent)
    }

    /// How many children of a parent are here.
    pub fn count(&self, parent: DoId) -> usize {
        self.parents.get(&parent).map_or(0, |zones| zones.values().map(Set::len).sum())
    }

    /// All children of a parent here.
    pub fn of(&self, parent: DoId) -> impl Iterator<Item = DoId> + '_ {
        let zones = self.parents.get(&parent).into_iter().flatten();
        zones.flat_map(|(_, children)| children.iter().copied())
    }

    /// The children in one zone of a parent here.
    pub fn in_zone(&self, location: Location) -> impl Iterator<Item = DoId> + '_ {
        let zones = self.parents.get(&location.parent);
        let children = zones.and_then(|zones| zones.get(&location.zone));
        children.into_iter().flatten().copied()
    }
}

/// Which children a parent has been told of, and in which of its zones they are.
///
/// A child is in one zone at a time: a later word about it replaces an earlier one.
#[derive(Debug)]
pub struct ZoneTable {
    zone_of: Map<DoId, ZoneId>,
    counts: Map<ZoneId, u32>,
}

impl ZoneTable {
    /// No children.
    pub fn new(seed: Seed) -> Self {
        ZoneTable { zone_of: Map::with_hasher(seed), counts: Map::with_hasher(seed) }
    }

    /// Notes that a child is in a zone.
    pub fn insert(&mut self, child: DoId, zone: ZoneId) {
        match self.zone_of.insert(child, zone) {
            Some(before) if before == zone => return,
            Some(before) => self.leave(before),
            None => {}
        }
        *self.counts.entry(zone).or_default() += 1;
    }

    /// Notes that a child has left a zone. Nothing if it is not known to be there.
    pub fn remove(&mut self, child: DoId, zone: ZoneId) {
        if self.zone_of.get(&child) == Some(&zone) {
            self.zone_of.remove(&child);
            self.leave(zone);
        }
    }

    fn leave(&mut self, zone: ZoneId) {
        if let Some(count) = self.counts.get_mut(&zone) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&zone);
            }
        }
    }

    /// How many children there are in a zone.
    pub fn count(&self, zone: ZoneId) -> u32 {
        self.counts.get(&zone).copied().unwrap_or_default()
    }

    /// All children, in no order.
    pub fn all(&self) -> impl Iterator<Item = (DoId, ZoneId)> {
        self.zone_of.iter().map(|(&child, &zone)| (child, zone))
    }

    /// How many children there are.
    pub fn len(&self) -> usize {
        self.zone_of.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.zone_of.is_empty()
    }

    /// The zones that have children, ascending; any `max` of them if there are more.
    pub fn zones(&self, max: usize) -> Vec<ZoneId> {
        let mut zones: Vec<ZoneId> = self.counts.keys().copied().take(max).collect();
        zones.sort_unstable();
        zones
    }

    /// The children in any of `zones`, ascending.
    pub fn children_in(&self, zones: &Set<ZoneId>) -> Vec<DoId> {
        let found = self.zone_of.iter().filter(|(_, zone)| zones.contains(zone));
        let mut children: Vec<DoId> = found.map(|(child, _)| *child).collect();
        children.sort_unstable();
        children
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(parent: u32, zone: u32) -> Location {
        Location::new(DoId(parent), ZoneId(zone))
    }

    #[test]
    fn the_first_and_the_last_local_child_are_told() {
        let mut children = LocalChildren::new(Seed::fixed(0));
        assert!(children.insert(DoId(1), at(9, 1)));
        assert!(!children.insert(DoId(2), at(9, 2)));
        assert!(children.insert(DoId(3), at(8, 1)));
        assert_eq!(children.in_zone(at(9, 2)).collect::<Vec<_>>(), [DoId(2)]);
        assert_eq!(children.of(DoId(9)).count(), 2);
        assert!(!children.remove(DoId(2), at(9, 2)));
        assert!(children.remove(DoId(1), at(9, 1)));
        assert!(!children.has(DoId(9)) && children.has(DoId(8)));
        assert!(!children.remove(DoId(1), at(9, 1)), "nothing was there");
    }

    #[test]
    fn a_child_is_counted_once_and_where_it_was_last_seen() {
        let mut table = ZoneTable::new(Seed::fixed(0));
        table.insert(DoId(1), ZoneId(5));
        table.insert(DoId(1), ZoneId(5));
        table.insert(DoId(2), ZoneId(5));
        assert_eq!((table.count(ZoneId(5)), table.len()), (2, 2));
        table.insert(DoId(1), ZoneId(6));
        assert_eq!((table.count(ZoneId(5)), table.count(ZoneId(6))), (1, 1));
        table.remove(DoId(1), ZoneId(5));
        assert_eq!(table.len(), 2, "it is not in the zone that it is said to leave");
        table.remove(DoId(1), ZoneId(6));
        assert_eq!(table.zones(9), [ZoneId(5)]);
    }
}
