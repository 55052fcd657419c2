//! Who belongs to what: sessions that listen to channels, objects that are at locations.

use std::hash::Hash;

use smallvec::SmallVec;

use crate::hash::{Map, Seed};

/// The longest list of members that is searched for one of them.
const SEARCHED_MAX: usize = 32;

/// Lists of members by keys. Adding and taking out cost the same however long a list is. Nothing is entered twice: whoever has
/// a roster knows what is in it.
#[derive(Debug)]
pub struct Roster<K, M> {
    lists: Map<K, SmallVec<[M; 4]>>,
    /// Where members stand in the lists that are longer than [`SEARCHED_MAX`]: all sessions listen to the
    /// channel of all clients, and each of them leaves it.
    places: Map<K, Map<M, u32>>,
}

impl<K: Copy + Eq + Hash, M: Copy + Eq + Hash> Roster<K, M> {
    /// Nobody belongs to anything.
    pub fn new(seed: Seed) -> Self {
        Roster { lists: Map::with_hasher(seed), places: Map::with_hasher(seed) }
    }

    /// Enters a member that is not yet in; whether it is the first of its list.
    pub fn add(&mut self, key: K, member: M) -> bool {
        let list = self.lists.entry(key).or_default();
        list.push(member);
        let count = list.len();
        if count > SEARCHED_MAX {
            let seed = *self.places.hasher();
            let places = self.places.entry(key).or_insert_with(|| Map::with_hasher(seed));
            // A list that has just become too long is entered whole.
            for (place, &member) in list.iter().enumerate().skip(places.len()) {
                places.insert(member, place as u32);
            }
        }
        count == 1
    }

    /// Takes a member out; whether it was the last of its list.
    pub fn remove(&mut self, key: K, member: M) -> bool {
        let Some(list) = self.lists.get_mut(&key) else {
            return false;
        };
        if list.len() <= SEARCHED_MAX {
            if let Some(place) = list.iter().position(|&other| other == member) {
                list.swap_remove(place);
            }
        } else if let Some(places) = self.places.get_mut(&key)
            && let Some(place) = places.remove(&member)
        {
            list.swap_remove(place as usize);
            if let Some(&moved) = list.get(place as usize) {
                places.insert(moved, place);
            }
            if list.len() == SEARCHED_MAX {
                self.places.remove(&key);
            }
        }
        let none_left = list.is_empty();
        if none_left {
            self.lists.remove(&key);
        }
        none_left
    }

    /// The members of a list, in no order.
    #[inline]
    pub fn of(&self, key: K) -> &[M] {
        self.lists.get(&key).map_or(&[], |list| list)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn members_come_and_go_however_long_the_list_is(
            steps in prop::collection::vec((0u32..48, any::<bool>()), 0..400),
        ) {
            let mut roster = Roster::new(Seed::fixed(0));
            let mut expected: Vec<u32> = Vec::new();
            for (member, come) in steps {
                let at = expected.iter().position(|&other| other == member);
                match at {
                    None if come => {
                        expected.push(member);
                        prop_assert_eq!(roster.add('a', member), expected.len() == 1);
                    }
                    Some(at) if !come => {
                        expected.swap_remove(at);
                        prop_assert_eq!(roster.remove('a', member), expected.is_empty());
                    }
                    _ => {}
                }
                prop_assert_eq!(roster.of('a'), &expected[..]);
                let placed = if expected.len() > SEARCHED_MAX { expected.len() } else { 0 };
                let places = roster.places.get(&'a').map_or(0, |places| places.len());
                prop_assert_eq!(places, placed);
            }
        }
    }
}
