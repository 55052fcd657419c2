//! The roles: pure state machines in thin shells.
//!
//! Each role has a `core`, which is synchronous and knows no socket, clock or task, and a `shell`, which
//! owns timers, sockets and backends, and lends the core to the router. The core appends what it
//! wants done to [`Effects`], which the router applies. A role never uses another role.

pub mod client_agent;
pub mod database;
pub mod db_state_server;
pub mod event_logger;
pub mod message_director;
pub mod state_server;

pub use crate::router::{Effect, Effects};
