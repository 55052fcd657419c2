//! Objects that were found for several sessions together.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::hash::{Map, Seed};
use crate::ids::{ClassId, DoId, Location};
use crate::message::{ObjectState, Rest};
use crate::wire::{self, Framing};

const FRAMINGS: usize = Framing::ALL.len();

/// Objects that a question has found, with the frames by which clients are told of them: one after the other, for each framing
/// that one of them has. Those who have asked share them.
#[derive(Debug, Default)]
pub struct Found {
    entries: Vec<One>,
    frames: [Vec<u8>; FRAMINGS],
    /// Values of those that are to be remembered, one after the other.
    values: Vec<u8>,
    remembered: Vec<Remembered>,
    /// The places of all of them. Made when one is looked for, once for all who share them.
    places: OnceLock<Map<DoId, u32>>,
}

/// An object with its values.
#[derive(Debug)]
struct Remembered {
    /// Which of them.
    entry: usize,
    /// Where its values end.
    end: usize,
    has_other: bool,
}

#[derive(Debug)]
struct One {
    do_id: DoId,
    class_id: ClassId,
    location: Location,
    /// Where its frames end.
    ends: [usize; FRAMINGS],
}

impl Found {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The values of the last one are to be remembered.
    pub fn remember(&mut self, object: &ObjectState<'_>, has_other: bool) {
        self.values.extend_from_slice(object.values.0);
        let (entry, end) = (self.entries.len() - 1, self.values.len());
        self.remembered.push(Remembered { entry, end, has_other });
    }

    /// Adds an object, of which `write` tells in a framing.
    ///
    /// # Errors
    /// As `write`: it is not added then.
    pub fn add(
        &mut self,
        object: &ObjectState<'_>,
        framings: &[Framing],
        write: impl Fn(Framing, &mut Vec<u8>) -> Result<(), wire::Error>,
    ) -> Result<(), wire::Error> {
        for &framing in framings {
            if let Err(error) = write(framing, &mut self.frames[framing as usize]) {
                let ends = self.entries.last().map_or([0; FRAMINGS], |one| one.ends);
                self.frames.iter_mut().zip(ends).for_each(|(frames, end)| frames.truncate(end));
                return Err(error);
            }
        }
        let ends = std::array::from_fn(|framing| self.frames[framing].len());
        let &ObjectState { do_id, class_id, location, .. } = object;
        self.entries.push(One { do_id, class_id, location, ends });
        Ok(())
    }

    /// The first place of an object among them. `seed` is always the same.
    fn place_of(&self, seed: Seed, do_id: DoId) -> Option<usize> {
        let places = self.places.get_or_init(|| {
            let mut places = Map::with_capacity_and_hasher(self.entries.len(), seed);
            for (one, place) in self.entries.iter().zip(0..) {
                places.entry(one.do_id).or_insert(place);
            }
            places
        });
        places.get(&do_id).map(|&place| place as usize)
    }

    /// How many bytes a client of a framing is told.
    pub fn bytes(&self, framing: Framing) -> usize {
        self.frames(framing).len()
    }

    /// Those with values that are to be remembered, and whether these are more than the required ones.
    pub fn all_remembered(&self) -> impl Iterator<Item = (ObjectState<'_>, bool)> {
        let mut start = 0;
        self.remembered.iter().map(move |&Remembered { entry, end, has_other }| {
            let values = Rest(&self.values[start..end]);
            start = end;
            let &One { do_id, class_id, location, .. } = &self.entries[entry];
            (ObjectState { do_id, class_id, location, values }, has_other)
        })
    }

    /// All of them, without values.
    pub fn objects(&self) -> impl Iterator<Item = ObjectState<'static>> {
        self.entries.iter().map(|&One { do_id, class_id, location, .. }| ObjectState {
            do_id,
            class_id,
            location,
            values: Rest(&[]),
        })
    }

    /// Where the frames of each of them are, among [`Found::frames`].
    pub fn ranges(&self, framing: Framing) -> impl Iterator<Item = Range<usize>> {
        let framing = framing.of_broadcast() as usize;
        let mut start = 0;
        self.entries.iter().map(move |one| {
            let end = one.ends[framing];
            std::mem::replace(&mut start, end)..end
        })
    }

    /// By which a client of a framing is told of all of them.
    pub fn frames(&self, framing: Framing) -> &[u8] {
        &self.frames[framing.of_broadcast() as usize]
    }

    /// All of them, as a client of a framing is told of them.
    pub fn all(&self, framing: Framing) -> impl Iterator<Item = (ObjectState<'static>, &[u8])> {
        let frames = self.frames(framing);
        self.objects().zip(self.ranges(framing).map(move |range| &frames[range]))
    }
}

/// Objects that a query holds as they were found.
#[derive(Debug)]
pub struct Shared {
    /// The objects.
    pub found: Arc<Found>,
    /// The serial of the stay of the first of them. Those of the others follow.
    pub serial: u32,
    /// How many bytes the client is told by them.
    pub bytes: usize,
}

impl Shared {
    /// The stay of an object, if it is one of them: where it was found, its class, and the serial.
    pub fn stay_of(&self, seed: Seed, do_id: DoId) -> Option<(Location, ClassId, u32)> {
        let place = self.found.place_of(seed, do_id)?;
        let one = &self.found.entries[place];
        Some((one.location, one.class_id, self.serial.wrapping_add(place as u32)))
    }

    /// All of them, with the serials of their stays.
    pub fn stays(&self) -> impl Iterator<Item = (ObjectState<'static>, u32)> {
        self.found.objects().zip((0..).map(|place| self.serial.wrapping_add(place)))
    }
}
