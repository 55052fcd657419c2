//! Whole daemons over real sockets: each test starts one (or a few) and talks to it as its peers do.
//!
//! One file a role; `bugs.rs` holds what Astron gets wrong and this daemon must not. A test's name is
//! the behaviour that it pins. [`harness`] has the peers, `world.dc` the classes.
//!
//! `DONET_BIN=FILE cargo test --test it` runs them against another executable file.

mod bugs;
mod client_agent;
mod console;
mod database;
mod db_state_server;
#[cfg(feature = "demo")]
mod demo;
mod event_logger;
mod files;
mod gaps;
mod harness;
mod last_words;
mod logs;
mod message_director;
mod metrics;
mod panda3d;
mod returning;
mod spoken_for;
mod state_server;
mod tidy;
mod tls;
mod trace;
mod upheavals;
mod upstream;
mod upstream_losses;
mod websocket;
