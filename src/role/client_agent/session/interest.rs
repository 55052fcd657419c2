//! Interests: opening, altering, closing, and the answers of the cluster.
//!
//! See [`crate::role::client_agent::interest`] for what an interest, a query and an operation are.

use std::time::Duration;

use rustc_hash::FxHashSet;
use smallvec::SmallVec;

use super::{End, Flow, Session};
use crate::hash::{Seed, Set};
use crate::ids::{self, Channel, DoId, InterestId, Location, ZoneId};
use crate::message::{Client, ClientAgent, EjectReason, List, ObjectState, StateServer};
use crate::role::client_agent::agent::{Context, Timer};
use crate::role::client_agent::interest::{Held, Interest, Operation, Query, Record};

/// Zones that one query asks for at most: more would not fit a datagram.
const QUERY_ZONES_MAX: usize = 16_000;
/// While the cluster answers other queries, one that has had no answer waits this many times the
/// configured time: its answers may stand behind those in some queue.
const PATIENCE: u32 = 20;

/// The zones of a list, each once, in their order.
pub fn distinct(zones: impl Iterator<Item = ZoneId>, seed: Seed) -> SmallVec<[ZoneId; 8]> {
    let mut zones: SmallVec<[ZoneId; 8]> = zones.collect();
    if zones.len() > 1 {
        let mut seen = Set::with_hasher(seed);
        zones.retain(|zone| seen.insert(*zone));
    }
    zones
}

impl Session {
    /// Opens an interest, or gives an open one another parent or other zones. `zones` has each once.
    pub fn add_interest(
        &mut self,
        cx: &mut Context<'_>,
        id: InterestId,
        parent: DoId,
        zones: &[ZoneId],
        context: ids::Context,
        caller: Channel,
    ) -> Flow {
        self.cancel_operation(cx, id);
        let location = |&zone: &ZoneId| Location::new(parent, zone);
        let mut new_zones: SmallVec<[ZoneId; 8]> = SmallVec::new();
        for zone in zones {
            if self.interests.cover(location(zone)) {
                new_zones.push(*zone);
            }
        }
        let interest = Interest { parent, zones: zones.into() };
        if let Some(previous) = self.interests.open.insert(id, interest) {
            self.close(cx, &previous)?;
        }
        // Zones that are being asked for already: this interest is not done before they are.
        let mut queries: SmallVec<[ids::Context; 2]> =
            zones.iter().filter_map(|zone| self.interests.query_for(location(zone))).collect();
        queries.sort_unstable();
        queries.dedup();
        for zones in new_zones.chunks(QUERY_ZONES_MAX) {
            queries.push(self.send_query(cx, parent, zones));
        }
        if queries.is_empty() {
            self.interest_done(cx, id, context, caller);
            return Ok(());
        }
        let serial = self.interests.new_serial();
        for query in &queries {
            if let Some(query) = self.interests.queries.get_mut(query) {
                query.waiting.push((id, serial));
            }
        }
        let operation = Operation { serial, context, caller, queries_open: queries.len() };
        self.interests.operations.insert(id, operation);
        Ok(())
    }

    /// Closes an interest. One that is not open is only reported as done.
    pub fn remove_interest(
        &mut self,
        cx: &mut Context<'_>,
        id: InterestId,
        context: ids::Context,
        caller: Channel,
    ) -> Flow {
        self.cancel_operation(cx, id);
        if let Some(interest) = self.interests.open.remove(&id) {
            self.close(cx, &interest)?;
        }
        self.interest_done(cx, id, context, caller);
        Ok(())
    }

    /// Asks the cluster for the objects in zones; from now on the session listens to them.
    fn send_query(&mut self, cx: &mut Context<'_>, parent: DoId, zones: &[ZoneId]) -> ids::Context {
        let context = self.new_context();
        for &zone in zones {
            let location = Location::new(parent, zone);
            if let Some(coverage) = self.interests.coverage.get_mut(&location) {
                coverage.query = Some(context);
            }
            self.subscribe(cx, location.channel());
        }
        self.interests.queries.insert(context, Query::new(parent, zones, cx.now));
        self.set_query_timer(cx, context, cx.now);
        let query = StateServer::ObjectGetZonesObjects { context, parent, zones: List::new(zones) };
        self.route_small(cx, parent.channel(), &query);
        context
    }

    fn set_query_timer(
        &self,
        cx: &mut Context<'_>,
        context: ids::Context,
        from: std::time::Instant,
    ) {
        let timeout = Duration::from_millis(cx.shared.config.interest_timeout_ms);
        cx.shared.deadlines.set(from + timeout, Timer::Query(self.key, context));
    }

    /// Takes an interest's zones back. What is in those that no interest has any more leaves the
    /// client's sight.
    fn close(&mut self, cx: &mut Context<'_>, interest: &Interest) -> Flow {
        let location = |&zone: &ZoneId| Location::new(interest.parent, zone);
        let mut closed = Set::with_hasher(cx.shared.seed);
        let covered = interest.zones.iter().map(location);
        closed.extend(covered.filter(|location| self.interests.uncover(*location)));
        if closed.is_empty() {
            return Ok(());
        }
        let mut leaving = self.view.seen_where(|location| closed.contains(&location));
        if leaving.iter().any(|&do_id| self.view.is_session_object(do_id)) {
            return Err(End::eject(
                EjectReason::SessionObjectDeleted,
                "A session object has unexpectedly left interest.",
            ));
        }
        leaving.sort_unstable();
        for do_id in leaving {
            self.leave_sight(cx, do_id);
        }
        for location in &closed {
            self.unsubscribe(cx, location.channel());
        }
        self.interests.drop_uncovered();
        self.finish_abandoned(cx, interest.parent);
        Ok(())
    }

    /// Queries of which all zones have been closed have nothing to wait for: what they hold is in
    /// zones that are still open. They are kept to know their late answers.
    fn finish_abandoned(&mut self, cx: &mut Context<'_>, parent: DoId) {
        let mut abandoned: SmallVec<[ids::Context; 2]> = self
            .interests
            .queries
            .iter()
            .filter(|(_, query)| query.parent == parent && query.is_abandoned())
            .map(|(&context, _)| context)
            .collect();
        // In the order in which they were sent, whatever the order of the table.
        abandoned.sort_unstable();
        for context in abandoned {
            self.release(cx, context);
            let is_over = |query: &Query| query.is_answered() || query.expired;
            if self.interests.queries.get(&context).is_some_and(is_over) {
                self.interests.remove_query(context);
            }
        }
        self.finish_held_back(cx);
    }

    /// Ends an operation before its time, because its interest is altered or closed.
    fn cancel_operation(&mut self, cx: &mut Context<'_>, id: InterestId) {
        if let Some(Operation { context, caller, .. }) = self.interests.operations.remove(&id) {
            self.interest_done(cx, id, context, caller);
        }
    }

    fn interest_done(
        &mut self,
        cx: &mut Context<'_>,
        interest: InterestId,
        context: ids::Context,
        caller: Channel,
    ) {
        self.tell_caller(cx, interest, caller);
        self.send(cx.shared, &Client::DoneInterestResp { context, interest });
    }

    fn tell_caller(&mut self, cx: &mut Context<'_>, interest: InterestId, caller: Channel) {
        if caller.is_some() {
            let done = ClientAgent::DoneInterestResp { client: self.channel, interest };
            self.route_small(cx, caller, &done);
        }
    }

    /// The session ends: whoever waits for its interests need not wait any more.
    pub fn finish_operations_of_callers(&mut self, cx: &mut Context<'_>) {
        let mut operations: Vec<_> = self.interests.operations.drain().collect();
        operations.sort_unstable_by_key(|(_, operation)| operation.serial);
        for (id, operation) in operations {
            self.tell_caller(cx, id, operation.caller);
        }
    }

    /// The cluster says how many objects a query will find.
    pub fn query_count(&mut self, cx: &mut Context<'_>, context: ids::Context, count: u32) {
        let Some(query) = self.interests.queries.get_mut(&context) else {
            tracing::debug!(client = %self.allocated, %context, "count for an unknown query");
            return;
        };
        query.total.get_or_insert(count);
        self.note_answer(cx, context);
    }

    /// A query has found an object.
    pub fn query_object(
        &mut self,
        cx: &mut Context<'_>,
        context: ids::Context,
        object: &ObjectState<'_>,
        frame: &[u8],
    ) {
        let Some(query) = self.interests.queries.get_mut(&context) else {
            tracing::debug!(client = %self.allocated, %context, "object of an unknown query");
            return;
        };
        query.received = query.received.saturating_add(1);
        let (do_id, location) = (object.do_id, object.location);
        let (is_its_zone, expired) = (query.asks_for(location), query.expired);
        // A zone that was closed and opened again has another query, which knows better.
        let is_still_its = self.interests.coverage.get(&location).map(|c| c.query == Some(context));
        if is_still_its == Some(true)
            && let Some(at) = query.doubtful.iter().position(|&doubtful| doubtful == do_id)
        {
            query.doubtful.swap_remove(at);
            self.forget_outdated(cx, do_id);
        }
        if let Some(known) = self.view.known_mut(do_id)
            && known.tie.is_seen()
        {
            known.location = location;
        } else {
            match is_still_its {
                Some(true) if !expired => {
                    let class_id = object.class_id;
                    self.interests.hold_object(context, do_id, class_id, location, frame, true);
                }
                Some(is_still_its) if is_still_its || !is_its_zone => {
                    self.object_entered(cx, object, frame);
                }
                _ => {}
            }
        }
        self.note_answer(cx, context);
    }

    /// What happened to an object before its zone was asked for has not been heard: the client is told of
    /// it anew.
    pub fn forget_outdated(&mut self, cx: &mut Context<'_>, do_id: DoId) {
        self.interests.drop_pending(do_id);
        if self.view.sees(do_id) && !self.view.is_session_object(do_id) {
            self.leave_sight(cx, do_id);
        }
    }

    fn note_answer(&mut self, cx: &mut Context<'_>, context: ids::Context) {
        cx.shared.last_answer = Some(cx.now);
        let Some(query) = self.interests.queries.get_mut(&context) else {
            return;
        };
        query.answered = Some(cx.now);
        if !query.is_answered() {
            return;
        }
        if query.is_abandoned() || query.expired {
            self.interests.remove_query(context);
        } else if self.interests.must_wait(context) {
            self.interests.hold_back(context);
        } else {
            self.finish(cx, context);
        }
    }

    /// A query's time is over, unless answers are still coming.
    pub fn query_due(&mut self, cx: &mut Context<'_>, context: ids::Context) {
        let Some(query) = self.interests.queries.get(&context) else {
            return;
        };
        let timeout = Duration::from_millis(cx.shared.config.interest_timeout_ms);
        let is_recent = |at: std::time::Instant| at + timeout > cx.now;
        let (answered, began) = (query.answered, query.began);
        let extended = match answered {
            Some(at) => Some(at).filter(|&at| is_recent(at)),
            None => cx
                .shared
                .last_answer
                .filter(|&at| is_recent(at) && cx.now < began + timeout * PATIENCE),
        };
        if let Some(from) = extended {
            self.set_query_timer(cx, context, from);
        } else if query.held_back && !self.interests.waits_in_a_circle(context) {
            // The query that it waits for has a time of its own.
            self.set_query_timer(cx, context, cx.now);
        } else {
            let (client, parent) = (self.allocated, query.parent);
            let (received, total) = (query.received, query.total);
            if !query.is_abandoned() {
                tracing::warn!(
                    %client, %parent, received, total,
                    "an interest was not answered in time; the client gets what has come"
                );
            }
            self.expire(cx, context);
        }
    }

    /// Tells the client what a query has found, then that its operations are done, then what happened
    /// meanwhile.
    fn finish(&mut self, cx: &mut Context<'_>, context: ids::Context) {
        self.release(cx, context);
        self.interests.remove_query(context);
        self.finish_held_back(cx);
    }

    /// As [`Session::finish`], but what the query still finds is not lost.
    fn expire(&mut self, cx: &mut Context<'_>, context: ids::Context) {
        self.release(cx, context);
        match self.interests.queries.get_mut(&context) {
            Some(query) if !query.is_abandoned() && !query.is_answered() => query.expired = true,
            _ => self.interests.remove_query(context),
        }
        self.finish_held_back(cx);
    }

    /// Queries that waited only for their parent to be told.
    pub fn finish_held_back(&mut self, cx: &mut Context<'_>) {
        while self.interests.held_back > 0 {
            let interests = &self.interests;
            let ready = interests
                .queries
                .iter()
                .filter(|(context, query)| query.held_back && !interests.must_wait(**context))
                .map(|(&context, _)| context)
                .min();
            let Some(context) = ready else {
                return;
            };
            self.release(cx, context);
            self.interests.remove_query(context);
        }
    }

    /// Empties a query.
    fn release(&mut self, cx: &mut Context<'_>, context: ids::Context) {
        let Some(query) = self.interests.queries.get_mut(&context) else {
            return;
        };
        if std::mem::take(&mut query.held_back) {
            self.interests.held_back -= 1;
        }
        let doubtful = std::mem::take(&mut query.doubtful);
        self.drop_doubtful(cx, context, &doubtful);
        let Some(query) = self.interests.queries.get_mut(&context) else {
            return;
        };
        let found = std::mem::take(&mut query.found);
        let queue = std::mem::take(&mut query.queue);
        let frames = std::mem::take(&mut query.frames);
        let waiting = std::mem::take(&mut query.waiting);
        let dropped = std::mem::take(&mut query.dropped);
        let is_told = |record: &&Record| !dropped.contains(&record.serial);
        let mut over = FxHashSet::default();
        let before = self.outbox.bytes.len();
        for record in found.iter().filter(is_told) {
            self.release_record(cx, record, &frames[record.frame.clone()], &mut over);
        }
        self.outbox.burst += self.outbox.bytes.len() - before;
        for (id, serial) in waiting {
            self.query_is_done(cx, id, serial);
        }
        for record in queue.iter().filter(is_told) {
            self.release_record(cx, record, &frames[record.frame.clone()], &mut over);
        }
        for record in found.iter().chain(&queue) {
            if self.interests.pending.get(&record.do_id).is_some_and(|p| p.serial == record.serial)
            {
                self.interests.pending.remove(&record.do_id);
            }
        }
    }

    /// Objects that were said to be in a query's zones, and that it did not find there.
    fn drop_doubtful(&mut self, cx: &mut Context<'_>, context: ids::Context, doubtful: &[DoId]) {
        for &do_id in doubtful {
            let Some(query) = self.interests.queries.get(&context) else {
                return;
            };
            let seen_at = self.view.seen_at(do_id);
            let pending = self.interests.pending.get(&do_id);
            if pending.is_some_and(|pending| query.asks_for(pending.location)) {
                self.interests.drop_pending(do_id);
            } else if seen_at.is_some_and(|location| query.asks_for(location))
                && !self.view.is_session_object(do_id)
            {
                self.leave_sight(cx, do_id);
            }
        }
    }

    /// Sends what was held back. `over` are the stays that the client is shown although they have ended
    /// since: their leave follows.
    fn release_record(
        &mut self,
        cx: &mut Context<'_>,
        record: &Record,
        frame: &[u8],
        over: &mut FxHashSet<u32>,
    ) {
        let &Record { do_id, serial, held, .. } = record;
        let pending = self.interests.pending.get(&do_id).filter(|p| p.serial == serial);
        match held {
            Held::Entrance { class_id, location } => {
                let is_over = pending.is_none();
                let location = pending.map_or(location, |pending| pending.location);
                let is_news = !self.view.sees(do_id) && self.interests.covers(location);
                if is_over && is_news {
                    over.insert(serial);
                }
                if !is_over || is_news {
                    self.enter_sight(cx, do_id, class_id, location, frame);
                }
            }
            Held::Update if pending.is_some() || over.contains(&serial) => {
                self.send_frame(cx.shared, frame);
            }
            Held::Leave if over.contains(&serial) && self.view.sees(do_id) => {
                self.leave_sight(cx, do_id);
            }
            Held::Update | Held::Leave => {}
        }
    }

    /// One of the queries that an operation waits for is finished.
    fn query_is_done(&mut self, cx: &mut Context<'_>, id: InterestId, serial: u32) {
        let Some(operation) = self.interests.operations.get_mut(&id) else {
            return;
        };
        if operation.serial != serial {
            return;
        }
        operation.queries_open -= 1;
        if operation.queries_open == 0 {
            let Operation { context, caller, .. } = *operation;
            self.interests.operations.remove(&id);
            self.interest_done(cx, id, context, caller);
        }
    }
}
