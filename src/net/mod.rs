//! Sockets ↔ frames: listening, connecting, batched reading, coalesced writing.
//!
//! Knows bytes and frames, not messages.

mod outbound;
pub mod proxy_protocol;
mod read;
mod tcp;
mod write_queue;

pub use outbound::{Closed, Outbound};
pub use read::{FrameReader, Incoming};
pub use tcp::{abort_on_close, bind, connect, end, set_options};
pub use write_queue::WriteQueue;
