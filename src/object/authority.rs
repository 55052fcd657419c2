//! Who manages and who owns an object.

use tracing::{debug, warn};

use super::distributed_object::{Audience, DistributedObject, World};
use super::outbox::Targets;
use crate::ids::{Channel, DoId};
use crate::message::StateServer;

impl DistributedObject {
    /// Handles the messages about AI and owner.
    pub(super) fn handle_authority(
        &mut self,
        sender: Channel,
        message: &StateServer<'_>,
        world: &mut World<'_>,
    ) {
        let do_id = self.do_id;
        match *message {
            StateServer::ObjectSetAi { ai } => {
                self.change_ai(ai, true, sender, world);
            }
            StateServer::ObjectGetAi { context } => {
                let ai = self.ai;
                let answer = StateServer::ObjectGetAiResp { context, do_id, ai };
                world.outbox.send(&[sender], self.channel(), &answer);
            }
            StateServer::ObjectChangingAi { do_id: parent, new: ai, .. }
            | StateServer::ObjectGetAiResp { do_id: parent, ai, .. } => {
                self.inherit_ai(parent, ai, sender, world);
            }
            StateServer::ObjectSetOwner { owner } => self.change_owner(owner, sender, world),
            StateServer::ObjectGetOwner { context } => {
                let owner = self.owner;
                let answer = StateServer::ObjectGetOwnerResp { context, do_id, owner };
                world.outbox.send(&[sender], self.channel(), &answer);
            }
            _ => unreachable!("the caller passes only messages about AI and owner"),
        }
    }

    /// Takes over the parent's AI, unless the object has one of its own.
    fn inherit_ai(&mut self, parent: DoId, ai: Channel, sender: Channel, world: &mut World<'_>) {
        if parent != self.location.parent {
            warn!(
                doId = %self.do_id, %parent, mine = %self.location.parent,
                "told the AI of an object that is not its parent"
            );
        } else if self.ai_is_explicit {
            debug!(doId = %self.do_id, %ai, "keeps its own AI");
        } else if sender == self.channel() {
            // It began with this object's own answer to a child and came back along parents on
            // several state servers: passing it on would go on for ever.
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
        if self.zones.is_some() {
            targets.add(self.do_id.children());
        }
        self.ai = new;
        self.ai_is_explicit = explicit;
        let do_id = self.do_id;
        let notice = StateServer::ObjectChangingAi { do_id, new, old };
        world.outbox.send(targets.as_slice(), sender, &notice);
        if new.is_some() {
            self.enter(new, Audience::Ai, world);
        }
    }

    fn change_owner(&mut self, new: Channel, sender: Channel, world: &mut World<'_>) {
        let old = self.owner;
        if new == old {
            return;
        }
        if old.is_some() {
            let do_id = self.do_id;
            let notice = StateServer::ObjectChangingOwner { do_id, new, old };
            world.outbox.send(&[old], sender, &notice);
        }
        self.owner = new;
        if new.is_some() {
            self.enter(new, Audience::Owner, world);
        }
    }
}
