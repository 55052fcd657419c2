//! What the world has done to itself.

use super::Spot;
use crate::demo::values::Value;
use crate::ids::{Channel, DoId, Location};

/// Something that donet has to be told.
#[derive(Clone, PartialEq, Debug)]
pub enum Effect {
    /// There is an object more.
    Make {
        /// Its doId.
        do_id: DoId,
        /// Its class.
        class: &'static str,
        /// Where it is.
        location: Location,
        /// Its required fields, as the DC file lists them.
        fields: Vec<(&'static str, Vec<Value>)>,
    },
    /// A field has a new value, or something is said by it.
    Set {
        /// Of which object.
        do_id: DoId,
        /// Which, as `Class.field`.
        field: &'static str,
        /// Its arguments.
        values: Vec<Value>,
    },
    /// An object is elsewhere.
    Move {
        /// Which.
        do_id: DoId,
        /// Where.
        location: Location,
    },
    /// An object is no more, nor is what is in it.
    Delete {
        /// Which.
        do_id: DoId,
    },
    /// An object is a client's.
    Give {
        /// Which.
        do_id: DoId,
        /// Whose.
        client: Channel,
    },
    /// Where somebody with an account has been is to be kept for good.
    Keep {
        /// Whose.
        account: DoId,
        /// Where.
        spot: Spot,
    },
}
