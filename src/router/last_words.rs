//! What those who have left wanted said, for daemons below that are away and cannot hear it.
//!
//! A daemon is known by the epoch of its hello. What is said from the moment at which its link ends is kept until it is
//! back on another one, and has told its subscriptions: to whichever of them a word was said, it gets it with the
//! subscription, before anything else can come to it there. Nothing is kept while everybody is there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use smallvec::SmallVec;

use super::Key;
use crate::ids::{Channel, ChannelRange};
use crate::message::{Control, Timing};
use crate::wire::{Frame, Recipients};

/// Bytes of all that is kept.
const BYTES_MAX: usize = 1024 * 1024;
/// So many daemons are expected to come back, and so long.
const ABSENT_MAX: usize = 64;
const PATIENCE: Duration = Duration::from_secs(600);

/// The daemons below that can be told last words, and what those that are away have missed.
#[derive(Default, Debug)]
pub(super) struct LastWords {
    /// The links of those that are there.
    links: Vec<(Key, u64)>,
    /// Those that are away, or back and not done with telling their subscriptions. The first has gone first.
    absent: Vec<Absent>,
    /// As they are told, by number, in the order in which they were said.
    words: BTreeMap<u64, Vec<u8>>,
    by_channel: BTreeMap<Channel, SmallVec<[u64; 1]>>,
    bytes: usize,
    /// The number of the next one.
    next: u64,
}

#[derive(Debug)]
struct Absent {
    epoch: u64,
    since: Instant,
    /// The link on which it is back.
    back: Option<Key>,
    /// What was said before this one, it has heard.
    first: u64,
    /// What was said later, and is not to be told: it has been, or was said by this one itself.
    done: BTreeSet<u64>,
    /// What there was no room for.
    lost: u64,
}

impl LastWords {
    /// A daemon of this epoch is at the other end of a link.
    pub(super) fn hello(&mut self, now: Instant, key: Key, epoch: u64) {
        self.expire(now);
        if self.epoch_of(key).is_some() {
            return;
        }
        if let Some(absent) = self.absent.iter_mut().find(|absent| absent.epoch == epoch) {
            absent.back = Some(key);
        } else if self.links.iter().any(|link| link.1 == epoch) {
            // It has lost its older link, and nobody has noticed.
            self.miss(now, epoch, Some(key));
        }
        self.links.push((key, epoch));
    }

    /// A daemon has told its subscriptions.
    pub(super) fn told(&mut self, key: Key) {
        if let Some(place) = self.absent.iter().position(|absent| absent.back == Some(key)) {
            let Absent { epoch, lost, .. } = self.absent.remove(place);
            warn(epoch, lost);
            self.trim();
        }
    }

    /// The links on which a daemon is there already.
    pub(super) fn links_of(&self, epoch: u64) -> impl Iterator<Item = Key> {
        self.links.iter().filter(move |link| link.1 == epoch).map(|link| link.0)
    }

    /// A link has ended, and what was left for that has been said.
    pub(super) fn leave(&mut self, now: Instant, key: Key) {
        let Some(place) = self.links.iter().position(|link| link.0 == key) else { return };
        let (_, epoch) = self.links.swap_remove(place);
        self.expire(now);
        if let Some(absent) = self.absent.iter_mut().find(|absent| absent.epoch == epoch) {
            if absent.back == Some(key) {
                absent.back = None;
            }
        } else if self.links.iter().all(|link| link.1 != epoch) {
            self.miss(now, epoch, None);
        }
    }

    /// Whether anybody is away.
    #[inline]
    pub(super) fn are_kept(&self) -> bool {
        !self.absent.is_empty()
    }

    /// Keeps what was kept under `sender` and is being said by `from`, for those who miss it. All of `listeners` hear it.
    pub(super) fn keep(
        &mut self,
        now: Instant,
        sender: Channel,
        frame: Frame<'_>,
        from: Option<Key>,
        listeners: &[Key],
    ) {
        self.expire(now);
        let origin = from.and_then(|key| self.epoch_of(key));
        let misses = |absent: &Absent| {
            let hears = absent.back.is_some_and(|key| listeners.contains(&key));
            !hears && origin != Some(absent.epoch)
        };
        if !self.absent.iter().any(misses) {
            return;
        }
        let frame = wrapped(sender, frame).filter(|(_, word)| self.has_room(word));
        let Some((recipients, frame)) = frame else {
            self.absent
                .iter_mut()
                .filter(|absent| misses(absent))
                .for_each(|absent| absent.lost += 1);
            return;
        };
        let number = self.next;
        self.next += 1;
        self.bytes += frame.len();
        for channel in recipients {
            self.by_channel.entry(channel).or_default().push(number);
        }
        for absent in self.absent.iter_mut().filter(|absent| !misses(absent)) {
            absent.done.insert(number);
        }
        self.words.insert(number, frame);
    }

    /// Tells a daemon that is back what it has missed there, each word once.
    pub(super) fn tell(&mut self, key: Key, range: ChannelRange, mut tell: impl FnMut(Frame<'_>)) {
        let back = self.absent.iter_mut().find(|absent| absent.back == Some(key));
        let Some(absent) = back else { return };
        let said = self.by_channel.range(range.bounds()).flat_map(|(_, numbers)| numbers);
        let missed: BTreeSet<u64> = said
            .copied()
            .filter(|number| *number >= absent.first && !absent.done.contains(number))
            .collect();
        for number in missed {
            absent.done.insert(number);
            tell(Frame::new(&self.words[&number]).expect("written as one"));
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        let LastWords { absent, words, by_channel, bytes, .. } = self;
        absent.is_empty() && words.is_empty() && by_channel.is_empty() && *bytes == 0
    }

    /// The daemon at the other end of a link, if there is one.
    pub(super) fn epoch_of(&self, key: Key) -> Option<u64> {
        self.links.iter().find(|link| link.0 == key).map(|link| link.1)
    }

    fn has_room(&self, frame: &[u8]) -> bool {
        self.bytes + frame.len() <= BYTES_MAX
    }

    fn miss(&mut self, since: Instant, epoch: u64, back: Option<Key>) {
        if self.absent.len() == ABSENT_MAX {
            self.forget_first();
        }
        let (first, done) = (self.next, BTreeSet::new());
        self.absent.push(Absent { epoch, since, back, first, done, lost: 0 });
    }

    /// Waits no longer for those who have been away for too long.
    fn expire(&mut self, now: Instant) {
        while self.absent.first().is_some_and(|absent| now >= absent.since + PATIENCE) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        let Absent { epoch, first, done, lost, .. } = self.absent.remove(0);
        let missed = self.words.range(first..).count() - done.range(first..).count();
        warn(epoch, lost + missed as u64);
        self.trim();
    }

    /// Forgets what nobody has missed.
    fn trim(&mut self) {
        let first = self.absent.iter().map(|absent| absent.first).min().unwrap_or(self.next);
        if first > self.words.last_key_value().map_or(0, |(number, _)| *number) {
            // Nearly always everybody is back: nothing has to be looked at.
            self.words.clear();
            self.by_channel.clear();
            self.bytes = 0;
            return;
        }
        let needed = self.words.split_off(&first);
        let forgotten = std::mem::replace(&mut self.words, needed);
        if forgotten.is_empty() {
            return;
        }
        self.bytes -= forgotten.values().map(Vec::len).sum::<usize>();
        self.by_channel.retain(|_, numbers| {
            numbers.retain(|number| *number >= first);
            !numbers.is_empty()
        });
    }
}

/// What is told of a datagram, and to whom it was said; `None` if it cannot be told.
fn wrapped(sender: Channel, frame: Frame<'_>) -> Option<(SmallVec<[Channel; 2]>, Vec<u8>)> {
    let datagram = frame.datagram();
    let mut recipients: SmallVec<[Channel; 2]> = Recipients::of(datagram).ok()?.iter().collect();
    recipients.sort_unstable();
    recipients.dedup();
    let late = Timing { is_late: true, has_sent_since: true };
    Some((recipients, Control::frame_of_last_words(sender, late, datagram)?))
}

fn warn(epoch: u64, count: u64) {
    if count > 0 {
        tracing::warn!(
            epoch,
            count,
            "a daemon was away and has not been told post-removes that were sent meanwhile"
        );
    }
}
