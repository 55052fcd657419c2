//! All that one client is interested in: interests, the zones that they cover, and queries for them.

use std::cell::OnceCell;
use std::time::Instant;

use smallvec::SmallVec;

use super::held_back::HeldBack;
use super::pending::Pending;
use super::{Asked, Holding, Interest, InterestKey, Operation, Phase, Query};
use crate::hash::{Few, Seed};
use crate::ids::{Context, DoId, InterestId, Location, ZoneId};
use crate::role::client_agent::agent::Located;

/// A zone that is in at least one interest, which the session listens to, or that some query asked for.
#[derive(Debug, Default)]
struct Coverage {
    /// How many interests it is in. It is covered by these.
    interests: u32,
    /// How many queries that are not over asked for it, in whatever phase: each time that it is closed and
    /// opened again makes one more.
    asked: u32,
    /// The query that asks for it now that it is covered, until that is over.
    query: Option<Context>,
}

impl Coverage {
    const fn is_needed(&self) -> bool {
        self.interests > 0 || self.asked > 0
    }
}

/// Queries that have lost their last zone.
pub type Emptied = SmallVec<[Context; 2]>;

/// How many interests are open.
#[derive(Copy, Clone, Default, Debug)]
pub struct Counts {
    /// The interests.
    pub interests: usize,
    /// Their zones, one that is in several counted for each.
    pub zones: usize,
}

/// All that one client is interested in.
///
/// - A zone is covered by as many interests as count it.
/// - A covered zone's query is there, in any phase but [`Phase::Abandoned`], and counts it as open.
/// - A pending object's query is there, and is [`Phase::Asking`] or [`Phase::HeldBack`].
///
/// **Invariant:** nothing here walks all queries, all zones or all pending objects: what is done costs as much as
/// what it is done with, however much a client has opened before.
#[derive(Debug)]
pub struct Interests {
    /// Interests by what they are known by.
    open: Few<InterestKey, Interest>,
    /// How many there are that have numbers.
    numbered: Counts,
    /// And of the agent's own.
    own: Counts,
    /// The zones of all interests, and of all queries.
    coverage: Few<Location, Coverage>,
    /// What the cluster has been asked for. Most of the time there is nothing.
    pub(super) queries: Few<Context, Box<Query>>,
    /// Objects that queries hold. Where all are as they were found, it is made when one of them moves or goes.
    pub(super) pending: OnceCell<Located<Pending>>,
    /// The query that has found all of them, and none of which has moved or gone since. As a rule there is one.
    pub(super) as_found: Option<Context>,
    held_back: HeldBack,
    /// The bytes of what queries hold.
    pub(super) held_bytes: usize,
    pub(super) next_serial: u32,
}

impl Interests {
    /// No interests.
    pub fn new(seed: Seed) -> Self {
        Interests {
            open: Few::with_hasher(seed),
            numbered: Counts::default(),
            own: Counts::default(),
            coverage: Few::with_hasher(seed),
            queries: Few::with_hasher(seed),
            pending: OnceCell::from(Located::new(seed)),
            as_found: None,
            held_back: HeldBack::default(),
            held_bytes: 0,
            next_serial: 0,
        }
    }

    /// A number that no operation and no stay of an object has had for a long time.
    pub(super) fn new_serial(&mut self) -> u32 {
        self.next_serial = self.next_serial.wrapping_add(1);
        self.next_serial
    }

    // Interests and their operations.

    /// How many interests are open.
    pub fn count(&self) -> usize {
        self.open.len()
    }

    /// All that are open, in no order.
    pub fn every(&self) -> impl Iterator<Item = (InterestKey, &Interest)> {
        self.open.iter().map(|(&key, interest)| (key, interest))
    }

    /// How many have been given numbers by the client or the cluster.
    pub const fn numbered(&self) -> Counts {
        self.numbered
    }

    /// How many are the agent's own.
    pub const fn own(&self) -> Counts {
        self.own
    }

    /// How many zones the open interests have, one that is in several counted for each.
    pub const fn zone_count(&self) -> usize {
        self.numbered.zones + self.own.zones
    }

    /// How many of them one interest has; none if it is not open.
    pub fn zone_count_of(&self, key: impl Into<InterestKey>) -> Option<usize> {
        self.open.get(&key.into()).map(|interest| interest.zones.len())
    }

    /// The zones of an open interest, as they were given.
    pub fn zone_list(&self, id: InterestId) -> &[ZoneId] {
        self.open.get(&id.into()).map_or(&[], |interest| &interest.zones)
    }

    /// The parent of an open interest.
    pub fn parent_of(&self, id: InterestId) -> Option<DoId> {
        self.open.get(&id.into()).map(|interest| interest.parent)
    }

    /// Whether the client itself has opened an interest that is open.
    pub fn is_of_client(&self, id: InterestId) -> bool {
        self.open.get(&id.into()).is_some_and(|interest| interest.is_of_client)
    }

    /// Opens an interest that nobody waits for yet; what was open by that key before. The zones of both stay
    /// covered as they are.
    pub fn open(
        &mut self,
        key: InterestKey,
        parent: DoId,
        zones: &[ZoneId],
        is_of_client: bool,
    ) -> Option<Interest> {
        let interest = Interest { parent, is_of_client, zones: zones.into(), operation: None };
        let before = self.open.insert(key, interest);
        let counts = self.counts_mut(key);
        counts.interests += 1;
        counts.zones += zones.len();
        self.discount(key, before.as_ref());
        before
    }

    /// Closes an interest. Its zones stay covered as they are.
    pub fn close(&mut self, key: InterestKey) -> Option<Interest> {
        let closed = self.open.remove(&key);
        self.discount(key, closed.as_ref());
        closed
    }

    const fn counts_mut(&mut self, key: InterestKey) -> &mut Counts {
        match key {
            InterestKey::Numbered(_) => &mut self.numbered,
            InterestKey::Around(_) | InterestKey::Beside(_) => &mut self.own,
        }
    }

    fn discount(&mut self, key: InterestKey, gone: Option<&Interest>) {
        if let Some(interest) = gone {
            let counts = self.counts_mut(key);
            counts.interests -= 1;
            counts.zones -= interest.zones.len();
        }
    }

    /// Somebody waits for an open interest, until these queries are over.
    pub fn begin_operation(
        &mut self,
        id: InterestId,
        asked: Asked,
        queries: &[Context],
        since: Instant,
    ) {
        let serial = self.new_serial();
        for query in queries {
            if let Some(query) = self.queries.get_mut(query) {
                query.holding.waiting.push((id, serial));
            }
        }
        let queries_open = u32::try_from(queries.len()).expect("queries are numbered by 32 bits");
        if let Some(interest) = self.open.get_mut(&id.into()) {
            let waits_for = queries.into();
            let operation = Operation { serial, queries_open, waits_for, asked, since };
            interest.operation = Some(Box::new(operation));
        }
    }

    /// An interest's operation, if there is one.
    pub fn operation_of(&self, id: InterestId) -> Option<&Operation> {
        self.open.get(&id.into())?.operation.as_deref()
    }

    /// Ends an interest's operation, if there is one.
    pub fn end_operation(&mut self, id: InterestId) -> Option<Operation> {
        self.open.get_mut(&id.into())?.operation.take().map(|operation| *operation)
    }

    /// One of the queries that an operation waits for is over. Ends the operation with its last one.
    pub fn query_is_over_for(&mut self, id: InterestId, serial: u32) -> Option<Operation> {
        let place = &mut self.open.get_mut(&id.into())?.operation;
        let operation = place.as_mut().filter(|operation| operation.serial == serial)?;
        operation.queries_open -= 1;
        if operation.queries_open > 0 {
            return None;
        }
        place.take().map(|operation| *operation)
    }

    /// Ends all operations, in the order in which they began.
    pub fn end_operations(&mut self) -> Vec<(InterestId, Operation)> {
        let operation = |(key, interest): (&InterestKey, &mut Interest)| {
            Some((key.number()?, *interest.operation.take()?))
        };
        let mut operations: Vec<_> = self.open.iter_mut().filter_map(operation).collect();
        operations.sort_unstable_by_key(|(_, operation)| operation.serial);
        operations
    }

    /// All that has been asked is forgotten, with what it holds; interests and their zones stay. Those who wait for it, in
    /// the order in which they began to.
    pub fn ask_anew(&mut self) -> Vec<(InterestId, Operation)> {
        self.queries.clear();
        self.none_is_pending();
        self.held_back = HeldBack::default();
        self.held_bytes = 0;
        self.coverage.retain(|_, coverage| {
            *coverage = Coverage { interests: coverage.interests, ..Coverage::default() };
            coverage.is_needed()
        });
        self.end_operations()
    }

    /// All interests that have numbers, in their order.
    pub fn all(&self) -> Vec<(InterestId, &Interest)> {
        let numbered = |(key, interest): (&InterestKey, _)| Some((key.number()?, interest));
        let mut all: Vec<_> = self.open.iter().filter_map(numbered).collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        all
    }

    // Zones.

    /// The zones of an interest; none if it is not open.
    pub fn zones_of<K: Into<InterestKey>>(
        &self,
        key: K,
    ) -> impl Iterator<Item = Location> + use<'_, K> {
        let interest = self.open.get(&key.into()).into_iter();
        interest.flat_map(|one| one.zones.iter().map(|&zone| Location::new(one.parent, zone)))
    }

    /// The zones of all interests; one that is in several comes with each.
    pub fn all_open(&self) -> impl Iterator<Item = Location> {
        self.open.values().flat_map(|interest| {
            interest.zones.iter().map(|&zone| Location::new(interest.parent, zone))
        })
    }

    /// Whether some interest has the location.
    #[inline]
    pub fn covers(&self, location: Location) -> bool {
        self.coverage.get(&location).is_some_and(|coverage| coverage.interests > 0)
    }

    /// Counts an interest in a location; whether it is the first.
    pub fn cover(&mut self, location: Location) -> bool {
        let coverage = self.coverage.or_default(location);
        coverage.interests += 1;
        coverage.interests == 1
    }

    /// Takes an interest in a location back; whether it was the last. The query that asked for the
    /// location asks for one less then; if that was its last, it is put into `emptied`.
    pub fn uncover(&mut self, location: Location, emptied: &mut Emptied) -> bool {
        let Some(coverage) = self.coverage.get_mut(&location) else {
            return false;
        };
        coverage.interests -= 1;
        if coverage.interests > 0 {
            return false;
        }
        let query = coverage.query.take();
        if !coverage.is_needed() {
            self.coverage.remove(&location);
        }
        if let Some(context) = query
            && let Some(query) = self.queries.get_mut(&context)
        {
            query.zones_open -= 1;
            if query.zones_open == 0 {
                emptied.push(context);
            }
        }
        true
    }

    /// The query that was sent for a covered location, and is not over; `None` if it is not covered.
    pub fn asked_at(&self, location: Location) -> Option<Option<Context>> {
        let coverage = self.coverage.get(&location)?;
        (coverage.interests > 0).then_some(coverage.query)
    }

    /// The query that still asks for a location, and holds what it finds.
    #[inline]
    pub fn query_for(&self, location: Location) -> Option<Context> {
        if self.queries.is_empty() {
            return None;
        }
        let context = self.coverage.get(&location)?.query?;
        self.queries.get(&context).filter(|query| query.phase != Phase::Expired).map(|_| context)
    }

    // Queries and their phases.

    /// Whether there is any query that is not over.
    pub fn is_asking(&self) -> bool {
        !self.queries.is_empty()
    }

    /// A query that is not over.
    pub fn query(&self, context: Context) -> Option<&Query> {
        self.queries.get(&context).map(Box::as_ref)
    }

    /// As [`Interests::query`], to note what has come of it.
    pub fn query_mut(&mut self, context: Context) -> Option<&mut Query> {
        self.queries.get_mut(&context).map(Box::as_mut)
    }

    /// Whether some query that is not over asked for a location, in whatever phase it is.
    pub fn was_asked_for(&self, location: Location) -> bool {
        self.coverage.get(&location).is_some_and(|coverage| coverage.asked > 0)
    }

    /// How many queries are not over, in whatever phase.
    pub fn query_count(&self) -> usize {
        self.queries.len()
    }

    /// Notes that the cluster is asked for zones that have just been covered.
    pub fn ask(&mut self, context: Context, query: Query) {
        for &zone in &query.zones {
            if let Some(coverage) = self.coverage.get_mut(&Location::new(query.parent, zone)) {
                coverage.query = Some(context);
                coverage.asked += 1;
            }
        }
        self.queries.insert(context, Box::new(query));
    }

    /// Empties a query that is about to be told.
    pub fn take_holding(&mut self, context: Context) -> Option<Holding> {
        // What is held of objects besides that they were found is told by where they are.
        if self.queries.get(&context).is_some_and(|query| !query.holding.queue.is_empty()) {
            self.index();
        }
        let holding =
            self.queries.get_mut(&context).map(|query| std::mem::take(&mut query.holding))?;
        self.held_bytes -= holding.bytes();
        Some(holding)
    }

    /// All answers have come, but the query's parent goes first.
    pub fn hold_back(&mut self, context: Context) {
        self.enter(context, Phase::HeldBack);
    }

    /// A query's time is over, and it has been told.
    pub fn expire(&mut self, context: Context) {
        match self.queries.get(&context) {
            Some(query) if query.is_asking() => self.enter(context, Phase::Expired),
            _ => self.forget(context),
        }
    }

    /// A query's last zone has been closed, and it has been told.
    pub fn abandon(&mut self, context: Context) {
        match self.queries.get(&context) {
            Some(query) if query.is_asking() => self.enter(context, Phase::Abandoned),
            _ => self.forget(context),
        }
    }

    /// Forgets a query: it is over.
    pub fn forget(&mut self, context: Context) {
        let Some(query) = self.queries.remove(&context) else {
            return;
        };
        self.held_bytes -= query.holding.bytes();
        if query.phase == Phase::HeldBack {
            self.held_back.remove(query.parent, context);
        }
        for &zone in &query.zones {
            let location = Location::new(query.parent, zone);
            let Some(coverage) = self.coverage.get_mut(&location) else { continue };
            coverage.asked -= 1;
            if coverage.query == Some(context) {
                coverage.query = None;
            }
            if !coverage.is_needed() {
                self.coverage.remove(&location);
            }
        }
    }

    fn enter(&mut self, context: Context, phase: Phase) {
        if let Some(query) = self.queries.get_mut(&context) {
            let left = std::mem::replace(&mut query.phase, phase);
            if phase == Phase::HeldBack {
                self.held_back.insert(query.parent, context);
            } else if left == Phase::HeldBack {
                self.held_back.remove(query.parent, context);
            }
        }
    }

    /// An object is no longer pending: queries that were held back for it may go on.
    pub(super) fn is_no_longer_pending(&mut self, do_id: DoId) {
        self.held_back.parent_is_told(do_id);
    }

    /// None of the objects that a query has found is pending any longer, and no others were.
    pub(super) fn are_no_longer_pending(&mut self, found: &Holding) {
        self.none_is_pending();
        if !self.held_back.is_empty() {
            found.stays().for_each(|(do_id, _)| self.held_back.parent_is_told(do_id));
        }
    }

    fn none_is_pending(&mut self) {
        self.pending = OnceCell::from(Located::new(self.seed()));
        self.as_found = None;
    }

    /// What tables are hashed with.
    pub(super) fn seed(&self) -> Seed {
        *self.queries.hasher()
    }

    /// Whether another query holds the object that a query asks for the children of: parents are told
    /// before their children.
    pub fn must_wait(&self, context: Context) -> bool {
        if self.are_as_found_by(context) {
            return false;
        }
        let parent = self.queries.get(&context).and_then(|query| self.pending(query.parent));
        parent.is_some_and(|parent| parent.query != context)
    }

    /// Whether a query waits for one that waits for … itself: only if objects are each other's parents.
    pub fn waits_in_a_circle(&self, context: Context) -> bool {
        let mut at = context;
        for _ in 0..=self.queries.len() {
            let next = self
                .queries
                .get(&at)
                .filter(|query| query.phase == Phase::HeldBack)
                .and_then(|query| self.pending(query.parent));
            match next {
                Some(parent) => at = parent.query,
                None => return false,
            }
        }
        true
    }

    /// Takes the first query that was held back and need not be any longer: it is told next.
    pub fn next_ready(&mut self) -> Option<Context> {
        while let Some(context) = self.held_back.take_maybe_ready() {
            let query = self.queries.get(&context);
            let is_held_back = query.is_some_and(|query| query.phase == Phase::HeldBack);
            // Its parent may have been found by yet another query: then that says when.
            if is_held_back && !self.must_wait(context) {
                return Some(context);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ClassId;

    const PARENT: DoId = DoId(5);
    const CHILD: DoId = DoId(6);
    const ZONE: ZoneId = ZoneId(7);
    const OUTER: Context = Context(1);
    const INNER: Context = Context(2);

    /// A query for the objects below the root, and one for those below one of these.
    fn asking() -> Interests {
        let mut interests = Interests::new(Seed::fixed(0));
        for (context, parent) in [(OUTER, PARENT), (INNER, CHILD)] {
            assert!(interests.cover(Location::new(parent, ZONE)));
            interests.ask(context, Query::new(parent, &[ZONE], true, std::time::Instant::now()));
        }
        interests
    }

    fn phase(interests: &Interests, context: Context) -> Option<Phase> {
        interests.query(context).map(Query::phase)
    }

    #[test]
    fn a_query_that_waits_for_its_parent_is_ready_when_that_is_no_longer_held() {
        let mut interests = asking();
        let at = Location::new(PARENT, ZONE);
        interests.hold_object(OUTER, CHILD, ClassId(0), at, b"", true);
        assert!(interests.must_wait(INNER) && !interests.must_wait(OUTER));
        interests.hold_back(INNER);
        interests.hold_back(INNER);
        assert_eq!(
            (phase(&interests, INNER), interests.next_ready()),
            (Some(Phase::HeldBack), None)
        );
        assert!(!interests.waits_in_a_circle(INNER));
        interests.drop_pending(CHILD);
        assert_eq!(interests.next_ready(), Some(INNER));
        interests.forget(INNER);
        assert_eq!((phase(&interests, INNER), interests.next_ready()), (None, None));
    }

    #[test]
    fn one_whose_time_is_over_or_whose_zones_are_closed_waits_for_its_answers_only() {
        let mut interests = asking();
        let (outer, inner) = (Location::new(PARENT, ZONE), Location::new(CHILD, ZONE));
        assert_eq!(interests.query_for(outer), Some(OUTER));
        interests.expire(OUTER);
        assert_eq!(phase(&interests, OUTER), Some(Phase::Expired));
        assert_eq!(
            (interests.query_for(outer), interests.asked_at(outer)),
            (None, Some(Some(OUTER)))
        );

        let mut emptied = Emptied::new();
        assert!(interests.uncover(inner, &mut emptied) && interests.uncover(outer, &mut emptied));
        assert_eq!(emptied[..], [INNER, OUTER]);
        interests.abandon(INNER);
        assert_eq!(phase(&interests, INNER), Some(Phase::Abandoned));
        assert!(interests.was_asked_for(inner) && interests.asked_at(inner).is_none());
        interests.abandon(OUTER);
        assert_eq!(phase(&interests, OUTER), None);
        assert!(!interests.was_asked_for(outer) && !interests.covers(outer));
    }

    #[test]
    fn an_operation_ends_with_the_last_of_its_queries() {
        let mut interests = asking();
        let asked = Asked { context: Context(9), caller: crate::ids::Channel::NONE };
        assert!(interests.open(InterestId(3).into(), PARENT, &[ZONE], true).is_none());
        interests.begin_operation(InterestId(3), asked, &[OUTER, INNER], Instant::now());
        let waiting = |interests: &mut Interests, context| {
            interests.take_holding(context).expect("a query").waiting.to_vec()
        };
        let [(id, serial)] = waiting(&mut interests, OUTER)[..] else { panic!("one waits") };
        assert_eq!(waiting(&mut interests, INNER), [(id, serial)]);
        assert!(interests.query_is_over_for(id, serial + 1).is_none(), "that is another");
        assert!(interests.query_is_over_for(id, serial).is_none());
        assert!(interests.query_is_over_for(id, serial).is_some());
        assert!(interests.end_operation(id).is_none() && interests.end_operations().is_empty());
    }
}
