//! Objects that come into a client's sight, move, and go.

use dclass::{Class, Field, Keywords};
use smallvec::SmallVec;

use super::following::Cause;
use super::{End, Flow, Session};
use crate::ids::{Channel, ClassId, DoId, Location};
use crate::message::{Cluster, EjectReason, ObjectState, StateServer};
use crate::role::client_agent::agent::{Context, News};
use crate::role::client_agent::interest::InterestKey;

impl Session {
    /// Somebody says that an object has come to a location.
    pub(super) fn object_shown(
        &mut self,
        cx: &mut Context<'_>,
        sender: Channel,
        object: &ObjectState<'_>,
        frame: &[u8],
    ) {
        let &ObjectState { do_id, location, .. } = object;
        self.made_is_heard_of(do_id);
        if self.is_late_answer(cx, sender, do_id, location) {
            tracing::debug!(client = %self.identity.allocated, doId = %do_id, %location, "in a closed zone");
            self.settle_doubts(cx, do_id, location);
        } else {
            self.object_entered(cx, object, frame);
        }
    }

    /// An object has come to a location that concerns the session.
    pub(super) fn object_entered(
        &mut self,
        cx: &mut Context<'_>,
        object: &ObjectState<'_>,
        frame: &[u8],
    ) {
        let &ObjectState { do_id, location, class_id, .. } = object;
        // Nothing is in doubt while nothing is asked for.
        if self.interests.is_asking() {
            self.settle_doubts(cx, do_id, location);
        }
        if self.view.has_view_of(do_id)
            || self.interests.holds(do_id)
            || self.delete_if_left_over(cx, do_id)
        {
            return;
        }
        // Behind the objects that are being asked for; and behind its own parent, if that waits.
        let held_by = self
            .interests
            .query_for(location)
            .or_else(|| self.interests.pending(location.parent).map(|parent| parent.query));
        if let Some(query) = held_by {
            self.interests.hold_object(query, do_id, class_id, location, frame, false);
        } else {
            self.enter_sight(cx, do_id, class_id, location, frame);
        }
    }

    /// An entrance says for certain where an object is. The client may believe it somewhere else.
    fn settle_doubts(&mut self, cx: &mut Context<'_>, do_id: DoId, location: Location) {
        self.interests.settle_doubt(do_id, location);
        let pending_at = self.interests.pending_at(do_id);
        if let Some(believed) = pending_at.or_else(|| self.view.seen_at(do_id))
            && believed != location
            && self.interests.settle_doubt(do_id, believed)
        {
            self.forget_outdated(cx, do_id);
        }
    }

    /// Whether an entrance can only be the answer to a query for a zone that has been closed since.
    /// Anything else that reaches the session was meant for it: it listens to the location, or somebody shows it
    /// the object on purpose.
    ///
    /// An answer may come when its query is long over: a child that its parent does not count yet answers with an
    /// entrance that nobody waits for. The child itself sends it; whoever shows something on purpose does so
    /// in his own name.
    fn is_late_answer(
        &self,
        cx: &Context<'_>,
        sender: Channel,
        do_id: DoId,
        location: Location,
    ) -> bool {
        if self.listening.contains(location.channel()) || self.interests.covers(location) {
            return false;
        }
        let is_the_objects_own = sender == do_id.channel();
        self.interests.was_asked_for(location)
            || is_the_objects_own && self.view.had_open(cx, location)
    }

    /// Tells the client of an object, unless it sees it already.
    pub(super) fn enter_sight(
        &mut self,
        cx: &mut Context<'_>,
        do_id: DoId,
        class_id: ClassId,
        location: Location,
        frame: &[u8],
    ) {
        if self.comes_into_sight(cx, do_id, class_id, location) {
            self.send_frame(cx.shared, frame);
        }
    }

    /// Notes that the client sees an object. Whether it is to be told so: it has not seen it before.
    pub(super) fn comes_into_sight(
        &mut self,
        cx: &Context<'_>,
        do_id: DoId,
        class_id: ClassId,
        location: Location,
    ) -> bool {
        let class = cx.shared.dc.class(class_id).map(Class::id);
        let comes = self.view.comes_into_sight(do_id, class, location);
        if comes && class.is_none() {
            let client = self.identity.allocated;
            tracing::warn!(%client, doId = %do_id, class = class_id.0, "object of an unknown class");
        }
        comes
    }

    /// Tells the client that an object is out of its sight, if it has been told that it sees it.
    pub(super) fn leave_sight(&mut self, cx: &mut Context<'_>, do_id: DoId) {
        self.out_of_sight(cx, do_id, &News::ObjectLeaves { do_id });
    }

    /// As [`Session::leave_sight`], of an object that is no more.
    pub(super) fn end_in_sight(&mut self, cx: &mut Context<'_>, do_id: DoId) {
        self.out_of_sight(cx, do_id, &News::ObjectDeleted { do_id });
    }

    fn out_of_sight(&mut self, cx: &mut Context<'_>, do_id: DoId, news: &News<'_>) {
        if self.view.sees(do_id) {
            self.tell(cx.shared, news);
        }
        self.view.unsee(do_id);
        self.view.remember_gone(cx, do_id);
    }

    /// As [`Session::leave_sight`], for all that is in zones that the client has closed. How many it was told of.
    pub(super) fn all_leave_sight(
        &mut self,
        cx: &mut Context<'_>,
        mut leaving: SmallVec<[DoId; 8]>,
    ) -> usize {
        leaving.retain(|&mut do_id| {
            let is_seen = self.view.sees(do_id);
            self.view.unsee(do_id);
            self.view.remember_gone(cx, do_id);
            is_seen
        });
        if !leaving.is_empty() {
            self.tell(cx.shared, &News::ObjectsLeave { do_ids: &leaving });
        }
        leaving.len()
    }

    /// The client knows an object that it is still to be shown, because it owns it: it has the update
    /// already, but the object that it will be shown is an older one. So state is told again then;
    /// what only happens is not.
    pub(super) fn hold_state(
        &mut self,
        cx: &Context<'_>,
        update: &Cluster<'_>,
        do_id: DoId,
        frame: &[u8],
    ) {
        let is_state = match update {
            Cluster::StateServer(StateServer::ObjectSetField { field, .. }) => {
                let field = cx.shared.dc.field(*field).map(Field::keywords);
                let is_state =
                    |keywords: Keywords| keywords.required() || keywords.ram() || keywords.db();
                field.is_some_and(is_state)
            }
            _ => true,
        };
        if is_state {
            self.interests.hold_update(do_id, frame);
        }
    }

    /// An object has been deleted.
    pub(super) fn object_deleted(
        &mut self,
        cx: &mut Context<'_>,
        do_id: DoId,
        is_uberdog: bool,
    ) -> Flow {
        // It is gone: the end of the session must not delete it again.
        if self.view.remove_session_object(do_id) {
            return Err(End::eject(
                EjectReason::SessionObjectDeleted,
                format!("The session object with id {do_id} has been unexpectedly deleted."),
            ));
        }
        self.forget_untold(cx, do_id);
        self.answers_no_more(do_id);
        let (seen, owned) = (self.view.sees(do_id), self.view.owns(do_id));
        if !seen && !owned && !is_uberdog && !self.view.knows(do_id) {
            if self.interests.end_by_deletion(do_id) {
                self.finish_held_back(cx);
            } else {
                tracing::debug!(client = %self.identity.allocated, doId = %do_id, "deletion of an unknown object");
            }
            return Ok(());
        }
        self.interests.drop_pending(do_id);
        self.finish_held_back(cx);
        if self.view.made_at(do_id).is_some() {
            return self.made_is_deleted(cx, do_id);
        }
        let owned_alone = self.view.owns_alone(do_id);
        if seen || owned_alone {
            self.tell(cx.shared, &News::ObjectDeleted { do_id });
            self.view.unsee(do_id);
        }
        if owned {
            if !owned_alone {
                self.tell(cx.shared, &News::OwnerLost { do_id });
            }
            self.view.disown(cx, do_id);
        }
        self.view.remember_gone(cx, do_id);
        self.is_told(cx, do_id);
        self.unfollow(cx, InterestKey::Around(do_id))
    }

    /// An object has moved. `frame` tells the client so.
    pub(super) fn object_moved(
        &mut self,
        cx: &mut Context<'_>,
        do_id: DoId,
        to: Location,
        frame: &[u8],
    ) -> Flow {
        self.tell_moved(cx, do_id, to, frame)?;
        self.follow(cx, do_id, to, Cause::Cluster)?;
        self.made_is_elsewhere(cx, do_id, to)
    }

    fn tell_moved(
        &mut self,
        cx: &mut Context<'_>,
        do_id: DoId,
        to: Location,
        frame: &[u8],
    ) -> Flow {
        let covered = self.interests.covers(to);
        let is_session_object = self.view.is_session_object(do_id);
        let owned = self.view.owns(do_id);
        let class = self.view.class_of(do_id).or_else(|| self.interests.pending_class(do_id));
        let frame = if cx.shared.voice.tells_moves(class) { frame } else { &[] };
        if covered {
            self.interests.doubt(do_id, to);
        }
        if !covered && self.is_untold_sight(do_id) {
            if is_session_object && !owned {
                return Err(Self::session_object_left(do_id));
            }
            self.view.unsee(do_id);
        }
        if self.interests.holds(do_id) {
            if covered {
                self.view.move_untold(do_id, to);
                self.interests.move_pending(do_id, to);
                self.interests.hold_update(do_id, frame);
                return Ok(());
            }
            if is_session_object && !owned {
                return Err(Self::session_object_left(do_id));
            }
            self.interests.end_stay(do_id);
            self.finish_held_back(cx);
            if !is_session_object {
                return Ok(());
            }
        }
        let Some(tie) = self.view.move_to(do_id, to) else {
            return Ok(());
        };
        if !tie.is_seen() || covered || (is_session_object && owned) {
            if !self.is_retelling() || self.view.tie_of(do_id).is_some() {
                self.send_frame(cx.shared, frame);
            }
        } else if is_session_object {
            return Err(Self::session_object_left(do_id));
        } else {
            if owned && cx.shared.manners.tells_own_moves {
                self.send_frame(cx.shared, frame);
            }
            self.leave_sight(cx, do_id);
        }
        Ok(())
    }

    fn session_object_left(do_id: DoId) -> End {
        End::eject(
            EjectReason::SessionObjectDeleted,
            format!("The session object with id {do_id} has unexpectedly left interest."),
        )
    }

    /// The client itself has moved an object: it knows.
    pub(super) fn note_relocation(&mut self, cx: &mut Context<'_>, do_id: DoId, to: Location) {
        self.view.move_to(do_id, to);
        if self.interests.holds(do_id) {
            self.interests.move_pending(do_id, to);
            if !self.interests.covers(to) {
                self.interests.drop_pending(do_id);
                self.finish_held_back(cx);
            }
        }
    }
}
