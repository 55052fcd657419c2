//! One client's connection.
//!
//! What the core says is written by whoever ends a batch as long as the socket takes it. The
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
use crate::role::client_agent::{CloseKind, Output};
use crate::router::Sink;
use crate::wire::Frame;

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
///
/// What waits here brakes nobody: a client that does not read must not slow down the cluster. It is
/// dropped at its own limits.
#[derive(Debug)]
pub struct Connection {
    socket: OwnedWriteHalf,
    limits: Limits,
    state: Mutex<State>,
    /// Wakes the connection's task: the socket is full, or the connection is to be closed.
    changed: Notify,
}

#[derive(Debug)]
struct State {
    queue: WriteQueue,
    /// How much of the queue does not count: the initial objects of interests may exceed the limit as
    /// long as the client keeps reading. Never more than is in the queue.
    allowance: usize,
    /// The socket was full at the last write: the connection's task goes on when it is not.
    full: bool,
    close: Option<CloseKind>,
    lost: Option<Lost>,
}

/// Why a connection has been given up. The wording is what event logs have always had.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// The socket failed or has ended.
    #[error("{}", describe(.0))]
    Io(#[from] io::Error),
    /// Too much is waiting.
    #[error("no buffer space available")]
    Overflow,
}

fn describe(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "end of file".into(),
        io::ErrorKind::ConnectionReset => "connection reset by peer".into(),
        io::ErrorKind::BrokenPipe => "broken pipe".into(),
        io::ErrorKind::TimedOut => "connection timed out".into(),
        _ => error.to_string(),
    }
}

impl Connection {
    /// The outgoing side of a new connection, and the incoming one.
    pub fn new(stream: TcpStream, limits: Limits) -> (Arc<Self>, OwnedReadHalf) {
        let (incoming, socket) = stream.into_split();
        let state = State {
            queue: WriteQueue::default(),
            allowance: 0,
            full: false,
            close: None,
            lost: None,
        };
        let (state, changed) = (Mutex::new(state), Notify::new());
        (Arc::new(Connection { socket, limits, state, changed }), incoming)
    }

    /// Takes what the core has for the client. It is written when the batch is announced.
    pub fn queue(&self, output: &Output<'_>) {
        let mut state = self.state.lock();
        if state.close.is_some() {
            return;
        }
        state.queue.push(output.bytes);
        state.allowance += output.burst;
        state.close = output.close;
    }

    /// Writes as much as the socket takes, unless it is known to be full; the connection's task does the
    /// rest.
    fn write(&self) {
        let mut state = self.state.lock();
        if state.lost.is_some() {
            return;
        }
        let was_full = state.full;
        let written = match was_full {
            true => Ok(()),
            false => state.write(&self.socket),
        };
        state.lost = written.and_then(|()| state.account(&self.limits)).err();
        if state.full != was_full || state.close.is_some() || state.lost.is_some() {
            self.changed.notify_one();
        }
    }

    fn closing(&self) -> Option<CloseKind> {
        self.state.lock().close
    }

    fn needs_room(&self) -> bool {
        let state = self.state.lock();
        !state.queue.is_empty() && state.lost.is_none()
    }

    /// Does the writing that was left, until the connection is to be closed, and how.
    ///
    /// # Errors
    /// The connection is to be given up; `TimedOut` if the client has read nothing for too long.
    pub async fn drive(&self) -> Result<CloseKind, Lost> {
        loop {
            self.changed.notified().await;
            // Boxed, since it is seldom needed and would be carried by every idle connection.
            Box::pin(self.write_waiting()).await?;
            let mut state = self.state.lock();
            if let Some(lost) = state.lost.take() {
                return Err(lost);
            }
            if let Some(kind) = state.close {
                return Ok(kind);
            }
        }
    }

    /// Writes until nothing is waiting, or the connection is to be closed at once.
    async fn write_waiting(&self) -> Result<(), Lost> {
        while self.needs_room() {
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
                    self.state.lock().full = false;
                    self.write();
                }
                () = self.changed.notified() => {}
            }
        }
        Ok(())
    }

    /// Writes `bytes` to a connection that has no session, and closes it in order.
    pub async fn refuse(&self, incoming: &mut OwnedReadHalf, bytes: &[u8]) {
        self.queue(&Output {
            bytes,
            burst: bytes.len(),
            pause_until: None,
            close: Some(CloseKind::Flushed),
        });
        self.write();
        if self.write_waiting().await.is_ok() {
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

impl State {
    fn write(&mut self, socket: &OwnedWriteHalf) -> Result<(), Lost> {
        self.queue.write_with(|bytes| socket.try_write(bytes))?;
        self.full = !self.queue.is_empty();
        Ok(())
    }

    /// Holds what is waiting against what may wait.
    fn account(&mut self, limits: &Limits) -> Result<(), Lost> {
        let waiting = self.queue.len();
        self.allowance = self.allowance.min(waiting);
        let counted = waiting - self.allowance;
        if counted > limits.bytes_max && self.close.is_none() {
            return Err(Lost::Overflow);
        }
        Ok(())
    }
}

impl Sink for Connection {
    /// Clients get no datagrams of the cluster.
    fn push(&self, _frame: Frame<'_>) {}

    fn announce(&self) {
        self.write();
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
