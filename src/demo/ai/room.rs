//! Where one can be: a District, or a Cave.

use std::f64::consts::PI;

use super::critter::Critter;
use super::effect::Effect;
use crate::demo::cluster::{CELL, COLUMNS, DISTRICTS, ROWS};
use crate::demo::values::Value;
use crate::ids::{DoId, Location, ZoneId};

/// A Portal stands here in a Cave, and who comes in does beside it.
pub const CAVE_PORTAL: (f64, f64) = (20.0, 10.0);
/// Here in a District: beside the middle, so that it is inside a zone.
const DISTRICT_PORTAL: (f64, f64) = (90.0, 68.0);
/// How far from a Portal one arrives.
const BESIDE: f64 = 2.5;

/// What a room is.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// It is always there.
    District,
    /// It is there as long as somebody is in it.
    Cave {
        /// The District that its Portal leads to.
        district: DoId,
    },
}

/// A parent of zones in which avatars and critters are.
pub struct Room {
    /// Its object.
    pub do_id: DoId,
    /// What it is.
    pub kind: Kind,
    /// The doId of its Portal.
    pub portal: DoId,
    /// What moves in it by itself.
    pub critters: Vec<Critter>,
    /// How many players are in it.
    pub population: u16,
    /// How many the clients have been told.
    pub told: u16,
}

impl Room {
    /// One without anything in it.
    pub const fn new(do_id: DoId, kind: Kind, portal: DoId) -> Self {
        Room { do_id, kind, portal, critters: Vec::new(), population: 0, told: 0 }
    }

    /// How wide and high it is, in steps.
    pub fn size(&self) -> (f64, f64) {
        match self.kind {
            Kind::District => (f64::from(COLUMNS) * CELL, f64::from(ROWS) * CELL),
            Kind::Cave { .. } => (CELL, CELL),
        }
    }

    /// The nearest place that is in it.
    pub fn within(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let (width, height) = self.size();
        (x.clamp(0.0, width), y.clamp(0.0, height))
    }

    /// In which zone a place is. They are numbered from 1 on, row by row.
    pub fn location(&self, (x, y): (f64, f64)) -> Location {
        let (columns, rows) = match self.kind {
            Kind::District => (COLUMNS, ROWS),
            Kind::Cave { .. } => (1, 1),
        };
        // `as` makes 0 of what is less.
        let cell = |at: f64, count: u32| ((at / CELL) as u32).min(count - 1);
        Location::new(self.do_id, ZoneId(1 + cell(y, rows) * columns + cell(x, columns)))
    }

    /// Where its Portal is.
    pub const fn portal_at(&self) -> (f64, f64) {
        match self.kind {
            Kind::District => DISTRICT_PORTAL,
            Kind::Cave { .. } => CAVE_PORTAL,
        }
    }

    /// Where somebody arrives who comes through the Portal, or for the first time. Not all at the same place, and all before it, where
    /// they are seen: `turn` goes from 0 to a whole turn.
    pub fn arrival(&self, turn: f64) -> (f64, f64) {
        let (x, y) = self.portal_at();
        let turn = PI * 0.12 + turn * 0.38;
        self.within((x + BESIDE * turn.cos(), y + BESIDE * turn.sin()))
    }

    /// Makes its Portal.
    pub fn make_portal(&self) -> Effect {
        let name = match self.kind {
            Kind::District => "Cave",
            Kind::Cave { district } => {
                DISTRICTS.iter().find(|(id, _)| *id == district).map_or("", |(_, name)| name)
            }
        };
        Effect::Make {
            do_id: self.portal,
            class: "Portal",
            location: self.location(self.portal_at()),
            fields: vec![("setXY", steps(self.portal_at())), ("setName", vec![name.into()])],
        }
    }
}

/// A place as arguments of a field.
pub fn steps((x, y): (f64, f64)) -> Vec<Value> {
    vec![Value::Steps(x), Value::Steps(y)]
}
