//! Objects that come into a client's possession, and that it loses.

use super::following::Cause;
use super::{End, Flow, Session};
use crate::ids::{Channel, DoId, Location};
use crate::message::{EjectReason, ObjectState};
use crate::role::client_agent::agent::{Context, News};
use crate::role::client_agent::interest::InterestKey;

impl Session {
    /// The client owns an object from now on, or is told again what it owns.
    ///
    /// # Errors
    /// The session ends: interests that follow the object have left one of its own.
    pub fn ownership_gained(
        &mut self,
        cx: &mut Context<'_>,
        object: &ObjectState<'_>,
        frame: &[u8],
    ) -> Flow {
        let &ObjectState { do_id, location, class_id, .. } = object;
        if self.delete_if_left_over(cx, do_id) {
            return Ok(());
        }
        if cx.shared.is_comparing && self.view.is_told_own(do_id) {
            // It has been another's meanwhile. Some clients cannot be given what they have.
            self.tell(cx.shared, &News::OwnerLost { do_id });
        }
        if cx.shared.dc.class(class_id).is_some() {
            self.view.own(do_id, class_id, location);
            if self.view.owns_alone(do_id) {
                // It is not going to be shown it.
                self.interests.drop_pending(do_id);
                self.finish_held_back(cx);
            }
        } else {
            let client = self.identity.allocated;
            tracing::warn!(%client, doId = %do_id, class = class_id.0, "owned object of an unknown class");
        }
        self.send_frame(cx.shared, frame);
        if self.view.untold(do_id).is_none() {
            self.is_told(cx, do_id);
        }
        self.follow(cx, do_id, location, Cause::Cluster)
    }

    /// Where the client sees an object of which it has had no view but its own: from now on that is one of what it sees.
    fn goes_on_seeing(&self, do_id: DoId) -> Option<Location> {
        let at = self.view.known_at(do_id).filter(|_| self.view.owns_alone(do_id));
        at.filter(|at| self.interests.covers(*at))
    }

    /// An object has got another owner.
    pub(super) fn owner_changed(
        &mut self,
        cx: &mut Context<'_>,
        do_id: DoId,
        new: Channel,
    ) -> Flow {
        if new == self.identity.channel {
            return Ok(());
        }
        if !self.view.owns(do_id) {
            tracing::error!(client = %self.identity.allocated, doId = %do_id, "loses an object that it does not own");
            return Ok(());
        }
        if self.view.is_session_object(do_id) {
            return Err(End::eject(
                EjectReason::SessionObjectDeleted,
                format!("The session object with id {do_id} has unexpectedly left ownership."),
            ));
        }
        if let Some(location) = self.goes_on_seeing(do_id) {
            // Its own view may not have said where it is.
            self.tell(cx.shared, &News::ObjectMoves { do_id, location });
            self.view.see(do_id, self.view.class_of(do_id), location);
        } else if self.view.is_told_own(do_id) {
            self.tell(cx.shared, &News::OwnerLost { do_id });
        }
        self.view.disown(cx, do_id);
        self.unfollow(cx, InterestKey::Around(do_id))
    }
}
