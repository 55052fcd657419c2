//! The client agent: where players connect.
//!
//! It gives each connection a session with a channel of its own, lets through what the client may send,
//! and translates for it what the cluster sends to the channels that the session listens to.
//!
//! - [`Core`] is the state machine of all sessions. It is one participant of the router and has its
//!   own table of which session listens to what, so that a broadcast enters the process's queues once
//!   and is translated once, however many clients get it.
//! - The shell accepts connections, reads and writes sockets and owns the core.
//! - A [`client_type::ClientType`] is the protocol that clients speak.
//!
//! **Invariant:** a session has no state outside the core's [`Session`], so that sessions can be spread
//! over several cores.

mod channel_pool;
mod client_input;
pub mod client_type;
mod cluster_input;
mod core;
mod deadlines;
mod end;
mod historical;
mod interest;
mod interests;
mod knowledge;
mod session;
mod shell;
mod subscribers;
mod uberdog;
mod visibility;

#[cfg(test)]
mod tests;

pub use self::core::{Core, Output};
pub use end::CloseKind;
pub use session::{Peer, Session, SessionKey};
pub use shell::{Bound, start};
pub use uberdog::{UberDog, UberDogs};
