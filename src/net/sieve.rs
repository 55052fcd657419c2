//! What waits for a peer that does not read, of which older values are left out.
//!
//! It is a list in the order of writing. A value has an entry of its own, so that it can be taken out from the middle;
//! what has to be said in any case is kept together. A newer value takes the entry of the one that it replaces, and goes to
//! the end. So nothing is moved or searched, and what is left out leaves nothing behind: there is one entry for each
//! value that waits, and none when nothing does.

use super::{Merging, Sorted, WriteQueue};
use crate::hash::Map;
use crate::metrics;
use crate::wire::{Framing, Sent};

/// About so much is given to the stream at a time: of what it does not take of that, nothing is left out.
const PORTION: usize = 32 * 1024;

/// Where an entry is.
type Place = u32;
const NOWHERE: Place = Place::MAX;

/// What waits for a peer that does not read.
#[derive(Debug)]
pub struct Sieve {
    framing: Framing,
    merging: Merging,
    /// What was given to the stream and not taken: it comes before all others, and stays as it is.
    pub begun: WriteQueue,
    entries: Vec<Entry>,
    first: Place,
    last: Place,
    /// The first entry in which nothing is; the others come after it.
    vacant: Place,
    /// For what there are values that a newer one replaces: the last such entry that was made. The others come after it.
    replaceable: Map<u64, Place>,
    /// What is in entries.
    bytes: usize,
    datagrams: u64,
}

#[derive(Debug)]
struct Entry {
    before: Place,
    after: Place,
    bytes: Vec<u8>,
    kind: Kind,
}

#[derive(Copy, Clone, Debug)]
enum Kind {
    /// So many datagrams, one after the other.
    Datagrams(u32),
    /// What is not written together with datagrams.
    Apart,
    /// One datagram.
    Value {
        of: u64,
        part: u32,
        /// Another entry of the same, as long as both can be replaced.
        sibling: Place,
    },
}

impl Sieve {
    /// Nothing yet, of what is said in this framing.
    pub fn new(framing: Framing, merging: Merging) -> Self {
        let replaceable = Map::with_hasher(merging.seed);
        Sieve {
            framing,
            merging,
            begun: WriteQueue::of_frames(),
            entries: Vec::new(),
            first: NOWHERE,
            last: NOWHERE,
            vacant: NOWHERE,
            replaceable,
            bytes: 0,
            datagrams: 0,
        }
    }

    /// Bytes that wait, but for the heads of messages of which they are parts.
    pub const fn len(&self) -> usize {
        self.begun.len() + self.bytes
    }

    /// Whether nothing waits.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes in what has been pushed. Returns the memory.
    pub fn take_in(&mut self, mut pushed: WriteQueue) -> WriteQueue {
        if !pushed.is_empty() {
            self.take_unbegun(&mut pushed);
        }
        pushed
    }

    /// Takes in what the stream has nothing of yet. All of it was pushed at a time when nothing waited, or comes after all
    /// that does.
    pub fn take_unbegun(&mut self, queue: &mut WriteQueue) {
        let framing = self.framing;
        let mut merged = 0;
        queue.hand_over_unbegun(
            |bytes, at| framing.next_sent(bytes, at),
            |bytes| framing.sent(bytes).for_each(|sent| merged += u64::from(self.add(sent))),
        );
        if merged > 0 {
            metrics::MERGED.add(&[], merged);
        }
    }

    /// What is to be written next. `memory` is empty, and may be used for it.
    pub fn next_portion(&mut self, mut memory: Vec<u8>) -> WriteQueue {
        let mut next = std::mem::replace(&mut self.begun, WriteQueue::of_frames());
        if next.len() < PORTION {
            self.write_some(&mut memory);
            next.take(&mut memory);
        }
        next
    }

    /// Counts what is in it, since nobody gets it any more.
    #[cold]
    pub fn is_thrown_away(&self) {
        self.begun.is_thrown_away(false);
        metrics::DROPPED.add(&["client"], self.datagrams);
        metrics::DROPPED_BYTES.add(&["client"], self.bytes as u64);
    }

    /// Puts something at the end; whether an older value is left out for it.
    fn add(&mut self, sent: Sent<'_>) -> bool {
        let (frame, datagram) = match sent {
            Sent::Datagram { frame, datagram } => (frame, datagram),
            Sent::Apart(bytes) => {
                self.append(Kind::Apart, bytes);
                return false;
            }
        };
        match self.merging.sorter.sort(datagram) {
            Sorted::Value { of, part } => return self.add_value(of, part, frame),
            Sorted::Barrier(of) => drop(self.replaceable.remove(&of)),
            Sorted::Other => {}
        }
        self.datagrams += 1;
        if let Some(Entry { kind: Kind::Datagrams(count), bytes, .. }) =
            self.entries.get_mut(self.last as usize)
            && bytes.len() < PORTION
        {
            *count += 1;
            bytes.extend_from_slice(frame);
            self.bytes += frame.len();
        } else {
            self.append(Kind::Datagrams(1), frame);
        }
        false
    }

    fn add_value(&mut self, of: u64, part: u32, frame: &[u8]) -> bool {
        let newest = self.replaceable.get(&of).copied().unwrap_or(NOWHERE);
        let mut place = newest;
        while let Some(entry) = self.entries.get(place as usize) {
            let Kind::Value { part: its_part, sibling, .. } = entry.kind else { break };
            if its_part == part {
                self.replace(place, frame);
                return true;
            }
            place = sibling;
        }
        self.datagrams += 1;
        let place = self.append(Kind::Value { of, part, sibling: newest }, frame);
        self.replaceable.insert(of, place);
        false
    }

    /// Puts other bytes into an entry, at the end.
    fn replace(&mut self, place: Place, frame: &[u8]) {
        self.unlink(place);
        self.link_last(place);
        let bytes = &mut self.entries[place as usize].bytes;
        self.bytes = self.bytes - bytes.len() + frame.len();
        bytes.clear();
        bytes.extend_from_slice(frame);
    }

    fn append(&mut self, kind: Kind, bytes: &[u8]) -> Place {
        let entry = Entry { before: NOWHERE, after: NOWHERE, bytes: bytes.to_vec(), kind };
        self.bytes += bytes.len();
        let place = self.vacant;
        let place = match self.entries.get_mut(place as usize) {
            Some(vacant) => {
                self.vacant = vacant.after;
                *vacant = entry;
                place
            }
            None => {
                self.entries.push(entry);
                (self.entries.len() - 1) as Place
            }
        };
        self.link_last(place);
        place
    }

    fn link_last(&mut self, place: Place) {
        let before = std::mem::replace(&mut self.last, place);
        let entry = &mut self.entries[place as usize];
        (entry.before, entry.after) = (before, NOWHERE);
        match self.entries.get_mut(before as usize) {
            Some(before) => before.after = place,
            None => self.first = place,
        }
    }

    fn unlink(&mut self, place: Place) {
        let Entry { before, after, .. } = self.entries[place as usize];
        match self.entries.get_mut(before as usize) {
            Some(entry) => entry.after = after,
            None => self.first = after,
        }
        match self.entries.get_mut(after as usize) {
            Some(entry) => entry.before = before,
            None => self.last = before,
        }
    }

    /// Writes about as much as is given to the stream at a time into an empty buffer.
    fn write_some(&mut self, into: &mut Vec<u8>) {
        self.framing.begin(into);
        let nothing = into.len();
        while let Some(entry) = self.entries.get(self.first as usize) {
            if let Kind::Apart = entry.kind {
                if into.len() == nothing {
                    *into = self.remove_first();
                    return;
                }
                break;
            }
            into.append(&mut self.remove_first());
            if into.len() >= PORTION {
                break;
            }
        }
        self.framing.finish(into);
    }

    fn remove_first(&mut self) -> Vec<u8> {
        let place = self.first;
        self.unlink(place);
        let entry = &mut self.entries[place as usize];
        let (bytes, kind) = (std::mem::take(&mut entry.bytes), entry.kind);
        entry.after = std::mem::replace(&mut self.vacant, place);
        self.bytes -= bytes.len();
        match kind {
            Kind::Datagrams(count) => self.datagrams -= u64::from(count),
            Kind::Apart => {}
            Kind::Value { of, sibling, .. } => {
                self.datagrams -= 1;
                self.is_not_replaceable(of, place, sibling);
            }
        }
        bytes
    }

    /// An entry with a value is no more, which perhaps could be replaced; `next` is the one after it of the same.
    fn is_not_replaceable(&mut self, of: u64, place: Place, next: Place) {
        let Some(newest) = self.replaceable.get_mut(&of) else { return };
        if *newest == place {
            match next {
                NOWHERE => drop(self.replaceable.remove(&of)),
                _ => *newest = next,
            }
            return;
        }
        let mut other = *newest;
        while let Some(Kind::Value { sibling, .. }) =
            self.entries.get_mut(other as usize).map(|entry| &mut entry.kind)
        {
            if *sibling == place {
                *sibling = next;
                return;
            }
            other = *sibling;
        }
    }
}

#[cfg(test)]
impl Sieve {
    /// How many entries there is room for.
    pub const fn entries(&self) -> usize {
        self.entries.len()
    }

    /// Whether all that is kept of what waits agrees with that.
    pub fn check(&self) {
        let (mut bytes, mut datagrams, mut count) = (0, 0, 0);
        let (mut place, mut before) = (self.first, NOWHERE);
        while let Some(entry) = self.entries.get(place as usize) {
            assert_eq!(entry.before, before);
            bytes += entry.bytes.len();
            datagrams += match entry.kind {
                Kind::Datagrams(count) => count.into(),
                Kind::Apart => 0,
                Kind::Value { .. } => 1_u64,
            };
            count += 1;
            (before, place) = (place, entry.after);
        }
        assert_eq!((before, bytes, datagrams), (self.last, self.bytes, self.datagrams));
        let mut vacant = self.vacant;
        while let Some(entry) = self.entries.get(vacant as usize) {
            assert_eq!(entry.bytes.capacity(), 0);
            count += 1;
            vacant = entry.after;
        }
        assert_eq!(count, self.entries.len());
        for (key, newest) in &self.replaceable {
            let mut parts = std::collections::HashSet::new();
            let mut place = *newest;
            while let Some(entry) = self.entries.get(place as usize) {
                let Kind::Value { of, part, sibling } = entry.kind else { panic!("{entry:?}") };
                assert!(of == *key && parts.insert(part) && !entry.bytes.is_empty());
                place = sibling;
            }
        }
    }
}
