//! Lua scripts of client agents: what a game's own file says about its clients, without a server of its own.
//!
//! A [`Script`] is called in the place where something happens, while the router is locked. It answers at once with a
//! [`Verdict`], and what it wants done stands in a list of [`Action`]s that its agent carries out when the call is over. A
//! call is all or nothing: one that ends with a [`Fault`] has asked for nothing.
//!
//! It knows the DC files, ids and messages; no sockets and no configuration. Time and chance come with each call ([`Moment`]), so
//! that the same calls do the same again. There is one clock, which ends a call that takes long without many instructions.

#[cfg(not(feature = "lua"))]
mod absent;
#[cfg(feature = "lua")]
mod api;
#[cfg(feature = "lua")]
mod args;
mod call;
#[cfg(feature = "lua")]
mod errors;
mod fault;
#[cfg(feature = "lua")]
mod host;
#[cfg(feature = "lua")]
mod json;
#[cfg(feature = "lua")]
mod meter;
#[cfg(feature = "lua")]
mod pattern;
#[cfg(feature = "lua")]
mod sandbox;
mod source;
#[cfg(feature = "lua")]
mod state;
#[cfg(feature = "lua")]
mod text;
#[cfg(feature = "lua")]
mod values;

#[cfg(not(feature = "lua"))]
pub use absent::Script;
pub use call::{
    Action, Call, Client, ClientKey, Event, Hooks, Level, Moment, State, TimerId, Verdict,
};
pub use fault::Fault;
#[cfg(feature = "lua")]
pub use host::Script;
pub use source::Source;

#[cfg(all(test, feature = "lua"))]
mod tests;
