//! A connection for tests, whose peer writes and then goes.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use parking_lot::Mutex;

use super::{Line, Liveness, Question, Signs, Stream, Wire};

/// This daemon's end of it.
#[derive(Clone, Debug, Default)]
pub struct Torn {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    unread: VecDeque<u8>,
    written: usize,
    has_gone: bool,
    is_silent: bool,
    reader: Option<Waker>,
}

impl Torn {
    /// The peer writes.
    pub fn come(&self, bytes: &[u8]) {
        let mut state = self.state.lock();
        state.unread.extend(bytes);
        state.reader.take().into_iter().for_each(Waker::wake);
    }

    /// The peer goes. Nobody who only waits for input is told so, but whoever writes is.
    pub fn tear(&self) {
        self.state.lock().has_gone = true;
    }

    /// The peer is elsewhere, and acknowledges nothing any more.
    pub fn fall_silent(&self) {
        self.state.lock().is_silent = true;
    }

    /// How many bytes the peer has been sent.
    pub fn written(&self) -> usize {
        self.state.lock().written
    }

    /// How many bytes lie in the socket.
    pub fn unread(&self) -> usize {
        self.state.lock().unread.len()
    }
}

impl Stream for Torn {
    fn poll_read(
        &self,
        context: &mut Context<'_>,
        buffer: &mut Vec<u8>,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        let mut state = self.state.lock();
        let count = limit.min(state.unread.len());
        if count == 0 && !state.has_gone {
            state.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        buffer.extend(state.unread.drain(..count));
        Poll::Ready(Ok(count))
    }

    fn has_unread(&self) -> bool {
        let state = self.state.lock();
        state.has_gone || !state.unread.is_empty()
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.state.lock();
        if state.has_gone {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        state.written += bytes.len();
        Ok(bytes.len())
    }

    fn poll_room(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn end(&self) -> io::Result<()> {
        Ok(())
    }

    fn abort_on_close(&self) {}
}

impl Line for Torn {
    fn is_here(&self) -> bool {
        !self.state.lock().is_silent
    }

    fn signs(&self) -> Signs {
        match self.state.lock().is_silent {
            false => Signs::Unknown,
            true => Signs::Open { heard: Duration::from_secs(3600) },
        }
    }

    fn ask(&self, _: Liveness) -> Question<'_> {
        Question::NONE
    }
}

impl Wire for Torn {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(SocketAddr::from(([127, 0, 0, 1], 7199)))
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(SocketAddr::from(([127, 0, 0, 1], 7198)))
    }

    fn set_liveness(&self, _: Liveness) {}

    fn unacknowledged_bytes(&self) -> usize {
        0
    }
}
