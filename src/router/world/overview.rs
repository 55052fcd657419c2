//! Who takes part, for whoever looks at it from outside.

use super::World;
use crate::ids::Channel;
use crate::router::{Key, Listener};

impl World {
    /// Who listens to a channel: at most `most` of them, and how many others.
    pub(in crate::router) fn listeners(
        &self,
        channel: Channel,
        most: usize,
    ) -> (Vec<Listener>, usize) {
        let all = self.table.listeners_of(channel);
        let more = all.len().saturating_sub(most);
        let listener = |(key, by_range)| {
            let name = self.name_of(key)?.to_owned();
            Some(Listener { key, name, is_role: self.is_role(key), by_range })
        };
        (all.into_iter().take(most).filter_map(listener).collect(), more)
    }

    /// How many channels and how many ranges somebody listens to.
    pub(in crate::router) fn subscription_count(&self, key: Key) -> (usize, usize) {
        self.table.size_of(key)
    }
}
