//! Where an object is: moving, its entry, and what it learns about its children's moves.

use tracing::warn;

use super::children::ZoneTable;
use super::distributed_object::{DistributedObject, World};
use super::entry::Audience;
use super::outbox::Targets;
use crate::ids::{Channel, Context, DoId, Location};
use crate::message::StateServer;

/// Context of the question with which a new object finds children that were there before it.
const WAKE_CHILDREN: Context = Context(1001);
/// Context of the question with which an object finds out which children elsewhere are still there.
pub(super) const COMPARE_CHILDREN: Context = Context(u32::MAX);
/// Context of the question to a parent elsewhere about its AI, when a change of it may have been missed.
pub(super) const COMPARE_AI: Context = Context(u32::MAX);

/// What a child tells its parent as if that had just been made, and had asked: where it is.
pub(super) const fn told_location(do_id: DoId, location: Location) -> StateServer<'static> {
    StateServer::ObjectGetLocationResp { context: WAKE_CHILDREN, do_id, location }
}

impl DistributedObject {
    /// Begins the object's life: puts it where it was created, and asks who its children are.
    pub(super) fn awake(&mut self, location: Location, sender: Channel, world: &mut World<'_>) {
        world.outbox.effects.subscribe(self.channel());
        self.object_set_location(location, sender, world);
        let question = StateServer::ObjectGetLocation { context: WAKE_CHILDREN };
        world.tell_children(self.do_id, Targets::default(), self.channel(), &question);
    }

    pub(super) fn object_get_location(
        &self,
        context: Context,
        sender: Channel,
        world: &mut World<'_>,
    ) {
        let (do_id, location) = (self.do_id, self.location);
        let answer = StateServer::ObjectGetLocationResp { context, do_id, location };
        world.outbox.send(&[sender], self.channel(), &answer);
    }

    /// The parent has counted the object, unless it has moved on meanwhile.
    pub(super) fn object_location_ack(&mut self, location: Location) {
        self.parent_synchronized |= location == self.location;
    }

    /// Moves the object and tells everyone concerned, in the name of whoever moves it.
    pub(super) fn object_set_location(
        &mut self,
        new: Location,
        sender: Channel,
        world: &mut World<'_>,
    ) {
        let old = self.location;
        if new.parent == self.do_id {
            warn!(doId = %self.do_id, %sender, "an object cannot be its own parent");
            return;
        }
        if new == old {
            return;
        }
        let mut targets = Targets::default();
        targets.add(self.ai);
        targets.add(self.owner());
        if old.parent.is_some() {
            targets.add(old.parent.channel());
            targets.add(old.channel());
        }
        self.leave_parent(world, old.parent != new.parent);
        self.location = new;
        self.join_parent(world, old.parent != new.parent);
        if new.parent.is_some() {
            targets.add(new.parent.channel());
        }
        let notice = StateServer::ObjectChangingLocation { do_id: self.do_id, new, old };
        world.outbox.send(targets.as_slice(), sender, &notice);
        // The parent does not count the object here until it has heard of the move.
        self.parent_synchronized = false;
        if let Some(location) = self.location_channel() {
            self.enter(location, Audience::Location, world);
        }
    }

    /// Takes the object out of its parent's children, and out of their channel if it leaves the parent
    /// as the last one.
    pub(super) fn leave_parent(&self, world: &mut World<'_>, for_another: bool) {
        let parent = self.location.parent;
        if !parent.is_some() {
            return;
        }
        let last = world.children.remove(self.do_id, self.location);
        if last && for_another {
            world.outbox.effects.unsubscribe(parent.children());
        }
    }

    /// The counterpart of [`Self::leave_parent`]; under a new parent the object asks for its AI.
    fn join_parent(&mut self, world: &mut World<'_>, is_another: bool) {
        let parent = self.location.parent;
        if !parent.is_some() {
            if is_another && !self.ai_is_explicit {
                self.ai = Channel::NONE;
            }
            return;
        }
        let first = world.children.insert(self.do_id, self.location);
        if !is_another {
            return;
        }
        if first {
            world.outbox.effects.subscribe(parent.children());
        }
        if !self.ai_is_explicit {
            let context = Context(self.next_context);
            self.next_context = self.next_context.wrapping_add(1);
            let question = StateServer::ObjectGetAi { context };
            world.outbox.send(&[parent.channel()], self.channel(), &question);
        }
    }

    /// Notes that a child comes, goes, or moves between the object's zones.
    pub(super) fn object_changing_location(
        &mut self,
        child: DoId,
        new: Location,
        old: Location,
        world: &mut World<'_>,
    ) {
        let comes = new.parent == self.do_id;
        let goes = old.parent == self.do_id;
        if comes && goes && new.zone == old.zone {
            return;
        }
        if goes {
            self.forget_child(child, old);
        }
        if comes {
            self.note_child(child, new, world);
        }
        if !comes && !goes {
            warn!(
                doId = %self.do_id, %child, %new, %old,
                "told of a move that does not concern it"
            );
        }
    }

    /// Notes a child that was there before the object.
    pub(super) fn object_get_location_resp(
        &mut self,
        context: Context,
        child: DoId,
        location: Location,
        world: &mut World<'_>,
    ) {
        if context != WAKE_CHILDREN && context != COMPARE_CHILDREN {
            warn!(doId = %self.do_id, %context, %child, "unexpected answer about a location");
        } else if location.parent == self.do_id {
            self.note_child(child, location, world);
        }
    }

    /// Counts a child, and tells it so: only then it may answer questions about its zone as one that
    /// was counted.
    fn note_child(&mut self, child: DoId, location: Location, world: &mut World<'_>) {
        let zones = self.zones.get_or_insert_with(|| Box::new(ZoneTable::new(world.seed)));
        zones.insert(child, location.zone);
        let ack = StateServer::ObjectLocationAck { location };
        world.outbox.send(&[child.channel()], self.channel(), &ack);
    }

    /// Counts a child no longer.
    pub(super) fn forget_child(&mut self, child: DoId, location: Location) {
        if let Some(zones) = &mut self.zones {
            zones.remove(child, location.zone);
            if zones.is_empty() {
                self.zones = None;
            }
        }
    }
}
