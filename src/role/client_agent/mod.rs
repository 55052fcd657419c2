//! The client agent: where players connect.
//!
//! It gives each connection a session with a channel of its own, lets through what the client may send,
//! and tells it in its own language what the cluster sends to the channels that the session listens to.
//!
//! | Module | What is in it | What it must not know |
//! |---|---|---|
//! | `agent` | what sessions share: tables, time, the `News` that clients are told and the voice that puts them into bytes | sessions |
//! | `view` | what a client sees, owns, and may do | what it is interested in |
//! | `parenting` | what parents say of the interests of those whose objects come below them | who these are |
//! | `interest` | what it is interested in, and what has been asked for that | what it knows |
//! | `comparison` | what is asked after a gap, and what has been heard since | what a session does with it |
//! | `session` | one client's session, in terms of the world | bytes of clients |
//! | [`dialect`] | the protocols that clients speak | sockets, other sessions |
//! | `core` | all sessions: who is delivered to, whose time has come | dialects by name |
//! | `shell` | connections, their sockets, the clock | what a client may do |
//!
//! A module uses only what stands above it. To read first: [`Core`], `session` (the states of a session and
//! what holds in each), `interest` (those of a query).
//!
//! - [`Core`] is the state machine of all sessions. It is one participant of the router and has its
//!   own table of which session listens to what, so that a broadcast enters the process's queues once
//!   and is put into bytes once, however many clients get it.
//! - The shell accepts connections, reads and writes sockets and owns the core.
//! - A [`dialect::Dialect`] is the protocol that clients speak: how a conversation begins, and how what is asked
//!   and told is said in bytes. Its module page tells how to add one.
//!
//! **Invariant:** what a core keeps of one client is in its `Session`, its dialect and its deadlines, and nothing of
//! it is shared with another session, so that sessions can be spread over several cores.
//!
//! **Invariant:** tables by numbers that clients or the cluster make up are hashed with the agent's seed.

mod agent;
mod comparison;
mod core;
pub mod dialect;
mod interest;
mod parenting;
mod session;
mod shell;
mod view;

#[cfg(test)]
mod tests;

pub use self::core::{Core, Heard, Output, Resumed};
#[cfg(test)]
pub use agent::Counted;
pub use agent::{Bans, LimitCounts, Offender, Resumable, SessionKey, Silence, UberDog, UberDogs};
pub use session::{CloseKind, Ejection, Loss, PROBATION, Peer, Stop, Transport};
pub use shell::{Bound, Crowd, Handle, Machine, start};
