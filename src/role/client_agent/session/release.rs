//! What queries have held back is told.

use rustc_hash::FxHashSet;
use smallvec::SmallVec;

use super::Session;
use crate::ids::{self, InterestId};
use crate::message::ObjectState;
use crate::metrics;
use crate::role::client_agent::agent::Context;
use crate::role::client_agent::interest::{Group, Held, Holding, Record, Shared};

/// Operations that have waited for a query.
pub(super) type Waiting = SmallVec<[(InterestId, u32); 2]>;

/// So many bytes are made room for at once: a buffer that grows is copied each time.
const LARGE: usize = 64 * 1024;

impl Session {
    /// Tells the client what a query has found, then that its operations are done, then what happened
    /// meanwhile.
    pub(super) fn finish(&mut self, cx: &mut Context<'_>, context: ids::Context) {
        if cx.shared.manners.sorts_found {
            self.finish_if_ready(cx, &[context]);
        } else {
            self.release(cx, context);
            self.interests.forget(context);
        }
        self.finish_held_back(cx);
    }

    /// The same, where what is found has an order, of those queries that need not wait for others: with all that is to be told with
    /// them.
    fn finish_if_ready(&mut self, cx: &mut Context<'_>, contexts: &[ids::Context]) {
        let mut contexts = Group::from(contexts);
        while let Some(context) = contexts.pop() {
            let Some(group) = self.interests.told_with(context) else { continue };
            for &one in &group {
                self.drop_doubtful(cx, one);
            }
            self.interests.put_together(&group);
            let waiting = self.release(cx, group[0]);
            for &one in &group {
                self.interests.forget(one);
                self.query_is_retold(cx, one);
            }
            // Others may have waited for these alone.
            contexts.extend(waiting.iter().flat_map(|&one| self.interests.ready_of(one)));
        }
    }

    /// Of these queries some may have waited for others, and need not any more: somebody waits for less.
    pub(super) fn need_not_wait(&mut self, cx: &mut Context<'_>, contexts: &[ids::Context]) {
        if cx.shared.manners.sorts_found && !contexts.is_empty() {
            self.finish_if_ready(cx, contexts);
            self.finish_held_back(cx);
        }
    }

    /// A query is over that some waited for: others may have waited for it alone.
    pub(super) fn is_over(&mut self, cx: &mut Context<'_>, waiting: &Waiting) {
        if cx.shared.manners.sorts_found {
            let ready: Group =
                waiting.iter().flat_map(|&one| self.interests.ready_of(one)).collect();
            self.finish_if_ready(cx, &ready);
        }
    }

    /// Queries that waited only for their parent to be told.
    pub(super) fn finish_held_back(&mut self, cx: &mut Context<'_>) {
        while let Some(context) = self.interests.next_ready() {
            if cx.shared.manners.sorts_found {
                self.finish_if_ready(cx, &[context]);
            } else {
                self.release(cx, context);
                self.interests.forget(context);
            }
        }
    }

    /// Empties a query: what it holds is told. It stays in its phase. Who has waited for it.
    pub(super) fn release(&mut self, cx: &mut Context<'_>, context: ids::Context) -> Waiting {
        self.drop_doubtful(cx, context);
        let Some(mut holding) = self.interests.take_holding(context) else {
            return Waiting::new();
        };
        if cx.shared.manners.sorts_found {
            holding.sort_found();
        }
        let (dropped, is_any) = (&holding.dropped, !holding.dropped.is_empty());
        let is_told = |record: &&Record| !is_any || !dropped.contains(&record.serial);
        let mut over = FxHashSet::default();
        let before = self.outbox.bytes.len();
        if holding.bytes() > LARGE {
            self.outbox.open(cx.shared, &self.identity).reserve_exact(holding.bytes());
        }
        self.view.reserve(holding.found_count());
        let are_as_found = self.interests.are_as_found_by(context);
        for shared in &holding.shared {
            if are_as_found {
                self.all_enter_sight(cx, &shared.found);
            } else {
                self.release_shared(cx, shared, &holding, &mut over);
            }
        }
        for record in holding.found.iter().filter(is_told) {
            let frame = &holding.frames[record.frame.clone()];
            match record.held {
                // Where each of many is now need not be looked for.
                Held::Entrance { class_id, location } if are_as_found => {
                    self.enter_sight(cx, record.do_id, class_id, location, frame);
                }
                _ => self.release_record(cx, record, frame, &mut over),
            }
        }
        self.outbox.burst += self.outbox.bytes.len() - before;
        for &(id, serial) in &holding.waiting {
            self.query_is_over(cx, id, serial);
        }
        for record in holding.queue.iter().filter(is_told) {
            self.release_record(cx, record, &holding.frames[record.frame.clone()], &mut over);
        }
        self.interests.let_go(context, &holding);
        self.query_is_retold(cx, context);
        holding.waiting
    }

    /// As [`Session::release_record`], for objects to which something may have happened since they were found.
    fn release_shared(
        &mut self,
        cx: &mut Context<'_>,
        shared: &Shared,
        holding: &Holding,
        over: &mut FxHashSet<u32>,
    ) {
        let seed = cx.shared.seed;
        let frames = shared.found.frames(self.framing());
        let ranges = shared.found.ranges(self.framing());
        for ((object, serial), frame) in shared.stays().zip(ranges) {
            let ObjectState { do_id, class_id, location, .. } = object;
            // What was found twice stays once.
            let is_first = || holding.stay_of(seed, do_id).is_some_and(|stay| stay.2 == serial);
            if !holding.dropped.contains(&serial) && is_first() {
                let held = Held::Entrance { class_id, location };
                let record = Record { do_id, serial, held, frame: frame.clone() };
                self.release_record(cx, &record, &frames[frame], over);
            }
        }
    }

    /// Objects that were said to be in a query's zones, and that it did not find there.
    fn drop_doubtful(&mut self, cx: &mut Context<'_>, context: ids::Context) {
        let Some(query) = self.interests.query_mut(context) else {
            return;
        };
        for do_id in std::mem::take(&mut query.doubtful) {
            let Some(query) = self.interests.query(context) else {
                return;
            };
            let pending_at = self.interests.pending_at(do_id);
            let seen_at = self.view.seen_at(do_id);
            if pending_at.is_some_and(|location| query.asks_for(location)) {
                self.interests.drop_pending(do_id);
            } else if seen_at.is_some_and(|location| query.asks_for(location))
                && !self.view.is_session_object(do_id)
            {
                self.leave_sight(cx, do_id);
            }
        }
    }

    /// Tells what was held back. `over` are the stays that the client is shown although they have ended
    /// since: their leave follows.
    fn release_record(
        &mut self,
        cx: &mut Context<'_>,
        record: &Record,
        frame: &[u8],
        over: &mut FxHashSet<u32>,
    ) {
        let &Record { do_id, serial, held, .. } = record;
        let pending_at = self.interests.stays_at(do_id, serial);
        match held {
            Held::Entrance { class_id, location } => {
                if pending_at.is_none() {
                    if self.view.sees(do_id) || !self.interests.covers(location) {
                        return;
                    }
                    over.insert(serial);
                }
                let location = pending_at.unwrap_or(location);
                self.enter_sight(cx, do_id, class_id, location, frame);
            }
            Held::Update if pending_at.is_some() || over.contains(&serial) => {
                self.send_frame(cx.shared, frame);
            }
            Held::Leave if over.contains(&serial) && self.view.sees(do_id) => {
                self.leave_sight(cx, do_id);
            }
            Held::End if over.contains(&serial) && self.view.sees(do_id) => {
                self.end_in_sight(cx, do_id);
            }
            Held::Update | Held::Leave | Held::End => {}
        }
    }

    /// One of the queries that an operation waits for is over.
    fn query_is_over(&mut self, cx: &mut Context<'_>, id: InterestId, serial: u32) {
        if let Some(operation) = self.interests.query_is_over_for(id, serial) {
            metrics::INTEREST.time(&[], cx.now.saturating_duration_since(operation.since));
            self.interest_done(cx, id, operation.asked);
        }
    }
}
