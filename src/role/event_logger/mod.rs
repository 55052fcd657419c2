//! The event logger: writes events that arrive over UDP as lines of JSON into a file.
//!
//! One packet is one MessagePack map, and becomes one line; what is no map is dropped and reported.
//! The role has no channels and knows no messages. A new file is begun at the start and, if the
//! configuration says so, at regular times of the day; a file that exists is continued.
//!
//! Who fills the queue: senders, by way of the kernel's socket buffer. When that is full because the
//! disk is slower than they are, the kernel drops what comes next, as UDP does anywhere else.

mod core;
mod json;
mod shell;

pub use json::{PacketError, write_entries};
pub use shell::{BindError, EventLogger, check_output, start};

#[cfg(test)]
mod tests;
