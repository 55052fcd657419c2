//! A parent's answers about its zones, and a child's answer when a parent passes the question on.

use rustc_hash::FxHashSet;

use super::distributed_object::{Audience, DistributedObject, World};
use crate::ids::{Channel, Context, DoId, DoIdRepr, ZoneId};
use crate::message::{List, StateServer};

impl DistributedObject {
    /// Handles the messages about zones and children.
    pub(super) fn handle_zones(
        &mut self,
        sender: Channel,
        message: &StateServer<'_>,
        world: &mut World<'_>,
    ) {
        use StateServer as M;
        match *message {
            M::ObjectGetZoneObjects { context, location } => {
                let zones = [location.zone];
                self.zone_objects(context, location.parent, List::new(&zones), sender, world);
            }
            M::ObjectGetZonesObjects { context, parent, zones } => {
                self.zone_objects(context, parent, zones, sender, world);
            }
            M::ObjectGetZoneCount { context, zone } => {
                let count = self.count([zone].into_iter());
                let answer = M::ObjectGetZoneCountResp { context, count };
                world.outbox.send(&[sender], self.channel(), &answer);
            }
            M::ObjectGetZonesCount { context, zones } => {
                let count = self.count(zones.iter());
                let answer = M::ObjectGetZonesCountResp { context, count };
                world.outbox.send(&[sender], self.channel(), &answer);
            }
            M::ObjectGetChildCount { context } => {
                let count = self.zones.as_ref().map_or(0, |zones| zones.len());
                let count = DoId(DoIdRepr::try_from(count).unwrap_or(DoIdRepr::MAX));
                let answer = M::ObjectGetChildCountResp { context, count };
                world.outbox.send(&[sender], self.channel(), &answer);
            }
            M::ObjectDeleteZone { zone } => self.delete_zones([zone].into_iter(), sender, world),
            M::ObjectDeleteZones { zones } => self.delete_zones(zones.iter(), sender, world),
            M::GetActiveZones { context } => self.active_zones(context, sender, world),
            _ => unreachable!("the caller passes only messages about zones"),
        }
    }

    /// Answers for itself if its parent was asked, and for its children if it was asked itself.
    fn zone_objects(
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
                world.outbox.send(&[self.do_id.children()], sender, &question);
            }
        }
    }

    /// How many children the zones have together; a zone named twice counts twice.
    fn count(&self, zones: impl Iterator<Item = ZoneId>) -> DoId {
        let table = self.zones.as_deref();
        let counts = zones.map(|zone| table.map_or(0, |table| table.count(zone)));
        DoId(counts.fold(0, DoIdRepr::saturating_add))
    }

    /// Deletes the children in some zones, each by its own doId.
    fn delete_zones(
        &self,
        zones: impl Iterator<Item = ZoneId>,
        sender: Channel,
        world: &mut World<'_>,
    ) {
        let zones: FxHashSet<ZoneId> = zones.collect();
        let children = self.zones.as_ref().map(|table| table.children_in(&zones));
        for do_id in children.unwrap_or_default() {
            let order = StateServer::ObjectDeleteRam { do_id };
            world.outbox.send(&[do_id.channel()], sender, &order);
        }
    }

    fn active_zones(&self, context: Context, sender: Channel, world: &mut World<'_>) {
        let mut zones = self.zones.as_ref().map(|table| table.zones()).unwrap_or_default();
        // More do not fit a datagram anyway, which is then reported where it is sent.
        zones.truncate(usize::from(u16::MAX));
        let zones = List::new(&zones);
        let answer = StateServer::GetActiveZonesResp { context, zones };
        world.outbox.send(&[sender], self.channel(), &answer);
    }
}
