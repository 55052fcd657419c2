//! The classes and fields of `world.dc` by number, and what has a fixed place in the world.

use donet::ids::{Channel, ClassId, DoId, FieldId, Location, ZoneId};

pub const ROOM: ClassId = ClassId(0);
pub const THING: ClassId = ClassId(1);
pub const VAULT: ClassId = ClassId(3);
pub const AVATAR: ClassId = ClassId(4);

pub const MARK: FieldId = FieldId(1);
pub const NOTE: FieldId = FieldId(2);
pub const WISH: FieldId = FieldId(4);
pub const WANT: FieldId = FieldId(5);
pub const LOGIN_FIELD: FieldId = FieldId(6);
pub const TELL_FIELD: FieldId = FieldId(7);
pub const MOTTO: FieldId = FieldId(9);
pub const SIGN: FieldId = FieldId(10);
pub const LOCATION: FieldId = FieldId(11);
pub const LOOK: FieldId = FieldId(12);
pub const MOOD: FieldId = FieldId(13);

/// The UberDOG that clients log in with.
pub const LOGIN: DoId = DoId(1234);
/// The parent of all that players make.
pub const GROUND: DoId = DoId(20_000);
/// With how many doIds each player can make objects.
pub const PER_PLAYER: u32 = 100;
/// The parent of all things.
pub const PLACE: DoId = DoId(10_000);
pub const STATE_SERVER: Channel = Channel(4002);
pub const DATABASE: Channel = Channel(4003);
/// Where post-removes go that somebody watches.
pub const WITNESSES: Channel = Channel(6000);

/// The channel of an AI.
pub const fn ai(index: usize) -> Channel {
    Channel(5000 + index as u64)
}

/// One of the things.
pub const fn thing(index: usize) -> DoId {
    DoId(10_001 + index as u32)
}

/// One of the zones.
pub const fn zone(index: usize) -> Location {
    Location { parent: PLACE, zone: ZoneId(1 + index as u32) }
}
