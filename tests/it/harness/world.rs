//! The classes and fields of `world.dc` by number: the position of their declaration.

#![allow(dead_code, reason = "numbers of the file, whether or not a test needs each")]

use donet::ids::{ClassId, FieldId};

/// The version that clients of the world have.
pub const VERSION: &str = "world 1";
/// The DC hash that client agents of the tests are told to expect.
pub const DC_HASH: u32 = 0x0123_abcd;
/// The hash of the file itself, as Panda3D's parser gives it.
pub const COMPUTED_DC_HASH: u32 = 0x07ca_9cbe;

/// A struct: no object has it as its class.
pub const POINT: ClassId = ClassId(1);
/// The class that avatars inherit from.
pub const ITEM: ClassId = ClassId(3);
/// A number that no class has.
pub const NO_CLASS: ClassId = ClassId(500);
/// A number that no field has.
pub const NO_FIELD: FieldId = FieldId(9_000);

macro_rules! class {
    ($(#[$doc:meta])* $module:ident = $number:literal { $($name:ident = $field:literal,)* }) => {
        $(#[$doc])*
        pub mod $module {
            use super::{ClassId, FieldId};
            /// The class.
            pub const CLASS: ClassId = ClassId($number);
            $(#[doc = concat!("Field ", $field, ".")] pub const $name: FieldId = FieldId($field);)*
        }
    };
}

class! {
    /// What a database keeps.
    vault = 0 {
        OWNER_NAME = 0,
        GOLD = 1,
        MOTTO = 2,
        KEY = 3,
        VISITS = 4,
        LIMIT = 5,
        HISTORY = 6,
    }
}
class! {
    /// An object of the state server.
    thing = 2 {
        LABEL = 9,
        SIZE = 10,
        SECRET = 11,
        PIN = 12,
        HINT = 13,
        NOTE = 14,
        DIARY = 15,
        MOOD = 16,
        WISH = 17,
        POKE = 18,
        REPORT = 19,
        WHISPER = 20,
        ALARM = 21,
        UNHEARD = 22,
        X = 23,
        Y = 24,
        XY = 25,
        TOP = 26,
        BOTTOM = 27,
        ENDS = 28,
        PATH = 29,
        CORNERS = 30,
        PAIR = 31,
        ICON = 32,
        LEVEL = 33,
    }
}
class! {
    /// What a player owns.
    avatar = 4 {
        NAME = 34,
        POSITION = 35,
        COLOR = 36,
        SAY = 37,
        ASK = 38,
        HEALTH = 39,
        THINK = 40,
        POCKETS = 41,
        WAVE = 42,
    }
}
class! {
    /// The UberDOG that everyone may talk to.
    login = 5 {
        LOGIN = 43,
        ANSWER = 44,
    }
}
class! {
    /// The UberDOG for those who have logged in.
    mail = 6 {
        SEND = 45,
        PURGE = 46,
    }
}
class! {
    /// A place that things are in.
    room = 7 {
        TITLE = 47,
        MAP = 48,
        FLOOR = 49,
    }
}
