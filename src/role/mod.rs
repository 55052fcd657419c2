//! The roles: pure state machines in thin shells.
//!
//! Each role has a `core`, which is synchronous and knows no socket, clock or task, and a `shell`, the
//! task that owns inbox, timers and I/O. The core appends what it wants done to [`Effects`]; the shell
//! applies them in order. A role never uses another role.

pub mod client_agent;
pub mod database;
pub mod db_state_server;
mod effects;
pub mod event_logger;
pub mod message_director;
pub mod state_server;

pub use effects::{Effect, Effects};
