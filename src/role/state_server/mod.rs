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

mod core;
mod shell;

pub use core::StateServer;
pub use shell::start;

#[cfg(test)]
mod tests;
