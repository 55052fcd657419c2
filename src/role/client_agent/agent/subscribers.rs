//! Which sessions listen to which channel.

use smallvec::SmallVec;

use super::SessionIndex;
use crate::hash::{Map, Seed};
use crate::ids::Channel;

/// The longest list of sessions that is searched for one of them.
const SEARCHED_MAX: usize = 32;

/// Channel → sessions. Each session keeps its own set too, so that none is entered twice.
#[derive(Debug)]
pub struct Subscribers {
    by_channel: Map<Channel, SmallVec<[SessionIndex; 4]>>,
    /// Where sessions stand in the lists that are longer than [`SEARCHED_MAX`]: all sessions listen to the
    /// channel of all clients, and each of them leaves it.
    places: Map<Channel, Map<SessionIndex, u32>>,
}

impl Subscribers {
    /// Nobody listens to anything.
    pub fn new(seed: Seed) -> Self {
        Subscribers { by_channel: Map::with_hasher(seed), places: Map::with_hasher(seed) }
    }

    /// Enters a session that is not yet in; whether it is the channel's first.
    pub fn add(&mut self, channel: Channel, session: SessionIndex) -> bool {
        let sessions = self.by_channel.entry(channel).or_default();
        sessions.push(session);
        let count = sessions.len();
        if count > SEARCHED_MAX {
            let seed = *self.places.hasher();
            let places = self.places.entry(channel).or_insert_with(|| Map::with_hasher(seed));
            // One that has just become too long is entered whole.
            for (place, &session) in sessions.iter().enumerate().skip(places.len()) {
                places.insert(session, place as u32);
            }
        }
        count == 1
    }

    /// Takes a session out; whether it was the channel's last.
    pub fn remove(&mut self, channel: Channel, session: SessionIndex) -> bool {
        let Some(sessions) = self.by_channel.get_mut(&channel) else {
            return false;
        };
        if sessions.len() <= SEARCHED_MAX {
            if let Some(place) = sessions.iter().position(|&other| other == session) {
                sessions.swap_remove(place);
            }
        } else if let Some(places) = self.places.get_mut(&channel)
            && let Some(place) = places.remove(&session)
        {
            sessions.swap_remove(place as usize);
            if let Some(&moved) = sessions.get(place as usize) {
                places.insert(moved, place);
            }
            if sessions.len() == SEARCHED_MAX {
                self.places.remove(&channel);
            }
        }
        let none_left = sessions.is_empty();
        if none_left {
            self.by_channel.remove(&channel);
        }
        none_left
    }

    /// The sessions that listen to a channel.
    #[inline]
    pub fn of(&self, channel: Channel) -> &[SessionIndex] {
        self.by_channel.get(&channel).map_or(&[], |sessions| sessions)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sessions_come_and_go_however_long_the_list_is(
            steps in prop::collection::vec((0u32..48, any::<bool>()), 0..400),
        ) {
            let mut subscribers = Subscribers::new(Seed::fixed(0));
            let mut expected: Vec<SessionIndex> = Vec::new();
            for (session, come) in steps {
                let at = expected.iter().position(|&other| other == session);
                match at {
                    None if come => {
                        expected.push(session);
                        prop_assert_eq!(subscribers.add(Channel(1), session), expected.len() == 1);
                    }
                    Some(at) if !come => {
                        expected.swap_remove(at);
                        prop_assert_eq!(subscribers.remove(Channel(1), session), expected.is_empty());
                    }
                    _ => {}
                }
                prop_assert_eq!(subscribers.of(Channel(1)), &expected[..]);
                let placed = if expected.len() > SEARCHED_MAX { expected.len() } else { 0 };
                let places = subscribers.places.get(&Channel(1)).map_or(0, |places| places.len());
                prop_assert_eq!(places, placed);
            }
        }
    }
}
