//! Sockets ↔ frames: listening, connecting, batched reading, coalesced writing.
//!
//! Knows bytes and frames, not messages. A [`Connection`] has two axes: the [`Stream`] that carries its bytes, and
//! the [`Framing`](crate::wire::Framing) of whoever reads and fills it. Streams come from a [`Network`].

mod connection;
mod half_open;
mod last_words;
mod listener;
mod merging;
mod network;
mod passed;
mod policy;
pub mod proxy_protocol;
mod pulse;
mod sieve;
#[cfg(target_os = "linux")]
mod sock_diag;
mod spares;
mod stranger;
mod stream;
mod tcp;
#[cfg(test)]
mod tests;
pub mod tls;
#[cfg(test)]
pub mod torn;
pub mod websocket;
mod wide;
mod words;
mod write_queue;

pub use connection::{Close, Connection, LAST_BYTES_MAX, Lost};
pub use half_open::{HalfOpen, TooMany};
pub use last_words::LastWords;
pub use listener::Listener;
pub use merging::{Merging, Sorted, Sorter};
pub use network::{Accept, Connecting, Dialler, Ends, Inherited, Network, Socket, Tcp, Wire};
pub use passed::Passed;
pub use policy::{ClientLimits, Policy};
pub use pulse::{Examination, Signs, Verdict};
pub use sieve::Sieve;
pub use spares::Spares;
pub use stranger::Stranger;
pub use stream::Stream;
pub use tcp::{Line, Liveness, Question, within};
pub use words::{CLOSED, end_of_file, logged, reason, words};
pub use write_queue::WriteQueue;
