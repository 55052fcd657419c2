//! The beginning of TLS: until both ends have the same keys.
//!
//! What costs in it, a signature above all, is reckoned by threads beside the one that serves sockets, for few connections
//! at a time; the others wait for their turn. Whoever has to wait for its peer takes no turn.

use std::future::poll_fn;
use std::io;

use tokio::sync::Semaphore;

use super::stream::{Below, Session, TlsStream};
use super::words::words;
use crate::net::{HalfOpen, Stranger, TooMany};

/// For how many connections handshakes are reckoned at the same time.
static WORKPLACES: Semaphore = Semaphore::const_new(2);
/// What is read at a time.
const READ_BYTES: usize = 16 * 1024;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The peer has gone, or cannot be reached any more.
    #[error("{}", of_io(.0))]
    Io(#[from] io::Error),
    /// What it speaks is something else: its first bytes.
    #[error("it does not speak TLS{}", of_first(.0))]
    NotTls(Vec<u8>),
    /// They cannot agree.
    #[error("{}", words(.0))]
    Tls(#[from] rustls::Error),
    /// It has had to give way.
    #[error(transparent)]
    TooMany(#[from] TooMany),
}

fn of_io(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "it hung up in the middle of the handshake".into(),
        _ => crate::net::words(error),
    }
}

fn of_first(bytes: &[u8]) -> String {
    match Stranger::recognise(bytes) {
        Some(Stranger::Http) => ", but HTTP".into(),
        Some(Stranger::Ssh) => ", but SSH".into(),
        Some(Stranger::ProxyHeader) => ", but begins with a PROXY header".into(),
        Some(Stranger::Tls) | None => {
            let first = &bytes[..bytes.len().min(12)];
            format!("; its first bytes are {}", first.escape_ascii())
        }
    }
}

/// Does the handshake over `below`, of which `first` has been read already.
///
/// # Errors
/// Why it failed; the peer has been told, as far as it can be.
pub(super) async fn shake<S: Below>(
    below: S,
    tls: rustls::Connection,
    first: Vec<u8>,
    half_open: &HalfOpen,
) -> Result<TlsStream<S>, Failure> {
    let entry = half_open.enter();
    let is_server = matches!(tls, rustls::Connection::Server(_));
    let (mut session, mut bytes) = (Session::new(tls), first);
    let mut is_first = true;
    loop {
        while !session.flush(&below)? {
            entry.wait(poll_fn(|context| below.poll_room(context))).await??;
        }
        if !session.tls.is_handshaking() {
            return Ok(TlsStream::new(below, session));
        }
        if bytes.is_empty() {
            let read = poll_fn(|context| below.poll_read(context, &mut bytes, READ_BYTES));
            if entry.wait(read).await?? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
        // Otherwise rustls would wait for a record that is as long as these bytes happen to say.
        if std::mem::take(&mut is_first) && is_server && !begins_like_tls(&bytes) {
            return Err(Failure::NotTls(bytes));
        }
        let outcome;
        (session, outcome) = reckon(session, std::mem::take(&mut bytes)).await?;
        if let Err(error) = outcome {
            // It is told why, if there is room for that.
            let _ = session.flush(&below);
            return Err(error.into());
        }
    }
}

/// `22 | version 3.x`: a record of a handshake.
const fn begins_like_tls(bytes: &[u8]) -> bool {
    matches!(bytes, [] | [22] | [22, 3, ..])
}

/// Takes what has come, when it is its turn.
async fn reckon(
    mut session: Session,
    bytes: Vec<u8>,
) -> io::Result<(Session, Result<(), rustls::Error>)> {
    let _workplace = WORKPLACES.acquire().await.map_err(io::Error::other)?;
    let work = tokio::task::spawn_blocking(move || {
        let outcome = session.decrypt_for_later(&bytes);
        (session, outcome)
    });
    work.await.map_err(io::Error::other)
}
