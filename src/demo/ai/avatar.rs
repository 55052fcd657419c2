//! A player's avatar, and whether it may step where its owner wants it.

use std::time::{Duration, Instant};

use super::world::Player;
use crate::demo::cluster::SPEED;
use crate::ids::{DoId, Location};

/// How many steps a second are believed: a quarter more than a client walks.
const BELIEVED: f64 = SPEED * 1.25;
/// How many at once: a second's worth, since the network may hold up what a client says.
const AT_ONCE: f64 = BELIEVED;
/// How often a second somebody may go to another room, and how often at once.
const JOURNEYS: f64 = 1.0;
const JOURNEYS_AT_ONCE: f64 = 5.0;
/// For how long after the server has put somebody elsewhere his client may not know it.
const UNAWARE: Duration = Duration::from_secs(1);
/// How often others are told where somebody walks, at most; and how often somebody that he is too fast.
const TELL_EVERY: Duration = Duration::from_millis(70);
const SCOLD_EVERY: Duration = Duration::from_secs(2);

/// An avatar.
pub struct Avatar {
    /// Whose it is.
    pub player: Player,
    /// The District or Cave in which it is.
    pub room: Option<DoId>,
    /// Where, in steps.
    pub xy: (f64, f64),
    /// The same, as donet knows it.
    pub location: Location,
    /// Others have not been told yet where it is.
    pub is_untold: bool,
    told: Option<Instant>,
    /// How many steps it may go.
    purse: f64,
    filled: Instant,
    /// How many times it may travel.
    journeys: f64,
    travelled: Instant,
    put: Option<Instant>,
    scolded: Option<Instant>,
}

/// What becomes of a step.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is there now.
    Believed,
    /// It stays where it was: nobody walks so fast. Whether its owner is told why.
    TooFar {
        /// Not if his client cannot know yet where it is, or he has just been told.
        is_said: bool,
    },
}

impl Avatar {
    /// One that is nowhere yet.
    pub const fn new(player: Player, location: Location, now: Instant) -> Self {
        Avatar {
            player,
            room: None,
            xy: (0.0, 0.0),
            location,
            is_untold: false,
            told: None,
            purse: AT_ONCE,
            filled: now,
            journeys: JOURNEYS_AT_ONCE,
            travelled: now,
            put: None,
            scolded: None,
        }
    }

    /// Has it be somewhere else, however far that is.
    pub fn put(&mut self, xy: (f64, f64), now: Instant) {
        self.xy = xy;
        self.purse = AT_ONCE;
        self.filled = now;
        self.put = Some(now);
        self.is_untold = false;
        self.told = Some(now);
    }

    /// Whether it may go to another room now: each time much has to be told to it and to others.
    pub fn may_travel(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.travelled).as_secs_f64();
        self.journeys = (self.journeys + JOURNEYS * passed).min(JOURNEYS_AT_ONCE);
        self.travelled = now;
        let may = self.journeys >= 1.0;
        if may {
            self.journeys -= 1.0;
        }
        may
    }

    /// Judges a step.
    pub fn step(&mut self, to: (f64, f64), now: Instant) -> Verdict {
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.purse = (self.purse + BELIEVED * passed).min(AT_ONCE);
        self.filled = now;
        let way = (to.0 - self.xy.0).hypot(to.1 - self.xy.1);
        if way <= self.purse {
            self.purse -= way;
            self.xy = to;
            return Verdict::Believed;
        }
        let is_within = |since: Option<Instant>, time| {
            since.is_some_and(|since| now.saturating_duration_since(since) < time)
        };
        let is_said = !is_within(self.put, UNAWARE) && !is_within(self.scolded, SCOLD_EVERY);
        if is_said {
            self.scolded = Some(now);
        }
        Verdict::TooFar { is_said }
    }

    /// Whether others are to be told now where it is; else they are at the next tick.
    pub fn is_to_be_told(&mut self, now: Instant) -> bool {
        let is_due = self.told.is_none_or(|told| now.saturating_duration_since(told) >= TELL_EVERY);
        self.is_untold = !is_due;
        if is_due {
            self.told = Some(now);
        }
        is_due
    }
}
