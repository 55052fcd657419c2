//! What the cluster answers to queries, and what is done when it does not.

use std::time::Instant;

use super::Session;
use crate::ids::{self, DoId, Location, ZoneId};
use crate::message::ObjectState;
use crate::role::client_agent::agent::Context;
use crate::role::client_agent::interest::Phase;

/// While the cluster answers other queries, one that has found no object yet waits this many times the
/// configured time: its answers may stand behind those in some queue.
pub(super) const PATIENCE: u32 = 20;

impl Session {
    /// The cluster says how many objects a query will find.
    pub(super) fn query_count(&mut self, cx: &mut Context<'_>, context: ids::Context, count: u32) {
        let Some(query) = self.interests.query_mut(context) else {
            let client = self.identity.allocated;
            tracing::debug!(%client, %context, "count for an unknown query");
            return;
        };
        query.answers.total.get_or_insert(count);
        self.note_answer(cx, context);
    }

    /// A query has found an object.
    pub(super) fn query_object(
        &mut self,
        cx: &mut Context<'_>,
        context: ids::Context,
        object: &ObjectState<'_>,
        frame: &[u8],
    ) {
        let (do_id, location) = (object.do_id, object.location);
        // A zone that was closed and opened again has another query, which knows better.
        let is_still_its = self.interests.asked_at(location).map(|query| query == Some(context));
        let Some(query) = self.interests.query_mut(context) else {
            let client = self.identity.allocated;
            tracing::debug!(%client, %context, "object of an unknown query");
            return;
        };
        query.answers.received = query.answers.received.saturating_add(1);
        let is_paid_by_client = query.is_of_client;
        let (is_its_zone, expired) = (query.asks_for(location), query.phase() == Phase::Expired);
        if is_still_its == Some(true) && query.doubtful.remove(&do_id) {
            self.forget_outdated(cx, do_id);
        }
        if self.view.has_view_of(do_id) {
            self.view.move_to(do_id, location);
        } else {
            match is_still_its {
                Some(true) if self.delete_if_left_over(cx, do_id) => {}
                Some(true) if !expired => {
                    let class_id = object.class_id;
                    self.interests.hold_object(context, do_id, class_id, location, frame, true);
                }
                Some(is_still_its) if is_still_its || !is_its_zone => {
                    // However late it is, the client has asked for it.
                    let before = self.outbox.bytes.len();
                    self.object_entered(cx, object, frame);
                    self.outbox.burst += self.outbox.bytes.len() - before;
                }
                _ => {}
            }
        }
        if is_paid_by_client {
            self.pay_for_entry(cx, frame.len());
        }
        self.note_answer(cx, context);
    }

    /// What happened to an object before its zone was asked for has not been heard: the client is told of
    /// it anew.
    pub(super) fn forget_outdated(&mut self, cx: &mut Context<'_>, do_id: DoId) {
        self.interests.drop_pending(do_id);
        if self.view.sees(do_id) && !self.view.is_session_object(do_id) {
            self.leave_sight(cx, do_id);
        }
    }

    pub(super) fn note_answer(&mut self, cx: &mut Context<'_>, context: ids::Context) {
        let Some(query) = self.interests.query_mut(context) else {
            return;
        };
        cx.shared.note_answer(cx.now, query.began);
        query.answers.last = Some(cx.now);
        if !query.answers.are_complete() {
            return;
        }
        match query.phase() {
            Phase::Expired | Phase::Abandoned => self.interests.forget(context),
            Phase::Asking | Phase::HeldBack if self.interests.must_wait(context) => {
                self.interests.hold_back(context);
            }
            Phase::Asking | Phase::HeldBack => self.finish(cx, context),
        }
    }

    /// Whether a query is not over.
    pub fn asks(&self, context: ids::Context) -> bool {
        self.interests.query(context).is_some()
    }

    /// The open zones of a query whose time is over, if its parent has never answered it.
    pub fn zones_unanswered(&self, context: ids::Context) -> impl Iterator<Item = ZoneId> {
        let query = self.interests.query(context);
        let query = query.filter(|query| query.phase() == Phase::Expired && query.is_unanswered());
        query.into_iter().flat_map(move |query| {
            let is_its = move |zone| {
                let asked = self.interests.asked_at(Location::new(query.parent, zone));
                asked == Some(Some(context))
            };
            query.zones.iter().copied().filter(move |zone| is_its(*zone))
        })
    }

    /// A query's time is over, unless answers are still coming. Its parent, if that has not answered.
    pub fn query_due(&mut self, cx: &mut Context<'_>, context: ids::Context) -> Option<DoId> {
        let query = self.interests.query(context)?;
        let timeout = query.timeout(cx.shared);
        let is_recent = |at: Instant| at + timeout > cx.now;
        // Objects come one after the other. Before the first of them, those for others may. So may those for whoever has asked
        // before, between the first ones and the rest: who is asked for very many has those answer at once for whom there is
        // time, and the others in turns.
        let shared = &*cx.shared;
        let of_others = match query.answers.received {
            0 => shared.last_answer,
            _ => shared.oldest_answered.filter(|one| one.asked <= query.began).map(|one| one.at),
        };
        // However patient this is: it does not hang on what others do.
        let end = query.began + cx.shared.interest_timeout() * PATIENCE;
        let of_others = of_others.filter(|&at| is_recent(at) && cx.now < end);
        let its_own = query.answers.last.filter(|_| query.answers.received > 0);
        let its_own = its_own.filter(|&at| is_recent(at)).map(|at| at + timeout);
        if let Some(due) = its_own.max(of_others.map(|at| (at + timeout).min(end))) {
            self.set_query_timer(cx, context, due);
            return None;
        }
        let (parent, answers) = (query.parent, query.answers);
        match query.phase() {
            Phase::HeldBack if !self.interests.waits_in_a_circle(context) => {
                // The query that it waits for has a time of its own.
                self.set_query_timer(cx, context, cx.now + timeout);
                return None;
            }
            // It has all its answers, and waits for others that have times of their own.
            Phase::Asking if answers.are_complete() && cx.now < end => {
                self.set_query_timer(cx, context, cx.now + timeout);
                return None;
            }
            // Its time was over before.
            Phase::Expired => return None,
            Phase::Asking | Phase::HeldBack => {
                let client = self.identity.allocated;
                let (received, total) = (answers.received, answers.total);
                tracing::warn!(
                    %client, %parent, received, total,
                    "an interest was not answered in time; the client gets what has come"
                );
            }
            Phase::Abandoned => {}
        }
        let waiting = self.release(cx, context);
        self.interests.expire(context);
        self.is_over(cx, &waiting);
        self.finish_held_back(cx);
        self.zones_unanswered(context).next().map(|_| parent)
    }
}
