//! Which objects are where, so that closing a zone costs what is in it.

use smallvec::SmallVec;

use crate::hash::{Map, Seed};
use crate::ids::{DoId, Location};

/// Objects by their locations. Whoever keeps one also keeps its place in the list of its location, so that taking
/// it out costs the same however many are there.
#[derive(Debug)]
pub struct Located {
    at: Map<Location, SmallVec<[DoId; 4]>>,
}

impl Located {
    /// No objects.
    pub fn new(seed: Seed) -> Self {
        Located { at: Map::with_hasher(seed) }
    }

    /// Adds an object; the place that it has there.
    pub fn insert(&mut self, location: Location, do_id: DoId) -> u32 {
        let there = self.at.entry(location).or_default();
        there.push(do_id);
        u32::try_from(there.len() - 1).expect("fewer objects than ids")
    }

    /// Takes out the object that has a place at a location. Another one may have got its place: which.
    pub fn remove(&mut self, location: Location, place: u32) -> Option<DoId> {
        let there = self.at.get_mut(&location)?;
        let place = place as usize;
        there.swap_remove(place);
        let moved = there.get(place).copied();
        if there.is_empty() {
            self.at.remove(&location);
        }
        moved
    }

    /// The objects at a location, in no order.
    pub fn at(&self, location: Location) -> &[DoId] {
        self.at.get(&location).map_or(&[], |there| there)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::ids::ZoneId;

    proptest! {
        #[test]
        fn objects_come_and_go(steps in prop::collection::vec((0u32..12, 0u32..3), 0..200)) {
            let mut located = Located::new(Seed::fixed(0));
            let mut places: BTreeMap<DoId, (Location, u32)> = BTreeMap::new();
            for (id, zone) in steps {
                let (do_id, to) = (DoId(id), Location::new(DoId(1), ZoneId(zone)));
                if let Some((from, place)) = places.remove(&do_id) {
                    prop_assert_eq!(located.at(from)[place as usize], do_id);
                    if let Some(moved) = located.remove(from, place) {
                        places.get_mut(&moved).expect("it is there").1 = place;
                    }
                } else {
                    places.insert(do_id, (to, located.insert(to, do_id)));
                }
                let count: usize = (0..3)
                    .map(|zone| located.at(Location::new(DoId(1), ZoneId(zone))).len())
                    .sum();
                prop_assert_eq!(count, places.len());
                for (do_id, (location, place)) in &places {
                    prop_assert_eq!(located.at(*location)[*place as usize], *do_id);
                }
            }
            prop_assert_eq!(located.at.is_empty(), places.is_empty());
        }
    }
}
