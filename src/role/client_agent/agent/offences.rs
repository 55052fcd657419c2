//! What clients do that they may not: how often, who is to be banned for it, and how much of it others are told.

use std::time::{Duration, Instant};

use crate::banlist::Subject;
use crate::config::{Offence, OffencesConfig, Reaction};

/// Somebody who is to be entered into the ban list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offender {
    /// Who.
    pub subject: Subject,
    /// For what.
    pub offence: Offence,
    /// For how long; `None` is for ever.
    pub ban_for: Option<Duration>,
}

/// How often clients have broken rules, and what has become of them, since the agent has begun.
#[derive(Default, Debug)]
pub struct OffenceCounts([[u64; Reaction::ALL.len()]; Offence::ALL.len()]);

impl OffenceCounts {
    /// Counts one.
    pub const fn add(&mut self, offence: Offence, reaction: Reaction) {
        self.0[offence as usize][reaction as usize] += 1;
    }

    /// How often, by offence and reaction. What has never happened is there only if it would happen now.
    pub fn all<'c>(
        &'c self,
        config: &'c OffencesConfig,
    ) -> impl Iterator<Item = (Offence, Reaction, u64)> + 'c {
        let of = move |offence: Offence| {
            let counts = Reaction::ALL.into_iter().zip(self.0[offence as usize]);
            counts.map(move |(reaction, count)| (offence, reaction, count))
        };
        Offence::ALL.into_iter().flat_map(of).filter(|(offence, reaction, count)| {
            *count > 0 || config.reaction(*offence) == *reaction
        })
    }
}

/// Of how many the event logger is told in a second. Whoever does something without end should not fill its files.
const TOLD_A_SECOND: u32 = 20;

/// Those of a kind of whom the event logger has been told in this second.
#[derive(Default, Debug)]
pub struct Told {
    since: Option<Instant>,
    count: u32,
}

impl Told {
    /// Whether it may be told of one more.
    pub fn may_be_told(&mut self, now: Instant) -> bool {
        if self.since.is_none_or(|since| now >= since + Duration::from_secs(1)) {
            *self = Told { since: Some(now), count: 0 };
        }
        self.count += 1;
        self.count <= TOLD_A_SECOND
    }
}
