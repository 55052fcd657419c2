//! Who manages and who owns an object.

use tracing::{debug, warn};

use super::distributed_object::{DistributedObject, Ownership, World};
use super::entry::Audience;
use super::outbox::Targets;
use crate::ids::{Channel, Context, DoId};
use crate::message::StateServer;

impl DistributedObject {
    /// Sets the AI for this object, whatever its parent's is.
    pub(super) fn object_set_ai(&mut self, ai: Channel, sender: Channel, world: &mut World<'_>) {
        self.change_ai(ai, true, sender, world);
    }

    pub(super) fn object_get_ai(&self, context: Context, sender: Channel, world: &mut World<'_>) {
        let (do_id, ai) = (self.do_id, self.ai);
        let answer = StateServer::ObjectGetAiResp { context, do_id, ai };
        world.outbox.send(&[sender], self.channel(), &answer);
    }

    pub(super) fn object_get_owner(
        &self,
        context: Context,
        sender: Channel,
        world: &mut World<'_>,
    ) {
        let (do_id, owner) = (self.do_id, self.owner());
        let answer = StateServer::ObjectGetOwnerResp { context, do_id, owner };
        world.outbox.send(&[sender], self.channel(), &answer);
    }

    /// Takes over the parent's AI, unless the object has one of its own: the parent has told its children of a
    /// change, or has answered one that has come to it.
    pub(super) fn inherit_ai(
        &mut self,
        parent: DoId,
        ai: Channel,
        sender: Channel,
        world: &mut World<'_>,
    ) {
        if parent != self.location.parent {
            warn!(
                doId = %self.do_id, %parent, mine = %self.location.parent,
                "told the AI of an object that is not its parent"
            );
        } else if self.ai_is_explicit {
            debug!(doId = %self.do_id, %ai, "keeps its own AI");
        } else if sender == self.channel() && self.zones.is_some() {
            // It began with this object's own answer to a child and came back along parents on
            // several state servers: passing it on would go on for ever. Who has no children has only been
            // the name in which somebody set its parent's AI.
            warn!(
                doId = %self.do_id, %parent, %ai,
                "the object is its own ancestor: its AI came back and is not passed on"
            );
        } else {
            self.change_ai(ai, false, sender, world);
        }
    }

    fn change_ai(&mut self, new: Channel, explicit: bool, sender: Channel, world: &mut World<'_>) {
        let old = self.ai;
        if new == old {
            // Also when it is set to what it was inherited as: it stays inherited then.
            return;
        }
        let mut targets = Targets::default();
        targets.add(old);
        self.ai = new;
        self.ai_is_explicit = explicit;
        let do_id = self.do_id;
        let notice = StateServer::ObjectChangingAi { do_id, new, old };
        match self.zones.is_some() {
            true => world.tell_children(do_id, targets, sender, &notice),
            false => {
                world.outbox.send(targets.as_slice(), sender, &notice);
            }
        }
        if new.is_some() {
            self.enter(new, Audience::Ai, world);
        }
    }

    pub(super) fn object_set_owner(
        &mut self,
        new: Channel,
        sender: Channel,
        world: &mut World<'_>,
    ) {
        let old = self.owner();
        if new == old {
            return;
        }
        if old.is_some() {
            let do_id = self.do_id;
            let notice = StateServer::ObjectChangingOwner { do_id, new, old };
            world.outbox.send(&[old], sender, &notice);
        }
        let ownership = || Box::new(Ownership { owner: new, since: world.time });
        self.ownership = new.is_some().then(ownership);
        if new.is_some() {
            self.enter(new, Audience::Owner, world);
        }
    }
}
