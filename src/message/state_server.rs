//! Messages to and from DistributedObjects and their state server.

use super::{FieldValues, List, ObjectState, Other, Rest, Shape, Shown, Values, messages};
use crate::ids::{Channel, Context, DoId, FieldId, Location, ZoneId};

impl StateServer<'_> {
    /// Whether a message of this number deletes objects, so that what misses it keeps ghosts.
    pub const fn is_deletion(number: u16) -> bool {
        matches!(
            number,
            Self::STATESERVER_DELETE_AI_OBJECTS
                | Self::STATESERVER_OBJECT_DELETE_RAM
                | Self::STATESERVER_OBJECT_DELETE_ZONE
                | Self::STATESERVER_OBJECT_DELETE_ZONES
                | Self::STATESERVER_OBJECT_DELETE_CHILDREN
        )
    }
}

messages! {
    /// A message for an object, a state server, or whoever asked them.
    pub enum StateServer<'a> {
        /// Creates an object from its required fields.
        2000 STATESERVER_CREATE_OBJECT_WITH_REQUIRED => CreateObjectWithRequired { object: ObjectState<'a> }
        /// Creates an object from its required fields and some others.
        2001 STATESERVER_CREATE_OBJECT_WITH_REQUIRED_OTHER => CreateObjectWithRequiredOther { object: ObjectState<'a> as Shape::object_with_other(Shown::All) }
        /// Deletes all objects that this AI was set for.
        2009 STATESERVER_DELETE_AI_OBJECTS => DeleteAiObjects { ai: Channel }
        /// Asks for one field.
        2010 STATESERVER_OBJECT_GET_FIELD => ObjectGetField { context: Context, do_id: DoId, field: FieldId }
        /// One field, or that there is no value.
        2011 STATESERVER_OBJECT_GET_FIELD_RESP => ObjectGetFieldResp { context: Context, value: Option<(FieldId, Rest<'a>)> as Shape::Option(&Shape::FIELD_AND_VALUE) }
        /// Asks for several fields.
        2012 STATESERVER_OBJECT_GET_FIELDS => ObjectGetFields { context: Context, do_id: DoId, fields: List<'a, FieldId> }
        /// Those of the fields that have a value, ascending; or failure.
        2013 STATESERVER_OBJECT_GET_FIELDS_RESP => ObjectGetFieldsResp { context: Context, values: Option<FieldValues<'a>> }
        /// Asks for everything.
        2014 STATESERVER_OBJECT_GET_ALL => ObjectGetAll { context: Context, do_id: DoId }
        /// Everything: required and other fields.
        2015 STATESERVER_OBJECT_GET_ALL_RESP => ObjectGetAllResp { context: Context, object: ObjectState<'a> as Shape::object_with_other(Shown::All) }
        /// Updates a field. No response.
        2020 STATESERVER_OBJECT_SET_FIELD => ObjectSetField { do_id: DoId, field: FieldId, value: Rest<'a> as Shape::Value }
        /// Updates several fields, in order. No response.
        2021 STATESERVER_OBJECT_SET_FIELDS => ObjectSetFields { do_id: DoId, fields: FieldValues<'a> }
        /// Forgets a ram field.
        2030 STATESERVER_OBJECT_DELETE_FIELD_RAM => ObjectDeleteFieldRam { do_id: DoId, field: FieldId }
        /// Forgets several ram fields.
        2031 STATESERVER_OBJECT_DELETE_FIELDS_RAM => ObjectDeleteFieldsRam { do_id: DoId, fields: List<'a, FieldId> }
        /// Deletes the object; also the notice that it was deleted.
        2032 STATESERVER_OBJECT_DELETE_RAM => ObjectDeleteRam { do_id: DoId }
        /// Moves the object.
        2040 STATESERVER_OBJECT_SET_LOCATION => ObjectSetLocation { location: Location }
        /// Notice that an object moves.
        2041 STATESERVER_OBJECT_CHANGING_LOCATION => ObjectChangingLocation { do_id: DoId, new: Location, old: Location }
        /// An object enters a location.
        2042 STATESERVER_OBJECT_ENTER_LOCATION_WITH_REQUIRED => ObjectEnterLocationWithRequired { object: ObjectState<'a> as Shape::object(Shown::Clients) }
        /// An object with other fields enters a location.
        2043 STATESERVER_OBJECT_ENTER_LOCATION_WITH_REQUIRED_OTHER => ObjectEnterLocationWithRequiredOther { object: ObjectState<'a> as Shape::object_with_other(Shown::Clients) }
        /// Asks where the object is.
        2044 STATESERVER_OBJECT_GET_LOCATION => ObjectGetLocation { context: Context }
        /// Where an object is.
        2045 STATESERVER_OBJECT_GET_LOCATION_RESP => ObjectGetLocationResp { context: Context, do_id: DoId, location: Location }
        /// A parent has taken note that the receiver is in this zone of it.
        2046 STATESERVER_OBJECT_LOCATION_ACK => ObjectLocationAck { location: Location }
        /// Sets the object's AI.
        2050 STATESERVER_OBJECT_SET_AI => ObjectSetAi { ai: Channel }
        /// Notice that an object's AI changes.
        2051 STATESERVER_OBJECT_CHANGING_AI => ObjectChangingAi { do_id: DoId, new: Channel, old: Channel }
        /// An object is given to an AI.
        2052 STATESERVER_OBJECT_ENTER_AI_WITH_REQUIRED => ObjectEnterAiWithRequired { object: ObjectState<'a> }
        /// An object with other fields is given to an AI.
        2053 STATESERVER_OBJECT_ENTER_AI_WITH_REQUIRED_OTHER => ObjectEnterAiWithRequiredOther { object: ObjectState<'a> as Shape::object_with_other(Shown::All) }
        /// Asks for the object's AI.
        2054 STATESERVER_OBJECT_GET_AI => ObjectGetAi { context: Context }
        /// An object's AI, 0 if it has none.
        2055 STATESERVER_OBJECT_GET_AI_RESP => ObjectGetAiResp { context: Context, do_id: DoId, ai: Channel }
        /// Sets the object's owner.
        2060 STATESERVER_OBJECT_SET_OWNER => ObjectSetOwner { owner: Channel }
        /// Notice that an object's owner changes.
        2061 STATESERVER_OBJECT_CHANGING_OWNER => ObjectChangingOwner { do_id: DoId, new: Channel, old: Channel }
        /// An object is given to an owner.
        2062 STATESERVER_OBJECT_ENTER_OWNER_WITH_REQUIRED => ObjectEnterOwnerWithRequired { object: ObjectState<'a> as Shape::object(Shown::Owner) }
        /// An object with other fields is given to an owner.
        2063 STATESERVER_OBJECT_ENTER_OWNER_WITH_REQUIRED_OTHER => ObjectEnterOwnerWithRequiredOther { object: ObjectState<'a> as Shape::object_with_other(Shown::Owner) }
        /// Asks for the object's owner.
        2064 STATESERVER_OBJECT_GET_OWNER => ObjectGetOwner { context: Context }
        /// An object's owner, 0 if it has none.
        2065 STATESERVER_OBJECT_GET_OWNER_RESP => ObjectGetOwnerResp { context: Context, do_id: DoId, owner: Channel }
        /// An object that was there when its zone was asked for.
        2066 STATESERVER_OBJECT_ENTER_INTEREST_WITH_REQUIRED => ObjectEnterInterestWithRequired { context: Context, object: ObjectState<'a> as Shape::object(Shown::Clients) }
        /// An object with other fields that was there when its zone was asked for.
        2067 STATESERVER_OBJECT_ENTER_INTEREST_WITH_REQUIRED_OTHER => ObjectEnterInterestWithRequiredOther { context: Context, object: ObjectState<'a> as Shape::object_with_other(Shown::Clients) }
        /// Asks for the objects in one zone of a parent.
        2100 STATESERVER_OBJECT_GET_ZONE_OBJECTS => ObjectGetZoneObjects { context: Context, location: Location }
        /// Asks for the objects in several zones of a parent.
        2102 STATESERVER_OBJECT_GET_ZONES_OBJECTS => ObjectGetZonesObjects { context: Context, parent: DoId, zones: List<'a, ZoneId> }
        /// Asks for all children of an object.
        2104 STATESERVER_OBJECT_GET_CHILDREN => ObjectGetChildren { context: Context }
        /// Asks how many objects are in one zone.
        2110 STATESERVER_OBJECT_GET_ZONE_COUNT => ObjectGetZoneCount { context: Context, zone: ZoneId }
        /// How many objects are in one zone.
        2111 STATESERVER_OBJECT_GET_ZONE_COUNT_RESP => ObjectGetZoneCountResp { context: Context, count: DoId as Shape::U32 }
        /// Asks how many objects are in several zones.
        2112 STATESERVER_OBJECT_GET_ZONES_COUNT => ObjectGetZonesCount { context: Context, zones: List<'a, ZoneId> }
        /// How many objects are in the zones asked for; the count is as wide as a doId.
        2113 STATESERVER_OBJECT_GET_ZONES_COUNT_RESP => ObjectGetZonesCountResp { context: Context, count: DoId as Shape::U32 }
        /// Asks how many children an object has.
        2114 STATESERVER_OBJECT_GET_CHILD_COUNT => ObjectGetChildCount { context: Context }
        /// How many children an object has.
        2115 STATESERVER_OBJECT_GET_CHILD_COUNT_RESP => ObjectGetChildCountResp { context: Context, count: DoId as Shape::U32 }
        /// Deletes the children in one zone.
        2120 STATESERVER_OBJECT_DELETE_ZONE => ObjectDeleteZone { zone: ZoneId }
        /// Deletes the children in several zones.
        2122 STATESERVER_OBJECT_DELETE_ZONES => ObjectDeleteZones { zones: List<'a, ZoneId> }
        /// Deletes all children of a parent.
        2124 STATESERVER_OBJECT_DELETE_CHILDREN => ObjectDeleteChildren { parent: DoId }
        /// Asks in which zones an object has children.
        2125 STATESERVER_GET_ACTIVE_ZONES => GetActiveZones { context: Context }
        /// The zones in which an object has children.
        2126 STATESERVER_GET_ACTIVE_ZONES_RESP => GetActiveZonesResp { context: Context, zones: List<'a, ZoneId> }
        /// To [`Channel::OBSERVERS`]: a state server is lost, with its objects. Its post-remove.
        2140 STATESERVER_LOST => Lost { server: Channel, epoch: u64 }
        /// To [`Channel::OBSERVERS`]: a state server was away, or taken for lost, and is there.
        2141 STATESERVER_BACK => Back { server: Channel, epoch: u64 }
        /// To [`Channel::OBSERVERS`]: asks for all objects that these owners have got in the last so many milliseconds.
        2142 STATESERVER_GET_OWNED => GetOwned { context: Context, owners: List<'a, (Channel, u32)> }
        /// An object of one of them, as its owner sees it.
        2143 STATESERVER_OWNED => Owned { context: Context, owner: Channel, has_other: bool, object: ObjectState<'a> as Shape::Object(Values { required: Shown::Owner, other: Other::Said }) }
    }
}
