//! Who takes part in the router, for whoever looks at it from outside.

use super::{Key, Router};
use crate::ids::Channel;

/// Somebody who listens to a channel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listener {
    /// His place in the router.
    pub key: Key,
    /// What he is called.
    pub name: String,
    /// Whether he is a role.
    pub is_role: bool,
    /// Whether it is by a range of channels around it.
    pub by_range: bool,
}

impl Router {
    /// Who listens to a channel: at most `most` of them, and how many others.
    pub fn listeners(&self, channel: Channel, most: usize) -> (Vec<Listener>, usize) {
        self.shared.world.lock().listeners(channel, most)
    }

    /// How many channels and how many ranges somebody listens to.
    pub fn subscription_count(&self, key: Key) -> (usize, usize) {
        self.shared.world.lock().subscription_count(key)
    }

    /// Whether everything goes to a daemon one level up, too.
    pub fn has_uplink(&self) -> bool {
        self.shared.world.lock().has_uplink()
    }
}
