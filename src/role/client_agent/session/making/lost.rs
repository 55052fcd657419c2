//! What a client has made and is lost, or was not lost and should be.

use super::super::{Flow, Session};
use crate::ids::{DoId, ZoneId};
use crate::message::StateServer;
use crate::role::client_agent::agent::{Context, News, Timer};

impl Session {
    /// The client has moved something that is lost, before it was asked for it: it is asked for it there. Whether it is that.
    pub fn lost_is_moved(&mut self, cx: &mut Context<'_>, do_id: DoId, zone: ZoneId) -> bool {
        let is_lost = self.making.as_ref().is_some_and(|making| making.lost.contains(&do_id));
        if is_lost {
            self.ask_client(cx, zone);
        }
        is_lost
    }

    /// The client deletes something that is lost, and which it may yet describe, as it was asked for it. Whether it is that.
    pub fn lost_is_deleted(&mut self, cx: &mut Context<'_>, do_id: DoId) -> bool {
        let Some(making) = &mut self.making else { return false };
        let is_lost = making.lost.remove(&do_id);
        if is_lost {
            making.described_late.insert(do_id);
            let due = cx.now + cx.shared.patient_timeout();
            cx.shared.deadlines.set(due, Timer::Ending(self.identity.key, do_id));
            self.tell(cx.shared, &News::ObjectDeleted { do_id });
        }
        is_lost
    }

    /// Whether an object has one of the client's doIds, and is none that it has made.
    pub fn is_left_over(&self, do_id: DoId) -> bool {
        let (Some(making), Some(base)) = (&self.making, self.base()) else { return false };
        let is_its = do_id.0.checked_sub(base.0).is_some_and(|place| place < making.per_client);
        is_its && self.view.made_at(do_id).is_none()
    }

    /// Has such an object deleted once more: that it, or whoever had its doIds before, has had it deleted was lost with a
    /// connection. Whether it is one.
    pub fn delete_if_left_over(&self, cx: &mut Context<'_>, do_id: DoId) -> bool {
        let is_left_over = self.is_left_over(do_id);
        if is_left_over {
            let client = self.identity.allocated;
            tracing::debug!(%client, doId = %do_id, "what its maker has not any more is deleted");
            self.route_small(cx, do_id.channel(), &StateServer::ObjectDeleteRam { do_id });
        }
        is_left_over
    }

    /// Something that the client has made has answered that nobody owns it: that it does was lost with a connection.
    pub fn owns_again(&self, cx: &mut Context<'_>, do_id: DoId) -> Flow {
        let owner = self.identity.channel;
        self.say_to_made(cx, do_id, &StateServer::ObjectSetOwner { owner })
    }
}
