//! Messages between a client of Panda3D's own `ClientRepository` and its server.

use super::{Argument, Rest, Run, Shape, Shown, Values, messages};
use crate::ids::{ClassId, DoId, FieldId, ZoneId};

/// What [`TargetedUpdate`] is on the wire.
const TARGETED: Shape = Shape::Record(&[
    Argument { name: "target", shape: Shape::DoId },
    Argument { name: "do_id", shape: Shape::DoId },
    Argument { name: "field", shape: Shape::Field },
    Argument { name: "value", shape: Shape::Value },
]);

messages! {
    /// A datagram of such a client, or for it: number and arguments.
    pub enum Panda3d<'a> {
        /// Client → server: a field update.
        120 CLIENT_OBJECT_UPDATE_FIELD => UpdateField { do_id: DoId, field: FieldId, value: Rest<'a> as Shape::Value }
        /// Server → client: the doIds with which the client can make objects; the first is its own id.
        9001 SET_DOID_RANGE_CMU => SetDoIdRange { base: DoId, count: u32 }
        /// Client → server: an object that the client makes, or has made. REQUIRED and OTHER follow.
        9002 CLIENT_OBJECT_GENERATE_CMU => ClientGenerate { zone: ZoneId, class_id: ClassId, do_id: DoId, values: Rest<'a> as Shape::Values(Values::with_other(Shown::PandaAll)) }
        /// Server → client: an object comes into sight, or its values are told again.
        9003 OBJECT_GENERATE_CMU => Generate { sender: DoId, zone: ZoneId, class_id: ClassId, do_id: DoId, values: Rest<'a> as Shape::Values(Values::with_other(Shown::PandaBroadcast)) }
        /// Server → client: a field has been set.
        9004 OBJECT_UPDATE_FIELD_CMU => FieldUpdated { sender: DoId, do_id: DoId, field: FieldId, value: Rest<'a> as Shape::Value }
        /// Server → client: objects are out of sight.
        9005 OBJECT_DISABLE_CMU => Disable { do_ids: Run<'a, DoId> }
        /// Both ways: an object is no more.
        9006 OBJECT_DELETE_CMU => Delete { do_id: DoId }
        /// Server → client: it is to generate again what it has in the zone.
        9007 REQUEST_GENERATES_CMU => RequestGenerates { zone: ZoneId }
        /// Client → server: the client goes.
        9008 CLIENT_DISCONNECT_CMU => Disconnect {}
        /// Client → server: all zones that the client wants to see.
        9009 CLIENT_SET_INTEREST_CMU => SetInterest { zones: Run<'a, ZoneId> }
        /// Client → server: an object of the client moves.
        9010 OBJECT_SET_ZONE_CMU => SetZone { do_id: DoId, zone: ZoneId }
        /// Client → server: a field update for one client; without a word it is a heartbeat.
        9011 CLIENT_OBJECT_UPDATE_FIELD_TARGETED_CMU => Targeted { update: Rest<'a> as Shape::UnlessEmpty(&TARGETED) }
    }
}

/// A field update for one client: what stands in [`Panda3d::Targeted`], if anything does.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct TargetedUpdate<'a> {
    /// The client, by its first doId.
    pub target: DoId,
    /// The object.
    pub do_id: DoId,
    /// The field.
    pub field: FieldId,
    /// Its value.
    pub value: Rest<'a>,
}
