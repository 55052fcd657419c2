//! The end of an object, and of those below it.

use tracing::warn;

use super::distributed_object::{DistributedObject, Fate, World};
use super::outbox::Targets;
use crate::ids::{Channel, DoId, Location};
use crate::message::StateServer;

/// Whether a deleted object's parent has to be told.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Notice {
    Parent,
    /// It is the parent who deletes the object.
    None,
}

impl DistributedObject {
    /// Goes with its AI.
    pub(super) fn delete_ai_objects(
        &mut self,
        ai: Channel,
        sender: Channel,
        world: &mut World<'_>,
    ) -> Fate {
        if ai != self.ai {
            warn!(doId = %self.do_id, %ai, mine = %self.ai, "told to go with another AI");
            return Fate::Lives;
        }
        self.delete(sender, Notice::Parent, world)
    }

    pub(super) fn object_delete_ram(
        &mut self,
        do_id: DoId,
        sender: Channel,
        world: &mut World<'_>,
    ) -> Fate {
        match do_id == self.do_id {
            true => self.delete(sender, Notice::Parent, world),
            false => Fate::Lives,
        }
    }

    /// The order to a parent, and the same that the parent passes on to its children.
    pub(super) fn object_delete_children(
        &mut self,
        parent: DoId,
        sender: Channel,
        world: &mut World<'_>,
    ) -> Fate {
        if parent == self.do_id {
            self.delete_children(sender, world);
        } else if parent == self.location.parent {
            return self.delete(sender, Notice::None, world);
        }
        Fate::Lives
    }

    /// Deletes the object, in the name of `sender`.
    fn delete(&mut self, sender: Channel, notice: Notice, world: &mut World<'_>) -> Fate {
        let (do_id, old) = (self.do_id, self.location);
        if old.parent.is_some() && notice == Notice::Parent {
            let moving = StateServer::ObjectChangingLocation { do_id, new: Location::NONE, old };
            world.outbox.send(&[old.parent.channel()], sender, &moving);
        }
        let deleted = StateServer::ObjectDeleteRam { do_id };
        world.outbox.send(self.audience().as_slice(), sender, &deleted);
        self.delete_children(sender, world);
        self.leave_parent(world, true);
        world.outbox.effects.unsubscribe(self.channel());
        Fate::Deleted
    }

    /// Deletes all children, wherever they are.
    fn delete_children(&mut self, sender: Channel, world: &mut World<'_>) {
        if self.zones.take().is_some() {
            let order = StateServer::ObjectDeleteChildren { parent: self.do_id };
            world.tell_children(self.do_id, Targets::default(), sender, &order);
        }
    }
}
