//! Which message goes to which method of an object.

use tracing::trace;

use super::distributed_object::{DistributedObject, Fate, World};
use crate::ids::Channel;
use crate::message::{Message, StateServer};

impl DistributedObject {
    /// Handles a message that was sent to the object. A method is named after its message, and whether the
    /// message is for this object is its business: some say which of their receivers they mean.
    ///
    /// This is long because the family is, and has no arm for the rest, so that the compiler tells whoever adds
    /// a message that objects have to know or to ignore it.
    pub(super) fn handle(
        &mut self,
        sender: Channel,
        message: &StateServer<'_>,
        world: &mut World<'_>,
    ) -> Fate {
        use StateServer as M;
        match *message {
            M::ObjectSetField { do_id, field, value } => {
                self.object_set_field(do_id, field, value, sender, world);
            }
            M::ObjectSetFields { do_id, fields } => {
                self.object_set_fields(do_id, fields, sender, world);
            }
            M::ObjectGetField { context, do_id, field } => {
                self.object_get_field(context, do_id, field, sender, world);
            }
            M::ObjectGetFields { context, do_id, fields } => {
                self.object_get_fields(context, do_id, fields, sender, world);
            }
            M::ObjectGetAll { context, do_id } => self.object_get_all(context, do_id, sender, world),
            M::ObjectDeleteFieldRam { do_id, field } => {
                self.object_delete_fields_ram(do_id, [field].into_iter(), sender, world);
            }
            M::ObjectDeleteFieldsRam { do_id, fields } => {
                self.object_delete_fields_ram(do_id, fields.iter(), sender, world);
            }

            M::ObjectSetLocation { location } => self.object_set_location(location, sender, world),
            M::ObjectChangingLocation { do_id, new, old } => {
                self.object_changing_location(do_id, new, old, world);
            }
            M::ObjectGetLocation { context } => self.object_get_location(context, sender, world),
            M::ObjectGetLocationResp { context, do_id, location } => {
                self.object_get_location_resp(context, do_id, location, world);
            }
            M::ObjectLocationAck { location } => self.object_location_ack(location),

            M::ObjectSetAi { ai } => self.object_set_ai(ai, sender, world),
            M::ObjectGetAi { context } => self.object_get_ai(context, sender, world),
            M::ObjectChangingAi { do_id: parent, new: ai, .. }
            | M::ObjectGetAiResp { do_id: parent, ai, .. } => {
                self.inherit_ai(parent, ai, sender, world);
            }
            M::ObjectSetOwner { owner } => self.object_set_owner(owner, sender, world),
            M::ObjectGetOwner { context } => self.object_get_owner(context, sender, world),

            M::ObjectGetZoneObjects { context, location } => {
                self.object_get_zone_objects(context, location, sender, world);
            }
            M::ObjectGetZonesObjects { context, parent, zones } => {
                self.object_get_zones_objects(context, parent, zones, sender, world);
            }
            M::ObjectGetZoneCount { context, zone } => {
                self.object_get_zone_count(context, zone, sender, world);
            }
            M::ObjectGetZonesCount { context, zones } => {
                self.object_get_zones_count(context, zones, sender, world);
            }
            M::ObjectGetChildCount { context } => {
                self.object_get_child_count(context, sender, world);
            }
            M::GetActiveZones { context } => self.get_active_zones(context, sender, world),
            M::ObjectDeleteZone { zone } => {
                self.object_delete_zones([zone].into_iter(), sender, world);
            }
            M::ObjectDeleteZones { zones } => {
                self.object_delete_zones(zones.iter(), sender, world);
            }

            M::DeleteAiObjects { ai } => return self.delete_ai_objects(ai, sender, world),
            M::ObjectDeleteRam { do_id } => return self.object_delete_ram(do_id, sender, world),
            M::ObjectDeleteChildren { parent } => {
                return self.object_delete_children(parent, sender, world);
            }

            // For a state server, not for an object.
            M::CreateObjectWithRequired { .. }
            | M::Lost { .. }
            | M::Back { .. }
            | M::GetOwned { .. }
            | M::Owned { .. }
            | M::CreateObjectWithRequiredOther { .. }
            // Has no answer.
            | M::ObjectGetChildren { .. }
            // What others are told: how an object enters, a change of its owner, answers.
            | M::ObjectEnterLocationWithRequired { .. }
            | M::ObjectEnterLocationWithRequiredOther { .. }
            | M::ObjectEnterAiWithRequired { .. }
            | M::ObjectEnterAiWithRequiredOther { .. }
            | M::ObjectEnterOwnerWithRequired { .. }
            | M::ObjectEnterOwnerWithRequiredOther { .. }
            | M::ObjectEnterInterestWithRequired { .. }
            | M::ObjectEnterInterestWithRequiredOther { .. }
            | M::ObjectChangingOwner { .. }
            | M::ObjectGetFieldResp { .. }
            | M::ObjectGetFieldsResp { .. }
            | M::ObjectGetAllResp { .. }
            | M::ObjectGetOwnerResp { .. }
            | M::ObjectGetZoneCountResp { .. }
            | M::ObjectGetZonesCountResp { .. }
            | M::ObjectGetChildCountResp { .. }
            | M::GetActiveZonesResp { .. } => {
                trace!(doId = %self.do_id, msgtype = message.name(), "not for an object");
            }
        }
        Fate::Lives
    }
}
