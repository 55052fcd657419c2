//! Who talks to daemons: AIs, clients, and witnesses, who only listen.
//!
//! They never wait: whoever plays calls `pump` now and then, which sends and takes what it can.

mod ai;
mod client;
mod port;
pub mod world;

pub use ai::{Ai, Heard, Kept, SYNC, note, serial_of};
pub use client::{Client, Seen, Stage};
pub use port::Port;
