//! What a client is interested in, and what has been asked for it: the data.
//!
//! Three things are kept apart:
//! - An **interest** is what the client wants: zones of a parent. Zones may be in several.
//! - A **query** is what the cluster was asked: the objects in zones that no interest had covered
//!   before. It belongs to no interest; each zone is asked for once however many interests cover it.
//! - An **operation** is what somebody waits for: an interest was opened or altered, and is done when
//!   all queries for its zones are. There is at most one for an interest.
//!
//! An object that has been found while a query is open is **pending**: it is held by the query, with
//! all that happens to it meanwhile, until the query is finished. Whether it is still there is decided
//! when something happens to it and not at the end, when the interests may be others.

use std::ops::Range;
use std::time::Instant;

use rustc_hash::FxHashSet;
use smallvec::SmallVec;

use crate::hash::{Map, Seed};
use crate::ids::{Channel, ClassId, Context, DoId, InterestId, Location, ZoneId};

/// What a client wants to see.
#[derive(Debug)]
pub struct Interest {
    /// The parent whose zones they are.
    pub parent: DoId,
    /// Each once.
    pub zones: Box<[ZoneId]>,
}

/// A zone that is in at least one interest. The session listens to it.
#[derive(Debug, Default)]
pub struct Coverage {
    /// How many interests it is in.
    pub interests: u32,
    /// The query that asks for it, until that is finished.
    pub query: Option<Context>,
}

/// An interest that somebody waits for.
#[derive(Debug)]
pub struct Operation {
    /// Tells it from others of the same interest.
    pub serial: u32,
    /// By which the client knows it.
    pub context: Context,
    /// Who asked for it, beside the client; [`Channel::NONE`] if the client did itself.
    pub caller: Channel,
    /// How many queries it waits for.
    pub queries_open: usize,
}

/// An object found while its query is open.
#[derive(Copy, Clone, Debug)]
pub struct Pending {
    /// The query that holds it.
    pub query: Context,
    /// Tells its records from those of an earlier stay of the same object.
    pub serial: u32,
    /// Where it is now.
    pub location: Location,
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
}

/// Something that a query holds back.
#[derive(Debug)]
pub struct Record {
    /// The object.
    pub do_id: DoId,
    /// Which stay of the object it belongs to: see [`Pending::serial`].
    pub serial: u32,
    /// What it is.
    pub held: Held,
    /// The client's frame for it in [`Query::frames`]; empty for a leave.
    pub frame: Range<usize>,
}

/// What the cluster was asked for.
#[derive(Debug)]
pub struct Query {
    /// The parent whose zones were asked for.
    pub parent: DoId,
    /// The zones that were asked for.
    pub zones: Box<[ZoneId]>,
    /// How many of them still wait for the answer; the others have been closed meanwhile.
    pub zones_open: usize,
    /// How many objects there are, if that has been answered.
    pub total: Option<u32>,
    /// How many of them have come.
    pub received: u32,
    /// The objects that were found, in the order in which they came.
    pub found: Vec<Record>,
    /// What happened meanwhile: objects that came later, and updates.
    pub queue: Vec<Record>,
    /// Objects known before that are said to have moved to one of the zones, in a message that may be
    /// older than the query: then they may have moved on while nobody listened there.
    pub doubtful: Vec<DoId>,
    /// Stays of which the client is told nothing after all, by their serials.
    pub dropped: FxHashSet<u32>,
    /// The client's frames for all of that.
    pub frames: Vec<u8>,
    /// Operations that wait for it, in the order in which they began.
    pub waiting: SmallVec<[(InterestId, u32); 2]>,
    /// When it was sent.
    pub began: Instant,
    /// When an answer came last.
    pub answered: Option<Instant>,
    /// Its time is over and nobody waits for it any more; objects that it still finds enter as they
    /// come.
    pub expired: bool,
    /// All answers have come, but the parent itself is pending in another query and goes first.
    pub held_back: bool,
}

impl Query {
    /// A query that has just been sent.
    pub fn new(parent: DoId, zones: &[ZoneId], now: Instant) -> Self {
        Query {
            parent,
            zones: zones.into(),
            zones_open: zones.len(),
            total: None,
            received: 0,
            found: Vec::new(),
            queue: Vec::new(),
            doubtful: Vec::new(),
            dropped: FxHashSet::default(),
            frames: Vec::new(),
            waiting: SmallVec::new(),
            began: now,
            answered: None,
            expired: false,
            held_back: false,
        }
    }

    /// Whether all answers have come.
    pub fn is_answered(&self) -> bool {
        self.total.is_some_and(|total| self.received >= total)
    }

    /// Whether the location is one that it asked for.
    pub fn asks_for(&self, location: Location) -> bool {
        self.parent == location.parent && self.zones.contains(&location.zone)
    }

    /// Whether all its zones have been closed: it is only kept to know its late answers.
    pub const fn is_abandoned(&self) -> bool {
        self.zones_open == 0
    }

    /// Holds back a frame.
    pub fn hold(&mut self, frame: &[u8]) -> Range<usize> {
        let start = self.frames.len();
        self.frames.extend_from_slice(frame);
        start..self.frames.len()
    }
}

/// All that one client is interested in.
#[derive(Debug)]
pub struct Interests {
    /// Interests by the client's id for them.
    pub open: Map<InterestId, Interest>,
    /// The zones of all interests.
    pub coverage: Map<Location, Coverage>,
    /// What somebody waits for.
    pub operations: Map<InterestId, Operation>,
    /// What the cluster has been asked for.
    pub queries: Map<Context, Query>,
    /// Objects that queries hold.
    pub pending: Map<DoId, Pending>,
    /// How many queries are [`Query::held_back`].
    pub held_back: usize,
    next_serial: u32,
}

impl Interests {
    /// No interests.
    pub fn new(seed: Seed) -> Self {
        Interests {
            open: Map::with_hasher(seed),
            coverage: Map::with_hasher(seed),
            operations: Map::with_hasher(seed),
            queries: Map::with_hasher(seed),
            pending: Map::with_hasher(seed),
            held_back: 0,
            next_serial: 0,
        }
    }

    /// Whether some interest has the location.
    #[inline]
    pub fn covers(&self, location: Location) -> bool {
        self.coverage.contains_key(&location)
    }

    /// Whether a query holds an object.
    #[inline]
    pub fn holds(&self, do_id: DoId) -> bool {
        !self.pending.is_empty() && self.pending.contains_key(&do_id)
    }

    /// An object has moved to a covered location. Without an answer to the query for it, this may be
    /// news from before the query.
    pub fn doubt(&mut self, do_id: DoId, location: Location) {
        let query = self.query_for(location).and_then(|context| self.queries.get_mut(&context));
        if let Some(query) = query
            && query.answered.is_none()
            && !query.doubtful.contains(&do_id)
        {
            query.doubtful.push(do_id);
        }
    }

    /// Takes back the doubt whether an object is at a location; whether there was any.
    pub fn settle_doubt(&mut self, do_id: DoId, location: Location) -> bool {
        let query = self.query_for(location).and_then(|context| self.queries.get_mut(&context));
        let Some(doubtful) = query.map(|query| &mut query.doubtful) else {
            return false;
        };
        let before = doubtful.len();
        doubtful.retain(|&doubtful| doubtful != do_id);
        doubtful.len() < before
    }

    /// A number that no operation and no stay of an object has had for a long time.
    pub fn new_serial(&mut self) -> u32 {
        self.next_serial = self.next_serial.wrapping_add(1);
        self.next_serial
    }

    /// The query that still asks for a location.
    #[inline]
    pub fn query_for(&self, location: Location) -> Option<Context> {
        let context = self.coverage.get(&location)?.query?;
        self.queries.get(&context).filter(|query| !query.expired).map(|_| context)
    }

    /// Forgets a query.
    pub fn remove_query(&mut self, context: Context) {
        let Some(query) = self.queries.remove(&context) else {
            return;
        };
        for &zone in &query.zones {
            if let Some(coverage) = self.coverage.get_mut(&Location::new(query.parent, zone))
                && coverage.query == Some(context)
            {
                coverage.query = None;
            }
        }
    }

    /// Counts an interest in a location; whether it is the first.
    pub fn cover(&mut self, location: Location) -> bool {
        let coverage = self.coverage.entry(location).or_default();
        coverage.interests += 1;
        coverage.interests == 1
    }

    /// Takes an interest in a location back; whether it was the last. The query that asked for the
    /// location asks for one less then.
    pub fn uncover(&mut self, location: Location) -> bool {
        let Some(coverage) = self.coverage.get_mut(&location) else {
            return false;
        };
        coverage.interests -= 1;
        if coverage.interests > 0 {
            return false;
        }
        let query = self.coverage.remove(&location).and_then(|coverage| coverage.query);
        if let Some(query) = query.and_then(|context| self.queries.get_mut(&context)) {
            query.zones_open -= 1;
        }
        true
    }

    /// Holds an object in a query.
    pub fn hold_object(
        &mut self,
        context: Context,
        do_id: DoId,
        class_id: ClassId,
        location: Location,
        frame: &[u8],
        found: bool,
    ) {
        let serial = match self.pending.get(&do_id) {
            // It came before the answer that has it: what happened since then follows the answer.
            Some(pending) if pending.query == context && found => pending.serial,
            Some(_) => return,
            None => self.new_serial(),
        };
        let query = self.queries.get_mut(&context).expect("only open queries hold objects");
        let frame = query.hold(frame);
        let held = Held::Entrance { class_id, location };
        let record = Record { do_id, serial, held, frame };
        if found { &mut query.found } else { &mut query.queue }.push(record);
        self.pending.entry(do_id).or_insert(Pending { query: context, serial, location });
    }

    /// Holds back an update of a pending object; whether it is one.
    pub fn hold_update(&mut self, do_id: DoId, frame: &[u8]) -> bool {
        self.hold_record(do_id, Held::Update, frame)
    }

    /// Ends the stay of a pending object: the client is shown it and then that it has gone. Whether it
    /// was one.
    pub fn end_stay(&mut self, do_id: DoId) -> bool {
        self.hold_record(do_id, Held::Leave, &[]) && self.pending.remove(&do_id).is_some()
    }

    fn hold_record(&mut self, do_id: DoId, held: Held, frame: &[u8]) -> bool {
        let Some(&Pending { query, serial, .. }) = self.pending.get(&do_id) else {
            return false;
        };
        let query = self.queries.get_mut(&query).expect("a pending object's query is open");
        let frame = query.hold(frame);
        query.queue.push(Record { do_id, serial, held, frame });
        true
    }

    /// Forgets a pending object, as if the client had never been going to see it.
    pub fn drop_pending(&mut self, do_id: DoId) {
        if let Some(Pending { query, serial, .. }) = self.pending.remove(&do_id)
            && let Some(query) = self.queries.get_mut(&query)
        {
            query.dropped.insert(serial);
        }
    }

    /// Whether another query holds the object that a query asks for the children of: parents are told
    /// before their children.
    pub fn must_wait(&self, context: Context) -> bool {
        let parent = self.queries.get(&context).and_then(|query| self.pending.get(&query.parent));
        parent.is_some_and(|parent| parent.query != context)
    }

    /// Whether a query waits for one that waits for … itself: only if objects are each other's parents.
    pub fn waits_in_a_circle(&self, context: Context) -> bool {
        let mut at = context;
        for _ in 0..=self.queries.len() {
            let next = self
                .queries
                .get(&at)
                .filter(|query| query.held_back)
                .and_then(|query| self.pending.get(&query.parent));
            match next {
                Some(parent) => at = parent.query,
                None => return false,
            }
        }
        true
    }

    /// Notes that a query waits for another.
    pub fn hold_back(&mut self, context: Context) {
        if let Some(query) = self.queries.get_mut(&context)
            && !std::mem::replace(&mut query.held_back, true)
        {
            self.held_back += 1;
        }
    }

    /// Forgets pending objects at locations that are no longer covered.
    pub fn drop_uncovered(&mut self) {
        let uncovered: SmallVec<[DoId; 8]> = self
            .pending
            .iter()
            .filter(|(_, pending)| !self.covers(pending.location))
            .map(|(&do_id, _)| do_id)
            .collect();
        uncovered.into_iter().for_each(|do_id| self.drop_pending(do_id));
    }
}
