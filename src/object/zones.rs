//! A parent's answers about its zones, and a child's answer when a parent passes the question on.

use super::distributed_object::{DistributedObject, World};
use super::entry::Audience;
use super::letters::{Content, Letter, Selection, Whose};
use super::outbox::Targets;
use crate::hash::Set;
use crate::ids::{Channel, Context, DoId, DoIdRepr, Location, ZoneId};
use crate::message::{List, StateServer};

/// More zones than a datagram can name.
const ZONES_MAX: usize = 0x1_0000 / size_of::<ZoneId>();

impl DistributedObject {
    pub(super) fn object_get_zone_objects(
        &self,
        context: Context,
        location: Location,
        sender: Channel,
        world: &mut World<'_>,
    ) {
        let zones = [location.zone];
        self.object_get_zones_objects(context, location.parent, List::new(&zones), sender, world);
    }

    /// Answers for itself if its parent was asked, and for its children if it was asked itself.
    pub(super) fn object_get_zones_objects(
        &self,
        context: Context,
        parent: DoId,
        zones: List<'_, ZoneId>,
        sender: Channel,
        world: &mut World<'_>,
    ) {
        if parent == self.location.parent {
            if zones.iter().any(|zone| zone == self.location.zone) {
                // A parent that does not know yet has not counted it: a plain entry says so.
                let audience = match self.parent_synchronized {
                    true => Audience::Interest(context),
                    false => Audience::Location,
                };
                self.enter(sender, audience, world);
            }
        } else if parent == self.do_id {
            let count = self.count(zones.iter());
            let answer = StateServer::ObjectGetZonesCountResp { context, count };
            world.outbox.send(&[sender], self.channel(), &answer);
            if count.is_some() {
                let question = StateServer::ObjectGetZonesObjects { context, parent, zones };
                world.tell_children(self.do_id, Targets::default(), sender, &question);
            }
        }
    }

    pub(super) fn object_get_zone_count(
        &self,
        context: Context,
        zone: ZoneId,
        sender: Channel,
        world: &mut World<'_>,
    ) {
        let count = self.count([zone].into_iter());
        let answer = StateServer::ObjectGetZoneCountResp { context, count };
        world.outbox.send(&[sender], self.channel(), &answer);
    }

    pub(super) fn object_get_zones_count(
        &self,
        context: Context,
        zones: List<'_, ZoneId>,
        sender: Channel,
        world: &mut World<'_>,
    ) {
        let count = self.count(zones.iter());
        let answer = StateServer::ObjectGetZonesCountResp { context, count };
        world.outbox.send(&[sender], self.channel(), &answer);
    }

    pub(super) fn object_get_child_count(
        &self,
        context: Context,
        sender: Channel,
        world: &mut World<'_>,
    ) {
        let count = self.zones.as_ref().map_or(0, |zones| zones.len());
        let count = DoId(DoIdRepr::try_from(count).unwrap_or(DoIdRepr::MAX));
        let answer = StateServer::ObjectGetChildCountResp { context, count };
        world.outbox.send(&[sender], self.channel(), &answer);
    }

    /// How many children the zones have together; a zone named twice counts twice.
    fn count(&self, zones: impl Iterator<Item = ZoneId>) -> DoId {
        let table = self.zones.as_deref();
        let counts = zones.map(|zone| table.map_or(0, |table| table.count(zone)));
        DoId(counts.fold(0, DoIdRepr::saturating_add))
    }

    /// Deletes the children in some zones, each by its own doId. Those that are here are not counted from now on,
    /// and hear of it one after the other.
    pub(super) fn object_delete_zones(
        &mut self,
        zones: impl Iterator<Item = ZoneId>,
        sender: Channel,
        world: &mut World<'_>,
    ) {
        let Some(table) = &mut self.zones else {
            return;
        };
        let mut wanted = Set::with_hasher(world.seed);
        wanted.extend(zones.filter(|zone| table.count(*zone) > 0));
        if wanted.is_empty() {
            return;
        }
        for &zone in &wanted {
            let here = world.children.in_zone(Location::new(self.do_id, zone));
            here.for_each(|child| table.remove(child, zone));
        }
        if wanted.iter().any(|zone| table.count(*zone) > 0) {
            for do_id in table.children_in(&wanted) {
                let order = StateServer::ObjectDeleteRam { do_id };
                world.outbox.send(&[do_id.channel()], sender, &order);
            }
        }
        if table.is_empty() {
            self.zones = None;
        }
        world.letters.post(Letter {
            whose: Whose::ChildrenOf(self.do_id),
            selection: Selection::zones(wanted.into_iter()),
            origin: world.outbox.origin,
            sender,
            content: Content::DeleteRam,
        });
    }

    pub(super) fn get_active_zones(
        &self,
        context: Context,
        sender: Channel,
        world: &mut World<'_>,
    ) {
        // More do not fit a datagram anyway, which is then reported where it is sent.
        let zones = self.zones.as_ref().map(|table| table.zones(ZONES_MAX)).unwrap_or_default();
        let zones = List::new(&zones);
        let answer = StateServer::GetActiveZonesResp { context, zones };
        world.outbox.send(&[sender], self.channel(), &answer);
    }
}
