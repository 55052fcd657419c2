//! The beginning of a WebSocket: a request of HTTP and its answer (RFC 6455, section 4). What comes after that is
//! [`wire::websocket`](crate::wire::websocket)'s.
//!
//! It is done in the task of its connection, before anything else is known of the peer, as the handshake of TLS is, and
//! bounded as that: in time by whoever calls, in bytes, and in number by [`HalfOpen`].

mod forwarded;
mod request;
#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::io;
use std::net::IpAddr;

pub use request::{Accepted, Refusal, read as read_request};

use super::{HalfOpen, Stranger, Stream, TooMany, words};
use crate::config::WebSocketConfig;

/// The longest request: browsers send cookies along.
const REQUEST_BYTES_MAX: usize = 16 * 1024;
/// What is read of it at a time: there is memory for so much although little may come, and very many may wait.
const READ_BYTES_MAX: usize = 2 * 1024;
/// What ends it.
const END: &[u8] = b"\r\n\r\n";

/// Why there is no WebSocket.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The peer has gone, or cannot be reached any more.
    #[error("{}", of_io(.0))]
    Io(#[from] io::Error),
    /// What it speaks is something else: its first bytes.
    #[error("it does not speak HTTP{}", of_first(.0))]
    NotHttp(Vec<u8>),
    /// It is answered with an error.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// It has had to give way.
    #[error(transparent)]
    TooMany(#[from] TooMany),
}

fn of_io(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "it hung up in the middle of the request".into(),
        _ => words(error),
    }
}

fn of_first(bytes: &[u8]) -> String {
    match Stranger::recognise(bytes) {
        Some(Stranger::Tls) => ", but TLS, and there is no websocket.tls".into(),
        Some(Stranger::Ssh) => ", but SSH".into(),
        Some(Stranger::ProxyHeader) => ", but begins with a PROXY header".into(),
        Some(Stranger::Http) | None => {
            let first = &bytes[..bytes.len().min(12)];
            format!("; its first bytes are {}", first.escape_ascii())
        }
    }
}

impl Failure {
    /// What the peer understands before it is hung up on, if anything.
    pub fn farewell(&self) -> Option<Vec<u8>> {
        match self {
            Failure::Refused(refusal) => Some(refusal.answer()),
            Failure::NotHttp(bytes) => {
                let stranger = Stranger::recognise(bytes)?;
                stranger.farewell(b"").map(<[u8]>::to_vec)
            }
            Failure::Io(_) | Failure::TooMany(_) => None,
        }
    }
}

/// What somebody is told for whom there is no place.
pub fn no_place() -> Vec<u8> {
    Refusal::no_place().answer()
}

/// What somebody is told who asks when the server ends.
pub fn stopping(is_back_soon: bool) -> Vec<u8> {
    Refusal::stopping(is_back_soon).answer()
}

/// What somebody is told who may not come in.
pub fn banned() -> Vec<u8> {
    Refusal::banned().answer()
}

/// Reads the request while `may_read` says so, of which `bytes` have come already; what comes after it is left there.
/// `peer` is who connects, if that is an address.
///
/// # Errors
/// Why there is no WebSocket.
pub async fn accept(
    stream: &impl Stream,
    bytes: &mut Vec<u8>,
    config: &WebSocketConfig,
    peer: Option<IpAddr>,
    half_open: &HalfOpen,
    may_read: impl Fn() -> bool,
) -> Result<Accepted, Failure> {
    let entry = half_open.enter();
    let mut looked_at: usize = 0;
    loop {
        // Other protocols are told from it before their peers wait for an answer.
        if bytes.first().is_some_and(|first| !first.is_ascii_uppercase()) {
            return Err(Failure::NotHttp(std::mem::take(bytes)));
        }
        // It is read once, when it has come whole, however small its pieces are.
        let from = looked_at.saturating_sub(END.len() - 1);
        if let Some(end) = bytes[from..].windows(END.len()).position(|window| window == END) {
            let length = from + end + END.len();
            let accepted = request::read(&bytes[..length], config, peer)?;
            bytes.drain(..length);
            return Ok(accepted);
        }
        looked_at = bytes.len();
        if looked_at >= REQUEST_BYTES_MAX {
            return Err(Refusal::too_long(REQUEST_BYTES_MAX).into());
        }
        if !may_read() {
            return Err(Refusal::too_slow().into());
        }
        let left = READ_BYTES_MAX.min(REQUEST_BYTES_MAX - looked_at);
        let read = poll_fn(|context| stream.poll_read(context, bytes, left));
        if entry.wait(read).await?? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
}
