//! Who listens to which channels.
//!
//! A plain synchronous type: locks and delivery are [`super::Router`]'s. A participant has *singles* and
//! *ranges*, which do not cut into each other: removing a single does not make a hole in a range.
//! Removing a range drops the participant's singles inside it.
//!
//! Looking up a channel is one hash lookup and, if there are any ranges, one search in an ordered map
//! of disjoint segments; neither depends on how many participants there are. Tables of single channels are in pages
//! ([`Paged`]), so that nothing that is done to them takes long, however many channels there are.

use rustc_hash::FxHashMap;

use super::ending::Ending;
use super::ranges::{IntervalSet, Segments};
use crate::hash::{IntoEntries, Paged, Seed, Walk};
use crate::ids::{Channel, ChannelRange};

/// A participant's place in the table.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Key(pub(super) u32);

/// What a message director one level up has to be told, so that it sends here what is listened to.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// The first participant listens to this channel as a single.
    AddChannel(Channel),
    /// The last one has stopped.
    RemoveChannel(Channel),
    /// Some part of this range has its first listener.
    AddRange(ChannelRange),
    /// Nobody listens to this range as a range any more.
    RemoveRange(ChannelRange),
}

/// The single channels of one participant. There may be millions.
pub(super) type OwnSingles = Paged<Channel, ()>;
pub(super) type IntoSingles = IntoEntries<Channel, ()>;

/// So many singles are few enough for all of them to be looked at at once.
const ENDED_AT_ONCE: usize = 4096;
/// So many are looked at for one step.
const ENDED_PER_STEP: usize = 16;
/// With more singles than this upstream is not told of the ends of ranges.
const SINGLES_RECOUNTED: usize = 32 * 1024;

/// The participants on one channel: nearly always one, so that one costs no allocation.
#[derive(Clone, Debug)]
enum Listeners {
    One(Key),
    // Boxed twice so that a channel with one listener stays small: there are millions of those.
    #[allow(clippy::box_collection)]
    Many(Box<Vec<Key>>),
}

impl Listeners {
    fn as_slice(&self) -> &[Key] {
        match self {
            Listeners::One(key) => std::slice::from_ref(key),
            Listeners::Many(keys) => keys,
        }
    }

    #[inline]
    fn contains(&self, key: Key) -> bool {
        match self {
            Listeners::One(only) => *only == key,
            Listeners::Many(keys) => keys.contains(&key),
        }
    }

    fn insert(&mut self, key: Key) {
        match self {
            Listeners::One(other) => {
                let keys = if *other < key { vec![*other, key] } else { vec![key, *other] };
                *self = Listeners::Many(Box::new(keys));
            }
            Listeners::Many(keys) => {
                if let Err(place) = keys.binary_search(&key) {
                    keys.insert(place, key);
                }
            }
        }
    }

    /// Takes `key` out; whether nobody is left.
    fn remove(&mut self, key: Key) -> bool {
        match self {
            Listeners::One(only) => *only == key,
            Listeners::Many(keys) => {
                if let Ok(place) = keys.binary_search(&key) {
                    keys.remove(place);
                }
                if let [last] = keys[..] {
                    *self = Listeners::One(last);
                }
                false
            }
        }
    }
}

/// What one participant listens to.
#[derive(Debug)]
pub(super) struct Subscriptions {
    pub(super) singles: OwnSingles,
    pub(super) ranges: IntervalSet,
}

impl Subscriptions {
    fn new(seed: Seed) -> Self {
        Subscriptions { singles: Paged::with_hasher(seed), ranges: IntervalSet::default() }
    }
}

/// The subscriptions of all participants.
#[derive(Debug)]
pub struct Table {
    /// Whether anyone upstream hears of the changes; if not, finding out what to say is saved.
    pub(super) upstream: bool,
    singles: Paged<Channel, Listeners>,
    segments: Segments,
    participants: FxHashMap<Key, Subscriptions>,
    /// Those for whom a range is being ended: they get nothing there any more.
    pub(super) ending: Vec<Ending>,
    /// How often something has changed.
    version: u64,
}

impl Table {
    /// Nobody listens to anything.
    pub fn new(seed: Seed) -> Self {
        Table {
            upstream: false,
            singles: Paged::with_hasher(seed),
            segments: Segments::default(),
            participants: FxHashMap::default(),
            ending: Vec::new(),
            version: 0,
        }
    }

    /// As long as this is the same, so are the listeners of each channel.
    #[inline]
    pub(super) const fn version(&self) -> u64 {
        self.version
    }

    fn subscriptions(&mut self, key: Key) -> &mut Subscriptions {
        let seed = *self.singles.hasher();
        self.participants.entry(key).or_insert_with(|| Subscriptions::new(seed))
    }

    /// Subscribes `key` to one channel. Nothing happens if it listens there already, be it through a
    /// range.
    pub fn subscribe(&mut self, key: Key, channel: Channel, changes: &mut Vec<Change>) {
        self.version += 1;
        self.end_all_of(key, changes);
        let own = self.subscriptions(key);
        if own.ranges.contains(channel) || !own.singles.insert(channel, ()) {
            return;
        }
        let is_first =
            self.singles.add(channel, || Listeners::One(key), |listeners| listeners.insert(key));
        if is_first {
            changes.push(Change::AddChannel(channel));
        }
    }

    /// Ends `key`'s subscription to one channel. A range that covers it is not touched.
    pub fn unsubscribe(&mut self, key: Key, channel: Channel, changes: &mut Vec<Change>) {
        self.version += 1;
        self.end_all_of(key, changes);
        let Some(own) = self.participants.get_mut(&key) else {
            return;
        };
        if own.singles.remove(channel).is_some() && self.remove_listener(key, channel) {
            changes.push(Change::RemoveChannel(channel));
        }
    }

    /// Subscribes `key` to a range. Upstream hears of the whole range as soon as a part of it has no
    /// other range listener, also if that part was this participant's before.
    pub fn subscribe_range(&mut self, key: Key, range: ChannelRange, changes: &mut Vec<Change>) {
        self.version += 1;
        self.end_all_of(key, changes);
        self.subscriptions(key).ranges.insert(range);
        if self.segments.insert(range, key) {
            changes.push(Change::AddRange(range));
        }
    }

    /// Ends `key`'s subscription to a range, and to its singles inside it.
    ///
    /// Upstream is told of every maximal piece that no range covers now, holes included, as far as
    /// ranges reach at all; and of the singles that it would otherwise keep or lose wrongly.
    ///
    /// If there are many singles, it has only begun when this returns: see `Table::go_on_ending`.
    pub fn unsubscribe_range(&mut self, key: Key, range: ChannelRange, changes: &mut Vec<Change>) {
        self.version += 1;
        self.end_all_of(key, changes);
        if self.subscriptions(key).singles.len() > ENDED_AT_ONCE {
            self.ending.push(Ending::new(key, range));
            return;
        }
        let own = self.subscriptions(key);
        let mut dropped = inside(range, own.singles.len(), own.singles.keys(), |channel| {
            own.singles.contains_key(channel)
        });
        for &channel in &dropped {
            own.singles.remove(channel);
        }
        own.ranges.remove(range);
        dropped.retain(|&channel| self.remove_listener(key, channel));
        self.end_range(key, range, dropped, changes);
    }

    /// Goes on with the end of a range: at most what `steps` allow, of which it takes those that it has needed. How
    /// many singles have ended; `None` if nothing of this participant is left to be ended.
    ///
    /// It gets nothing there already, and what it subscribes to next is put off until the end is over.
    pub(super) fn go_on_ending(
        &mut self,
        key: Key,
        steps: &mut usize,
        changes: &mut Vec<Change>,
    ) -> Option<usize> {
        let place = self.ending.iter().position(|ending| ending.key == key)?;
        self.version += 1;
        let mut ended = Vec::new();
        while *steps > 0 {
            let Ending { range, ref mut walk, .. } = self.ending[place];
            let own = &mut self.participants.get_mut(&key)?.singles;
            let Some(looked) =
                own.walk_removing(walk, |channel| range.contains(*channel), &mut ended)
            else {
                self.ending.swap_remove(place);
                self.participants.get_mut(&key)?.ranges.remove(range);
                self.end_range(key, range, Vec::new(), changes);
                break;
            };
            *steps = steps.saturating_sub(1 + looked / ENDED_PER_STEP);
        }
        let count = ended.len();
        for channel in ended {
            // Where it had the range for itself, upstream hears of the end of that.
            let is_alone = self.segments.get(channel).is_some_and(|keys| keys == [key]);
            if self.remove_listener(key, channel) && !is_alone {
                changes.push(Change::RemoveChannel(channel));
            }
        }
        Some(count)
    }

    /// Whether a range is being ended for a participant.
    #[inline]
    pub(super) fn is_ending(&self, key: Key) -> bool {
        self.ending.iter().any(|ending| ending.key == key)
    }

    /// Who changes what he listens to while a range is being ended has to wait for it.
    #[inline]
    fn end_all_of(&mut self, key: Key, changes: &mut Vec<Change>) {
        while self.is_ending(key) {
            let mut all = usize::MAX;
            self.go_on_ending(key, &mut all, changes);
        }
    }

    /// Takes those out of the new ones in `keys` for whom a range around the channel is being ended.
    #[inline]
    fn leave_out_ending(&self, channel: Channel, keys: &mut Vec<Key>, before: usize) {
        for ending in &self.ending {
            let mut place = 0..;
            keys.retain(|key| place.next() < Some(before) || !ending.is_for(*key, channel));
        }
    }

    /// Ends a subscription to a range of which nothing is in [`Subscriptions`] any more; nobody listens to the
    /// `dropped` singles in it any more.
    pub(super) fn end_range(
        &mut self,
        key: Key,
        range: ChannelRange,
        mut dropped: Vec<Channel>,
        changes: &mut Vec<Change>,
    ) {
        self.version += 1;
        let pieces = self.segments.remove(range, key);
        if !self.upstream {
            return;
        }
        if self.singles.len() > SINGLES_RECOUNTED {
            // Upstream would have to be told all of those in it again, at once. It goes on sending what is for the range
            // instead, until the next connection: nobody here gets it.
            tracing::debug!(low = %range.low(), high = %range.high(), "upstream is not told that a range is over");
            changes.extend(dropped.into_iter().map(Change::RemoveChannel));
            return;
        }
        for &piece in &pieces {
            changes.push(Change::RemoveRange(piece));
        }
        // A REMOVE_RANGE makes the other side drop its singles in the range, whoever holds them here.
        for &piece in &pieces {
            let held = inside(piece, self.singles.len(), self.singles.keys(), |channel| {
                self.singles.contains_key(channel)
            });
            changes.extend(held.into_iter().map(Change::AddChannel));
        }
        dropped.retain(|&channel| !pieces.iter().any(|piece| piece.contains(channel)));
        changes.extend(dropped.into_iter().map(Change::RemoveChannel));
    }

    /// Ends a subscription to a single of which nothing is in [`Subscriptions`] any more.
    pub(super) fn end_single(&mut self, key: Key, channel: Channel, changes: &mut Vec<Change>) {
        self.version += 1;
        if self.remove_listener(key, channel) {
            changes.push(Change::RemoveChannel(channel));
        }
    }

    /// Takes out what `key` listens to. It is found as a listener until all of it has been ended:
    /// [`Table::end_single`], [`Table::end_range`].
    pub(super) fn take(&mut self, key: Key) -> Subscriptions {
        self.version += 1;
        self.ending.retain(|ending| ending.key != key);
        let seed = *self.singles.hasher();
        self.participants.remove(&key).unwrap_or_else(|| Subscriptions::new(seed))
    }

    /// Puts every participant but `from` that listens to one of `channels` into a list, once, in place of what is
    /// there.
    #[inline]
    pub fn listeners(
        &self,
        mut channels: impl ExactSizeIterator<Item = Channel>,
        from: Option<Key>,
        into: &mut Vec<Key>,
    ) {
        into.clear();
        if channels.len() == 1
            && self.ending.is_empty()
            && let Some(channel) = channels.next()
        {
            // The common case, and in most of these there is one listener.
            match (self.singles.get(&channel), self.segments.get(channel)) {
                (Some(&Listeners::One(key)), None) => {
                    if Some(key) != from {
                        into.push(key);
                    }
                }
                (singles, ranges) => {
                    unite(singles.map(Listeners::as_slice), ranges, into);
                    leave_out(from, into);
                }
            }
            return;
        }
        let mut sources = 0;
        for channel in channels {
            let before = into.len();
            let singles = self.singles.get(&channel).map(Listeners::as_slice);
            for keys in [singles, self.segments.get(channel)].into_iter().flatten() {
                into.extend_from_slice(keys);
                sources += 1;
            }
            self.leave_out_ending(channel, into, before);
        }
        if sources > 1 {
            into.sort_unstable();
            into.dedup();
        }
        leave_out(from, into);
    }

    /// Who listens to a channel, each with whether it is by a range.
    pub(super) fn listeners_of(&self, channel: Channel) -> Vec<(Key, bool)> {
        let mut keys = Vec::new();
        self.listeners(std::iter::once(channel), None, &mut keys);
        let singles = self.singles.get(&channel).map_or(&[][..], Listeners::as_slice);
        keys.into_iter().map(|key| (key, !singles.contains(&key))).collect()
    }

    /// How many channels and how many ranges somebody listens to.
    pub(super) fn size_of(&self, key: Key) -> (usize, usize) {
        let own = self.participants.get(&key);
        own.map_or((0, 0), |own| (own.singles.len(), own.ranges.iter().count()))
    }

    /// Whether `key` listens to a channel.
    #[inline]
    pub fn listens(&self, key: Key, channel: Channel) -> bool {
        let is_single = self.singles.get(&channel).is_some_and(|keys| keys.contains(key));
        if self.ending.iter().any(|ending| ending.is_for(key, channel)) {
            return false;
        }
        is_single || self.segments.get(channel).is_some_and(|keys| keys.contains(&key))
    }

    /// Everything that upstream has to know.
    pub fn snapshot(&self) -> impl Iterator<Item = Change> + '_ {
        let singles = self.singles.keys().copied().map(Change::AddChannel);
        self.ranges().map(Change::AddRange).chain(singles)
    }

    /// The ranges that somebody listens to.
    pub(super) fn ranges(&self) -> impl Iterator<Item = ChannelRange> + use<> {
        self.segments.covered().into_iter()
    }

    /// Goes over some of the channels that have single listeners; `None` if there are no others.
    pub(super) fn walk_singles(
        &self,
        walk: &mut Walk,
    ) -> Option<impl ExactSizeIterator<Item = Channel>> {
        Some(self.singles.walk(walk)?.map(|(channel, _)| *channel))
    }

    /// Whether a walk has been where a channel is.
    pub(super) fn has_passed(&self, walk: Walk, channel: Channel) -> bool {
        self.singles.has_passed(walk, &channel)
    }

    /// How many channels have single listeners, and how many pieces the ranges make.
    pub fn size(&self) -> (usize, usize) {
        (self.singles.len(), self.segments.len())
    }

    /// Takes `key` off a channel; whether nobody is left there.
    fn remove_listener(&mut self, key: Key, channel: Channel) -> bool {
        self.singles.remove_if(channel, |listeners| listeners.remove(key)).is_some()
    }
}

/// Puts those into an empty list who are in one of two.
fn unite(some: Option<&[Key]>, others: Option<&[Key]>, into: &mut Vec<Key>) {
    into.extend_from_slice(some.unwrap_or_default());
    if let Some(others) = others {
        into.extend_from_slice(others);
        if some.is_some() {
            into.sort_unstable();
            into.dedup();
        }
    }
}

fn leave_out(from: Option<Key>, keys: &mut Vec<Key>) {
    if let Some(from) = from {
        keys.retain(|key| *key != from);
    }
}

/// The channels of a set that lie in `range`, ascending: found by going through the smaller of the two.
fn inside<'s>(
    range: ChannelRange,
    set_len: usize,
    set: impl Iterator<Item = &'s Channel>,
    contains: impl Fn(&Channel) -> bool,
) -> Vec<Channel> {
    if range.high().0 - range.low().0 < set_len as u64 {
        return (range.low().0..=range.high().0).map(Channel).filter(contains).collect();
    }
    let mut found: Vec<Channel> = set.copied().filter(|channel| range.contains(*channel)).collect();
    found.sort_unstable();
    found
}
