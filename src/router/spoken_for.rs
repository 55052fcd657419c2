//! Who has been spoken for.
//!
//! When a connection between two daemons is lost, the one above routes the post-removes that it had from below. Their owners
//! below may go on living for a while, and end later, or because of that ([`super::Gap`]): what they had wanted said has
//! been said by then, and somebody may have come in their place elsewhere, whose objects it would delete. But they may also have
//! made more meanwhile, that waited for the connection, and that nothing else would delete.
//!
//! So the daemon below says of such last words that they are *late*, and whether their sender has sent more since the loss
//! ([`SpokenFor`]); and the one above remembers what it has said at whose loss ([`AlreadySaid`]). Late words are said if nobody else keeps some
//! under their sender, and if they have not been said already or the sender has sent more.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::time::{Duration, Instant};

use crate::hash::{self, Seed};
use crate::ids::Channel;
use crate::message::Timing;
use crate::wire::Frame;

/// So many daemons are remembered, and so long.
const DAEMONS_MAX: usize = 64;
const PATIENCE: Duration = Duration::from_secs(600);

/// What the daemon below knows: when the upstream was lost, and who has sent more since.
#[derive(Default, Debug)]
pub(super) struct SpokenFor {
    losses: u32,
    senders: Option<hash::Set<Channel>>,
}

impl SpokenFor {
    /// How often the upstream has been lost.
    pub(super) const fn losses(&self) -> u32 {
        self.losses
    }

    /// The upstream is lost, with whatever it kept for this daemon. What these senders have sent waits for the next
    /// connection.
    pub(super) fn lose(&mut self, senders: hash::Set<Channel>) {
        self.losses += 1;
        self.senders = Some(senders);
    }

    /// As [`SpokenFor::lose`], of a connection that had not been used yet: what waits goes on waiting.
    pub(super) fn lose_unused(&mut self, seed: Seed) {
        let senders = self.senders.take();
        self.lose(senders.unwrap_or_else(|| hash::Set::with_hasher(seed)));
    }

    /// Whether it is noted who sends something.
    #[inline]
    pub(super) const fn is_noted(&self) -> bool {
        self.senders.is_some()
    }

    /// A sender who keeps some last words has sent something.
    pub(super) fn note(&mut self, sender: Channel) {
        if let Some(senders) = &mut self.senders {
            senders.insert(sender);
        }
    }

    /// All who have been spoken for are supposed to have ended.
    pub(super) fn forget(&mut self) {
        self.senders = None;
    }

    /// What is to be said of last words, that were first kept when the upstream had been lost so often.
    pub(super) fn timing(&self, sender: Channel, losses: u32) -> Timing {
        let is_late = losses < self.losses;
        let has_sent_since = match &self.senders {
            Some(senders) => senders.contains(&sender),
            // Who knows?
            None => is_late,
        };
        Timing { is_late, has_sent_since }
    }
}

/// What the daemon above knows: what it has said when connections of daemons below were lost.
#[derive(Debug)]
pub(super) struct AlreadySaid {
    seed: Seed,
    /// Who was lost first comes first.
    daemons: Vec<Lost>,
}

#[derive(Debug)]
struct Lost {
    epoch: u64,
    since: Instant,
    /// Each by its sender and its hash, and how often.
    words: hash::Map<(Channel, u64), u32>,
}

impl AlreadySaid {
    pub(super) const fn new(seed: Seed) -> Self {
        AlreadySaid { seed, daemons: Vec::new() }
    }

    /// The words that are said at the loss of one link.
    pub(super) fn begin(&self) -> Words {
        Words { seed: self.seed, words: HashMap::with_hasher(self.seed) }
    }

    /// They have been said for a daemon.
    pub(super) fn add(&mut self, now: Instant, epoch: u64, words: Words) {
        self.daemons.retain(|lost| now < lost.since + PATIENCE);
        let mut words = words.words;
        if let Some(place) = self.daemons.iter().position(|lost| lost.epoch == epoch) {
            // What it has told again since counts once.
            for (word, before) in self.daemons.remove(place).words {
                let count = words.entry(word).or_default();
                *count = before.max(*count);
            }
        }
        if words.is_empty() {
            return;
        }
        if self.daemons.len() == DAEMONS_MAX {
            self.daemons.remove(0);
        }
        self.daemons.push(Lost { epoch, since: now, words });
    }

    /// Whether a word has been said for a daemon.
    pub(super) fn has(&self, epoch: u64, sender: Channel, frame: Frame<'_>) -> bool {
        let word = word(self.seed, sender, frame);
        self.daemons.iter().any(|lost| lost.epoch == epoch && lost.words.contains_key(&word))
    }

    /// Whether a word has been said for a daemon; it counts as said once less.
    pub(super) fn take(&mut self, epoch: u64, sender: Channel, frame: Frame<'_>) -> bool {
        let word = word(self.seed, sender, frame);
        let lost = self.daemons.iter_mut().find(|lost| lost.epoch == epoch);
        let Some(words) = lost.map(|lost| &mut lost.words) else { return false };
        match words.get_mut(&word) {
            None => return false,
            Some(1) => drop(words.remove(&word)),
            Some(count) => *count -= 1,
        }
        true
    }
}

/// What is said at a loss.
#[derive(Debug)]
pub(super) struct Words {
    seed: Seed,
    words: hash::Map<(Channel, u64), u32>,
}

impl Words {
    pub(super) fn add(&mut self, sender: Channel, frame: Frame<'_>) {
        *self.words.entry(word(self.seed, sender, frame)).or_default() += 1;
    }
}

fn word(seed: Seed, sender: Channel, frame: Frame<'_>) -> (Channel, u64) {
    (sender, seed.hash_one(frame.bytes()))
}
