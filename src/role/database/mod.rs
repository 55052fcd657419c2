//! The database server: objects that outlive the cluster.
//!
//! It subscribes to its control channel and to [`Channel::DATABASES`](crate::ids::Channel::DATABASES),
//! takes the messages of [`Database`](crate::message::Database), and answers after the commit. Changes
//! are announced on each object's own channel of the form
//! [`DoId::database_broadcast`](crate::ids::DoId::database_broadcast).
//!
//! A request's way: `request` (message → [`Operation`](crate::store::Operation), judged by the DC files), `schedule` (order on
//! each object), a [store](crate::store) (many operations, one commit), `reply` (outcome → answer, broadcast). `core`
//! ties the pure parts together, `shell` runs them.

mod core;
mod lane;
mod reply;
mod request;
mod schedule;
mod shell;

pub use self::core::{BatchLimit, Core, Job, Settings};
pub use schedule::Ticket;
pub use shell::start;

#[cfg(test)]
mod tests;
