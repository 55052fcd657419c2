//! TLS: between a connection and its socket, by rustls, which is driven here without anybody's asynchronous wrapper.
//!
//! A [`TlsStream`] is a [`Stream`](super::Stream) over another one. It begins when its handshake is done, in the task of
//! its connection, before anything else is known of the peer.

mod files;
mod handshake;
mod keeper;
mod server;
mod stream;
#[cfg(test)]
mod tests;
mod words;
mod x509;

pub use files::{Flaw, Flaws};
pub use handshake::Failure;
pub use keeper::{Tls, check_certificates, look_at};
pub use stream::{Below, TlsStream};
