//! The numbers that everything is named by: channels, doIds, zones, contexts.
//!
//! Every width is defined here and nowhere else, so that a build with wider channels or length tags
//! changes this file and [`crate::wire`] only. Ids have no arithmetic; the ways in which one is
//! made from another are the named functions below.

use std::fmt;
use std::ops::RangeInclusive;

pub use dclass::{ClassId, FieldId};

/// The integer that carries a channel on the wire.
pub type ChannelRepr = u64;
/// The integer that carries a doId, a zone or a count of objects on the wire.
pub type DoIdRepr = u32;
/// The integer that carries a frame's or a string's length on the wire.
pub type LengthTag = u16;

/// Bytes of a length tag.
pub const LENGTH_TAG_BYTES: usize = size_of::<LengthTag>();
/// Bytes of a channel.
pub const CHANNEL_BYTES: usize = size_of::<ChannelRepr>();
/// The most bytes a datagram may have, its length tag not counted.
pub const DATAGRAM_BYTES_MAX: usize = LengthTag::MAX as usize;
/// The most recipients one datagram can name: their count is one byte.
pub const RECIPIENTS_MAX: usize = u8::MAX as usize;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($repr:ty)) => {
        $(#[$doc])*
        #[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
        pub struct $name(pub $repr);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

id! {
    /// A routing address: an object, a role, a client session, or a set of them.
    Channel(ChannelRepr)
}
id! {
    /// The id of a DistributedObject. As a channel, it is the object's own.
    DoId(DoIdRepr)
}
id! {
    /// A part of a parent's space.
    ZoneId(DoIdRepr)
}
id! {
    /// Number that ties a response to its request.
    Context(u32)
}
id! {
    /// A client's name for one of its interests.
    InterestId(u16)
}

impl DoId {
    /// No object: the parent of an object that has none.
    pub const NONE: DoId = DoId(0);

    /// The channel on which the object itself listens.
    pub const fn channel(self) -> Channel {
        Channel(self.0 as ChannelRepr)
    }

    /// The channel on which all children of this object listen.
    pub const fn children(self) -> Channel {
        Channel(PARENT_TO_CHILDREN << DOID_BITS | self.0 as ChannelRepr)
    }

    /// The channel on which a database server announces changes of this object.
    pub const fn database_broadcast(self) -> Channel {
        Channel(DATABASE_TO_OBJECT << DOID_BITS | self.0 as ChannelRepr)
    }

    /// The channel of whoever plays this avatar, as games have it since Disney's: `(1001 << 32) + id`. Clients of Panda3D's type
    /// send from it.
    pub const fn avatar(self) -> Channel {
        Channel(AVATAR << DOID_BITS | self.0 as ChannelRepr)
    }

    /// Whether the channels of zones below this object are those of avatars, or of accounts.
    pub const fn has_channels_of_players(self) -> bool {
        matches!(self.0 as ChannelRepr, AVATAR | ACCOUNT)
    }

    /// Whether there is an object at all.
    pub const fn is_some(self) -> bool {
        self.0 != 0
    }
}

const DOID_BITS: u32 = DoIdRepr::BITS;
const PARENT_TO_CHILDREN: ChannelRepr = 1;
const DATABASE_TO_OBJECT: ChannelRepr = 2;
const AVATAR: ChannelRepr = 1_001;
const ACCOUNT: ChannelRepr = 1_003;
const RESERVED_PREFIX_MAX: ChannelRepr = 999;

impl Channel {
    /// Nobody: not a channel to send to, and the AI or owner of an object that has none.
    pub const NONE: Channel = Channel(0);
    /// The message director at the other end of a link.
    pub const CONTROL: Channel = Channel(1);
    /// Every client session.
    pub const CLIENTS: Channel = Channel(10);
    /// Every state server.
    pub const STATE_SERVERS: Channel = Channel(12);
    /// Every database server.
    pub const DATABASES: Channel = Channel(13);
    /// Everybody who derives something from what objects elsewhere say: client agents, state servers. donet's own.
    pub const OBSERVERS: Channel = Channel(40);

    /// Whether there is a channel at all.
    pub const fn is_some(self) -> bool {
        self.0 != 0
    }

    /// Whether the protocol keeps this channel for itself, so that no role may be given it.
    pub const fn is_reserved(self) -> bool {
        let prefix_first = 1 << DOID_BITS;
        let prefix_last = RESERVED_PREFIX_MAX << DOID_BITS;
        self.0 <= RESERVED_PREFIX_MAX || (self.0 >= prefix_first && self.0 <= prefix_last)
    }

    /// The object whose own channel this is, if it is small enough to be one.
    pub const fn as_object(self) -> Option<DoId> {
        if self.0 >> DOID_BITS == 0 { Some(DoId(self.0 as DoIdRepr)) } else { None }
    }

    /// The avatar of whoever has this channel, if it is one that says so: that of an avatar, or of an account that plays one.
    pub const fn as_avatar(self) -> Option<DoId> {
        let is_of_one = self.0 >> DOID_BITS > RESERVED_PREFIX_MAX;
        if is_of_one { Some(DoId(self.0 as DoIdRepr)) } else { None }
    }

    /// The parent whose children this channel addresses, if it is such a channel.
    pub const fn as_children(self) -> Option<DoId> {
        if self.0 >> DOID_BITS == PARENT_TO_CHILDREN {
            Some(DoId(self.0 as DoIdRepr))
        } else {
            None
        }
    }
}

/// Where an object is: under which parent, in which of its zones.
#[derive(Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Debug)]
pub struct Location {
    /// The parent object, or [`DoId::NONE`].
    pub parent: DoId,
    /// The zone of that parent.
    pub zone: ZoneId,
}

impl Location {
    /// The location of an object without parent and zone.
    pub const NONE: Location = Location { parent: DoId::NONE, zone: ZoneId(0) };

    /// A location from its two parts.
    pub const fn new(parent: DoId, zone: ZoneId) -> Self {
        Location { parent, zone }
    }

    /// The channel on which everyone interested in this zone listens.
    pub const fn channel(self) -> Channel {
        Channel((self.parent.0 as ChannelRepr) << DOID_BITS | self.zone.0 as ChannelRepr)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}, {})", self.parent, self.zone)
    }
}

/// An inclusive range of channels, never empty.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub struct ChannelRange {
    low: Channel,
    high: Channel,
}

impl ChannelRange {
    /// The range from `low` to `high`, both included; `None` if it would be empty.
    pub const fn new(low: Channel, high: Channel) -> Option<Self> {
        if low.0 <= high.0 { Some(ChannelRange { low, high }) } else { None }
    }

    /// The first channel.
    pub const fn low(self) -> Channel {
        self.low
    }

    /// The last channel.
    pub const fn high(self) -> Channel {
        self.high
    }

    /// Whether `channel` lies in the range.
    pub const fn contains(self, channel: Channel) -> bool {
        self.low.0 <= channel.0 && channel.0 <= self.high.0
    }

    /// The range as bounds of an ordered map.
    pub const fn bounds(self) -> RangeInclusive<Channel> {
        self.low..=self.high
    }
}

impl fmt::Display for ChannelRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.low, self.high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channel_formulas() {
        assert_eq!(Location::new(DoId(7), ZoneId(9)).channel(), Channel(0x7_0000_0009));
        assert_eq!(DoId(5).children(), Channel(0x1_0000_0005));
        assert_eq!(DoId(5).database_broadcast(), Channel(0x2_0000_0005));
        assert_eq!(DoId(5).channel().as_object(), Some(DoId(5)));
        assert_eq!(DoId(5).children().as_children(), Some(DoId(5)));
        assert_eq!(DoId(5).channel().as_children(), None);
        assert_eq!(DoId(5).children().as_object(), None);
    }

    #[test]
    fn reserved_channels() {
        for reserved in [0, 1, 999, 1 << 32, 999 << 32] {
            assert!(Channel(reserved).is_reserved(), "{reserved}");
        }
        for free in [1000, (1 << 32) - 1, (999 << 32) + 1, u64::MAX] {
            assert!(!Channel(free).is_reserved(), "{free}");
        }
    }

    #[test]
    fn ranges_are_never_empty() {
        assert!(ChannelRange::new(Channel(2), Channel(1)).is_none());
        let one = ChannelRange::new(Channel(2), Channel(2)).expect("one channel");
        assert!(one.contains(Channel(2)) && !one.contains(Channel(3)));
    }
}
