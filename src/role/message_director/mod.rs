//! The message director: gives participants outside this process a place in the router.
//!
//! A *downstream* link is an AI, an UberDOG or another daemon that connected here; it is a participant
//! like any role. The *upstream* link is one that this daemon made, to a message director one level up;
//! it is the router's uplink. What a downstream link sends is either a control message to this
//! daemon or routed as it is, in the batch of the socket read that brought it.

mod core;
mod downstream;
mod ear;
mod foreign;
mod namesakes;
mod peers;
mod record;
mod rivals;
mod roll;
mod senders;
mod settling;
mod upstream;

pub use downstream::Listener;
pub use peers::Peers;
pub use roll::{Direction, LinkSeen, Roll, Witness};
pub use upstream::connect;

#[cfg(test)]
mod tests;
