//! Who asks the cluster for the same zones at the same time.

use std::collections::VecDeque;

use super::SessionKey;
use crate::hash::{Map, Seed};
use crate::ids::{Context, DoId, ZoneId};

/// Zones of a parent, as somebody asks for them.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Zones {
    /// Whose zones they are.
    pub parent: DoId,
    /// In the order in which they are asked for.
    pub zones: Box<[ZoneId]>,
}

/// Somebody who waits to be asked for: a session, by its query.
pub type Asker = (SessionKey, Context);

/// What sessions ask the cluster for, a turn long: until all who had something to say have been heard.
///
/// Whoever is the first to ask for some zones in a turn asks at once, by himself, as if he were alone; and so he is, as a rule.
/// Those who ask for the same zones later in the same turn wait for its end, and are asked for together.
#[derive(Debug)]
pub struct Asking {
    /// What has been asked for in this turn, and who waits to ask for that, too.
    turn: Vec<(Zones, Vec<Asker>)>,
    /// By which place it has there.
    of_zones: Map<Zones, usize>,
    /// Those who have waited for the end of a turn, and have not been asked for.
    ready: VecDeque<(Zones, Vec<Asker>)>,
}

impl Asking {
    /// Nobody asks for anything.
    pub fn new(seed: Seed) -> Self {
        Asking { turn: Vec::new(), of_zones: Map::with_hasher(seed), ready: VecDeque::new() }
    }

    /// Somebody asks for zones. Whether he is the first in this turn and asks at once; if not, he waits.
    pub fn is_first(&mut self, zones: Zones, asker: Asker) -> bool {
        if let Some(&place) = self.of_zones.get(&zones) {
            self.turn[place].1.push(asker);
            return false;
        }
        self.of_zones.insert(zones.clone(), self.turn.len());
        self.turn.push((zones, Vec::new()));
        true
    }

    /// A turn is over: who waits in it is to be asked for.
    pub fn end_turn(&mut self) {
        self.of_zones.clear();
        self.ready.extend(self.turn.drain(..).filter(|(_, waiting)| !waiting.is_empty()));
    }

    /// Takes some who are to be asked for, at most so many, all for the same zones.
    pub fn next(&mut self, most: usize) -> Option<(Zones, Vec<Asker>)> {
        let (zones, waiting) = self.ready.front_mut()?;
        if waiting.len() <= most {
            return self.ready.pop_front();
        }
        Some((zones.clone(), waiting.drain(..most).collect()))
    }

    /// Nobody asks for anything any more.
    pub fn clear(&mut self) {
        self.turn.clear();
        self.of_zones.clear();
        self.ready.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zones(zone: u32) -> Zones {
        Zones { parent: DoId(1), zones: [ZoneId(zone)].into() }
    }

    fn asker(index: u32) -> Asker {
        (SessionKey { index, generation: 0 }, Context(index))
    }

    #[test]
    fn who_is_the_first_does_not_wait_and_others_are_taken_in_their_order() {
        let mut asking = Asking::new(Seed::fixed(0));
        for turn in 0..2 {
            assert!(asking.is_first(zones(7), asker(0)) && asking.is_first(zones(8), asker(1)));
            assert!((2..7).all(|index| !asking.is_first(zones(8), asker(index))));
            assert!(!asking.is_first(zones(7), asker(9)) && asking.is_first(zones(9), asker(9)));
            assert!(asking.next(3).is_none(), "in turn {turn}, that is not over");
            asking.end_turn();
            assert_eq!(asking.next(3), Some((zones(7), vec![asker(9)])));
            assert_eq!(asking.next(3), Some((zones(8), (2..5).map(asker).collect())));
            assert_eq!(asking.next(3), Some((zones(8), (5..7).map(asker).collect())));
            assert_eq!(asking.next(3), None);
        }
    }
}
