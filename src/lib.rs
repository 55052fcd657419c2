//! donet, a server daemon for massively multiplayer games: a drop-in replacement for Astron.
//!
//! The map, in the direction in which data flows. A module uses only what stands above it;
//! `net`, `store`, `banlist`, `config`, `control`, `credentials`, `finding`,
//! `metrics`, `platform`, `readiness` and `yaml` stand beside the line.

// What only those parts use that have been left out.
#![cfg_attr(
    not(all(feature = "mysql", feature = "postgres", feature = "top")),
    allow(dead_code, unused_variables)
)]

pub mod banlist;
pub mod cli;
pub mod config;
pub mod console;
pub mod control;
pub mod credentials;
pub mod daemon;
#[cfg(feature = "demo")]
pub mod demo;
pub mod event;
#[cfg(test)]
mod fault;
pub mod finding;
pub mod hash;
pub mod ids;
pub mod message;
pub mod metrics;
pub mod net;
pub mod object;
pub mod platform;
pub mod readiness;
pub mod recent;
pub mod role;
pub mod router;
#[cfg(feature = "lua")]
pub mod script;
pub mod store;
pub mod telemetry;
pub mod trace;
pub mod wire;
pub mod yaml;
