//! The outgoing side of a link to another daemon or an AI.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::WriteQueue;
use crate::router::{Gauge, Sink};
use crate::wire::{Frame, Frames};

/// Why a link's outgoing side has ended.
#[derive(Debug, thiserror::Error)]
pub enum Closed {
    /// The socket failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// More bytes are waiting than the limit allows.
    #[error("the peer reads too slowly: {0} bytes are waiting")]
    TooSlow(usize),
    /// The peer has taken nothing for this long, although there was something to take.
    #[error("the peer has read nothing for {} s", .0.as_secs())]
    Stalled(Duration),
}

/// What waits to be written to a socket.
///
/// Filled by whoever routes. Whoever ends a batch writes to the socket itself, so that an idle link
/// needs no wake-up; only when the socket is full does [`Outbound::drive`] go on, as soon as it can.
/// Above its mark the queue brakes the sockets that feed it; above `bytes_max`, or when the peer
/// takes nothing for `stall_max`, the link is given up, since nothing may be dropped silently.
#[derive(Debug)]
pub struct Outbound {
    stream: Arc<TcpStream>,
    state: Mutex<State>,
    /// Wakes [`Outbound::drive`]: the socket is full, or the link has ended.
    changed: Notify,
    bytes_max: usize,
    stall_max: Option<Duration>,
}

#[derive(Debug)]
struct State {
    queue: WriteQueue,
    gauge: Gauge,
    /// The socket was full at the last write: pushing must not try again before it is writable.
    full: bool,
    closed: Option<Closed>,
}

impl Outbound {
    /// The outgoing side of `stream`.
    pub fn new(
        stream: Arc<TcpStream>,
        gauge: Gauge,
        bytes_max: usize,
        stall_max: Option<Duration>,
    ) -> Self {
        let state = State { queue: WriteQueue::default(), gauge, full: false, closed: None };
        Outbound { stream, state: Mutex::new(state), changed: Notify::new(), bytes_max, stall_max }
    }

    /// Appends bytes of whole frames; they go out at the next [`Sink::announce`].
    pub fn push_bytes(&self, bytes: &[u8]) {
        let mut state = self.state.lock();
        if state.closed.is_some() {
            return;
        }
        state.queue.push(bytes);
        let waiting = state.queue.len();
        state.gauge.set(waiting);
        if waiting > self.bytes_max {
            state.close(Closed::TooSlow(waiting));
            self.changed.notify_one();
        }
    }

    /// Writes what the socket was too full for, until the link ends; why it did.
    pub async fn drive(&self) -> Closed {
        loop {
            self.changed.notified().await;
            while self.needs_room() {
                tokio::select! {
                    room = self.wait_for_room() => match room {
                        Ok(()) => self.write(),
                        Err(closed) => self.state.lock().close(closed),
                    },
                    // Whoever pushes may give the link up in the meantime.
                    () = self.changed.notified() => {}
                }
            }
            let closed = self.state.lock().take_closed();
            if let Some(closed) = closed {
                return closed;
            }
        }
    }

    /// Waits until everything that was pushed has been handed to the socket, or the link has ended.
    pub async fn flushed(&self) {
        while self.needs_room() {
            if self.wait_for_room().await.is_err() {
                return;
            }
            self.write();
        }
    }

    fn needs_room(&self) -> bool {
        let state = self.state.lock();
        state.full && state.closed.is_none()
    }

    async fn wait_for_room(&self) -> Result<(), Closed> {
        match self.stall_max {
            None => Ok(self.stream.writable().await?),
            Some(limit) => match tokio::time::timeout(limit, self.stream.writable()).await {
                Ok(writable) => Ok(writable?),
                Err(_) => Err(Closed::Stalled(limit)),
            },
        }
    }

    fn write(&self) {
        let mut state = self.state.lock();
        if state.closed.is_some() {
            return;
        }
        match state.queue.write_with(|bytes| self.stream.try_write(bytes)) {
            Ok(_) => {
                state.full = !state.queue.is_empty();
                let waiting = state.queue.len();
                state.gauge.set(waiting);
            }
            Err(error) => state.close(error.into()),
        }
        if state.full || state.closed.is_some() {
            self.changed.notify_one();
        }
    }
}

impl State {
    fn close(&mut self, why: Closed) {
        if self.closed.is_none() {
            self.closed = Some(why);
            self.queue.clear();
            self.gauge.set(0);
            self.full = false;
        }
    }

    /// Why the link has ended, if it has. Whatever is pushed from then on goes nowhere.
    fn take_closed(&mut self) -> Option<Closed> {
        let closed = self.closed.take()?;
        self.closed = Some(Closed::Io(io::ErrorKind::BrokenPipe.into()));
        Some(closed)
    }
}

impl Sink for Outbound {
    #[inline]
    fn push(&self, frame: Frame<'_>) {
        self.push_bytes(frame.bytes());
    }

    fn push_all(&self, frames: Frames<'_>) {
        self.push_bytes(frames.remaining());
    }

    fn announce(&self) {
        if !self.state.lock().full {
            self.write();
        }
    }
}
