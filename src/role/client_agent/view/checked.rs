//! What is remembered of fields that rules are about, by objects: the value that a client set last, or was told, and when it may set
//! it again.

use std::time::{Duration, Instant};

use crate::config::Rate;
use crate::hash::{Map, Seed};
use crate::ids::{DoId, FieldId};

/// So many objects are not looked through, whatever has become of them.
const CROWD_MIN: usize = 64;

/// All that is remembered for one client.
#[derive(Debug)]
pub struct Checked {
    by_object: Map<DoId, Vec<Track>>,
    /// How many there were when they had last been looked through.
    standing: usize,
}

/// What is remembered of a field of an object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Track {
    /// The field.
    pub of: FieldId,
    /// Whether it is for others than the object's owner.
    pub for_all: bool,
    /// Until when what the client has set is paid for.
    pub paid_until: Option<Instant>,
    /// The last value.
    pub last: Option<Value>,
    /// Another that the client may believe to be the last.
    pub other: Option<Other>,
}

/// A value, of the field itself or of that in whose place it was declared.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Value {
    /// The field.
    pub field: FieldId,
    /// The value, packed.
    pub bytes: Box<[u8]>,
}

/// Why there are two values.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Other {
    /// Somebody else has just set another. What the client says until then by the old one it has said before it heard of that.
    Outdated(Value, Instant),
    /// The object was shown, or compared after a gap, with this one. What it has got, and what it was sent, may have crossed.
    Shown(Value),
}

impl Track {
    /// Nothing yet.
    pub const fn new(of: FieldId, for_all: bool) -> Self {
        Track { of, for_all, paid_until: None, last: None, other: None }
    }

    /// Whether the field may be set once more after it has been set so many times in this very moment.
    pub fn may_be_set(&self, now: Instant, rate: Rate, before: u32) -> bool {
        let ahead = self.paid_until.map_or(Duration::ZERO, |until| until - now.min(until));
        ahead + rate.interval * before <= rate.interval * (rate.burst.get() - 1)
    }

    /// It is set.
    pub fn pay(&mut self, now: Instant, rate: Rate) {
        let from = self.paid_until.map_or(now, |until| until.max(now));
        self.paid_until = Some(from + rate.interval);
    }

    /// The client has set this value.
    pub fn is_set(&mut self, value: Option<Value>) {
        (self.last, self.other) = (value, None);
    }

    /// Somebody else has set this value. Until then the client may not have heard of it.
    pub fn is_set_by_another(&mut self, value: Value, until: Instant) {
        if self.last.as_ref() == Some(&value) {
            return;
        }
        let before = self.last.replace(value);
        self.other = before.map(|before| Other::Outdated(before, until));
    }

    /// The client is shown this value.
    pub fn is_shown(&mut self, value: Value) {
        match &self.last {
            None => self.last = Some(value),
            Some(last) if *last == value => {}
            Some(_) => self.other = Some(Other::Shown(value)),
        }
    }
}

impl Checked {
    /// Nothing.
    pub fn new(seed: Seed) -> Self {
        Checked { by_object: Map::with_hasher(seed), standing: 0 }
    }

    /// What is remembered of a field of an object.
    pub fn get(&self, do_id: DoId, of: FieldId) -> Option<&Track> {
        self.by_object.get(&do_id)?.iter().find(|track| track.of == of)
    }

    /// As [`Checked::get`], with a new one if there is none.
    pub fn entry(&mut self, do_id: DoId, of: FieldId, for_all: bool) -> &mut Track {
        let tracks = self.by_object.entry(do_id).or_default();
        let at = tracks.iter().position(|track| track.of == of).unwrap_or_else(|| {
            tracks.reserve_exact(1);
            tracks.push(Track::new(of, for_all));
            tracks.len() - 1
        });
        &mut tracks[at]
    }

    /// Forgets an object.
    pub fn forget(&mut self, do_id: DoId) {
        self.by_object.remove(&do_id);
    }

    /// The client no longer owns an object.
    pub fn forget_owners(&mut self, do_id: DoId) {
        if let Some(tracks) = self.by_object.get_mut(&do_id) {
            tracks.retain(|track| track.for_all);
            if tracks.is_empty() {
                self.by_object.remove(&do_id);
            }
        }
    }

    /// There are other rules: what was paid for was paid by those of before, and values of fields that are not kept any more
    /// are forgotten.
    pub fn review(&mut self, is_kept: impl Fn(FieldId) -> bool) {
        for track in self.by_object.values_mut().flatten() {
            track.paid_until = None;
            if !is_kept(track.of) {
                track.is_set(None);
            }
        }
    }

    /// Whether there are many more objects than when they were last looked through.
    pub fn has_grown(&self) -> bool {
        self.by_object.len() > 2 * self.standing + CROWD_MIN
    }

    /// Forgets the objects that are not known.
    pub fn tidy(&mut self, is_known: impl Fn(DoId) -> bool) {
        self.by_object.retain(|do_id, _| is_known(*do_id));
        self.standing = self.by_object.len();
    }

    /// How many objects something is remembered of.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.by_object.len()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// As many as a bucket holds that is filled at the rate.
        #[test]
        fn a_field_is_set_no_oftener_than_its_rate_allows(
            interval in 1u64..400,
            burst in 1u32..8,
            steps in prop::collection::vec((0u64..900, 0u32..4), 1..80),
        ) {
            let rate = Rate {
                interval: Duration::from_millis(interval),
                burst: NonZeroU32::new(burst).expect("some"),
            };
            let mut track = Track::new(FieldId(1), false);
            let mut now = Instant::now();
            // In milliseconds of what may be used.
            let full = interval * u64::from(burst);
            let mut has = full;
            for (passed, wanted) in steps {
                now += Duration::from_millis(passed);
                has = (has + passed).min(full);
                for before in 0..wanted {
                    let expected = has >= interval * u64::from(before + 1);
                    prop_assert_eq!(track.may_be_set(now, rate, before), expected);
                }
                for _ in 0..wanted {
                    if track.may_be_set(now, rate, 0) {
                        track.pay(now, rate);
                        has -= interval;
                    }
                }
            }
        }
    }
}
