//! Which sessions listen to which channel.

use smallvec::SmallVec;

use super::SessionIndex;
use crate::hash::{Map, Seed};
use crate::ids::Channel;

/// Channel → sessions. Each session keeps its own set too, so that none is entered twice.
#[derive(Debug)]
pub struct Subscribers {
    by_channel: Map<Channel, SmallVec<[SessionIndex; 4]>>,
}

impl Subscribers {
    /// Nobody listens to anything.
    pub fn new(seed: Seed) -> Self {
        Subscribers { by_channel: Map::with_hasher(seed) }
    }

    /// Enters a session that is not yet in; whether it is the channel's first.
    pub fn add(&mut self, channel: Channel, session: SessionIndex) -> bool {
        let sessions = self.by_channel.entry(channel).or_default();
        sessions.push(session);
        sessions.len() == 1
    }

    /// Takes a session out; whether it was the channel's last.
    pub fn remove(&mut self, channel: Channel, session: SessionIndex) -> bool {
        let Some(sessions) = self.by_channel.get_mut(&channel) else {
            return false;
        };
        if let Some(at) = sessions.iter().position(|&s| s == session) {
            sessions.swap_remove(at);
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
