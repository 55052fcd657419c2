//! A socket as hyper reads and writes it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::time::Sleep;

use crate::net::{Socket, Stream};

/// The most that is read at a time.
const READ_BYTES: usize = 16 * 1024;

/// A peer that takes nothing for so long is given up: what is to be written to it is memory.
const STALL_MAX: Duration = Duration::from_secs(30);

/// A socket, encrypted or not.
#[derive(Debug)]
pub struct HttpStream {
    socket: Socket,
    /// Until when the peer has to take something of what waits for it.
    stall: Option<Pin<Box<Sleep>>>,
    /// What has been read and not been handed on: nothing between two reads.
    read: Vec<u8>,
}

impl HttpStream {
    /// Over a socket.
    pub const fn new(socket: Socket) -> Self {
        HttpStream { socket, stall: None, read: Vec::new() }
    }
}

impl HttpStream {
    /// Waits for room, but not for ever.
    fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Poll::Ready(room) = self.socket.poll_room(context) {
            self.stall = None;
            return Poll::Ready(room);
        }
        let stall = self.stall.get_or_insert_with(|| Box::pin(tokio::time::sleep(STALL_MAX)));
        ready!(stall.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl Read for HttpStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let HttpStream { socket, read, .. } = &mut *self;
        let limit = buffer.remaining().min(READ_BYTES);
        if limit == 0 {
            return Poll::Ready(Ok(()));
        }
        read.clear();
        ready!(socket.poll_read(context, read, limit))?;
        buffer.put_slice(read);
        Poll::Ready(Ok(()))
    }
}

impl Write for HttpStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            match self.socket.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.poll_room(context))?;
                }
                written => return Poll::Ready(written),
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.socket.holds_back() {
            ready!(self.poll_room(context))?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(context))?;
        Poll::Ready(self.socket.end())
    }
}
