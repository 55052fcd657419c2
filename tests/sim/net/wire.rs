//! An end of a connection, for a daemon.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use donet::net::{Line, Liveness, Question, Signs, Stream};
use parking_lot::Mutex;
use tokio::time::{Instant, Sleep, sleep_until};

use super::pipe::Last;
use super::{CAPACITY, End, Read};

/// An end that somebody waits for.
pub struct Wire {
    end: End,
    /// Goes off when the next bytes arrive.
    alarm: Mutex<Option<Pin<Box<Sleep>>>>,
    is_aborted: AtomicBool,
}

impl Wire {
    pub fn new(end: End) -> Self {
        Wire { end, alarm: Mutex::new(None), is_aborted: AtomicBool::new(false) }
    }

    /// Whether it is time, where `at` is when something arrives.
    fn poll_alarm(&self, context: &mut Context<'_>, at: Instant) -> Poll<()> {
        let mut alarm = self.alarm.lock();
        let sleep = alarm.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if sleep.deadline() != at {
            sleep.as_mut().reset(at);
        }
        sleep.as_mut().poll(context)
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, side {}", self.end.link, self.end.side)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.end.close(self.is_aborted.load(Ordering::Relaxed));
    }
}

impl Stream for Wire {
    fn poll_read(
        &self,
        context: &mut Context<'_>,
        buffer: &mut Vec<u8>,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        loop {
            match self.end.read(buffer, limit) {
                Read::Bytes(count) => return Poll::Ready(Ok(count)),
                Read::End => return Poll::Ready(Ok(0)),
                Read::Lost(kind) => return Poll::Ready(Err(kind.into())),
                Read::Nothing(next) => {
                    self.end.net.with(|shared, _| {
                        let pipes = &mut shared.links[self.end.link.0].pipes;
                        pipes[1 - self.end.side].reader = Some(context.waker().clone());
                    });
                    match next {
                        Some(at) if self.poll_alarm(context, at).is_ready() => {}
                        _ => return Poll::Pending,
                    }
                }
            }
        }
    }

    fn has_unread(&self) -> bool {
        let now = Instant::now();
        self.end.net.with(|shared, _| {
            shared.links[self.end.link.0].pipes[1 - self.end.side].has_unread(now)
        })
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self.end.write(bytes)? {
            0 if !bytes.is_empty() => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }

    fn poll_room(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end.net.with(|shared, _| {
            let pipe = &mut shared.links[self.end.link.0].pipes[self.end.side];
            if !pipe.is_full() {
                return Poll::Ready(Ok(()));
            }
            pipe.writer = Some(context.waker().clone());
            Poll::Pending
        })
    }

    fn end(&self) -> io::Result<()> {
        self.end.end(Last::End);
        Ok(())
    }

    fn abort_on_close(&self) {
        self.is_aborted.store(true, Ordering::Relaxed);
    }
}

impl Line for Wire {
    fn is_here(&self) -> bool {
        false
    }

    fn signs(&self) -> Signs {
        self.end.net.with(|shared, _| {
            let link = &shared.links[self.end.link.0];
            match (link.broken, link.silent) {
                (Some(_), _) => Signs::Ended,
                (None, Some(since)) => Signs::Open { heard: since.elapsed() },
                (None, None) => Signs::Open { heard: Duration::ZERO },
            }
        })
    }

    fn ask(&self, _liveness: Liveness) -> Question<'_> {
        Question::NONE
    }
}

impl donet::net::Wire for Wire {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.end.address())
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.end.peer())
    }

    fn set_liveness(&self, _liveness: Liveness) {}

    fn unacknowledged_bytes(&self) -> usize {
        CAPACITY
    }
}
