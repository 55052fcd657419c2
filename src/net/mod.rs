//! Sockets ↔ frames: listening, connecting, batched reading, coalesced writing.
//!
//! Knows bytes and frames, not messages. A [`Connection`] has two axes: the [`Stream`] that carries its bytes, and
//! the [`Framing`](crate::wire::Framing) of whoever reads and fills it.

mod connection;
mod listener;
pub mod proxy_protocol;
mod pulse;
#[cfg(target_os = "linux")]
mod sock_diag;
mod spares;
mod stream;
mod tcp;
#[cfg(test)]
mod tests;

mod write_queue;

pub use connection::{ClientLimits, Close, Connection, Lost, Policy};
pub use listener::Listener;
pub use pulse::{Examination, Signs, Verdict};
pub use spares::Spares;
pub use stream::Stream;
pub use tcp::{Line, Liveness, Question, connect, within};
pub use write_queue::WriteQueue;
