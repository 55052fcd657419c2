//! Interests are opened, altered and closed: what is asked of the cluster then, and what leaves sight.
//!
//! See [`super::super::interest`] for what an interest, a query and an operation are.

use std::time::Instant;

use smallvec::SmallVec;

use super::following::Cause;
use super::{End, Flow, Session};
use crate::hash::{Seed, Set};
use crate::ids::{self, Channel, DoId, InterestId, Location, ZoneId};
use crate::message::{ClientAgent, EjectReason, List, StateServer};
use crate::role::client_agent::agent::{Context, News, Timer, Zones};
use crate::role::client_agent::interest::{
    Asked, Emptied, Group, Interest, InterestKey, Phase, Query,
};

/// Zones that one query asks for at most: more would not fit a datagram.
pub(super) const QUERY_ZONES_MAX: usize = 16_000;

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
    /// Opens an interest, or gives an open one another parent or other zones. `zones` has each once. How many objects have left
    /// the client's sight.
    pub(super) fn add_interest(
        &mut self,
        cx: &mut Context<'_>,
        id: InterestId,
        parent: DoId,
        zones: &[ZoneId],
        asked: Asked,
    ) -> Result<usize, End> {
        let before = self.cancel_operation(cx, id);
        let is_of_client = !asked.caller.is_some();
        let (new_zones, left) = self.cover(cx, id.into(), parent, zones, is_of_client);
        let left = left.inspect_err(|_| {
            if new_zones.is_empty() {
                self.tell_caller(cx, id, asked.caller);
            } else {
                // The end of the session ends it, too.
                self.interests.begin_operation(id, asked, &[], cx.now);
            }
        })?;
        let location = |&zone: &ZoneId| Location::new(parent, zone);
        // Zones that are being asked for already: this interest is not done before they are.
        let mut queries: SmallVec<[ids::Context; 2]> =
            zones.iter().filter_map(|zone| self.interests.query_for(location(zone))).collect();
        queries.sort_unstable();
        queries.dedup();
        for zones in new_zones.chunks(QUERY_ZONES_MAX) {
            queries.push(self.send_query(cx, parent, zones, is_of_client));
        }
        if queries.is_empty() {
            self.interest_done(cx, id, asked);
        } else {
            self.interests.begin_operation(id, asked, &queries, cx.now);
            self.need_not_wait(cx, &queries);
        }
        self.need_not_wait(cx, &before);
        self.follow_interest(cx, id, if is_of_client { Cause::Client } else { Cause::Cluster })?;
        Ok(left)
    }

    /// Makes an interest have these zones, and no others any more. Those that no interest has had before, which are to be asked for,
    /// and how many objects have left sight.
    fn cover(
        &mut self,
        cx: &mut Context<'_>,
        key: InterestKey,
        parent: DoId,
        zones: &[ZoneId],
        is_of_client: bool,
    ) -> (SmallVec<[ZoneId; 8]>, Result<usize, End>) {
        let is_first = |zone: &ZoneId| self.interests.cover(Location::new(parent, *zone));
        let new_zones = zones.iter().copied().filter(is_first).collect();
        let closed = match self.interests.open(key, parent, zones, is_of_client) {
            Some(previous) => self.close(cx, &previous),
            None => Ok(0),
        };
        (new_zones, closed)
    }

    /// Opens or alters an interest of the agent's own, which nobody waits for.
    pub(super) fn keep_open(
        &mut self,
        cx: &mut Context<'_>,
        key: InterestKey,
        parent: DoId,
        zones: &[ZoneId],
        cause: Cause,
    ) -> Flow {
        if self.is_open_in(key, parent, zones) {
            return Ok(());
        }
        let (new_zones, closed) = self.cover(cx, key, parent, zones, false);
        closed?;
        for zones in new_zones.chunks(QUERY_ZONES_MAX) {
            self.send_query(cx, parent, zones, cause == Cause::Client);
        }
        Ok(())
    }

    /// Closes it, if it is open.
    pub(super) fn open_no_longer(&mut self, cx: &mut Context<'_>, key: InterestKey) -> Flow {
        match self.interests.close(key) {
            Some(interest) => self.close(cx, &interest).map(drop),
            None => Ok(()),
        }
    }

    /// Closes an interest. One that is not open is only reported as done.
    pub(super) fn remove_interest(
        &mut self,
        cx: &mut Context<'_>,
        id: InterestId,
        asked: Asked,
    ) -> Flow {
        let before = self.cancel_operation(cx, id);
        if let Some(interest) = self.interests.close(id.into())
            && let Err(end) = self.close(cx, &interest)
        {
            self.tell_caller(cx, id, asked.caller);
            return Err(end);
        }
        self.interest_done(cx, id, asked);
        self.need_not_wait(cx, &before);
        self.unfollow(cx, InterestKey::Beside(id))
    }

    /// Asks the cluster for the objects in zones; from now on the session listens to them.
    pub(super) fn send_query(
        &mut self,
        cx: &mut Context<'_>,
        parent: DoId,
        zones: &[ZoneId],
        is_of_client: bool,
    ) -> ids::Context {
        let query = Query::new(parent, zones, is_of_client, cx.now);
        let context = self.open_query(cx, query);
        self.ask_with_others(cx, context, Zones { parent, zones: zones.into() });
        context
    }

    /// Asks the cluster what a query is for; together with others, if somebody has asked for the same zones in this turn.
    fn ask_with_others(&self, cx: &mut Context<'_>, context: ids::Context, zones: Zones) {
        // The end of the turn.
        cx.out.go_on_later();
        if cx.shared.asking.is_first(zones.clone(), (self.identity.key, context)) {
            self.route_query(cx, context, &zones);
        }
    }

    /// Holds what the cluster is going to be asked for, and what happens to that. It is to be asked then.
    pub(super) fn open_query(&mut self, cx: &mut Context<'_>, query: Query) -> ids::Context {
        let context = self.identity.new_context();
        for &zone in &query.zones {
            self.subscribe(cx, Location::new(query.parent, zone).channel());
        }
        self.note_asked();
        self.set_query_timer(cx, context, query.began + query.timeout(cx.shared));
        self.interests.ask(context, query);
        context
    }

    fn route_query(&self, cx: &mut Context<'_>, context: ids::Context, zones: &Zones) {
        let Zones { parent, ref zones } = *zones;
        let query = StateServer::ObjectGetZonesObjects { context, parent, zones: List::new(zones) };
        self.route_small(cx, parent.channel(), &query);
    }

    /// Asks the cluster what has been put off, unless nobody wants to know it any more.
    pub(super) fn ask_now(&self, cx: &mut Context<'_>, context: ids::Context) {
        let query = self.interests.query(context).filter(|query| query.phase() == Phase::Asking);
        if let Some(Query { parent, zones, .. }) = query {
            self.ask_with_others(cx, context, Zones { parent: *parent, zones: zones.clone() });
        }
    }

    /// Whether somebody still wants to know what the cluster has not been asked yet.
    pub fn wants_to_ask(&self, context: ids::Context) -> bool {
        self.interests.query(context).is_some_and(|query| query.phase() == Phase::Asking)
    }

    /// Asks the cluster what nobody else wants to know that has waited, too.
    pub fn ask_alone(&self, cx: &mut Context<'_>, context: ids::Context, zones: &Zones) {
        self.route_query(cx, context, zones);
    }

    pub(super) fn set_query_timer(
        &self,
        cx: &mut Context<'_>,
        context: ids::Context,
        due: Instant,
    ) {
        cx.shared.deadlines.set(due, Timer::Query(self.identity.key, context));
    }

    /// Takes an interest's zones back. What is in those that no interest has any more leaves the
    /// client's sight; how many objects that are.
    fn close(&mut self, cx: &mut Context<'_>, interest: &Interest) -> Result<usize, End> {
        let zones = interest.zones.iter().map(|&zone| Location::new(interest.parent, zone));
        let mut emptied = Emptied::new();
        let closed: SmallVec<[Location; 8]> =
            zones.filter(|location| self.interests.uncover(*location, &mut emptied)).collect();
        if closed.is_empty() {
            return Ok(0);
        }
        let mut leaving: SmallVec<[DoId; 8]> =
            closed.iter().flat_map(|&location| self.view.all_seen_at(location)).collect();
        if leaving.iter().any(|&do_id| self.view.is_session_object(do_id)) {
            return Err(End::eject(
                EjectReason::SessionObjectDeleted,
                "A session object has unexpectedly left interest.",
            ));
        }
        leaving.sort_unstable();
        let left = self.all_leave_sight(cx, leaving);
        self.view.give_back();
        for &location in &closed {
            self.unsubscribe(cx, location.channel());
            self.view.remember_closed(cx, location);
            self.interests.drop_pending_at(location);
        }
        self.finish_abandoned(cx, emptied);
        Ok(left)
    }

    /// Queries of which all zones have been closed have nothing to wait for: what they hold is in
    /// zones that are still open. They are kept to know their late answers.
    fn finish_abandoned(&mut self, cx: &mut Context<'_>, mut emptied: Emptied) {
        // In the order in which they were sent.
        emptied.sort_unstable();
        for context in emptied {
            let waiting = self.release(cx, context);
            self.interests.abandon(context);
            self.is_over(cx, &waiting);
        }
        self.finish_held_back(cx);
    }

    /// Ends an operation before its time, because its interest is altered or closed. What it has waited for.
    fn cancel_operation(&mut self, cx: &mut Context<'_>, id: InterestId) -> Group {
        let Some(operation) = self.interests.end_operation(id) else { return Group::new() };
        self.interest_done(cx, id, operation.asked);
        operation.waits_for
    }

    /// Tells whoever waits for an interest that it is done.
    pub(super) fn interest_done(
        &mut self,
        cx: &mut Context<'_>,
        interest: InterestId,
        asked: Asked,
    ) {
        self.tell_caller(cx, interest, asked.caller);
        self.tell(cx.shared, &News::InterestDone { context: asked.context, interest });
    }

    fn tell_caller(&self, cx: &mut Context<'_>, interest: InterestId, caller: Channel) {
        if caller.is_some() {
            let client = self.identity.channel;
            let interest = cx.shared.manners.to_cluster(interest);
            self.route_small(cx, caller, &ClientAgent::DoneInterestResp { client, interest });
        }
    }

    /// The session ends: whoever waits for its interests need not wait any more.
    pub(super) fn finish_operations_of_callers(&mut self, cx: &mut Context<'_>) {
        for (id, operation) in self.interests.end_operations() {
            self.tell_caller(cx, id, operation.asked.caller);
        }
    }
}
