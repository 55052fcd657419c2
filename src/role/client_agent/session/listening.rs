//! What a session listens to.

use crate::hash::{Seed, Set};
use crate::ids::Channel;
use crate::role::client_agent::agent::{Context, SessionIndex};

/// All channels that a session listens to.
///
/// The agent's table of subscribers has the session in each of them once, and the router has the agent in
/// each that any session listens to.
#[derive(Debug)]
pub struct Listening {
    channels: Set<Channel>,
}

impl Listening {
    /// Nothing.
    pub fn new(seed: Seed) -> Self {
        Listening { channels: Set::with_hasher(seed) }
    }

    /// Whether the session listens to a channel.
    pub fn contains(&self, channel: Channel) -> bool {
        self.channels.contains(&channel)
    }

    /// Listens to a channel from now on.
    pub fn add(&mut self, cx: &mut Context<'_>, session: SessionIndex, channel: Channel) {
        if self.channels.insert(channel) && cx.shared.subscribers.add(channel, session) {
            cx.out.subscribe(channel);
        }
    }

    /// Listens to a channel no longer.
    pub fn remove(&mut self, cx: &mut Context<'_>, session: SessionIndex, channel: Channel) {
        if self.channels.remove(&channel) && cx.shared.subscribers.remove(channel, session) {
            cx.out.unsubscribe(channel);
        }
    }

    /// Listens to nothing any more.
    pub fn clear(&mut self, cx: &mut Context<'_>, session: SessionIndex) {
        for channel in self.channels.drain() {
            if cx.shared.subscribers.remove(channel, session) {
                cx.out.unsubscribe(channel);
            }
        }
    }
}
