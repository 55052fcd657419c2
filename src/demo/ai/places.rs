//! Where players have been, for when they come back.

use std::collections::{HashMap, VecDeque};

use crate::demo::values::{self, Value};
use crate::ids::DoId;
use crate::wire::{self, Reader};

/// Of so many players it is remembered.
const REMEMBERED_MAX: usize = 1_000;

/// A place in a District.
#[derive(Copy, Clone, PartialEq, Debug, Default)]
pub struct Spot {
    /// The District; none if it is nowhere.
    pub district: DoId,
    /// Where in it, in steps.
    pub xy: (f64, f64),
}

impl Spot {
    /// Reads one.
    ///
    /// # Errors
    /// It is cut short.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, wire::Error> {
        let district = reader.do_id()?;
        Ok(Spot { district, xy: (values::steps(reader)?, values::steps(reader)?) })
    }

    /// As arguments of a field.
    pub fn values(self) -> [Value; 3] {
        [Value::U32(self.district.0), Value::Steps(self.xy.0), Value::Steps(self.xy.1)]
    }
}

/// The last places of the last players, by their numbers.
#[derive(Default)]
pub struct Remembered {
    spots: HashMap<u32, Spot>,
    /// Who was remembered when, the oldest first.
    order: VecDeque<u32>,
}

impl Remembered {
    /// Notes where somebody is.
    pub fn note(&mut self, player: u32, spot: Spot) {
        if self.spots.insert(player, spot).is_none() {
            self.order.push_back(player);
        }
        if self.order.len() > REMEMBERED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.spots.remove(&oldest);
        }
    }

    /// Where somebody was.
    pub fn of(&self, player: u32) -> Option<Spot> {
        self.spots.get(&player).copied()
    }
}
