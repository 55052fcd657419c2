//! Lua scripts of client agents: what a game's own file says about its clients, without a server of its own.
//!
//! A [`Script`] is called in the place where something happens, while the router is locked. It answers at once with a
//! [`Verdict`], and what it wants done stands in a list of [`Action`]s that its agent carries out when the call is over. A
//! call is all or nothing: one that ends with a [`Fault`] has asked for nothing.
//!
//! It knows the DC files, ids and messages; no sockets, no configuration and no clock. Time and chance come with each call
//! ([`Moment`]), so that the same calls do the same again.

mod api;
mod args;
mod call;
mod fault;
mod host;
mod json;
mod meter;
mod pattern;
mod sandbox;
mod state;
mod text;
mod values;

pub use call::{
    Action, Call, Client, ClientKey, Event, Hooks, Level, Moment, State, TimerId, Verdict,
};
pub use fault::Fault;
pub use host::{Script, Source};

#[cfg(test)]
mod tests;
