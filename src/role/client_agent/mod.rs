//! The client agent: where players connect.
//!
//! It gives each connection a session with a channel of its own, lets through what the client may send,
//! and translates for it what the cluster sends to the channels that the session listens to.
//!
//! - [`Core`] is the state machine of all sessions. It is one participant of the router and has its
//!   own table of which session listens to what, so that a broadcast enters the process's queues once
//!   and is translated once, however many clients get it.
//! - The shell accepts connections, reads and writes sockets and owns the core.
//! - A [`dialect::ClientType`] is the protocol that clients speak.
//!
//! **Invariant:** a session has no state outside the core's [`Session`], so that sessions can be spread
//! over several cores.

mod agent;
mod core;
pub mod dialect;
mod interest;
mod session;
mod shell;
mod view;

#[cfg(test)]
mod tests;

pub use self::core::{Core, Output};
pub use agent::{SessionKey, UberDog, UberDogs};
pub use session::{CloseKind, Peer};
pub use shell::{Bound, start};
