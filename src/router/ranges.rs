//! Sets and maps of channel ranges.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::table::Key;
use crate::ids::{Channel, ChannelRange};

fn next(channel: Channel) -> Option<Channel> {
    channel.0.checked_add(1).map(Channel)
}

fn previous(channel: Channel) -> Option<Channel> {
    channel.0.checked_sub(1).map(Channel)
}

fn range(low: Channel, high: Channel) -> ChannelRange {
    ChannelRange::new(low, high).expect("low is not above high")
}

/// A set of channels, kept as maximal disjoint ranges: low → high.
#[derive(Default, Debug, Clone)]
pub(super) struct IntervalSet {
    intervals: BTreeMap<Channel, Channel>,
}

impl IntervalSet {
    pub(super) fn contains(&self, channel: Channel) -> bool {
        self.intervals.range(..=channel).next_back().is_some_and(|(_, &high)| channel <= high)
    }

    /// Adds a range; touching ranges become one.
    pub(super) fn insert(&mut self, new: ChannelRange) {
        let (mut low, mut high) = (new.low(), new.high());
        // An interval that ends right before `low` or begins right after `high` touches too.
        let reach = next(high).unwrap_or(high);
        while let Some((&start, &end)) = self.intervals.range(..=reach).next_back() {
            if next(end).is_some_and(|after| after < low) {
                break;
            }
            self.intervals.remove(&start);
            low = low.min(start);
            high = high.max(end);
        }
        self.intervals.insert(low, high);
    }

    pub(super) fn remove(&mut self, old: ChannelRange) {
        while let Some((&start, &end)) = self.intervals.range(..=old.high()).next_back() {
            if end < old.low() {
                break;
            }
            self.intervals.remove(&start);
            if let Some(after) = next(old.high()).filter(|after| *after <= end) {
                self.intervals.insert(after, end);
            }
            if let Some(before) = previous(old.low()).filter(|before| start <= *before) {
                self.intervals.insert(start, before);
                break;
            }
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = ChannelRange> + '_ {
        self.intervals.iter().map(|(&low, &high)| range(low, high))
    }
}

#[derive(Debug, Clone)]
struct Segment {
    high: Channel,
    /// Ascending, never empty.
    keys: Vec<Key>,
}

/// Range listeners: disjoint segments of channels, each with the participants that listen to all of it.
#[derive(Default, Debug)]
pub(super) struct Segments {
    segments: BTreeMap<Channel, Segment>,
    /// From the lowest to the highest channel that has a range listener. Most datagrams are for others, and need no
    /// search.
    reach: Option<ChannelRange>,
}

impl Segments {
    pub(super) fn len(&self) -> usize {
        self.segments.len()
    }

    /// The participants that listen to a range around `channel`, ascending.
    #[inline]
    pub(super) fn get(&self, channel: Channel) -> Option<&[Key]> {
        if !self.reach?.contains(channel) {
            return None;
        }
        let (_, segment) = self.segments.range(..=channel).next_back()?;
        (channel <= segment.high).then_some(&segment.keys[..])
    }

    /// Adds `key` to a range; whether some part of it has no other listener now.
    pub(super) fn insert(&mut self, new: ChannelRange, key: Key) -> bool {
        self.split(new);
        let mut alone = false;
        let mut gaps = Vec::new();
        let mut at = Some(new.low());
        for (&low, segment) in self.segments.range_mut(new.bounds()) {
            if let Some(from) = at.filter(|from| *from < low) {
                gaps.push((from, Channel(low.0 - 1)));
            }
            if let Err(place) = segment.keys.binary_search(&key) {
                segment.keys.insert(place, key);
            }
            alone |= segment.keys.len() == 1;
            at = next(segment.high);
        }
        if let Some(from) = at.filter(|from| *from <= new.high()) {
            gaps.push((from, new.high()));
        }
        alone |= !gaps.is_empty();
        for (low, high) in gaps {
            self.segments.insert(low, Segment { high, keys: vec![key] });
        }
        self.join(new);
        self.reach = self.find_reach();
        alone
    }

    /// Takes `key` out of a range, and returns its maximal pieces without any listener, as far as
    /// the ranges reached before.
    pub(super) fn remove(&mut self, old: ChannelRange, key: Key) -> Vec<ChannelRange> {
        let Some(reach) = self.reach else {
            return Vec::new();
        };
        self.split(old);
        let mut emptied = Vec::new();
        for (&low, segment) in self.segments.range_mut(old.bounds()) {
            if let Ok(place) = segment.keys.binary_search(&key) {
                segment.keys.remove(place);
            }
            if segment.keys.is_empty() {
                emptied.push(low);
            }
        }
        for low in emptied {
            self.segments.remove(&low);
        }
        let mut pieces = Vec::new();
        let (low, high) = (old.low().max(reach.low()), old.high().min(reach.high()));
        let mut at = Some(low);
        for (&start, segment) in self.segments.range(old.bounds()) {
            if let Some(from) = at.filter(|from| *from < start) {
                pieces.push(range(from, Channel(start.0 - 1)));
            }
            at = next(segment.high);
        }
        if let Some(from) = at.filter(|from| *from <= high) {
            pieces.push(range(from, high));
        }
        self.join(old);
        self.reach = self.find_reach();
        pieces
    }

    /// The maximal ranges that have listeners.
    pub(super) fn covered(&self) -> Vec<ChannelRange> {
        let mut set = IntervalSet::default();
        for (&low, segment) in &self.segments {
            set.insert(range(low, segment.high));
        }
        set.iter().collect()
    }

    fn find_reach(&self) -> Option<ChannelRange> {
        let (&low, _) = self.segments.first_key_value()?;
        let (_, last) = self.segments.last_key_value()?;
        ChannelRange::new(low, last.high)
    }

    /// Cuts the segments at the borders of `at`, so that each lies wholly inside or outside.
    fn split(&mut self, at: ChannelRange) {
        self.cut_before(at.low());
        if let Some(after) = next(at.high()) {
            self.cut_before(after);
        }
    }

    fn cut_before(&mut self, channel: Channel) {
        let before = (Bound::Unbounded, Bound::Excluded(channel));
        let Some((_, segment)) = self.segments.range_mut(before).next_back() else {
            return;
        };
        if channel <= segment.high {
            let tail = segment.clone();
            segment.high = Channel(channel.0 - 1);
            self.segments.insert(channel, tail);
        }
    }

    /// Makes neighbours with the same listeners one segment again, in `around` and at its borders.
    fn join(&mut self, around: ChannelRange) {
        let first = self.segments.range(..around.low()).next_back().map(|(&low, _)| low);
        let last = next(around.high()).unwrap_or(around.high());
        let lows: Vec<Channel> =
            self.segments.range(first.unwrap_or(around.low())..=last).map(|(&l, _)| l).collect();
        let mut current: Option<Channel> = None;
        for low in lows {
            let joined = current.is_some_and(|current| self.join_two(current, low));
            if !joined {
                current = Some(low);
            }
        }
    }

    /// Appends the segment at `right` to that at `left` if they touch and have the same listeners.
    fn join_two(&mut self, left: Channel, right: Channel) -> bool {
        let (Some(a), Some(b)) = (self.segments.get(&left), self.segments.get(&right)) else {
            return false;
        };
        if next(a.high) != Some(right) || a.keys != b.keys {
            return false;
        }
        let high = b.high;
        self.segments.remove(&right);
        self.segments.get_mut(&left).expect("just seen").high = high;
        true
    }
}
