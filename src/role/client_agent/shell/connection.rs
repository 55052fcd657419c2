//! One client's connection.
//!
//! What the core says is written by the core's own task as long as the socket takes it. The
//! connection's task reads, and writes what the socket was too full for. While nothing happens it
//! holds no buffer: most clients are idle most of the time.

use std::io;
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;

use super::reader;
use crate::net::WriteQueue;
use crate::role::client_agent::CloseKind;

/// How long a connection that is being closed may take to flush where nothing else is configured,
/// and how long the client's own last words are waited for.
const LINGER: Duration = Duration::from_secs(2);

/// Limits of what may wait for a client to read it.
#[derive(Copy, Clone, Debug)]
pub struct Limits {
    /// How many bytes; `usize::MAX` is any number.
    pub bytes_max: usize,
    /// For how long the client may read nothing.
    pub stall_max: Option<Duration>,
}

/// The outgoing side of a connection.
#[derive(Debug)]
pub struct Connection {
    socket: OwnedWriteHalf,
    limits: Limits,
    state: Mutex<State>,
    /// Wakes the connection's task: there is something to write or it is to be closed.
    changed: Notify,
    /// Tells the core's task that a connection is no longer crowded.
    eased: Arc<Notify>,
}

#[derive(Debug, Default)]
struct State {
    queue: WriteQueue,
    /// How much of the queue does not count: the initial objects of interests may exceed the limit as
    /// long as the client keeps reading. Never more than is in the queue.
    allowance: usize,
    /// More than half of what is allowed is waiting.
    crowded: bool,
    close: Option<CloseKind>,
}

/// Why a client cannot be written to.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The socket failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Too much is waiting. The wording is what event logs have always had.
    #[error("no buffer space available")]
    Overflow,
}

/// Whether all has been said.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Written {
    /// The socket has it all.
    All,
    /// Some of it waits.
    Partly {
        /// More than half of what may wait does.
        crowded: bool,
    },
}

impl Connection {
    /// The outgoing side of a new connection, and the incoming one.
    pub fn new(stream: TcpStream, limits: Limits, eased: Arc<Notify>) -> (Arc<Self>, OwnedReadHalf) {
        let (incoming, socket) = stream.into_split();
        let state = Mutex::default();
        (Arc::new(Connection { socket, limits, state, changed: Notify::new(), eased }), incoming)
    }

    /// Writes as much of `bytes` as the socket takes and keeps the rest for the connection's task.
    /// `burst` of them do not count towards the limit.
    ///
    /// # Errors
    /// The connection is to be given up.
    pub fn write(&self, bytes: &[u8], burst: usize) -> Result<Written, WriteError> {
        let mut state = self.state.lock();
        if state.close.is_some() {
            return Ok(Written::All);
        }
        let mut rest = bytes;
        if state.queue.is_empty() {
            while !rest.is_empty() {
                match self.socket.try_write(rest) {
                    Ok(count) => rest = &rest[count..],
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error.into()),
                }
            }
            if rest.is_empty() {
                return Ok(Written::All);
            }
            self.changed.notify_one();
        }
        state.queue.push(rest);
        let waiting = state.queue.len();
        state.allowance = (state.allowance + burst).min(waiting);
        let counted = waiting - state.allowance;
        if counted > self.limits.bytes_max {
            return Err(WriteError::Overflow);
        }
        state.crowded = counted > self.limits.bytes_max / 2;
        Ok(Written::Partly { crowded: state.crowded })
    }

    /// Has the connection closed.
    pub fn close(&self, kind: CloseKind) {
        self.state.lock().close.get_or_insert(kind);
        self.changed.notify_one();
    }

    /// Whether more than half of what may wait for the client does.
    pub fn is_crowded(&self) -> bool {
        self.state.lock().crowded
    }

    /// Writes what is waiting; whether that was all.
    fn flush(&self) -> io::Result<bool> {
        let mut state = self.state.lock();
        state.queue.write_with(|bytes| self.socket.try_write(bytes))?;
        let waiting = state.queue.len();
        state.allowance = state.allowance.min(waiting);
        if state.crowded && waiting - state.allowance <= self.limits.bytes_max / 2 {
            state.crowded = false;
            self.eased.notify_one();
        }
        Ok(waiting == 0)
    }

    fn closing(&self) -> Option<CloseKind> {
        self.state.lock().close
    }

    fn is_flushed(&self) -> bool {
        self.state.lock().queue.is_empty()
    }

    /// Does the writing that the core's task could not, until the connection is to be closed, and how.
    ///
    /// # Errors
    /// The connection is to be given up; `TimedOut` if the client has read nothing for too long.
    pub async fn drive(&self) -> io::Result<CloseKind> {
        loop {
            self.changed.notified().await;
            // Boxed, since it is seldom needed and would be carried by every idle connection.
            Box::pin(self.write_waiting()).await?;
            if let Some(kind) = self.closing() {
                return Ok(kind);
            }
        }
    }

    /// Writes until nothing is waiting, or the connection is to be closed at once.
    async fn write_waiting(&self) -> io::Result<()> {
        while !self.is_flushed() {
            if self.closing() == Some(CloseKind::AtOnce) {
                return Ok(());
            }
            let limit = match self.closing() {
                Some(_) => Some(self.limits.stall_max.unwrap_or(LINGER)),
                None => self.limits.stall_max,
            };
            tokio::select! {
                writable = writable_within(&self.socket, limit) => {
                    writable?;
                    self.flush()?;
                }
                () = self.changed.notified() => {}
            }
        }
        Ok(())
    }

    /// Writes `bytes` to a connection that has no session, and closes it in order.
    pub async fn refuse(&self, incoming: &mut OwnedReadHalf, bytes: &[u8]) {
        if self.write(bytes, bytes.len()).is_ok() && self.write_waiting().await.is_ok() {
            self.hang_up(incoming).await;
        }
    }

    /// Ends our side and waits a little for the client to end its own: to close a socket with unread
    /// input would take the last words back from the client.
    pub async fn hang_up(&self, incoming: &mut OwnedReadHalf) {
        if SockRef::from(self.socket.as_ref()).shutdown(Shutdown::Write).is_err() {
            return;
        }
        // If the client does not end it, we do.
        let _ = tokio::time::timeout(LINGER, reader::discard(incoming)).await;
    }
}

async fn writable_within(socket: &OwnedWriteHalf, limit: Option<Duration>) -> io::Result<()> {
    match limit {
        None => socket.writable().await,
        Some(limit) => match tokio::time::timeout(limit, socket.writable()).await {
            Ok(writable) => writable,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        },
    }
}
