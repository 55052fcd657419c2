//! What a fuzz target does with its input: whatever the bytes are, nothing may panic, hang or
//! contradict itself.
//!
//! Two programs use it: the targets of `cargo fuzz`, which look for such inputs, and
//! `tests/fuzz_corpus.rs`, which replays those that were kept.

mod cluster;
mod database;
mod input;
mod objects;
mod sessions;
mod websocket;
mod wire;

pub use database::database;
pub use objects::{db_state_server, state_server};
pub use sessions::{client_agent, otp, panda3d};
pub use websocket::websocket;
pub use wire::{event_log, frames, messages, proxy_protocol};

/// A DC file, and after a zero byte values of its fields.
pub fn dc(input: &[u8]) {
    dclass::fuzz(input);
}
