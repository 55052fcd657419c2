//! The state server: keeps DistributedObjects in memory and tells everyone concerned what happens to
//! them.
//!
//! | Listens on | for |
//! |---|---|
//! | its `control` channel and [`Channel::STATE_SERVERS`](crate::ids::Channel::STATE_SERVERS) | creation of objects, the loss of an AI |
//! | the doId of each object | everything about that object |
//! | the children channel of each object that has children here | questions and orders of parents |
//!
//! The role itself knows three messages; all others are the objects' ([`crate::object`]). Objects of
//! this server may have parents and children on other servers; nothing here depends on where they are.
//!
//! # What Astron does not do
//! Answered or obeyed here, ignored by Astron: OBJECT_GET_OWNER, OBJECT_GET_ZONE_COUNT,
//! OBJECT_GET_ZONES_COUNT, OBJECT_GET_CHILD_COUNT, OBJECT_DELETE_ZONE, OBJECT_DELETE_ZONES,
//! OBJECT_DELETE_FIELD_RAM and OBJECT_DELETE_FIELDS_RAM (a ram field is forgotten, a required one
//! reset to its default if the DC file gives one; whoever hears of the field's updates gets an
//! OBJECT_DELETE_FIELD_RAM). OBJECT_GET_CHILDREN has no answer that would tell more than
//! OBJECT_GET_ACTIVE_ZONES and a question about those zones, and stays without one.
//!
//! Done differently, because peers are better off:
//! - A parent acknowledges children that it finds when it is created. Without that they are counted in
//!   its answers about zones and yet answer as if they were not, and an interest waits in vain.
//! - An object that would become its own ancestor within this server is not moved. Across servers an
//!   AI that comes back to the object that it came from is not passed on again.
//! - What does not fit a datagram is not sent: questions are answered with failure where there is
//!   such an answer.

mod core;
mod shell;

pub use core::StateServer;
pub use shell::start;

#[cfg(test)]
mod tests;
