//! The nine keywords that DC files need not declare.

use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign};

/// A set of the nine standard keywords. Further ones, which a file declares with `keyword`, are
/// in [`Field::custom_keywords`](crate::Field::custom_keywords).
#[derive(Copy, Clone, Default, PartialEq, Eq, Hash)]
pub struct Keywords(u16);

/// The keywords in the order in which they are printed. The bits are those of the legacy hash.
const TABLE: [(&str, Keywords); 9] = [
    ("required", Keywords::REQUIRED),
    ("ram", Keywords::RAM),
    ("db", Keywords::DB),
    ("broadcast", Keywords::BROADCAST),
    ("clrecv", Keywords::CLRECV),
    ("clsend", Keywords::CLSEND),
    ("ownsend", Keywords::OWNSEND),
    ("ownrecv", Keywords::OWNRECV),
    ("airecv", Keywords::AIRECV),
];

impl Keywords {
    /// No keyword.
    pub const NONE: Keywords = Keywords(0);
    /// `required`: the field has a value in every object.
    pub const REQUIRED: Keywords = Keywords(1);
    /// `broadcast`: everyone who sees the object gets updates.
    pub const BROADCAST: Keywords = Keywords(2);
    /// `ownrecv`: the object's owner gets updates.
    pub const OWNRECV: Keywords = Keywords(4);
    /// `ram`: the value is kept as long as the object exists.
    pub const RAM: Keywords = Keywords(8);
    /// `db`: the value is kept in the database.
    pub const DB: Keywords = Keywords(16);
    /// `clsend`: any client may send updates.
    pub const CLSEND: Keywords = Keywords(32);
    /// `clrecv`: clients may be sent updates.
    pub const CLRECV: Keywords = Keywords(64);
    /// `ownsend`: the object's owner may send updates.
    pub const OWNSEND: Keywords = Keywords(128);
    /// `airecv`: the object's AI gets updates.
    pub const AIRECV: Keywords = Keywords(256);

    /// Words that Panda3D's own server goes by, and that need no declaration. They are custom keywords otherwise: `p2p` is for
    /// the object's owner, `reflect` comes back to whoever sends it, too.
    pub const OF_PANDA3D: [&str; 2] = ["p2p", "reflect"];

    /// The keyword that is spelled `word`, if it is a standard one.
    pub fn by_name(word: &str) -> Option<Keywords> {
        TABLE.iter().find(|(name, _)| *name == word).map(|(_, keyword)| *keyword)
    }

    /// The words of all standard keywords.
    pub(crate) fn all_names() -> impl Iterator<Item = &'static str> {
        TABLE.into_iter().map(|(name, _)| name)
    }

    /// The set as the legacy hash sees it.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of `other` are in the set.
    pub const fn contains(self, other: Keywords) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is in the set.
    pub const fn intersects(self, other: Keywords) -> bool {
        self.0 & other.0 != 0
    }

    /// The set with `other` added; `|` in constants.
    pub const fn union(self, other: Keywords) -> Keywords {
        Keywords(self.0 | other.0)
    }

    /// Whether `required` is in the set.
    pub const fn required(self) -> bool {
        self.contains(Keywords::REQUIRED)
    }

    /// Whether `ram` is in the set.
    pub const fn ram(self) -> bool {
        self.contains(Keywords::RAM)
    }

    /// Whether `db` is in the set.
    pub const fn db(self) -> bool {
        self.contains(Keywords::DB)
    }

    /// Whether `broadcast` is in the set.
    pub const fn broadcast(self) -> bool {
        self.contains(Keywords::BROADCAST)
    }

    /// Whether `clrecv` is in the set.
    pub const fn clrecv(self) -> bool {
        self.contains(Keywords::CLRECV)
    }

    /// Whether `clsend` is in the set.
    pub const fn clsend(self) -> bool {
        self.contains(Keywords::CLSEND)
    }

    /// Whether `ownsend` is in the set.
    pub const fn ownsend(self) -> bool {
        self.contains(Keywords::OWNSEND)
    }

    /// Whether `ownrecv` is in the set.
    pub const fn ownrecv(self) -> bool {
        self.contains(Keywords::OWNRECV)
    }

    /// Whether `airecv` is in the set.
    pub const fn airecv(self) -> bool {
        self.contains(Keywords::AIRECV)
    }

    /// The words of the set, in one order for all sets.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        TABLE.into_iter().filter(move |(_, keyword)| self.contains(*keyword)).map(|(name, _)| name)
    }
}

impl BitOr for Keywords {
    type Output = Keywords;

    fn bitor(self, other: Keywords) -> Keywords {
        self.union(other)
    }
}

impl BitOrAssign for Keywords {
    fn bitor_assign(&mut self, other: Keywords) {
        *self = self.union(other);
    }
}

impl BitAnd for Keywords {
    type Output = Keywords;

    fn bitand(self, other: Keywords) -> Keywords {
        Keywords(self.0 & other.0)
    }
}

impl fmt::Display for Keywords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().collect::<Vec<_>>().join(" "))
    }
}

impl fmt::Debug for Keywords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keywords({self})")
    }
}
