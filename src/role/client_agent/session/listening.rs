//! What a session listens to.

use std::collections::hash_set;

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

    /// All of them, in no order.
    pub fn every(&self) -> impl Iterator<Item = Channel> {
        self.channels.iter().copied()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.channels.len()
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

    /// The session ends: it hears nothing any more, and its channels are given up by and by.
    pub fn leave(&mut self, session: SessionIndex) -> Departure {
        let seed = *self.channels.hasher();
        let channels = std::mem::replace(&mut self.channels, Set::with_hasher(seed));
        Departure { session, channels: channels.into_iter() }
    }
}

/// What a session that has ended listened to, and has not given up yet.
///
/// Nobody can tell when that happens: nothing is delivered to a session that is not there, and its place is not
/// given to another before the departure is over.
#[derive(Debug)]
pub struct Departure {
    session: SessionIndex,
    channels: hash_set::IntoIter<Channel>,
}

impl Departure {
    /// The place of the session.
    pub const fn session(&self) -> SessionIndex {
        self.session
    }

    /// Whether there is nothing left to give up.
    pub fn is_over(&self) -> bool {
        self.channels.len() == 0
    }

    /// Gives up as many channels as `budget` says, and takes them from it.
    pub fn go_on(&mut self, cx: &mut Context<'_>, budget: &mut usize) {
        for channel in self.channels.by_ref().take(*budget) {
            *budget -= 1;
            if cx.shared.subscribers.remove(channel, self.session) {
                cx.out.unsubscribe(channel);
            }
        }
    }
}
