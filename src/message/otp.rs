//! Messages between a client of the OTP era and its server.
//!
//! There are two generations of them. That of 2005 to 2013 knows parents, zones and interests; that of 2003 one shard and one zone.
//! Only what concerns objects is here. How players log in, have avatars, names and friends is each game's own, and travels as it is.
//!
//! Names are those that Panda3D had for these numbers until 1.9, with the generation behind them, since Astron has given most of the names
//! to other messages.

use super::{Blob, Maybe, Rest, Run, Shape, Shown, Values, messages};
use crate::ids::{ClassId, Context, DoId, FieldId, InterestId, Location, ZoneId};

/// The first messages of the games that there were: CLIENT_LOGIN_2, CLIENT_LOGIN_3, CLIENT_LOGIN_FAIRIES and CLIENT_LOGIN_TOONTOWN.
pub const OTP_LOGINS: [u16; 4] = [16, 111, 112, 125];

/// What an owner is told of what only its class can tell apart.
const OWNERS: Shape = Shape::Values(Values::required(Shown::Owner));

messages! {
    /// A datagram of a client of 2005 to 2013, or for it: number and arguments.
    pub enum Otp<'a> {
        /// Server → client: why it is put out; an [`super::EjectReason`] or a game's own.
        4 CLIENT_GO_GET_LOST_OTP => GoGetLost { reason: u16, text: Blob<'a> }
        /// Server → client: the client's own avatar, which it has chosen. Its class is the game's to know.
        15 CLIENT_GET_AVATAR_DETAILS_RESP_OTP => AvatarDetails { do_id: DoId, code: u8, values: Rest<'a> as OWNERS }
        /// Both ways: a field update.
        24 CLIENT_OBJECT_UPDATE_FIELD_OTP => UpdateField { do_id: DoId, field: FieldId, value: Rest<'a> as Shape::Value }
        /// Server → client: an object is no longer seen.
        25 CLIENT_OBJECT_DISABLE_OTP => Disable { do_id: DoId }
        /// Server → client: an object is no longer owned.
        26 CLIENT_OBJECT_DISABLE_OWNER_OTP => DisableOwner { do_id: DoId }
        /// Server → client: an object is seen.
        34 CLIENT_CREATE_OBJECT_REQUIRED_OTP => Create { location: Location, class_id: ClassId, do_id: DoId, values: Rest<'a> as Shape::Values(Values::required(Shown::Clients)) }
        /// Server → client: an object with other fields is seen.
        35 CLIENT_CREATE_OBJECT_REQUIRED_OTHER_OTP => CreateOther { location: Location, class_id: ClassId, do_id: DoId, values: Rest<'a> as Shape::Values(Values::with_other(Shown::Clients)) }
        /// Server → client: an object is owned.
        36 CLIENT_CREATE_OBJECT_REQUIRED_OTHER_OWNER_OTP => CreateOwner { class_id: ClassId, do_id: DoId, location: Location, values: Rest<'a> as Shape::Values(Values::with_other(Shown::Owner)) }
        /// Client → server: the client goes.
        37 CLIENT_DISCONNECT_OTP => Disconnect {}
        /// Server → client: everything in the interest's zones has been told.
        48 CLIENT_DONE_INTEREST_RESP_OTP => DoneInterestResp { interest: InterestId, context: Context }
        /// Both ways: who says it is alive.
        52 CLIENT_HEARTBEAT_OTP => Heartbeat {}
        /// Server → client: a text for the player.
        78 CLIENT_SYSTEM_MESSAGE_OTP => SystemMessage { text: Blob<'a> }
        /// Client → server: opens or alters an interest.
        97 CLIENT_ADD_INTEREST_OTP => AddInterest { interest: InterestId, context: Context, parent: DoId, zones: Run<'a, ZoneId> }
        /// Client → server: closes an interest.
        99 CLIENT_REMOVE_INTEREST_OTP => RemoveInterest { interest: InterestId, context: Maybe<Context> }
        /// Both ways: an object moves.
        102 CLIENT_OBJECT_LOCATION_OTP => ObjectLocation { do_id: DoId, location: Location }
        /// Server → client: the fields of an object that it may send whatever their keywords say.
        120 CLIENT_SET_FIELD_SENDABLE_OTP => SetFieldSendable { do_id: DoId, fields: Run<'a, FieldId> }
    }
}

messages! {
    /// A datagram of a client of 2003, or for it: number and arguments.
    pub enum Toontown2003<'a> {
        /// As [`Otp::GoGetLost`].
        4 CLIENT_GO_GET_LOST_2003 => GoGetLost { reason: u16, text: Blob<'a> }
        /// As [`Otp::AvatarDetails`].
        15 CLIENT_GET_AVATAR_DETAILS_RESP_2003 => AvatarDetails { do_id: DoId, code: u8, values: Rest<'a> as OWNERS }
        /// Both ways: a field update.
        24 CLIENT_OBJECT_UPDATE_FIELD_2003 => UpdateField { do_id: DoId, field: FieldId, value: Rest<'a> as Shape::Value }
        /// Server → client: an object is no longer seen.
        25 CLIENT_OBJECT_DISABLE_2003 => Disable { do_id: DoId }
        /// Server → client: an object is no more.
        27 CLIENT_OBJECT_DELETE_2003 => Delete { do_id: DoId }
        /// Client → server: the zone where the client is, and all zones that it sees from there, if it knows them.
        29 CLIENT_SET_ZONE_2003 => SetZone { zone: ZoneId, visible: Run<'a, ZoneId> }
        /// Client → server: the shard whose zones they are.
        31 CLIENT_SET_SHARD_2003 => SetShard { shard: DoId }
        /// Server → client: an object is seen.
        34 CLIENT_CREATE_OBJECT_REQUIRED_2003 => Create { class_id: ClassId, do_id: DoId, values: Rest<'a> as Shape::Values(Values::required(Shown::Clients)) }
        /// Server → client: an object with other fields is seen.
        35 CLIENT_CREATE_OBJECT_REQUIRED_OTHER_2003 => CreateOther { class_id: ClassId, do_id: DoId, values: Rest<'a> as Shape::Values(Values::with_other(Shown::Clients)) }
        /// Client → server: the client goes.
        37 CLIENT_DISCONNECT_2003 => Disconnect {}
        /// Server → client: the shard is set.
        47 CLIENT_GET_STATE_RESP_2003 => GetStateResp {}
        /// Server → client: the zone is set, and everything has been told that is seen from there.
        48 CLIENT_DONE_SET_ZONE_RESP_2003 => DoneSetZoneResp { zone: u16 }
        /// Both ways: who says it is alive.
        52 CLIENT_HEARTBEAT_2003 => Heartbeat {}
        /// Server → client: a text for the player.
        78 CLIENT_SYSTEM_MESSAGE_2003 => SystemMessage { text: Blob<'a> }
    }
}
