//! What the cluster has been asked for, and what has come of it.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::{Duration, Instant};

use rustc_hash::FxHashSet;
use smallvec::SmallVec;

use super::found::Shared;
use crate::hash::Seed;
use crate::ids::{ClassId, DoId, InterestId, Location, ZoneId};
use crate::role::client_agent::agent;

/// How far a query is. One that is over is forgotten.
///
/// | From | When | To |
/// |---|---|---|
/// | `Asking` | all answers have come | told and forgotten; `HeldBack`, if its parent is pending in another query |
/// | `Asking` | its time is over | told what has come; `Expired` |
/// | `Asking` | its last zone is closed | told what is still to be seen; `Abandoned` |
/// | `HeldBack` | its parent has been told, or is held no longer | told and forgotten |
/// | `HeldBack` | its time is over, and it waits for itself | told and forgotten |
/// | `HeldBack` | its last zone is closed | told what is still to be seen; forgotten |
/// | `Expired` | all answers have come, or its last zone is closed | forgotten |
/// | `Abandoned` | all answers have come, or its time is over | forgotten |
///
/// Told means: the client gets the objects that were found, operations that wait for the query get one query
/// less to wait for, then the client gets what happened meanwhile. When the last zone is closed, only objects
/// that have moved to other open zones are still to be seen.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Answers are missing. What it finds, and what happens to that, is held.
    Asking,
    /// All answers have come, but the parent itself is pending in another query and goes first. It
    /// holds on.
    HeldBack,
    /// Nobody waits for it any more. It holds nothing; objects that it still finds enter as they come.
    Expired,
    /// All its zones have been closed. It holds nothing, and is only kept to know its late answers.
    Abandoned,
}

/// What a query holds back about an object.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Held {
    /// It has come.
    Entrance {
        /// Its class.
        class_id: ClassId,
        /// Where it came to.
        location: Location,
    },
    /// Something about it has changed.
    Update,
    /// It has gone.
    Leave,
    /// It is no more.
    End,
}

/// Something that a query holds back.
#[derive(Debug)]
pub struct Record {
    /// The object.
    pub do_id: DoId,
    /// Which stay of the object it belongs to: see [`Pending::serial`](super::Pending::serial).
    pub serial: u32,
    /// What it is.
    pub held: Held,
    /// The client's frame for it in [`Holding::frames`]; empty for a leave.
    pub frame: Range<usize>,
}

/// All that a query holds back.
#[derive(Debug, Default)]
pub struct Holding {
    /// The first objects that were found, as long as all were found for others, too.
    pub shared: Vec<Shared>,
    /// The objects that were found after those, in the order in which they came.
    pub found: Vec<Record>,
    /// What happened meanwhile: objects that came later, and updates.
    pub queue: Vec<Record>,
    /// Stays of which the client is told nothing after all, by their serials.
    pub dropped: FxHashSet<u32>,
    /// The client's frames for all of that.
    pub frames: Vec<u8>,
    /// Operations that wait for it, in the order in which they began.
    pub waiting: SmallVec<[(InterestId, u32); 2]>,
}

impl Holding {
    /// Whether nothing has been held back yet.
    pub fn is_empty(&self) -> bool {
        self.shared.is_empty() && self.found.is_empty() && self.queue.is_empty()
    }

    /// How many objects were found.
    pub fn found_count(&self) -> usize {
        self.found.len() + self.shared.iter().map(|shared| shared.found.len()).sum::<usize>()
    }

    /// The first stay of an object among those that are shared.
    pub fn stay_of(&self, seed: Seed, do_id: DoId) -> Option<(Location, ClassId, u32)> {
        self.shared.iter().find_map(|shared| shared.stay_of(seed, do_id))
    }

    /// How many bytes the client is told by all of it.
    pub fn bytes(&self) -> usize {
        self.frames.len() + self.shared.iter().map(|shared| shared.bytes).sum::<usize>()
    }

    /// All stays that it holds something of; one comes as often as there is something.
    pub fn stays(&self) -> impl Iterator<Item = (DoId, u32)> {
        let shared = self.shared.iter().flat_map(Shared::stays);
        let shared = shared.map(|(object, serial)| (object.do_id, serial));
        let records = self.found.iter().chain(&self.queue);
        shared.chain(records.map(|record| (record.do_id, record.serial)))
    }

    /// Holds back something that happened, with the client's frame for it.
    pub fn push(&mut self, do_id: DoId, serial: u32, held: Held, frame: &[u8], found: bool) {
        let start = self.frames.len();
        self.frames.extend_from_slice(frame);
        let record = Record { do_id, serial, held, frame: start..self.frames.len() };
        if found { &mut self.found } else { &mut self.queue }.push(record);
    }
}

/// The answers to a query.
#[derive(Copy, Clone, PartialEq, Eq, Default, Debug)]
pub struct Answers {
    /// How many objects there are, if that has been answered.
    pub total: Option<u32>,
    /// How many of them have come.
    pub received: u32,
    /// When an answer came last.
    pub last: Option<Instant>,
}

impl Answers {
    /// How many have been announced and have not come.
    pub fn missing(&self) -> usize {
        self.total.map_or(0, |total| total.saturating_sub(self.received) as usize)
    }

    /// Whether all have come.
    pub fn are_complete(&self) -> bool {
        self.total.is_some_and(|total| self.received >= total)
    }
}

/// What the cluster was asked for.
#[derive(Debug)]
pub struct Query {
    /// The parent whose zones were asked for.
    pub parent: DoId,
    /// The client itself has asked for it, and not the cluster.
    pub is_of_client: bool,
    /// The zones that were asked for, ascending.
    pub zones: Box<[ZoneId]>,
    /// How many of them are open; the others have been closed meanwhile.
    pub(super) zones_open: usize,
    /// How far it is.
    pub(super) phase: Phase,
    /// It is waited for more patiently than others.
    pub(super) is_patient: bool,
    /// When it was sent.
    pub began: Instant,
    /// What has been answered.
    pub answers: Answers,
    /// Objects known before that are said to have moved to one of the zones, in a message that may be
    /// older than the query: then they may have moved on while nobody listened there.
    pub doubtful: BTreeSet<DoId>,
    /// What it holds back, while it is [`Phase::Asking`] or [`Phase::HeldBack`].
    pub holding: Holding,
}

impl Query {
    /// A query that has just been sent.
    pub fn new(parent: DoId, zones: &[ZoneId], is_of_client: bool, now: Instant) -> Self {
        let mut zones: Box<[ZoneId]> = zones.into();
        zones.sort_unstable();
        Query {
            parent,
            zones_open: zones.len(),
            zones,
            is_of_client,
            phase: Phase::Asking,
            is_patient: false,
            began: now,
            answers: Answers::default(),
            doubtful: BTreeSet::new(),
            holding: Holding::default(),
        }
    }

    /// Somebody knows already what it finds, and would take for gone what it does not find in time.
    #[must_use]
    pub fn patient(self) -> Self {
        Query { is_patient: true, ..self }
    }

    /// How long it is waited for without an answer.
    pub fn timeout(&self, shared: &agent::Shared) -> Duration {
        match self.is_patient {
            true => shared.patient_timeout(),
            false => shared.interest_timeout(),
        }
    }

    /// How far it is.
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether its parent has not said a word.
    pub const fn is_unanswered(&self) -> bool {
        self.answers.total.is_none()
    }

    /// Whether answers are missing that somebody waits for.
    pub(super) fn is_asking(&self) -> bool {
        self.phase == Phase::Asking && !self.answers.are_complete()
    }

    /// Whether the location is one that it asked for.
    pub fn asks_for(&self, location: Location) -> bool {
        self.parent == location.parent && self.zones.binary_search(&location.zone).is_ok()
    }
}
