//! DistributedObjects and the population that a role keeps of them.
//!
//! Shared by the state server and the database-state server: pure, without I/O. A [`Population`] is
//! given datagrams and appends what follows from them to [`Effects`](crate::role::Effects).
//!
//! # One participant, many objects
//! To the protocol every object is a receiver of its own: it listens on its doId and on the channel of
//! its parent's children, and it never gets back what it sent itself. To the router a role with a
//! million objects is **one** participant. The population makes the difference good:
//! - it finds the objects that a datagram is for by the datagram's recipients ([`Population::deliver`]);
//! - what an object sends is routed, and comes back to the role if one of the objects here listens to it, with
//!   the object that sent it ([`Origin`](crate::router::Origin)), which is left out.
//!
//! **Invariant:** an object never handles a message that it sent itself.
//! **Invariant:** no object is its own ancestor along parents within one population.
//!
//! # Places
//! An object keeps its place among the others while it lives. That is the order in which
//! [`Population::inspect`] shows them, page by page.
//!
//! # Two books of children
//! [`LocalChildren`] knows where the objects of *this* population are, by parent and zone; it is what
//! makes a zone query cost what is in the zones. A [`ZoneTable`] is what a parent has been *told*
//! about its children, wherever they live, and what it answers counts from.

mod authority;
mod catch_up;
mod census;
mod children;
mod comparing;
mod creation;
mod deletion;
mod dispatch;
mod distributed_object;
mod entry;
mod fields;
mod inspect;
mod letters;
mod lineage;
mod location;
mod outbox;
mod pace;
mod places;
mod population;
mod standing;
#[cfg(test)]
pub(crate) mod testing;
mod values;
mod zones;

pub use children::{LocalChildren, ZoneTable};
pub use creation::NewObject;
pub use distributed_object::DistributedObject;
pub use pace::Pace;
pub use population::Population;
pub use standing::Standing;
pub use values::{
    FieldError, FieldList, PackedFields, add_value, read_parts, read_value, shown_values,
    skip_value,
};
