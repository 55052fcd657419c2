//! Which sessions listen to which channel.

use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use crate::ids::Channel;

/// Place of a session in the core's table.
pub type SessionIndex = u32;

/// Channel → sessions. Each session keeps its own set too, so that none is entered twice.
///
/// The router is told of a channel's last listener only when everything has been handled that had
/// arrived by then. Otherwise a session that closes a zone and opens it again could get an old entrance
/// of an object, and miss that the object left while nobody listened.
#[derive(Debug, Default)]
pub struct Subscribers {
    by_channel: FxHashMap<Channel, SmallVec<[SessionIndex; 4]>>,
    /// Channels without listeners that the router still sends, since the inbox was last swapped.
    fading: FxHashSet<Channel>,
    /// The same, from before that.
    fading_longer: FxHashSet<Channel>,
}

impl Subscribers {
    /// Enters a session that is not yet in; whether the router must be told.
    pub fn add(&mut self, channel: Channel, session: SessionIndex) -> bool {
        let sessions = self.by_channel.entry(channel).or_default();
        sessions.push(session);
        let is_first = sessions.len() == 1;
        is_first && !self.fading.remove(&channel) && !self.fading_longer.remove(&channel)
    }

    /// Takes a session out.
    pub fn remove(&mut self, channel: Channel, session: SessionIndex) {
        let Some(sessions) = self.by_channel.get_mut(&channel) else {
            return;
        };
        if let Some(at) = sessions.iter().position(|&s| s == session) {
            sessions.swap_remove(at);
        }
        if sessions.is_empty() {
            self.by_channel.remove(&channel);
            self.fading.insert(channel);
        }
    }

    /// All that had arrived when the inbox was last swapped has been handled, and if it is `drained`, all
    /// that has arrived at all: hands over the channels of which the router can be told now.
    pub fn turn(&mut self, drained: bool, mut unsubscribe: impl FnMut(Channel)) {
        self.fading_longer.drain().for_each(&mut unsubscribe);
        if drained {
            self.fading.drain().for_each(unsubscribe);
        } else {
            std::mem::swap(&mut self.fading, &mut self.fading_longer);
        }
    }

    /// The sessions that listen to a channel.
    #[inline]
    pub fn of(&self, channel: Channel) -> &[SessionIndex] {
        self.by_channel.get(&channel).map_or(&[], |sessions| sessions)
    }
}
