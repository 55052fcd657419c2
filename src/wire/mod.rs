//! Bytes ↔ frames and datagram envelopes.
//!
//! Everything on the wire is little-endian, unaligned and contiguous. A **frame** is a length tag and
//! a datagram; a server **datagram** is an [`Envelope`]: recipients, sender, message type, body. This
//! module knows no message: bodies are [`crate::message`]'s.
//!
//! Input is read through [`Reader`], which checks every length; output is appended to a plain
//! `Vec<u8>` through [`Writer`], so that a buffer can be reused for any number of frames.

mod envelope;
mod frame;
mod framing;
mod reader;
mod sent;
pub mod websocket;
mod writer;

pub use envelope::{CONTROL_HEAD, Envelope, Recipients};
pub use frame::{Frame, FrameError, Frames, Run, Runs, write_frame};
pub use framing::{Assembler, Datagrams, Framing, TooLong};
pub use reader::{Error, Reader};
pub use sent::{AllSent, Sent};
pub use writer::Writer;
