//! Who talks to daemons: AIs, clients, players, who are clients of Panda3D's own kind, and witnesses, who only listen.
//!
//! They never wait: whoever plays calls `pump` now and then, which sends and takes what it can.

mod ai;
mod client;
mod player;
mod port;
pub mod world;

pub use ai::{Ai, Heard, Kept, SYNC, note, serial_of};
pub use client::{Client, Seen, Stage};
pub use player::{Player, Shown};
pub use port::Port;
